//! What the rules saw in the shards of one test, as if one had seen it all.
//!
//! Of what several shards ran one answers for it; the rules that look at the project alone
//! spoke in each.

use super::rule::{Check, explain};
use super::sight::Sight;
use std::collections::BTreeSet;

/// What was seen in one shard.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// The runs that it answers for, by their index in the whole test.
    pub own: BTreeSet<usize>,
    /// What its rules saw.
    pub sights: Vec<Sight>,
}

/// What the rules would have seen of the whole.
pub fn united(parts: &[Part]) -> Vec<Sight> {
    let mut of_runs: Vec<&Sight> = Vec::new();
    for part in parts {
        // What shows only beside its own runs is told by whoever answers for them.
        let own = |sight: &&Sight| sight.runs.iter().any(|run| part.own.contains(run));
        of_runs.extend(part.sights.iter().filter(|sight| !of_acceptances(sight)).filter(own));
    }
    let somewhere: BTreeSet<(usize, &str)> =
        of_runs.iter().map(|sight| (sight.place, sight.fingerprint.as_str())).collect();
    let Some((first, others)) = parts.split_first() else { return Vec::new() };
    let of_none = first.sights.iter().filter(|sight| sight.runs.is_empty()).filter(|sight| {
        if of_acceptances(sight) {
            // That nothing was found which it covers is so where nobody found anything.
            return others.iter().all(|other| other.sights.contains(sight));
        }
        // It may show in runs too, which were others'.
        !somewhere.contains(&(sight.place, sight.fingerprint.as_str()))
    });
    of_none.chain(of_runs).cloned().collect()
}

fn of_acceptances(sight: &Sight) -> bool {
    explain(&sight.rule).is_some_and(|rule| match rule.check {
        Check::Acceptances(_) => true,
        Check::Run(_) | Check::Report(_) | Check::Verdicts(_) => false,
    })
}
