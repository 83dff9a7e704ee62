//! Which run starts when: as many side by side as there are jobs, in the order that
//! [`plan::expected`] gives, those that want a warm cache once there is one.

use super::{Invocation, Listener, RunError, Told, sealing};
use crate::evidence::Evidence;
use crate::evidence::seal::Recording;
use crate::plan::{self, Plan, RunSpec};
use crate::sandbox::CacheSpec;
use crate::sandbox::namespaces::ScratchFolder;
use crate::scenario::Cache;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};

/// A run's end: what was observed, or why nothing was.
#[derive(Debug)]
pub struct Outcome {
    /// The run.
    pub run: RunSpec,
    /// What was observed.
    pub evidence: Result<Evidence, RunError>,
}

/// The scenario whose cache is handed on.
pub(super) const GIVER: &str = "baseline";

/// Whose cache a run begins with, for people.
fn giver_of(cache: Cache) -> &'static str {
    match cache {
        Cache::Clean | Cache::Warm => GIVER,
        Cache::Poisoned | Cache::PoisonedImmutable | Cache::MustRevalidate => "cache-filling",
    }
}

/// A cache that one run leaves and others begin with.
#[derive(Clone)]
struct Handed {
    folder: Option<Arc<ScratchFolder>>,
    /// None until the giver ended, then whether its cache is good.
    given: watch::Sender<Option<bool>>,
}

impl Handed {
    fn new(root: &Path, label: &str, wanted: bool) -> Self {
        let folder = match wanted.then(|| ScratchFolder::create(root, label)) {
            Some(Ok(folder)) => Some(Arc::new(folder)),
            Some(Err(error)) => {
                tracing::warn!(%error, "no cache can be handed on");
                None
            }
            None => None,
        };
        let (given, _) = watch::channel(folder.is_none().then_some(false));
        Self { folder, given }
    }

    /// A copy of it, once its giver has ended.
    async fn copy(&self, giver: &str) -> Result<CacheSpec, RunError> {
        let mut ready = self.given.subscribe();
        let good = ready.wait_for(Option::is_some).await.is_ok_and(|good| *good == Some(true));
        match &self.folder {
            Some(folder) if good => Ok(CacheSpec::CopyOf(folder.inner())),
            Some(_) | None => Err(RunError::NoCache(giver.to_owned())),
        }
    }
}

impl Invocation {
    /// Runs a whole plan. Every run of it has an outcome, in the plan's order;
    /// a run that fails takes no other with it.
    pub async fn run(self: Arc<Self>, plan: Plan, listener: Listener) -> Vec<Outcome> {
        let jobs = Arc::new(Semaphore::new(self.jobs.max(1)));
        let Plan { runs, fillers, not_applicable: _ } = plan;
        let wants_warm = runs.iter().any(|run| run.cache == Cache::Warm);
        let giver = wants_warm
            .then(|| runs.iter().position(|run| run.scenario.name == GIVER && run.repeat == 1))
            .flatten();
        let warm = Handed::new(&self.scratch_root, "warm-cache", giver.is_some());
        let mut caches = BTreeMap::from([(Cache::Warm, warm.clone())]);
        let mut filling = Vec::new();
        for (cache, run) in fillers {
            let handed = Handed::new(&self.scratch_root, "filled-cache", true);
            if let Some(folder) = handed.folder.clone() {
                let fill = self.clone().fill(cache, run, folder, jobs.clone());
                let given = handed.given.clone();
                filling.push(tokio::spawn(async move {
                    // However it ends, those who wait for it hear of it.
                    let good = tokio::spawn(fill).await.unwrap_or(false);
                    given.send_replace(Some(good));
                }));
            }
            caches.insert(cache, handed);
        }
        let (tell, shasums) = watch::channel(None);
        let mut tell = Some(tell);
        let baseline = runs.iter().position(|run| run.scenario.name == GIVER && run.repeat == 1);
        let mut tasks = BTreeMap::new();
        let packages = self.project.lockfile.entries.len();
        let order = plan::expected::start_order(&runs, baseline, packages);
        for (at, run) in order.into_iter().filter_map(|at| Some((at, runs.get(at)?.clone()))) {
            let invocation = self.clone();
            let (jobs, listener) = (jobs.clone(), listener.clone());
            let (warm, handed) = (warm.clone(), caches.get(&run.cache).cloned());
            let gives = giver == Some(at) && warm.folder.is_some();
            let tell = if baseline == Some(at) { tell.take() } else { None };
            let mut shasums = shasums.clone();
            // Taken here, so that runs begin in this order; who waits for a
            // cache must not hold up who does not.
            let permit = match run.cache {
                Cache::Clean if !run.sha1_of.is_empty() => None,
                Cache::Clean => jobs.clone().acquire_owned().await.ok(),
                Cache::Warm | Cache::Poisoned | Cache::PoisonedImmutable | Cache::MustRevalidate => None,
            };
            let task = tokio::spawn(async move {
                let cache = match (handed, &warm.folder) {
                    (None, Some(folder)) if gives => CacheSpec::Keep(folder.inner()),
                    (None, _) => invocation.cache.clone(),
                    (Some(handed), _) => handed.copy(giver_of(run.cache)).await?,
                };
                let run = if run.sha1_of.is_empty() {
                    run
                } else {
                    // Nobody tells where there is no baseline, or where its task was lost.
                    let told = shasums.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
                    plan::with_shasums(&run, &invocation.project, &told.unwrap_or_default())
                        .map_err(RunError::NoShasum)?
                };
                let permit = match permit {
                    Some(permit) => Ok(permit),
                    None => jobs.acquire_owned().await,
                };
                let Ok(_permit) = permit else { return Err(RunError::Stopped) };
                let began = Instant::now();
                listener(Told::Started { id: run.id.clone(), scenario: run.scenario.name.clone() });
                let recording = invocation.record(&run, cache, &listener).await;
                if let Some(tell) = tell {
                    tell.send_replace(Some(recording.as_ref().map(sealing::shasums).unwrap_or_default()));
                }
                if gives {
                    warm.given.send_replace(Some(recording.as_ref().is_ok_and(sealing::worked)));
                }
                let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                let ending = sealing::ending(&recording);
                listener(Told::Finished { id: run.id.clone(), ending, ms });
                recording
            });
            tasks.insert(at, task);
        }
        drop(tell);
        let mut recordings: Vec<Result<Recording, RunError>> = Vec::new();
        for task in tasks.into_values() {
            recordings.push(task.await.unwrap_or_else(|error| Err(RunError::Fault(error.to_string()))));
        }
        for filling in filling {
            let _ = filling.await;
        }
        self.seal_all(runs, recordings)
    }

    /// Makes the install that leaves a cache, of which nothing is reported but what the cache
    /// then holds. Whether it is what it is to be.
    async fn fill(
        self: Arc<Self>,
        cache: Cache,
        run: RunSpec,
        folder: Arc<ScratchFolder>,
        jobs: Arc<Semaphore>,
    ) -> bool {
        let Ok(_permit) = jobs.acquire_owned().await else { return false };
        let silent: Listener = Arc::new(|_| {});
        match self.record(&run, CacheSpec::Keep(folder.inner()), &silent).await {
            Ok(recording) if sealing::fills(cache, &recording) => {
                sealing::keep_cached(&self, cache, &recording);
                true
            }
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(%error, "a cache cannot be handed on");
                false
            }
        }
    }

    /// Seals the baseline first: it says which bytes are genuine where the
    /// lockfile does not, and what the warm cache held.
    fn seal_all(&self, runs: Vec<RunSpec>, recordings: Vec<Result<Recording, RunError>>) -> Vec<Outcome> {
        let mut sealed: BTreeMap<usize, Result<Evidence, RunError>> = BTreeMap::new();
        let mut order: Vec<_> = runs.into_iter().zip(recordings).enumerate().collect();
        order.sort_by_key(|(at, (run, _))| (run.scenario.name != GIVER, run.repeat, *at));
        let mut specs = BTreeMap::new();
        for (at, (run, recording)) in order {
            let evidence = recording.map(|recording| sealing::seal(self, &run, recording));
            sealed.insert(at, evidence);
            specs.insert(at, run);
        }
        specs
            .into_iter()
            .zip(sealed.into_values())
            .map(|((_, run), evidence)| Outcome { run, evidence })
            .collect()
    }
}
