//! `server-resolution-unproven`: the registry itself may merge.

use crate::finding::case::{Case, Sighting};
use crate::finding::location::Spot;
use crate::project::class::Class;
use std::collections::BTreeMap;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "server-resolution-unproven",
    severity: Severity::Note,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "private packages come through a registry that also serves public ones",
    page: include_str!("../../../docs/rules/server-resolution-unproven.md"),
    check: Check::Report(check),
};

fn check(case: &Case<'_>) -> Vec<Sighting> {
    let project = case.project;
    let mut homes = BTreeMap::new();
    for entry in project.lockfile.entries.values() {
        if let Some(known) = project.classes.get(&entry.path)
            && known.class == Class::Private
            && let Some(registry) = &known.registry
        {
            homes.entry(registry).or_insert_with(Vec::new).push(entry);
        }
    }
    homes
        .into_iter()
        .filter_map(|(home, private)| {
            let public = project.lockfile.entries.values().find(|entry| {
                project.classes.get(&entry.path).is_some_and(|known| known.class == Class::Public)
                    && project.config.registry_for(&entry.name, &project.public) == *home
            })?;
            let first = private.first()?;
            Some(
                Sighting::new(
                    format!(
                        "{home} serves {} and public packages as {}: whether it would give a stranger's version of the former was not shown",
                        first.name, public.name
                    ),
                    "take private names from a registry that serves nothing else, or exclude them from the virtual one's upstream",
                )
                .key(home.to_string())
                .at(Spot::Mapping { name: first.name.to_string(), path: first.path.clone() }),
            )
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
