//! `write-outside-package`: a script left something elsewhere.

use crate::evidence::seal::PROJECT;
use crate::finding::case::{Case, Run, Sighting};
use crate::finding::rules::tree_mutated_by_script::scripted;
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
    let mut in_project = Vec::new();
    let mut elsewhere = Vec::new();
    for (at, file) in (0u32..).zip(&run.evidence.files) {
        let inner = file.path.strip_prefix(PROJECT).and_then(|inner| inner.strip_prefix('/'));
        match inner {
            // Trees of packages are another rule's, and npm's own files nobody's.
            Some(inner) if inner.split('/').any(|part| part == "node_modules") => {}
            Some(_) if others.is_empty() => {}
            Some(_) => in_project.push((at, file)),
            None if npms_own(&file.path) => {}
            None => elsewhere.push((at, file)),
        }
    }
    let whose = if others.is_empty() { "the root project".to_owned() } else { others.join(", ") };
    let mut sightings = Vec::new();
    for (files, place, shared) in
        [(in_project, "in the project, outside its own folder", root_ran), (elsewhere, "outside the project", false)]
    {
        let Some(first) = files.first() else { continue };
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
        let by = if shared { format!("a script of {whose}, or one of the root project's own,") } else { format!("a script of {whose}") };
        let mut sighting = Sighting::new(
            format!("{by} wrote {place}: {}{more}", shown.join(", ")),
            "look at what was written and by which script; install with scripts off if nothing needs it",
        )
        .key(place)
        .seen(EvidenceKind::File, first.0);
        if let [only] = others.as_slice() {
            sighting = sighting.package(only);
        }
        // The root's own scripts may write in the project, and no event says who wrote.
        if shared {
            sighting = sighting.severity(Severity::Note).confidence(Confidence::Low);
        }
        sightings.push(sighting);
    }
    sightings
}

/// npm's cache and logs.
fn npms_own(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, ".npm" | "_logs" | "_cacache" | ".npm-cache"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
