//! Which process belongs to whose lifecycle script.

use super::layout::Layout;
use super::{PROJECT, Recording, SealContext, in_clone, in_project, redact};
use crate::evidence::fact::{Fed, Package, Process, StandIn};
use crate::project::Project;
use crate::wire::{Event, Exit, ProcessId};
use std::collections::{BTreeMap, BTreeSet};

/// The first command.
const COMMAND: ProcessId = ProcessId(1);
/// Files of the project or of a clone that are kept of one process.
const MAX_RAN: usize = 16;
/// Programs that scripts expect the system to have, and that npm looks for in
/// `node_modules/.bin` first.
const EXPECTED: [&str; 4] = ["sh", "node", "npm", "npx"];

/// Every process that executed something. A process is a script's when it
/// descends from a direct child of npm that npm started for a lifecycle event, or
/// that is a program out of a clone;
/// the environment of anything deeper can be forged, the tree cannot.
pub(super) fn processes(
    recording: &Recording,
    context: &SealContext<'_>,
    layout: &Layout<'_>,
) -> Vec<Process> {
    let mut parents: BTreeMap<ProcessId, ProcessId> = BTreeMap::new();
    let mut found: BTreeMap<ProcessId, Process> = BTreeMap::new();
    let mut scripts: BTreeMap<ProcessId, Script> = BTreeMap::new();
    // The commands, and what npm starts of itself to prepare a clone.
    let mut npms = BTreeSet::from([COMMAND]);
    let mut program: Option<(&str, Option<&String>)> = None;
    let mut fed: BTreeMap<ProcessId, Vec<Fed>> = BTreeMap::new();
    let mut lingering: Vec<(ProcessId, Exit, Option<u64>)> = Vec::new();
    for (event, at_ms) in recording.timed() {
        match event {
            Event::Forked { process, parent: Some(parent) } => {
                parents.insert(*process, *parent);
            }
            Event::Forked { process, parent: None } => {
                npms.insert(*process);
            }
            Event::Executed { process, parent, argv, exe, file, cwd, lifecycle } => {
                if let Some(parent) = parent {
                    parents.entry(*process).or_insert(*parent);
                }
                let parent = parents.get(process).copied();
                let same = Some((exe.as_str(), argv.get(1)));
                if *process == COMMAND {
                    program = program.or(same);
                }
                let first = !found.contains_key(process);
                if first && parent.is_some_and(|parent| npms.contains(&parent)) {
                    let in_a_clone = in_clone(&format!("{cwd}/")).is_some();
                    match lifecycle {
                        Some(lifecycle) => {
                            let folder = package_folder(&lifecycle.package_json);
                            let folder = layout.told(&folder).unwrap_or(folder);
                            let event = Some(lifecycle.event.chars().take(60).collect());
                            scripts.insert(*process, Script { folder, event });
                        }
                        // npm prepares what comes from git by an install of its own in the clone.
                        None if in_a_clone && same == program => {
                            npms.insert(*process);
                        }
                        // A program out of a repository that its own npmrc has npm run (`git=`).
                        None => {
                            let clone = [exe, file].into_iter().find_map(|path| clone_of(path));
                            if let Some(folder) = clone {
                                scripts.insert(*process, Script { folder, event: None });
                            }
                        }
                    }
                }
                let hide = |text: &String| redact(text, context.secrets);
                let known = found.remove(process);
                let started_ms = known.as_ref().map_or(at_ms, |known| known.started_ms);
                let (exit, outlived, mut ran, before) = known.map_or_else(
                    || (None, false, Vec::new(), None),
                    |known| (known.exit, known.outlived, known.ran, known.stand_in),
                );
                let stand_in = before
                    .or_else(|| stand_in(argv, exe, file))
                    .map(|found| StandIn { name: found.name, file: hide(&found.file) });
                for path in [exe, file] {
                    let path = hide(path);
                    let strangers = in_project(&path).is_some() || in_clone(&path).is_some();
                    if strangers && ran.len() < MAX_RAN && !ran.contains(&path) {
                        ran.push(path);
                    }
                }
                found.insert(
                    *process,
                    Process {
                        id: *process,
                        parent,
                        argv: argv.iter().map(hide).collect(),
                        exe: hide(exe),
                        cwd: hide(cwd),
                        package: None,
                        package_name: None,
                        version: None,
                        event: None,
                        exit,
                        outlived,
                        ran,
                        stand_in,
                        fed: Vec::new(),
                        started_ms,
                        ended_ms: None,
                    },
                );
            }
            Event::Fed { process, by, path } => {
                let told = in_project(path).and_then(|path| layout.told(path));
                let path = told.map_or_else(|| path.clone(), |told| format!("{PROJECT}/{told}"));
                fed.entry(*process).or_default().push(Fed { by: *by, file: redact(&path, context.secrets) });
            }
            Event::Exited { process, how, outlived } => {
                if let Some(process) = found.get_mut(process) {
                    process.outlived |= outlived;
                    process.ended_ms = at_ms;
                    process.exit = Some(told(*how));
                } else if *outlived {
                    lingering.push((*process, *how, at_ms));
                }
            }
            Event::Ready
            | Event::ExecFailed { .. }
            | Event::Connected { .. }
            | Event::Read { .. }
            | Event::Denied { .. }
            | Event::Unpacked { .. }
            | Event::Installed { .. }
            | Event::Changed(_)
            | Event::CommandExited { .. }
            | Event::Gap { .. }
            | Event::Ended { .. } => {}
        }
    }
    // A subshell reads and is listed nowhere: whoever made it stands for it.
    for (process, read) in fed {
        let mut at = Some(process);
        let mut steps = parents.len();
        while let Some(here) = at.filter(|here| !found.contains_key(here) && steps > 0) {
            at = parents.get(&here).copied();
            steps -= 1;
        }
        if let Some(known) = at.and_then(|at| found.get_mut(&at)) {
            known.fed.extend(read);
        }
    }
    for fork in lingering {
        outlive(fork, &parents, &mut found);
    }
    let mut all: Vec<Process> = found.into_values().collect();
    let mut roots = Roots { parents: &parents, scripts: &scripts, known: BTreeMap::new() };
    for process in &mut all {
        if let Some(Script { folder, event }) = roots.of(process.id).and_then(|root| scripts.get(&root)) {
            process.package = Some(folder.clone());
            process.event.clone_from(event);
        }
    }
    all
}

fn told(how: Exit) -> String {
    match how {
        Exit::Code(code) => code.to_string(),
        Exit::Signal(signal) => format!("signal {signal}"),
    }
}

/// Enters a process that outlived the command and executed nothing itself: it runs the program of
/// whoever made it. One of each maker tells enough, where a script leaves thousands.
fn outlive(
    (process, how, ended_ms): (ProcessId, Exit, Option<u64>),
    parents: &BTreeMap<ProcessId, ProcessId>,
    found: &mut BTreeMap<ProcessId, Process>,
) {
    let mut passed = BTreeSet::new();
    let mut at = process;
    let maker = loop {
        let Some(parent) = parents.get(&at).filter(|parent| passed.insert(**parent)) else { return };
        if let Some(maker) = found.get(parent) {
            break maker;
        }
        at = *parent;
    };
    if maker.outlived {
        return;
    }
    let fork = Process {
        id: process,
        parent: Some(maker.id),
        exit: Some(told(how)),
        outlived: true,
        started_ms: None,
        ended_ms,
        ran: Vec::new(),
        stand_in: None,
        fed: Vec::new(),
        ..maker.clone()
    };
    let already =
        found.values().any(|known| known.outlived && known.parent == fork.parent && known.argv == fork.argv);
    if !already {
        found.insert(process, fork);
    }
}

/// What npm started for a package.
struct Script {
    /// The package's folder, as [`package_folder`] gives it.
    folder: String,
    /// The lifecycle event; `None` for a program that a repository's settings name.
    event: Option<String>,
}

/// From which script's first process each comes. A script can put as many processes between
/// itself and what it does as it likes, so that there is no bound on how far up that is.
struct Roots<'a> {
    parents: &'a BTreeMap<ProcessId, ProcessId>,
    scripts: &'a BTreeMap<ProcessId, Script>,
    known: BTreeMap<ProcessId, Option<ProcessId>>,
}

impl Roots<'_> {
    fn of(&mut self, process: ProcessId) -> Option<ProcessId> {
        let mut way = Vec::new();
        let mut at = Some(process);
        let root = loop {
            let Some(here) = at else { break None };
            if self.scripts.contains_key(&here) {
                break Some(here);
            }
            if let Some(root) = self.known.get(&here) {
                break *root;
            }
            // Whoever comes by here once more, in a tree with a loop that only a forged
            // recording has, belongs to nobody.
            self.known.insert(here, None);
            way.push(here);
            at = self.parents.get(&here).copied();
        };
        for passed in way {
            self.known.insert(passed, root);
        }
        root
    }
}

/// Folders beside the project that scripts can put a program into.
const WRITABLE: [&str; 4] = ["/home/npm/", "/tmp/", "/var/tmp/", "/dev/shm/"];

/// Whether scripts can have put a program there.
fn by_script(path: &str) -> bool {
    in_project(path).is_some() || WRITABLE.iter().any(|folder| path.starts_with(folder))
}

/// Whether a program of the project's runs under a name that the system has. A
/// native one keeps the name as its first argument; of one that a `#!` line hands
/// to another program, the kernel puts the path that was found behind that one.
fn stand_in(argv: &[String], exe: &str, file: &str) -> Option<StandIn> {
    let name = |word: &str| EXPECTED.iter().find(|name| word.rsplit('/').next() == Some(**name));
    let native = argv.first().filter(|_| by_script(exe));
    let handed = argv
        .iter()
        .skip(1)
        .take(2)
        .find(|word| in_project(word).is_some_and(|path| path.contains(".bin/")) && by_script(file));
    let name = native.into_iter().chain(handed).find_map(|word| name(word))?;
    let file = if by_script(file) { file } else { exe };
    Some(StandIn { name: (*name).to_owned(), file: file.to_owned() })
}

/// Who stands for a process: itself, or the nearest that it comes from and that
/// executed something. A subshell opens files and is listed nowhere.
pub(super) fn standing(events: &[Event], processes: &[Process]) -> BTreeMap<ProcessId, ProcessId> {
    let mut standing: BTreeMap<ProcessId, ProcessId> =
        processes.iter().map(|process| (process.id, process.id)).collect();
    for event in events {
        if let Event::Forked { process, parent: Some(parent) } = event
            && !standing.contains_key(process)
            && let Some(known) = standing.get(parent).copied()
        {
            standing.insert(*process, known);
        }
    }
    standing
}

/// The folder of the clone that a file lies in.
fn clone_of(path: &str) -> Option<String> {
    let inner = in_clone(path)?;
    Some(path.strip_suffix(inner)?.trim_end_matches('/').to_owned())
}

/// `node_modules/a` of `/project/node_modules/a/package.json`; the root is `""`;
/// what lies outside the project (a git clone in npm's cache) keeps its path.
fn package_folder(package_json: &str) -> String {
    let folder = package_json.strip_suffix("/package.json").unwrap_or(package_json);
    in_project(folder).unwrap_or(folder).to_owned()
}

/// The lifecycle events that ran, by package path, in order; those of a second command
/// behind those of the first, the same ones once more.
pub(super) fn scripts(processes: &[Process]) -> BTreeMap<&str, Vec<String>> {
    let unmade = processes.iter().filter(|process| process.parent.is_none()).map(|process| process.id);
    let commands: BTreeSet<ProcessId> = unmade.chain([COMMAND]).collect();
    let mut events: BTreeMap<&str, Vec<(ProcessId, &String)>> = BTreeMap::new();
    for process in processes {
        let Some(command) = process.parent.filter(|parent| commands.contains(parent)) else { continue };
        if let (Some(package), Some(event)) = (&process.package, &process.event) {
            let events = events.entry(package).or_default();
            if events.last() != Some(&(command, event)) {
                events.push((command, event));
            }
        }
    }
    let named = |(_, event): (ProcessId, &String)| event.clone();
    events.into_iter().map(|(package, events)| (package, events.into_iter().map(named).collect())).collect()
}

/// Name and version of the package at a path.
pub(super) fn identity(
    path: &str,
    packages: &BTreeMap<&str, &Package>,
    project: &Project,
) -> (Option<String>, Option<String>) {
    if path.is_empty() {
        return (project.manifest.name.clone(), project.manifest.version.clone());
    }
    match packages.get(path) {
        Some(package) => (
            Some(package.name.clone()),
            package.version.clone().or_else(|| package.lock.as_ref().map(|lock| lock.version.clone())),
        ),
        None => (None, None),
    }
}
