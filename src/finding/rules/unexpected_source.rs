//! `unexpected-source`: a host that nobody named.

use crate::evidence::Role;
use crate::evidence::fact::SourceKind;
use crate::finding::NamedHosts;
use crate::finding::case::{Case, Run, Sighting, is_own, spec};
use crate::finding::location::Spot;
use crate::project::class::Class;
use crate::project::lockfile::fetched_from;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "unexpected-source",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "a package came from a host that nothing names",
    page: include_str!("../../../docs/rules/unexpected-source.md"),
    check: Check::Run(check),
};

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let project = case.project;
    let named = NamedHosts::of(project);
    run.packages()
        .filter(|(_, package)| !is_own(package.class))
        .filter_map(|(at, package)| {
            let source = package.source.as_ref()?;
            let fetched = match source.kind {
                SourceKind::Registry | SourceKind::Cache | SourceKind::Git => true,
                SourceKind::File | SourceKind::Link | SourceKind::Bundled | SourceKind::Unknown => false,
            };
            let host = source.host.as_deref()?;
            let handed_on = source.role == Role::Public
                || source.role == Role::Own && package.class != Class::Other;
            if !fetched || handed_on || named.has(host) {
                return None;
            }
            Some(
                Sighting::new(
                    format!(
                        "{} came from {host}, which is neither a configured registry nor the public one",
                        spec(&package.name, package.version.as_deref())
                    ),
                    help(case, &package.path, host),
                )
                .package(&package.name)
                .key(host)
                .at(Spot::resolved(&package.path))
                .seen(EvidenceKind::Package, at),
            )
        })
        .collect()
}

/// `resolved` is to blame where it names the host; else the host that it names led on.
fn help(case: &Case<'_>, path: &str, host: &str) -> String {
    let resolved = case.project.lockfile.entries.get(path).and_then(|entry| entry.resolved.as_deref());
    let pinned = resolved.and_then(fetched_from);
    let add = format!("add \"{host}\" to `[trust] hosts` in sealcheck.toml if it is meant");
    match pinned.as_ref().and_then(url::Url::host_str) {
        Some(pinned) if pinned != host => {
            format!("{add}, else find out why {pinned}, which `resolved` names, led npm there")
        }
        Some(_) => format!("{add}, else correct `resolved`"),
        None => format!("{add}, else let the lockfile entry have a `resolved`"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
