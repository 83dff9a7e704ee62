//! Projects that are as they were: the saved report of each may stand in the new one.
//!
//! A saved report is whoever's could write the file. It is taken only where it fits all that
//! is known now and does not contradict itself; why one is not taken is said. Where anything
//! is in doubt the project is tested.

use super::arguments::Carrying;
use super::test::Prepared;
use super::{assemble, options, saved, say};
use crate::report::collection::{Carried, Entry, Saved};
use crate::report::model::{ProjectSummary, Report, Tool};
use crate::report::opinion::Verdict;
use crate::report::outcome::Outcome;
use crate::text::Complaint;
use jiff::Timestamp;
use std::time::Duration;

/// How far a clock may be behind the one of the earlier test.
const SKEW: Duration = Duration::from_secs(300);

/// What an earlier test left.
pub(super) struct Earlier {
    from: String,
    /// The most that it may be old.
    age: Duration,
    now: Timestamp,
    tool: Tool,
    reports: Vec<(String, Option<Report>)>,
    /// Nothing but the result is wanted.
    quiet: bool,
}

/// What a saved report must be of.
struct Wanted<'a> {
    inputs: Option<String>,
    tool: &'a Tool,
    project: ProjectSummary,
    /// The id and the scenario of each run.
    runs: Vec<(&'a str, &'a str)>,
    lockfile: String,
}

/// Reads what may be carried over. A file that is not there or not to be read is no fault
/// of this test's: it is said, and every project is tested.
///
/// # Errors
/// An age that is none.
pub(super) fn earlier(carrying: &Carrying, quiet: bool) -> Result<Option<Earlier>, Complaint> {
    let (Some(path), Some(age)) = (&carrying.carry_over, &carrying.carry_over_age) else { return Ok(None) };
    let age = options::duration(age)?;
    let from = path.display().to_string();
    let read = saved::read(path, &from).and_then(|source| Saved::read_source(&source));
    let reports = match read {
        Ok(Saved::One(report)) => vec![(String::new(), Some(*report))],
        Ok(Saved::Many(all)) => {
            // What was carried over then may be so again, for as long as its own date allows.
            all.projects.into_iter().map(|entry| (entry.path, Some(entry.report))).collect()
        }
        Err(complaint) => {
            let said = format!("nothing is carried over, every project is tested: {}", complaint.message);
            if !quiet {
                say(&said);
            }
            Vec::new()
        }
    };
    Ok(Some(Earlier { from, age, now: Timestamp::now(), tool: assemble::tool(), reports, quiet }))
}

impl Earlier {
    fn tell(&self, path: &str, said: &str) {
        if !self.quiet {
            say(&format!("{path}: {said}"));
        }
    }

    /// The project's entry, if its saved report still stands for it.
    pub(super) fn of(&mut self, prepared: &Prepared) -> Option<Entry> {
        let wanted = Wanted::of(prepared, &self.tool)?;
        let at = self.find(&prepared.shown, &wanted)?;
        let report = self.reports[at].1.as_ref()?;
        match self.fits(report, &wanted) {
            Ok(age_s) => {
                let started = report.started.clone();
                self.tell(
                    &prepared.shown,
                    &format!("not tested, carried over from {started}: all is as it was"),
                );
                let carried = Some(Carried { started, age_s, from: self.from.clone() });
                let report = self.reports[at].1.take()?;
                Some(Entry {
                    path: prepared.shown.clone(),
                    name: report.project.name.clone(),
                    carried,
                    report,
                })
            }
            Err(why) => {
                self.tell(&prepared.shown, &format!("tested anew: {why}"));
                None
            }
        }
    }

    /// Which report is this project's: that of its folder, or else the one of its inputs.
    fn find(&self, path: &str, wanted: &Wanted<'_>) -> Option<usize> {
        let there = || self.reports.iter().enumerate().filter(|(_, (_, report))| report.is_some());
        let by_path = there().find(|(_, (known, _))| known == path);
        let by_inputs = there().find(|(_, (_, report))| {
            report.as_ref().is_some_and(|report| {
                report.subject.inputs_sha512.is_some() && report.subject.inputs_sha512 == wanted.inputs
            })
        });
        // The report of one project alone says no folder.
        let alone = there().find(|(_, (known, report))| {
            let named = report.as_ref().is_some_and(|report| report.project.name == wanted.project.name);
            known.is_empty() && named
        });
        let found = by_path.or(by_inputs).or(alone).map(|(at, _)| at);
        if found.is_none() && !self.reports.is_empty() {
            self.tell(path, &format!("tested anew: {} has no report of it", self.from));
        }
        found
    }

    /// Its age in seconds, or why it cannot stand.
    fn fits(&self, report: &Report, wanted: &Wanted<'_>) -> Result<u64, String> {
        match report.outcome {
            Outcome::Sound => {}
            Outcome::Failed => return Err("it was not sound".to_owned()),
            Outcome::Unobserved => return Err("not all of it was observed".to_owned()),
            Outcome::Interrupted => return Err("that test was interrupted".to_owned()),
        }
        if wanted.tool.sha256.is_none() || report.tool != *wanted.tool {
            return Err("another sealcheck tested it".to_owned());
        }
        let Ok(started) = report.started.parse::<Timestamp>() else {
            return Err("its report does not say when that was".to_owned());
        };
        let age = self.now.duration_since(started);
        if age < -jiff::SignedDuration::try_from(SKEW).unwrap_or_default() {
            return Err(format!("its report is of the future ({})", report.started));
        }
        let age = age.unsigned_abs();
        if age > self.age {
            return Err(format!("its report is too old ({})", report.started));
        }
        if report.subject.lockfile_sha512.as_deref() != Some(&wanted.lockfile) {
            return Err("its lockfile has changed".to_owned());
        }
        match (&report.subject.inputs_sha512, &wanted.inputs) {
            (Some(then), Some(now)) if then == now => {}
            (Some(_), Some(_)) => return Err("something that its result depends on has changed".to_owned()),
            (None, _) => return Err("its files were written to while it was tested".to_owned()),
            (_, None) => return Err("its files cannot all be read".to_owned()),
        }
        whole(report, wanted).map_err(|what| format!("its report cannot be believed: {what}"))?;
        Ok(age.as_secs())
    }
}

impl<'a> Wanted<'a> {
    /// `None` where there was no place to run in.
    fn of(prepared: &'a Prepared, tool: &'a Tool) -> Option<Self> {
        let first = prepared.places.first()?;
        let project = &first.loaded.project;
        Some(Self {
            inputs: prepared.inputs.as_ref().map(super::inputs::Inputs::sha512),
            tool,
            project: assemble::summary(project),
            runs: prepared
                .places
                .iter()
                .flat_map(|place| &place.plan.runs)
                .map(|run| (run.id.as_str(), run.scenario.name.as_str()))
                .collect(),
            lockfile: assemble::lockfile_sha512(project),
        })
    }
}

/// Whether a report that calls itself sound says nothing else, and is of all that would be
/// run now.
fn whole(report: &Report, wanted: &Wanted<'_>) -> Result<(), String> {
    if report.interrupted {
        return Err("the test was interrupted".to_owned());
    }
    if let Some(shard) = &report.shard {
        return Err(format!("it is the shard {} of {}", shard.index, shard.count));
    }
    if report.project != wanted.project {
        return Err("it is of another project".to_owned());
    }
    for (id, scenario) in &wanted.runs {
        if report.run(id).is_none_or(|run| run.scenario != *scenario) {
            return Err(format!("the run {id} is not in it"));
        }
    }
    if let Some(run) = report.unseen().next() {
        return Err(format!("the run {} was not observed", run.id));
    }
    let is_bad = |verdict: Verdict| match verdict {
        Verdict::Sealed | Verdict::NotApplicable => false,
        Verdict::Unobserved => true,
        Verdict::Broken | Verdict::Exposed | Verdict::Leaked => !report.accepted,
    };
    if is_bad(report.verdict) {
        return Err(format!("it is {}", report.verdict));
    }
    let mut counted = report.runs.iter().filter(|run| report.counts(run));
    if let Some(run) = counted.find(|run| is_bad(run.verdict)) {
        return Err(format!("the run {} is {}", run.id, run.verdict));
    }
    let loud = report
        .findings
        .iter()
        .find(|finding| finding.counts && finding.accepted.is_none() && finding.severity >= report.fail_on);
    match loud {
        Some(finding) => Err(format!("it has a finding of {}", finding.rule)),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "carry/tests.rs"]
mod tests;
