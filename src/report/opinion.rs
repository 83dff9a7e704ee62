//! Verdicts and findings in the words of the report.
//!
//! Plain data that any rule can be turned into; it must not know a single rule.

use crate::text::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is said of a run, and of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// What the scenario demands held.
    Sealed,
    /// Nothing foreign was installed, yet the boundary was crossed.
    Exposed,
    /// A stranger won.
    Leaked,
    /// An install that must work failed, or gave another tree.
    Broken,
    /// It could not be measured, so silence proves nothing.
    Unobserved,
    /// The scenario means nothing for this project.
    NotApplicable,
}

impl Verdict {
    /// The word, as it stands in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Exposed => "exposed",
            Self::Leaked => "leaked",
            Self::Broken => "broken",
            Self::Unobserved => "unobserved",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// How bad it is: the verdict of several is the worst. Leaked, exposed,
    /// broken, unobserved, sealed, not applicable.
    pub fn badness(self) -> u8 {
        match self {
            Self::NotApplicable => 0,
            Self::Sealed => 1,
            Self::Unobserved => 2,
            Self::Broken => 3,
            Self::Exposed => 4,
            Self::Leaked => 5,
        }
    }
}

/// How much a finding matters. Ordered: a note is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something to mend.
    Warning,
    /// Something is wrong.
    Error,
}

impl Severity {
    /// The word, as it stands in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure a finding is. Ordered: low is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A hint.
    Low,
    /// Likely.
    Medium,
    /// Shown by the evidence.
    High,
}

impl Confidence {
    /// The word, as it stands in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// One opinion of a rule, with the runs in which it showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule's name: `silent-fallback`.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// Ids of the runs in which it showed.
    pub runs: Vec<String>,
    /// The package it is about.
    pub package: Option<String>,
    /// One sentence, without a full stop.
    pub message: String,
    /// The same for the same fault in every report of the project.
    pub fingerprint: String,
    /// Who accepted it, if anybody did.
    pub accepted: Option<Accepted>,
    /// Whether it counts toward the exit code; what showed only where defences
    /// were taken away, or in `control`, is told and fails nothing.
    #[serde(default = "counts")]
    pub counts: bool,
    /// What it rests on.
    pub evidence: Vec<Pointer>,
    /// The place in the user's own files.
    pub location: Option<Place>,
    /// What to do about it.
    pub help: String,
}

fn counts() -> bool {
    true
}

/// An `[[accepted]]` entry that covers a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// Why it is put up with.
    pub reason: String,
    /// Who says so.
    pub by: Option<String>,
    /// `2027-03-01`; `None` where it has no end.
    pub expires: Option<String>,
}

/// Points at one observed fact of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Pointer {
    /// The run's id.
    pub run: String,
    /// In which list of the run.
    pub kind: PointerKind,
    /// The place in that list, from 0.
    pub index: usize,
}

/// The lists of a run that a finding can point into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PointerKind {
    /// `exchanges`.
    Exchange,
    /// `lookups`.
    Lookup,
    /// `processes`.
    Process,
    /// `packages`.
    Package,
    /// `connections`.
    Connection,
    /// `files`.
    File,
}
