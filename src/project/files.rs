//! Which files of a project are copied into a sandbox.
//!
//! What git tracks and what it would let be added, or, where git is not there
//! or refuses, everything. Never `node_modules`, never `.git`.

use super::base::{down, local, up};
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

/// Paths relative to `root`, ordered, with `/` between parts. `inside` is where `root` lies in
/// the folder that is copied.
pub(crate) fn list(root: &Path, inside: &str, lockfile: &Lockfile) -> Result<Vec<String>, Complaint> {
    if !inside.is_empty() {
        return beside(root, inside, lockfile);
    }
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
    needed(root, "", lockfile, &mut found)?;
    Ok(found.into_iter().collect())
}

/// The same of a project with packages beside it. Of the folder that holds both git says what
/// there is; without git only npm's root and the packages that the lockfile names are copied.
fn beside(root: &Path, inside: &str, lockfile: &Lockfile) -> Result<Vec<String>, Complaint> {
    let above = inside.split('/').count();
    let base = root.ancestors().nth(above).unwrap_or(root);
    let mut found = BTreeSet::new();
    match tracked(base).filter(|names| !names.is_empty()) {
        Some(names) => {
            for name in names {
                add(base, &name, &mut found)?;
            }
        }
        None => walk(base, inside, &mut found)?,
    }
    needed(base, inside, lockfile, &mut found)?;
    // Of a folder that `[install] directory` is named in.
    add(base, "sealcheck.toml", &mut found)?;
    let mut all: Vec<String> = found
        .iter()
        .map(|name| up(inside, name))
        // npm reads none beside its root, and it may hold a token.
        .filter(|name| !(name.starts_with("../") && name.ends_with("/.npmrc")))
        .collect();
    all.sort();
    Ok(all)
}

/// What npm needs whether or not git knows it; paths of the lockfile are below `inside`.
fn needed(
    base: &Path,
    inside: &str,
    lockfile: &Lockfile,
    found: &mut BTreeSet<String>,
) -> Result<(), Complaint> {
    let from_base = |path: &str| down(inside, path).filter(|path| !path.is_empty());
    for name in ALWAYS {
        if let Some(name) = from_base(name) {
            add(base, &name, found)?;
        }
    }
    for entry in lockfile.entries.values() {
        match (entry.kind, entry.resolved.as_deref()) {
            (EntryKind::File, Some(resolved)) => {
                if let Some(path) = from_base(local(resolved)) {
                    tarball(base, &path, found)?;
                }
            }
            (EntryKind::Folder, _) => {
                if let Some(path) = from_base(&entry.path) {
                    folder(base, inside, &path, found)?;
                }
            }
            (EntryKind::Link, Some(resolved)) => {
                if let Some(path) = from_base(local(resolved)) {
                    folder(base, inside, &path, found)?;
                }
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
    Ok(())
}

/// A tarball that is named as a package's source.
fn tarball(base: &Path, path: &str, found: &mut BTreeSet<String>) -> Result<(), Complaint> {
    let is_file = base.join(path).symlink_metadata().is_ok_and(|meta| meta.is_file());
    if !is_file || path.split('/').any(|part| part == ".git") || parents_lead_out(base, path) {
        return Ok(());
    }
    found.insert(path.to_owned());
    bounded(found)
}

/// A local package's folder: npm links it, so it must be there, ignored or not, also where
/// it lies in a `node_modules` above. A folder beside the project that is no package is none
/// of npm's.
fn folder(root: &Path, inside: &str, path: &str, found: &mut BTreeSet<String>) -> Result<(), Complaint> {
    let own = inside.is_empty() || path.starts_with(&format!("{inside}/"));
    if own && !is_inside(path) {
        return Ok(());
    }
    let is_package = root.join(path).join("package.json").symlink_metadata().is_ok_and(|meta| meta.is_file());
    if path.split('/').any(|part| part == ".git") || parents_lead_out(root, path) || !own && !is_package {
        return Ok(());
    }
    let below = format!("{path}/");
    let known = found.range(below.clone()..).next().is_some_and(|name| name.starts_with(&below));
    if !known {
        walk(root, path, found)?;
    }
    if is_package {
        found.insert(format!("{path}/package.json"));
    }
    bounded(found)
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
            list(dir.path(), "", &lockfile).unwrap(),
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
        let found = list(dir.path(), "", &lockfile).unwrap();
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

    #[test]
    fn what_lies_beside_is_copied_and_no_more_than_that() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("cms/package.json", "{}"),
            ("cms/node_modules/x/index.js", ""),
            ("shared/email/package.json", "{}"),
            ("shared/email/index.js", ""),
            ("shared/email/node_modules/y/index.js", ""),
            ("node_modules/up/package.json", "{}"),
            ("node_modules/other/package.json", "{}"),
            ("vendor/v.tgz", ""),
            ("no-package/secret", ""),
            ("other/package.json", "{}"),
            (".npmrc", "//a/:_authToken=x"),
            ("shared/email/.npmrc", "//a/:_authToken=x"),
            ("tsconfig.json", "{}"),
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let lock = r#"{"lockfileVersion": 3, "packages": {
            "node_modules/email": {"resolved": "../shared/email", "link": true}, "../shared/email": {},
            "node_modules/up": {"resolved": "../node_modules/up", "link": true}, "../node_modules/up": {},
            "node_modules/v": {"version": "1.0.0", "resolved": "file:../vendor/v.tgz"},
            "node_modules/no": {"resolved": "../no-package", "link": true}, "../no-package": {}}}"#;
        let lockfile = Lockfile::parse(Source::new("package-lock.json", lock)).unwrap();
        let named = [
            "../node_modules/up/package.json",
            "../shared/email/index.js",
            "../shared/email/package.json",
            "../vendor/v.tgz",
            "package.json",
        ];
        let root = dir.path().join("cms");
        assert_eq!(list(&root, "cms", &lockfile).unwrap(), named);
        // What git tracks beside it may be needed too.
        git(dir.path(), &["init", "-q"]);
        git(dir.path(), &["add", "tsconfig.json", "cms", ".npmrc"]);
        fs::write(dir.path().join(".gitignore"), "*\n").unwrap();
        let mut with_tracked = named.to_vec();
        with_tracked.insert(4, "../tsconfig.json");
        with_tracked.insert(4, "../vendor/v.tgz");
        with_tracked.dedup();
        with_tracked.sort_unstable();
        with_tracked.dedup();
        assert_eq!(list(&root, "cms", &lockfile).unwrap(), with_tracked);
    }
}
