//! A request's body, looked at for planted secrets.

use super::record::Slot;
use super::serve::Shared;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;

/// Bytes of a request's body that are read and searched.
const MAX_REQUEST: usize = 8 << 20;
/// Time for it to arrive.
const REQUEST_TIME: Duration = Duration::from_secs(60);

/// A request's body, searched even if it never comes to its end.
pub(super) struct Searched<'a> {
    shared: &'a Shared,
    slot: Slot,
    carried: Option<String>,
    taken: Vec<u8>,
    /// There was more than is looked at.
    cut: bool,
}

impl<'a> Searched<'a> {
    /// A body of which nothing has come yet; `carried` is what the head carries.
    pub(super) fn new(shared: &'a Shared, slot: Slot, carried: Option<String>) -> Self {
        Self { shared, slot, carried, taken: Vec::new(), cut: false }
    }

    /// Reads the body as far as it is looked at.
    pub(super) async fn take(&mut self, mut body: Incoming) {
        let read = async {
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(bytes) = frame.into_data() {
                    let room = MAX_REQUEST - self.taken.len();
                    self.taken.extend_from_slice(&bytes[..bytes.len().min(room)]);
                    if bytes.len() > room {
                        self.cut = true;
                        break;
                    }
                }
            }
        };
        if tokio::time::timeout(REQUEST_TIME, read).await.is_err() {
            self.cut = true;
        }
    }

    /// Whether the request carries a planted secret.
    pub(super) fn finish(mut self) -> bool {
        self.search();
        self.carried.is_some()
    }

    fn search(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        if self.carried.is_none() && !taken.is_empty() {
            let (carried, whole) = self.shared.scanner.in_body(&taken);
            let unsearched = carried.is_none() && (self.cut || !whole);
            self.carried.clone_from(&carried);
            self.shared.recorder.note(self.slot, |exchange| {
                exchange.carried_secret = carried;
                exchange.unsearched = unsearched;
            });
        }
    }
}

impl Drop for Searched<'_> {
    fn drop(&mut self) {
        self.search();
    }
}
