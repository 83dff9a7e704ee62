//! Whole reports as SARIF. That they are valid by the schema is seen in
//! `tests/program/cli/formats.rs`.

use super::{render, render_all};
use crate::report::collection::tests::{collection, entry, three};
use crate::report::json::tests::{of_every_verdict, saved};
use crate::report::model::Report;
use crate::report::opinion::{Severity, Verdict};
use crate::report::outcome::Outcome;
use insta::assert_snapshot;
use serde_json::Value;

fn log(report: &Report) -> Value {
    serde_json::from_str(&render(report).unwrap()).unwrap()
}

fn run(report: &Report) -> Value {
    log(report)["runs"][0].clone()
}

#[test]
fn a_leaking_report() {
    let mut log = log(&saved("leaked"));
    for rule in log["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap() {
        // The pages change for reasons of their own.
        assert!(rule["help"]["markdown"].as_str().unwrap().contains("## How to mend it"));
        rule["help"] = "its page".into();
        rule["fullDescription"] = "the first paragraph of it".into();
    }
    assert_snapshot!(format!("{log:#}"));
}

#[test]
fn findings_are_results_with_a_rule_a_place_and_a_fingerprint() {
    let report = saved("leaked");
    let run = run(&report);
    let results = run["results"].as_array().unwrap();
    for result in results {
        let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][at]["id"], result["ruleId"]);
        assert!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].is_string());
        assert!(result["partialFingerprints"]["sealcheck/v1"].is_string());
    }
    // What the control alone shows is in none, and all that counts is in one.
    let counting = report.findings.iter().filter(|finding| finding.counts).count();
    assert!(results.iter().filter(|result| result["properties"]["counts"] == true).count() == counting);
}

#[test]
fn what_is_accepted_is_suppressed_and_nothing_else() {
    let report = saved("leaked");
    let accepted = report.findings.iter().filter(|finding| finding.accepted.is_some()).count();
    let run = run(&report);
    let results = run["results"].as_array().unwrap();
    let suppressed: Vec<&Value> =
        results.iter().filter(|result| result["suppressions"] != serde_json::json!([])).collect();
    assert_eq!((suppressed.len(), accepted), (1, 1));
    let suppression = &suppressed[0]["suppressions"][0];
    assert_eq!(
        (suppression["kind"].as_str(), suppression["status"].as_str()),
        (Some("external"), Some("accepted"))
    );
    assert!(suppression["justification"].as_str().unwrap().contains("2027-03-01"));
}

#[test]
fn what_was_not_seen_is_no_success() {
    let good = |report: &Report| run(report)["invocations"][0]["executionSuccessful"] == true;
    assert!(good(&saved("sealed")) && good(&saved("leaked")));
    for name in ["unobserved", "interrupted"] {
        let report = saved(name);
        assert!(!good(&report), "{name}");
        let told = run(&report)["invocations"][0]["toolExecutionNotifications"].clone();
        assert!(told.as_array().unwrap().iter().any(|one| one["level"] == "error"), "{name}: {told}");
    }
    for outcome in [Outcome::Unobserved, Outcome::Interrupted] {
        let mut report = saved("sealed");
        report.outcome = outcome;
        assert!(!good(&report));
    }
    let mut report = saved("leaked");
    report.runs[0].verdict = Verdict::Unobserved;
    assert!(!good(&report), "one run that went unobserved beside a leak");
    let mut report = saved("sealed");
    report.runs.iter_mut().find(|run| run.control).unwrap().verdict = Verdict::Sealed;
    assert!(!good(&report), "a trap that was not live");
}

#[test]
fn what_means_nothing_here_is_a_notification() {
    let run = run(&of_every_verdict());
    let told = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    let of = |id: &str| told.iter().filter(|one| one["descriptor"]["id"] == id).count();
    assert!(of("not-applicable") >= 1 && of("unobserved") == 1, "{told:?}");
}

#[test]
fn hostile_text_is_text() {
    let mut report = saved("hostile");
    let nasty = "[click](https://evil.example) {0} ]]> <script> | \u{1b}[2J\u{202e}\u{0}";
    for finding in &mut report.findings {
        finding.message = nasty.to_owned();
        finding.help = nasty.to_owned();
        finding.severity = Severity::Error;
        if let Some(place) = &mut finding.location {
            place.file = format!("a/{nasty}");
        }
    }
    report.started = nasty.to_owned();
    let text = render(&report).unwrap();
    assert!(!text.contains("](https://evil"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']) && !text.contains("\\u001b"), "{text}");
    let run = run(&report);
    assert!(run["invocations"][0].get("startTimeUtc").is_none());
    for result in run["results"].as_array().unwrap() {
        let said = result["message"]["text"].as_str().unwrap();
        assert!(said.contains("{{0}}") && !said.replace("{{0}}", "").contains("{0}"), "{said}");
    }
}

#[test]
fn several_projects_are_runs_of_one_log_whose_files_are_found_from_above() {
    let log: Value = serde_json::from_str(&render_all(&three()).unwrap()).unwrap();
    let runs = log["runs"].as_array().unwrap();
    let ids: Vec<&str> = runs.iter().map(|run| run["automationDetails"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["sealcheck/apps/shop/", "sealcheck/apps/api/", "sealcheck/apps/web/"]);
    for result in runs[0]["results"].as_array().unwrap() {
        let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert!(uri.as_str().unwrap().starts_with("apps/shop/"), "{uri}");
    }
    // Each is as it would be alone, but for where its files lie.
    let alone = run(&saved("leaked"));
    let said = |run: &Value| {
        let results = run["results"].as_array().unwrap().iter();
        results
            .map(|one| (one["ruleId"].clone(), one["message"].clone(), one["partialFingerprints"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(said(&runs[0]), said(&alone));
    let carried = &runs[2];
    assert_eq!(carried["properties"]["carried"]["started"], "2026-11-20T02:00:00Z");
    let told = &carried["invocations"][0]["toolExecutionNotifications"][0];
    assert_eq!(told["descriptor"]["id"], "carried-over");
    assert!(runs[1]["properties"].get("carried").is_none());
}

#[test]
fn a_project_that_was_not_tested_is_no_success() {
    let all = collection(vec![entry("a", "sealed")], &["b"]);
    let log: Value = serde_json::from_str(&render_all(&all).unwrap()).unwrap();
    let invocation = &log["runs"][1]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["toolExecutionNotifications"][0]["descriptor"]["id"], "project-not-tested");
}
