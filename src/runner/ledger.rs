//! Who opened which connection: told by the witness, asked by the gateway.
//!
//! The witness reports a connection while the process that asked for it is
//! still held at the exit of its call, so the report is on its way before the
//! first byte is; only the reading of it may lag behind, so the asker waits.

use crate::wire::{Event, Peer, ProcessId};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::Notify;

/// The command itself, npm.
pub const NPM: ProcessId = ProcessId(1);

/// How long an asker waits for a report that is on its way.
const PATIENCE: Duration = Duration::from_secs(2);

/// Local ports on loopback, each with the process that used it last.
#[derive(Debug, Default)]
pub struct Ledger {
    ports: Mutex<BTreeMap<u16, ProcessId>>,
    changed: Notify,
    closed: std::sync::atomic::AtomicBool,
}

impl Ledger {
    /// Takes note of an event.
    pub fn note(&self, event: &Event) {
        if let Event::Connected { process, to: Peer::Ip { .. }, local_port: Some(port), .. } = event {
            if let Ok(mut ports) = self.ports.lock() {
                ports.insert(*port, *process);
            }
            self.changed.notify_waiters();
        }
    }

    /// No more events will come: nobody needs to wait.
    pub fn close(&self) {
        self.closed.store(true, std::sync::atomic::Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Who uses a local port, waiting a little for a report that is on its way.
    pub async fn owner(&self, port: u16) -> Option<ProcessId> {
        let look = || self.ports.lock().ok().and_then(|ports| ports.get(&port).copied());
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

    fn connected(port: u16) -> Event {
        Event::Connected {
            process: NPM,
            to: Peer::Ip { address: "127.0.0.2".into(), port: 443 },
            local_port: Some(port),
            outcome: Dial::Pending,
        }
    }

    #[tokio::test]
    async fn an_asker_waits_for_the_report_that_is_on_its_way() {
        let ledger = Arc::new(Ledger::default());
        let asker = tokio::spawn({
            let ledger = ledger.clone();
            async move { ledger.owner(40000).await }
        });
        tokio::task::yield_now().await;
        ledger.note(&connected(40001));
        ledger.note(&connected(40000));
        assert_eq!(asker.await.unwrap(), Some(NPM));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_witness_that_is_gone() {
        let ledger = Ledger::default();
        ledger.close();
        assert_eq!(ledger.owner(1).await, None);
    }
}
