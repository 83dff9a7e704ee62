//! `secret-read`: a script looked where secrets are.

use crate::evidence::fact::Process;
use crate::finding::case::{Case, Run, Sighting, owner, spec};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};
use crate::wire::ProcessId;
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
/// The file that npm reads whoever starts it.
const NPMRC: &str = "~/.npmrc";

/// What one package's scripts read.
struct Reads<'a> {
    process: &'a Process,
    /// How each secret is told.
    told: Vec<String>,
    evidence: Vec<(EvidenceKind, u32)>,
}

fn check(_: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let mut by_package: BTreeMap<&str, Reads<'_>> = BTreeMap::new();
    let mut add = |process: &ProcessId, told: String, fact: (EvidenceKind, u32)| {
        let Some(process) = run.process(*process) else { return };
        let Some(path) = process.package.as_deref() else { return };
        let reads = by_package.entry(path).or_insert_with(|| Reads {
            process,
            told: Vec::new(),
            evidence: vec![(EvidenceKind::Process, process.id.0)],
        });
        if !reads.told.contains(&told) {
            reads.told.push(told);
            reads.evidence.push(fact);
        }
    };
    for (at, read) in (0u32..).zip(&run.evidence.reads) {
        if read.secret != NPMRC || !is_npm(run, read.process) {
            add(&read.process, read.secret.clone(), (EvidenceKind::Read, at));
        }
    }
    for exchange in &run.evidence.exchanges {
        if let (Some(secret), Some(process)) = (&exchange.used_secret, &exchange.process) {
            let told = format!("{secret}, with which it asked {}", exchange.host);
            add(process, told, (EvidenceKind::Exchange, exchange.seq));
        }
    }
    by_package
        .into_iter()
        .map(|(path, reads)| {
            let process = reads.process;
            let name = owner(process);
            let more = reads.told.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let told = &reads.told[..reads.told.len().min(SHOWN)];
            let mut sighting = Sighting::new(
                format!(
                    "the {} script of {} read {}{more}",
                    process.event.as_deref().unwrap_or("lifecycle"),
                    spec(&name, process.version.as_deref()),
                    told.join(", ")
                ),
                "find out what the script wants with it; install with scripts off, or where no secret lies, until that is known",
            )
            .package(&name)
            .key(path)
            .at(Spot::entry(path));
            for (kind, at) in reads.evidence {
                sighting = sighting.seen(kind, at);
            }
            sighting
        })
        .collect()
}

/// Whether a process is the very npm that is tested, started once more: the same node, which the
/// kernel names, runs one of the same npm's own programs (`npm-cli.js`, `npx-cli.js`), by the same
/// path to the letter. A path that only begins so leads anywhere.
fn is_npm(run: &Run<'_>, process: ProcessId) -> bool {
    let Some(npm) = run.process(ProcessId(1)) else { return false };
    let Some(other) = run.process(process) else { return false };
    let (Some(own), Some(program)) = (npm.argv.get(1), other.argv.get(1)) else { return false };
    let beside = own.rsplit_once('/').zip(program.rsplit_once('/'));
    let programs = ["npm-cli.js", "npx-cli.js"];
    npm.exe == other.exe
        && beside.is_some_and(|((own, _), (folder, name))| own == folder && programs.contains(&name))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
