//! The folder that holds a project together with the packages beside it: npm installs in
//! `cms`, whose lockfile links `../shared/email`, so what is copied is the folder of both.
//!
//! It knows paths of lockfiles, and how far a project may reach: within its own git
//! repository, else to single packages beside it, and never to a home folder or the root of
//! the file system. It copies nothing.

use super::git;
use super::lockfile::{EntryKind, LockEntry, Lockfile};
use crate::text::{Complaint, Place};
use std::path::{Path, PathBuf};

/// How many folders up a path of a lockfile may lead.
pub(crate) const HIGHEST: usize = 16;

/// npm's root below the folder that is copied, with `/` between parts; `""` where it is that
/// folder itself.
///
/// # Errors
/// Where an entry leads out of the repository, or to what is nobody's project.
pub(crate) fn inside(root: &Path, lockfile: &Lockfile, home: Option<&Path>) -> Result<String, Complaint> {
    let highest = lockfile.entries.values().flat_map(outer).max_by_key(|outer| climbs(outer.path));
    let Some(highest) = highest else { return Ok(String::new()) };
    let refused = |message: String, help: &str| {
        let complaint = Complaint::at(highest.place.clone(), message);
        Err(complaint.help(help.to_owned()))
    };
    let Some(base) = root.ancestors().nth(climbs(highest.path)).filter(|base| base.parent().is_some()) else {
        return refused(
            format!("`{}` leads above every folder of this machine", clip(highest.path)),
            "let npm write the lockfile anew: `npm install --package-lock-only`",
        );
    };
    let home = home.and_then(|home| home.canonicalize().ok());
    if home.is_some_and(|home| home.starts_with(base)) {
        return refused(
            format!("`{}` lies in the home folder or above it, which is never copied", clip(highest.path)),
            "put the project and what it links into one folder of their own",
        );
    }
    if let Some(repository) = repository(root)
        && !base.starts_with(&repository)
    {
        return refused(
            format!(
                "`{}` lies outside of the git repository `{}`, and nothing outside of it is copied",
                clip(highest.path),
                repository.display()
            ),
            "put that package into the repository, or depend on a published version of it",
        );
    }
    let below = root.strip_prefix(base).ok().and_then(Path::to_str);
    match below {
        Some(below) => Ok(below.to_owned()),
        None => refused(
            format!("`{}` is reached from a folder whose name is no UTF-8", clip(highest.path)),
            "rename the folder",
        ),
    }
}

/// The folder of the work tree that holds `root`; `None` without git.
pub(crate) fn repository(root: &Path) -> Option<PathBuf> {
    let said = git::ask(root, &["rev-parse", "--show-toplevel"], 1 << 16).ok().flatten()?;
    let said = String::from_utf8(said).ok()?;
    Path::new(said.trim_end_matches('\n')).canonicalize().ok()
}

/// A path of an entry that leads out of npm's root.
pub(crate) struct Outer<'a> {
    pub(crate) path: &'a str,
    pub(crate) place: &'a Place,
}

/// The paths of an entry that lead out of npm's root: its own, and what it links or unpacks.
pub(crate) fn outer(entry: &LockEntry) -> impl Iterator<Item = Outer<'_>> {
    let target = match entry.kind {
        EntryKind::File | EntryKind::Link => entry.resolved.as_deref().map(local),
        EntryKind::Registry | EntryKind::Remote | EntryKind::Git | EntryKind::Folder | EntryKind::Bundled => {
            None
        }
    };
    let place = entry.resolved_place.as_ref().unwrap_or(&entry.place);
    let target = target.map(|path| Outer { path, place });
    let own = Outer { path: &entry.path, place: &entry.place };
    [Some(own), target].into_iter().flatten().filter(|outer| climbs(outer.path) > 0)
}

/// The path in a `file:` source or a link's target.
pub(crate) fn local(resolved: &str) -> &str {
    resolved.trim_start_matches("file:").trim_start_matches("./")
}

/// How many folders up a path begins.
pub(crate) fn climbs(path: &str) -> usize {
    path.split('/').take_while(|part| *part == "..").count()
}

/// A path from npm's root, as one from the folder that is copied. `None` where it leads out
/// of that, or has more in it than names.
pub fn down(inside: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = inside.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        match part {
            ".." => drop(parts.pop()?),
            "." => return None,
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// A path from the folder that is copied, as one from npm's root.
pub fn up(inside: &str, path: &str) -> String {
    let mut above = inside.split('/').filter(|part| !part.is_empty()).peekable();
    let mut below = path.split('/').filter(|part| !part.is_empty()).peekable();
    while let (Some(one), Some(other)) = (above.peek(), below.peek()) {
        if one != other {
            break;
        }
        above.next();
        below.next();
    }
    above.map(|_| "..").chain(below).collect::<Vec<_>>().join("/")
}

fn clip(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;
    use std::process::Command;

    fn lockfile(path: &str) -> Lockfile {
        let json = serde_json::json!({ "lockfileVersion": 3, "packages": {
            path: { "name": "x", "version": "1.0.0" },
            "node_modules/x": { "resolved": path, "link": true } } });
        Lockfile::parse(Source::new("package-lock.json", json.to_string())).unwrap()
    }

    #[test]
    fn paths_of_npm_and_of_the_copy_lead_to_the_same() {
        for (inside, path, below) in [
            ("", "node_modules/a", "node_modules/a"),
            ("cms", "node_modules/a", "cms/node_modules/a"),
            ("cms", "", "cms"),
            ("cms", "../shared/email", "shared/email"),
            ("apps/cms", "../../shared", "shared"),
            ("apps/cms", "../web/lib", "apps/web/lib"),
            ("apps/cms", "..", "apps"),
        ] {
            assert_eq!(down(inside, path).as_deref(), Some(below), "{inside} {path}");
            assert_eq!(up(inside, below), path, "{inside} {below}");
        }
        for (inside, path) in [("", ".."), ("cms", "../../x"), ("cms", "./x"), ("cms", "a/../../../x")] {
            assert_eq!(down(inside, path), None, "{inside} {path}");
        }
    }

    #[test]
    fn the_folder_of_both_is_as_high_as_a_path_leads_and_no_higher() {
        let room = tempfile::tempdir().unwrap();
        let top = room.path().canonicalize().unwrap();
        let root = top.join("apps/cms");
        std::fs::create_dir_all(&root).unwrap();
        let found = |path: &str, home: &Path| {
            inside(&root, &lockfile(path), Some(home)).map_err(|complaint| complaint.message)
        };
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(found("packages/x", elsewhere.path()), Ok(String::new()));
        assert_eq!(found("../x", elsewhere.path()), Ok("cms".to_owned()));
        assert_eq!(found("../../shared/x", elsewhere.path()), Ok("apps/cms".to_owned()));
        // The home folder itself, one that is above it, and the root of everything.
        let wrong = found("../../x", &top).unwrap_err();
        assert!(wrong.contains("home folder"), "{wrong}");
        assert_eq!(found("../x", &top), Ok("cms".to_owned()));
        assert!(found("../../../x", &top).unwrap_err().contains("home folder"));
        assert!(
            found(&format!("{}x", "../".repeat(15)), elsewhere.path()).unwrap_err().contains("above every")
        );
    }

    #[test]
    fn a_repository_is_not_left() {
        let room = tempfile::tempdir().unwrap();
        let root = room.path().join("repository/cms").canonicalize().unwrap_or_else(|_| {
            std::fs::create_dir_all(room.path().join("repository/cms")).unwrap();
            room.path().join("repository/cms").canonicalize().unwrap()
        });
        let status = Command::new("git").current_dir(root.parent().unwrap()).args(["init", "-q"]).status();
        assert!(status.unwrap().success(), "git is needed for this test");
        let home = tempfile::tempdir().unwrap();
        assert_eq!(inside(&root, &lockfile("../x"), Some(home.path())), Ok("cms".to_owned()));
        let wrong = inside(&root, &lockfile("../../x"), Some(home.path())).unwrap_err();
        assert!(wrong.message.contains("outside of the git repository"), "{wrong}");
    }
}
