//! `incomplete-install`: npm exited 0 and something is not there.

use crate::evidence::ExchangeKind;
use crate::evidence::fact::Reached;
use crate::finding::case::{Case, Run, Sighting, answered, failed_answer, ours, spec};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};
use crate::scenario::Loss;

pub(super) static RULE: Rule = Rule {
    name: "incomplete-install",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Broken,
    title: "npm exited 0 and the tree lacks what the lockfile demands",
    page: include_str!("../../../docs/rules/incomplete-install.md"),
    check: Check::Run(check),
};

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    if !run.worked() || run.lost(Loss::Lockfile) || !run.tree_seen() {
        return Vec::new();
    }
    run.packages()
        .filter(|(_, package)| package.version.is_none() && package.lock.is_some())
        // Unpacked and gone later is a script's doing, and another rule's to tell.
        .filter(|(_, package)| package.source.is_none())
        .filter_map(|(at, package)| {
            let locked = package.lock.as_ref().map(|lock| lock.version.as_str());
            let name = spec(&package.name, locked);
            let failure = run.requests(&package.name).filter(|exchange| failed_answer(exchange)).last();
            let (message, help) = match (package.optional, failure) {
                (false, _) => (
                    format!("npm exited 0 and {name}, which the lockfile demands, is not installed"),
                    "repair its lockfile entry: `resolved` must be a URL that npm can fetch",
                ),
                (true, Some(exchange)) => (
                    format!(
                        "npm exited 0 without the optional {name}: {} {}, and npm dropped it without a word",
                        exchange.host,
                        answered(exchange)
                    ),
                    "make it an ordinary dependency if the project needs it, or test for it after the install",
                ),
                // Refused below HTTP, so that no request tells of it.
                (true, None) if refusing(case, run, &package.path).is_some() => (
                    format!(
                        "npm exited 0 without the optional {name}: {}, and npm dropped it without a word",
                        refusing(case, run, &package.path).unwrap_or_default()
                    ),
                    "make it an ordinary dependency if the project needs it, or test for it after the install",
                ),
                // npm refused it by itself: npm 12 where `resolved` is not at the registry that
                // it believes in (EALLOWREMOTE), all where a mapping is no URL.
                (true, None) if given(run, &package.name, locked) => (
                    format!(
                        "npm exited 0 without the optional {name}: it was given a tarball, refused it, and dropped the package without a word"
                    ),
                    "see which bytes the lockfile's integrity refuses; make it an ordinary dependency if the project needs it",
                ),
                (true, None) if is_in_baseline(case, run, &package.path) => (
                    format!(
                        "npm exited 0 without the optional {name}, which it installs in the baseline, and fetched it from nobody"
                    ),
                    "make it an ordinary dependency if the project needs it, or test for it after the install",
                ),
                // Never there: npm left it out for its own reasons, as for another platform.
                (true, None) => return None,
            };
            let mut sighting = Sighting::new(message, help)
                .package(&package.name)
                .key(&package.path)
                .at(Spot::entry(&package.path))
                .seen(EvidenceKind::Package, at);
            if let Some(exchange) = failure {
                sighting = sighting.seen(EvidenceKind::Exchange, exchange.seq);
            }
            // What we could not fetch, npm could not either.
            if package.optional && failure.is_some_and(ours) {
                sighting = sighting.severity(Severity::Note).forces(Verdict::Unobserved);
            }
            Some(sighting)
        })
        .collect()
}

/// Whether a tarball of the locked version came whole. (One that was unpacked, and taken away
/// again because its script failed, has a source and is another matter.)
fn given(run: &Run<'_>, name: &str, locked: Option<&str>) -> bool {
    run.requests(name).any(|exchange| {
        exchange.kind == ExchangeKind::Tarball
            && exchange.status == Some(200)
            && exchange.version.as_deref().is_none_or(|version| Some(version) == locked)
    })
}

/// Whether the baseline of the same place has a package at this path, and the scenario
/// leaves nothing out by npm's own configuration.
fn is_in_baseline(case: &Case<'_>, run: &Run<'_>, path: &str) -> bool {
    const BASELINE: &str = "baseline";
    let changed = run.scenario.name != BASELINE && !run.scenario.project.npm_config.contains_key("omit");
    changed
        && case.observed().filter(|other| other.scenario.name == BASELINE).any(|other| {
            other.evidence.packages.iter().any(|package| package.path == path && package.version.is_some())
        })
}

/// What the host of a package's own registry did, where npm could not connect to it.
fn refusing(case: &Case<'_>, run: &Run<'_>, path: &str) -> Option<String> {
    let host = case.project.classes.get(path)?.registry.as_ref()?.host();
    let mut tried = run.evidence.connections.iter().filter(|it| it.name.as_deref() == Some(host));
    let silent = tried.clone().any(|connection| connection.outcome == Reached::Pending);
    let refused =
        tried.any(|connection| matches!(connection.outcome, Reached::Refused | Reached::Unreachable));
    let unknown = || {
        run.evidence.lookups.iter().any(|lookup| lookup.name == host && lookup.answer == "NXDOMAIN")
    };
    if refused || unknown() {
        return Some(format!("{host} refused the connection"));
    }
    silent.then(|| format!("{host} did not answer the attempt to connect"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
