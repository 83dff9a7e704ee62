//! `server-resolution-unproven`: the registry itself may merge.

use crate::evidence::resolution::Resolution;
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
            let compared: Vec<&Resolution> =
                case.resolutions.iter().filter(|it| it.registry == home.to_string()).collect();
            // Then another rule says it.
            if compared.iter().any(|resolution| resolution.differs()) {
                return None;
            }
            let public = project.public_from(home);
            // Whoever says what lies behind it says that it takes from several.
            let is_virtual =
                project.settings.registries.iter().any(|entry| entry.url == *home && entry.behind.is_some());
            let first = private.first()?;
            let serves = match public {
                Some(public) => format!("{home} serves {} and public packages as {}", first.name, public.name),
                None if is_virtual => format!("{home} serves {} out of other registries", first.name),
                None => return None,
            };
            let (seen, help) = what_was_seen(&compared);
            Some(
                Sighting::new(format!("{serves}: {seen}"), help)
                .key(home.to_string())
                .at(Spot::Mapping { name: first.name.to_string(), path: first.path.clone() }),
            )
        })
        .collect()
}

/// What is known of a virtual registry, and what would make it more.
fn what_was_seen(compared: &[&Resolution]) -> (String, &'static str) {
    let mend = "take private names from a registry that serves nothing else, or exclude them from the virtual one's upstream";
    let Some(first) = compared.first() else {
        return (
            "whether it would give a stranger's version of the former was not shown".to_owned(),
            "take private names from a registry that serves nothing else, or exclude them from the virtual one's upstream and let `[[registry]] behind` name the registry that they come from",
        );
    };
    if compared.iter().any(|resolution| resolution.unread.is_some() || resolution.uncompared.count > 0) {
        let seen = "whether it gives a stranger's version of the former was asked, and not answered for all";
        return (seen.to_owned(), mend);
    }
    let seen = format!(
        "today it gives no more of the former than {} behind it has; whether it would add a stranger's version the day that one is published was not shown",
        first.behind
    );
    (seen, mend)
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
