//! What a test has to say, and the ways of saying it.
//!
//! A [`Report`] is data with a version and a schema; the renderers turn it into
//! bytes and the progress display tells of a test that still runs. This module
//! must not know how anything was observed: it reaches no socket and no
//! process, and a saved report renders as a fresh one does.

pub mod alike;
pub mod baselines;
pub mod collection;
pub mod comparison;
pub mod drift;
pub mod entry;
pub mod forms;
pub mod html;
pub mod intoto;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod merge;
pub mod model;
pub mod opinion;
pub mod outcome;
pub mod places;
pub mod progress;
pub mod quiet;
pub mod review;
pub mod sarif;
pub mod scorecard;
pub mod shard;
pub mod terminal;

pub use collection::{Collection, Saved};
pub use model::{Coverage, Margin, Report, Run, Toolchain};
pub use opinion::{Acceptance, Confidence, EvidenceKind, EvidenceRef, Finding, Severity, Verdict};
pub use outcome::Outcome;
