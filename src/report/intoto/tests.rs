//! Whole reports as statements, held against the field rules of in-toto's specification.

#![allow(clippy::unwrap_used, reason = "what a test prepares is its own")]

use super::{PREDICATE, render};
use crate::report::json::tests::{of_every_verdict, saved};
use crate::report::model::Report;
use crate::report::opinion::Verdict;
use crate::report::outcome::Outcome;
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeSet;

fn statement(report: &Report) -> Value {
    let statement = serde_json::from_str(&render(report).unwrap()).unwrap();
    assert_valid(&statement);
    statement
}

fn predicate(report: &Report) -> Value {
    statement(report)["predicate"].clone()
}

/// The rules of `spec/v1`: `statement.md`, `resource_descriptor.md`, `digest_set.md` and
/// `field_types.md`.
fn assert_valid(statement: &Value) {
    let fields: Vec<&str> = statement.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["_type", "subject", "predicateType", "predicate"]);
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert!(statement["predicate"].is_object());
    // A TypeURI is an absolute URI, its scheme in lower case, with a version.
    let kind = statement["predicateType"].as_str().unwrap();
    let url = url::Url::parse(kind).unwrap();
    assert!(kind.starts_with(&format!("{}:", url.scheme())) && kind.ends_with(":v1"), "{kind}");
    let subjects = statement["subject"].as_array().unwrap();
    assert!(!subjects.is_empty());
    let names: BTreeSet<&str> = subjects.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), subjects.len(), "names are unique within the subject");
    let inputs = statement["predicate"]["inputs"].as_array().unwrap();
    for one in subjects.iter().chain(inputs) {
        assert_digests(&one["digest"]);
    }
    for optional in [&statement["predicate"]["tool"]["digest"], &statement["predicate"]["commit"]["digest"]] {
        if !optional.is_null() {
            assert_digests(optional);
        }
    }
    for time in ["startedOn", "finishedOn"] {
        if let Some(text) = statement["predicate"][time].as_str() {
            assert!(text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(), "{text}");
        }
    }
}

/// A DigestSet has at least one digest, each in lower-case hexadecimal of its length.
fn assert_digests(set: &Value) {
    let set = set.as_object().unwrap();
    assert!(!set.is_empty());
    for (algorithm, value) in set {
        let value = value.as_str().unwrap();
        assert!(value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{value}");
        let lengths: &[usize] = match algorithm.as_str() {
            "sha256" => &[64],
            "sha512" => &[128],
            "gitCommit" => &[40, 64],
            other => panic!("{other}"),
        };
        assert!(lengths.contains(&value.len()), "{algorithm} {value}");
    }
}

#[test]
fn a_leaking_report() {
    assert_snapshot!(render(&saved("leaked")).unwrap());
}

#[test]
fn digests_are_hexadecimal_and_of_the_same_bytes() {
    use crate::project::integrity::Digests;
    let mut report = saved("sealed");
    let digests = Digests::of(b"lockfile");
    report.subject.lockfile_sha512 = Some(digests.sri());
    let subject = statement(&report)["subject"].clone();
    assert_eq!(subject[0]["digest"]["sha512"], crate::evidence::tree::hex(&digests.sha512));
    assert_eq!(subject[1]["digest"]["gitCommit"], *report.subject.commit.as_ref().unwrap());
}

#[test]
fn a_commit_that_was_changed_is_not_what_was_tested() {
    for dirty in [Some(true), None] {
        let mut report = saved("sealed");
        report.subject.dirty = dirty;
        let statement = statement(&report);
        assert_eq!(statement["subject"].as_array().unwrap().len(), 1, "{statement:#}");
        assert_eq!(statement["predicate"]["commit"]["dirty"], serde_json::json!(dirty));
    }
}

#[test]
fn a_statement_about_nothing_is_refused() {
    for hostile in ["sha512-", "sha512-QUJD", "sha1-AAAA", "not a digest", "sha512-AAAA\u{1b}"] {
        let mut report = saved("sealed");
        report.subject.lockfile_sha512 = Some(hostile.to_owned());
        report.subject.commit = Some("--upload-pack=x".to_owned());
        assert!(render(&report).unwrap_err().message.contains("no digest"), "{hostile}");
    }
    assert!(render(&saved("hostile")).is_err());
}

#[test]
fn only_a_test_in_which_all_held_has_passed() {
    let result = |change: &dyn Fn(&mut Report)| {
        let mut report = saved("sealed");
        change(&mut report);
        predicate(&report)["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(result(&|_| ()), "passed");
    let with = |verdict: Verdict, outcome: Outcome, accepted: bool| {
        result(&|report| (report.verdict, report.outcome, report.accepted) = (verdict, outcome, accepted))
    };
    for (verdict, outcome, accepted, wanted) in [
        (Verdict::Leaked, Outcome::Failed, false, "failed"),
        (Verdict::Leaked, Outcome::Sound, true, "accepted"),
        (Verdict::Exposed, Outcome::Sound, true, "accepted"),
        (Verdict::Sealed, Outcome::Failed, false, "failed"),
        (Verdict::Unobserved, Outcome::Unobserved, false, "unobserved"),
        // What no report of ours says, and a changed one may.
        (Verdict::Unobserved, Outcome::Sound, true, "unobserved"),
        (Verdict::Broken, Outcome::Sound, false, "failed"),
        (Verdict::Sealed, Outcome::Interrupted, false, "interrupted"),
        (Verdict::NotApplicable, Outcome::Sound, false, "not-applicable"),
    ] {
        assert_eq!(with(verdict, outcome, accepted), wanted, "{verdict} {outcome:?}");
    }
    assert_eq!(result(&|report| report.interrupted = true), "interrupted");
}

#[test]
fn what_was_not_seen_and_what_means_nothing_are_told_as_such() {
    let predicate = predicate(&of_every_verdict());
    let scenarios = predicate["scenarios"].as_array().unwrap();
    let verdict = |name: &str| {
        let scenario = scenarios.iter().find(|scenario| scenario["name"] == name);
        scenario.unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    for of in ["unobserved", "not-applicable", "broken", "exposed"] {
        assert_eq!(verdict(&format!("as-{of}")), of);
    }
    assert_eq!(predicate["coverage"]["unobserved"], serde_json::json!(["as-unobserved-1"]));
    let without = predicate["coverage"]["notApplicable"].as_array().unwrap();
    assert!(without.iter().any(|one| one["scenario"] == "integrity-removed"), "{without:?}");
    // Whatever else a reader takes for a word of success stands nowhere.
    assert!(!scenarios.iter().any(|scenario| scenario.to_string().contains("passed")));
}

#[test]
fn a_trap_is_no_scenario_and_says_whether_it_was_live() {
    for (verdict, live) in [(Verdict::Leaked, true), (Verdict::Sealed, false)] {
        let mut report = saved("sealed");
        report.runs.iter_mut().find(|run| run.control).unwrap().verdict = verdict;
        let predicate = predicate(&report);
        assert_eq!(predicate["traps"][0]["live"], live, "{predicate:#}");
        assert!(!predicate["scenarios"].to_string().contains("\"control\""), "{predicate:#}");
        assert_eq!(predicate["coverage"]["unobserved"].as_array().unwrap().is_empty(), live);
    }
}

#[test]
fn what_was_accepted_has_its_reason() {
    let risks = predicate(&saved("leaked"))["acceptedRisks"].clone();
    assert_eq!(risks.as_array().unwrap().len(), 1);
    assert_eq!(risks[0]["until"], "2027-03-01");
    assert!(!risks[0]["reason"].as_str().unwrap().is_empty());
}

#[test]
fn hostile_text_is_text() {
    let mut report = saved("hostile");
    report.subject = saved("sealed").subject;
    report.started = "\u{1b}[2J".to_owned();
    report.tool.sha256 = Some("\u{202e}".repeat(64));
    report.duration_ms = u64::MAX;
    let text = render(&report).unwrap();
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']) && !text.contains("\\u001b"), "{text}");
    let predicate = predicate(&report);
    assert!(predicate["startedOn"].is_null() && predicate["tool"]["digest"].is_null());
    assert_eq!(statement(&report)["predicateType"], PREDICATE);
}
