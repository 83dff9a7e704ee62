//! Verdicts and findings in the words of the report.
//!
//! Plain data that any rule can be turned into; it must not know a single rule.

use crate::text::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A verdict, mildest first, so that the greatest is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The scenario means nothing for this project.
    NotApplicable,
    /// What the scenario demands held.
    Sealed,
    /// It could not be measured, so silence proves nothing.
    Unobserved,
    /// An install that must work did not, or gave another tree.
    Broken,
    /// The boundary was crossed and nothing foreign was installed.
    Exposed,
    /// A stranger won.
    Leaked,
}

impl Verdict {
    /// As reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Sealed => "sealed",
            Self::Unobserved => "unobserved",
            Self::Broken => "broken",
            Self::Exposed => "exposed",
            Self::Leaked => "leaked",
        }
    }
}

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
    /// The rule's name: `silent-fallback`.
    pub rule: String,
    /// How bad it is here.
    pub severity: Severity,
    /// How sure the rule is.
    pub confidence: Confidence,
    /// Ids of the runs in which it showed; empty for what the project's files alone show.
    pub runs: Vec<String>,
    /// The package it is about, by name.
    pub package: Option<String>,
    /// What happened, one sentence without a full stop.
    pub message: String,
    /// The same for the same fault in every report of the project.
    pub fingerprint: String,
    /// Set where an `[[accepted]]` entry covers it.
    pub accepted: Option<Acceptance>,
    /// Whether it counts toward the verdict and the exit code.
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
}
