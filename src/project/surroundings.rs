//! What lies around a project and does not do what its owner may think: npmrc files that npm
//! does not read here, and variables that a run is not given.
//!
//! npm looks for a project's npmrc beside the package.json of the project's root and nowhere
//! else: neither in the folders above nor in those of workspace members. Keys are read of
//! such files, and no value.

mod variables;

pub use variables::{Around, Touches};
pub(crate) use variables::{OUTSIDE, around};

use super::file::{SMALL_LIMIT, read_inside, read_text};
use super::lockfile::{EntryKind, Lockfile};
use super::npmrc::keys_of;
use crate::text::Source;
use std::path::Path;

/// Folders above that are looked into.
const ABOVE: usize = 16;
/// Folders of members that are looked into.
const MEMBERS: usize = 2000;

/// An npmrc that npm does not read for this project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadNpmrc {
    /// From the project's root: `../.npmrc`, `packages/web/.npmrc`.
    pub file: String,
    /// Why, a fragment.
    pub why: &'static str,
    /// The keys that it sets, in its order, each once.
    pub keys: Vec<String>,
}

/// The npmrc files above the root, nearest first, then those of folders below it.
pub(super) fn unread(root: &Path, home: Option<&Path>, lockfile: &Lockfile) -> Vec<UnreadNpmrc> {
    let mut found = Vec::new();
    // A repository ends at its own folder; the home's is the user's own level.
    let mut up = String::new();
    let mut below = root;
    for above in root.ancestors().skip(1).take(ABOVE) {
        up.push_str("../");
        if below.join(".git").exists() || Some(above) == home {
            break;
        }
        let read = read_text(&above.join(".npmrc"), ".npmrc", SMALL_LIMIT).ok().flatten();
        found.extend(read.and_then(|source| {
            told(format!("{up}.npmrc"), "npm reads no npmrc of a folder above the project", &source)
        }));
        below = above;
    }
    let folders =
        lockfile.entries.values().filter(|entry| entry.kind == EntryKind::Folder && !entry.path.is_empty());
    for entry in folders.take(MEMBERS) {
        let file = format!("{}/.npmrc", entry.path);
        let read = read_inside(root, &root.join(&file), &file, SMALL_LIMIT).ok().flatten();
        found.extend(read.and_then(|source| told(file, "npm reads no npmrc of a workspace member", &source)));
    }
    found
}

fn told(file: String, why: &'static str, source: &Source) -> Option<UnreadNpmrc> {
    let mut keys: Vec<String> = Vec::new();
    for key in keys_of(source.text()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    (!keys.is_empty()).then_some(UnreadNpmrc { file, why, keys })
}
