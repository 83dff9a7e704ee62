//! `private-name-in-audit`: npm tells one registry every name.

use crate::evidence::ExchangeKind;
use crate::finding::asked::written;
use crate::finding::case::{Case, Sighting};
use crate::finding::location::Spot;
use crate::project::class::Class;
use std::collections::BTreeSet;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "private-name-in-audit",
    severity: Severity::Note,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "npm's audit told a registry the private names",
    page: include_str!("../../../docs/rules/private-name-in-audit.md"),
    check: Check::Report(check),
};

/// Names that are written out.
const SHOWN: usize = 5;

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let project = case.project;
    // Local packages are not in npm's request; private ones are, wherever it goes.
    let mut homes = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (entry, known) in project.of_class(Class::Private) {
        if let Some(registry) = &known.registry {
            homes.insert(registry.host());
            names.insert(entry.name.as_str());
        }
    }
    let told: Vec<(usize, &str)> = case
        .observed()
        .flat_map(|run| {
            let audits = run.evidence.exchanges.iter().filter(|exchange| exchange.kind == ExchangeKind::Audit);
            audits.map(move |exchange| (run.at, exchange.host.as_str()))
        })
        .filter(|(_, host)| !homes.contains(host))
        .collect();
    let Some((_, host)) = told.first() else { return Vec::new() };
    if names.is_empty() {
        return Vec::new();
    }
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let runs: BTreeSet<usize> = told.iter().map(|(run, _)| *run).collect();
    let sighting = Sighting::new(
        format!("npm's audit sent the private names {shown}{more} with their versions toward {host}"),
        match project.config.get("audit") {
            Some(setting) if project.config.plain("audit") == Some("false") => format!(
                "{} is in place: see which command sets it aside (`--audit`, a script that runs npm elsewhere)",
                written(setting)
            ),
            Some(setting) => format!("let {} be `audit=false`", written(setting)),
            None => "set `audit=false` in the project's `.npmrc`".to_owned(),
        },
    )
    .at(Spot::Npmrc("audit".to_owned()))
    .runs(runs.into_iter().collect());
    let raised = project.settings.policy.get("audit-disclosure").map(String::as_str);
    vec![match raised {
        Some("error") => sighting.severity(Severity::Error).forces(Verdict::Exposed),
        Some("warning") => sighting.severity(Severity::Warning),
        Some(_) | None => sighting,
    }]
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
