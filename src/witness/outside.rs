//! What lies outside `node_modules` and may be written by scripts: the project,
//! the home folder, npm's cache in it, the folders that everybody may write. Listed before
//! the first script and at the end.

use super::tree::{Place, hash};
use super::walk::{Folder, Kind, Stamp, join};
use crate::evidence::tree::FileDigest;
use crate::wire::{Change, FileChange};
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};

/// Folders that everybody may write.
pub(super) const SHARED: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];
/// How the key of a request in npm's cache begins (make-fetch-happen).
const REQUEST: &str = "make-fetch-happen:request-cache:";
/// Bytes at the end of an entry of npm's cache that are read.
const ENTRY: u64 = 64 << 10;
/// Characters of a request.
const WORD: usize = 512;
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
    /// npm's cache and logs: what npm itself writes there is not told.
    npms: BTreeSet<String>,
}

impl Grounds {
    /// The folders of a project and of an environment, and these that all share.
    pub(super) fn new(place: &Place, env: &[(String, String)], shared: &[&str]) -> Self {
        let value = |name: &str| {
            let found = env.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found
                .map(|(_, value)| value.trim_end_matches('/').to_owned())
                .filter(|value| value.starts_with('/'))
        };
        let home = value("HOME");
        let temporary = value("TMPDIR").unwrap_or_else(|| String::from("/tmp"));
        let skipped = place.roots().iter().map(|root| join(&place.project, root)).collect();
        let own = [home.as_ref().map(|home| join(home, ".npm"))];
        let own = own.into_iter().chain([value("npm_config_cache"), value("npm_config_logs_dir")]);
        let npms: BTreeSet<String> = own.flatten().filter(|root| root.len() > 1).collect();
        let roots = [Some(place.project.clone()), home, Some(temporary)].into_iter().flatten();
        let roots = roots.chain(shared.iter().map(|root| (*root).to_owned())).chain(npms.iter().cloned());
        Self { roots: roots.filter(|root| root.len() > 1).collect(), skipped, npms }
    }

    /// Whether a path lies in npm's cache or among its logs.
    pub(super) fn is_npms(&self, path: &str) -> bool {
        self.npms
            .iter()
            .any(|root| path.strip_prefix(root.as_str()).is_some_and(|rest| rest.starts_with('/')))
    }

    /// What lies now where scripts wrote beyond all that is listed: an image may have folders
    /// that everybody may write, and nobody knows which.
    pub(super) fn beyond<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<FileChange> {
        let below = |path: &str, root: &str| {
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let listed = |path: &str| {
            self.roots.iter().any(|root| below(path, root))
                || ["/proc", "/sys"].iter().any(|root| below(path, root))
        };
        let there = |path: &&str| {
            std::fs::symlink_metadata(path).is_ok_and(|status| status.is_file() || status.is_symlink())
        };
        names
            .filter(|path| path.starts_with('/') && !listed(path))
            .filter(there)
            .map(|path| FileChange::new(path.to_owned(), Change::Added))
            .collect()
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
                    // npm's cache is large, and each of its files is written once.
                    let small = stamp.size() <= FILE
                        && !self.is_npms(&below)
                        && listing.bytes + stamp.size() <= BYTES;
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
                let mut change = FileChange::new(path.clone(), change);
                change.leads = match later.seen.get(path) {
                    Some(Seen::Other(target)) if !target.is_empty() => Some(target.clone()),
                    Some(_) | None => None,
                };
                Some(change)
            })
            .collect()
    }
}

/// The request that an entry of npm's cache answers, by the last of its lines (cacache).
pub(super) fn answers(path: &str) -> Option<String> {
    let (above, below) = path.split_once("/_cacache/index-v5/")?;
    let folder =
        Folder::open(&format!("{above}/_cacache/index-v5"), below.rsplit_once('/')?.0, false).ok()?;
    let entries = folder.entries().ok()?;
    let entry = entries.iter().find(|entry| below.rsplit('/').next() == Some(&entry.name))?;
    let (mut file, stamp) = folder.file(entry).ok()?;
    file.seek(SeekFrom::Start(stamp.size().saturating_sub(ENTRY))).ok()?;
    let mut bytes = Vec::new();
    file.take(ENTRY).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().rev().find_map(|line| {
        let (_, json) = line.split_once('\t')?;
        let entry: serde_json::Value = serde_json::from_str(json).ok()?;
        let key = entry.get("key")?.as_str()?;
        let request = key.strip_prefix(REQUEST).unwrap_or(key);
        Some(request.split(['?', '#']).next().unwrap_or_default().chars().take(WORD).collect())
    })
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
    fn only_what_lies_outside_node_modules_is_told() {
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
        let grounds = Grounds::new(&place, &env, &[]);
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
            (text("home/.npm/_logs/x"), Change::Added),
            (text("p/edited"), Change::Changed),
            (text("tmp/x"), Change::Added),
        ];
        let told: Vec<_> = changes.into_iter().map(|change| (change.path, change.change)).collect();
        assert_eq!(told, wanted);
    }
}
