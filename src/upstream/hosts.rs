//! Hosts that cannot be reached: after two attempts in vain nothing more is asked of one for
//! the rest of the invocation, so that a thousand packages of a dead host cost what one does.
//!
//! An attempt that fails before anything was answered counts: the name has no address, nobody
//! accepts the connection, its certificate is not trusted. What a host answers never counts.

use super::UpstreamError;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use url::Url;

/// Hosts that are kept. A script can ask for hosts without end.
const MOST: usize = 4096;

/// Failures of one request after which a host is given up that never answered.
const IN_VAIN: usize = 2;

/// What is known of the hosts of an invocation.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    known: Mutex<BTreeMap<String, Known>>,
}

#[derive(Debug, Default)]
struct Known {
    answered: bool,
    /// Requests in a row that came to nothing after all their attempts.
    in_vain: usize,
    given_up: Option<UpstreamError>,
}

impl Hosts {
    /// Why a host is not asked any more.
    pub(super) fn given_up(&self, url: &Url) -> Option<UpstreamError> {
        self.with(url, |known| known.given_up.clone())?
    }

    /// It answered something.
    pub(super) fn answered(&self, url: &Url) {
        let _told = self.with(url, |known| {
            known.answered = true;
            known.in_vain = 0;
        });
    }

    /// The `attempt`th attempt of a request failed, the first is 1; `last` if there is none
    /// left. A host that answered before is given up after two whole requests, since its
    /// network may be bad; one that never did after two attempts. Says whether it is given up
    /// by this.
    pub(super) fn failed(&self, url: &Url, attempt: usize, last: bool, why: &UpstreamError) -> bool {
        let given_up = self.with(url, |known| {
            known.in_vain += usize::from(last);
            let done = if known.answered { known.in_vain >= IN_VAIN } else { attempt >= IN_VAIN };
            if done && known.given_up.is_none() {
                known.given_up = Some(why.clone());
                return true;
            }
            false
        });
        given_up.unwrap_or(false)
    }

    fn with<T>(&self, url: &Url, change: impl FnOnce(&mut Known) -> T) -> Option<T> {
        let host = url.host_str()?;
        let key = format!("{}://{host}:{}", url.scheme(), url.port_or_known_default().unwrap_or_default());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&key) {
            return None;
        }
        Some(change(known.entry(key).or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn error() -> UpstreamError {
        UpstreamError::Network { host: "a.example".into(), what: "nobody there".into() }
    }

    #[test]
    fn a_host_that_never_answered_is_given_up_after_two_attempts() {
        let hosts = Hosts::default();
        let a = url("https://a.example/x");
        // Many requests that go out side by side fail once each.
        for _ in 0..20 {
            assert!(!hosts.failed(&a, 1, false, &error()));
        }
        assert!(hosts.given_up(&a).is_none());
        assert!(hosts.failed(&a, 2, false, &error()));
        // It is told once, and of this host and port alone.
        assert!(!hosts.failed(&a, 2, false, &error()));
        assert!(hosts.given_up(&url("https://a.example/y")).is_some());
        for other in ["https://a.example:8443/x", "http://a.example/x", "https://b.example/x"] {
            assert!(hosts.given_up(&url(other)).is_none(), "{other}");
        }
    }

    #[test]
    fn a_host_that_answered_has_to_fail_for_two_whole_requests() {
        let hosts = Hosts::default();
        let a = url("https://a.example/x");
        hosts.answered(&a);
        assert!(!hosts.failed(&a, 2, false, &error()));
        assert!(!hosts.failed(&a, 3, true, &error()));
        hosts.answered(&a);
        assert!(!hosts.failed(&a, 3, true, &error()));
        assert!(hosts.failed(&a, 3, true, &error()));
        assert!(hosts.given_up(&a).is_some());
    }

    #[test]
    fn hosts_without_end_are_not_kept() {
        let hosts = Hosts::default();
        for at in 0..2 * MOST {
            hosts.failed(&url(&format!("https://h{at}.example/")), 2, false, &error());
        }
        assert_eq!(hosts.known.lock().unwrap().len(), MOST);
    }
}
