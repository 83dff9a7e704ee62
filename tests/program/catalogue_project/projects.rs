//! Projects that have what the examples lack.

use crate::support::lockfile::Entry;
use crate::support::package::{Package, integrity};
use crate::support::project::{Project, at_the_public_registry};
use serde_json::json;
use std::fs;

fn bare(entry: &mut Entry) {
    entry.resolved = None;
    entry.integrity = None;
}

/// Two private packages that the lockfile pins by nothing, the one mapped in the
/// user's npmrc and the other in the global one; a third for development, and a public
/// one that is optional.
pub fn told_elsewhere() -> Project {
    let project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .dependency("@corp/logger", "1.0.0")
        .dev_dependency("@acme/testing", "1.0.0")
        .optional_dependency("left-over", "1.1.1")
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| {
            registry
                .package(Package::new("@acme/internal", "1.0.0"))
                .package(Package::new("@acme/testing", "1.0.0"))
        })
        .served_registry("https://npm.corp.example/", "registry/corp", |registry| {
            registry.package(Package::new("@corp/logger", "1.0.0"))
        })
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(Package::new("left-over", "1.1.1"))
        })
        .locked("@acme/internal", bare)
        .locked("@corp/logger", bare)
        .build();
    let home = project.home();
    fs::write(home.join(".npmrc"), "@acme:registry=https://npm.acme.example/\n").unwrap();
    fs::write(home.join("no-global-npmrc"), "@corp:registry=https://npm.corp.example/\n").unwrap();
    project
}

/// A private registry whose token a variable holds.
pub fn with_token_variable() -> Project {
    let mut project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .npmrc("@acme:registry=https://npm.acme.example/\n//npm.acme.example/:_authToken=${ACME_TOKEN}")
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| {
            registry.package(Package::new("@acme/internal", "1.0.0"))
        })
        .served_registry("{public}", "registry/public", |registry| registry)
        .build();
    project.set("ACME_TOKEN", "npm_0123456789abcdefghijABCDEFGHIJ012345");
    project
}

/// A private package with a script, and scripts off by a setting or by a line of the npmrc.
pub fn without_scripts(settings: &str, npmrc: &str) -> Project {
    Project::new()
        .dependency("@shop/prices", "1.0.0")
        .npmrc("@shop:registry=https://npm.shop.example/")
        .npmrc(npmrc)
        .settings(settings)
        .served_registry("https://npm.shop.example/", "registry/shop", |registry| {
            registry.package(Package::new("@shop/prices", "1.0.0").script("postinstall", "node -e 0"))
        })
        .served_registry("{public}", "registry/public", |registry| registry)
        .build()
}

/// A default registry that stands before the public one, to which the lockfile pins.
pub fn mirrored() -> Project {
    Project::new()
        .dependency("left-over", "1.1.1")
        .npmrc("registry=https://mirror.acme.example/")
        .settings("private = []")
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(Package::new("left-over", "1.1.1"))
        })
        .served_registry("https://mirror.acme.example/", "registry/mirror", |registry| {
            registry.package(Package::new("left-over", "1.1.1"))
        })
        .locked("left-over", |entry| {
            entry.resolved = Some("{public}/left-over/-/left-over-1.1.1.tgz".to_owned());
        })
        .build()
}

/// A workspace with a member, and a private package that the lockfile pins by nothing.
pub fn workspace() -> Project {
    let private = Package::new("@acme/internal", "1.0.0");
    let public = Package::new("left-over", "1.1.1");
    let lock = json!({
        "name": "acme-shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": {
                "name": "acme-shop", "version": "1.0.0", "workspaces": ["packages/*"],
                "dependencies": { "@acme/internal": "1.0.0", "left-over": "1.1.1" },
            },
            "node_modules/@acme/internal": { "version": "1.0.0" },
            "node_modules/@acme/ui": { "resolved": "packages/ui", "link": true },
            "node_modules/left-over": {
                "version": "1.1.1", "integrity": integrity(&public.tarball()),
            },
            "packages/ui": { "name": "@acme/ui", "version": "2.1.0" },
        },
    });
    Project::new()
        .manifest(json!({
            "name": "acme-shop", "version": "1.0.0", "private": true, "workspaces": ["packages/*"],
            "dependencies": { "@acme/internal": "1.0.0", "left-over": "1.1.1" },
        }))
        .file("packages/ui/package.json", "{ \"name\": \"@acme/ui\", \"version\": \"2.1.0\" }\n")
        .npmrc("@acme:registry=https://npm.acme.example/")
        .lockfile(&at_the_public_registry(&format!("{lock:#}\n")))
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| registry.package(private))
        .served_registry("{public}", "registry/public", |registry| registry.package(public))
        .build()
}

/// A virtual registry that serves a private and a public package, the private one in a range.
pub fn virtual_one() -> Project {
    Project::new()
        .dependency("@acme/internal", "~1.0.0")
        .dependency("left-over", "1.1.1")
        .npmrc("registry=https://npm.acme.example/all/")
        .settings("private = ['@acme/*']")
        .served_registry("https://npm.acme.example/all/", "registry/all", |registry| {
            registry
                .behind("https://npm.acme.example/own/")
                .package(Package::new("@acme/internal", "1.0.0"))
                .package(Package::new("left-over", "1.1.1"))
        })
        .served_registry("https://npm.acme.example/own/", "registry/own", |registry| {
            registry.package(Package::new("@acme/internal", "1.0.0"))
        })
        .build()
}
