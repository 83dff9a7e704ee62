//! The clean-place checks: what this folder has that a clean place has not.

use crate::support::npm;
use crate::support::package::Package;
use crate::support::project::Project;
use crate::support::skip;
use std::process::Command;

fn git(project: &Project, words: &[&str]) {
    let mut command = Command::new("git");
    command
        .current_dir(project.path())
        .args(["-c", "user.email=a@b.example", "-c", "user.name=a"])
        .args(words);
    assert!(command.status().unwrap().success(), "git is needed for this test");
}

#[test]
fn what_only_this_folder_has_is_found() {
    if let Some(lack) = npm::lacks_npm() {
        return skip("compare::what_only_this_folder_has", &lack);
    }
    let loud = Package::new("@acme/loud", "1.0.0")
        .file("run.js", "require('fs').writeFileSync('made.txt', 'made')")
        .script("postinstall", "node run.js");
    let project = Project::new()
        .dependency("@acme/loud", "1.0.0")
        .script("postinstall", "node setup.js")
        .script("build", "node -e \"require('fs').readFileSync('node_modules/@acme/loud/made.txt')\"")
        .file("setup.js", "")
        .file(".gitignore", "setup.js\nnode_modules\n")
        .locked("@acme/loud", |entry| entry.resolved = None)
        .settings("private = [\"@acme/*\"]")
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| registry.package(loud))
        .build();
    // Ignored, and needed by the install; the mapping is the user's alone.
    git(&project, &["init", "-q"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "-q", "-m", "all"]);
    git(&project, &["rm", "-q", "--cached", "--ignore-unmatch", "setup.js"]);
    std::fs::write(project.home().join(".npmrc"), "@acme:registry=https://npm.acme.example/\n").unwrap();
    // Not ignored any more, so that it is copied, and still not tracked.
    std::fs::write(project.path().join(".gitignore"), "node_modules\n").unwrap();
    let outcome = project.run(&["compare", "--clean", "--then", "build"]);
    assert_eq!(outcome.status, Some(1), "{outcome:#?}");
    for wanted in [
        "fresh-clone    differs",
        "the file setup.js is in A only",
        "scripts-off    differs",
        "cache          the same",
        "no-own-config  differs",
        "`@acme:registry` in the user's npmrc is in A only (https://npm.acme.example/)",
    ] {
        assert!(outcome.stdout.contains(wanted), "{wanted}: {outcome:#?}");
    }
    let none = project.run(&["compare", "--clean", "--then", "nothing"]);
    assert_eq!(none.status, Some(2), "{none:#?}");
    assert!(none.stderr.contains("no script `nothing`"), "{none:#?}");
}
