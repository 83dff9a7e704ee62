//! Rules, acceptances, verdicts and the exit code, in that order.

#[cfg(test)]
mod tests;

use super::accepted::{acceptance, expired, speaks_of};
use super::case::{Case, Ground, JudgedRun, Observed, Run, Sighting};
use super::location::locate;
use super::rule::{Check, RULES, Rule};
use super::run_verdict::{Because, measured};
use super::{EvidenceRef, Finding, Severity, Verdict};
use crate::evidence::tree::hex;
use crate::project::settings::Accepted;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What the judgement depends on beside the evidence.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many losses must be needed for a leak; 2 where nothing is said.
    pub required_margin: usize,
    /// The mildest severity that fails a test.
    pub fail_on: Severity,
    /// For acceptances that expire.
    pub today: Date,
}

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
    /// Indices into the findings.
    pub findings: Vec<usize>,
    /// Everything that makes the verdict what it is was accepted.
    pub accepted: bool,
}

/// Judges the runs of one invocation on one project, as it was read in each place
/// (toolchain and image). Total and deterministic.
pub fn judge(runs: &[JudgedRun<'_>], grounds: &[Ground<'_>], options: &Options) -> Judgement {
    let cases: Vec<Case<'_>> = grounds
        .iter()
        .enumerate()
        .map(|(place, ground)| Case {
            project: ground.project,
            runs,
            place,
            margin: ground.margin,
            resolutions: ground.resolutions,
            approved: ground.approved,
            accepted: ground.approved.and_then(|standing| standing.facts()),
            required_margin: options.required_margin,
            today: options.today,
        })
        .collect();
    let mut drafts = Drafts::default();
    for case in &cases {
        for rule in RULES {
            match rule.check {
                Check::Run(check) => {
                    for run in case.observed() {
                        for sighting in check(case, &run) {
                            drafts.add(rule, case.place, sighting.runs(vec![run.at]));
                        }
                    }
                }
                Check::Report(check) => drafts.add_all(rule, case.place, check(case)),
                Check::Verdicts(_) | Check::Acceptances(_) => {}
            }
        }
    }
    let verdicts = verdicts(&drafts, &cases, runs, options);
    for case in &cases {
        for rule in RULES {
            match rule.check {
                Check::Verdicts(check) => drafts.add_all(rule, case.place, check(case, &verdicts)),
                Check::Run(_) | Check::Report(_) | Check::Acceptances(_) => {}
            }
        }
    }
    // What is accepted is read from the project's own files, which every place shares.
    if let Some(case) = cases.first() {
        let used: Vec<bool> = case.project.settings.accepted.iter().map(|entry| drafts.has(entry)).collect();
        for rule in RULES {
            match rule.check {
                Check::Acceptances(check) => drafts.add_all(rule, case.place, check(case, &used)),
                Check::Run(_) | Check::Report(_) | Check::Verdicts(_) => {}
            }
        }
    }
    let mut settled = drafts.settled(&cases, options);
    settled.sort_by(|left, right| {
        let key = |settled: &Settled| {
            let finding = &settled.finding;
            (
                std::cmp::Reverse(finding.severity),
                finding.rule.clone(),
                finding.package.clone(),
                finding.fingerprint.clone(),
            )
        };
        key(left).cmp(&key(right))
    });
    conclude(&cases, runs, settled, options)
}

/// The verdict of each run by what the rules have said so far.
fn verdicts(drafts: &Drafts, cases: &[Case<'_>], runs: &[JudgedRun<'_>], options: &Options) -> Vec<Verdict> {
    let settled = drafts.settled(cases, options);
    let known = Verdicts::of(cases, runs, &settled, options, true);
    known.runs.into_iter().map(|(verdict, _)| verdict).collect()
}

/// One fault as seen so far.
#[derive(Clone)]
struct Draft {
    rule: &'static Rule,
    /// Where the worst was sighted.
    place: usize,
    /// The first of the worst sightings: its words stand.
    worst: Sighting,
    /// Each sighting's runs, severity, and what it forces.
    shows: Vec<(Vec<usize>, Severity, Verdict)>,
    evidence: BTreeSet<(usize, super::EvidenceKind, u32)>,
}

#[derive(Default)]
struct Drafts {
    all: BTreeMap<String, Draft>,
}

impl Drafts {
    fn add_all(&mut self, rule: &'static Rule, place: usize, sightings: Vec<Sighting>) {
        for sighting in sightings {
            self.add(rule, place, sighting);
        }
    }

    /// Whether something was found of what an entry accepts.
    fn has(&self, entry: &Accepted) -> bool {
        self.all.values().any(|draft| speaks_of(entry, draft.rule.name, draft.worst.package.as_deref()))
    }

    fn settled(&self, cases: &[Case<'_>], options: &Options) -> Vec<Settled> {
        let settled = |(print, draft): (&String, &Draft)| {
            Some(settle(print.clone(), cases.get(draft.place)?, draft.clone(), options))
        };
        self.all.iter().filter_map(settled).collect()
    }

    fn add(&mut self, rule: &'static Rule, place: usize, sighting: Sighting) {
        let print = fingerprint(rule.name, sighting.package.as_deref(), &sighting.key);
        let severity = sighting.severity.unwrap_or(rule.severity);
        let forces = sighting.forces.unwrap_or(rule.forces);
        let draft = self.all.entry(print).or_insert_with(|| Draft {
            rule,
            place,
            worst: sighting.clone(),
            shows: Vec::new(),
            evidence: BTreeSet::new(),
        });
        if severity > draft.worst.severity.unwrap_or(rule.severity) {
            draft.worst = sighting.clone();
            draft.place = place;
        }
        if let [run] = sighting.runs.as_slice() {
            draft.evidence.extend(sighting.evidence.iter().map(|(kind, at)| (*run, *kind, *at)));
        }
        draft.shows.push((sighting.runs, severity, forces));
    }
}

/// Stable over runs and invocations: of the rule, the package and what tells
/// two faults of one package apart.
fn fingerprint(rule: &str, package: Option<&str>, key: &str) -> String {
    let mut hash = Sha256::new();
    for part in [rule, package.unwrap_or_default(), key] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize()[..16])
}

/// A finding with what it does to each run's verdict.
struct Settled {
    finding: Finding,
    forces: BTreeMap<usize, Verdict>,
}

fn settle(print: String, case: &Case<'_>, draft: Draft, options: &Options) -> Settled {
    let mut forces: BTreeMap<usize, Verdict> = BTreeMap::new();
    let mut severity = None;
    for (runs, sighted, verdict) in &draft.shows {
        for run in runs {
            let known = forces.entry(*run).or_insert(*verdict);
            *known = (*known).max(*verdict);
        }
        if runs.is_empty() || runs.iter().any(|run| counts(&case.runs[*run], *verdict, options)) {
            severity = severity.max(Some(*sighted));
        }
    }
    let id = |run: usize| case.runs[run].id.to_owned();
    let package = draft.worst.package;
    let accepted = case
        .project
        .settings
        .accepted
        .iter()
        .find(|entry| !expired(entry, case.today) && speaks_of(entry, draft.rule.name, package.as_deref()))
        .map(acceptance);
    Settled {
        finding: Finding {
            rule: draft.rule.name.to_owned(),
            severity: severity.unwrap_or(Severity::Note),
            confidence: draft.worst.confidence.unwrap_or(draft.rule.confidence),
            runs: forces.keys().map(|run| id(*run)).collect(),
            location: locate(&draft.worst.spot, case.project),
            package,
            message: draft.worst.message,
            fingerprint: print,
            accepted,
            counts: severity.is_some(),
            evidence: draft
                .evidence
                .into_iter()
                .map(|(run, kind, at)| EvidenceRef { run: id(run), kind, at })
                .collect(),
            help: draft.worst.help,
        },
        forces,
    }
}

/// Whether what a run shows counts toward the report: all of it in the world's
/// own mishaps; where the project's defences were taken away only a leak (and
/// what went unobserved), and only while fewer went than must be needed.
fn counts(run: &JudgedRun<'_>, verdict: Verdict, options: &Options) -> bool {
    let losses = run.scenario.losses.len();
    match verdict {
        _ if run.scenario.control => false,
        _ if losses == 0 => true,
        Verdict::Leaked | Verdict::Unobserved => losses < options.required_margin,
        Verdict::NotApplicable | Verdict::Sealed | Verdict::Broken | Verdict::Exposed => false,
    }
}

fn conclude(
    cases: &[Case<'_>],
    judged: &[JudgedRun<'_>],
    settled: Vec<Settled>,
    options: &Options,
) -> Judgement {
    let with = Verdicts::of(cases, judged, &settled, options, true);
    let without = Verdicts::of(cases, judged, &settled, options, false);
    let runs = judged
        .iter()
        .enumerate()
        .map(|(at, run)| {
            let (verdict, because) = with.runs[at].clone();
            RunVerdict {
                run: run.id.to_owned(),
                verdict,
                because,
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
        finding.counts && finding.accepted.is_none() && finding.severity >= options.fail_on
    });
    let asked_in_vain =
        judged.iter().any(|run| matches!(run.observed, Observed::NotApplicable { asked: true, .. }));
    let exit_code = match without.report.0 {
        Verdict::Leaked | Verdict::Exposed | Verdict::Broken => 1,
        Verdict::Unobserved | Verdict::Sealed | Verdict::NotApplicable if failing => 1,
        Verdict::Unobserved | Verdict::NotApplicable => 3,
        Verdict::Sealed if asked_in_vain => 3,
        Verdict::Sealed => 0,
    };
    let findings = settled.into_iter().map(|settled| settled.finding).collect();
    Judgement { runs, findings, verdict, because, accepted, accepted_until, exit_code }
}

struct Verdicts {
    runs: Vec<Because>,
    report: Because,
}

impl Verdicts {
    /// Of each run and of the report, with or without what is accepted.
    fn of(
        cases: &[Case<'_>],
        judged: &[JudgedRun<'_>],
        settled: &[Settled],
        options: &Options,
        with_accepted: bool,
    ) -> Self {
        let mut runs: Vec<Because> = judged
            .iter()
            .map(|run| match &run.observed {
                Observed::Evidence(_) => (Verdict::Sealed, String::new()),
                Observed::Nothing(reason) => (Verdict::Unobserved, reason.clone()),
                Observed::NotApplicable { reason, .. } => (Verdict::NotApplicable, reason.clone()),
            })
            .collect();
        for case in cases {
            for run in case.observed() {
                // That the trap is live is seen by what it catches, accepted or not.
                runs[run.at] = of_run(case, &run, settled, with_accepted || run.scenario.control);
            }
        }
        let report = of_report(judged, &runs, options);
        Self { runs, report }
    }
}

fn of_run(case: &Case<'_>, run: &Run<'_>, settled: &[Settled], with_accepted: bool) -> Because {
    let forced = settled
        .iter()
        .filter_map(|settled| Some((*settled.forces.get(&run.at)?, settled)))
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
                && settled.forces.contains_key(&run.at)
        });
    let own = if accepted_failure {
        (Verdict::Sealed, "its failure is accepted".to_owned())
    } else {
        measured(case, run)
    };
    match forced {
        Some((verdict, settled)) if verdict > own.0 => (verdict, settled.finding.message.clone()),
        Some(_) | None => own,
    }
}

fn of_report(judged: &[JudgedRun<'_>], runs: &[Because], options: &Options) -> Because {
    let mut worst: Option<Because> = None;
    let mut take = |verdict: Verdict, because: String| {
        if worst.as_ref().is_none_or(|(known, _)| *known < verdict) {
            worst = Some((verdict, because));
        }
    };
    for (run, (verdict, because)) in judged.iter().zip(runs) {
        match (run.scenario.control, verdict) {
            (_, Verdict::NotApplicable) | (true, Verdict::Leaked) => {}
            // A leak that was seen elsewhere stands: it needs no live trap to be true.
            (true, Verdict::Sealed | Verdict::Unobserved | Verdict::Broken | Verdict::Exposed) => take(
                Verdict::Unobserved,
                format!("{}: the trap was not live, the run that must leak is {verdict}: {because}", run.id),
            ),
            (false, _) if counts(run, *verdict, options) => take(*verdict, format!("{}: {because}", run.id)),
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
