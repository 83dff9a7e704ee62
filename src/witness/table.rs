//! The processes of a sandbox: who is whose child, by what the tracer saw.
//!
//! A process is known by an ordinal in order of first sight. Its parent is who
//! made it, whatever `getppid` says after a double fork or `CLONE_PARENT`. This
//! module keeps books and makes no system call.

use super::files::Actor;
use crate::wire::{Lifecycle, ProcessId};
use std::collections::BTreeMap;

/// The command itself.
pub(super) const COMMAND: ProcessId = ProcessId(1);

/// What is known of a process.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Who made it.
    pub(super) parent: Option<ProcessId>,
    /// What its first program's environment said, for a direct child of npm's: the
    /// command, or one that it started to prepare a clone. npm set that one; a later
    /// program of the process, its script.
    pub(super) lifecycle: Option<Lifecycle>,
    /// It is an npm that the command started in a clone, or the second command.
    pub(super) is_npm: bool,
    /// The first process of the script that it comes from.
    pub(super) script: Option<ProcessId>,
    /// A script started it, and it is the very npm that is tested.
    pub(super) again: bool,
    /// It has the filter of scripts, by itself or by who made it.
    pub(super) watched: bool,
    /// It runs the command's own executable.
    pub(super) same: bool,
    /// It has run a program of its own.
    pub(super) executed: bool,
    /// The last program it could not run, since it last could.
    pub(super) failed_exec: Option<(String, String)>,
    /// It was alive when the command had exited.
    pub(super) outlived: bool,
    alive: bool,
}

/// A call that was begun, whose end is waited for.
#[derive(Debug)]
pub(super) enum Begun {
    /// A program is to be run.
    Exec(String),
    /// Something is to be reached, by a descriptor.
    Reach(super::sockets::Reach),
    /// Something is to be done to files.
    Touch(super::files::Touch),
    /// The program of a script is in place, and is to be watched before it begins.
    Watch,
}

/// A thread of a process.
#[derive(Debug)]
pub(super) struct Task {
    /// Whose it is.
    pub(super) process: ProcessId,
    /// What it is in the middle of.
    pub(super) begun: Option<Begun>,
}

/// All that was seen, and the tasks that live.
#[derive(Debug, Default)]
pub(super) struct Table {
    processes: Vec<Process>,
    tasks: BTreeMap<i32, Task>,
}

impl Table {
    /// Enters a new process whose first task is `pid`.
    pub(super) fn enter_process(&mut self, pid: i32, parent: Option<ProcessId>) -> ProcessId {
        let known = parent.and_then(|parent| self.process(parent));
        let (watched, script) = known.map_or((false, None), |parent| (parent.watched, parent.script));
        self.processes.push(Process { parent, watched, script, alive: true, ..Process::default() });
        let id = ProcessId(u32::try_from(self.processes.len()).unwrap_or(u32::MAX));
        self.enter_task(pid, id);
        id
    }

    /// Enters a further thread of a process.
    pub(super) fn enter_task(&mut self, task: i32, process: ProcessId) {
        self.tasks.insert(task, Task { process, begun: None });
    }

    /// A living task.
    pub(super) fn task(&mut self, task: i32) -> Option<&mut Task> {
        self.tasks.get_mut(&task)
    }

    /// Whose a living task is.
    pub(super) fn owner(&self, task: i32) -> Option<ProcessId> {
        self.tasks.get(&task).map(|task| task.process)
    }

    /// Whether it is npm: a command of the order, one that a command started in a clone, or the
    /// same npm that a script started.
    pub(super) fn is_npm(&mut self, id: ProcessId) -> bool {
        self.process(id).is_some_and(|process| process.parent.is_none() || process.is_npm || process.again)
    }

    /// It, as who does something to files.
    pub(super) fn actor(&mut self, id: ProcessId) -> Actor {
        let known = self.process(id);
        let (npm, script) = known.map_or((false, None), |known| (known.again, known.script));
        Actor { process: id, npm, script }
    }

    /// Whether it has the filter of scripts.
    pub(super) fn is_watched(&mut self, id: ProcessId) -> bool {
        self.process(id).is_some_and(|process| process.watched)
    }

    /// A task ends; the last one of a process is named by the process's number,
    /// since the kernel reports a leader only after all its threads.
    pub(super) fn leave(&mut self, task: i32) -> Option<Task> {
        self.tasks.remove(&task)
    }

    /// Whether no task of a process lives any more.
    pub(super) fn is_empty_of(&self, process: ProcessId) -> bool {
        !self.tasks.values().any(|task| task.process == process)
    }

    /// A process ends.
    pub(super) fn end(&mut self, process: ProcessId) {
        if let Some(process) = self.process(process) {
            process.alive = false;
        }
    }

    /// A task executed and took the number of its process, in which all other
    /// threads are gone.
    pub(super) fn take_over(&mut self, from: i32, leader: i32) -> Option<ProcessId> {
        let task = self.tasks.remove(&from).or_else(|| self.tasks.remove(&leader))?;
        let process = task.process;
        self.tasks.insert(leader, task);
        Some(process)
    }

    /// A living task of a process.
    pub(super) fn a_task_of(&self, process: ProcessId) -> Option<i32> {
        self.tasks.iter().find(|(_, task)| task.process == process).map(|(pid, _)| *pid)
    }

    /// What the other tasks of a task's process were about to do to files.
    pub(super) fn touches_beside(&mut self, of: i32) -> Vec<(ProcessId, super::files::Touch)> {
        let Some(process) = self.owner(of) else { return Vec::new() };
        let others = self.tasks.iter_mut().filter(|(pid, task)| task.process == process && **pid != of);
        let begun = others.filter_map(|(_, task)| match task.begun.take() {
            Some(Begun::Touch(touch)) => Some((process, touch)),
            other => {
                task.begun = other;
                None
            }
        });
        begun.collect()
    }

    /// What is known of a process.
    pub(super) fn process(&mut self, id: ProcessId) -> Option<&mut Process> {
        self.processes.get_mut((id.0 as usize).checked_sub(1)?)
    }

    /// A command has exited: whatever lives now outlived it.
    pub(super) fn mark_outliving(&mut self) {
        for process in &mut self.processes {
            process.outlived = process.alive;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_follow_first_sight_and_parents_who_made_them() {
        let mut table = Table::default();
        let command = table.enter_process(10, None);
        let child = table.enter_process(12, Some(command));
        assert_eq!((command, child), (COMMAND, ProcessId(2)));
        assert_eq!(table.process(child).unwrap().parent, Some(command));
        assert!(table.process(ProcessId(0)).is_none() && table.process(ProcessId(3)).is_none());
    }

    #[test]
    fn a_thread_that_executes_takes_the_number_of_its_process() {
        let mut table = Table::default();
        let command = table.enter_process(10, None);
        table.enter_task(11, command);
        table.task(11).unwrap().begun = Some(Begun::Exec("/bin/sh".into()));
        assert_eq!(table.take_over(11, 10), Some(command));
        assert!(table.owner(11).is_none());
        assert!(table.task(10).unwrap().begun.is_some());
    }

    #[test]
    fn only_the_living_outlive_the_command() {
        let mut table = Table::default();
        let command = table.enter_process(10, None);
        let (dead, alive) = (table.enter_process(11, Some(command)), table.enter_process(12, Some(command)));
        table.leave(11);
        table.end(dead);
        table.mark_outliving();
        assert!(!table.process(dead).unwrap().outlived && table.process(alive).unwrap().outlived);
        assert!(table.is_empty_of(dead) && !table.is_empty_of(alive));
    }
}
