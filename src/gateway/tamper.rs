//! The genuine package with other bytes: valid, but not what was published.

use super::answer::{Delivered, respond, tarball};
use super::fault::answer;
use super::route::{Shape, Site};
use super::serve::{Shared, Understood};
use crate::evidence::exchange::AnsweredBy;
use crate::scenario::Answer;
use crate::upstream::archive::Archive;
use crate::upstream::{Body, ContentWriter, Head};
use http::Response;
use serde_json::Value;
use std::io::Read;

/// Unpacked bytes of a package that is tampered with.
const MAX_UNPACKED: u64 = 2 << 30;
/// Bytes of its package.json.
const MAX_MANIFEST: u64 = 4 << 20;
/// Its files.
const MAX_FILES: usize = 200_000;

/// Whoever npm goes on with in spite of such a certificate is no better than one
/// who tampers.
fn tampers(answer: Answer) -> bool {
    answer == Answer::Tampered || answer.impostor()
}

impl Shared {
    /// This is the tarball that is tampered with, by its URL or by the answer that led to it.
    pub(super) fn is_tampered(&self, understood: &Understood) -> bool {
        let Understood { asked, site, .. } = understood;
        tampers(answer(&self.world, site))
            && (asked.shape == Shape::Tarball || matches!(site, Site::HandedOut(_)))
            && self.world.tamper.as_ref().is_some_and(|(name, version)| {
                asked.package.as_ref() == Some(name) && asked.version.as_ref() == Some(version)
            })
    }

    /// It is, or only its bytes can tell.
    pub(super) fn may_be_tampered(&self, understood: &Understood) -> bool {
        let Understood { asked, site, .. } = understood;
        let silent = asked.package.is_none() || asked.version.is_none();
        let download = asked.shape != Shape::Packument || !matches!(site, Site::Registry(_));
        let unclear = tampers(answer(&self.world, site)) && self.world.tamper.is_some();
        self.is_tampered(understood) || unclear && silent && download
    }

    /// Fetches the genuine tarball whole, and tampers with it if it is the one.
    pub(super) async fn forward_tampered(
        &self,
        understood: &Understood,
        head: Head,
        mut body: Body,
    ) -> Response<Delivered> {
        let store = self.upstream.store();
        let whole = async {
            let mut writer = store.writer().ok()?;
            while let Some(bytes) = body.next().await {
                std::io::Write::write_all(&mut writer, &bytes.ok()?).ok()?;
            }
            Some(writer.finish(store).ok()?.sri())
        };
        let Some(genuine) = whole.await else { return self.unreachable(understood, "upstream-broke-off") };
        let (index, wanted, looked) = (genuine.clone(), self.world.tamper.clone(), store.clone());
        let is = tokio::task::spawn_blocking(move || {
            let index = looked.index(&index).ok()?;
            let (name, version) = wanted?;
            Some(index.name == name.as_str() && index.version == version)
        });
        if is.await.ok().flatten() == Some(true) {
            return self.tampered(understood, genuine).await;
        }
        match store.content(&genuine).ok().and_then(|file| Body::whole(file).ok()) {
            Some(body) => respond(&head, body),
            None => self.unreachable(understood, "store-unreadable"),
        }
    }

    pub(super) async fn tampered(&self, understood: &Understood, genuine: String) -> Response<Delivered> {
        let store = self.upstream.store().clone();
        let made = tokio::task::spawn_blocking(move || {
            let from = std::io::BufReader::new(store.content(&genuine).ok()?);
            let sri = tamper(from, store.writer().ok()?).ok()?.finish(&store).ok()?.sri();
            store.content(&sri).ok()
        });
        let Some(file) = made.await.ok().flatten() else {
            return self.unreachable(understood, "not-tampered");
        };
        self.recorder.note(understood.slot, |exchange| {
            exchange.fault = Some("tampered".into());
            exchange.answered_by = AnsweredBy::Gateway;
        });
        tarball(file)
    }
}

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
