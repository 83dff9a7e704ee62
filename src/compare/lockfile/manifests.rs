//! What package.json says of a revision: ranges that the lockfile must satisfy, and scripts
//! that npm runs at an install.

use super::{Kind, LockChange, Revision};
use crate::project::lockfile::{EntryKind, LockEntry, Lockfile};
use crate::project::manifest::Manifest;
use node_semver::{Range, Version};
use std::collections::BTreeSet;

/// Scripts of the project that `npm ci` runs (npm's `ci.js`, `install.js`).
const LIFECYCLE: [&str; 7] =
    ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];

pub(super) fn changes(left: &Revision<'_>, right: &Revision<'_>) -> Vec<LockChange> {
    let was: BTreeSet<_> = out_of_range(left).iter().map(asked).collect();
    let mut all = Vec::new();
    for found in out_of_range(right) {
        let known = was.contains(&asked(&found));
        let Asked { entry, range, .. } = found;
        if !known {
            all.push(LockChange {
                kind: Kind::OutOfRange,
                path: entry.path.clone(),
                name: entry.name.to_string(),
                version: Some(entry.version.clone()),
                left: Some(range),
                right: Some(entry.version.clone()),
                place: Some(entry.place.clone()),
            });
        }
    }
    for (folder, manifest) in right.manifests {
        let before = left.manifests.get(folder);
        // Without the old file it is not known what is new.
        if before.is_none() && !left.manifests.contains_key("") {
            continue;
        }
        scripts(folder, before, manifest, &mut all);
    }
    all
}

fn scripts(folder: &str, before: Option<&Manifest>, after: &Manifest, all: &mut Vec<LockChange>) {
    let mut told = |kind, needle: &str, name: String, left: Option<String>, right: Option<String>| {
        all.push(LockChange {
            kind,
            path: folder.to_owned(),
            name,
            version: None,
            left,
            right,
            place: after.source.find(&format!("\"{needle}\"")),
        });
    };
    let who = after.name.clone().unwrap_or_else(|| "the project".to_owned());
    for event in LIFECYCLE {
        let said =
            |manifest: &Manifest| manifest.scripts.get(event).map(|command| format!("{event}: {command}"));
        let (left, right) = (before.and_then(said), said(after));
        if left != right {
            told(Kind::OwnScript, event, who.clone(), left, right);
        }
    }
    let allowed = |manifest: &Manifest| -> BTreeSet<String> {
        let list = manifest.allow_scripts.iter().flatten();
        list.filter(|(_, allowed)| **allowed).map(|(name, _)| name.clone()).collect()
    };
    let old = before.map(allowed).unwrap_or_default();
    for name in allowed(after).difference(&old) {
        told(Kind::ScriptAllowed, name, name.clone(), None, None);
    }
}

/// An entry, and the range that the package.json of a folder asks for.
struct Asked<'a> {
    entry: &'a LockEntry,
    range: String,
    folder: String,
}

fn asked(of: &Asked<'_>) -> (String, String, String, String) {
    (of.entry.path.clone(), of.entry.version.clone(), of.range.clone(), of.folder.clone())
}

/// Entries outside of the range that a package.json asks for.
fn out_of_range<'a>(revision: &Revision<'a>) -> Vec<Asked<'a>> {
    let mut all = Vec::new();
    for (folder, manifest) in revision.manifests {
        for (name, range) in &manifest.dependencies {
            let Some(entry) = installed(revision.lockfile, folder, name) else { continue };
            if !satisfies(entry, range) {
                all.push(Asked { entry, range: range.clone(), folder: folder.clone() });
            }
        }
    }
    all
}

/// What node would find under that name from a folder.
fn installed<'a>(lockfile: &'a Lockfile, folder: &str, name: &str) -> Option<&'a LockEntry> {
    let mut folder = folder;
    loop {
        let path = match folder {
            "" => format!("node_modules/{name}"),
            folder => format!("{folder}/node_modules/{name}"),
        };
        if let Some(entry) = lockfile.entries.get(&path) {
            return Some(entry);
        }
        if folder.is_empty() {
            return None;
        }
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

/// What is no range (a tag, a URL, a folder) is satisfied by whatever it led to.
fn satisfies(entry: &LockEntry, range: &str) -> bool {
    if entry.kind != EntryKind::Registry {
        return true;
    }
    let range = match range.strip_prefix("npm:") {
        Some(alias) => alias.rsplit_once('@').filter(|(name, _)| !name.is_empty()).map_or("*", |(_, it)| it),
        None => range,
    };
    match (Range::parse(range), Version::parse(&entry.version)) {
        (Ok(range), Ok(version)) => range.satisfies(&version),
        (Err(_), _) | (_, Err(_)) => true,
    }
}
