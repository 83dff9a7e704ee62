//! Which findings are told in full, and which are mere notes that can be done without.

use super::model::Report;
use super::opinion::{Finding, Severity, Verdict};

/// What counts and is not accepted, in the report's order.
pub fn open(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| finding.counts && finding.accepted.is_none())
}

/// A note. Where something went unobserved, how to settle it is what the reader came for.
pub fn is_quiet(report: &Report, finding: &Finding) -> bool {
    let mut runs = finding.runs.iter().filter_map(|id| report.run(id));
    let settles = finding.rule == "not-observed" && runs.any(|run| run.verdict == Verdict::Unobserved);
    finding.severity == Severity::Note && !settles
}
