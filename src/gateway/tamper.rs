//! The genuine package with other bytes: valid, but not what was published.

use crate::upstream::ContentWriter;
use crate::upstream::archive::Archive;
use serde_json::Value;
use std::io::Read;

/// Unpacked bytes of a package that is tampered with.
const MAX_UNPACKED: u64 = 2 << 30;
/// Bytes of its package.json.
const MAX_MANIFEST: u64 = 4 << 20;
/// Its files.
const MAX_FILES: usize = 200_000;

/// Repacks a gzipped tarball with one file more and another description.
pub(super) fn tamper(genuine: impl Read, out: ContentWriter) -> std::io::Result<ContentWriter> {
    let inflated = flate2::read::MultiGzDecoder::new(genuine).take(MAX_UNPACKED);
    let mut source = tar::Archive::new(inflated);
    let mut changed = Archive::new(out)?;
    let mut top = "package".to_owned();
    for (at, entry) in source.entries()?.enumerate() {
        if at >= MAX_FILES {
            return Err(std::io::Error::other("more files than are repacked"));
        }
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let size = entry.size();
        match path.split_once('/') {
            Some((folder, "package.json")) if size <= MAX_MANIFEST => {
                top = folder.to_owned();
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                changed.file(&path, &manifest(bytes))?;
            }
            Some(_) | None => {
                let mode = if entry.header().mode()? & 0o111 == 0 { 0o644 } else { 0o755 };
                changed.copy(&path, size, mode, &mut entry)?;
            }
        }
    }
    changed.file(&format!("{top}/sealcheck-tampered.txt"), b"These bytes are not the genuine ones\n")?;
    changed.finish()
}

fn manifest(bytes: Vec<u8>) -> Vec<u8> {
    match serde_json::from_slice::<Value>(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)) {
        Ok(Value::Object(mut fields)) => {
            fields.insert("description".into(), "Tampered with by sealcheck".into());
            serde_json::to_vec_pretty(&fields).unwrap_or(bytes)
        }
        Ok(_) | Err(_) => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::{Store, archive};

    #[test]
    fn a_tampered_package_is_valid_and_not_the_same() {
        let store = Store::temporary().unwrap();
        let manifest: &[u8] = br#"{"name":"@acme/internal","version":"1.0.0","scripts":{"install":"x"}}"#;
        let genuine = archive::pack([("index.js", &b"1"[..]), ("package.json", manifest)]).unwrap();
        let genuine_sri = store.insert(&genuine).unwrap().sri();
        let writer = tamper(genuine.as_slice(), store.writer().unwrap()).unwrap();
        let sri = writer.finish(&store).unwrap().sri();
        assert_ne!(sri, genuine_sri);
        let (one, two) = (store.index(&genuine_sri).unwrap(), store.index(&sri).unwrap());
        assert_eq!((&one.name, &one.version), (&two.name, &two.version));
        assert_ne!(one.tree, two.tree);
        assert_ne!(one.manifest, two.manifest);
    }
}
