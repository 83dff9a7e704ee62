//! Who we are: on the host, in the namespaces, and what is given up before
//! anybody else's code runs.

use crate::sandbox::failure::{During, Failure};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid};
use std::io;
use std::path::Path;

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

/// Whether we are a root that must become somebody else. The root of a user
/// namespace that knows no other ids (`unshare -r`) is an ordinary user already.
pub(super) fn sheds_root() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    Uid::effective().is_root() && (outer(&map, RUN_AS).is_some() || outer(&map, 0) == Some(0))
}

/// The id outside for an id inside, by a map as user_namespaces(7) has it.
fn outer(map: &str, inside: u32) -> Option<u32> {
    map.lines().find_map(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        let (Some(Ok(first)), Some(Ok(outside)), Some(Ok(count))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return None;
        };
        let above = inside.checked_sub(first)?;
        if above < count { outside.checked_add(above) } else { None }
    })
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

/// Leaves the session keyring that came from whoever started us: holding it is
/// enough to read the keys in it (keyrings(7)). Without keyrings there is none.
pub(super) fn leave_keyring() {
    const JOIN_SESSION_KEYRING: libc::c_long = 1;
    // SAFETY: a null name asks for a new, anonymous keyring.
    unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()) };
}

/// Enters new namespaces of every kind, as [`INSIDE`]. The pid namespace takes
/// hold at the next fork.
///
/// The maps are written through `proc`, where a new process finds itself.
pub(super) fn enter_namespaces(proc: &Path) -> Result<(), Failure> {
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
    map_ids(proc, uid, gid)?;
    // A kernel without cgroups is as good a place; there is nothing to hide then.
    let _ = unshare(CloneFlags::CLONE_NEWCGROUP);
    Ok(())
}

/// Names [`INSIDE`] as the one id there is.
pub(in crate::sandbox) fn map_ids(proc: &Path, uid: Uid, gid: Gid) -> Result<(), Failure> {
    for (file, text) in [
        ("self/setgroups", "deny".to_owned()),
        ("self/uid_map", format!("{INSIDE} {uid} 1")),
        ("self/gid_map", format!("{INSIDE} {gid} 1")),
    ] {
        std::fs::write(proc.join(file), text).during(format!("write /proc/{file}"))?;
    }
    Ok(())
}

/// Sets what the kernel counts for us.
pub(super) fn limit(processes: u64, open_files: u64) -> Result<(), Failure> {
    // Not 0: that would still start a program that `core_pattern` pipes to, as
    // root and on the host. 1 is the kernel's sign for no core at all (core(5)).
    setrlimit(Resource::RLIMIT_CORE, 1, 1).during("limit core files")?;
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
pub(in crate::sandbox) fn drop_capabilities() -> Result<(), Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_gives_the_id_outside() {
        let whole = "         0          0 4294967295\n";
        assert_eq!((outer(whole, 0), outer(whole, RUN_AS)), (Some(0), Some(RUN_AS)));
        let rootless = "0 1000 1\n1 100000 65536\n";
        assert_eq!((outer(rootless, 0), outer(rootless, RUN_AS)), (Some(1000), Some(99_999 + RUN_AS)));
        let alone = "0 1000 1\n";
        assert_eq!((outer(alone, 0), outer(alone, RUN_AS)), (Some(1000), None));
        assert_eq!((outer("", 0), outer("0 x 1", 0), outer("5 4294967295 9", 7)), (None, None, None));
    }
}
