//! The mount calls, in the few forms that a view is made of.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const NONE: Option<&str> = None;

/// Cuts the mount namespace off: nothing that happens here is seen outside.
pub(super) fn make_private() -> io::Result<()> {
    Ok(mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?)
}

/// A new tmpfs.
pub(super) fn tmpfs(at: &Path, options: &str) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    Ok(mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options))?)
}

/// A new proc of the present pid namespace. The kernel allows it only while
/// another, uncovered one is in sight, and read-only if that one is.
pub(super) fn proc(at: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match mount(Some("proc"), at, Some("proc"), flags, NONE) {
        Err(nix::errno::Errno::EPERM) => {
            Ok(mount(Some("proc"), at, Some("proc"), flags | MsFlags::MS_RDONLY, NONE)?)
        }
        other => Ok(other?),
    }
}

/// A new, empty devpts. Of terminals the whole machine has a fixed number.
pub(super) fn devpts(at: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    Ok(mount(Some("devpts"), at, Some("devpts"), flags, Some("newinstance,ptmxmode=0666,mode=0620,max=64"))?)
}

/// What lies in a folder, as if it were a file system of its own, to be read: links to what runs
/// outside (sockets, FIFOs) have nobody behind them. `none` is an empty folder, since the kernel
/// wants two where nothing can be written.
pub(super) fn overlay(folder: &Path, none: &Path, at: &Path) -> io::Result<()> {
    let lower = |path: &Path| {
        let text = path.to_str().filter(|text| !text.contains([':', ',', '\\', '"']));
        text.map(str::to_owned).ok_or(io::ErrorKind::InvalidInput)
    };
    let options = format!("lowerdir={}:{}", lower(folder)?, lower(none)?);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
    Ok(mount(Some("overlay"), at, Some("overlay"), flags, Some(options.as_str()))?)
}

/// The same tree at a second place, with all that is mounted in it.
pub(super) fn bind(from: &Path, to: &Path) -> io::Result<()> {
    Ok(mount(Some(from), to, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)?)
}

/// What is taken away from a mount. Nothing is ever given back, so flags that
/// a more privileged namespace has locked stay as they are.
pub(in crate::sandbox) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
pub(super) const NO_SUID: u64 = libc::MOUNT_ATTR_NOSUID;
pub(super) const NO_DEVICES: u64 = libc::MOUNT_ATTR_NODEV;
pub(super) const NO_EXEC: u64 = libc::MOUNT_ATTR_NOEXEC;

/// Whether only the mount itself or also those below it are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Reach {
    Itself,
    Below,
}

/// Takes rights away from a mount by mount_setattr(2), which Linux has since 5.12.
pub(in crate::sandbox) fn restrict(at: &Path, flags: u64, reach: Reach) -> io::Result<()> {
    let path = CString::new(at.as_os_str().as_bytes())?;
    let attributes = libc::mount_attr { attr_set: flags, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let at_flags = if reach == Reach::Below { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a C string and the structure is of the size we state; both outlive the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            at_flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes a mount the root and lets go of the old one, with all that was in it.
pub(super) fn become_root(at: &Path) -> io::Result<()> {
    nix::unistd::chdir(at)?;
    // The old root lands on top of the new one, from where it is detached: pivot_root(2), NOTES.
    nix::unistd::pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    Ok(nix::unistd::chdir("/")?)
}
