//! Reviews of a lockfile's update with the whole program, git and the real npm: what a
//! reviewer is shown of a pull request, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "what a test prepares is its own, and what it shares with other tests it need not use whole"
)]

mod refusals;
mod reports;

use crate::support;
use crate::support::package::Package;
use crate::support::project::{Outcome, Project};
use std::process::Command;

const REGISTRY: &str = "https://registry.example/";

/// The script of a package that does at its install what a reviewer wants to know.
const SETUP: &str = "
const fs = require('fs'), os = require('os'), net = require('net');
require('child_process').execFileSync('uname', ['-m']);
fs.writeFileSync(os.homedir() + '/.profile', 'x');
fs.writeFileSync(__dirname + '/built.json', '{}');
try { fs.readFileSync(os.homedir() + '/.aws/credentials') } catch {}
net.connect(443, 'collect.stranger.example').on('error', () => {}).on('connect', function () { this.end() });
";

/// A project that depends on `names`, whose registry has all that any of them does.
fn shop(names: &[&str]) -> Project {
    let mut project =
        Project::new().npmrc(&format!("registry={REGISTRY}")).served_registry(REGISTRY, "served", |it| {
            it.package(Package::new("slug", "1.0.0"))
                .package(Package::new("slug", "2.0.0"))
                .package(
                    Package::new("fast-slug", "1.0.0")
                        .script("postinstall", "node setup.js")
                        .file("setup.js", SETUP),
                )
                .package(Package::new("breaks", "1.0.0").script("postinstall", "node -e 'process.exit(3)'"))
                .package(
                    Package::new("restless", "1.0.0").script("postinstall", "node noise.js").file(
                        "noise.js",
                        "require('fs').writeFileSync('/tmp/x' + process.pid + Date.now(), '')",
                    ),
                )
        });
    for name in names {
        let (name, range) = name.split_once('@').unwrap_or((name, "^1.0.0"));
        project = project.dependency(name, range);
    }
    project.build()
}

fn git(project: &Project, words: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(project.path()).env("HOME", project.home());
    for (name, value) in [("NAME", "a"), ("EMAIL", "a@example.com")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    let status = command.args(words).status().unwrap();
    assert!(status.success(), "git {words:?}");
}

/// A repository whose tag `old` is the first project, and whose HEAD has the other's
/// package.json and lockfile.
fn updated(old: Project, new: &Project) -> Project {
    git(&old, &["init", "-q"]);
    git(&old, &["add", "."]);
    git(&old, &["commit", "-qm", "old"]);
    git(&old, &["tag", "old"]);
    for name in ["package.json", "package-lock.json", "npm-shrinkwrap.json"] {
        if new.path().join(name).exists() {
            std::fs::write(old.path().join(name), new.read(name)).unwrap();
        }
    }
    git(&old, &["add", "."]);
    git(&old, &["commit", "-qm", "new", "--allow-empty"]);
    old
}

fn review(project: &Project, more: &[&str]) -> Outcome {
    project.run(&[&["compare", "--lockfile", "old..HEAD", "--color", "never"], more].concat())
}

#[test]
fn a_pull_request_that_adds_a_package_with_a_postinstall_is_shown_in_under_30_lines() {
    let project = updated(shop(&["slug"]), &shop(&["slug", "fast-slug"]));
    let told = review(&project, &[]);
    assert_eq!(told.status, Some(1), "{told:?}");
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert!(lines.len() < 30, "{} lines:\n{}", lines.len(), told.stdout);
    for line in [
        "differs: old to HEAD, 1 package before and 2 after: 1 added",
        "    new install script: fast-slug@1.0.0 (HEAD:package-lock.json:",
        "    added: fast-slug@1.0.0, from registry.example",
        "    fast-slug: runs its postinstall",
        "    fast-slug: its postinstall starts `node setup.js`",
        "    fast-slug: its postinstall starts `uname -m`",
        "    fast-slug: connects to collect.stranger.example:443",
        "    fast-slug: ~/.profile is added",
        "    fast-slug: node_modules/fast-slug/built.json is added",
        "    fast-slug: reads the planted secret ~/.aws/credentials",
    ] {
        assert!(told.stdout.contains(line), "`{line}` is not in\n{}", told.stdout);
    }
}

#[test]
fn an_update_that_does_nothing_new_says_so_and_noise_is_nothing_new() {
    let project = updated(shop(&["slug", "restless"]), &shop(&["slug@^2.0.0", "restless"]));
    let told = review(&project, &[]);
    assert_eq!(told.status, Some(1), "{told:?}");
    for line in ["1 changed", "changed: slug 1.0.0 -> 2.0.0", "nothing new when it is installed, with node "]
    {
        assert!(told.stdout.contains(line), "`{line}` is not in\n{}", told.stdout);
    }
    assert!(!told.stdout.contains("restless"), "{}", told.stdout);
}

#[test]
fn an_update_that_cannot_be_installed_is_never_nothing_new() {
    let project = updated(shop(&["slug"]), &shop(&["slug", "breaks"]));
    let told = review(&project, &[]);
    assert_eq!(told.status, Some(3), "{told:?}");
    assert!(told.stdout.contains("HEAD: its install failed"), "{}", told.stdout);
    assert!(told.stdout.starts_with("unobserved: "), "{}", told.stdout);
    assert!(!told.stdout.contains("nothing new"), "{}", told.stdout);
}

#[test]
fn equal_revisions_are_equal_and_nothing_is_installed() {
    let project = updated(shop(&["slug"]), &shop(&["slug"]));
    let told = review(&project, &[]);
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    assert!(told.stdout.starts_with("equal: old to HEAD, 1 package"), "{}", told.stdout);
}

#[test]
fn what_is_not_installed_is_said_not_to_be_known() {
    let project = updated(shop(&["slug"]), &shop(&["slug", "fast-slug"]));
    let told = review(&project, &["--no-install"]);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.stdout.contains("binding.gyp"), "{}", told.stdout);
    assert!(!told.stdout.contains("nothing new"), "{}", told.stdout);
    let json: serde_json::Value =
        serde_json::from_str(&review(&project, &["--no-install", "--format", "json"]).stdout).unwrap();
    assert_eq!(json["schema"], "sealcheck/review/v1");
    support::schema::assert_fits(&json);
    assert_eq!(json["agreement"], "differs");
    let kinds: Vec<&str> =
        json["changes"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["install-script", "added"]);
    assert_eq!(json["changes"][0]["name"], "fast-slug");
}
