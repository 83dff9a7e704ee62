//! The observer inside a sandbox: PID 1, started by whoever made the sandbox.
//!
//! It reads one order from its channel, starts the command, follows every
//! process with ptrace under a seccomp filter that stops only on calls worth a
//! look and under a second one that only lifecycle scripts have, hashes the installed trees, and reports. It protects itself from those
//! it watches and stays able to see them; what it could not see it says.
//!
//! It must not know how the sandbox was made, who answers on its network, what
//! a scenario demands or what any of it means, and it needs no capability.

// ptrace, waitpid, fork and seccomp have no safe wrapper that fits: nix decodes
// only classic signals, and what runs between fork and exec must not allocate.
#![allow(unsafe_code)]

mod again;
mod channel;
mod disk;
mod files;
mod filter;
mod graft;
mod guard;
mod held;
mod listed;
mod memory;
mod outside;
mod procfs;
mod snapshot;
mod sock_diag;
mod sockets;
mod spawn;
mod supervise;
mod table;
mod tracee;
mod tree;
mod unix_sockets;
mod walk;

use crate::wire::{Event, GapKind};
use channel::Channel;
use nix::errno::Errno;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use supervise::Supervisor;

/// Why the witness failed.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// A system call of its own.
    #[error("{0} failed: {1}")]
    System(&'static str, Errno),
    /// The channel.
    #[error(transparent)]
    Channel(#[from] crate::wire::WireError),
    /// It would kill every process of the machine at the end.
    #[error("the witness must be the first process of its own pid namespace")]
    NotFirst,
    /// A string of the order with a NUL in it.
    #[error("an argument or a variable of the order holds a NUL byte")]
    Nul,
}

/// As [`main`], for a descriptor that came by number: a fresh process's only way
/// to know it.
pub fn main_by_number(channel: RawFd) -> i32 {
    // SAFETY: our own stage made this descriptor for us and says its number;
    // nothing else in this process owns it.
    main(unsafe { OwnedFd::from_raw_fd(channel) })
}

/// Runs one order that comes over `channel`, a Unix stream socket, until
/// nothing is left alive in this pid namespace. The answer is an exit code: 0
/// whatever became of the command, 70 for a fault of the witness's own.
pub fn main(channel: OwnedFd) -> i32 {
    let Ok(mut channel) = Channel::new(channel) else { return 70 };
    match serve(&mut channel) {
        Ok(()) => 0,
        Err(fault) => {
            channel.gap(GapKind::Witness, &fault.to_string());
            channel.tell(Event::Ended { peak_memory: 0, cut_short: None });
            channel.flush();
            70
        }
    }
}

fn serve(channel: &mut Channel) -> Result<(), Fault> {
    if std::process::id() != 1 {
        return Err(Fault::NotFirst);
    }
    guard::protect_self()?;
    let Some(order) = channel.order()? else { return Ok(()) };
    Supervisor::start(&order, channel)?.run()
}
