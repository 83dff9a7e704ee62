//! Settings that this exact version of npm does not know.
//!
//! npm takes an unknown setting in silence, so that a run with it shows nothing. Which version
//! knows which setting is held in `src/project/npmrc/features.rs`; here the program says it of
//! versions that people have.

use crate::support::npm::skipped_without_toolchains;
use crate::support::package::Package;
use crate::support::project::Project;

const OWN: &str = "https://npm.acme.example/npm/";

/// A project for which each of the settings would mean something.
fn shop() -> Project {
    Project::new()
        .npmrc(&format!("@acme:registry={OWN}"))
        .dependency("@acme/internal", "1.0.0")
        .dependency("@acme/native", "1.0.0")
        .served_registry(OWN, "registry", |own| {
            let native = Package::new("@acme/native", "1.0.0").script("install", "exit 0");
            own.package(Package::new("@acme/internal", "1.0.0")).package(native)
        })
        .locked("@acme/native", |entry| entry.resolved = None)
        .build()
}

/// Scenarios that set something, and the first npm that knows it.
const SETTING: [(&str, &str); 5] = [
    ("min-release-age", "11.10.0"),
    ("allow-remote-none", "11.14.0"),
    ("install-scripts-unreviewed", "11.16.0"),
    ("install-scripts-denied", "11.16.0"),
    ("replace-registry-host-url", "11.18.0"),
];

fn number(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap()).collect()
}

/// `plan` names each that this npm does not know, with the version, and plans all others.
#[test]
fn a_setting_is_planned_for_the_versions_that_know_it() {
    if skipped_without_toolchains(
        "reported::npm_features::a_setting_is_planned_for_the_versions_that_know_it",
    ) {
        return;
    }
    let shop = shop();
    for (toolchain, npm) in [
        ("node@20,npm@8.19.4", "8.19.4"),
        ("node@20,npm@11.0.0", "11.0.0"),
        ("node@20,npm@11.12.0", "11.12.0"),
    ] {
        let mut arguments = vec!["plan", "--toolchain", toolchain];
        arguments.extend(SETTING.iter().flat_map(|(name, _)| ["--scenario", *name]));
        let outcome = shop.run(&arguments);
        for (name, first) in SETTING {
            let told = outcome.stdout.contains(&format!("  {name}: npm {npm} "));
            let planned = outcome.stdout.contains(&format!("\n{name}-1\n"));
            let knows = number(npm) >= number(first);
            assert_eq!(
                (told, planned),
                (!knows, knows),
                "npm {npm}, {name}:\n{}{}",
                outcome.stdout,
                outcome.stderr
            );
        }
    }
}

/// What was asked for by name and cannot be played is no pass.
#[test]
fn a_setting_that_npm_ignores_is_not_called_sealed() {
    if skipped_without_toolchains("reported::npm_features::a_setting_that_npm_ignores_is_not_called_sealed") {
        return;
    }
    let outcome = shop().test(&["--toolchain", "node@20,npm@11.0.0", "--scenario", "min-release-age"]);
    assert_eq!(outcome.status, Some(3), "{}{}", outcome.stdout, outcome.stderr);
    let skipped = &outcome.report["coverage"]["not_applicable"][0];
    assert_eq!(skipped["scenario"], "min-release-age");
    assert_eq!(skipped["reason"], "npm 11.0.0 does not know `min-release-age`");
    let runs = outcome.report["runs"].as_array().unwrap();
    assert!(runs.iter().all(|run| run["scenario"] != "min-release-age"));
}
