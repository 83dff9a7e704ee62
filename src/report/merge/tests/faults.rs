//! Faults that show in several shards, each in another way.

use super::{Tested, assert_whole, merge, planned};
use crate::evidence::Evidence;
use crate::finding::fixture::{Sample, evidence, project, scenario};
use crate::report::Report;
use crate::scenario::Scenario;
use serde_json::{Value, json};

/// A test of a project with these runs.
fn sample(changes: &Value, runs: &[Value]) -> Sample {
    let project = project(changes);
    let run = |run: &Value| (scenario(run), 1, evidence(&project, run));
    Sample {
        name: String::new(),
        before: None,
        resolutions: Vec::new(),
        ordinary: false,
        runs: runs.iter().map(run).collect(),
        project,
    }
}

fn tested(sample: &Sample) -> Tested<'_> {
    let run = |(scenario, repeat, evidence): &(Scenario, u32, Evidence)| {
        (scenario.clone(), *repeat, Some(evidence.clone()))
    };
    Tested {
        sample,
        before: None,
        runs: planned(sample.runs.iter().map(run).collect(), 1),
        not_applicable: Vec::new(),
        places: 1,
    }
}

/// The findings of a rule in the whole, which its shards must have too.
fn found(changes: &Value, runs: &[Value], rule: &str) -> Vec<crate::report::Finding> {
    let sample = sample(changes, runs);
    let test = tested(&sample);
    assert_whole(&test, rule);
    test.report(None).findings.into_iter().filter(|finding| finding.rule == rule).collect()
}

fn named(name: &str, run: Value) -> Value {
    let mut run = run;
    run["scenario"]["name"] = json!(name);
    run
}

#[test]
fn an_acceptance_that_covers_something_in_one_shard_only_is_used() {
    let accepted =
        |rule: &str| json!({ "settings": { "accepted": [{ "rule": rule, "package": "@acme/internal" }] } });
    let leaks = json!({ "packages": [{ "path": "node_modules/@acme/internal", "genuine": false,
        "source": { "role": "foreign", "host": "registry.example" } }] });
    let runs = [json!({}), named("a", json!({})), named("b", leaks), named("c", json!({}))];
    assert_eq!(found(&accepted("silent-fallback"), &runs, "acceptance-expired"), []);
    assert_eq!(found(&accepted("slow-failure"), &runs, "acceptance-expired").len(), 1);
}

#[test]
fn what_the_files_show_and_other_shards_runs_too_is_of_these_runs() {
    let clear = json!({ "npmrc": [
        { "level": "project", "key": "@acme:registry", "value": "http://npm.corp.example/" }] });
    let asks = json!({ "exchanges": [{ "scheme": "http", "port": 80, "package": "@acme/internal" }] });
    let runs = [json!({}), named("a", json!({})), named("b", json!({})), named("c", asks.clone())];
    let found_ = found(&clear, &runs, "plaintext-registry");
    assert_eq!(found_[0].runs, ["c-1"]);
    assert!(found_[0].counts);
    // Where only the trap asks, nothing counts; it is the shortest, and not in the first shard.
    let mut trap = named("control", asks);
    trap["scenario"]["control"] = json!(true);
    let runs = [json!({}), trap, named("a", json!({})), named("b", json!({})), named("c", json!({}))];
    assert!(!found(&clear, &runs, "plaintext-registry")[0].counts);
}

#[test]
fn of_what_several_shards_ran_one_answers() {
    let runs = [json!({}), named("a", json!({})), named("b", json!({})), named("c", json!({}))];
    let calm = sample(&json!({}), &runs);
    let mut noisy = runs.clone();
    noisy[0] = json!({ "exit": 1, "code": "E500" });
    let noisy = sample(&json!({}), &noisy);
    let (calm, noisy) = (tested(&calm), tested(&noisy));
    let mut all: Vec<(String, Report)> = calm.shards(3);
    all[1] = noisy.shards(3).remove(1);
    assert_ne!(all[1].1.verdict, calm.report(None).verdict, "its own report tells it");
    assert_eq!(merge(all).unwrap().to_json().unwrap(), calm.report(None).to_json().unwrap());
}

#[test]
fn the_words_of_a_fault_are_those_of_the_first_run_that_shows_it() {
    let elsewhere = |host: &str| {
        json!({ "packages": [
        { "path": "node_modules/left-pad", "source": { "host": host } }] })
    };
    // By their names they are in another order than by the plan.
    let runs = [
        json!({}),
        named("z", json!({})),
        named("z", elsewhere("z.example")),
        named("a", json!({})),
        named("a", elsewhere("a.example")),
    ];
    let found = found(&json!({}), &runs, "irreproducible-install");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].message.contains("runs 1 and 2 of `z`"), "{}", found[0].message);
    assert_eq!(found[0].runs, ["z-1", "z-2", "a-1", "a-2"]);
}

#[test]
fn a_script_that_is_needed_is_so_by_two_runs_of_two_shards() {
    let built = json!({
        "packages": [{ "path": "node_modules/left-pad", "scripts": ["install"] }],
        "files": [{ "path": "/project/node_modules/left-pad/build/x.node", "package": "node_modules/left-pad" }],
    });
    let off = json!({ "scenario": { "install": { "ignore-scripts": true } }, "exit": 1, "code": "1" });
    let runs = [built, named("a", json!({})), named("b", json!({})), named("off", off)];
    let found = found(&json!({}), &runs, "scripts-required");
    assert_eq!(found[0].runs, ["baseline-1", "off-1"]);
    assert_eq!(found[0].evidence.len(), 1);
}
