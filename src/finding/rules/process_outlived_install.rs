//! `process-outlived-install`: something stayed behind.

use crate::finding::case::{Case, Run, Sighting, spec};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "process-outlived-install",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "a process was still alive when npm had exited",
    page: include_str!("../../../docs/rules/process-outlived-install.md"),
    check: Check::Run(check),
};

fn check(_: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    run.evidence
        .processes
        .iter()
        .filter(|process| process.outlived)
        .map(|process| {
            let program: String = process.argv.join(" ").chars().take(120).collect();
            let name = process.package_name.as_deref().or(process.package.as_deref()).filter(|name| !name.is_empty());
            let whose = match (name, &process.event) {
                (Some(name), Some(event)) => {
                    format!(", started by the {event} script of {},", spec(name, process.version.as_deref()))
                }
                (Some(name), None) => format!(", started by {name},"),
                (None, _) => String::new(),
            };
            let mut sighting = Sighting::new(
                format!("`{program}`{whose} was still alive when npm had exited"),
                "a build goes on beside it: find out why it is left behind, or install with scripts off",
            )
            .key(process.argv.first().cloned().unwrap_or_default())
            .seen(EvidenceKind::Process, process.id.0);
            if let Some(path) = process.package.as_deref() {
                sighting = sighting.at(Spot::entry(path));
            }
            if let Some(name) = name {
                sighting = sighting.package(name);
            }
            sighting
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
