//! What scripts did on one side always and on the other never.

use super::{Aspect, Difference};
use crate::compare::noise::{self, Fact, Kind, Varying};
use crate::compare::side::{Install, Side};
use crate::evidence::fact::{Connection, Reached};
use crate::wire::ProcessId;
use std::collections::{BTreeMap, BTreeSet};

/// Of which side it can be said that it did not do something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trust {
    pub(super) left: bool,
    pub(super) right: bool,
}

/// What scripts did: on one side always and on the other never.
pub(super) fn facts(
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
    let noise = Noise::of(left.noise.iter().chain(&right.noise).copied());
    let varies = |fact: &Told| match fact {
        Told::Fact(fact, _) => noise.covers(fact),
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

/// Patterns of what varies that each fact is held against; a report that was forged can
/// name millions, and what is beyond is told as a difference.
const MOST_PATTERNS: usize = 1_000;

/// What is known to vary: whole texts, and patterns.
struct Noise<'a> {
    texts: BTreeSet<(Kind, Option<&'a str>, &'a str)>,
    patterns: Vec<&'a Varying>,
}

impl<'a> Noise<'a> {
    fn of(all: impl Iterator<Item = &'a Varying>) -> Self {
        let (patterns, texts): (Vec<_>, Vec<_>) = all.partition(|varying| varying.what.contains('*'));
        let texts = texts.iter().map(|it| (it.kind, it.package.as_deref(), it.what.as_str())).collect();
        Self { texts, patterns: patterns.into_iter().take(MOST_PATTERNS).collect() }
    }

    fn covers(&self, fact: &Fact) -> bool {
        self.texts.contains(&(fact.0, fact.1.as_deref(), fact.2.as_str()))
            || self.patterns.iter().any(|varying| varying.covers(fact))
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
