//! What a project has that a scenario could be about, and whether that is enough.

use super::command;
use super::environment::OPENED;
use crate::project::Project;
use crate::project::class::Class;
use crate::project::integrity::Algorithm;
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::name::PackageName;
use crate::project::npmrc::Value;
use crate::project::registry::RegistryUrl;
use crate::scenario::{Loss, Need, Scenario};
use std::collections::BTreeSet;

/// The packages that matter, as the command would install them.
pub(super) struct Stakes<'a> {
    project: &'a Project,
    /// Private entries of the lockfile, omitted ones too, by path.
    pub(super) private: Vec<&'a LockEntry>,
    /// Local entries (links, members, `file:` packages), by path.
    pub(super) local: Vec<&'a LockEntry>,
    omitted: Omitted,
}

/// Kinds of dependency that the command leaves out.
#[derive(Default)]
struct Omitted {
    dev: bool,
    optional: bool,
    peer: bool,
}

impl<'a> Stakes<'a> {
    pub(super) fn of(project: &'a Project, command: &[String]) -> Self {
        let class_of = |entry: &LockEntry| project.classes.get(&entry.path).map(|found| found.class);
        let of_class = |class: Class| {
            project.lockfile.entries.values().filter(|entry| class_of(entry) == Some(class)).collect()
        };
        Self {
            project,
            private: of_class(Class::Private),
            local: of_class(Class::Local),
            omitted: Omitted::read(project, command),
        }
    }

    /// Whether the command installs an entry at all (its platform is not asked for).
    fn installs(&self, entry: &LockEntry) -> bool {
        !(self.omitted.dev && entry.dev
            || self.omitted.optional && entry.optional
            || self.omitted.peer && entry.peer)
    }

    /// Private packages that the command fetches from their registry.
    pub(super) fn fetched(&self) -> impl Iterator<Item = &'a LockEntry> + '_ {
        let from_registry = |entry: &LockEntry| match entry.kind {
            EntryKind::Registry | EntryKind::Remote => true,
            EntryKind::Git | EntryKind::File | EntryKind::Link | EntryKind::Folder | EntryKind::Bundled => {
                false
            }
        };
        self.private.iter().copied().filter(move |entry| from_registry(entry) && self.installs(entry))
    }

    /// The private package whose tarball is tampered with: a required one for
    /// every platform, of those the one whose integrity is weakest, since a
    /// strong one tells nothing of the others; then the first by path.
    pub(super) fn tampered(&self) -> Option<(PackageName, String)> {
        let required = self.fetched().filter(|entry| !entry.optional);
        let (anywhere, bound): (Vec<_>, Vec<_>) =
            required.partition(|entry| entry.os.is_empty() && entry.cpu.is_empty() && entry.libc.is_empty());
        let candidates = if anywhere.is_empty() { bound } else { anywhere };
        let strength = |entry: &LockEntry| -> Option<Algorithm> {
            entry.integrity.as_ref().map(crate::project::integrity::Integrity::strongest)
        };
        candidates
            .into_iter()
            .min_by_key(|entry| (strength(entry), entry.path.as_str()))
            .map(|entry| (entry.name.clone(), entry.version.clone()))
    }

    /// Whether `key` is a mapping that a private package may need: `registry`,
    /// or `@scope:registry` of a private scope.
    pub(super) fn is_mapping(&self, key: &str) -> bool {
        if key == "registry" {
            return true;
        }
        let Some(scope) = key.strip_suffix(":registry").filter(|scope| scope.starts_with('@')) else {
            return false;
        };
        match &self.project.settings.private {
            // Without a list of the owner's, a scope with a registry of its own is private.
            None => true,
            Some(globs) => {
                globs.iter().any(|glob| glob.split('/').next() == Some(scope))
                    || self.private.iter().any(|entry| {
                        entry.name.scope() == Some(scope) || self.project.config.plain("scope") == Some(scope)
                    })
            }
        }
    }

    /// Where npm, as configured and commanded, would ask for a name.
    fn asked_of(&self, name: &PackageName, command: &[String]) -> RegistryUrl {
        let given = command::mappings(command);
        let by = |key: &str| given.iter().rfind(|(found, _)| *found == key).map(|(_, url)| *url);
        let scoped = name.scope().map(|scope| format!("{scope}:registry"));
        let url = match scoped.as_deref().and_then(by) {
            Some(url) => Some(url),
            None => {
                let mapped = scoped.is_some_and(|key| self.project.config.get(&key).is_some());
                if mapped { None } else { by("registry") }
            }
        };
        url.and_then(|url| RegistryUrl::parse(url).ok())
            .unwrap_or_else(|| self.project.config.registry_for(name, &self.project.public))
    }

    /// Why a scenario means nothing here; `None` where it does.
    pub(super) fn lacks(&self, scenario: &Scenario, command: &[String]) -> Option<String> {
        scenario.needs.iter().find_map(|need| self.lack(*need, command)).or_else(|| {
            let only_local = self.fetched().next().is_none();
            (scenario.control
                && scenario.project.unlink_local
                && only_local
                && !self.project.directory.is_empty())
            .then(|| {
                "the command runs in a member of the workspace, and only members are at stake".to_owned()
            })
        })
    }

    fn lack(&self, need: Need, command: &[String]) -> Option<String> {
        let no_private = || {
            if self.private.is_empty() {
                "no package in the lockfile is private".to_owned()
            } else {
                "the command leaves out every private package".to_owned()
            }
        };
        let any_private = self.fetched().next().is_some();
        let (met, reason) = match need {
            Need::Private => (any_private, no_private()),
            Need::PrivateOrLocal => {
                (any_private || !self.local.is_empty(), "no package is private or local".to_owned())
            }
            Need::RequiredPrivate if !any_private => (false, no_private()),
            Need::RequiredPrivate => {
                (self.tampered().is_some(), "every private package is optional".to_owned())
            }
            Need::Mapping if !any_private => (false, no_private()),
            Need::Mapping => (
                self.fetched().any(|entry| self.asked_of(&entry.name, command) != self.project.public),
                "npm's configuration maps no private package to a registry".to_owned(),
            ),
            Need::Resolved if !any_private => (false, no_private()),
            Need::Resolved => (
                self.fetched().any(|entry| entry.resolved.is_some()),
                "no lockfile entry of a private package has `resolved`".to_owned(),
            ),
            Need::Integrity if !any_private => (false, no_private()),
            Need::Integrity => (
                self.fetched().any(|entry| entry.integrity.is_some()),
                "no lockfile entry of a private package has an integrity that can verify".to_owned(),
            ),
        };
        (!met).then_some(reason)
    }

    /// The defences there are to be lost.
    pub(super) fn defences(&self, command: &[String], npm_major: Option<u64>) -> BTreeSet<Loss> {
        let has = |need: Need| self.lack(need, command).is_none();
        let mut defences = BTreeSet::new();
        if !has(Need::Private) {
            return defences;
        }
        defences.insert(Loss::Lockfile);
        for (need, loss) in [
            (Need::Mapping, Loss::Mapping),
            (Need::Resolved, Loss::Resolved),
            (Need::Integrity, Loss::Integrity),
        ] {
            if has(need) {
                defences.insert(loss);
            }
        }
        if self.has_controls(command, npm_major) {
            defences.insert(Loss::Controls);
        }
        defences
    }

    /// npm 12 has its controls on by itself; before it somebody has to set them.
    fn has_controls(&self, command: &[String], npm_major: Option<u64>) -> bool {
        let set = OPENED.iter().any(|(key, opened)| {
            let commanded = command::option_values(command, key);
            let configured = self.project.config.plain(key);
            let flag = format!("--{key}");
            commanded.into_iter().chain(configured).any(|value| value != *opened) || command.contains(&flag)
        });
        set || npm_major.is_some_and(|major| major >= 12)
            || npm_major.is_some_and(|major| major >= 11) && self.project.manifest.allow_scripts.is_some()
    }

    /// The losses a scenario really takes here. Overriding `registry` takes the
    /// mapping only of packages that are mapped by it; a scope with a registry
    /// of its own keeps it.
    pub(super) fn losses(&self, scenario: &Scenario, command: &[String]) -> Vec<Loss> {
        let overrides =
            scenario.project.npm_config.contains_key("registry") && !scenario.project.remove_mapping;
        let by_default = self.fetched().any(|entry| {
            let scoped = entry.name.scope().is_some_and(|scope| {
                self.project.config.scope_registry(scope).is_some()
                    || command::mappings(command).iter().any(|(key, _)| *key == format!("{scope}:registry"))
            });
            !scoped && self.asked_of(&entry.name, command) != self.project.public
        });
        scenario
            .losses
            .iter()
            .copied()
            .filter(|loss| match loss {
                Loss::Mapping => !overrides || by_default,
                Loss::Lockfile | Loss::Resolved | Loss::Integrity | Loss::Controls => true,
            })
            .collect()
    }
}

impl Omitted {
    /// npm's `omit` at every level, `--production` and its kin, and
    /// `NODE_ENV=production`, less what `include` brings back.
    fn read(project: &Project, command: &[String]) -> Self {
        let mut omit: BTreeSet<&str> = command::option_values(command, "omit").into_iter().collect();
        let mut include: BTreeSet<&str> = command::option_values(command, "include").into_iter().collect();
        let configured = |key: &str| {
            project.config.get(key).or_else(|| project.config.get(&format!("{key}[]"))).into_iter().flat_map(
                |setting| match &setting.value {
                    Value::Plain(text) => text.split([',', '\n']).map(str::trim).collect::<Vec<_>>(),
                    Value::Secret(_) => Vec::new(),
                },
            )
        };
        if omit.is_empty() {
            omit.extend(configured("omit"));
        }
        if include.is_empty() {
            include.extend(configured("include"));
        }
        let production = command
            .iter()
            .any(|word| word == "--production" || word == "--only=production" || word == "--only=prod")
            || project.settings.install.env.get("NODE_ENV").is_some_and(|value| value == "production");
        if production {
            omit.insert("dev");
        }
        let left_out = |kind: &str| omit.contains(kind) && !include.contains(kind);
        Self { dev: left_out("dev"), optional: left_out("optional"), peer: left_out("peer") }
    }
}
