//! Both backends say the same of a project. Where a test's program runs in containers,
//! it is run once more out of namespaces, with the node and npm of the image, and the
//! reports are compared.

use super::comparable::{comparable, differences};
use super::place;
use super::project::{Outcome, Project};
use serde_json::Value;

/// Holds an outcome that came out of containers against the same command's out of
/// namespaces. Does nothing where the outcome came out of namespaces itself.
pub fn hold(project: &Project, arguments: &[&str], contained: &Outcome) {
    let Some(engine) = place::chosen() else { return };
    // The test itself speaks of a command that ran nothing.
    if contained.report.is_null() {
        return;
    }
    let (mut arguments, _) = place::without_toolchain(arguments);
    let toolchain = toolchain(&contained.report);
    arguments.extend(["--toolchain", &toolchain]);
    let plain = project.test_at(None, &arguments);
    assert!(!plain.report.is_null(), "{}", plain.stderr);
    reports(&engine, plain.report, contained.report.clone());
    assert_eq!(plain.status, contained.status, "{engine}\n{}\n{}", plain.stdout, contained.stdout);
}

/// What `--toolchain` takes to have the node and npm of a report.
pub fn toolchain(report: &Value) -> String {
    let tools = &report["runs"][0]["toolchain"];
    format!("node@{},npm@{}", tools["node"].as_str().unwrap(), tools["npm"].as_str().unwrap())
}

/// Two reports of a project differ in nothing but what may differ.
pub fn reports(engine: &str, plain: Value, contained: Value) {
    assert_eq!(contained["runs"][0]["backend"], "container");
    assert_eq!(plain["runs"][0]["backend"], "namespaces");
    let mut found = Vec::new();
    differences("", &comparable(plain), &comparable(contained), &mut found);
    assert!(
        found.is_empty(),
        "{engine} says otherwise than namespaces, {} times\n{}",
        found.len(),
        found.join("\n")
    );
}
