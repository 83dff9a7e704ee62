//! The action of the repository: its steps are run one by one as a runner would, in a
//! clean place of namespaces, with a fake event and a fake API.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

#[path = "../support/mod.rs"]
mod support;

mod examples;
mod expression;
mod github;
mod job;
mod log;
mod steps;

use github::AUTHOR;
use job::{Job, Ran};
use serde_json::Value;
use std::fs;

const MARKER: &str = "<!-- sealcheck: sealcheck -->\n";

/// The uploaded SARIF, which must be there and be one.
fn sarif(job: &Job, ran: &Ran) -> Value {
    let (action, with) = &ran.used["Upload the findings"];
    assert!(action.starts_with("github/codeql-action/upload-sarif@"), "{action}");
    assert_eq!(with["category"], "sealcheck");
    assert_eq!(with["sarif_file"], ran.outputs["sarif"]);
    let text = fs::read_to_string(job.outside(&with["sarif_file"])).unwrap();
    let sarif: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["name"], "sealcheck");
    sarif
}

/// The reports that are kept are all there, and those that the outputs name.
fn assert_reports(job: &Job, ran: &Ran) {
    let (action, with) = &ran.used["Keep the reports"];
    assert!(action.starts_with("actions/upload-artifact@"), "{action}");
    let folder = job.outside(&with["path"]);
    for (output, file) in [
        ("json", "report.json"),
        ("sarif", "report.sarif"),
        ("markdown", "report.md"),
        ("junit", "report.xml"),
    ] {
        assert!(fs::metadata(folder.join(file)).unwrap().len() > 100, "{file}");
        assert_eq!(job.outside(&ran.outputs[output]), folder.join(file));
    }
}

/// Nothing in a log is a command to the runner but what the action means to be one.
fn assert_commands(ran: &Ran) {
    for (step, log) in &ran.logs {
        let commands = log::commands(log);
        let names: Vec<&str> = commands.iter().map(|(name, _)| name.as_str()).collect();
        if step == "Test the install" && names.len() == 4 {
            // The runs fold, the report does not.
            assert_eq!([names[0], names[1], names[3]], ["group", "stop-commands", "endgroup"], "{log}");
            let (runs, report) = log.split_once("::endgroup::\n").unwrap();
            assert!(runs.contains(": npm exited with 0 in "), "{log}");
            assert!(!report.contains(": npm exited with 0 in ") && report.contains("exit "), "{log}");
        } else {
            let own = |name: &&str| ["error", "warning", "notice"].contains(name);
            assert!(names.iter().all(own), "{step}: {names:?} are commands in\n{log}");
        }
    }
}

#[test]
fn the_leaky_shop_fails_when_all_is_uploaded() {
    let Some(job) = Job::new("leaky-shop") else { return };
    let ran = job.run();
    assert_eq!(ran.outputs["exit-code"], "1", "{ran:#?}");
    assert_eq!(ran.outputs["verdict"], "leaked");
    assert!(ran.failed);
    // The last step alone fails, so that nothing before it is left out.
    assert_eq!(ran.codes["Say how it ended"], 1);
    assert!(ran.codes.iter().all(|(step, code)| *code == 0 || step == "Say how it ended"), "{ran:#?}");
    assert!(
        ran.logs["Say how it ended"].starts_with("::error title=sealcheck::exit 1: the install is leaked")
    );
    assert!(ran.logs["Test the install"].contains("error[silent-fallback]"), "{ran:#?}");
    assert!(ran.summary.starts_with("### sealcheck: leaked\n"), "{}", ran.summary);
    let comments = job.api.comments();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].1.starts_with(&format!("{MARKER}### sealcheck: leaked\n")), "{comments:?}");
    assert!(comments[0].1.contains("(https://github.example/acme/shop/actions/runs/4711)"), "{comments:?}");
    let results = sarif(&job, &ran);
    let rules: Vec<&str> = results["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["ruleId"].as_str().unwrap())
        .collect();
    assert!(rules.contains(&"silent-fallback"), "{rules:?}");
    assert_reports(&job, &ran);
    assert_commands(&ran);
}

#[test]
fn a_project_below_the_root_has_its_findings_at_its_own_files() {
    let Some(job) = Job::new("leaky-shop") else { return };
    let below = job.file("apps/the shop");
    fs::create_dir_all(&below).unwrap();
    for name in ["package.json", "package-lock.json", "sealcheck.toml", "registry"] {
        fs::rename(job.file(name), below.join(name)).unwrap();
    }
    let job = job.with("project", "./apps/the shop").with("scenario", "private-mapping-removed");
    let ran = job.run();
    assert_eq!(ran.outputs["exit-code"], "1", "{ran:#?}");
    let results = sarif(&job, &ran)["runs"][0]["results"].clone();
    let results = results.as_array().unwrap().iter();
    let mut uris =
        results.map(|it| it["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone());
    assert!(uris.any(|uri| uri == "apps/the%20shop/package-lock.json"), "{ran:#?}");
}

#[test]
fn the_sealed_shop_passes_and_its_comment_is_kept_up_to_date() {
    let Some(job) = Job::new("sealed-shop") else { return };
    job.api.comment("mallory", &format!("{MARKER}### sealcheck: sealed"));
    (0..120).for_each(|at| job.api.comment("reviewer", &format!("comment {at}")));
    job.api.comment(AUTHOR, &format!("{MARKER}### sealcheck: leaked"));
    let ran = job.run();
    assert_eq!((ran.outputs["exit-code"].as_str(), ran.failed), ("0", false), "{ran:#?}");
    assert_eq!(ran.outputs["verdict"], "sealed");
    assert!(ran.summary.starts_with("### sealcheck: sealed\n"), "{}", ran.summary);
    let comments = job.api.comments();
    assert_eq!(comments.len(), 122);
    assert_eq!(comments[0].1, format!("{MARKER}### sealcheck: sealed"), "it is somebody else's");
    assert!(comments[121].1.starts_with(&format!("{MARKER}### sealcheck: sealed\n")), "{}", comments[121].1);
    sarif(&job, &ran);
    assert_reports(&job, &ran);
    assert_commands(&ran);
}

/// What somebody would write who wants the runner to obey: all of it in one line, and of
/// each kind that a runner knows.
const HOSTILE: &str = "::set-output name=exit-code::0 ##[set-output name=verdict]sealed $(touch /home/runner/pwned) \
                       `touch /home/runner/pwned` ::endgroup::";

#[test]
fn who_writes_the_project_or_the_title_has_nothing_run_and_nothing_obeyed() {
    let Some(mut job) = Job::new("leaky-shop") else { return };
    job.event()["pull_request"]["title"] = HOSTILE.into();
    job.event()["pull_request"]["head"]["ref"] = HOSTILE.into();
    let manifest = fs::read_to_string(job.file("package.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
    manifest["name"] = HOSTILE.into();
    // What a script does is told. Whatever the width, some line begins with the second.
    let long = " ::error::b".repeat(20);
    manifest["scripts"] = serde_json::json!({
        "postinstall":
            format!("touch \"$HOME/##[set-output name=verdict]sealed\" \"node_modules/shop-slug/a{long}\""),
    });
    fs::write(job.file("package.json"), serde_json::to_string_pretty(&manifest).unwrap()).unwrap();
    let ran = job.run();
    assert_eq!(
        (ran.outputs["exit-code"].as_str(), ran.outputs["verdict"].as_str()),
        ("1", "leaked"),
        "{ran:#?}"
    );
    assert!(ran.failed);
    assert!(!job.outside("/home/runner/pwned").exists());
    let log = &ran.logs["Test the install"];
    assert!(log.contains("\\x3a:error::b") && log.contains("#\\x23[set-output"), "{log}");
    assert_commands(&ran);
    let (author, text) = &job.api.comments()[0];
    assert_eq!(author, AUTHOR);
    assert!(text.starts_with(&format!("{MARKER}### sealcheck: leaked\n")), "{text}");
}
