//! Which run starts when: as many side by side as there are jobs, in the plan's
//! order, those that want a warm cache once there is one.

use super::{Invocation, Listener, RunError, Told, sealing};
use crate::evidence::Evidence;
use crate::evidence::seal::Recording;
use crate::plan::{Plan, RunSpec};
use crate::sandbox::CacheSpec;
use crate::sandbox::namespaces::ScratchFolder;
use crate::scenario::Cache;
use std::collections::BTreeMap;
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

impl Invocation {
    /// Runs a whole plan. Every run of it has an outcome, in the plan's order;
    /// a run that fails takes no other with it.
    pub async fn run(self: Arc<Self>, plan: Plan, listener: Listener) -> Vec<Outcome> {
        let jobs = Arc::new(Semaphore::new(self.jobs.max(1)));
        let wants_warm = plan.runs.iter().any(|run| run.cache == Cache::Warm);
        let giver = wants_warm
            .then(|| plan.runs.iter().position(|run| run.scenario.name == GIVER && run.repeat == 1))
            .flatten();
        let kept = giver.map(|_| ScratchFolder::create(&self.scratch_root, "warm-cache"));
        let kept = match kept {
            Some(Ok(folder)) => Some(Arc::new(folder)),
            Some(Err(error)) => {
                tracing::warn!(%error, "no cache can be handed on");
                None
            }
            None => None,
        };
        // None until the giver ended, then whether its cache is good.
        let (given, _) = watch::channel(None::<bool>);
        if kept.is_none() {
            given.send_replace(Some(false));
        }
        let mut tasks = Vec::new();
        for (at, run) in plan.runs.iter().cloned().enumerate() {
            let invocation = self.clone();
            let (jobs, listener, kept) = (jobs.clone(), listener.clone(), kept.clone());
            let gives = giver == Some(at) && kept.is_some();
            let (mut ready, given) = (given.subscribe(), given.clone());
            // Taken here, so that runs begin in the plan's order; who waits for a
            // cache must not hold up who does not.
            let permit = match run.cache {
                Cache::Clean => jobs.clone().acquire_owned().await.ok(),
                Cache::Warm => None,
            };
            tasks.push(tokio::spawn(async move {
                let cache = match (&kept, run.cache, gives) {
                    (Some(folder), Cache::Clean, true) => CacheSpec::Keep(folder.inner()),
                    (_, Cache::Clean, _) => CacheSpec::Empty,
                    (folder, Cache::Warm, _) => {
                        let good =
                            ready.wait_for(Option::is_some).await.is_ok_and(|good| *good == Some(true));
                        match folder {
                            Some(folder) if good => CacheSpec::CopyOf(folder.inner()),
                            Some(_) | None => return Err(RunError::NoCache(GIVER.to_owned())),
                        }
                    }
                };
                let permit = match permit {
                    Some(permit) => Ok(permit),
                    None => jobs.acquire_owned().await,
                };
                let Ok(_permit) = permit else { return Err(RunError::Stopped) };
                let began = Instant::now();
                listener(Told::Started { id: run.id.clone(), scenario: run.scenario.name.clone() });
                let recording = invocation.record(&run, cache, &listener).await;
                if gives {
                    given.send_replace(Some(recording.as_ref().is_ok_and(sealing::worked)));
                }
                let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                let ending = sealing::ending(&recording);
                listener(Told::Finished { id: run.id.clone(), ending, ms });
                recording
            }));
        }
        let mut recordings: Vec<Result<Recording, RunError>> = Vec::new();
        for task in tasks {
            recordings.push(task.await.unwrap_or_else(|error| Err(RunError::Fault(error.to_string()))));
        }
        self.seal_all(plan.runs, recordings)
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
