//! A margin that is required and not measured, and reports that contradict the exit code.

use crate::support::npm::skipped;
use crate::support::package::Package;
use crate::support::project::{Builder, Project};

const OWN: &str = "https://npm.acme.example/npm/";

/// A private package that one loss gives away: nothing but the mapping holds it.
fn leaky() -> Builder {
    Project::new()
        .npmrc(&format!("@acme:registry={OWN}"))
        .dependency("@acme/internal", "1.0.0")
        .served_registry(OWN, "registry", |own| own.package(Package::new("@acme/internal", "1.0.0")))
        .locked("@acme/internal", |entry| {
            (entry.resolved, entry.integrity) = (None, None);
        })
}

#[test]
fn a_margin_that_is_not_measured_is_refused_before_anything_runs() {
    if skipped("reported::required_margin::a_margin_that_is_not_measured_is_refused_before_anything_runs") {
        return;
    }
    let (bare, by_file) = (leaky().build(), leaky().settings("require-margin = 2").build());
    for (project, arguments, mend) in [
        (&bare, &["test", "--require-margin", "3"][..], "--suite margin"),
        (&bare, &["test", "--require-margin=2", "--suite", "full"], "--suite margin"),
        (&by_file, &["test", "--scenario", "baseline"], "--suite margin"),
        (&bare, &["test", "--require-margin", "5", "--suite", "margin"], "require 4 at most"),
    ] {
        let outcome = project.run(arguments);
        assert_eq!(outcome.status, Some(2), "{arguments:?}\n{}{}", outcome.stdout, outcome.stderr);
        assert!(
            outcome.stderr.contains("a margin of") && outcome.stderr.contains(mend),
            "{}",
            outcome.stderr
        );
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
}

/// The same leak with and without a margin of 2: the exit code and JUnit say the same of it.
#[test]
fn junit_says_of_a_run_what_the_exit_code_says() {
    if skipped("reported::required_margin::junit_says_of_a_run_what_the_exit_code_says") {
        return;
    }
    let project = leaky().build();
    let junit = project.path().join("junit.xml");
    let report = format!("junit={}", junit.display());
    for (more, code, counts) in [(&["--require-margin", "1"][..], 0, false), (&[], 1, true)] {
        let mut arguments = vec!["--scenario", "private-mapping-removed", "--report", &report];
        arguments.extend(more);
        let outcome = project.test_once(&arguments);
        assert_eq!(outcome.status, Some(code), "{}{}", outcome.stdout, outcome.stderr);
        let runs = outcome.report["runs"].as_array().unwrap();
        let run = runs.iter().find(|run| run["scenario"] == "private-mapping-removed").unwrap();
        assert_eq!((run["verdict"].as_str(), run["counts"].as_bool()), (Some("leaked"), Some(counts)));
        let xml = std::fs::read_to_string(&junit).unwrap();
        assert_eq!(xml.contains("<failure"), counts, "{xml}");
    }
}
