//! `install-failed`: what must work did not.

use crate::finding::case::{Case, Run, Sighting};
use crate::finding::failure;
use crate::finding::rule::{Check, Rule};
use crate::finding::refusal::refusal;
use crate::finding::run_verdict::upstream_out_of_reach;
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "install-failed",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Broken,
    title: "an install that must work failed",
    page: include_str!("../../../docs/rules/install-failed.md"),
    check: Check::Run(check),
};

/// Characters of what happened in the message; npm's own text stands whole beside the run.
const EXPLANATION: usize = 400;

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    if !run.must_work() || !run.failed() || upstream_out_of_reach(run).is_some() || refusal(case, run).is_some() {
        return Vec::new();
    }
    let mut message = format!("`{}` {}", run.command(), run.ending());
    let Some(error) = &run.evidence.npm_error else {
        message.push_str(" without an error of npm's");
        return vec![Sighting::new(message, "run the same command outside the sandbox to see whether it fails there too")];
    };
    let failure = failure::explain(case, run, error);
    message.push_str(&format!(" with {}", error.name()));
    if let Some(shown) = &failure.shown {
        message.push_str(&format!(" for {shown}"));
        match failure.others {
            0 => {}
            1 => message.push_str(" and 1 more"),
            more => message.push_str(&format!(" and {more} more")),
        }
    }
    let what: String = failure.what.chars().take(EXPLANATION).collect();
    if !what.is_empty() {
        message.push_str(&format!(": {what}"));
    }
    let mut sighting = Sighting::new(message, failure.help).key(&error.code).at(failure.spot);
    if failure.kept_back {
        // No registry was asked, so that none has failed the install.
        sighting = sighting.forces(Verdict::Unobserved);
    }
    for seq in failure.exchanges {
        sighting = sighting.seen(EvidenceKind::Exchange, seq);
    }
    if let Some(package) = failure.package {
        sighting = sighting.package(package);
    }
    vec![sighting]
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
