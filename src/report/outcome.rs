//! From a report to the exit code, and what that code means.
//!
//! A table and nothing else; how the verdict was reached is not known here.

use super::model::Report;
use super::opinion::{Severity, Verdict};

/// How the program ends after a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Sealed, all observed, nothing unaccepted at or above the threshold.
    Sound,
    /// Leaked, exposed or broken, or findings at or above the threshold.
    Failed,
    /// Something could not be observed.
    Unobserved,
    /// Ended before its time.
    Interrupted,
}

impl Outcome {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Sound => 0,
            Self::Failed => 1,
            Self::Unobserved => 3,
            Self::Interrupted => 130,
        }
    }

    /// What the code means, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Sound => "everything asked for was observed and nothing unaccepted was found",
            Self::Failed => "leaked, exposed or broken, or findings at or above the threshold",
            Self::Unobserved => "something could not be observed, so silence proves nothing",
            Self::Interrupted => "interrupted; this is a part of the report",
        }
    }
}

impl Report {
    /// How the program is to end. An accepted verdict counts as sealed.
    pub fn outcome(&self) -> Outcome {
        if self.interrupted {
            return Outcome::Interrupted;
        }
        let accepted = self.accepted_until.is_some();
        let bad = match self.verdict {
            Verdict::Leaked | Verdict::Exposed | Verdict::Broken => !accepted,
            Verdict::Sealed | Verdict::Unobserved | Verdict::NotApplicable => false,
        };
        if bad || self.failing().next().is_some() {
            return Outcome::Failed;
        }
        let unseen = match self.verdict {
            Verdict::Unobserved | Verdict::NotApplicable => true,
            Verdict::Sealed | Verdict::Leaked | Verdict::Exposed | Verdict::Broken => false,
        };
        if unseen || self.coverage.not_applicable.iter().any(|scenario| scenario.asked) {
            return Outcome::Unobserved;
        }
        Outcome::Sound
    }

    /// The findings that make the test fail.
    pub fn failing(&self) -> impl Iterator<Item = &super::opinion::Finding> {
        self.findings.iter().filter(|finding| {
            finding.counts && finding.accepted.is_none() && finding.severity >= self.fail_on
        })
    }

    /// How many findings of a severity count and are not accepted.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.counts && finding.accepted.is_none() && finding.severity == severity)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json::tests::small;
    use crate::report::model::NotApplicable;

    #[test]
    fn each_verdict_has_its_code() {
        let mut report = small();
        report.findings.clear();
        for (verdict, code) in [
            (Verdict::Sealed, 0),
            (Verdict::Leaked, 1),
            (Verdict::Exposed, 1),
            (Verdict::Broken, 1),
            (Verdict::Unobserved, 3),
            (Verdict::NotApplicable, 3),
        ] {
            report.verdict = verdict;
            assert_eq!(report.outcome().code(), code, "{verdict:?}");
        }
    }

    #[test]
    fn a_finding_fails_only_at_the_threshold_uncovered_and_where_it_counts() {
        let mut report = small();
        report.verdict = Verdict::Sealed;
        report.findings.truncate(1);
        report.findings[0].severity = Severity::Warning;
        report.findings[0].accepted = None;
        report.findings[0].counts = true;
        report.fail_on = Severity::Error;
        assert_eq!(report.outcome(), Outcome::Sound);
        report.fail_on = Severity::Warning;
        assert_eq!(report.outcome(), Outcome::Failed);
        report.findings[0].counts = false;
        assert_eq!(report.outcome(), Outcome::Sound);
    }

    #[test]
    fn a_scenario_asked_for_that_does_not_apply_is_not_success() {
        let mut report = small();
        report.verdict = Verdict::Sealed;
        report.findings.clear();
        report.coverage.not_applicable =
            vec![NotApplicable { scenario: "x".into(), reason: "y".into(), asked: true }];
        assert_eq!(report.outcome(), Outcome::Unobserved);
    }

    #[test]
    fn an_accepted_leak_and_an_interruption() {
        let mut report = small();
        report.findings.clear();
        report.verdict = Verdict::Leaked;
        report.accepted_until = Some("2027-03-01".into());
        assert_eq!(report.outcome(), Outcome::Sound);
        report.interrupted = true;
        assert_eq!(report.outcome().code(), 130);
    }
}
