//! Projects that lie unusually: beside their dependencies, below a foreign npmrc.

use crate::support::package::{Package, integrity};
use crate::support::project::{Outcome, Project};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const REGISTRY: &str = "https://registry.example/";

/// A folder with projects and packages side by side. `cms` is a project with a package of a
/// registry, and with the dependencies and lockfile entries that are given.
fn side_by_side(at: &str, dependencies: &[(&str, &str)], entries: &Value, files: &[(&str, &str)]) -> Project {
    let left = Package::new("left", "1.0.0");
    let mut wanted = json!({ "left": "1.0.0" });
    for (name, range) in dependencies {
        wanted[*name] = json!(range);
    }
    let manifest = json!({ "name": "cms", "version": "1.0.0", "dependencies": wanted });
    let mut packages = json!({
        "": manifest,
        "node_modules/left": { "version": "1.0.0", "integrity": integrity(&left.tarball()),
            "resolved": format!("{REGISTRY}left/-/left-1.0.0.tgz") },
    });
    for (path, entry) in entries.as_object().unwrap() {
        packages[path] = entry.clone();
    }
    let lock = json!({ "name": "cms", "version": "1.0.0", "lockfileVersion": 3, "packages": packages });
    let mut project = Project::new().without_lockfile();
    for (path, text) in files {
        project = project.file(path, text);
    }
    let project = project
        .file(&format!("{at}/package.json"), &manifest.to_string())
        .file(&format!("{at}/package-lock.json"), &format!("{lock:#}"))
        .file(&format!("{at}/.npmrc"), &format!("registry={REGISTRY}\n"))
        .file(
            &format!("{at}/sealcheck.toml"),
            &format!("[[registry]]\nurl = \"{REGISTRY}\"\nserve = \"served\"\n"),
        )
        .build();
    std::fs::remove_file(project.path().join("package.json")).unwrap();
    left.write_to(&project.path().join(at).join("served/left"));
    std::fs::write(project.path().join(at).join("served/left.tgz"), left.tarball()).unwrap();
    std::fs::remove_dir_all(project.path().join(at).join("served/left")).unwrap();
    project
}

fn manifest(name: &str, more: &Value) -> String {
    let mut manifest = json!({ "name": name, "version": "1.0.0" });
    manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    manifest.to_string()
}

/// `test` of a folder of the project, as who stands in it calls it.
fn test_in(project: &Project, folder: &str, scenarios: &[&str]) -> (Outcome, PathBuf) {
    let folder = project.path().join(folder);
    let chosen = scenarios.iter().flat_map(|name| ["--scenario", name]);
    let path = folder.to_str().unwrap().to_owned();
    (project.test_once(&chosen.chain([path.as_str()]).collect::<Vec<_>>()), folder)
}

fn verdict(outcome: &Outcome, scenario: &str) -> String {
    let runs = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{outcome:?}"));
    let run = runs.iter().find(|run| run["scenario"] == scenario).unwrap_or_else(|| panic!("{outcome:?}"));
    run["verdict"].as_str().unwrap().to_owned()
}

/// Package paths of the baseline that are installed.
fn installed(outcome: &Outcome) -> Vec<String> {
    let runs = outcome.report["runs"].as_array().unwrap();
    let run = runs.iter().find(|run| run["scenario"] == "baseline").unwrap();
    let packages = run["packages"].as_array().unwrap_or_else(|| panic!("{run:#}"));
    let there = packages.iter().filter(|package| !package["version"].is_null());
    there.map(|package| package["path"].as_str().unwrap_or_else(|| panic!("{run:#}")).to_owned()).collect()
}

fn email() -> Value {
    json!({
        "node_modules/shared-email": { "resolved": "../shared/email", "link": true },
        "../shared/email": { "name": "shared-email", "version": "1.0.0",
            "dependencies": { "shared-model": "file:../model" } },
        "../shared/model": { "name": "shared-model", "version": "1.0.0" },
        "../shared/email/node_modules/shared-model": { "resolved": "../shared/model", "link": true },
    })
}

#[test]
fn packages_beside_the_project_are_installed_as_npm_does() {
    let project = side_by_side(
        "cms",
        &[("shared-email", "file:../shared/email")],
        &email(),
        &[
            (
                "shared/email/package.json",
                &manifest(
                    "shared-email",
                    &json!({ "dependencies": { "shared-model": "file:../model" },
                        "scripts": { "postinstall": "node make.js" } }),
                ),
            ),
            ("shared/email/make.js", "require('fs').writeFileSync('made', '')"),
            ("shared/model/package.json", &manifest("shared-model", &json!({}))),
            ("shared/model/index.js", "module.exports = 'model'"),
            ("stranger/package.json", &manifest("stranger", &json!({}))),
        ],
    );
    let (outcome, _) = test_in(&project, "cms", &["baseline", "scripts-disabled"]);
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    assert_eq!(verdict(&outcome, "baseline"), "sealed");
    let expected = ["../shared/email", "../shared/model", "node_modules/left", "node_modules/shared-email"];
    assert_eq!(installed(&outcome), expected);
    let text = outcome.report.to_string();
    assert!(text.contains("/project/../shared/email/made"), "{text}");
    // Nothing of the user's own is touched.
    assert!(!project.path().join("shared/email/made").exists());
}

#[test]
fn a_folder_of_projects_names_the_one_in_its_own_file() {
    let project = side_by_side(
        "apps/cms",
        &[
            ("far", "file:../../far"),
            ("packed", "file:../../vendor/packed.tgz"),
            ("up", "file:../node_modules/up"),
        ],
        &json!({
            "node_modules/far": { "resolved": "../../far", "link": true },
            "../../far": { "name": "far", "version": "1.0.0" },
            "node_modules/up": { "resolved": "../node_modules/up", "link": true },
            "../node_modules/up": { "name": "up", "version": "1.0.0" },
            "node_modules/packed": { "version": "1.0.0", "resolved": "file:../../vendor/packed.tgz",
                "integrity": integrity(&Package::new("packed", "1.0.0").tarball()) },
        }),
        &[
            ("far/package.json", &manifest("far", &json!({}))),
            ("apps/node_modules/up/package.json", &manifest("up", &json!({}))),
            ("vendor/here", ""),
            (
                "sealcheck.toml",
                &format!(
                    "[install]\ndirectory = \"apps/cms\"\n\n[[registry]]\nurl = \"{REGISTRY}\"\nserve = \"apps/cms/served\"\n"
                ),
            ),
        ],
    );
    std::fs::write(project.path().join("vendor/packed.tgz"), Package::new("packed", "1.0.0").tarball())
        .unwrap();
    let (outcome, _) = test_in(&project, "", &["baseline"]);
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let expected = [
        "../../far",
        "../node_modules/up",
        "node_modules/far",
        "node_modules/left",
        "node_modules/packed",
        "node_modules/up",
    ];
    assert_eq!(installed(&outcome), expected);
}

#[test]
fn what_lies_outside_of_the_repository_or_in_the_home_folder_is_refused() {
    let entries = json!({
        "node_modules/far": { "resolved": "../far", "link": true },
        "../far": { "name": "far", "version": "1.0.0" },
    });
    let project = side_by_side(
        "cms",
        &[("far", "file:../far")],
        &entries,
        &[("far/package.json", &manifest("far", &json!({})))],
    );
    let asks = |home: Option<&Path>| {
        let mut command = project.command();
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let output = command.arg("inspect").arg(project.path().join("cms")).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(asks(None).0, Some(0), "{:?}", asks(None));
    let (code, told) = asks(Some(project.path()));
    assert!(code == Some(2) && told.contains("lies in the home folder"), "{told}");
    let status = Command::new("git").current_dir(project.path().join("cms")).args(["init", "-q"]).status();
    assert!(status.unwrap().success());
    let (code, told) = asks(None);
    assert!(code == Some(2) && told.contains("outside of the git repository"), "{told}");
    assert!(told.contains("package-lock.json:") && !told.contains("test from the folder"), "{told}");
}
