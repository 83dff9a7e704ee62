//! The world of a run: who answers, how, and what strangers offer.

use super::command;
use super::credential::Planting;
use super::needs::Stakes;
use super::{DecoySpec, RegistryWorld, World};
use crate::project::Project;
use crate::project::class::{Class, private_glob, registry_setting};
use crate::project::lockfile::{EntryKind, LockEntry, fetched_from};
use crate::project::name::PackageName;
use crate::project::npmrc::Value;
use crate::project::registry::RegistryUrl;
use crate::scenario::{Answer, ResolvedForm, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// The host of a stranger to whom a lockfile or an answer leads. RFC 2606 keeps
/// `example` from ever being anybody's.
pub const STRANGER: &str = "packages.stranger.example";

/// The world before any scenario: everything answers genuinely and no decoy is offered.
pub(super) fn genuine(
    project: &Project,
    stakes: &Stakes<'_>,
    planting: &Planting,
    words: &[String],
) -> World {
    let private = private_names(project, stakes);
    let registries = registries(project, &private, stakes, words);
    let local: BTreeSet<PackageName> = stakes.local.iter().flat_map(|entry| names(entry)).collect();
    let private_globs = private_globs(project);
    World {
        public: project.public.clone(),
        public_answer: Answer::Genuine,
        public_serve: project
            .settings
            .registries
            .iter()
            .find(|entry| entry.url == project.public)
            .and_then(|entry| entry.serve.clone()),
        hosts: hosts(project, &registries),
        ports: ports(project, &registries, words),
        registries,
        own: project.own_registries(),
        pinned: pinned(stakes),
        known: known(project, &private, &local, &private_globs),
        private,
        local,
        private_globs,
        decoys: Vec::new(),
        tamper: None,
        strangers: BTreeSet::new(),
        named: project.named.clone(),
        planted: planting.planted.clone(),
        secrets: super::PlantedSecrets::default(),
        keeping: None,
        sink: None,
    }
}

/// The world as a scenario wants it.
pub(super) fn under(mut world: World, project: &Project, stakes: &Stakes<'_>, scenario: &Scenario) -> World {
    let answer = scenario.world.private;
    let mut owners: BTreeSet<RegistryUrl> = world.private.values().cloned().collect();
    // What the lockfile pins at another registry of the owner's is fetched there.
    owners.extend(stakes.private.iter().filter_map(|entry| {
        let pinned = Url::parse(entry.resolved.as_deref()?).ok()?;
        let own = world.own.get(&entry.name)?;
        own.iter().filter(|url| url.serves(&pinned)).max_by_key(|url| url.as_url().path().len()).cloned()
    }));
    for registry in &mut world.registries {
        let shares_host = owners.iter().any(|owner| owner.same_host(registry.url.as_url()));
        // What fails below HTTP fails for the host, whichever registry of it was meant.
        let hit = if answer.below_http() { shares_host } else { owners.contains(&registry.url) };
        if hit {
            registry.answer = answer;
        }
    }
    world.public_answer = scenario.world.public;
    if answer.leads_to_a_stranger() || scenario.project.lockfile.resolved == Some(ResolvedForm::Stranger) {
        world.strangers.insert(STRANGER.to_owned());
    }
    world.ports.extend(world.detour());
    if scenario.world.decoys {
        world.decoys = decoys(project, stakes, answer == Answer::MergesPublic);
    }
    let other_bytes = |answer: Answer| answer == Answer::Tampered || answer.impostor();
    if other_bytes(answer) || other_bytes(scenario.world.public) {
        world.tamper = stakes.tampered();
    }
    world
}

/// Tarballs of private packages by their URL, for their names and versions. Of two that
/// have one URL the first by path counts.
fn pinned(stakes: &Stakes<'_>) -> BTreeMap<String, (PackageName, String)> {
    let mut pinned = BTreeMap::new();
    for entry in &stakes.private {
        let url = entry.resolved.as_deref().and_then(|resolved| Url::parse(resolved).ok());
        if let Some(url) = url.filter(|url| matches!(url.scheme(), "https" | "http")) {
            let known = (entry.name.clone(), entry.version.clone());
            pinned.entry(tarball_key(&url)).or_insert(known);
        }
    }
    pinned
}

/// By what [`World::pinned`] knows a URL: neither a query nor a credential tells tarballs apart.
fn tarball_key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}://{host}:{port}{}", url.scheme(), url.path())
}

/// Under which names a registry could be asked for an entry.
fn names(entry: &LockEntry) -> impl Iterator<Item = PackageName> {
    [Some(entry.name.clone()), entry.alias.clone()].into_iter().flatten()
}

fn private_names(project: &Project, stakes: &Stakes<'_>) -> BTreeMap<PackageName, RegistryUrl> {
    let mut private = BTreeMap::new();
    for name in project.settings.private.iter().flatten() {
        // A name (no glob) is private even while the lockfile lacks it.
        if let Ok(name) = PackageName::parse(name)
            && !is_glob(name.as_str())
        {
            let registry = project.config.registry_for(&name, &project.public);
            if registry != project.public {
                private.insert(name, registry);
            }
        }
    }
    for entry in &stakes.private {
        if let Some(registry) = project.classes.get(&entry.path).and_then(|found| found.registry.clone()) {
            private.insert(entry.name.clone(), registry);
        }
    }
    private
}

/// The names of public packages that would be held back by themselves, with who knows them.
fn known(
    project: &Project,
    private: &BTreeMap<PackageName, RegistryUrl>,
    local: &BTreeSet<PackageName>,
    globs: &[String],
) -> BTreeMap<PackageName, BTreeSet<RegistryUrl>> {
    let globs: Vec<_> = globs.iter().filter_map(|text| private_glob(text)).collect();
    let inside = |name: &PackageName| {
        private.contains_key(name)
            || local.contains(name)
            || globs.iter().any(|glob| glob.is_match(name.as_str()))
    };
    let mut known = project.known_names();
    for name in project.nested.iter().filter(|name| !private.contains_key(*name) && !local.contains(*name)) {
        known.entry(name.clone()).or_default().insert(project.public.clone());
    }
    known.retain(|name, registries| !registries.is_empty() && inside(name));
    known
}

fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '[', '{', '!'])
}

fn private_globs(project: &Project) -> Vec<String> {
    let mut globs: BTreeSet<String> = BTreeSet::new();
    match &project.settings.private {
        Some(list) => globs.extend(list.iter().filter(|name| is_glob(name)).cloned()),
        None => {
            for setting in &project.config.settings {
                if let Some(scope) = setting.key.strip_suffix(":registry")
                    && scope.starts_with('@')
                    && project.config.scope_registry(scope).is_some_and(|(url, _)| url != project.public)
                {
                    globs.insert(format!("{scope}/*"));
                }
            }
        }
    }
    globs.into_iter().collect()
}

/// Every registry but the public one that a file, a variable or the command names.
fn registries(
    project: &Project,
    private: &BTreeMap<PackageName, RegistryUrl>,
    stakes: &Stakes<'_>,
    words: &[String],
) -> Vec<RegistryWorld> {
    let configured = project.config.settings.iter().filter_map(registry_setting);
    let commanded = command::mappings(words).into_iter().filter_map(|(_, url)| RegistryUrl::parse(url).ok());
    let mut worlds: BTreeMap<RegistryUrl, RegistryWorld> = configured
        .chain(commanded)
        .chain(private.values().cloned())
        .filter(|url| *url != project.public)
        .map(|url| {
            (url.clone(), RegistryWorld { url, answer: Answer::Genuine, serve: None, also: Vec::new() })
        })
        .collect();
    for entry in project.settings.registries.iter().filter(|entry| entry.url != project.public) {
        let world = RegistryWorld {
            url: entry.url.clone(),
            answer: Answer::Genuine,
            serve: entry.serve.clone(),
            also: entry.also.clone(),
        };
        worlds.insert(entry.url.clone(), world);
    }
    for (owner, elsewhere) in tarballs_elsewhere(project, stakes) {
        let known = worlds.keys().any(|url| url.covers(elsewhere.as_url()));
        if let Some(world) = worlds.get_mut(&owner).filter(|world| !known && !world.also.contains(&elsewhere))
        {
            world.also.push(elsewhere);
        }
    }
    worlds.into_values().collect()
}

/// Some registries keep tarballs on their own host under another path than
/// packuments (GitLab: `/api/v4/packages/npm/` and `/api/v4/projects/7/packages/npm/`).
fn tarballs_elsewhere(project: &Project, stakes: &Stakes<'_>) -> BTreeSet<(RegistryUrl, RegistryUrl)> {
    stakes
        .private
        .iter()
        .filter_map(|entry| {
            let owner = project.classes.get(&entry.path)?.registry.clone()?;
            let resolved = Url::parse(entry.resolved.as_deref()?).ok()?;
            if !owner.same_host(&resolved) || owner.covers(&resolved) {
                return None;
            }
            Some((owner, RegistryUrl::before(&resolved, &entry.name)?))
        })
        .collect()
}

/// The first decoy of a name is at the locked version, so that only the source
/// differs; the higher one is what wins where versions are chosen anew.
fn decoys(project: &Project, stakes: &Stakes<'_>, merged: bool) -> Vec<DecoySpec> {
    let mut decoys = BTreeSet::new();
    for entry in stakes.private.iter().chain(&stakes.local) {
        let version = version(project, entry);
        let higher = higher(&version);
        let between = merged.then(|| between(&version)).flatten();
        for name in names(entry) {
            let (version, higher, between) = (version.clone(), higher.clone(), between.clone());
            decoys.insert(DecoySpec { name, version, higher, between });
        }
    }
    decoys.into_iter().collect()
}

/// The higher version of a decoy.
pub(super) fn higher(version: &str) -> String {
    match node_semver::Version::parse(version) {
        Ok(parsed) => format!("{}.0.0", parsed.major.saturating_add(98)),
        Err(_) => "99.0.0".to_owned(),
    }
}

/// A version that `^` and `~` before the locked one take as well.
fn between(version: &str) -> Option<String> {
    let parsed = node_semver::Version::parse(version).ok()?;
    Some(format!("{}.{}.{}", parsed.major, parsed.minor, parsed.patch.saturating_add(98)))
}

/// The version of an entry; of a link, that of the folder it leads to, which may be the project's own.
pub(super) fn version(project: &Project, entry: &LockEntry) -> String {
    let target = entry.resolved.as_deref().map(|target| target.trim_start_matches("file:"));
    let folder = target.and_then(|target| project.lockfile.entries.get(target));
    let is_root = entry.kind == EntryKind::Link && target.is_none();
    let root = project.manifest.version.as_ref().filter(|_| is_root);
    [Some(entry), folder]
        .into_iter()
        .flatten()
        .map(|entry| entry.version.clone())
        .chain(root.cloned())
        .find(|version| node_semver::Version::parse(version).is_ok())
        .unwrap_or_else(|| "1.0.0".to_owned())
}

/// Hosts of tarballs and git repositories that no registry covers.
fn hosts(project: &Project, registries: &[RegistryWorld]) -> BTreeSet<String> {
    let mut hosts: BTreeSet<String> = project.settings.trusted_hosts.iter().cloned().collect();
    for entry in project.lockfile.entries.values() {
        let class = project.classes.get(&entry.path).map(|found| found.class);
        let elsewhere = match class {
            Some(Class::Local) => false,
            Some(Class::Private | Class::Public | Class::Other | Class::Undecided) | None => true,
        };
        let Some(url) = entry.resolved.as_deref().filter(|_| elsewhere).and_then(over_network) else {
            continue;
        };
        let known = project.public.same_host(&url) || registries.iter().any(|one| one.url.same_host(&url));
        if let Some(host) = url.host_str().filter(|_| !known) {
            hosts.insert(host.to_owned());
            // npm fetches a commit of a repository there as a tarball, from another host.
            if entry.kind == EntryKind::Git && host == "github.com" {
                hosts.insert("codeload.github.com".to_owned());
            }
        }
    }
    hosts
}

fn over_network(resolved: &str) -> Option<Url> {
    let url = fetched_from(resolved)?;
    matches!(url.scheme(), "https" | "http" | "ssh" | "git").then_some(url)
}

/// 443, 80 and every port that is named somewhere.
fn ports(project: &Project, registries: &[RegistryWorld], words: &[String]) -> BTreeSet<u16> {
    let mut ports = BTreeSet::from([443, 80, project.public.port()]);
    for registry in registries {
        ports.insert(registry.url.port());
        ports.extend(registry.also.iter().map(RegistryUrl::port));
    }
    for setting in &project.config.settings {
        let value = match &setting.value {
            Value::Plain(text) => text.as_str(),
            Value::Secret(secret) => secret.expose(),
        };
        ports.extend(port_of(value));
        if setting.key.starts_with("//") {
            ports.extend(port_of(&format!("https:{}", setting.key)));
        }
    }
    ports.extend(project.settings.install.env.values().filter_map(|value| port_of(value)));
    for entry in project.lockfile.entries.values() {
        ports.extend(entry.resolved.as_deref().and_then(over_network).and_then(|url| url.port()));
    }
    ports.extend(
        words.iter().filter_map(|word| port_of(word.split_once('=').map_or(word, |(_, value)| value))),
    );
    ports.remove(&0);
    ports
}

fn port_of(text: &str) -> Option<u16> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?.port_or_known_default()
}

/// Whether a host is literally this machine (`localhost`, `127.0.0.1`).
pub fn is_here(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1"
}

/// Ports to which a registry that moves its downloads moves them: the first that
/// is nobody's.
const DETOURS: [u16; 3] = [8443, 9443, 10443];

impl World {
    /// The port to which a registry of this world redirects its tarballs, if one
    /// does: one of its own host that no registry has, or 80 for plain http.
    pub fn detour(&self) -> Option<u16> {
        let answers = self.registries.iter().map(|registry| registry.answer).chain([self.public_answer]);
        let way = answers
            .into_iter()
            .find(|answer| matches!(answer, Answer::RedirectPort | Answer::RedirectHttp))?;
        if way == Answer::RedirectHttp {
            return Some(80);
        }
        let urls =
            self.registries.iter().flat_map(|registry| std::iter::once(&registry.url).chain(&registry.also));
        let taken: BTreeSet<u16> = urls.chain([&self.public]).map(RegistryUrl::port).collect();
        DETOURS.into_iter().find(|port| !taken.contains(port))
    }

    /// The private package and version that the lockfile pins at a URL.
    pub fn pinned_at(&self, url: &Url) -> Option<&(PackageName, String)> {
        self.pinned.get(&tarball_key(url))
    }

    /// Ports of registries that are literally on this machine and can be reached.
    /// One that refuses, or has no address, is left out: nobody listens there then,
    /// so that npm sees a genuine refusal (`localhost` cannot lose its address).
    pub fn ports_here(&self) -> BTreeSet<u16> {
        let public = std::iter::once((&self.public, self.public_answer));
        let others = self.registries.iter().flat_map(|registry| {
            std::iter::once(&registry.url).chain(&registry.also).map(|url| (url, registry.answer))
        });
        let (gone, open): (Vec<_>, Vec<_>) = public
            .chain(others)
            .filter(|(url, _)| is_here(url.host()))
            .partition(|(_, answer)| answer.nobody_there());
        let mut ports: BTreeSet<u16> = open.iter().map(|(url, _)| url.port()).collect();
        ports.extend(self.detour().filter(|_| !open.is_empty()));
        // Of downloads' hosts only the names are known.
        if self.hosts.iter().any(|host| is_here(host)) {
            ports.extend(&self.ports);
        }
        ports.retain(|port| !gone.iter().any(|(url, _)| url.port() == *port));
        ports
    }
}
