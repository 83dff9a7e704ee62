//! Hosts that do not answer, networks that are not there, and what a sandbox does not let
//! through.

use crate::support::package::{Package, integrity};
use crate::support::project::{Outcome, Project};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::{Duration, Instant};

const REGISTRY: &str = "https://registry.example/";

/// A project with one package of a registry, and with more lockfile entries.
fn with_entries(entries: &[(String, Value)], dependencies: &[(&str, &str)]) -> Project {
    let left = Package::new("left", "1.0.0");
    let mut wanted = json!({ "left": "1.0.0" });
    for (name, range) in dependencies {
        wanted[*name] = json!(range);
    }
    let manifest = json!({ "name": "shop", "version": "1.0.0", "dependencies": wanted });
    let mut packages = json!({
        "": manifest,
        "node_modules/left": { "version": "1.0.0", "integrity": integrity(&left.tarball()),
            "resolved": format!("{REGISTRY}left/-/left-1.0.0.tgz") },
    });
    for (path, entry) in entries {
        packages[path.as_str()] = entry.clone();
    }
    let lock = json!({ "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": packages });
    Project::new()
        .npmrc(&format!("registry={REGISTRY}"))
        .manifest(manifest)
        .served_registry(REGISTRY, "served", |it| it.package(left))
        .lockfile(&format!("{lock:#}"))
        .build()
}

fn note<'a>(outcome: &'a Outcome, rule: &str) -> Vec<&'a Value> {
    let findings = outcome.report["findings"].as_array().unwrap_or_else(|| panic!("{outcome:?}"));
    findings.iter().filter(|finding| finding["rule"] == rule).collect()
}

#[test]
fn a_dead_host_costs_what_one_package_does() {
    // A port of this machine where nobody listens.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = format!("127.0.0.1:{port}");
    let names: Vec<String> = (0..300).map(|at| format!("dead-{at:03}")).collect();
    let entries: Vec<(String, Value)> = names
        .iter()
        .map(|name| {
            let resolved = format!("http://{host}/{name}/-/{name}-1.0.0.tgz");
            (format!("node_modules/{name}"), json!({ "version": "1.0.0", "resolved": resolved }))
        })
        .collect();
    let wanted: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1.0.0")).collect();
    let project = with_entries(&entries, &wanted);
    let begun = Instant::now();
    let outcome = project.test_once(&["--scenario", "baseline"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(outcome.status, Some(3), "{outcome:?}");
    let told = note(&outcome, "not-observed");
    let told: Vec<&str> = told.iter().map(|finding| finding["message"].as_str().unwrap()).collect();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert!(told.contains("127.0.0.1 could not be reached"), "{told}");
    assert!(told.contains("300 entries of the lockfile come from it (lines "), "{told}");
    assert!(told.contains(" and 290 more)"), "{told}");
    let lines = outcome.stderr.lines().filter(|line| line.contains("could not be reached")).count();
    assert!(lines <= 2, "{}", outcome.stderr);
    assert!(note(&outcome, "install-failed").is_empty(), "{outcome:?}");
}

#[test]
fn what_git_needs_and_a_sandbox_lacks_is_unobserved() {
    const COMMIT: &str = "82cff7b0123456789abcdef0123456789abcdef0";
    for (source, refused) in [
        ("git+ssh://git@git.acme.example/gis/graph.git", "refused it port 22 of git.acme.example"),
        ("git://git.acme.example/gis/graph.git", "refused it port 9418 of git.acme.example"),
        ("git+ssh://git@git.acme.example:2222/gis/graph.git", "refused it port 2222 of git.acme.example"),
        ("git+file:///srv/no/graph.git", "no copy of the repository `/srv/no/graph.git`"),
    ] {
        let spec = format!("{source}#{COMMIT}");
        let entry = json!({ "version": "1.0.0", "resolved": spec });
        let project = with_entries(&[("node_modules/graph".to_owned(), entry)], &[("graph", &spec)]);
        let outcome = project.test_once(&["--scenario", "baseline"]);
        assert_eq!(outcome.status, Some(3), "{source}: {outcome:?}");
        assert_eq!(outcome.report["verdict"], "unobserved", "{source}");
        let told = note(&outcome, "not-observed");
        let of_graph = told.iter().find(|finding| finding["package"] == "graph");
        let of_graph = of_graph.unwrap_or_else(|| panic!("{source}: {told:?}"));
        assert!(of_graph["message"].as_str().unwrap().contains(refused), "{source}: {of_graph:#}");
        assert_eq!(of_graph["location"]["file"], "package-lock.json", "{source}");
        assert!(note(&outcome, "install-failed").is_empty(), "{source}");
    }
}

#[test]
fn an_inspection_needs_no_npm_and_tells_what_the_lockfile_lacks() {
    let names: Vec<String> = (0..40).map(|at| format!("far-{at:02}")).collect();
    let entries: Vec<(String, Value)> = names
        .iter()
        .map(|name| {
            let resolved = format!("https://mirror.stranger.example/{name}/-/{name}-1.0.0.tgz");
            (format!("node_modules/{name}"), json!({ "version": "1.0.0", "resolved": resolved }))
        })
        .collect();
    let wanted: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1.0.0")).collect();
    let project = with_entries(&entries, &wanted);
    let told = project.run(&["inspect"]);
    assert_eq!(told.status, Some(0), "{told:?}");
    for line in [
        "  40 entries with no integrity that npm can verify, so that nothing vouches for the bytes\n",
        "  40 entries from mirror.stranger.example, which is neither a configured registry nor the public one\n",
        " far-00\n",
        "    and 35 more\n",
    ] {
        assert!(told.stdout.contains(line), "{line}{}", told.stdout);
    }
    // An npm that nobody has, and a machine without any.
    let mut manifest: Value = serde_json::from_str(&project.read("package.json")).unwrap();
    manifest["packageManager"] = json!("npm@9.99.99");
    std::fs::write(project.path().join("package.json"), manifest.to_string()).unwrap();
    let told = project.run(&["inspect"]);
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(told.stdout.contains("not asked of the npm that is wanted"), "{}", told.stdout);
    assert!(told.stdout.contains("40 entries from mirror.stranger.example"), "{}", told.stdout);
    let bare = tempfile::tempdir().unwrap();
    let output = project.command().arg("inspect").env("PATH", bare.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text.contains("public registry not known: there is no npm here to ask"), "{text}");
    assert!(text.contains("40 entries with no integrity"), "{text}");
}
