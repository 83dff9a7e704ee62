//! What an entry of the same version says otherwise: platforms, engines, commands,
//! dependencies, and whatever else npm wrote there.
//!
//! Two lockfiles are never called equal while any field of an entry differs.

use super::{Kind, LockChange};
use crate::project::lockfile::Lockfile;
use crate::project::lockfile::terms::{Term, Terms, terms};
use std::collections::{BTreeMap, BTreeSet};

/// Fields that change nothing of what npm installs or runs.
const METADATA: [&str; 4] = ["license", "funding", "deprecated", "name"];
/// Whose values are names of packages and ranges.
const DEPENDENCIES: [&str; 4] =
    ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
/// Letters of a value that are told.
const LONGEST: usize = 300;

/// `told` are the changes that are known without it.
pub(super) fn changes(left: &Lockfile, right: &Lockfile, told: &[LockChange]) -> Vec<LockChange> {
    // Version 1 has other fields, so that all would differ.
    if (left.version == 1) != (right.version == 1) {
        return Vec::new();
    }
    let (old, new) = (terms(left), terms(right));
    let comes: BTreeSet<&str> =
        told.iter().filter(|change| comes_or_goes(change.kind)).map(|change| change.name.as_str()).collect();
    let mut all = Vec::new();
    for (path, after) in &new {
        let Some(before) = old.get(path).filter(|before| *before != after) else { continue };
        let (was, is) = (left.entries.get(path), right.entries.get(path));
        // Another version has terms of its own; where it is for is told of it all the same.
        let another =
            was.map(|entry| (&entry.name, &entry.version)) != is.map(|entry| (&entry.name, &entry.version));
        let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for field in fields {
            if another && !["os", "cpu", "libc", "inBundle"].contains(&field.as_str()) {
                continue;
            }
            let Some((left, right)) = difference(field, before, after, path.is_empty(), &comes) else {
                continue;
            };
            // That it has a script now is told by itself.
            if field == "hasInstallScript" && left.is_none() {
                continue;
            }
            all.push(LockChange {
                kind: if METADATA.contains(&field.as_str()) { Kind::Metadata } else { Kind::Terms },
                path: path.clone(),
                name: is.map_or_else(|| "the project".to_owned(), |entry| entry.name.to_string()),
                version: is.map(|entry| entry.version.clone()).filter(|version| !version.is_empty()),
                left: Some(format!("{field}: {}", left.as_deref().unwrap_or("none"))),
                right: Some(format!("{field}: {}", right.as_deref().unwrap_or("none"))),
                place: is.map(|entry| entry.place.clone()),
            });
        }
    }
    all
}

/// How a field was and is, as far as it differs; `None` where it does not.
fn difference(
    field: &str,
    before: &Terms,
    after: &Terms,
    is_root: bool,
    comes: &BTreeSet<&str>,
) -> Option<(Option<String>, Option<String>)> {
    let empty = BTreeMap::new();
    let (was, is) = (before.get(field), after.get(field));
    if was == is {
        return None;
    }
    let pairs = |term: Option<&'_ Term>| match term {
        Some(Term::Pairs(pairs)) => Some(pairs.clone()),
        None => Some(empty.clone()),
        Some(Term::Words(_)) => None,
    };
    let (Some(old), Some(new)) = (pairs(was), pairs(is)) else {
        let shown = |term: Option<&Term>| term.map(|term| clip(&shown(term)));
        return Some((shown(was), shown(is)));
    };
    // What the root asks for and what comes of it are one change.
    let explained = |name: &str| is_root && DEPENDENCIES.contains(&field) && comes.contains(name);
    let only = |these: &BTreeMap<String, String>, others: &BTreeMap<String, String>| {
        let pairs: Vec<String> = these
            .iter()
            .filter(|(key, value)| others.get(*key) != Some(value) && !explained(key))
            .map(|(key, value)| format!("{key} {value}"))
            .collect();
        (!pairs.is_empty()).then(|| clip(&pairs.join(", ")))
    };
    let (left, right) = (only(&old, &new), only(&new, &old));
    // An empty object says what none says.
    (left.is_some() || right.is_some()).then_some((left, right))
}

fn shown(term: &Term) -> String {
    match term {
        Term::Words(words) => words.join(", "),
        Term::Pairs(pairs) => {
            let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} {value}")).collect();
            pairs.join(", ")
        }
    }
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Whether the change is that a package comes, goes or changes its version.
fn comes_or_goes(kind: Kind) -> bool {
    match kind {
        Kind::Added | Kind::Removed | Kind::Version => true,
        Kind::PrivateFromElsewhere
        | Kind::OtherTarball
        | Kind::OtherBytes
        | Kind::IntegrityLost
        | Kind::IntegrityWeakened
        | Kind::IntegrityMissing
        | Kind::OwnScript
        | Kind::ScriptAllowed
        | Kind::InstallScript
        | Kind::Source
        | Kind::OutOfRange
        | Kind::NoLongerInstalled
        | Kind::InstalledNow
        | Kind::Terms
        | Kind::Moved
        | Kind::IntegrityStrengthened
        | Kind::Flags
        | Kind::Metadata
        | Kind::Form => false,
    }
}
