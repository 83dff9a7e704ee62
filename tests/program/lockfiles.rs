//! Lockfiles that hold something out of the ordinary: what a project of each kind comes to,
//! as it is and where it is asked for what its kind is about.
//!
//! They describe projects and no events, so that no scenario can make them of another one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use crate::support::npm::skipped;
use crate::support::package::{Package, integrity};
use crate::support::project::{Builder, Outcome, Project, at_the_public_registry};
use crate::support::told::{came_to, found, run, test};
use base64::{Engine, engine::general_purpose::STANDARD};
use sealcheck::project::integrity::Digests;
use serde_json::{Value, json};
use std::process::Command;

const OWN: &str = "https://npm.acme.example/";

fn internal() -> Package {
    Package::new("@acme/internal", "1.0.0")
}

fn left_over() -> Package {
    Package::new("left-over", "1.1.1")
}

/// A lockfile's entry of a package of this registry, with more fields.
fn entry(package: &Package, registry: &str, more: Value) -> Value {
    let registry = registry.trim_end_matches('/');
    let mut entry = json!({
        "version": package.version(),
        "resolved": format!("{registry}/{}/-/{}", package.name(), package.tarball_name()),
        "integrity": integrity(&package.tarball()),
    });
    entry.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    entry
}

/// A shop that asks for `dependencies`, with a lockfile that has these entries, and a registry
/// for the packages of its scope.
fn shop(dependencies: &Value, entries: &Value, own: Vec<Package>, public: Vec<Package>) -> Builder {
    let root = json!({ "name": "acme-shop", "version": "1.0.0", "dependencies": dependencies });
    let mut packages = json!({ "": root });
    packages.as_object_mut().unwrap().extend(entries.as_object().cloned().unwrap());
    let lock = json!({
        "name": "acme-shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": packages,
    });
    Project::new()
        .manifest(root)
        .npmrc(&format!("@acme:registry={OWN}"))
        .lockfile(&at_the_public_registry(&format!("{lock:#}\n")))
        .served_registry(OWN, "registry/acme", |registry| {
            own.into_iter().fold(registry, support::project::Served::package)
        })
        .served_registry("{public}", "registry/public", |registry| {
            public.into_iter().fold(registry, support::project::Served::package)
        })
}

/// Names of the rules that speak of a run, each with its package.
fn said(outcome: &Outcome, scenario: &str) -> Vec<String> {
    let id = run(outcome, scenario)["id"].clone();
    let findings = outcome.report["findings"].as_array().unwrap();
    let of = findings.iter().filter(|it| {
        let runs = it["runs"].as_array().unwrap();
        runs.is_empty() || runs.contains(&id)
    });
    of.map(|it| format!("{} {}", it["rule"].as_str().unwrap(), it["package"].as_str().unwrap_or("-")))
        .collect()
}

/// What came of a run, and from where a package: `sealed 0, private registry own`.
fn of(outcome: &Outcome, scenario: &str, path: &str) -> String {
    format!("{}, {}", came_to(outcome, scenario), found(outcome, scenario, path))
}

fn says(outcome: &Outcome, scenario: &str, finding: &str) -> bool {
    said(outcome, scenario).iter().any(|one| one == finding)
}

const INTERNAL: &str = "node_modules/@acme/internal";

/// The stranger who has the name behind an alias wins like any other.
#[test]
fn an_alias_of_a_private_package_is_private_by_its_name() {
    if skipped("lockfiles::alias") {
        return;
    }
    let project = shop(
        &json!({ "prices": "npm:@acme/internal@1.0.0" }),
        &json!({ "node_modules/prices": { "name": "@acme/internal", "version": "1.0.0" } }),
        vec![internal()],
        vec![],
    );
    let outcome = test(&project.build(), &["baseline", "private-mapping-removed"]);
    let path = "node_modules/prices";
    assert_eq!(of(&outcome, "baseline", path), "sealed 0, private registry own");
    assert_eq!(of(&outcome, "private-mapping-removed", path), "leaked 0, private registry foreign");
    assert!(says(&outcome, "private-mapping-removed", "silent-fallback @acme/internal"));
}

/// A URL of its own is asked of nobody else: no registry, and no mapping to be lost.
#[test]
fn a_tarball_by_its_url_is_of_no_registry() {
    if skipped("lockfiles::tarball_url") {
        return;
    }
    let url = format!("{OWN}@acme/internal/-/internal-1.0.0.tgz");
    let lock = json!({ INTERNAL: entry(&internal(), OWN, json!({})) });
    let project = shop(&json!({ "@acme/internal": url }), &lock, vec![internal()], vec![]).build();
    let outcome = test(&project, &["baseline", "public-decoy"]);
    assert_eq!(of(&outcome, "baseline", INTERNAL), "sealed 0, other registry own");
    let skipped = outcome.report["coverage"]["not_applicable"].to_string();
    assert!(skipped.contains("public-decoy"), "{skipped}");
}

/// What lies in the tarball of a private package comes with it and has no hash of its own.
#[test]
fn what_is_bundled_comes_with_its_parent() {
    if skipped("lockfiles::bundled") {
        return;
    }
    let bundle = internal()
        .dependency("left-over", "1.1.1")
        .field("bundleDependencies", json!(["left-over"]))
        .file("node_modules/left-over/package.json", "{ \"name\": \"left-over\", \"version\": \"1.1.1\" }\n");
    let more = json!({ "bundleDependencies": ["left-over"], "dependencies": { "left-over": "1.1.1" } });
    let inner = format!("{INTERNAL}/node_modules/left-over");
    let lock =
        json!({ INTERNAL: entry(&bundle, OWN, more), &inner: { "version": "1.1.1", "inBundle": true } });
    let project = shop(&json!({ "@acme/internal": "1.0.0" }), &lock, vec![bundle], vec![]).build();
    let outcome = test(&project, &["baseline", "public-decoy"]);
    for scenario in ["baseline", "public-decoy"] {
        assert_eq!(of(&outcome, scenario, &inner), "sealed 0, private bundled own");
        assert!(!said(&outcome, scenario).iter().any(|one| one.ends_with("left-over")), "{scenario}");
    }
}

/// A link has no bytes to be fetched, and yet a name that a stranger can have.
#[test]
fn a_link_is_local_and_a_decoy_of_it_is_taken_only_by_the_control() {
    if skipped("lockfiles::link") {
        return;
    }
    let lock = json!({
        "node_modules/acme-ui": { "resolved": "packages/ui", "link": true },
        "packages/ui": { "name": "acme-ui", "version": "2.1.0" },
    });
    let project = shop(&json!({ "acme-ui": "file:packages/ui" }), &lock, vec![], vec![])
        .file("packages/ui/package.json", "{ \"name\": \"acme-ui\", \"version\": \"2.1.0\" }\n")
        .build();
    let outcome = test(&project, &["baseline", "control", "public-decoy", "lockfile-removed"]);
    let path = "node_modules/acme-ui";
    for scenario in ["baseline", "public-decoy", "lockfile-removed"] {
        assert_eq!(of(&outcome, scenario, path), "sealed 0, local link own", "{scenario}");
    }
    assert_eq!(of(&outcome, "control", path), "leaked 0, local registry foreign");
}

/// npm does without it and says nothing, however its registry fails.
#[test]
fn an_optional_private_package_vanishes_without_a_word() {
    if skipped("lockfiles::optional") {
        return;
    }
    let lock = json!({
        INTERNAL: entry(&internal(), OWN, json!({ "optional": true })),
        "node_modules/left-over": entry(&left_over(), "{public}", json!({})),
    });
    let asks = json!({ "left-over": "1.1.1" });
    let project = shop(&asks, &lock, vec![internal()], vec![left_over()])
        .optional_dependency("@acme/internal", "1.0.0")
        .build();
    // The root's entry says so too.
    let path = project.path().join("package-lock.json");
    let mut lock: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    lock["packages"][""]["optionalDependencies"] = json!({ "@acme/internal": "1.0.0" });
    std::fs::write(&path, lock.to_string()).unwrap();
    let failing = ["private-not-found", "private-refused", "private-black-hole"];
    let outcome = test(&project, &[["baseline"].as_slice(), &failing].concat());
    assert_eq!(of(&outcome, "baseline", INTERNAL), "sealed 0, private registry own");
    for scenario in failing {
        assert_eq!(of(&outcome, scenario, INTERNAL), "broken 0, private - -", "{scenario}");
        assert!(says(&outcome, scenario, "incomplete-install @acme/internal"), "{scenario}");
    }
}

/// `npm ci` of npm 11 and 12 finds the lockfile out of step, while that of npm 8 and 10 and
/// every `npm install` installs without the binary.
#[test]
fn this_platforms_binary_is_missing_in_the_lockfile() {
    if skipped("lockfiles::platform") {
        return;
    }
    let (os, cpu) = ("linux", if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" });
    let name = format!("@acme/native-{os}-{cpu}");
    let optional = json!({ &name: "1.0.0", "@acme/native-sunos-arm64": "1.0.0" });
    let native = Package::new("@acme/native", "1.0.0").field("optionalDependencies", optional.clone());
    let elsewhere = json!({ "os": ["sunos"], "cpu": ["arm64"] });
    let other = Package::new("@acme/native-sunos-arm64", "1.0.0")
        .field("os", elsewhere["os"].clone())
        .field("cpu", elsewhere["cpu"].clone());
    let mut entries = json!({
        "node_modules/@acme/native": entry(&native, OWN, json!({ "optionalDependencies": optional })),
        "node_modules/@acme/native-sunos-arm64": entry(&other, OWN, elsewhere),
    });
    entries["node_modules/@acme/native-sunos-arm64"]["optional"] = json!(true);
    let told = |command: &str| {
        let published = vec![native.clone(), other.clone()];
        let project = shop(&json!({ "@acme/native": "1.0.0" }), &entries, published, vec![]);
        test(&project.settings(&format!("[install]\ncommand = '{command}'")).build(), &["baseline"])
    };
    assert_eq!(came_to(&told("npm ci"), "baseline"), "broken EUSAGE");
    let outcome = told("npm install");
    assert_eq!(came_to(&outcome, "baseline"), "broken 0", "{}", outcome.stdout);
    assert!(says(&outcome, "baseline", &format!("platform-package-missing {name}")), "{}", outcome.stdout);
}

/// A published shrinkwrap pins what is below it: the lockfile repeats it, and where it does
/// not, npm 11 installs what the shrinkwrap says all the same.
#[test]
fn a_dependency_brings_a_shrinkwrap() {
    if skipped("lockfiles::shrinkwrap") {
        return;
    }
    let pins = json!({
        "": { "name": "@acme/internal", "version": "1.0.0", "dependencies": { "left-over": "^1.0.0" } },
        "node_modules/left-over": entry(&left_over(), "{public}", json!({})),
    });
    let shrinkwrap = json!({ "name": "@acme/internal", "lockfileVersion": 3, "packages": pins });
    let own = internal()
        .dependency("left-over", "^1.0.0")
        .file("npm-shrinkwrap.json", &at_the_public_registry(&shrinkwrap.to_string()));
    let more = json!({ "hasShrinkwrap": true, "dependencies": { "left-over": "^1.0.0" } });
    let inner = format!("{INTERNAL}/node_modules/left-over");
    let told = |entries: &Value| {
        let public = vec![left_over(), Package::new("left-over", "1.9.0")];
        let asks = json!({ "@acme/internal": "1.0.0" });
        test(&shop(&asks, entries, vec![own.clone()], public).build(), &["baseline", "public-decoy"])
    };
    let repeats = json!({
        INTERNAL: entry(&own, OWN, more.clone()), &inner: entry(&left_over(), "{public}", json!({})),
    });
    let outcome = told(&repeats);
    for scenario in ["baseline", "public-decoy"] {
        assert_eq!(of(&outcome, scenario, &inner), "sealed 0, public registry public", "{scenario}");
    }
    let outcome = told(&json!({ INTERNAL: entry(&own, OWN, more) }));
    assert_eq!(came_to(&outcome, "baseline"), "broken 0");
    assert!(says(&outcome, "baseline", "lockfile-not-honoured left-over"), "{}", outcome.stdout);
}

/// A git dependency is built by its own `prepare`, in a folder that no lockfile pins, with
/// what its own install brings.
#[test]
fn a_git_dependency_has_a_prepare() {
    if skipped("lockfiles::git") {
        return;
    }
    let git = |words: &[&str], folder: &std::path::Path| {
        let mut command = Command::new("git");
        support::npm::in_empty_home(&mut command, folder);
        command.args(["-c", "user.name=acme", "-c", "user.email=acme@acme.example"]).args(words);
        let output = command.current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let work = tempfile::tempdir().unwrap();
    let touch = "node -e \"require('fs').writeFileSync('prepared', '')\"";
    Package::new("acme-tool", "3.0.0")
        .script("prepare", touch)
        .field("devDependencies", json!({ "build-aid": "^1.0.0" }))
        .write_to(work.path());
    git(&["init", "-q"], work.path());
    git(&["add", "."], work.path());
    git(&["commit", "-qm", "The tool"], work.path());
    let commit = git(&["rev-parse", "HEAD"], work.path());
    // Inside a project lies at this path.
    let spec = format!("git+file:///project/tool-repository#{commit}");
    let lock = json!({ "node_modules/acme-tool": { "version": "3.0.0", "resolved": spec } });
    let call = "node -e \"require('net').connect(9, '192.0.2.1').on('error', () => {})\"";
    let aid = Package::new("build-aid", "1.0.0").script("postinstall", call);
    let project = shop(&json!({ "acme-tool": spec }), &lock, vec![], vec![aid]).build();
    let bare = project.path().join("tool-repository");
    git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()], work.path());
    // Files are copied, and a repository is none without this folder.
    std::fs::create_dir_all(bare.join("refs/heads")).unwrap();
    std::fs::write(bare.join("refs/heads/main"), format!("{commit}\n")).unwrap();
    let outcome = test(&project, &["baseline", "scripts-disabled", "allow-git-none"]);
    let path = "node_modules/acme-tool";
    assert_eq!(
        of(&outcome, "baseline", path),
        "sealed 0, other git own",
        "{}",
        run(&outcome, "baseline")["output"]
    );
    assert_eq!(of(&outcome, "scripts-disabled", path), "sealed 0, other git own");
    let prepared = |scenario: &str| {
        let processes = run(&outcome, scenario)["processes"].as_array().unwrap();
        processes.iter().any(|process| process["argv"].to_string().contains("prepared"))
    };
    assert!(prepared("baseline") && !prepared("scripts-disabled"));
    // What npm brings to prepare it is in no lockfile, and its scripts are told all the same.
    let aided = |scenario: &str| {
        let processes = run(&outcome, scenario)["processes"].as_array().unwrap();
        let of_aid = |process: &&Value| {
            process["package"].as_str().is_some_and(|package| package.ends_with("node_modules/build-aid"))
        };
        processes.iter().filter(of_aid).any(|process| process["event"] == "postinstall")
    };
    assert!(aided("baseline") && !aided("scripts-disabled"), "{}", outcome.report);
    let findings = outcome.report["findings"].to_string();
    assert!(
        findings.contains("the postinstall script of node_modules/build-aid of a dependency from git"),
        "{findings}"
    );
    assert_eq!(came_to(&outcome, "allow-git-none"), "sealed EALLOWGIT");
}

/// A sha1 refuses bytes of the right URL. It is of no use beside a packument that gives another
/// kind of hash: npm takes that one.
#[test]
fn an_integrity_of_sha1_alone() {
    if skipped("lockfiles::sha1") {
        return;
    }
    let sha1 = format!("sha1-{}", STANDARD.encode(Digests::of(&internal().tarball()).sha1));
    let told = |resolved: bool| {
        let mut one = entry(&internal(), OWN, json!({ "integrity": sha1 }));
        if !resolved {
            one.as_object_mut().unwrap().remove("resolved");
        }
        let project =
            shop(&json!({ "@acme/internal": "1.0.0" }), &json!({ INTERNAL: one }), vec![internal()], vec![]);
        let scenarios = ["baseline", "tampered-tarball", "private-mapping-removed", "virtual-falls-through"];
        test(&project.build(), &scenarios)
    };
    let (with, without) = (told(true), told(false));
    for outcome in [&with, &without] {
        assert_eq!(of(outcome, "baseline", INTERNAL), "sealed 0, private registry own");
        assert!(says(outcome, "baseline", "missing-integrity @acme/internal"));
        assert_eq!(came_to(outcome, "tampered-tarball"), "sealed EINTEGRITY");
    }
    assert_eq!(of(&with, "private-mapping-removed", INTERNAL), "sealed 0, private registry own");
    assert_eq!(of(&without, "private-mapping-removed", INTERNAL), "leaked 0, private registry foreign");
    assert_eq!(came_to(&with, "virtual-falls-through"), "exposed EINTEGRITY");
    assert_eq!(came_to(&without, "virtual-falls-through"), "leaked 0");
}
