//! The two examples say what they are there to say, in a home with nothing in it and
//! without a network: one leaks, the other is sealed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Runs `test` on an example; the report, what a person reads, and the exit code.
fn test(example: &str) -> (Value, String, i32) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(support::sealcheck());
    support::npm::in_empty_home(&mut command, home.path());
    support::place::choose(&mut command);
    let report = home.path().join("report.json");
    command.arg("test").arg(support::root().join("examples").join(example));
    command.arg(format!("--report=json={}", report.display()));
    let output = command.output().unwrap();
    let (shown, said) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
    let report = std::fs::read(&report).unwrap_or_else(|error| panic!("{error}\n{shown}\n{said}"));
    (serde_json::from_slice(&report).unwrap(), shown, output.status.code().unwrap())
}

fn verdicts(report: &Value) -> BTreeMap<String, String> {
    let runs = report["runs"].as_array().unwrap().iter();
    runs.map(|run| (run["scenario"].as_str().unwrap().into(), run["verdict"].as_str().unwrap().into()))
        .collect()
}

fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(scenario, verdict)| ((*scenario).into(), (*verdict).into())).collect()
}

/// `silent-fallback @shop/prices package-lock.json:15` of each error that counts.
fn errors(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["counts"] == true && finding["severity"] == "error")
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            let place = &finding["location"];
            let file = place["file"].as_str().unwrap();
            format!("{} {} {file}:{}", text("rule"), text("package"), place["line"])
        })
        .collect()
}

/// The private package's own script ran in the baseline, and what it wrote was found.
fn assert_script_seen(report: &Value) {
    let runs = report["runs"].as_array().unwrap();
    let run = runs.iter().find(|run| run["scenario"] == "baseline").unwrap();
    let mut processes = run["processes"].as_array().unwrap().iter();
    assert!(
        processes.any(|it| it["event"] == "postinstall" && it["package_name"] == "@shop/prices"),
        "{:#}",
        run["processes"]
    );
    assert!(run["files"].to_string().contains("@shop/prices/prices.json"), "{:#}", run["files"]);
}

/// Nothing happened before what must have gone before it: each by the clock of who saw it.
fn assert_times_in_order(report: &Value) {
    for run in report["runs"].as_array().unwrap() {
        let all = |list: &str| run[list].as_array().unwrap().iter();
        let life = |process: &Value| [process["started_ms"].as_u64(), process["ended_ms"].as_u64()];
        let lives: BTreeMap<u64, [u64; 2]> = all("processes")
            .map(|process| (process["id"].as_u64().unwrap(), life(process).map(Option::unwrap)))
            .collect();
        let npm = lives[&1];
        for process in all("processes") {
            let [started, ended] = lives[&process["id"].as_u64().unwrap()];
            assert!(started <= ended, "{process:#}");
            if process["event"].is_string() && process["outlived"] == false {
                assert!(npm[0] <= started && ended <= npm[1], "{npm:?} {process:#}");
            }
        }
        for connection in all("connections") {
            let at = connection["at_ms"].as_u64().unwrap();
            let [started, ended] = lives[&connection["process"].as_u64().unwrap()];
            assert!(started <= at && at <= ended, "{started}..{ended} {connection:#}");
        }
        let tarballs = all("exchanges").filter(|exchange| exchange["kind"] == "tarball");
        for exchange in tarballs.filter(|exchange| exchange["host"] != "127.0.0.1") {
            let named = all("lookups").find(|lookup| lookup["name"] == exchange["host"]).unwrap();
            let (asked, at) = (named["at_ms"].as_u64().unwrap(), exchange["at_ms"].as_u64().unwrap());
            assert!(asked <= at && npm[0] <= asked && exchange["took_ms"].is_u64(), "{named:#} {exchange:#}");
        }
    }
}

#[test]
fn the_leaky_shop_leaks() {
    let (report, shown, code) = test("leaky-shop");
    assert_eq!(report["verdict"], "leaked", "{shown}");
    let wanted = expected(&[
        ("baseline", "sealed"),
        ("control", "leaked"),
        ("public-decoy", "sealed"),
        ("private-mapping-removed", "leaked"),
        ("registry-overridden", "sealed"),
        ("lockfile-removed", "sealed"),
        ("private-refused", "sealed"),
        ("private-not-found", "sealed"),
        ("tampered-tarball", "sealed"),
        ("scripts-disabled", "sealed"),
        ("warm-cache-private-down", "sealed"),
    ]);
    // A scenario that comes to the catalogue later is its own tests' concern.
    let mut verdicts = verdicts(&report);
    verdicts.retain(|scenario, _| wanted.contains_key(scenario));
    assert_eq!(verdicts, wanted, "{shown}");
    assert_eq!(
        errors(&report),
        [
            "foreign-code-executed @shop/prices package-lock.json:15",
            "silent-fallback @shop/prices package-lock.json:15",
        ],
        "{shown}"
    );
    assert_script_seen(&report);
    assert_times_in_order(&report);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.starts_with("leaked"), "{shown}");
    assert!(shown.contains("package-lock.json:15:5"), "{shown}");
}

#[test]
fn the_sealed_shop_is_sealed() {
    let (report, shown, code) = test("sealed-shop");
    assert_eq!(report["verdict"], "sealed", "{shown}");
    let verdicts = verdicts(&report);
    assert!(verdicts.len() >= 13, "a scenario does not apply: {verdicts:?}");
    for (scenario, verdict) in &verdicts {
        let wanted = if scenario == "control" { "leaked" } else { "sealed" };
        assert_eq!(verdict, wanted, "{scenario}\n{shown}");
    }
    let louder: Vec<&Value> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["counts"] == true && finding["severity"] != "note")
        .collect();
    assert!(louder.is_empty(), "{louder:#?}");
    assert_script_seen(&report);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.starts_with("sealed"), "{shown}");
}
