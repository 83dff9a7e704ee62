//! Where npm puts what it installs: its strategies, copies in the place of links, another prefix.

use crate::support::npm::skipped_without_toolchains;
use crate::support::package::{Package, integrity};
use crate::support::project::{Builder, Project};
use crate::support::told::{came_to, run};
use crate::support::toolchain::{NODE_20_NPM_10, NODE_20_NPM_11, NODE_22_NPM_12};
use serde_json::json;

const REGISTRY: &str = "https://npm.acme.example/";
const NODE_22_NPM_8: &str = "node@22,npm@8";
/// Oldest npm first.
const NPMS: [&str; 4] = [NODE_22_NPM_8, NODE_20_NPM_10, NODE_20_NPM_11, NODE_22_NPM_12];

/// A workspace with a package in two versions, one of a scope with a script and a program, and
/// a folder that is a dependency.
fn shop() -> Builder {
    let (one, two) = (Package::new("left-over", "1.1.1"), Package::new("left-over", "2.0.0"));
    let internal = Package::new("@acme/internal", "1.0.0")
        .dependency("left-over", "2.0.0")
        .script("postinstall", "node -e 1")
        .bin("acme-tool", "tool.js")
        .file("tool.js", "#!/usr/bin/env node\n");
    let root = json!({
        "name": "shop", "version": "1.0.0", "workspaces": ["packages/*"],
        "dependencies": { "@acme/internal": "1.0.0", "left-over": "1.1.1", "local": "file:lib/local" },
    });
    let entry = |package: &Package| {
        json!({
            "version": package.version(), "integrity": integrity(&package.tarball()),
            "resolved": format!("{REGISTRY}{}/-/{}", package.name(), package.tarball_name()),
        })
    };
    let mut own = entry(&internal);
    own["hasInstallScript"] = json!(true);
    own["dependencies"] = json!({ "left-over": "2.0.0" });
    own["bin"] = json!({ "acme-tool": "tool.js" });
    let web = json!({ "name": "web", "version": "1.0.0", "dependencies": { "left-over": "1.1.1" } });
    let lock = json!({
        "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": root,
            "node_modules/@acme/internal": own,
            "node_modules/@acme/internal/node_modules/left-over": entry(&two),
            "node_modules/left-over": entry(&one),
            "node_modules/local": { "resolved": "lib/local", "link": true },
            "lib/local": { "version": "1.0.0" },
            "node_modules/web": { "resolved": "packages/web", "link": true },
            "packages/web": web,
        },
    });
    Project::new()
        .manifest(root)
        .lockfile(&format!("{lock:#}\n"))
        .file("packages/web/package.json", &web.to_string())
        .file("lib/local/package.json", r#"{"name":"local","version":"1.0.0"}"#)
        .npmrc(&format!("registry={REGISTRY}"))
        .settings("private = [\"@acme/*\", \"left-over\"]")
        .served_registry(REGISTRY, "served", |it| it.package(internal).package(one).package(two))
}

/// Plain npm of each version was asked on such a project: `nested` and `shallow` leave a tree as
/// the lockfile has it, `linked` is known since 9.4, and `prefix` changes nothing of a project's.
#[test]
fn a_tree_is_seen_by_every_strategy_of_every_npm() {
    if skipped_without_toolchains("reported::install_layout::strategies") {
        return;
    }
    const ALL: [&str; 7] = [
        "lib/local",
        "node_modules/@acme/internal",
        "node_modules/@acme/internal/node_modules/left-over",
        "node_modules/left-over",
        "node_modules/local",
        "node_modules/web",
        "packages/web",
    ];
    // No link to a member that nothing needs.
    let linked = |npm: &str| -> Vec<&str> {
        let mut paths = ALL.to_vec();
        match npm {
            NODE_22_NPM_8 => {}
            NODE_20_NPM_10 => {
                paths[5] = "packages/web";
                paths[6] = "packages/web/node_modules/web";
            }
            _ => drop(paths.remove(5)),
        }
        paths
    };
    let mut wrong = Vec::new();
    for (at, line) in [
        "install-strategy=nested",
        "install-strategy=shallow",
        "install-strategy=linked",
        "bin-links=false",
        "prefix=/tmp/elsewhere",
    ]
    .into_iter()
    .enumerate()
    {
        let project = shop().npmrc(line).build();
        let in_turn = |column: &usize| {
            crate::support::everything() || *column == at % 4 || (line.ends_with("linked") && *column == 3)
        };
        for npm in (0..NPMS.len()).filter(in_turn).map(|column| NPMS[column]) {
            let outcome = project.test(&["--scenario", "baseline", "--toolchain", npm]);
            let expected = if line.ends_with("linked") { linked(npm) } else { ALL.to_vec() };
            let packages = run(&outcome, "baseline")["packages"].as_array().unwrap();
            let there = packages.iter().filter(|package| !package["version"].is_null());
            let there: Vec<&str> = there.map(|package| package["path"].as_str().unwrap()).collect();
            let verdict = came_to(&outcome, "baseline");
            if (verdict.as_str(), &there) != ("sealed 0", &expected) {
                wrong.push(format!("{line} with {npm}: {verdict} {there:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// npm packs the folder and unpacks a copy. Nobody can say that it is the folder's.
#[test]
fn a_copy_in_the_place_of_a_link_is_unobserved_with_its_reason() {
    if skipped_without_toolchains("reported::install_layout::install_links") {
        return;
    }
    let project = shop().npmrc("install-links=true").build();
    for npm in [NODE_22_NPM_8, NODE_22_NPM_12] {
        let outcome = project.test(&["--scenario", "baseline", "--toolchain", npm]);
        assert_eq!(came_to(&outcome, "baseline"), "unobserved 0", "{npm}: {}", outcome.stdout);
        assert_eq!(outcome.status, Some(3));
        let because = run(&outcome, "baseline")["because"].as_str().unwrap();
        let says = "npm copied what the lockfile has as a link (`install-links`)";
        assert!(because.contains("local") && because.contains(says), "{npm}: {because}");
    }
}

/// A global install writes where node lies, which no sandbox lets it; `npm ci` refuses it itself.
#[test]
fn a_global_install_is_unobserved_with_its_reason() {
    if skipped_without_toolchains("reported::install_layout::global") {
        return;
    }
    let command = |line: &str| shop().settings(&format!("[install]\ncommand = \"{line}\""));
    for (project, expected) in [
        (command("npm install -g"), "unobserved"),
        (command("npm install").npmrc("location=global"), "unobserved"),
        (shop().npmrc("global=true"), "broken ECIGLOBAL"),
    ] {
        let project = project.build();
        for npm in [NODE_22_NPM_8, NODE_22_NPM_12] {
            let outcome = project.test(&["--scenario", "baseline", "--toolchain", npm]);
            let verdict = came_to(&outcome, "baseline");
            assert!(verdict.starts_with(expected), "{npm}: {verdict}\n{}", outcome.stdout);
            let because = run(&outcome, "baseline")["because"].as_str().unwrap();
            assert!(because.contains("global"), "{npm}: {because}");
        }
    }
}
