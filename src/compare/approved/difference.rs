//! What was accepted beside what was observed.

use super::deed::covers;
use super::fact::{Act, Fact, Group, Pinned, name_of, version_of};
use super::fold;
use super::record::Observation;
use crate::evidence::exchange::Role;
use crate::project::class::Class;
use std::collections::{BTreeMap, BTreeSet};

/// A package that is not as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageChange {
    /// Its name; `.` is the project itself.
    pub name: String,
    /// What changed, at least one.
    pub changes: Vec<Change>,
    /// Nothing but its version, or whether it is there at all: it has the bytes that the
    /// lockfile pins, comes from where it came, and no script of it runs.
    pub pinned_only: bool,
    /// It was accepted as private.
    pub was_private: bool,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Of what.
    pub topic: Topic,
    /// What was accepted; none of it where empty.
    pub before: Vec<String>,
    /// What is so now.
    pub after: Vec<String>,
}

/// What of a package can change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Whether it is there, and in which version.
    Version,
    /// The bytes of the same version.
    Bytes,
    /// Where it comes from.
    Source,
    /// Its class.
    Class,
    /// The processes of a lifecycle event.
    Script(String),
    /// Where its scripts connect to.
    Connections,
    /// The files that they change.
    Writes,
    /// The planted secrets that they read.
    Reads,
}

impl Topic {
    /// For people.
    pub fn words(&self) -> &str {
        match self {
            Self::Version => "version",
            Self::Bytes => "bytes",
            Self::Source => "source",
            Self::Class => "class",
            Self::Script(event) => event,
            Self::Connections => "connections",
            Self::Writes => "files",
            Self::Reads => "secrets read",
        }
    }
}

/// Every package that is not as it was accepted, by name. Where the runs were not `whole`,
/// what was not seen may be there all the same, and only what is new is told.
pub fn changes(before: &BTreeSet<Fact>, after: &Observation, whole: bool) -> Vec<PackageChange> {
    let (old, mut new) = (packages(before), packages(&after.packages));
    if !whole {
        // An install that failed has taken away what it had begun.
        new.values_mut().for_each(|lines| lines.retain(|(group, _)| group.bytes != Pinned::Absent));
    }
    let mut found: BTreeMap<&str, PackageChange> = BTreeMap::new();
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let none = Vec::new();
    let mut add = |name, changes: Vec<Change>| {
        if !changes.is_empty() {
            let change = found.entry(name).or_insert_with(|| PackageChange {
                name: name.to_owned(),
                changes: Vec::new(),
                pinned_only: false,
                was_private: false,
            });
            change.changes.extend(changes);
        }
    };
    for name in names {
        let (old, new) = (old.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none));
        if whole || !new.is_empty() {
            let mut changes = installed(old, new);
            if changes.is_empty() && whole && after.unsteady.contains(name) {
                changes.push(Change {
                    topic: Topic::Version,
                    before: old
                        .iter()
                        .map(|(_, line)| version_of(line).0.unwrap_or("there").to_owned())
                        .collect(),
                    after: vec!["not the same in each run".to_owned()],
                });
            }
            add(name, changes);
        }
    }
    let done = after.all();
    let mut deeds: BTreeMap<(&str, &Act), Change> = BTreeMap::new();
    let mut open: BTreeMap<(&str, &Act), BTreeSet<&str>> = BTreeMap::new();
    for (who, act, text) in &done {
        if !before.iter().any(|fact| accepts(fact, who, act, text)) {
            open.entry((who, act)).or_default().insert(text);
        }
    }
    let mut met: BTreeSet<&Fact> = BTreeSet::new();
    for ((who, act), texts) in open {
        let (known, new) = counted(before, who, act, &texts);
        met.extend(known);
        if !new.is_empty() {
            deeds.entry((who, act)).or_insert_with(|| Change::of(act)).after.extend(new);
        }
    }
    for fact in before.iter().filter(|_| whole) {
        match fact {
            Fact::Deed { who, sometimes: false, act, text } => {
                if !met.contains(fact)
                    && !done.iter().any(|(of, by, seen)| of == who && by == act && covers(text, seen))
                {
                    deeds.entry((who, act)).or_insert_with(|| Change::of(act)).before.push(text.clone());
                }
            }
            Fact::Deed { sometimes: true, .. } | Fact::Verdict { .. } | Fact::Package { .. } => {}
        }
    }
    for ((who, _), change) in deeds {
        add(who, vec![change]);
    }
    let scripted: BTreeSet<&str> = before
        .iter()
        .filter_map(|fact| match fact {
            Fact::Deed { who, .. } => Some(who.as_str()),
            Fact::Verdict { .. } | Fact::Package { .. } => None,
        })
        .chain(done.iter().map(|(who, _, _)| who.as_str()))
        .collect();
    let mut all: Vec<PackageChange> = found.into_values().collect();
    for change in &mut all {
        let name = change.name.as_str();
        let both = || old.get(name).into_iter().chain(new.get(name)).flatten();
        change.was_private =
            old.get(name).is_some_and(|old| old.iter().any(|(group, _)| group.class == Class::Private));
        change.pinned_only = !scripted.contains(name)
            && change.changes.iter().all(|change| change.topic == Topic::Version)
            && both().all(|(group, _)| is_pinned(group));
        change.changes.sort();
    }
    all
}

/// Commands that no line covers, beside the lines that tell many of a program by number and
/// digest: those lines that they are, and what is new.
fn counted<'a>(
    before: &'a BTreeSet<Fact>,
    who: &str,
    act: &Act,
    open: &BTreeSet<&str>,
) -> (Vec<&'a Fact>, Vec<String>) {
    let (mut known, mut new) = (Vec::new(), Vec::new());
    let is_command = match act {
        Act::Run(_) => true,
        Act::Connect | Act::Write | Act::Read => false,
    };
    for (program, lines) in fold::by_program(open.iter().copied()) {
        let start = fold::counted_start(program);
        let told = before.iter().find_map(|fact| match fact {
            Fact::Deed { who: of, act: by, text, .. }
                if of == who && by == act && text.starts_with(&start) =>
            {
                Some((fact, text))
            }
            Fact::Deed { .. } | Fact::Verdict { .. } | Fact::Package { .. } => None,
        });
        match told.filter(|_| is_command && fold::is_interpreter(program)) {
            Some((fact, text)) => {
                let now = fold::counted(program, &lines);
                if now == *text { known.push(fact) } else { new.push(now) }
            }
            None => new.extend(lines.into_iter().map(str::to_owned)),
        }
    }
    (known, new)
}

/// Whether a fact of a baseline accepts a deed.
fn accepts(fact: &Fact, who: &str, act: &Act, text: &str) -> bool {
    match fact {
        Fact::Deed { who: of, sometimes: _, act: by, text: line } => {
            of == who && by == act && covers(line, text)
        }
        Fact::Verdict { .. } | Fact::Package { .. } => false,
    }
}

/// The verdicts of a baseline, by scenario.
pub fn verdicts(before: &BTreeSet<Fact>) -> BTreeMap<&str, &str> {
    before
        .iter()
        .filter_map(|fact| match fact {
            Fact::Verdict { scenario, verdict } => Some((scenario.as_str(), verdict.as_str())),
            Fact::Package { .. } | Fact::Deed { .. } => None,
        })
        .collect()
}

type Lines<'a> = Vec<(&'a Group, &'a str)>;

fn packages(facts: &BTreeSet<Fact>) -> BTreeMap<&str, Lines<'_>> {
    let mut packages: BTreeMap<&str, Lines<'_>> = BTreeMap::new();
    for fact in facts {
        match fact {
            Fact::Package { group, line } => {
                packages.entry(name_of(line)).or_default().push((group, line));
            }
            Fact::Verdict { .. } | Fact::Deed { .. } => {}
        }
    }
    packages
}

/// From where it must, with the bytes that the lockfile pins.
fn is_pinned(group: &Group) -> bool {
    let rightful = match group.role {
        Some(Role::Own | Role::Public) => true,
        Some(Role::Foreign | Role::Unknown) | None => false,
    };
    rightful && group.bytes == Pinned::Pinned
}

/// What differs between the installs of one name; in a tree there can be several.
fn installed(old: &Lines<'_>, new: &Lines<'_>) -> Vec<Change> {
    let gone: Lines<'_> = old.iter().filter(|one| !new.contains(one)).copied().collect();
    let come: Lines<'_> = new.iter().filter(|one| !old.contains(one)).copied().collect();
    let (mut changes, shared) = (Vec::new(), gone.len().min(come.len()));
    for ((from, before), (to, after)) in gone.iter().zip(&come) {
        let ((was, had), (is, has)) = (version_of(before), version_of(after));
        let mut differs = |topic: Topic, before: String, after: String| {
            if before != after {
                changes.push(Change { topic, before: vec![before], after: vec![after] });
            }
        };
        differs(Topic::Version, was.unwrap_or("none").to_owned(), is.unwrap_or("none").to_owned());
        if was == is && had != has {
            differs(Topic::Bytes, had.unwrap_or("none").to_owned(), has.unwrap_or("none").to_owned());
        }
        differs(Topic::Source, from.words(), to.words());
        differs(Topic::Class, class(from).to_owned(), class(to).to_owned());
    }
    let told = |(group, line): &(&Group, &str)| {
        let version = version_of(line).0.unwrap_or("there");
        format!("{version} {}", group.words())
    };
    changes.extend(gone[shared..].iter().map(|one| Change {
        topic: Topic::Version,
        before: vec![told(one)],
        after: Vec::new(),
    }));
    changes.extend(come[shared..].iter().map(|one| Change {
        topic: Topic::Version,
        before: Vec::new(),
        after: vec![told(one)],
    }));
    changes
}

fn class(group: &Group) -> &'static str {
    match group.class {
        Class::Private => "private",
        Class::Local => "local",
        Class::Public => "public",
        Class::Other => "other",
        Class::Undecided => "undecided",
    }
}

impl Change {
    fn of(act: &Act) -> Self {
        let topic = match act {
            Act::Run(event) => Topic::Script(event.clone()),
            Act::Connect => Topic::Connections,
            Act::Write => Topic::Writes,
            Act::Read => Topic::Reads,
        };
        Self { topic, before: Vec::new(), after: Vec::new() }
    }
}

/// The names of the packages of a baseline.
pub fn names(before: &BTreeSet<Fact>) -> BTreeSet<&str> {
    packages(before).into_keys().collect()
}

/// The names of its private packages.
pub fn private(before: &BTreeSet<Fact>) -> BTreeSet<&str> {
    let is_private = |lines: &Lines<'_>| lines.iter().any(|(group, _)| group.class == Class::Private);
    packages(before).into_iter().filter(|(_, lines)| is_private(lines)).map(|(name, _)| name).collect()
}

/// Whether a baseline knows that a lifecycle event of a package runs a script.
pub fn accepts_script(before: &BTreeSet<Fact>, who: &str, event: &str) -> bool {
    before.iter().any(|fact| match fact {
        Fact::Deed { who: of, sometimes: _, act: Act::Run(known), text: _ } => of == who && known == event,
        Fact::Deed { act: Act::Connect | Act::Write | Act::Read, .. }
        | Fact::Verdict { .. }
        | Fact::Package { .. } => false,
    })
}

/// Whether it knows that a package's scripts connect there, or look a name up.
pub fn accepts_target(before: &BTreeSet<Fact>, who: &str, target: &str) -> bool {
    before.iter().any(|fact| accepts(fact, who, &Act::Connect, target))
}
