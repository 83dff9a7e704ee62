//! Introduces the gateway to the sandbox and takes down what both saw.
//!
//! One invocation is one project under one toolchain: its runs go side by side,
//! share one authority and one frozen upstream, and hand on nothing but npm's
//! cache where a scenario asks for a warm one. Nothing is judged here.

pub mod ledger;
pub mod place;
pub mod recorder;
mod rooted;
mod schedule;
mod sealing;

pub use schedule::Outcome;
pub use sealing::Learned;

use crate::evidence::seal::{Platform, Recording};
use crate::gateway::{Authority, Caller, Callers, Gateway, GatewaySpec};
use crate::plan::RunSpec;
use crate::project::Project;
use crate::sandbox::{Backend, CacheSpec, SandboxError};
use crate::upstream::Upstream;
use crate::wire::{CutShort, Event, GapKind};
use ledger::Ledger;
use place::Common;
use recorder::{Recorder, Taken};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What is the same for all runs of an invocation.
#[derive(Debug)]
pub struct Invocation {
    /// The project.
    pub project: Arc<Project>,
    /// The place's common parts.
    pub common: Common,
    /// The platform inside.
    pub platform: Platform,
    /// The authority whose certificates the gateways show.
    pub authority: Arc<Authority>,
    /// The way to the real registries.
    pub upstream: Arc<Upstream>,
    /// Where sandboxes are made.
    pub backend: Backend,
    /// Where caches that are handed on lie.
    pub scratch_root: PathBuf,
    /// How many runs go side by side.
    pub jobs: usize,
    /// What the baseline taught, for plans that are run after its own.
    pub learned: Arc<Learned>,
    /// npm's cache of the runs that are to begin with a clean one: empty, or as another
    /// invocation left it, of which `learned` is then to be taken over as well.
    pub cache: CacheSpec,
    /// Becomes true when the user wants an end.
    pub stop: watch::Receiver<bool>,
}

/// Why a run gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The place could not be made, or was lost.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The gateway could not be opened.
    #[error("the gateway could not be opened")]
    Gateway(#[from] crate::gateway::GatewayError),
    /// Something on this machine's disk.
    #[error("{what}")]
    Disk {
        /// A fragment.
        what: String,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The user wanted an end before it began.
    #[error("interrupted before it began")]
    Stopped,
    /// A run that it builds on gave nothing.
    #[error("`{0}`, whose cache it starts from, did not finish")]
    NoCache(String),
    /// The baseline was not given the bytes that a run needs to know.
    #[error("`{0}` cannot be pinned by a sha1: the baseline was not given its bytes")]
    NoShasum(String),
    /// A task of ours ended by a panic.
    #[error("a fault of our own: {0}")]
    Fault(String),
}

/// What is told while runs go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A run began.
    Started {
        /// Its id.
        id: String,
        /// Its scenario.
        scenario: String,
    },
    /// npm was started.
    Installing {
        /// The run's id.
        id: String,
    },
    /// A script of a package is running, by the name of its event.
    Script {
        /// The run's id.
        id: String,
        /// The event.
        event: String,
    },
    /// Tarballs delivered so far.
    Fetched {
        /// The run's id.
        id: String,
        /// How many.
        tarballs: u64,
    },
    /// A run ended.
    Finished {
        /// Its id.
        id: String,
        /// How its command ended, a fragment.
        ending: String,
        /// Milliseconds of the whole run.
        ms: u64,
    },
}

/// Whoever listens to what is told.
pub type Listener = Arc<dyn Fn(Told) + Send + Sync>;

/// How much longer than its limit a run may keep silent.
const PATIENCE: Duration = Duration::from_secs(120);

struct Attribution {
    ledger: Arc<Ledger>,
    follows: bool,
}

impl Callers for Attribution {
    fn follows(&self) -> bool {
        self.follows
    }

    fn caller<'a>(
        &'a self,
        peer: SocketAddr,
        door: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Option<Caller>> + Send + 'a>> {
        Box::pin(async move {
            let process = self.ledger.owner(peer, door).await?;
            Some(Caller { process, npm: self.ledger.is_npm(process) })
        })
    }
}

impl Invocation {
    /// One run from its specification to its recording.
    async fn record(
        &self,
        run: &RunSpec,
        cache: CacheSpec,
        listener: &Listener,
    ) -> Result<Recording, RunError> {
        let mut stop = self.stop.clone();
        if *stop.borrow() {
            return Err(RunError::Stopped);
        }
        let keeps = matches!(cache, CacheSpec::Keep(_));
        let spec = place::place(run, &self.project, &self.common, cache);
        let (doors, prepared) = self.backend.prepare(spec).await?;
        let ledger = Arc::new(Ledger::default());
        let gateway = Gateway::open(
            GatewaySpec {
                world: Arc::new(run.world.clone()),
                authority: self.authority.clone(),
                upstream: self.upstream.clone(),
                callers: Arc::new(Attribution { ledger: ledger.clone(), follows: self.common.trace }),
                proxies: self.common.proxies.clone(),
            },
            doors,
        )?;
        let mut progress = gateway.progress();
        let skipped = prepared.skipped().to_vec();
        let mut running = prepared.start().await?;
        let mut recorder = Recorder::default();
        let mut stopping = false;
        let late = tokio::time::sleep(self.common.time_limit + PATIENCE);
        tokio::pin!(late);
        loop {
            let signal = tokio::select! {
                signal = running.signals.recv() => signal,
                changed = stop.changed(), if !stopping => {
                    if changed.is_err() || *stop.borrow() {
                        stopping = true;
                        running.interrupt();
                    }
                    continue;
                }
                // The witness ends a run in time; an engine that hangs takes it along.
                () = &mut late => break,
                Ok(()) = progress.changed() => {
                    let tarballs = progress.borrow_and_update().tarballs;
                    listener(Told::Fetched { id: run.id.clone(), tarballs });
                    continue;
                }
            };
            let Some(signal) = signal else { break };
            if let crate::sandbox::Signal::Event(timed) = &signal {
                tell(&timed.event, &run.id, listener);
            }
            recorder.take(signal, &ledger);
        }
        ledger.close();
        let ended = running.finish().await;
        let mut record = gateway.close().await;
        if let Some(start) = recorder.start() {
            record = record.since(start);
        }
        let secrets = run.world.hidden();
        let was_ended = recorder.ended();
        let Taken { mut events, times, output } = recorder.finish(&secrets);
        if record.spent {
            let detail = "scripts asked for more than is fetched for them in one run".to_owned();
            events.push(Event::Gap { kind: GapKind::Overflow, detail });
        }
        if record.dropped > 0 {
            // A number would be another one each time.
            let detail = "scripts made more requests or look-ups than are kept".to_owned();
            events.push(Event::Gap { kind: GapKind::Overflow, detail });
        }
        rooted::rooted(&mut events, &self.project.inside);
        if let (Err(error), false) = (&ended, was_ended) {
            events.push(Event::Gap { kind: GapKind::Witness, detail: whole(error) });
            let cut_short = stopping.then_some(CutShort::Host);
            events.push(Event::Ended { peak_memory: 0, cut_short });
        }
        if let (Err(error), true, true) = (&ended, was_ended, keeps) {
            let detail = format!("npm's cache could not be kept: {}", whole(error));
            events.push(Event::Gap { kind: GapKind::Witness, detail });
        }
        if !skipped.is_empty() {
            tracing::info!(run = run.id, ?skipped, "files of the project were not copied");
        }
        Ok(Recording {
            events,
            times,
            exchanges: record.exchanges,
            lookups: record.lookups,
            decoys: record.decoys,
            output,
        })
    }
}

/// An error with its cause.
fn whole(error: &SandboxError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

fn tell(event: &Event, id: &str, listener: &Listener) {
    match event {
        Event::Ready => listener(Told::Installing { id: id.to_owned() }),
        Event::Executed { lifecycle: Some(lifecycle), .. } => {
            let event = lifecycle.event.chars().take(40).collect();
            listener(Told::Script { id: id.to_owned(), event });
        }
        Event::Forked { .. }
        | Event::Executed { .. }
        | Event::ExecFailed { .. }
        | Event::Exited { .. }
        | Event::Connected { .. }
        | Event::Read { .. }
        | Event::Fed { .. }
        | Event::Denied { .. }
        | Event::Unpacked { .. }
        | Event::Installed { .. }
        | Event::Changed(_)
        | Event::CommandExited { .. }
        | Event::Gap { .. }
        | Event::Ended { .. } => {}
    }
}
