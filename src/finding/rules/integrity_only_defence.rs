//! `integrity-only-defence`: one hash stood between a stranger and the tree.

use crate::evidence::fact::{NpmError, Package};
use crate::evidence::{Exchange, ExchangeKind, Role};
use crate::finding::case::{Case, Run, Sighting, is_own, spec};
use crate::finding::asked;
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "integrity-only-defence",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Exposed,
    title: "a foreign packument or foreign bytes were delivered and only the integrity refused them",
    page: include_str!("../../../docs/rules/integrity-only-defence.md"),
    check: Check::Run(check),
};

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let refused = run.evidence.npm_error.as_ref().is_some_and(|error| error.code == "EINTEGRITY");
    if !refused && !run.worked() {
        return Vec::new();
    }
    run.packages()
        .filter(|(_, package)| is_own(package.class))
        .filter(|(_, package)| package.lock.as_ref().is_some_and(|lock| lock.integrity.is_some()))
        // What npm refuses it may leave on the disk all the same, half unpacked.
        .filter(|(_, package)| {
            refused || package.source.as_ref().is_none_or(|source| source.role != Role::Foreign)
        })
        .filter_map(|(at, package)| {
            let exchange = run.requests(&package.name).filter(|exchange| delivered(exchange)).last()?;
            let (what, article) = match exchange.kind {
                ExchangeKind::Tarball => ("bytes", ""),
                ExchangeKind::Packument
                | ExchangeKind::Audit
                | ExchangeKind::Signatures
                | ExchangeKind::Other => ("packument", "a "),
            };
            let passed_on = exchange.role != Role::Foreign;
            let named = spec(&package.name, package.lock.as_ref().map(|lock| lock.version.as_str()));
            let what = if passed_on {
                format!("a stranger's {what} for {named}")
            } else {
                format!("{article}{what} for {named}, which is not its package")
            };
            let end = match run.evidence.npm_error.as_ref().filter(|_| refused) {
                Some(error) if !names(error, package) => "stands against them: npm ended with EINTEGRITY for another package",
                Some(_) => "refused them with EINTEGRITY",
                None => "kept them out",
            };
            Some(
                Sighting::new(
                    format!(
                        "{} delivered {what}, and only the lockfile's integrity {end}",
                        exchange.host
                    ),
                    if passed_on {
                        "exclude your private names from what the registry takes from its upstreams".to_owned()
                    } else {
                        asked::of_foreign(case, run, exchange).help
                    },
                )
                .package(&package.name)
                .key(&package.path)
                .at(Spot::Mapping { name: package.name.clone(), path: package.path.clone() })
                .seen(EvidenceKind::Package, at)
                .seen(EvidenceKind::Exchange, exchange.seq),
            )
        })
        .collect()
}

/// Whether an error is about a package; npm tells of one of several.
fn names(error: &NpmError, package: &Package) -> bool {
    let locked = package.lock.as_ref().and_then(|lock| lock.integrity.as_deref()).unwrap_or_default();
    let of_name = error.packages.iter().any(|named| named.name == package.name);
    let of_bytes = |wanted: &String| locked.split_whitespace().any(|one| one == wanted);
    of_name || error.wanted.as_ref().map_or(error.packages.is_empty(), of_bytes)
}

fn delivered(exchange: &Exchange) -> bool {
    // A registry of the owner's can pass a stranger's package on.
    exchange.decoy || exchange.role == Role::Foreign && matches!(exchange.status, Some(200 | 304))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
