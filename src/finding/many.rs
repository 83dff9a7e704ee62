//! Findings of one kind, of which a script can make as many as it likes: the first of a
//! package stand for themselves, and the rest for how many they are.

use super::case::Sighting;
use super::{Severity, Verdict};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Findings of one rule, run and package.
const SHOWN: usize = 40;
/// Facts that one finding points at.
const FACTS: usize = 40;

/// By what tells two faults apart, and how much they weigh.
type Faults = BTreeMap<(String, (Option<Verdict>, Severity)), Sighting>;

/// At most so many, and one that speaks for all others. What weighs most stands first.
pub(super) fn few(sightings: Vec<Sighting>) -> Vec<Sighting> {
    let mut by_package: BTreeMap<Option<String>, Faults> = BTreeMap::new();
    for mut sighting in sightings {
        sighting.evidence.truncate(FACTS);
        let faults = by_package.entry(sighting.package.clone()).or_default();
        let fault = (sighting.key.clone(), weight(&sighting));
        match faults.entry(fault) {
            Entry::Vacant(free) => _ = free.insert(sighting),
            // The same fault once more.
            Entry::Occupied(known) => {
                let evidence = &mut known.into_mut().evidence;
                let room = FACTS.saturating_sub(evidence.len());
                evidence.extend(sighting.evidence.into_iter().take(room));
            }
        }
    }
    by_package.into_values().flat_map(|faults| bounded(faults.into_values().collect())).collect()
}

fn bounded(mut all: Vec<Sighting>) -> Vec<Sighting> {
    // Where nothing is said, the rule's own severity holds, which none is above.
    all.sort_by_key(|sighting| std::cmp::Reverse(weight(sighting)));
    let mut rest = all.split_off(all.len().min(SHOWN)).into_iter();
    if let Some(first) = rest.next() {
        let more = rest.count();
        all.push(match more {
            0 => first,
            _ => Sighting {
                message: format!("{}, and {more} more like it", first.message),
                key: "more".to_owned(),
                ..first
            },
        });
    }
    all
}

fn weight(sighting: &Sighting) -> (Option<Verdict>, Severity) {
    (sighting.forces, sighting.severity.unwrap_or(Severity::Error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(count: usize, severity: Option<Severity>) -> Vec<Sighting> {
        let made = |at: usize| {
            let sighting =
                Sighting::new(format!("reached {at}"), "help").key(format!("{at}")).package("evil");
            Sighting { severity, ..sighting }
        };
        (0..count).map(made).collect()
    }

    #[test]
    fn what_is_too_much_is_counted_and_the_gravest_stays() {
        let all: Vec<Sighting> =
            made(SHOWN + 10, Some(Severity::Note)).into_iter().chain(made(1, None)).collect();
        let few = few(all);
        assert_eq!(few.len(), SHOWN + 1);
        assert_eq!(few[0].severity, None);
        assert!(few[SHOWN].message.ends_with(", and 10 more like it"), "{}", few[SHOWN].message);
        assert_eq!(super::few(made(3, None)).len(), 3);
        let same = (0..100).map(|_| Sighting::new("reached", "help").key("one").package("evil")).collect();
        assert_eq!(super::few(same).len(), 1);
    }
}
