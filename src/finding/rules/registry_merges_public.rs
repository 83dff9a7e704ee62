//! `registry-merges-public`: a virtual registry answers for a private name with what is
//! not the owner's.

use crate::evidence::resolution::{Resolution, Versions};
use crate::finding::case::{Case, Run, Sighting};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "registry-merges-public",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Exposed,
    title: "a virtual registry gives, for a private name, versions or digests that the registry behind it does not have",
    page: include_str!("../../../docs/rules/registry-merges-public.md"),
    check: Check::Run(check),
};

/// Versions that a message names.
const NAMED: usize = 3;

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    // The two were asked once, about the world as it is.
    if run.scenario.name != "baseline" {
        return Vec::new();
    }
    case.resolutions
        .iter()
        .filter(|resolution| resolution.differs())
        .map(|resolution| {
            let entry = case.project.settings.registries.iter().find(|entry| {
                entry.url.to_string() == resolution.registry
            });
            let place = entry.and_then(|entry| entry.behind_place.clone());
            let sighting = Sighting::new(
                message(resolution),
                "exclude your private names from what the virtual registry takes from its upstreams, or map them to the registry behind it",
            )
            .key(format!("{} {}", resolution.registry, resolution.behind))
            .package(&resolution.package)
            .at(place.map_or(Spot::Nowhere, Spot::At));
            let asked = run.requests(&resolution.package).filter(|exchange| {
                entry.is_some_and(|entry| entry.url.host() == exchange.host)
            });
            asked.fold(sighting, |sighting, exchange| sighting.seen(EvidenceKind::Exchange, exchange.seq))
        })
        .collect()
}

fn message(resolution: &Resolution) -> String {
    let Resolution { registry, behind, package, added, altered, .. } = resolution;
    let mut differs = Vec::new();
    if altered.count > 0 {
        differs.push(format!("other bytes for {}", listed(altered)));
    }
    if added.count > 0 {
        differs.push(format!("{}, which {behind} behind it does not have", listed(added)));
    }
    match (altered.count, added.count) {
        (0, _) => format!("{registry} gives {package} in {}", differs.join(" and ")),
        (_, 0) => format!("{registry} gives {package} with {} than {behind} behind it has", differs.join(" and ")),
        (_, _) => format!("{registry} gives {package} with {}", differs.join(", and in ")),
    }
}

/// "1.0.0, 1.1.0 and 7 more".
fn listed(versions: &Versions) -> String {
    let named: Vec<&str> = versions.shown.iter().take(NAMED).map(String::as_str).collect();
    let text = named.join(", ");
    match versions.count - named.len() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
