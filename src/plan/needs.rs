//! What a project has that a scenario could be about, and whether that is enough.

use super::environment::OPENED;
use super::mapping::is_file;
use super::world::is_here;
use super::{command, environment};
use crate::project::Project;
use crate::project::class::Class;
use crate::project::integrity::Algorithm;
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::name::PackageName;
use crate::project::npmrc::levels::of_run;
use crate::project::npmrc::{Feature, Level, NpmVersion, Setting, Value};
use crate::project::omit::Omit;
use crate::project::registry::RegistryUrl;
use crate::scenario::{Loss, Need, Scenario};
use std::collections::BTreeSet;

/// The packages that matter, as the command would install them.
pub(super) struct Stakes<'a> {
    pub(super) project: &'a Project,
    /// Private entries of the lockfile, omitted ones too, by path.
    pub(super) private: Vec<&'a LockEntry>,
    /// Local entries (links, members, `file:` packages), by path.
    pub(super) local: Vec<&'a LockEntry>,
    omit: Omit,
}

impl<'a> Stakes<'a> {
    pub(super) fn of(project: &'a Project, command: &[String]) -> Self {
        let of_class = |class: Class| project.of_class(class).map(|(entry, _)| entry).collect();
        Self {
            project,
            private: of_class(Class::Private),
            local: of_class(Class::Local),
            omit: Omit::of(
                &of_run(&project.config, Level::Cli, command, &project.settings.install.env),
                project.settings.install.env.get("NODE_ENV").map(String::as_str),
            ),
        }
    }

    /// Whether the command installs an entry at all (its platform is not asked for).
    fn installs(&self, entry: &LockEntry) -> bool {
        !self.omit.leaves_out(entry, self.project, None)
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

    /// The registries of what the command installs of private packages.
    fn homes(&self) -> impl Iterator<Item = &RegistryUrl> {
        let classes = &self.project.classes;
        self.fetched().filter_map(|entry| classes.get(&entry.path)?.registry.as_ref())
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

    /// Why a scenario means nothing here; `None` where it does.
    pub(super) fn lacks(
        &self,
        scenario: &Scenario,
        command: &[String],
        npm: Option<NpmVersion>,
    ) -> Option<String> {
        let needs = || scenario.needs.iter().find_map(|need| self.lack(*need, command));
        environment::ignored(scenario, self, npm)
            .or_else(needs)
            .or_else(|| {
                let values = scenario.project.npm_config.values().chain(&scenario.install.npm_options);
                values
                    .into_iter()
                    .any(|value| self.filled(value).is_none())
                    .then(|| "no private package has what the scenario names in braces".to_owned())
            })
            .or_else(|| {
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
        let undecided = self.project.undecided().len();
        let no_private = || match (self.private.is_empty(), undecided) {
            (false, _) => "the command leaves out every private package".to_owned(),
            (true, 0) => "no package in the lockfile is private".to_owned(),
            (true, 1) => {
                "no package in the lockfile is known to be private, and of one nothing says whether it is"
                    .to_owned()
            }
            (true, many) => format!(
                "no package in the lockfile is known to be private, and of {many} nothing says whether they are"
            ),
        };
        let any_private = self.fetched().next().is_some();
        let (met, reason) = match need {
            Need::Private => (any_private, no_private()),
            Need::PrivateOrLocal => {
                let reason = match undecided {
                    0 => "no package is private or local".to_owned(),
                    1 => "no package is known to be private or local, and of one nothing says whether it is private".to_owned(),
                    many => format!(
                        "no package is known to be private or local, and of {many} nothing says whether they are private"
                    ),
                };
                (any_private || !self.local.is_empty(), reason)
            }
            Need::RequiredPrivate if !any_private => (false, no_private()),
            Need::RequiredPrivate => {
                (self.tampered().is_some(), "every private package is optional".to_owned())
            }
            Need::Mapping if !any_private => (false, no_private()),
            Need::Mapping => (
                self.fetched().any(|entry| self.asked_now(&entry.name, command) != self.project.public),
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
            Need::UserMapping => self.mapped_at("the user's npmrc", |level| level == Level::User),
            Need::GlobalMapping => self.mapped_at("the global npmrc", |level| level == Level::Global),
            Need::ProjectMapping => {
                self.mapped_at("the project's own npmrc", |level| level == Level::Project)
            }
            Need::NpmrcMapping | Need::ScopeMapping if !any_private => (false, no_private()),
            Need::NpmrcMapping => self.mapped_at("an npmrc file", is_file),
            Need::ScopeMapping => (
                self.mapping_settings(is_file).any(|setting| setting.key != "registry"),
                "no npmrc file maps the scope of a private package".to_owned(),
            ),
            Need::Workspace => {
                (self.member().is_some(), "the project is no workspace with members".to_owned())
            }
            Need::Mirror => (
                self.project.config.default_registry(&self.project.public) != self.project.public
                    && self.any(|entry| entry.kind == EntryKind::Registry && self.resolved_at_public(entry)),
                "no package is pinned to the public registry while another one is the default".to_owned(),
            ),
            Need::Development => {
                (self.any(|entry| entry.dev), "no package is for development only".to_owned())
            }
            Need::Optional => (self.any(|entry| entry.optional), "no package is optional".to_owned()),
            Need::Git => {
                (self.any(|entry| entry.kind == EntryKind::Git), "no package comes from git".to_owned())
            }
            Need::InstallScript => (
                self.any(|entry| entry.has_install_script),
                "no package in the lockfile has an install script".to_owned(),
            ),
            Need::Unresolved => (
                self.any(|entry| entry.kind == EntryKind::Registry && entry.resolved.is_none()),
                "every lockfile entry has `resolved`".to_owned(),
            ),
            Need::DirectPrivate if !any_private => (false, no_private()),
            Need::DirectPrivate => {
                (!self.direct_private().is_empty(), "package.json itself names no private package".to_owned())
            }
            Need::Public => (self.public().is_some(), "no package is public".to_owned()),
            Need::PackageLock => (
                self.project.lockfile.source.name().ends_with("package-lock.json"),
                "the lockfile is an npm-shrinkwrap.json".to_owned(),
            ),
            Need::NewLockfile => {
                (self.project.lockfile.version > 1, "the lockfile is of version 1 already".to_owned())
            }
            Need::Ci => {
                (command::is_ci(command), "the project's own command is an `npm install` already".to_owned())
            }
            Need::Tls | Need::Name | Need::Virtual | Need::TokenVariable if !any_private => {
                (false, no_private())
            }
            Need::TokenVariable => (
                self.project.config.credentials().iter().any(|credential| {
                    credential.variable.is_some()
                        && is_file(credential.level)
                        && self.homes().any(|home| home.nerf_dart().starts_with(&credential.nerf_dart))
                }),
                "no npmrc file writes the credential of a private package's registry by a variable"
                    .to_owned(),
            ),
            Need::Virtual => (
                self.homes().any(|home| self.is_virtual(home)),
                "no registry of a private package is known to serve public ones too".to_owned(),
            ),
            Need::Tls => (
                self.homes().any(|home| home.as_url().scheme() == "https"),
                "no private package comes over TLS".to_owned(),
            ),
            Need::Name => (
                self.homes().any(|home| !is_here(home.host())),
                "the registry of every private package is on this machine, and no name is looked up"
                    .to_owned(),
            ),
        };
        (!met).then_some(reason)
    }

    /// The defences there are to be lost.
    pub(super) fn defences(&self, command: &[String], npm: Option<NpmVersion>) -> BTreeSet<Loss> {
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
        if self.has_controls(command, npm) {
            defences.insert(Loss::Controls);
        }
        defences
    }

    /// npm 12 has its controls on by itself; before it somebody has to set them, by a key that
    /// this npm knows.
    pub(super) fn has_controls(&self, command: &[String], npm: Option<NpmVersion>) -> bool {
        let known = OPENED.iter().filter(|(key, _)| npm.is_none_or(|npm| npm.knows(key)));
        let set = known.into_iter().any(|(key, opened)| {
            let commanded = command::option_values(command, key);
            let configured = self.project.config.plain(key);
            let flag = format!("--{key}");
            commanded.into_iter().chain(configured).any(|value| value != *opened) || command.contains(&flag)
        });
        let does = |feature: Feature| npm.is_some_and(|npm| npm.does(feature));
        set || does(Feature::RefusesRemote)
            || does(Feature::UnreviewedScriptsWait)
            || does(Feature::AllowScripts) && self.project.manifest.allow_scripts.is_some()
    }

    /// Whether an entry that the command installs is so.
    fn any(&self, is: impl Fn(&LockEntry) -> bool) -> bool {
        self.project.lockfile.entries.values().any(|entry| self.installs(entry) && is(entry))
    }

    fn mapping_settings(&self, at: fn(Level) -> bool) -> impl Iterator<Item = &'a Setting> + '_ {
        let settings = self.project.config.settings.iter();
        let elsewhere = |setting: &Setting| match &setting.value {
            Value::Plain(url) => RegistryUrl::parse(url).is_ok_and(|url| url != self.project.public),
            Value::Secret(_) => true,
        };
        settings
            .filter(move |setting| at(setting.level) && self.is_mapping(&setting.key) && elsewhere(setting))
    }

    fn mapped_at(&self, file: &str, at: fn(Level) -> bool) -> (bool, String) {
        let any = self.fetched().next().is_some() && self.mapping_settings(at).next().is_some();
        (any, format!("{file} maps no private package to a registry"))
    }

    /// The folder of the first workspace member.
    pub(super) fn member(&self) -> Option<&'a str> {
        let folders = self.local.iter().filter(|entry| entry.kind == EntryKind::Folder);
        folders.map(|entry| entry.path.as_str()).next()
    }

    /// The first public package that a registry serves.
    pub(super) fn public(&self) -> Option<&'a LockEntry> {
        self.project.lockfile.entries.values().find(|entry| {
            let class = self.project.classes.get(&entry.path).map(|found| found.class);
            entry.kind == EntryKind::Registry && class == Some(Class::Public)
        })
    }

    /// Whether a registry stands before others, as far as the project's files tell.
    fn is_virtual(&self, registry: &RegistryUrl) -> bool {
        let mut named = self.project.settings.registries.iter();
        named.any(|entry| entry.url == *registry && entry.behind.is_some())
            || self.project.public_from(registry).is_some()
    }

    fn resolved_at_public(&self, entry: &LockEntry) -> bool {
        let url = entry.resolved.as_deref().and_then(|resolved| url::Url::parse(resolved).ok());
        url.is_some_and(|url| self.project.public.same_host(&url))
    }

    /// Private packages at the top of the tree that package.json names.
    pub(super) fn direct_private(&self) -> Vec<&'a LockEntry> {
        let named = &self.project.manifest.dependencies;
        let top = |entry: &&LockEntry| {
            entry.path.strip_prefix("node_modules/").is_some_and(|name| named.contains_key(name))
        };
        self.fetched().filter(top).collect()
    }
}
