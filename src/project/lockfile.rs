//! package-lock.json (1 to 3) and npm-shrinkwrap.json.
//!
//! It knows how npm writes a lockfile, and that a stranger may have written
//! this one. It must not know which registry is whose.

pub mod edit;
mod entry;
mod fetched;
mod find;
pub mod left_out;
pub(crate) use fetched::fetched_from;
pub(crate) use find::NAMES;
mod nested;
pub(crate) use nested::registry_version;
mod platform;
mod read;
pub mod terms;
#[cfg(test)]
mod tests;

use super::integrity::{Algorithm, Integrity};
use super::name::PackageName;
use crate::text::{Place, Source};
use std::collections::{BTreeMap, BTreeSet};

/// The lockfile that npm would use.
#[derive(Debug, Clone)]
pub struct Lockfile {
    /// The file; its name is `package-lock.json` or `npm-shrinkwrap.json`.
    pub source: Source,
    /// `lockfileVersion`, 1 to 3.
    pub version: u8,
    /// What the root depends on: name, and how.
    pub root_wants: BTreeMap<String, Want>,
    /// Every entry but the root and folders that npm forgets, by the path npm would unpack it
    /// to (`node_modules/a/node_modules/b`; workspace members by their folder).
    pub entries: BTreeMap<String, LockEntry>,
    /// Paths of what npm forgets: folders of former members, and what lies in their `node_modules`.
    pub forgotten: Vec<String>,
}

/// How a package depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// It must be there.
    Needed,
    /// npm fetches it, and may do without.
    Optional,
    /// A peer of which `peerDependenciesMeta` says that it is optional: npm fetches none for it.
    OptionalPeer,
}

impl Want {
    /// Whether npm may do without.
    pub fn is_optional(self) -> bool {
        match self {
            Self::Needed => false,
            Self::Optional | Self::OptionalPeer => true,
        }
    }
}

/// One entry.
#[derive(Debug, Clone)]
pub struct LockEntry {
    /// The path, as the key of `entries`.
    pub path: String,
    /// The name it has in the tree (from the path, or `name` for an alias' target).
    pub name: PackageName,
    /// The name in the tree where it differs (an alias).
    pub alias: Option<PackageName>,
    /// `version`, empty where there is none (links, members).
    pub version: String,
    /// Where from.
    pub kind: EntryKind,
    /// `resolved` as written (credentials and query dropped), if it is a string.
    pub resolved: Option<String>,
    /// `integrity` as written, if it is a string.
    pub integrity_text: Option<String>,
    /// `integrity`, if anything in it can verify.
    pub integrity: Option<Integrity>,
    /// `optional` or `devOptional` (both only where npm may drop it: `optional`).
    pub optional: bool,
    /// `dev`.
    pub dev: bool,
    /// `peer`.
    pub peer: bool,
    /// `extraneous`: nothing needed it when npm wrote the lockfile. What is needed is installed
    /// in spite of it.
    pub extraneous: bool,
    /// `devOptional`: only devDependencies and optional ones lead to it.
    pub dev_optional: bool,
    /// `hasInstallScript`.
    pub has_install_script: bool,
    /// The names in `bin`: commands that it brings.
    pub bins: BTreeSet<String>,
    /// `os`, `cpu`, `libc` lists as written (`!win32` negates).
    pub os: Vec<String>,
    /// See `os`.
    pub cpu: Vec<String>,
    /// See `os`.
    pub libc: Vec<String>,
    /// `engines`: what to version range.
    pub engines: BTreeMap<String, String>,
    /// What it depends on: the name in the tree, and how.
    pub wants: BTreeMap<String, Want>,
    /// `optionalDependencies` of the entry: name to range.
    pub optional_dependencies: BTreeMap<String, String>,
    /// Where the entry is in the file.
    pub place: Place,
    /// Where `resolved` is, if present.
    pub resolved_place: Option<Place>,
    /// Where `integrity` is, if present.
    pub integrity_place: Option<Place>,
}

/// What kind of source an entry names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// From a registry, with or without `resolved`.
    Registry,
    /// A tarball URL that is the dependency's own spec.
    Remote,
    /// Git.
    Git,
    /// `file:` tarball.
    File,
    /// A link to a folder in the project.
    Link,
    /// The folder of a workspace member or of a `file:` package.
    Folder,
    /// Comes inside its parent's tarball.
    Bundled,
}

impl LockEntry {
    /// Whether its bytes are a tarball that an integrity could vouch for.
    pub fn has_bytes(&self) -> bool {
        match self.kind {
            EntryKind::Registry | EntryKind::Remote | EntryKind::File => true,
            EntryKind::Git | EntryKind::Link | EntryKind::Folder | EntryKind::Bundled => false,
        }
    }

    /// Whether what is decided of it holds for its name as well. A bundled package is of the
    /// class of the tarball that it comes in: npm asks nobody for it, and anybody may have a
    /// package of that name.
    pub fn speaks_for_its_name(&self) -> bool {
        match self.kind {
            EntryKind::Bundled => false,
            EntryKind::Registry
            | EntryKind::Remote
            | EntryKind::Git
            | EntryKind::File
            | EntryKind::Link
            | EntryKind::Folder => true,
        }
    }

    /// What its integrity lacks, a phrase; `None` where it vouches for the bytes, or there are
    /// none that it could vouch for.
    pub fn weak_integrity(&self) -> Option<&'static str> {
        match self.integrity.as_ref().map(Integrity::strongest) {
            _ if !self.has_bytes() => None,
            None => Some("no integrity that npm can verify"),
            Some(Algorithm::Sha1) => Some("only a sha1 integrity"),
            Some(Algorithm::Sha256 | Algorithm::Sha384 | Algorithm::Sha512) => None,
        }
    }

    /// Whether it belongs on this platform (`os`, `cpu`, `libc`), given in
    /// node's words (`linux`, `x64`, `glibc`).
    pub fn fits(&self, os: &str, cpu: &str, libc: &str) -> bool {
        allows(&self.os, os) && allows(&self.cpu, cpu) && allows(&self.libc, libc)
    }
}

/// npm's rule for platform lists (`checkList` in npm-install-checks): any `!x` that matches
/// forbids, and where there are plain names one must match. `any` counts where it stands alone.
fn allows(list: &[String], here: &str) -> bool {
    if list == ["any"] {
        return true;
    }
    let mut plain = list.iter().filter(|word| !word.starts_with('!')).peekable();
    let forbidden = list.iter().any(|word| word.strip_prefix('!') == Some(here));
    !forbidden && (plain.peek().is_none() || plain.any(|word| word == here))
}
