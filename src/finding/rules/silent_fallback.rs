//! `silent-fallback`: a stranger's copy of an own package, and npm content. That a script failed
//! afterwards, for lack of what the genuine one has, is the stranger's clumsiness and no defence.

use crate::evidence::Role;
use crate::finding::case::{Case, Run, Sighting, is_own, spec};
use crate::finding::asked;
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "silent-fallback",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Leaked,
    title: "a private or local package was installed from a foreign source and npm accepted it",
    page: include_str!("../../../docs/rules/silent-fallback.md"),
    check: Check::Run(check),
};

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let accepted = match run.failing_script() {
        None if run.worked() => "npm exited 0".to_owned(),
        None => return Vec::new(),
        Some(script) => {
            let event = script.event.as_deref().unwrap_or("lifecycle");
            let exit = script.exit.as_deref().unwrap_or("badly");
            let whose = match script.package.as_deref() {
                Some("") | None => "the project",
                Some(path) => script.package_name.as_deref().unwrap_or(path),
            };
            format!("npm failed only afterwards, when the {event} script of {whose} exited {exit}")
        }
    };
    run.packages()
        .filter(|(_, package)| is_own(package.class))
        .filter_map(|(at, package)| {
            let source = package.source.as_ref().filter(|source| source.role == Role::Foreign)?;
            let locked = package.lock.as_ref().map(|lock| lock.version.as_str()).unwrap_or_default();
            // With a package whose script failed npm takes all away again.
            let unpacked = (!run.worked()).then_some(locked);
            let installed = package.version.as_deref().or(unpacked)?;
            let what = if !locked.is_empty() && locked != installed {
                format!("another version than the locked {locked}")
            } else {
                match package.genuine {
                    Some(true) => "the same version and the same bytes",
                    Some(false) => "the same version, other bytes",
                    None => "the same version; whether the same bytes was not seen",
                }
                .to_owned()
            };
            let own = case.project.classes.get(&package.path).and_then(|known| known.registry.as_ref());
            let host = source.host.as_deref().unwrap_or("a foreign host");
            // Of one host, the port or the scheme makes the difference.
            let same = own.filter(|own| own.host() == host).zip(source.url.as_deref().and_then(origin));
            let (host, instead) = match same {
                Some((own, origin)) => (origin, format!(" instead of {}", own.as_url().origin().ascii_serialization())),
                None => {
                    let instead = own.map(|own| format!(" instead of {}", own.host()));
                    (host.to_owned(), instead.unwrap_or_default())
                }
            };
            let message = format!(
                "{} came from {host}{instead} ({what}), and {accepted}",
                spec(&package.name, Some(installed))
            );
            let (why, help) = asked::of_installed(case, run, package);
            let message = match why {
                Some(why) => format!("{message}: {why}"),
                None => message,
            };
            let mut sighting = Sighting::new(message, help)
                .package(&package.name)
                // Bytes of two hosts are two faults.
                .key(format!("{} {host}", package.path))
                .at(Spot::resolved(&package.path))
                .seen(EvidenceKind::Package, at);
            if let Some(seq) = source.exchange {
                sighting = sighting.seen(EvidenceKind::Exchange, seq);
            }
            Some(sighting)
        })
        .collect()
}

/// `https://npm.corp.example:8443`.
fn origin(url: &str) -> Option<String> {
    Some(url::Url::parse(url).ok()?.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
