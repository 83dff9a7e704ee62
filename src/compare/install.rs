//! What differs between two sides, package by package: what is installed and where it came
//! from, and what scripts did.
//!
//! Of installs that both went well. How far one came that failed is chance, so of it only
//! its end counts. What varies between equal installs is no difference, and what one side
//! did not see is no equality: it is said apart.

mod packages;
mod scripts;
#[cfg(test)]
mod tests;

use super::side::{Install, Side};
use crate::wire::{Exit, GapKind};
use packages::packages;
use schemars::JsonSchema;
use scripts::{Trust, facts};
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
            Some(format!("{}: {}", error.name(), error.summary))
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
