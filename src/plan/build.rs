//! Making the plan.

use super::credential::Planting;
use super::environment::OPENED;
use super::needs::Stakes;
use super::{Plan, PlantedSecrets, RunSpec, World, command, environment, world};
use crate::project::Project;
use crate::project::npmrc::NpmVersion;
use crate::scenario::{
    self, Answer, Cache, Changes, Demand, Install, InstallChange, Loss, Need, Scenario, Suite,
};
use crate::secret::Secret;
use crate::text::Complaint;
use std::collections::{BTreeMap, BTreeSet};

/// What shall be planned.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// The scenarios, as [`crate::scenario::catalogue::select`] gives them.
    pub scenarios: Vec<Scenario>,
    /// How often each is run; 0 is taken for 1.
    pub repeat: u32,
    /// What planted tokens are made of: random bytes of the caller's, new for each
    /// invocation. The same seed gives the same plan.
    pub seed: Secret,
    /// The version of the toolchain's npm, where it is known.
    pub npm: Option<NpmVersion>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The install command is none that can be run.
    #[error("{0}")]
    Command(Box<Complaint>),
    /// A file that was read as JSON before cannot be rewritten.
    #[error("`{file}` cannot be rewritten")]
    Json {
        /// Its name.
        file: String,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
}

/// Plans every scenario against a project. The baseline comes first, what starts
/// from the cache it leaves comes last; else the order is that of `options`.
///
/// Errors are [`PlanError`]; a scenario that means nothing here is none, it is
/// listed as not applicable.
pub fn plan(project: &Project, options: &PlanOptions) -> Result<Plan, PlanError> {
    let words = command::words(project).map_err(|complaint| PlanError::Command(Box::new(complaint)))?;
    let stakes = Stakes::of(project, &words);
    let planting = Planting::of(project, &options.seed);
    let genuine = world::genuine(project, &stakes, &planting, &words);
    let (seed, npm) = (&options.seed, options.npm);
    let planner = Planner { project, words, stakes, planting, genuine, seed, npm };
    let mut scenarios: Vec<&Scenario> = options.scenarios.iter().collect();
    scenarios.sort_by_key(|scenario| rank(scenario));
    let mut plan = Plan { runs: Vec::new(), fillers: BTreeMap::new(), not_applicable: Vec::new() };
    for scenario in scenarios {
        if let Some(reason) = planner.stakes.lacks(scenario, &planner.words, planner.npm) {
            plan.not_applicable.push((scenario.name.clone(), reason));
            continue;
        }
        for repeat in 1..=options.repeat.max(1) {
            plan.runs.push(planner.run(scenario, repeat)?);
        }
    }
    let caches: BTreeSet<Cache> = plan.runs.iter().map(|run| run.cache).collect();
    for cache in caches {
        if let Some((scenario, keeping)) = filling(cache) {
            let mut run = planner.run(&scenario, 1)?;
            run.world.keeping = keeping;
            plan.fillers.insert(cache, run);
        }
    }
    Ok(plan)
}

/// The defences that stand between a project and a stranger's bytes under an npm; none
/// where nothing is private.
pub fn defences(project: &Project, npm: Option<NpmVersion>) -> Result<BTreeSet<Loss>, PlanError> {
    let words = command::words(project).map_err(|complaint| PlanError::Command(Box::new(complaint)))?;
    Ok(Stakes::of(project, &words).defences(&words, npm))
}

fn rank(scenario: &Scenario) -> u8 {
    match scenario.world.cache {
        Cache::Clean if scenario.name == "baseline" => 0,
        Cache::Clean => 1,
        Cache::Warm | Cache::Poisoned | Cache::PoisonedImmutable | Cache::MustRevalidate => 2,
    }
}

/// The install that fills a cache, and what the private registry says of how long its
/// answers may be kept; `None` for what needs none of its own. npm itself writes the cache,
/// so that it is what npm would find.
fn filling(cache: Cache) -> Option<(Scenario, Option<&'static str>)> {
    let keeping = match cache {
        Cache::Clean | Cache::Warm => return None,
        Cache::Poisoned => None,
        Cache::PoisonedImmutable => Some("max-age=31536000, immutable"),
        Cache::MustRevalidate => Some("max-age=0, must-revalidate"),
    };
    let strangers = cache.is_poisoned();
    let private = if strangers { Answer::FallsThrough } else { Answer::Genuine };
    let scenario = Scenario {
        name: "cache-filling".to_owned(),
        title: "The install that left the cache".to_owned(),
        about: "How a cache comes to hold what it holds.".to_owned(),
        suites: vec![Suite::ByName],
        losses: Vec::new(),
        needs: vec![Need::Private],
        control: false,
        world: scenario::World { private, decoys: strangers, ..scenario::World::default() },
        project: Changes { remove_integrity: strangers, ..Changes::default() },
        install: InstallChange { ignore_scripts: true, shorten_retries: true, ..InstallChange::default() },
        demand: Demand { install: Install::Anyhow, codes: Vec::new(), npm_does: Vec::new() },
    };
    Some((scenario, keeping))
}

/// What every run of a plan is made from.
pub(super) struct Planner<'a> {
    pub(super) project: &'a Project,
    words: Vec<String>,
    pub(super) stakes: Stakes<'a>,
    pub(super) planting: Planting,
    genuine: World,
    seed: &'a Secret,
    npm: Option<NpmVersion>,
}

impl Planner<'_> {
    fn run(&self, scenario: &Scenario, repeat: u32) -> Result<RunSpec, PlanError> {
        let mut notes = Vec::new();
        let env =
            environment::build(self.project, &self.stakes, &self.planting, scenario, self.npm, &mut notes);
        if !self.planting.left_out.is_empty() {
            notes.push(format!(
                "left out of npm's configuration: {} (the sandbox has its own, the gateway uses yours)",
                self.planting.left_out.join(", ")
            ));
        }
        let command = self.command(scenario);
        let mut adapted = scenario.clone();
        let (losses, note) = self.stakes.losses(scenario, &self.words, &command, self.npm);
        adapted.losses = losses;
        notes.extend(note);
        let (changes, npmrc) = self.files(scenario)?;
        let id = format!("{}-{repeat}", scenario.name);
        let mut world = world::under(self.genuine.clone(), self.project, &self.stakes, scenario);
        world.secrets = PlantedSecrets::of(self.project, &self.planting, self.seed, &id);
        Ok(RunSpec {
            id,
            repeat,
            then: self.then(scenario, &command),
            command,
            env,
            changes,
            sha1_of: self.sha1_of(scenario),
            parent_npmrc: self.parent_npmrc(scenario),
            npmrc,
            world,
            cache: scenario.world.cache,
            notes,
            scenario: adapted,
        })
    }

    fn command(&self, scenario: &Scenario) -> Vec<String> {
        let mut words = self.words.clone();
        if scenario.project.remove_mapping {
            words = command::without(words, |key| self.stakes.is_mapping(key));
        }
        if scenario.project.remove_controls {
            words = command::without_controls(words, &OPENED.map(|(key, _)| key));
        }
        if self.takes_workspace_apart(scenario) {
            words = command::without_workspaces(words);
        }
        if scenario.install.npm_install {
            words = command::as_install(words);
        }
        if scenario.install.npm_update_dry_run {
            words = command::as_update(words);
        }
        if scenario.install.ignore_scripts {
            words = command::with_option(words, "--ignore-scripts");
        }
        for option in scenario.install.npm_options.iter().filter_map(|option| self.stakes.filled(option)) {
            words = command::with_option(words, &option);
        }
        words
    }

    /// What is run behind the command.
    fn then(&self, scenario: &Scenario, command: &[String]) -> Vec<String> {
        if scenario.install.then_npm_rebuild { command::as_rebuild(command.to_vec()) } else { Vec::new() }
    }

    /// Where private packages are at stake they are the bait; a workspace is
    /// taken apart only where there is nothing else.
    pub(super) fn takes_workspace_apart(&self, scenario: &Scenario) -> bool {
        scenario.project.unlink_local && self.stakes.fetched().next().is_none()
    }
}
