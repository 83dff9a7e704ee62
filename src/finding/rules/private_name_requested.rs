//! `private-name-requested`: a stranger learned a name.

use crate::evidence::{ExchangeKind, Role};
use crate::finding::case::{Case, Run, Sighting, answered, is_own};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "private-name-requested",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Exposed,
    title: "a private name was asked of a foreign registry",
    page: include_str!("../../../docs/rules/private-name-requested.md"),
    check: Check::Run(check),
};

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    run.evidence
        .exchanges
        .iter()
        .filter(|exchange| exchange.role == Role::Foreign)
        .filter_map(|exchange| {
            let what = match exchange.kind {
                ExchangeKind::Packument => "packument",
                ExchangeKind::Tarball => "tarball",
                ExchangeKind::Audit | ExchangeKind::Signatures | ExchangeKind::Other => return None,
            };
            let package = exchange.package.as_ref()?;
            // A name that no entry has is one of a private scope, or the gateway
            // would not call its host foreign.
            if case.class_of(package).is_some_and(|class| !is_own(class)) {
                return None;
            }
            let entry = case.project.lockfile.entries.values().find(|entry| entry.name.as_str() == package);
            let sighting = Sighting::new(
                match &exchange.not_asked {
                    // npm asked, and we did not pass it on.
                    Some(why) => format!(
                        "npm asked {} for the {what} of {package}, which is not its registry; sealcheck kept the request back ({why})",
                        exchange.host
                    ),
                    None => format!(
                        "the {what} of {package} was asked of {}, which is not its registry and {}",
                        exchange.host,
                        answered(exchange)
                    ),
                },
                "map its scope to its registry in the project's `.npmrc`, and register the name on the public registry if it is free",
            )
            .package(package)
            .key(&exchange.host)
            .seen(EvidenceKind::Exchange, exchange.seq);
            Some(match entry {
                Some(entry) => sighting.at(Spot::Mapping { name: package.clone(), path: entry.path.clone() }),
                None => sighting,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
