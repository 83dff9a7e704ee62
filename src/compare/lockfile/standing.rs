//! Which packages of both lockfiles npm would install here from one of them alone, told from
//! the entries without an install.
//!
//! It knows what npm leaves out for its platform and its engines (`reify.js`), and nothing of
//! what a command omits: that is the same on both sides.

use super::{Kind, LockChange};
use crate::project::lockfile::terms::{Term, Terms, terms};
use crate::project::lockfile::{LockEntry, Lockfile};
use node_semver::{Range, Version};
use std::collections::BTreeMap;

/// Where both lockfiles would be installed, in node's words.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// `linux`.
    pub os: &'a str,
    /// `x64`.
    pub cpu: &'a str,
    /// `glibc`, `musl`.
    pub libc: &'a str,
    /// The version of node; `None` where it is not known.
    pub node: Option<&'a str>,
    /// The version of npm; `None` where it is not known.
    pub npm: Option<&'a str>,
}

pub(super) fn changes(left: &Lockfile, right: &Lockfile, here: &Here<'_>) -> Vec<LockChange> {
    let (old, new) = (terms(left), terms(right));
    let mut all = Vec::new();
    for (path, after) in &right.entries {
        let Some(before) = left.entries.get(path).filter(|before| before.name == after.name) else {
            continue;
        };
        let (was, is) = (obstacle(left, &old, before, here), obstacle(right, &new, after, here));
        let kind = match (&was, &is) {
            (None, Some(_)) => Kind::NoLongerInstalled,
            (Some(_), None) => Kind::InstalledNow,
            (None, None) | (Some(_), Some(_)) => continue,
        };
        all.push(LockChange {
            kind,
            path: path.clone(),
            name: after.name.to_string(),
            version: (!after.version.is_empty()).then(|| after.version.clone()),
            left: was,
            right: is,
            place: Some(after.place.clone()),
        });
    }
    all
}

/// What keeps npm from installing an entry here: its own field, or that of a package that it
/// lies in. `None` where nothing does.
fn obstacle(
    lockfile: &Lockfile,
    terms: &BTreeMap<String, Terms>,
    entry: &LockEntry,
    here: &Here<'_>,
) -> Option<String> {
    let mut path = entry.path.as_str();
    loop {
        let found = lockfile.entries.get(path).and_then(|entry| own_obstacle(entry, terms.get(path), here));
        if found.is_some() {
            return found;
        }
        path = path.rsplit_once("/node_modules/")?.0;
    }
}

fn own_obstacle(entry: &LockEntry, terms: Option<&Terms>, here: &Here<'_>) -> Option<String> {
    let lists = [("os", &entry.os, here.os), ("cpu", &entry.cpu, here.cpu), ("libc", &entry.libc, here.libc)];
    for (field, list, value) in lists {
        let alone = |at: &str| if at == field { list.clone() } else { Vec::new() };
        let only = LockEntry { os: alone("os"), cpu: alone("cpu"), libc: alone("libc"), ..entry.clone() };
        if !only.fits(here.os, here.cpu, here.libc) {
            return Some(format!("{field}: {}, and here is {value}", list.join(", ")));
        }
    }
    // Of what is not optional npm only warns, unless it is told to be strict.
    if !entry.optional {
        return None;
    }
    let Some(Term::Pairs(engines)) = terms.and_then(|terms| terms.get("engines")) else { return None };
    for (engine, version) in [("node", here.node), ("npm", here.npm)] {
        let (Some(range), Some(version)) = (engines.get(engine), version) else { continue };
        let (Ok(wanted), Ok(version)) = (Range::parse(range), Version::parse(version)) else { continue };
        if !wanted.satisfies(&version) {
            return Some(format!("engines: {engine} {range}, and here is {version}"));
        }
    }
    None
}
