//! `secret-read`: a script looked where secrets are.

use crate::evidence::fact::Process;
use crate::finding::case::{Case, Run, Sighting, owner};
use crate::finding::location::Spot;
use crate::finding::tampering::{self, Tampering};
use crate::finding::rule::{Check, Rule};
use crate::finding::unread::{Read, reads};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};
use std::collections::BTreeMap;

pub(super) static RULE: Rule = Rule {
    name: "secret-read",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "a lifecycle script read a planted secret",
    page: include_str!("../../../docs/rules/secret-read.md"),
    check: Check::Run(check),
};

/// Secrets that are named in the message.
const SHOWN: usize = 3;

/// What one package's scripts read.
struct Reads<'a> {
    process: &'a Process,
    /// Whose script put what it runs, where that is another's.
    behind: Option<&'a Process>,
    /// How each secret is told.
    told: Vec<String>,
    evidence: Vec<(EvidenceKind, u32)>,
}

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let tampering = Tampering::of(case, run);
    let mut by_package: BTreeMap<(&str, Option<&str>), Reads<'_>> = BTreeMap::new();
    for Read { process, package, told, fact } in reads(run) {
        let behind = tampering.behind(process);
        let key = (package, behind.and_then(|behind| behind.package.as_deref()));
        let reads = by_package.entry(key).or_insert_with(|| Reads {
            process,
            behind,
            told: Vec::new(),
            evidence: vec![(EvidenceKind::Process, process.id.0)],
        });
        if !reads.told.contains(&told) {
            reads.told.push(told);
            reads.evidence.push(fact);
        }
    }
    by_package
        .into_iter()
        .map(|((path, behind), reads)| {
            let process = reads.process;
            let doer = reads.behind.unwrap_or(process);
            let more = reads.told.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let told = &reads.told[..reads.told.len().min(SHOWN)];
            let script = tampering::deed(reads.behind, process);
            let mut sighting = Sighting::new(
                format!("{script} read {}{more}", told.join(", ")),
                "find out what the script wants with it; install with scripts off, or where no secret lies, until that is known",
            )
            .package(owner(doer))
            .key(behind.map_or_else(|| path.to_owned(), |behind| format!("{path} by {behind}")))
            .at(Spot::entry(behind.unwrap_or(path)));
            for (kind, at) in reads.evidence {
                sighting = sighting.seen(kind, at);
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
