//! What is asked of a registry, and what it answered.

use crate::secret::Secret;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tokio::sync::watch;
use url::Url;

/// What kind of document is wanted. Registries answer packuments differently
/// by it, so it is a part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// `application/vnd.npm.install-v1+json`: the short packument.
    Corgi,
    /// `application/json`.
    Full,
    /// Anything: tarballs.
    Any,
}

impl Accept {
    /// The header's value, as npm sends it.
    pub fn header(self) -> &'static str {
        match self {
            Self::Corgi => "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*",
            Self::Full => "application/json",
            Self::Any => "*/*",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Corgi => "corgi",
            Self::Full => "full",
            Self::Any => "any",
        }
    }
}

/// How far a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To any address: the caller's own configuration names the host.
    Anywhere,
    /// To the Internet alone, not to this machine or its network.
    Outside,
}

/// A GET.
#[derive(Debug, Clone)]
pub struct Request {
    /// The URL; credentials and fragment in it are not sent.
    pub url: Url,
    /// What is wanted.
    pub accept: Accept,
    /// The value of the Authorization header (`Bearer …`).
    pub authorization: Option<Secret>,
    /// How far it may go.
    pub reach: Reach,
}

/// The query by which a kept redirect leads to a kept answer, in place of a signature.
const STAND_IN: &str = "sealcheck=";

impl Request {
    /// The key of its answer: no secret can be read from it. Credentials count
    /// by label, a query by its hash.
    pub fn key(&self) -> String {
        let label = self.authorization.as_ref().map_or("", Secret::label);
        let text = format!("GET {} {} auth={label}", stand_in(&self.url), self.accept.word());
        crate::evidence::tree::hex(&Sha256::digest(text))
    }
}

/// The URL without credentials and fragment, its query replaced by a hash of it.
pub fn stand_in(url: &Url) -> Url {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    if let Some(query) = url.query().filter(|query| !query.starts_with(STAND_IN)) {
        let hash = crate::evidence::tree::hex(&Sha256::digest(query)[..16]);
        url.set_query(Some(&format!("{STAND_IN}{hash}")));
    }
    url
}

/// Status and headers of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Those headers that are passed on, lower case, in order.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body, where that is known ahead.
    pub length: Option<u64>,
}

impl Head {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status and headers.
    pub head: Head,
    /// It was in the store already; nothing was sent for it.
    pub stored: bool,
    /// The body.
    pub body: Body,
}

/// How far a body has come.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    /// Bytes in the file.
    pub(super) written: u64,
    /// How it ended: `Err` says why in words.
    pub(super) end: Option<Result<(), Arc<str>>>,
}

/// A body: read from its file while that is still growing. Each reader has its
/// own; memory is one chunk.
#[derive(Debug)]
pub struct Body {
    file: Arc<File>,
    offset: u64,
    progress: watch::Receiver<Progress>,
}

/// Bytes read at once.
const CHUNK: u64 = 256 << 10;

impl Body {
    pub(super) fn new(file: Arc<File>, progress: watch::Receiver<Progress>) -> Self {
        Self { file, offset: 0, progress }
    }

    /// A body that is whole.
    pub fn whole(file: File) -> std::io::Result<Self> {
        let written = file.metadata()?.len();
        let (_, progress) = watch::channel(Progress { written, end: Some(Ok(())) });
        Ok(Self::new(Arc::new(file), progress))
    }

    /// The next bytes; `None` at the end. An error means that the registry broke off.
    pub async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        loop {
            let (written, end) = {
                let progress = self.progress.borrow_and_update();
                (progress.written, progress.end.clone())
            };
            if self.offset < written {
                return Some(self.read((written - self.offset).min(CHUNK)).await);
            }
            match end {
                Some(Ok(())) => return None,
                Some(Err(why)) => return Some(Err(std::io::Error::other(why.to_string()))),
                None if self.progress.changed().await.is_err() => {
                    return Some(Err(std::io::Error::other("the download was given up")));
                }
                None => {}
            }
        }
    }

    async fn read(&mut self, length: u64) -> std::io::Result<Bytes> {
        let (file, offset) = (self.file.clone(), self.offset);
        let read = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; usize::try_from(length).unwrap_or(CHUNK as usize)];
            file.read_exact_at(&mut buffer, offset).map(|()| Bytes::from(buffer))
        });
        let bytes = read.await.map_err(std::io::Error::other)??;
        self.offset += bytes.len() as u64;
        Ok(bytes)
    }

    /// All of it, if it is not longer than `limit`.
    pub async fn collect(mut self, limit: u64) -> std::io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await {
            let bytes = bytes?;
            if (all.len() + bytes.len()) as u64 > limit {
                return Err(std::io::Error::other("longer than is read"));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, authorization: Option<Secret>) -> Request {
        Request { url: Url::parse(url).unwrap(), accept: Accept::Any, authorization, reach: Reach::Outside }
    }

    #[test]
    fn a_key_holds_no_secret_and_still_tells_queries_and_credentials_apart() {
        let plain = request("https://npm.corp.example/a.tgz", None).key();
        let one = request("https://npm.corp.example/a.tgz?sig=one", None).key();
        let two = request("https://npm.corp.example/a.tgz?sig=two", None).key();
        let token = |value: &str| {
            let secret = Secret::new("NPM_TOKEN", value);
            request("https://npm.corp.example/a.tgz", Some(secret)).key()
        };
        assert!(plain != one && one != two && plain != token("x"));
        assert_eq!(token("x"), token("y"), "the key must not depend on the token's value");
        let shown = stand_in(&Url::parse("https://u:pw@npm.corp.example/a.tgz?sig=hunter2#f").unwrap());
        assert!(!shown.as_str().contains("hunter2") && !shown.as_str().contains("pw"));
        assert_eq!(stand_in(&shown), shown, "following a kept redirect gives the same key");
    }
}
