//! The catalogue on the two examples: what each scenario of the suite `full` comes to,
//! and a proof that it did what its prose says.
//!
//! A test of each family has a table in a file of its own. All scenarios of a table run
//! in one invocation of the program on each example.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

mod states;

use crate::support;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Runs `test` on a project with these scenarios; the report.
fn test(project: &Path, scenarios: &[&str], variables: &[(&str, &str)]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(support::sealcheck());
    support::npm::in_empty_home(&mut command, home.path());
    support::place::choose(&mut command);
    let report = home.path().join("report.json");
    command.arg("test").arg(project).arg(format!("--report=json={}", report.display()));
    command.envs(variables.iter().copied());
    for scenario in scenarios {
        command.args(["--scenario", scenario]);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = std::fs::read(&report).unwrap_or_else(|error| panic!("{error}\n{said}"));
    serde_json::from_slice(&report).unwrap()
}

fn run<'a>(report: &'a Value, scenario: &str) -> &'a Value {
    let mut runs = report["runs"].as_array().unwrap().iter();
    runs.find(|run| run["scenario"] == scenario).unwrap_or_else(|| panic!("{scenario} did not run"))
}

/// The verdict of a run and npm's code: `sealed ECONNREFUSED`, `leaked`.
fn came_to(run: &Value) -> String {
    let code = run["npm_error"]["code"].as_str().unwrap_or_default();
    format!("{} {code}", run["verdict"].as_str().unwrap()).trim().to_owned()
}

/// A copy of an example, to be changed.
fn copy_of(example: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let from = support::root().join("examples").join(example);
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    copy
}

/// Every scenario of the catalogue is a row of some table of the tests.
#[test]
fn no_scenario_is_without_a_row() {
    let mut tables = String::new();
    let folders = std::fs::read_dir(support::root().join("tests/program")).unwrap();
    for folder in folders.map(|entry| entry.unwrap().path()) {
        let catalogue =
            folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("catalogue"));
        let files = catalogue.then(|| std::fs::read_dir(&folder).unwrap()).into_iter().flatten();
        for file in files.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
            tables.push_str(&std::fs::read_to_string(file).unwrap());
        }
    }
    tables.push_str(&std::fs::read_to_string(support::root().join("tests/program/examples.rs")).unwrap());
    for scenario in sealcheck::scenario::catalogue::builtin() {
        // `resolved-removed` and `integrity-removed` mean nothing for the leaky example, and
        // on the other each scenario of `core` is sealed.
        let core = scenario.suites.contains(&sealcheck::scenario::Suite::Core);
        assert!(
            core || tables.contains(&format!("\"{}\"", scenario.name)),
            "{}: add a row to a table in tests/program/catalogue/",
            scenario.name
        );
    }
}
