//! `credential-to-foreign-host`: a token went where it is not for.

use crate::evidence::{Credential, Exchange};
use crate::finding::case::{Case, Run, Sighting};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::project::npmrc::Setting;
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

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
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
                    help(case, run, exchange, label),
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

/// What ties it to its registry, where it is not tied; else what took it along.
fn help(case: &Case<'_>, run: &Run<'_>, exchange: &Exchange, label: &str) -> String {
    let target = format!("{}:{}", exchange.host, exchange.port);
    let led = run.evidence.exchanges.iter().find(|before| {
        before.seq < exchange.seq && before.redirected_to.as_deref() == Some(target.as_str())
    });
    if let Some(led) = led {
        return format!(
            "revoke it, and have {} redirect to nothing but its own port over https: npm drops a token only where the host's name changes",
            led.host
        );
    }
    let names = |setting: &&Setting| setting.variables.iter().any(|(name, _)| name == label) || setting.key == label;
    match case.project.config.settings.iter().rev().find(names) {
        Some(setting) if setting.key.starts_with(&format!("//{}", exchange.host)) => format!(
            "revoke it: `{}` ties it to that very host; give each registry a token of its own, and name port and path in the key",
            setting.key
        ),
        Some(setting) if setting.key.starts_with("//") => format!(
            "revoke it, and find out who sends it there: `{}` ties it to another host, so that no setting of npm's does",
            setting.key
        ),
        Some(_) | None => {
            "revoke it, and tie it to its registry's own host, port and https by `//host/:_authToken` in `.npmrc`".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
