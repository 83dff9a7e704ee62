//! `unmapped-private-package`: the mapping lives elsewhere, or nowhere.

use crate::finding::case::{Case, Sighting};
use crate::finding::asked;
use crate::finding::location::Spot;
use crate::project::Project;
use crate::project::class::Class;
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::name::PackageName;
use crate::project::npmrc::{Level, Value};
use crate::project::registry::RegistryUrl;
use std::collections::BTreeMap;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "unmapped-private-package",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "no file of the project maps a private package to its registry",
    page: include_str!("../../../docs/rules/unmapped-private-package.md"),
    check: Check::Report(check),
};

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let project = case.project;
    let mut private = BTreeMap::new();
    // What is bundled comes in its parent's tarball, and is asked of nobody.
    let asked_for = |entry: &&LockEntry| entry.kind != EntryKind::Bundled;
    for entry in project.lockfile.entries.values().filter(asked_for) {
        let class = project.classes.get(&entry.path);
        if let Some(known) = class.filter(|known| known.class == Class::Private) {
            private.entry(&entry.name).or_insert((entry, known));
        }
    }
    private
        .into_iter()
        .filter(|(name, _)| !mapped(name, project))
        .map(|(name, (entry, known))| {
            let registry =
                known.registry.as_ref().map(|registry| format!(", {registry}")).unwrap_or_default();
            let line = match name.scope() {
                Some(scope) => {
                    let url = known.registry.as_ref().map_or("URL".to_owned(), ToString::to_string);
                    let key = format!("{scope}:registry");
                    let mut settings = project.config.settings.iter();
                    let there = settings.rfind(|setting| setting.level == Level::Project && setting.key == key);
                    let add = match there {
                        Some(setting) => format!("let {} name {url}", asked::written(setting)),
                        None => format!("add `{key}={url}` to the project's `.npmrc`"),
                    };
                    match (asked::unread_mapping(project, scope), project.misspelt(scope)) {
                        (Some(unread), _) => format!("{add}: {unread}"),
                        (None, Some(other)) => format!("{add}: {} is another key to npm", asked::written(other)),
                        (None, None) => add,
                    }
                }
                None => "give it a scope, and map that scope in the project's `.npmrc`".to_owned(),
            };
            Sighting::new(
                format!("no file of the project maps {name} to its registry{registry}: it is private because {}", known.because),
                line,
            )
            .package(name.as_str())
            .at(Spot::resolved(&entry.path))
        })
        .collect()
}

/// A mapping of its scope, or a default registry that is not the public one,
/// in the npmrc that travels with the project.
fn mapped(name: &PackageName, project: &Project) -> bool {
    let key = name.scope().map(|scope| format!("{scope}:registry"));
    project.config.settings.iter().filter(|setting| setting.level == Level::Project).any(|setting| {
        let registry = match &setting.value {
            Value::Plain(text) => RegistryUrl::parse(text).ok(),
            Value::Secret(_) => None,
        };
        let speaks = Some(&setting.key) == key.as_ref() || setting.key == "registry";
        speaks && registry.is_some_and(|registry| registry.host() != project.public.host())
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
