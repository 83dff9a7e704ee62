//! /proc inside, which must be no way to write: a script has npm's user, so
//! through `/proc/PID/mem` it could make npm do what it likes, in npm's name.

use crate::sandbox::failure::{During, Failure};
use crate::sandbox::namespaces::{identity, mounts};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{Gid, Uid};
use std::path::Path;

const PROC: &str = "/proc";

/// Sees to it that /proc is read-only. Docker has made it so when it is asked;
/// Podman does not listen, but lets us have namespaces in which we can ourselves.
/// The calling process must have one thread.
pub(super) fn seal() -> Result<(), Failure> {
    if is_read_only() {
        return Ok(());
    }
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let step = "make /proc read-only, which this engine does not do";
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).during(step)?;
    identity::map_ids(Path::new(PROC), uid, gid)?;
    mounts::restrict(Path::new(PROC), mounts::READ_ONLY, mounts::Reach::Below).during(step)?;
    identity::drop_capabilities()?;
    if is_read_only() { Ok(()) } else { Err(Failure::refused(step, "it stayed writable")) }
}

fn is_read_only() -> bool {
    statvfs(PROC).is_ok_and(|status| status.flags().contains(FsFlags::ST_RDONLY))
}
