//! Where npm put the packages of the lockfile, which names the places of a hoisted tree.
//!
//! With `install-strategy=linked` a package lies in `node_modules/.store/NAME@VERSION-HASH/
//! node_modules/NAME`, and links lead there (npm's `isolated-reifier.js`). What lies there is
//! told under the path that the lockfile has for it.

use super::timeline::Timeline;
use crate::project::lockfile::Lockfile;
use std::collections::BTreeMap;

/// The folder of the store.
const STORE: &str = "node_modules/.store/";
/// Characters of the hash, sixteen bytes in base64.
const HASH: usize = 22;

/// Which path of the lockfile each folder of the store stands for.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    lockfile: &'a Lockfile,
    /// The folder, and the paths that it is told under.
    told: BTreeMap<&'a str, Vec<&'a str>>,
    /// A folder that is told under its own path, and the entry that it is of.
    other: BTreeMap<&'a str, &'a str>,
}

impl<'a> Layout<'a> {
    /// Finds the entries of what lies in the store.
    pub(super) fn of(timeline: &Timeline<'a>, lockfile: &'a Lockfile) -> Self {
        let mut wanted: BTreeMap<(&str, &str), Vec<&'a str>> = BTreeMap::new();
        for entry in lockfile.entries.values() {
            wanted.entry((entry.name.as_str(), &entry.version)).or_default().push(&entry.path);
        }
        let mut found: BTreeMap<(&str, &str), Vec<&'a str>> = BTreeMap::new();
        let folders = timeline.installed.keys().chain(timeline.unpacked.keys());
        for (folder, package) in folders.filter_map(|path| Some((*path, package_of(path)?))) {
            let folders = found.entry(package).or_default();
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        let mut layout = Self { lockfile, told: BTreeMap::new(), other: BTreeMap::new() };
        for (package, folders) in found {
            let Some(paths) = wanted.get(&package) else { continue };
            let last = folders.len().min(paths.len()).saturating_sub(1);
            for (at, path) in paths.iter().enumerate() {
                if let Some(folder) = folders.get(at.min(last)) {
                    layout.told.entry(folder).or_default().push(path);
                }
            }
            let first = paths.first().copied().unwrap_or_default();
            layout.other.extend(folders.iter().skip(paths.len()).map(|folder| (*folder, first)));
        }
        layout
    }

    /// Whether there is a store.
    pub(super) fn is_linked(&self) -> bool {
        !self.told.is_empty()
    }

    /// Whether the lockfile says what must lie at a path.
    pub(super) fn locks(&self, path: &str) -> bool {
        self.lockfile.entries.contains_key(path)
    }

    /// The path of the lockfile whose entry says what must lie at a path, where they differ.
    pub(super) fn entry_of(&self, path: &str) -> Option<&'a str> {
        self.other.get(path).copied()
    }

    /// Every path that what lies in a folder is told under; none where it is its own.
    pub(super) fn paths_of(&self, folder: &str) -> &[&'a str] {
        self.told.get(folder).map_or(&[], Vec::as_slice)
    }

    /// The path that something below a folder of the store is told under, where it is another.
    pub(super) fn told(&self, path: &str) -> Option<String> {
        let folder = folder_of(path)?;
        let told = self.paths_of(folder).first()?;
        Some(format!("{told}{}", &path[folder.len()..]))
    }
}

/// Whether a path lies in the store.
pub(super) fn in_store(path: &str) -> bool {
    path.starts_with(STORE)
}

/// The folder of the store's package that a path is or lies in.
fn folder_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(STORE)?;
    let (key, inner) = rest.split_once("/node_modules/")?;
    let mut slashes = inner.match_indices('/').map(|(at, _)| at);
    let end = if inner.starts_with('@') { slashes.nth(1) } else { slashes.next() };
    let name = end.map_or(inner, |end| &inner[..end]);
    Some(&path[..STORE.len() + key.len() + "/node_modules/".len() + name.len()])
}

/// Name and version in the key of a package's own folder; `None` for what only lies in it.
fn package_of(path: &str) -> Option<(&str, &str)> {
    let (key, name) = path.strip_prefix(STORE)?.split_once("/node_modules/")?;
    let rest = key.strip_prefix(name)?.strip_prefix('@')?;
    let at = rest.len().checked_sub(HASH + 1)?;
    let (version, hash) = (rest.get(..at)?, rest.get(at..)?);
    hash.starts_with('-').then_some((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_folder_has_name_and_version() {
        let hash = "ab-_0123456789abcdefgh";
        for (path, package) in [
            (format!("node_modules/.store/a@1.0.0-{hash}/node_modules/a"), Some(("a", "1.0.0"))),
            (
                format!("node_modules/.store/@s/a@1.0.0-rc.1-{hash}/node_modules/@s/a"),
                Some(("@s/a", "1.0.0-rc.1")),
            ),
            (format!("node_modules/.store/a@1.0.0-{hash}/node_modules/b"), None),
            (format!("node_modules/.store/a@1.0.0-{hash}/node_modules/a/node_modules/b"), None),
            ("node_modules/.store/a@1/node_modules/a".to_owned(), None),
            ("node_modules/a".to_owned(), None),
        ] {
            assert_eq!(package_of(&path), package, "{path}");
        }
        let below = format!("node_modules/.store/@s/a@1.0.0-{hash}/node_modules/@s/a/lib/x.js");
        assert_eq!(folder_of(&below), below.strip_suffix("/lib/x.js"));
    }
}
