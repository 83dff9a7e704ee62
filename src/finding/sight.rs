//! What a rule saw of a fault, before all that was seen of it is settled to one finding.
//!
//! It holds whatever its finding needs, so that what the shards of a test saw can be put
//! together without the project and without the evidence.

use super::{Acceptance, Confidence, EvidenceKind, Severity, Verdict};
use crate::text::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One sight of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sight {
    /// The rule's name.
    pub rule: String,
    /// The package it is about, by name.
    pub package: Option<String>,
    /// That of its finding.
    pub fingerprint: String,
    /// Under which toolchain and in which image, from 0.
    pub place: usize,
    /// The runs it showed in, by their index; none where the project's files alone show it.
    pub runs: Vec<usize>,
    /// Whether any of it counts toward the verdict and the exit code.
    pub counts: bool,
    /// How bad it is.
    pub severity: Severity,
    /// How sure the rule is.
    pub confidence: Confidence,
    /// The least verdict of these runs.
    pub forces: Verdict,
    /// What happened, one sentence without a full stop, or the beginning of one.
    pub message: String,
    /// What the message ends in, as a list; of sights of one fault the lists are one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
    /// What to do.
    pub help: String,
    /// Where in the user's own files it can be mended.
    pub location: Option<Place>,
    /// What it rests on.
    pub evidence: Vec<SightedFact>,
    /// The `[[accepted]]` entry that covers it.
    pub accepted: Option<Acceptance>,
}

/// A fact of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SightedFact {
    /// The run, by its index.
    pub run: usize,
    /// The list it is in.
    pub kind: EvidenceKind,
    /// `seq` of an exchange or a look-up, `id` of a process, else the index in the list.
    pub at: u32,
}

impl Sight {
    /// Of the sights of one fault the words of the first of the worst that count stand: in the
    /// order of places and runs, whoever saw it.
    pub(super) fn order(&self) -> (usize, usize) {
        (self.place, self.runs.first().copied().unwrap_or_default())
    }
}
