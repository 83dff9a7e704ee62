//! `lockfile-not-honoured`: another tree than the locked one.

use crate::evidence::fact::{Package, SourceKind};
use crate::evidence::Role;
use crate::finding::case::{Case, Run, Sighting, is_own, spec};
use crate::finding::location::Spot;
use crate::scenario::Loss;
use url::Url;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "lockfile-not-honoured",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Broken,
    title: "a version, a source or a hash differs from what the lockfile pins",
    page: include_str!("../../../docs/rules/lockfile-not-honoured.md"),
    check: Check::Run(check),
};

fn check(_: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    if !run.worked() || run.lost(Loss::Lockfile) {
        return Vec::new();
    }
    run.packages()
        // A stranger's copy is told by the rules on it.
        .filter(|(_, package)| package.genuine != Some(false))
        .filter_map(|(at, package)| {
            let installed = package.version.as_deref()?;
            let (message, spot) = differs(run, package, installed)?;
            Some(
                Sighting::new(
                    message,
                    "install with an npm that honours the lockfile (8 or later), bring it into step with `npm install`, and look for a nested npm-shrinkwrap.json",
                )
                .package(&package.name)
                .key(&package.path)
                .at(spot)
                .seen(EvidenceKind::Package, at),
            )
        })
        .collect()
}

fn differs(run: &Run<'_>, package: &Package, installed: &str) -> Option<(String, Spot)> {
    let source = package.source.as_ref()?;
    let Some(lock) = &package.lock else {
        let fetched = source.kind == SourceKind::Registry;
        return fetched.then(|| {
            let host = source.host.as_deref().unwrap_or("a registry");
            let name = spec(&package.name, Some(installed));
            (format!("{name} was installed from {host} at {}, and the lockfile has no such entry", package.path), Spot::Nowhere)
        });
    };
    if source.role == Role::Foreign && is_own(package.class) {
        return None;
    }
    if !same_version(&lock.version, installed) {
        return Some((
            format!("{} was installed where the lockfile pins {}", spec(&package.name, Some(installed)), lock.version),
            Spot::entry(&package.path),
        ));
    }
    let pinned = lock.resolved.as_deref().and_then(|resolved| Url::parse(resolved).ok());
    let pinned = pinned.as_ref().and_then(Url::host_str);
    match (pinned, source.host.as_deref()) {
        (Some(pinned), Some(host))
            if source.role == Role::Foreign && pinned != host && !run.lost(Loss::Resolved) =>
        {
            Some((
                format!("{} came from {host} where the lockfile pins {pinned}", spec(&package.name, Some(installed))),
                Spot::resolved(&package.path),
            ))
        }
        (Some(_) | None, Some(_) | None) => None,
    }
}

/// Versions are compared as npm does: build metadata and a leading `v` are
/// nothing; what is no version (a URL in a lockfile of version 1) pins none.
fn same_version(locked: &str, installed: &str) -> bool {
    let parse = |text: &str| node_semver::Version::parse(text.trim_start_matches(['v', '='])).ok();
    match (parse(locked), parse(installed)) {
        (Some(locked), Some(installed)) => {
            (locked.major, locked.minor, locked.patch, &locked.pre_release)
                == (installed.major, installed.minor, installed.patch, &installed.pre_release)
        }
        (Some(_) | None, Some(_) | None) => true,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
