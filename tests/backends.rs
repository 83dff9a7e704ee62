//! Both backends say the same of a project: the whole reports are compared, after
//! what differs by nature was taken out by name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

mod support;

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use support::place;

/// Taken out of the report. A `*` stands for every element.
const BY_NATURE: &[(&str, &str)] = &[
    ("/started", "the clock"),
    ("/duration_ms", "the clock"),
    ("/store", "the clock"),
    ("/runs/*/duration_ms", "the clock"),
    ("/runs/*/command_ms", "the clock"),
    ("/runs/*/backend", "what is compared"),
    ("/runs/*/image", "what is compared"),
    ("/runs/*/toolchain/because", "where node and npm were found"),
    ("/runs/*/peak_memory", "measured"),
    ("/runs/*/output", "npm prints times, and names its log by the clock"),
    ("/runs/*/connections/*/local", "chosen by the kernel"),
    // npm asks for several things at once: who is first is chance, and so is every number given in order.
    ("/runs/*/exchanges/*/seq", "order of what goes on at once"),
    ("/runs/*/lookups/*/seq", "order of what goes on at once"),
    ("/runs/*/lookups/*/process", "unknown where npm leaves before its last look-up is attributed"),
    ("/runs/*/packages/*/source/exchange", "order of what goes on at once"),
    ("/findings/*/evidence/*/at", "order of what goes on at once"),
    ("/runs/*/processes/*/exe", "where node and npm lie"),
];

/// Lists whose order is that in which things happened to come, and whose length is
/// how often npm happened to open a connection for the same.
const UNORDERED: &[&str] = &["/runs/*/exchanges", "/runs/*/lookups", "/runs/*/connections"];

/// The C library asks these for names of users and hosts, where an image has another
/// configuration than the host.
const OF_LIBC: &str = "unix:/var/run/nscd/socket";

/// Words of a command that say where node and npm lie.
fn placeless(word: &mut Value) {
    let Some(text) = word.as_str() else { return };
    let path = Path::new(text);
    if path.is_absolute() && (path.ends_with("bin/node") || path.ends_with("bin/npm-cli.js")) {
        *word = path.file_name().unwrap().to_str().unwrap().into();
    }
}

fn each(value: &mut Value, pointer: &str, act: &mut dyn FnMut(&mut Value)) {
    let Some(rest) = pointer.strip_prefix('/') else { return act(value) };
    let (name, rest) =
        rest.split_once('/').map_or((rest, String::new()), |(name, rest)| (name, format!("/{rest}")));
    match (name, value) {
        ("*", Value::Array(all)) => all.iter_mut().for_each(|value| each(value, &rest, act)),
        (name, Value::Object(map)) => {
            if let Some(value) = map.get_mut(name) {
                each(value, &rest, act);
            }
        }
        _ => {}
    }
}

fn comparable(mut report: Value) -> Value {
    for (pointer, _why) in BY_NATURE {
        each(&mut report, pointer, &mut |value| *value = Value::Null);
    }
    for pointer in UNORDERED {
        each(&mut report, pointer, &mut |value| {
            let Value::Array(all) = value else { return };
            all.retain(|value| value["address"] != OF_LIBC);
            all.sort_by_key(Value::to_string);
            all.dedup();
        });
    }
    each(&mut report, "/runs/*/processes/*/argv/*", &mut placeless);
    // Whether npm had sent its audit before it gave up is chance, too.
    for finding in report["findings"].as_array_mut().unwrap() {
        if finding["rule"] == "private-name-in-audit" {
            (finding["runs"], finding["evidence"]) = (Value::Null, Value::Null);
        }
    }
    // An install that fails leaves what it was doing: how far it came is chance.
    for run in report["runs"].as_array_mut().unwrap() {
        if run["exit_code"] != 0 {
            for list in ["findings", "exchanges", "lookups", "connections", "packages", "decoys"] {
                run[list] = Value::Null;
            }
        }
    }
    report
}

/// Where the two differ, one line each.
fn differences(at: &str, left: &Value, right: &Value, found: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(one), Value::Object(two)) => {
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(two.keys()).collect();
            for key in keys {
                let (one, two) = (one.get(key).unwrap_or(&Value::Null), two.get(key).unwrap_or(&Value::Null));
                differences(&format!("{at}/{key}"), one, two, found);
            }
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            for (index, (one, two)) in one.iter().zip(two).enumerate() {
                differences(&format!("{at}/{index}"), one, two, found);
            }
        }
        _ if left == right => {}
        _ => found.push(format!("{at}\n   {left}\n   {right}")),
    }
}

/// The report of a test, made where `engine` says.
fn report(project: &Path, engine: Option<&str>, arguments: &[&str]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(support::sealcheck());
    support::npm::in_empty_home(&mut command, home.path());
    if let Some(engine) = engine {
        place::within(&mut command, engine);
    }
    command.env("XDG_CACHE_HOME", support::toolchain::cache());
    let path = home.path().join("report.json");
    command.arg("test").arg(project).args(arguments).arg(format!("--report=json={}", path.display()));
    let output = command.output().unwrap();
    let bytes = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{engine:?}: {error}\n{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_slice(&bytes).unwrap()
}

/// Both engines say of a project what namespaces say with the same node and npm.
fn agree(test: &str, project: &Path) {
    for engine in ["docker", "podman"] {
        if place::engine(engine).is_none() {
            support::skip(&format!("backends::{test} ({engine})"), "the engine was not started");
            continue;
        }
        let contained = report(project, Some(engine), &[]);
        let tools = &contained["runs"][0]["toolchain"];
        let (node, npm) = (tools["node"].as_str().unwrap(), tools["npm"].as_str().unwrap());
        let toolchain = format!("node@{node},npm@{npm}");
        let plain = report(project, None, &["--toolchain", &toolchain]);
        assert_eq!(contained["runs"][0]["backend"], "container");
        assert_eq!(plain["runs"][0]["backend"], "namespaces");
        let mut found = Vec::new();
        differences("", &comparable(plain), &comparable(contained), &mut found);
        assert!(found.is_empty(), "{engine}: {} differences\n{}", found.len(), found.join("\n"));
    }
}

#[test]
fn they_agree_on_the_leaky_shop() {
    agree("leaky-shop", &support::root().join("examples/leaky-shop"));
}

#[test]
fn they_agree_on_the_sealed_shop() {
    agree("sealed-shop", &support::root().join("examples/sealed-shop"));
}
