//! `secret-exfiltrated`: a planted secret was found in what left.

use crate::finding::case::{Case, Run, Sighting, spec};
use crate::finding::many::few;
use crate::wire::ProcessId;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "secret-exfiltrated",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Leaked,
    title: "the value of a planted secret left in a request or a look-up",
    page: include_str!("../../../docs/rules/secret-exfiltrated.md"),
    check: Check::Run(check),
};

const HELP: &str = "revoke the secret wherever it is real, and install with scripts off until the package is gone";

fn check(_: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let exchanges = run.evidence.exchanges.iter().filter_map(|exchange| {
        let label = exchange.carried_secret.as_ref()?;
        let target = format!("{}:{}", exchange.host, exchange.port);
        Some(
            left(run, label, &format!("a {} request to {target}", exchange.method), &target, exchange.process)
                .seen(EvidenceKind::Exchange, exchange.seq),
        )
    });
    let lookups = run.evidence.lookups.iter().filter_map(|lookup| {
        let label = lookup.carried_secret.as_ref()?;
        Some(
            left(run, label, &format!("a look-up of {}", lookup.name), &lookup.name, lookup.process)
                .seen(EvidenceKind::Lookup, lookup.seq),
        )
    });
    few(exchanges.chain(lookups).collect())
}

fn left(run: &Run<'_>, label: &str, by: &str, target: &str, process: Option<ProcessId>) -> Sighting {
    let process = process.and_then(|process| run.process(process));
    let name = process.and_then(|process| process.package_name.as_deref());
    let who = match (process, name) {
        (Some(process), Some(name)) => format!(
            ", made by the {} script of {}",
            process.event.as_deref().unwrap_or("lifecycle"),
            spec(name, process.version.as_deref())
        ),
        (Some(process), None) => format!(", made by `{}`", process.argv.join(" ")),
        (None, _) => String::new(),
    };
    let mut sighting = Sighting::new(format!("the value of {label} left in {by}{who}"), HELP)
        .key(format!("{label} {target}"));
    if let Some(name) = name {
        sighting = sighting.package(name);
    }
    if let Some(process) = process {
        sighting = sighting.seen(EvidenceKind::Process, process.id.0);
    }
    sighting
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
