//! What becomes of a test of several that does not come to its end.

use super::{Place, SHORT, paths};
use crate::support;
use crate::support::npm::in_empty_home;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

#[test]
fn what_was_tested_before_an_interruption_is_reported_and_the_rest_is_named() {
    let place = Place::with(&["apps/a", "apps/b", "apps/c"]);
    let mut command = Command::new(support::sealcheck());
    in_empty_home(&mut command, place.home.path());
    let mut child = command
        .current_dir(place.folder.path())
        .env("XDG_CACHE_HOME", support::toolchain::cache())
        .args(["test", "apps/*", "--report", "json=all.json"])
        .args(SHORT)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("apps/b: project 2 of 3") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended before");
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    let mut shown = String::new();
    child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    let all = place.json("all.json");
    assert_eq!((&all["outcome"], &all["interrupted"]), (&"interrupted".into(), &true.into()));
    assert_eq!(paths(&all), ["apps/b", "apps/a"], "the partial one is worse than the sound one");
    assert_eq!(all["missing"], serde_json::json!(["apps/c"]));
    assert!(shown.contains("apps/c   not tested"), "{shown}");
    assert!(shown.contains("exit 130"), "{shown}");
    // What is there of it is carried over, and no more.
    let told = place.test(&["apps/*", "--carry-over", "all.json", "--carry-over-age", "1d"]);
    assert_eq!(told.status, Some(0), "{told:?}");
    for part in ["apps/a: not tested, carried over", "apps/b: tested anew", "apps/c: tested anew"] {
        assert!(told.stderr.contains(part), "`{part}` is not in\n{}", told.stderr);
    }
}

#[test]
fn what_was_seen_is_shown_where_the_report_cannot_be_written() {
    let place = Place::with(&["apps/a", "apps/b"]);
    place.write("file", "");
    // A path of which only writing it shows that it cannot be.
    let option = format!("json={}/missing/../file/all.json", place.folder.path().display());
    let told = place.test(&["apps/*", "--report", &option]);
    assert_eq!(told.status, Some(70), "{told:?}");
    assert!(told.stdout.contains("all 2 projects are sound"), "{told:?}");
    assert!(told.stderr.contains("the report could not be written to"), "{told:?}");
}

#[test]
fn what_one_project_wants_of_the_machine_is_refused_before_any_runs() {
    let place = Place::with(&["apps/a", "apps/b"]);
    let settings = place.read("apps/a/sealcheck.toml");
    for wish in ["report = \"json=file/own.json\"", "store = \"own\"", "store-limit = \"0\""] {
        place.write("apps/a/sealcheck.toml", &format!("{wish}\n{settings}"));
        let child = place.test(&["apps/*", "--report", "json=all.json"]);
        assert_eq!(child.status, Some(2), "{wish}: {child:?}");
        assert!(child.stderr.contains("which is about this machine"), "{wish}: {child:?}");
        for path in ["apps/a/file", "apps/a/own", "all.json"] {
            assert!(!place.path(path).exists(), "{wish}: {path}");
        }
    }
}
