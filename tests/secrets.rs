//! A dependency's script takes every planted secret and sends it in every form: each is
//! found, none is printed, and a project whose scripts do nothing of the kind is sealed
//! with all of them around it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use support::npm::lacks_npm;
use support::package::Package;
use support::project::{Outcome, Project};

const LABELS: [&str; 15] = [
    "ANTHROPIC_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "CI_JOB_TOKEN",
    "GITHUB_TOKEN",
    "NPM_TOKEN",
    "OPENAI_API_KEY",
    "~/.aws/credentials",
    "~/.claude/.credentials.json",
    "~/.codex/auth.json",
    "~/.config/gh/hosts.yml",
    "~/.env",
    "~/.git-credentials",
    "~/.netrc",
    "~/.npmrc",
    "~/.ssh/id_ed25519",
];
const FORMS: [&str; 11] =
    ["base64", "base64url", "form", "gzip", "hex", "json", "lines", "packed", "packedform", "plain", "url"];

/// A project of one public package.
fn project(package: Package, npmrc: &str) -> Project {
    Project::new()
        .dependency(&package.name().to_owned(), "1.0.0")
        .npmrc(&format!("foreground-scripts=true\naudit=false\n{npmrc}"))
        .served_registry("{public}", "registry/public", |registry| registry.package(package))
        .build()
}

fn baseline(outcome: &Outcome) -> &Value {
    let runs = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    runs.iter().find(|run| run["scenario"] == "baseline").unwrap()
}

fn findings<'a>(outcome: &'a Outcome, rule: &str) -> Vec<&'a Value> {
    let all = outcome.report["findings"].as_array().unwrap().iter();
    all.filter(|finding| finding["rule"] == rule).collect()
}

#[test]
fn every_secret_is_found_in_every_form_and_printed_in_none() {
    if let Some(lack) = lacks_npm() {
        return support::skip("secrets::found", &lack);
    }
    let thief = Package::new("thief", "1.0.0")
        .script("postinstall", "node steal.js")
        .file("steal.js", include_str!("fixtures/secrets/steal.js"));
    let outcome = project(thief, "").test(&["--scenario", "baseline"]);
    let run = baseline(&outcome);
    assert_eq!(run["exit_code"], 0, "{:#}", run["output"]);
    let exchanges = run["exchanges"].as_array().unwrap();
    let found: BTreeSet<(String, String)> = exchanges
        .iter()
        .filter(|exchange| exchange["host"] == "sink.example")
        .map(|exchange| {
            let path = exchange["path"].as_str().unwrap();
            let (form, label) = path[1..].split_once('/').unwrap();
            let label = label.replace("%2F", "/");
            assert_eq!(exchange["carried_secret"], label.as_str(), "{exchange:#}");
            (form.to_owned(), label)
        })
        .collect();
    let wanted: BTreeSet<(String, String)> = FORMS
        .iter()
        .flat_map(|form| LABELS.iter().map(|label| ((*form).to_owned(), (*label).to_owned())))
        .collect();
    assert_eq!(found, wanted);
    let lookups = run["lookups"].as_array().unwrap();
    let lookup = lookups.iter().find(|lookup| lookup["carried_secret"] == "GITHUB_TOKEN");
    assert_eq!(
        lookup.unwrap_or_else(|| panic!("{lookups:#?}"))["name"],
        "[redacted:GITHUB_TOKEN].sink.example"
    );

    // Shown to its own service it is used; whatever else is done there with it, it has left.
    let github = |method: &str| {
        let mut all = exchanges.iter();
        all.find(|it| it["host"] == "api.github.com" && it["method"] == method).unwrap()
    };
    assert_eq!(github("GET")["used_secret"], "GITHUB_TOKEN");
    assert_eq!(github("GET")["carried_secret"], Value::Null);
    assert_eq!(github("POST")["carried_secret"], "GITHUB_TOKEN");

    let told = run["output"]["stdout_tail"].as_str().unwrap();
    for label in LABELS {
        assert!(told.contains(&format!("[redacted:{label}]")), "{label}: {told}");
    }
    let everything = format!("{}{}{}", outcome.report, outcome.stdout, outcome.stderr);
    for prefix in ["ghs_", "ghp_", "gho_", "npm_", "sk-ant-api03-", "sk-ant-oat01-", "sk-proj-", "glcbt-64_"]
    {
        let shown = everything.match_indices(prefix).find(|(at, _)| {
            let rest = &everything[at + prefix.len()..];
            rest.chars().take(12).filter(char::is_ascii_alphanumeric).count() == 12
        });
        assert!(shown.is_none(), "{prefix}");
    }
    assert_eq!(outcome.report["verdict"], "leaked");
    assert_eq!(findings(&outcome, "credential-to-foreign-host"), Vec::<&Value>::new());
    assert!(findings(&outcome, "secret-exfiltrated").len() >= LABELS.len());
}
