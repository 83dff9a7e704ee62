//! Runs of a project as it is, as facts of a baseline.

use super::deed::{Terms, covers, is_pattern, names_a_host};
use super::fact::{Act, Fact, Group, Pinned, name_of};
use super::{ROOT, fold};
use crate::compare::noise::{self, Kind, settled};
use crate::compare::side::Install;
use crate::evidence::fact::{Package, Process, Reached, SourceKind};
use crate::wire::{Change, ProcessId};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a digest that are kept, base64: 128 bits and a little.
const DIGEST: usize = 22;

/// What equal runs showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observation {
    /// The packages of all of them.
    pub packages: BTreeSet<Fact>,
    /// The names of those that are not the same in each of them.
    pub unsteady: BTreeSet<String>,
    /// What scripts did in each of them, word for word.
    each: Vec<BTreeSet<Deed>>,
}

/// Who did what.
type Deed = (String, Act, String);

/// What runs of one scenario in one place show, which npm ended well and which were seen whole:
/// live evidence, or what a saved report has of it.
pub fn observe<'a, I: Into<Install<'a>> + Copy>(runs: &[I]) -> Observation {
    let runs: Vec<Install<'a>> = runs.iter().map(|run| (*run).into()).collect();
    let each: Vec<BTreeSet<Fact>> =
        runs.iter().map(|run| run.packages.iter().map(package).collect()).collect();
    let packages: BTreeSet<Fact> = each.iter().flatten().cloned().collect();
    let unsteady = packages.iter().filter(|fact| each.iter().any(|run| !run.contains(fact)));
    let unsteady = unsteady.filter_map(installed).map(str::to_owned).collect();
    Observation { packages, unsteady, each: runs.iter().map(deeds).collect() }
}

impl Observation {
    /// The names of the packages that it knows.
    pub fn names(&self) -> BTreeSet<&str> {
        self.packages.iter().filter_map(installed).collect()
    }

    /// Everything that scripts did in some run.
    pub(super) fn all(&self) -> BTreeSet<&Deed> {
        self.each.iter().flatten().collect()
    }

    /// As a baseline has it: what is another each time told by its pattern, many lines folded.
    /// Patterns that are known already stay, since a single run shows none.
    pub fn facts(&self, known: &BTreeSet<Fact>) -> BTreeSet<Fact> {
        let mut told: BTreeMap<(String, bool, Act), BTreeSet<String>> = BTreeMap::new();
        let old: Vec<_> = known.iter().filter_map(pattern).collect();
        for (who, sometimes, act, text) in self.settled() {
            let kept = old
                .iter()
                .find(|(of, _, as_act, line)| **of == who && **as_act == act && covers(line, &text));
            let (sometimes, text) = match kept {
                Some((_, sometimes, _, line)) => (*sometimes, (*line).clone()),
                None => (sometimes, text),
            };
            told.entry((who, sometimes, act)).or_default().insert(text);
        }
        let mut facts = self.packages.clone();
        let none = BTreeSet::new();
        for ((who, sometimes, act), lines) in &told {
            let (who, sometimes, act) = (who.clone(), *sometimes, act.clone());
            let lines = match &act {
                // What is there now and then has no number.
                Act::Run(_) if sometimes => lines.clone(),
                Act::Run(_) => {
                    let loose = told.get(&(who.clone(), true, act.clone())).unwrap_or(&none);
                    fold::commands(lines, loose)
                }
                Act::Write => fold::files(lines),
                Act::Connect | Act::Read => lines.clone(),
            };
            facts.extend(lines.into_iter().map(|text| Fact::Deed {
                who: who.clone(),
                sometimes,
                act: act.clone(),
                text,
            }));
        }
        facts
    }

    /// Each deed, whether it is done in some of the runs only, and names made up anew as `*`.
    fn settled(&self) -> BTreeSet<(String, bool, Act, String)> {
        let owners: Vec<(&String, &Act)> = {
            let all: BTreeSet<(&String, &Act)> = self.all().iter().map(|(who, act, _)| (who, act)).collect();
            all.into_iter().collect()
        };
        let fact = |(who, act, text): &Deed| {
            let kind = match act {
                Act::Run(_) => Kind::Process,
                Act::Connect => Kind::Connection,
                Act::Write => Kind::File,
                // Nothing of it is made up.
                Act::Read => Kind::Script,
            };
            let owner = owners.iter().position(|owner| *owner == (who, act)).unwrap_or_default();
            (kind, Some(owner.to_string()), text.clone())
        };
        let each: Vec<BTreeSet<noise::Fact>> =
            self.each.iter().map(|deeds| deeds.iter().map(fact).collect()).collect();
        let first = each.first().cloned().unwrap_or_default();
        let steady = each.iter().fold(first, |same, other| same.intersection(other).cloned().collect());
        let varying = noise::among(&each).into_iter();
        let varying = varying.map(|it| (it.in_name_only(), it.package, numbers(&it.what)));
        let steady = steady.into_iter().map(|(_, owner, text)| (true, owner, text));
        steady
            .chain(varying)
            .filter_map(|(always, owner, text)| {
                let (who, act) = owners.get(owner?.parse::<usize>().ok()?)?;
                // A host that is another each time is approved by nobody.
                let left_out = **act == Act::Connect && is_pattern(&text) && !names_a_host(&text);
                (!left_out).then(|| ((*who).clone(), !always, (*act).clone(), text))
            })
            .collect()
    }
}

/// A text with every number by itself as `*`, where a word of it is another each time: that it
/// was the same this time (the number of a process, a second) is chance.
fn numbers(text: &str) -> String {
    if !is_pattern(text) {
        return text.to_owned();
    }
    let is_number = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    let words: Vec<&str> = text.split(' ').map(|word| if is_number(&word) { "*" } else { word }).collect();
    words.join(" ")
}

/// A fact that stands for more than itself, or for what is there now and then.
fn pattern(fact: &Fact) -> Option<(&String, bool, &Act, &String)> {
    match fact {
        Fact::Deed { who, sometimes, act, text } if *sometimes || is_pattern(text) => {
            Some((who, *sometimes, act, text))
        }
        Fact::Deed { .. } | Fact::Verdict { .. } | Fact::Package { .. } => None,
    }
}

/// The name of a package that a fact is of.
fn installed(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Package { line, .. } => Some(name_of(line)),
        Fact::Verdict { .. } | Fact::Deed { .. } => None,
    }
}

fn package(package: &Package) -> Fact {
    let source = package.source.as_ref();
    let bytes = match (&package.version, package.genuine, package.integrity_ok) {
        (None, _, _) => Pinned::Absent,
        (Some(_), Some(false), _) => Pinned::Other,
        (Some(_), Some(true), Some(true)) => Pinned::Pinned,
        (Some(_), Some(true) | None, _) => Pinned::Unpinned,
    };
    let group = Group {
        class: package.class,
        source: source.map(|source| source.kind),
        role: source.map(|source| source.role),
        host: source.and_then(|source| source.host.clone()),
        bytes,
    };
    let mut line = package.name.clone();
    // A link's version is what the project's own files say, and is another with each release.
    let linked = source.is_some_and(|source| source.kind == SourceKind::Link);
    if let Some(version) = package.version.as_deref().filter(|version| !linked && !version.is_empty()) {
        line = format!("{line}@{version}");
    }
    if let Some(digest) = source.and_then(|source| source.sha512.as_deref()) {
        let digest: String = digest.trim_start_matches("sha512-").chars().take(DIGEST).collect();
        line = format!("{line} sha512-{digest}");
    }
    Fact::Package { group, line }
}

fn deeds(run: &Install<'_>) -> BTreeSet<Deed> {
    let terms = Terms::of(run);
    let by_id: BTreeMap<ProcessId, &Process> =
        run.processes.iter().map(|process| (process.id, process)).collect();
    let script = |id: ProcessId| by_id.get(&id).copied().filter(|process| process.event.is_some());
    let who = |process: &Process| name_of_package(*run, process.package.as_deref().unwrap_or_default());
    let mut deeds = BTreeSet::new();
    for process in run.processes {
        let Some(event) = &process.event else { continue };
        deeds.insert((who(process), Act::Run(event.clone()), terms.command(process)));
    }
    for (process, target) in targets(run) {
        if let Some(process) = script(process) {
            deeds.insert((who(process), Act::Connect, target));
        }
    }
    for file in run.files.iter().filter(|file| !(file.npms && file.npm)) {
        let change = match file.change {
            Change::Added => "added",
            Change::Changed => "changed",
            Change::Removed => "removed",
        };
        let by = file.process.and_then(script);
        let whose =
            by.map_or_else(|| name_of_package(*run, file.package.as_deref().unwrap_or_default()), who);
        deeds.insert((whose, Act::Write, format!("{change} {}", terms.path(&file.path))));
    }
    for read in run.reads {
        if let Some(process) = script(read.process) {
            deeds.insert((who(process), Act::Read, read.secret.clone()));
        }
    }
    deeds
}

/// Where each process reached for: `host:port`, or the host alone where it was only looked up.
/// What stayed inside the sandbox is nobody's business.
fn targets(run: &Install<'_>) -> BTreeSet<(ProcessId, String)> {
    let mut targets = BTreeSet::new();
    let mut named = BTreeSet::new();
    for connection in run.connections.iter().filter(|connection| connection.port != 0) {
        match connection.outcome {
            Reached::Inside => continue,
            Reached::Gateway
            | Reached::Refused
            | Reached::Unreachable
            | Reached::Denied
            | Reached::Pending => {}
        }
        let host = connection.name.as_deref().unwrap_or(&connection.address);
        named.insert(host);
        targets.insert((connection.process, target(host, connection.port)));
    }
    for lookup in run.lookups.iter().filter(|lookup| !named.contains(lookup.name.as_str())) {
        targets.extend(lookup.process.map(|process| (process, lookup.name.clone())));
    }
    targets
}

/// How a connection is told.
fn target(host: &str, port: u16) -> String {
    format!("{host}:{port}")
}

/// The name of the package in a folder, as a baseline has it.
pub fn name_of_package<'a>(run: impl Into<Install<'a>>, folder: &str) -> String {
    if folder.is_empty() {
        return ROOT.to_owned();
    }
    let mut packages = run.into().packages.iter();
    let known = packages.find(|package| package.path == folder).map(|package| package.name.clone());
    known.unwrap_or_else(|| settled(folder))
}
