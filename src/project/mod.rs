//! The npm project as found on disk, as data.
//!
//! Read once, before anything runs; every value keeps its place, so that a
//! finding can point at the user's own line. What is read here is hostile
//! input: a broken file is a [`crate::text::Complaint`], never a panic.
//!
//! It knows npm's files and npm's rules for them. It must not know scenarios,
//! sandboxes or the network.

pub mod base;
pub mod class;
pub(crate) mod file;
mod files;
pub(crate) mod git;
pub mod integrity;
mod json;
pub mod lockfile;
pub mod manifest;
pub mod name;
pub mod named;
mod nested;
pub mod npmrc;
pub mod omit;
pub(crate) mod places;
mod read;
pub mod registry;
pub mod settings;
pub mod signature;
pub mod surroundings;
mod workspace;

pub(crate) use file::read_inside;
pub use read::{ProjectError, ReadOptions};

use crate::text::Source;
use class::{Class, Classified};
use lockfile::LockEntry;
use name::PackageName;
use named::NamedHosts;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A project under test.
#[derive(Debug, Clone)]
pub struct Project {
    /// The absolute path of its root: the folder whose lockfile npm would use.
    pub root: PathBuf,
    /// `root` below the folder that is copied, which holds packages beside it too (`cms`);
    /// `""` where `root` is that folder.
    pub inside: String,
    /// Where the command runs, relative to `root` (`""` is the root itself).
    pub directory: String,
    /// Its package.json.
    pub manifest: manifest::Manifest,
    /// Its lockfile.
    pub lockfile: lockfile::Lockfile,
    /// npm's configuration for it, all levels.
    pub config: npmrc::NpmConfig,
    /// `sealcheck.toml` with the policy file laid over it.
    pub settings: settings::Settings,
    /// npm's built-in default registry, asked of the toolchain's npm.
    pub public: registry::RegistryUrl,
    /// Files to copy into a sandbox, relative to `root` (`../shared/x.js` beside it), ordered:
    /// what git tracks, plus what npm needs; below a `node_modules` only what is linked there.
    pub files: Vec<String>,
    /// The class of each lockfile entry, by its path (`node_modules/a`).
    pub classes: BTreeMap<String, Classified>,
    /// Names that the lockfile of another project in its folders pins at the public registry.
    pub nested: BTreeSet<PackageName>,
    /// Hosts that the caller's own configuration names.
    pub named: NamedHosts,
    /// npmrc files around it that npm does not read here.
    pub unread: Vec<surroundings::UnreadNpmrc>,
    /// What of the machine npm would use and a run does not, or the reverse.
    pub around: Vec<surroundings::Around>,
    /// Every text file read, to point into.
    pub sources: Vec<Source>,
}

impl Project {
    /// The folder that is copied: `root`, or the one that holds what lies beside it too.
    pub fn base(&self) -> &Path {
        let above = self.inside.split('/').filter(|part| !part.is_empty()).count();
        self.root.ancestors().nth(above).unwrap_or(&self.root)
    }

    /// A path from `root`, as one from [`base`](Self::base); `None` where it leads out of that.
    pub fn from_base(&self, path: &str) -> Option<String> {
        base::down(&self.inside, path)
    }

    /// The lockfile's entries that say of their names that they are of a class, ordered by
    /// path, each with its reason.
    pub fn of_class(&self, class: Class) -> impl Iterator<Item = (&LockEntry, &Classified)> {
        self.classes
            .iter()
            .filter(move |(_, classified)| classified.class == class)
            .filter_map(|(path, classified)| Some((self.lockfile.entries.get(path)?, classified)))
            .filter(|(entry, _)| entry.speaks_for_its_name())
    }

    /// The private packages by name, each with its registry and what says so.
    pub fn private(&self) -> BTreeMap<&PackageName, &Classified> {
        self.of_class(Class::Private).map(|(entry, class)| (&entry.name, class)).collect()
    }

    /// The private packages that an install cannot do without.
    pub fn required_private(&self) -> BTreeMap<&PackageName, &Classified> {
        self.of_class(Class::Private)
            .filter(|(entry, _)| !entry.optional)
            .map(|(entry, class)| (&entry.name, class))
            .collect()
    }

    /// The names of local packages: as they stand in the tree and as their own
    /// package.json has them.
    pub fn locals(&self) -> BTreeSet<&PackageName> {
        self.of_class(Class::Local)
            .flat_map(|(entry, _)| std::iter::once(&entry.name).chain(entry.alias.as_ref()))
            .collect()
    }

    /// The packages of which nothing says whether they are private.
    pub fn undecided(&self) -> BTreeMap<&PackageName, &Classified> {
        self.of_class(Class::Undecided).map(|(entry, class)| (&entry.name, class)).collect()
    }

    /// A key that was meant to map a scope and is spelt otherwise.
    pub fn misspelt(&self, scope: &str) -> Option<&npmrc::Setting> {
        self.config.misspelt_mapping(scope)
    }

    /// The lines of `sealcheck.toml` that would settle what is undecided;
    /// `None` where nothing is.
    pub fn proposal(&self) -> Option<String> {
        class::proposal(&self.lockfile, &self.classes)
    }
}
