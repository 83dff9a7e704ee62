//! Findings, verdicts and the exit code, from what rules saw.
//!
//! It knows neither rules nor the project: what was seen in parts of a test, each on a
//! machine of its own, is settled by the same code as what one machine saw.

use super::run_verdict::Because;
use super::sight::{Sight, SightedFact};
use super::{EvidenceRef, Finding, Severity, Verdict};
use crate::compare::approved::few;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// All that is said about the runs of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// One for each run, in the order given.
    pub runs: Vec<RunVerdict>,
    /// Worst first, then by rule and package.
    pub findings: Vec<Finding>,
    /// The worst that counts.
    pub verdict: Verdict,
    /// What makes it so, a fragment.
    pub because: String,
    /// Everything that makes the verdict what it is was accepted.
    pub accepted: bool,
    /// The first date on which an acceptance behind it ends, `2027-03-01`.
    pub accepted_until: Option<String>,
    /// 0, 1 or 3.
    pub exit_code: u8,
    /// What it was settled from.
    pub basis: Basis,
}

impl Judgement {
    /// "sealed", "leaked, accepted until 2027-03-01".
    pub fn headline(&self) -> String {
        match (self.accepted, &self.accepted_until) {
            (false, _) => self.verdict.to_string(),
            (true, None) => format!("{}, accepted", self.verdict),
            (true, Some(date)) => format!("{}, accepted until {date}", self.verdict),
        }
    }
}

/// What is said of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunVerdict {
    /// The run's id.
    pub run: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, a fragment.
    pub because: String,
    /// Whether what it shows counts toward the report's verdict.
    #[serde(default)]
    pub counts: bool,
    /// Indices into the findings.
    pub findings: Vec<usize>,
    /// Everything that makes the verdict what it is was accepted.
    pub accepted: bool,
}

/// What counts, and what fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many losses must be needed for a leak.
    pub required_margin: usize,
    /// The mildest severity that fails a test.
    pub fail_on: Severity,
}

/// What a judgement is settled from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Basis {
    /// One for each run.
    pub facts: Vec<RunFact>,
    /// In whatever order.
    pub sights: Vec<Sight>,
}

/// What of a run is known without the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFact {
    /// The run's id.
    pub id: String,
    /// Whether it is the trap that must leak.
    pub control: bool,
    /// How many of the project's defences it took away.
    pub losses: usize,
    /// What of it was seen.
    pub seen: Seen,
    /// What its end alone says.
    pub verdict: Verdict,
    /// Why, a fragment.
    pub because: String,
}

/// What was seen of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It ran.
    Whole,
    /// It could not be run.
    Nothing,
    /// It means nothing here.
    NotApplicable {
        /// Whether the scenario was asked for by name.
        asked: bool,
    },
}

impl Basis {
    /// Findings, verdicts and exit code. Sights of runs that are not there are of nothing.
    pub fn settled(self, limits: Limits) -> Judgement {
        let mut settled = findings(&self.facts, &self.sights);
        settled.sort_by(|left, right| {
            let key = |settled: &Settled| {
                let finding = &settled.finding;
                (
                    Reverse(finding.severity),
                    finding.rule.clone(),
                    finding.package.clone(),
                    finding.fingerprint.clone(),
                )
            };
            key(left).cmp(&key(right))
        });
        conclude(self, settled, limits)
    }
}

/// The verdict of each run by what the rules have said so far.
pub(super) fn verdicts(facts: &[RunFact], sights: &[Sight], limits: Limits) -> Vec<Verdict> {
    let known = Verdicts::of(facts, &findings(facts, sights), limits, true);
    known.runs.into_iter().map(|(verdict, _)| verdict).collect()
}

/// A finding with what it does to each run's verdict.
struct Settled {
    finding: Finding,
    forces: BTreeMap<usize, Verdict>,
}

/// One for each fault, by fingerprint.
fn findings(facts: &[RunFact], sights: &[Sight]) -> Vec<Settled> {
    let mut faults: BTreeMap<&str, Vec<&Sight>> = BTreeMap::new();
    for sight in sights {
        faults.entry(&sight.fingerprint).or_default().push(sight);
    }
    faults.into_values().filter_map(|sights| settle(facts, sights)).collect()
}

fn settle(facts: &[RunFact], mut sights: Vec<&Sight>) -> Option<Settled> {
    sights.sort_by_key(|sight| sight.order());
    let mut forces: BTreeMap<usize, Verdict> = BTreeMap::new();
    let mut evidence: BTreeSet<SightedFact> = BTreeSet::new();
    for sight in &sights {
        for run in sight.runs.iter().filter(|run| **run < facts.len()) {
            let known = forces.entry(*run).or_insert(sight.forces);
            *known = (*known).max(sight.forces);
        }
        evidence.extend(sight.evidence.iter().filter(|fact| fact.run < facts.len()));
    }
    let severity = sights.iter().filter(|sight| sight.counts).map(|sight| sight.severity).max();
    // What counts is told before what does not, and what the trap alone caught last.
    let of_trap = |sight: &Sight| {
        let mut runs = sight.runs.iter().filter_map(|run| facts.get(*run)).peekable();
        runs.peek().is_some() && runs.all(|run| run.control)
    };
    let worst = *sights
        .iter()
        .min_by_key(|sight| (Reverse(sight.counts), of_trap(sight), Reverse(sight.severity)))?;
    // The message is of that run, and so are the facts that stand first.
    let mut evidence: Vec<SightedFact> = evidence.into_iter().collect();
    evidence.sort_by_key(|fact| Some(fact.run) != worst.runs.first().copied());
    let listed: BTreeSet<&String> =
        sights.iter().filter(|sight| sight.place == worst.place).flat_map(|sight| &sight.lists).collect();
    let listed: Vec<String> = listed.into_iter().cloned().collect();
    // Whoever saw it on a day when no entry covered it any more is right.
    let covered = sights.iter().all(|sight| sight.accepted.is_some());
    let id = |run: usize| facts[run].id.clone();
    Some(Settled {
        finding: Finding {
            rule: worst.rule.clone(),
            severity: severity.unwrap_or(Severity::Note),
            confidence: worst.confidence,
            runs: forces.keys().map(|run| id(*run)).collect(),
            location: worst.location.clone(),
            package: worst.package.clone(),
            message: format!("{}{}", worst.message, few(&listed)),
            fingerprint: worst.fingerprint.clone(),
            accepted: worst.accepted.clone().filter(|_| covered),
            counts: severity.is_some(),
            evidence: evidence
                .into_iter()
                .map(|SightedFact { run, kind, at }| EvidenceRef { run: id(run), kind, at })
                .collect(),
            help: worst.help.clone(),
        },
        forces,
    })
}

/// Whether what a run shows counts toward the report: all of it in the world's
/// own mishaps; where the project's defences were taken away only a leak (and
/// what went unobserved), and only while fewer went than must be needed.
///
/// Everyone else reads the answer from [`RunVerdict::counts`], or from the report's run.
pub fn counts(control: bool, losses: usize, verdict: Verdict, required_margin: usize) -> bool {
    match verdict {
        _ if control => false,
        _ if losses == 0 => true,
        Verdict::Leaked | Verdict::Unobserved => losses < required_margin,
        Verdict::NotApplicable | Verdict::Sealed | Verdict::Broken | Verdict::Exposed => false,
    }
}

fn conclude(basis: Basis, settled: Vec<Settled>, limits: Limits) -> Judgement {
    let facts = &basis.facts;
    let with = Verdicts::of(facts, &settled, limits, true);
    let without = Verdicts::of(facts, &settled, limits, false);
    let runs = facts
        .iter()
        .enumerate()
        .map(|(at, run)| {
            let (verdict, because) = with.runs[at].clone();
            RunVerdict {
                run: run.id.clone(),
                verdict,
                because,
                counts: counts(run.control, run.losses, verdict, limits.required_margin),
                findings: (0..settled.len())
                    .filter(|index| settled[*index].forces.contains_key(&at))
                    .collect(),
                accepted: without.runs[at].0 < verdict,
            }
        })
        .collect();
    let (verdict, because) = with.report;
    let accepted = without.report.0 < verdict;
    let accepted_until = settled
        .iter()
        .filter(|settled| settled.finding.counts && settled.forces.values().any(|forces| *forces == verdict))
        .filter_map(|settled| settled.finding.accepted.as_ref()?.until.clone())
        .min()
        .filter(|_| accepted);
    let failing = settled.iter().any(|settled| {
        let finding = &settled.finding;
        finding.counts && finding.accepted.is_none() && finding.severity >= limits.fail_on
    });
    let asked_in_vain = facts.iter().any(|run| run.seen == Seen::NotApplicable { asked: true });
    let exit_code = match without.report.0 {
        Verdict::Leaked | Verdict::Exposed | Verdict::Broken => 1,
        Verdict::Unobserved | Verdict::Sealed | Verdict::NotApplicable if failing => 1,
        Verdict::Unobserved | Verdict::NotApplicable => 3,
        Verdict::Sealed if asked_in_vain => 3,
        Verdict::Sealed => 0,
    };
    let findings = settled.into_iter().map(|settled| settled.finding).collect();
    Judgement { runs, findings, verdict, because, accepted, accepted_until, exit_code, basis }
}

struct Verdicts {
    runs: Vec<Because>,
    report: Because,
}

impl Verdicts {
    /// Of each run and of the report, with or without what is accepted.
    fn of(facts: &[RunFact], settled: &[Settled], limits: Limits, with_accepted: bool) -> Self {
        let runs: Vec<Because> = facts
            .iter()
            .enumerate()
            .map(|(at, run)| match run.seen {
                // That the trap is live is seen by what it catches, accepted or not.
                Seen::Whole => of_run(at, run, settled, with_accepted || run.control),
                Seen::Nothing | Seen::NotApplicable { .. } => (run.verdict, run.because.clone()),
            })
            .collect();
        let report = of_report(facts, &runs, limits);
        Self { runs, report }
    }
}

fn of_run(at: usize, run: &RunFact, settled: &[Settled], with_accepted: bool) -> Because {
    let forced = settled
        .iter()
        .filter_map(|settled| Some((*settled.forces.get(&at)?, settled)))
        // An acceptance covers what is known; it cannot turn blindness into sight. That a
        // package is private no longer is a decision, which can be accepted.
        .filter(|(verdict, settled)| {
            let blind = *verdict == Verdict::Unobserved && settled.finding.rule != "private-set-shrank";
            with_accepted || settled.finding.accepted.is_none() || blind
        })
        .max_by_key(|(verdict, _)| *verdict);
    let accepted_failure = !with_accepted
        && settled.iter().any(|settled| {
            settled.finding.rule == "install-failed"
                && settled.finding.accepted.is_some()
                && settled.forces.contains_key(&at)
        });
    let own = if accepted_failure {
        (Verdict::Sealed, "its failure is accepted".to_owned())
    } else {
        (run.verdict, run.because.clone())
    };
    match forced {
        Some((verdict, settled)) if verdict > own.0 => (verdict, settled.finding.message.clone()),
        Some(_) | None => own,
    }
}

fn of_report(facts: &[RunFact], runs: &[Because], limits: Limits) -> Because {
    let mut worst: Option<Because> = None;
    let mut take = |verdict: Verdict, because: String| {
        if worst.as_ref().is_none_or(|(known, _)| *known < verdict) {
            worst = Some((verdict, because));
        }
    };
    for (run, (verdict, because)) in facts.iter().zip(runs) {
        match (run.control, verdict) {
            (_, Verdict::NotApplicable) | (true, Verdict::Leaked) => {}
            // A leak that was seen elsewhere stands: it needs no live trap to be true.
            (true, Verdict::Sealed | Verdict::Unobserved | Verdict::Broken | Verdict::Exposed) => take(
                Verdict::Unobserved,
                format!("{}: the trap was not live, the run that must leak is {verdict}: {because}", run.id),
            ),
            (false, _) if counts(run.control, run.losses, *verdict, limits.required_margin) => {
                take(*verdict, format!("{}: {because}", run.id));
            }
            (false, _) => take(Verdict::Sealed, String::new()),
        }
    }
    match worst {
        Some((Verdict::Sealed, _)) => (
            Verdict::Sealed,
            "every package came from where it must or the install was refused, in every scenario".to_owned(),
        ),
        Some(worst) => worst,
        None => (Verdict::Unobserved, "nothing was run that counts".to_owned()),
    }
}
