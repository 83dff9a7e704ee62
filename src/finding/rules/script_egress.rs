//! `script-egress`: a script reached out.

use crate::compare::approved::{accepts_target, name_of_package};
use crate::evidence::fact::{Process, Reached};
use crate::finding::accepted::matches_name;
use crate::finding::case::{Case, Run, Sighting, owner};
use crate::finding::location::Spot;
use crate::finding::many::few;
use crate::finding::tampering::{self, Tampering};
use std::collections::{BTreeMap, BTreeSet};
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "script-egress",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "a lifecycle script opened, or tried to open, a connection",
    page: include_str!("../../../docs/rules/script-egress.md"),
    check: Check::Run(check),
};

/// Who, and to where: the package's path and `host:port`, or a name looked up.
type Way = (String, String);

/// One way out of a script.
struct Egress<'a> {
    process: &'a Process,
    host: String,
    what: &'static str,
    evidence: Vec<(EvidenceKind, u32)>,
}

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let baseline: BTreeSet<Way> = match case.baseline() {
        Some(baseline) if baseline.at != run.at => ways(&baseline).into_keys().collect(),
        Some(_) | None => BTreeSet::new(),
    };
    let is_baseline = case.baseline().is_none_or(|baseline| baseline.at == run.at);
    let hosts = &case.project.settings.trusted_hosts;
    let tampering = Tampering::of(case, run);
    let sightings = ways(run)
        .into_iter()
        .map(|((path, target), egress)| {
            let process = egress.process;
            let behind = tampering.behind(process);
            let name = &owner(behind.unwrap_or(process));
            let spot = behind.and_then(|behind| behind.package.as_deref()).unwrap_or(&path);
            let whose = tampering::deed(behind, process);
            let allowed = hosts.iter().any(|glob| matches_name(glob, &egress.host));
            let new = if let Some(accepted) = &case.accepted {
                !allowed && !accepts_target(accepted, &name_of_package(run.evidence, &path), &target)
            } else if is_baseline {
                !hosts.is_empty() && !allowed
            } else {
                !allowed && !baseline.contains(&(path.clone(), target.clone()))
            };
            let mut sighting = Sighting::new(
                format!(
                    "{whose} {} {target}, by `{}`",
                    egress.what,
                    program(process)
                ),
                format!("find out what it fetches, then add \"{}\" to `[trust] hosts` in sealcheck.toml, or install with scripts off", egress.host),
            )
            .package(name)
            .key(format!("{path} {target}"))
            .at(Spot::entry(spot));
            for (kind, at) in egress.evidence {
                sighting = sighting.seen(kind, at);
            }
            if new { sighting } else { sighting.severity(Severity::Note) }
        })
        .collect();
    few(sightings)
}

fn program(process: &Process) -> String {
    process.argv.join(" ").chars().take(120).collect()
}

/// Every way out that a script took or tried, and the names it asked for where
/// no connection followed.
fn ways<'a>(run: &Run<'a>) -> BTreeMap<Way, Egress<'a>> {
    let mut ways: BTreeMap<Way, Egress<'a>> = BTreeMap::new();
    let mut named = BTreeSet::new();
    for (at, connection) in (0u32..).zip(&run.evidence.connections) {
        let what = match connection.outcome {
            Reached::Gateway => "connected to",
            Reached::Pending => "began to connect to",
            Reached::Refused | Reached::Unreachable | Reached::Denied => "tried to connect to",
            Reached::Inside => continue,
        };
        if connection.port == 0 {
            continue;
        }
        let Some((process, path)) = script(run, Some(connection.process)) else { continue };
        let host = connection.name.clone().unwrap_or_else(|| connection.address.clone());
        named.insert((path.clone(), host.clone()));
        ways.entry((path, format!("{host}:{}", connection.port)))
            .or_insert_with(|| Egress { process, host, what, evidence: Vec::new() })
            .evidence
            .push((EvidenceKind::Connection, at));
    }
    for lookup in &run.evidence.lookups {
        let Some((process, path)) = script(run, lookup.process) else { continue };
        if named.contains(&(path.clone(), lookup.name.clone())) {
            continue;
        }
        ways.entry((path, lookup.name.clone()))
            .or_insert_with(|| Egress { process, host: lookup.name.clone(), what: "looked up", evidence: Vec::new() })
            .evidence
            .push((EvidenceKind::Lookup, lookup.seq));
    }
    ways
}

fn script<'a>(run: &Run<'a>, process: Option<crate::wire::ProcessId>) -> Option<(&'a Process, String)> {
    let process = run.process(process?)?;
    Some((process, process.package.clone()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
