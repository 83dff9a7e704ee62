//! The real registries, reached as npm would reach them, and what they
//! answered, kept.
//!
//! The world is frozen for an invocation: each request goes out once, and its
//! answer is served to every run from the store ever after, so that a
//! difference between two runs never comes from a registry having moved. A
//! kept store is served without asking again, which makes `--offline`.
//!
//! It must not know scenarios, sandboxes or which package is private: whoever
//! calls decides what may leave.

mod allowance;
pub mod archive;
pub mod config;
mod flight;
pub mod folder;
mod hosts;
mod internal;
pub mod request;
pub mod store;
mod ways;

pub use allowance::Allowance;
pub use config::UpstreamConfig;
pub use folder::{PackedVersion, ServedFolder, ServedVersion};
pub use request::{Accept, Answer, Body, Head, Reach, Request};
pub use store::{ContentWriter, DEFAULT_LIMIT, Kept, Store, Trimmed};
pub use ways::Ways;

/// The largest packument that is read, in bytes.
pub const MAX_PACKUMENT: u64 = 64 << 20;

use flight::{Flight, Way};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Distinct requests of one invocation. A script can ask for names without
/// end; past this it is told no.
const MAX_FLIGHTS: usize = 200_000;

/// Why an answer could not be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpstreamError {
    /// Offline, and the store does not have it.
    #[error("`{0}` is not in the store, and no registry may be asked (offline)")]
    Offline(String),
    /// The registry could not be reached or broke off.
    #[error("{host} could not be reached: {what}")]
    Network {
        /// The host.
        host: String,
        /// What went wrong, without the URL.
        what: String,
    },
    /// Its name leads to an address that this request may not go to.
    #[error("{host} is at {address}, an internal address that only the tested project names")]
    Internal {
        /// The host.
        host: String,
        /// Where it is.
        address: std::net::IpAddr,
    },
    /// A body beyond all measure.
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit.
        limit: u64,
    },
    /// What may be fetched for who asks was fetched.
    #[error("more is fetched from {0} than may be")]
    Spent(String),
    /// More distinct requests than are kept.
    #[error("more than {MAX_FLIGHTS} different requests in one invocation")]
    TooMany,
    /// The store or a served folder.
    #[error("`{path}` could not be read or written")]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// A served folder is not what it should be.
    #[error("`{path}` cannot be served: {what}")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A certificate, a key or a proxy that cannot be used.
    #[error("{what} cannot be used: {why}")]
    Config {
        /// Which setting.
        what: String,
        /// Why, without secrets.
        why: String,
    },
    /// Content that is not in the store.
    #[error("no content of digest `{0}` is in the store")]
    NoContent(String),
}

/// The way to the real registries.
#[derive(Debug)]
pub struct Upstream {
    way: Arc<Way>,
    store: Arc<Store>,
    offline: bool,
    flights: Mutex<BTreeMap<String, Arc<Flight>>>,
    folders: Mutex<BTreeMap<PathBuf, Arc<ServedFolder>>>,
}

impl Upstream {
    /// One with a way of its own. With `offline` nothing is ever sent.
    pub fn new(config: &UpstreamConfig, store: Arc<Store>, offline: bool) -> Result<Self, UpstreamError> {
        Ways::default().upstream(config, store, offline)
    }

    fn by(way: Arc<Way>, store: Arc<Store>, offline: bool) -> Self {
        Self { way, store, offline, flights: Mutex::default(), folders: Mutex::default() }
    }

    /// The store behind it.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Whether the host of a URL is not asked any more, since it could not be reached.
    pub fn has_given_up(&self, url: &url::Url) -> bool {
        self.way.hosts.given_up(url).is_some()
    }

    /// Asks for a URL: once for any number of callers and runs. The answer
    /// streams while it is being stored.
    pub async fn get(&self, request: Request) -> Result<Answer, UpstreamError> {
        self.get_within(request, None).await
    }

    /// The same, where what is fetched counts against an allowance.
    pub async fn get_within(
        &self,
        request: Request,
        allowance: Option<Allowance>,
    ) -> Result<Answer, UpstreamError> {
        // Whoever may not go there must not fail for who may, and what npm fetches is kept.
        let for_script = allowance.is_some();
        let key = format!("{} {:?} {for_script}", request.key(), request.reach);
        let (flight, first) = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get(&key) {
                // What failed may be tried again: npm does so itself.
                Some(flight) if !flight.failed() => (flight.clone(), false),
                Some(_) | None if flights.len() >= MAX_FLIGHTS => return Err(UpstreamError::TooMany),
                Some(_) | None => {
                    let (way, store) = (self.way.clone(), self.store.clone());
                    let flight = Flight::start(way, store, self.offline, request, allowance);
                    flights.insert(key, flight.clone());
                    (flight, true)
                }
            }
        };
        flight.answer(first).await
    }

    /// A served folder, read and packed once for the invocation. Blocks.
    pub fn folder(&self, path: &Path) -> Result<Arc<ServedFolder>, UpstreamError> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = folders.get(path) {
            return Ok(folder.clone());
        }
        let folder = Arc::new(ServedFolder::read(path, &self.store)?);
        folders.insert(path.to_owned(), folder.clone());
        Ok(folder)
    }
}
