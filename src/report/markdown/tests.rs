//! Whole reports as Markdown.

use super::render;
use crate::report::json::tests::{of_every_verdict, saved};
use crate::report::model::{NotApplicable, Report};
use crate::report::opinion::Verdict;
use insta::assert_snapshot;

#[test]
fn a_leaking_report() {
    assert_snapshot!(render(&saved("leaked")));
}

#[test]
fn every_verdict_is_in_the_table_under_its_name() {
    let report = of_every_verdict();
    let text = render(&report);
    for run in report.runs.iter().filter(|run| !run.control && run.verdict != Verdict::Sealed) {
        let row = format!("| `{}` | **{}** |", run.scenario, run.verdict.name());
        assert!(text.contains(&row), "{row} is not in\n{text}");
    }
    assert!(text.contains("- not observed: "), "{text}");
    assert!(text.contains("- not applicable: "), "{text}");
}

/// Whatever is not in a code span.
fn outside(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

#[test]
fn hostile_text_makes_no_line_no_cell_no_link_and_no_mention() {
    let report = saved("hostile");
    let mut worse = report.clone();
    let nasty = "`|x|` | ]]> <script>alert(1)</script> @octocat #12 [a](https://evil.example) ![b](//c) \u{202e}\u{1b}[2J\n\n| a |\n# sealed";
    worse.project.name = nasty.to_owned();
    worse.because = nasty.to_owned();
    worse.coverage.not_applicable.push(NotApplicable {
        scenario: nasty.to_owned(),
        reason: nasty.to_owned(),
        asked: true,
    });
    for run in &mut worse.runs {
        run.scenario = format!("{}{nasty}", run.scenario);
        run.because = nasty.to_owned();
        run.toolchain.npm = format!("{}{nasty}", run.scenario);
        run.image = Some(nasty.to_owned());
    }
    for finding in &mut worse.findings {
        (finding.rule, finding.message, finding.help) = (nasty.into(), nasty.into(), nasty.into());
        if let Some(accepted) = &mut finding.accepted {
            accepted.reason = nasty.into();
            (accepted.by, accepted.until) = (Some(nasty.into()), Some(nasty.into()));
        }
    }
    for report in [report, worse] {
        let text = render(&report);
        let steers = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
        assert!(!text.contains(steers), "{text:?}");
        let columns = text.lines().find(|line| line.starts_with("| scenario")).unwrap().matches('|').count();
        for line in text.lines() {
            assert_eq!(line.matches('`').count() % 2, 0, "{line}");
            let outside = outside(line);
            for part in ["<", "@", "](", "![", "://", "\\"] {
                assert!(!outside.contains(part), "{part} in {line}");
            }
            if line.starts_with('|') {
                assert_eq!(line.matches('|').count(), columns, "{line}");
            } else {
                assert!(!line.starts_with("# "), "{line}");
            }
        }
    }
}

#[test]
fn drift_has_a_part_of_its_own() {
    let mut report = saved("leaked");
    assert!(!render(&report).contains("Not as accepted"));
    report.findings[2].rule = "drift".to_owned();
    let text = render(&report);
    let (_, drifted) = text.split_once("#### Not as accepted").unwrap();
    assert!(drifted.contains("`drift`"), "{text}");
}

#[test]
fn a_report_of_any_size_is_short_and_says_what_it_leaves_out() {
    let mut report: Report = saved("leaked");
    for at in 0..300 {
        let mut run = report.runs[0].clone();
        (run.id, run.scenario) = (format!("more-{at}"), format!("more-{at}"));
        report.runs.push(run);
        let mut finding = report.findings[0].clone();
        finding.message = format!("{at} times {}", finding.message);
        report.findings.push(finding);
    }
    let text = render(&report);
    assert!(text.len() < 30_000, "{}", text.len());
    assert!(text.contains("And 302 scenarios more as they must be"), "{text}");
    assert!(text.contains("more, in the JSON report"));
    assert!(text.contains("**broken**"), "what is bad stays");
}

#[test]
fn a_report_with_nothing_in_it_renders() {
    let mut report = saved("sealed");
    report.runs.clear();
    report.findings.clear();
    report.coverage = Default::default();
    assert!(render(&report).starts_with("### sealcheck: sealed\n"));
}

#[test]
fn a_drill_that_was_not_seen_is_said_so_and_one_ended_at_its_limit_was_seen() {
    use crate::drill::Kind;
    use crate::report::scorecard::{DrillOutcome, DrillScore};
    let mut report = saved("unobserved");
    let score = |run: &str, outcome| DrillScore {
        drill: format!("drill-{run}"),
        kind: Kind::Attack,
        title: String::new(),
        after: String::new(),
        hook: String::new(),
        run: run.to_owned(),
        outcome,
        stopped_by: None,
        reported: Vec::new(),
        expected: Vec::new(),
        missing: Vec::new(),
        because: "it did not come to it".to_owned(),
    };
    let (first, second) = (report.runs[0].id.clone(), report.runs[1].id.clone());
    report.drills = vec![score(&first, DrillOutcome::Unobserved), score(&second, DrillOutcome::Fact)];
    assert_eq!(report.unseen().map(|run| &run.id).collect::<Vec<_>>(), [&first]);
    let text = render(&report);
    let row = format!("| `drill-{first}` | attack | **unobserved** | it did not come to it |");
    assert!(text.contains(&row), "{text}");
}

#[test]
fn equal_findings_are_one_with_a_count() {
    let report = crate::report::alike::tests::many(900);
    let text = render(&report);
    assert_eq!(text.matches("**warning** `missing-integrity`").count(), 1, "{text}");
    assert!(text.contains("  - and 899 more alike: `dead-001 (package-lock.json:13)`, "), "{text}");
    assert!(!text.contains("more, in the JSON report"), "{text}");
}

#[test]
fn what_settles_a_run_that_was_not_seen_is_no_mere_note() {
    let mut report = saved("unobserved");
    let run = report.runs.iter().find(|run| run.verdict == Verdict::Unobserved).unwrap().id.clone();
    let mut finding = saved("leaked").findings.remove(0);
    (finding.rule, finding.severity) = ("not-observed".into(), crate::report::Severity::Note);
    (finding.runs, finding.accepted, finding.counts) = (vec![run], None, true);
    finding.message = "a host could not be reached".to_owned();
    report.findings = vec![finding];
    let text = render(&report);
    assert!(text.contains("- **note** `not-observed`: a host could not be reached"), "{text}");
    report.findings[0].rule = "scripts-required".into();
    assert!(!render(&report).contains("a host could not be reached"));
}
