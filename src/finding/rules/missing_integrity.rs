//! `missing-integrity`: bytes that nothing vouches for.

use crate::finding::case::{Case, Sighting, spec};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "missing-integrity",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "a lockfile entry has no hash, or only sha1",
    page: include_str!("../../../docs/rules/missing-integrity.md"),
    check: Check::Report(check),
};

fn check(case: &Case<'_>) -> Vec<Sighting> {
    case.project
        .lockfile
        .entries
        .values()
        .filter_map(|entry| {
            let lack = entry.weak_integrity()?;
            let name = entry.name.as_str();
            Some(
                Sighting::new(
                    format!("the lockfile has {lack} for {}", spec(name, Some(&entry.version))),
                    "remove the entry from the lockfile and run `npm install`, which records the registry's sha512",
                )
                .package(name)
                .key(&entry.path)
                .at(Spot::integrity(&entry.path)),
            )
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
