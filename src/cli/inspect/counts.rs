//! How many packages of each class the lockfile has: a line for each, whose numbers fit both the
//! number of entries above it and the names below it. It must not decide which class one is of.

use crate::project::Project;
use crate::project::class::Class;
use crate::project::lockfile::EntryKind;
use crate::project::name::PackageName;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

#[derive(Default)]
struct Count<'a> {
    packages: usize,
    entries: usize,
    names: BTreeSet<&'a PackageName>,
}

/// The lines, indented.
pub(super) fn lines(project: &Project) -> String {
    // A link and the folder that it leads to are one package.
    let links = project.lockfile.entries.values().filter(|entry| entry.kind == EntryKind::Link);
    let linked: BTreeSet<&str> = links.filter_map(|link| link.resolved.as_deref()).collect();
    let mut counts: BTreeMap<Class, Count<'_>> = BTreeMap::new();
    let mut bundled = 0_usize;
    for (path, classified) in &project.classes {
        let Some(entry) = project.lockfile.entries.get(path) else { continue };
        if !entry.speaks_for_its_name() {
            bundled += 1;
            continue;
        }
        let count = counts.entry(classified.class).or_default();
        count.entries += 1;
        count.names.insert(&entry.name);
        if entry.kind != EntryKind::Folder || !linked.contains(path.as_str()) {
            count.packages += 1;
        }
    }
    if let Some(local) = counts.get_mut(&Class::Local) {
        local.names = project.locals();
    }
    let mut out = String::new();
    for (class, count) in &counts {
        let _ = writeln!(
            out,
            "  {} {}{}",
            count.packages,
            format!("{class:?}").to_ascii_lowercase(),
            beside(*class, count)
        );
    }
    if bundled > 0 {
        let _ = writeln!(out, "  {bundled} bundled in the tarballs of others");
    }
    out
}

/// Why the entries or the names are more or fewer than the packages.
fn beside(class: Class, count: &Count<'_>) -> String {
    let mut said = Vec::new();
    if count.entries != count.packages {
        said.push(format!("{} entries, as a link and its folder are two", count.entries));
    }
    let listed = match class {
        Class::Local | Class::Private | Class::Undecided => true,
        Class::Public | Class::Other => false,
    };
    if listed && count.names.len() != count.packages {
        said.push(format!("{} names", count.names.len()));
    }
    if said.is_empty() { String::new() } else { format!(" ({})", said.join("; ")) }
}
