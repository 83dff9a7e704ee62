//! Real misroutings that no scenario has: states of a project's own files.

use crate::support::lockfile::Entry;
use crate::support::npm::lacks_public_registry;
use crate::support::package::Package;
use crate::support::project::{Outcome, Project};
use crate::support::{self, toolchain};

const PRIVATE: &str = "https://npm.acme.example/";

fn run<'a>(outcome: &'a Outcome, scenario: &str) -> &'a serde_json::Value {
    let mut runs = outcome.report["runs"].as_array().unwrap().iter();
    runs.find(|run| run["scenario"] == scenario).unwrap()
}

/// npm/cli#4171: a mapping of a package instead of its scope is no key that npm knows, and it
/// says nothing. Whoever declares the package private is told, and the stranger wins.
#[test]
fn a_mapping_of_a_package_is_none() {
    if let Some(lack) = lacks_public_registry() {
        support::skip("drills::a_mapping_of_a_package_is_none", lack);
        return;
    }
    let bare = |entry: &mut Entry| (entry.resolved, entry.integrity) = (None, None);
    let project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .npmrc("@acme/internal:registry=https://npm.acme.example/")
        .settings("private = [\"@acme/internal\"]")
        .served_registry(PRIVATE, "registry/private", |registry| {
            registry.package(Package::new("@acme/internal", "1.0.0"))
        })
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(Package::new("left-over", "1.1.1"))
        })
        .locked("@acme/internal", bare)
        .build();
    let outcome = project.test(&["--scenario", "public-decoy"]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stdout);
    assert_eq!(run(&outcome, "public-decoy")["verdict"], "leaked", "{}", outcome.stdout);
    let findings = outcome.report["findings"].as_array().unwrap();
    let unmapped = findings.iter().find(|it| it["rule"] == "unmapped-private-package");
    assert_eq!(unmapped.unwrap()["package"], "@acme/internal", "{findings:?}");
}

/// npm/cli#9562: npm 12 leaves a script out, warns and exits 0; what the script would have
/// made is missed by whoever comes next, here the project's own `prepare`.
#[test]
fn what_npm_12_leaves_out_is_missed_later() {
    if let Some(lack) = lacks_public_registry() {
        support::skip("drills::what_npm_12_leaves_out_is_missed_later", lack);
        return;
    }
    let make = "node -e \"require('fs').writeFileSync('made.js', '')\"";
    let project = || {
        Project::new()
            .dependency("maker", "1.0.0")
            .script("prepare", "node -e \"require('maker/made.js')\"")
            .served_registry("{public}", "registry/public", |registry| {
                registry.package(Package::new("maker", "1.0.0").script("postinstall", make))
            })
            .build()
    };
    let older = project().test(&["--scenario", "baseline", "--toolchain", toolchain::NODE_20_NPM_11]);
    assert_eq!(run(&older, "baseline")["verdict"], "sealed", "{}", older.stdout);
    let newer = project().test(&["--scenario", "baseline", "--toolchain", toolchain::NODE_22_NPM_12]);
    assert_eq!(run(&newer, "baseline")["verdict"], "broken", "{}", newer.stdout);
    let findings = newer.report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|it| it["rule"] == "install-failed"), "{findings:?}");
}
