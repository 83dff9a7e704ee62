//! A call that a stopped task makes for us: its registers are set, one
//! instruction is put where it stands, and both are put back afterwards.
//!
//! This is the only way in which a process gets a second filter that those who
//! came before it do not have. The task has just executed a program and has run
//! none of it yet, so that it is alone in its process and nobody can look on.
//! Others may send it signals meanwhile, so that it blocks them for that time.

use super::memory::Memory;
use super::tracee::{self, Registers, Stopped};
use crate::wire::Exit;
use nix::errno::Errno;

/// Bytes below the stack pointer at which what the call needs is put: beyond
/// what a program may count on there, and within what every new stack has.
const BELOW: u64 = 4096;
/// Stops that have nothing to do with the call, after which it is given up. Only `SIGSTOP` cannot
/// be blocked; who can send as many between two of our steps does nothing else.
const STOPS: usize = 100_000;

/// How a call of ours went.
pub(super) enum Grafted {
    /// The task is as it was; the call gave this.
    Done(Stopped, i64),
    /// It could not be made; the task is as it was.
    Failed(Stopped, Errno),
    /// The task was ended meanwhile.
    Ended(i32, Exit),
}

/// Has a task at the end of a call make another one. `payload` is put into its
/// memory, where `arguments` says how it is pointed at.
pub(super) fn call(
    task: Stopped,
    number: u64,
    payload: impl FnOnce(u64) -> Vec<u8>,
    arguments: impl FnOnce(u64) -> [u64; 6],
) -> Grafted {
    let Some(before) = task.registers() else { return Grafted::Failed(task, Errno::ESRCH) };
    let Some(memory) = Memory::of(&task) else { return Grafted::Failed(task, Errno::EACCES) };
    let at = (before.stack() - BELOW) & !15;
    let mut bytes = payload(at);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let here = before.instruction();
    let (Some(stack), Some(code)) = (memory.bytes(at, bytes.len()), memory.word(here)) else {
        return Grafted::Failed(task, Errno::EFAULT);
    };
    drop(memory);
    let blocked = match task.block_signals() {
        Ok(blocked) => blocked,
        Err(errno) => return Grafted::Failed(task, errno),
    };
    let made = task
        .write(at, &bytes)
        .and_then(|()| task.write(here, &Registers::trap_in(code).to_ne_bytes()))
        .and_then(|()| task.set_registers(&before.for_call(number, arguments(at))));
    // Not even begun: what was written so far goes the way it came.
    let (task, result, held) = match made {
        Err(errno) => (task, Err(errno), Vec::new()),
        Ok(()) => match through(task) {
            Ok((task, held)) => {
                let result = task.registers().map(|after| after.result()).ok_or(Errno::ESRCH);
                (task, result, held)
            }
            Err(Lost::Ended(pid, how)) => return Grafted::Ended(pid, how),
            Err(Lost::Never(task)) => (task, Err(Errno::EAGAIN), Vec::new()),
        },
    };
    let back = task
        .write(here, &code.to_ne_bytes())
        .and_then(|()| task.write(at, &stack))
        .and_then(|()| task.set_registers(&before))
        .and_then(|()| task.set_blocked(&blocked));
    // Signals that came in between come again.
    for signal in held {
        task.signal_again(signal);
    }
    match (result, back) {
        (_, Err(errno)) | (Err(errno), Ok(())) => Grafted::Failed(task, errno),
        (Ok(result), Ok(())) => Grafted::Done(task, result),
    }
}

enum Lost {
    Ended(i32, Exit),
    Never(Stopped),
}

/// Lets the task run into the call and out of it again.
fn through(task: Stopped) -> Result<(Stopped, Vec<i32>), Lost> {
    let mut held = Vec::new();
    let mut task = task;
    let mut ends = 0;
    for _ in 0..STOPS {
        let pid = task.resume_to_end_of_call().pid();
        match tracee::wait_for(pid) {
            Ok((stopped, why)) => {
                task = stopped;
                match why {
                    tracee::Why::EndOfCall => ends += 1,
                    tracee::Why::Signal(signal) => held.push(signal),
                    tracee::Why::Call
                    | tracee::Why::Made(_)
                    | tracee::Why::Executed(_)
                    | tracee::Why::Attached
                    | tracee::Why::Group => {}
                }
                if ends == 2 {
                    return Ok((task, held));
                }
            }
            Err(how) => return Err(Lost::Ended(pid, how)),
        }
    }
    Err(Lost::Never(task))
}
