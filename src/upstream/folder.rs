//! A folder of packages, served as if it were a registry.
//!
//! Every folder below it with a name and a version in its package.json is one
//! published version (any depth, `node_modules` skipped), and so is every
//! `.tgz`. Packing gives the same bytes on every machine, so that their
//! integrity can stand in a lockfile. It knows no URL and no request: the
//! gateway makes packuments of this, `inspect` prints the integrities.

use super::{Store, UpstreamError, archive};
use crate::project::integrity::Digests;
use crate::project::name::PackageName;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most bytes that one package may have, unpacked.
const MAX_PACKAGE: u64 = 512 << 20;
/// The most bytes of a package.json.
const MAX_MANIFEST: u64 = 4 << 20;
/// The most files of one package, and the most folders that are searched.
const MAX_ENTRIES: usize = 200_000;

/// One version, packed.
#[derive(Debug, Clone)]
pub struct PackedVersion {
    /// Where it came from: the folder or the `.tgz`.
    pub from: PathBuf,
    /// Its name.
    pub name: PackageName,
    /// Its version, as written.
    pub version: String,
    /// Its package.json.
    pub manifest: Value,
    /// Digests of `tarball`; [`Digests::sri`] is what belongs into a lockfile.
    pub digests: Digests,
    /// The gzipped tarball.
    pub tarball: Vec<u8>,
}

/// One version of a served folder; its bytes are in the store.
#[derive(Debug, Clone)]
pub struct ServedVersion {
    /// Its version, as written.
    pub version: String,
    /// Its package.json.
    pub manifest: Value,
    /// `sha512-…` of its tarball.
    pub sha512: String,
    /// Hexadecimal sha1 of its tarball.
    pub shasum: String,
    /// It has a lifecycle script of install, or an implied one.
    pub has_install_script: bool,
}

/// A folder, read once for the invocation.
#[derive(Debug, Default)]
pub struct ServedFolder {
    /// By name, then in the order they were found (paths, ordered).
    pub packages: BTreeMap<PackageName, Vec<ServedVersion>>,
}

impl ServedFolder {
    /// Packs everything below `folder` into the store.
    pub fn read(folder: &Path, store: &Store) -> Result<Self, UpstreamError> {
        let mut served = Self::default();
        for from in published(folder)? {
            let packed = packed_from(&from)?;
            store.insert(&packed.tarball)?;
            let versions = served.packages.entry(packed.name).or_default();
            if versions.iter().any(|known| known.version == packed.version) {
                return Err(UpstreamError::Folder {
                    path: from,
                    what: format!("version {} is published twice in the served folder", packed.version),
                });
            }
            versions.push(ServedVersion {
                version: packed.version,
                has_install_script: has_install_script(&packed.manifest),
                manifest: packed.manifest,
                sha512: packed.digests.sri(),
                shasum: crate::evidence::tree::hex(&packed.digests.sha1),
            });
        }
        Ok(served)
    }
}

/// Folders and `.tgz` files below `folder` that are published versions, ordered by path.
pub fn published(folder: &Path) -> Result<Vec<PathBuf>, UpstreamError> {
    let mut found = Vec::new();
    let walk = walkdir::WalkDir::new(folder).min_depth(1).max_depth(32).sort_by_file_name().into_iter();
    for (at, entry) in walk.filter_entry(|entry| entry.depth() == 0 || !is_skipped(entry)).enumerate() {
        if at >= MAX_ENTRIES {
            return Err(unfit(folder, "more files than a served folder may have"));
        }
        let entry = entry.map_err(|error| unreadable(folder, error.into()))?;
        let kind = entry.file_type();
        if kind.is_file() && entry.path().extension().is_some_and(|end| end == "tgz") {
            found.push(entry.into_path());
        } else if kind.is_dir() {
            let manifest = entry.path().join("package.json");
            // A nested package.json that only sets `type` is a file of its package, no version.
            if manifest.is_file()
                && identity(&parse(&manifest, &read_file(&manifest, MAX_MANIFEST)?)?).is_some()
            {
                found.push(entry.into_path());
            }
        }
    }
    Ok(found)
}

/// One of [`published`]: a folder is packed, a `.tgz` is taken as it is.
pub fn packed_from(path: &Path) -> Result<PackedVersion, UpstreamError> {
    if path.is_dir() { pack(path) } else { take(path) }
}

/// Packs a folder that has a package.json with a name and a version.
pub fn pack(folder: &Path) -> Result<PackedVersion, UpstreamError> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut total = 0;
    let walk = walkdir::WalkDir::new(folder).min_depth(1).max_depth(64).into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_skipped(entry)) {
        let entry = entry.map_err(|error| unreadable(folder, error.into()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let relative = entry.path().strip_prefix(folder).ok().and_then(Path::to_str);
        let relative = relative.ok_or_else(|| unfit(entry.path(), "a name that is not UTF-8"))?;
        let bytes = read_file(entry.path(), MAX_PACKAGE - total)?;
        total += bytes.len() as u64;
        files.insert(relative.to_owned(), bytes);
        if files.len() > MAX_ENTRIES {
            return Err(unfit(folder, "more files than a package may have"));
        }
    }
    let path = folder.join("package.json");
    let manifest = parse(&path, files.get("package.json").map_or(&b""[..], Vec::as_slice))?;
    let tarball = archive::pack(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())))
        .map_err(|error| unreadable(folder, error))?;
    packed(folder, manifest, tarball)
}

/// Takes a ready-made tarball as it is.
fn take(path: &Path) -> Result<PackedVersion, UpstreamError> {
    let tarball = read_file(path, MAX_PACKAGE)?;
    let manifest = manifest_of(tarball.as_slice())
        .map_err(|error| unfit(path, &format!("it is no gzipped tarball of a package: {error}")))?;
    packed(path, parse(path, &manifest)?, tarball)
}

/// The bytes of the package.json of a gzipped tarball.
fn manifest_of(gzipped: impl Read) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(gzipped).take(MAX_PACKAGE));
    for entry in archive.entries()?.take(MAX_ENTRIES) {
        let entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if path.split('/').filter(|part| *part != ".").nth(1) == Some("package.json")
            && path.ends_with("/package.json")
            && path.split('/').filter(|part| *part != ".").count() == 2
        {
            let mut bytes = Vec::new();
            entry.take(MAX_MANIFEST).read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
    }
    Err(std::io::Error::other("a tarball without a package.json"))
}

fn packed(from: &Path, manifest: Value, tarball: Vec<u8>) -> Result<PackedVersion, UpstreamError> {
    let (name, version) =
        identity(&manifest).ok_or_else(|| unfit(from, "its package.json lacks a valid name or version"))?;
    Ok(PackedVersion {
        from: from.to_owned(),
        name,
        version,
        manifest,
        digests: Digests::of(&tarball),
        tarball,
    })
}

fn identity(manifest: &Value) -> Option<(PackageName, String)> {
    let name = PackageName::parse(manifest.get("name")?.as_str()?).ok()?;
    let version = manifest.get("version")?.as_str()?;
    node_semver::Version::parse(version).ok()?;
    Some((name, version.to_owned()))
}

/// Whether npm would run something at install (`gypfile` implies `node-gyp rebuild`).
pub fn has_install_script(manifest: &Value) -> bool {
    let script = |event| manifest.get("scripts").and_then(|scripts| scripts.get(event)).is_some();
    script("preinstall")
        || script("install")
        || script("postinstall")
        || manifest.get("gypfile").and_then(Value::as_bool) == Some(true)
}

fn is_skipped(entry: &walkdir::DirEntry) -> bool {
    // What npm itself never packs, the owner's `.npmrc` above all.
    matches!(entry.file_name().to_str(), Some("node_modules" | ".git" | ".npmrc" | ".DS_Store"))
}

fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, UpstreamError> {
    let file = std::fs::File::open(path).map_err(|error| unreadable(path, error))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > limit { Err(unfit(path, "too large to be served")) } else { Ok(bytes) }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Value, UpstreamError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| unfit(path, &format!("it is no JSON: {error}")))
}

fn unreadable(path: &Path, source: std::io::Error) -> UpstreamError {
    UpstreamError::Disk { path: path.to_owned(), source: source.into() }
}

fn unfit(path: &Path, what: &str) -> UpstreamError {
    UpstreamError::Folder { path: path.to_owned(), what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, bytes: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn sample(root: &Path) {
        write(root, "internal/1.0.0/package.json", r#"{"name":"@acme/internal","version":"1.0.0"}"#);
        write(root, "internal/1.0.0/index.js", "module.exports = 1\n");
        write(root, "internal/1.0.0/esm/package.json", r#"{"type":"module"}"#);
        write(root, "internal/1.0.0/node_modules/x/package.json", r#"{"name":"x","version":"1.0.0"}"#);
        write(root, "internal/1.0.0/.npmrc", "//registry.example/:_authToken=never");
    }

    /// This integrity may stand in somebody's lockfile: it must never change.
    const GOLDEN: &str =
        "sha512-+mnTAH/0hEM8KoDU9dumfCmsTCNU2dcI+zYycHg3a9cUy3esLxMwKUAVvpW6nUDfteID6txupHs61kzehBeQGw==";

    #[test]
    fn a_folder_packs_to_the_same_bytes_for_ever() {
        let root = tempfile::tempdir().unwrap();
        sample(root.path());
        let packed = pack(&root.path().join("internal/1.0.0")).unwrap();
        assert_eq!(packed.digests.sri(), GOLDEN);
        let index = crate::evidence::tree::index_tarball(packed.tarball.as_slice()).unwrap();
        assert_eq!((index.name.as_str(), index.version.as_str()), ("@acme/internal", "1.0.0"));
        assert!(!String::from_utf8_lossy(&packed.tarball).contains("never"));
    }

    #[test]
    fn folders_and_tarballs_at_any_depth_are_versions() {
        let root = tempfile::tempdir().unwrap();
        sample(root.path());
        let other = tempfile::tempdir().unwrap();
        write(
            other.path(),
            "package.json",
            r#"{"name":"logger","version":"2.0.0","scripts":{"install":"x"}}"#,
        );
        std::fs::write(root.path().join("logger.tgz"), pack(other.path()).unwrap().tarball).unwrap();
        let store = Store::temporary().unwrap();
        let served = ServedFolder::read(root.path(), &store).unwrap();
        let names: Vec<&str> = served.packages.keys().map(PackageName::as_str).collect();
        assert_eq!(names, ["@acme/internal", "logger"]);
        let logger = &served.packages[&PackageName::parse("logger").unwrap()][0];
        assert!(logger.has_install_script);
        assert_eq!(store.index(&logger.sha512).unwrap().name, "logger");
    }

    #[test]
    fn what_is_no_tarball_is_named() {
        let whole = tempfile::tempdir().unwrap();
        write(whole.path(), "package.json", r#"{"name":"a","version":"1.0.0"}"#);
        let tarball = pack(whole.path()).unwrap().tarball;
        let unnamed = archive::pack([("x.js", &b"x"[..])]).unwrap();
        for bytes in [&b"no gzip"[..], b"", &tarball[..40], &unnamed] {
            let root = tempfile::tempdir().unwrap();
            std::fs::write(root.path().join("a.tgz"), bytes).unwrap();
            let store = Store::temporary().unwrap();
            let error = ServedFolder::read(root.path(), &store).unwrap_err();
            assert!(matches!(error, UpstreamError::Folder { path, .. } if path.ends_with("a.tgz")));
        }
    }

    #[test]
    fn a_broken_manifest_is_named() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a/package.json", "{");
        let error = published(root.path()).unwrap_err();
        assert!(matches!(error, UpstreamError::Folder { path, .. } if path.ends_with("a/package.json")));
    }
}
