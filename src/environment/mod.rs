//! An install's surroundings on some machine, as data: what `sealcheck capture` writes
//! down, what `compare` holds side by side, and what is rebuilt of it.
//!
//! It holds no secret: whatever is one was replaced before it came in here, and a second
//! look is taken at the whole before it goes out ([`conceal`]). It must not know how a
//! run is made, nor which difference matters.

mod cache;
pub mod conceal;
pub mod deviation;
mod gather;
mod git;
mod json;
mod mix;
mod npmrc;
mod tree;
mod variables;

pub use deviation::{Deviation, Part, deviations, left_out};
pub use gather::{Here, gather};
pub use json::schema;
pub use mix::mix;
pub use tree::Stale;

use crate::project::npmrc::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the form.
pub const SCHEMA: &str = "sealcheck/environment/v1";

/// A machine's install environment for one project, secrets replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The version of sealcheck that wrote it.
    pub tool: String,
    /// When, RFC 3339 in UTC.
    pub captured: String,
    /// The machine.
    pub machine: Machine,
    /// Node and npm.
    pub toolchain: Tools,
    /// npm's own files of configuration by level (`builtin`, `global`, `user`, `project`).
    pub npmrc: BTreeMap<Level, Npmrc>,
    /// Variables that npm, its scripts or its configuration look at. One that is not here
    /// was not set, or is none of those.
    pub variables: BTreeMap<String, String>,
    /// Variables that an npmrc names and that are not set.
    pub unset: Vec<String>,
    /// npm's cache.
    pub cache: Cache,
    /// The project's files.
    pub project: Folder,
    /// The state of its git repository; `None` outside of one.
    pub git: Option<Git>,
    /// What is installed, path to version, as npm wrote it down in
    /// `node_modules/.package-lock.json`; `None` where it has not.
    pub installed: Option<BTreeMap<String, String>>,
}

/// A machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// In node's words: `linux`.
    pub os: String,
    /// In node's words: `x64`.
    pub cpu: String,
    /// `glibc`, `musl`; `None` where it is not known.
    pub libc: Option<String>,
    /// Processors that may be used.
    pub processors: Option<usize>,
    /// What new files are denied, octal: `0022`.
    pub umask: Option<String>,
    /// The CI system, by its variable: `GITHUB_ACTIONS`.
    pub ci: Option<String>,
}

/// Node and npm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tools {
    /// Without `v`.
    pub node: String,
    /// npm's version.
    pub npm: String,
}

/// One file of npm's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Npmrc {
    /// Where: `~/.npmrc`, `.npmrc`.
    pub file: String,
    /// Each key with its values as they are written (`${VAR}` and all), the last first to
    /// win; several where the file makes it a list.
    pub settings: BTreeMap<String, Vec<Written>>,
}

/// A value as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// The value, quotes undone, secrets replaced by `[redacted:KEY]`.
    pub value: String,
    /// The line, from 1.
    pub line: usize,
}

/// npm's cache as it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cache {
    /// Answers of registries that it keeps.
    pub keys: u64,
    /// Bytes of the packages in it.
    pub bytes: u64,
    /// There was more than was counted.
    pub more: bool,
}

/// The project's files that decide an install.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Folder {
    /// Where the command runs, below npm's root; empty for the root itself.
    pub directory: String,
    /// The lockfile's name.
    pub lockfile_name: String,
    /// `sha512-…` of it as it is.
    pub lockfile_sha512: String,
    /// Its text, secrets replaced.
    pub lockfile: String,
    /// `sha512-…` of package.json as it is.
    pub manifest_sha512: String,
    /// The text of package.json, secrets replaced.
    pub manifest: String,
    /// Every other file that would be copied into a sandbox, with a digest of its length and its bytes.
    pub files: BTreeMap<String, String>,
    /// The project has more files than are listed.
    #[serde(default)]
    pub more_files: bool,
}

/// A git repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Git {
    /// The commit; `None` before the first.
    pub commit: Option<String>,
    /// Tracked files that differ from it, at most 1,000.
    pub changed: Vec<String>,
    /// Files that it neither tracks nor ignores, at most 1,000.
    pub untracked: Vec<String>,
    /// Files that it ignores and that an install would read all the same.
    pub ignored: Vec<String>,
}
