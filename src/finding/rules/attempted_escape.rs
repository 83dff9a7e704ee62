//! `attempted-escape`: a script tried what no install needs.

use crate::evidence::fact::Process;
use crate::finding::case::{Case, Run, Sighting, owner, spec};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};
use crate::wire::GapKind;
use std::collections::BTreeMap;

pub(super) static RULE: Rule = Rule {
    name: "attempted-escape",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "a lifecycle script tried what no install needs",
    page: include_str!("../../../docs/rules/attempted-escape.md"),
    check: Check::Run(check),
};

/// Calls that are named in the message.
const SHOWN: usize = 4;

fn check(_: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let mut by_package: BTreeMap<&str, (&Process, Vec<&str>, Vec<u32>)> = BTreeMap::new();
    for (at, gap) in (0u32..).zip(&run.evidence.gaps) {
        if gap.kind != GapKind::RefusedCall {
            continue;
        }
        let Some(process) = gap.process.and_then(|process| run.process(process)) else { continue };
        let Some(path) = process.package.as_deref() else { continue };
        let (_, calls, seen) = by_package.entry(path).or_insert((process, Vec::new(), Vec::new()));
        if !calls.contains(&gap.detail.as_str()) {
            calls.push(&gap.detail);
            seen.push(at);
        }
    }
    by_package
        .into_iter()
        .map(|(path, (process, calls, seen))| {
            let name = owner(process);
            let more = calls.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let told: Vec<String> =
                calls.iter().take(SHOWN).map(|call| format!("`{call}`")).collect();
            let sighting = Sighting::new(
                format!(
                    "the {} script of {} tried {}{more}, which a sandbox refuses and no install needs",
                    process.event.as_deref().unwrap_or("lifecycle"),
                    spec(&name, process.version.as_deref()),
                    told.join(", ")
                ),
                "find out what the script wants with it before you install the package with scripts on",
            )
            .package(&name)
            .key(path)
            .at(Spot::entry(path))
            .seen(EvidenceKind::Process, process.id.0);
            seen.into_iter().fold(sighting, |sighting, at| sighting.seen(EvidenceKind::Gap, at))
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
