//! Which files of a project are copied into a sandbox.
//!
//! What git tracks and what it would let be added, or, where git is not there
//! or refuses, everything. Never `node_modules`, never `.git`.

use super::git;
use super::lockfile::{EntryKind, Lockfile};
use crate::text::Complaint;
use std::collections::BTreeSet;
use std::path::{Component, Path};

/// The most files that are copied.
const MAX_FILES: usize = 500_000;

/// Files that an install reads whether or not git knows them.
const ALWAYS: [&str; 6] =
    ["package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc", ".nvmrc", "sealcheck.toml"];

/// Paths relative to `root`, ordered, with `/` between parts.
pub(crate) fn list(root: &Path, lockfile: &Lockfile) -> Result<Vec<String>, Complaint> {
    let mut found = BTreeSet::new();
    // In a folder that is ignored as a whole git lists nothing.
    match tracked(root).filter(|names| !names.is_empty()) {
        Some(names) => {
            for name in names {
                add(root, &name, &mut found)?;
            }
        }
        None => walk(root, "", &mut found)?,
    }
    for name in ALWAYS {
        add(root, name, &mut found)?;
    }
    for entry in lockfile.entries.values() {
        match (entry.kind, entry.resolved.as_deref()) {
            (EntryKind::File, Some(resolved)) => {
                add(root, resolved.trim_start_matches("file:").trim_start_matches("./"), &mut found)?;
            }
            (EntryKind::Folder, _) => folder(root, &entry.path, &mut found)?,
            (EntryKind::Link, Some(resolved)) => {
                folder(root, resolved.trim_start_matches("file:").trim_start_matches("./"), &mut found)?;
            }
            (
                EntryKind::File
                | EntryKind::Link
                | EntryKind::Registry
                | EntryKind::Remote
                | EntryKind::Git
                | EntryKind::Bundled,
                _,
            ) => {}
        }
    }
    Ok(found.into_iter().collect())
}

/// A local package's folder: npm links it, so it must be there, ignored or not.
fn folder(root: &Path, path: &str, found: &mut BTreeSet<String>) -> Result<(), Complaint> {
    if !is_inside(path) {
        return Ok(());
    }
    let below = format!("{path}/");
    let known = found.range(below.clone()..).next().is_some_and(|name| name.starts_with(&below));
    if !known {
        walk(root, path, found)?;
    }
    add(root, &format!("{path}/package.json"), found)
}

/// Adds a path that exists, as a file or a link; whole where it is a folder
/// (git names a submodule by its folder alone).
fn add(root: &Path, name: &str, found: &mut BTreeSet<String>) -> Result<(), Complaint> {
    if !is_inside(name) || parents_lead_out(root, name) {
        return Ok(());
    }
    let Ok(meta) = root.join(name).symlink_metadata() else { return Ok(()) };
    if meta.is_dir() {
        return walk(root, name, found);
    }
    if meta.is_file() || meta.is_symlink() {
        found.insert(name.to_owned());
    }
    bounded(found)
}

fn bounded(found: &BTreeSet<String>) -> Result<(), Complaint> {
    if found.len() <= MAX_FILES {
        return Ok(());
    }
    Err(Complaint::about(format!("the project has more than {MAX_FILES} files to copy"))
        .help("have git ignore what no install needs"))
}

/// Whether a name is a path that stays below the root, and is to be copied at all.
fn is_inside(name: &str) -> bool {
    let path = Path::new(name);
    !name.is_empty()
        && path.components().all(|part| match part {
            Component::Normal(part) => part != "node_modules" && part != ".git",
            Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => false,
        })
}

/// A folder on the way that is a link: what lies behind it is not the project's.
fn parents_lead_out(root: &Path, name: &str) -> bool {
    let mut at = root.to_path_buf();
    let mut parts = Path::new(name).components().peekable();
    while let Some(part) = parts.next() {
        at.push(part);
        if parts.peek().is_some() && at.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
            return true;
        }
    }
    false
}

fn walk(root: &Path, below: &str, found: &mut BTreeSet<String>) -> Result<(), Complaint> {
    let start = if below.is_empty() { root.to_path_buf() } else { root.join(below) };
    if !below.is_empty() && (parents_lead_out(root, below) || !start.is_dir()) {
        return Ok(());
    }
    let walk = walkdir::WalkDir::new(&start).follow_links(false).into_iter().filter_entry(|entry| {
        entry.depth() == 0 || !matches!(entry.file_name().to_str(), Some("node_modules" | ".git"))
    });
    for entry in walk {
        let entry = entry.map_err(|error| {
            let shown = error.path().and_then(|path| path.strip_prefix(root).ok());
            let shown = shown.map_or_else(String::new, |path| path.display().to_string());
            Complaint::about(format!("the project's folder `{shown}` cannot be read"))
                .help("make it readable for this user, or have git ignore it")
        })?;
        // A name that is no UTF-8 is none that npm could have written.
        let Some(name) = entry.path().strip_prefix(root).ok().and_then(Path::to_str) else { continue };
        if entry.file_type().is_file() || entry.file_type().is_symlink() {
            found.insert(name.to_owned());
            bounded(found)?;
        }
    }
    Ok(())
}

/// What git lists; `None` where it does not: no git, no work tree, not trusted.
fn tracked(root: &Path) -> Option<Vec<String>> {
    git::names(root, &["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;
    use std::fs;
    use std::process::Command;

    const LOCK: &str = r#"{"lockfileVersion": 3, "packages": {
        "node_modules/tar": {"version": "1.0.0", "resolved": "file:vendor/tar.tgz"},
        "node_modules/lib": {"resolved": "lib", "link": true}, "lib": {}}}"#;

    fn project() -> (tempfile::TempDir, Lockfile) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("package.json", "{}"),
            ("package-lock.json", LOCK),
            (".npmrc", "x=y"),
            (".gitignore", "vendor\nlib\nignored\n.npmrc\n"),
            ("src/a.js", ""),
            ("src/gone.js", ""),
            ("ignored/b.js", ""),
            ("vendor/tar.tgz", ""),
            ("vendor/other.tgz", ""),
            ("lib/package.json", "{}"),
            ("lib/node_modules/x/index.js", ""),
            ("node_modules/x/index.js", ""),
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        std::os::unix::fs::symlink("/etc", dir.path().join("out")).unwrap();
        let lockfile = Lockfile::parse(Source::new("package-lock.json", LOCK)).unwrap();
        (dir, lockfile)
    }

    fn git(dir: &Path, words: &[&str]) {
        let status = Command::new("git").current_dir(dir).args(words).status().unwrap();
        assert!(status.success(), "git is needed for this test");
    }

    #[test]
    fn git_says_what_is_copied_and_npm_gets_what_it_needs() {
        let (dir, lockfile) = project();
        git(dir.path(), &["init", "-q"]);
        git(dir.path(), &["add", "src"]);
        fs::remove_file(dir.path().join("src/gone.js")).unwrap();
        // A monitor of the repository's own choice must not run.
        let mark = dir.path().join("ran");
        git(dir.path(), &["config", "core.fsmonitor", &format!("touch {}", mark.display())]);
        assert_eq!(
            list(dir.path(), &lockfile).unwrap(),
            [
                ".gitignore",
                ".npmrc",
                "lib/package.json",
                "out",
                "package-lock.json",
                "package.json",
                "src/a.js",
                "vendor/tar.tgz"
            ]
        );
        assert!(!mark.exists());
    }

    #[test]
    fn without_git_everything_is_copied_but_installed_packages() {
        let (dir, lockfile) = project();
        let found = list(dir.path(), &lockfile).unwrap();
        assert!(found.contains(&"ignored/b.js".to_owned()) && found.contains(&"src/gone.js".to_owned()));
        assert!(!found.iter().any(|name| name.contains("node_modules")), "{found:?}");
        assert!(!found.iter().any(|name| name.starts_with("out/")), "{found:?}");
    }

    #[test]
    fn nothing_outside_is_ever_named() {
        let (dir, _) = project();
        let mut found = BTreeSet::new();
        for name in
            ["../x", "/etc/passwd", "out/passwd", "", "node_modules/x/index.js", ".git/config", "none"]
        {
            add(dir.path(), name, &mut found).unwrap();
        }
        assert_eq!(found, BTreeSet::new());
    }
}
