//! Whole reports as JUnit XML. That they are valid by the schema of Jenkins is seen in
//! `tests/program/cli/formats.rs`.

use super::{render, render_all};
use crate::report::collection::tests::{collection, entry, three};
use crate::report::json::tests::{of_every_verdict, saved};
use crate::report::model::NotApplicable;
use crate::report::opinion::{Acceptance, Severity, Verdict};
use crate::report::outcome::Outcome;
use crate::scenario::Loss;
use insta::assert_snapshot;

#[test]
fn a_leaking_report() {
    assert_snapshot!(render(&saved("leaked")));
}

/// The element that a case holds first: `failure`, `error`, `skipped`, or none.
fn standing(text: &str, name: &str) -> String {
    let start = text.find(&format!("<testcase name=\"{name}\"")).unwrap_or_else(|| panic!("{name}\n{text}"));
    let case = &text[start..];
    let end = case[1..].find("<testcase").unwrap_or(case.len() - 1);
    let found =
        ["failure", "error", "skipped"].into_iter().find(|of| case[..end].contains(&format!("<{of}")));
    found.unwrap_or_default().to_owned()
}

#[test]
fn each_verdict_has_its_element() {
    let text = render(&of_every_verdict());
    for (case, element) in [
        ("verdict", "failure"),
        ("baseline", ""),
        ("private-not-found", "failure"),
        ("scripts-disabled", "failure"),
        ("as-exposed", "failure"),
        ("as-broken", "failure"),
        ("as-unobserved", "error"),
        ("as-not-applicable", "skipped"),
        ("integrity-removed", "skipped"),
    ] {
        assert_eq!(standing(&text, case), element, "{case}\n{text}");
    }
    assert!(!text.contains("name=\"control\""), "a trap that leaked as it must is no case");
}

/// Which runs count was decided with the margin that the test required, and not here.
#[test]
fn what_counts_is_read_and_not_decided_again() {
    let with = |losses: &[Loss], verdict: Verdict, counts: Option<bool>| {
        let mut report = saved("sealed");
        let mut run = report.runs.iter().find(|run| !run.control).unwrap().clone();
        (run.id, run.scenario) = ("lossy-1".to_owned(), "lossy".to_owned());
        (run.losses, run.verdict, run.counts) = (losses.to_vec(), verdict, counts);
        report.runs.push(run);
        standing(&render(&report), "lossy")
    };
    let (one, two) = (&[Loss::Mapping][..], &[Loss::Mapping, Loss::Resolved][..]);
    for (losses, verdict, counts, element) in [
        // `--require-margin 1`: one loss may leak.
        (one, Verdict::Leaked, Some(false), "skipped"),
        (one, Verdict::Unobserved, Some(false), "skipped"),
        (one, Verdict::Leaked, Some(true), "failure"),
        // `--require-margin 3`: two must not.
        (two, Verdict::Leaked, Some(true), "failure"),
        (two, Verdict::Unobserved, Some(true), "error"),
        (two, Verdict::Unobserved, Some(false), "skipped"),
        // Reports that do not say it required 2.
        (one, Verdict::Leaked, None, "failure"),
        (two, Verdict::Leaked, None, "skipped"),
        (two, Verdict::Unobserved, None, "skipped"),
        (&[], Verdict::Broken, None, "failure"),
    ] {
        assert_eq!(with(losses, verdict, counts), element, "{losses:?} {verdict:?} {counts:?}");
    }
}

#[test]
fn a_test_that_did_not_end_well_has_no_green_first_case() {
    for (outcome, element) in [
        (Outcome::Sound, ""),
        (Outcome::Failed, "failure"),
        (Outcome::Unobserved, "error"),
        (Outcome::Interrupted, "error"),
    ] {
        let mut report = saved("sealed");
        report.outcome = outcome;
        assert_eq!(standing(&render(&report), "verdict"), element);
    }
    for name in ["unobserved", "interrupted"] {
        assert_eq!(standing(&render(&saved(name)), "verdict"), "error", "{name}");
    }
}

#[test]
fn a_trap_that_was_not_live_is_an_error() {
    for verdict in [Verdict::Sealed, Verdict::Unobserved, Verdict::Broken] {
        let mut report = saved("sealed");
        report.runs.iter_mut().find(|run| run.control).unwrap().verdict = verdict;
        assert_eq!(standing(&render(&report), "control"), "error");
    }
}

#[test]
fn what_is_accepted_passes_and_stays_visible() {
    let mut report = saved("leaked");
    let until = Some("2027-03-01".to_owned());
    for finding in &mut report.findings {
        finding.accepted = Some(Acceptance { reason: "known".to_owned(), by: None, until: until.clone() });
    }
    (report.accepted, report.accepted_until, report.outcome) = (true, until, Outcome::Sound);
    let text = render(&report);
    assert_eq!(standing(&text, "private-not-found"), "", "{text}");
    assert!(text.contains("accepted until 2027-03-01: known"), "{text}");
    assert!(text.contains("<property name=\"accepted\" value=\"2027-03-01\"/>"), "{text}");
    // One that is not accepted is enough.
    let behind = *report.runs[1].findings.first().unwrap();
    report.findings[behind].accepted = None;
    assert_eq!(standing(&render(&report), "private-not-found"), "failure");
}

#[test]
fn a_run_that_counts_in_no_verdict_is_neither_green_nor_red() {
    let mut report = saved("leaked");
    let losses = report.runs.iter().find(|run| run.control).unwrap().losses.clone();
    assert!(losses.len() > 1);
    report.runs[1].losses = losses;
    assert_eq!(standing(&render(&report), "private-not-found"), "skipped");
}

#[test]
fn a_finding_at_the_threshold_fails_its_case_though_it_is_sealed() {
    let mut report = saved("leaked");
    report.fail_on = Severity::Error;
    assert_eq!(standing(&render(&report), "baseline"), "");
    report.fail_on = Severity::Warning;
    assert_eq!(standing(&render(&report), "baseline"), "failure", "missing-integrity is a warning in it");
}

#[test]
fn hostile_text_makes_no_element_and_no_line() {
    let mut report = saved("hostile");
    let plain = render(&saved("leaked"));
    let tags = |text: &str| (text.matches('<').count(), text.matches('>').count());
    let text = render(&report);
    assert_eq!(tags(&text), tags(&plain));
    let nasty = "]]></system-out></testcase><testcase name='x'/> & \u{0}\u{fffe}\u{1b}[2J\u{202e}\"";
    report.coverage.not_applicable.push(NotApplicable {
        scenario: nasty.to_owned(),
        reason: nasty.to_owned(),
        asked: true,
    });
    for run in &mut report.runs {
        (run.scenario, run.because) = (format!("{}{nasty}", run.scenario), nasty.to_owned());
    }
    let text = render(&report);
    assert!(!text.contains("<testcase name='x'"), "{text}");
    assert!(!text.contains(['\u{0}', '\u{fffe}', '\u{1b}', '\u{202e}']), "{text}");
    assert!(!text.contains("]]>"), "{text}");
}

#[test]
fn several_projects_are_suites_of_one_file_and_what_was_carried_over_is_skipped() {
    let text = render_all(&three());
    assert_eq!(text.matches("<testsuites").count(), 1, "{text}");
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}\n{text}"));
    assert!(at("name=\"apps/shop: sealcheck\"") < at("name=\"apps/api: sealcheck\""), "{text}");
    let carried = &text[at("name=\"apps/web: sealcheck\"")..];
    assert_eq!(standing(carried, "verdict"), "skipped");
    assert!(carried.contains("<property name=\"carried\" value=\"2026-11-20T02:00:00Z\"/>"), "{carried}");
    assert_eq!(carried.matches("<testcase").count(), 1, "nothing of it passed now: {carried}");
    assert_eq!(text.matches("<testsuite ").count(), text.matches("</testsuite>").count());
}

#[test]
fn a_project_that_was_not_tested_is_an_error() {
    let text = render_all(&collection(vec![entry("a", "sealed")], &["b <&>"]));
    let missing = &text[text.find("name=\"b &lt;&amp;&gt;: sealcheck\"").unwrap()..];
    assert_eq!(standing(missing, "verdict"), "error");
}

#[test]
fn equal_findings_are_one_line() {
    let mut report = crate::report::alike::tests::many(900);
    let shown = report.findings[0].runs[0].clone();
    let run = report.runs.iter_mut().find(|run| run.id == shown).unwrap();
    run.findings = (0..900).collect();
    let text = render(&report);
    assert_eq!(text.matches("warning[missing-integrity]: ").count(), 1, "{text}");
    assert!(text.contains("; and 899 more alike: dead-001 (package-lock.json:13)"), "{text}");
}
