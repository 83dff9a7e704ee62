//! `private-name-requested`: a stranger learned a name.

use crate::evidence::{Exchange, ExchangeKind, Role};
use crate::finding::case::{Case, Run, Sighting, answered, is_own};
use crate::finding::asked;
use std::collections::BTreeMap;
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
    let mut asked_of: BTreeMap<(&str, &str), Vec<&Exchange>> = BTreeMap::new();
    for exchange in run.evidence.exchanges.iter().filter(|exchange| exchange.role == Role::Foreign) {
        match exchange.kind {
            ExchangeKind::Packument | ExchangeKind::Tarball => {}
            ExchangeKind::Audit | ExchangeKind::Signatures | ExchangeKind::Other => continue,
        }
        let Some(package) = &exchange.package else { continue };
        // A name that no entry has is one of a private scope, or the gateway
        // would not call its host foreign.
        if case.class_of(package).is_none_or(is_own) {
            asked_of.entry((package, &exchange.host)).or_default().push(exchange);
        }
    }
    asked_of.into_iter().filter_map(|((package, host), exchanges)| sighting(case, run, package, host, &exchanges)).collect()
}

/// One of a package and a host: each request that it points at is in its words.
fn sighting(case: &Case<'_>, run: &Run<'_>, package: &str, host: &str, exchanges: &[&Exchange]) -> Option<Sighting> {
    let mut told: Vec<(&str, String)> = Vec::new();
    for exchange in exchanges {
        let what = if exchange.kind == ExchangeKind::Tarball { "tarball" } else { "packument" };
        let one = (what, answered(exchange));
        if !told.contains(&one) {
            told.push(one);
        }
    }
    let led = asked::of_foreign(case, run, exchanges.last()?);
    // npm asked, and we did not pass it on.
    let kept_back = exchanges.iter().find_map(|exchange| exchange.not_asked.as_ref());
    let message = match (told.as_slice(), kept_back) {
        (_, Some(why)) => {
            let mut kinds: Vec<&str> = told.iter().map(|(what, _)| *what).collect();
            kinds.dedup();
            format!(
                "npm asked {host} for the {} of {package}, which is not its registry; sealcheck kept the request back ({why}): {}",
                kinds.join(" and the "),
                led.why
            )
        }
        ([(what, done)], None) => {
            format!("the {what} of {package} was asked of {host}, which is not its registry and {done}: {}", led.why)
        }
        (all, None) => {
            let each: Vec<String> = all.iter().map(|(what, done)| format!("for the {what} it {done}")).collect();
            format!("{package} was asked of {host}, which is not its registry ({}): {}", each.join(", "), led.why)
        }
    };
    let seen = Sighting::new(message, led.help).package(package).key(host).at(led.spot);
    Some(exchanges.iter().fold(seen, |seen, exchange| seen.seen(EvidenceKind::Exchange, exchange.seq)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
