//! The ordinary sound project, with no file of ours in it, exits 0.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

mod support;

use support::ordinary::Ordinary;

#[test]
fn it_is_sealed_with_no_file_of_ours_in_it() {
    let Some(ordinary) = Ordinary::start("ordinary::sealed") else { return };
    let (project, registry) = (&ordinary.project, &ordinary.registry);
    // The developer is logged in: the project's own npmrc may name no variable to send.
    std::fs::write(project.home().join(".npmrc"), registry.npmrc_auth()).unwrap();
    let outcome = project.test(&[]);
    let shown = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.status, Some(0), "{shown}");
    assert_eq!(outcome.report["verdict"], "sealed", "{shown}");
    for run in outcome.report["runs"].as_array().unwrap() {
        let wanted = if run["scenario"] == "control" { "leaked" } else { "sealed" };
        assert_eq!(run["verdict"], wanted, "{}\n{shown}", run["scenario"]);
    }
    assert!(!shown.contains(&registry.token));
}
