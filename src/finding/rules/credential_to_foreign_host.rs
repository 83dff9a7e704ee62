//! `credential-to-foreign-host`: a token went where it is not for.

use crate::evidence::Credential;
use crate::finding::case::{Case, Run, Sighting};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "credential-to-foreign-host",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Leaked,
    title: "a token or password meant for one registry reached another host, port or plain http",
    page: include_str!("../../../docs/rules/credential-to-foreign-host.md"),
    check: Check::Run(check),
};

fn check(_: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    run.evidence
        .exchanges
        .iter()
        .filter(|exchange| exchange.credential == Credential::Foreign)
        .map(|exchange| {
            let label = exchange.credential_label.as_deref().unwrap_or("a credential");
            let target = format!("{}://{}:{}", exchange.scheme, exchange.host, exchange.port);
            let sighting = if run.led_within_host(exchange) {
                Sighting::new(
                    format!("npm takes {label} along to {target} where its registry redirects there: npm drops a token only where the host's name changes, and no project can keep it from that"),
                    "no setting of npm's changes it: have the registry redirect to nothing but its own port and https, and let nobody else listen on that host",
                )
                .severity(Severity::Note)
                .forces(Verdict::Sealed)
            } else {
                Sighting::new(
                    format!("{label} was sent to {target}, which is not the registry it is for"),
                    "revoke it, and tie it to its registry's own host, port and https by `//host/:_authToken` in `.npmrc`",
                )
            };
            let mut sighting = sighting
                .key(format!("{label} {target}"))
                .at(Spot::Npmrc(label.to_owned()))
                .seen(EvidenceKind::Exchange, exchange.seq);
            if let Some(package) = &exchange.package {
                sighting = sighting.package(package);
            }
            sighting
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
