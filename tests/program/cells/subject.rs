//! The projects of the cells: what npm is configured by, and what the lockfile says of
//! the private package.

use crate::cells::cell::Subject;
use crate::cells::observer::{PRIVATE, World, public_host};
use crate::support::lockfile::Entry;
use crate::support::package::Package;
use crate::support::project::Project;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;

/// What a project is configured by, and how it depends on its private package.
#[derive(Clone, Copy)]
pub struct Config {
    pub name: &'static str,
    pub private: &'static str,
    pub npmrc: &'static str,
    pub settings: &'static str,
    /// npm may do without the private package.
    pub optional: bool,
    /// It depends on a public package too.
    pub public: bool,
}

/// What a lockfile says of the private package.
#[derive(Clone, Copy)]
pub struct Lock {
    pub name: &'static str,
    pub version: u8,
    pub shrinkwrap: bool,
    pub change: fn(&mut Entry, &Package),
}

pub const QUIET: &str = "audit=false\nfund=false\nupdate-notifier=false\nfetch-retries=0\n";
const MAPPED: &str =
    "@acme:registry=https://npm.acme.example/\n//npm.acme.example/:_authToken=of-the-tests\n";

impl Config {
    /// The scope is mapped.
    pub const SCOPED: Self = Self {
        name: "scoped",
        private: "@acme/internal",
        npmrc: MAPPED,
        settings: "",
        optional: false,
        public: true,
    };
    /// The same, and npm may do without.
    pub const OPTIONAL: Self = Self { name: "optional", optional: true, ..Self::SCOPED };
    /// The scope is mapped, and the owner lists its packages as private, wherever they are pinned.
    pub const LISTED: Self = Self { name: "listed", settings: "private = [\"@acme/*\"]", ..Self::SCOPED };
    /// The private registry is the default one.
    pub const DEFAULT: Self = Self {
        name: "default",
        private: "acme-logger",
        npmrc: "registry=https://npm.acme.example/\n//npm.acme.example/:_authToken=of-the-tests\n",
        settings: "private = [\"acme-logger\"]",
        optional: false,
        public: false,
    };
    /// Nothing maps the package; the owner's word alone makes it private.
    pub const UNMAPPED: Self = Self { name: "unmapped", npmrc: "", public: true, ..Self::DEFAULT };
    /// The scope is mapped, and npm is to take tarballs from anywhere.
    pub const ANYWHERE: Self = Self {
        name: "anywhere",
        npmrc: "@acme:registry=https://npm.acme.example/\n//npm.acme.example/:_authToken=of-the-tests\n\
                allow-remote=all\n",
        ..Self::SCOPED
    };
    /// The scope is mapped, and no script is to run.
    pub const SCRIPTLESS: Self = Self {
        name: "scriptless",
        npmrc: "@acme:registry=https://npm.acme.example/\n//npm.acme.example/:_authToken=of-the-tests\n\
                ignore-scripts=true\n",
        ..Self::SCOPED
    };
    /// The scope is mapped, and npm is to prefer its cache.
    pub const CACHED: Self = Self {
        name: "prefer-offline",
        npmrc: "@acme:registry=https://npm.acme.example/\n//npm.acme.example/:_authToken=of-the-tests\n\
                prefer-offline=true\n",
        ..Self::SCOPED
    };
}

fn unresolved(entry: &mut Entry, _: &Package) {
    entry.resolved = None;
}

fn unhashed(entry: &mut Entry, _: &Package) {
    entry.integrity = None;
}

fn bare(entry: &mut Entry, _: &Package) {
    (entry.resolved, entry.integrity) = (None, None);
}

fn sha1(entry: &mut Entry, package: &Package) {
    entry.integrity = Some(format!("sha1-{}", STANDARD.encode(Sha1::digest(package.tarball()))));
}

fn sha1_unresolved(entry: &mut Entry, package: &Package) {
    sha1(entry, package);
    entry.resolved = None;
}

fn at_public(entry: &mut Entry, package: &Package) {
    entry.resolved = Some(format!("{{public}}/{}/-/{}", package.name(), package.tarball_name()));
}

fn at_public_unhashed(entry: &mut Entry, package: &Package) {
    at_public(entry, package);
    entry.integrity = None;
}

fn unflagged(entry: &mut Entry, _: &Package) {
    entry.has_install_script = false;
}

fn not_a_url(entry: &mut Entry, _: &Package) {
    entry.resolved = Some("not a url".to_owned());
}

const fn lock(name: &'static str, version: u8, change: fn(&mut Entry, &Package)) -> Lock {
    Lock { name, version, shrinkwrap: false, change }
}

impl Lock {
    pub const SOUND: Self = lock("v3", 3, |_, _| {});
    pub const SOUND_2: Self = lock("v2", 2, |_, _| {});
    pub const SOUND_1: Self = lock("v1", 1, |_, _| {});
    pub const UNRESOLVED: Self = lock("v3 without resolved", 3, unresolved);
    pub const UNRESOLVED_2: Self = lock("v2 without resolved", 2, unresolved);
    pub const UNRESOLVED_1: Self = lock("v1 without resolved", 1, unresolved);
    pub const UNHASHED: Self = lock("v3 without integrity", 3, unhashed);
    pub const UNHASHED_2: Self = lock("v2 without integrity", 2, unhashed);
    pub const UNHASHED_1: Self = lock("v1 without integrity", 1, unhashed);
    pub const BARE: Self = lock("v3 with neither", 3, bare);
    pub const BARE_2: Self = lock("v2 with neither", 2, bare);
    pub const BARE_1: Self = lock("v1 with neither", 1, bare);
    pub const SHA1: Self = lock("v3 with sha1", 3, sha1);
    pub const SHA1_UNRESOLVED: Self = lock("v3 with sha1 without resolved", 3, sha1_unresolved);
    pub const SHA1_UNRESOLVED_2: Self = lock("v2 with sha1 without resolved", 2, sha1_unresolved);
    pub const SHA1_UNRESOLVED_1: Self = lock("v1 with sha1 without resolved", 1, sha1_unresolved);
    pub const AT_PUBLIC: Self = lock("v3 at public", 3, at_public);
    pub const AT_PUBLIC_UNHASHED: Self = lock("v3 at public without integrity", 3, at_public_unhashed);
    pub const AT_PUBLIC_UNHASHED_2: Self = lock("v2 at public without integrity", 2, at_public_unhashed);
    pub const UNFLAGGED: Self = lock("v3 without hasInstallScript", 3, unflagged);
    pub const UNFLAGGED_2: Self = lock("v2 without hasInstallScript", 2, unflagged);
    pub const NOT_A_URL_2: Self = lock("v2 with resolved that is no URL", 2, not_a_url);
    pub const NOT_A_URL: Self = lock("v3 with resolved that is no URL", 3, not_a_url);
    pub const SHRINKWRAP: Self = Self { name: "shrinkwrap", shrinkwrap: true, ..Self::SOUND };
    pub const SHRINKWRAP_BARE: Self =
        Self { name: "shrinkwrap with neither", shrinkwrap: true, ..Self::BARE };
}

/// A package of the owner's, whose script says that it ran.
pub fn genuine(name: &str) -> Package {
    let says = format!("echo genuine {name} postinstall >>\"${{OBSERVED:-/dev/null}}\"");
    Package::new(name, "1.0.0").script("postinstall", &says)
}

/// What lies where a package is installed.
pub fn index(package: &Package) -> String {
    let (_, bytes) = package.contents().into_iter().find(|(path, _)| path == "index.js").unwrap();
    String::from_utf8(bytes).unwrap()
}

/// One of the product: a configuration and a lockfile.
pub fn subject(config: Config, lock: Lock) -> Subject {
    of(config, lock, genuine(config.private))
}

/// The same about another package of the owner's.
pub fn of(config: Config, lock: Lock, private: Package) -> Subject {
    let public = Package::new("left-over", "1.1.1");
    let (name, change) = (private.clone(), lock.change);
    let mut told = Project::new()
        .npmrc(QUIET)
        .npmrc(config.npmrc)
        .settings(config.settings)
        .served_registry("https://npm.acme.example/", "registry/private", |it| it.package(private.clone()))
        .served_registry("{public}", "registry/public", |it| it.package(public.clone()))
        .lockfile_version(lock.version)
        .locked(config.private, move |entry| change(entry, &name));
    if lock.shrinkwrap {
        told = told.shrinkwrap();
    }
    let mut locked = BTreeMap::from([(config.private.to_owned(), index(&private))]);
    if config.public {
        told = told.dependency("left-over", "1.1.1");
        locked.insert("left-over".to_owned(), index(&public));
    }
    told = if config.optional {
        told.optional_dependency(config.private, "1.0.0")
    } else {
        told.dependency(config.private, "1.0.0")
    };
    let shelves =
        BTreeMap::from([(PRIVATE.to_owned(), vec![private]), (public_host().to_owned(), vec![public])]);
    Subject {
        name: format!("{} × {}", config.name, lock.name),
        project: told.build(),
        world: World { shelves, owned: vec![config.private.to_owned()], ..World::default() },
        locked,
        unlocked: Vec::new(),
    }
}
