//! Who we are: on the host, in the namespaces, and what is given up before
//! anybody else's code runs.

use super::failure::{During, Failure};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid};
use std::io;

/// Whom root becomes on the host. systemd's list of uids leaves 65520 to 65533
/// to nobody, so no other program runs as this one, and it exists in
/// containers that map only 65536 ids.
pub(super) const RUN_AS: u32 = 65_530;

/// Who the processes inside are. Not 0: npm treats root in its own way.
pub(super) const INSIDE: u32 = 1000;

/// The owner of what is written by a stage that was started as root.
pub(super) fn run_as() -> (Uid, Gid) {
    (Uid::from_raw(RUN_AS), Gid::from_raw(RUN_AS))
}

/// Root becomes an ordinary user. Mapped to the host's uid 0, a process inside
/// would own the host's settings and every file of root's that it could see.
pub(super) fn become_unprivileged() -> Result<(), Failure> {
    let (uid, gid) = run_as();
    nix::unistd::setgroups(&[]).during("drop the supplementary groups")?;
    nix::unistd::setresgid(gid, gid, gid).during(format!("become group {gid}"))?;
    nix::unistd::setresuid(uid, uid, uid).during(format!("become user {uid}"))?;
    // The change of uid made us undumpable, and with that /proc/self/uid_map root's.
    nix::sys::prctl::set_dumpable(true).during("become dumpable")
}

/// Enters new namespaces of every kind, as [`INSIDE`]. The pid namespace takes
/// hold at the next fork.
pub(super) fn enter_namespaces() -> Result<(), Failure> {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    unshare(
        CloneFlags::CLONE_NEWUSER
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWUTS,
    )
    .during("unshare the user namespace")?;
    map_ids(uid, gid)?;
    // A kernel without cgroups is as good a place; there is nothing to hide then.
    let _ = unshare(CloneFlags::CLONE_NEWCGROUP);
    Ok(())
}

/// Names [`INSIDE`] as the one id there is.
pub(super) fn map_ids(uid: Uid, gid: Gid) -> Result<(), Failure> {
    std::fs::write("/proc/self/setgroups", "deny").during("write /proc/self/setgroups")?;
    std::fs::write("/proc/self/uid_map", format!("{INSIDE} {uid} 1")).during("write /proc/self/uid_map")?;
    std::fs::write("/proc/self/gid_map", format!("{INSIDE} {gid} 1")).during("write /proc/self/gid_map")
}

/// Sets what the kernel counts for us.
pub(super) fn limit(processes: u64, open_files: u64) -> Result<(), Failure> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).during("limit core files")?;
    let (_, most) =
        nix::sys::resource::getrlimit(Resource::RLIMIT_NOFILE).during("read the limit of open files")?;
    let open_files = open_files.min(most);
    setrlimit(Resource::RLIMIT_NOFILE, open_files, open_files).during("limit open files")?;
    // Counted for this uid in this user namespace alone since Linux 5.14
    // (user_namespaces(7)); before, the user's own desktop would count too, but
    // for the uid that root becomes there is nothing else to count.
    let (_, most) =
        nix::sys::resource::getrlimit(Resource::RLIMIT_NPROC).during("read the limit of processes")?;
    let processes = processes.min(most);
    setrlimit(Resource::RLIMIT_NPROC, processes, processes).during("limit processes")
}

/// Gives up every capability for good.
pub(super) fn drop_capabilities() -> Result<(), Failure> {
    let step = "drop the capabilities";
    for capability in 0..64_u64 {
        // SAFETY: takes numbers only.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) } != 0 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() == Some(libc::EINVAL) {
                break; // Beyond the kernel's last capability.
            }
            return Err(error).during(step);
        }
    }
    // SAFETY: takes numbers only.
    if unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error()).during(step);
    }
    // The header of version 3 and two empty sets of effective, permitted and
    // inheritable capabilities: capset(2).
    let header: [u32; 2] = [0x2008_0522, 0];
    let none = [0_u32; 6];
    // SAFETY: both arrays have the layout that version 3 asks for and outlive the call.
    if unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) } != 0 {
        return Err(io::Error::last_os_error()).during(step);
    }
    nix::sys::prctl::set_no_new_privs().during("forbid new privileges")
}
