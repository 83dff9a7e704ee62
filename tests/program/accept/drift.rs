//! A dependency that was changed is told with what was before, and recorded on demand.

use crate::accept::{FILE, accept, file, lacks, said, test};
use crate::support::package::{Package, integrity};
use crate::support::project::Project;
use std::fs;

/// Connects to a host, whatever comes of it.
const CALL: &str = "const s = require('net').connect(443, 'collect.example', () => s.end());\n\
    s.on('error', () => {});\n";

pub(crate) fn project(of: Package) -> Project {
    Project::new()
        .dependency("@acme/internal", "1.0.0")
        .dependency(of.name(), of.version())
        .npmrc("@acme:registry=https://npm.acme.example/")
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| {
            registry.package(Package::new("@acme/internal", "1.0.0"))
        })
        .served_registry("{public}", "registry/public", |registry| registry.package(of))
        .build()
}

pub(crate) fn changed() -> Package {
    Package::new("plain", "2.0.1").file("call.js", CALL).script("postinstall", "node call.js")
}

#[test]
fn a_new_script_that_connects_is_drift_with_before_and_after() {
    if lacks("drift") {
        return;
    }
    let before = project(Package::new("plain", "2.0.0"));
    let outcome = accept(&before, &[]);
    assert_eq!(outcome.status, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    let same = test(&before, &["--fail-on", "warning"]);
    assert_eq!(same.status, Some(0), "{}", same.stdout);
    assert_eq!(said(&same, "drift"), Vec::<String>::new());
    assert_eq!(same.report["subject"]["baseline_sha512"], integrity(before.read(FILE).as_bytes()).as_str());

    let after = project(changed());
    fs::copy(before.path().join(FILE), after.path().join(FILE)).unwrap();
    let outcome = test(&after, &[]);
    assert_eq!(
        said(&outcome, "drift"),
        ["warning: plain is not as accepted: version 2.0.0 → 2.0.1; postinstall none → node call.js, \
             sh -c node call.js; connections none → collect.example:443"],
        "{}",
        outcome.stdout
    );
    assert_eq!(
        said(&outcome, "script-not-approved"),
        ["warning: plain@2.0.1 ran postinstall, which is on no allow-list and not in the accepted baseline"]
    );
    let egress = said(&outcome, "script-egress");
    assert!(egress.len() == 1 && egress[0].starts_with("warning: "), "{egress:#?}");
    assert_eq!(
        (outcome.status, &outcome.report["verdict"]),
        (Some(0), &"sealed".into()),
        "{}",
        outcome.stdout
    );
    // A place in the user's own file and the facts it rests on.
    let findings = outcome.report["findings"].as_array().unwrap();
    let drift = findings.iter().find(|finding| finding["rule"] == "drift").unwrap();
    assert_eq!(drift["location"]["file"], "package-lock.json", "{drift:#}");
    assert!(drift["evidence"].as_array().unwrap().len() >= 2, "{drift:#}");
    let nightly = test(&after, &["--fail-on", "warning"]);
    assert_eq!(nightly.status, Some(1), "{}", nightly.stdout);

    // In the manner of snapshot tests.
    let old = after.read(FILE);
    let updated = test(&after, &["--update", "--fail-on", "warning"]);
    assert_eq!(updated.status, Some(0), "{}{}", updated.stdout, updated.stderr);
    assert_ne!(after.read(FILE), old);
    for line in ["-          \"plain@2.0.0", "+          \"plain@2.0.1", "+          \"collect.example:443\""]
    {
        assert!(updated.stderr.contains(line), "{line}\n{}", updated.stderr);
    }
    assert!(updated.stderr.lines().filter(|line| line.starts_with(['+', '-'])).count() <= 30);
    assert_eq!(said(&updated, "drift"), Vec::<String>::new());
    assert_eq!(updated.report["subject"]["baseline_sha512"], integrity(after.read(FILE).as_bytes()).as_str());
    assert_eq!(
        file(&after)["everywhere"]["scripts"]["plain"]["connections"],
        serde_json::json!(["collect.example:443"])
    );
    assert_eq!(test(&after, &["--fail-on", "warning"]).status, Some(0));
}

#[test]
fn what_was_not_asked_for_stays_when_a_part_is_updated() {
    if lacks("part") {
        return;
    }
    let project = project(Package::new("plain", "2.0.0"));
    assert_eq!(accept(&project, &[]).status, Some(0));
    let whole = project.read(FILE);
    let part = project.test_once(&["--scenario", "baseline", "--update"]);
    assert_eq!((part.status, project.read(FILE)), (Some(0), whole), "{}", part.stderr);
    let more = project.test_once(&["--scenario", "private-refused", "--update"]);
    assert_eq!(more.status, Some(0), "{}", more.stderr);
    let scenarios = &file(&project)["everywhere"]["scenarios"];
    assert_eq!(
        *scenarios,
        serde_json::json!({ "baseline": "sealed", "control": "leaked", "private-refused": "sealed", "public-decoy": "sealed" })
    );
    // Nobody is told of an update in vain.
    let lone =
        Project::new().dependency("plain", "1.0.0").served_registry("{public}", "public", |registry| {
            registry.package(Package::new("plain", "1.0.0"))
        });
    let lone = lone.build();
    let first = lone.test_once(&["--scenario", "baseline", "--update"]);
    assert_eq!(first.status, Some(0), "{}", first.stderr);
    assert!(first.stderr.contains("wrote sealcheck.lock.json"), "{}", first.stderr);
}
