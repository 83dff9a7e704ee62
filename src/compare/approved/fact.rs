//! An accepted baseline as a set of facts, and back: places are compared, merged and told
//! apart by sets.

use super::{Behaviour, Deeds, Packages};
use crate::evidence::exchange::Role;
use crate::evidence::fact::SourceKind;
use crate::project::class::Class;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One line of a baseline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A scenario's verdict.
    Verdict {
        /// The scenario.
        scenario: String,
        /// Its verdict.
        verdict: String,
    },
    /// A package.
    Package {
        /// Where it came from.
        group: Group,
        /// `name@version` and its digest.
        line: String,
    },
    /// Something that a package's lifecycle script did.
    Deed {
        /// The package's name.
        who: String,
        /// In some of several equal runs only.
        sometimes: bool,
        /// What kind.
        act: Act,
        /// What.
        text: String,
    },
}

impl Fact {
    /// Whose scripts did it; `None` where it is nothing that scripts do.
    pub(super) fn who(&self) -> Option<&str> {
        match self {
            Self::Deed { who, .. } => Some(who),
            Self::Verdict { .. } | Self::Package { .. } => None,
        }
    }
}

/// What a script can do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Run a process, in this lifecycle event.
    Run(String),
    /// Open a connection or look up a name.
    Connect,
    /// Change a file.
    Write,
    /// Read a planted secret.
    Read,
}

/// What packages that came from one place share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Their class.
    pub class: Class,
    /// The kind of source; none of what was not installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceKind>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether the lockfile vouches for their bytes.
    pub bytes: Pinned,
}

/// Whether the lockfile vouches for what was installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pinned {
    /// They satisfy its `integrity`.
    Pinned,
    /// It has no `integrity` to tell by.
    Unpinned,
    /// They are not the genuine ones.
    Other,
    /// The lockfile wants it, and nothing was installed.
    Absent,
}

impl Group {
    /// "from npm.acme.example (own)": what a reader needs to tell two groups apart.
    pub fn words(&self) -> String {
        let of = match self.role {
            Some(Role::Own) => " (own)",
            Some(Role::Public) => " (public)",
            Some(Role::Foreign) => " (foreign)",
            Some(Role::Unknown) | None => "",
        };
        let from = match (self.source, &self.host) {
            (None, _) => "not installed".to_owned(),
            (Some(SourceKind::Registry), Some(host)) => format!("from {host}{of}"),
            (Some(SourceKind::Cache), Some(host)) => format!("from npm's cache, of {host}{of}"),
            (Some(SourceKind::Git), Some(host)) => format!("from git at {host}"),
            (Some(SourceKind::Bundled), _) => "bundled in its parent".to_owned(),
            (Some(SourceKind::File), _) => "from a file of the project".to_owned(),
            (Some(SourceKind::Link), _) => "a link".to_owned(),
            (Some(SourceKind::Git), None) => "from git".to_owned(),
            (Some(SourceKind::Registry | SourceKind::Cache | SourceKind::Unknown), _) => {
                format!("from an unknown source{of}")
            }
        };
        // What is no tarball of its own has no integrity to be pinned by.
        let own_bytes =
            !matches!(self.source, None | Some(SourceKind::Link | SourceKind::Bundled | SourceKind::Git));
        let bytes = match self.bytes {
            Pinned::Unpinned if own_bytes => ", pinned by no integrity",
            Pinned::Pinned | Pinned::Unpinned | Pinned::Absent => "",
            Pinned::Other => ", not the genuine bytes",
        };
        format!("{from}{bytes}")
    }
}

/// The name in a package's line.
pub fn name_of(line: &str) -> &str {
    let spec = line.split(' ').next().unwrap_or(line);
    // The first character may be a scope's.
    let at = spec.char_indices().skip(1).find(|(_, letter)| *letter == '@');
    at.map_or(spec, |(at, _)| &spec[..at])
}

/// The version in it, and the digest.
pub(super) fn version_of(line: &str) -> (Option<&str>, Option<&str>) {
    let (spec, digest) = line.split_once(' ').map_or((line, None), |(spec, digest)| (spec, Some(digest)));
    let version = spec.get(name_of(line).len() + 1..).filter(|version| !version.is_empty());
    (version, digest)
}

impl Behaviour {
    /// Out of facts.
    pub fn of(facts: &BTreeSet<Fact>) -> Self {
        let mut behaviour = Self::default();
        let mut groups: BTreeMap<&Group, BTreeSet<String>> = BTreeMap::new();
        for fact in facts {
            match fact {
                Fact::Verdict { scenario, verdict } => {
                    behaviour.scenarios.insert(scenario.clone(), verdict.clone());
                }
                Fact::Package { group, line } => {
                    groups.entry(group).or_default().insert(line.clone());
                }
                Fact::Deed { who, sometimes, act, text } => {
                    let deeds = if *sometimes { &mut behaviour.sometimes } else { &mut behaviour.scripts };
                    let deeds = deeds.entry(who.clone()).or_default();
                    match act {
                        Act::Run(event) => deeds.processes.entry(event.clone()).or_default(),
                        Act::Connect => &mut deeds.connections,
                        Act::Write => &mut deeds.writes,
                        Act::Read => &mut deeds.reads,
                    }
                    .insert(text.clone());
                }
            }
        }
        behaviour.packages =
            groups.into_iter().map(|(of, packages)| Packages { of: of.clone(), packages }).collect();
        behaviour
    }

    /// Into facts.
    pub fn facts(&self) -> BTreeSet<Fact> {
        let mut facts = BTreeSet::new();
        for (scenario, verdict) in &self.scenarios {
            facts.insert(Fact::Verdict { scenario: scenario.clone(), verdict: verdict.clone() });
        }
        for Packages { of, packages } in &self.packages {
            facts.extend(packages.iter().map(|line| Fact::Package { group: of.clone(), line: line.clone() }));
        }
        for (sometimes, scripts) in [(false, &self.scripts), (true, &self.sometimes)] {
            for (who, deeds) in scripts {
                facts.extend(deeds.facts(who, sometimes));
            }
        }
        facts
    }
}

impl Deeds {
    fn facts(&self, who: &str, sometimes: bool) -> Vec<Fact> {
        let deed =
            |act: Act, text: &String| Fact::Deed { who: who.to_owned(), sometimes, act, text: text.clone() };
        let runs = self
            .processes
            .iter()
            .flat_map(|(event, lines)| lines.iter().map(|text| deed(Act::Run(event.clone()), text)));
        let rest = [(Act::Connect, &self.connections), (Act::Write, &self.writes), (Act::Read, &self.reads)];
        let rest =
            rest.into_iter().flat_map(|(act, lines)| lines.iter().map(move |text| (act.clone(), text)));
        runs.chain(rest.map(|(act, text)| deed(act, text))).collect()
    }
}
