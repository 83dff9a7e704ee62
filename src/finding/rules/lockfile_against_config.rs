//! `lockfile-against-config`: the lockfile and npm's configuration name two registries.

use crate::evidence::Role;
use crate::finding::case::{Case, Sighting, spec};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};
use crate::project::Project;
use crate::project::class::{Class, Classified};
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

pub(super) static RULE: Rule = Rule {
    name: "lockfile-against-config",
    severity: Severity::Note,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "the lockfile pins a package at another registry than npm's configuration names for it",
    page: include_str!("../../../docs/rules/lockfile-against-config.md"),
    check: Check::Report(check),
};

/// Packages for which the same two registries are named, by path.
type Pairs<'a> = BTreeMap<(RegistryUrl, RegistryUrl), Vec<&'a LockEntry>>;

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let project = case.project;
    let own = project.own_registries();
    let (mut yours, mut public, mut beside) = (Pairs::new(), Pairs::new(), Pairs::new());
    for entry in project.lockfile.entries.values().filter(|entry| entry.kind == EntryKind::Registry) {
        let Some(known) = project.classes.get(&entry.path) else { continue };
        let Some(url) = entry.resolved.as_deref().and_then(|text| Url::parse(text).ok()) else { continue };
        let configured = project.config.registry_for(&entry.name, &project.public);
        match known.class {
            Class::Private => {
                let Some(pinned) = pinned(&own, entry, &url) else {
                    if let Some((path, home)) = unnamed(entry, known, &url) {
                        beside.entry((path, home)).or_default().push(entry);
                    }
                    continue;
                };
                let named = own.get(&entry.name).is_some_and(|own| own.contains(&configured));
                if pinned != configured && named {
                    yours.entry((pinned, configured)).or_default().push(entry);
                }
            }
            Class::Public if in_spite_of_mapping(entry, known, &url, project) => {
                public.entry((project.public.clone(), configured)).or_default().push(entry);
            }
            Class::Public | Class::Local | Class::Other | Class::Undecided => {}
        }
    }
    let two = yours.into_iter().map(|((pinned, configured), entries)| {
        let message = format!(
            "the lockfile pins {} at {pinned}, and npm's configuration names {configured}; both are yours, and without the lockfile npm asks the second",
            named(&entries)
        );
        told(message, "let the lockfile and `.npmrc` name one registry, so that npm 12 does not refuse the other (EALLOWREMOTE)", &entries)
            .key(format!("{pinned} {configured}"))
    });
    let mixed = public.into_iter().map(|((pinned, configured), entries)| {
        let message = format!(
            "the lockfile pins {} at {pinned}, though its scope is mapped to {configured}; npm 7 to 11 follow the lockfile, npm 12 refuses it (EALLOWREMOTE), and without the lockfile npm asks the second",
            named(&entries)
        );
        told(message, "if it is yours alone, have the lockfile pin it at your registry; if it is public, publish it there too or take its scope out of the mapping", &entries)
            .severity(Severity::Warning)
            .key(format!("{pinned} {configured}"))
    });
    let beside = beside.into_iter().map(|((path, home), entries)| {
        let message = format!(
            "the lockfile pins {} at {path}, which no file names as a registry; it is on the host of {home}, and on a host of many it may be somebody else's",
            named(&entries)
        );
        told(message, "name it in a `[[registry]]` of sealcheck.toml (`url`, or `also` of the registry) if it is yours, else correct `resolved`", &entries)
            .severity(Severity::Warning)
            .key(format!("{path} {home}"))
    });
    two.chain(mixed).chain(beside).chain(moved(case, &own)).collect()
}

/// What came from another registry of the owner's than the lockfile pins it at.
fn moved(case: &Case<'_>, own: &BTreeMap<PackageName, BTreeSet<RegistryUrl>>) -> Vec<Sighting> {
    let mut moves: BTreeMap<(RegistryUrl, RegistryUrl), Sighting> = BTreeMap::new();
    for run in case.observed() {
        for (at, package) in run.packages().filter(|(_, package)| package.class == Class::Private) {
            let Some(entry) = case.project.lockfile.entries.get(&package.path) else { continue };
            let Some(source) = package.source.as_ref().filter(|source| source.role == Role::Own) else { continue };
            let places = [&entry.resolved, &source.url].map(|text| {
                let url = Url::parse(text.as_deref()?).ok()?;
                pinned(own, entry, &url)
            });
            let [Some(from), Some(to)] = places else { continue };
            if from == to {
                continue;
            }
            let name = spec(&package.name, package.version.as_deref());
            let sighting = moves.entry((from.clone(), to.clone())).or_insert_with(|| {
                told(
                    format!("{name} came from {to} instead of {from}, where the lockfile pins it; both are yours"),
                    "nothing has to be done: it says which of your registries stands in for the other",
                    &[entry],
                )
                .key(format!("moved {from} {to}"))
                .seen(EvidenceKind::Package, at)
            });
            if !sighting.runs.contains(&run.at) {
                sighting.runs.push(run.at);
            }
        }
    }
    moves.into_values().collect()
}

/// The registry of the owner's that a URL lies under; of two, the longer path.
fn pinned(
    own: &BTreeMap<PackageName, BTreeSet<RegistryUrl>>,
    entry: &LockEntry,
    url: &Url,
) -> Option<RegistryUrl> {
    let covering = own.get(&entry.name)?.iter().filter(|own| own.serves(url));
    covering.max_by_key(|own| own.as_url().path().len()).cloned()
}

/// The path and the registry of what the lockfile pins on the registry's host, under a path that
/// nothing names. Not where the registry is known to keep its tarballs so: GitLab has them with
/// the project, Azure under the ids of project and feed.
fn unnamed(entry: &LockEntry, known: &Classified, url: &Url) -> Option<(RegistryUrl, RegistryUrl)> {
    let home = known.registry.as_ref().filter(|home| home.same_host(url) && !home.serves(url))?;
    let path = RegistryUrl::before(url, &entry.name)?;
    let parts = |registry: &RegistryUrl| -> Vec<String> {
        registry.as_url().path().split('/').map(str::to_owned).collect()
    };
    let (there, here) = (parts(&path), parts(home));
    let same = |count: usize| there.iter().take(count).eq(here.iter().take(count));
    let gitlab = path.as_url().path().contains("/api/v4/projects/") && home.as_url().path().contains("/api/v4/");
    let azure = same(2) && [&there, &here].iter().all(|parts| parts.iter().any(|part| part == "_packaging"));
    (!gitlab && !azure).then(|| (path, home.clone()))
}

/// A package of a mapped scope, pinned at the public registry.
fn in_spite_of_mapping(entry: &LockEntry, known: &Classified, url: &Url, project: &Project) -> bool {
    let public = project.public.as_url();
    let mapped = entry.name.scope().and_then(|scope| project.config.scope_registry(scope));
    known.registry.as_ref() == Some(&project.public)
        && project.public.same_name(url)
        && mapped.is_some_and(|(registry, _)| !registry.same_name(public))
}

fn told(message: String, help: &str, entries: &[&LockEntry]) -> Sighting {
    let sighting = Sighting::new(message, help);
    match entries.first() {
        Some(first) => sighting.package(first.name.as_str()).at(Spot::resolved(&first.path)),
        None => sighting,
    }
}

/// "a@1.0.0", "a@1.0.0 and 3 more".
fn named(entries: &[&LockEntry]) -> String {
    let mut entries = entries.iter();
    let first = entries.next().map(|entry| spec(entry.name.as_str(), Some(&entry.version))).unwrap_or_default();
    match entries.len() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
