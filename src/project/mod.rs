//! The npm project as found on disk, as data.
//!
//! Read once, before anything runs; every value keeps its place, so that a
//! finding can point at the user's own line. What is read here is hostile
//! input: a broken file is a [`crate::text::Complaint`], never a panic.
//!
//! It knows npm's files and npm's rules for them. It must not know scenarios,
//! sandboxes or the network.

pub mod class;
pub mod integrity;
pub mod lockfile;
pub mod manifest;
pub mod name;
pub mod npmrc;
pub mod registry;
pub mod settings;

use crate::text::Source;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A project under test.
#[derive(Debug, Clone)]
pub struct Project {
    /// The absolute path of its root: the folder whose lockfile npm would use.
    pub root: PathBuf,
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
    /// Files to copy into a sandbox, relative to `root`, ordered: what git
    /// tracks, plus what npm needs; never below a `node_modules`.
    pub files: Vec<String>,
    /// The class of each lockfile entry, by its path (`node_modules/a`).
    pub classes: BTreeMap<String, class::Classified>,
    /// Every text file read, to point into.
    pub sources: Vec<Source>,
}
