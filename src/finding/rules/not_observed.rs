//! `not-observed`: where we were blind.

use crate::evidence::Exchange;
use crate::evidence::fact::Gap;
use crate::finding::around;
use crate::finding::case::{
    CREDENTIAL_NOT_SET, Case, INTERNAL_ADDRESS, NOT_IN_STORE, Run, Sighting, UPSTREAM_UNREACHABLE, answered, owner, withheld,
};
use crate::finding::location::Spot;
use crate::finding::many::few;
use crate::finding::rule::{Check, Rule};
use crate::finding::refusal::refusal;
use crate::finding::run_verdict::upstream_out_of_reach;
use crate::finding::unread::{Sent, reads, sent};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};
use crate::project::Project;
use crate::project::class::Class;
use crate::project::lockfile::{EntryKind, LockEntry, fetched_from};
use crate::wire::GapKind;
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
        .filter(|(_, gap)| gap.hides_answer || !is_a_scripts_call(run, gap))
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
    sightings.extend(out_of_reach(case, run));
    sightings.extend(refused(case, run));
    sightings.extend(unsearched(run));
    sightings.extend(unread(case, run));
    sightings
}

/// Whether it is a refused call of a script, which `attempted-escape` tells.
fn is_a_scripts_call(run: &Run<'_>, gap: &Gap) -> bool {
    let process = gap.process.filter(|_| gap.kind == GapKind::RefusedCall);
    process.and_then(|process| run.process(process)).is_some_and(|process| process.package.is_some())
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

/// Hosts that could not be asked: one of them, however many packages it has.
fn out_of_reach(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let mut hosts: BTreeMap<(&str, u16, &str), &Exchange> = BTreeMap::new();
    for exchange in &run.evidence.exchanges {
        if let Some(fault @ (UPSTREAM_UNREACHABLE | NOT_IN_STORE | INTERNAL_ADDRESS)) = exchange.fault.as_deref()
            // npm does without an optional package, and without a word. What a script asked for is
            // told by rules on scripts.
            && (!run.worked() || fault == INTERNAL_ADDRESS && run.by_npm(exchange))
        {
            hosts.entry((&exchange.host, exchange.port, fault)).or_insert(exchange);
        }
    }
    let told = |((host, port, fault), exchange): ((&str, u16, &str), &Exchange)| {
        let entries = of_host(case.project, host, port);
        let seq = exchange.seq;
        // Of one host, a port can be dead and another alive.
        let host = &match (exchange.scheme.as_str(), port) {
            ("https", 443) | ("http", 80) => host.to_owned(),
            (_, port) => format!("{host}:{port}"),
        };
        let happened = match fault {
            NOT_IN_STORE => format!("{host} may not be asked (offline), and the store lacks answers of it"),
            INTERNAL_ADDRESS => format!(
                "{host} has an address of this machine or its network, which a file of the tested project alone may not have asked"
            ),
            _ => format!("{host} could not be reached, and was not asked again after two attempts"),
        };
        let help = match fault {
            NOT_IN_STORE => "run once without `--offline`, with the same `--store`".to_owned(),
            INTERNAL_ADDRESS => format!(
                "where {host} is a registry of yours, name it in your own `~/.npmrc` (its mapping or its credential), in the policy file, or as SEALCHECK_INTERNAL_HOSTS={host}"
            ),
            _ => format!(
                "`sealcheck doctor` says what stands in the way; where {host} is gone for good, let npm lock these packages at a registry that answers"
            ),
        };
        let hindered = match fault {
            NOT_IN_STORE => String::new(),
            _ => around::hindered(case.project, &exchange.scheme, &exchange.host),
        };
        let sighting = Sighting::new(format!("{happened}: {}{hindered}", counted(&entries)), help)
            .key(host)
            .seen(EvidenceKind::Exchange, seq);
        match entries.first() {
            Some(first) if first.resolved_place.is_some() => sighting.at(Spot::resolved(&first.path)),
            Some(first) => sighting.at(Spot::entry(&first.path)),
            None => sighting,
        }
    };
    hosts.into_iter().map(told).collect()
}

/// Entries that are fetched from a host at a port, in the order of the lockfile.
fn of_host<'a>(project: &'a Project, host: &str, port: u16) -> Vec<&'a LockEntry> {
    let is_there = |entry: &&LockEntry| match (entry.kind, &entry.resolved) {
        (EntryKind::Registry, None) => {
            let registry = project.config.registry_for(&entry.name, &project.public);
            registry.host() == host && registry.port() == port
        }
        (_, Some(resolved)) => {
            fetched_from(resolved).is_some_and(|url| url.host_str() == Some(host) && url.port_or_known_default() == Some(port))
        }
        (_, None) => false,
    };
    let mut found: Vec<&LockEntry> = project.lockfile.entries.values().filter(is_there).collect();
    found.sort_by_key(|entry| entry.place.line);
    found
}

/// "3 entries of the lockfile come from it (lines 12, 19, 26)".
fn counted(entries: &[&LockEntry]) -> String {
    let lines: Vec<String> = entries.iter().take(SHOWN).map(|entry| entry.place.line.to_string()).collect();
    let more = entries.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    match entries {
        [] => "no entry of the lockfile names it".to_owned(),
        [only] => format!("{} comes from it (line {})", only.name, only.place.line),
        [_, ..] => {
            format!("{} entries of the lockfile come from it (lines {}{more})", entries.len(), lines.join(", "))
        }
    }
}

/// What the sandbox kept from an install that could not do without.
fn refused(case: &Case<'_>, run: &Run<'_>) -> Option<Sighting> {
    let refused = refusal(case, run)?;
    let sighting = Sighting::new(refused.message, refused.help).key(refused.key).at(refused.spot);
    let sighting = if refused.package.is_empty() { sighting } else { sighting.package(refused.package) };
    Some(refused.evidence.into_iter().fold(sighting, |sighting, (kind, at)| sighting.seen(kind, at)))
}

/// What may have carried a planted secret where nobody looked, and where no script is known to
/// have read one: `secret-may-have-left` tells the rest.
fn unsearched(run: &Run<'_>) -> Vec<Sighting> {
    let any_read = !reads(run).is_empty();
    let blind = sent(run).into_iter().filter(|sent| sent.blind && (sent.by_npm() || !any_read));
    let told = |sent: Sent<'_>| {
        let by = sent.by.map_or_else(|| "npm".to_owned(), owner);
        let (message, help, key) = if sent.datagrams {
            (
                format!("{by} sent {}, which nobody searches for planted secrets", sent.what),
                "see what sends datagrams during an install; they go nowhere, but they may hold a secret",
                format!("datagrams {by} {}", sent.target),
            )
        } else {
            (
                format!("{} by {by} holds more than is searched for planted secrets", sent.what),
                "see what sends so much during an install; what is sent goes nowhere, but it may be a secret",
                sent.host,
            )
        };
        Sighting::new(message, help).key(key).seen(sent.fact.0, sent.fact.1)
    };
    few(blind.map(told).collect())
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
