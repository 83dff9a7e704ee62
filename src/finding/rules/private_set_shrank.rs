//! `private-set-shrank`: what was accepted as private is private no longer.

use crate::compare::approved::private;
use crate::finding::case::{Case, Sighting};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};
use crate::project::class::Class;

pub(super) static RULE: Rule = Rule {
    name: "private-set-shrank",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Unobserved,
    title: "a package that the accepted baseline has as private is not taken for private any more",
    page: include_str!("../../../docs/rules/private-set-shrank.md"),
    check: Check::Report(check),
};

/// Whether this rule speaks of a package.
pub(super) fn speaks_of(case: &Case<'_>, name: &str) -> bool {
    check(case).iter().any(|sighting| sighting.package.as_deref() == Some(name))
}

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let Some(accepted) = &case.accepted else { return Vec::new() };
    let runs: Vec<usize> =
        case.here().filter(|(_, run)| !run.scenario.control).map(|(at, _)| at).collect();
    private(accepted)
        .into_iter()
        .filter_map(|name| {
            let mut entries = case.project.lockfile.entries.values();
            let entry = entries.find(|entry| {
                let class = case.project.classes.get(&entry.path).map(|classified| classified.class);
                entry.name.as_str() == name && entry.speaks_for_its_name() && class != Some(Class::Private)
            })?;
            let classified = case.project.classes.get(&entry.path)?;
            let now = match classified.class {
                Class::Private => return None,
                Class::Local => "local",
                Class::Public => "public",
                Class::Other => "neither private nor public",
                Class::Undecided => "undecided",
            };
            Some(
                Sighting::new(
                    format!(
                        "{name} was accepted as private and is {now} now ({}), so that no scenario tests it as private",
                        classified.because
                    ),
                    "bring back what made it private (`private` in sealcheck.toml, or the mapping in `.npmrc`); if it is meant, add an `[[accepted]]` entry and run `sealcheck accept`",
                )
                .package(name)
                .key(name)
                .at(Spot::entry(&entry.path))
                .runs(runs.clone()),
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
