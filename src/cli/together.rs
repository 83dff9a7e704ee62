//! Several projects in one invocation: each tested or carried over, and one report of all.

use super::arguments::{Talk, TestArguments};
use super::carry::{self, Earlier};
use super::options::{self, ReportTarget};
use super::save::{self, several};
use super::test::{Done, Prepared, one, worse};
use super::{Code, assemble, baseline, say};
use crate::report::collection::{Collection, Entry};
use crate::text::Complaint;
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What is wanted of them all.
pub(super) struct Together {
    reports: Vec<ReportTarget>,
    earlier: Option<Earlier>,
    started: jiff::Timestamp,
    clock: Instant,
}

impl Together {
    /// Complains before anything runs.
    pub(super) fn of(arguments: &TestArguments, talk: &Talk) -> Result<Self, Complaint> {
        let reports = options::report_targets(arguments)?;
        several::probe_all(&reports)?;
        Ok(Self {
            reports,
            earlier: carry::earlier(&arguments.carrying, talk.quiet)?,
            started: jiff::Timestamp::now(),
            clock: Instant::now(),
        })
    }

    /// Tests one after the other, in the order in which they were named, and reports.
    pub(super) fn run(
        mut self,
        runtime: &Runtime,
        ready: Vec<Prepared>,
        talk: &Talk,
        stop: &watch::Receiver<bool>,
    ) -> anyhow::Result<Code> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut due: Vec<Prepared> = Vec::new();
        for prepared in ready {
            match self.earlier.as_mut().and_then(|earlier| earlier.of(&prepared)) {
                Some(entry) => entries.push(entry),
                None => due.push(prepared),
            }
        }
        // What of the earlier report stands for nothing is not kept for hours.
        self.earlier = None;
        let (mut worst, mut missing, mut fault) = (Code::Good, Vec::new(), None);
        let total = due.len();
        let mut due = due.into_iter();
        for (at, prepared) in due.by_ref().enumerate() {
            let path = prepared.shown.clone();
            if !talk.quiet {
                say(&format!("{path}: project {} of {total}", at + 1));
            }
            let done = runtime.block_on(one(prepared, stop.clone()));
            match done {
                Ok(done) => {
                    let (entry, code, unsaved) = keep(path, done);
                    entries.push(entry);
                    worst = worse(worst, code);
                    fault = fault.or(unsaved);
                }
                Err(error) => {
                    missing.push(path);
                    fault = Some(error);
                    break;
                }
            }
            if *stop.borrow() {
                worst = worse(worst, Code::Interrupted);
                break;
            }
        }
        missing.extend(due.map(|prepared| prepared.shown));
        let ms = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        let all = Collection::new(assemble::tool(), self.started.to_string(), ms, *stop.borrow())
            .of(entries, missing);
        several::collection(&all, &self.reports, talk)?;
        // What was seen of the others is shown all the same.
        match fault {
            Some(error) => Err(error),
            None => Ok(worst),
        }
    }
}

/// The entry of what was tested. Reports that a project's own file asks for are as they would
/// be alone; that one could not be written is no reason not to test the others.
fn keep(path: String, done: Done) -> (Entry, Code, Option<anyhow::Error>) {
    let Done { report, options, talk, says, code } = done;
    let unsaved = save::files(&report, &options.reports, &talk).err();
    if !(talk.quiet && code == Code::Good) {
        baseline::tell(&says);
    }
    let name = report.project.name.clone();
    (Entry { path, name, carried: None, report }, code, unsaved)
}
