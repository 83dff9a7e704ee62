//! The places of a test once everything has run there, as the judgement wants them.

use super::load::Loaded;
use super::test::with_causes;
use crate::evidence::resolution::Resolution;
use crate::evidence::seal::Platform;
use crate::finding::{JudgedRun, Observed};
use crate::plan::margin::Measured;
use crate::runner;
use crate::scenario::Scenario;
use std::collections::BTreeSet;

/// A place where everything has run.
pub(super) struct Room {
    pub(super) loaded: Loaded,
    pub(super) platform: Platform,
    /// Scenario, reason, asked for by name.
    pub(super) not_applicable: Vec<(String, String, bool)>,
    /// What tells it from the other places; empty where there is one only.
    pub(super) label: String,
    pub(super) margin: Option<Measured>,
    /// What was compared of virtual registries.
    pub(super) resolutions: Vec<Resolution>,
}

/// The runs of every place, then what was not run in each.
pub(super) fn judged<'a>(
    outcomes: &'a [Vec<runner::Outcome>],
    rooms: &'a [Room],
    all: &'a [Scenario],
) -> Vec<JudgedRun<'a>> {
    let every = || outcomes.iter().zip(rooms).enumerate();
    let ran = every().flat_map(|(place, (outcomes, room))| {
        outcomes.iter().map(move |outcome| judged_run(outcome, place, &room.platform))
    });
    let not = every().flat_map(|(place, (_, room))| {
        room.not_applicable.iter().filter_map(move |(name, reason, asked)| {
            let scenario = all.iter().find(|scenario| scenario.name == *name)?;
            Some(JudgedRun {
                id: &scenario.name,
                scenario,
                repeat: 1,
                place,
                platform: &room.platform,
                observed: Observed::NotApplicable { reason: reason.clone(), asked: *asked },
            })
        })
    });
    ran.chain(not).collect()
}

/// One run, to be judged.
pub(super) fn judged_run<'a>(
    outcome: &'a runner::Outcome,
    place: usize,
    platform: &'a Platform,
) -> JudgedRun<'a> {
    JudgedRun {
        id: &outcome.run.id,
        scenario: &outcome.run.scenario,
        repeat: outcome.run.repeat,
        place,
        platform,
        observed: match &outcome.evidence {
            Ok(evidence) => Observed::Evidence(evidence),
            Err(error) => Observed::Nothing(with_causes(error)),
        },
    }
}

/// What means nothing: once where it is so in every place, else with the place.
pub(super) fn not_applicable(rooms: &[Room]) -> Vec<(String, String, bool)> {
    let mut out: Vec<(String, String, bool)> = Vec::new();
    for room in rooms {
        for (name, reason, asked) in &room.not_applicable {
            let everywhere = rooms.iter().all(|other| {
                other.not_applicable.iter().any(|(known, why, _)| known == name && why == reason)
            });
            let reason = if everywhere { reason.clone() } else { format!("{}: {reason}", room.label) };
            let entry = (name.clone(), reason, *asked);
            if !out.contains(&entry) {
                out.push(entry);
            }
        }
    }
    out
}

/// What was compared in every place; the same is said once.
pub(super) fn resolutions(rooms: &[Room]) -> Vec<Resolution> {
    let all: BTreeSet<&Resolution> = rooms.iter().flat_map(|room| &room.resolutions).collect();
    all.into_iter().cloned().collect()
}
