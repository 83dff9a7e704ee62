//! One side of a comparison: an install of one thing in one circumstance, once or several
//! times, as live evidence or a saved report has it.

use super::noise::Varying;
use crate::evidence::exchange::Lookup;
use crate::evidence::fact::{Connection, Evidence, File, Gap, NpmError, Package, Process, SecretRead};
use crate::wire::{CutShort, Exit, GapKind};
use std::collections::BTreeMap;

/// An install, as it was observed once.
#[derive(Debug, Clone, Copy)]
pub struct Install<'a> {
    /// The command as run.
    pub command: &'a [String],
    /// How npm ended; `None` where that was not seen.
    pub exit: Option<Exit>,
    /// Why it was ended before its time.
    pub cut_short: Option<CutShort>,
    /// What npm said was wrong.
    pub npm_error: Option<&'a NpmError>,
    /// Whether processes were traced.
    pub traced: bool,
    /// What is installed.
    pub packages: &'a [Package],
    /// What ran.
    pub processes: &'a [Process],
    /// What was connected to.
    pub connections: &'a [Connection],
    /// Names that were looked up.
    pub lookups: &'a [Lookup],
    /// What scripts did to files.
    pub files: &'a [File],
    /// Planted secrets that scripts read.
    pub reads: &'a [SecretRead],
    /// What could not be seen.
    pub gaps: &'a [Gap],
}

impl<'a> From<&'a Evidence> for Install<'a> {
    fn from(of: &'a Evidence) -> Self {
        Self {
            command: &of.command,
            exit: of.exit,
            cut_short: of.cut_short,
            npm_error: of.npm_error.as_ref(),
            traced: of.traced,
            packages: &of.packages,
            processes: &of.processes,
            connections: &of.connections,
            lookups: &of.lookups,
            files: &of.files,
            reads: &of.reads,
            gaps: &of.gaps,
        }
    }
}

impl Install<'_> {
    /// npm said that it had done what it was asked.
    pub fn succeeded(&self) -> bool {
        self.exit == Some(Exit::Code(0))
    }

    /// What keeps this install from being known whole, a fragment; `None` where nothing does.
    pub fn blind(&self) -> Option<String> {
        if let Some(why) = self.cut_short {
            let limit = match why {
                CutShort::Time => "at its time limit",
                CutShort::Memory => "at its memory limit",
                CutShort::Disk => "at its disk limit",
                CutShort::Host => "by an interruption",
            };
            return Some(format!("it was ended {limit}"));
        }
        if self.exit.is_none() {
            return Some("its end was not seen".to_owned());
        }
        if !self.traced {
            return Some("its processes were not traced".to_owned());
        }
        self.gaps.iter().find(|gap| gap.hides_answer).map(|gap| gap.detail.clone())
    }
}

/// Equal installs of one side, and what is known to vary between such.
#[derive(Debug, Clone, Default)]
pub struct Side<'a> {
    /// At least one, else nothing is known of this side.
    pub installs: Vec<Install<'a>>,
    /// What varies from one to the next.
    pub noise: Vec<&'a Varying>,
}

impl<'a> Side<'a> {
    /// A side that was observed once.
    pub fn once(install: impl Into<Install<'a>>) -> Self {
        Self { installs: vec![install.into()], noise: Vec::new() }
    }

    /// What keeps this side from being known whole, a fragment. An install that was seen
    /// whole is enough: the others are for the noise.
    pub fn blind(&self) -> Option<String> {
        let Some(first) = self.installs.first() else { return Some("it was not run".to_owned()) };
        if self.installs.iter().any(|install| install.blind().is_none()) {
            return None;
        }
        first.blind()
    }

    /// Those that were seen whole, or all where none was.
    pub(super) fn seen(&self) -> Vec<&Install<'a>> {
        let whole: Vec<_> = self.installs.iter().filter(|install| install.blind().is_none()).collect();
        if whole.is_empty() { self.installs.iter().collect() } else { whole }
    }

    /// What was not followed of an install that was seen whole otherwise: it hides no answer
    /// to whether an install is sealed, and may hide one to what is new.
    pub fn unfollowed(&self) -> BTreeMap<GapKind, &'a str> {
        let gaps = self.seen().into_iter().flat_map(|install| install.gaps);
        gaps.filter(|gap| !gap.hides_answer && may_hide_what_is_new(gap.kind))
            .map(|gap| (gap.kind, gap.detail.as_str()))
            .collect()
    }
}

/// A call that was refused did nothing, and what was refused is told.
fn may_hide_what_is_new(kind: GapKind) -> bool {
    match kind {
        GapKind::RefusedCall => false,
        GapKind::UnreadableArguments
        | GapKind::Tree
        | GapKind::Overflow
        | GapKind::Connection
        | GapKind::Files
        | GapKind::Witness => true,
    }
}
