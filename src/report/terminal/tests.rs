//! The text of whole reports, as a person sees it.

use super::safe::Charset;
use super::{Look, locale_is_utf8, render};
use crate::report::model::Report;
use insta::assert_snapshot;

const SEALED: &str = include_str!("../../../tests/fixtures/reports/sealed.json");
const LEAKED: &str = include_str!("../../../tests/fixtures/reports/leaked.json");
const UNOBSERVED: &str = include_str!("../../../tests/fixtures/reports/unobserved.json");
const INTERRUPTED: &str = include_str!("../../../tests/fixtures/reports/interrupted.json");
const HOSTILE: &str = include_str!("../../../tests/fixtures/reports/hostile.json");

const WIDE: Look = Look { width: 120, color: false, unicode: true, verbose: false };

fn text(report: &str, look: Look) -> String {
    render(&Report::read(report).unwrap(), look, Some(&[("json".to_owned(), "report.json".to_owned())]))
}

#[test]
fn a_sealed_report() {
    assert_snapshot!(text(SEALED, WIDE));
}

#[test]
fn a_leaking_report() {
    assert_snapshot!(text(LEAKED, WIDE));
}

#[test]
fn an_unobserved_report() {
    assert_snapshot!(text(UNOBSERVED, WIDE));
}

#[test]
fn an_interrupted_report() {
    assert_snapshot!(text(INTERRUPTED, WIDE));
}

#[test]
fn a_narrow_terminal_without_unicode() {
    let text = text(LEAKED, Look { width: 60, unicode: false, ..WIDE });
    assert!(text.is_ascii());
    assert_snapshot!(text);
}

#[test]
fn a_very_narrow_terminal() {
    let text = text(LEAKED, Look { width: 40, ..WIDE });
    // Of wrapped text, words alone are wider: a URL is there to be copied.
    for line in text.lines().filter(|line| line.chars().count() > 40) {
        let title = line.starts_with("error[") || line.starts_with("warning[");
        let words = line.trim_start_matches(|c: char| c.is_whitespace() || "│├╰".contains(c));
        assert!(title || words.split(' ').count() <= 3, "{line}");
    }
    assert_snapshot!(text);
}

#[test]
fn what_stands_last_fits_on_a_screen_and_says_what_to_do_first() {
    let mut report = Report::read(LEAKED).unwrap();
    for at in 0..40 {
        let mut finding = report.findings[at % 2].clone();
        finding.rule = format!("{}-{}", finding.rule, at % 7);
        finding.help = "do this and that, ".repeat(30);
        report.findings.push(finding);
    }
    report.because = "something happened, ".repeat(60);
    report.findings[0].help = "do this and that, ".repeat(30);
    for width in [80, 100] {
        let saved =
            [("json".to_owned(), "report.json".to_owned()), ("sarif".to_owned(), "a.sarif".to_owned())];
        let text = render(&report, Look { width, ..WIDE }, Some(&saved));
        let last: Vec<&str> = text.lines().skip(text.lines().count() - 24).collect();
        let summary = last.iter().position(|line| line.starts_with("verdict     leaked: something")).unwrap();
        let first = last.iter().position(|line| line.starts_with("do first    error[")).unwrap();
        assert!(summary < first, "{text}");
        assert_eq!(last.last(), Some(&"exit 1: leaked"));
        assert!(last.iter().all(|line| line.chars().count() <= width), "{last:#?}");
    }
    assert!(!text(SEALED, WIDE).contains("do first"), "where nothing is to be done nothing is said");
}

#[test]
fn everything_unfolded() {
    assert_snapshot!(text(LEAKED, Look { verbose: true, ..WIDE }));
}

#[test]
fn colour_adds_escapes_of_ours_and_no_word() {
    for report in [SEALED, LEAKED, UNOBSERVED, INTERRUPTED] {
        let plain = text(report, WIDE);
        let colored = text(report, Look { color: true, ..WIDE });
        assert!(colored.contains("\u{1b}["));
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
    }
}

#[test]
fn hostile_text_brings_no_escape_and_no_line_of_its_own() {
    let hostile = Report::read(HOSTILE).unwrap();
    for unicode in [true, false] {
        for width in [40, 120] {
            for verbose in [true, false] {
                let look = Look { width, unicode, verbose, color: false };
                let text = render(&hostile, look, Some(&[("json".into(), "a\u{1b}[2Jb\nc".into())]));
                for line in text.lines() {
                    assert_eq!(Charset { unicode }.safe(line), line);
                    assert!(!line.trim_start().starts_with("verdict: sealed"), "{line}");
                }
                assert!(text.contains("\\x1b[2J"));
            }
        }
    }
}

#[test]
fn an_accepted_leak_says_until_when() {
    let mut report = Report::read(LEAKED).unwrap();
    report.accepted = true;
    report.accepted_until = Some("2027-03-01".to_owned());
    let text = render(&report, WIDE, Some(&[]));
    assert!(text.starts_with("leaked, accepted until 2027-03-01: in `private-not-found`"), "{text}");
    assert!(text.contains("`--report json=PATH` keeps"));
}

#[test]
fn a_report_with_nothing_in_it_renders() {
    let mut report = Report::read(SEALED).unwrap();
    report.runs.clear();
    report.findings.clear();
    report.coverage = Default::default();
    report.margin = None;
    report.store = None;
    assert!(
        render(&report, WIDE, Some(&[]))
            .starts_with("sealed: every package came from where it must, in 0 scenarios")
    );
}

#[test]
fn a_margin_that_could_not_be_observed_is_no_leak() {
    let mut report = Report::read(SEALED).unwrap();
    let margin = report.margin.as_mut().unwrap();
    (margin.at_least, margin.smallest, margin.unobserved) = (0, Vec::new(), true);
    let text = render(&report, WIDE, Some(&[]));
    assert!(text.contains("what 0 lost together do could not be observed"), "{text}");
    assert!(!text.contains("it leaks"), "{text}");
}

#[test]
fn repetitions_and_toolchains_have_one_line_each() {
    let mut report = Report::read(LEAKED).unwrap();
    let mut again = report.runs[1].clone();
    again.id = "private-not-found-2".to_owned();
    again.verdict = crate::report::Verdict::Sealed;
    let mut other = report.runs[0].clone();
    other.id = "baseline-old-1".to_owned();
    other.toolchain.npm = "10.9.9".to_owned();
    let mut alike = other.clone();
    alike.scenario = "alike".to_owned();
    let mut twin = alike.clone();
    twin.toolchain.npm = report.runs[0].toolchain.npm.clone();
    other.verdict = crate::report::Verdict::Broken;
    report.runs.extend([again, other, alike, twin]);
    let text = render(&report, Look { width: 200, ..WIDE }, Some(&[]));
    assert!(text.contains("leaked (1 of 2)"), "{text}");
    assert!(text.contains("baseline (npm 10.9.9)"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("alike  ")).count(), 1, "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("private-not-found (npm 11")).count(), 1);
}

#[test]
fn the_locale_that_is_set_first_decides() {
    assert!(locale_is_utf8("", "", "de_DE.UTF-8"));
    assert!(locale_is_utf8("", "C.utf8", "C"));
    assert!(!locale_is_utf8("C", "", "de_DE.UTF-8"));
    assert!(!locale_is_utf8("", "", ""));
}

#[test]
fn equal_findings_are_one_with_a_count() {
    let mut report = crate::report::alike::tests::many(900);
    let once = |report: &Report| {
        let text = render(report, WIDE, Some(&[]));
        assert_eq!(text.matches("[missing-integrity]").count(), 2, "once, and what to do first: {text}");
        assert!(text.contains("and 899 more alike: dead-001 (package-lock.json:13)"), "{text}");
    };
    once(&report);
    // Notes and what is accepted are in a list of lines.
    for finding in &mut report.findings {
        finding.severity = crate::report::Severity::Note;
    }
    let text = render(&report, WIDE, Some(&[]));
    assert_eq!(text.matches("note[missing-integrity]").count(), 1, "{text}");
    assert!(text.contains("and 899 more"), "{text}");
}
