//! A request's body, looked at for planted secrets.

use super::flow::Flow;
use super::legible::is_legible;
use super::record::Slot;
use super::serve::Shared;
use crate::evidence::{Unread, Unreadable};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Bytes of a request's body that are read and searched.
const MAX_REQUEST: usize = 8 << 20;
/// Bytes of bodies that a run holds at once, in KiB, and how many more are asked for.
pub(super) const HELD: usize = 96 << 10;
const STEP: u32 = 64;
/// Time for it to arrive.
const REQUEST_TIME: Duration = Duration::from_secs(60);

/// A request's body, searched even if it never comes to its end.
pub(super) struct Searched<'a> {
    shared: &'a Shared,
    flow: &'a Flow,
    slot: Slot,
    carried: Option<String>,
    taken: Vec<u8>,
    /// Bytes of it that came.
    came: u64,
    /// What of the run's room it takes.
    room: Vec<OwnedSemaphorePermit>,
    /// There was more than is looked at.
    cut: bool,
}

impl<'a> Searched<'a> {
    /// A body of which nothing has come yet; `carried` is what the head carries.
    pub(super) fn new(shared: &'a Shared, flow: &'a Flow, slot: Slot, carried: Option<String>) -> Self {
        Self { shared, flow, slot, carried, taken: Vec::new(), came: 0, room: Vec::new(), cut: false }
    }

    /// Keeps bytes; not so, where there are more than this body or all of them may have.
    fn keep(&mut self, bytes: &[u8]) -> bool {
        self.came += bytes.len() as u64;
        let wanted = self.taken.len() + bytes.len();
        while self.room.len() * ((STEP as usize) << 10) < wanted.min(MAX_REQUEST) {
            match self.shared.bodies.clone().try_acquire_many_owned(STEP) {
                Ok(more) => self.room.push(more),
                Err(_) => return false,
            }
        }
        let fitting = bytes.len().min(MAX_REQUEST - self.taken.len());
        self.taken.extend_from_slice(&bytes[..fitting]);
        fitting == bytes.len()
    }

    /// Reads the body as far as it is looked at.
    pub(super) async fn take(&mut self, mut body: Incoming) {
        let read = async {
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(bytes) = frame.into_data()
                    && !self.keep(&bytes)
                {
                    self.cut = true;
                    break;
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
        let (taken, _room) = (std::mem::take(&mut self.taken), std::mem::take(&mut self.room));
        if self.carried.is_none() && !taken.is_empty() {
            let (carried, whole) = self.shared.scanner.in_body(&taken);
            let because = match (self.cut, whole) {
                (true, _) => Some(Unreadable::Bound),
                (false, false) => Some(Unreadable::Packed),
                (false, true) => (!is_legible(&taken)).then_some(Unreadable::Form),
            };
            let because = because.filter(|_| carried.is_none());
            self.carried.clone_from(&carried);
            if let Some(label) = &carried {
                self.flow.told(label);
            }
            self.shared.recorder.note(self.slot, |exchange| {
                exchange.carried_secret = carried;
                exchange.unsearched = matches!(because, Some(Unreadable::Bound | Unreadable::Packed));
                exchange.unread = because.map(|because| Unread { bytes: self.came, because });
            });
        }
    }
}

impl Drop for Searched<'_> {
    fn drop(&mut self) {
        self.search();
    }
}
