//! Saved reports against changed copies of themselves.

#![allow(clippy::unwrap_used, reason = "what a test prepares is its own")]

use super::*;
use crate::report::json::tests::{later, small};
use crate::report::terminal::{self, Look};

const LOOK: Look = Look { width: 100, color: false, unicode: true, verbose: false };

fn compared(change: impl FnOnce(&mut Report)) -> Comparison {
    let (left, mut right) = (small(), small());
    change(&mut right);
    Comparison::of(("old.json", &left), ("new.json", &right))
}

/// A report in which everything was observed.
fn observed(change: impl FnOnce(&mut Report)) -> Comparison {
    let mut left = small();
    for run in &mut left.runs {
        (run.traced, run.cut_short, run.gaps) = (true, None, Vec::new());
        run.exit_code = run.exit_code.or(Some(0));
        run.signal = None;
        if run.verdict == Verdict::Unobserved {
            run.verdict = Verdict::Sealed;
        }
        for package in &mut run.packages {
            if let Some(source) = &mut package.source {
                source.sha512.get_or_insert_with(|| "sha512-x".to_owned());
            }
        }
    }
    let mut right = left.clone();
    change(&mut right);
    Comparison::of(("old.json", &left), ("new.json", &right))
}

#[test]
fn a_report_is_equal_to_itself() {
    let comparison = observed(|_| ());
    assert_eq!(comparison.agreement, Agreement::Equal, "{comparison:?}");
    assert!(terminal::comparison(&comparison, LOOK).starts_with("equal: "));
}

#[test]
fn what_was_tested_is_context_and_no_difference() {
    let comparison = observed(|report| {
        report.subject.lockfile_sha512 = Some("sha512-other".to_owned());
        report.started = "2030-01-01T00:00:00Z".to_owned();
        report.runs.iter_mut().for_each(|run| run.toolchain.node = "99.0.0".to_owned());
        later(report);
    });
    assert_eq!(comparison.agreement, Agreement::Equal, "{comparison:?}");
    let what: Vec<&str> = comparison.context.iter().map(|values| values.what.as_str()).collect();
    assert_eq!(what, ["toolchain", "lockfile"]);
}

#[test]
fn a_scenario_that_one_did_not_run_is_not_equal() {
    let comparison = observed(|report| {
        let gone = report.runs.pop().unwrap();
        report.findings.iter_mut().for_each(|finding| finding.runs.retain(|run| *run != gone.id));
        report.findings.iter_mut().for_each(|finding| finding.evidence.retain(|it| it.run != gone.id));
    });
    assert_eq!(comparison.agreement, Agreement::Unobserved, "{comparison:?}");
    assert_eq!(comparison.unseen[0].unseen.on, Which::Right);
    assert_eq!(comparison.unseen[0].unseen.why, "not run there");
}

#[test]
fn an_interrupted_test_is_not_equal() {
    let comparison = observed(|report| report.interrupted = true);
    assert_eq!(comparison.agreement, Agreement::Unobserved);
    let text = terminal::comparison(&comparison, LOOK);
    assert!(text.contains("new.json: the test was interrupted"), "{text}");
}

#[test]
fn a_verdict_that_became_unobserved_is_not_seen_and_no_difference() {
    let comparison = observed(|report| report.runs[0].verdict = Verdict::Unobserved);
    assert_eq!(comparison.agreement, Agreement::Unobserved, "{comparison:?}");
    let comparison = observed(|report| report.runs[0].verdict = Verdict::Exposed);
    assert_eq!(comparison.agreement, Agreement::Differs);
    assert_eq!(comparison.verdicts.len(), 1);
}

#[test]
fn findings_are_told_by_their_fingerprint() {
    let comparison = compared(|report| {
        report.findings[0].fingerprint = "f".repeat(32);
        report.findings[1].message = "worded anew".to_owned();
    });
    let became: Vec<&str> = comparison.findings.iter().map(|change| change.became.as_str()).collect();
    assert_eq!(became, ["new", "gone"]);
}

#[test]
fn the_private_packages_and_the_margin_are_held_against_each_other() {
    let comparison = compared(|report| {
        report.project.private.remove(0);
        report.margin = None;
    });
    assert!(comparison.values.iter().any(|values| values.what.starts_with("private package")));
    let margin = small().margin.is_some();
    let told = comparison.unseen.iter().any(|of| of.unseen.why == "the margin was not measured");
    assert_eq!(told, margin);
}

#[test]
fn one_change_in_many_packages_and_scenarios_is_one_line() {
    let comparison = observed(|report| {
        for package in
            report.runs.iter_mut().filter(|run| run.exit_code == Some(0)).flat_map(|run| &mut run.packages)
        {
            if let Some(source) = &mut package.source {
                source.url = None;
                source.host = Some("packages.stranger.example".to_owned());
                source.role = crate::evidence::exchange::Role::Foreign;
            }
        }
    });
    let text = terminal::comparison(&comparison, LOOK);
    assert!(text.contains("packages: from "), "{text}");
    assert!(text.contains("→ packages.stranger.example (foreign)"), "{text}");
}
