//! The drills: that every attack is reported by each rule that must, that nothing else is
//! called one, that each did what its prose says, and that an owner's own controls are
//! told as what stopped it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

mod misroutings;
mod owners;
mod table;

use crate::support;
use crate::support::toolchain;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

/// The program in a home that is empty.
fn sealcheck(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(support::sealcheck());
    support::npm::in_empty_home(&mut command, home);
    command.env("XDG_CACHE_HOME", toolchain::cache()).args(arguments).output().unwrap()
}

fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap()).collect()
}

/// Rules with their severities: `secret-exfiltrated error, script-egress warning`.
fn told(score: &Value) -> String {
    let reported = score["reported"].as_array().unwrap();
    let one = |it: &Value| format!("{} {}", it["rule"].as_str().unwrap(), it["severity"].as_str().unwrap());
    reported.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn no_drill_is_without_a_row() {
    let home = tempfile::tempdir().unwrap();
    let listed = String::from_utf8(sealcheck(home.path(), &["drills", "list"]).stdout).unwrap();
    let listed: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(table::ROWS.iter().map(|row| row.drill).collect::<BTreeSet<_>>(), listed);
    let docs = std::fs::read_to_string(support::root().join("docs/drills.md")).unwrap();
    let told = docs.lines().skip_while(|line| !line.starts_with("| drill |"));
    let told = told.take_while(|line| line.starts_with('|'));
    let told = told.filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0));
    assert_eq!(told.collect::<BTreeSet<_>>(), listed, "docs/drills.md");
}

/// 100 % of the attacks, 0 % of the others, with each npm; and each drill was what it says.
#[test]
fn every_attack_is_reported_and_nothing_else_is() {
    if let Some(lack) = support::npm::lacks_public_registry() {
        support::skip("drills::every_attack_is_reported_and_nothing_else_is", lack);
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut arguments = vec!["-q", "drills", "rates", "--json"];
    let npms: Vec<&str> = toolchain::tried(0).map(|(_, npm)| npm).collect();
    for npm in &npms {
        arguments.extend(["--toolchain", npm]);
    }
    let output = sealcheck(home.path(), &arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let places: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}\n{said}"));
    let mut wrong = String::new();
    for place in places.as_array().unwrap() {
        let name = place["place"].as_str().unwrap();
        let gone = place["gone"].as_array().unwrap();
        for row in table::ROWS.iter().filter(|row| !gone.contains(&row.drill.into())) {
            let mut scores = place["drills"].as_array().unwrap().iter();
            let Some(score) = scores.find(|score| score["drill"] == row.drill) else {
                let _ = writeln!(wrong, "{name}: {} did not run", row.drill);
                continue;
            };
            let run = place["runs"].as_array().unwrap().iter().find(|run| run["id"] == score["run"]).unwrap();
            if told(score) != row.reported || score["kind"] != row.kind {
                let _ = writeln!(wrong, "{name}: {}: {} instead of {}", row.drill, told(score), row.reported);
            }
            for lack in (row.did)(run) {
                let _ = writeln!(wrong, "{name}: {} did not do what it says: {lack}", row.drill);
            }
        }
        let attacks = table::ROWS.iter().filter(|row| row.kind == "attack").count() - gone.len();
        let others = table::ROWS.iter().filter(|row| row.kind != "attack").count();
        let rates = serde_json::json!({
            "attacks": attacks, "detected": attacks, "others": others, "alarms": 0, "unproven": 0,
        });
        if place["rates"] != rates {
            let _ = writeln!(wrong, "{name}: {}", place["rates"]);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}\n{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(places.as_array().unwrap().len(), npms.len());
}

/// What a run must show, in words, where it does not.
#[derive(Default)]
struct Lacks(Vec<String>);

impl Lacks {
    fn unless(mut self, holds: bool, what: &str) -> Self {
        if !holds {
            self.0.push(what.to_owned());
        }
        self
    }
}
