//! What projects share, and how large it stays.

use crate::support;
use crate::support::own_registry::{Manner, OwnRegistry};
use crate::support::package::Package;
use crate::support::project::{Outcome, Project, outcome};
use std::path::Path;

/// Two projects that install the same private package from the same registry.
struct Two {
    registry: OwnRegistry,
    projects: [Project; 2],
}

fn two() -> Two {
    let registry = OwnRegistry::start(Manner::default());
    let package = Package::new("@acme/internal", "1.0.0").file("index.js", &"x".repeat(5_000));
    let published = registry.publish(&package);
    let project = || {
        let mut project = Project::new()
            .dependency("@acme/internal", "1.0.0")
            .npmrc(&format!("@acme:registry={}", registry.url))
            .published(&package, &published)
            .build();
        project.set("NODE_EXTRA_CA_CERTS", registry.ca_bundle.to_str().unwrap());
        project
    };
    let projects = [project(), project()];
    Two { registry, projects }
}

impl Two {
    fn test(&self, words: &[&str]) -> Outcome {
        let [one, other] = &self.projects;
        let mut command = one.command();
        command.args(["test", ".", other.path().to_str().unwrap(), "--scenario", "baseline"]).args(words);
        outcome(&mut command, None)
    }

    fn tarballs(&self) -> usize {
        self.registry.heard().iter().filter(|heard| heard.path.ends_with(".tgz")).count()
    }
}

fn size(folder: &Path) -> u64 {
    let walk = walkdir::WalkDir::new(folder).into_iter().flatten();
    walk.filter(|entry| entry.file_type().is_file()).map(|entry| entry.metadata().unwrap().len()).sum()
}

#[test]
fn the_same_tarball_is_fetched_once_for_all() {
    if let Some(lack) = support::npm::lacks_npm() {
        return support::skip("many::store", &lack);
    }
    let two = two();
    let told = two.test(&[]);
    assert_eq!(told.status, Some(0), "{told:?}");
    assert_eq!(two.tarballs(), 1, "{:#?}", two.registry.heard());
    // Nothing of it outlives the test where no store was named.
    two.test(&[]);
    assert_eq!(two.tarballs(), 2);
}

#[test]
fn a_store_is_kept_within_its_limit_and_serves_the_next_night() {
    if let Some(lack) = support::npm::lacks_npm() {
        return support::skip("many::limit", &lack);
    }
    let two = two();
    let kept = tempfile::tempdir().unwrap();
    let store = ["--store", kept.path().to_str().unwrap()];
    let told = two.test(&[&store[..], &["-v", "--report", "json=all.json"]].concat());
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(told.stderr.contains("0 answers of 0 B were removed"), "{}", told.stderr);
    let whole = size(kept.path());
    let text = two.projects[0].read("all.json");
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    for entry in all["projects"].as_array().unwrap() {
        assert!(
            entry["report"]["store"]["oldest"].is_string(),
            "each says what it used: {}",
            entry["report"]["store"]
        );
    }
    // The next night nothing is fetched.
    assert_eq!(two.test(&store).status, Some(0));
    assert_eq!(two.tarballs(), 1);
    // What was used just now goes only where it is too much alone.
    let limit = (whole - 1).to_string();
    let told = two.test(&[&store[..], &["-v", "--store-limit", &limit]].concat());
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(size(kept.path()) < whole);
    assert!(told.stderr.contains("were removed"), "{}", told.stderr);
    two.test(&[&store[..], &["--store-limit", "0"]].concat());
    assert_eq!(size(kept.path()), 0);
    // And what was removed is fetched again.
    let before = two.tarballs();
    assert_eq!(two.test(&store).status, Some(0));
    assert_eq!(two.tarballs(), before + 1);
}
