//! The events of a run, sorted out by what they tell.

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
    pub(super) reads: Vec<(ProcessId, &'a str)>,
    told: Vec<(GapKind, &'a str)>,
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
            ended: false,
            tree_told: false,
        };
        for event in events {
            line.take(event);
        }
        line
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
            Event::Read { process, path } => self.reads.push((*process, path)),
            Event::CommandExited { how, after_ms } => {
                self.exit = Some(*how);
                self.duration_ms = *after_ms;
            }
            Event::Gap { kind, detail } => self.told.push((*kind, detail)),
            Event::Ended { cut_short, .. } => {
                self.ended = true;
                self.cut_short = *cut_short;
            }
            Event::Ready
            | Event::Forked { .. }
            | Event::ExecFailed { .. }
            | Event::Exited { .. }
            | Event::Connected { .. }
            | Event::Denied { .. } => {}
        }
    }

    /// What the witness said it could not see, and what its silence hides.
    pub(super) fn gaps(&self, recording: &Recording) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = self
            .told
            .iter()
            .map(|(kind, detail)| gap(*kind, *detail, hides_answer(*kind, self.exit)))
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

/// Who made a call that was refused and is told as a gap, by the gap's words: the witness
/// tells the refusal, and then the gap. Of several the first.
pub(super) fn refused(events: &[Event]) -> BTreeMap<&str, ProcessId> {
    let mut all = BTreeMap::new();
    for pair in events.windows(2) {
        if let [Event::Denied { process, .. }, Event::Gap { kind: GapKind::RefusedCall, detail }] = pair {
            all.entry(detail.as_str()).or_insert(*process);
        }
    }
    all
}

fn by_path(packages: &[PackageTree]) -> BTreeMap<&str, &PackageTree> {
    packages.iter().map(|package| (package.path.as_str(), package)).collect()
}
