//! A scenario in a place as a test case: passed, failed, in error or skipped.
//!
//! It is green only where everything that counts held and was seen.

use super::seconds;
use super::xml::Element;
use crate::finding::explain;
use crate::report::alike::{Alike, grouped, others};
use crate::report::matrix::Cell;
use crate::report::model::{Report, Run};
use crate::report::opinion::{Finding, Severity, Verdict};
use crate::report::scorecard::{DrillOutcome, DrillScore};

/// How a case stands.
pub(super) enum Standing {
    Passed,
    Failed { kind: String, why: String },
    Error { kind: String, why: String },
    Skipped { why: String },
}

impl Standing {
    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    pub(super) fn is_error(&self) -> bool {
        matches!(self, Self::Error { .. })
    }

    pub(super) fn is_skipped(&self) -> bool {
        matches!(self, Self::Skipped { .. })
    }
}

/// A test case.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) ms: u64,
    pub(super) standing: Standing,
    /// What else there is to say of it, a line each.
    pub(super) lines: Vec<String>,
}

impl Case {
    /// Of a scenario's repetitions in a place; `None` of a trap that leaked as it must.
    pub(super) fn of(report: &Report, cell: &Cell<'_>) -> Option<Self> {
        let run = cell.worst;
        if run.control && run.verdict == Verdict::Leaked {
            return None;
        }
        let score = report.drills.iter().find(|score| score.run == run.id);
        let mut lines: Vec<String> = cell
            .runs
            .iter()
            .map(|run| match run.because.as_str() {
                "" => format!("{}: {}", run.id, run.verdict.name()),
                because => format!("{}: {}: {because}", run.id, run.verdict.name()),
            })
            .collect();
        let standing = match score {
            Some(score) => drill(score),
            None => standing(report, cell),
        };
        let mut told: Vec<usize> = cell.runs.iter().flat_map(|run| run.findings.clone()).collect();
        told.sort_unstable();
        told.dedup();
        lines.extend(told_of(told.into_iter().filter_map(|at| report.findings.get(at))));
        for gap in cell.runs.iter().flat_map(|run| &run.gaps) {
            lines.push(format!("not seen: {}", gap.detail));
        }
        let ms = cell.runs.iter().map(|run| run.duration_ms).sum();
        Some(Self { name: run.scenario.clone(), ms, standing, lines })
    }

    pub(super) fn element(self, suite: &str) -> Element {
        let mut case = Element::new("testcase")
            .attribute("name", &self.name)
            .attribute("classname", suite)
            .attribute("time", &seconds(self.ms));
        match &self.standing {
            Standing::Passed => {}
            Standing::Skipped { why } => case = case.child(Element::new("skipped").words(why)),
            Standing::Error { kind, why } => {
                let error = Element::new("error").attribute("type", kind).attribute("message", why);
                case = case.child(error.words(why));
            }
            Standing::Failed { kind, why } => {
                let failure = Element::new("failure").attribute("type", kind).attribute("message", why);
                case = case.child(failure.words(why));
            }
        }
        if self.lines.is_empty() {
            return case;
        }
        case.child(Element::new("system-out").lines(&self.lines))
    }
}

/// Findings a line each, equal ones on one.
pub(super) fn told_of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<String> {
    let groups = grouped(findings, |finding| finding);
    let told = groups.iter().map(|Alike { first, others: alike }| match alike.is_empty() {
        true => line(first),
        false => format!("{}; {}", line(first), others(alike.iter().copied())),
    });
    told.collect()
}

/// A finding on one line, with what accepted it.
fn line(finding: &Finding) -> String {
    let mut text = format!("{}[{}]: {}", finding.severity.name(), finding.rule, finding.message);
    if let Some(place) = &finding.location {
        text.push_str(&format!(" ({place})"));
    }
    if !finding.counts {
        text.push_str("; it counts in no verdict");
    }
    match &finding.accepted {
        Some(accepted) => {
            let by = accepted.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let until = accepted.until.as_ref().map(|date| format!(" until {date}")).unwrap_or_default();
            text.push_str(&format!("; accepted{by}{until}: {}", accepted.reason));
        }
        None if finding.help.is_empty() => {}
        None => text.push_str(&format!("; help: {}", finding.help)),
    }
    text
}

/// The worst of what the repetitions are.
fn standing(report: &Report, cell: &Cell<'_>) -> Standing {
    let rank = |standing: &Standing| match standing {
        Standing::Passed => 0,
        Standing::Skipped { .. } => 1,
        Standing::Error { .. } => 2,
        Standing::Failed { .. } => 3,
    };
    let each = cell.runs.iter().map(|run| of_run(report, run));
    each.reduce(|left, right| if rank(&right) > rank(&left) { right } else { left })
        .unwrap_or(Standing::Passed)
}

fn of_run(report: &Report, run: &Run) -> Standing {
    let kind = run.verdict.name().to_owned();
    let why = run.because.clone();
    if run.control {
        let why = format!("the trap was not live, the run that must leak is {kind}: {why}");
        return match run.verdict {
            Verdict::Leaked => Standing::Passed,
            Verdict::Sealed
            | Verdict::Unobserved
            | Verdict::Broken
            | Verdict::Exposed
            | Verdict::NotApplicable => Standing::Error { kind: "no-trap".to_owned(), why },
        };
    }
    match run.verdict {
        Verdict::Unobserved if report.counts(run) => Standing::Error { kind, why },
        Verdict::NotApplicable => Standing::Skipped { why: format!("not applicable: {why}") },
        Verdict::Leaked | Verdict::Exposed | Verdict::Broken | Verdict::Unobserved if !report.counts(run) => {
            Standing::Skipped {
                why: format!("{kind}, which counts in no verdict, since defences were taken away: {why}"),
            }
        }
        Verdict::Leaked | Verdict::Exposed | Verdict::Broken if !accepted(report, run) => {
            Standing::Failed { kind, why }
        }
        Verdict::Leaked | Verdict::Exposed | Verdict::Broken | Verdict::Unobserved | Verdict::Sealed => {
            match loud(report, run) {
                Some(finding) => Standing::Failed {
                    kind: finding.rule.clone(),
                    why: format!("{}: {}", finding.severity.name(), finding.message),
                },
                None => Standing::Passed,
            }
        }
    }
}

/// Whether all that makes the run's verdict bad was accepted.
fn accepted(report: &Report, run: &Run) -> bool {
    let bad = |finding: &&Finding| {
        let forces = explain(&finding.rule).map_or(Verdict::Leaked, |rule| rule.forces);
        finding.message == run.because || forces > Verdict::Unobserved
    };
    let mut behind = findings(report, run).filter(bad).peekable();
    behind.peek().is_some() && behind.all(|finding| finding.accepted.is_some())
}

/// The worst finding that fails the test, whatever the verdict is.
fn loud<'a>(report: &'a Report, run: &Run) -> Option<&'a Finding> {
    let fails = |finding: &&Finding| {
        finding.counts && finding.accepted.is_none() && finding.severity >= report.fail_on
    };
    // A finding counts as a whole, also where this run alone would not make it count.
    findings(report, run).filter(fails).filter(|_| report.counts(run)).max_by_key(|one| one.severity)
}

fn findings<'a>(report: &'a Report, run: &Run) -> impl Iterator<Item = &'a Finding> {
    run.findings.iter().filter_map(|at| report.findings.get(*at))
}

/// Drills fail nothing; what was not stopped is no pass either.
fn drill(score: &DrillScore) -> Standing {
    let reported: Vec<String> = score
        .reported
        .iter()
        .filter(|reported| reported.severity > Severity::Note)
        .map(|reported| reported.rule.clone())
        .collect();
    match score.outcome {
        DrillOutcome::Stopped | DrillOutcome::Quiet => Standing::Passed,
        DrillOutcome::Reported => {
            Standing::Skipped { why: format!("nothing stopped it; reported: {}", reported.join(", ")) }
        }
        DrillOutcome::Fact => Standing::Skipped { why: "nothing stopped it".to_owned() },
        DrillOutcome::Unobserved => {
            Standing::Error { kind: "unobserved".to_owned(), why: score.because.clone() }
        }
    }
}
