//! What a recording is joined with: the trees of the tarballs that went over
//! the wire, and what the baseline taught.

use super::{Invocation, RunError};
use crate::evidence::seal::{KnownTarball, Recording, SealContext, known_tarballs};
use crate::evidence::tree::TarballIndex;
use crate::evidence::{Evidence, Exchange, ExchangeKind};
use crate::plan::RunSpec;
use crate::project::npmrc::Level;
use crate::project::npmrc::levels::of_run;
use crate::scenario::Cache;
use crate::wire::{Event, Exit, GapKind};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

type Indexes = BTreeMap<String, TarballIndex>;

/// What the baseline of an invocation taught, once it ran, and what other caches hold that
/// runs begin with.
#[derive(Debug, Default)]
pub struct Learned {
    baseline: OnceLock<Known>,
    filled: Mutex<BTreeMap<Cache, Cached>>,
}

/// What a cache holds, by the digest of the tree that it unpacks to.
type Cached = Arc<BTreeMap<String, KnownTarball>>;

impl Learned {
    /// Keeps what the first baseline taught.
    fn keep(&self, known: Known) {
        let _ = self.baseline.set(known);
    }

    /// What is known by now.
    fn known(&self) -> &Known {
        static NOTHING: LazyLock<Known> = LazyLock::new(Known::default);
        self.baseline.get().unwrap_or(&NOTHING)
    }

    /// What the cache held that a run began with.
    fn cached(&self, cache: Cache) -> Cached {
        match cache {
            Cache::Clean | Cache::Warm => self.known().cached.clone(),
            Cache::Poisoned | Cache::PoisonedImmutable | Cache::MustRevalidate => {
                let filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
                filled.get(&cache).cloned().unwrap_or_default()
            }
        }
    }
}

/// What the baseline taught: the genuine bytes by path, and what a warm cache holds.
#[derive(Debug, Default)]
struct Known {
    genuine: BTreeMap<String, String>,
    cached: Cached,
}

impl Known {
    /// From the baseline's evidence and the tarballs that were delivered to it.
    fn of(baseline: &Evidence, tarballs: &Indexes) -> Self {
        let mut known = Self::default();
        for package in &baseline.packages {
            let Some(sha512) = package.source.as_ref().and_then(|source| source.sha512.clone()) else {
                continue;
            };
            known.genuine.insert(package.path.clone(), sha512);
        }
        known.cached = Arc::new(known_tarballs(&baseline.exchanges, tarballs));
        known
    }
}

/// Whether a recorded command ended well.
pub(super) fn worked(recording: &Recording) -> bool {
    let any = |wanted: fn(&Event) -> bool| recording.events.iter().any(wanted);
    any(|event| matches!(event, Event::CommandExited { how: Exit::Code(0), .. }))
        // The cache that it was to give may be a part of one.
        && !any(|event| matches!(event, Event::Gap { kind: GapKind::Witness, .. }))
}

/// Whether the cache that an install leaves is what it is to be: of a poisoned one, that a
/// stranger's package was among what was fetched.
pub(super) fn fills(cache: Cache, recording: &Recording) -> bool {
    let strangers = || recording.exchanges.iter().any(|it| it.decoy && it.kind == ExchangeKind::Tarball);
    worked(recording) && (!cache.is_poisoned() || strangers())
}

/// The sha1 of each tarball that was delivered whole, by its sha512.
pub(super) fn shasums(recording: &Recording) -> BTreeMap<String, String> {
    let tarballs = recording.exchanges.iter().filter(|it| it.kind == ExchangeKind::Tarball);
    tarballs.filter_map(|it| Some((it.sha512.clone()?, it.sha1.clone()?))).collect()
}

/// Keeps what a cache holds.
pub(super) fn keep_cached(invocation: &Invocation, cache: Cache, recording: &Recording) {
    let tarballs = indexes(invocation, &recording.exchanges);
    let cached = Arc::new(known_tarballs(&recording.exchanges, &tarballs));
    let mut filled = invocation.learned.filled.lock().unwrap_or_else(PoisonError::into_inner);
    filled.insert(cache, cached);
}

/// How a run's command ended, a fragment for progress.
pub(super) fn ending(recording: &Result<Recording, RunError>) -> String {
    let recording = match recording {
        Ok(recording) => recording,
        Err(error) => return format!("not run: {error}"),
    };
    for event in &recording.events {
        if let Event::CommandExited { how, .. } = event {
            return match how {
                Exit::Code(code) => format!("npm exited with {code}"),
                Exit::Signal(signal) => format!("npm ended by signal {signal}"),
            };
        }
    }
    "cut short".to_owned()
}

/// What the delivered tarballs unpack to, by `sha512-…`. Each is a file of the store to
/// be parsed, and there is one for every package.
fn indexes(invocation: &Invocation, exchanges: &[Exchange]) -> Indexes {
    let store = invocation.upstream.store();
    let delivered = exchanges.iter().filter(|exchange| exchange.kind == ExchangeKind::Tarball);
    let wanted: BTreeSet<&str> = delivered.filter_map(|exchange| exchange.sha512.as_deref()).collect();
    let wanted: Vec<&str> = wanted.into_iter().collect();
    let read = |sha512: &&str| match store.index(sha512) {
        Ok(index) => Some(((*sha512).to_owned(), index)),
        Err(error) => {
            tracing::debug!(sha512, %error, "a tarball has no index");
            None
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let parts: Vec<_> = wanted
            .chunks(wanted.len().div_ceil(threads).max(1))
            .map(|part| scope.spawn(move || part.iter().filter_map(read).collect::<Vec<_>>()))
            .collect();
        // A thread that panicked would have done so here.
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    })
}

/// Joins one recording. The baseline's teaches.
pub(super) fn seal(invocation: &Invocation, run: &RunSpec, recording: Recording) -> Evidence {
    let known = invocation.learned.known();
    let tarballs = indexes(invocation, &recording.exchanges);
    let cached = invocation.learned.cached(run.cache);
    let secrets = run.world.hidden();
    let private =
        run.world.private.iter().map(|(name, registry)| (name.to_string(), registry.clone())).collect();
    let evidence = crate::evidence::seal::seal(
        recording,
        &SealContext {
            project: &invocation.project,
            scenario: &run.scenario.name,
            repeat: run.repeat,
            command: &run.command,
            then: &run.then,
            platform: &invocation.platform,
            node: &invocation.common.toolchain.node,
            npm: &invocation.common.toolchain.npm,
            config: &of_run(&invocation.project.config, Level::Env, &run.command, &run.env),
            node_env: run.env.get("NODE_ENV").map(String::as_str),
            tarballs: &tarballs,
            known: &cached,
            genuine: &known.genuine,
            doors_here: &super::place::ports_here(run, &invocation.common),
            private: &private,
            secrets: &secrets,
        },
    );
    if run.scenario.name == super::schedule::GIVER && run.repeat == 1 {
        invocation.learned.keep(Known::of(&evidence, &tarballs));
    }
    evidence
}
