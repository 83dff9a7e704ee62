//! Two sealed runs, aligned by package path: what differs. And runs beside the behaviour that
//! their owner has approved.
//!
//! Pure. It says what differs and not whether that is bad; it must not know a
//! rule, and reaches no socket and no process.

pub mod approved;
pub mod behaviour;
pub mod cause;
pub mod grouped;
pub mod install;
pub mod lockfile;
pub mod noise;
pub mod side;
pub mod texts;

use crate::evidence::fact::{Evidence, Package};
use std::collections::BTreeMap;

/// A package that is not the same in two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageDifference {
    /// Its path in both trees.
    pub path: String,
    /// Its name.
    pub name: String,
    /// What differs.
    pub difference: Difference,
}

/// What differs between two installs of one package: the first of presence,
/// version, bytes and host that does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Only the second run has it.
    Appeared {
        /// Its version.
        version: String,
    },
    /// Only the first run has it.
    Vanished {
        /// Its version.
        version: String,
    },
    /// Another version.
    Version {
        /// In the first run.
        from: String,
        /// In the second.
        to: String,
    },
    /// The same version, other bytes: `sha512-…` of both tarballs.
    Bytes {
        /// In the first run.
        from: String,
        /// In the second.
        to: String,
    },
    /// The same version from another host; the bytes are the same or not known.
    Host {
        /// In the first run.
        from: String,
        /// In the second.
        to: String,
    },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Appeared { version } => write!(out, "absent, then {version}"),
            Self::Vanished { version } => write!(out, "{version}, then absent"),
            Self::Version { from, to } => write!(out, "{from}, then {to}"),
            Self::Bytes { .. } => out.write_str("same version, other bytes"),
            Self::Host { from, to } => write!(out, "from {from}, then from {to}"),
        }
    }
}

/// Every package that differs, ordered by path.
pub fn differences(first: &Evidence, second: &Evidence) -> Vec<PackageDifference> {
    let (left, right) = (by_path(first), by_path(second));
    let mut paths: Vec<&str> = left.keys().chain(right.keys()).copied().collect();
    paths.sort_unstable();
    paths.dedup();
    paths
        .into_iter()
        .filter_map(|path| {
            let (before, after) = (left.get(path).copied(), right.get(path).copied());
            let name = before.or(after)?.name.clone();
            let difference = between(before.and_then(Came::of), after.and_then(Came::of))?;
            Some(PackageDifference { path: path.to_owned(), name, difference })
        })
        .collect()
}

fn by_path(evidence: &Evidence) -> BTreeMap<&str, &Package> {
    evidence.packages.iter().map(|package| (package.path.as_str(), package)).collect()
}

/// What came in a run.
#[derive(Debug, Clone, Copy)]
struct Came<'a> {
    version: &'a str,
    sha512: Option<&'a str>,
    host: Option<&'a str>,
}

impl<'a> Came<'a> {
    fn of(package: &'a Package) -> Option<Self> {
        let source = package.source.as_ref();
        Some(Self {
            version: package.version.as_deref()?,
            sha512: source.and_then(|source| source.sha512.as_deref()),
            host: source.and_then(|source| source.host.as_deref()),
        })
    }
}

fn between(before: Option<Came<'_>>, after: Option<Came<'_>>) -> Option<Difference> {
    match (before, after) {
        (None, None) => None,
        (None, Some(after)) => Some(Difference::Appeared { version: after.version.to_owned() }),
        (Some(before), None) => Some(Difference::Vanished { version: before.version.to_owned() }),
        (Some(before), Some(after)) => {
            let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
            match (before.version == after.version, (before.sha512, after.sha512), (before.host, after.host))
            {
                (false, _, _) => {
                    let (from, to) = pair(before.version, after.version);
                    Some(Difference::Version { from, to })
                }
                (true, (Some(from), Some(to)), _) if from != to => {
                    let (from, to) = pair(from, to);
                    Some(Difference::Bytes { from, to })
                }
                (true, _, (Some(from), Some(to))) if from != to => {
                    let (from, to) = pair(from, to);
                    Some(Difference::Host { from, to })
                }
                (true, _, _) => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came<'a>(version: &'a str, sha512: Option<&'a str>, host: Option<&'a str>) -> Option<Came<'a>> {
        Some(Came { version, sha512, host })
    }

    #[test]
    fn each_pair_of_installs_has_one_difference_or_none() {
        let genuine = came("1.0.0", Some("sha512-A"), Some("npm.corp.example"));
        let table = [
            (None, None, None),
            (None, genuine, Some("absent, then 1.0.0")),
            (genuine, None, Some("1.0.0, then absent")),
            (genuine, genuine, None),
            (genuine, came("1.9.9", Some("sha512-A"), None), Some("1.0.0, then 1.9.9")),
            (
                genuine,
                came("1.0.0", Some("sha512-B"), Some("registry.example")),
                Some("same version, other bytes"),
            ),
            (
                genuine,
                came("1.0.0", Some("sha512-A"), Some("registry.example")),
                Some("from npm.corp.example, then from registry.example"),
            ),
            (
                genuine,
                came("1.0.0", None, Some("registry.example")),
                Some("from npm.corp.example, then from registry.example"),
            ),
            (genuine, came("1.0.0", None, None), None),
        ];
        for (before, after, expected) in table {
            let shown = between(before, after).map(|difference| difference.to_string());
            assert_eq!(shown.as_deref(), expected, "{before:?} {after:?}");
        }
    }
}
