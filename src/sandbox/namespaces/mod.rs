//! Sandboxes out of Linux namespaces, without an engine.
//!
//! A stage, a process of the same executable with one thread, makes the place
//! and stays beside it as its guard; the process it forks becomes PID 1 inside
//! and execs the executable once more as the witness. The sockets that listen
//! inside come out of the stage by `SCM_RIGHTS`. This module must not know what
//! the witness does with its order.
//!
//! ```text
//! host ──control──▶ stage (guard) ──fork──▶ PID 1 = witness
//!   └───────────────channel──────────────────▶┘
//! ```
//!
//! The control socket is also the lifeline: nobody but the host holds its other
//! end, so its hang-up tells the stage that the host is gone, however it went.
//! (`PR_SET_PDEATHSIG` would fire when the *thread* that started the stage ends,
//! and an async runtime retires threads as it likes; see prctl(2).)
#![allow(unsafe_code)] // System calls that neither std nor nix wraps, and fork.

mod capability;
mod gather;
mod handover;
pub(super) mod identity;
mod lower;
pub(super) mod mounts;
mod network;
mod place;
mod request;
mod scratch;
mod stage;
mod view;

pub use capability::{Capability, Trial};
pub use scratch::{Leftover, ScratchFolder, leftovers, sweep};
pub use stage::stage_main;

use super::running::Prepared;
use super::{SandboxError, SandboxSpec};
use crate::door::Doors;
use std::path::PathBuf;

/// The backend. It holds no resources; each sandbox stands alone.
#[derive(Debug, Clone)]
pub struct Namespaces {
    /// The executable that understands `__stage --channel FD` and
    /// `__witness --channel FD`.
    witness: PathBuf,
    /// Where mount points and folders on disk are made.
    scratch_root: PathBuf,
}

impl Namespaces {
    /// A backend that runs `witness` (as a rule `/proc/self/exe`) as stage and
    /// as PID 1, and keeps its mount point below `scratch_root`, which is
    /// created when it is missing.
    pub fn new(witness: PathBuf, scratch_root: PathBuf) -> Self {
        Self { witness, scratch_root }
    }

    /// Makes the place: everything up to the witness waiting for its order.
    ///
    /// # Errors
    /// The step that failed and the kernel's answer. Nothing is left behind.
    pub async fn prepare(&self, spec: SandboxSpec) -> Result<(Doors, Prepared), SandboxError> {
        let this = self.clone();
        let made = tokio::task::spawn_blocking(move || place::make(&this.witness, &this.scratch_root, spec));
        let made = made.await.map_err(|error| SandboxError::Lost(error.to_string()))??;
        let joined = made
            .join()
            .and_then(|(sockets, prepared)| Ok((Doors::listen(sockets.tcp, sockets.dns_udp)?, prepared)));
        joined.map_err(|source| SandboxError::Setup { step: "open the doors".to_owned(), source })
    }

    /// Tries, each in a process of its own, what a sandbox needs of this
    /// machine. Blocks for some tens of milliseconds.
    pub fn probe(&self) -> Vec<Trial> {
        capability::probe(&self.witness, &self.scratch_root)
    }

    /// What of it is lacking, found out in one process where nothing is. Blocks
    /// for some milliseconds.
    pub fn lacks(&self) -> Vec<Trial> {
        capability::lacks(&self.witness, &self.scratch_root)
    }
}
