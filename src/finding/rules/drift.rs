//! `drift`: something is not as it was accepted.

use super::private_set_shrank::speaks_of;
use crate::compare::approved::{
    Change, Observation, PackageChange, ROOT, Topic, changes, observe, pinned_words, verdicts,
};
use crate::compare::noise::seen_whole;
use crate::evidence::fact::Evidence;
use crate::finding::case::{Case, Run, Sighting};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "drift",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "a package or a scenario is not as the accepted baseline has it",
    page: include_str!("../../../docs/rules/drift.md"),
    check: Check::Verdicts(check),
};

const HELP: &str = "see what changed it; if it is meant, `sealcheck accept` or `sealcheck test --update` records it";

fn check(case: &Case<'_>, said: &[Verdict]) -> Vec<Sighting> {
    let Some(accepted) = &case.accepted else { return Vec::new() };
    let mut sightings = scenarios(case, said);
    let runs: Vec<Run<'_>> = case.observed().filter(|run| run.scenario.name == "baseline").collect();
    let Some(first) = runs.first() else { return sightings };
    let whole: Vec<&Evidence> =
        runs.iter().filter(|run| is_whole(run)).map(|run| run.evidence).collect();
    // Of what was seen in part, what is new is true all the same.
    let seen: Vec<&Evidence> =
        if whole.is_empty() { runs.iter().map(|run| run.evidence).collect() } else { whole.clone() };
    if whole.is_empty() {
        sightings.push(
            Sighting::new(
                "what is gone of the accepted baseline could not be told: no run of `baseline` was seen whole and ended well",
                "mend what stands in the way of that run, which the report names, and test again",
            )
            .key("not compared")
            .severity(Severity::Note)
            .runs(vec![first.at]),
        );
    }
    let observed = observe(&seen);
    let found = changes(accepted, &observed, !whole.is_empty());
    let (pinned, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .filter(|change| change.was_private || !is_gone(case, change, &observed))
        .filter(|change| !is_said(case, change))
        .partition(|change| change.pinned_only && !change.was_private);
    sightings.extend(pinned_only(&pinned).map(|sighting| sighting.runs(vec![first.at])));
    sightings.extend(others.iter().map(|change| one(case, first, change)));
    sightings
}

fn is_whole(run: &Run<'_>) -> bool {
    run.worked() && seen_whole(run.evidence)
}

/// What the lockfile does not want any more either is a stale entry of the baseline.
fn is_gone(case: &Case<'_>, change: &PackageChange, observed: &Observation) -> bool {
    let mut entries = case.project.lockfile.entries.values();
    change.name != ROOT
        && !observed.names().contains(change.name.as_str())
        && !entries.any(|entry| entry.name.as_str() == change.name)
}

/// That it is private no longer, and all that follows from it, is another rule's.
fn is_said(case: &Case<'_>, change: &PackageChange) -> bool {
    let follows = |change: &Change| match change.topic {
        Topic::Class | Topic::Source => true,
        Topic::Version
        | Topic::Bytes
        | Topic::Script(_)
        | Topic::Connections
        | Topic::Writes
        | Topic::Reads => false,
    };
    change.was_private && change.changes.iter().all(follows) && speaks_of(case, &change.name)
}

fn scenarios(case: &Case<'_>, said: &[Verdict]) -> Vec<Sighting> {
    let Some(accepted) = &case.accepted else { return Vec::new() };
    let known = verdicts(accepted);
    let mut sightings = Vec::new();
    let mut unknown: Vec<(usize, &str, Verdict)> = Vec::new();
    for (at, run) in case.here() {
        let (name, Some(now)) = (run.scenario.name.as_str(), said.get(at)) else { continue };
        match known.get(name) {
            // Not to have seen it is no other behaviour; the verdict says it already.
            _ if *now == Verdict::Unobserved => {}
            Some(before) if *before == now.name() => {}
            Some(before) => sightings.push(
                Sighting::new(format!("`{name}` is not as accepted: {before} → {now}"), HELP)
                    .key(format!("scenario {name}"))
                    .runs(vec![at]),
            ),
            None => unknown.push((at, name, *now)),
        }
    }
    unknown.sort_by_key(|(_, name, _)| *name);
    unknown.dedup_by_key(|(_, name, _)| *name);
    if !unknown.is_empty() {
        let told: Vec<String> = unknown.iter().map(|(_, name, now)| format!("{name} ({now})")).collect();
        sightings.push(
            Sighting::new(
                "the accepted baseline has no verdict of ",
                "`sealcheck accept` with these scenarios, or `sealcheck test --update`, records it",
            )
            .lists(told)
            .key("new scenarios")
            .severity(Severity::Note)
            .runs(unknown.into_iter().map(|(at, _, _)| at).collect()),
        );
    }
    sightings
}

/// Packages of which only the version is another, as the lockfile says, in one finding.
fn pinned_only(changes: &[PackageChange]) -> Option<Sighting> {
    let words = pinned_words(changes)?;
    Some(Sighting::new(words, HELP).key("pinned").severity(Severity::Note))
}

fn one(case: &Case<'_>, run: &Run<'_>, change: &PackageChange) -> Sighting {
    let mut sighting = Sighting::new(change.words(), HELP).key(&change.name).runs(vec![run.at]);
    if change.name != ROOT {
        sighting = sighting.package(&change.name);
    }
    if let Some((at, package)) = run.packages().find(|(_, package)| package.name == change.name) {
        sighting = sighting.seen(EvidenceKind::Package, at).at(Spot::entry(&package.path));
    } else if let Some(place) = case.approved.and_then(|approved| approved.source?.find(&change.name)) {
        sighting = sighting.at(Spot::At(place));
    }
    let of = |package: &Option<String>| {
        package.as_deref().is_some_and(|path| {
            crate::compare::approved::name_of_package(run.evidence, path) == change.name
        })
    };
    let mut processes = run.evidence.processes.iter();
    match processes.find(|process| process.event.is_some() && of(&process.package)) {
        Some(process) => sighting.seen(EvidenceKind::Process, process.id.0),
        None => sighting,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
