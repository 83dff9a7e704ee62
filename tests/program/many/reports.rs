//! Which projects are tested, and the report of all.

use super::{Place, SHORT, paths};
use crate::support;
use sealcheck::report::Saved;
use std::path::Path;

#[test]
fn the_worst_is_first_in_every_format_and_decides() {
    let place = Place::with(&["apps/a-sealed", "apps/leaky"]);
    let formats = ["json", "terminal", "html", "markdown", "junit", "sarif"];
    let options: Vec<String> = formats.iter().map(|format| format!("{format}=out.{format}")).collect();
    let mut words = vec!["apps/*"];
    words.extend(options.iter().flat_map(|option| ["--report", option]));
    let told = place.test(&words);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(
        told.stdout.starts_with("leaked: 1 of 2 projects is not sound, the worst is apps/leaky"),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("first: apps/leaky/"), "{}", told.stdout);
    assert!(told.stdout.contains("json report: out.json"), "{}", told.stdout);
    assert!(told.stderr.contains("apps/leaky: project 2 of 2"), "{}", told.stderr);

    let all = place.json("out.json");
    assert_eq!((&all["schema"], &all["verdict"]), (&"sealcheck/reports/v1".into(), &"leaked".into()));
    assert_eq!(paths(&all), ["apps/leaky", "apps/a-sealed"]);
    for entry in all["projects"].as_array().unwrap() {
        assert_eq!(entry["report"]["schema"], "sealcheck/report/v1");
        assert_eq!(entry["carried"], serde_json::Value::Null);
    }
    let source = sealcheck::text::Source::new("out.json", place.read("out.json"));
    assert!(matches!(Saved::read_source(&source).unwrap(), Saved::Many(_)));

    for format in &formats[1..] {
        let text = place.read(&format!("out.{format}"));
        let (leaky, sealed) = (text.find("apps/leaky"), text.find("apps/a-sealed"));
        assert!(leaky.unwrap() < sealed.unwrap(), "{format}: {text}");
        let again = place.run(&["report", "out.json", "--format", format]);
        assert_eq!(again.status, Some(0), "{again:?}");
        assert!(*format == "terminal" || again.stdout == text, "{format}: {}", again.stdout);
    }
    // What code scanning shows is a file that is there.
    let sarif = place.json("out.sarif");
    let result = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert!(place.path(result["uri"].as_str().unwrap()).is_file(), "{result}");

    let one = place.run(&["report", "out.json", "--project", "apps/leaky", "--format", "json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&one.stdout).unwrap(), all["projects"][0]["report"]);
    let none = place.run(&["report", "out.json", "--project", "apps/leak"]);
    assert_eq!(none.status, Some(2), "{none:?}");
    assert!(none.stderr.contains("did you mean `apps/leaky`?"), "{none:?}");
}

#[test]
fn a_list_names_folders_and_globs_and_one_folder_twice_is_one() {
    let place = Place::with(&["apps/sealed", "apps/other"]);
    place.write("ci/projects", "# ours\n../apps/sealed\n../apps/*\n");
    let told = place.test(&["./apps/other", "--projects", "ci/projects", "--report", "json=all.json"]);
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(told.stdout.starts_with("sealed: all 2 projects are sound"), "{}", told.stdout);
    assert_eq!(paths(&place.json("all.json")), ["apps/other", "ci/../apps/sealed"]);
}

#[test]
fn one_project_keeps_the_report_of_one() {
    let place = Place::with(&["apps/sealed"]);
    let told = place.test(&["apps/sealed", "apps/sealed/", "--report", "json=one.json"]);
    assert_eq!(told.status, Some(0), "{told:?}");
    let report = place.json("one.json");
    assert_eq!(report["schema"], "sealcheck/report/v1");
    assert!(
        report["subject"]["inputs_sha512"].as_str().unwrap().starts_with("sha512-"),
        "{}",
        report["subject"]
    );
    // A glob may match two tomorrow, and its report has the same form then.
    let told = place.test(&["apps/*", "--report", "json=-"]);
    let all: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(all["schema"], "sealcheck/reports/v1");
    assert!(told.stderr.contains("the one project is sound"), "{}", told.stderr);
}

#[test]
fn what_cannot_be_meant_runs_nothing() {
    let place = Place::with(&["apps/sealed", "apps/broken"]);
    place.write("apps/broken/package.json", "{");
    place.write("list", "apps/sealed\n\nnone/*\n");
    place.write("gone", "apps/gone\n");
    place.write("empty", "# nothing\n");
    std::fs::create_dir_all(place.path("docs/a")).unwrap();
    let cases: &[(&[&str], &[&str])] = &[
        (&["none/*"], &["`none/*` matches no project", "node_modules"]),
        (&["docs/*"], &["`docs/*` matches no project", "a package.json and a lockfile"]),
        (&["apps/*"], &["package.json:1"]),
        (&["--projects", "list"], &["list:3:1", "`none/*`"]),
        (&["--projects", "gone"], &["gone:1:1", "apps/gone"]),
        (&["--projects", "empty"], &["names none"]),
        (&["--projects", "nowhere"], &["nowhere"]),
        (&["apps/sealed", "--carry-over", "old.json"], &["--carry-over-age"]),
        (&["apps/sealed", "--carry-over", "old.json", "--carry-over-age", "soon"], &["`soon`", "`d`"]),
        (&["apps/sealed", "--store", "kept", "--store-limit", "much"], &["`much` is no size", "2GB"]),
        (&["apps/s*", "--report", "json=apps"], &["it is a folder"]),
        (&["apps/s*", "--report", "xml=x"], &["`xml`"]),
        (&["apps/s*", "--report", "intoto=x"], &["is of one project", "--project PATH"]),
    ];
    for (words, parts) in cases {
        let told = place.test(words);
        assert_eq!((told.status, told.stdout.as_str()), (Some(2), ""), "{words:?}: {told:?}");
        for part in *parts {
            assert!(told.stderr.contains(part), "{words:?}: `{part}` is not in\n{}", told.stderr);
        }
        assert!(!told.stderr.contains("started"), "{words:?}: something ran: {}", told.stderr);
    }
}

#[test]
fn a_report_of_several_is_valid_by_the_committed_schema_in_what_it_must_have() {
    let schema: serde_json::Value = serde_json::from_str(
        &std::fs::read_to_string(support::root().join("docs/reports.schema.json")).unwrap(),
    )
    .unwrap();
    let required: Vec<&str> =
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let place = Place::with(&["apps/sealed"]);
    let told = place.run(&[&["test", "apps/*", "--report", "json=-"], &SHORT[..]].concat());
    let all: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    for name in required {
        assert!(all.get(name).is_some(), "{name}");
    }
    assert!(Path::new(all["projects"][0]["path"].as_str().unwrap()).is_relative());
}
