//! What lies outside `node_modules` and may be written by scripts: the project,
//! the home folder, the folder for temporary files. Listed before the first
//! script and at the end.

use super::tree::{Place, hash};
use super::walk::{Folder, Kind, Stamp, join};
use crate::evidence::tree::FileDigest;
use crate::wire::{Change, FileChange};
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};

/// Entries of one listing.
const ENTRIES: usize = 200_000;
/// A file larger than this is compared by its stamp alone.
const FILE: u64 = 8 << 20;
/// Bytes of one listing that are hashed.
const BYTES: u64 = 256 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    File(Stamp, Option<FileDigest>),
    Other(String),
}

/// A listing, by absolute path.
#[derive(Debug, Default)]
pub(super) struct Listing {
    seen: BTreeMap<String, Seen>,
    bytes: u64,
    /// What could not be read.
    pub(super) gaps: BTreeSet<String>,
}

/// Where to look and where not.
#[derive(Debug, Clone)]
pub(super) struct Grounds {
    roots: BTreeSet<String>,
    skipped: BTreeSet<String>,
}

impl Grounds {
    /// The folders of a project and of an environment; npm's own cache and logs
    /// are its own.
    pub(super) fn new(place: &Place, env: &[(String, String)]) -> Self {
        let value = |name: &str| {
            let found = env.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found
                .map(|(_, value)| value.trim_end_matches('/').to_owned())
                .filter(|value| value.starts_with('/'))
        };
        let home = value("HOME");
        let temporary = value("TMPDIR").unwrap_or_else(|| String::from("/tmp"));
        let mut skipped: BTreeSet<String> =
            place.roots().iter().map(|root| join(&place.project, root)).collect();
        skipped.extend(home.iter().map(|home| join(home, ".npm")));
        skipped.extend(value("npm_config_cache"));
        skipped.extend(value("npm_config_logs_dir"));
        let roots = [Some(place.project.clone()), home, Some(temporary)].into_iter().flatten();
        Self { roots: roots.filter(|root| root.len() > 1).collect(), skipped }
    }

    /// Lists everything.
    pub(super) fn list(&self, mend: bool) -> Listing {
        let mut listing = Listing::default();
        for root in &self.roots {
            match Folder::open(root, "", mend) {
                Ok(folder) => self.folder(&folder, root, &mut listing),
                Err(Errno::ENOENT) => {}
                Err(errno) => {
                    listing.gaps.insert(format!("{root}: {errno:?}"));
                }
            }
        }
        listing
    }

    fn folder(&self, folder: &Folder, path: &str, listing: &mut Listing) {
        let entries = match folder.entries() {
            Ok(entries) => entries,
            Err(errno) => {
                listing.gaps.insert(format!("{path}: {errno:?}"));
                return;
            }
        };
        for entry in &entries {
            let below = join(path, &entry.name);
            if self.skipped.contains(&below) || listing.seen.contains_key(&below) {
                continue;
            }
            if listing.seen.len() >= ENTRIES {
                listing.gaps.insert(format!("{path}: more entries than are listed"));
                return;
            }
            let seen = match &entry.kind {
                Kind::Folder => {
                    match folder.enter(entry) {
                        Ok(inner) => self.folder(&inner, &below, listing),
                        Err(errno) => {
                            listing.gaps.insert(format!("{below}: {errno:?}"));
                        }
                    }
                    continue;
                }
                Kind::File(stamp) => {
                    let small = stamp.size() <= FILE && listing.bytes + stamp.size() <= BYTES;
                    let digest = if small {
                        listing.bytes += stamp.size();
                        hash(folder, entry, false).ok().map(|(_, digest, _)| digest)
                    } else {
                        None
                    };
                    Seen::File(*stamp, digest)
                }
                Kind::Link(target) => Seen::Other(target.clone()),
                Kind::Special => Seen::Other(String::new()),
            };
            listing.seen.insert(below, seen);
        }
    }
}

impl Listing {
    /// What differs in a later listing.
    pub(super) fn changes(&self, later: &Listing) -> Vec<FileChange> {
        let paths: BTreeSet<&String> = self.seen.keys().chain(later.seen.keys()).collect();
        paths
            .into_iter()
            .filter_map(|path| {
                let change = match (self.seen.get(path), later.seen.get(path)) {
                    (None, _) => Change::Added,
                    (_, None) => Change::Removed,
                    (Some(one), Some(two)) if differ(one, two) => Change::Changed,
                    (Some(_), Some(_)) => return None,
                };
                Some(FileChange { path: path.clone(), change, process: None })
            })
            .collect()
    }
}

fn differ(one: &Seen, two: &Seen) -> bool {
    match (one, two) {
        (Seen::File(_, Some(one)), Seen::File(_, Some(two))) => one != two,
        (one, two) => one != two,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_outside_node_modules_and_the_cache_is_told() {
        let room = tempfile::tempdir().unwrap();
        let at = |path: &str| room.path().join(path);
        for folder in ["p/node_modules", "home/.npm/_logs", "tmp"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        std::fs::write(at("p/kept"), "1").unwrap();
        std::fs::write(at("p/edited"), "1").unwrap();
        let text = |path: &str| at(path).to_str().unwrap().to_owned();
        let place = Place { project: text("p"), members: vec![String::new()] };
        let env = [("HOME".to_owned(), text("home")), ("TMPDIR".to_owned(), text("tmp"))];
        let grounds = Grounds::new(&place, &env);
        let before = grounds.list(false);
        for (path, bytes) in [
            ("p/node_modules/x", "x"),
            ("home/.npm/_logs/x", "x"),
            ("home/.bashrc", "x"),
            ("p/kept", "1"),
            ("p/edited", "2"),
            ("tmp/x", "x"),
        ] {
            std::fs::write(at(path), bytes).unwrap();
        }
        let changes = before.changes(&grounds.list(true));
        let wanted = [
            (text("home/.bashrc"), Change::Added),
            (text("p/edited"), Change::Changed),
            (text("tmp/x"), Change::Added),
        ];
        let told: Vec<_> = changes.into_iter().map(|change| (change.path, change.change)).collect();
        assert_eq!(told, wanted);
    }
}
