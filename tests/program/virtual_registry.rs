//! A virtual registry beside the one that `behind` names: what it adds is found, what it
//! does not add is not, and what could not be read is no answer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use crate::support::own_registry::{Manner, OwnRegistry};
use crate::support::package::Package;
use crate::support::project::{Outcome, Project};
use serde_json::{Value, json};

const ALL: &str = "https://npm.acme.example/all/";
const OWN: &str = "https://npm.acme.example/own/";

fn internal(version: &str) -> Package {
    Package::new("@acme/internal", version)
}

/// A shop whose registry gives what `merged` says beside the private package.
fn served(merged: Option<Package>) -> Project {
    Project::new()
        .dependency("@acme/internal", "1.0.0")
        .dependency("left-over", "1.1.1")
        .npmrc(&format!("registry={ALL}"))
        .settings("private = ['@acme/*']")
        .served_registry(ALL, "registry/all", |registry| {
            let registry = registry.behind(OWN).package(internal("1.0.0"));
            let registry = registry.package(Package::new("left-over", "1.1.1"));
            merged.into_iter().fold(registry, support::project::Served::package)
        })
        .served_registry(OWN, "registry/own", |registry| {
            registry.package(internal("0.9.0")).package(internal("1.0.0"))
        })
        .build()
}

fn test(project: &Project, more: &[&str]) -> Outcome {
    let mut arguments = vec!["--scenario", "baseline"];
    arguments.extend(more);
    project.test(&arguments)
}

fn finding<'a>(outcome: &'a Outcome, rule: &str) -> Option<&'a Value> {
    outcome.report["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == rule)
}

#[test]
fn a_version_that_the_registry_behind_lacks_is_an_error_with_its_line() {
    if let Some(lacks) = support::npm::lacks_npm() {
        return support::skip("virtual_registry::a_version_is_added", &lacks);
    }
    let project = served(Some(internal("99.0.0")));
    let outcome = test(&project, &[]);
    let found = finding(&outcome, "registry-merges-public").unwrap_or_else(|| panic!("{}", outcome.stdout));
    assert_eq!((&found["severity"], &found["package"]), (&json!("error"), &json!("@acme/internal")));
    let message = format!("{ALL} gives @acme/internal in 99.0.0, which {OWN} behind it does not have");
    assert_eq!(found["message"], message);
    let line = project.read("sealcheck.toml").lines().position(|line| line.starts_with("behind")).unwrap();
    let place = &found["location"];
    assert_eq!((&place["file"], &place["line"]), (&json!("sealcheck.toml"), &json!(line + 1)));
    assert_eq!((&outcome.report["verdict"], outcome.status), (&json!("exposed"), Some(1)));
    let seen = &outcome.report["resolutions"][0];
    assert_eq!((&seen["given"], &seen["had"]), (&json!(2), &json!(2)), "{seen:#}");
    assert_eq!(seen["added"], json!({ "count": 1, "shown": ["99.0.0"] }));
    assert!(finding(&outcome, "server-resolution-unproven").is_none(), "it was shown");
}

#[test]
fn other_bytes_of_the_same_version_are_found_as_well() {
    if let Some(lacks) = support::npm::lacks_npm() {
        return support::skip("virtual_registry::other_bytes", &lacks);
    }
    let project = served(None);
    // The one behind was published anew, and the virtual one still gives what it had.
    let other = internal("1.0.0").file("other.js", "other\n").tarball();
    std::fs::write(project.path().join("registry/own/@acme/internal/1.0.0/internal-1.0.0.tgz"), other)
        .unwrap();
    let outcome = test(&project, &[]);
    let found = finding(&outcome, "registry-merges-public").unwrap_or_else(|| panic!("{}", outcome.stdout));
    let message = format!("{ALL} gives @acme/internal with other bytes for 1.0.0 than {OWN} behind it has");
    assert_eq!(found["message"], message);
}

#[test]
fn what_is_the_same_today_is_no_error_and_no_proof() {
    if let Some(lacks) = support::npm::lacks_npm() {
        return support::skip("virtual_registry::the_same", &lacks);
    }
    let outcome = test(&served(None), &[]);
    assert!(finding(&outcome, "registry-merges-public").is_none(), "{}", outcome.stdout);
    assert_eq!((&outcome.report["verdict"], outcome.status), (&json!("sealed"), Some(0)));
    let note = finding(&outcome, "server-resolution-unproven").unwrap();
    assert!(note["message"].as_str().unwrap().contains("today it gives no more"), "{note}");
    assert_eq!(note["severity"], "note");
}

/// A project of a running virtual registry, with another one behind it.
fn running(all: &OwnRegistry, behind: &str) -> Project {
    let package = internal("1.0.0");
    let published = all.publish(&package);
    let mut project = Project::new()
        .dependency("@acme/internal", "1.0.0")
        .npmrc(&format!("@acme:registry={}", all.url))
        .settings(&format!("[[registry]]\nurl = '{}'\nbehind = '{behind}'", all.url))
        .published(&package, &published)
        .build();
    let lines = format!("{}:_authToken=of-the-virtual-one\n", all.url.trim_start_matches("https:"));
    std::fs::write(project.home().join(".npmrc"), lines).unwrap();
    project.set("NODE_EXTRA_CA_CERTS", all.ca_bundle.to_str().unwrap());
    project
}

fn with_token(token: &str) -> OwnRegistry {
    OwnRegistry::start(Manner { token: Some(token.to_owned()), ..Manner::default() })
}

#[test]
fn a_credential_goes_only_where_npms_own_configuration_ties_it() {
    if let Some(lacks) = support::npm::lacks_npm() {
        return support::skip("virtual_registry::credentials", &lacks);
    }
    let (all, own) = (with_token("of-the-virtual-one"), with_token("of-the-one-behind"));
    own.publish(&internal("1.0.0"));
    let mut project = running(&all, &own.url);
    // Both have authorities of their own.
    let both = project.home().join("both.pem");
    let read = |path| std::fs::read_to_string(path).unwrap();
    std::fs::write(&both, read(&all.ca_bundle) + &read(&own.ca_bundle)).unwrap();
    project.set("NODE_EXTRA_CA_CERTS", both.to_str().unwrap());
    let outcome = test(&project, &[]);
    let why =
        format!("localhost answered 401 without a credential: npm's configuration ties none to {}", own.url);
    assert_eq!(outcome.report["resolutions"][0]["unread"], why, "{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.status, Some(3), "{}", outcome.stdout);
    let unseen = finding(&outcome, "not-observed").unwrap();
    assert!(unseen["message"].as_str().unwrap().contains(&why), "{unseen}");
    assert!(finding(&outcome, "registry-merges-public").is_none());
    let heard = own.heard();
    assert!(!heard.is_empty() && heard.iter().all(|one| one.authorization.is_none()), "{heard:#?}");
    assert!(heard.iter().all(|one| one.path == "/@acme%2finternal"), "{heard:#?}");

    // Tied by the user's own file, it is sent, and both are the same.
    let npmrc = project.home().join(".npmrc");
    let lines =
        read(&npmrc) + &format!("{}:_authToken=of-the-one-behind\n", own.url.trim_start_matches("https:"));
    std::fs::write(&npmrc, lines).unwrap();
    let store = tempfile::tempdir().unwrap();
    let kept = store.path().to_str().unwrap();
    let outcome = test(&project, &["--store", kept]);
    assert_eq!(outcome.status, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    let seen = &outcome.report["resolutions"][0];
    assert_eq!((&seen["unread"], &seen["given"], &seen["had"]), (&Value::Null, &json!(1), &json!(1)));

    // The kept answers say so again when nobody is there any more.
    drop((all, own));
    let outcome = test(&project, &["--store", kept, "--offline"]);
    assert_eq!(outcome.report["resolutions"][0], *seen, "{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stdout);
}

#[test]
fn what_cannot_be_reached_is_no_answer() {
    if let Some(lacks) = support::npm::lacks_npm() {
        return support::skip("virtual_registry::out_of_reach", &lacks);
    }
    let all = with_token("of-the-virtual-one");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let outcome = test(&running(&all, &format!("https://localhost:{port}/")), &[]);
    let unread = outcome.report["resolutions"][0]["unread"].as_str().unwrap();
    assert!(unread.contains("localhost could not be reached"), "{unread}");
    assert_eq!((&outcome.report["verdict"], outcome.status), (&json!("unobserved"), Some(3)));
    assert!(finding(&outcome, "registry-merges-public").is_none());
}
