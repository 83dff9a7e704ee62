//! A place to run one command, cut off from everything but the gateway.
//!
//! A backend makes the place and hands out its doors. Whoever holds them is all
//! the network there is. The place is gone
//! when the [`Running`] is dropped or finished. This module must not know
//! npm, scenarios or what answers behind the doors.

pub mod container;
mod copy;
mod failure;
mod listen;
pub mod namespaces;
mod running;
pub mod twin;

pub use running::{Prepared, Running};

use crate::door::Doors;
use crate::wire::{Order, Timed};
use container::Containers;
use namespaces::Namespaces;
use std::path::PathBuf;
use std::sync::Arc;

/// Where places are made.
#[derive(Debug, Clone)]
pub enum Backend {
    /// Out of Linux namespaces.
    Namespaces(Namespaces),
    /// As containers of an engine.
    Containers(Arc<Containers>),
}

impl Backend {
    /// Makes a place: everything up to the witness waiting for its order.
    ///
    /// # Errors
    /// The step that failed and the answer to it. Nothing is left behind.
    pub async fn prepare(&self, spec: SandboxSpec) -> Result<(Doors, Prepared), SandboxError> {
        match self {
            Self::Namespaces(backend) => backend.prepare(spec).await,
            Self::Containers(backend) => backend.prepare(spec).await,
        }
    }
}

/// What a place is made of.
#[derive(Debug, Clone)]
pub struct SandboxSpec {
    /// A short label for logs and scratch folders (`private-refused-1`).
    pub label: String,
    /// Files of the project: copied, never bound.
    pub project: ProjectCopy,
    /// Host folders shown read-only at a path inside (the toolchain).
    pub show: Vec<(PathBuf, String)>,
    /// Files written inside, absolute path and bytes (home's `.npmrc`, CA bundle, resolv.conf).
    pub files: Vec<(String, Vec<u8>)>,
    /// npm's cache.
    pub cache: CacheSpec,
    /// The command and how to watch it. Paths in it are paths inside.
    pub order: Order,
    /// TCP ports on which doors are opened.
    pub ports: Vec<u16>,
    /// TCP ports that have a door at 127.0.0.1 too: the name `localhost` leads
    /// there without a look-up.
    pub ports_here: Vec<u16>,
    /// Limits.
    pub limits: Limits,
    /// Where what is written goes.
    pub scratch: Scratch,
}

/// Where the project lies inside.
pub const PROJECT: &str = "/project";
/// The home folder inside.
pub const HOME: &str = "/home/npm";
/// npm's cache inside.
pub const CACHE: &str = "/home/npm/.npm";

/// How many loopback addresses have doors: 127.0.0.2 to 127.0.0.65. A name
/// beyond them shares the last. 127.0.1.0/24 has none, so whoever is sent
/// there is refused.
pub const DOOR_ADDRESSES: u8 = 64;

/// The project's files.
#[derive(Debug, Clone)]
pub struct ProjectCopy {
    /// Host folder.
    pub root: PathBuf,
    /// Relative paths to copy; links are copied as links where they stay inside.
    pub files: Vec<String>,
    /// Written after copying: relative path, and bytes, or `None` to remove.
    pub changes: Vec<(String, Option<Vec<u8>>)>,
}

/// npm's cache folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheSpec {
    /// Empty and gone afterwards.
    Empty,
    /// Empty; what it holds at the end is put into this host folder.
    Keep(PathBuf),
    /// A copy of this host folder.
    CopyOf(PathBuf),
}

/// Limits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory of all processes.
    pub memory: u64,
    /// Number of processes and threads.
    pub processes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Bytes of scratch.
    pub disk: u64,
}

/// Where a sandbox's writable files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scratch {
    /// A tmpfs of the sandbox's own; gone with it.
    Memory,
    /// A folder below this one.
    Disk(PathBuf),
}

/// Why a place could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A step of making it failed.
    #[error("the sandbox could not be made: {step}")]
    Setup {
        /// Which step, a fragment: "unshare the user namespace".
        step: String,
        /// The kernel's answer.
        #[source]
        source: std::io::Error,
    },
    /// The witness ended without a last word.
    #[error("the witness ended unexpectedly: {0}")]
    Lost(String),
}

/// What a running sandbox tells.
#[derive(Debug)]
pub enum Signal {
    /// From the witness.
    Event(Timed),
    /// Bytes of the command's standard output.
    Stdout(Vec<u8>),
    /// Bytes of the command's standard error.
    Stderr(Vec<u8>),
}
