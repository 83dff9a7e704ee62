//! The program as a shell sees it: exit codes, what stands on which stream, where
//! options come from, and that no command writes more than it says.

#![allow(clippy::unwrap_used, reason = "a test that cannot be prepared fails")]

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use support::package::{Package, integrity};
use support::project::{Outcome, Project, outcome};
use support::verdaccio::Published;

/// A copy of the leaky shop, to be run on and changed.
fn shop() -> Project {
    Project::copied(&support::root().join("examples/leaky-shop"), &[])
}

/// Only the baseline and the control that comes with it.
const SHORT: [&str; 2] = ["--scenario", "baseline"];

/// Every file below a folder with its bytes.
fn snapshot(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    entries
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| (entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// The exit code is 2, nothing is on standard output, and every part is in the message.
fn assert_refused(told: &Outcome, parts: &[&str]) {
    assert_eq!(told.status, Some(2), "{told:?}");
    assert_eq!(told.stdout, "", "{told:?}");
    for part in parts {
        assert!(told.stderr.contains(part), "`{part}` is not in\n{}", told.stderr);
    }
}

fn assert_good(told: &Outcome) {
    assert_eq!(told.status, Some(0), "{told:?}");
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_could_be() {
    let shop = shop();
    let before = snapshot(shop.path());
    let cases: &[(&[&str], &[&str])] = &[
        (&["tets"], &["unrecognized subcommand", "test"]),
        (&["test", "--frob"], &["--frob"]),
        (&["test", "--backend", "chroot"], &["namespaces"]),
        (&["test", "--fail-on", "always"], &["warning"]),
        (&["test", "--jobs", "0"], &["`jobs` is 0"]),
        (&["test", "--repeat", "0"], &["`repeat` is 0"]),
        (&["test", "--timeout", "soon"], &["`soon`", "90s"]),
        (&["test", "--suite", "margins"], &["`margins`", "core"]),
        (&["test", "--toolchain", "banana"], &["banana", "node@20,npm@10"]),
        (&["test", "--scenario", "basline"], &["`basline`", "did you mean `baseline`"]),
        (&["test", "--report", "json"], &["FORMAT=PATH"]),
        (&["test", "--report", "xml=a"], &["`xml`", "json"]),
        (&["test", "--report", "json=."], &["it is a folder"]),
        (&["test", "--report", "json=package.json/x"], &["package.json/x"]),
        (&["test", "--offline"], &["--offline", "--store"]),
        (&["test", "nowhere"], &["nowhere", "package.json"]),
        (&["test", ".", ".", "--report", "json=r.json"], &["several projects"]),
        (&["test", "--policy", "nowhere.toml"], &["nowhere.toml"]),
        (&["test", "--scenarios-dir", "nowhere"], &["nowhere"]),
        (&["plan", "--scenario", "basline"], &["did you mean `baseline`"]),
        (&["explain", "silent-falback"], &["did you mean `silent-fallback`"]),
        (&["scenarios", "show", "public-decoi"], &["did you mean `public-decoy`"]),
        (&["scenarios", "show", "zzzzzzzz"], &["scenarios list"]),
        (&["clean", "--store", "."], &["no store"]),
        (&["completions", "cmd"], &["bash"]),
        (&["inspect", "nowhere"], &["nowhere"]),
        (&["doctor", "nowhere"], &["nowhere"]),
    ];
    for (arguments, parts) in cases {
        let told = shop.run(arguments);
        assert_eq!(told.status, Some(2), "{arguments:?}: {told:?}");
        for part in *parts {
            assert!(told.stderr.contains(part), "{arguments:?}: `{part}` is not in\n{}", told.stderr);
        }
    }
    assert_eq!(snapshot(shop.path()), before, "a refused command changed the project");
}

#[test]
fn a_broken_file_is_shown_with_its_line_and_left_as_it_is() {
    for (file, text, parts) in [
        ("package.json", "{\n  \"name\": \"x\",\n}", ["package.json:3:1", "^"]),
        ("package-lock.json", "{ \"lockfileVersion\": 99 }", ["package-lock.json:1:", "99"]),
        ("sealcheck.toml", "privat = []\n", ["sealcheck.toml:1:1", "`private`"]),
        ("sealcheck.toml", "jobs = \"two\"\n", ["sealcheck.toml:1:", "whole number"]),
        ("sealcheck.toml", "report = \"json=../x\"\n", ["sealcheck.toml:1:", "inside the project"]),
    ] {
        let shop = shop();
        std::fs::write(shop.path().join(file), text).unwrap();
        let before = snapshot(shop.path());
        for command in ["test", "plan", "inspect"] {
            assert_refused(&shop.run(&[command]), &parts);
        }
        assert_eq!(snapshot(shop.path()), before);
    }
}

#[test]
fn a_folder_that_cannot_be_served_runs_nothing() {
    let shop = shop();
    std::fs::write(shop.path().join("registry/shop/prices/package.json"), "{ no").unwrap();
    for command in ["test", "inspect"] {
        assert_refused(&shop.run(&[command]), &["prices/package.json", "it is no JSON"]);
    }
}

#[test]
fn a_wrong_project_among_several_runs_none() {
    let (good, bad) = (shop(), shop());
    std::fs::write(bad.path().join("package.json"), "{").unwrap();
    let paths = [good.path().to_str().unwrap(), bad.path().to_str().unwrap()];
    assert_refused(&good.run(&["test", paths[0], paths[1]]), &["package.json"]);
}

#[test]
fn several_projects_are_each_reported_and_the_worst_decides() {
    let examples = support::root().join("examples");
    let (leaky, sealed) = (examples.join("leaky-shop"), examples.join("sealed-shop"));
    let paths = [sealed.to_str().unwrap(), leaky.to_str().unwrap()];
    let told = shop().run(&["test", paths[0], paths[1], "--scenario", "private-mapping-removed"]);
    assert_eq!(told.status, Some(1), "{told:?}");
    for part in ["sealed: ", "leaked: ", "sealed-shop: 2 packages", "leaky-shop: 2 packages"] {
        assert!(told.stdout.contains(part), "`{part}` is not in\n{}", told.stdout);
    }
}

#[test]
fn a_plan_runs_nothing_and_changes_nothing() {
    let shop = shop();
    let before = snapshot(shop.path());
    let told = shop.run(&["plan"]);
    assert_good(&told);
    for part in ["baseline-1", "control-1", "npm ci", "private-mapping-removed-1"] {
        assert!(told.stdout.contains(part), "`{part}` is not in\n{}", told.stdout);
    }
    assert_eq!(told.stderr, "");
    assert_eq!(snapshot(shop.path()), before);
    assert!(snapshot(shop.home()).is_empty());
    let one = shop.run(&["plan", "--scenario", "private-*", "--skip", "private-not-found"]);
    assert!(one.stdout.contains("private-refused-1") && !one.stdout.contains("private-not-found-1"));
}

#[test]
fn an_inspection_shows_positions_and_integrities() {
    let shop = shop();
    let told = shop.run(&["inspect"]);
    assert_good(&told);
    let packed = support::root().join("examples/leaky-shop/registry/shop/prices");
    let integrity = sealcheck::upstream::folder::pack(&packed).unwrap().digests.sri();
    for part in [
        ".npmrc:1, project",
        "@shop/prices is private to https://npm.shop.example/",
        "package-lock.json:15:5: @shop/prices has no `resolved`",
        &format!("@shop/prices@1.2.0 {integrity}"),
    ] {
        assert!(told.stdout.contains(part), "`{part}` is not in\n{}", told.stdout);
    }
}

/// A project of whose packages nothing says whose they are.
fn undecided() -> Project {
    let logger = Package::new("acme-logger", "1.0.0");
    let published = Published {
        resolved: "https://npm.corp.example/all/acme-logger/-/acme-logger-1.0.0.tgz".to_owned(),
        integrity: integrity(&logger.tarball()),
    };
    Project::new()
        .dependency("acme-logger", "1.0.0")
        .npmrc("registry=https://npm.corp.example/all/")
        .settings("jobs = 1 # of the owner's own")
        .published(&logger, &published)
        .build()
}

#[test]
fn an_inspection_proposes_what_is_undecided_and_keeps_the_file() {
    let project = undecided();
    let before = project.read("sealcheck.toml");
    let told = project.run(&["inspect"]);
    assert_good(&told);
    assert!(told.stdout.contains("acme-logger is undecided"), "{}", told.stdout);
    assert_eq!(project.read("sealcheck.toml"), before, "nothing is written unless it is asked for");

    assert_good(&project.run(&["inspect", "--write"]));
    let after = project.read("sealcheck.toml");
    assert!(after.contains("\"acme-logger\""), "{after}");
    assert!(after.contains(before.trim()), "the owner's lines are gone:\n{after}");
    let told = project.run(&["inspect"]);
    assert_good(&told);
    assert!(told.stdout.contains("acme-logger is private to"), "{}", told.stdout);
    // Once all is decided there is nothing more to write.
    assert_good(&project.run(&["inspect", "--write"]));
    assert_eq!(project.read("sealcheck.toml"), after);
}

#[test]
fn every_scenario_is_listed_and_shown_and_fits_the_schema() {
    let shop = shop();
    let list = shop.run(&["scenarios", "list"]);
    assert_good(&list);
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 13, "{names:?}");
    for name in names {
        let told = shop.run(&["scenarios", "show", name]);
        assert_good(&told);
        let toml: toml::Table = told.stdout.parse().unwrap();
        assert_eq!(toml["name"].as_str(), Some(name));
    }
    let schema = shop.run(&["scenarios", "schema"]);
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    let kept = std::fs::read_to_string(support::root().join("scenarios/schema.json")).unwrap();
    assert_eq!(schema, serde_json::from_str::<Value>(&kept).unwrap());
}

#[test]
fn every_rule_is_listed_and_explained() {
    let shop = shop();
    let list = shop.run(&["explain"]);
    assert_good(&list);
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names.len(), sealcheck::finding::RULES.len());
    for name in names {
        let told = shop.run(&["explain", name]);
        assert_good(&told);
        assert!(told.stdout.starts_with(&format!("# {name}\n")), "{}", told.stdout);
        assert!(told.stdout.contains("## How to mend it"), "{}", told.stdout);
    }
}

#[test]
fn the_doctor_gives_a_hint_for_every_lack() {
    let shop = shop();
    let told = shop.run(&["doctor"]);
    let lines: Vec<&str> = told.stdout.lines().collect();
    let lacks = |line: &&str| line.starts_with("LACK");
    assert!(
        lines.iter().all(|line| ["ok ", "LACK", "   "].iter().any(|it| line.starts_with(it))),
        "{told:?}"
    );
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| lacks(line)) {
        assert!(lines.get(at + 1).is_some_and(|next| next.contains("to mend it: ")), "{line}\n{told:?}");
    }
    let sandbox_lacks = lines.iter().take(6).any(lacks);
    assert_eq!(told.status, Some(if sandbox_lacks { 3 } else { 0 }), "{told:?}");

    // Without node there is a lack whatever the machine is.
    let told = outcome(shop.command().arg("doctor").env("PATH", "/nonexistent"), None);
    assert_eq!(told.status, Some(3), "{told:?}");
    assert!(told.stdout.contains("LACK  no node was found\n      to mend it: "), "{}", told.stdout);
}

#[test]
fn the_doctor_names_a_variable_that_is_not_set() {
    let project = Project::new()
        .npmrc("@acme:registry=https://npm.corp.example/\n//npm.corp.example/:_authToken=${ACME_TOKEN}")
        .served_registry("https://npm.corp.example/", "served", |it| {
            it.package(Package::new("@acme/logger", "1.0.0"))
        })
        .served_registry("{public}", "public", |it| it.package(Package::new("other", "1.0.0")))
        .dependency("@acme/logger", "1.0.0")
        .build();
    let told = project.run(&["doctor", "."]);
    assert_eq!(told.status, Some(3), "{told:?}");
    assert!(told.stdout.contains("to mend it: set the variable ACME_TOKEN"), "{}", told.stdout);
}

#[test]
fn cleaning_removes_what_it_says_and_nothing_else() {
    let shop = shop();
    let cache = tempfile::tempdir().unwrap();
    let clean = |arguments: &[&str]| {
        outcome(shop.command().arg("clean").args(arguments).env("XDG_CACHE_HOME", cache.path()), None)
    };
    let told = clean(&[]);
    assert_good(&told);
    assert_eq!(told.stdout, "nothing was left behind\n");
    std::fs::create_dir_all(cache.path().join("sealcheck/toolchains/node")).unwrap();
    assert_good(&clean(&[]));
    assert!(cache.path().join("sealcheck/toolchains/node").is_dir(), "toolchains go only on request");
    assert_good(&clean(&["--toolchains"]));
    assert!(!cache.path().join("sealcheck/toolchains").exists());
}

#[test]
fn completions_know_the_options() {
    let shop = shop();
    for shell in ["bash", "zsh", "fish"] {
        let told = shop.run(&["completions", shell]);
        assert_good(&told);
        for part in ["sealcheck", "scenarios-dir", "inspect"] {
            assert!(told.stdout.contains(part), "{shell}: {part}");
        }
        assert!(!told.stdout.contains("__witness"), "{shell} offers a hidden command");
    }
}

#[test]
fn a_json_report_has_standard_output_for_itself() {
    let shop = shop();
    let told = shop.run(&["test", SHORT[0], SHORT[1], "--report", "json=-"]);
    assert_good(&told);
    let report: Value = serde_json::from_str(&told.stdout).unwrap();
    assert!(told.stderr.contains("sealed: "), "the report for people is on the other stream: {told:?}");
    sealcheck::report::Report::read(&told.stdout).unwrap();
    let schema = std::fs::read_to_string(support::root().join("docs/report.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    fits(&report, &schema, &schema, "report");

    let told = shop.run(&["-q", "test", SHORT[0], SHORT[1], "--report", "json=-"]);
    assert_good(&told);
    assert_eq!(told.stderr, "");
    serde_json::from_str::<Value>(&told.stdout).unwrap();
}

/// What the schema of the report uses of JSON Schema: references, types, enumerations,
/// required members, members, items, and one of several.
fn fits(value: &Value, schema: &Value, whole: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return fits(value, whole.pointer(&reference[1..]).unwrap(), whole, at);
    }
    for several in ["anyOf", "oneOf"].iter().filter_map(|key| schema[*key].as_array()) {
        let fitting = |one: &Value| {
            let (value, one, whole) = (value.clone(), one.clone(), whole.clone());
            std::panic::catch_unwind(move || fits(&value, &one, &whole, "")).is_ok()
        };
        assert!(several.iter().any(fitting), "{at}: {value} is none of {several:?}");
    }
    if let Some(constant) = schema.get("const") {
        assert_eq!(value, constant, "{at}");
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value} is none of {words:?}");
    }
    let several = schema["type"].as_array().into_iter().flatten();
    let types: Vec<&str> = several.chain([&schema["type"]]).filter_map(Value::as_str).collect();
    let is = |name: &&str| match *name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    assert!(types.is_empty() || types.iter().any(is), "{at}: {value} is no {types:?}");
    if let Some(members) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(members.contains_key(name.as_str().unwrap()), "{at} lacks {name}");
        }
        for (name, member) in members {
            if let Some(known) = schema["properties"].get(name) {
                fits(member, known, whole, &format!("{at}.{name}"));
            }
        }
    }
    if let (Some(items), Some(item)) = (value.as_array(), schema.get("items")) {
        for (index, one) in items.iter().enumerate() {
            fits(one, item, whole, &format!("{at}[{index}]"));
        }
    }
}

#[test]
fn quiet_says_nothing_but_the_result() {
    let shop = shop();
    let loud = shop.run(&["test", SHORT[0], SHORT[1]]);
    assert!(loud.stderr.contains("baseline-1: started"), "{loud:?}");
    for quiet in ["-q", "--quiet"] {
        let told = shop.run(&["test", SHORT[0], SHORT[1], quiet]);
        assert_good(&told);
        assert_eq!(told.stderr, "");
        assert!(told.stdout.starts_with("sealed: "), "{}", told.stdout);
    }
    let told = outcome(shop.command().args(["test", SHORT[0], SHORT[1]]).env("SEALCHECK_QUIET", "1"), None);
    assert_eq!(told.stderr, "");
}

#[test]
fn colour_is_there_only_where_it_is_wanted() {
    let shop = shop();
    let run = |color: &str, no_color: &str| {
        let mut command = shop.command();
        command.args(["test", SHORT[0], SHORT[1], "--color", color]).env("NO_COLOR", no_color);
        outcome(&mut command, None).stdout
    };
    assert!(!run("auto", "").contains('\x1b'), "a pipe wants no colour");
    assert!(!run("never", "").contains('\x1b'));
    assert!(!run("auto", "1").contains('\x1b'));
    assert!(run("always", "").contains('\x1b'), "it was asked for");
}

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
fn a_report_that_the_project_asks_for_stays_in_the_project() {
    let shop = shop();
    let settings = shop.read("sealcheck.toml");
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), shop.path().join("out")).unwrap();
    let set = |report: &str| {
        let text = format!("report = \"json={report}\"\n{settings}");
        std::fs::write(shop.path().join("sealcheck.toml"), text).unwrap();
    };
    set("out/deep/report.json");
    assert_refused(&shop.run(&["test", SHORT[0], SHORT[1]]), &["leads out of the project"]);
    assert!(snapshot(elsewhere.path()).is_empty());

    // Its paths are the project's, wherever the program is started.
    set("reports/report.json");
    let mut command = shop.command();
    command.args(["test", SHORT[0], SHORT[1]]).arg(shop.path()).current_dir(elsewhere.path());
    assert_good(&outcome(&mut command, None));
    serde_json::from_str::<Value>(&shop.read("reports/report.json")).unwrap();
    assert!(snapshot(elsewhere.path()).is_empty());
}

#[test]
fn a_report_file_is_whole_and_alone() {
    let shop = shop();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/report.json");
    let option = format!("json={}", path.display());
    assert_good(&shop.run(&["test", SHORT[0], SHORT[1], "--report", &option]));
    // An older report is replaced.
    std::fs::write(&path, "not this").unwrap();
    let told = shop.run(&["test", SHORT[0], SHORT[1], "--report", &option]);
    assert!(told.stdout.contains(&format!("json report: {}", path.display())), "{}", told.stdout);
    let files = snapshot(folder.path());
    assert_eq!(files.len(), 1, "something else is left beside it: {:?}", files.keys());
    sealcheck::report::Report::read(std::str::from_utf8(&files[path.to_str().unwrap()]).unwrap()).unwrap();
}

#[test]
fn what_was_recorded_is_shown_where_the_report_cannot_be_written() {
    let shop = shop();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    // A path of which only writing it shows that it cannot be.
    let option = format!("json={}/missing/../file/report.json", folder.path().display());
    let told = shop.run(&["test", SHORT[0], SHORT[1], "--report", &option]);
    assert_eq!(told.status, Some(70), "{told:?}");
    assert!(told.stdout.starts_with("sealed: "), "{told:?}");
    assert!(told.stderr.contains("the report could not be written to"), "{told:?}");
}

#[test]
fn help_and_version_are_results() {
    let shop = shop();
    for arguments in [&["--version"][..], &["--help"], &["test", "--help"], &["help", "inspect"]] {
        let told = shop.run(arguments);
        assert_good(&told);
        assert!(told.stdout.contains("sealcheck") && told.stderr.is_empty(), "{told:?}");
        assert!(!told.stdout.contains("__stage"), "{told:?}");
    }
    let told = shop.run(&[]);
    assert_eq!(told.status, Some(2), "no command is no result");
    assert!(told.stderr.contains("Usage:"), "{told:?}");
}
