//! What is installed on either side: present, which version, from where, which bytes.

use super::{Aspect, Compared, Difference, Unseen, Which, apart};
use crate::compare::side::Install;
use crate::evidence::exchange::Role;
use crate::evidence::fact::{Package, PackageSource, SourceKind};
use std::collections::{BTreeMap, BTreeSet};

/// What is installed.
pub(super) fn packages(left: &[&Install<'_>], right: &[&Install<'_>], into: &mut Compared) {
    let (of_left, of_right) = (by_path(left), by_path(right));
    let paths: BTreeSet<&str> = of_left.keys().chain(of_right.keys()).copied().collect();
    let (mut left_only, mut right_only, mut neither) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        let nothing = Vec::new();
        let (one, other) = (of_left.get(path).unwrap_or(&nothing), of_right.get(path).unwrap_or(&nothing));
        let name = one.iter().chain(other).map(|package| package.name.clone()).next();
        let mut told = |aspect, left: Option<String>, right: Option<String>| {
            let (package, name) = (Some(path.to_owned()), name.clone());
            into.differences.push(Difference { aspect, package, name, left, right });
        };
        // Where only some of equal installs have it, nothing is said of it.
        if one.is_empty() || other.is_empty() {
            let steady = if one.is_empty() { other.len() == right.len() } else { one.len() == left.len() };
            if steady {
                let version = |all: &[&Package]| all.first().and_then(|package| package.version.clone());
                told(Aspect::Presence, version(one), version(other));
            }
            continue;
        }
        let values = |all: &[&Package], of: fn(&Package) -> Option<String>| {
            all.iter().map(|package| of(package)).collect::<BTreeSet<_>>()
        };
        let same_version = match apart(&values(one, version), &values(other, version)) {
            Some((left, right)) => {
                told(Aspect::Version, left, right);
                false
            }
            None => true,
        };
        if let Some((left, right)) = apart(&values(one, source), &values(other, source)) {
            told(Aspect::Source, left, right);
        }
        if same_version {
            let (known_left, known_right) = (known(one), known(other));
            match (known_left.is_empty(), known_right.is_empty()) {
                (false, false) => {
                    if let Some((left, right)) = apart(&known_left, &known_right) {
                        told(Aspect::Digest, left, right);
                    }
                }
                (true, false) => left_only.push(path.to_owned()),
                (false, true) => right_only.push(path.to_owned()),
                (true, true) if one.iter().chain(other).any(|package| has_bytes(package)) => {
                    neither.push(path.to_owned());
                }
                (true, true) => {}
            }
        }
    }
    for (on, packages) in [(Which::Left, left_only), (Which::Right, right_only), (Which::Both, neither)] {
        if !packages.is_empty() {
            into.unseen.push(Unseen { on, why: "the bytes are not known".to_owned(), packages });
        }
    }
}

fn by_path<'a>(side: &[&Install<'a>]) -> BTreeMap<&'a str, Vec<&'a Package>> {
    let mut all: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in side.iter().flat_map(|install| install.packages) {
        if package.version.is_some() {
            all.entry(&package.path).or_default().push(package);
        }
    }
    all
}

fn version(package: &Package) -> Option<String> {
    package.version.clone()
}

fn known(all: &[&Package]) -> BTreeSet<Option<String>> {
    let digest = |package: &&Package| package.source.as_ref()?.sha512.clone();
    all.iter().filter_map(digest).map(Some).collect()
}

/// Whether a package is one that has a tarball of its own, whose bytes could be known.
fn has_bytes(package: &Package) -> bool {
    match package.source.as_ref().map(|source| source.kind) {
        Some(SourceKind::Registry | SourceKind::Cache | SourceKind::Unknown) => true,
        Some(SourceKind::Git | SourceKind::File | SourceKind::Link | SourceKind::Bundled) | None => false,
    }
}

/// Whose host, and which registry on it: two can share one.
fn source(package: &Package) -> Option<String> {
    let source = package.source.as_ref()?;
    let place = source.url.as_deref().and_then(|url| registry_of(url, &package.name));
    let place = place.or_else(|| source.host.clone());
    Some(match (source.kind, place) {
        (SourceKind::Registry, Some(place)) => format!("{place}{}", whose(source)),
        (SourceKind::Registry, None) => format!("a registry{}", whose(source)),
        (SourceKind::Cache, Some(place)) => format!("npm's cache, from {place}{}", whose(source)),
        (SourceKind::Cache, None) => "npm's cache".to_owned(),
        (SourceKind::Git, Some(place)) => format!("git, {place}"),
        (SourceKind::Git, None) => "git".to_owned(),
        (SourceKind::File, _) => "a tarball in the project".to_owned(),
        (SourceKind::Link, _) => "a folder of the project".to_owned(),
        (SourceKind::Bundled, _) => "its parent's tarball".to_owned(),
        (SourceKind::Unknown, Some(place)) => format!("nothing that was delivered, perhaps {place}"),
        (SourceKind::Unknown, None) => "nothing that was delivered".to_owned(),
    })
}

fn whose(source: &PackageSource) -> &'static str {
    match source.role {
        Role::Own => " (own)",
        Role::Public => " (public)",
        Role::Foreign => " (foreign)",
        Role::Unknown => " (whose is not known)",
    }
}

/// `npm.corp.example/api/npm-local` of a tarball's URL; plain http is said.
fn registry_of(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let host = url.host_str()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let scheme = if url.scheme() == "http" { "http://" } else { "" };
    let path = url.path();
    let prefix = path.find(&format!("/{name}/")).map_or("", |at| &path[..at]);
    Some(format!("{scheme}{host}{port}{prefix}"))
}
