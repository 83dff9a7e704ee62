//! A saved report beside the accepted baseline, without a sandbox.

use crate::accept::{FILE, accept, drift, lacks, test};
use crate::support;
use crate::support::package::Package;
use crate::support::project::{Outcome, Project};
use serde_json::Value;
use std::fs;

const REPORT: &str = "saved.json";

fn compare(project: &Project, left: &str, right: &str, more: &[&str]) -> Outcome {
    project.run(&[&["compare", left, right, "--color", "never"], more].concat())
}

#[test]
fn a_report_is_equal_to_the_baseline_until_a_dependency_is_another() {
    if lacks("compared") {
        return;
    }
    let before = drift::project(Package::new("plain", "2.0.0"));
    let outcome = accept(&before, &[]);
    assert_eq!(outcome.status, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    test(&before, &["--report", &format!("json={REPORT}")]);
    for (left, right) in [(REPORT, FILE), (FILE, REPORT)] {
        let same = compare(&before, left, right, &[]);
        assert_eq!(same.status, Some(0), "{}{}", same.stdout, same.stderr);
        assert_eq!(same.stdout, format!("equal: nothing that was observed differs from {FILE}\n"));
    }

    let after = drift::project(drift::changed());
    fs::copy(before.path().join(FILE), after.path().join(FILE)).unwrap();
    test(&after, &["--report", &format!("json={REPORT}")]);
    let told = compare(&after, REPORT, FILE, &[]);
    assert_eq!(told.status, Some(1), "{}{}", told.stdout, told.stderr);
    let lines: Vec<&str> = told.stdout.lines().map(str::trim).collect();
    assert_eq!(lines[0], format!("differs: {REPORT} is not as {FILE} has it"));
    assert!(lines[2].starts_with("in node "), "{}", told.stdout);
    // In the words of the rule `drift`.
    let words = lines[3..].join(" ");
    for part in [
        "plain is not as accepted: version 2.0.0 ",
        " 2.0.1; postinstall none ",
        " node call.js, sh -c node call.js; connections none ",
        " collect.example:443",
    ] {
        assert!(words.contains(part), "{part}\n{words}");
    }
    let json: Value =
        serde_json::from_str(&compare(&after, FILE, REPORT, &["--format", "json"]).stdout).unwrap();
    assert_eq!((&json["schema"], &json["agreement"]), (&"sealcheck/drift/v1".into(), &"differs".into()));
    support::schema::assert_fits(&json);
    assert_eq!(
        json["places"][0]["packages"][0]["changes"][0],
        serde_json::json!({ "what": "version", "before": ["2.0.0"], "after": ["2.0.1"] })
    );

    // A scenario less, and one that is not in the baseline, are never equal.
    let fewer = before.run(&["test", "--scenario", "baseline", "--report", &format!("json={REPORT}")]);
    assert_eq!(fewer.status, Some(0), "{}{}", fewer.stdout, fewer.stderr);
    let told = compare(&before, FILE, REPORT, &[]);
    assert_eq!(told.status, Some(3), "{}{}", told.stdout, told.stderr);
    assert!(told.stdout.contains("the report has no run of public-decoy"), "{}", told.stdout);

    hostile(&before);
    baselines(&before, &after);
}

/// What is no baseline is refused with its place.
fn hostile(project: &Project) {
    let good = project.read(FILE);
    for (bad, part) in [
        (good.replacen("\"suite\"", "\"sweet\"", 1), "unknown field `sweet`"),
        (good.replacen("lock/v1", "lock/v9", 1), "sealcheck/lock/v9"),
        (good.replacen("\"sealed\"", "\"s\\u001b[2J\"", 1), "no verdict"),
        (format!("{}{good}", " ".repeat(8 << 20)), "larger than 8 MiB"),
    ] {
        fs::write(project.path().join("bad.json"), &bad).unwrap();
        let told = compare(project, REPORT, "bad.json", &[]);
        assert_eq!((told.status, told.stdout.as_str()), (Some(2), ""), "{part}: {}", told.stderr);
        assert!(told.stderr.contains(part) && !told.stderr.contains('\u{1b}'), "{part}: {}", told.stderr);
    }
}

/// Two baselines are compared as texts.
fn baselines(before: &Project, after: &Project) {
    let updated = test(after, &["--update"]);
    assert!(updated.stderr.contains("updated"), "{}{}", updated.stdout, updated.stderr);
    fs::write(after.path().join("old.json"), before.read(FILE)).unwrap();
    let told = compare(after, "old.json", FILE, &[]);
    assert_eq!(told.status, Some(1), "{}{}", told.stdout, told.stderr);
    assert!(told.stdout.contains("+ ") && told.stdout.contains("\"collect.example:443\""), "{}", told.stdout);
    let json: Value =
        serde_json::from_str(&compare(after, "old.json", FILE, &["--format", "json"]).stdout).unwrap();
    assert_eq!((&json["schema"], &json["agreement"]), (&"sealcheck/baselines/v1".into(), &"differs".into()));
    support::schema::assert_fits(&json);
    let same = compare(after, FILE, FILE, &[]);
    assert_eq!(same.status, Some(0), "{}{}", same.stdout, same.stderr);
}
