//! The events of a run, sorted out by what they tell.

use super::layout::{Layout, in_store};
use super::{Recording, gap, hides_answer};
use crate::evidence::fact::Gap;
use crate::wire::{CutShort, Event, Exit, FileChange, GapKind, PackageTree, ProcessId};
use std::collections::{BTreeMap, BTreeSet};

/// What the witness told, by kind.
pub(super) struct Timeline<'a> {
    pub(super) exit: Option<Exit>,
    pub(super) cut_short: Option<CutShort>,
    pub(super) duration_ms: u64,
    pub(super) traced: bool,
    /// The trees before the first script, by path; empty where no script ran.
    pub(super) unpacked: BTreeMap<&'a str, &'a PackageTree>,
    /// The trees at the end, by path.
    pub(super) installed: BTreeMap<&'a str, &'a PackageTree>,
    /// Links at the end: path to target.
    pub(super) links: BTreeMap<&'a str, &'a str>,
    pub(super) changes: Vec<&'a FileChange>,
    /// Secrets that were read, by whom.
    pub(super) reads: Vec<(ProcessId, &'a str, bool)>,
    told: Vec<(GapKind, &'a str, Option<ProcessId>)>,
    /// Whose call was refused last.
    denied: Option<ProcessId>,
    ended: bool,
    tree_told: bool,
}

impl<'a> Timeline<'a> {
    pub(super) fn of(events: &'a [Event]) -> Self {
        let mut line = Self {
            exit: None,
            cut_short: None,
            duration_ms: 0,
            traced: false,
            unpacked: BTreeMap::new(),
            installed: BTreeMap::new(),
            links: BTreeMap::new(),
            changes: Vec::new(),
            reads: Vec::new(),
            told: Vec::new(),
            denied: None,
            ended: false,
            tree_told: false,
        };
        for event in events {
            line.take(event);
        }
        line
    }

    /// Puts what lies in npm's store under the paths of the lockfile, and leaves out the links
    /// that lead there. A link to another package of the store stands for that one's files.
    pub(super) fn relocate(&mut self, layout: &Layout<'a>) {
        let by_folder: BTreeMap<&str, &PackageTree> = self
            .installed
            .iter()
            .filter(|(path, _)| in_store(path))
            .map(|(path, tree)| (*path, *tree))
            .collect();
        for trees in [&mut self.unpacked, &mut self.installed] {
            let stored: Vec<&str> = trees.keys().copied().filter(|path| in_store(path)).collect();
            for folder in stored {
                let paths = layout.paths_of(folder);
                if let Some(tree) = trees.get(folder).copied().filter(|_| !paths.is_empty()) {
                    trees.remove(folder);
                    trees.extend(paths.iter().map(|path| (*path, tree)));
                }
            }
        }
        for (path, target) in std::mem::take(&mut self.links) {
            match by_folder.get(target) {
                Some(_) if layout.paths_of(target).contains(&path) => {}
                // What a package of the store or a member needs, by the name that it asks for.
                Some(_) if !layout.locks(path) && leads_by_name(path, target, layout) => {}
                None if in_store(path) && in_store(target) => {}
                Some(tree) => {
                    self.installed.insert(path, tree);
                }
                None => {
                    self.links.insert(path, target);
                }
            }
        }
    }

    fn take(&mut self, event: &'a Event) {
        match event {
            Event::Executed { .. } => self.traced = true,
            Event::Unpacked { packages } => self.unpacked = by_path(packages),
            Event::Installed { packages, links } => {
                self.installed = by_path(packages);
                self.links = links.iter().map(|link| (link.path.as_str(), link.target.as_str())).collect();
                self.tree_told = true;
            }
            Event::Changed(change) => self.changes.push(change),
            Event::Read { process, path, npm } => self.reads.push((*process, path, *npm)),
            Event::CommandExited { how, after_ms } => {
                self.exit = Some(*how);
                self.duration_ms = *after_ms;
            }
            Event::Gap { kind, detail } => {
                // The witness tells a refusal, and then the gap.
                let process = self.denied.take().filter(|_| *kind == GapKind::RefusedCall);
                self.told.push((*kind, detail, process));
            }
            Event::Denied { process, .. } => self.denied = Some(*process),
            Event::Ended { cut_short, .. } => {
                self.ended = true;
                self.cut_short = *cut_short;
            }
            Event::Ready
            | Event::Fed { .. }
            | Event::Forked { .. }
            | Event::ExecFailed { .. }
            | Event::Exited { .. }
            | Event::Connected { .. } => {}
        }
    }

    /// What the witness said it could not see, and what its silence hides.
    pub(super) fn gaps(&self, recording: &Recording) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = self
            .told
            .iter()
            .map(|(kind, detail, process)| Gap {
                process: *process,
                ..gap(*kind, *detail, hides_answer(*kind, self.exit))
            })
            .collect();
        if !self.ended {
            gaps.push(gap(GapKind::Witness, "the witness ended without a last word", true));
        }
        if self.exit == Some(Exit::Code(0)) && !self.tree_told {
            gaps.push(gap(GapKind::Tree, "the installed tree was not reported", true));
        }
        let opaque: BTreeSet<(&str, u16)> = recording
            .exchanges
            .iter()
            .filter(|exchange| {
                exchange.method == "-" && exchange.scheme == "connect" && exchange.fault.is_none()
            })
            .map(|exchange| (exchange.host.as_str(), exchange.port))
            .collect();
        for (host, port) in opaque {
            gaps.push(gap(
                GapKind::Connection,
                format!("a tunnel to {host}:{port} carried what could not be read"),
                true,
            ));
        }
        gaps
    }
}

/// Whether a link has the name of what it leads to, its own or that of an alias.
fn leads_by_name(path: &str, target: &str, layout: &Layout<'_>) -> bool {
    let name = |path: &'_ str| path.rsplit_once("node_modules/").map(|(_, name)| name.to_owned());
    let targets = layout.paths_of(target).iter().copied().chain([target]);
    targets.map(name).any(|target| target == name(path))
}

fn by_path(packages: &[PackageTree]) -> BTreeMap<&str, &PackageTree> {
    packages.iter().map(|package| (package.path.as_str(), package)).collect()
}
