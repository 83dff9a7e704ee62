//! `acceptance-expired`: what was accepted for a time.

use crate::finding::accepted::expired;
use crate::finding::case::{Case, Sighting};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "acceptance-expired",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "an accepted finding is past its date, or covers nothing",
    page: include_str!("../../../docs/rules/acceptance-expired.md"),
    check: Check::Acceptances(check),
};

fn check(case: &Case<'_>, used: &[bool]) -> Vec<Sighting> {
    case.project
        .settings
        .accepted
        .iter()
        .zip(used)
        .filter_map(|(entry, used)| {
            let what = match &entry.package {
                Some(package) => format!("`{}` for {package}", entry.rule),
                None => format!("`{}`", entry.rule),
            };
            let sighting = match (expired(entry, case.today), used, entry.expires) {
                (true, _, Some(until)) => Sighting::new(
                    format!("the acceptance of {what} ended on {until}: {}", entry.reason),
                    "mend what it covers, or set a new date and say why",
                ),
                (_, false, _) => Sighting::new(
                    format!("the acceptance of {what} covers nothing that was found: {}", entry.reason),
                    "remove it",
                )
                .severity(Severity::Note),
                (_, true, _) => return None,
            };
            let sighting = sighting.key(&entry.rule).at(Spot::At(entry.place.clone()));
            Some(match &entry.package {
                Some(package) => sighting.package(package),
                None => sighting,
            })
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
