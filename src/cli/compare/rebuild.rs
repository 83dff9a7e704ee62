//! A captured environment as a place to install in: a copy of the project with the
//! captured files in it, the captured configuration and variables around it, the
//! captured node and npm.

use crate::cli::arguments::Surroundings;
use crate::cli::load::Loaded;
use crate::cli::mend::laid_out;
use crate::cli::say;
use crate::environment::{Environment, Part};
use crate::project::npmrc::{Credential, Level, NpmVersion, Value};
use crate::project::registry::RegistryUrl;
use crate::project::settings::is_ours;
use crate::project::{Project, ReadOptions};
use crate::sandbox::twin::Change;
use crate::text::Complaint;
use crate::toolchain::Toolchain;
use crate::toolchain::wish::Wish;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What environments are rebuilt from.
pub(super) struct Ground {
    /// The project as it is here, in the place where everything runs.
    pub(super) base: Loaded,
    /// The same as data.
    pub(super) own: Environment,
    pub(super) surroundings: Surroundings,
    /// Toolchains by their versions.
    pub(super) toolchains: RefCell<BTreeMap<(String, String), Toolchain>>,
    /// Secrets that were left out of captured environments and that this machine has not:
    /// their names.
    pub(super) withheld: RefCell<BTreeSet<String>>,
}

/// What stands in the place of a secret in a captured environment.
const REDACTED: &str = "[redacted";
/// The same, where nothing of the value was left.
const WHOLLY: &str = "[redacted:";
/// A variable that is never set: what is written by it is a secret that was left out.
const LEFT_OUT: &str = "SEALCHECK_LEFT_OUT_";

impl Ground {
    /// Why a part cannot be had either way here, a fragment; `None` where it can.
    pub(super) fn unplayable(&self, part: &Part, sides: [&Environment; 2]) -> Option<String> {
        if !part.can_be_played() {
            return Some(match part {
                Part::Platform { .. } => "no sandbox here has another platform".to_owned(),
                Part::Npm
                | Part::Node
                | Part::Npmrc { .. }
                | Part::Variable { .. }
                | Part::Lockfile
                | Part::Manifest { .. }
                | Part::File { .. }
                | Part::Cache
                | Part::Umask => "the sandbox has its own".to_owned(),
            });
        }
        let Part::File { path } = part else { return None };
        let here = self.own.project.files.get(path);
        let is_here = |side: &&Environment| side.project.files.get(path).is_none_or(|it| Some(it) == here);
        if sides.iter().all(is_here) {
            return None;
        }
        Some("a captured environment has no files, and here it is another".to_owned())
    }

    /// The toolchain with just these versions.
    async fn toolchain(&self, environment: &Environment) -> anyhow::Result<Toolchain> {
        let tools = &environment.toolchain;
        let key = (tools.node.clone(), tools.npm.clone());
        if let Some(known) = self.toolchains.borrow().get(&key) {
            return Ok(known.clone());
        }
        let text = format!("node@{},npm@{}", tools.node, tools.npm);
        let wishes = Wish::parse(&text, "a captured environment")
            .map_err(|error| Complaint::about(error.to_string()).help("capture the environment again"))?;
        let wish = wishes.into_iter().next().unwrap_or_default();
        let found = self.base.another_toolchain(wish, &self.surroundings).await?;
        self.toolchains.borrow_mut().insert(key, found.clone());
        Ok(found)
    }

    /// The environment, ready to be installed in.
    pub(super) async fn rebuild(&self, environment: &Environment) -> anyhow::Result<Loaded> {
        let toolchain = self.toolchain(environment).await?;
        let folder = self.base.fresh_folder("environment-")?;
        let marks = Marks::default();
        let env = variables(environment, &marks);
        let home = folder.join("home");
        std::fs::create_dir_all(&home)?;
        for (level, path) in
            [(Level::User, home.join(".npmrc")), (Level::Global, folder.join("global-npmrc"))]
        {
            if let Some(npmrc) = environment.npmrc.get(&level) {
                std::fs::write(path, npmrc.text(|_, shown| marks.unsecret(shown)))?;
            }
        }
        let root = self.copy(environment, &folder.join("project"), &marks)?;
        let reading = ReadOptions {
            root,
            home: Some(home),
            global_npmrc: Some(folder.join("global-npmrc")),
            builtin_npmrc: toolchain.builtin_npmrc(),
            env,
            public: toolchain.public.clone(),
            npm: Some(NpmVersion::from(&toolchain.npm)),
            policy: self.base.policy.clone(),
            trusted: self.base.reading.trusted,
            internal_hosts: self.base.reading.internal_hosts.clone(),
            signatures: None,
        };
        let mut loaded = self.base.read_anew(reading, toolchain).await?;
        let mut project = Project::clone(&loaded.project);
        // Folders that are served, and all that the owner decided, are as they are here.
        project.settings = self.base.project.settings.clone();
        // A captured file is somebody's, and names nothing of this machine.
        project.named = self.base.project.named.clone();
        project.settings.install.env.extend(surrounding(environment));
        project.config.tied = self.lent(&project, environment);
        loaded.project = Arc::new(project);
        if let Some(umask) = environment.machine.umask.as_deref() {
            loaded.umask = u32::from_str_radix(umask, 8).unwrap_or(loaded.umask);
        }
        Ok(loaded)
    }

    /// The credentials that installs there may use: this machine's own, each for just the
    /// registry that this machine's own configuration ties it to, in the place of one that
    /// was left out. A captured file is a stranger's: what it names gets nothing of ours.
    fn lent(&self, project: &Project, environment: &Environment) -> Vec<Credential> {
        let here = &self.base.project;
        let own = here.config.credentials();
        let mut lent = Vec::new();
        for wanted in project.config.credentials() {
            let Some(variable) = wanted.variable.as_deref().filter(|_| wanted.value.is_none()) else {
                continue;
            };
            let was_set = environment.variables.get(variable).is_some_and(|value| value.contains(REDACTED));
            if !was_set && !variable.starts_with(LEFT_OUT) {
                // It was not set there either.
                continue;
            }
            let same = |one: &&Credential| one.nerf_dart == wanted.nerf_dart && one.key == wanted.key;
            let found = own.iter().find(same).filter(|one| one.value.is_some());
            let in_clear = is_plaintext(project, &wanted.nerf_dart) && !is_plaintext(here, &wanted.nerf_dart);
            match found {
                Some(found) if !in_clear => lent.push(found.clone()),
                Some(_) | None => {
                    self.withheld.borrow_mut().insert(format!("{}:{}", wanted.nerf_dart, wanted.key));
                }
            }
        }
        lent
    }

    /// A copy of the project as it was there; the folder in it that stands for the one
    /// that the user named.
    fn copy(&self, environment: &Environment, folder: &Path, marks: &Marks) -> anyhow::Result<PathBuf> {
        let project = &self.base.project;
        let (was, is) = (&environment.project, &self.own.project);
        let (lockfile, manifest) = (without_secrets(&was.lockfile), without_secrets(&was.manifest));
        let mut changes: Vec<(&str, Change<'_>)> = Vec::new();
        let mut gone: BTreeSet<&str> = BTreeSet::new();
        if was.lockfile != is.lockfile || was.lockfile_name != is.lockfile_name {
            gone.insert(&is.lockfile_name);
            changes.push((&was.lockfile_name, Change::Whole(lockfile.as_bytes())));
        }
        if was.manifest != is.manifest {
            changes.push(("package.json", Change::Whole(manifest.as_bytes())));
        }
        let npmrc = environment.npmrc.get(&Level::Project);
        let npmrc = npmrc.map(|npmrc| npmrc.text(|_, shown| marks.unsecret(shown)));
        if environment.npmrc.get(&Level::Project).map(|it| &it.settings)
            != self.own.npmrc.get(&Level::Project).map(|it| &it.settings)
        {
            gone.insert(".npmrc");
            changes.extend(npmrc.as_deref().map(|text| (".npmrc", Change::Whole(text.as_bytes()))));
        }
        let served = |name: &str| {
            let path = project.root.join(name);
            let mut served = project.settings.registries.iter().filter_map(|entry| entry.serve.as_deref());
            served.any(|folder| path.starts_with(folder))
        };
        let held = ["package.json", ".npmrc", "sealcheck.toml", &is.lockfile_name];
        let was_there = |name: &String| {
            was.more_files
                || held.contains(&name.as_str())
                || was.files.contains_key(name)
                || !is.files.contains_key(name)
                || served(name)
        };
        let files: Vec<String> = project
            .files
            .iter()
            .filter(|name| was_there(name) && !gone.contains(name.as_str()))
            .cloned()
            .collect();
        laid_out(project, self.base.given(), folder, &files, &changes)
    }

    /// Says once which credentials installs have to do without.
    pub(super) fn say_withheld(&self) {
        for name in self.withheld.borrow().iter() {
            say(&format!(
                "`{name}` was left out when the environment was captured, and this machine's configuration has none for that registry: where it asks for one it will refuse"
            ));
        }
    }
}

/// Variables that are handed to the command as they are: those that are neither npm's
/// configuration nor the sandbox's own business.
fn surrounding(environment: &Environment) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = environment
        .variables
        .iter()
        .filter(|(name, value)| {
            let part = Part::Variable { name: (*name).clone() };
            let is_name = !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
            part.can_be_played() && is_name && !is_config(name) && !is_ours(name, value)
        })
        .map(|(name, value)| (name.clone(), without_secrets(value)))
        .collect();
    // A sandbox says that it is CI unless it is told otherwise.
    found.entry("CI".to_owned()).or_default();
    found
}

/// A value without the marks of what was left out.
fn without_secrets(value: &str) -> String {
    let mut out = value.replace("[redacted]@", "").replace("?[redacted]", "");
    while let Some(at) = out.find(REDACTED) {
        let end = out[at..].find(']').map_or(out.len(), |end| at + end + 1);
        out.replace_range(at..end, "redacted");
    }
    out
}

/// The variables that npm's configuration is read with.
fn variables(environment: &Environment, marks: &Marks) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (name, value) in &environment.variables {
        if !value.starts_with(WHOLLY) {
            env.insert(name.clone(), without_secrets(value));
        } else if is_config(name) {
            env.insert(name.clone(), marks.next());
        }
        // A variable that an npmrc names is left unset, and so is told from one that has
        // a value of its own.
    }
    env
}

/// Writes what was left out by variables that are not set, each its own: what is planted
/// in the place of one is in the place of no other.
#[derive(Default)]
struct Marks(Cell<usize>);

impl Marks {
    fn next(&self) -> String {
        self.0.set(self.0.get() + 1);
        format!("${{{LEFT_OUT}{}}}", self.0.get())
    }

    /// What a value of an npmrc becomes where a secret was left out of it.
    fn unsecret(&self, shown: &str) -> Option<String> {
        match shown.starts_with(WHOLLY) {
            true => Some(self.next()),
            false => shown.contains(REDACTED).then(|| without_secrets(shown)),
        }
    }
}

/// Whether a configured registry is asked over plain http.
fn is_plaintext(project: &Project, nerf_dart: &str) -> bool {
    project.config.settings.iter().filter(|setting| setting.key.ends_with("registry")).any(|setting| {
        let Value::Plain(url) = &setting.value else { return true };
        RegistryUrl::parse(url).is_ok_and(|registry| {
            registry.as_url().scheme() == "http" && registry.nerf_dart().starts_with(nerf_dart)
        })
    })
}

fn is_config(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("npm_config_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_leaves_something_that_can_be_read() {
        for (shown, left) in [
            ("https://[redacted]@npm.acme.example/", "https://npm.acme.example/"),
            ("https://npm.acme.example/x?[redacted]", "https://npm.acme.example/x"),
            ("[redacted:TOKEN]", "redacted"),
            ("a [redacted:x] b [redacted", "a redacted b redacted"),
            ("plain", "plain"),
        ] {
            assert_eq!(without_secrets(shown), left);
        }
    }
}
