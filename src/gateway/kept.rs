//! How much of what scripts made is kept in the record: all of it was searched for planted
//! secrets, and what is left out is counted.
//!
//! npm's own requests and look-ups are bounded by what it installs. Pure.

use super::Caller;
use crate::evidence::exchange::Credential;
use crate::evidence::{Exchange, Lookup};

/// Requests, or look-ups, of scripts in a run.
const MOST: usize = 2000;
/// Those that carry something, beside them.
const CARRYING: usize = 500;
/// Bytes of the paths of requests.
const PATHS: usize = 512 << 10;

/// What scripts may still have kept.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    carrying: usize,
    paths: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: MOST, carrying: CARRYING, paths: PATHS }
    }
}

impl Room {
    /// Whether a request is kept.
    pub(super) fn has(&mut self, exchange: &Exchange, caller: Option<Caller>) -> bool {
        let carries = exchange.carried_secret.is_some()
            || exchange.used_secret.is_some()
            || exchange.unsearched
            || exchange.unread.is_some()
            || exchange.credential != Credential::None;
        let size = exchange.path.len();
        if caller.is_some_and(|caller| caller.npm) {
            return true;
        }
        let fits = size <= self.paths;
        self.paths -= if fits { size } else { 0 };
        (fits || carries) && self.take(carries)
    }

    /// Whether a look-up is.
    pub(super) fn has_lookup(&mut self, lookup: &Lookup, caller: Option<Caller>) -> bool {
        caller.is_some_and(|caller| caller.npm) || self.take(lookup.carried_secret.is_some())
    }

    fn take(&mut self, carries: bool) -> bool {
        let room = if carries && self.left == 0 { &mut self.carrying } else { &mut self.left };
        let fits = *room > 0;
        *room -= usize::from(fits);
        fits
    }
}
