//! The projects of the cases, told by what they differ in.

use crate::support::lockfile::Entry;
use crate::support::package::{Package, integrity};
use crate::support::project::{Builder, Project};
use crate::support::verdaccio::Published;
use crate::truth::redirecting::Redirecting;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha1::{Digest, Sha1};

pub const SCOPED: &str = "@acme/internal";
pub const UNSCOPED: &str = "acme-logger";
const PRIVATE: &str = "https://npm.acme.example/";

/// The tarball's URL of the scoped package, below the public registry.
pub const AT_PUBLIC: &str = "{public}/@acme/internal/-/internal-1.0.0.tgz";
/// The same of the other package.
pub const UNSCOPED_AT_PUBLIC: &str = "{public}/acme-logger/-/acme-logger-1.0.0.tgz";

/// The genuine package. It has a script, so that its lockfile entry says so and npm
/// runs those of a stranger's copy too.
fn genuine(name: &str) -> Package {
    Package::new(name, "1.0.0").script("postinstall", "node -e 0")
}

/// A private package of its own registry and a public one, both served from folders.
/// The lockfile is sound.
fn served(name: &str) -> Builder {
    Project::new()
        .dependency("left-over", "1.1.1")
        .served_registry(PRIVATE, "registry/private", |registry| registry.package(genuine(name)))
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(Package::new("left-over", "1.1.1"))
        })
}

/// The scope is mapped to the private registry.
pub fn scoped() -> Builder {
    served(SCOPED).dependency(SCOPED, "1.0.0").npmrc("@acme:registry=https://npm.acme.example/")
}

/// The same, with another that is for no platform that these tests run on.
pub fn optional_and_elsewhere() -> Builder {
    const ELSEWHERE: &str = "@acme/elsewhere";
    Project::new()
        .dependency("left-over", "1.1.1")
        .optional_dependency(SCOPED, "1.0.0")
        .optional_dependency(ELSEWHERE, "1.0.0")
        .npmrc("@acme:registry=https://npm.acme.example/")
        .served_registry(PRIVATE, "registry/private", |registry| {
            registry
                .package(genuine(SCOPED))
                .package(Package::new(ELSEWHERE, "1.0.0").field("os", json!(["sunos"])))
        })
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(Package::new("left-over", "1.1.1"))
        })
        .locked(ELSEWHERE, |entry| {
            entry.more.insert("os".to_owned(), json!(["sunos"]));
        })
}

/// No scope and no mapping: the owner's word alone makes the package private.
pub fn unmapped() -> Builder {
    served(UNSCOPED).dependency(UNSCOPED, "1.0.0").settings("private = [\"acme-logger\"]")
}

/// The scope is mapped to a registry that runs, and that redirects.
pub fn redirected(registry: &Redirecting) -> Builder {
    let package = genuine(SCOPED);
    let resolved = format!("{}@acme/internal/-/{}", registry.url, package.tarball_name());
    let published = Published { resolved, integrity: integrity(&package.tarball()) };
    Project::new()
        .dependency(SCOPED, "1.0.0")
        .npmrc(&format!("@acme:registry={}", registry.url))
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(Package::new("left-over", "1.1.1"))
        })
        .published(&package, &published)
}

/// The genuine tarball of the scoped package.
pub fn tarball() -> Vec<u8> {
    genuine(SCOPED).tarball()
}

/// No scope; the private registry is the default, and everything comes from it.
pub fn by_default() -> Builder {
    Project::new()
        .dependency(UNSCOPED, "1.0.0")
        .npmrc("registry=https://npm.acme.example/")
        .settings("private = [\"acme-logger\"]")
        .served_registry(PRIVATE, "registry/private", |registry| registry.package(genuine(UNSCOPED)))
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(Package::new("left-over", "1.1.1"))
        })
}

/// The same, and npm may do without the private package.
pub fn optional() -> Builder {
    served(SCOPED).optional_dependency(SCOPED, "1.0.0").npmrc("@acme:registry=https://npm.acme.example/")
}

/// The lockfile says neither where from nor which bytes.
pub fn bare(entry: &mut Entry) {
    entry.resolved = None;
    entry.integrity = None;
}

/// The lockfile does not say where from.
pub fn unresolved(entry: &mut Entry) {
    entry.resolved = None;
}

/// The lockfile does not say which bytes.
pub fn unhashed(entry: &mut Entry) {
    entry.integrity = None;
}

/// The lockfile pins the genuine bytes by sha1 alone.
pub fn by_sha1(name: &'static str) -> impl FnOnce(&mut Entry) {
    move |entry| {
        let digest = STANDARD.encode(Sha1::digest(genuine(name).tarball()));
        entry.integrity = Some(format!("sha1-{digest}"));
    }
}

/// The lockfile leads elsewhere, and says nothing or the truth about the bytes.
pub fn leading_to(url: &'static str, hashed: bool) -> impl FnOnce(&mut Entry) {
    move |entry| {
        entry.resolved = Some(url.to_owned());
        if !hashed {
            entry.integrity = None;
        }
    }
}
