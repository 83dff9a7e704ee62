//! A test in shards, each a process of its own: merged, they say what one test says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use crate::support::comparable::{comparable, differences};
use crate::support::project::{Outcome, Project, outcome};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const HAS_NO_NPM: &str = "a shard is a test with the real npm";

fn shop(name: &str) -> Project {
    Project::copied(&support::root().join("examples").join(name), &[])
}

/// Runs every shard, and gives the files of their reports, the last shard first.
fn shards(project: &Project, count: u32, arguments: &[&str], into: &Path) -> Vec<PathBuf> {
    (1..=count).rev().map(|index| shard(project, index, count, arguments, into)).collect()
}

fn shard(project: &Project, index: u32, count: u32, arguments: &[&str], into: &Path) -> PathBuf {
    let told = project.test_once(&[arguments, &["--shard", &format!("{index}/{count}")]].concat());
    assert!(matches!(told.status, Some(0 | 1 | 3)), "{told:?}");
    assert!(told.stdout.starts_with(&format!("shard {index} of {count}, ")), "{}", told.stdout);
    let path = into.join(format!("{index}-of-{count}.json"));
    fs::write(&path, told.report.to_string()).unwrap();
    path
}

fn merge(project: &Project, files: &[PathBuf], into: &Path) -> Outcome {
    let report = into.join("merged.json");
    let mut command = project.command();
    command.arg("merge").args(files).arg(format!("--report=json={}", report.display()));
    outcome(&mut command, Some(&report))
}

/// The shards, merged, are the test but for what is another in each run of it. The largest
/// takes at most 1.3 times the mean, by what is expected.
fn assert_whole(project: &Project, counts: &[u32], arguments: &[&str]) {
    let whole = project.test_once(arguments);
    assert!(whole.report.is_object(), "{whole:?}");
    for count in counts {
        let folder = tempfile::tempdir().unwrap();
        let files = shards(project, *count, arguments, folder.path());
        let merged = merge(project, &files, folder.path());
        assert_eq!(merged.status, whole.status, "{count}: {merged:?}");
        let (one, other) = (comparable(whole.report.clone()), comparable(merged.report.clone()));
        let mut found = Vec::new();
        differences("", &one, &other, &mut found);
        assert!(found.is_empty(), "{count} shards of {arguments:?}:\n{}", found.join("\n"));
        assert_eq!(one.to_string(), comparable(merged.report).to_string());
        even(&files);
    }
}

fn even(files: &[PathBuf]) {
    let read = |path: &PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let reports: Vec<Value> = files.iter().map(read).collect();
    let times = reports.iter().map(|report| report["shard"]["expected_ms"].as_u64().unwrap());
    let (mean, most) = (times.clone().sum::<u64>() / files.len() as u64, times.clone().max().unwrap());
    assert!(most * 10 <= mean * 13, "{:?}", times.collect::<Vec<_>>());
}

#[test]
fn shards_of_the_leaky_shop_merged_are_the_test() {
    if let Some(lack) = support::npm::lacks_npm() {
        return support::skip("shards::leaky_shop", &format!("{HAS_NO_NPM}: {lack}"));
    }
    if support::everything() {
        assert_whole(&shop("leaky-shop"), &[1, 3, 7], &[]);
        assert_whole(&shop("leaky-shop"), &[3], &["--suite", "full"]);
    } else {
        assert_whole(&shop("leaky-shop"), &[7], &[]);
    }
}

#[test]
fn shards_of_several_places_and_repetitions_merged_are_the_test() {
    if let Some(lack) = support::npm::lacks_npm() {
        return support::skip("shards::places", &format!("{HAS_NO_NPM}: {lack}"));
    }
    let arguments = ["--scenario", "private-mapping-removed,private-not-found,scripts-disabled"];
    let repeated = ["--repeat", "2"];
    let project = shop("sealed-shop");
    assert_whole(&project, &[3], &[&arguments[..], &repeated].concat());
    if support::place::chosen().is_none() {
        let places = ["--toolchain", "node@20,npm@10,11"];
        assert_whole(&project, &[3], &[&arguments[..], &places].concat());
    }
}

/// Of a whole, and two shards of it: what is wrong is said with the files, and nothing is written.
#[test]
fn what_is_no_whole_test_is_refused_and_named() {
    if let Some(lack) = support::npm::lacks_npm() {
        return support::skip("shards::refused", &format!("{HAS_NO_NPM}: {lack}"));
    }
    let project = shop("sealed-shop");
    let folder = tempfile::tempdir().unwrap();
    let short = ["--scenario", "private-not-found"];
    let two = shards(&project, 2, &short, folder.path());
    let of_three = shard(&project, 3, 3, &short, folder.path());
    let foreign = tempfile::tempdir().unwrap();
    let other = shard(&project, 2, 2, &["--scenario", "public-refused"], foreign.path());
    let whole = folder.path().join("whole.json");
    fs::write(&whole, project.test_once(&short).report.to_string()).unwrap();
    let cut = folder.path().join("cut.json");
    let text = fs::read_to_string(&two[0]).unwrap();
    fs::write(&cut, &text[..text.len() / 2]).unwrap();
    let pretends = folder.path().join("other-npm.json");
    fs::write(&pretends, text.replace("--repeat 1", "--repeat 2")).unwrap();
    let cases: [(&[&PathBuf], &[&str]); 7] = [
        (&[&two[1]], &["shard 2 of 2 is missing"]),
        (&[&two[0], &two[0]], &["2-of-2.json` and `", "are both shard 2 of 2"]),
        (&[&two[1], &of_three], &["differently divided", "3-of-3.json"]),
        (&[&two[1], &other], &["of different tests", "differ in: scenarios"]),
        (&[&two[1], &pretends], &["differ in: options", "other-npm.json"]),
        (&[&two[1], &whole], &["whole.json` is no shard"]),
        (&[&two[1], &cut], &["the report ends in the middle", "cut.json"]),
    ];
    for (files, says) in cases {
        let files: Vec<PathBuf> = files.iter().copied().cloned().collect();
        let told = merge(&project, &files, folder.path());
        assert_eq!((told.status, told.stdout.as_str()), (Some(2), ""), "{told:?}");
        assert!(says.iter().all(|part| told.stderr.contains(part)), "{says:?} is not in {}", told.stderr);
        assert!(!folder.path().join("merged.json").exists());
    }
    // A shard is no side of a comparison.
    let (shard, whole) = (two[0].display().to_string(), whole.display().to_string());
    let told = project.run(&["compare", &shard, &whole]);
    assert_eq!(told.status, Some(2), "{told:?}");
    assert!(told.stderr.contains("is shard 2 of 2, and no whole test"), "{}", told.stderr);
}

#[test]
fn what_cannot_be_divided_runs_nothing() {
    let (project, second) = (shop("sealed-shop"), shop("leaky-shop"));
    let second = second.path().display().to_string();
    let cases: [(&[&str], &str); 9] = [
        (&["--shard", "3"], "`--shard 3` is no shard"),
        (&["--shard", "a/b"], "`--shard a/b` is no shard"),
        (&["--shard", "0/3"], "there is no shard 0"),
        (&["--shard", "4/3"], "there is no shard 4 of 3"),
        (&["--shard", "1/4000000000"], "at most 1000 shards"),
        (&["--shard", "1/3", "--suite", "margin"], "cannot be divided into shards"),
        (&["--shard", "1/3", "--suite", "drills"], "cannot be divided into shards"),
        (&["--shard", "1/3", "--update"], "cannot be used with"),
        (&["--shard", "1/3", ".", &second], "with several projects"),
    ];
    for (arguments, says) in cases {
        let told = project.run(&[&["test"], arguments].concat());
        assert_eq!((told.status, told.stdout.as_str()), (Some(2), ""), "{arguments:?}: {told:?}");
        assert!(told.stderr.contains(says), "{arguments:?}: {}", told.stderr);
    }
}
