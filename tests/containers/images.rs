//! Images of every kind, at every engine of the tests: what can be tested is, and
//! what cannot be is said before anything runs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use crate::support::place;
use serde_json::Value;
use std::process::Command;

/// Runs two scenarios on the sealed shop in an image; the report, what was said, and
/// the exit code.
fn test(engine: &str, image: &str) -> (Value, String, i32) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(support::sealcheck());
    support::npm::in_empty_home(&mut command, home.path());
    place::within(&mut command, engine);
    let report = home.path().join("report.json");
    command
        .arg("test")
        .arg(support::root().join("examples/sealed-shop"))
        .args(["--scenario", "private-mapping-removed", "--image", image])
        .arg(format!("--report=json={}", report.display()));
    let output = command.output().unwrap();
    let report = std::fs::read(&report).map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
    (report, String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code().unwrap())
}

fn at_every_engine(test: &str, check: fn(&str)) {
    for engine in ["docker", "podman"] {
        if place::engine(engine).is_some() {
            check(engine);
        } else {
            support::skip(&format!("images::{test} ({engine})"), "the engine was not started");
        }
    }
}

fn is_sealed(engine: &str, image: &str) {
    let (report, said, code) = test(engine, image);
    assert_eq!(code, 0, "{engine}: {said}");
    let runs = report["runs"].as_array().unwrap();
    let verdict = |scenario: &str| {
        let run = runs.iter().find(|run| run["scenario"] == scenario);
        run.unwrap_or_else(|| panic!("no {scenario}"))["verdict"].clone()
    };
    assert_eq!(
        [verdict("baseline"), verdict("private-mapping-removed"), verdict("control")],
        ["sealed", "sealed", "leaked"]
    );
    for run in runs.iter().filter(|run| run["verdict"] != "not-applicable") {
        assert_eq!(run["backend"], "container");
        let named = run["image"].as_str().unwrap();
        assert!(named.starts_with(&format!("{image}@sha256:")), "{named}");
        // The witness saw the private package's own script, so it works in there.
        let scripts = run["processes"].as_array().unwrap().iter();
        assert!(scripts.clone().any(|process| process["event"] == "postinstall"), "{:#}", run["processes"]);
    }
}

#[test]
fn in_an_image_of_glibc_all_works() {
    at_every_engine("glibc", |engine| is_sealed(engine, "sealcheck-test/glibc"));
}

#[test]
fn in_an_image_of_musl_all_works() {
    at_every_engine("musl", |engine| is_sealed(engine, "sealcheck-test/musl"));
}

#[test]
fn in_an_image_with_little_more_than_node_all_works() {
    at_every_engine("minimal", |engine| is_sealed(engine, "sealcheck-test/minimal"));
}

#[test]
fn an_image_without_node_is_refused_before_anything_runs() {
    at_every_engine("no-node", |engine| {
        let (report, said, code) = test(engine, "sealcheck-test/no-node");
        assert_eq!((code, report), (2, Value::Null), "{said}");
        assert!(said.contains("has no node on its PATH"), "{said}");
    });
}

#[test]
fn an_image_that_is_nowhere_is_refused_with_what_to_do() {
    at_every_engine("nowhere", |engine| {
        let (report, said, code) = test(engine, "localhost:1/nowhere/none:1");
        assert_eq!((code, report), (2, Value::Null), "{said}");
        assert!(said.contains("could not be pulled") && said.contains("load it there"), "{said}");
    });
}

#[test]
fn what_excludes_each_other_is_said() {
    for (arguments, wanted) in [
        (&["--backend", "container"][..], "has no image"),
        (&["--backend", "namespaces", "--image", "node:22"], "exclude each other"),
        (&["--image", "node:22", "--toolchain", "npm@10"], "exclude each other"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(support::sealcheck());
        support::npm::in_empty_home(&mut command, home.path());
        command.arg("test").arg(support::root().join("examples/sealed-shop")).args(arguments);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
}
