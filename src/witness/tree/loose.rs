//! What lies in a `node_modules` and is no package: files, links in the place of packages,
//! folders whose names begin with a dot (programs of the path, npm's own list of the tree,
//! caches).

use super::{Mark, Survey, Work, hash, lead};
use crate::evidence::tree::FileDigest;
use crate::wire::{Change, FileChange};
use crate::witness::walk::{Entry, Folder, Kind, join};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// What node finds a package by where it is no folder.
const EXTENSIONS: [&str; 4] = ["", ".js", ".json", ".node"];

/// Where packages lie.
const MODULES: &str = "node_modules/";

/// Something that is no package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loose {
    digest: Option<FileDigest>,
    /// Of a link: where it leads.
    leads: Option<String>,
}

impl Work<'_> {
    /// Takes down an entry that is no package, and of a folder what lies in it.
    pub(super) fn loose(&self, folder: &Folder, entry: &Entry, path: &str) {
        let (digest, leads) = match &entry.kind {
            Kind::Folder => {
                let below = folder.enter(entry).and_then(|folder| Ok((folder.entries()?, folder)));
                match below {
                    Ok((entries, folder)) => {
                        for entry in &entries {
                            self.loose(&folder, entry, &join(path, &entry.name));
                        }
                    }
                    Err(errno) => self.gap(path, &format!("{errno:?}")),
                }
                return;
            }
            Kind::File(stamp) => {
                if self.files.fetch_add(1, Ordering::Relaxed) >= super::FILES {
                    return self.gap("", "more files than are hashed");
                }
                if self.bytes.fetch_add(stamp.size(), Ordering::Relaxed) > super::BYTES {
                    return self.gap(path, "too many bytes to hash");
                }
                match hash(folder, entry, false) {
                    Ok((_, digest, _)) => (Some(digest), None),
                    Err(why) => return self.gap(path, &why),
                }
            }
            Kind::Link(target) => {
                (Some(Sha256::digest(target).into()), Some(lead(&self.place.project, path, target)))
            }
            Kind::Special => (None, None),
        };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.loose.insert(path.to_owned(), Loose { digest, leads });
    }
}

impl Survey {
    /// Forgets what scripts touched before this survey, which is to be told as what came. A
    /// repository's `prepare` runs while npm unpacks, and a `preinstall` before it makes links.
    pub(in crate::witness) fn forget<'n>(&mut self, project: &str, names: impl Iterator<Item = &'n str>) {
        let inner = |name: &'n str| name.strip_prefix(project)?.strip_prefix('/');
        let touched: BTreeSet<&str> = names.filter_map(inner).filter(|name| name.contains(MODULES)).collect();
        if touched.is_empty() {
            return;
        }
        self.loose.retain(|path, _| !lies_in(&touched, path));
        self.links.retain(|link| !lies_in(&touched, &link.path));
        for (path, package) in &mut self.packages {
            let planted = package.files.keys().filter(|name| lies_in(&touched, &join(path, name)));
            package.planted = planted.cloned().collect();
            package.files.retain(|name, _| !package.planted.contains(name));
        }
    }

    /// What differs in a later survey among what is no package.
    pub(super) fn loose_changes(&self, later: &Survey, project: &str, changes: &mut Vec<FileChange>) {
        let (before, after) = (self.beside(), later.beside());
        let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for path in paths {
            let change = match (before.get(path), after.get(path)) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                (Some(one), Some(two)) if one != two => Change::Changed,
                (Some(_), Some(_)) => continue,
            };
            let told = after.get(path).or(before.get(path));
            let mut change = FileChange::new(join(project, path), change);
            change.leads = told.and_then(|loose| loose.leads.clone());
            if change.change == Change::Added {
                change.shadows = self.package_of(path);
            }
            changes.push(change);
        }
    }

    /// Everything that is no package, links in the place of packages too.
    fn beside(&self) -> BTreeMap<String, Loose> {
        let links = self.links.iter().map(|link| {
            let digest = Some(Sha256::digest(&link.target).into());
            (link.path.clone(), Loose { digest, leads: Some(link.target.clone()) })
        });
        self.loose.iter().map(|(path, loose)| (path.clone(), loose.clone())).chain(links).collect()
    }

    /// The package that node finds no longer once something has this path.
    fn package_of(&self, path: &str) -> Option<String> {
        EXTENSIONS.iter().find_map(|extension| {
            let stem = path.strip_suffix(extension)?;
            let there = self.packages.contains_key(stem) || self.links.iter().any(|link| link.path == stem);
            there.then(|| stem.to_owned())
        })
    }
}

/// Whether a path, or a folder that it lies in, is one of these.
fn lies_in(touched: &BTreeSet<&str>, path: &str) -> bool {
    let folders = path.match_indices('/').map(|(at, _)| at);
    folders.chain([path.len()]).any(|end| touched.contains(&path[..end]))
}

/// What differs in the files of a package.
pub(super) fn file_change(path: String, before: Option<&Mark>, after: Option<&Mark>) -> Option<FileChange> {
    let change = match (before, after) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        (Some(one), Some(two)) if one.digest != two.digest => Change::Changed,
        (Some(_), Some(_)) => return None,
    };
    Some(FileChange::new(path, change))
}
