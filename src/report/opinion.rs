//! Verdicts and findings as the rules make them; the report holds them unchanged.

pub use crate::finding::{Acceptance, Confidence, EvidenceKind, EvidenceRef, Finding, Severity, Verdict};
