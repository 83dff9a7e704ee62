//! The scenarios of the project's side, each on both examples and some on projects
//! that have what the examples lack: what comes of it, and that the circumstance
//! which the scenario tells of was really there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "what a test prepares is its own; it has no callers outside its own crate"
)]

mod projects;
mod proofs;
mod table;

use crate::support;
use crate::support::project::{Outcome, outcome};
use proofs::Proof;
use serde_json::Value;
use std::fmt::Write as _;
use std::process::Command;
use table::{BOTH, Row};

/// Runs scenarios on an example, all in one invocation.
fn example(name: &str, scenarios: &[&str], more: &[&str]) -> Outcome {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(support::sealcheck());
    support::npm::in_empty_home(&mut command, home.path());
    support::place::choose(&mut command);
    command.env("XDG_CACHE_HOME", support::toolchain::cache());
    let report = home.path().join("report.json");
    command.arg("test").arg(support::root().join("examples").join(name)).args(more);
    for scenario in scenarios {
        command.args(["--scenario", scenario]);
    }
    command.arg(format!("--report=json={}", report.display()));
    outcome(&mut command, Some(&report))
}

fn run<'a>(outcome: &'a Outcome, scenario: &str) -> Option<&'a Value> {
    outcome.report["runs"].as_array()?.iter().find(|run| run["scenario"] == scenario)
}

/// "sealed, npm EINTEGRITY", "not-applicable: no package is optional". An exact version of npm
/// is told by its major one, which is all that the test asked for.
fn told(outcome: &Outcome, scenario: &str) -> String {
    if let Some(run) = run(outcome, scenario) {
        let verdict = run["verdict"].as_str().unwrap_or_default();
        let code =
            run["npm_error"]["code"].as_str().map_or_else(|| run["exit_code"].to_string(), str::to_owned);
        return format!("{verdict}, npm {code}");
    }
    let exact = outcome.report["runs"][0]["toolchain"]["npm"].as_str().unwrap_or("no npm");
    let major = exact.split('.').next().unwrap_or_default();
    let skipped = outcome.report["coverage"]["not_applicable"].as_array().into_iter().flatten();
    skipped
        .filter(|entry| entry["scenario"] == scenario)
        .map(|entry| entry["reason"].as_str().unwrap_or_default().replace(exact, major))
        .map(|reason| format!("not-applicable: {reason}"))
        .next()
        .unwrap_or_else(|| "no run".to_owned())
}

/// All that is not as it should be, at once.
fn complaints(outcome: &Outcome, rows: &[(&str, &str, Proof)]) -> String {
    let mut wrong = String::new();
    for (scenario, expected, proof) in rows {
        let found = told(outcome, scenario);
        if found != *expected {
            let because = run(outcome, scenario).map(|run| run["because"].to_string()).unwrap_or_default();
            let _ = writeln!(wrong, "  {scenario}: expected {expected}, found {found} {because}");
        }
        if let Some(run) = run(outcome, scenario)
            && let Err(lack) = proof(run)
        {
            let _ = writeln!(wrong, "  {scenario}: {lack}");
        }
    }
    if !wrong.is_empty() {
        wrong.push_str(&outcome.stderr);
    }
    wrong
}

fn hold(name: &str, pick: fn(&Row) -> (&'static str, Proof)) {
    let scenarios: Vec<&str> = BOTH.iter().map(|row| row.scenario).collect();
    let outcome = example(name, &scenarios, &[]);
    let rows: Vec<(&str, &str, Proof)> = BOTH
        .iter()
        .map(|row| {
            let (expected, proof) = pick(row);
            (row.scenario, expected, proof)
        })
        .collect();
    let wrong = complaints(&outcome, &rows);
    assert!(wrong.is_empty(), "{name}\n{wrong}");
}

#[test]
fn the_leaky_shop_under_every_scenario_of_its_own_side() {
    hold("leaky-shop", |row| row.leaky);
}

#[test]
fn the_sealed_shop_under_every_scenario_of_its_own_side() {
    hold("sealed-shop", |row| row.sealed);
}

/// Runs scenarios on a project that has their subject.
fn subject(project: &support::project::Project, rows: &[(&str, &str, Proof)]) {
    let arguments: Vec<&str> = rows.iter().flat_map(|(scenario, _, _)| ["--scenario", scenario]).collect();
    let wrong = complaints(&project.test(&arguments), rows);
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn a_mapping_that_stands_elsewhere_is_lost_with_its_file() {
    subject(
        &projects::told_elsewhere(),
        &[
            ("home-changed", "leaked, npm 0", |run| proofs::changed_hands(run, &["@acme/internal"])),
            ("userconfig-elsewhere", "leaked, npm 0", |run| proofs::changed_hands(run, &["@acme/internal"])),
            ("prefix-elsewhere", "leaked, npm 0", |run| proofs::changed_hands(run, &["@corp/logger"])),
            ("omit-dev", "sealed, npm 0", |run| proofs::leaves_out(run, "@acme/testing")),
            ("omit-optional", "sealed, npm 0", |run| proofs::leaves_out(run, "left-over")),
        ],
    );
}

#[test]
fn a_host_is_replaced_or_kept_before_a_mirror() {
    subject(
        &projects::mirrored(),
        &[
            ("replace-registry-host-never", "sealed, npm 0", |run| {
                proofs::comes_from(run, "left-over", "public")
            }),
            ("replace-registry-host-npmjs", "sealed, npm 0", |run| {
                proofs::comes_from(run, "left-over", "own")
            }),
        ],
    );
}

#[test]
fn a_token_whose_variable_is_not_set_is_refused() {
    subject(
        &projects::with_token_variable(),
        &[("private-token-unset", "sealed, npm E401", proofs::refused_without_a_credential)],
    );
}

#[test]
fn an_npmrc_in_a_workspace_member_maps_nothing() {
    subject(
        &projects::workspace(),
        &[("npmrc-in-workspace-member", "leaked, npm 0", |run| {
            proofs::changed_hands(run, &["@acme/internal"])
        })],
    );
}

/// `--ignore-scripts` is a word of the install alone, `ignore-scripts` in the npmrc holds for
/// both.
#[test]
fn a_rebuild_runs_what_the_install_was_told_not_to() {
    let rebuilt: Proof = proofs::built_behind;
    let project = projects::without_scripts("[install]\ncommand = \"npm ci --ignore-scripts\"\n", "");
    let outcome = project.test(&["--scenario", "npm-rebuild"]);
    let wrong = complaints(&outcome, &[("npm-rebuild", "sealed, npm 0", rebuilt)]);
    assert!(wrong.is_empty(), "\n{wrong}");
    let rule = "scripts-ran-while-disabled";
    let told: Vec<(&str, &str)> = outcome.report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["rule"] == rule)
        .map(|finding| (finding["severity"].as_str().unwrap(), finding["message"].as_str().unwrap()))
        .collect();
    let message = "the postinstall script of @shop/prices@1.0.0 ran in `npm rebuild` although scripts were off \
                   for the install";
    assert_eq!(told, [("warning", message)], "{:#}", outcome.report["findings"]);

    let project = projects::without_scripts("", "ignore-scripts=true\n");
    let outcome = project.test(&["--scenario", "npm-rebuild"]);
    let wrong = complaints(&outcome, &[("npm-rebuild", "sealed, npm 0", proofs::no_script)]);
    assert!(wrong.is_empty(), "\n{wrong}");
    let findings = outcome.report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["rule"] != rule), "{findings:#?}");
}

/// A scenario of one's own: a sha1 counts for nothing where the packument has a sha512.
#[test]
fn a_sha1_alone_lets_a_stranger_in_where_the_name_is_asked_for() {
    let own = support::root().join("tests/program/catalogue_project/own");
    let more = ["--scenarios-dir", own.to_str().unwrap()];
    let name = "lockfile-sha1-only-mapping-removed";
    let outcome = example("sealed-shop", &[name], &more);
    let wrong = complaints(&outcome, &[(name, "leaked, npm 0", proofs::asks_a_stranger)]);
    assert!(wrong.is_empty(), "\n{wrong}");
    // Three losses are more than the margin that is asked for.
    assert_eq!(outcome.report["verdict"], "sealed", "{}", outcome.stderr);
}

#[test]
fn a_virtual_registry_that_merges_wins_where_versions_are_chosen_anew() {
    subject(
        &projects::virtual_one(),
        &[
            ("virtual-merges", "sealed, npm 0", |run| proofs::comes_from(run, "@acme/internal", "own")),
            ("virtual-merges-lockfile-removed", "leaked, npm 0", |run| {
                proofs::is_the_strangers(run, "@acme/internal", "1.0.98")
            }),
        ],
    );
}

/// What npm 10 and 12 do otherwise than npm 11.
#[test]
fn other_npms_differ_where_the_prose_says_so() {
    if let Some(lack) = support::npm::lacks_public_registry() {
        support::skip("catalogue_project::other_npms_differ_where_the_prose_says_so", lack);
        return;
    }
    let mut wrong = String::new();
    for (toolchain, of) in [
        (support::toolchain::NODE_20_NPM_10, table::NPM_10),
        (support::toolchain::NODE_22_NPM_12, table::NPM_12),
    ] {
        let scenarios: Vec<&str> = of.iter().map(|(scenario, _, _)| *scenario).collect();
        for example_name in ["leaky-shop", "sealed-shop"] {
            let rows: Vec<(&str, &str, Proof)> = of
                .iter()
                .map(|(scenario, leaky, sealed)| {
                    let told = if example_name == "leaky-shop" { leaky } else { sealed };
                    (*scenario, *told, (|_| Ok(())) as Proof)
                })
                .collect();
            let outcome = example(example_name, &scenarios, &["--toolchain", toolchain]);
            let complaints = complaints(&outcome, &rows);
            if !complaints.is_empty() {
                let _ = writeln!(wrong, "{example_name}, {toolchain}:\n{complaints}");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
