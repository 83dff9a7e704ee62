//! `scripts-required`: what would be missing with scripts off.

use crate::finding::case::{Case, Sighting, spec};
use crate::finding::location::Spot;
use crate::wire::Change;
use std::collections::BTreeSet;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "scripts-required",
    severity: Severity::Note,
    confidence: Confidence::Medium,
    forces: Verdict::Sealed,
    title: "the project works only when scripts run",
    page: include_str!("../../../docs/rules/scripts-required.md"),
    check: Check::Report(check),
};

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let Some(baseline) = case.baseline().filter(|baseline| baseline.worked()) else { return Vec::new() };
    // What may fail for another reason says nothing of scripts.
    let without: Vec<usize> = case
        .observed()
        .filter(|run| run.scenario.install.ignore_scripts && run.must_work() && run.failed())
        .map(|run| run.at)
        .collect();
    let fails_without = !without.is_empty();
    let built: BTreeSet<&str> = baseline
        .evidence
        .files
        .iter()
        .filter(|file| file.change != Change::Removed)
        .filter_map(|file| file.package.as_deref())
        .collect();
    baseline
        .packages()
        .filter(|(_, package)| !package.scripts.is_empty())
        .filter(|(_, package)| fails_without || built.contains(package.path.as_str()))
        .map(|(at, package)| {
            let name = spec(&package.name, package.version.as_deref());
            let events = package.scripts.join(", ");
            let message = if built.contains(package.path.as_str()) {
                format!("{name} is built by its {events} script: with scripts off its folder lacks what that makes")
            } else {
                format!("the install fails with scripts off, and {name} has a {events} script")
            };
            let mut runs = vec![baseline.at];
            runs.extend(&without);
            Sighting::new(message, "keep it on the allow-list when scripts are switched off")
                .package(&package.name)
                .key(&package.path)
                .at(Spot::entry(&package.path))
                .seen(EvidenceKind::Package, at)
                .runs(runs)
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
