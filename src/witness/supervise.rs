//! Starts the command and follows everything until nothing is left alive.
//!
//! One thread does all of it, since only the tracing thread may speak to a
//! stopped task. It sleeps on `SIGCHLD` and on the channel, and looks at the
//! clock in between.

mod calls;
mod pace;

use super::again::Npm;
use super::channel::Channel;
use super::disk::Disk;
use super::files::Files;
use super::held::Held;
use super::outside::SHARED;
use super::snapshot::Snapshots;
use super::spawn::{self, Started};
use super::table::{Begun, COMMAND, Table};
use super::tracee::{self, Stopped, Waited, Why};
use super::{Fault, procfs};
use crate::wire::{CutShort, Dial, Event, Exit, GapKind, Order, ProcessId};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use pace::Pace;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often memory is added up and the disk looked at.
const TICK: Duration = Duration::from_millis(200);
/// How long a task is held that nobody is known to have made, or the death of
/// one remembered. Its maker's stop comes within microseconds, if it comes.
const STRAY: Duration = Duration::from_millis(500);

enum Phase {
    /// The command runs.
    Running,
    /// It has exited; others get until then.
    Grace(Instant),
    /// Everything is being killed.
    Killing,
}

/// The state of a run.
pub(super) struct Supervisor<'a> {
    order: &'a Order,
    channel: &'a mut Channel,
    signals: SignalFd,
    started: Started,
    /// The process of the command that was started last.
    command: ProcessId,
    began: Instant,
    table: Table,
    snapshots: Option<Snapshots>,
    files: Files,
    phase: Phase,
    cut_short: Option<CutShort>,
    memory: Held,
    disk: Option<Disk>,
    ticked: Instant,
    /// Tasks that stopped for the first time before their maker's stop was seen.
    early: BTreeMap<i32, (Stopped, Instant)>,
    /// Tasks that died before that.
    stillborn: BTreeMap<i32, (Exit, Instant)>,
    pace: Pace,
    /// Calls that were refused, as told.
    denied: BTreeSet<(ProcessId, String)>,
    /// There were more than are told.
    denied_more: bool,
    /// The command's executable and the first argument that it was given: the program it is.
    program: Option<(String, Option<String>)>,
    /// The npm that the command is.
    npm: Option<Npm>,
    /// Who was last killed, and so may be the maker of a stray.
    last_killed: Option<ProcessId>,
}

impl<'a> Supervisor<'a> {
    /// Starts the command of an order.
    pub(super) fn start(order: &'a Order, channel: &'a mut Channel) -> Result<Self, Fault> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGCHLD);
        mask.thread_block().map_err(|errno| Fault::System("sigprocmask", errno))?;
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
            .map_err(|errno| Fault::System("signalfd", errno))?;
        let files = Files::new(&order.secrets);
        let began = channel.start_the_clock();
        channel.tell(Event::Ready);
        for lost in files.lost.iter().filter(|_| order.watch) {
            channel.gap(GapKind::Files, &format!("who reads a planted secret, {lost}"));
        }
        channel.flush();
        let started = spawn::start(order, &order.argv)?;
        let mut table = Table::default();
        if let Some(task) = &started.task {
            let process = table.enter_process(task.pid(), None);
            channel.tell(Event::Forked { process, parent: None });
        }
        Ok(Self {
            order,
            channel,
            signals,
            started,
            command: COMMAND,
            began,
            table,
            snapshots: order.hash.then(|| Snapshots::new(order, &SHARED)),
            files,
            phase: Phase::Running,
            cut_short: None,
            memory: Held::watch(order.memory_limit),
            disk: Disk::watch(order.disk_limit),
            ticked: began,
            early: BTreeMap::new(),
            stillborn: BTreeMap::new(),
            pace: Pace::default(),
            denied: BTreeSet::new(),
            denied_more: false,
            program: None,
            npm: None,
            last_killed: None,
        })
    }

    /// Follows everything to its end and reports it.
    pub(super) fn run(mut self) -> Result<(), Fault> {
        loop {
            self.watch_the_clock();
            match tracee::wait()? {
                Waited::Stopped(task, why) => {
                    self.pace.stopped();
                    self.stopped(task, why);
                    self.pace.handled();
                }
                Waited::Ended(pid, how) => self.ended(pid, how),
                Waited::Nothing if self.pace.is_worth_waiting() => std::hint::spin_loop(),
                Waited::Nothing => self.sleep()?,
                Waited::Empty => break,
            }
        }
        if let Some(snapshots) = self.snapshots.take()
            && self.cut_short != Some(CutShort::Host)
        {
            self.channel.flush();
            snapshots.finish(self.channel, &self.files);
        }
        self.channel.tell(Event::Ended { peak_memory: self.memory.peak(), cut_short: self.cut_short });
        self.channel.flush();
        Ok(())
    }

    fn sleep(&mut self) -> Result<(), Fault> {
        self.channel.flush();
        if self.channel.is_gone() {
            self.cut(CutShort::Host);
        }
        let mut wait = TICK.saturating_sub(self.ticked.elapsed());
        if let Phase::Grace(until) = self.phase {
            wait = wait.min(until.saturating_duration_since(Instant::now()));
        }
        let wait = u16::try_from(wait.as_millis()).unwrap_or(u16::MAX).saturating_add(1);
        let host_matters = self.cut_short != Some(CutShort::Host);
        let mut watched = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if host_matters {
            watched.push(PollFd::new(self.channel.descriptor(), PollFlags::POLLIN));
        }
        match poll(&mut watched, PollTimeout::from(wait)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Fault::System("poll", errno)),
        }
        // The host has nothing more to say: a byte is a wish to end, and so is the end.
        let woken = watched.first().and_then(PollFd::any).unwrap_or(false);
        let host_spoke = watched.get(1).and_then(PollFd::any).unwrap_or(false);
        drop(watched);
        // There is only the one signal, of which the kernel keeps one. What comes after this
        // wakes the next sleep.
        if woken {
            let _taken = self.signals.read_signal();
        }
        if host_spoke {
            self.cut(CutShort::Host);
        }
        Ok(())
    }

    fn watch_the_clock(&mut self) {
        let now = Instant::now();
        let killing = match self.phase {
            Phase::Running => {
                if now.duration_since(self.began) >= Duration::from_millis(self.order.time_limit_ms) {
                    self.cut(CutShort::Time);
                }
                false
            }
            Phase::Grace(until) => {
                if now >= until {
                    self.phase = Phase::Killing;
                    kill_all();
                }
                false
            }
            Phase::Killing => true,
        };
        if now.duration_since(self.ticked) < TICK {
            return;
        }
        self.ticked = now;
        if killing {
            kill_all();
            return;
        }
        if self.memory.is_too_much() {
            self.cut(CutShort::Memory);
        }
        if self.disk.as_mut().is_some_and(Disk::is_full) {
            self.cut(CutShort::Disk);
        }
        self.stillborn.retain(|_, (_, since)| since.elapsed() < STRAY);
        self.adopt_strays();
    }

    fn cut(&mut self, why: CutShort) {
        if self.cut_short.is_none() || why == CutShort::Host {
            self.cut_short = Some(why);
        }
        self.phase = Phase::Killing;
        kill_all();
    }

    /// A task whose maker was killed before its stop could be seen. Who that
    /// was is known only by guess, and that is said.
    fn adopt_strays(&mut self) {
        let due: Vec<i32> = self
            .early
            .iter()
            .filter(|(_, (_, since))| since.elapsed() >= STRAY)
            .map(|(pid, _)| *pid)
            .collect();
        for pid in due {
            let Some((task, _)) = self.early.remove(&pid) else { continue };
            let parent = procfs::parent_of(pid).and_then(|parent| self.table.owner(parent));
            let parent = parent.or(self.last_killed).or(Some(COMMAND));
            self.channel.gap(GapKind::Witness, "the maker of a process died before it could be asked");
            let process = self.table.enter_process(pid, parent);
            self.channel.tell_of(process, Event::Forked { process, parent });
            task.resume();
        }
    }

    fn stopped(&mut self, task: Stopped, why: Why) {
        match why {
            Why::Call => self.call(task),
            Why::EndOfCall => self.end_of_call(task),
            Why::Made(made) => {
                self.made(&task, made);
                task.resume();
            }
            Why::Executed(former) => self.executed(task, former),
            Why::Attached if self.table.owner(task.pid()).is_none() => {
                self.early.insert(task.pid(), (task, Instant::now()));
            }
            Why::Attached => {
                task.resume();
            }
            Why::Group => {
                task.listen();
            }
            // On this one node opens its inspector, to which a script could give npm
            // whatever it is to do. Nobody needs it for an install.
            Why::Signal(libc::SIGUSR1)
                if let Some(npm) = self.table.owner(task.pid())
                    && self.table.is_npm(npm) =>
            {
                self.deny(npm, "kill", "SIGUSR1, which would open npm's debugger");
                task.resume();
            }
            Why::Signal(signal) => {
                task.resume_with(signal);
            }
        }
    }

    fn made(&mut self, maker: &Stopped, made: i32) {
        let Some(parent) = self.table.owner(maker.pid()) else { return };
        let stillborn = self.stillborn.remove(&made);
        let leader = procfs::process_of(made);
        let thread = leader.filter(|leader| *leader != made).and_then(|leader| self.table.owner(leader));
        if let Some(process) = thread {
            if stillborn.is_none() {
                self.table.enter_task(made, process);
            }
        } else if made > 0 {
            let process = self.table.enter_process(made, Some(parent));
            self.channel.tell_of(parent, Event::Forked { process, parent: Some(parent) });
            if let Some((how, _)) = stillborn {
                self.process_ended(process, made, how);
            }
        }
        if let Some((task, _)) = self.early.remove(&made) {
            task.resume();
        }
    }

    fn executed(&mut self, task: Stopped, former: i32) {
        let pid = task.pid();
        let from = if former > 0 { former } else { pid };
        // All other threads are gone, though their ends are still to be told; what they were
        // about to open may be open now, and the new program has not run yet.
        for (process, touch) in self.table.touches_beside(from) {
            self.files.end_unseen(self.table.actor(process), pid, touch, self.channel);
        }
        let Some(process) = self.table.take_over(from, pid) else {
            task.resume();
            return;
        };
        let begun = self.table.task(pid).and_then(|task| task.begun.take());
        self.tell_failed_exec(process);
        let Some(known) = self.table.process(process) else { return };
        let (parent, first) = (known.parent, !known.executed);
        known.executed = true;
        let of_npm = parent == Some(COMMAND)
            || parent.and_then(|parent| self.table.process(parent)).is_some_and(|parent| parent.is_npm);
        let asked = match begun {
            Some(Begun::Exec(path)) => path,
            Some(Begun::Reach(_) | Begun::Touch(_) | Begun::Watch) | None => String::new(),
        };
        let environment = procfs::lifecycle(pid);
        let hidden = environment.is_err();
        let cwd = procfs::link(pid, "cwd").unwrap_or_default();
        let argv = procfs::arguments(pid);
        let exe = procfs::link(pid, "exe").unwrap_or_else(|| asked.clone());
        let program = Some((exe.clone(), argv.get(1).cloned()));
        if process == COMMAND && first {
            self.program.clone_from(&program);
            self.npm = Npm::of(&exe, &argv);
        }
        let again = process != COMMAND
            && self.npm.as_ref().is_some_and(|npm| npm.is(pid, &exe, &argv, &cwd, &self.order.env));
        let same = program == self.program;
        let own = self.program.as_ref().is_some_and(|(own, _)| *own == exe);
        let Some(known) = self.table.process(process) else { return };
        known.same = own;
        known.again = again;
        let started = first && of_npm;
        if started {
            known.lifecycle = environment.unwrap_or_default();
            // npm prepares what comes from git by an install of its own in the clone.
            known.is_npm = known.lifecycle.is_none() && same && cwd.contains("/_cacache/tmp/git-clone");
            // All else that npm starts does a stranger's bidding: scripts, and git with the
            // settings of a repository.
            known.watched = !known.is_npm;
            known.script = known.watched.then_some(process);
        }
        let watched = known.watched;
        let lifecycle = known.lifecycle.clone();
        let file = Path::new(&cwd).join(&asked);
        let file = file.canonicalize().unwrap_or(file).to_string_lossy().into_owned();
        self.channel.tell_of(
            process,
            Event::Executed { process, parent, argv, exe, file, cwd, lifecycle: lifecycle.clone() },
        );
        if hidden {
            // A program that may not be read hides its memory, and so whom it
            // reaches for and what it runs. It gets no chance to.
            self.deny(process, "execve", &asked);
            self.channel
                .gap(GapKind::UnreadableArguments, &format!("a program that cannot be read: {asked}"));
            task.kill().pid();
            return;
        }
        if let (Some(lifecycle), Some(snapshots), true) = (&lifecycle, &mut self.snapshots, first) {
            snapshots.before_script(lifecycle, &self.files, self.channel);
        }
        if self.order.watch && started && watched {
            // A call can be made for it only once its own is over.
            if let Some(known) = self.table.task(pid) {
                known.begun = Some(Begun::Watch);
            }
            task.resume_to_end_of_call();
            return;
        }
        task.resume();
    }

    fn ended(&mut self, pid: i32, how: Exit) {
        self.early.remove(&pid);
        if !self.order.trace {
            if pid == self.started.pid {
                self.command_ended(how);
            }
            return;
        }
        let Some(task) = self.table.leave(pid) else {
            self.stillborn.insert(pid, (how, Instant::now()));
            return;
        };
        match task.begun {
            Some(Begun::Reach(reach)) => self.reached(task.process, pid, reach, Dial::Pending),
            // A thread is ended in the middle of a call by one that executes.
            Some(Begun::Touch(touch)) => {
                let living = self.table.a_task_of(task.process).unwrap_or(pid);
                self.files.end_unseen(self.table.actor(task.process), living, touch, self.channel);
            }
            Some(Begun::Exec(_) | Begun::Watch) | None => {}
        }
        if self.table.is_empty_of(task.process) {
            self.process_ended(task.process, pid, how);
        }
    }

    fn process_ended(&mut self, process: ProcessId, pid: i32, how: Exit) {
        self.table.leave(pid);
        self.tell_failed_exec(process);
        self.table.end(process);
        if matches!(how, Exit::Signal(libc::SIGKILL)) {
            self.last_killed = Some(process);
            // Nobody inside need have done it: the kernel ends whom it likes when memory is short.
            if self.cut_short.is_none() && self.memory.was_short() {
                self.cut(CutShort::Memory);
            }
        }
        let outlived = self.table.process(process).is_some_and(|known| known.outlived);
        self.channel.tell_of(process, Event::Exited { process, how, outlived });
        if process == self.command {
            self.command_ended(how);
        }
    }

    /// Starts the second command, in whose eyes nothing has changed but what the first did.
    fn start_second(&mut self) -> Result<(), Fault> {
        self.channel.flush();
        self.started = spawn::start(self.order, &self.order.then)?;
        // Without a trace nobody is in the table, and the command is known by its number.
        let pid = self.started.pid;
        self.command = if self.started.task.is_some() {
            let process = self.table.enter_process(pid, None);
            if let Some(known) = self.table.process(process) {
                known.is_npm = true;
            }
            self.channel.tell(Event::Forked { process, parent: None });
            process
        } else {
            ProcessId(COMMAND.0 + 1)
        };
        Ok(())
    }

    fn command_ended(&mut self, how: Exit) {
        if let Some(complaint) = self.started.complaint() {
            self.channel.gap(GapKind::Witness, &complaint);
        }
        let second = !self.order.then.is_empty() && self.command == COMMAND;
        if second && how == Exit::Code(0) && matches!(self.phase, Phase::Running) {
            self.table.mark_outliving();
            match self.start_second() {
                Ok(()) => return,
                Err(fault) => self.channel.gap(GapKind::Witness, &format!("the second command: {fault}")),
            }
        }
        let after = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.channel.tell(Event::CommandExited { how, after_ms: after });
        if let Phase::Running = self.phase {
            self.table.mark_outliving();
            self.phase = Phase::Grace(Instant::now() + Duration::from_millis(self.order.grace_ms));
        }
    }
}

/// Everything in this pid namespace but ourselves.
fn kill_all() {
    if std::process::id() == 1 {
        // Nobody there is as good as killed.
        let _none = nix::sys::signal::kill(nix::unistd::Pid::from_raw(-1), Signal::SIGKILL);
    }
}
