//! A test that has run, as a baseline.

use super::{ByPlace, Purpose, Tested};
use crate::compare::approved::{Approved, Fact, Observation, observe, verdicts};
use crate::compare::noise::seen_whole;
use crate::evidence::Evidence;
use crate::finding::{Judgement, Verdict};
use crate::wire::Exit;
use std::collections::{BTreeMap, BTreeSet};

impl Tested<'_> {
    /// The baseline that these runs give, and what of them is not in it, a line each. Only an
    /// update knows the old one.
    pub(super) fn record(
        &self,
        old: Option<&Approved>,
        said: &Judgement,
        places: &[String],
    ) -> (Approved, Vec<String>) {
        let mut says = Vec::new();
        let mut all: ByPlace<BTreeSet<Fact>> = BTreeMap::new();
        let keeps = old.filter(|_| self.purpose == Purpose::Update);
        for place in keeps.into_iter().flat_map(|old| &old.places) {
            all.extend(keeps.and_then(|old| old.at(place)).map(|facts| (place.clone(), facts)));
        }
        let mut widest = self.suite();
        for (at, place) in places.iter().enumerate() {
            let known = keeps.and_then(|old| old.at(place)).unwrap_or_default();
            let mut facts = match self.observation(at) {
                Some(observed) => observed.facts(&known),
                None => {
                    says.push(format!(
                        "no run of `baseline` ended well in {place}: its packages are not recorded"
                    ));
                    known.iter().filter(|fact| !is_verdict(fact)).cloned().collect()
                }
            };
            let mut told = self.verdicts(at, said, &mut says);
            if let Some(old) = keeps.filter(|old| self.suite().is_none() || old.suite != self.suite()) {
                // Of what was not asked for, what is known stays.
                let before = told.len();
                for (scenario, verdict) in verdicts(&known) {
                    told.entry(scenario.to_owned()).or_insert_with(|| verdict.to_owned());
                }
                if told.len() > before || widest.is_none() {
                    widest.clone_from(&old.suite);
                }
            }
            facts.extend(told.into_iter().map(|(scenario, verdict)| Fact::Verdict { scenario, verdict }));
            all.insert(place.clone(), facts);
        }
        (Approved::of(widest.as_deref(), &all), says)
    }

    /// The runs of the project as it is that ended well.
    pub(super) fn observation(&self, place: usize) -> Option<Observation> {
        let runs: Vec<&Evidence> = self
            .outcomes
            .get(place)?
            .iter()
            .filter(|outcome| outcome.run.scenario.name == "baseline")
            .filter_map(|outcome| outcome.evidence.as_ref().ok())
            .filter(|evidence| evidence.exit == Some(Exit::Code(0)) && seen_whole(evidence))
            .collect();
        (!runs.is_empty()).then(|| observe(&runs))
    }

    /// The worst verdict of each scenario; none of what was not observed.
    fn verdicts(&self, place: usize, said: &Judgement, says: &mut Vec<String>) -> BTreeMap<String, String> {
        let mut worst: BTreeMap<&str, Verdict> = BTreeMap::new();
        for (said, run) in said.runs.iter().zip(self.judged).filter(|(_, run)| run.place == place) {
            let known = worst.entry(&run.scenario.name).or_insert(said.verdict);
            *known = (*known).max(said.verdict);
        }
        let mut told = BTreeMap::new();
        for (scenario, verdict) in worst {
            match verdict {
                Verdict::Unobserved => says
                    .push(format!("{scenario} was not observed, counts in no verdict and is not recorded")),
                Verdict::NotApplicable
                | Verdict::Sealed
                | Verdict::Broken
                | Verdict::Exposed
                | Verdict::Leaked => {
                    told.insert(scenario.to_owned(), verdict.name().to_owned());
                }
            }
        }
        told
    }
}

fn is_verdict(fact: &Fact) -> bool {
    match fact {
        Fact::Verdict { .. } => true,
        Fact::Package { .. } | Fact::Deed { .. } => false,
    }
}
