//! `tampered-bytes-installed`: the right host, and not the right bytes.

use crate::evidence::Role;
use crate::evidence::fact::SourceKind;
use crate::finding::asked::strong;
use crate::finding::case::{Case, Run, Sighting, is_own, spec};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::scenario::Loss;
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "tampered-bytes-installed",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Broken,
    title: "bytes that are not the genuine ones were installed from the right host",
    page: include_str!("../../../docs/rules/tampered-bytes-installed.md"),
    check: Check::Run(check),
};

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    if !run.worked() {
        return Vec::new();
    }
    run.packages()
        .filter(|(_, package)| package.genuine == Some(false))
        .filter_map(|(at, package)| {
            let source = package.source.as_ref()?;
            let fetched = matches!(source.kind, SourceKind::Registry | SourceKind::Cache);
            // A stranger's copy of an own package is the fallback's to tell.
            if !fetched || source.role == Role::Foreign && is_own(package.class) {
                return None;
            }
            let installed = package.version.as_deref()?;
            let against = match (package.decoy, package.integrity_ok) {
                (true, _) => "they are those of a stranger's package of the same name",
                (false, Some(false)) => "they do not have the hash that the lockfile pins",
                (false, Some(true) | None) => "they are not those that the baseline got",
            };
            let host = source.host.as_deref().unwrap_or("its registry");
            let mut sighting = Sighting::new(
                format!(
                    "{} was installed with other bytes from {host}: {against}",
                    spec(&package.name, Some(installed))
                ),
                help(case, run, &package.path),
            )
            .package(&package.name)
            .key(&package.path)
            .at(Spot::integrity(&package.path))
            .seen(EvidenceKind::Package, at);
            if is_own(package.class) {
                sighting = sighting.forces(Verdict::Leaked);
            }
            if let Some(seq) = source.exchange {
                sighting = sighting.seen(EvidenceKind::Exchange, seq);
            }
            Some(sighting)
        })
        .collect()
}

/// What the lockfile lacks; where it lacks nothing, what passed over it.
fn help(case: &Case<'_>, run: &Run<'_>, path: &str) -> &'static str {
    let entry = case.project.lockfile.entries.get(path);
    match entry.and_then(|entry| entry.integrity_text.as_deref()) {
        None => "record a sha512 `integrity` for it in the lockfile, so that npm refuses other bytes",
        Some(text) if !strong(text) => {
            "replace the weak hash of its lockfile entry by a sha512 `integrity`, which npm holds bytes to in every case"
        }
        Some(_) if run.lost(Loss::Integrity) || run.lost(Loss::Lockfile) => {
            "keep the `integrity` that its lockfile entry has: this run takes it away, and nothing else refuses other bytes"
        }
        Some(_) => {
            "find out what passed over the `integrity` of its lockfile entry: a script that wrote the file anew, a cache, another lockfile"
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
