//! How a folder of the host is shown: its files, and nobody who sits behind one.
//!
//! A socket and a FIFO lead to whoever has them open, also where they are bound read-only: the
//! kernel asks for the permission of the file and not of the mount (unix(7), fifo(7)). Below an
//! overlay each file is one of the overlay's own, so that a socket has no listener and a FIFO no
//! reader. Where the kernel gives none (before Linux 5.11, or where something is mounted below the
//! folder), what leads out is covered, as far as it is there when the place is made.

use super::mounts::{self, NO_DEVICES, NO_SUID, READ_ONLY, Reach};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// An empty folder in the working directory, which the other half of an overlay is.
pub(super) const NONE: &str = "none";
/// Entries that are looked at where there is no overlay.
const ENTRIES: usize = 4_000_000;

/// Shows a file or a folder of the host at `to`, to be read only.
pub(super) fn show(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        mounts::bind(from, to)?;
    } else if mounts::overlay(from, Path::new(NONE), to).is_err() {
        mounts::bind(from, to)?;
        cover(to)?;
    }
    mounts::restrict(to, READ_ONLY | NO_SUID | NO_DEVICES, Reach::Below)
}

/// Puts a device that may not be opened over every socket and FIFO below a folder.
fn cover(folder: &Path) -> io::Result<()> {
    for (at, entry) in walkdir::WalkDir::new(folder).follow_links(false).into_iter().enumerate() {
        if at >= ENTRIES {
            return Err(io::Error::other("more files than are looked at for sockets"));
        }
        // What cannot be listed here cannot be reached inside either.
        let Ok(entry) = entry else { continue };
        let kind = entry.file_type();
        if kind.is_socket() || kind.is_fifo() {
            mounts::bind(Path::new("/dev/null"), entry.path())?;
        }
    }
    Ok(())
}
