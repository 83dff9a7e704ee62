//! What a lockfile says that is risky before anything runs: a line for each kind of risk,
//! with how many entries have it and where the first of them are.
//!
//! What is wrong about it the rules say, after a test; here nothing is judged.

use super::SHOWN;
use crate::finding::NamedHosts;
use crate::project::Project;
use crate::project::class::Class;
use crate::project::lockfile::{LockEntry, fetched_from};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The lines, with their heading; empty where there are none.
pub(super) fn risks(project: &Project) -> String {
    let mut groups: BTreeMap<(u8, String), Vec<&LockEntry>> = BTreeMap::new();
    let named = NamedHosts::of(project);
    // What is bundled comes inside a tarball, whatever the config says.
    for (entry, _) in project.of_class(Class::Private).filter(|(entry, _)| entry.resolved.is_none()) {
        let what = "private without `resolved`, so that the source follows the config";
        groups.entry((0, what.to_owned())).or_default().push(entry);
    }
    for entry in project.lockfile.entries.values() {
        if let Some(lack) = entry.weak_integrity() {
            let so = if entry.integrity.is_some() {
                "which other bytes can be made to fit"
            } else {
                "so that nothing vouches for the bytes"
            };
            let what = format!("with {lack}, {so}");
            groups.entry((1, what)).or_default().push(entry);
        }
        if let Some(host) = host(entry).filter(|host| !named.has(host)) {
            let what = format!("from {host}, which is neither a configured registry nor the public one");
            groups.entry((2, what)).or_default().push(entry);
        }
    }
    if groups.is_empty() {
        return String::new();
    }
    let mut out = "\nrisky\n".to_owned();
    for ((_, what), mut entries) in groups {
        entries.sort_by_key(|entry| (entry.place.line, entry.place.column));
        let count =
            if entries.len() == 1 { "1 entry".to_owned() } else { format!("{} entries", entries.len()) };
        let _ = writeln!(out, "  {count} {what}");
        for entry in entries.iter().take(SHOWN) {
            let _ = writeln!(out, "    {}: {}", entry.place, entry.name);
        }
        if entries.len() > SHOWN {
            let _ = writeln!(out, "    and {} more", entries.len() - SHOWN);
        }
    }
    out
}

/// The host that an entry is fetched from, as its `resolved` says.
fn host(entry: &LockEntry) -> Option<String> {
    let url = fetched_from(entry.resolved.as_deref()?)?;
    url.host_str().filter(|host| !host.is_empty()).map(str::to_owned)
}
