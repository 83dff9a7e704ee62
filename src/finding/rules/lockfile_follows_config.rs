//! `lockfile-follows-config`: the lockfile names no source of its own.

use crate::finding::case::{Case, Sighting, spec};
use crate::finding::asked::written;
use crate::finding::location::Spot;
use crate::project::Project;
use crate::project::class::Class;
use crate::project::npmrc::REPLACE_REGISTRY_HOST;
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
                Some(resolved) if Url::parse(resolved).is_ok_and(|url| project.config.replaces_host(&url, &project.public)) => "has a `resolved` that npm rewrites to the default registry",
                Some(_) => return None,
            };
            let name = entry.name.as_str();
            Some(
                Sighting::new(
                    format!(
                        "the lockfile entry of {} {why}, so that it comes from wherever npm's config points that day",
                        spec(name, Some(&entry.version))
                    ),
                    help(project, entry.resolved.is_some()),
                )
                .package(name)
                .key(&entry.path)
                .at(Spot::resolved(&entry.path)),
            )
        })
        .collect()
}

fn help(project: &Project, has_resolved: bool) -> String {
    let anew = "write the entry anew with the mapping in place, so that `resolved` names the package's own registry";
    let key = if has_resolved { REPLACE_REGISTRY_HOST } else { "omit-lockfile-registry-resolved" };
    match project.config.get(key) {
        Some(setting) if has_resolved => format!("remove {}, or {anew}", written(setting)),
        Some(setting) if project.config.plain(key) == Some("true") => format!("remove {}, and {anew}", written(setting)),
        Some(_) | None => format!("{anew}, and by an npm that has no `omit-lockfile-registry-resolved`"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
