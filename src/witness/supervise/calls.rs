//! Calls that a filter stopped on: judged, looked at, and their ends.

use super::Supervisor;
use crate::wire::{Dial, Event, GapKind, ProcessId};
use crate::witness::graft::{self, Grafted};
use crate::witness::guard::Verdict;
use crate::witness::memory::Memory;
use crate::witness::sockets::Reach;
use crate::witness::table::Begun;
use crate::witness::tracee::{Call, Stopped};
use crate::witness::{files, filter, guard, listed, procfs, sockets};

/// Refused calls that are told, each once a process.
const DENIED: usize = 1000;

impl Supervisor<'_> {
    pub(super) fn call(&mut self, task: Stopped) {
        let (Some(call), Some(process)) = (task.call(), self.table.owner(task.pid())) else {
            task.resume();
            return;
        };
        match guard::judge(&call) {
            Verdict::Pass => {}
            Verdict::Kill(what) => {
                self.deny(process, what, "");
                self.channel.gap(GapKind::RefusedCall, what);
                task.kill();
                return;
            }
            Verdict::Refuse(refusal) => {
                task.refuse(refusal.errno);
                self.refused(process, refusal.call, &refusal.detail, refusal.hides);
                task.resume();
                return;
            }
        }
        let begun = match call.number as libc::c_long {
            libc::SYS_execve | libc::SYS_execveat => {
                program(&task, &call).map(|path| Some(Begun::Exec(path))).ok_or(())
            }
            libc::SYS_connect | libc::SYS_sendto | libc::SYS_sendmsg | libc::SYS_sendmmsg => {
                sockets::reach(&call, Memory::of(&task).as_ref()).map(|reach| reach.map(Begun::Reach))
            }
            // The filter of scripts stops on nothing else that the other lets pass.
            _ => Ok(files::touch(&task, &call).map(Begun::Touch)),
        };
        match begun {
            Ok(Some(begun)) => {
                if let Some(known) = self.table.task(task.pid()) {
                    known.begun = Some(begun);
                }
                task.resume_to_end_of_call();
            }
            Ok(None) => {
                task.resume();
            }
            Err(()) => {
                task.refuse(guard::REFUSED);
                let detail = format!("arguments of call {} of process {}", call.number, process.0);
                self.channel.gap(GapKind::UnreadableArguments, &detail);
                task.resume();
            }
        }
    }

    pub(super) fn end_of_call(&mut self, task: Stopped) {
        let pid = task.pid();
        let result = task.result();
        if let Some(known) = self.table.task(pid) {
            let (process, begun) = (known.process, known.begun.take());
            match (begun, result) {
                (Some(Begun::Exec(path)), Some(result)) if result < 0 => {
                    if let Some(known) = self.table.process(process) {
                        known.failed_exec = Some((path, sockets::name(result)));
                    }
                }
                (Some(Begun::Reach(reach)), result) => {
                    self.reached(process, pid, reach, result.map_or(Dial::Pending, sockets::outcome));
                }
                (Some(Begun::Touch(touch)), Some(result)) => {
                    let actor = self.table.actor(process);
                    let memory = self.files.touched(actor, pid, touch, result, self.channel);
                    let of_npm = memory.and_then(|other| self.table.owner(other));
                    if of_npm.is_some_and(|other| other != process && self.table.is_npm(other)) {
                        // It is open already, and what it is for is no install's.
                        self.refused(process, "open", "the memory of npm", false);
                        task.kill();
                        return;
                    }
                }
                (Some(Begun::Touch(touch)), None) => {
                    self.files.end_unseen(self.table.actor(process), pid, touch, self.channel);
                }
                (Some(Begun::Watch), _) => return self.watch(process, task),
                (Some(Begun::Exec(_)) | None, _) => {}
            }
        }
        task.resume();
    }

    /// The gateway may be waiting to hear whose a connection is, so this is
    /// sent before the process goes on.
    pub(super) fn reached(&mut self, process: ProcessId, task: i32, reach: Reach, outcome: Dial) {
        let open = matches!(outcome, Dial::Done | Dial::Pending);
        let listed = if open { listed::listed(task, reach.descriptor, reach.peers.first()) } else { None };
        let local = listed.map(|listed| listed.local).filter(|local| local.port() != 0);
        // Who names an address for each that it sends needs no connection.
        let datagram = listed.map_or(!reach.keeps, |listed| listed.datagrams);
        let mut peers = reach.peers;
        if reach.keeps
            && let Some(real) = listed.and_then(|listed| listed::really(peers.first(), &listed))
        {
            self.channel.gap(GapKind::Connection, "an address was changed while the call was made");
            peers = [real].into();
        }
        for to in peers {
            let outcome = outcome.clone();
            self.channel.tell_of(process, Event::Connected { process, to, local, datagram, outcome });
        }
        self.channel.flush();
    }

    /// Tells of a call that was refused. Of npm and what it runs of its own it is told where it
    /// would have hidden something: node tries io_uring, and does without.
    fn refused(&mut self, process: ProcessId, call: &str, detail: &str, hides: bool) {
        let told = if detail.is_empty() { call.to_owned() } else { format!("{call}: {detail}") };
        if self.denied.contains(&(process, told.clone())) {
            return;
        }
        if self.denied.len() >= DENIED {
            // Said once: whose the others are is told of nobody.
            if !std::mem::replace(&mut self.denied_more, true) {
                self.channel.gap(GapKind::Overflow, &format!("more than {DENIED} refused calls"));
            }
            return;
        }
        self.denied.insert((process, told.clone()));
        self.deny(process, call, detail);
        // node makes use of io_uring where it can, whatever script it runs, and libraries of memory
        // files: all do without.
        let usual = call == "memfd_create"
            || call.starts_with("io_uring") && self.table.process(process).is_some_and(|it| it.same);
        if hides || self.table.is_watched(process) && !usual {
            self.channel.gap(GapKind::RefusedCall, &told);
        }
    }

    pub(super) fn deny(&mut self, process: ProcessId, call: &str, detail: &str) {
        let event = Event::Denied { process, call: call.to_owned(), detail: detail.to_owned() };
        self.channel.tell_of(process, event);
    }

    pub(super) fn tell_failed_exec(&mut self, process: ProcessId) {
        let failed = self.table.process(process).and_then(|known| known.failed_exec.take());
        if let Some((path, errno)) = failed {
            self.channel.tell_of(process, Event::ExecFailed { process, path, errno });
        }
    }

    /// Gives a lifecycle script, before it begins, a filter of its own, which
    /// whatever it starts has too and npm has not.
    fn watch(&mut self, process: ProcessId, task: Stopped) {
        let code = filter::of_scripts();
        let length = code.len() as u64;
        let payload = |at: u64| {
            // A `struct sock_fprog`, and what it points at.
            let mut bytes = length.to_ne_bytes().to_vec();
            bytes.extend((at + 16).to_ne_bytes());
            for step in &code {
                bytes.extend(step.code.to_ne_bytes());
                bytes.extend([step.jt, step.jf]);
                bytes.extend(step.k.to_ne_bytes());
            }
            bytes
        };
        let arguments = |at: u64| [u64::from(libc::SECCOMP_SET_MODE_FILTER), 0, at, 0, 0, 0];
        let (task, why) = match graft::call(task, libc::SYS_seccomp as u64, payload, arguments) {
            Grafted::Done(task, 0) => {
                task.resume();
                return;
            }
            Grafted::Done(task, result) => (task, sockets::name(result)),
            Grafted::Failed(task, errno) => (task, format!("{errno:?}")),
            Grafted::Ended(pid, how) => return self.ended(pid, how),
        };
        // It has run nothing yet, and unwatched it does not run.
        let detail = format!("the script of process {} could not be watched and was ended: {why}", process.0);
        self.channel.gap(GapKind::Witness, &detail);
        task.kill();
    }
}

/// The program that a call is about to run; `None` where it cannot be read.
fn program(task: &Stopped, call: &Call) -> Option<String> {
    let memory = Memory::of(task)?;
    if call.number as libc::c_long == libc::SYS_execve {
        return memory.path(call.arguments[0]);
    }
    let path = memory.path(call.arguments[1])?;
    if path.is_empty() {
        // AT_EMPTY_PATH: the descriptor itself.
        return procfs::link(task.pid(), &format!("fd/{}", call.arguments[0] as i32)).or(Some(path));
    }
    Some(path)
}
