//! `not-observed`: where we were blind.

use crate::finding::case::{CREDENTIAL_NOT_SET, Case, Run, Sighting, answered, owner, withheld};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::run_verdict::{refused_script, upstream_out_of_reach};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};
use crate::project::class::Class;
use std::collections::{BTreeMap, BTreeSet};

pub(super) static RULE: Rule = Rule {
    name: "not-observed",
    severity: Severity::Note,
    confidence: Confidence::High,
    forces: Verdict::Unobserved,
    title: "something could not be seen",
    page: include_str!("../../../docs/rules/not-observed.md"),
    check: Check::Run(check),
};

/// Names that are written out.
const SHOWN: usize = 10;

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let mut sightings: Vec<Sighting> = (0u32..)
        .zip(&run.evidence.gaps)
        .map(|(at, gap)| {
            let (forces, meaning) = if gap.hides_answer {
                (Verdict::Unobserved, "it may hide the answer")
            } else {
                (Verdict::Sealed, "it hides no answer")
            };
            Sighting::new(
                format!("{}: {meaning}", gap.detail),
                "run `sealcheck doctor`, or try the other backend, to see more",
            )
            .key(&gap.detail)
            .seen(EvidenceKind::Gap, at)
            .forces(forces)
        })
        .collect();
    sightings.extend(undecided(case, run));
    sightings.extend(withheld_token(case, run));
    sightings.extend(download(run));
    sightings.extend(unsearched(run));
    sightings.extend(unread(case, run));
    sightings
}

/// Virtual registries that could not be compared with what lies behind them.
fn unread(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    const NO_DIGEST: &str = "for some versions the two give no digest of the same kind";
    let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    // They were asked once, about the world as it is.
    for resolution in case.resolutions.iter().filter(|_| run.scenario.name == "baseline") {
        let blind = (resolution.uncompared.count > 0).then_some(NO_DIGEST);
        if let Some(why) = resolution.unread.as_deref().or(blind) {
            reasons.entry((&resolution.registry, why)).or_default().push(&resolution.package);
        }
    }
    reasons
        .into_iter()
        .map(|((registry, why), packages)| {
            let entry = case.project.settings.registries.iter().find(|it| it.url.to_string() == registry);
            let names = match packages.as_slice() {
                [one] => (*one).to_owned(),
                [first, rest @ ..] => format!("{first} and {} more", rest.len()),
                [] => String::new(),
            };
            Sighting::new(
                format!("whether {registry} merges public versions into {names} was not seen: {why}"),
                "let both registries be read from here (`sealcheck doctor` says what stands in the way), or take `behind` out",
            )
            .key(format!("{registry} {why}"))
            .at(entry.and_then(|it| it.behind_place.clone()).map_or(Spot::Nowhere, Spot::At))
        })
        .collect()
}

/// A token that npm would have sent and that we do not have.
fn withheld_token(case: &Case<'_>, run: &Run<'_>) -> Option<Sighting> {
    let exchange = upstream_out_of_reach(run)?;
    let label = exchange.credential_label.as_ref()?;
    if exchange.fault.as_deref() != Some(CREDENTIAL_NOT_SET) {
        return None;
    }
    let (why, help) = withheld(case.project, label);
    Some(
        Sighting::new(format!("{why}, so that {} {}", exchange.host, answered(exchange)), help)
            .key(label)
            .seen(EvidenceKind::Exchange, exchange.seq)
            .at(Spot::Npmrc(label.clone())),
    )
}

/// A script that could not do without what we kept from it.
fn download(run: &Run<'_>) -> Option<Sighting> {
    let refused = refused_script(run)?;
    Some(
        Sighting::new(
            refused.message(),
            format!(
                "if it may be downloaded from, add \"{}\" to `[trust] hosts` in sealcheck.toml",
                refused.host
            ),
        )
        .key(&refused.host)
        .package(&refused.package)
        .seen(EvidenceKind::Exchange, refused.exchange),
    )
}

/// Requests that may have carried a planted secret where nobody looked.
fn unsearched(run: &Run<'_>) -> Vec<Sighting> {
    let blind = run.evidence.exchanges.iter().filter(|exchange| exchange.unsearched);
    let told = |exchange: &crate::evidence::Exchange| {
        let process = exchange.process.and_then(|id| run.process(id));
        let by = process.map_or_else(|| "npm".to_owned(), owner);
        Sighting::new(
            format!(
                "a {} to {} by {by} holds more than is searched for planted secrets",
                exchange.method, exchange.host
            ),
            "see what sends so much during an install; what is sent goes nowhere, but it may be a secret",
        )
        .key(&exchange.host)
        .seen(EvidenceKind::Exchange, exchange.seq)
    };
    blind.map(told).collect()
}

/// Packages of which nothing says whose they are: whatever came, no one can
/// say whether it should have.
fn undecided(case: &Case<'_>, run: &Run<'_>) -> Option<Sighting> {
    let here = run.evidence.packages.iter().filter(|package| package.class == Class::Undecided);
    let first = here.clone().next()?;
    let names: BTreeSet<&str> = here.map(|package| package.name.as_str()).collect();
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("\"{name}\"")).collect();
    let because = case
        .project
        .classes
        .get(&first.path)
        .map(|classified| format!(": {}", classified.because))
        .unwrap_or_default();
    Some(
        Sighting::new(
            match names.len() {
                1 => format!("{} is known to be neither private nor public{because}", first.name),
                many => format!("{many} packages are known to be neither private nor public{because}"),
            },
            format!(
                "write into sealcheck.toml which are private, of `private = [{}]`, or `private = []` for none; `sealcheck inspect --write` proposes the lines",
                shown.join(", ")
            ),
        )
        .key("undecided")
        .at(Spot::resolved(&first.path)),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
