//! Two saved reports, compared by the program.

use crate::support;
use crate::support::project::Project;
use serde_json::Value;

fn fixture() -> Value {
    let path = support::root().join("tests/fixtures/reports/leaked.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn compare(left: &str, right: &str, more: &[&str]) -> support::project::Outcome {
    let folder = Project::new().file("left.json", left).file("right.json", right).build();
    folder.run(&[&["compare", "left.json", "right.json", "--color", "never"], more].concat())
}

#[test]
fn a_report_is_equal_to_itself_but_for_what_it_did_not_observe() {
    let text = fixture().to_string();
    let told = compare(&text, &text, &[]);
    let unobserved =
        fixture()["runs"].as_array().unwrap().iter().any(|run| {
            run["verdict"] == "unobserved" || !run["cut_short"].is_null() || run["traced"] != true
        });
    assert_eq!(told.status, Some(if unobserved { 3 } else { 0 }), "{told:?}");
    assert!(!told.stdout.starts_with("differs"), "{}", told.stdout);
}

#[test]
fn what_is_no_report_is_refused_with_its_place() {
    let good = fixture().to_string();
    let mut old = fixture();
    old["schema"] = "sealcheck/report/v0".into();
    for (bad, part) in [
        (old.to_string(), "sealcheck/report/v0"),
        ("{}".to_owned(), "it has no `schema`"),
        ("not json".to_owned(), "not JSON"),
        (good[..good.len() / 2].to_owned(), "ends in the middle"),
        ("{\"schema\": \"sealcheck/lock/v1\"}".to_owned(), "accepted baseline"),
        ("{\"schema\": \"sealcheck/environment/v1\"}".to_owned(), "captured environment"),
    ] {
        let told = compare(&good, &bad, &[]);
        assert_eq!(told.status, Some(2), "{bad:.40}: {told:?}");
        assert_eq!(told.stdout, "");
        assert!(told.stderr.contains(part), "{bad:.40}: {}", told.stderr);
    }
    let folder = Project::new().file("left.json", &good).build();
    for words in [&["compare", "left.json"][..], &["compare"], &["compare", "left.json", "gone.json"]] {
        assert_eq!(folder.run(words).status, Some(2), "{words:?}");
    }
}

#[test]
fn no_text_of_a_report_steers_the_terminal() {
    let mut hostile = fixture();
    for run in hostile["runs"].as_array_mut().unwrap() {
        run["because"] = "\u{1b}[2Jgone\u{202e}".into();
        run["verdict"] = "exposed".into();
        for package in run["packages"].as_array_mut().unwrap() {
            package["name"] = "x\u{1b}]0;owned\u{7}".into();
            package["version"] = "9\u{1b}[31m".into();
        }
    }
    let told = compare(&fixture().to_string(), &hostile.to_string(), &[]);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(!told.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", told.stdout);
    let json = compare(&fixture().to_string(), &hostile.to_string(), &["--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["schema"], &json["agreement"]), (&"sealcheck/comparison/v1".into(), &"differs".into()));
    support::schema::assert_fits(&json);
}
