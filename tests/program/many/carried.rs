//! What of an earlier test stands for a project that is as it was.

use super::{Place, paths};
use crate::support::project::Outcome;
use serde_json::{Value, json};

const AGE: [&str; 2] = ["--carry-over-age", "7d"];

/// Tests all below `apps`, carrying over what `old.json` has, into `new.json`.
fn again(place: &Place, more: &[&str]) -> (Outcome, Value) {
    let words = [&["apps/*", "--carry-over", "old.json", "--report", "json=new.json"], more].concat();
    let told = place.test(&words);
    let all = place.json("new.json");
    (told, all)
}

/// The days on which those that were carried over were tested, by folder.
fn carried(all: &Value) -> Vec<(&str, Option<&str>)> {
    let entries = all["projects"].as_array().unwrap().iter();
    entries.map(|entry| (entry["path"].as_str().unwrap(), entry["carried"]["started"].as_str())).collect()
}

fn first(place: &Place) -> Value {
    place.test(&["apps/*", "--report", "json=old.json"]);
    place.json("old.json")
}

#[test]
fn what_is_as_it_was_is_not_run_and_says_so_everywhere() {
    let place = Place::with(&["apps/leaky", "apps/one", "apps/two"]);
    let old = first(&place);
    let started = |path: &str| {
        let entries = old["projects"].as_array().unwrap();
        entries.iter().find(|entry| entry["path"] == path).unwrap()["report"]["started"].as_str().unwrap()
    };
    place.write("apps/two/new-file", "x");
    let (told, all) = again(&place, &AGE);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert_eq!(
        carried(&all),
        [("apps/leaky", None), ("apps/one", Some(started("apps/one"))), ("apps/two", None)]
    );
    for part in [
        "apps/leaky: tested anew: it was not sound",
        "apps/one: not tested, carried over from ",
        "apps/two: tested anew: something that its result depends on has changed",
        "apps/two: project 2 of 2",
    ] {
        assert!(told.stderr.contains(part), "`{part}` is not in\n{}", told.stderr);
    }
    assert!(told.stdout.contains("no, carried over: 20"), "{}", told.stdout);
    let words: Vec<&str> = told.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains("1 of 3 carried over, not tested now"), "{}", told.stdout);
    let entry = &all["projects"][1];
    assert_eq!(entry["report"]["started"].as_str(), Some(started("apps/one")), "its report is as it was");
    assert_eq!(entry["carried"]["from"], "old.json");
    for (format, part) in [
        ("markdown", "**no**, carried over"),
        ("junit", "<skipped>not tested now: carried over from"),
        ("sarif", "carried-over"),
    ] {
        let shown = place.run(&["report", "new.json", "--format", format]).stdout;
        assert!(shown.contains(part), "{format}: {shown}");
    }
    // Carried over a second time it is no younger.
    std::fs::rename(place.path("new.json"), place.path("old.json")).unwrap();
    let (_, all) = again(&place, &AGE);
    assert_eq!(carried(&all)[1], ("apps/one", Some(started("apps/one"))));
}

#[test]
fn a_report_of_one_project_stands_for_it_too() {
    let place = Place::with(&["apps/sealed"]);
    assert_eq!(place.test(&["apps/sealed", "--report", "json=old.json"]).status, Some(0));
    let (told, all) = again(&place, &AGE);
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(carried(&all)[0].1.is_some(), "{told:?}");
    assert!(!told.stderr.contains("started"), "nothing ran: {}", told.stderr);
}

#[test]
fn whatever_is_in_doubt_is_tested_and_the_reason_said() {
    let place = Place::with(&["apps/sealed"]);
    let old = first(&place);
    let report = |change: &dyn Fn(&mut Value)| {
        let mut all = old.clone();
        change(&mut all["projects"][0]["report"]);
        all.to_string()
    };
    let cases: Vec<(&str, String)> = vec![
        ("interrupted", report(&|report| report["outcome"] = json!("interrupted"))),
        ("interrupted", report(&|report| report["interrupted"] = json!(true))),
        ("another sealcheck", report(&|report| report["tool"]["sha256"] = json!("00"))),
        ("too old", report(&|report| report["started"] = json!("2020-01-01T00:00:00Z"))),
        ("of the future", report(&|report| report["started"] = json!("2199-01-01T00:00:00Z"))),
        ("has changed", report(&|report| report["subject"]["inputs_sha512"] = json!("sha512-AA=="))),
        ("cannot be believed", report(&|report| report["runs"][0]["verdict"] = json!("broken"))),
        ("cannot be believed", report(&|report| report["verdict"] = json!("leaked"))),
        ("nothing is carried over", old.to_string().replace("sealcheck/reports/v1", "sealcheck/reports/v9")),
        ("nothing is carried over", old.to_string()[..5000].to_owned()),
        ("has no report of it", {
            let mut all = old.clone();
            all["projects"][0]["path"] = json!("apps/gone");
            all["projects"][0]["report"]["subject"]["inputs_sha512"] = json!("sha512-AA==");
            all.to_string()
        }),
    ];
    for (part, text) in cases {
        place.write("old.json", &text);
        let (told, all) = again(&place, &AGE);
        assert_eq!(told.status, Some(0), "{part}: {told:?}");
        assert_eq!(carried(&all), [("apps/sealed", None)], "{part}: {told:?}");
        assert!(told.stderr.contains(part), "`{part}` is not in\n{}", told.stderr);
    }
    // There is none in the first night.
    std::fs::remove_file(place.path("old.json")).unwrap();
    let (told, all) = again(&place, &AGE);
    assert_eq!((told.status, paths(&all)), (Some(0), vec!["apps/sealed"]), "{told:?}");
    assert!(told.stderr.contains("nothing is carried over"), "{}", told.stderr);
    // And what the user allows is what counts.
    place.write("old.json", &old.to_string());
    let (told, _) = again(&place, &["--carry-over-age", "1ms"]);
    assert!(told.stderr.contains("too old"), "{}", told.stderr);
}
