//! What two lockfiles install differently.

use crate::support::package::Package;
use crate::support::project::{Outcome, Project};
use serde_json::{Value, json};

const REGISTRY: &str = "https://registry.example/";

/// A package with a binary for each platform, as those of real projects have.
fn natives() -> Project {
    let native = |name: &str, field: &str, value: &str| {
        Package::new(name, "1.0.0").field("os", json!(["linux"])).field(field, json!([value]))
    };
    Project::new()
        .npmrc(&format!("registry={REGISTRY}"))
        .dependency("nat", "^1.0.0")
        .served_registry(REGISTRY, "served", |it| {
            it.package(
                Package::new("nat", "1.0.0")
                    .optional_dependency("@nat/gnu", "1.0.0")
                    .optional_dependency("@nat/musl", "1.0.0")
                    .optional_dependency("@nat/plain", "1.0.0"),
            )
            .package(native("@nat/gnu", "libc", "glibc"))
            .package(native("@nat/musl", "libc", "musl"))
            .package(Package::new("@nat/plain", "1.0.0"))
        })
        .locked("@nat/gnu", |entry| drop(entry.more.insert("libc".to_owned(), json!(["glibc"]))))
        .locked("@nat/musl", |entry| drop(entry.more.insert("libc".to_owned(), json!(["musl"]))))
        .build()
}

/// The lockfile with one field of an entry otherwise, and what `compare` says of it.
fn compared(project: &Project, changes: &[(&str, &str, Value)], more: &[&str]) -> Outcome {
    let mut lock: Value = serde_json::from_str(&project.read("package-lock.json")).unwrap();
    for (name, field, value) in changes {
        lock["packages"][format!("node_modules/{name}")][field] = value.clone();
    }
    std::fs::write(project.path().join("after.json"), format!("{lock:#}")).unwrap();
    let (before, after) = (project.path().join("package-lock.json"), project.path().join("after.json"));
    let files = [before.to_str().unwrap(), after.to_str().unwrap()];
    project.run(&[&["compare", "--lockfile", files[0], files[1], "--format", "json"], more].concat())
}

fn read(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

#[test]
fn a_field_that_decides_what_is_installed_is_told_without_an_install() {
    let project = natives();
    let rows: &[(&str, &str, Value, &[&str])] = &[
        ("@nat/musl", "libc", json!(null), &["installed-now", "terms"]),
        ("@nat/gnu", "libc", json!(null), &["terms"]),
        ("@nat/gnu", "os", json!(["win32"]), &["no-longer-installed", "terms"]),
        ("@nat/plain", "cpu", json!(["s390x"]), &["no-longer-installed", "terms"]),
        ("@nat/plain", "engines", json!({ "node": ">=99" }), &["no-longer-installed", "terms"]),
        ("nat", "bin", json!({ "npm": "index.js" }), &["terms"]),
        // npm 11.12 and later leaves out what nothing needs.
        ("nat", "optionalDependencies", json!({}), &["no-longer-installed", "no-longer-installed", "terms"]),
    ];
    for (name, field, value, expected) in rows {
        let outcome = compared(&project, &[(name, field, value.clone())], &["--no-install"]);
        assert_eq!(outcome.status, Some(1), "{name} {field}: {outcome:?}");
        let review = read(&outcome);
        let kinds: Vec<&str> =
            review["changes"].as_array().unwrap().iter().map(|of| of["kind"].as_str().unwrap()).collect();
        assert_eq!(
            (review["agreement"].as_str(), kinds.as_slice()),
            (Some("differs"), *expected),
            "{name} {field}"
        );
    }
    let outcome = compared(&project, &[], &["--no-install"]);
    assert_eq!((outcome.status, read(&outcome)["agreement"].as_str()), (Some(0), Some("equal")));
}

#[test]
fn what_is_in_one_tree_alone_is_told_of_an_install() {
    let project = natives();
    // Without `os` and `libc` in the lockfile npm unpacks what it left out before. Of what
    // `nat` no longer asks for npm (11.12 and later) sees no need, and its entry stands all the same.
    let outcome = compared(
        &project,
        &[
            ("@nat/musl", "libc", json!(null)),
            ("@nat/gnu", "os", json!(["win32"])),
            ("nat", "optionalDependencies", json!({ "@nat/gnu": "1.0.0", "@nat/musl": "1.0.0" })),
        ],
        &[],
    );
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let review = read(&outcome);
    let told = |kind: &str| -> Vec<String> {
        let changes = review["changes"].as_array().unwrap();
        let of = changes.iter().filter(|of| of["kind"] == kind);
        of.map(|of| of["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(told("installed-now"), ["@nat/musl"]);
    assert_eq!(told("no-longer-installed"), ["@nat/gnu", "@nat/plain"]);
    // The installs agree with what was told of the lockfiles, so that they have nothing to add.
    let installs = &review["installs"];
    assert_eq!((&installs["new"], &installs["gone"]), (&json!([]), &json!([])), "{review:#}");
    assert_eq!(installs["unseen"], json!([]), "{review:#}");
}
