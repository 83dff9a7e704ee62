//! Which runs of two reports belong together: those of one scenario in one place.

use super::{Values, VerdictChange};
use crate::compare::side::{Install, Side};
use crate::report::model::{Report, Run};
use crate::report::opinion::Verdict;
use crate::report::places::{Place, label};
use std::collections::{BTreeMap, BTreeSet};

/// The runs of one scenario in one place: one, or its repetitions.
#[derive(Debug, Clone, Default)]
pub(super) struct Equal<'a> {
    pub(super) runs: Vec<&'a Run>,
}

/// The same scenario in the same place, in both reports.
pub(super) struct Pair<'a> {
    pub(super) label: String,
    pub(super) left: Equal<'a>,
    pub(super) right: Equal<'a>,
}

/// All that belongs together, and all that has no counterpart.
pub(super) struct Paired<'a> {
    pub(super) pairs: Vec<Pair<'a>>,
    /// What only one report ran, by name.
    pub(super) left_only: Vec<String>,
    pub(super) right_only: Vec<String>,
    /// What ran on one side and means nothing on the other.
    pub(super) applicability: Vec<VerdictChange>,
    /// Places that were paired though they are not the same.
    pub(super) context: Vec<Values>,
}

impl<'a> Equal<'a> {
    /// The worst of them.
    pub(super) fn verdict(&self) -> Verdict {
        self.runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Unobserved)
    }

    pub(super) fn because(&self) -> &'a str {
        let verdict = self.verdict();
        self.runs.iter().find(|run| run.verdict == verdict).map_or("", |run| run.because.as_str())
    }

    /// As evidence is compared, with the noise that the report knows of these runs.
    pub(super) fn side(&self, report: &'a Report) -> Side<'a> {
        let ids: BTreeSet<&str> = self.runs.iter().map(|run| run.id.as_str()).collect();
        let known = report.noise.iter().filter(|noise| noise.runs.iter().any(|id| ids.contains(id.as_str())));
        Side {
            installs: self.runs.iter().map(|run| Install::from(*run)).collect(),
            noise: known.flat_map(|noise| &noise.varying).collect(),
        }
    }
}

impl<'a> Paired<'a> {
    /// Whether each ran all that the other ran.
    pub(super) fn is_whole(&self) -> bool {
        self.left_only.is_empty() && self.right_only.is_empty()
    }

    /// The ids of one side's runs whose counterpart was observed.
    pub(super) fn observed(
        &self,
        ours: impl for<'p> Fn(&'p Pair<'a>) -> &'p Equal<'a>,
        theirs: impl for<'p> Fn(&'p Pair<'a>) -> &'p Equal<'a>,
    ) -> BTreeSet<&'a str> {
        let seen = self.pairs.iter().filter(|pair| theirs(pair).verdict() != Verdict::Unobserved);
        seen.flat_map(|pair| ours(pair).runs.iter().map(|run| run.id.as_str())).collect()
    }
}

type Groups<'a> = BTreeMap<(&'a str, Place), Equal<'a>>;

/// Pairs the runs of two reports, in the order of the left one's plan.
pub(super) fn of<'a>(left: &'a Report, right: &'a Report) -> Paired<'a> {
    let (of_left, of_right) = (groups(left), groups(right));
    let places = |groups: &Groups<'_>| groups.keys().map(|(_, place)| place.clone()).collect::<BTreeSet<_>>();
    let (left_places, right_places) = (places(&of_left), places(&of_right));
    let mut context = Vec::new();
    let only = |one: &BTreeSet<Place>, other: &BTreeSet<Place>| {
        one.difference(other).cloned().collect::<Vec<Place>>()
    };
    // Where each has one place that the other has not, the one became the other.
    let moved =
        match (only(&left_places, &right_places).as_slice(), only(&right_places, &left_places).as_slice()) {
            ([one], [other]) => {
                let (left, right) = (Some(words(one)), Some(words(other)));
                context.push(Values { what: "toolchain".to_owned(), left, right });
                Some((one.clone(), other.clone()))
            }
            (_, _) => None,
        };
    let counterpart = |place: &Place| match &moved {
        Some((one, other)) if one == place => other.clone(),
        Some(_) | None => place.clone(),
    };
    let named = |scenario: &str, place: &Place, all: &BTreeSet<Place>| match label(all, place).as_str() {
        "" => scenario.to_owned(),
        label => format!("{scenario} ({label})"),
    };
    let (mut pairs, mut left_only, mut right_only) = (Vec::new(), Vec::new(), Vec::new());
    let (mut applicability, mut taken) = (Vec::new(), BTreeSet::new());
    let without = |report: &Report, scenario: &str| {
        report
            .coverage
            .not_applicable
            .iter()
            .find(|not| not.scenario == scenario)
            .map(|not| not.reason.clone())
    };
    for (scenario, place) in order(left) {
        let Some(ours) = of_left.get(&(scenario, place.clone())) else { continue };
        let key = (scenario, counterpart(&place));
        let label = named(scenario, &place, &left_places);
        match of_right.get(&key) {
            Some(theirs) => {
                taken.insert(key);
                pairs.push(Pair { label, left: ours.clone(), right: theirs.clone() });
            }
            None => match without(right, scenario) {
                Some(because) => applicability.push(VerdictChange {
                    scenario: label,
                    left: Some(ours.verdict()),
                    right: Some(Verdict::NotApplicable),
                    because,
                }),
                None => left_only.push(label),
            },
        }
    }
    for (scenario, place) in order(right) {
        let key = (scenario, place.clone());
        let Some(theirs) = of_right.get(&key).filter(|_| !taken.contains(&key)) else { continue };
        let label = named(scenario, &place, &right_places);
        match without(left, scenario) {
            Some(_) => applicability.push(VerdictChange {
                scenario: label,
                left: Some(Verdict::NotApplicable),
                right: Some(theirs.verdict()),
                because: theirs.because().to_owned(),
            }),
            None => right_only.push(label),
        }
    }
    Paired { pairs, left_only, right_only, applicability, context }
}

fn groups(report: &Report) -> Groups<'_> {
    let mut groups: Groups<'_> = BTreeMap::new();
    for run in &report.runs {
        groups.entry((run.scenario.as_str(), Place::of(run))).or_default().runs.push(run);
    }
    groups
}

/// Each scenario in each place once, in the order of the plan.
fn order(report: &Report) -> Vec<(&str, Place)> {
    let mut known = BTreeSet::new();
    let all = report.runs.iter().map(|run| (run.scenario.as_str(), Place::of(run)));
    all.filter(|key| known.insert(key.clone())).collect()
}

fn words(place: &Place) -> String {
    let image = place.image.as_ref().map(|image| format!(", in {image}")).unwrap_or_default();
    format!("node {}, npm {}{image}", place.node, place.npm)
}
