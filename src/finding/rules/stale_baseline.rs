//! `stale-baseline`: the accepted baseline speaks of what is not there.

use crate::compare::approved::{Standing, names, verdicts};
use crate::finding::case::{Case, Sighting};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};
use std::collections::BTreeSet;

pub(super) static RULE: Rule = Rule {
    name: "stale-baseline",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "the accepted baseline speaks of what is no longer there, or says nothing of this place",
    page: include_str!("../../../docs/rules/stale-baseline.md"),
    check: Check::Report(check),
};

/// Names that are written out.
const SHOWN: usize = 5;
const HELP: &str = "`sealcheck accept`, with what CI tests, records the baseline anew";

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let Some(standing) = case.approved else { return Vec::new() };
    let at = |text: &str| {
        standing.source.and_then(|source| source.find(&format!("\"{text}"))).map_or(Spot::Nowhere, Spot::At)
    };
    let mut sightings = Vec::new();
    let Some(accepted) = &case.accepted else {
        let known: Vec<&str> = standing.file.places.iter().map(String::as_str).collect();
        let message = format!(
            "the accepted baseline says nothing of {}, so that nothing here was compared; it has {}",
            standing.here,
            if known.is_empty() { "no place".to_owned() } else { listed(&known, "; ") }
        );
        return vec![Sighting::new(message, HELP).key(format!("place {}", standing.here)).at(at("places"))];
    };
    sightings.extend(places(&standing).into_iter().map(|place| {
        Sighting::new(format!("the accepted baseline speaks of {place}, where nothing was run"), HELP)
            .key(format!("place {place}"))
            .severity(Severity::Note)
            .at(at(place))
    }));
    let here = case.here().map(|(_, run)| run.scenario.name.as_str());
    let ran: BTreeSet<&str> = here.chain(case.elsewhere.iter().map(String::as_str)).collect();
    let missed = verdicts(accepted).into_keys().filter(|name| !ran.contains(name));
    // Where others were asked for it is no wonder.
    let missed: Vec<&str> =
        missed.filter(|_| standing.suite.is_some() && standing.suite == standing.file.suite.as_deref()).collect();
    if let Some(first) = missed.first() {
        sightings.push(
            Sighting::new(
                format!("the accepted baseline speaks of scenarios that were not run: {}", listed(&missed, ", ")),
                HELP,
            )
            .key("scenarios")
            .at(at(first)),
        );
    }
    let locked: BTreeSet<&str> = case.project.lockfile.entries.values().map(|entry| entry.name.as_str()).collect();
    let gone: Vec<&str> = names(accepted).into_iter().filter(|name| !locked.contains(name)).collect();
    if let Some(first) = gone.first() {
        sightings.push(
            Sighting::new(
                format!("the accepted baseline speaks of packages that the lockfile does not have: {}", listed(&gone, ", ")),
                HELP,
            )
            .key("packages")
            .severity(Severity::Note)
            .at(at(first)),
        );
    }
    let ownerless = standing.file.ownerless(standing.here);
    let ownerless: Vec<&str> = ownerless.iter().map(String::as_str).collect();
    if let Some(first) = ownerless.first() {
        sightings.push(
            Sighting::new(
                format!("the accepted baseline approves scripts of packages that it does not have, which counts for nothing: {}", listed(&ownerless, ", ")),
                HELP,
            )
            .key("ownerless")
            .at(at(first)),
        );
    }
    sightings
}

/// Places of the baseline where nothing was run, though as many were asked for as it has.
fn places<'a>(standing: &Standing<'a>) -> Vec<&'a str> {
    if standing.places.len() < standing.file.places.len() {
        return Vec::new();
    }
    let missed = standing.file.places.iter().filter(|place| !standing.places.contains(place));
    missed.map(String::as_str).collect()
}

fn listed(all: &[&str], between: &str) -> String {
    let shown = all.iter().take(SHOWN).copied().collect::<Vec<_>>().join(between);
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
