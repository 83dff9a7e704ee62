//! The behaviour of a project that its owner has approved: `sealcheck.lock.json`.
//!
//! Facts in words that stay the same as long as the behaviour does: no path of a machine,
//! no number of a process, no time. What is equal in all places stands once. Pure: it says
//! what was approved and not whether a change is bad, and it reaches no disk.

mod deed;
mod difference;
mod fact;
mod fold;
mod place;
mod read;
mod record;
#[cfg(test)]
mod tests;
mod words;

pub use difference::{
    Change, PackageChange, Topic, accepts_script, accepts_target, changes, names, private, verdicts,
};
pub use fact::{Fact, Group, Pinned, name_of as name_in};
pub use place::{Place, exact};
pub use read::schema;
pub use record::{Observation, name_of_package, observe};
pub use words::{few, pinned_words};

use crate::text::Source;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the file's form.
pub const SCHEMA: &str = "sealcheck/lock/v1";
/// The file's name, beside the project's package.json.
pub const FILE: &str = "sealcheck.lock.json";
/// The most bytes of it that are read; for 1,000 packages it has some 100 kB.
pub const LIMIT: u64 = 8 << 20;
/// Who did what the project's own lifecycle scripts did.
pub const ROOT: &str = ".";

/// An accepted baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approved {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The suite that was run; null where scenarios were chosen by name.
    pub suite: Option<String>,
    /// Where it was run: `node 20, npm 11, x64 glibc`.
    pub places: BTreeSet<String>,
    /// What is the same in each of these places.
    pub everywhere: Behaviour,
    /// What is so in this place and not in each of the others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "read::unique")]
    pub only: BTreeMap<String, Behaviour>,
}

/// What was observed in a place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// The verdict of each scenario.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "read::unique")]
    pub scenarios: BTreeMap<String, String>,
    /// The packages, by where they came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Packages>,
    /// What lifecycle scripts did, by the package's name; `.` is the project itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "read::unique")]
    pub scripts: BTreeMap<String, Deeds>,
    /// What they did in some of several equal runs only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "read::unique")]
    pub sometimes: BTreeMap<String, Deeds>,
}

/// Packages that came from one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// What they share.
    pub of: Group,
    /// `name@version`, and the first 128 bits of the tarball's sha512 where one came.
    pub packages: BTreeSet<String>,
}

/// What the lifecycle scripts of a package did. `*` stands for a word that is another each
/// time, `**` for whatever follows; a star of their own has a backslash before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deeds {
    /// The commands of the processes of each lifecycle event.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "read::unique")]
    pub processes: BTreeMap<String, BTreeSet<String>>,
    /// `host:port` of each connection that was opened or tried; `host` alone was only
    /// looked up.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub connections: BTreeSet<String>,
    /// Files that were `added`, `changed` or `removed`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub writes: BTreeSet<String>,
    /// Planted secrets that were read, by their labels.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reads: BTreeSet<String>,
}

/// An accepted baseline beside a test, as the rules look at it.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// What was accepted.
    pub file: &'a Approved,
    /// Its text, to point into.
    pub source: Option<&'a Source>,
    /// The name of the place that is looked at.
    pub here: &'a str,
    /// The names of all places in which the test ran.
    pub places: &'a [String],
    /// The suite that was run; `None` where scenarios were chosen by name or left out.
    pub suite: Option<&'a str>,
}

impl Approved {
    /// Of what was observed in each place.
    pub fn of(suite: Option<&str>, places: &BTreeMap<String, BTreeSet<Fact>>) -> Self {
        let mut all = places.values();
        let first = all.next().cloned().unwrap_or_default();
        let common: BTreeSet<Fact> =
            all.fold(first, |common, facts| common.intersection(facts).cloned().collect());
        let only = places.iter().filter_map(|(place, facts)| {
            let rest: BTreeSet<Fact> = facts.difference(&common).cloned().collect();
            (!rest.is_empty()).then(|| (place.clone(), Behaviour::of(&rest)))
        });
        Self {
            schema: SCHEMA.to_owned(),
            suite: suite.map(str::to_owned),
            places: places.keys().cloned().collect(),
            only: only.collect(),
            everywhere: Behaviour::of(&common),
        }
    }

    /// What was approved in a place; `None` where nothing was. What scripts of a package do
    /// that has no line as a package was approved of nobody, and is not in it.
    pub fn at(&self, place: &str) -> Option<BTreeSet<Fact>> {
        self.places.contains(place).then(|| {
            let (mut facts, ownerless) = (self.written(place), self.ownerless(place));
            facts.retain(|fact| fact.who().is_none_or(|who| !ownerless.contains(who)));
            facts
        })
    }

    /// Whose scripts the file speaks of without a line of the package itself. A folder of which
    /// no package is known stands by its path.
    pub fn ownerless(&self, place: &str) -> BTreeSet<String> {
        let facts = self.written(place);
        let known = names(&facts);
        let is_folder = |who: &str| !who.starts_with('@') && who.contains('/');
        let deeds = facts.iter().filter_map(Fact::who);
        deeds
            .filter(|who| *who != ROOT && !known.contains(who) && !is_folder(who))
            .map(str::to_owned)
            .collect()
    }

    /// What the file says of a place.
    fn written(&self, place: &str) -> BTreeSet<Fact> {
        let mut facts = self.everywhere.facts();
        facts.extend(self.only.get(place).into_iter().flat_map(Behaviour::facts));
        facts
    }
}

impl Standing<'_> {
    /// What was approved here; `None` where nothing was.
    pub fn facts(&self) -> Option<BTreeSet<Fact>> {
        self.file.at(self.here)
    }
}
