//! `tree-mutated-by-script`: what runs later is not what was fetched.

use super::script_not_approved::approved;
use crate::evidence::fact::{File, Package};
use crate::finding::case::{Case, Run, Sighting, owner, spec};
use crate::finding::location::Spot;
use crate::finding::tampering::{Tampering, in_project, is_below};
use crate::project::class::Class;
use crate::wire::Change;
use std::collections::{BTreeMap, BTreeSet};
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "tree-mutated-by-script",
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    forces: Verdict::Sealed,
    title: "a package's files after the scripts are not those that were unpacked",
    page: include_str!("../../../docs/rules/tree-mutated-by-script.md"),
    check: Check::Run(check),
};

/// A package's path, and that of the package whose script it was, where that was seen.
type Changed<'a> = (&'a str, Option<&'a str>);

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let tampering = Tampering::of(case, run);
    let mut changed: BTreeMap<Changed<'_>, Vec<(u32, &File)>> = BTreeMap::new();
    for (at, file) in (0u32..).zip(&run.evidence.files) {
        // npm itself takes away what it had unpacked when it fails, and an optional package whose
        // script fails, with what falls with it.
        let undone = file.change == Change::Removed
            && (!run.worked() || file.package.as_deref().is_some_and(|path| taken_away(run, path)));
        let package = file.package.as_deref().filter(|package| tampering.is_installed(package) && !undone);
        if let Some(package) = package.filter(|_| tampering.takes_over(file).is_none()) {
            let writer = tampering.writer(file).and_then(|process| process.package.as_deref());
            changed.entry((package, writer)).or_default().push((at, file));
        }
    }
    changed
        .into_iter()
        .filter_map(|((path, writer), files)| {
            let package = run.evidence.packages.iter().find(|package| package.path == path)?;
            let name = spec(&package.name, package.version.as_deref());
            let added = files.iter().all(|(_, file)| file.change == Change::Added);
            let (at, first) = files.iter().find(|(_, file)| file.change != Change::Added).or(files.first())?;
            let process = tampering.writer(first);
            // Of whom was not seen, it is the package's own where no other script ran.
            let alone = !tampering.root_ran && tampering.others == [package.name.as_str()];
            let itself = writer.map_or(alone, |writer| is_below(path, writer));
            let by = if itself { "its own script".to_owned() } else { tampering.who(process) };
            let how = match first.change {
                Change::Added => "added",
                Change::Changed => "changed",
                Change::Removed => "removed",
            };
            let more = files.len() - 1;
            let more = if more > 0 { format!(" and {more} more files") } else { String::new() };
            let allowed = match approved(case.project, &package.name, package.version.as_deref()) {
                Some(allowed) => allowed,
                None => case.accepts_scripts(&package.name, &package.scripts),
            };
            let shown = in_project(&first.path).unwrap_or(&first.path);
            let sighting = Sighting::new(
                format!("{by} {how} {shown}{more} of {name} after it was unpacked"),
                "read the script that does it; what runs later is not what the lockfile vouches for",
            )
            .seen(EvidenceKind::File, *at);
            // Whoever did it is whom it is about.
            let sighting = match (writer.filter(|_| !itself), process) {
                (Some(writer), Some(process)) => sighting
                    .package(owner(process))
                    .key(format!("{path} by {writer}"))
                    .at(Spot::entry(writer))
                    .seen(EvidenceKind::Process, process.id.0),
                (Some(_), None) | (None, _) => sighting.package(&package.name).key(path).at(Spot::entry(path)),
            };
            let mild = added || itself && allowed || !itself && tampering.by_owner(first);
            Some(if mild { sighting.severity(Severity::Note) } else { sighting })
        })
        .collect()
}

/// Whether npm removed an optional package because of a script that failed.
/// `incomplete-install` says so.
fn taken_away(run: &Run<'_>, path: &str) -> bool {
    let gone = |package: &&Package| package.version.is_none() && package.optional;
    let mut packages = run.evidence.packages.iter().filter(gone);
    packages.clone().any(|package| package.path == path)
        && packages.any(|package| run.failed_script(&package.path).is_some())
}

/// Whether the owner's own scripts ran (the root's, a workspace member's), and
/// the names of packages whose did.
pub(in crate::finding) fn scripted(run: &Run<'_>) -> (bool, Vec<String>) {
    let evidence = run.evidence;
    let mut ran: BTreeMap<&str, String> = BTreeMap::new();
    for package in evidence.packages.iter().filter(|package| !package.scripts.is_empty()) {
        ran.insert(&package.path, package.name.clone());
    }
    for process in &evidence.processes {
        if let Some(path) = &process.package {
            ran.entry(path).or_insert_with(|| owner(process));
        }
    }
    let own = ran.keys().any(|path| is_local(run, path));
    let others: BTreeSet<String> =
        ran.into_iter().filter(|(path, _)| !is_local(run, path)).map(|(_, name)| name).collect();
    (own, others.into_iter().collect())
}

/// Whether a package is the root project or one of its members.
pub(in crate::finding) fn is_local(run: &Run<'_>, path: &str) -> bool {
    let mut packages = run.evidence.packages.iter();
    path.is_empty() || packages.any(|package| package.path == path && package.class == Class::Local)
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
