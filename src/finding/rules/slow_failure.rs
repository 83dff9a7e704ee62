//! `slow-failure`: how long a job hangs before npm says that a registry is dead.

use crate::finding::case::{Case, Run, Sighting};
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};
use crate::scenario::Reach;
use crate::wire::CutShort;

pub(super) static RULE: Rule = Rule {
    name: "slow-failure",
    severity: Severity::Note,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "a dead registry is noticed only after minutes",
    page: include_str!("../../../docs/rules/slow-failure.md"),
    check: Check::Run(check),
};

/// From here on somebody who waits takes it for hanging, in milliseconds.
const SLOW: u64 = 60_000;

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let world = &run.scenario.world;
    let dead = [(world.private, "the private registry"), (world.public, "the public registry")]
        .into_iter()
        .find(|(answer, _)| answer.reach() != Reach::Nothing);
    let Some((answer, which)) = dead else { return Vec::new() };
    let took = run.evidence.duration_ms;
    // Where we shortened npm's times they say nothing of the user's.
    if run.scenario.install.shorten_retries || took < SLOW {
        return Vec::new();
    }
    let says = answer.says();
    let seconds = took / 1000;
    let message = match run.evidence.cut_short {
        Some(CutShort::Time) => {
            format!("{which} {says}, and npm had not given up after {seconds} s, when our time limit ended it")
        }
        None if run.failed() => format!("{which} {says}, and npm gave up after {seconds} s"),
        None | Some(CutShort::Memory | CutShort::Disk | CutShort::Host) => return Vec::new(),
    };
    let set = ["fetch-retries", "fetch-retry-mintimeout", "fetch-retry-maxtimeout", "fetch-timeout"]
        .into_iter()
        .filter_map(|key| Some(format!("{key}={}", case.project.config.plain(key)?)))
        .collect::<Vec<_>>();
    let times = if set.is_empty() { "npm's own retry times are at work".to_owned() } else { set.join(", ") };
    // Who asks once alone has no number to lower.
    let lower = match case.project.config.plain("fetch-retries") {
        Some("0") => "`fetch-timeout`",
        Some(_) | None => "`fetch-retries` and `fetch-timeout`",
    };
    let help = format!("lower {lower} where CI installs, if its time is dear ({times})");
    vec![Sighting::new(message, help).key(&run.scenario.name)]
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
