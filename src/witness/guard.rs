//! What is refused to those inside, and how the witness protects itself.

use super::filter::{CLONE_UNTRACED, NATIVE, NEW_LISTENER, X32};
use super::tracee::Call;
use super::{Fault, procfs};
use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// What is to become of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// None of the guard's business.
    Pass,
    /// Answered `EPERM`.
    Refuse(Refusal),
    /// A dialect that the filter cannot judge: the process is killed.
    Kill(&'static str),
}

/// A call that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Its name.
    pub(super) call: &'static str,
    /// What it was aimed at.
    pub(super) detail: String,
    /// It would have hidden what follows.
    pub(super) hides: bool,
    /// The error that it gets.
    pub(super) errno: Errno,
}

/// Makes the witness unreadable and immune to signals from inside.
///
/// The kernel drops a signal from inside to PID 1 as long as PID 1 has no
/// handler for it; the standard library installs some.
pub(super) fn protect_self() -> Result<(), Fault> {
    nix::sys::prctl::set_dumpable(false).map_err(|errno| Fault::System("prctl", errno))?;
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in Signal::iterator() {
        if matches!(signal, Signal::SIGKILL | Signal::SIGSTOP | Signal::SIGPIPE) {
            continue;
        }
        // SAFETY: no handler is installed, only removed; stack overflow then
        // ends the witness without the standard library's message.
        unsafe { sigaction(signal, &default) }.map_err(|errno| Fault::System("sigaction", errno))?;
    }
    Ok(())
}

/// Calls that no install needs: by their number, name, and the error with which programs do
/// without.
const NEVER: &[(libc::c_long, &str, Errno)] = &[
    (libc::SYS_io_uring_setup, "io_uring_setup", Errno::ENOSYS),
    (libc::SYS_io_uring_enter, "io_uring_enter", Errno::ENOSYS),
    (libc::SYS_io_uring_register, "io_uring_register", Errno::ENOSYS),
    (libc::SYS_setns, "setns", Errno::EPERM),
    (libc::SYS_mount, "mount", Errno::EPERM),
    (libc::SYS_umount2, "umount2", Errno::EPERM),
    (libc::SYS_pivot_root, "pivot_root", Errno::EPERM),
    (libc::SYS_chroot, "chroot", Errno::EPERM),
    (libc::SYS_open_tree, "open_tree", Errno::EPERM),
    (libc::SYS_move_mount, "move_mount", Errno::EPERM),
    (libc::SYS_fsopen, "fsopen", Errno::EPERM),
    (libc::SYS_fsconfig, "fsconfig", Errno::EPERM),
    (libc::SYS_fsmount, "fsmount", Errno::EPERM),
    (libc::SYS_fspick, "fspick", Errno::EPERM),
    (libc::SYS_mount_setattr, "mount_setattr", Errno::EPERM),
    (libc::SYS_add_key, "add_key", Errno::EPERM),
    (libc::SYS_request_key, "request_key", Errno::EPERM),
    (libc::SYS_keyctl, "keyctl", Errno::EPERM),
    (libc::SYS_bpf, "bpf", Errno::EPERM),
    (libc::SYS_perf_event_open, "perf_event_open", Errno::EPERM),
    (libc::SYS_userfaultfd, "userfaultfd", Errno::EPERM),
    (libc::SYS_open_by_handle_at, "open_by_handle_at", Errno::EPERM),
    (libc::SYS_kcmp, "kcmp", Errno::EPERM),
    (libc::SYS_process_madvise, "process_madvise", Errno::EPERM),
    // A memory file is held by what nobody can list: a mapping, or a message on its way. Who
    // wants one makes do with a file in the folder for temporary files, whose size is bounded.
    (libc::SYS_memfd_create, "memfd_create", Errno::ENOSYS),
    (libc::SYS_memfd_secret, "memfd_secret", Errno::ENOSYS),
    // Of these the whole machine has a fixed number.
    (libc::SYS_io_setup, "io_setup", Errno::ENOSYS),
    (libc::SYS_kexec_load, "kexec_load", Errno::EPERM),
    (libc::SYS_kexec_file_load, "kexec_file_load", Errno::EPERM),
    (libc::SYS_init_module, "init_module", Errno::EPERM),
    (libc::SYS_finit_module, "finit_module", Errno::EPERM),
    (libc::SYS_delete_module, "delete_module", Errno::EPERM),
];

/// What threads share; a process that has the one has the other.
const SHARES: u32 = (libc::CLONE_FILES | libc::CLONE_THREAD) as u32;

/// Judges a call that the filter stopped on.
pub(super) fn judge(call: &Call) -> Verdict {
    if call.architecture != NATIVE {
        return Verdict::Kill("a call of another architecture");
    }
    if cfg!(target_arch = "x86_64") && call.number & u64::from(X32) != 0 {
        return Verdict::Kill("a call of the x32 dialect");
    }
    let argument = call.arguments;
    let bits = argument[0] as u32;
    if let Some((_, name, errno)) = NEVER.iter().find(|(number, ..)| *number == call.number as libc::c_long) {
        let refusal = Refusal { call: name, detail: String::new(), hides: false, errno: *errno };
        return Verdict::Refuse(refusal);
    }
    match call.number as libc::c_long {
        libc::SYS_prlimit64 => aimed("prlimit64", argument[0]),
        libc::SYS_sched_setaffinity => aimed("sched_setaffinity", argument[0]),
        libc::SYS_sched_setscheduler => aimed("sched_setscheduler", argument[0]),
        libc::SYS_sched_setparam => aimed("sched_setparam", argument[0]),
        libc::SYS_sched_setattr => aimed("sched_setattr", argument[0]),
        // `which` counts from 0 for one of them and from 1 for the other.
        libc::SYS_setpriority => aimed_at_set("setpriority", i64::from(bits as i32), argument[1]),
        libc::SYS_ioprio_set => aimed_at_set("ioprio_set", i64::from(bits as i32) - 1, argument[1]),
        // The filter lets those of these namespaces pass.
        libc::SYS_socket => Verdict::Refuse(Refusal {
            call: "socket",
            detail: format!("of family {bits}"),
            hides: false,
            errno: Errno::EAFNOSUPPORT,
        }),
        libc::SYS_ptrace => refuse("ptrace", format!("request {}", argument[0] as i64), false),
        libc::SYS_process_vm_readv => refuse("process_vm_readv", process(argument[0]), false),
        libc::SYS_process_vm_writev => refuse("process_vm_writev", process(argument[0]), false),
        libc::SYS_pidfd_getfd => {
            refuse("pidfd_getfd", String::from("a descriptor of another process"), false)
        }
        libc::SYS_prctl if bits == libc::PR_SET_DUMPABLE as u32 && argument[1] as u32 != 1 => {
            refuse("prctl", String::from("PR_SET_DUMPABLE"), true)
        }
        libc::SYS_clone if bits & CLONE_UNTRACED != 0 => {
            refuse("clone", String::from("CLONE_UNTRACED"), true)
        }
        libc::SYS_clone if bits & libc::CLONE_NEWUSER as u32 != 0 => {
            refuse("clone", String::from("CLONE_NEWUSER"), false)
        }
        // What one opens the other has, though the one may be ended before its call's end is
        // seen. Only threads share them, and all of these end together.
        libc::SYS_clone if bits & SHARES == libc::CLONE_FILES as u32 => {
            refuse("clone", String::from("CLONE_FILES without CLONE_THREAD"), true)
        }
        libc::SYS_unshare if bits & libc::CLONE_NEWUSER as u32 != 0 => {
            refuse("unshare", String::from("CLONE_NEWUSER"), false)
        }
        libc::SYS_seccomp if bits == 1 && argument[1] as u32 & NEW_LISTENER != 0 => {
            refuse("seccomp", String::from("SECCOMP_FILTER_FLAG_NEW_LISTENER"), true)
        }
        _ => Verdict::Pass,
    }
}

fn refuse(call: &'static str, detail: String, hides: bool) -> Verdict {
    Verdict::Refuse(Refusal { call, detail, hides, errno: REFUSED })
}

fn process(pid: u64) -> String {
    if procfs::is_own_task(pid as i32) {
        String::from("the witness")
    } else {
        String::from("another process")
    }
}

/// A call that names one process.
fn aimed(call: &'static str, pid: u64) -> Verdict {
    if procfs::is_own_task(pid as i32) {
        refuse(call, String::from("the witness"), false)
    } else {
        Verdict::Pass
    }
}

/// A call that names a process, a group or a user.
fn aimed_at_set(call: &'static str, which: i64, who: u64) -> Verdict {
    match which {
        0 => aimed(call, who),
        // The command leads a group of its own, so 0 is never ours.
        1 if who as i32 == nix::unistd::getpgrp().as_raw() && who != 0 => {
            refuse(call, String::from("the group of the witness"), false)
        }
        2 => refuse(call, String::from("all processes of a user"), false),
        _ => Verdict::Pass,
    }
}

/// The error that most refused calls get.
pub(super) const REFUSED: Errno = Errno::EPERM;

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: libc::c_long, arguments: [u64; 6]) -> Call {
        Call { architecture: NATIVE, number: number as u64, arguments }
    }

    #[test]
    fn only_what_is_aimed_at_the_witness_is_refused() {
        let own = u64::from(std::process::id());
        let aimed = judge(&call(libc::SYS_prlimit64, [own, 7, 1, 0, 0, 0]));
        assert!(matches!(aimed, Verdict::Refuse(refusal) if refusal.call == "prlimit64"));
        let parent = nix::unistd::getppid().as_raw() as u64;
        assert_eq!(judge(&call(libc::SYS_prlimit64, [parent, 7, 1, 0, 0, 0])), Verdict::Pass);
        assert_eq!(judge(&call(libc::SYS_setpriority, [0, 0, 5, 0, 0, 0])), Verdict::Pass);
        assert_ne!(judge(&call(libc::SYS_setpriority, [2, 0, 5, 0, 0, 0])), Verdict::Pass);
        assert_ne!(judge(&call(libc::SYS_ioprio_set, [1, own, 0, 0, 0, 0])), Verdict::Pass);
    }

    #[test]
    fn what_would_hide_is_refused_and_marked() {
        for (number, first, second) in [
            (libc::SYS_prctl, 4, 0),
            (libc::SYS_clone, 0x0080_0011, 0),
            (libc::SYS_clone, 0x0000_0411, 0),
            (libc::SYS_seccomp, 1, 8),
        ] {
            let verdict = judge(&call(number, [first, second, 0, 0, 0, 0]));
            assert!(matches!(verdict, Verdict::Refuse(refusal) if refusal.hides), "{number}");
        }
    }

    #[test]
    fn threads_share_descriptors() {
        let thread = libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_SIGHAND;
        let thread = u64::from((thread | libc::CLONE_THREAD) as u32);
        assert_eq!(judge(&call(libc::SYS_clone, [thread, 0, 0, 0, 0, 0])), Verdict::Pass);
    }

    #[test]
    fn a_foreign_dialect_is_killed() {
        let foreign = Call { architecture: 0x4000_0003, number: 11, arguments: [0; 6] };
        assert!(matches!(judge(&foreign), Verdict::Kill(_)));
    }
}
