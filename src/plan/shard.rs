//! Which shard of a test makes which runs: `--shard K/N`.
//!
//! Pure, and the same on every machine: it depends on what is planned and on how long that
//! is expected to take, and never on how long anything took. It must not know how a run is
//! made, nor what is said of it.

#[cfg(test)]
mod tests;

use super::{Plan, expected};
use crate::scenario::Cache;
use std::collections::{BTreeMap, BTreeSet};

/// The scenario on which others build: it gives the warm cache, says which bytes are
/// genuine, and is what the rules compare with.
const SHARED: &str = "baseline";

/// A planned run, as far as its division is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// The run's id.
    pub id: String,
    /// Its scenario. Its repetitions in one place stay together, since rules compare them.
    pub scenario: String,
    /// Under which toolchain and in which image, from 0.
    pub place: usize,
    /// How long it is expected to take, in milliseconds.
    pub expected_ms: u64,
    /// The cache that has to be filled before it, and how long that is expected to take;
    /// once in each shard that needs it in this place.
    pub filling: Option<(Cache, u64)>,
}

impl Weighed {
    /// Whether every shard that runs anything in its place runs it too.
    pub fn is_shared(&self) -> bool {
        self.scenario == SHARED
    }
}

/// The runs of a plan in the order in which they are made, in a place of a project with
/// so many packages.
pub fn weighed(place: usize, plan: &Plan, packages: usize) -> Vec<Weighed> {
    let run = |run: &super::RunSpec| {
        let filler = plan.fillers.get(&run.cache);
        Weighed {
            id: run.id.clone(),
            scenario: run.scenario.name.clone(),
            place,
            expected_ms: expected::of(&run.scenario, packages),
            filling: filler.map(|filler| (run.cache, expected::of(&filler.scenario, packages))),
        }
    };
    plan.runs.iter().map(run).collect()
}

/// Who makes which run. A run is one shard's own; others may make it beside theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Division {
    /// Each shard with what it makes.
    pub shards: Vec<Share>,
}

/// What one shard makes, by the indices of the runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    /// What is said of these is taken from it.
    pub own: BTreeSet<usize>,
    /// What its own runs build on, and another shard answers for.
    pub companions: BTreeSet<usize>,
    /// How long all of it is expected to take, one after the other, in milliseconds.
    pub expected_ms: u64,
}

/// A shard that is being filled.
#[derive(Default)]
struct Filling {
    share: Share,
    places: BTreeSet<usize>,
    caches: BTreeSet<(usize, Cache)>,
}

/// A scenario with its repetitions in one place.
#[derive(Default)]
struct Group {
    runs: Vec<usize>,
    expected_ms: u64,
    filling: Option<(Cache, u64)>,
}

/// Divides runs over `count` shards: the longest first, each to the shard that has the
/// least to do with it; of equals to the first. 0 is taken for 1.
pub fn divide(runs: &[Weighed], count: u32) -> Division {
    let mut groups: BTreeMap<(usize, &str), Group> = BTreeMap::new();
    let mut shared: BTreeMap<usize, Group> = BTreeMap::new();
    for (at, run) in runs.iter().enumerate() {
        let group = match run.is_shared() {
            true => shared.entry(run.place).or_default(),
            false => groups.entry((run.place, &run.scenario)).or_default(),
        };
        group.runs.push(at);
        group.expected_ms += run.expected_ms;
        group.filling = run.filling;
    }
    // By what is planned and not by names, so that equals keep the plan's order.
    let mut groups: Vec<(usize, Group)> =
        groups.into_iter().map(|((place, _), group)| (place, group)).collect();
    groups.sort_by_key(|(_, group)| (std::cmp::Reverse(group.expected_ms), group.runs.first().copied()));
    // Where a place has nothing else, that is still to be run somewhere.
    let alone = shared.keys().filter(|place| groups.iter().all(|(other, _)| other != *place));
    let alone: Vec<(usize, Group)> = alone.map(|place| (*place, Group::default())).collect();
    let mut shards: Vec<Filling> = (0..count.max(1)).map(|_| Filling::default()).collect();
    for (place, group) in groups.into_iter().chain(alone) {
        let least = shards.iter_mut().min_by_key(|shard| shard.with(place, &group, &shared));
        if let Some(shard) = least {
            shard.take(place, group, &shared);
        }
    }
    // A shard for which nothing is left has something to show all the same.
    if let Some(first) = shared.keys().next().copied() {
        for shard in shards.iter_mut().filter(|shard| shard.places.is_empty()) {
            shard.take(first, Group::default(), &shared);
        }
    }
    let mut answered = BTreeSet::new();
    let mut division = Division::default();
    for Filling { mut share, places, caches: _ } in shards {
        for place in places {
            let runs = shared.get(&place).map(|group| group.runs.as_slice()).unwrap_or_default();
            let to = if answered.insert(place) { &mut share.own } else { &mut share.companions };
            to.extend(runs);
        }
        division.shards.push(share);
    }
    division
}

impl Filling {
    /// How long it would take with a group more.
    fn with(&self, place: usize, group: &Group, shared: &BTreeMap<usize, Group>) -> u64 {
        let known = self.places.contains(&place);
        let shared = shared.get(&place).filter(|_| !known).map_or(0, |group| group.expected_ms);
        let filled = |cache: &Cache| self.caches.contains(&(place, *cache));
        let filling = group.filling.filter(|(cache, _)| !filled(cache)).map_or(0, |(_, ms)| ms);
        self.share.expected_ms + group.expected_ms + shared + filling
    }

    fn take(&mut self, place: usize, group: Group, shared: &BTreeMap<usize, Group>) {
        self.share.expected_ms = self.with(place, &group, shared);
        self.places.insert(place);
        self.caches.extend(group.filling.map(|(cache, _)| (place, cache)));
        self.share.own.extend(group.runs);
    }
}

impl Division {
    /// The share of a shard, from 1.
    pub fn share(&self, index: u32) -> Option<&Share> {
        self.shards.get((index as usize).checked_sub(1)?)
    }

    /// Which shard answers for a run, from 1.
    pub fn owner(&self, run: usize) -> Option<u32> {
        let at = self.shards.iter().position(|share| share.own.contains(&run))?;
        u32::try_from(at + 1).ok()
    }
}
