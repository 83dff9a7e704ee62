//! What the gateway saw, in order of arrival, bounded.
//!
//! It has a clock of its own and does not know when the command was started: whoever
//! does counts the times from there.

use super::callers::Asked;
use super::kept::Room;
use crate::evidence::fact::Decoy;
use crate::evidence::{Exchange, ExchangeKind, Lookup};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Exchanges that are kept, and look-ups; the rest is counted.
const MAX_KEPT: usize = 200_000;
/// Look-ups that carry a secret and are kept beside them.
const MAX_CARRYING: usize = 1000;
/// Bytes of paths that are kept; beyond them each is cut to [`SHORT`].
const MAX_PATHS: usize = 32 << 20;
const SHORT: usize = 256;

/// Everything that was seen.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Ordered by `seq`.
    pub exchanges: Vec<Exchange>,
    /// Ordered by `seq`.
    pub lookups: Vec<Lookup>,
    /// Decoys that were on offer, ordered by name and version.
    pub decoys: Vec<Decoy>,
    /// Exchanges and look-ups beyond those that are kept. Not 0 is a gap.
    pub dropped: u64,
    /// Scripts had as much fetched as they may. It is a gap.
    pub spent: bool,
    /// When each exchange arrived.
    arrived: Vec<Instant>,
    /// When each look-up did.
    looked_up: Vec<Instant>,
}

impl Record {
    /// The same with the times counted from when the command was started.
    pub fn since(mut self, start: Instant) -> Self {
        let at = |arrived: &Instant| Some(whole_ms(arrived.saturating_duration_since(start)));
        for (exchange, arrived) in self.exchanges.iter_mut().zip(&self.arrived) {
            exchange.at_ms = at(arrived);
        }
        for (lookup, arrived) in self.lookups.iter_mut().zip(&self.looked_up) {
            lookup.at_ms = at(arrived);
        }
        self
    }
}

/// From 1.
fn number(at: usize) -> u32 {
    u32::try_from(at + 1).unwrap_or(u32::MAX)
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Requests that arrived.
    pub requests: u64,
    /// Tarballs delivered whole.
    pub tarballs: u64,
    /// Bytes of bodies delivered.
    pub bytes: u64,
}

/// Takes down what happens.
pub(super) struct Recorder {
    kept: Mutex<Kept>,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Kept {
    exchanges: Vec<(Exchange, Asked, Instant)>,
    lookups: Vec<(Lookup, Asked, Instant)>,
    paths: usize,
    dropped: u64,
}

/// A place in the record; `None` beyond what is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(Option<usize>);

impl Default for Recorder {
    fn default() -> Self {
        Self { kept: Mutex::default(), progress: watch::channel(Progress::default()).0 }
    }
}

impl Recorder {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Progress, to watch.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Puts an exchange down as it arrives; its `seq` is given here.
    pub(super) fn begin(&self, exchange: Exchange, asked: Asked) -> Slot {
        self.put(exchange, asked, Instant::now())
    }

    /// Puts down what arrived a while ago and is over.
    pub(super) fn past(&self, exchange: Exchange, asked: Asked, arrived: Instant) -> Slot {
        let slot = self.put(exchange, asked, arrived);
        self.over(slot);
        slot
    }

    fn put(&self, mut exchange: Exchange, asked: Asked, arrived: Instant) -> Slot {
        self.progress.send_modify(|progress| progress.requests += 1);
        let mut kept = self.kept();
        let at = kept.exchanges.len();
        if at >= MAX_KEPT {
            kept.dropped += 1;
            return Slot(None);
        }
        kept.paths = kept.paths.saturating_add(exchange.path.len());
        if kept.paths > MAX_PATHS {
            exchange.path = exchange.path.chars().take(SHORT).collect();
        }
        kept.exchanges.push((exchange, asked, arrived));
        Slot(Some(at))
    }

    /// Adds what has become known of it.
    pub(super) fn note(&self, slot: Slot, change: impl FnOnce(&mut Exchange)) {
        let mut kept = self.kept();
        if let Some((exchange, ..)) = slot.0.and_then(|at| kept.exchanges.get_mut(at)) {
            change(exchange);
        }
    }

    /// Notes that nothing more of the answer will come.
    pub(super) fn over(&self, slot: Slot) {
        let mut kept = self.kept();
        if let Some((exchange, _, arrived)) = slot.0.and_then(|at| kept.exchanges.get_mut(at)) {
            exchange.took_ms = Some(whole_ms(arrived.elapsed()));
        }
    }

    /// Counts bytes as they are delivered.
    pub(super) fn delivered(&self, bytes: u64) {
        self.progress.send_modify(|progress| progress.bytes += bytes);
    }

    /// Notes the end of a body: `whole` digests only where all of it went out.
    pub(super) fn ended(&self, slot: Slot, bytes: u64, whole: Option<(String, String)>) {
        let tarball = whole.is_some();
        let mut counted = false;
        self.note(slot, |exchange| {
            exchange.bytes = bytes;
            counted = tarball && exchange.kind == ExchangeKind::Tarball;
            (exchange.sha512, exchange.sha1) = whole.unzip();
        });
        self.over(slot);
        if counted {
            self.progress.send_modify(|progress| progress.tarballs += 1);
        }
    }

    /// Puts a look-up down; `asked` is only called if it is kept.
    pub(super) fn lookup(&self, lookup: Lookup, asked: impl FnOnce() -> Asked) {
        let mut kept = self.kept();
        let carrying = if lookup.carried_secret.is_some() { MAX_CARRYING } else { 0 };
        if kept.lookups.len() >= MAX_KEPT + carrying {
            kept.dropped += 1;
            return;
        }
        kept.lookups.push((lookup, asked(), Instant::now()));
    }

    /// Everything, with the processes named as far as they are known.
    pub(super) async fn finish(self: Arc<Self>) -> Record {
        let kept = std::mem::take(&mut *self.kept());
        let mut record = Record { dropped: kept.dropped, ..Record::default() };
        let mut room = Room::default();
        for (mut exchange, asked, arrived) in kept.exchanges {
            let caller = asked.wait().await;
            if !room.has(&exchange, caller) {
                record.dropped += 1;
                continue;
            }
            exchange.seq = number(record.exchanges.len());
            exchange.process = caller.map(|caller| caller.process);
            record.exchanges.push(exchange);
            record.arrived.push(arrived);
        }
        let mut room = Room::default();
        for (mut lookup, asked, arrived) in kept.lookups {
            let caller = asked.wait().await;
            if !room.has_lookup(&lookup, caller) {
                record.dropped += 1;
                continue;
            }
            lookup.seq = number(record.lookups.len());
            lookup.process = caller.map(|caller| caller.process);
            record.lookups.push(lookup);
            record.looked_up.push(arrived);
        }
        record
    }
}
