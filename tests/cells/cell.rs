//! One project under several conditions: told, run by both, and held against each other.

use crate::account::Account;
use crate::observer::{PRIVATE, World, public_host};
use crate::plain::{Bench, tools};
use crate::support;
use crate::support::lockfile::Entry;
use crate::support::package::Package;
use crate::support::project::{Builder, Project};
use std::collections::BTreeMap;
use std::fs;

/// What a project is configured by, and what it depends on.
pub struct Config {
    pub name: &'static str,
    pub private: &'static str,
    pub tell: fn(Builder) -> Builder,
}

/// What a lockfile says of the private package.
pub struct Lock {
    pub name: &'static str,
    pub version: u8,
    pub change: fn(&mut Entry),
}

pub const NPMRC: &str = "audit=false\nfund=false\nupdate-notifier=false\nfetch-retries=0\n";

impl Config {
    pub const SCOPED: Self = Self {
        name: "scoped",
        private: "@acme/internal",
        tell: |builder| {
            builder.dependency("@acme/internal", "1.0.0").npmrc(
                "@acme:registry=https://npm.acme.example/\n//npm.acme.example/:_authToken=of-the-tests",
            )
        },
    };
}

impl Lock {
    pub const BARE: Self = Self {
        name: "bare",
        version: 3,
        change: |entry| {
            entry.resolved = None;
            entry.integrity = None;
        },
    };
}

/// A package of the owner's, whose script says that it ran.
pub fn genuine(name: &str) -> Package {
    let says = format!("echo genuine {name} postinstall >>\"${{OBSERVED:-/dev/null}}\"");
    Package::new(name, "1.0.0").script("postinstall", &says)
}

/// A cell that was compared.
#[derive(Debug)]
pub struct Compared {
    pub scenario: String,
    pub npm: String,
    pub verdict: String,
    pub wrong: Vec<String>,
    pub observed: Account,
}

pub fn scenario(name: &str) -> toml::Value {
    let folder = ["scenarios", "tests/cells/scenarios"].map(|folder| support::root().join(folder));
    let path = folder.iter().map(|folder| folder.join(format!("{name}.toml"))).find(|path| path.exists());
    let text = fs::read_to_string(path.unwrap_or_else(|| panic!("no scenario {name}"))).unwrap();
    toml::from_str(&text).unwrap()
}

/// Runs one project under the scenarios, by plain npm and by the program.
pub fn compare(config: &Config, lock: &Lock, scenarios: &[&str], toolchain: &str) -> Vec<Compared> {
    let (private, public) = (genuine(config.private), Package::new("left-over", "1.1.1"));
    let told = Project::new()
        .dependency("left-over", "1.1.1")
        .npmrc(NPMRC)
        .served_registry("https://npm.acme.example/", "registry/private", |it| it.package(private.clone()))
        .served_registry("{public}", "registry/public", |it| it.package(public.clone()))
        .lockfile_version(lock.version);
    let change = lock.change;
    let project = (config.tell)(told).locked(config.private, change).build();
    let world = World {
        shelves: BTreeMap::from([
            (PRIVATE.to_owned(), vec![private.clone()]),
            (public_host().to_owned(), vec![public.clone()]),
        ]),
        owned: vec![config.private.to_owned()],
        ..World::default()
    };
    let index = |package: &Package| {
        let (_, bytes) = package.contents().into_iter().find(|(path, _)| path == "index.js").unwrap();
        (package.name().to_owned(), String::from_utf8(bytes).unwrap())
    };
    let locked = BTreeMap::from([index(&private), index(&public)]);
    let bench = Bench { project: project.path(), world: &world, locked: &locked };

    let mut arguments = vec!["--toolchain", toolchain];
    for name in scenarios {
        arguments.extend(["--scenario", name]);
    }
    let outcome = project.test(&arguments);
    let runs = outcome.report["runs"].as_array().cloned().unwrap_or_default();
    assert!(!runs.is_empty(), "{}\n{}", outcome.stdout, outcome.stderr);
    let mut compared = Vec::new();
    for run in runs {
        let name = run["scenario"].as_str().unwrap();
        if !scenarios.contains(&name) {
            continue;
        }
        let version = |tool: &str| run["toolchain"][tool].as_str().unwrap();
        let observed = bench.install(&tools(version("node"), version("npm")), &scenario(name));
        let told = Account::reported(&run);
        compared.push(Compared {
            scenario: name.to_owned(),
            npm: version("npm").to_owned(),
            verdict: run["verdict"].as_str().unwrap().to_owned(),
            wrong: observed.differences(&told),
            observed,
        });
    }
    compared
}
