//! `lockfile-follows-config`: the lockfile names no source of its own.

use crate::finding::case::{Case, Sighting, spec};
use crate::finding::location::Spot;
use crate::project::Project;
use crate::project::class::Class;
use crate::project::lockfile::EntryKind;
use url::Url;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "lockfile-follows-config",
    severity: Severity::Note,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "the source of a private package is whatever the config says that day",
    page: include_str!("../../../docs/rules/lockfile-follows-config.md"),
    check: Check::Report(check),
};

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let project = case.project;
    project
        .lockfile
        .entries
        .values()
        .filter(|entry| entry.kind == EntryKind::Registry)
        .filter(|entry| project.classes.get(&entry.path).is_some_and(|known| known.class == Class::Private))
        .filter_map(|entry| {
            let why = match &entry.resolved {
                None => "has no `resolved`",
                Some(resolved) if rewritten(resolved, project) => "has a `resolved` that npm rewrites to the default registry",
                Some(_) => return None,
            };
            let name = entry.name.as_str();
            Some(
                Sighting::new(
                    format!(
                        "the lockfile entry of {} {why}, so that it comes from wherever npm's config points that day",
                        spec(name, Some(&entry.version))
                    ),
                    "write the lockfile without `omit-lockfile-registry-resolved` and with the mapping in place, so that `resolved` names the package's own registry",
                )
                .package(name)
                .key(&entry.path)
                .at(Spot::resolved(&entry.path)),
            )
        })
        .collect()
}

/// npm's `replace-registry-host`: by default what points at the public
/// registry goes to the default one.
fn rewritten(resolved: &str, project: &Project) -> bool {
    let Ok(url) = Url::parse(resolved) else { return false };
    project.config.replaces_host(&url, &project.public)
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
