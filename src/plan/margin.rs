//! How many of the project's own defences must fail together: which sets of losses are
//! to be tried, and what follows from those that were.
//!
//! A search, not a list, so that what is implied is not run. Losing the integrity or npm's
//! install controls can only help a stranger, so a set that stays sealed without them is
//! sealed with them. Of the mapping, `resolved` and the lockfile nothing is implied: with
//! one of them gone npm can turn to another host, or refuse to begin. Pure: it knows
//! neither how a set is tried nor what it is true of.

use crate::scenario::{Changes, Demand, Install, InstallChange, Loss, Need, Scenario, Suite, World};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Defences lost together.
pub type Losses = BTreeSet<Loss>;

/// The largest sets that are tried.
pub const MOST: usize = 3;

/// What became of an install without some of its defences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of a stranger's came in.
    Sealed,
    /// A stranger's bytes were installed, and nothing of them ran.
    Installed,
    /// A stranger's code ran.
    Ran,
    /// It could not be observed.
    Unobserved,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// A stranger's bytes are installed.
    Installed,
    /// A stranger's code runs.
    Ran,
}

impl Goal {
    /// `None` where it could not be observed.
    fn reached(self, outcome: Outcome) -> Option<bool> {
        match (self, outcome) {
            (_, Outcome::Unobserved) => None,
            (_, Outcome::Sealed) | (Self::Ran, Outcome::Installed) => Some(false),
            (_, Outcome::Ran) | (Self::Installed, Outcome::Installed) => Some(true),
        }
    }
}

/// What is known so far.
#[derive(Debug, Clone)]
pub struct Search {
    defences: Losses,
    tried: BTreeMap<Losses, Outcome>,
    largest: usize,
}

/// What a search found out about a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The defences that there were to lose.
    pub defences: Losses,
    /// Until a stranger's bytes are installed.
    pub installed: Answer,
    /// Until a stranger's code runs.
    pub ran: Answer,
    /// Single changes to the project that were tried, up to the first that adds one.
    pub changes: Vec<Changed>,
}

/// A change to the project that would add a defence, and what trying it showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What was done, as advice.
    pub says: String,
    /// The defence that it adds, or adds to.
    pub adds: Loss,
    /// What trying it showed.
    pub became: Became,
}

/// What a change to the project makes of its margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// No set of so few losses leaks any more.
    Raised,
    /// A set of so few losses leaks still.
    Same,
    /// The install does not work with it.
    Broken,
    /// It could not be observed.
    Unobserved,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// No smaller set reaches the goal.
    pub at_least: usize,
    /// The sets of that size that do; empty where none of up to [`MOST`] does.
    pub smallest: Vec<Losses>,
    /// A set of that size could not be observed, so that the number may be larger.
    pub unobserved: bool,
}

impl Search {
    /// A search over the defences that the project has.
    pub fn new(defences: Losses) -> Self {
        let largest = defences.len().min(MOST);
        Self { defences, tried: BTreeMap::new(), largest }
    }

    /// The same, with no set of more than `most` losses looked at.
    pub fn up_to(self, most: usize) -> Self {
        Self { largest: self.largest.min(most), ..self }
    }

    /// Notes what became of a set.
    pub fn told(&mut self, losses: Losses, outcome: Outcome) {
        self.tried.insert(losses, outcome);
    }

    /// The sets to try next, side by side; none when the answer is known.
    pub fn next(&self, goal: Goal) -> BTreeSet<Losses> {
        for size in 0..=self.largest {
            let open: Vec<Losses> = self
                .sets(size)
                .filter(|set| !self.is_closed(set) && self.known(goal, set).is_none())
                .collect();
            if !open.is_empty() {
                return open.into_iter().map(|set| self.telling(goal, set)).collect();
            }
            if self.sets(size).any(|set| self.known(goal, &set) != Some(false)) {
                break;
            }
        }
        BTreeSet::new()
    }

    /// What is known when there is nothing more to try.
    pub fn answer(&self, goal: Goal) -> Answer {
        for size in 0..=self.largest {
            let smallest: Vec<Losses> =
                self.sets(size).filter(|set| self.known(goal, set) == Some(true)).collect();
            let blind = self.sets(size).any(|set| self.known(goal, &set).is_none());
            if blind || !smallest.is_empty() {
                return Answer { at_least: size, smallest, unobserved: blind };
            }
        }
        Answer { at_least: self.largest + 1, smallest: Vec::new(), unobserved: false }
    }

    /// All that is known when there is nothing more to try for either goal.
    pub fn measured(&self) -> Measured {
        Measured {
            defences: self.defences.clone(),
            installed: self.answer(Goal::Installed),
            ran: self.answer(Goal::Ran),
            changes: Vec::new(),
        }
    }

    /// It was tried; where it could not be observed, trying again would not help.
    fn is_closed(&self, set: &Losses) -> bool {
        self.tried.contains_key(set)
    }

    /// Whether a set reaches the goal, as tried or as implied.
    fn known(&self, goal: Goal, set: &Losses) -> Option<bool> {
        if let Some(outcome) = self.tried.get(set) {
            return goal.reached(*outcome);
        }
        self.tried.iter().find_map(|(other, outcome)| match goal.reached(*outcome)? {
            false => (set.is_subset(other) && only_helps(other, set)).then_some(false),
            true => (other.is_subset(set) && only_helps(set, other)).then_some(true),
        })
    }

    /// The set that tells most of `set`: itself without what may only help a stranger,
    /// as far as that is not known yet.
    fn telling(&self, goal: Goal, set: Losses) -> Losses {
        let more: Vec<Loss> = [Loss::Integrity, Loss::Controls]
            .into_iter()
            .filter(|loss| self.defences.contains(loss) && !set.contains(loss))
            .filter(|loss| !(*loss == Loss::Integrity && set.contains(&Loss::Lockfile)))
            .collect();
        let with = |added: &[Loss]| -> Losses { set.iter().chain(added).copied().collect() };
        let singles = more.iter().map(|loss| with(&[*loss]));
        std::iter::once(with(&more))
            .chain(singles)
            .find(|larger| {
                larger.len() <= MOST && self.known(goal, larger).is_none() && !self.is_closed(larger)
            })
            .unwrap_or(set)
    }

    /// Sets of one size. Who loses the lockfile loses what it pins with it.
    fn sets(&self, size: usize) -> impl Iterator<Item = Losses> {
        let all: Vec<Loss> = self.defences.iter().copied().collect();
        (0_u32..1 << all.len())
            .filter(move |bits| bits.count_ones() as usize == size)
            .map(move |bits| {
                let chosen = all.iter().enumerate().filter(|(at, _)| bits & 1 << at != 0);
                chosen.map(|(_, loss)| *loss).collect::<Losses>()
            })
            .filter(|set| {
                let pins = set.contains(&Loss::Resolved) || set.contains(&Loss::Integrity);
                !(pins && set.contains(&Loss::Lockfile))
            })
    }
}

/// Whether what `larger` loses beyond `smaller` can only help a stranger.
fn only_helps(larger: &Losses, smaller: &Losses) -> bool {
    larger.difference(smaller).all(|loss| match loss {
        Loss::Integrity | Loss::Controls => true,
        Loss::Mapping | Loss::Resolved | Loss::Lockfile => false,
    })
}

/// The name of the scenario of a set: `margin-mapping-integrity`.
pub fn name(losses: &Losses) -> String {
    let words: Vec<&str> = losses.iter().map(|loss| loss.word()).collect();
    format!("margin-{}", if words.is_empty() { "none".to_owned() } else { words.join("-") })
}

/// The circumstance in which these defences are gone and strangers offer what they can.
/// The command stays the project's own.
pub fn scenario(losses: &Losses) -> Scenario {
    let lost = |loss| losses.contains(&loss);
    let words: Vec<&str> = losses.iter().map(|loss| loss.word()).collect();
    let title = match words.as_slice() {
        [] => "Nothing of the project's is lost, and strangers offer its names".to_owned(),
        words => format!("Lost: {}", words.join(", ")),
    };
    // By which npm refuses what a stranger offers, or refuses to begin.
    let codes = [
        "EALLOWREMOTE",
        "EINTEGRITY",
        "E404",
        "ETARGET",
        "EUSAGE",
        "E401",
        "E403",
        "EALLOWGIT",
        "ESTRICTALLOWSCRIPTS",
    ];
    Scenario {
        name: name(losses),
        title,
        about: "One of the sets of losses by which the margin is measured.".to_owned(),
        suites: vec![Suite::Margin],
        losses: losses.iter().copied().collect(),
        needs: vec![Need::PrivateOrLocal],
        control: false,
        world: World { decoys: true, ..World::default() },
        project: Changes {
            remove_mapping: lost(Loss::Mapping),
            remove_lockfile: lost(Loss::Lockfile),
            remove_resolved: lost(Loss::Resolved),
            remove_integrity: lost(Loss::Integrity),
            remove_controls: lost(Loss::Controls),
            ..Changes::default()
        },
        // npm asks again for bytes that do not fit their integrity, after waiting.
        install: InstallChange { shorten_retries: true, ..InstallChange::default() },
        demand: Demand {
            install: Install::MayFail,
            codes: codes.map(str::to_owned).into(),
            npm_does: Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Loss; 5] = [Loss::Mapping, Loss::Lockfile, Loss::Resolved, Loss::Integrity, Loss::Controls];

    fn set(losses: &[Loss]) -> Losses {
        losses.iter().copied().collect()
    }

    /// Searches a world of which `truth` says what becomes of each set; the answer, and how
    /// many sets were tried.
    fn search(defences: &[Loss], goal: Goal, truth: impl Fn(&Losses) -> Outcome) -> (Answer, usize) {
        let mut search = Search::new(set(defences));
        loop {
            let next = search.next(goal);
            if next.is_empty() {
                return (search.answer(goal), search.tried.len());
            }
            for losses in next {
                assert!(losses.len() <= MOST && !search.tried.contains_key(&losses), "{losses:?}");
                let outcome = truth(&losses);
                search.told(losses, outcome);
            }
        }
    }

    fn leaks_without(needed: &'static [Loss]) -> impl Fn(&Losses) -> Outcome {
        move |losses| if set(needed).is_subset(losses) { Outcome::Ran } else { Outcome::Sealed }
    }

    #[test]
    fn a_hardened_project_is_known_by_a_few_runs() {
        let needed = &[Loss::Mapping, Loss::Resolved, Loss::Integrity];
        let (answer, tried) = search(&ALL, Goal::Installed, leaks_without(needed));
        assert_eq!(answer, Answer { at_least: 3, smallest: vec![set(needed)], unobserved: false });
        assert!(tried <= 10, "{tried} of 26 sets");
    }

    #[test]
    fn small_margins_are_found_with_all_their_sets() {
        let (answer, _) = search(&ALL, Goal::Installed, |_| Outcome::Ran);
        assert_eq!(answer, Answer { at_least: 0, smallest: vec![set(&[])], unobserved: false });
        let (answer, _) = search(&ALL, Goal::Installed, leaks_without(&[Loss::Mapping]));
        assert_eq!(answer, Answer { at_least: 1, smallest: vec![set(&[Loss::Mapping])], unobserved: false });
        let either = |losses: &Losses| {
            let one = losses.contains(&Loss::Mapping) || losses.contains(&Loss::Lockfile);
            if one { Outcome::Installed } else { Outcome::Sealed }
        };
        let (answer, _) = search(&ALL, Goal::Installed, either);
        assert_eq!(answer.smallest, [set(&[Loss::Mapping]), set(&[Loss::Lockfile])]);
        let (answer, _) = search(&ALL, Goal::Ran, either);
        assert_eq!(answer, Answer { at_least: 4, smallest: Vec::new(), unobserved: false });
    }

    #[test]
    fn a_defence_that_hides_another_implies_nothing() {
        // `resolved` points at the stranger: without it the mapping is asked.
        let poisoned = |losses: &Losses| {
            let sealed = losses.contains(&Loss::Resolved) && !losses.contains(&Loss::Mapping);
            if sealed { Outcome::Sealed } else { Outcome::Ran }
        };
        let (answer, _) = search(&ALL, Goal::Installed, poisoned);
        assert_eq!(answer.at_least, 0);
    }

    #[test]
    fn what_could_not_be_observed_bounds_the_answer() {
        let blind = |losses: &Losses| {
            if losses.contains(&Loss::Resolved) { Outcome::Unobserved } else { Outcome::Sealed }
        };
        let (answer, _) = search(&ALL, Goal::Installed, blind);
        assert_eq!(answer, Answer { at_least: 1, smallest: Vec::new(), unobserved: true });
    }

    #[test]
    fn its_scenarios_are_valid_files() {
        for losses in Search::new(set(&ALL)).sets(3) {
            let scenario = scenario(&losses);
            let text = toml::to_string(&scenario).unwrap();
            let source = crate::text::Source::new(format!("{}.toml", scenario.name), text);
            assert_eq!(crate::scenario::file::parse(&source, &scenario.name).unwrap(), scenario);
        }
    }

    proptest! {
        /// Against every set tried: whatever the mapping, `resolved` and the lockfile do, as
        /// long as the integrity and the controls are never a stranger's hindrance when lost.
        #[test]
        fn the_answer_is_that_of_trying_everything(
            thresholds in proptest::collection::vec(0_u8..5, 8),
            defences in proptest::sample::subsequence(ALL.to_vec(), 0..=5),
        ) {
            let truth = |losses: &Losses| {
                let bases = [Loss::Mapping, Loss::Lockfile, Loss::Resolved];
                let base = bases.iter().enumerate().map(|(at, loss)| usize::from(losses.contains(loss)) << at).sum::<usize>();
                let opened = [Loss::Integrity, Loss::Controls];
                let opened = opened.iter().enumerate().map(|(at, loss)| u8::from(losses.contains(loss)) << at).sum::<u8>();
                // 0: leaks as it is; 1, 2, 3: needs integrity, controls, both; 4: never.
                let needs = thresholds[base];
                if needs < 4 && opened & needs == needs { Outcome::Ran } else { Outcome::Sealed }
            };
            let (answer, _) = search(&defences, Goal::Installed, truth);
            let full = Search::new(set(&defences));
            let least = (0..=full.largest).find(|size| full.sets(*size).any(|set| truth(&set) == Outcome::Ran));
            prop_assert_eq!(answer.at_least, least.unwrap_or(full.largest + 1));
            let all: Vec<Losses> = least.map(|size| full.sets(size).filter(|set| truth(set) == Outcome::Ran).collect()).unwrap_or_default();
            prop_assert_eq!(answer.smallest, all);
        }
    }
}
