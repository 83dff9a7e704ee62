//! Where environments are installed in: sandboxes, one after another, and the cache that
//! warm ones begin with.

use super::environments::evidence;
use super::rebuild::Ground;
use crate::cli::arguments::{Backend, CompareArguments, Talk};
use crate::cli::options::{self, Options};
use crate::cli::{Code, capture, catalogue, containers, folders, invoke, load, say, signals};
use crate::compare::behaviour::worked;
use crate::environment::Environment;
use crate::runner::{Learned, Listener, Outcome};
use crate::sandbox::CacheSpec;
use crate::sandbox::namespaces::{ScratchFolder, sweep};
use crate::scenario::Scenario;
use crate::text::Complaint;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use tokio::sync::watch;

/// Does something in a laboratory for the project that is named, with what there is to
/// do before and after it.
pub(super) fn within(
    arguments: &CompareArguments,
    talk: &Talk,
    work: impl AsyncFnOnce(&mut Laboratory<'_>) -> anyhow::Result<Code>,
) -> anyhow::Result<Code> {
    let own = capture::here(&arguments.project, &[], arguments.surroundings.policy.clone())?;
    let runtime = load::runtime()?;
    let stop = signals::stop(&runtime, "installs");
    let code = runtime.block_on(async {
        for removed in sweep(&folders::scratch()).unwrap_or_default() {
            say(&format!("removed what an interrupted run had left: {}", removed.display()));
        }
        let base = load::load(&arguments.project, arguments.surroundings.clone()).await?;
        if base.placed.is_some() || base.backend == Backend::Container {
            return Err(Complaint::about("environments cannot be rebuilt in a container")
                .help("leave `--image` and `--backend container` out (also of sealcheck.toml): they are rebuilt in namespaces, with the node and npm that were captured")
                .into());
        }
        containers::need_namespaces().await?;
        let ground = Ground {
            base,
            own,
            surroundings: arguments.surroundings.clone(),
            toolchains: RefCell::default(),
            withheld: RefCell::default(),
        };
        work(&mut Laboratory::new(&ground, talk, stop)?).await
    });
    runtime.shutdown_background();
    code
}

/// Where environments are installed in.
pub(super) struct Laboratory<'a> {
    pub(super) ground: &'a Ground,
    options: Options,
    scenario: Scenario,
    /// What is run in the same place once the install has ended well; empty for nothing.
    pub(super) then: Vec<String>,
    /// The cache that warm ones are copies of, and what it holds.
    warm: RefCell<Option<(Arc<ScratchFolder>, Arc<Learned>)>>,
    pub(super) made: Cell<usize>,
    quiet: bool,
    stop: watch::Receiver<bool>,
}

impl<'a> Laboratory<'a> {
    fn new(ground: &'a Ground, talk: &Talk, stop: watch::Receiver<bool>) -> anyhow::Result<Self> {
        let all = catalogue::available(None, &ground.base.project)?;
        let baseline = all.into_iter().find(|scenario| scenario.name == "baseline");
        let Some(mut scenario) = baseline else { anyhow::bail!("there is no baseline") };
        // A registry that cannot be reached is noticed as well in seconds.
        scenario.install.shorten_retries = true;
        let project = &ground.base.project;
        let options = options::of_file(&project.settings.options, &project.root)?;
        Ok(Self {
            ground,
            options,
            scenario,
            then: Vec::new(),
            warm: RefCell::default(),
            made: Cell::new(0),
            quiet: options::layer_talk(talk, &project.settings.options)?.quiet,
            stop,
        })
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Says what goes on, to those who want to hear it.
    pub(super) fn tell(&self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    /// Installs in an environment, as often as is said.
    pub(super) async fn install(
        &self,
        environment: &Environment,
        times: u32,
    ) -> anyhow::Result<Vec<Outcome>> {
        let cache = match &*self.warm.borrow() {
            Some((folder, learned)) if environment.cache.keys > 0 => {
                Some((CacheSpec::CopyOf(folder.inner()), learned.clone()))
            }
            Some(_) | None => None,
        };
        Ok(self.install_with(environment, times, cache).await?.0)
    }

    async fn install_with(
        &self,
        environment: &Environment,
        times: u32,
        cache: Option<(CacheSpec, Arc<Learned>)>,
    ) -> anyhow::Result<(Vec<Outcome>, Arc<Learned>)> {
        let loaded = self.ground.rebuild(environment).await?;
        let mut opened = invoke::open(&loaded, &self.options, times as usize, self.stop.clone())?;
        if let Some((cache, learned)) = cache {
            opened.begin_with(cache, learned);
        }
        let mut plan = load::plan_of(&loaded, vec![self.scenario.clone()], times)?;
        for run in &mut plan.runs {
            run.then.clone_from(&self.then);
        }
        let silent: Listener = Arc::new(|_| {});
        let outcomes = opened.invocation.clone().run(plan, silent).await;
        self.made.set(self.made.get() + times as usize);
        Ok((outcomes, opened.invocation.learned.clone()))
    }

    /// Where one of the sides has a warm cache, has an install fill one. Whether there is
    /// one where it is wanted.
    pub(super) async fn fill_cache(&self, sides: [&Environment; 2]) -> anyhow::Result<bool> {
        let Some(warm) = sides.into_iter().find(|side| side.cache.keys > 0) else { return Ok(true) };
        if sides.iter().all(|side| side.cache.keys > 0) && !sides.iter().any(|side| relies_on_cache(side)) {
            // The same in both: what it changes, it changes alike.
            return Ok(true);
        }
        if self.warm.borrow().is_some() {
            return Ok(true);
        }
        self.tell("filling npm's cache by an install, since it was warm");
        let folder = Arc::new(ScratchFolder::create(&folders::scratch(), "captured-cache")?);
        let keep = CacheSpec::Keep(folder.inner());
        let online = online(warm);
        let (outcomes, learned) = self.install_with(&online, 1, Some((keep, Arc::default()))).await?;
        let good = evidence(&outcomes).iter().any(|run| worked(run));
        if good {
            *self.warm.borrow_mut() = Some((folder, learned));
        }
        Ok(good)
    }
}

/// Keys that have npm install from its cache.
const OFFLINE: [&str; 2] = ["offline", "prefer-offline"];

fn is_offline(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let key = lower.strip_prefix("npm_config_").unwrap_or(&lower).replace('_', "-");
    OFFLINE.contains(&key.as_str())
}

/// Whether npm is told to install from its cache.
fn relies_on_cache(environment: &Environment) -> bool {
    let in_files = environment.npmrc.values().flat_map(|npmrc| npmrc.settings.keys());
    let in_variables =
        environment.variables.keys().filter(|name| name.to_ascii_lowercase().starts_with("npm_config_"));
    in_files.chain(in_variables).any(|name| is_offline(name))
}

/// The same environment, told to ask registries.
fn online(environment: &Environment) -> Environment {
    let mut online = environment.clone();
    for npmrc in online.npmrc.values_mut() {
        npmrc.settings.retain(|key, _| !is_offline(key));
    }
    online.variables.retain(|name, _| !is_offline(name));
    online.cache = Default::default();
    online
}
