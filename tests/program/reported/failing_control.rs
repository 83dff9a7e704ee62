//! A project whose own script needs the code of its private packages, as npm's own repository has one.

use crate::support::npm::skipped;
use crate::support::package::Package;
use crate::support::project::{Builder, Project};
use crate::support::told::{came_to, run, test};

const REGISTRY: &str = "https://npm.acme.example/";

/// A project with this script of its own; `@acme/build` exports a function.
fn shop(event: &str, script: &str) -> Builder {
    let build = Package::new("@acme/build", "1.0.0").file("index.js", "module.exports = () => {}\n");
    Project::new()
        .dependency("@acme/build", "1.0.0")
        .script(event, script)
        .npmrc(&format!("@acme:registry={REGISTRY}"))
        .served_registry(REGISTRY, "served", |it| it.package(build))
}

const NEEDS: &str = "node -e \"require('@acme/build')()\"";

/// The decoy lacks what the script needs, so npm fails; by then it had accepted the decoy.
#[test]
fn a_script_that_fails_with_the_decoy_is_no_dead_trap() {
    if skipped("reported::failing_control::a_script_that_fails_with_the_decoy_is_no_dead_trap") {
        return;
    }
    for event in ["prepare", "postinstall", "dependencies"] {
        let outcome = test(&shop(event, NEEDS).build(), &["baseline", "control"]);
        assert_eq!(came_to(&outcome, "baseline"), "sealed 0", "{event}: {}", outcome.stdout);
        assert_eq!(came_to(&outcome, "control"), "leaked 1", "{event}: {}", outcome.stdout);
        let because = run(&outcome, "control")["because"].as_str().unwrap();
        let says = format!("npm failed only afterwards, when the {event} script of the project exited 1");
        assert!(because.contains(&says), "{because}");
        assert_eq!(outcome.status, Some(0), "{event}: {}", outcome.stdout);
    }
}

/// A script that fails anyhow shows nothing else, and a stranger's code is a leak without losses.
#[test]
fn the_margin_is_not_wider_because_a_decoy_is_empty() {
    if skipped("reported::failing_control::the_margin_is_not_wider_because_a_decoy_is_empty") {
        return;
    }
    let sound = Package::new("@acme/build", "1.0.0").file("index.js", "module.exports = () => {}\n");
    // Without `resolved` and `integrity` the mapping is all that there is.
    let bare = |script: &str| {
        let build = sound.clone();
        Project::new()
            .dependency("@acme/build", "1.0.0")
            .script("prepare", script)
            .npmrc(&format!("@acme:registry={REGISTRY}"))
            .served_registry(REGISTRY, "served", |it| it.package(build))
            .locked("@acme/build", |entry| {
                entry.resolved = None;
                entry.integrity = None;
            })
            .build()
    };
    let works = test(&bare("node -e 1"), &["private-mapping-removed"]);
    let fails = test(&bare(NEEDS), &["private-mapping-removed"]);
    assert_eq!(came_to(&works, "private-mapping-removed"), "leaked 0", "{}", works.stdout);
    assert_eq!(came_to(&fails, "private-mapping-removed"), "leaked 1", "{}", fails.stdout);
    assert_eq!((works.status, fails.status), (Some(1), Some(1)));
}
