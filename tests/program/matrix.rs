//! One test in several places: under several toolchains, and in several images.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use crate::support::place;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// The report of the sealed shop, what was shown and said, and the exit code.
fn test(engine: Option<&str>, arguments: &[&str]) -> (Value, String, i32) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(support::sealcheck());
    support::npm::in_empty_home(&mut command, home.path());
    if let Some(engine) = engine {
        command.env("DOCKER_HOST", place::engine(engine).unwrap());
    }
    command.env("XDG_CACHE_HOME", support::toolchain::cache()).env("COLUMNS", "160");
    let report = home.path().join("report.json");
    command
        .arg("test")
        .arg(support::root().join("examples/sealed-shop"))
        .args(["--scenario", "private-mapping-removed", "--scenario", "private-not-found"])
        .args(arguments)
        .arg(format!("--report=json={}", report.display()));
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let shown = text(&output.stdout) + &text(&output.stderr);
    let bytes = std::fs::read(&report).unwrap_or_else(|error| panic!("{error}\n{shown}"));
    (serde_json::from_slice(&bytes).unwrap(), shown, output.status.code().unwrap())
}

/// Each run by its id: npm, image and verdict.
fn runs(report: &Value) -> BTreeMap<String, [String; 3]> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let runs = report["runs"].as_array().unwrap().iter();
    let all: BTreeMap<_, _> = runs
        .map(|run| {
            let image = text(&run["image"]).split('@').next().unwrap().to_owned();
            (text(&run["id"]), [text(&run["toolchain"]["npm"]), image, text(&run["verdict"])])
        })
        .collect();
    assert_eq!(all.len(), report["runs"].as_array().unwrap().len(), "ids are unique");
    all
}

#[test]
fn each_toolchain_of_a_list_is_a_place_and_a_pair_that_cannot_work_is_said() {
    if let Some(lack) = support::npm::lacks_npm() {
        return support::skip("matrix::toolchains", &lack);
    }
    let (report, shown, code) = test(
        None,
        &["--toolchain", "node@20,npm@10,11,12", "--toolchain", support::toolchain::NODE_22_NPM_12],
    );
    assert_eq!(code, 0, "{shown}");
    let runs = runs(&report);
    // baseline, control and the two that were asked for, with npm 10, 11 and 12.
    assert_eq!(runs.len(), 12, "{runs:#?}");
    for (major, code) in [("10", "EINTEGRITY"), ("11", "EINTEGRITY"), ("12", "EALLOWREMOTE")] {
        let of: Vec<_> = runs.iter().filter(|(_, [npm, ..])| npm.starts_with(&format!("{major}."))).collect();
        assert_eq!(of.len(), 4, "npm {major}: {runs:#?}");
        for (id, [npm, _, verdict]) in of {
            let wanted = if id.starts_with("control") { "leaked" } else { "sealed" };
            assert_eq!(verdict, wanted, "{id}\n{shown}");
            assert!(id.contains(&format!("npm-{npm}")), "{id}");
            // npm decides differently, and the report says where.
            if id.starts_with("private-mapping-removed") && code == "EALLOWREMOTE" {
                let run = report["runs"].as_array().unwrap().iter().find(|run| run["id"] == **id).unwrap();
                assert_eq!(run["npm_error"]["code"], code, "{shown}");
            }
        }
    }
    let impossible = report["coverage"]["impossible_toolchains"].to_string();
    assert!(impossible.contains("needs node") && impossible.contains("node >=20"), "{impossible}");
    assert!(shown.contains("not tested: npm 12"), "{shown}");
    // What went alike everywhere is one row; what did not has a row for each outcome.
    let rows = |scenario: &str| shown.lines().filter(|line| line.starts_with(scenario)).count();
    assert_eq!((rows("baseline "), rows("private-not-found ")), (1, 1), "{shown}");
    assert_eq!(rows("private-mapping-removed "), 2, "{shown}");
}

#[test]
fn each_image_is_a_place() {
    for engine in ["docker", "podman"] {
        if place::engine(engine).is_none() {
            support::skip(&format!("matrix::images ({engine})"), "the engine was not started");
            continue;
        }
        let images = ["sealcheck-test/glibc", "sealcheck-test/musl"];
        let (report, shown, code) = test(Some(engine), &["--image", images[0], "--image", images[1]]);
        assert_eq!(code, 0, "{engine}: {shown}");
        let runs = runs(&report);
        assert_eq!(runs.len(), 8, "{runs:#?}");
        for image in images {
            let of = runs.values().filter(|[_, of, _]| of == image);
            assert_eq!(of.count(), 4, "{image}: {runs:#?}");
        }
        let sealed = runs.iter().filter(|(id, _)| !id.starts_with("control"));
        assert!(sealed.clone().all(|(_, [_, _, verdict])| verdict == "sealed"), "{engine}: {shown}");
        assert_eq!(sealed.count(), 6);
    }
}

/// npm 12 needs a newer node than 20: a test of npm 11 alone must not pass for one of both.
#[test]
fn a_version_that_has_no_place_at_all_is_refused() {
    if let Some(lack) = support::npm::lacks_npm() {
        return support::skip("matrix::no place", &lack);
    }
    for versions in ["node@20,npm@12", "node@20,npm@11,12"] {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(support::sealcheck());
        support::npm::in_empty_home(&mut command, home.path());
        command.env("XDG_CACHE_HOME", support::toolchain::cache());
        command.arg("test").arg(support::root().join("examples/sealed-shop")).args(["--toolchain", versions]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{versions}: {said}");
        assert!(said.contains("npm 12") && said.contains("needs node"), "{versions}: {said}");
    }
}
