//! Variables of the machine that npm heeds and a run does not, or the reverse.

use crate::support::npm::skipped;
use crate::support::own_registry::{Manner, OwnRegistry};
use crate::support::package::{Package, integrity};
use crate::support::project::{Outcome, Project};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn finding<'a>(outcome: &'a Outcome, rule: &str, package: &str) -> &'a Value {
    let findings = outcome.report["findings"].as_array().unwrap_or_else(|| panic!("{outcome:?}"));
    let found =
        findings.iter().find(|it| it["rule"] == rule && (package.is_empty() || it["package"] == package));
    found.unwrap_or_else(|| panic!("no {rule} of {package}: {outcome:?}"))
}

fn baseline(project: &Project) -> Outcome {
    project.test_once(&["--scenario", "baseline"])
}

/// npm leaves out what a run installs: the finding about it says so, and that about another
/// package does not.
#[test]
fn a_package_that_npm_leaves_out_here_is_told_as_such() {
    if skipped("reported::surroundings::a_package_that_npm_leaves_out_here_is_told_as_such") {
        return;
    }
    let registry = OwnRegistry::start(Manner::default());
    let (left, right) = (Package::new("left", "1.0.0"), Package::new("right", "1.0.0"));
    let (at_left, at_right) = (registry.publish(&left), registry.publish(&right));
    let mut project = Project::new()
        .dependency("left", "1.0.0")
        .dev_dependency("right", "1.0.0")
        .npmrc(&format!("registry={}", registry.url))
        .published(&left, &at_left)
        .published(&right, &at_right)
        .locked("left", |entry| entry.integrity = None)
        .locked("right", |entry| (entry.integrity, entry.dev) = (None, true))
        .build();
    project.set("NODE_EXTRA_CA_CERTS", registry.ca_bundle.to_str().unwrap());
    project.set("NODE_ENV", "production");
    assert!(project.npm().arg("ci").output().unwrap().status.success(), "plain npm");
    let is_there = |name: &str| project.path().join("node_modules").join(name).exists();
    assert!(is_there("left") && !is_there("right"), "plain npm leaves dev packages out");
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
    let outcome = baseline(&project);
    let packages =
        &outcome.report["runs"].as_array().unwrap().iter().find(|run| run["scenario"] == "baseline");
    let packages = packages.unwrap()["packages"].as_array().unwrap();
    assert!(packages.iter().any(|it| it["name"] == "right" && it["version"] == "1.0.0"), "a run installs it");
    let says = "npm here leaves right out, since NODE_ENV=production is set, which a run is not given";
    let help =
        |package: &str| finding(&outcome, "missing-integrity", package)["help"].as_str().unwrap().to_owned();
    assert!(help("right").contains(says), "{}", help("right"));
    assert!(!help("left").contains("NODE_ENV"), "{}", help("left"));
    let told = project.run(&["inspect"]).stdout;
    assert!(told.contains("npm here leaves out the dev packages, and a run installs them"), "{told}");
}

/// A project whose one package comes from a host that is only behind a proxy.
fn behind(proxy: &str, scheme: &str) -> Project {
    let left = Package::new("left", "1.0.0");
    let url = format!("{scheme}://registry.nobody.example");
    let root = json!({ "name": "shop", "version": "1.0.0", "dependencies": { "left": "1.0.0" } });
    let lock = json!({ "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {
        "": root,
        "node_modules/left": { "version": "1.0.0", "integrity": integrity(&left.tarball()),
            "resolved": format!("{url}/left/-/left-1.0.0.tgz") } } });
    let mut project = Project::new()
        .npmrc(&format!("registry={url}/"))
        .manifest(root)
        .lockfile(&format!("{lock:#}"))
        .build();
    project.set("HTTPS_PROXY", proxy);
    project
}

/// A proxy that counts who comes, and answers nobody.
fn proxy() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let counted = Arc::new(AtomicUsize::new(0));
    let counter = counted.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    (url, counted)
}

#[test]
fn a_proxy_that_leads_nowhere_is_named_where_a_host_is_out_of_reach() {
    if skipped("reported::surroundings::a_proxy_that_leads_nowhere_is_named_where_a_host_is_out_of_reach") {
        return;
    }
    // npm takes HTTPS_PROXY for both.
    for scheme in ["https", "http"] {
        let (url, counted) = proxy();
        let project = behind(&url, scheme);
        let mut npm = project.npm();
        npm.args(["ci", "--fetch-retries=0", "--no-audit"]).env("HTTPS_PROXY", &url);
        assert!(!npm.output().unwrap().status.success(), "plain npm");
        assert!(counted.swap(0, Ordering::SeqCst) > 0, "{scheme}: npm goes through the proxy");
        let outcome = baseline(&project);
        assert!(counted.load(Ordering::SeqCst) > 0, "{scheme}: {outcome:?}");
        let told = finding(&outcome, "not-observed", "")["message"].as_str().unwrap();
        assert!(told.contains("registry.nobody.example could not be reached"), "{told}");
        assert!(told.contains("; HTTPS_PROXY of this machine leads there through a proxy"), "{told}");
    }
}

#[test]
fn an_inspection_tells_of_each_variable_what_becomes_of_it() {
    let mut project = behind("http://user:hunter2@127.0.0.1:9", "https");
    for (name, value) in [
        ("NODE_OPTIONS", "--max-old-space-size=4096"),
        ("NODE_PATH", "/srv/modules"),
        ("NODE_EXTRA_CA_CERTS", "/no/such/file.pem"),
        ("NPM_TOKEN", "npm_hunter2hunter2"),
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("npm_config_cafile", ""),
    ] {
        project.set(name, value);
    }
    let told = project.run(&["inspect"]);
    assert_eq!(told.status, Some(0), "{told:?}");
    for line in [
        "NODE_OPTIONS is set here, and a run is not given it: `[install] env` in sealcheck.toml would set it",
        "NODE_PATH is set here, and a run is not given it: no file can set it",
        "HTTPS_PROXY is the way of sealcheck's own requests to registries, as of npm's; a run is not given it",
        "NODE_EXTRA_CA_CERTS names a file that cannot be read: node ignores it, and so does sealcheck",
        "ALL_PROXY is used neither by npm nor by sealcheck",
        "NPM_TOKEN is set here, and no npmrc names it: npm sends it to nobody",
        "npm_config_cafile is empty, which npm takes for not set",
    ] {
        assert!(told.stdout.contains(line), "`{line}`: {}", told.stdout);
    }
    assert!(!told.stdout.contains("hunter2"), "{}", told.stdout);
}
