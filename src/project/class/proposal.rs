//! The lines that would settle what nothing decides.

use super::{Class, Classified};
use crate::project::lockfile::Lockfile;
use std::collections::{BTreeMap, BTreeSet};

/// Lines for `sealcheck.toml`; `None` where nothing is undecided.
///
/// A scope is proposed as a whole: who owns a scope owns all its names.
pub fn proposal(lockfile: &Lockfile, classes: &BTreeMap<String, Classified>) -> Option<String> {
    let undecided = || classes.iter().filter(|(_, one)| one.class == Class::Undecided);
    let names: BTreeSet<String> = undecided()
        .filter_map(|(path, _)| lockfile.entries.get(path))
        .filter(|entry| entry.speaks_for_its_name())
        .map(|entry| match entry.name.scope() {
            Some(scope) => format!("{scope}/*"),
            None => entry.name.to_string(),
        })
        .collect();
    if names.is_empty() {
        return None;
    }
    let mut out = "# Take out what is not yours: what is left out is then taken to be public.\nprivate = [\n"
        .to_owned();
    for name in &names {
        // A package's name holds nothing that TOML would have escaped.
        out.push_str(&format!("    \"{name}\",\n"));
    }
    out.push_str("]\n");
    if undecided().any(|(_, one)| one.registry.is_none()) {
        out.push_str("\n# Where they have to come from:\n# [[registry]]\n# url = \"https://npm.example/\"\n");
    }
    Some(out)
}
