//! Where options come from, and what a file of the project may not ask for.

use super::{SHORT, assert_refused, shop, snapshot};
use serde_json::Value;

/// The scenarios that a run of `test` had, by its report.
fn scenarios(report: &Value) -> Vec<&str> {
    report["runs"].as_array().unwrap().iter().map(|run| run["scenario"].as_str().unwrap()).collect()
}

#[test]
fn options_come_from_the_command_line_then_variables_then_the_file() {
    let mut shop = shop();
    let settings = shop.read("sealcheck.toml");
    let own = "scenario = \"private-refused\"\nfail-on = \"note\"\nquiet = true\n";
    std::fs::write(shop.path().join("sealcheck.toml"), format!("{own}{settings}")).unwrap();
    let told = shop.test(&[]);
    assert_eq!(scenarios(&told.report), ["baseline", "control", "private-refused"]);
    assert_eq!(told.status, Some(1), "every note fails it: {told:?}");
    assert_eq!(told.stderr, "", "the file asks for quiet");

    shop.set("SEALCHECK_SCENARIO", "public-decoy");
    shop.set("SEALCHECK_FAIL_ON", "error");
    let told = shop.test(&[]);
    assert_eq!(scenarios(&told.report), ["baseline", "control", "public-decoy"]);
    assert_eq!(told.status, Some(0), "{told:?}");

    let told = shop.test(&["--scenario", "baseline", "--fail-on", "note"]);
    assert_eq!(scenarios(&told.report), ["baseline", "control"]);
    assert_eq!(told.status, Some(1), "{told:?}");
}

#[test]
fn scenarios_of_the_projects_own_run_beside_the_core() {
    let shop = shop();
    let settings = shop.read("sealcheck.toml");
    let folder = shop.path().join("ours");
    std::fs::create_dir(&folder).unwrap();
    let like = shop.run(&["scenarios", "show", "public-decoy"]).stdout;
    std::fs::write(folder.join("our-own.toml"), like.replace("\"public-decoy\"", "\"our-own\"")).unwrap();
    let plan = |scenarios: &str| {
        let text = format!("scenarios = [{scenarios}]\n{settings}");
        std::fs::write(shop.path().join("sealcheck.toml"), text).unwrap();
        shop.run(&["plan"])
    };
    let both = plan("\"core\", \"ours/*.toml\"");
    assert!(both.stdout.contains("\nour-own-1\n") && both.stdout.contains("\npublic-decoy-1\n"), "{both:?}");
    let one = plan("\"ours/our-*.toml\"");
    assert!(one.stdout.contains("\nour-own-1\n") && !one.stdout.contains("public-decoy-1"), "{one:?}");
    assert_refused(&plan("\"ours/x*.toml\""), &["no file fits `ours/x*.toml`"]);
    assert_refused(&plan("\"basline\""), &["did you mean `baseline`"]);

    let text = format!("scenarios-dir = \"ours\"\nscenario = \"our-own\"\n{settings}");
    std::fs::write(shop.path().join("sealcheck.toml"), text).unwrap();
    assert!(shop.run(&["plan"]).stdout.contains("\nour-own-1\n"));
}

#[test]
fn a_report_that_the_project_asks_for_is_refused() {
    let shop = shop();
    let settings = shop.read("sealcheck.toml");
    let text = format!("report = \"json=reports/report.json\"\n{settings}");
    std::fs::write(shop.path().join("sealcheck.toml"), text).unwrap();
    let before = snapshot(shop.path());
    let outcome = shop.run(&["test", SHORT[0], SHORT[1]]);
    assert_refused(&outcome, &["sealcheck.toml:1:", "cannot set `report`", "--report"]);
    assert_eq!(before, snapshot(shop.path()));
}
