//! Everything that a connection brings, looked at for planted secrets as it comes off
//! the socket, beside whatever reads it: what no parser hands on has left all the same.
//!
//! What a request shows to the very service that it is for is excused, once for each
//! time. It must not know what the bytes mean.

use super::callers::Asked;
use super::excuse::Excuses;
use super::record::{Recorder, Slot};
use super::scan::Scanner;
use super::serve::blank;
use crate::evidence::{Unread, Unreadable};
use http::Method;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that are searched at once; with room in the pool, [`WIDE`].
const NARROW: usize = 64 << 10;
const WIDE: usize = 1 << 20;
/// Bytes that are searched a second time, with what follows them: nothing that is written
/// in so many is cut in two.
const OVERLAP: usize = 16 << 10;

/// What the connections of a run have in common.
pub(super) struct Pool {
    pub(super) scanner: Arc<Scanner>,
    pub(super) recorder: Arc<Recorder>,
    /// KiB that may be held beyond what each has for itself.
    pub(super) room: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new(scanner: Arc<Scanner>, recorder: Arc<Recorder>) -> Arc<Self> {
        Arc::new(Self { scanner, recorder, room: Arc::new(Semaphore::new(64 << 10)) })
    }
}

/// Where a connection leads, for the record.
#[derive(Debug, Clone)]
pub(super) struct Towards {
    pub(super) scheme: &'static str,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) caller: Asked,
    pub(super) arrived: Instant,
}

/// One connection's bytes. What is found is in the record when the last copy is gone.
#[derive(Clone)]
pub(super) struct Flow(Arc<Inner>);

struct Inner {
    pool: Arc<Pool>,
    towards: Towards,
    /// What this one is carried in.
    outer: Option<Flow>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was not searched yet, behind the overlap, and where on the connection it begins.
    held: Vec<u8>,
    start: u64,
    fresh: usize,
    permit: Option<OwnedSemaphorePermit>,
    /// Bytes in which something was found that may be excused yet.
    suspect: Option<(u64, Vec<u8>)>,
    excuses: Excuses,
    /// Labels that requests of this connection tell themselves.
    told: BTreeSet<String>,
    found: Option<String>,
    slot: Option<Slot>,
    /// Something packed did not end where the search did.
    unfinished: bool,
    /// Something came that was no part of a request.
    misread: bool,
    /// What came is in no protocol that is read here.
    opaque: bool,
    /// Bytes that came.
    came: u64,
    /// The rest was not waited for.
    cut: bool,
}

impl Flow {
    /// Of a connection of which nothing has come.
    pub(super) fn new(pool: Arc<Pool>, towards: Towards, outer: Option<Self>) -> Self {
        Self(Arc::new(Inner { pool, towards, outer, state: Mutex::default() }))
    }

    /// What is carried in this one.
    pub(super) fn within(&self, scheme: &'static str, host: String, port: u16) -> Self {
        let Towards { caller, arrived, .. } = self.0.towards.clone();
        let towards = Towards { scheme, host, port, caller, arrived };
        Self::new(self.0.pool.clone(), towards, Some(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Here, and in all that this is carried in.
    fn each(&self, change: &dyn Fn(&mut State)) {
        change(&mut self.state());
        if let Some(outer) = &self.0.outer {
            outer.each(change);
        }
    }

    /// Takes bytes as they come.
    pub(super) fn feed(&self, mut bytes: &[u8]) {
        let pool = &self.0.pool;
        if pool.scanner.is_empty() {
            return;
        }
        let mut state = self.state();
        state.came += bytes.len() as u64;
        while !bytes.is_empty() {
            if state.held.len() >= NARROW && state.permit.is_none() {
                state.permit = pool.room.clone().try_acquire_many_owned((WIDE >> 10) as u32).ok();
            }
            let room = if state.permit.is_some() { WIDE } else { NARROW };
            if state.held.len() >= room {
                state.search(&pool.scanner, false);
            }
            let (now, later) = bytes.split_at(bytes.len().min(room.saturating_sub(state.held.len())));
            state.held.extend_from_slice(now);
            state.fresh += now.len();
            bytes = later;
        }
    }

    /// This value was shown to whom it is for.
    pub(super) fn excuse(&self, value: &[u8]) {
        self.each(&|state| state.excuses.add(value));
    }

    /// A request of this connection tells that it carries this.
    pub(super) fn told(&self, label: &str) {
        self.each(&|state| _ = state.told.insert(label.to_owned()));
    }

    /// What was recorded of this connection last.
    pub(super) fn recorded(&self, slot: Slot) {
        self.each(&|state| state.slot = Some(slot));
    }

    /// What comes is no part of a request.
    pub(super) fn misread(&self) {
        self.each(&|state| state.misread = true);
    }

    /// What comes is in no protocol that is read here: a secret that was encrypted in it is not found.
    pub(super) fn opaque(&self) {
        self.state().opaque = true;
    }

    /// More may have come, and nobody waited for it.
    pub(super) fn cut(&self) {
        self.each(&|state| state.cut = true);
    }
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Flow")
    }
}

impl State {
    /// Looks at what is held, and keeps what may be cut in two.
    fn search(&mut self, scanner: &Scanner, last: bool) {
        if self.fresh == 0 {
            return;
        }
        self.settle(scanner);
        let mut window = std::mem::take(&mut self.held);
        let (found, ran_off) = self.look(scanner, self.start, &mut window);
        self.unfinished |= ran_off && !last;
        let keep = window.len().saturating_sub(OVERLAP);
        self.held = window[keep..].to_vec();
        if found.is_some() && self.found.is_none() {
            self.suspect = Some((self.start, window));
        }
        self.start += keep as u64;
        self.fresh = 0;
        self.excuses.forget_before(self.start);
    }

    /// What was found before, now that all of its requests were read.
    fn settle(&mut self, scanner: &Scanner) {
        if let Some((start, mut window)) = self.suspect.take() {
            let (found, _) = self.look(scanner, start, &mut window);
            self.found = self.found.take().or(found);
        }
    }

    /// The label that is in the bytes beside what is excused, and whether something packed runs on.
    fn look(&mut self, scanner: &Scanner, start: u64, window: &mut [u8]) -> (Option<String>, bool) {
        self.excuses.blot(start, window);
        scanner.in_window(window)
    }
}

impl State {
    /// What nobody could search, or read.
    fn unread(&self) -> Option<Unread> {
        let because = match (self.cut, self.unfinished && self.misread, self.opaque && self.came > 0) {
            (true, _, _) => Unreadable::Bound,
            (false, true, _) => Unreadable::Packed,
            (false, false, true) => Unreadable::Protocol,
            (false, false, false) => return None,
        };
        Some(Unread { bytes: self.came, because })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (scanner, recorder) = (&self.pool.scanner, &self.pool.recorder);
        if scanner.is_empty() {
            return;
        }
        state.search(scanner, true);
        state.settle(scanner);
        let found = state.found.take().filter(|label| !state.told.contains(label));
        let unread = state.unread().filter(|_| found.is_none());
        if found.is_none() && unread.is_none() {
            return;
        }
        let unsearched = unread.is_some_and(|unread| unread.because != Unreadable::Protocol);
        if let Some(outer) = &self.outer {
            // One finding, not one for each layer.
            found.iter().for_each(|label| outer.told(label));
        }
        match state.slot {
            Some(slot) => recorder.note(slot, |exchange| {
                let unread = unread.filter(|_| exchange.carried_secret.is_none());
                exchange.unsearched |= unsearched && unread.is_some();
                exchange.unread = exchange.unread.or(unread);
                exchange.carried_secret = exchange.carried_secret.take().or(found);
            }),
            None => {
                let Towards { scheme, host, port, caller, arrived } = self.towards.clone();
                let mut exchange = blank(&Method::GET, scheme, &scanner.redact_name(&host), port);
                exchange.method = "-".into();
                (exchange.carried_secret, exchange.unsearched, exchange.unread) = (found, unsearched, unread);
                recorder.past(exchange, caller, arrived);
            }
        }
    }
}
