//! The ordinary project is sound: outside of the program the real `npm ci` installs it,
//! its scripts do their work, and what it builds runs.

use crate::support::npm::{in_empty_home, succeed};
use crate::support::ordinary::Ordinary;
use serde_json::Value;
use std::process::Command;

#[test]
fn the_real_npm_ci_installs_it_and_it_works() {
    let Some(ordinary) = Ordinary::start("ordinary_fixture::installs") else { return };
    let project = &ordinary.project;
    succeed(project.npm().arg("ci"));

    let modules = project.path().join("node_modules");
    assert!(modules.join("@acme/internal/index.js").exists());
    let patched = std::fs::read_to_string(modules.join("is-number/index.js")).unwrap();
    assert!(patched.contains("bigint"), "patch-package did not run:\n{patched}");
    if project.path().join(".git").exists() {
        let config = std::fs::read_to_string(project.path().join(".git/config")).unwrap();
        assert!(config.contains("hooksPath = .husky/_"), "husky did not run:\n{config}");
    }

    succeed(project.npm().args(["run", "build"]));
    let mut node = Command::new("node");
    in_empty_home(&mut node, project.home());
    let output = succeed(node.arg("dist/index.js").current_dir(project.path()));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello, numbers\n");

    let private: Vec<String> = ordinary
        .registry
        .log()
        .lines()
        .filter(|line| line.contains("internal-1.0.0.tgz"))
        .map(Into::into)
        .collect();
    assert!(!private.is_empty(), "{}", ordinary.registry.log());
}

#[test]
fn its_lockfile_pins_everything_and_holds_no_registry() {
    let text = include_str!("../fixtures/ordinary/package-lock.json");
    let lockfile: Value = serde_json::from_str(text).unwrap();
    assert_eq!(lockfile["lockfileVersion"], 3);
    let packages = lockfile["packages"].as_object().unwrap();
    assert!(packages.len() > 60, "{}", packages.len());
    for (path, entry) in packages.iter().filter(|(path, _)| !path.is_empty()) {
        let private = path.ends_with("/@acme/internal");
        let (host, hash) =
            if private { ("{private}/", "{private-integrity}") } else { ("{public}/", "sha512-") };
        assert!(entry["resolved"].as_str().is_some_and(|text| text.starts_with(host)), "{path}");
        assert!(entry["integrity"].as_str().is_some_and(|text| text.starts_with(hash)), "{path}");
    }
}
