//! The silent failures that need a project of their own: a dependency that brings its
//! own shrinkwrap, two lockfiles side by side, a git dependency that is prepared, and a
//! build that nobody wrote into the lockfile.

use crate::cell::Subject;
use crate::observer::{PRIVATE, VENDOR, World, public_host};
use crate::silent::Known;
use crate::subject::{Config, Lock, QUIET, genuine, index, of, subject};
use crate::support::package::{Package, integrity};
use crate::support::project::Project;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;

type Peculiar = (Subject, Vec<(&'static str, Known)>);

pub fn all() -> Vec<Peculiar> {
    vec![own_shrinkwrap(), two_lockfiles(), implied_build()]
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
