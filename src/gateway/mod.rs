//! The only network that a sandbox has.
//!
//! Sockets that listen inside a sandbox are handed in; every name leads to one
//! of them. TLS ends here, each exchange is recorded, and each is answered as
//! the declared world says: forwarded, from a folder, failed in a named way, or
//! by a decoy. Names of the project's own never leave, nothing is ever
//! published, and real credentials are put on only here.
//!
//! It must not know how a sandbox is made, what a process is (it asks its
//! [`Callers`]), or what anybody concludes from the record.

mod answer;
mod authority;
mod callers;
mod carried;
mod connection;
mod credential;
mod decide;
mod decoy;
mod dns;
mod excuse;
mod fault;
mod flow;
mod folder;
mod forward;
mod kept;
mod layout;
mod legible;
mod line;
mod local;
mod names;
mod pinned;
mod reach;
mod record;
mod route;
mod scan;
mod searched;
mod serve;
mod spelling;
mod tamper;
mod unpack;
#[cfg(test)]
mod worlds;
mod written;

pub use authority::Authority;
pub use callers::{Caller, Callers};
pub use decoy::MARK as DECOY_MARK;
pub use record::{Progress, Record};

use crate::door::{Doors, Visit};
use crate::plan::World;
use crate::upstream::{Allowance, Upstream, UpstreamError};
use connection::Connections;
use decoy::Decoys;
use dns::Resolver;
use layout::Layout;
use names::Names;
use record::Recorder;
use route::Inside;
use scan::Scanner;
use serve::{Place, Shared};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Why a gateway could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A key or a certificate could not be made.
    #[error("a certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[from] rustls::Error),
    /// A decoy could not be packed.
    #[error("a decoy could not be packed")]
    Decoy(#[source] std::io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] UpstreamError),
}

/// What a gateway is to be.
#[derive(Clone)]
pub struct GatewaySpec {
    /// The world to play.
    pub world: Arc<World>,
    /// Signs for every name; its certificate is in the sandbox's trust stores.
    pub authority: Arc<Authority>,
    /// The way to the real registries, shared by all runs.
    pub upstream: Arc<Upstream>,
    /// Names the process behind a connection.
    pub callers: Arc<dyn Callers>,
    /// Proxies that the project's npm config names, host (lower case) and port:
    /// only at their doors does `CONNECT` open a tunnel.
    pub proxies: Vec<(String, u16)>,
}

/// An open gateway. Dropping it closes it and loses the record.
pub struct Gateway {
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    listeners: JoinSet<()>,
}

/// Time that connections get to end after the sandbox is gone.
const GRACE: Duration = Duration::from_secs(1);

impl Gateway {
    /// Begins to serve the doors of a sandbox. Needs a tokio runtime; blocks for
    /// as long as it takes to pack the decoys.
    pub fn open(spec: GatewaySpec, doors: Doors) -> Result<Self, GatewayError> {
        let world = &spec.world;
        let names = Arc::new(Names::new(world, spec.proxies.iter().map(|(host, _)| host.as_str())));
        let scanner = Arc::new(Scanner::new(world));
        let recorder = Arc::new(Recorder::default());
        let shared = Arc::new(Shared {
            decoys: Decoys::build(&world.decoys, spec.upstream.store())?,
            inside: Inside::new(world),
            layouts: world
                .registries
                .iter()
                .enumerate()
                .map(|(at, registry)| Layout::of(world, at, &registry.url))
                .collect(),
            world: spec.world.clone(),
            upstream: spec.upstream,
            callers: spec.callers.clone(),
            names: names.clone(),
            scanner: scanner.clone(),
            recorder: recorder.clone(),
            for_scripts: Allowance::new(forward::FOR_SCRIPTS),
            bodies: Arc::new(Semaphore::new(searched::HELD)),
            handed: Mutex::default(),
            proxies: spec.proxies,
            over: CancellationToken::new(),
        });
        let connections = Connections::new(shared.clone(), spec.authority);
        let resolver = Arc::new(Resolver { names, scanner, recorder, callers: spec.callers });
        let mut listeners = JoinSet::new();
        let Doors { visits, datagrams } = doors;
        listeners.spawn(resolver.clone().serve_datagrams(datagrams));
        listeners.spawn(welcome(visits, connections.clone(), resolver));
        Ok(Self { shared, connections, listeners })
    }

    /// How far the run has come.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.shared.recorder.progress()
    }

    /// Stops serving and hands the record over. Called when the sandbox is
    /// gone: what is still open then ends within a second.
    pub async fn close(mut self) -> Record {
        self.shared.over.cancel();
        let mut tasks =
            std::mem::take(&mut *self.connections.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        self.listeners.shutdown().await;
        let _ = tokio::time::timeout(GRACE, async { while tasks.join_next().await.is_some() {} }).await;
        tasks.shutdown().await;
        let mut late =
            std::mem::take(&mut *self.connections.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        late.shutdown().await;
        let mut record = self.shared.recorder.clone().finish().await;
        record.decoys = self.shared.decoys.offered();
        record.spent = self.shared.for_scripts.is_spent();
        record
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Gateway")
    }
}

/// Leads each that comes to where it belongs.
async fn welcome(mut visits: mpsc::Receiver<Visit>, connections: Arc<Connections>, resolver: Arc<Resolver>) {
    let queries = Arc::new(Semaphore::new(dns::MAX_STREAMS));
    loop {
        let Ok(permit) = connections.room.clone().acquire_owned().await else { return };
        let Some(visit) = visits.recv().await else { return };
        if visit.door != dns::RESOLVER {
            connections.clone().serve(visit, permit);
        } else {
            let (queries, resolver) = (queries.clone(), resolver.clone());
            // It waits for its turn: one that was turned away would be seen by nobody.
            let (towards, all, place) = (connections.towards(&visit), connections.clone(), Place::of(permit));
            connections.spawn(async move {
                if let Ok(turn) = queries.acquire_owned().await {
                    let flow = all.flow(towards);
                    let rest = resolver.serve_stream(visit, &flow).await;
                    drop(turn);
                    all.listen_on(rest, &flow, &place).await;
                }
            });
        }
    }
}
