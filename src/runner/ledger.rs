//! Who opened which connection: told by the witness, asked by the gateway.
//!
//! The witness reports a connection while the process that asked for it is
//! still held at the exit of its call, so the report is on its way before the
//! first byte is; only the reading of it may lag behind, so the asker waits.

use crate::wire::{Event, Peer, ProcessId};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::Notify;

/// How long an asker waits for a report that is on its way.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connections that are remembered until they are asked about. Beyond them nobody
/// is known, and whoever is not known gets no real token.
const MAX_OPEN: usize = 1 << 17;

/// The port of the resolver, whose sockets are asked about once a question.
const DNS: u16 = 53;

/// Connections by both their ends, each with the process that opened it.
///
/// Both, and each answer is given once: whoever is npm gets the real token, and a
/// script can bind a port that npm has or had, at this address of the loopback
/// interface or at another.
#[derive(Debug, Default)]
pub struct Ledger {
    open: Mutex<BTreeMap<(SocketAddr, SocketAddr), ProcessId>>,
    /// The commands of the run: npm, and the npm that is started behind it.
    commands: Mutex<BTreeSet<ProcessId>>,
    changed: Notify,
    closed: std::sync::atomic::AtomicBool,
}

impl Ledger {
    /// Whether a process is npm: a command of the run, which nobody in the sandbox made.
    pub fn is_npm(&self, process: ProcessId) -> bool {
        self.commands.lock().is_ok_and(|commands| commands.contains(&process))
    }

    /// Takes note of an event.
    pub fn note(&self, event: &Event) {
        if let Event::Forked { process, parent: None } = event
            && let Ok(mut commands) = self.commands.lock()
        {
            commands.insert(*process);
        }
        if let Event::Connected { process, to: Peer::Ip { address, port }, local: Some(local), .. } = event
            && let Ok(address) = address.parse::<IpAddr>()
        {
            // The kernel takes "any" for itself.
            let address = if address.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address };
            if let Ok(mut open) = self.open.lock()
                && open.len() < MAX_OPEN
            {
                open.insert((*local, SocketAddr::new(address, *port)), *process);
            }
            self.changed.notify_waiters();
        }
    }

    /// No more events will come: nobody needs to wait.
    pub fn close(&self) {
        self.closed.store(true, std::sync::atomic::Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Who opened the connection from `peer` to `door`, waiting a little for a report
    /// that is on its way. A connection is answered for once.
    pub async fn owner(&self, peer: SocketAddr, door: SocketAddr) -> Option<ProcessId> {
        let look = || {
            let mut open = self.open.lock().ok()?;
            if door.port() != DNS {
                return open.remove(&(peer, door));
            }
            // A socket that only sends has no address of its own.
            let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), peer.port());
            let any_six = SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), peer.port());
            [peer, any, any_six].into_iter().find_map(|local| open.get(&(local, door)).copied())
        };
        let wait = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(process) = look() {
                    return Some(process);
                }
                if self.closed.load(std::sync::atomic::Ordering::Acquire) {
                    return None;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Dial;
    use std::sync::Arc;

    const NPM: ProcessId = ProcessId(1);

    fn at(last: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, last], port))
    }

    fn connected(process: ProcessId, local: SocketAddr, to: SocketAddr) -> Event {
        Event::Connected {
            process,
            to: Peer::Ip { address: to.ip().to_string(), port: to.port() },
            local: Some(local),
            datagram: false,
            outcome: Dial::Pending,
        }
    }

    #[tokio::test]
    async fn an_asker_waits_for_the_report_that_is_on_its_way() {
        let ledger = Arc::new(Ledger::default());
        let asker = tokio::spawn({
            let ledger = ledger.clone();
            async move { ledger.owner(at(1, 40000), at(2, 443)).await }
        });
        tokio::task::yield_now().await;
        ledger.note(&connected(ProcessId(7), at(1, 40001), at(2, 443)));
        ledger.note(&connected(NPM, at(1, 40000), at(2, 443)));
        assert_eq!(asker.await.unwrap(), Some(NPM));
    }

    #[tokio::test]
    async fn a_port_of_npms_makes_nobody_npm() {
        let ledger = Ledger::default();
        ledger.note(&connected(NPM, at(1, 40000), at(2, 443)));
        assert_eq!(ledger.owner(at(1, 40000), at(2, 443)).await, Some(NPM));
        ledger.note(&connected(NPM, at(1, 40001), at(2, 443)));
        ledger.close();
        // The same ends again, npm's port at another address, and towards another door.
        assert_eq!(ledger.owner(at(1, 40000), at(2, 443)).await, None);
        assert_eq!(ledger.owner(at(77, 40001), at(2, 443)).await, None);
        assert_eq!(ledger.owner(at(1, 40001), at(3, 443)).await, None);
    }

    #[test]
    fn npm_is_whom_nobody_made() {
        let ledger = Ledger::default();
        let forked = |process, parent| Event::Forked { process: ProcessId(process), parent };
        ledger.note(&forked(1, None));
        ledger.note(&forked(2, Some(NPM)));
        ledger.note(&forked(9, None));
        assert_eq!([1, 2, 9].map(|process| ledger.is_npm(ProcessId(process))), [true, false, true]);
    }

    #[tokio::test]
    async fn a_resolver_is_asked_several_times_by_one_socket() {
        let ledger = Ledger::default();
        ledger.note(&connected(NPM, at(1, 40000), at(1, 53)));
        ledger.note(&connected(ProcessId(3), SocketAddr::from(([0, 0, 0, 0], 40001)), at(1, 53)));
        for _ in 0..2 {
            assert_eq!(ledger.owner(at(1, 40000), at(1, 53)).await, Some(NPM));
            assert_eq!(ledger.owner(at(1, 40001), at(1, 53)).await, Some(ProcessId(3)));
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_witness_that_is_gone() {
        let ledger = Ledger::default();
        ledger.close();
        assert_eq!(ledger.owner(at(1, 1), at(2, 443)).await, None);
    }
}
