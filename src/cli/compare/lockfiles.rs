//! `sealcheck compare --lockfile REV1..REV2`: what an update of the lockfile changes.

use crate::cli::Code;
use crate::cli::arguments::{CompareArguments, Talk};
use crate::text::Complaint;

/// Reads both lockfiles and prints what differs.
pub(super) fn run(_arguments: &CompareArguments, _talk: &Talk) -> anyhow::Result<Code> {
    Err(Complaint::about("lockfiles are not compared by this version").into())
}
