//! What a rule is, and the table of all of them.

use super::case::{Case, Run, Sighting};
pub use super::rules::RULES;
use super::{Confidence, Severity, Verdict};

/// A rule: its name, how bad and how sure it is, and its page.
pub struct Rule {
    /// Its name, which its file, page, fixture and test share.
    pub name: &'static str,
    /// How bad what it says is; a rule may say a milder or worse one of a case.
    pub severity: Severity,
    /// How sure it is as a rule.
    pub confidence: Confidence,
    /// The least verdict of a run in which it shows.
    pub forces: Verdict,
    /// One line for lists.
    pub title: &'static str,
    /// Its page, Markdown.
    pub page: &'static str,
    pub(super) check: Check,
}

/// How a rule looks.
pub(super) enum Check {
    /// At one run after another.
    Run(fn(&Case<'_>, &Run<'_>) -> Vec<Sighting>),
    /// At the project and all runs together.
    Report(fn(&Case<'_>) -> Vec<Sighting>),
    /// At the project and all runs together, knowing the verdict of each.
    Verdicts(fn(&Case<'_>, &[Verdict]) -> Vec<Sighting>),
    /// At the acceptances, knowing which of them covered something.
    Acceptances(fn(&Case<'_>, &[bool]) -> Vec<Sighting>),
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Rule").field(&self.name).finish()
    }
}

/// The rule of a name, for `explain`.
pub fn explain(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name)
}
