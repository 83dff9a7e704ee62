//! What nobody may accept in passing: an error, what was not seen, and a part of the runs.

use crate::accept::{FILE, accept, file, lacks, said, test};
use crate::support;
use crate::support::package::Package;
use crate::support::project::Project;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn private(settings: &str) -> Project {
    Project::new()
        .dependency("@acme/internal", "1.0.0")
        .npmrc("@acme:registry=https://npm.acme.example/")
        .settings(settings)
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| {
            registry.package(Package::new("@acme/internal", "1.0.0"))
        })
        .build()
}

#[test]
fn an_error_is_accepted_one_by_one_or_not_at_all() {
    if lacks("refused") {
        return;
    }
    let shop = Project::copied(&support::root().join("examples/leaky-shop"), &[]);
    let arguments = ["accept", "--scenario", "private-mapping-removed"];
    let refused = shop.run(&arguments);
    assert_eq!(refused.status, Some(1), "{}", refused.stderr);
    assert!(!shop.path().join(FILE).exists());
    for rule in ["foreign-code-executed", "silent-fallback"] {
        let line =
            refused.stderr.lines().find(|line| line.starts_with(&format!("cannot be accepted: {rule}: ")));
        let line = line.unwrap_or_else(|| panic!("{rule}\n{}", refused.stderr));
        let entry = format!("`[[accepted]]` with rule = \"{rule}\", package = \"@shop/prices\"");
        assert!(line.contains(&entry), "{line}");
    }
    let entry = |rule: &str| {
        format!(
            "\n[[accepted]]\nrule = \"{rule}\"\npackage = \"@shop/prices\"\nreason = \"until the move\"\nexpires = 2999-01-01\n"
        )
    };
    let mut settings = shop.read("sealcheck.toml") + &entry("silent-fallback");
    fs::write(shop.path().join("sealcheck.toml"), &settings).unwrap();
    let half = shop.run(&arguments);
    assert_eq!(half.status, Some(1), "{}", half.stderr);
    assert!(!half.stderr.contains("cannot be accepted: silent-fallback"), "{}", half.stderr);
    settings.push_str(&entry("foreign-code-executed"));
    fs::write(shop.path().join("sealcheck.toml"), &settings).unwrap();
    let accepted = shop.run(&arguments);
    assert_eq!(accepted.status, Some(0), "{}", accepted.stderr);
    assert!(accepted.stdout.starts_with("leaked, accepted until 2999-01-01"), "{}", accepted.stdout);
    assert_eq!(file(&shop)["everywhere"]["scenarios"]["private-mapping-removed"], "leaked");
}

#[test]
fn a_private_set_that_shrank_is_an_error_until_it_is_accepted() {
    if lacks("shrank") {
        return;
    }
    let before = private("");
    assert_eq!(accept(&before, &[]).status, Some(0));
    let after = private("private = []\n");
    fs::copy(before.path().join(FILE), after.path().join(FILE)).unwrap();
    let outcome = test(&after, &[]);
    let said = said(&outcome, "private-set-shrank");
    assert!(
        said.len() == 1 && said[0].starts_with("error: @acme/internal was accepted as private"),
        "{said:#?}"
    );
    assert_eq!(
        (outcome.status, &outcome.report["verdict"]),
        (Some(1), &"unobserved".into()),
        "{}",
        outcome.stdout
    );
    let kept = after.read(FILE);
    for refused in [accept(&after, &[]), test(&after, &["--update"])] {
        assert_eq!((refused.status, after.read(FILE)), (Some(1), kept.clone()), "{}", refused.stderr);
        assert!(refused.stderr.contains("cannot be accepted: private-set-shrank"), "{}", refused.stderr);
        assert!(refused.stderr.contains("was not written"), "{}", refused.stderr);
    }
    let meant = private(
        "private = []\n\n[[accepted]]\nrule = \"private-set-shrank\"\npackage = \"@acme/internal\"\nreason = \"published\"\n",
    );
    fs::write(meant.path().join(FILE), &kept).unwrap();
    // Nothing is private there, so that decoys mean nothing.
    let accepted = meant.run(&["accept", "--scenario", "baseline"]);
    assert_eq!(accepted.status, Some(0), "{}{}", accepted.stdout, accepted.stderr);
    assert!(!meant.read(FILE).contains("\"private\""), "{}", meant.read(FILE));
}

#[test]
fn what_was_not_seen_is_approved_by_nobody() {
    if lacks("unseen") {
        return;
    }
    let project = Project::new()
        .dependency("plain", "1.0.0")
        .script("postinstall", "sleep 60")
        .served_registry("{public}", "public", |registry| registry.package(Package::new("plain", "1.0.0")))
        .build();
    let outcome = project.run(&["accept", "--scenario", "baseline", "--timeout", "4s"]);
    assert_eq!(outcome.status, Some(3), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("was not observed: our time limit ended it"), "{}", outcome.stderr);
    assert!(!project.path().join(FILE).exists());
}

#[test]
fn an_interrupted_test_is_no_baseline() {
    if lacks("interrupted") {
        return;
    }
    let project = Project::new()
        .dependency("plain", "1.0.0")
        .script("postinstall", "sleep 60")
        .served_registry("{public}", "public", |registry| registry.package(Package::new("plain", "1.0.0")))
        .build();
    let mut command = project.command();
    command.args(["accept", "--scenario", "baseline", "--progress", "plain"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    while !said.contains("baseline-1: started") {
        assert_ne!(reader.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let stopped = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    std::io::Read::read_to_string(&mut reader, &mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("a part of the runs is no behaviour to accept"), "{said}");
    assert!(!project.path().join(FILE).exists());
}
