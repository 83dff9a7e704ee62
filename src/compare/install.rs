//! What differs between two sides, package by package: what is installed and where it came
//! from, and what scripts did.
//!
//! Of installs that both went well. How far one came that failed is chance, so of it only
//! its end counts. What varies between equal installs is no difference, and what one side
//! did not see is no equality: it is said apart.

#[cfg(test)]
mod tests;

use super::noise::{self, Fact, Kind};
use super::side::{Install, Side};
use crate::evidence::exchange::Role;
use crate::evidence::fact::{Connection, Package, PackageSource, Reached, SourceKind};
use crate::wire::{Exit, GapKind, ProcessId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What of an install differs, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// The command that ran.
    Command,
    /// How npm ended.
    Exit,
    /// What npm said was wrong.
    Message,
    /// That a package is installed.
    Presence,
    /// Its version.
    Version,
    /// Where it came from: whose host, and which.
    Source,
    /// Its bytes: `sha512-…` of its tarball.
    Digest,
    /// That a lifecycle script of it ran.
    Script,
    /// How that script ended.
    ScriptEnd,
    /// The command of a process below a script.
    Process,
    /// Where a script connected to, or tried to.
    Connection,
    /// A name that a script looked up and did not connect to.
    Lookup,
    /// A file that a script added, changed or removed.
    File,
    /// A planted secret that a script read.
    SecretRead,
}

/// One difference. A side that has nothing of the kind has `None`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// What differs.
    pub aspect: Aspect,
    /// The path of the package that it is about; `""` is the project itself, `None` the install as a whole.
    pub package: Option<String>,
    /// That package's name.
    pub name: Option<String>,
    /// How it is on the left.
    pub left: Option<String>,
    /// How it is on the right.
    pub right: Option<String>,
}

/// Which side did not see something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The left.
    Left,
    /// The right.
    Right,
    /// Neither saw it.
    Both,
}

/// What could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Unseen {
    /// Who did not see it.
    pub on: Which,
    /// Why, a fragment: "it was ended at its time limit".
    pub why: String,
    /// The paths of the packages that it is about; none where it is about all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
}

/// What a comparison says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Ordered.
    pub differences: Vec<Difference>,
    /// Ordered. Where there is any, no difference does not mean equal.
    pub unseen: Vec<Unseen>,
}

/// Compares two sides.
pub fn differences(left: &Side<'_>, right: &Side<'_>) -> Compared {
    let mut compared = Compared { differences: Vec::new(), unseen: blindness(left, right) };
    let (seen_left, seen_right) = (left.seen(), right.seen());
    if seen_left.is_empty() || seen_right.is_empty() {
        return compared;
    }
    ends(&seen_left, &seen_right, &mut compared.differences);
    let went_well = |seen: &[&Install<'_>]| seen.iter().all(|install| install.succeeded());
    let (well_left, well_right) = (went_well(&seen_left), went_well(&seen_right));
    if well_left && well_right {
        packages(&seen_left, &seen_right, &mut compared);
    }
    // Whoever was not seen whole, or failed on the way, may have done or been about to do it all the same.
    let trust = Trust {
        left: left.blind().is_none() && (well_left || !well_right),
        right: right.blind().is_none() && (well_right || !well_left),
    };
    facts(left, right, &seen_left, &seen_right, trust, &mut compared.differences);
    compared.differences.sort();
    compared.differences.dedup();
    compared.unseen.sort();
    compared
}

fn blindness(left: &Side<'_>, right: &Side<'_>) -> Vec<Unseen> {
    let unseen = |on, why| Unseen { on, why, packages: Vec::new() };
    let mut all = Vec::new();
    match (left.blind(), right.blind()) {
        (None, None) => {}
        (Some(why), None) => all.push(unseen(Which::Left, why)),
        (None, Some(why)) => all.push(unseen(Which::Right, why)),
        (Some(left), Some(right)) if left == right => all.push(unseen(Which::Both, left)),
        (Some(left), Some(right)) => {
            all.push(unseen(Which::Left, left));
            all.push(unseen(Which::Right, right));
        }
    }
    let (of_left, of_right) = (left.unfollowed(), right.unfollowed());
    let only = |one: &BTreeMap<GapKind, &str>, other: &BTreeMap<GapKind, &str>, on| {
        one.iter()
            .filter(|(kind, _)| !other.contains_key(kind))
            .map(|(_, detail)| unseen(on, format!("not followed: {detail}")))
            .collect::<Vec<_>>()
    };
    all.extend(only(&of_left, &of_right, Which::Left));
    all.extend(only(&of_right, &of_left, Which::Right));
    all
}

/// What the whole install came to.
fn ends(left: &[&Install<'_>], right: &[&Install<'_>], into: &mut Vec<Difference>) {
    let mut told = |aspect, value: &dyn Fn(&Install<'_>) -> Option<String>| {
        let of = |side: &[&Install<'_>]| side.iter().map(|install| value(install)).collect::<BTreeSet<_>>();
        if let Some((left, right)) = apart(&of(left), &of(right)) {
            into.push(Difference { aspect, package: None, name: None, left, right });
        }
    };
    told(Aspect::Command, &|install| Some(install.command.join(" ")));
    told(Aspect::Exit, &|install| match install.exit {
        Some(Exit::Code(code)) => Some(format!("exit {code}")),
        Some(Exit::Signal(signal)) => Some(format!("signal {signal}")),
        None => None,
    });
    // Which of several packages fails first is chance; by which code and at whose host is not.
    let message = |install: &Install<'_>| {
        let error = install.npm_error?;
        Some(format!("{} {}", error.code, host_in(&error.summary).unwrap_or_default()))
    };
    let of = |side: &[&Install<'_>]| side.iter().map(|install| message(install)).collect::<BTreeSet<_>>();
    if apart(&of(left), &of(right)).is_some() {
        let text = |side: &[&Install<'_>]| {
            let error = side.iter().find_map(|install| install.npm_error)?;
            Some(format!("{}: {}", error.code, error.summary))
        };
        let (left, right) = (text(left), text(right));
        into.push(Difference { aspect: Aspect::Message, package: None, name: None, left, right });
    }
}

/// The host of the first URL in a text.
fn host_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    Some(rest.split(['/', ' ', ':', '"', '\'']).next().unwrap_or(rest))
}

/// One value of each side where none is on both; values that vary on a side must all differ.
fn apart(
    left: &BTreeSet<Option<String>>,
    right: &BTreeSet<Option<String>>,
) -> Option<(Option<String>, Option<String>)> {
    if !left.is_disjoint(right) {
        return None;
    }
    Some((left.first().cloned()?, right.first().cloned()?))
}

/// What is installed.
fn packages(left: &[&Install<'_>], right: &[&Install<'_>], into: &mut Compared) {
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

/// Of which side it can be said that it did not do something.
#[derive(Debug, Clone, Copy)]
struct Trust {
    left: bool,
    right: bool,
}

/// What scripts did: on one side always and on the other never.
fn facts(
    left: &Side<'_>,
    right: &Side<'_>,
    seen_left: &[&Install<'_>],
    seen_right: &[&Install<'_>],
    trust: Trust,
    into: &mut Vec<Difference>,
) {
    let names = names(seen_left, seen_right);
    let of = |side: &[&Install<'_>]| side.iter().map(|install| told(install)).collect::<Vec<_>>();
    let (of_left, of_right) = (of(seen_left), of(seen_right));
    let varies = |fact: &Told| match fact {
        Told::Fact(fact, _) => left.noise.iter().chain(&right.noise).any(|varying| varying.covers(fact)),
        Told::Lookup(..) | Told::Read(..) | Told::End(..) => false,
    };
    let mut push = |fact: &Told, on_left: bool| {
        let (aspect, package, text) = fact.parts();
        let name = package.as_deref().and_then(|path| names.get(path)).map(|name| (*name).to_owned());
        let (left, right) = if on_left { (Some(text), None) } else { (None, Some(text)) };
        into.push(Difference { aspect, package, name, left, right });
    };
    for (ours, theirs, on_left, trusted) in
        [(&of_left, &of_right, true, trust.right), (&of_right, &of_left, false, trust.left)]
    {
        let Some(first) = ours.first().filter(|_| trusted) else { continue };
        for fact in first {
            let always = ours.iter().all(|facts| facts.contains(fact));
            let never = !theirs.iter().any(|facts| facts.contains(fact));
            if always && never && !varies(fact) {
                push(fact, on_left);
            }
        }
    }
}

/// Something that a script did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    /// With whose script did it, where the fact does not say.
    Fact(Fact, Option<String>),
    /// Whose, and which name.
    Lookup(Option<String>, String),
    /// Whose, and which secret.
    Read(Option<String>, String),
    /// Whose, and how the script ended: only what is not 0.
    End(Option<String>, String),
}

impl Told {
    fn parts(&self) -> (Aspect, Option<String>, String) {
        match self {
            Self::Fact((kind, package, text), author) => {
                let aspect = match kind {
                    Kind::Script => Aspect::Script,
                    Kind::Process => Aspect::Process,
                    Kind::Connection => Aspect::Connection,
                    Kind::File => Aspect::File,
                };
                (aspect, package.clone().or_else(|| author.clone()), text.clone())
            }
            Self::Lookup(package, name) => (Aspect::Lookup, package.clone(), name.clone()),
            Self::Read(package, secret) => (Aspect::SecretRead, package.clone(), secret.clone()),
            Self::End(package, end) => (Aspect::ScriptEnd, package.clone(), end.clone()),
        }
    }
}

fn told(install: &Install<'_>) -> BTreeSet<Told> {
    let by_id: BTreeMap<_, _> = install.processes.iter().map(|process| (process.id, process)).collect();
    let package = |id: &ProcessId| by_id.get(id).and_then(|process| process.package.as_deref());
    let (mut out, mut named) = (BTreeSet::new(), BTreeSet::new());
    for connection in install.connections.iter().filter(|connection| leads_out(connection)) {
        let package = package(&connection.process);
        named.insert((package, connection.name.as_deref()));
        out.insert(noise::connected(package, connection));
    }
    let counts = |fact: &Fact| fact.0 != Kind::Connection || out.contains(fact);
    let facts = noise::facts(install).into_iter().filter(counts);
    // A file that lies in no package is told with whose script it was.
    let authors: BTreeMap<&str, Option<&str>> = install
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.process.as_ref().and_then(package)))
        .collect();
    let author = |fact: &Fact| {
        let (_, path) = fact.2.split_once(' ').filter(|_| fact.0 == Kind::File && fact.1.is_none())?;
        authors.get(path).copied().flatten().map(str::to_owned)
    };
    let mut all: BTreeSet<Told> = facts
        .map(|fact| {
            let by = author(&fact);
            Told::Fact(fact, by)
        })
        .collect();
    for read in install.reads {
        all.insert(Told::Read(package(&read.process).map(str::to_owned), read.secret.clone()));
    }
    for lookup in install.lookups {
        let process = lookup.process.as_ref().and_then(|id| by_id.get(id));
        let Some(process) = process.filter(|process| process.event.is_some()) else { continue };
        if !named.contains(&(process.package.as_deref(), Some(lookup.name.as_str()))) {
            all.insert(Told::Lookup(process.package.clone(), lookup.name.clone()));
        }
    }
    for process in install.processes {
        let parent = process.parent.and_then(|id| by_id.get(&id));
        let top = parent.is_none_or(|parent| parent.event.is_none());
        if let (Some(event), Some(exit), true) = (&process.event, &process.exit, top)
            && exit != "0"
        {
            all.insert(Told::End(process.package.clone(), format!("{event} ended with {exit}")));
        }
    }
    all
}

/// What is answered inside a sandbox leads nowhere; the C library asks the kernel for
/// addresses (`family:16`, netlink) and a daemon for names before it asks anybody.
fn leads_out(connection: &Connection) -> bool {
    let of_libc = ["family:16", "unix:/var/run/nscd/socket"].contains(&connection.address.as_str());
    connection.outcome != Reached::Inside && !of_libc
}

/// The name of each package, by its path.
fn names<'a>(left: &[&Install<'a>], right: &[&Install<'a>]) -> BTreeMap<&'a str, &'a str> {
    let installs = || left.iter().chain(right);
    let packages = installs().flat_map(|install| install.packages);
    let mut names: BTreeMap<&str, &str> =
        packages.map(|package| (package.path.as_str(), package.name.as_str())).collect();
    for process in installs().flat_map(|install| install.processes) {
        if let (Some(path), Some(name)) = (&process.package, &process.package_name) {
            names.entry(path).or_insert(name);
        }
    }
    names
}
