//! `irreproducible-install`: the same twice, and not the same.

use crate::compare::differences;
use crate::evidence::seal::PROJECT;
use crate::compare::noise::{Kind, Varying, seen_whole, varying};
use crate::finding::case::{Case, Run, Sighting};
use crate::finding::location::Spot;
use std::collections::BTreeMap;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "irreproducible-install",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "two equal runs gave different trees",
    page: include_str!("../../../docs/rules/irreproducible-install.md"),
    check: Check::Report(check),
};

const HELP: &str = "pin what moves: a missing `integrity` or `resolved`, a git branch, a script that makes other files each time";

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let mut equal: BTreeMap<(&str, &[String]), Vec<Run<'_>>> = BTreeMap::new();
    for run in case.observed().filter(|run| run.evidence.cut_short.is_none() && run.evidence.exit.is_some()) {
        let group = equal.entry((run.scenario.name.as_str(), run.evidence.command.as_slice())).or_default();
        // The first two of a scenario may be of two toolchains or images, which
        // number their repetitions anew: then they are no equal runs.
        if group.first().is_none_or(|first| first.repeat != run.repeat && first.platform == run.platform) {
            group.push(run);
        }
    }
    equal.into_values().flat_map(|runs| of_equal(&runs)).collect()
}

fn of_equal(runs: &[Run<'_>]) -> Vec<Sighting> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let mut sightings = Vec::new();
    for run in others {
        let pair = || vec![first.at, run.at];
        let which = format!("runs {} and {} of `{}`", first.repeat, run.repeat, run.scenario.name);
        if first.evidence.exit != run.evidence.exit {
            sightings.push(
                Sighting::new(
                    format!("{which} ended differently: npm {}, then {}", first.ending(), run.ending()),
                    HELP,
                )
                .key(&run.scenario.name)
                .runs(pair()),
            );
            continue;
        }
        sightings.extend(differences(first.evidence, run.evidence).into_iter().map(|differs| {
            Sighting::new(format!("{which} gave two trees: {} was {}", differs.name, differs.difference), HELP)
                .package(&differs.name)
                .key(&differs.path)
                .at(Spot::entry(&differs.path))
                .runs(pair())
        }));
    }
    // Of a run that ended otherwise it is no wonder that its scripts did.
    if others.iter().all(|run| run.evidence.exit == first.evidence.exit) {
        let seen = runs.iter().filter(|run| seen_whole(run.evidence));
        let (evidence, all): (Vec<_>, Vec<_>) = seen.map(|run| (run.evidence, run.at)).unzip();
        sightings.extend(varying(&evidence).into_iter().filter(matters).map(|varies| {
            let Varying { kind, package, what, seen, of } = varies;
            let package = package.unwrap_or_default();
            let name = first.evidence.packages.iter().find(|one| one.path == package).map(|one| &one.name);
            let whose = name.map_or("the project", String::as_str);
            let what = match kind {
                Kind::Script => format!("the {what} of {whose} ran"),
                Kind::Process | Kind::Connection | Kind::File => format!("a script of {whose} {what}"),
            };
            let times = format!("{what} in {seen} of {of} equal runs of `{}`", first.scenario.name);
            let sighting = Sighting::new(times, HELP).key(format!("{package} {what}")).runs(all.clone());
            match name {
                Some(name) => sighting.package(name).at(Spot::entry(&package)),
                None => sighting,
            }
        }));
    }
    sightings
}

/// What makes another tree: a script that runs now and then, and a file of the tree that is
/// there now and then. All else that varies is noise, as are names made up anew each time.
fn matters(varies: &Varying) -> bool {
    match varies.kind {
        Kind::Script => true,
        Kind::File => !varies.in_name_only() && varies.what.contains(&format!(" {PROJECT}/")) && varies.what.contains("/node_modules/"),
        Kind::Process | Kind::Connection => false,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
