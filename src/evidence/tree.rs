//! One digest for the files of a package, the same from a tarball and from disk.
//!
//! The witness computes it over what npm unpacked, the host over the tarball
//! that went over the wire; equal digests prove that these bytes are those. What
//! npm changes while it unpacks is left out or undone (pacote's
//! `fetcher.js#tarxOptions`, bin-links' `fix-bin.js`): modes, links, ignore
//! files, the `\r\n` that ends a shebang, and what npm 6 adds to package.json.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;

/// Files of a tarball are counted up to here, so that a hostile one cannot fill memory.
pub const MAX_FILES: usize = 200_000;
/// Bytes of package.json that are read for name and version.
pub const MAX_MANIFEST: u64 = 4 << 20;
/// Unpacked bytes of one tarball that are hashed.
pub const MAX_UNPACKED: u64 = 4 << 30;

/// The digest of one file, ready to be put into a [`TreeDigest`].
pub type FileDigest = [u8; 32];

/// Hashes a file's bytes as npm leaves them on disk.
#[derive(Default)]
pub struct FileHasher {
    head: Vec<u8>,
    passed: bool,
    hash: Sha256,
}

/// A shebang line longer than this is hashed as it is.
const HEAD: usize = 512;

impl FileHasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if self.passed {
            self.hash.update(bytes);
            return;
        }
        self.head.extend_from_slice(bytes);
        if !self.head.starts_with(b"#!") && self.head.len() >= 2
            || self.head.contains(&b'\n')
            || self.head.len() > HEAD
        {
            self.pass();
        }
    }

    fn pass(&mut self) {
        if self.head.starts_with(b"#!")
            && let Some(end) = self.head.iter().position(|byte| *byte == b'\n')
            && self.head[end - 1] == b'\r'
        {
            self.head.remove(end - 1);
        }
        self.hash.update(&self.head);
        self.head.clear();
        self.passed = true;
    }

    /// The digest of all bytes taken.
    pub fn finish(mut self) -> FileDigest {
        if !self.passed {
            self.pass();
        }
        self.hash.finalize().into()
    }
}

/// The digest of a package.json. npm 6 puts three fields before its last brace (pacote
/// 9's `extract-stream.js`), and drops the blanks behind it; one that is longer than is
/// read is hashed as it is.
pub fn manifest_digest(bytes: &[u8], whole: FileDigest) -> FileDigest {
    let trimmed = bytes.trim_ascii_end();
    if bytes.len() as u64 >= MAX_MANIFEST || !trimmed.ends_with(b"}") {
        return whole;
    }
    let mut hash = Sha256::new();
    hash.update(without_npm_6(&trimmed[..trimmed.len() - 1]));
    hash.finalize().into()
}

/// What stood before the three lines that npm 6 adds. Each is one JSON string.
fn without_npm_6(text: &[u8]) -> &[u8] {
    let mut left = text.strip_suffix(b"\n").unwrap_or(text);
    for field in [",\"_from\": ", ",\"_integrity\": ", ",\"_resolved\": "] {
        let start = left.iter().rposition(|byte| *byte == b'\n');
        let Some((at, value)) =
            start.and_then(|at| Some((at, left[at + 1..].strip_prefix(field.as_bytes())?)))
        else {
            return text;
        };
        if serde_json::from_slice::<String>(value).is_err() {
            return text;
        }
        left = &left[..at];
    }
    left
}

/// Whether a path below a package counts toward its digest.
pub fn counts(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !matches!(name, ".gitignore" | ".npmignore") && !path.split('/').any(|part| part == "node_modules")
}

/// The digest of a set of files, by path relative to the package.
#[derive(Debug, Default, Clone)]
pub struct TreeDigest {
    files: BTreeMap<String, FileDigest>,
}

impl TreeDigest {
    /// Adds a file; a later one of the same path wins, as when unpacking.
    pub fn add(&mut self, path: impl Into<String>, digest: FileDigest) {
        let path = path.into();
        if counts(&path) {
            self.files.insert(path, digest);
        }
    }

    /// Number of files that count.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether none counts.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The digest, in hexadecimal.
    pub fn finish(&self) -> String {
        let mut hash = Sha256::new();
        for (path, digest) in &self.files {
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path.as_bytes());
            hash.update(digest);
        }
        hex(&hash.finalize())
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a tarball would unpack to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TarballIndex {
    /// `name` of its package.json.
    pub name: String,
    /// `version` of its package.json.
    pub version: String,
    /// The digest of its files, as [`TreeDigest::finish`].
    pub tree: String,
    /// SHA-256 of its package.json, hexadecimal.
    pub manifest: String,
    /// Trees of bundled packages, by their path below the package.
    pub bundled: BTreeMap<String, String>,
}

/// Reads a gzipped tarball and indexes it. Errors are those of gzip and tar;
/// limits are [`MAX_FILES`] and [`MAX_UNPACKED`].
pub fn index_tarball(gzipped: impl Read) -> std::io::Result<TarballIndex> {
    let inflated = flate2::read::MultiGzDecoder::new(gzipped).take(MAX_UNPACKED);
    let mut archive = tar::Archive::new(inflated);
    let mut tree = TreeDigest::default();
    let mut bundled: BTreeMap<String, TreeDigest> = BTreeMap::new();
    let mut manifest = Vec::new();
    for (at, entry) in archive.entries()?.enumerate() {
        if at >= MAX_FILES {
            return Err(std::io::Error::other("more files in a tarball than are counted"));
        }
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let raw = entry.path_bytes();
        let full = String::from_utf8_lossy(&raw).into_owned();
        drop(raw);
        let parts: Vec<&str> =
            full.split('/').filter(|part| !part.is_empty() && *part != ".").skip(1).collect();
        if parts.is_empty() || parts.contains(&"..") {
            continue;
        }
        let path = parts.join("/");
        let mut hasher = FileHasher::default();
        let mut buffer = [0; 16 << 10];
        let within = nested(&parts);
        // As on disk, where each package is one by itself.
        let is_manifest = within.as_ref().map_or(path.as_str(), |(_, inner)| inner) == "package.json";
        let mut kept = Vec::new();
        loop {
            let n = entry.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            hasher.update(&buffer[..n]);
            if is_manifest && (kept.len() as u64) < MAX_MANIFEST {
                kept.extend_from_slice(&buffer[..n]);
            }
        }
        let whole = hasher.finish();
        let digest = if is_manifest { manifest_digest(&kept, whole) } else { whole };
        match within {
            None => {
                if is_manifest {
                    manifest = kept;
                }
                tree.add(path, digest);
            }
            Some((owner, inner)) => bundled.entry(owner).or_default().add(inner, digest),
        }
    }
    let parsed: serde_json::Value = serde_json::from_slice(strip_bom(&manifest)).unwrap_or_default();
    let text = |key: &str| parsed.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    Ok(TarballIndex {
        name: text("name"),
        version: text("version"),
        tree: tree.finish(),
        manifest: if manifest.is_empty() { String::new() } else { hex(&Sha256::digest(&manifest)) },
        bundled: bundled.into_iter().map(|(path, tree)| (path, tree.finish())).collect(),
    })
}

fn strip_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Splits a path at its last package folder below a `node_modules`:
/// `node_modules/a/lib/x.js` is (`node_modules/a`, `lib/x.js`).
fn nested(parts: &[&str]) -> Option<(String, String)> {
    let at = parts.iter().rposition(|part| *part == "node_modules")?;
    let scoped = parts.get(at + 1)?.starts_with('@');
    let end = at + if scoped { 3 } else { 2 };
    (parts.len() > end).then(|| (parts[..end].join("/"), parts[end..].join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bytes: &[u8]) -> FileDigest {
        let mut hasher = FileHasher::default();
        for chunk in bytes.chunks(3) {
            hasher.update(chunk);
        }
        hasher.finish()
    }

    fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(gzip);
        for (path, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append_data(&mut header, path, *bytes).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn a_tarball_and_what_npm_unpacks_have_the_same_digest() {
        let files: [(&str, &[u8]); 5] = [
            ("package/package.json", br#"{"name":"a","version":"1.0.0"}"#),
            ("package/bin/a.js", b"#!/usr/bin/env node\r\nrun()\r\n"),
            ("package/.gitignore", b"x"),
            ("package/node_modules/b/index.js", b"b"),
            ("package/node_modules/b/package.json", b"{\"name\":\"b\"}\n"),
        ];
        let index = index_tarball(tarball(&files).as_slice()).unwrap();
        let mut disk = TreeDigest::default();
        disk.add("package.json", manifest_digest(files[0].1, digest(files[0].1)));
        disk.add("bin/a.js", digest(b"#!/usr/bin/env node\nrun()\r\n"));
        disk.add(".npmignore", digest(b"x"));
        assert_eq!(index.tree, disk.finish());
        assert_eq!((index.name.as_str(), index.version.as_str()), ("a", "1.0.0"));
        let mut inner = TreeDigest::default();
        inner.add("index.js", digest(b"b"));
        inner.add("package.json", manifest_digest(files[4].1, digest(files[4].1)));
        assert_eq!(
            index.bundled.into_iter().collect::<Vec<_>>(),
            [("node_modules/b".to_owned(), inner.finish())]
        );
    }

    #[test]
    fn what_npm_6_adds_to_a_package_json_changes_nothing_and_all_else_does() {
        let whole = [0; 32];
        let of = |text: &str| manifest_digest(text.as_bytes(), whole);
        let genuine = of("{\n  \"name\": \"a\"\n}\n");
        let six = |name: &str, resolved: &str| {
            format!(
                "{{\n  \"name\": \"{name}\"\n\n,\"_resolved\": {resolved}\n,\"_integrity\": \"sha512-x\"\n\
                 ,\"_from\": \"a@1.0.0\"\n}}"
            )
        };
        assert_eq!(of(&six("a", "\"\"")), genuine);
        assert_ne!(of(&six("b", "\"\"")), genuine);
        // Not as npm 6 writes it: more than a string, one line more, one less.
        assert_ne!(of(&six("a", "\"\",\"scripts\":{}")), genuine);
        assert_ne!(of(&six("a", "\"\"\n,\"scripts\": {}")), genuine);
        assert_ne!(of("{\n  \"name\": \"a\"\n\n,\"_from\": \"a@1.0.0\"\n}"), genuine);
        assert_eq!(of("no object"), whole);
    }

    #[test]
    fn one_changed_byte_changes_the_digest() {
        let (mut one, mut two) = (TreeDigest::default(), TreeDigest::default());
        one.add("a", digest(b"1"));
        two.add("a", digest(b"2"));
        assert_ne!(one.finish(), two.finish());
    }

    #[test]
    fn what_is_no_tarball_is_an_error_and_no_panic() {
        for bytes in [&b""[..], b"<html>", &tarball(&[("package/a", b"x")])[..20]] {
            assert!(index_tarball(bytes).is_err());
        }
    }
}
