//! Both backends say the same of the examples: the whole reports are compared, after
//! what differs by nature was taken out by name (`tests/support/comparable.rs`). Other
//! projects are compared where their own tests run in containers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support::comparable::{comparable, differences};
use crate::support::{agree, place};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// The report of a test, made where `engine` says.
fn report(project: &Path, engine: Option<&str>, arguments: &[&str]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(crate::support::sealcheck());
    crate::support::npm::in_empty_home(&mut command, home.path());
    if let Some(engine) = engine {
        place::within(&mut command, engine);
    }
    command.env("XDG_CACHE_HOME", crate::support::toolchain::cache());
    let path = home.path().join("report.json");
    command.arg("test").arg(project).args(arguments).arg(format!("--report=json={}", path.display()));
    let output = command.output().unwrap();
    let bytes = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{engine:?}: {error}\n{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_slice(&bytes).unwrap()
}

/// Both engines say of a project what namespaces say with the same node and npm.
fn hold(test: &str, project: &Path) {
    for engine in ["docker", "podman"] {
        if place::engine(engine).is_none() {
            crate::support::skip(&format!("backends::{test} ({engine})"), "the engine was not started");
            continue;
        }
        let contained = report(project, Some(engine), &[]);
        let plain = report(project, None, &["--toolchain", &agree::toolchain(&contained)]);
        agree::reports(engine, plain, contained);
    }
}

#[test]
fn they_agree_on_the_leaky_shop() {
    hold("leaky-shop", &crate::support::root().join("examples/leaky-shop"));
}

#[test]
fn they_agree_on_the_sealed_shop() {
    hold("sealed-shop", &crate::support::root().join("examples/sealed-shop"));
}

/// A saved report, and how often it differs from itself with something changed.
fn differs(change: impl FnOnce(&mut Value)) -> usize {
    let report: Value = serde_json::from_str(include_str!("../fixtures/reports/leaked.json")).unwrap();
    let mut changed = report.clone();
    change(&mut changed);
    let mut found = Vec::new();
    differences("", &comparable(report), &comparable(changed), &mut found);
    found.len()
}

#[test]
fn what_matters_is_compared_and_what_is_chance_is_not() {
    assert_eq!(differs(|_| {}), 0);
    // Run 2 is an install that failed.
    for pointer in [
        "/verdict",
        "/runs/0/packages/0/source/host",
        "/runs/0/packages/0/source/sha512",
        "/runs/0/exchanges/0/role",
        "/runs/0/exchanges/0/status",
        "/runs/0/processes/0/argv/1",
        "/runs/1/verdict",
        "/runs/2/verdict",
        "/runs/2/exit_code",
        "/runs/2/npm_error/code",
        "/findings/0/rule",
        "/findings/0/message",
        "/findings/0/runs/0",
    ] {
        let changed = |report: &mut Value| {
            let value = report.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not there"));
            *value = if value.is_number() { json!(7) } else { json!("another") };
        };
        assert!(differs(changed) > 0, "{pointer}");
    }
    let asked = json!({ "seq": 9, "method": "GET", "scheme": "https", "host": "attacker.example", "port": 443,
        "path": "/", "kind": "other", "role": "foreign", "fault": null });
    let add = |run: usize| {
        let asked = asked.clone();
        differs(move |report| report["runs"][run]["exchanges"].as_array_mut().unwrap().push(asked))
    };
    assert_eq!((add(0) > 0, add(2) > 0), (true, true));
    assert_eq!(differs(|report| report["duration_ms"] = json!(7)), 0);
    assert_eq!(differs(|report| report["runs"][0]["exchanges"].as_array_mut().unwrap().reverse()), 0);
}
