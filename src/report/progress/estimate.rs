//! How long it will still take, as far as that can be known.

use std::time::{Duration, Instant};

/// How slowly what is shown follows what is reckoned.
const CALM: f64 = 8.0;

/// What is known of a test at a moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// What each ended run took.
    pub(super) took: Vec<Duration>,
    /// For each run at work, how long it is, and which part of its packages it has.
    pub(super) active: Vec<(Duration, Option<f64>)>,
    /// Runs that did not begin.
    pub(super) waiting: usize,
    /// How many were at work side by side at most.
    pub(super) side_by_side: usize,
}

impl Known {
    /// Seconds that are left. None while no run has ended, and once every run that is at
    /// work takes longer than those did: that it will end at once is no more likely than
    /// that it will not.
    fn left(&self) -> Option<f64> {
        let ended = u32::try_from(self.took.len()).ok().filter(|ended| *ended > 0)?;
        let usual = (self.took.iter().sum::<Duration>() / ended).as_secs_f64();
        let mut work = 0.0;
        let mut longest: f64 = 0.0;
        let mut known = self.waiting > 0;
        for (age, part) in &self.active {
            let age = age.as_secs_f64();
            // With few packages there, how fast they come says little.
            let by_packages = part.filter(|part| (0.2..1.0).contains(part)).map(|part| age / part);
            let whole = by_packages.map_or(usual, |whole| whole.max(usual));
            if whole > age {
                known = true;
                work += whole - age;
                longest = longest.max(whole - age);
            }
        }
        work += usual * self.waiting as f64;
        known.then(|| (work / self.side_by_side.max(1) as f64).max(longest))
    }
}

/// What is shown: it falls with the clock and follows what is reckoned slowly.
#[derive(Debug, Clone, Default)]
pub(super) struct Estimate {
    shown: Option<(f64, Instant)>,
}

impl Estimate {
    /// Seconds that are left at `now`, which are never fewer than none.
    pub(super) fn at(&mut self, known: &Known, now: Instant) -> Option<f64> {
        let Some(reckoned) = known.left() else {
            self.shown = None;
            return None;
        };
        let shown = match self.shown {
            None => reckoned,
            Some((before, at)) => {
                let passed = now.saturating_duration_since(at).as_secs_f64();
                let fallen = (before - passed).max(0.0);
                fallen + (reckoned - fallen) * (1.0 - (-passed / CALM).exp())
            }
        };
        self.shown = Some((shown, now));
        Some(shown)
    }
}

/// `about 40 s left`; not finer than it is known.
pub(super) fn about(seconds: f64) -> String {
    let seconds = seconds.max(0.0).ceil() as u64;
    match seconds {
        0..10 => "a few seconds left".to_owned(),
        10..60 => format!("about {} s left", seconds.div_ceil(5) * 5),
        60..3600 => format!("about {} min left", seconds.div_ceil(60)),
        _ => format!("about {} h {} min left", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(took: &[u64], active: &[(u64, Option<f64>)], waiting: usize) -> Known {
        Known {
            took: took.iter().map(|it| Duration::from_secs(*it)).collect(),
            active: active.iter().map(|(age, part)| (Duration::from_secs(*age), *part)).collect(),
            waiting,
            side_by_side: 2,
        }
    }

    #[test]
    fn nothing_is_said_that_cannot_be_known() {
        for (known, left) in [
            (known(&[], &[(9, Some(0.5))], 4), None),
            (known(&[10], &[(4, None), (2, None)], 2), Some(17.0)),
            (known(&[10, 20], &[(5, None)], 0), Some(10.0)),
            // It has half of its packages in 20 s.
            (known(&[10], &[(20, Some(0.5))], 0), Some(20.0)),
            (known(&[10], &[(20, Some(0.01))], 0), None),
            // Only what waits is known.
            (known(&[10], &[(20, None)], 2), Some(10.0)),
            (known(&[10], &[], 0), None),
        ] {
            assert_eq!(known.left(), left, "{known:?}");
        }
    }

    #[test]
    fn what_is_left_is_said_no_finer_than_it_is_known() {
        let said = [0.0, 9.9, 12.0, 41.2, 59.5, 61.0, 599.0, 4000.0].map(about);
        assert_eq!(
            said,
            [
                "a few seconds left",
                "about 10 s left",
                "about 15 s left",
                "about 45 s left",
                "about 1 min left",
                "about 2 min left",
                "about 10 min left",
                "about 1 h 6 min left"
            ]
        );
    }

    proptest! {
        #[test]
        fn it_is_never_negative_and_never_jumps(steps in prop::collection::vec((0..500_u64, 0..5_000_u64), 1..60)) {
            let begin = Instant::now();
            let mut estimate = Estimate::default();
            let mut before: Option<f64> = None;
            for (second, (took, age)) in (0..).zip(steps) {
                let known = known(&[took, 30], &[(age, None), (0, None)], 3);
                let left = estimate.at(&known, begin + Duration::from_secs(second));
                let (left, reckoned) = (left.unwrap(), known.left().unwrap());
                prop_assert!(left >= 0.0);
                if let Some(before) = before {
                    prop_assert!((left - before).abs() <= 1.0 + (reckoned - before).abs() / 7.0, "{before} {left} {reckoned}");
                }
                before = Some(left);
            }
        }
    }
}
