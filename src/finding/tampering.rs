//! Whose script did what to whose files, and what of it takes over a package or a program.
//!
//! One place for the rules that tell of files: what one of them says the others leave out, and
//! who is named is whoever the kernel saw.

use super::case::{Case, Run, spec};
use super::rules::{is_local, scripted};
use crate::evidence::fact::{File, Process};
use crate::evidence::seal::PROJECT;
use crate::project::lockfile::LockEntry;
use crate::wire::{Change, ProcessId};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What node finds a package by where it is no folder.
const EXTENSIONS: [&str; 4] = ["", ".js", ".json", ".node"];

/// What scripts of a run did, beside what the lockfile wants.
pub(super) struct Tampering<'a> {
    run: Run<'a>,
    entries: &'a BTreeMap<String, LockEntry>,
    /// Names that packages of the lockfile have.
    names: BTreeSet<&'a str>,
    /// Packages whose scripts ran and that are not the owner's.
    pub(super) others: Vec<String>,
    /// Whether the owner's own scripts ran.
    pub(super) root_ran: bool,
    /// Who is behind a process, as far as it was asked.
    behind: RefCell<BTreeMap<ProcessId, Option<ProcessId>>>,
}

impl<'a> Tampering<'a> {
    pub(super) fn of(case: &Case<'a>, run: &Run<'a>) -> Self {
        let entries = &case.project.lockfile.entries;
        let named = entries.values().flat_map(|entry| [Some(&entry.name), entry.alias.as_ref()]);
        let names = named.flatten().map(|name| name.as_str()).collect();
        let (root_ran, others) = scripted(run);
        Self { run: *run, entries, names, others, root_ran, behind: RefCell::default() }
    }

    /// The script that did it, where that was seen: whoever is behind it, where another put what
    /// it ran.
    pub(super) fn writer(&self, file: &File) -> Option<&'a Process> {
        let process = self.wrote(file)?;
        let mut known = self.behind.borrow_mut();
        let behind = known.entry(process.id).or_insert_with(|| self.behind(process).map(|behind| behind.id));
        behind.and_then(|behind| self.run.process(behind)).or(Some(process))
    }

    /// The script whose process it was.
    fn wrote(&self, file: &File) -> Option<&'a Process> {
        self.run.process(file.process?).filter(|process| process.package.is_some())
    }

    /// Whether a path is that of a package of the lockfile in a `node_modules`.
    pub(super) fn is_installed(&self, path: &str) -> bool {
        path.contains("node_modules/") && self.entries.contains_key(path)
    }

    /// Whether a package of the owner's did it.
    pub(super) fn by_owner(&self, file: &File) -> bool {
        let writer = self.writer(file).and_then(|process| process.package.as_deref());
        writer.map_or(self.others.is_empty(), |path| is_local(&self.run, path))
    }

    /// What a file is found in the place of, where it was put there by a stranger to it: the name
    /// of the package that loses, or of the program. `None` where it takes nothing over.
    pub(super) fn takes_over(&self, file: &File) -> Option<String> {
        if file.change == Change::Removed || self.by_owner(file) {
            return None;
        }
        let inner = in_project(&file.path)?;
        let own = self.writer(file).and_then(|process| process.package.as_deref());
        if own.is_some_and(|own| is_below(inner, own) || file.package.as_deref() == Some(own)) {
            return None;
        }
        let (_, last) = inner.rsplit_once("node_modules/")?;
        if let Some(program) = last.strip_prefix(".bin/") {
            return self.program(program, own);
        }
        if last.starts_with('.') {
            return None;
        }
        let known = |name: &str| self.names.contains(name);
        let slashes = last.match_indices('/').nth(usize::from(last.starts_with('@')));
        let Some((at, _)) = slashes else {
            // Beside the packages: a file, or a link in the place of one.
            let extensions = if file.leads.is_some() { &EXTENSIONS[..1] } else { &EXTENSIONS[..] };
            let mut stems = extensions.iter().filter_map(|extension| last.strip_suffix(extension));
            return stems.find(|stem| known(stem)).map(str::to_owned);
        };
        let owner = file.package.as_deref()?;
        let added = file.change == Change::Added;
        if added && !self.entries.contains_key(owner) && known(&last[..at]) {
            return Some(last[..at].to_owned());
        }
        let found = file.shadows.as_deref()?;
        let name = self.entries.get(owner).map_or(&last[..at], |entry| entry.name.as_str());
        Some(if found == "nothing" { name.to_owned() } else { format!("{found} of {name}") })
    }

    /// A program that scripts find first, but for a package's very own.
    fn program(&self, program: &str, own: Option<&str>) -> Option<String> {
        let has = |entry: &&LockEntry| entry.bins.contains(program);
        let theirs = self.entries.values().filter(has).find(|entry| Some(entry.path.as_str()) != own);
        match theirs {
            Some(entry) => Some(format!("`{program}` of {}", entry.name.as_str())),
            None if own.is_some_and(|own| self.brings(own, program)) => None,
            None => Some(format!("every other `{program}`")),
        }
    }

    /// Whether a program is a package's own: in its `bin`, or of its name.
    pub(super) fn brings(&self, own: &str, program: &str) -> bool {
        self.entries.get(own).is_some_and(|entry| {
            entry.bins.contains(program) || entry.name.as_str().rsplit('/').next() == Some(program)
        })
    }

    /// Whose script put what a process runs: the program in the place of the system's, or files
    /// of its package. Where that is another than its own, it is no deed of that package's.
    pub(super) fn behind(&self, process: &'a Process) -> Option<&'a Process> {
        let own = process.package.as_deref()?;
        let mut at = Some(process);
        let mut stand_in = None;
        // What lay in its folder when it was read may be put back since.
        let mut fed = None;
        while let Some(here) = at.filter(|here| here.package.as_deref() == Some(own)) {
            stand_in = stand_in.or(here.stand_in.as_ref());
            fed = fed.or_else(|| self.fed(here, own));
            at = here.parent.filter(|parent| *parent < here.id).and_then(|parent| self.run.process(parent));
        }
        if fed.is_some() {
            return fed;
        }
        let files = &self.run.evidence.files;
        files.iter().filter(|file| file.change != Change::Removed).find_map(|file| {
            let writer = self.wrote(file).filter(|writer| self.is_stranger(writer, own))?;
            let put = stand_in.is_some_and(|program| {
                file.path == program.file || file.path.ends_with(&format!("/.bin/{}", program.name))
            });
            let changed = !own.is_empty() && file.package.as_deref() == Some(own);
            (put || changed).then_some(writer)
        })
    }

    /// Whose script wrote a file of the package's that one of its processes read.
    fn fed(&self, process: &Process, own: &str) -> Option<&'a Process> {
        let files =
            process.fed.iter().filter(|fed| in_project(&fed.file).is_some_and(|path| is_below(path, own)));
        let mut writers = files.filter_map(|fed| self.run.process(fed.by));
        writers.find(|writer| self.is_stranger(writer, own))
    }

    /// Whether a process is another package's script, and none of the owner's.
    fn is_stranger(&self, process: &Process, own: &str) -> bool {
        process.package.as_deref().is_some_and(|package| package != own && !is_local(&self.run, package))
    }

    /// "the postinstall script of left-pad@1.3.0"; of whom was not seen, who may have been it.
    pub(super) fn who(&self, writer: Option<&Process>) -> String {
        match writer {
            Some(process) => script(process),
            None if self.others.is_empty() => "a script, most likely the root project's,".to_owned(),
            None if self.root_ran => {
                format!("a script of {}, or the root project's,", self.others.join(", "))
            }
            None => format!("a script of {}", self.others.join(", ")),
        }
    }
}

/// "the postinstall script of left-pad@1.3.0".
pub(super) fn script(process: &Process) -> String {
    let event = process.event.as_deref().unwrap_or("lifecycle");
    format!("the {event} script of {}", spec(&super::case::owner(process), process.version.as_deref()))
}

/// What a script does, or what another put into its way.
pub(super) fn deed(behind: Option<&Process>, process: &Process) -> String {
    match behind {
        Some(behind) => format!("what {} put into the way of {}", script(behind), script(process)),
        None => script(process),
    }
}

/// A path in the project, relative to it.
pub(super) fn in_project(path: &str) -> Option<&str> {
    path.strip_prefix(PROJECT)?.strip_prefix('/')
}

/// Whether a path is a folder, or lies in it; the root project's own is no such folder.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    !folder.is_empty()
        && path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
