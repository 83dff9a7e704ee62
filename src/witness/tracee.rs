//! A traced task as types: one that runs can only be waited on, one that is
//! stopped can only be inspected or resumed.
//!
//! Any request to a stopped task may fail with `ESRCH`: a `SIGKILL` ends a
//! ptrace stop at any moment (ptrace(2), "Death under ptrace"). Its end is then
//! reported by the next wait, so here such a failure means "nothing to be done"
//! and never an error.
//!
//! Statuses are read from `waitpid` itself and not through a wrapper that knows
//! only the classic signals: a process may stop or die by a real-time one. This
//! module knows no process table and no policy.

use super::Fault;
use crate::wire::Exit;
use libc::{c_int, c_long, c_uint, c_void, pid_t};
use nix::errno::Errno;

// ptrace(2); the crate has them for some libraries of C only.
const PTRACE_GETSIGMASK: c_uint = 0x420a;
const PTRACE_SETSIGMASK: c_uint = 0x420b;

/// The signals that a task blocks, a bit each: the kernel's own set.
pub(super) struct SignalMask(u64);

/// A task that runs.
#[derive(Debug)]
pub(super) struct Running(pid_t);

/// A task in a ptrace stop.
#[derive(Debug)]
pub(super) struct Stopped(pid_t);

/// Why a task stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// A call that the filter stops, before it is made.
    Call,
    /// A call's end, after [`Stopped::resume_to_end_of_call`].
    EndOfCall,
    /// It made a process or a thread, whose task this is.
    Made(pid_t),
    /// It became another program; this was the task that asked for it.
    Executed(pid_t),
    /// Its first stop, after it was made by a traced task, or any trap of `PTRACE_SEIZE`.
    Attached,
    /// It is stopped by job control and is to stay so.
    Group,
    /// A signal is about to reach it.
    Signal(c_int),
}

/// What a wait had to say.
#[derive(Debug)]
pub(super) enum Waited {
    /// A task stopped.
    Stopped(Stopped, Why),
    /// A task, or a child that was adopted, is gone.
    Ended(pid_t, Exit),
    /// Nothing new.
    Nothing,
    /// There is no child and no traced task at all.
    Empty,
}

/// A system call as it is about to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// `AUDIT_ARCH_*`.
    pub(super) architecture: u32,
    /// Its number in that architecture.
    pub(super) number: u64,
    /// Its arguments.
    pub(super) arguments: [u64; 6],
}

/// Waits without blocking for whatever comes next.
pub(super) fn wait() -> Result<Waited, Fault> {
    let mut status = 0;
    // SAFETY: waitpid writes one c_int to the place given.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::__WALL) };
    match pid {
        0 => return Ok(Waited::Nothing),
        -1 => {
            let errno = Errno::last();
            return if errno == Errno::ECHILD {
                Ok(Waited::Empty)
            } else if errno == Errno::EINTR {
                Ok(Waited::Nothing)
            } else {
                Err(Fault::System("waitpid", errno))
            };
        }
        _ => {}
    }
    if libc::WIFEXITED(status) {
        return Ok(Waited::Ended(pid, Exit::Code(libc::WEXITSTATUS(status))));
    }
    if libc::WIFSIGNALED(status) {
        return Ok(Waited::Ended(pid, Exit::Signal(libc::WTERMSIG(status))));
    }
    let stopped = Stopped(pid);
    let why = stopped.why(status);
    Ok(Waited::Stopped(stopped, why))
}

/// Waits for one task that was let run, and for no other; its end where it has
/// none to come.
pub(super) fn wait_for(pid: pid_t) -> Result<(Stopped, Why), Exit> {
    loop {
        let mut status = 0;
        // SAFETY: waitpid writes one c_int to the place given.
        let waited = unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) };
        if waited < 0 && Errno::last() == Errno::EINTR {
            continue;
        }
        if waited < 0 || libc::WIFSIGNALED(status) {
            return Err(Exit::Signal(if waited < 0 { libc::SIGKILL } else { libc::WTERMSIG(status) }));
        }
        if libc::WIFEXITED(status) {
            return Err(Exit::Code(libc::WEXITSTATUS(status)));
        }
        let stopped = Stopped(pid);
        let why = stopped.why(status);
        return Ok((stopped, why));
    }
}

fn request(kind: c_uint, pid: pid_t, address: usize, data: *mut c_void) -> Result<c_long, Errno> {
    let address = std::ptr::without_provenance_mut::<c_void>(address);
    // SAFETY: the callers pass, for each request, what ptrace(2) says it takes:
    // a plain number, or a pointer to a buffer that outlives the call.
    let result = unsafe { libc::ptrace(kind as _, pid, address, data) };
    Errno::result(result)
}

/// A plain number in the place of a pointer.
fn number(value: c_int) -> *mut c_void {
    std::ptr::without_provenance_mut(value as usize)
}

/// Attaches to a child that does not run anything yet. Whatever it makes is
/// followed, and everything traced dies with us.
pub(super) fn seize(pid: pid_t) -> Result<Running, Fault> {
    let options = libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_EXITKILL;
    request(libc::PTRACE_SEIZE as c_uint, pid, 0, number(options))
        .map_err(|errno| Fault::System("ptrace", errno))?;
    Ok(Running(pid))
}

impl Running {
    /// Its number, which waits will name it by.
    pub(super) fn pid(&self) -> pid_t {
        self.0
    }
}

impl Stopped {
    /// Its number.
    pub(super) fn pid(&self) -> pid_t {
        self.0
    }

    fn why(&self, status: c_int) -> Why {
        const STOP: c_int = 128;
        let signal = libc::WSTOPSIG(status);
        match status >> 16 {
            0 if signal == libc::SIGTRAP | 0x80 => Why::EndOfCall,
            0 => Why::Signal(signal),
            libc::PTRACE_EVENT_SECCOMP => Why::Call,
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                Why::Made(self.message())
            }
            libc::PTRACE_EVENT_EXEC => Why::Executed(self.message()),
            STOP if signal != libc::SIGTRAP => Why::Group,
            _ => Why::Attached,
        }
    }

    /// The event's message; 0 where the task was killed meanwhile.
    fn message(&self) -> pid_t {
        let mut message = 0_u64;
        let place = (&raw mut message).cast::<c_void>();
        match request(libc::PTRACE_GETEVENTMSG as c_uint, self.0, 0, place) {
            Ok(_) => pid_t::try_from(message).unwrap_or(0),
            Err(_) => 0,
        }
    }

    /// Lets it run on.
    pub(super) fn resume(self) -> Running {
        self.resume_with(0)
    }

    /// Lets it run on with a signal.
    pub(super) fn resume_with(self, signal: c_int) -> Running {
        let _dead = request(libc::PTRACE_CONT as c_uint, self.0, 0, number(signal));
        Running(self.0)
    }

    /// Lets it run until the call it is about to make has ended.
    pub(super) fn resume_to_end_of_call(self) -> Running {
        let _dead = request(libc::PTRACE_SYSCALL as c_uint, self.0, 0, number(0));
        Running(self.0)
    }

    /// Leaves it stopped by job control, to be woken by `SIGCONT`.
    pub(super) fn listen(self) -> Running {
        let _dead = request(libc::PTRACE_LISTEN as c_uint, self.0, 0, number(0));
        Running(self.0)
    }

    /// The call it is about to make; `None` where it was killed meanwhile.
    pub(super) fn call(&self) -> Option<Call> {
        let info = self.info()?;
        if info.op != libc::PTRACE_SYSCALL_INFO_SECCOMP {
            return None;
        }
        // SAFETY: the kernel said by `op` which member of the union it filled.
        let seccomp = unsafe { info.u.seccomp };
        Some(Call { architecture: info.arch, number: seccomp.nr, arguments: seccomp.args })
    }

    /// What came of the call that has ended; `None` where it was killed meanwhile.
    pub(super) fn result(&self) -> Option<i64> {
        let info = self.info()?;
        if info.op != libc::PTRACE_SYSCALL_INFO_EXIT {
            return None;
        }
        // SAFETY: the kernel said by `op` which member of the union it filled.
        Some(unsafe { info.u.exit }.sval)
    }

    fn info(&self) -> Option<libc::ptrace_syscall_info> {
        // SAFETY: the struct is plain numbers, for which all zeros is a value.
        let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
        let place = (&raw mut info).cast::<c_void>();
        request(libc::PTRACE_GET_SYSCALL_INFO, self.0, size_of_val(&info), place).ok()?;
        Some(info)
    }

    /// Writes to its memory, also where it may not write itself: whole words.
    pub(super) fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        for (at, word) in (address..).step_by(8).zip(bytes.chunks_exact(8)) {
            let word = usize::from_ne_bytes(word.try_into().unwrap_or_default());
            let word = std::ptr::without_provenance_mut(word);
            request(libc::PTRACE_POKEDATA as c_uint, self.0, at as usize, word)?;
        }
        Ok(())
    }

    /// Its registers; `None` where it was killed meanwhile.
    pub(super) fn registers(&self) -> Option<Registers> {
        // SAFETY: the struct is plain numbers, for which all zeros is a value.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        self.exchange(libc::PTRACE_GETREGSET as c_uint, &mut registers).ok()?;
        Some(Registers(registers))
    }

    /// Sets its registers.
    pub(super) fn set_registers(&self, registers: &Registers) -> Result<(), Errno> {
        self.exchange(libc::PTRACE_SETREGSET as c_uint, &mut { registers.0 })
    }

    fn exchange(&self, kind: c_uint, registers: &mut libc::user_regs_struct) -> Result<(), Errno> {
        const NT_PRSTATUS: usize = 1;
        let length = size_of_val(registers);
        let mut view = libc::iovec { iov_base: std::ptr::from_mut(registers).cast(), iov_len: length };
        request(kind, self.0, NT_PRSTATUS, (&raw mut view).cast::<c_void>()).map(drop)
    }

    /// Blocks every signal but `SIGKILL` and `SIGSTOP`, and gives what was blocked before.
    pub(super) fn block_signals(&self) -> Result<SignalMask, Errno> {
        let mut before = SignalMask(0);
        let place = (&raw mut before.0).cast::<c_void>();
        request(PTRACE_GETSIGMASK, self.0, size_of::<u64>(), place)?;
        self.set_blocked(&SignalMask(u64::MAX))?;
        Ok(before)
    }

    /// Blocks these signals and no others.
    pub(super) fn set_blocked(&self, mask: &SignalMask) -> Result<(), Errno> {
        let mut mask = mask.0;
        request(PTRACE_SETSIGMASK, self.0, size_of::<u64>(), (&raw mut mask).cast::<c_void>()).map(drop)
    }

    /// Sends it a signal that it was spared.
    pub(super) fn signal_again(&self, signal: c_int) {
        // SAFETY: takes plain numbers; the task is ours and stopped, so its number is its own.
        let _dead = unsafe { libc::syscall(libc::SYS_tkill, self.0, signal) };
    }

    /// Has the call that it is about to make answered with an error instead.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn refuse(&self, errno: Errno) {
        // SAFETY: the struct is plain numbers, for which all zeros is a value.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        let place = (&raw mut registers).cast::<c_void>();
        if request(libc::PTRACE_GETREGS as c_uint, self.0, 0, place).is_err() {
            return;
        }
        registers.orig_rax = u64::MAX;
        registers.rax = (-i64::from(errno as i32)) as u64;
        let place = (&raw mut registers).cast::<c_void>();
        let _dead = request(libc::PTRACE_SETREGS as c_uint, self.0, 0, place);
    }

    /// Has the call that it is about to make answered with an error instead.
    #[cfg(target_arch = "aarch64")]
    pub(super) fn refuse(&self, errno: Errno) {
        const NT_PRSTATUS: usize = 1;
        const NT_ARM_SYSTEM_CALL: usize = 0x404;
        // SAFETY: the struct is plain numbers, for which all zeros is a value.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        let mut none: c_int = -1;
        let mut view =
            libc::iovec { iov_base: (&raw mut registers).cast(), iov_len: size_of_val(&registers) };
        let place = (&raw mut view).cast::<c_void>();
        if request(libc::PTRACE_GETREGSET as c_uint, self.0, NT_PRSTATUS, place).is_err() {
            return;
        }
        registers.regs[0] = (-i64::from(errno as i32)) as u64;
        let _dead = request(libc::PTRACE_SETREGSET as c_uint, self.0, NT_PRSTATUS, place);
        let mut view = libc::iovec { iov_base: (&raw mut none).cast(), iov_len: size_of_val(&none) };
        let place = (&raw mut view).cast::<c_void>();
        let _dead = request(libc::PTRACE_SETREGSET as c_uint, self.0, NT_ARM_SYSTEM_CALL, place);
    }

    /// Kills its process.
    pub(super) fn kill(self) -> Running {
        let _dead = nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.0), nix::sys::signal::SIGKILL);
        Running(self.0)
    }
}

/// The registers of a stopped task.
pub(super) struct Registers(libc::user_regs_struct);

#[cfg(target_arch = "x86_64")]
impl Registers {
    pub(super) fn stack(&self) -> u64 {
        self.0.rsp
    }

    /// Where it goes on.
    pub(super) fn instruction(&self) -> u64 {
        self.0.rip
    }

    /// What a call gave.
    pub(super) fn result(&self) -> i64 {
        self.0.rax as i64
    }

    /// A word of code that begins with the instruction for a call.
    pub(super) fn trap_in(word: u64) -> u64 {
        word & !0xffff | 0x050f
    }

    /// As they must be for the next instruction to make a call.
    pub(super) fn for_call(&self, number: u64, arguments: [u64; 6]) -> Self {
        let mut registers = self.0;
        registers.rax = number;
        // It is in no call that the kernel could begin anew.
        registers.orig_rax = u64::MAX;
        [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9] = arguments;
        Self(registers)
    }
}

#[cfg(target_arch = "aarch64")]
impl Registers {
    pub(super) fn stack(&self) -> u64 {
        self.0.sp
    }

    /// Where it goes on.
    pub(super) fn instruction(&self) -> u64 {
        self.0.pc
    }

    /// What a call gave.
    pub(super) fn result(&self) -> i64 {
        self.0.regs[0] as i64
    }

    /// A word of code that begins with the instruction for a call.
    pub(super) fn trap_in(word: u64) -> u64 {
        word & !0xffff_ffff | 0xd400_0001
    }

    /// As they must be for the next instruction to make a call.
    pub(super) fn for_call(&self, number: u64, arguments: [u64; 6]) -> Self {
        let mut registers = self.0;
        registers.regs[8] = number;
        registers.regs[..6].copy_from_slice(&arguments);
        Self(registers)
    }
}
