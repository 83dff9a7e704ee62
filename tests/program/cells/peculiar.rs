//! The silent failures that need a project of their own: a dependency that brings its
//! own shrinkwrap, two lockfiles side by side, a git dependency that is prepared, and a
//! build that nobody wrote into the lockfile.

use crate::cells::cell::Subject;
use crate::cells::observer::{PRIVATE, VENDOR, World, public_host};
use crate::cells::silent::Known;
use crate::cells::subject::{Config, Lock, QUIET, genuine, index, of, subject};
use crate::support;
use crate::support::package::{Package, integrity};
use crate::support::project::Project;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

type Peculiar = (Subject, Vec<(&'static str, Known)>);

/// Each with its conditions.
pub fn all() -> Vec<Peculiar> {
    let mut all = vec![own_shrinkwrap(), two_lockfiles(), implied_build()];
    all.extend(prepared());
    all
}

/// S13: what the dependency's shrinkwrap says is in no lockfile of the project's.
fn own_shrinkwrap() -> Peculiar {
    let nested = Package::new("nested", "1.0.0");
    let at = format!("https://{VENDOR}/nested/-/nested-1.0.0.tgz");
    let shrinkwrap = json!({
        "name": "@acme/internal", "version": "1.0.0", "lockfileVersion": 2, "requires": true,
        "packages": {
            "": { "name": "@acme/internal", "version": "1.0.0", "dependencies": { "nested": "1.0.0" } },
            "node_modules/nested": {
                "version": "1.0.0", "resolved": at, "integrity": integrity(&nested.tarball()),
            },
        },
        "dependencies": {
            "nested": { "version": "1.0.0", "resolved": at, "integrity": integrity(&nested.tarball()) },
        },
    });
    let private = genuine("@acme/internal")
        .dependency("nested", "1.0.0")
        .file("npm-shrinkwrap.json", &format!("{shrinkwrap:#}\n"));
    let public = Package::new("left-over", "1.1.1");
    let lock = json!({
        "name": "acme-shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": {
                "name": "acme-shop", "version": "1.0.0",
                "dependencies": { "left-over": "1.1.1", "@acme/internal": "1.0.0" },
            },
            "node_modules/@acme/internal": {
                "version": "1.0.0",
                "resolved": format!("https://{PRIVATE}/@acme/internal/-/internal-1.0.0.tgz"),
                "integrity": integrity(&private.tarball()),
                "hasInstallScript": true, "hasShrinkwrap": true,
                "dependencies": { "nested": "1.0.0" },
            },
            "node_modules/left-over": {
                "version": "1.1.1",
                "resolved": "{public}/left-over/-/left-over-1.1.1.tgz",
                "integrity": integrity(&public.tarball()),
            },
        },
    });
    let project = Project::new()
        .dependency("left-over", "1.1.1")
        .dependency("@acme/internal", "1.0.0")
        .npmrc(QUIET)
        .npmrc(Config::SCOPED.npmrc)
        .lockfile(&format!("{lock:#}\n"))
        .served_registry("https://npm.acme.example/", "registry/private", |it| it.package(private.clone()))
        .served_registry("https://npm.vendor.example/", "registry/vendor", |it| it.package(nested.clone()))
        .served_registry("{public}", "registry/public", |it| it.package(public.clone()))
        .build();
    let locked = BTreeMap::from([
        ("@acme/internal".to_owned(), index(&private)),
        ("@acme/internal/node_modules/nested".to_owned(), index(&nested)),
        ("left-over".to_owned(), index(&public)),
    ]);
    let shelves = BTreeMap::from([
        (PRIVATE.to_owned(), vec![private]),
        (VENDOR.to_owned(), vec![nested]),
        (public_host().to_owned(), vec![public]),
    ]);
    let world = World { shelves, owned: vec!["@acme/internal".to_owned()], ..World::default() };
    let name = "S13, a shrinkwrap in a dependency".to_owned();
    let unlocked = vec!["@acme/internal/node_modules/nested".to_owned()];
    let subject = Subject { name, project, world, locked, unlocked };
    (subject, vec![("public-decoy", ["", "broken", "broken", "broken", "broken", ""])])
}

/// S14: the shrinkwrap pins nothing, the lockfile beside it everything.
fn two_lockfiles() -> Peculiar {
    let mut both = subject(Config::SCOPED, Lock::SHRINKWRAP_BARE);
    let sound = subject(Config::SCOPED, Lock::SOUND).project.read("package-lock.json");
    fs::write(both.project.path().join("package-lock.json"), sound).unwrap();
    both.name = "S14, a shrinkwrap beside the lockfile".to_owned();
    (both, vec![("private-mapping-removed", ["", "leaked", "leaked", "leaked", "leaked", "sealed"])])
}

/// S20: npm builds whatever has a `binding.gyp`, though the lockfile knows of no script.
fn implied_build() -> Peculiar {
    const BUILD: &str = "#!/bin/sh\necho genuine @acme/internal install >>\"${OBSERVED:-/dev/null}\"\n";
    let package = Package::new("@acme/internal", "1.0.0")
        .file("binding.gyp", "{ 'targets': [] }\n")
        .file("build", BUILD)
        .bin("node-gyp", "build");
    let mut subject = of(Config::SCOPED, Lock::SOUND, package);
    subject.name = "S20, a build that the lockfile does not tell of".to_owned();
    (subject, vec![("public-decoy", ["", "", "sealed", "sealed", "sealed", "sealed"])])
}

/// S15: a git dependency that is prepared, for which npm installs what no lockfile has.
/// The repository is a folder of the project, by its path in a sandbox, which the plain
/// side replaces by its own. Where there is no git, there is no case.
fn prepared() -> Option<Peculiar> {
    let room = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(room.path()).args(arguments).env("HOME", room.path());
        for (name, value) in [("NAME", "tests"), ("EMAIL", "tests@example"), ("DATE", "2001-01-01T00:00:00Z")]
        {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if git(&["--version"]).is_none() {
        support::skip("cells::silent S15", "git cannot be run");
        return None;
    }
    let dependency = Package::new("built", "1.0.0")
        .script("prepare", "echo clone prepare >>\"${OBSERVED:-/dev/null}\"")
        .field("devDependencies", json!({ "left-over": "^1.0.0" }));
    dependency.write_to(room.path());
    git(&["init", "--quiet"]).unwrap();
    git(&["add", "."]).unwrap();
    git(&["commit", "--quiet", "--message=built"]).unwrap();
    let commit = git(&["rev-parse", "HEAD"]).unwrap();
    let url = "git+file:///project/vendor/built.git";
    let lock = json!({
        "name": "acme-shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": { "name": "acme-shop", "version": "1.0.0", "dependencies": { "built": url } },
            "node_modules/built": { "version": "1.0.0", "resolved": format!("{url}#{commit}") },
        },
    });
    let public = Package::new("left-over", "1.1.1");
    let project = Project::new()
        .dependency("built", url)
        .npmrc(QUIET)
        .settings("private = []")
        .lockfile(&format!("{lock:#}\n"))
        .served_registry("{public}", "registry/public", |it| it.package(public.clone()))
        .build();
    let bare = project.path().join("vendor/built.git");
    let bare = bare.to_str().unwrap();
    git(&["clone", "--quiet", "--bare", ".", bare]).unwrap();
    // Where it was cloned from is another folder each time.
    git(&["--git-dir", bare, "remote", "remove", "origin"]).unwrap();
    // The copy of a project has no empty folders, and git knows no repository without `refs`.
    git(&["--git-dir", bare, "update-ref", "refs/heads/loose", &commit]).unwrap();
    let locked = BTreeMap::from([("built".to_owned(), index(&dependency))]);
    let shelves = BTreeMap::from([(public_host().to_owned(), vec![public])]);
    let subject = Subject {
        name: "S15, a git dependency that is prepared".to_owned(),
        project,
        world: World { shelves, ..World::default() },
        locked,
        unlocked: Vec::new(),
    };
    Some((subject, vec![("baseline", ["", "sealed", "sealed", "sealed", "sealed", "broken"])]))
}
