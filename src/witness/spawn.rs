//! Starts the command: everything that is needed is made before the fork, and
//! between fork and exec only async-signal-safe calls are made (signal-safety(7)).

use super::{Fault, filter, tracee};
use crate::wire::Order;
use nix::errno::Errno;
use std::ffi::{CString, c_char, c_int};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// A command that was started.
pub(super) struct Started {
    /// Its number.
    pub(super) pid: libc::pid_t,
    /// The proof that it is traced; `None` where no trace was ordered.
    pub(super) task: Option<tracee::Running>,
    /// Says what failed before the command could run.
    complaint: File,
}

impl Started {
    /// What failed before the command could run, if anything did. To be asked
    /// once the child is gone.
    pub(super) fn complaint(&mut self) -> Option<String> {
        let mut said = [0; 5];
        self.complaint.read_exact(&mut said).ok()?;
        let errno = Errno::from_raw(i32::from_ne_bytes([said[1], said[2], said[3], said[4]]));
        let what = match said[0] {
            b'f' => "the seccomp filter could not be installed",
            b'd' => "the working directory could not be entered",
            _ => "the command could not be run",
        };
        Some(format!("{what}: {errno:?}"))
    }
}

/// Everything the child touches.
struct Plan {
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    /// Where the program may be, tried in this order.
    programs: Vec<CString>,
    cwd: CString,
    filter: Option<Vec<libc::sock_filter>>,
    /// Descriptors to close.
    close: Vec<RawFd>,
    go: RawFd,
    complain: RawFd,
    umask: libc::mode_t,
}

/// Starts a command of an order.
pub(super) fn start(order: &Order, command: &[String]) -> Result<Started, Fault> {
    let strings = |words: Vec<Vec<u8>>| -> Result<Vec<CString>, Fault> {
        words.into_iter().map(|word| CString::new(word).map_err(|_nul| Fault::Nul)).collect()
    };
    let argv = strings(command.iter().map(|word| word.clone().into_bytes()).collect())?;
    let env =
        strings(order.env.iter().map(|(name, value)| format!("{name}={value}").into_bytes()).collect())?;
    let programs = strings(programs(order, command).into_iter().map(String::into_bytes).collect())?;
    let cwd = CString::new(order.cwd.clone()).map_err(|_nul| Fault::Nul)?;

    let system = |what| move |errno| Fault::System(what, errno);
    let (go_read, go_write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(system("pipe2"))?;
    let (said, complain) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(system("pipe2"))?;
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let plan = Plan {
        argv: pointers(&argv),
        envp: pointers(&env),
        programs,
        cwd,
        filter: order.trace.then(filter::program),
        close: others(&[go_read.as_raw_fd(), complain.as_raw_fd()]),
        go: go_read.as_raw_fd(),
        complain: complain.as_raw_fd(),
        umask: order.umask & 0o777,
    };
    // SAFETY: the child only makes async-signal-safe calls on what was prepared,
    // and never returns.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => return Err(Fault::System("fork", Errno::last())),
        // SAFETY: this is the child of the fork.
        0 => unsafe { become_command(&plan) },
        _ => {}
    }
    drop((go_read, complain));
    let task = if order.trace { Some(attach(pid)?) } else { None };
    write_go(&go_write)?;
    Ok(Started { pid, task, complaint: File::from(said) })
}

fn write_go(go: &OwnedFd) -> Result<(), Fault> {
    nix::unistd::write(go, &[1]).map_err(|errno| Fault::System("write", errno))?;
    Ok(())
}

/// The witness is not dumpable and its fork is not either until it says
/// otherwise, which takes it a moment.
fn attach(pid: libc::pid_t) -> Result<tracee::Running, Fault> {
    let mut tries = 0;
    loop {
        match tracee::seize(pid) {
            Err(Fault::System(_, Errno::EPERM)) if tries < 2_000 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_micros(500));
            }
            other => return other,
        }
    }
}

/// Open descriptors beyond the standard three, but for those to keep.
fn others(keep: &[RawFd]) -> Vec<RawFd> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > 2 && !keep.contains(descriptor))
        .collect()
}

/// A name without a slash is looked for as execvp(3) does.
fn programs(order: &Order, command: &[String]) -> Vec<String> {
    let Some(name) = command.first().filter(|name| !name.is_empty()) else { return Vec::new() };
    if name.contains('/') {
        return vec![name.clone()];
    }
    let path = order.env.iter().find(|(key, _)| key == "PATH").map_or("/usr/bin:/bin", |(_, value)| value);
    path.split(':').map(|folder| format!("{}/{name}", if folder.is_empty() { "." } else { folder })).collect()
}

/// # Safety
/// To be called in the child of a fork only.
unsafe fn become_command(plan: &Plan) -> ! {
    // SAFETY: each call is on the list of signal-safety(7) or is a plain system
    // call; all pointers are into `plan`, which outlives them; nothing allocates.
    unsafe {
        libc::setsid();
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY);
        if null > 0 {
            libc::dup2(null, 0);
            libc::close(null);
        }
        for descriptor in &plan.close {
            libc::close(*descriptor);
        }
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0);
        let mut go = 0_u8;
        if libc::read(plan.go, (&raw mut go).cast(), 1) != 1 {
            libc::_exit(127);
        }
        libc::umask(plan.umask);
        if libc::chdir(plan.cwd.as_ptr()) != 0 {
            fail(plan, b'd');
        }
        if let Some(code) = &plan.filter {
            let program = libc::sock_fprog {
                len: u16::try_from(code.len()).unwrap_or(u16::MAX),
                filter: code.as_ptr().cast_mut(),
            };
            if libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, 0, 0) != 0 {
                fail(plan, b'f');
            }
        }
        let mut worst: c_int = libc::ENOENT;
        for program in &plan.programs {
            libc::execve(program.as_ptr(), plan.argv.as_ptr(), plan.envp.as_ptr());
            let errno = *libc::__errno_location();
            if errno != libc::ENOENT && errno != libc::ENOTDIR {
                worst = errno;
            }
        }
        *libc::__errno_location() = worst;
        fail(plan, b'e')
    }
}

/// # Safety
/// As [`become_command`].
unsafe fn fail(plan: &Plan, what: u8) -> ! {
    // SAFETY: errno is this thread's; write and _exit are async-signal-safe.
    unsafe {
        let errno = (*libc::__errno_location()).to_ne_bytes();
        let said = [what, errno[0], errno[1], errno[2], errno[3]];
        libc::write(plan.complain, said.as_ptr().cast(), said.len());
        libc::_exit(127)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(name: &str, path: &str) -> Order {
        Order {
            argv: vec![name.into()],
            then: vec![],
            env: vec![("PATH".into(), path.into())],
            cwd: "/".into(),
            project: "/".into(),
            members: vec![],
            trace: false,
            watch: false,
            secrets: vec![],
            hash: false,
            time_limit_ms: 0,
            grace_ms: 0,
            memory_limit: 0,
            disk_limit: 0,
            umask: 0o022,
        }
    }

    fn found(name: &str, path: &str) -> Vec<String> {
        let order = order(name, path);
        programs(&order, &order.argv)
    }

    #[test]
    fn a_bare_name_is_looked_for_along_the_path() {
        assert_eq!(found("npm", "/a:/b"), ["/a/npm", "/b/npm"]);
        assert_eq!(found("npm", ":/b"), ["./npm", "/b/npm"]);
        assert_eq!(found("./npm", "/a"), ["./npm"]);
        assert!(found("", "/a").is_empty());
    }
}
