//! The lockfile of a revision with the package.json files that go with it: asked of git, or
//! read beside a file.
//!
//! The repository is hostile: its configuration must not make git run or fetch anything,
//! and a revision is a word that the user typed, never an option of git's.

use crate::project::file::{LOCKFILE_LIMIT, SMALL_LIMIT, read_text};
use crate::project::git::ask;
use crate::project::lockfile::{EntryKind, Lockfile};
use crate::project::manifest::Manifest;
use crate::text::{Complaint, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The longest name of a revision.
const LONGEST: usize = 256;
/// The most members whose package.json is read.
const MOST_MEMBERS: usize = 10_000;

/// One side of a review.
pub(super) struct Revision {
    /// As the user named it.
    pub(super) name: String,
    pub(super) lockfile: Lockfile,
    /// The file's name below the root, as npm knows it.
    pub(super) file: &'static str,
    /// By folder; `""` is the root.
    pub(super) manifests: BTreeMap<String, Manifest>,
}

/// Where a side is to be read.
enum Where {
    Commit(String),
    File(PathBuf),
}

/// Reads both sides that `--lockfile` names.
pub(super) fn read(words: &[String], root: &Path) -> Result<(Revision, Revision), Complaint> {
    let (left, right) = match words {
        [left, right] => (left.clone(), right.clone()),
        [range] => split(range)?,
        _ => return Err(misnamed(&words.join(" "))),
    };
    Ok((side(&left, root)?, side(&right, root)?))
}

/// `A..B` in two. A path may have dots itself: where both parts of a split are files, it is
/// that split which is meant.
fn split(range: &str) -> Result<(String, String), Complaint> {
    let halves: Vec<(&str, &str)> =
        range.match_indices("..").map(|(at, dots)| (&range[..at], &range[at + dots.len()..])).collect();
    let is_file = |path: &str| Path::new(path).is_file();
    let files = halves.iter().find(|(left, right)| is_file(left) && is_file(right));
    if let Some((left, right)) = files.filter(|_| halves.len() > 1) {
        return Ok(((*left).to_owned(), (*right).to_owned()));
    }
    match halves.as_slice() {
        [(left, right)] if !left.is_empty() && !right.is_empty() && !right.starts_with('.') => {
            Ok(((*left).to_owned(), (*right).to_owned()))
        }
        _ => Err(misnamed(range)),
    }
}

fn misnamed(words: &str) -> Complaint {
    let help = match words.contains("...") {
        true => "write two dots: what is compared are the two revisions, and not what they branched from",
        false => "write `--lockfile REV1..REV2` with both, as in `main..HEAD`, or name two lockfiles",
    };
    Complaint::about(format!("`{words}` are not two revisions")).help(help)
}

fn side(name: &str, root: &Path) -> Result<Revision, Complaint> {
    // A revision before a file: a pull request can add a file that is called `main`.
    let place = match commit(name, root) {
        Ok(commit) => Where::Commit(commit),
        Err(_) if Path::new(name).is_file() => Where::File(PathBuf::from(name)),
        Err(complaint) => return Err(complaint),
    };
    let text = |path: &str, limit: u64| -> Result<Option<Source>, Complaint> {
        match &place {
            Where::Commit(commit) => blob(root, commit, path, &format!("{name}:{path}"), limit),
            Where::File(file) => {
                let path = file.parent().unwrap_or(Path::new("")).join(path);
                read_text(&path, &path.display().to_string(), limit)
            }
        }
    };
    let (source, file) = match &place {
        Where::Commit(_) => {
            let mut found = None;
            for file in crate::project::lockfile::NAMES {
                if let Some(source) = text(file, LOCKFILE_LIMIT)? {
                    found = Some((source, file));
                    break;
                }
            }
            found.ok_or_else(|| {
                Complaint::about(format!("there is no `package-lock.json` in `{name}`"))
                    .help("name a revision in which the project has a lockfile")
            })?
        }
        Where::File(path) => {
            let source = read_text(path, name, LOCKFILE_LIMIT)?
                .ok_or_else(|| Complaint::about(format!("`{name}` cannot be read")))?;
            let [shrinkwrap, lockfile] = crate::project::lockfile::NAMES;
            let is_shrinkwrap = path.file_name().is_some_and(|file| file == shrinkwrap);
            (source, if is_shrinkwrap { shrinkwrap } else { lockfile })
        }
    };
    let lockfile = Lockfile::parse(source)?;
    let mut manifests = BTreeMap::new();
    for folder in members(&lockfile) {
        let path = match folder.as_str() {
            "" => "package.json".to_owned(),
            folder => format!("{folder}/package.json"),
        };
        if let Some(source) = text(&path, SMALL_LIMIT)? {
            manifests.insert(folder, Manifest::parse(source)?);
        }
    }
    Ok(Revision { name: name.to_owned(), lockfile, file, manifests })
}

/// The root, and the folders that the lockfile holds; their paths were checked to stay inside.
fn members(lockfile: &Lockfile) -> BTreeSet<String> {
    let folders = lockfile.entries.values().filter(|entry| entry.kind == EntryKind::Folder);
    let folders = folders.map(|entry| entry.path.clone()).take(MOST_MEMBERS);
    std::iter::once(String::new()).chain(folders).collect()
}

/// The commit that a word names, in hexadecimal.
fn commit(name: &str, root: &Path) -> Result<String, Complaint> {
    let odd = |letter: char| letter.is_control() || letter.is_whitespace() || letter == ':';
    if name.starts_with('-') || name.is_empty() || name.len() > LONGEST || name.contains(odd) {
        return Err(Complaint::about(format!("`{name}` is neither a revision nor a file"))
            .help("name a commit, a branch or a tag of the project's repository"));
    }
    // git would take a tag before a branch of that name, and anybody's tag may be fetched.
    let meant: BTreeSet<Vec<u8>> = ["heads", "tags", "remotes"]
        .iter()
        .filter_map(|kind| {
            let reference = format!("refs/{kind}/{name}^{{commit}}");
            ask(root, &["rev-parse", "--verify", "--quiet", &reference], 256).ok().flatten()
        })
        .collect();
    if meant.len() > 1 {
        return Err(Complaint::about(format!(
            "`{name}` is a branch and a tag, and they are not the same commit"
        ))
        .help(format!("name the branch as `refs/heads/{name}`, or the tag as `refs/tags/{name}`")));
    }
    let said = ask(root, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")], 256)
        .map_err(|error| Complaint::about(format!("git cannot be asked for `{name}`: {error}")))?;
    let said = String::from_utf8(said.unwrap_or_default()).unwrap_or_default();
    let commit = said.trim();
    if commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(commit.to_owned());
    }
    Err(Complaint::about(format!("`{name}` is neither a revision of the project's repository nor a file"))
        .help("`git log --oneline` shows what there is; in CI, fetch the history first (`fetch-depth: 0`)"))
}

/// A file of a commit, `path` below the project's root; `None` where it has none.
fn blob(root: &Path, commit: &str, path: &str, shown: &str, limit: u64) -> Result<Option<Source>, Complaint> {
    let object = format!("{commit}:./{path}");
    let unreadable =
        |error: &dyn std::fmt::Display| Complaint::about(format!("`{shown}` cannot be read: {error}"));
    let Some(_) = ask(root, &["cat-file", "-e", &object], 256).map_err(|error| unreadable(&error))? else {
        return Ok(None);
    };
    let bytes = ask(root, &["cat-file", "blob", &object], limit).map_err(|error| unreadable(&error))?;
    let bytes = bytes.ok_or_else(|| unreadable(&"it is no file"))?;
    let text = String::from_utf8(bytes).map_err(|error| unreadable(&error.utf8_error()))?;
    Ok(Some(Source::new(shown, text)))
}
