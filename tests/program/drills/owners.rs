//! Owners' own controls: what stops a drill is told, and whatever comes of it fails nothing.

use super::sealcheck;
use crate::support;
use serde_json::{Value, json};
use std::path::Path;

/// The suite on a project with this package.json, `.npmrc` and sealcheck.toml: its report
/// and the exit code.
fn suite(files: &[(&str, &str)], arguments: &[&str]) -> (Value, Option<i32>, String) {
    let (project, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |name: &str, text: &str| std::fs::write(project.path().join(name), text).unwrap();
    write("package.json", r#"{ "name": "app", "version": "1.0.0", "private": true }"#);
    let lockfile = json!({ "name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": { "": { "name": "app", "version": "1.0.0" } } });
    write("package-lock.json", &lockfile.to_string());
    for (name, text) in files {
        write(name, text);
    }
    let report = home.path().join("report.json");
    let target = format!("json={}", report.display());
    let mut words =
        vec!["-q", "test", project.path().to_str().unwrap(), "--suite", "drills", "--report", &target];
    words.extend(arguments);
    let output = sealcheck(home.path(), &words);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = format!("{shown}{}", String::from_utf8_lossy(&output.stderr));
    (read(&report, &said), output.status.code(), shown)
}

fn read(report: &Path, said: &str) -> Value {
    let text = std::fs::read(report).unwrap_or_else(|error| panic!("{error}\n{said}"));
    serde_json::from_slice(&text).unwrap()
}

fn score<'a>(report: &'a Value, drill: &str) -> &'a Value {
    let mut scores = report["drills"].as_array().unwrap().iter();
    scores.find(|score| score["drill"] == drill).unwrap_or_else(|| panic!("{drill} was not scored"))
}

const SOME: [&str; 8] = [
    "--scenario",
    "env-harvest",
    "--scenario",
    "agent-config",
    "--scenario",
    "banner",
    "--scenario",
    "colors",
];

#[test]
fn without_controls_everything_runs_and_fails_nothing() {
    let (report, code, shown) = suite(&[], &SOME);
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(report["verdict"], "not-applicable");
    let outcome = |drill: &str| score(&report, drill)["outcome"].clone();
    assert_eq!(outcome("env-harvest"), "reported");
    assert_eq!(outcome("agent-config"), "reported");
    assert_eq!(outcome("banner"), "fact");
    assert_eq!(outcome("colors"), "quiet");
    assert!(shown.starts_with("drills: 0 of 2 attacks were stopped, 2 ran and were reported"), "{shown}");
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.is_empty() && findings.iter().all(|it| it["counts"] == false), "{findings:?}");
}

#[test]
fn what_stops_a_drill_is_told_with_its_place() {
    let registry = "registry=https://npm.corp.example/api/npm/\n//npm.corp.example/api/npm/:_authToken=0123456789abcdef\n";
    let off = format!("{registry}ignore-scripts=true\n");
    let (report, code, shown) = suite(&[(".npmrc", &off)], &SOME);
    assert_eq!(code, Some(0), "{shown}");
    for drill in ["env-harvest", "agent-config", "banner"] {
        let score = score(&report, drill);
        assert_eq!(score["outcome"], "stopped", "{shown}");
        assert_eq!(score["stopped_by"], "`ignore-scripts` in the project's `.npmrc`");
    }
    // The owner's registry was asked, and it is served from here.
    assert!(report["runs"].to_string().contains("npm.corp.example"), "{shown}");
    assert!(!report.to_string().contains("0123456789abcdef"));

    let command = "[install]\ncommand = \"npm ci --workspace packages/web --ignore-scripts\"\n";
    let (report, _, shown) = suite(&[("sealcheck.toml", command)], &["--scenario", "env-harvest"]);
    let stopped = &score(&report, "env-harvest")["stopped_by"];
    assert_eq!(stopped, "`--ignore-scripts` on the command line", "{shown}");
}

/// An allow-list stops nothing with npm 11, and makes what runs a warning.
#[test]
fn what_the_owner_approved_counts() {
    let trust = "[trust]\nscripts = [\"drill-*\"]\n";
    let (report, _, shown) = suite(&[("sealcheck.toml", trust)], &["--scenario", "phantom-gyp"]);
    assert_eq!(score(&report, "phantom-gyp")["outcome"], "fact", "{shown}");
    let manifest =
        r#"{ "name": "app", "version": "1.0.0", "private": true, "allowScripts": { "esbuild": true } }"#;
    let (report, _, shown) = suite(&[("package.json", manifest)], &["--scenario", "phantom-gyp"]);
    assert_eq!(score(&report, "phantom-gyp")["outcome"], "reported", "{shown}");
}

#[test]
fn npm_12_stops_what_nobody_approved() {
    if let Some(lack) = support::npm::lacks_public_registry() {
        support::skip("drills::npm_12_stops_what_nobody_approved", lack);
        return;
    }
    let manifest = r#"{ "name": "app", "version": "1.0.0", "private": true, "allowScripts": { "drill-agent-config": true } }"#;
    let mut words = vec!["--toolchain", support::toolchain::NODE_22_NPM_12];
    words.extend(SOME);
    words.extend(["--scenario", "git-dependency-npmrc"]);
    let (report, code, shown) = suite(&[("package.json", manifest)], &words);
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(score(&report, "env-harvest")["stopped_by"], "npm 12, not named by `allowScripts`", "{shown}");
    assert_eq!(score(&report, "git-dependency-npmrc")["stopped_by"], "npm's refusal, EALLOWGIT", "{shown}");
    // Approved by name, it runs: what it leaves is reported all the same.
    assert_eq!(score(&report, "agent-config")["outcome"], "reported", "{shown}");
}

#[test]
fn what_could_not_be_observed_is_said() {
    let (report, code, shown) = suite(&[], &["--scenario", "banner", "--timeout", "50ms"]);
    assert_eq!(code, Some(3), "{shown}");
    assert_eq!(report["verdict"], "unobserved");
    assert_eq!(score(&report, "banner")["outcome"], "unobserved");
}

#[test]
fn a_drill_that_is_not_there_is_named() {
    let home = tempfile::tempdir().unwrap();
    let output = sealcheck(home.path(), &["drills", "show", "worm-v3"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no drill is named `worm-v3`") && said.contains("worm-v"), "{said}");
    let output = sealcheck(home.path(), &["drills", "show", "worm-v2"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("# packages/drill-worm-v2/setup.js") && shown.contains("unlinkSync"), "{shown}");
}

/// The run is ended at its limit, and nothing of it stays on the machine.
#[test]
fn what_never_ends_is_ended_and_cleaned_up() {
    let (home, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = std::process::Command::new(support::sealcheck());
    support::npm::in_empty_home(&mut command, home.path());
    command.env("XDG_CACHE_HOME", cache.path());
    let output = command.args(["-q", "drills", "rates", "--json", "--drill", "never-ends"]).output().unwrap();
    let places: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(places[0]["runs"][0]["cut_short"], "time", "{places}");
    let scratch = cache.path().join("sealcheck/scratch");
    let files = std::fs::read_dir(&scratch).into_iter().flatten().map(|it| it.unwrap().path());
    // The folder on which every place is mounted stays, and is empty.
    let left: Vec<_> = files.filter(|path| !path.ends_with("mountpoint")).collect();
    assert!(left.is_empty(), "{left:?}");
}
