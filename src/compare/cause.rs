//! The cause of a difference: the smallest set of deviating parts that, taken over from
//! the right, makes the left show what the right shows.
//!
//! Delta debugging over prefixes: the parts are put in an order, the likeliest first, and
//! the shortest beginning of it that shows the difference ends in a part of the cause;
//! with that part held, the search goes on before it. A cause of one part among n costs
//! about log2(n) runs and two that prove it; nothing is believed that was not run.
//!
//! Pure: it says which mixture is to be run next, is told what showed in it, and never
//! knows what a part or a difference is.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A set of parts, by index.
pub type Mixture = BTreeSet<usize>;

/// What is sought, and what is known by now.
#[derive(Debug)]
pub struct Search {
    /// The parts, the likeliest first.
    order: Vec<usize>,
    weights: BTreeMap<usize, u32>,
    differences: usize,
    /// What each mixture that was run shows.
    known: BTreeMap<Mixture, Shown>,
    /// Runs that may still be made.
    left: usize,
}

/// What a mixture shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// It could be run and was seen whole. Else it shows nothing, and proves nothing.
    pub seen: bool,
    /// The differences that are as on the right.
    pub as_right: BTreeSet<usize>,
    /// Those that are as on the left.
    pub as_left: BTreeSet<usize>,
}

/// What the right shows once the cause is taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Without {
    /// What the left shows: the cause is needed.
    AsLeft,
    /// Neither what the left shows nor what the right does.
    Otherwise,
    /// Still what the right shows: something else makes it too.
    AsRight,
    /// That could not be run, or not be seen.
    Unseen,
}

/// The cause of one difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// These parts together, and none fewer of them that could be tried.
    Found {
        /// Ascending.
        parts: Vec<usize>,
        /// Other parts that make it by themselves as well, where the right without `parts`
        /// shows it still.
        also: Vec<usize>,
        /// What all of the right but these parts shows.
        without: Without,
    },
    /// The runs that were allowed are used up; it is among these.
    Narrowed {
        /// Ascending.
        among: Vec<usize>,
    },
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// This mixture has to be run.
    Run(Mixture),
    /// Each difference has its answer, in order.
    Done(Vec<Cause>),
}

/// A mixture whose showing is not known.
struct Need(Mixture);

impl Search {
    /// Among parts with weights (more is likelier), for a number of differences, with at
    /// most `runs` more runs. That the left shows none of the differences and the right
    /// all of them is taken for known.
    pub fn new(parts: impl IntoIterator<Item = (usize, u32)>, differences: usize, runs: usize) -> Self {
        let weights: BTreeMap<usize, u32> =
            parts.into_iter().map(|(part, weight)| (part, weight.max(1))).collect();
        let mut order: Vec<usize> = weights.keys().copied().collect();
        order.sort_by_key(|part| (std::cmp::Reverse(weights[part]), *part));
        let whole: Mixture = order.iter().copied().collect();
        let all = || (0..differences).collect();
        let left = Shown { seen: true, as_right: BTreeSet::new(), as_left: all() };
        let right = Shown { seen: true, as_right: all(), as_left: BTreeSet::new() };
        let known = BTreeMap::from([(Mixture::new(), left), (whole, right)]);
        Self { order, weights, differences, known, left: runs }
    }

    /// Takes in what a mixture showed.
    pub fn learn(&mut self, mixture: Mixture, shown: Shown) {
        self.known.insert(mixture, shown);
        self.left = self.left.saturating_sub(1);
    }

    /// What to run next, or the answers.
    pub fn step(&self) -> Step {
        let mut causes: Vec<Cause> = Vec::new();
        for difference in 0..self.differences {
            match self.cause(difference, &causes) {
                Ok(cause) => causes.push(cause),
                Err(Need(mixture)) if self.left > 0 => return Step::Run(mixture),
                Err(Need(_)) => causes.push(self.narrowed(difference)),
            }
        }
        Step::Done(causes)
    }

    fn shows(&self, mixture: &Mixture, difference: usize) -> Result<bool, Need> {
        match self.known.get(mixture) {
            Some(shown) => Ok(shown.seen && shown.as_right.contains(&difference)),
            None => Err(Need(mixture.clone())),
        }
    }

    fn cause(&self, difference: usize, before: &[Cause]) -> Result<Cause, Need> {
        // What made another difference is asked first: it may have been run already.
        let single = before.iter().find_map(|cause| match cause {
            Cause::Found { parts, .. } if parts.len() == 1 => {
                let mixture: Mixture = parts.iter().copied().collect();
                self.known.get(&mixture)?.as_right.contains(&difference).then_some(mixture)
            }
            Cause::Found { .. } | Cause::Narrowed { .. } => None,
        });
        let found = match single {
            Some(found) => found,
            None => self.smallest(&self.order, difference)?,
        };
        let rest: Vec<usize> = self.order.iter().copied().filter(|part| !found.contains(part)).collect();
        let remaining: Mixture = rest.iter().copied().collect();
        let without = match self.known.get(&remaining) {
            None => return Err(Need(remaining)),
            Some(shown) if !shown.seen => Without::Unseen,
            Some(shown) if shown.as_right.contains(&difference) => Without::AsRight,
            Some(shown) if shown.as_left.contains(&difference) => Without::AsLeft,
            Some(_) => Without::Otherwise,
        };
        let also = match without {
            Without::AsRight => self.smallest(&rest, difference)?,
            Without::AsLeft | Without::Otherwise | Without::Unseen => Mixture::new(),
        };
        Ok(Cause::Found { parts: found.into_iter().collect(), also: also.into_iter().collect(), without })
    }

    /// The smallest set among `order`, the whole of which shows the difference.
    fn smallest(&self, order: &[usize], difference: usize) -> Result<Mixture, Need> {
        let mut found = Mixture::new();
        let mut order = order.to_vec();
        while found.is_empty() || !self.shows(&found, difference)? {
            // Nothing is left and it does not show: what showed it is not these parts alone.
            if order.is_empty() {
                break;
            }
            let (mut low, mut high) = (0, order.len());
            while high - low > 1 {
                let middle = self.middle(&order, low, high);
                let mixture: Mixture = found.iter().chain(&order[..middle]).copied().collect();
                if self.shows(&mixture, difference)? {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            found.insert(order[high - 1]);
            order.truncate(high - 1);
        }
        // Where parts work against each other a prefix can hold one too many.
        if found.len() > 1 {
            for part in found.clone() {
                let mut fewer = found.clone();
                fewer.remove(&part);
                if self.shows(&fewer, difference)? {
                    found = fewer;
                }
            }
        }
        Ok(found)
    }

    /// Between `low` and `high`, so that either side is about as likely.
    fn middle(&self, order: &[usize], low: usize, high: usize) -> usize {
        let weight = |at: usize| u64::from(self.weights.get(&order[at]).copied().unwrap_or(1));
        let total: u64 = (low..high).map(weight).sum();
        let mut sum = 0;
        for at in low..high - 1 {
            sum += weight(at);
            if sum * 2 >= total {
                return at + 1;
            }
        }
        high - 1
    }

    /// Where the search for a difference stands: the shortest beginning that showed it,
    /// without the longest before it that did not.
    fn narrowed(&self, difference: usize) -> Cause {
        let is_prefix =
            |mixture: &Mixture| self.order.iter().take(mixture.len()).all(|part| mixture.contains(part));
        let prefixes = self.known.iter().filter(|(mixture, _)| is_prefix(mixture));
        let (mut low, mut high) = (0, self.order.len());
        for (mixture, shown) in prefixes {
            match shown.as_right.contains(&difference) {
                true => high = high.min(mixture.len()),
                false => low = low.max(mixture.len()),
            }
        }
        let mut among: Vec<usize> = self.order[low.min(high)..high].to_vec();
        among.sort_unstable();
        Cause::Narrowed { among }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Searches where each difference shows as soon as one of its sets is whole; the
    /// answers and the number of runs.
    fn found(parts: usize, sets: &[&[&[usize]]], runs: usize) -> (Vec<Cause>, usize) {
        let mut search = Search::new((0..parts).map(|part| (part, 1)), sets.len(), runs);
        let mut made = 0;
        loop {
            match search.step() {
                Step::Done(causes) => return (causes, made),
                Step::Run(mixture) => {
                    made += 1;
                    let whole = |set: &[usize]| set.iter().all(|part| mixture.contains(part));
                    let (as_right, as_left) =
                        (0..sets.len()).partition(|at| sets[*at].iter().any(|set| whole(set)));
                    search.learn(mixture, Shown { seen: true, as_right, as_left });
                }
            }
        }
    }

    fn one(parts: &[usize]) -> Cause {
        Cause::Found { parts: parts.to_vec(), also: Vec::new(), without: Without::AsLeft }
    }

    /// The answer where a mixture shows what `shows` says.
    fn answered(parts: usize, shows: impl Fn(&Mixture) -> Shown) -> Vec<Cause> {
        let mut search = Search::new((0..parts).map(|part| (part, 1)), 1, 100);
        loop {
            match search.step() {
                Step::Done(causes) => return causes,
                Step::Run(mixture) => {
                    let shown = shows(&mixture);
                    search.learn(mixture, shown);
                }
            }
        }
    }

    fn right() -> Shown {
        Shown { seen: true, as_right: BTreeSet::from([0]), as_left: BTreeSet::new() }
    }

    fn left() -> Shown {
        Shown { seen: true, as_right: BTreeSet::new(), as_left: BTreeSet::from([0]) }
    }

    #[test]
    fn what_could_not_be_run_proves_nothing() {
        // Part 1 makes it; all of the right without it is a place that nobody can have.
        let causes = answered(4, |mixture| match mixture.contains(&1) {
            true => right(),
            false if mixture.len() == 3 => Shown::default(),
            false => left(),
        });
        assert_eq!(causes, [Cause::Found { parts: vec![1], also: Vec::new(), without: Without::Unseen }]);
        // Without it something third happens.
        let causes = answered(4, |mixture| match mixture.contains(&1) {
            true => right(),
            false if mixture.len() == 3 => Shown { seen: true, ..Shown::default() },
            false => left(),
        });
        assert_eq!(causes, [Cause::Found { parts: vec![1], also: Vec::new(), without: Without::Otherwise }]);
    }

    #[test]
    fn a_pair_that_only_goes_together_is_found_as_a_pair() {
        // Each of 0 and 2 alone is a place that nobody can have.
        let causes = answered(5, |mixture| match (mixture.contains(&0), mixture.contains(&2)) {
            (true, true) => right(),
            (false, false) => left(),
            (true, false) | (false, true) => Shown::default(),
        });
        assert_eq!(causes, [one(&[0, 2])]);
    }

    #[test]
    fn what_is_found_shows_the_difference_also_where_parts_work_against_each_other() {
        // Shows with part 3, unless part 1 is there without part 4.
        let shows =
            |mixture: &Mixture| mixture.contains(&3) && (!mixture.contains(&1) || mixture.contains(&4));
        let causes = answered(5, |mixture| if shows(mixture) { right() } else { left() });
        let [Cause::Found { parts, .. }] = causes.as_slice() else { panic!("{causes:?}") };
        assert!(shows(&parts.iter().copied().collect()), "{parts:?}");
    }

    #[test]
    fn a_single_cause_costs_a_logarithm() {
        for at in 0..30 {
            let (causes, runs) = found(30, &[&[&[at]]], 100);
            assert_eq!(causes, [one(&[at])]);
            assert!(runs <= 7, "{runs} runs for part {at}");
        }
    }

    #[test]
    fn causes_of_several_parts_and_of_several_differences() {
        let (causes, runs) = found(20, &[&[&[3, 17]], &[&[9]], &[&[9]]], 100);
        assert_eq!(causes, [one(&[3, 17]), one(&[9]), one(&[9])]);
        assert!(runs <= 22, "{runs}");
        assert_eq!(found(1, &[&[&[0]]], 9), (vec![one(&[0])], 0));
    }

    #[test]
    fn what_is_enough_by_itself_as_well_is_named() {
        let (causes, _) = found(12, &[&[&[2], &[8]]], 100);
        assert_eq!(causes, [Cause::Found { parts: vec![2], also: vec![8], without: Without::AsRight }]);
    }

    #[test]
    fn the_end_of_the_runs_is_said_with_what_is_known() {
        let (causes, runs) = found(16, &[&[&[5]]], 2);
        assert_eq!((causes, runs), (vec![Cause::Narrowed { among: vec![4, 5, 6, 7] }], 2));
    }

    #[test]
    fn the_likely_ones_are_tried_first() {
        let mut search = Search::new((0..30).map(|part| (part, if part == 20 { 60 } else { 1 })), 1, 100);
        let Step::Run(first) = search.step() else { panic!("a run is needed") };
        assert_eq!(first, Mixture::from([20]));
        search.learn(first, right());
        assert!(matches!(search.step(), Step::Run(rest) if rest.len() == 29));
    }

    proptest! {
        #[test]
        fn a_set_that_is_needed_whole_is_found(parts in 1_usize..30, picks in prop::collection::btree_set(0_usize..30, 1..4)) {
            let set: Vec<usize> = picks.into_iter().filter(|part| *part < parts).collect();
            prop_assume!(!set.is_empty());
            let (causes, runs) = found(parts, &[&[&set]], 1000);
            prop_assert_eq!(causes, vec![one(&set)]);
            let bound = set.len() * (usize::BITS - parts.leading_zeros()) as usize + 2 * set.len() + 2;
            prop_assert!(runs <= bound, "{} runs", runs);
        }
    }
}
