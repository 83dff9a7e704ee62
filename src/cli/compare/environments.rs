//! `sealcheck compare A B --project P` of captured environments: each is rebuilt and
//! installed in, and for what differs the cause is looked for by exchanging parts.

use super::rebuild::Ground;
use super::told;
use crate::cli::arguments::{CompareArguments, CompareFormat};
use crate::cli::options::{self, Options};
use crate::cli::test::with_causes;
use crate::cli::{Code, capture, catalogue, folders, invoke, load, print, say, signals};
use crate::compare::behaviour::{Behaviour, Difference, behaviour, differences, is_as_right};
use crate::compare::cause::{Cause, Mixture, Search, Step};
use crate::compare::noise::{Varying, seen_whole, varying};
use crate::environment::{Deviation, Environment, Part, deviations, mix};
use crate::evidence::Evidence;
use crate::project::lockfile::Lockfile;
use crate::runner::{Learned, Listener, Outcome};
use crate::sandbox::CacheSpec;
use crate::sandbox::namespaces::{ScratchFolder, sweep};
use crate::scenario::Scenario;
use crate::text::Source;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;

/// Compares two environments; `None` is this machine's.
pub(super) fn run(
    left: Option<&Source>,
    right: Option<&Source>,
    arguments: &CompareArguments,
) -> anyhow::Result<Code> {
    let own = capture::here(&arguments.project, &[], arguments.surroundings.policy.clone())?;
    let read = |side: Option<&Source>| match side {
        Some(source) => Environment::read(source),
        None => Ok(own.clone()),
    };
    let (left, right) = (read(left)?, read(right)?);
    let runtime = load::runtime()?;
    let (stop_sender, stop) = watch::channel(false);
    runtime.spawn(async move {
        signals::asked_to_stop().await;
        say("interrupted: ending the installs (once more ends at once)");
        stop_sender.send_replace(true);
        signals::asked_to_stop().await;
        std::process::exit(130);
    });
    let code = runtime.block_on(async {
        for removed in sweep(&folders::scratch()).unwrap_or_default() {
            say(&format!("removed what an interrupted run had left: {}", removed.display()));
        }
        let base = load::load(&arguments.project, arguments.surroundings.clone()).await?;
        let ground = Ground {
            base,
            own,
            surroundings: arguments.surroundings.clone(),
            toolchains: RefCell::default(),
            withheld: RefCell::default(),
        };
        let laboratory = Laboratory::new(&ground, stop)?;
        compare(&laboratory, &left, &right, arguments).await
    });
    runtime.shutdown_background();
    code
}

/// What was found.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Comparison {
    /// In what the environments differ.
    pub(super) deviations: Vec<Deviation>,
    /// Deviations, by index, that could not be exchanged here, and why.
    pub(super) unplayed: BTreeMap<usize, String>,
    /// Binaries of this or that side's platform that its lockfile lacks, known without a run:
    /// side, package, binary.
    pub(super) missing: Vec<(char, String, String)>,
    /// What the installs do not share.
    pub(super) differences: Vec<Difference>,
    /// What made each; parts are indices of deviations.
    pub(super) causes: Vec<Cause>,
    /// What npm said where it failed: side, text.
    pub(super) said: Vec<(char, String)>,
    /// What varies between equal installs and is no difference.
    pub(super) noise: Vec<Varying>,
    /// Why an install could not be seen whole: side, reason.
    pub(super) unseen: Vec<(char, String)>,
    /// Installs that were made.
    pub(super) runs: usize,
}

async fn compare(
    laboratory: &Laboratory<'_>,
    left: &Environment,
    right: &Environment,
    arguments: &CompareArguments,
) -> anyhow::Result<Code> {
    let mut found = Comparison { deviations: deviations(left, right), ..Comparison::default() };
    for (at, deviation) in found.deviations.iter().enumerate() {
        if let Some(why) = laboratory.ground.unplayable(&deviation.part, [left, right]) {
            found.unplayed.insert(at, why);
        }
    }
    for (side, environment) in [('A', left), ('B', right)] {
        found.missing.extend(missing(environment).into_iter().map(|(package, name)| (side, package, name)));
    }
    if !laboratory.fill_cache([left, right]).await? {
        for (at, deviation) in found.deviations.iter().enumerate() {
            if deviation.part == Part::Cache {
                found.unplayed.insert(at, "no install filled a cache to begin with".to_owned());
            }
        }
    }
    say("installing as in A and as in B, twice each");
    let (of_left, of_right) = (laboratory.install(left, 2).await?, laboratory.install(right, 2).await?);
    laboratory.ground.say_withheld();
    found.unseen = unseen('A', &of_left).into_iter().chain(unseen('B', &of_right)).collect();
    if found.unseen.is_empty() {
        let (of_left, of_right) = (evidence(&of_left), evidence(&of_right));
        found.noise = varying(&of_left).into_iter().chain(varying(&of_right)).collect();
        found.noise.sort();
        found.noise.dedup();
        let settled = |runs: &[&Evidence]| settled(runs, &found.noise);
        let (of_left, of_right, said) = (settled(&of_left), settled(&of_right), said(&of_left, &of_right));
        found.differences = differences(&of_left, &of_right);
        if !found.differences.is_empty() {
            found.said = said;
            search(laboratory, left, right, arguments.runs, &mut found).await?;
        }
    }
    found.runs = laboratory.made.get();
    match arguments.format {
        CompareFormat::Text => print(&told::text(&found))?,
        CompareFormat::Json => print(&(serde_json::to_string_pretty(&found)? + "\n"))?,
    }
    Ok(match (laboratory.is_stopped(), found.unseen.is_empty(), found.differences.is_empty()) {
        (true, _, _) => Code::Interrupted,
        (false, false, _) => Code::Unobserved,
        (false, true, true) if found.missing.is_empty() => Code::Good,
        (false, true, _) => Code::Bad,
    })
}

/// Looks for the cause of each difference, with what is found put into `found`.
async fn search(
    laboratory: &Laboratory<'_>,
    left: &Environment,
    right: &Environment,
    runs: Option<usize>,
    found: &mut Comparison,
) -> anyhow::Result<()> {
    let parts: Vec<(usize, u32)> = found
        .deviations
        .iter()
        .enumerate()
        .filter(|(at, _)| !found.unplayed.contains_key(at))
        .map(|(at, deviation)| (at, deviation.part.weight()))
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    let logarithm = usize::BITS - parts.len().leading_zeros();
    let budget = runs.unwrap_or(8 * logarithm as usize + 8);
    let mut search = Search::new(parts, found.differences.len(), budget);
    found.causes = loop {
        let mixture = match search.step() {
            Step::Done(causes) => break causes,
            Step::Run(_) if laboratory.is_stopped() => break Vec::new(),
            Step::Run(mixture) => mixture,
        };
        let chosen = mixture.iter().filter_map(|at| found.deviations.get(*at));
        let names: Vec<String> = chosen.clone().map(|deviation| deviation.part.named()).collect();
        say(&format!(
            "install {}: as in A, but as in B: {}",
            laboratory.made.get() + 1,
            told::few(&names, 4)
        ));
        let environment = mix(left, right, chosen);
        let shown = shown(laboratory, &environment, found).await?;
        search.learn(Mixture::from_iter(mixture), shown);
    };
    Ok(())
}

/// Which differences are as in B in an environment; none where it could not be seen.
async fn shown(
    laboratory: &Laboratory<'_>,
    environment: &Environment,
    found: &Comparison,
) -> anyhow::Result<BTreeSet<usize>> {
    let outcomes = match laboratory.install(environment, 1).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            // A mixture can be one that nobody could have, a node with an npm that is too new.
            say(&format!("  that cannot be installed in: {error:#}"));
            return Ok(BTreeSet::new());
        }
    };
    let [run] = evidence(&outcomes)[..] else { return Ok(BTreeSet::new()) };
    let behaviour = behaviour(run, &found.noise);
    let as_right = |at: &usize| is_as_right(&found.differences[*at], &behaviour);
    Ok((0..found.differences.len()).filter(as_right).collect())
}

/// What equal installs have in common.
fn settled(runs: &[&Evidence], noise: &[Varying]) -> Behaviour {
    let mut all = runs.iter().map(|run| behaviour(run, noise));
    let mut first = all.next().unwrap_or_default();
    for other in all {
        first.retain(|aspect, how| other.get(aspect) == Some(how));
    }
    first
}

fn evidence(outcomes: &[Outcome]) -> Vec<&Evidence> {
    outcomes.iter().filter_map(|outcome| outcome.evidence.as_ref().ok()).collect()
}

/// What npm said on either side, where it failed.
fn said(left: &[&Evidence], right: &[&Evidence]) -> Vec<(char, String)> {
    let of = |side: char, runs: &[&Evidence]| {
        let error = runs.first().and_then(|run| run.npm_error.as_ref());
        error.map(|error| (side, error.summary.clone()))
    };
    of('A', left).into_iter().chain(of('B', right)).collect()
}

fn unseen(side: char, outcomes: &[Outcome]) -> Vec<(char, String)> {
    let mut reasons = BTreeSet::new();
    for outcome in outcomes {
        match &outcome.evidence {
            Err(error) => {
                reasons.insert(with_causes(error));
            }
            Ok(run) if !seen_whole(run) => {
                let gaps = run.gaps.iter().filter(|gap| gap.hides_answer);
                let gap = gaps.map(|gap| gap.detail.clone()).next();
                reasons.insert(gap.unwrap_or_else(|| "it was ended before its time".to_owned()));
            }
            Ok(_) => {}
        }
    }
    reasons.into_iter().map(|reason| (side, reason)).collect()
}

/// Binaries that a side's lockfile lacks for its own platform.
fn missing(environment: &Environment) -> Vec<(String, String)> {
    let (folder, machine) = (&environment.project, &environment.machine);
    let source = Source::new(folder.lockfile_name.clone(), folder.lockfile.clone());
    let Ok(lockfile) = Lockfile::parse(source) else { return Vec::new() };
    let libc = machine.libc.as_deref().unwrap_or("glibc");
    let all = lockfile.missing_binaries(&machine.os, &machine.cpu, libc);
    all.map(|(entry, name)| (format!("{}@{}", entry.name, entry.version), name.to_owned())).collect()
}

/// Where environments are installed in.
struct Laboratory<'a> {
    ground: &'a Ground,
    options: Options,
    scenario: Scenario,
    /// The cache that warm ones are copies of, and what it holds.
    warm: RefCell<Option<(Arc<ScratchFolder>, Arc<Learned>)>>,
    made: Cell<usize>,
    stop: watch::Receiver<bool>,
}

impl<'a> Laboratory<'a> {
    fn new(ground: &'a Ground, stop: watch::Receiver<bool>) -> anyhow::Result<Self> {
        let all = catalogue::available(None, &ground.base.project)?;
        let baseline = all.into_iter().find(|scenario| scenario.name == "baseline");
        let Some(mut scenario) = baseline else { anyhow::bail!("there is no baseline") };
        // A registry that cannot be reached is noticed as well in seconds.
        scenario.install.shorten_retries = true;
        let project = &ground.base.project;
        let options = options::of_file(&project.settings.options, &project.root)?;
        Ok(Self { ground, options, scenario, warm: RefCell::default(), made: Cell::new(0), stop })
    }

    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Installs in an environment, as often as is said.
    async fn install(&self, environment: &Environment, times: u32) -> anyhow::Result<Vec<Outcome>> {
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
        let plan = load::plan_of(&loaded, vec![self.scenario.clone()], times)?;
        let silent: Listener = Arc::new(|_| {});
        let outcomes = opened.invocation.clone().run(plan, silent).await;
        self.made.set(self.made.get() + times as usize);
        Ok((outcomes, opened.invocation.learned.clone()))
    }

    /// Where one of the sides has a warm cache, has an install fill one. Whether there is
    /// one where it is wanted.
    async fn fill_cache(&self, sides: [&Environment; 2]) -> anyhow::Result<bool> {
        let Some(warm) = sides.into_iter().find(|side| side.cache.keys > 0) else { return Ok(true) };
        if sides.iter().all(|side| side.cache.keys > 0) && !sides.iter().any(|side| relies_on_cache(side)) {
            // The same in both: what it changes, it changes alike.
            return Ok(true);
        }
        say("filling npm's cache by an install, since it was warm");
        let folder = Arc::new(ScratchFolder::create(&folders::scratch(), "captured-cache")?);
        let keep = CacheSpec::Keep(folder.inner());
        let online = online(warm);
        let (outcomes, learned) = self.install_with(&online, 1, Some((keep, Arc::default()))).await?;
        let good = evidence(&outcomes).iter().any(|run| crate::compare::behaviour::worked(run));
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
