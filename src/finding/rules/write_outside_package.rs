//! `write-outside-package`: a script left something elsewhere.

use crate::compare::noise::npms_own;
use crate::evidence::seal::PROJECT;
use crate::evidence::fact::File;
use crate::finding::case::{Case, Run, Sighting, owner, spec};
use crate::finding::rules::tree_mutated_by_script::{is_local, scripted};
use std::collections::BTreeMap;
use crate::wire::Change;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "write-outside-package",
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    forces: Verdict::Sealed,
    title: "a lifecycle script wrote outside its own package folder",
    page: include_str!("../../../docs/rules/write-outside-package.md"),
    check: Check::Run(check),
};

/// Files that are shown in the message.
const SHOWN: usize = 3;

fn check(_: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let (root_ran, others) = scripted(run);
    if !root_ran && others.is_empty() {
        return Vec::new();
    }
    let mut by: BTreeMap<Writing<'_>, Vec<(u32, &File)>> = BTreeMap::new();
    for (at, file) in (0u32..).zip(&run.evidence.files) {
        let writer = file.process.and_then(|process| run.process(process)?.package.as_deref());
        let own = writer.map_or(others.is_empty(), |path| is_local(run, path));
        let inner = file.path.strip_prefix(PROJECT).and_then(|inner| inner.strip_prefix('/'));
        let place = match inner {
            // Trees of packages are another rule's, and npm's own files nobody's.
            Some(inner) if inner.split('/').any(|part| part == "node_modules") => continue,
            // The owner's own scripts may write in the project.
            Some(_) if own => continue,
            Some(_) => Where::Project,
            None if npms_own(&file.path) => continue,
            None => Where::Elsewhere,
        };
        by.entry((writer, place)).or_default().push((at, file));
    }
    by.into_iter().filter_map(|((writer, place), files)| {
        let first = files.first()?;
        let written = written(&files);
        let help = "look at what was written and by which script; install with scripts off if nothing needs it";
        let process = first.1.process.and_then(|process| run.process(process));
        if let (Some(path), Some(process)) = (writer, process) {
            let name = owner(process);
            let event = process.event.as_deref().unwrap_or("lifecycle");
            let script = spec(&name, process.version.as_deref());
            return Some(
                Sighting::new(format!("the {event} script of {script} wrote {}: {written}", place.name()), help)
                    .package(name)
                    .key(format!("{path} {}", place.name()))
                    .confidence(Confidence::High)
                    .seen(EvidenceKind::File, first.0)
                    .seen(EvidenceKind::Process, process.id.0),
            );
        }
        let whose = if others.is_empty() { "the root project".to_owned() } else { others.join(", ") };
        let shared = root_ran && place == Where::Project;
        let by = if shared { format!("a script of {whose}, or one of the root project's own,") } else { format!("a script of {whose}") };
        let mut sighting = Sighting::new(format!("{by} wrote {}: {written}", place.name()), help)
            .key(place.name())
            .seen(EvidenceKind::File, first.0);
        if let [only] = others.as_slice() {
            sighting = sighting.package(only);
        }
        // The root's own scripts may write in the project, and who wrote was not seen.
        if shared {
            sighting = sighting.severity(Severity::Note).confidence(Confidence::Low);
        }
        Some(sighting)
    }).collect()
}

/// The package whose script wrote, where that was seen, and where it did.
type Writing<'a> = (Option<&'a str>, Where);

/// Where it was written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    Project,
    Elsewhere,
}

impl Where {
    fn name(self) -> &'static str {
        match self {
            Self::Project => "in the project, outside its own folder",
            Self::Elsewhere => "outside the project",
        }
    }
}

fn written(files: &[(u32, &File)]) -> String {
    let shown: Vec<String> = files
        .iter()
        .take(SHOWN)
        .map(|(_, file)| {
            let change = match file.change {
                Change::Added => "added",
                Change::Changed => "changed",
                Change::Removed => "removed",
            };
            format!("{} ({change})", file.path)
        })
        .collect();
    let more = files.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
