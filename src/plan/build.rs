//! Making the plan.

use super::credential::{self, Planting};
use super::edit::{self, Unlinked};
use super::environment::OPENED;
use super::needs::Stakes;
use super::npmrc::{self, LineEdit};
use super::{Plan, PlantedSecrets, RunSpec, World, command, environment, world};
use crate::project::Project;
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::npmrc::Level;
use crate::scenario::{Cache, Loss, Scenario};
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
    /// The major version of the toolchain's npm, where it is known.
    pub npm_major: Option<u64>,
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
    let (seed, npm_major) = (&options.seed, options.npm_major);
    let planner = Planner { project, words, stakes, planting, genuine, seed, npm_major };
    let mut scenarios: Vec<&Scenario> = options.scenarios.iter().collect();
    scenarios.sort_by_key(|scenario| rank(scenario));
    let mut plan = Plan { runs: Vec::new(), not_applicable: Vec::new() };
    for scenario in scenarios {
        if let Some(reason) = planner.stakes.lacks(scenario, &planner.words) {
            plan.not_applicable.push((scenario.name.clone(), reason));
            continue;
        }
        for repeat in 1..=options.repeat.max(1) {
            plan.runs.push(planner.run(scenario, repeat)?);
        }
    }
    Ok(plan)
}

/// The defences that stand between a project and a stranger's bytes under an npm; none
/// where nothing is private.
pub fn defences(project: &Project, npm_major: Option<u64>) -> Result<BTreeSet<Loss>, PlanError> {
    let words = command::words(project).map_err(|complaint| PlanError::Command(Box::new(complaint)))?;
    Ok(Stakes::of(project, &words).defences(&words, npm_major))
}

fn rank(scenario: &Scenario) -> u8 {
    match scenario.world.cache {
        Cache::Clean if scenario.name == "baseline" => 0,
        Cache::Clean => 1,
        Cache::Warm => 2,
    }
}

struct Planner<'a> {
    project: &'a Project,
    words: Vec<String>,
    stakes: Stakes<'a>,
    planting: Planting,
    genuine: World,
    seed: &'a Secret,
    npm_major: Option<u64>,
}

impl Planner<'_> {
    fn run(&self, scenario: &Scenario, repeat: u32) -> Result<RunSpec, PlanError> {
        let mut notes = Vec::new();
        let env = environment::build(
            self.project,
            &self.stakes,
            &self.planting,
            scenario,
            self.npm_major,
            &mut notes,
        );
        if !self.planting.left_out.is_empty() {
            notes.push(format!(
                "left out of npm's configuration: {} (the sandbox has its own, the gateway uses yours)",
                self.planting.left_out.join(", ")
            ));
        }
        let mut adapted = scenario.clone();
        adapted.losses = self.stakes.losses(scenario, &self.words);
        if adapted.losses != scenario.losses {
            notes.push("takes nothing here: every private scope has a registry of its own".to_owned());
        }
        let (changes, npmrc) = self.files(scenario)?;
        let id = format!("{}-{repeat}", scenario.name);
        let mut world = world::under(self.genuine.clone(), self.project, &self.stakes, scenario);
        world.secrets = PlantedSecrets::of(self.project, &self.planting, self.seed, &id);
        Ok(RunSpec {
            id,
            repeat,
            command: self.command(scenario),
            env,
            changes,
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
        if scenario.install.ignore_scripts {
            words = command::with_option(words, "--ignore-scripts");
        }
        words
    }

    /// Where private packages are at stake they are the bait; a workspace is
    /// taken apart only where there is nothing else.
    fn takes_workspace_apart(&self, scenario: &Scenario) -> bool {
        scenario.project.unlink_local && self.stakes.fetched().next().is_none()
    }

    /// Changed files of the project, and the npmrc files outside it.
    #[allow(clippy::type_complexity)]
    fn files(
        &self,
        scenario: &Scenario,
    ) -> Result<(Vec<(String, Option<Vec<u8>>)>, BTreeMap<Level, Vec<u8>>), PlanError> {
        let mut changes: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
        let mut outside = BTreeMap::new();
        for (level, source) in &self.project.config.files {
            let text = npmrc::rewrite(source.text(), &self.line_edits(*level, scenario));
            match level {
                Level::Project if text == source.text() => {}
                Level::Project => {
                    changes.insert(source.name().to_owned(), Some(text.into_bytes()));
                }
                Level::Builtin | Level::Global | Level::User => {
                    outside.insert(*level, text.into_bytes());
                }
                Level::Default | Level::Env | Level::Cli => {}
            }
        }
        self.lockfile(scenario, &mut changes)?;
        Ok((changes.into_iter().collect(), outside))
    }

    fn line_edits(&self, level: Level, scenario: &Scenario) -> BTreeMap<usize, LineEdit> {
        let mut edits = self.planting.lines.get(&level).cloned().unwrap_or_default();
        if scenario.project.remove_mapping {
            for setting in &self.project.config.settings {
                if setting.level == level
                    && self.stakes.is_mapping(&setting.key)
                    && let Some(line) = credential::line(self.project, setting)
                {
                    edits.insert(line, LineEdit::Drop);
                }
            }
        }
        edits
    }

    fn lockfile(
        &self,
        scenario: &Scenario,
        changes: &mut BTreeMap<String, Option<Vec<u8>>>,
    ) -> Result<(), PlanError> {
        let source = &self.project.lockfile.source;
        if scenario.project.remove_lockfile {
            // Both: without the shrinkwrap npm would turn to the other.
            for name in ["npm-shrinkwrap.json", "package-lock.json"] {
                if source.name() == name || self.project.files.iter().any(|file| file == name) {
                    changes.insert(name.to_owned(), None);
                }
            }
            return Ok(());
        }
        let json = |file: &str, source| PlanError::Json { file: file.to_owned(), source };
        let fields: Vec<&str> = [
            (scenario.project.remove_resolved, "resolved"),
            (scenario.project.remove_integrity, "integrity"),
        ]
        .into_iter()
        .filter_map(|(remove, field)| remove.then_some(field))
        .collect();
        let paths: BTreeSet<String> = self.stakes.private.iter().map(|entry| entry.path.clone()).collect();
        let mut text = edit::replace_userinfo(source.text(), &self.planting.in_lockfile);
        text = edit::remove_fields(&text, &paths, &fields).map_err(|error| json(source.name(), error))?;
        if self.takes_workspace_apart(scenario) {
            let (locals, folders) = self.locals();
            text = edit::unlink_lockfile(&text, &locals, &folders)
                .map_err(|error| json(source.name(), error))?;
            let manifest = &self.project.manifest.source;
            let changed = edit::unlink_manifest(manifest.text(), &locals)
                .map_err(|error| json(manifest.name(), error))?;
            changes.insert(manifest.name().to_owned(), Some(changed.into_bytes()));
        }
        if text != source.text() {
            changes.insert(source.name().to_owned(), Some(text.into_bytes()));
        }
        Ok(())
    }

    /// Local packages by the path at which npm installs them, and the folders of their sources.
    fn locals(&self) -> (BTreeMap<String, Unlinked>, BTreeSet<String>) {
        let mut locals = BTreeMap::new();
        let mut folders = BTreeSet::new();
        for entry in &self.stakes.local {
            match entry.kind {
                EntryKind::Folder => {
                    folders.insert(entry.path.clone());
                }
                EntryKind::Link
                | EntryKind::File
                | EntryKind::Registry
                | EntryKind::Remote
                | EntryKind::Git
                | EntryKind::Bundled => {
                    let (name, version) = (name_in_tree(entry), world::version(self.project, entry));
                    locals.insert(entry.path.clone(), Unlinked { name, version });
                }
            }
        }
        (locals, folders)
    }
}

fn name_in_tree(entry: &LockEntry) -> String {
    entry.alias.as_ref().unwrap_or(&entry.name).to_string()
}
