//! Opinions on evidence: rules, verdicts, acceptances and the exit code.
//!
//! Pure. Everything here is decided from the project as read and the evidence
//! as sealed, so it is tested on recorded evidence alone; it must not know a
//! sandbox, a gateway or a report's format, and reaches no socket and no process.

mod accepted;
mod around;
mod asked;
mod case;
mod failure;
#[cfg(test)]
pub(crate) mod fixture;
mod hosts;
mod judge;
mod location;
mod many;
mod refusal;
pub mod rule;
mod rules;
mod run_verdict;
mod settle;
mod sight;
mod tampering;
mod unite;
mod unread;
pub mod verdict;

use crate::text::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use case::{Ground, JudgedRun, Observed};
pub use hosts::NamedHosts;
pub use judge::{Options, judge};
pub use rule::{RULES, Rule, explain};
pub use settle::{Basis, Judgement, Limits, RunFact, RunVerdict, Seen, counts};
pub use sight::{Sight, SightedFact};
pub use unite::{Part, united};
pub use verdict::Verdict;

/// How bad a finding is, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth mending.
    Warning,
    /// Wrong.
    Error,
}

impl Severity {
    /// As reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure a rule is of what it says, least sure first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// One reading of several.
    Low,
    /// Likely.
    Medium,
    /// Proven by the evidence it points at.
    High,
}

/// An opinion of a rule. One fault is one finding, in however many runs it showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule's name.
    pub rule: String,
    /// How bad it is here. A finding that does not count is a note.
    pub severity: Severity,
    /// How sure the rule is.
    pub confidence: Confidence,
    /// The runs in which it showed, in the order they were given; empty for
    /// what the project's files alone show.
    pub runs: Vec<String>,
    /// The package it is about, by name.
    pub package: Option<String>,
    /// What happened, one sentence without a full stop.
    pub message: String,
    /// The same for the same fault in another invocation: 32 hexadecimal digits.
    pub fingerprint: String,
    /// Set where an `[[accepted]]` entry covers it.
    pub accepted: Option<Acceptance>,
    /// Whether it counts toward the verdict and the exit code. What shows only
    /// in the control or in runs that take away more than the required margin
    /// leaves does not.
    pub counts: bool,
    /// What it rests on.
    pub evidence: Vec<EvidenceRef>,
    /// Where in the user's own files it can be mended.
    pub location: Option<Place>,
    /// What to do, one sentence without a full stop.
    pub help: String,
}

/// An `[[accepted]]` entry that covers a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acceptance {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: Option<String>,
    /// Until when, `2027-03-01`; `None` has no end.
    pub until: Option<String>,
}

/// A fact of a run that a finding points at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceRef {
    /// The run's id.
    pub run: String,
    /// The list it is in.
    pub kind: EvidenceKind,
    /// `seq` of an exchange or a look-up, `id` of a process, else the index in the list.
    pub at: u32,
}

/// The lists of a run's evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// `exchanges`, by `seq`.
    Exchange,
    /// `lookups`, by `seq`.
    Lookup,
    /// `processes`, by `id`.
    Process,
    /// `packages`, by index.
    Package,
    /// `connections`, by index.
    Connection,
    /// `files`, by index.
    File,
    /// `gaps`, by index.
    Gap,
    /// `reads`, by index.
    Read,
}
