//! The file is one of the tested project's: what is wrong with it is said, with its place,
//! and nothing is run.

use crate::accept::{FILE, file, lacks, said};
use crate::support::package::Package;
use crate::support::project::Project;
use std::fs;
use std::os::unix::fs::symlink;

fn project() -> Project {
    Project::new()
        .dependency("plain", "1.0.0")
        .served_registry("{public}", "public", |registry| registry.package(Package::new("plain", "1.0.0")))
        .build()
}

#[test]
fn a_file_that_is_no_baseline_runs_nothing() {
    if lacks("hostile") {
        return;
    }
    let project = project();
    let path = project.path().join(FILE);
    let outside = tempfile::tempdir().unwrap();
    let theirs = outside.path().join("theirs");
    fs::write(&theirs, "secret of another").unwrap();
    let refused = |part: &str| {
        for command in [&["test", "--scenario", "baseline"][..], &["accept"], &["test", "--update"]] {
            let outcome = project.run(command);
            assert_eq!(outcome.status, Some(2), "{part}: {}{}", outcome.stdout, outcome.stderr);
            assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
            assert!(outcome.stderr.contains("help: "), "{}", outcome.stderr);
            assert!(!outcome.stderr.contains("started"), "{}", outcome.stderr);
            assert!(!outcome.stderr.contains("secret of another"), "{}", outcome.stderr);
        }
    };
    for (text, part) in [
        ("", "ends in the middle"),
        ("{\"schema\": \"sealcheck/lock/v2\"}", "this program reads `sealcheck/lock/v1`"),
        ("{\n  \"schema\": \"sealcheck/lock/v1\",\n  \"evil\": \u{1b}[2J\n}", "sealcheck.lock.json:3"),
        ("<<<<<<< ours\n{}", "merge conflict"),
        (EVERYTHING, "`**` of `plain` approves too much"),
    ] {
        fs::write(&path, text).unwrap();
        refused(part);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::write(&path, vec![b' '; (8 << 20) + 1]).unwrap();
    refused("larger than 8 MiB");
    fs::write(&path, b"{\"\xff\"}").unwrap();
    refused("not UTF-8");
    fs::remove_file(&path).unwrap();
    symlink(&theirs, &path).unwrap();
    refused("a link that leads out of the project");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "secret of another");
    fs::remove_file(&path).unwrap();
    symlink("nowhere", &path).unwrap();
    refused("a link to nothing");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("not a file");
}

/// Whatever the package may ever do is approved.
const EVERYTHING: &str = "{\"schema\": \"sealcheck/lock/v1\", \"suite\": null, \"places\": [], \"everywhere\": {
    \"sometimes\": {\"plain\": {\"processes\": {\"postinstall\": [\"**\"]}, \"connections\": [\"**\"], \"writes\": [\"**\"]}}}}";

#[test]
fn what_nobody_saw_is_named_and_gone_when_it_is_accepted_anew() {
    if lacks("unseen") {
        return;
    }
    let project = project();
    let only = ["accept", "--scenario", "baseline"];
    assert_eq!(project.run(&only).status, Some(0));
    let sound = project.read(FILE);
    let mut written = file(&project);
    written["everywhere"]["sometimes"] = serde_json::json!({
        "@shop/prices": { "connections": ["*.evil.example:443"] },
        "plain": { "processes": { "postinstall": ["evil **"] } },
    });
    fs::write(project.path().join(FILE), written.to_string()).unwrap();
    let outcome = project.test_once(&only[1..]);
    let stale = said(&outcome, "stale-baseline");
    assert_eq!(stale.len(), 1, "{stale:?}");
    assert!(
        stale[0].starts_with("warning") && stale[0].ends_with("counts for nothing: @shop/prices"),
        "{stale:?}"
    );
    let again = project.run(&only);
    assert_eq!((again.status, project.read(FILE)), (Some(0), sound), "{}", again.stderr);
}

#[test]
fn no_script_can_read_what_is_approved() {
    if lacks("unread") {
        return;
    }
    let look = "const fs = require('fs');\n\
        const at = process.env.INIT_CWD + '/';\n\
        const seen = (name) => fs.existsSync(at + name) ? 'there' : 'not-there';\n\
        fs.writeFileSync(seen('sealcheck.lock.json') + '.baseline', '');\n\
        fs.writeFileSync(seen('package.json') + '.manifest', '');\n";
    let nosy = Package::new("plain", "1.0.0").file("look.js", look).script("postinstall", "node look.js");
    let project = Project::new()
        .dependency("plain", "1.0.0")
        .served_registry("{public}", "public", |registry| registry.package(nosy))
        .build();
    for _ in 0..2 {
        assert_eq!(project.run(&["accept", "--scenario", "baseline"]).status, Some(0));
        assert_eq!(
            file(&project)["everywhere"]["scripts"]["plain"]["writes"],
            serde_json::json!([
                "added node_modules/plain/not-there.baseline",
                "added node_modules/plain/there.manifest"
            ])
        );
    }
}

#[test]
fn a_link_within_the_project_is_replaced_and_not_written_through() {
    if lacks("link") {
        return;
    }
    let project = project();
    let path = project.path().join(FILE);
    assert_eq!(project.run(&["accept", "--scenario", "baseline"]).status, Some(0));
    let kept = project.path().join("kept.json");
    fs::write(&kept, project.read(FILE).replace("plain@1.0.0", "plain@0.9.9")).unwrap();
    let before = fs::read_to_string(&kept).unwrap();
    fs::remove_file(&path).unwrap();
    symlink("kept.json", &path).unwrap();
    assert_eq!(project.run(&["accept", "--scenario", "baseline"]).status, Some(0));
    assert!(!path.symlink_metadata().unwrap().is_symlink());
    assert!(project.read(FILE).contains("plain@1.0.0"));
    assert_eq!(fs::read_to_string(&kept).unwrap(), before);
}

#[test]
fn drills_are_nothing_to_accept() {
    if lacks("drills") {
        return;
    }
    let outcome = project().run(&["accept", "--suite", "drills"]);
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("drills are no behaviour"), "{}", outcome.stderr);
}
