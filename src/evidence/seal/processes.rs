//! Which process belongs to whose lifecycle script.

use super::{SealContext, in_project, redact};
use crate::evidence::fact::{Package, Process};
use crate::project::Project;
use crate::wire::{Event, Exit, ProcessId};
use std::collections::BTreeMap;

/// The command itself.
const COMMAND: ProcessId = ProcessId(1);
/// Files of the project that are kept of one process.
const MAX_RAN: usize = 16;
/// How far up a tree is walked; the witness's tree has no loops, a forged recording may.
const DEPTH: usize = 10_000;

/// Every process that executed something. A process is a script's when it
/// descends from a direct child of npm that npm started for a lifecycle event;
/// the environment of anything deeper can be forged, the tree cannot.
pub(super) fn processes(events: &[Event], context: &SealContext<'_>) -> Vec<Process> {
    let mut parents: BTreeMap<ProcessId, ProcessId> = BTreeMap::new();
    let mut found: BTreeMap<ProcessId, Process> = BTreeMap::new();
    let mut scripts: BTreeMap<ProcessId, (String, String)> = BTreeMap::new();
    for event in events {
        match event {
            Event::Forked { process, parent: Some(parent) } => {
                parents.insert(*process, *parent);
            }
            Event::Executed { process, parent, argv, exe, file, cwd, lifecycle } => {
                if let Some(parent) = parent {
                    parents.entry(*process).or_insert(*parent);
                }
                let parent = parents.get(process).copied();
                if let Some(lifecycle) = lifecycle
                    && parent == Some(COMMAND)
                {
                    let folder = package_folder(&lifecycle.package_json);
                    let event = lifecycle.event.chars().take(60).collect();
                    scripts.entry(*process).or_insert((folder, event));
                }
                let hide = |text: &String| redact(text, context.secrets);
                let (exit, outlived, mut ran) = found.get(process).map_or_else(
                    || (None, false, Vec::new()),
                    |known| (known.exit.clone(), known.outlived, known.ran.clone()),
                );
                for path in [exe, file] {
                    let path = hide(path);
                    if in_project(&path).is_some() && ran.len() < MAX_RAN && !ran.contains(&path) {
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
                    },
                );
            }
            Event::Exited { process, how, outlived } => {
                if let Some(process) = found.get_mut(process) {
                    process.outlived |= outlived;
                    process.exit = Some(match how {
                        Exit::Code(code) => code.to_string(),
                        Exit::Signal(signal) => format!("signal {signal}"),
                    });
                }
            }
            Event::Forked { parent: None, .. }
            | Event::Ready
            | Event::ExecFailed { .. }
            | Event::Connected { .. }
            | Event::Denied { .. }
            | Event::Unpacked { .. }
            | Event::Installed { .. }
            | Event::Changed(_)
            | Event::CommandExited { .. }
            | Event::Gap { .. }
            | Event::Ended { .. } => {}
        }
    }
    let mut all: Vec<Process> = found.into_values().collect();
    for process in &mut all {
        let mut at = process.id;
        for _ in 0..DEPTH {
            if let Some((folder, event)) = scripts.get(&at) {
                process.package = Some(folder.clone());
                process.event = Some(event.clone());
                break;
            }
            match parents.get(&at) {
                Some(parent) => at = *parent,
                None => break,
            }
        }
    }
    all
}

/// `node_modules/a` of `/project/node_modules/a/package.json`; the root is `""`;
/// what lies outside the project (a git clone in npm's cache) keeps its path.
fn package_folder(package_json: &str) -> String {
    let folder = package_json.strip_suffix("/package.json").unwrap_or(package_json);
    in_project(folder).unwrap_or(folder).to_owned()
}

/// The lifecycle events that ran, by package path, in order.
pub(super) fn scripts(processes: &[Process]) -> BTreeMap<&str, Vec<String>> {
    let mut events: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for process in processes.iter().filter(|process| process.parent == Some(COMMAND)) {
        if let (Some(package), Some(event)) = (&process.package, &process.event) {
            let events = events.entry(package).or_default();
            if events.last() != Some(event) {
                events.push(event.clone());
            }
        }
    }
    events
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
