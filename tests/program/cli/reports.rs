//! Where results go, and that they are whole.

use super::{SHORT, assert_good, shop, snapshot};
use crate::support;
use crate::support::project::outcome;
use serde_json::Value;

#[test]
fn several_projects_are_each_reported_and_the_worst_decides() {
    let examples = support::root().join("examples");
    let (leaky, sealed) = (examples.join("leaky-shop"), examples.join("sealed-shop"));
    let paths = [sealed.to_str().unwrap(), leaky.to_str().unwrap()];
    let told = shop().run(&["test", paths[0], paths[1], "--scenario", "private-mapping-removed"]);
    assert_eq!(told.status, Some(1), "{told:?}");
    for part in ["leaked: 1 of 2 projects is not sound", "leaky-shop: leaked", "failed", "sound", "first: "] {
        assert!(told.stdout.contains(part), "`{part}` is not in\n{}", told.stdout);
    }
    let whole = shop().run(&["test", "-v", paths[0], paths[1], "--scenario", "private-mapping-removed"]);
    for part in ["sealed-shop: 2 packages", "leaky-shop: 2 packages"] {
        assert!(whole.stdout.contains(part), "`{part}` is not in\n{}", whole.stdout);
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
    support::schema::assert_fits(&report);

    let told = shop.run(&["-q", "test", SHORT[0], SHORT[1], "--report", "json=-"]);
    assert_good(&told);
    assert_eq!(told.stderr, "");
    serde_json::from_str::<Value>(&told.stdout).unwrap();
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
