//! What is refused: exit code 2 and a message, and no git that runs what it must not.

use super::{git, review, shop, updated};

#[test]
fn what_names_no_two_revisions_is_refused() {
    let project = updated(shop(&["slug"]), &shop(&["slug"]));
    for (range, part) in [
        ("--upload-pack=touch hacked..HEAD", "unexpected argument"),
        ("HEAD:..HEAD", "`HEAD:` is neither a revision nor a file"),
        ("HEAD:..", "are not two revisions"),
        ("..HEAD", "are not two revisions"),
        ("HEAD", "are not two revisions"),
        ("old...HEAD", "are not two revisions"),
        ("a..b..c", "are not two revisions"),
        ("gone..HEAD", "`gone` is neither a revision of the project's repository nor a file"),
        ("old..gone", "`gone` is neither a revision of the project's repository nor a file"),
        ("old^{tree}..HEAD", "`old^{tree}` is neither a revision"),
    ] {
        let told = project.run(&["compare", "--lockfile", range]);
        assert_eq!(told.status, Some(2), "{range}: {told:?}");
        assert_eq!(told.stdout, "", "{range}");
        assert!(told.stderr.contains(part), "{range}: {}", told.stderr);
    }
    for hostile in ["--upload-pack=touch hacked", "-x", "--output=hacked"] {
        let told = project.run(&["compare", &format!("--lockfile={hostile}..HEAD")]);
        assert_eq!(told.status, Some(2), "{hostile}: {told:?}");
        assert!(told.stderr.contains("is neither a revision nor a file"), "{hostile}: {}", told.stderr);
    }
    assert!(!project.path().join("hacked").exists());
}

#[test]
fn a_tag_does_not_stand_for_a_branch_of_its_name() {
    let project = updated(shop(&["slug"]), &shop(&["slug"]));
    git(&project, &["branch", "release", "HEAD"]);
    git(&project, &["commit", "-q", "--allow-empty", "-m", "another"]);
    git(&project, &["tag", "release", "HEAD"]);
    let told = project.run(&["compare", "--lockfile", "release..HEAD"]);
    assert_eq!(told.status, Some(2), "{told:?}");
    assert!(told.stderr.contains("`release` is a branch and a tag"), "{}", told.stderr);
    let told = project.run(&["compare", "--no-install", "--lockfile", "refs/heads/release..HEAD"]);
    assert!(!told.stderr.contains("a branch and a tag"), "{}", told.stderr);
}

#[test]
fn a_broken_lockfile_is_shown_with_its_revision_and_its_line() {
    let project = shop(&["slug"]);
    let new = shop(&["slug"]);
    std::fs::write(new.path().join("package-lock.json"), "{ \"lockfileVersion\": 9 }\n").unwrap();
    let project = updated(project, &new);
    // The working folder may be sound where a revision is not.
    git(&project, &["checkout", "-q", "old"]);
    let told = project.run(&["compare", "--lockfile", "old..master@{0}"]);
    let branch = if told.stderr.contains("neither") { "main" } else { "master" };
    let told = project.run(&["compare", "--lockfile", &format!("old..{branch}")]);
    assert_eq!(told.status, Some(2), "{told:?}");
    assert!(told.stderr.contains(&format!("{branch}:package-lock.json:1:")), "{}", told.stderr);
    assert!(told.stderr.contains("`lockfileVersion` 9 is not known"), "{}", told.stderr);
}

#[test]
fn a_revision_without_a_lockfile_is_named() {
    let project = updated(shop(&["slug"]), &shop(&["slug"]));
    git(&project, &["rm", "-q", "--cached", "package-lock.json"]);
    git(&project, &["commit", "-qm", "without"]);
    let told = review(&project, &[]);
    assert_eq!(told.status, Some(2), "{told:?}");
    assert!(told.stderr.contains("there is no `package-lock.json` in `HEAD`"), "{}", told.stderr);
}

#[test]
fn the_repositorys_configuration_runs_nothing() {
    let project = updated(shop(&["slug"]), &shop(&["slug@^2.0.0"]));
    let mark = project.home().join("ran");
    let run = format!("touch {}", mark.display());
    for key in ["core.fsmonitor", "diff.external", "core.pager", "core.sshCommand", "alias.cat-file"] {
        git(&project, &["config", key, &run]);
    }
    git(&project, &["config", "filter.x.smudge", &run]);
    let told = review(&project, &["--no-install"]);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(!mark.exists(), "git ran what the repository names");
}

#[test]
fn a_file_that_is_called_as_a_revision_is_not_taken_for_it() {
    let project = updated(shop(&["slug"]), &shop(&["slug@^2.0.0"]));
    for name in ["old", "HEAD"] {
        std::fs::write(project.path().join(name), project.read("package-lock.json")).unwrap();
    }
    let told = review(&project, &["--no-install"]);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.stdout.contains("changed: slug 1.0.0 -> 2.0.0"), "{}", told.stdout);
}

#[test]
fn two_files_are_compared_too() {
    let (old, new) = (shop(&["slug"]), shop(&["slug@^2.0.0"]));
    let path = |project: &super::Project| project.path().join("package-lock.json").display().to_string();
    let (left, right) = (path(&old), path(&new));
    for words in [vec![left.clone(), right.clone()], vec![format!("{left}..{right}")]] {
        let mut arguments = vec!["compare", "--no-install", "--lockfile"];
        arguments.extend(words.iter().map(String::as_str));
        let told = old.run(&arguments);
        assert_eq!(told.status, Some(1), "{told:?}");
        assert!(told.stdout.contains("changed: slug 1.0.0 -> 2.0.0"), "{}", told.stdout);
    }
}
