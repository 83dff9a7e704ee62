//! What a report of a part of a test has beside what any report has: which part it is, of
//! what, and all that merging needs.

use super::model::Report;
use crate::finding::{Basis, Seen, Sight, SightedFact, Verdict};
use crate::text::{Complaint, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A part of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Which, from 1.
    pub index: u32,
    /// Of how many.
    pub count: u32,
    /// What was tested, with what and how, by name: digests and short words. Shards in which
    /// any of it differs are of different tests.
    pub inputs: BTreeMap<String, String>,
    /// Every run of the whole test, in the order of its plan.
    pub of: Vec<ShardRun>,
    /// How long the runs of this shard were expected to take one after the other.
    pub expected_ms: u64,
    /// How many losses must fail together at least before it may leak.
    pub required_margin: u32,
    /// Private packages that its runs put to the test, ordered.
    pub private_tested: Vec<String>,
    /// What the rules saw in this shard; runs by their index in `of`.
    pub sights: Vec<Sight>,
}

/// A run of the whole test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShardRun {
    /// Its id.
    pub id: String,
    /// Its scenario.
    pub scenario: String,
    /// Under which toolchain and in which image, from 0.
    pub place: usize,
    /// The shard that answers for it, from 1. Others may have run it beside their own, which
    /// build on it.
    pub shard: u32,
    /// What its end alone says, where this shard ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
}

/// What of a run is known without the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Made {
    /// Whether anything was observed.
    pub observed: bool,
    /// What its end alone says.
    pub verdict: Verdict,
    /// Why, a fragment.
    pub because: String,
}

impl Shard {
    /// Takes in what was seen in this shard, whose runs are a part of those of the whole test,
    /// by their ids. What means nothing here is no run of it.
    pub fn see(&mut self, basis: &Basis) {
        let places: BTreeMap<String, usize> =
            self.of.iter().enumerate().map(|(at, run)| (run.id.clone(), at)).collect();
        let place = |at: usize| places.get(&basis.facts.get(at)?.id).copied();
        for (at, fact) in basis.facts.iter().enumerate() {
            let observed = match fact.seen {
                Seen::Whole => true,
                Seen::Nothing => false,
                Seen::NotApplicable { .. } => continue,
            };
            if let Some(run) = place(at).and_then(|at| self.of.get_mut(at)) {
                let (verdict, because) = (fact.verdict, fact.because.clone());
                run.made = Some(Made { observed, verdict, because });
            }
        }
        let sight = |sight: &Sight| Sight {
            runs: sight.runs.iter().filter_map(|run| place(*run)).collect(),
            evidence: sight
                .evidence
                .iter()
                .filter_map(|fact| Some(SightedFact { run: place(fact.run)?, ..*fact }))
                .collect(),
            ..sight.clone()
        };
        self.sights = basis.sights.iter().map(sight).collect();
    }

    /// "shard 2 of 3".
    pub fn name(&self) -> String {
        format!("shard {} of {}", self.index, self.count)
    }
}

impl Report {
    /// Reads a saved report that must be of a whole test.
    ///
    /// # Errors
    /// As [`Report::read_source`], and where it is a shard's.
    pub fn read_whole(source: &Source) -> Result<Self, Complaint> {
        let report = Self::read_source(source)?;
        match report.part() {
            None => Ok(report),
            Some(part) => Err(Complaint::about(format!("`{}` is {part}, and no whole test", source.name()))
                .help("`sealcheck merge` makes one report of all shards")),
        }
    }

    /// Which part of a test it is of; `None` of a whole one.
    pub fn part(&self) -> Option<String> {
        self.shard.as_ref().map(Shard::name)
    }
}
