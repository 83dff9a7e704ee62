//! `cache-masked-source`: green until somebody clears a cache.

use crate::evidence::fact::SourceKind;
use crate::finding::case::{Case, Run, Sighting, spec};
use crate::finding::location::Spot;
use crate::project::class::Class;
use crate::scenario::{Cache, Reach};
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "cache-masked-source",
    severity: Severity::Note,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "the install passes only because a warm cache hides that its source is gone",
    page: include_str!("../../../docs/rules/cache-masked-source.md"),
    check: Check::Run(check),
};

fn check(_: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let world = &run.scenario.world;
    match world.cache {
        Cache::Warm | Cache::MustRevalidate if run.worked() => {}
        Cache::Warm | Cache::MustRevalidate => return Vec::new(),
        // Whatever a poisoned one gives is told otherwise.
        Cache::Clean | Cache::Poisoned | Cache::PoisonedImmutable => return Vec::new(),
    }
    run.packages()
        .filter_map(|(at, package)| {
            let answer = match package.class {
                Class::Private => world.private,
                Class::Public => world.public,
                Class::Local | Class::Other | Class::Undecided => return None,
            };
            if answer.reach() == Reach::Nothing {
                return None;
            }
            let gone = answer.says();
            let source = package.source.as_ref().filter(|source| source.kind == SourceKind::Cache)?;
            let host = source.host.as_deref().unwrap_or("its registry");
            let bare = package.lock.as_ref().is_none_or(|lock| lock.integrity.is_none());
            let sighting = Sighting::new(
                format!(
                    "{} came from npm's cache while {host} {gone}: with an empty cache the install would not be the same",
                    spec(&package.name, package.version.as_deref())
                ),
                if bare {
                    "have its source back before the cache is gone, and pin its bytes by an `integrity`"
                } else {
                    "have its source back before the cache is gone; its bytes are pinned already"
                },
            )
            .package(&package.name)
            .at(Spot::entry(&package.path))
            .seen(EvidenceKind::Package, at);
            Some(if bare { sighting.severity(Severity::Warning) } else { sighting })
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
