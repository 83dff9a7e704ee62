//! The state of a project's git repository: what an install reads and a clone would not have.

use super::Git;
use crate::project::git::{ask, names};
use std::collections::BTreeSet;
use std::path::Path;

/// Names of one kind, at most.
const MOST: usize = 1_000;

/// The state; `None` outside of a repository. `read` are the files that an install would
/// be given.
pub(super) fn state(root: &Path, read: &[String]) -> Option<Git> {
    let tracked: BTreeSet<String> = names(root, &["ls-files", "--cached", "-z"])?.into_iter().collect();
    let few = |names: Option<Vec<String>>| {
        let mut names = names.unwrap_or_default();
        names.truncate(MOST);
        names
    };
    let untracked = few(names(root, &["ls-files", "--others", "--exclude-standard", "-z"]));
    let known: BTreeSet<&String> = tracked.iter().chain(&untracked).collect();
    Some(Git {
        commit: ask(root, &["rev-parse", "--verify", "--quiet", "HEAD"], 256)
            .ok()
            .flatten()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(|text| text.trim().to_owned()),
        changed: few(names(root, &["ls-files", "--modified", "-z"])),
        ignored: read.iter().filter(|name| !known.contains(name)).take(MOST).cloned().collect(),
        untracked,
    })
}
