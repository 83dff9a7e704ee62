//! Runs scenarios on a project, and says in few words what a report tells of them.

use super::project::{Outcome, Project};
use serde_json::Value;

/// Runs these scenarios, with the baseline and the control.
pub fn test(project: &Project, scenarios: &[&str]) -> Outcome {
    let names: Vec<&str> = scenarios.iter().flat_map(|name| ["--scenario", *name]).collect();
    project.test(&names)
}

/// The run of a scenario.
pub fn run<'a>(outcome: &'a Outcome, scenario: &str) -> &'a Value {
    let runs = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    runs.iter().find(|run| run["scenario"] == scenario).unwrap_or_else(|| panic!("{}", outcome.stdout))
}

/// Verdict and npm's end of a run: `sealed 0`, `exposed EINTEGRITY`.
pub fn came_to(outcome: &Outcome, scenario: &str) -> String {
    let run = run(outcome, scenario);
    let end = run["npm_error"]["code"].as_str().map_or_else(|| run["exit_code"].to_string(), str::to_owned);
    format!("{} {end}", run["verdict"].as_str().unwrap())
}

/// Class, kind of source and role of an installed package: `private registry own`.
pub fn found(outcome: &Outcome, scenario: &str, path: &str) -> String {
    let packages = run(outcome, scenario)["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["path"] == path);
    let package = package.unwrap_or_else(|| panic!("{path}: {packages:#?}"));
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let source = &package["source"];
    format!("{} {} {}", text(&package["class"]), text(&source["kind"]), text(&source["role"]))
}
