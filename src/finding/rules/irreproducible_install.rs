//! `irreproducible-install`: the same twice, and not the same.

use crate::compare::differences;
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

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let mut first: BTreeMap<(&str, &[String]), Run<'_>> = BTreeMap::new();
    let mut sightings = Vec::new();
    for run in case.observed().filter(|run| run.evidence.cut_short.is_none() && run.evidence.exit.is_some()) {
        let key = (run.scenario.name.as_str(), run.evidence.command.as_slice());
        let Some(before) = first.get(&key) else {
            first.insert(key, run);
            continue;
        };
        // The first two of a scenario may be of two toolchains or images, which
        // number their repetitions anew: then they are no equal runs.
        if before.repeat == run.repeat || before.platform != run.platform {
            continue;
        }
        let pair = || vec![before.at, run.at];
        let which = format!("runs {} and {} of `{}`", before.repeat, run.repeat, run.scenario.name);
        const HELP: &str = "pin what moves: a missing `integrity` or `resolved`, a git branch, a script that downloads";
        if before.evidence.exit != run.evidence.exit {
            sightings.push(
                Sighting::new(
                    format!("{which} ended differently: npm {}, then {}", before.ending(), run.ending()),
                    HELP,
                )
                .key(&run.scenario.name)
                .runs(pair()),
            );
            continue;
        }
        sightings.extend(differences(before.evidence, run.evidence).into_iter().map(|differs| {
            Sighting::new(format!("{which} gave two trees: {} was {}", differs.name, differs.difference), HELP)
                .package(&differs.name)
                .key(&differs.path)
                .at(Spot::entry(&differs.path))
                .runs(pair())
        }));
    }
    sightings
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
