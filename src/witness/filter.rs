//! The seccomp filter that every process inside runs under.
//!
//! It stops a process only on the calls that are worth a look, so that npm's
//! own file traffic runs at full speed. It decides by number and plain
//! arguments; whatever needs memory or the process table is left to the tracer.
//! It is written as classic BPF by hand, since one program here mixes "stop",
//! "refuse with this error" and "let pass", which seccompiler's one action for
//! all matches cannot say.

use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W};
use libc::{c_long, sock_filter};

/// `AUDIT_ARCH_*` of the machine we are built for; calls of any other are foreign.
#[cfg(target_arch = "x86_64")]
pub(super) const NATIVE: u32 = 0xc000_003e;
/// `AUDIT_ARCH_*` of the machine we are built for; calls of any other are foreign.
#[cfg(target_arch = "aarch64")]
pub(super) const NATIVE: u32 = 0xc000_00b7;

/// Calls of the x32 dialect carry this bit on x86-64.
pub(super) const X32: u32 = 0x4000_0000;

/// `CLONE_UNTRACED`: the child would not be followed.
pub(super) const CLONE_UNTRACED: u32 = 0x0080_0000;
/// `SECCOMP_FILTER_FLAG_NEW_LISTENER`: a filter that asks another process has
/// precedence over ours, and that process could wave a call through unseen.
pub(super) const NEW_LISTENER: u32 = 1 << 3;

/// A plain question about an argument, of its lower half unless said otherwise.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Equals(u8, u32),
    Differs(u8, u32),
    AnyBit(u8, u32),
    /// Any bit of the whole argument: a pointer that is not null.
    NotNull(u8),
}

/// What is done about a call.
#[derive(Debug, Clone, Copy)]
enum Do {
    Stop,
    Refuse(i32),
}

struct Rule {
    call: c_long,
    when: &'static [Ask],
    then: Do,
}

const fn stop(call: c_long, when: &'static [Ask]) -> Rule {
    Rule { call, when, then: Do::Stop }
}

/// At most one rule a call.
const RULES: &[Rule] = &[
    // Who runs what.
    stop(libc::SYS_execve, &[]),
    stop(libc::SYS_execveat, &[]),
    // Who reaches for whom. On a connected socket there is no address to see.
    stop(libc::SYS_connect, &[]),
    stop(libc::SYS_sendto, &[Ask::NotNull(4)]),
    stop(libc::SYS_sendmsg, &[]),
    stop(libc::SYS_sendmmsg, &[]),
    // Unix, IPv4, IPv6 and netlink sockets are of these namespaces. Others need not
    // be: vsock leads from a virtual machine to its host.
    Rule {
        call: libc::SYS_socket,
        when: &[
            Ask::Differs(0, libc::AF_UNIX as u32),
            Ask::Differs(0, libc::AF_INET as u32),
            Ask::Differs(0, libc::AF_INET6 as u32),
            Ask::Differs(0, libc::AF_NETLINK as u32),
        ],
        then: Do::Stop,
    },
    // What could be aimed at the witness; one's own limits are one's own.
    stop(libc::SYS_prlimit64, &[Ask::Differs(0, 0), Ask::NotNull(2)]),
    stop(libc::SYS_sched_setaffinity, &[Ask::Differs(0, 0)]),
    stop(libc::SYS_sched_setscheduler, &[Ask::Differs(0, 0)]),
    stop(libc::SYS_sched_setparam, &[Ask::Differs(0, 0)]),
    stop(libc::SYS_sched_setattr, &[Ask::Differs(0, 0)]),
    stop(libc::SYS_setpriority, &[]),
    stop(libc::SYS_ioprio_set, &[]),
    stop(libc::SYS_ptrace, &[]),
    stop(libc::SYS_process_vm_readv, &[]),
    stop(libc::SYS_process_vm_writev, &[]),
    stop(libc::SYS_pidfd_getfd, &[]),
    // What would hide what follows.
    stop(libc::SYS_prctl, &[Ask::Equals(0, libc::PR_SET_DUMPABLE as u32), Ask::Differs(1, 1)]),
    stop(
        libc::SYS_clone,
        &[Ask::AnyBit(0, libc::CLONE_NEWUSER as u32 | CLONE_UNTRACED | libc::CLONE_FILES as u32)],
    ),
    stop(libc::SYS_unshare, &[Ask::AnyBit(0, libc::CLONE_NEWUSER as u32)]),
    stop(libc::SYS_seccomp, &[Ask::Equals(0, 1), Ask::AnyBit(1, NEW_LISTENER)]),
    // Flags of clone3 lie in memory, where a filter cannot see them; libc falls
    // back to clone, with every thread that it makes, so that nothing is told.
    Rule { call: libc::SYS_clone3, when: &[], then: Do::Refuse(libc::ENOSYS) },
    // What no install needs, the same in both backends, whatever an engine's own profile says.
    // Each is refused by the guard, which tells who tried.
    stop(libc::SYS_io_uring_setup, &[]),
    stop(libc::SYS_io_uring_enter, &[]),
    stop(libc::SYS_io_uring_register, &[]),
    stop(libc::SYS_setns, &[]),
    stop(libc::SYS_mount, &[]),
    stop(libc::SYS_umount2, &[]),
    stop(libc::SYS_pivot_root, &[]),
    stop(libc::SYS_chroot, &[]),
    stop(libc::SYS_open_tree, &[]),
    stop(libc::SYS_move_mount, &[]),
    stop(libc::SYS_fsopen, &[]),
    stop(libc::SYS_fsconfig, &[]),
    stop(libc::SYS_fsmount, &[]),
    stop(libc::SYS_fspick, &[]),
    stop(libc::SYS_mount_setattr, &[]),
    stop(libc::SYS_add_key, &[]),
    stop(libc::SYS_request_key, &[]),
    stop(libc::SYS_keyctl, &[]),
    stop(libc::SYS_bpf, &[]),
    stop(libc::SYS_perf_event_open, &[]),
    stop(libc::SYS_userfaultfd, &[]),
    stop(libc::SYS_open_by_handle_at, &[]),
    stop(libc::SYS_kcmp, &[]),
    stop(libc::SYS_process_madvise, &[]),
    stop(libc::SYS_memfd_create, &[]),
    stop(libc::SYS_memfd_secret, &[]),
    stop(libc::SYS_io_setup, &[]),
    stop(libc::SYS_kexec_load, &[]),
    stop(libc::SYS_kexec_file_load, &[]),
    stop(libc::SYS_init_module, &[]),
    stop(libc::SYS_finit_module, &[]),
    stop(libc::SYS_delete_module, &[]),
];

/// What lifecycle scripts are watched for besides: files that are opened, and
/// names that come, go or move. Folders are opened to be listed, which no file is.
const OPENS: &[(c_long, Option<u8>)] = &[
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, Some(1)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_creat, None),
    (libc::SYS_openat, Some(2)),
    (libc::SYS_openat2, None),
    (libc::SYS_truncate, None),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rename, None),
    (libc::SYS_renameat, None),
    (libc::SYS_renameat2, None),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_link, None),
    (libc::SYS_linkat, None),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_symlink, None),
    (libc::SYS_symlinkat, None),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_unlink, None),
    (libc::SYS_unlinkat, None),
];

/// The filter that lifecycle scripts have besides: npm's own calls never meet it.
pub(super) fn of_scripts() -> Vec<sock_filter> {
    let mut code = vec![
        load(ARCHITECTURE),
        // Of another dialect the first filter has its opinion.
        jump(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
        finish(libc::SECCOMP_RET_ALLOW),
        load(NUMBER),
    ];
    for (call, flags) in OPENS {
        let body = match flags {
            None => vec![finish(libc::SECCOMP_RET_TRACE)],
            Some(flags) => vec![
                load(low(*flags)),
                jump(BPF_JMP | BPF_JSET | BPF_K, libc::O_DIRECTORY as u32, 0, 1),
                finish(libc::SECCOMP_RET_ALLOW),
                finish(libc::SECCOMP_RET_TRACE),
            ],
        };
        code.push(jump(BPF_JMP | BPF_JEQ | BPF_K, *call as u32, 0, body.len()));
        code.extend(body);
    }
    code.push(finish(libc::SECCOMP_RET_ALLOW));
    code
}

// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

const fn low(argument: u8) -> u32 {
    let at = 16 + 8 * argument as u32;
    if cfg!(target_endian = "little") { at } else { at + 4 }
}

const fn high(argument: u8) -> u32 {
    let at = 16 + 8 * argument as u32;
    if cfg!(target_endian = "little") { at + 4 } else { at }
}

fn plain(code: u32, k: u32) -> sock_filter {
    jump(code, k, 0, 0)
}

fn jump(code: u32, k: u32, yes: usize, no: usize) -> sock_filter {
    // Codes fit 16 bits; jumps are within one rule of at most a dozen instructions.
    sock_filter { code: code as u16, jt: yes as u8, jf: no as u8, k }
}

fn load(offset: u32) -> sock_filter {
    plain(BPF_LD | BPF_W | BPF_ABS, offset)
}

fn finish(action: u32) -> sock_filter {
    plain(BPF_RET | BPF_K, action)
}

/// The program, ready for `PR_SET_SECCOMP`.
pub(super) fn program() -> Vec<sock_filter> {
    let mut code = vec![
        load(ARCHITECTURE),
        jump(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
        finish(libc::SECCOMP_RET_TRACE),
        load(NUMBER),
    ];
    if cfg!(target_arch = "x86_64") {
        code.push(jump(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1));
        code.push(finish(libc::SECCOMP_RET_TRACE));
    }
    for rule in RULES {
        let body = body(rule);
        // Numbers of system calls are small and positive.
        code.push(jump(BPF_JMP | BPF_JEQ | BPF_K, rule.call as u32, 0, body.len()));
        code.extend(body);
    }
    code.push(finish(libc::SECCOMP_RET_ALLOW));
    code
}

/// The instructions of one rule. Each way out of them is a return, since they
/// overwrite the number that was loaded.
fn body(rule: &Rule) -> Vec<sock_filter> {
    let action = match rule.then {
        Do::Stop => libc::SECCOMP_RET_TRACE,
        Do::Refuse(errno) => libc::SECCOMP_RET_ERRNO | errno as u32,
    };
    let mut asks: Vec<Vec<sock_filter>> = Vec::new();
    let mut after = if rule.when.is_empty() { 0 } else { 1 };
    // From the last to the first, so that the distance to the end is known.
    for ask in rule.when.iter().rev() {
        let code = match *ask {
            Ask::Equals(arg, value) => {
                vec![load(low(arg)), jump(BPF_JMP | BPF_JEQ | BPF_K, value, 0, after)]
            }
            Ask::Differs(arg, value) => {
                vec![load(low(arg)), jump(BPF_JMP | BPF_JEQ | BPF_K, value, after, 0)]
            }
            Ask::AnyBit(arg, bits) => {
                vec![load(low(arg)), jump(BPF_JMP | BPF_JSET | BPF_K, bits, 0, after)]
            }
            Ask::NotNull(arg) => vec![
                load(low(arg)),
                jump(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2),
                load(high(arg)),
                jump(BPF_JMP | BPF_JEQ | BPF_K, 0, after, 0),
            ],
        };
        after += code.len();
        asks.push(code);
    }
    let mut code: Vec<sock_filter> = asks.into_iter().rev().flatten().collect();
    code.push(finish(action));
    if !rule.when.is_empty() {
        code.push(finish(libc::SECCOMP_RET_ALLOW));
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program on one call, as the kernel would.
    fn decide(number: c_long, arguments: &[(usize, u64)], architecture: u32) -> u32 {
        decide_by(&program(), number, arguments, architecture)
    }

    fn decide_by(code: &[sock_filter], number: c_long, arguments: &[(usize, u64)], architecture: u32) -> u32 {
        let mut data = [0_u8; 64];
        data[..4].copy_from_slice(&(number as u32).to_ne_bytes());
        data[4..8].copy_from_slice(&architecture.to_ne_bytes());
        for (at, value) in arguments {
            data[16 + 8 * at..24 + 8 * at].copy_from_slice(&value.to_ne_bytes());
        }
        let (mut at, mut accumulator) = (0, 0_u32);
        loop {
            let step = &code[at];
            at += 1;
            let kind = u32::from(step.code);
            if kind == BPF_LD | BPF_W | BPF_ABS {
                let from = step.k as usize;
                accumulator = u32::from_ne_bytes(data[from..from + 4].try_into().unwrap());
            } else if kind == BPF_RET | BPF_K {
                return step.k;
            } else {
                let holds = match kind {
                    kind if kind == BPF_JMP | BPF_JEQ | BPF_K => accumulator == step.k,
                    kind if kind == BPF_JMP | BPF_JGE | BPF_K => accumulator >= step.k,
                    kind if kind == BPF_JMP | BPF_JSET | BPF_K => accumulator & step.k != 0,
                    other => panic!("no such instruction: {other:x}"),
                };
                at += usize::from(if holds { step.jt } else { step.jf });
            }
        }
    }

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const STOP: u32 = libc::SECCOMP_RET_TRACE;

    #[test]
    fn only_sockets_of_these_namespaces_are_made() {
        for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK] {
            assert_eq!(decide(libc::SYS_socket, &[(0, family as u64)], NATIVE), ALLOW, "{family}");
        }
        for family in [libc::AF_VSOCK, libc::AF_PACKET, libc::AF_ALG, libc::AF_UNSPEC] {
            assert_eq!(decide(libc::SYS_socket, &[(0, family as u64)], NATIVE), STOP, "{family}");
        }
    }

    #[test]
    fn file_traffic_is_never_stopped() {
        for call in [libc::SYS_openat, libc::SYS_read, libc::SYS_newfstatat, libc::SYS_write, libc::SYS_close]
        {
            assert_eq!(decide(call, &[], NATIVE), ALLOW);
        }
    }

    #[test]
    fn scripts_are_stopped_where_they_open_files_and_nowhere_else() {
        let code = of_scripts();
        let decide = |call, flags: i32| decide_by(&code, call, &[(2, flags as u64)], NATIVE);
        assert_eq!(decide(libc::SYS_openat, libc::O_RDONLY | libc::O_CLOEXEC), STOP);
        assert_eq!(decide(libc::SYS_openat, libc::O_WRONLY | libc::O_CREAT), STOP);
        assert_eq!(decide(libc::SYS_openat, libc::O_DIRECTORY), ALLOW);
        assert_eq!(decide(libc::SYS_openat2, 0), STOP);
        for call in [libc::SYS_renameat2, libc::SYS_unlinkat, libc::SYS_linkat, libc::SYS_truncate] {
            assert_eq!(decide(call, 0), STOP);
        }
        for call in [libc::SYS_read, libc::SYS_write, libc::SYS_newfstatat, libc::SYS_close, libc::SYS_mmap] {
            assert_eq!(decide(call, 0), ALLOW);
        }
        assert_eq!(decide_by(&code, libc::SYS_openat, &[], 0x4000_0003), ALLOW);
    }

    #[test]
    fn a_call_is_judged_by_its_arguments() {
        type Case<'a> = (c_long, &'a [(usize, u64)], u32);
        let cases: [Case<'_>; 19] = [
            (libc::SYS_execve, &[], STOP),
            (libc::SYS_connect, &[], STOP),
            (libc::SYS_sendto, &[], ALLOW),
            (libc::SYS_sendto, &[(4, 0x7fff)], STOP),
            (libc::SYS_sendto, &[(4, 0x7f00_0000_0000)], STOP),
            (libc::SYS_prlimit64, &[(0, 0), (2, 9)], ALLOW),
            (libc::SYS_prlimit64, &[(0, 1), (2, 0)], ALLOW),
            (libc::SYS_prlimit64, &[(0, 1), (2, 9)], STOP),
            (libc::SYS_prctl, &[(0, 4), (1, 1)], ALLOW),
            (libc::SYS_prctl, &[(0, 4), (1, 0)], STOP),
            (libc::SYS_prctl, &[(0, 15), (1, 0)], ALLOW),
            (libc::SYS_clone, &[(0, 0x11)], ALLOW),
            (libc::SYS_clone, &[(0, 0x411)], STOP),
            (libc::SYS_clone, &[(0, 0x1000_0011)], STOP),
            (libc::SYS_clone, &[(0, 0x0080_0011)], STOP),
            (libc::SYS_clone3, &[], libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
            (libc::SYS_mount, &[], STOP),
            (libc::SYS_io_uring_setup, &[], STOP),
            (libc::SYS_seccomp, &[(0, 1), (1, 8)], STOP),
        ];
        for (call, arguments, wanted) in cases {
            assert_eq!(decide(call, arguments, NATIVE), wanted, "{call} {arguments:?}");
        }
    }

    #[test]
    fn a_foreign_dialect_is_stopped() {
        assert_eq!(decide(libc::SYS_read, &[], 0x4000_0003), STOP);
        if cfg!(target_arch = "x86_64") {
            assert_eq!(decide(libc::SYS_read | c_long::from(X32), &[], NATIVE), STOP);
        }
    }

    #[test]
    fn no_call_has_two_rules() {
        let calls: std::collections::BTreeSet<c_long> = RULES.iter().map(|rule| rule.call).collect();
        assert_eq!(calls.len(), RULES.len());
    }
}
