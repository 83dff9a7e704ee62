//! What is accepted, and what is said of a change to it: by the whole program with the real
//! npm, on projects whose registries are folders.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

mod compared;
mod drift;
mod hostile;
mod refused;
mod secrets;
mod stable;

use crate::support;
use crate::support::project::{Outcome, Project};
use serde_json::Value;

/// The file.
const FILE: &str = "sealcheck.lock.json";
/// Few scenarios, for what does not depend on them.
const FEW: [&str; 2] = ["--scenario", "baseline,public-decoy"];

/// Whether a test cannot be made here, which is said.
fn lacks(test: &str) -> bool {
    let lack = support::npm::lacks_npm();
    if let Some(lack) = &lack {
        support::skip(&format!("accept::{test}"), lack);
    }
    lack.is_some()
}

/// `accept` with few scenarios and more arguments.
fn accept(project: &Project, arguments: &[&str]) -> Outcome {
    project.run(&[&["accept"], &FEW[..], arguments].concat())
}

/// `test` with the same.
fn test(project: &Project, arguments: &[&str]) -> Outcome {
    project.test_once(&[&FEW[..], arguments].concat())
}

/// The baseline that a project has.
fn file(project: &Project) -> Value {
    serde_json::from_str(&project.read(FILE)).unwrap()
}

/// The messages of a rule's findings, each after its severity.
fn said(outcome: &Outcome, rule: &str) -> Vec<String> {
    let all = outcome.report["findings"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    all.iter()
        .filter(|finding| finding["rule"] == rule)
        .map(|finding| {
            format!("{}: {}", finding["severity"].as_str().unwrap(), finding["message"].as_str().unwrap())
        })
        .collect()
}
