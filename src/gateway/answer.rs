//! Bodies on their way out: hashed and counted as they are delivered.

use super::fault::body::Played;
use super::record::{Recorder, Slot};
use crate::upstream::{Body as Stored, Head};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, SizeHint};
use sha1::Sha1;
use sha2::{Digest, Sha512};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pub(super) type Source = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// A body that tells the recorder what became of it.
pub(super) struct Delivered {
    source: Option<Source>,
    expected: Option<u64>,
    bytes: u64,
    /// It ends before its end, and says so to nobody.
    cut: bool,
    /// Only bodies of 200 answers are worth digests.
    hashes: Option<(Sha512, Sha1)>,
    to: Option<(Arc<Recorder>, Slot)>,
}

impl Delivered {
    /// Bytes in memory.
    pub(super) fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes: Bytes = bytes.into();
        let expected = Some(bytes.len() as u64);
        let source: Option<Source> = (!bytes.is_empty())
            .then(|| Box::pin(futures_util::stream::once(std::future::ready(Ok(bytes)))) as Source);
        Self { source, expected, bytes: 0, cut: false, hashes: None, to: None }
    }

    /// A body from the store, perhaps still growing.
    pub(super) fn stored(body: Stored, expected: Option<u64>) -> Self {
        let stream = futures_util::stream::unfold(body, |mut body| async move {
            body.next().await.map(|item| (item, body))
        });
        Self { source: Some(Box::pin(stream)), expected, bytes: 0, cut: false, hashes: None, to: None }
    }

    /// Puts what becomes of it into the record.
    pub(super) fn record(&mut self, recorder: Arc<Recorder>, slot: Slot, hashed: bool) {
        self.hashes = hashed.then(Default::default);
        self.to = Some((recorder, slot));
        if self.source.is_none() || self.expected == Some(0) {
            self.source = None;
            self.end(true);
        }
    }

    /// Answers HEAD: the length stays, the bytes do not go.
    pub(super) fn drop_bytes(&mut self) {
        self.source = None;
        self.expected = Some(0);
        self.hashes = None;
    }

    /// Its length, where that is known.
    pub(super) fn length(&self) -> Option<u64> {
        self.expected
    }

    /// Another source in the place of this one, of a length that may be known.
    pub(super) fn replace(&mut self, expected: Option<u64>, change: impl FnOnce(Source) -> Source) {
        self.expected = expected;
        self.source = self.source.take().map(change);
    }

    /// What is delivered of it is never all.
    pub(super) fn cut(&mut self) {
        self.cut = true;
    }

    fn end(&mut self, whole: bool) {
        let whole = whole && !self.cut;
        if let Some((recorder, slot)) = self.to.take() {
            let digests = self.hashes.take().filter(|_| whole).map(|(sha512, sha1)| {
                let sri = format!("sha512-{}", STANDARD.encode(sha512.finalize()));
                (sri, crate::evidence::tree::hex(&sha1.finalize()))
            });
            recorder.ended(slot, self.bytes, digests);
        }
    }
}

impl Body for Delivered {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let Some(source) = &mut self.source else { return Poll::Ready(None) };
        match source.as_mut().poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(bytes))) => {
                self.bytes += bytes.len() as u64;
                if let Some((sha512, sha1)) = &mut self.hashes {
                    sha512.update(&bytes);
                    sha1.update(&bytes);
                }
                if let Some((recorder, _)) = &self.to {
                    recorder.delivered(bytes.len() as u64);
                }
                // With a known length the end is never asked for.
                if self.expected == Some(self.bytes) {
                    self.source = None;
                    self.end(true);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Poll::Ready(Some(Err(error))) => {
                let played = error.get_ref().is_some_and(|inner| inner.is::<Played>());
                if let Some((recorder, slot)) = self.to.as_ref().filter(|_| !played) {
                    recorder.note(*slot, |exchange| exchange.fault = Some("upstream-broke-off".into()));
                }
                self.source = None;
                self.end(false);
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                self.source = None;
                self.end(true);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.expected {
            Some(expected) => SizeHint::with_exact(expected.saturating_sub(self.bytes)),
            None => SizeHint::default(),
        }
    }
}

impl Drop for Delivered {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// An answer with a JSON body.
pub(super) fn json(status: u16, body: &serde_json::Value) -> Response<Delivered> {
    let mut response = Response::new(Delivered::full(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An error, shaped as registries shape theirs.
pub(super) fn error(status: u16, message: &str) -> Response<Delivered> {
    json(status, &serde_json::json!({ "error": message }))
}

pub(super) fn tarball(file: std::fs::File) -> Response<Delivered> {
    let length = file.metadata().ok().map(|meta| meta.len());
    let Ok(body) = Stored::whole(file) else { return error(502, "the store cannot be read") };
    let headers = vec![("content-type".to_owned(), "application/octet-stream".to_owned())];
    respond(&Head { status: 200, headers, length }, body)
}

pub(super) fn respond(head: &Head, body: Stored) -> Response<Delivered> {
    let mut response = Response::new(Delivered::stored(body, head.length));
    dress(&mut response, head);
    response
}

pub(super) fn dress(response: &mut Response<Delivered>, head: &Head) {
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in &head.headers {
        let name = header::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// Nothing to read.
pub(super) fn empty(status: StatusCode) -> Response<Delivered> {
    let mut response = Response::new(Delivered::full(Bytes::new()));
    *response.status_mut() = status;
    response
}
