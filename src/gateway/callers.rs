//! Who is at the other end of a connection.
//!
//! The gateway cannot see processes. Whoever runs it can, and is asked.

use crate::wire::ProcessId;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The process behind a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Which.
    pub process: ProcessId,
    /// It is npm itself, and no script.
    pub npm: bool,
}

/// Names the process that opened a connection.
pub trait Callers: Send + Sync {
    /// Whether anybody is followed in this run at all.
    fn follows(&self) -> bool {
        true
    }

    /// The process whose socket has the address `peer` inside the sandbox and leads
    /// to `door`; `None` where that is not known. May wait for the witness to say it.
    /// Asked once for each connection, and for each question over UDP.
    fn caller<'a>(
        &'a self,
        peer: SocketAddr,
        door: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Option<Caller>> + Send + 'a>>;
}

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The answer to the question, once it is there; shared by all requests of a connection.
#[derive(Debug, Clone)]
pub(super) struct Asked(watch::Receiver<Option<Option<Caller>>>);

impl Asked {
    /// Begins to ask.
    pub(super) fn about(callers: Arc<dyn Callers>, peer: SocketAddr, door: SocketAddr) -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let answer = tokio::time::timeout(PATIENCE, callers.caller(peer, door)).await;
            sender.send_replace(Some(answer.ok().flatten()));
        });
        Self(receiver)
    }

    /// Waits for the answer.
    pub(super) async fn wait(&self) -> Option<Caller> {
        let mut receiver = self.0.clone();
        receiver.wait_for(Option::is_some).await.ok().and_then(|answer| (*answer).flatten())
    }
}
