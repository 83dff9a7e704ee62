//! Properties of the division, and the bar on plans that people have.

use super::{Division, Weighed, divide, weighed};
use crate::plan::sample::sound;
use crate::plan::{PlanOptions, plan};
use crate::scenario::{Suite, catalogue};
use crate::secret::Secret;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn run(place: usize, scenario: &str, repeat: u32, expected_ms: u64) -> Weighed {
    let id = format!("{scenario}-{repeat}@{place}");
    Weighed { id, scenario: scenario.to_owned(), place, expected_ms, filling: None }
}

/// What of a division holds whatever was planned.
fn assert_divided(runs: &[Weighed], division: &Division, count: u32) {
    assert_eq!(division.shards.len(), count as usize);
    let mut owners = BTreeMap::new();
    for (shard, share) in division.shards.iter().enumerate() {
        for own in &share.own {
            assert_eq!(owners.insert(*own, shard), None, "run {own} is two shards' own");
        }
        let here: BTreeSet<usize> = share.own.union(&share.companions).copied().collect();
        assert_eq!(here.len(), share.own.len() + share.companions.len());
        // Nothing runs without what it builds on.
        for (at, shared) in runs.iter().enumerate().filter(|(_, run)| run.is_shared()) {
            let needed = here.iter().any(|other| runs[*other].place == shared.place);
            assert!(!needed || here.contains(&at), "{shard} lacks {}", shared.id);
        }
        assert!(share.companions.iter().all(|at| runs[*at].is_shared()));
        let caches: BTreeMap<_, _> = here
            .iter()
            .filter_map(|at| runs[*at].filling.map(|(cache, ms)| ((runs[*at].place, cache), ms)))
            .collect();
        let ms: u64 = here.iter().map(|at| runs[*at].expected_ms).sum::<u64>() + caches.values().sum::<u64>();
        assert_eq!(share.expected_ms, ms, "the expected time is that of what it makes");
    }
    assert_eq!(owners.keys().copied().collect::<Vec<_>>(), (0..runs.len()).collect::<Vec<_>>());
    for (at, one) in runs.iter().enumerate() {
        let alike =
            runs.iter().position(|other| (&other.scenario, other.place) == (&one.scenario, one.place));
        assert_eq!(owners[&at], owners[&alike.unwrap()], "{} is not with its equals", one.id);
        assert_eq!(division.owner(at), Some(u32::try_from(owners[&at] + 1).unwrap()));
    }
}

proptest! {
    #[test]
    fn every_run_is_one_shards_own_and_has_what_it_builds_on(
        times in prop::collection::vec((0..4_usize, 0..30_u32, 1..3_u32, 1..5_000_u64), 0..60),
        baselines in prop::collection::vec(1..3_u32, 0..4),
        count in 1..12_u32,
    ) {
        let mut runs = Vec::new();
        for (place, repeats) in baselines.iter().enumerate() {
            runs.extend((1..=*repeats).map(|repeat| run(place, "baseline", repeat, 700)));
        }
        for (place, name, repeats, ms) in times {
            if runs.iter().all(|run| run.scenario != format!("s{name}") || run.place != place) {
                runs.extend((1..=repeats).map(|repeat| run(place, &format!("s{name}"), repeat, ms)));
            }
        }
        let division = divide(&runs, count);
        assert_divided(&runs, &division, count);
        prop_assert_eq!(division, divide(&runs, count));
    }

    /// However evenly short runs lie, a long one is not put on top of them.
    #[test]
    fn no_shard_is_fuller_than_another_by_more_than_its_last_scenario(
        times in prop::collection::vec(1..5_000_u64, 1..60),
        count in 1..12_u32,
    ) {
        let runs: Vec<Weighed> =
            times.iter().enumerate().map(|(at, ms)| run(0, &format!("s{at}"), 1, *ms)).collect();
        let division = divide(&runs, count);
        let least = division.shards.iter().map(|share| share.expected_ms).min().unwrap();
        for share in &division.shards {
            let shortest = share.own.iter().map(|at| runs[*at].expected_ms).min().unwrap_or(0);
            prop_assert!(share.expected_ms - shortest <= least);
        }
    }
}

#[test]
fn equals_are_divided_in_the_order_of_the_plan() {
    let runs: Vec<Weighed> = ["baseline", "z", "a", "m"].map(|name| run(0, name, 1, 100)).to_vec();
    let division = divide(&runs, 3);
    let own = |index: u32| division.share(index).unwrap().own.iter().copied().collect::<Vec<_>>();
    assert_eq!((own(1), own(2), own(3)), (vec![0, 1], vec![2], vec![3]));
    assert_eq!(division.share(0), None);
    assert_eq!(division.share(4), None);
}

#[test]
fn a_shard_for_which_nothing_is_left_has_the_baseline() {
    let runs = [run(0, "baseline", 1, 100), run(0, "only", 1, 100)];
    let division = divide(&runs, 3);
    assert_eq!(division.share(1).unwrap().own, BTreeSet::from([0, 1]));
    for index in [2, 3] {
        let share = division.share(index).unwrap();
        assert_eq!((&share.own, &share.companions), (&BTreeSet::new(), &BTreeSet::from([0])));
    }
}

/// The bar: the largest shard takes at most 1.3 times the mean.
#[test]
fn the_suites_are_divided_evenly() {
    for (suite, counts) in [(Suite::Core, &[1, 3][..]), (Suite::Full, &[1, 2, 3, 4, 5, 7, 10])] {
        for (places, packages) in [(1, 2), (1, 100), (1, 1500), (3, 700)] {
            let scenarios = catalogue::select(catalogue::builtin(), &[], &[], suite).unwrap();
            let options = PlanOptions {
                scenarios,
                repeat: 1,
                seed: Secret::new("seed", "0".repeat(32)),
                npm: Some(crate::project::npmrc::NpmVersion(11, 19, 1)),
            };
            let plan = plan(&sound(), &options).unwrap();
            let runs: Vec<Weighed> = (0..places).flat_map(|place| weighed(place, &plan, packages)).collect();
            for count in counts {
                let division = divide(&runs, *count);
                assert_divided(&runs, &division, *count);
                let times: Vec<u64> = division.shards.iter().map(|share| share.expected_ms).collect();
                let mean = times.iter().sum::<u64>() / u64::from(*count);
                let most = times.iter().max().unwrap();
                assert!(
                    *most * 10 <= mean * 13,
                    "{suite:?} with {packages} packages in {places} places over {count}: {times:?}"
                );
            }
        }
    }
}
