//! Several projects in one report, `sealcheck/reports/v1`: the worst first.
//!
//! The report of each stands in it whole, as it would stand alone. This module must not
//! judge: it orders what was judged, counts it, and says what is worst.

mod json;
#[cfg(test)]
pub(crate) mod tests;

pub use json::{Saved, schema};

use super::model::{Report, Tool};
use super::opinion::{Severity, Verdict};
use super::outcome::Outcome;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// The version of the form.
pub const SCHEMA: &str = "sealcheck/reports/v1";

/// Everything that a test of several projects has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Collection {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What made it; the report of each project says what made that.
    pub tool: Tool,
    /// When the test began, RFC 3339 in UTC.
    pub started: String,
    /// Milliseconds of the whole test.
    pub duration_ms: u64,
    /// The test was ended before its time; what is here is only a part.
    pub interrupted: bool,
    /// The verdict of the worst project.
    pub verdict: Verdict,
    /// What is worst, one sentence without a full stop.
    pub because: String,
    /// How the program ended; says the exit code.
    pub outcome: Outcome,
    /// Everything that makes the verdict what it is was accepted.
    #[serde(default)]
    pub accepted: bool,
    /// The worst first.
    pub projects: Vec<Entry>,
    /// Projects that were to be tested and were not, as the user named them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A project with its report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Its folder, as the user named it; unique in a collection.
    pub path: String,
    /// Its name, to show.
    pub name: String,
    /// Where its report comes from, if it was not tested this time.
    pub carried: Option<Carried>,
    /// Its report.
    pub report: Report,
}

/// That a report was taken over from an earlier test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Carried {
    /// When that test began, RFC 3339 in UTC.
    pub started: String,
    /// How long before this test that was, in seconds.
    pub age_s: u64,
    /// The file that it was taken from, as the user named it.
    pub from: String,
}

impl Carried {
    /// The day of that test: `2026-11-28`.
    pub fn day(&self) -> &str {
        self.started.split('T').next().unwrap_or_default()
    }
}

impl Entry {
    /// Everything in it holds and was seen, whether now or then.
    pub fn is_sound(&self) -> bool {
        match self.report.outcome {
            Outcome::Sound => true,
            Outcome::Failed | Outcome::Unobserved | Outcome::Interrupted => false,
        }
    }

    fn place(&self) -> impl Ord + use<> {
        let report = &self.report;
        let number = |severity| report.count(severity);
        (
            Reverse((rank(report.outcome), !report.accepted, report.verdict)),
            Reverse([Severity::Error, Severity::Warning, Severity::Note].map(number)),
            self.path.clone(),
        )
    }
}

/// How bad an end is; what was found wrong is worse than what is not known.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Sound => 0,
        Outcome::Interrupted => 1,
        Outcome::Unobserved => 2,
        Outcome::Failed => 3,
    }
}

impl Collection {
    /// Of what became of each project. That some could not be tested is told by `missing`.
    pub fn new(tool: Tool, started: String, duration_ms: u64, interrupted: bool) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            tool,
            started,
            duration_ms,
            interrupted,
            verdict: Verdict::Unobserved,
            because: String::new(),
            outcome: Outcome::Unobserved,
            accepted: false,
            projects: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Takes the projects in, puts the worst first and says what it is.
    #[must_use]
    pub fn of(mut self, projects: Vec<Entry>, missing: Vec<String>) -> Self {
        self.projects = projects;
        self.missing = missing;
        self.projects.sort_by_cached_key(Entry::place);
        let of = |outcome: Outcome| self.projects.iter().any(|entry| entry.report.outcome == outcome);
        self.outcome = if self.interrupted || of(Outcome::Interrupted) {
            Outcome::Interrupted
        } else if of(Outcome::Failed) {
            Outcome::Failed
        } else if of(Outcome::Unobserved) || !self.missing.is_empty() || self.projects.is_empty() {
            Outcome::Unobserved
        } else {
            Outcome::Sound
        };
        // Where only what is missing is wrong, no project's verdict says so.
        let sound = self.projects.first().filter(|worst| !worst.is_sound() || self.outcome == Outcome::Sound);
        self.verdict = sound.map_or(Verdict::Unobserved, |worst| worst.report.verdict);
        self.accepted = sound.is_some_and(|worst| worst.report.accepted);
        self.because = self.reason();
        self
    }

    /// The project that is worst, unless all are sound.
    pub fn worst(&self) -> Option<&Entry> {
        self.projects.first().filter(|entry| !entry.is_sound())
    }

    /// How many projects were taken over from earlier tests.
    pub fn carried(&self) -> usize {
        self.projects.iter().filter(|entry| entry.carried.is_some()).count()
    }

    fn reason(&self) -> String {
        let total = self.projects.len() + self.missing.len();
        let bad = self.projects.iter().filter(|entry| !entry.is_sound()).count();
        let mut parts = Vec::new();
        match self.worst() {
            Some(worst) => {
                let is = if bad == 1 { "is" } else { "are" };
                parts.push(format!("{bad} of {total} projects {is} not sound, the worst is {}", worst.path));
            }
            None if self.missing.is_empty() && total == 1 => {
                parts.push("the one project is sound".to_owned())
            }
            None if self.missing.is_empty() => parts.push(format!("all {total} projects are sound")),
            None => {}
        }
        if !self.missing.is_empty() {
            parts.push(format!("{} of {total} projects were not tested", self.missing.len()));
        }
        match self.carried() {
            0 => {}
            carried => parts.push(format!("{carried} of {total} carried over, not tested now")),
        }
        parts.join("; ")
    }
}
