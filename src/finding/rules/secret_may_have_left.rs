//! `secret-may-have-left`: a secret was read, and something left that nobody could search.

use crate::finding::case::{Case, Run, Sighting, owner};
use crate::finding::location::Spot;
use crate::finding::many::few;
use crate::finding::rule::{Check, Rule};
use crate::finding::tampering::{self, Tampering};
use crate::finding::unread::{Read, Sent, reads, sent};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "secret-may-have-left",
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    // Whether it left was not seen.
    forces: Verdict::Unobserved,
    title: "a script read a planted secret and then sent bytes that could not be searched",
    page: include_str!("../../../docs/rules/secret-may-have-left.md"),
    check: Check::Run(check),
};

/// Secrets, and ways out, that are named in the message.
const SHOWN: usize = 3;

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let reads = reads(run);
    let Some(any) = reads.first() else { return Vec::new() };
    let tampering = Tampering::of(case, run);
    let mut all = Vec::new();
    for sent in sent(run).into_iter().filter(|sent| !sent.by_npm()) {
        // Its own reads are the nearest; what one script reads another may send.
        let package = sent.by.and_then(|process| process.package.as_deref());
        let own: Vec<&Read<'_>> = reads.iter().filter(|read| Some(read.package) == package).collect();
        let meant = if own.is_empty() { reads.iter().collect() } else { own };
        all.push(told(&tampering, &sent, any, &meant));
    }
    few(all)
}

fn told<'a>(tampering: &Tampering<'a>, sent: &Sent<'a>, any: &Read<'a>, meant: &[&Read<'a>]) -> Sighting {
    let reader = meant.first().copied().unwrap_or(any);
    let mut secrets: Vec<&str> = meant.iter().map(|read| read.told.as_str()).collect();
    secrets.sort_unstable();
    secrets.dedup();
    let more = secrets.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let secrets = format!("{}{more}", secrets[..secrets.len().min(SHOWN)].join(", "));
    let script = tampering::deed(tampering.behind(reader.process), reader.process);
    let sender = sent.by.unwrap_or(reader.process);
    // Whoever put there what it runs, where that is another.
    let doer = tampering.behind(sender).unwrap_or(sender);
    let is_own = sent.by.is_some_and(|process| process.package.as_deref() == Some(reader.package));
    let who = if is_own { String::new() } else { format!("{} ", sent.owner()) };
    let size = match sent.bytes {
        Some(bytes) => format!(", {bytes} bytes"),
        None => String::new(),
    };
    let path = doer.package.as_deref().unwrap_or(reader.package);
    let mut sighting = Sighting::new(
        format!("{script} read {secrets}, and {who}sent {}{size}, {}", sent.what, sent.why),
        "take it that the secret left: find out what is sent there, and install with scripts off, or where no secret lies, until that is known",
    )
    .package(owner(doer))
    .key(format!("{path} {} {}", sent.target, sent.why))
    .at(Spot::entry(path))
    .seen(sent.fact.0, sent.fact.1)
    .seen(EvidenceKind::Process, reader.process.id.0);
    for process in [sender, doer].into_iter().filter(|process| process.id != reader.process.id) {
        sighting = sighting.seen(EvidenceKind::Process, process.id.0);
    }
    for read in meant.iter().take(SHOWN) {
        sighting = sighting.seen(read.fact.0, read.fact.1);
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
