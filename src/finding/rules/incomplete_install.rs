//! `incomplete-install`: npm exited 0 and something is not there.

use crate::evidence::fact::{Package, Reached};
use crate::evidence::{Exchange, ExchangeKind};
use crate::finding::case::{Case, Run, Sighting, answered, failed_answer, ours, spec};
use crate::finding::location::Spot;
use crate::finding::refusal;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};
use crate::scenario::Loss;
use std::collections::BTreeMap;

pub(super) static RULE: Rule = Rule {
    name: "incomplete-install",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Broken,
    title: "npm exited 0 and the tree lacks what the lockfile demands",
    page: include_str!("../../../docs/rules/incomplete-install.md"),
    check: Check::Run(check),
};

/// Optional packages that failed, whose fall is followed to others.
const FOLLOWED: usize = 100;
const OPTIONAL: &str =
    "make it an ordinary dependency if the project needs it, or test for it after the install";

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    if !run.worked() || run.lost(Loss::Lockfile) || !run.tree_seen() {
        return Vec::new();
    }
    let missing: Vec<(u32, &Package)> = run
        .packages()
        .filter(|(_, package)| package.version.is_none() && package.lock.is_some())
        .collect();
    let fallen = fallen(case, run, &missing);
    // A lockfile of version 1 does not say what needs what lies beside it.
    let with_any = fallen.values().next().filter(|_| case.project.lockfile.version == 1);
    missing
        .into_iter()
        .filter_map(|(at, package)| {
            let name = spec(&package.name, locked(package));
            let own = cause(case, run, package);
            let (message, why, help) = if package.optional {
                let beside = with_any.filter(|_| package.source.is_some());
                let fallen = fallen.get(package.path.as_str()).or(beside);
                let (why, help) = match (&own, fallen) {
                    (Some(own), _) if own.of_itself => (own.why.clone(), own.help.clone()),
                    (_, Some(with)) => (format!("it fell with {}", with.name), with.help.clone()),
                    (Some(own), None) => (own.why.clone(), own.help.clone()),
                    (None, None) if package.source.is_some() => {
                        ("npm had unpacked it, and it is not there any more".to_owned(), OPTIONAL.to_owned())
                    }
                    // npm asks the registry for the platforms of a package in such a lockfile.
                    (None, None) if case.project.lockfile.version == 1 => return None,
                    (None, None) => {
                        let why = "it belongs on this platform, and nobody was asked for it";
                        (why.to_owned(), OPTIONAL.to_owned())
                    }
                };
                (format!("npm exited 0 without the optional {name}, dropped without a word: "), Some(why), help)
            } else if package.source.is_some() {
                (
                    format!("npm exited 0 and {name}, which it had unpacked, is not installed any more"),
                    None,
                    "see which script removed it: `tree-mutated-by-script` names the files".to_owned(),
                )
            } else {
                (
                    format!("npm exited 0 and {name}, which the lockfile demands, is not installed"),
                    None,
                    "repair its lockfile entry: `resolved` must be a URL that npm can fetch".to_owned(),
                )
            };
            let mut sighting = Sighting::new(message, help)
                .lists(why.into_iter().collect())
                .package(&package.name)
                .key(&package.path)
                .at(Spot::entry(&package.path))
                .seen(EvidenceKind::Package, at);
            // What fell with another one is as well known as why that one failed.
            let beside = with_any.filter(|_| package.source.is_some());
            let with = fallen.get(package.path.as_str()).or(beside);
            let with = with.filter(|_| !own.as_ref().is_some_and(|own| own.of_itself));
            let own = own.unwrap_or_default();
            for (kind, seen) in with.map_or(&own.seen, |with| &with.seen) {
                sighting = sighting.seen(*kind, *seen);
            }
            // What we could not fetch, or did not let through, npm could not either.
            if package.optional && with.map_or(own.kept_back, |with| with.kept_back) {
                sighting = sighting.severity(Severity::Note).forces(Verdict::Unobserved);
            }
            Some(sighting)
        })
        .collect()
}

fn locked(package: &Package) -> Option<&str> {
    package.lock.as_ref().map(|lock| lock.version.as_str())
}

/// Why an optional package is not there.
#[derive(Default)]
struct Cause {
    /// What happened, a fragment that ends the sentence.
    why: String,
    help: String,
    /// It failed by itself, so that what needs it fell with it.
    of_itself: bool,
    /// It was ourselves who failed it, so that outside it may have worked.
    kept_back: bool,
    seen: Vec<(EvidenceKind, u32)>,
}

fn cause(case: &Case<'_>, run: &Run<'_>, package: &Package) -> Option<Cause> {
    let of_itself = Cause { of_itself: true, help: OPTIONAL.to_owned(), ..Cause::default() };
    if let Some(refused) = refusal::dropped(case, run, &package.path) {
        let (why, help, seen) = (refused.message, refused.help, refused.evidence);
        return Some(Cause { why, help, seen, kept_back: true, ..of_itself });
    }
    // Another version of that name is another matter, and what was answered at last counts.
    let version = locked(package);
    let of_version = |exchange: &&Exchange| exchange.version.as_deref().is_none_or(|it| Some(it) == version);
    let last = run.requests(&package.name).filter(of_version).last();
    if let Some(exchange) = last.filter(|exchange| failed_answer(exchange)) {
        let why = format!("{} {}", exchange.host, answered(exchange));
        let seen = vec![(EvidenceKind::Exchange, exchange.seq)];
        return Some(Cause { why, seen, kept_back: ours(exchange), ..of_itself });
    }
    if let Some((event, exit)) = run.failed_script(&package.path) {
        let ended = format!("its {event} script ended with {exit}, and npm removed it again");
        let refusal = refusal::script(run, Some(&package.path));
        let kept_back = refusal.is_some();
        let (why, help, seen) = match refusal {
            Some(refusal) => (format!("{ended}; {}", refusal.message), refusal.help, refusal.evidence),
            None => (
                ended,
                "run the script by itself to see why it fails; a package without its script is not installed"
                    .to_owned(),
                Vec::new(),
            ),
        };
        return Some(Cause { why, help, seen, kept_back, ..of_itself });
    }
    // Refused below HTTP, so that no request tells of it.
    if let Some(why) = refusing(case, run, &package.path) {
        return Some(Cause { why, ..of_itself });
    }
    // npm refused it by itself: npm 12 where `resolved` is not at the registry that
    // it believes in (EALLOWREMOTE), all where a mapping is no URL.
    (package.source.is_none() && given(run, &package.name, locked(package))).then(|| Cause {
        why: "npm was given a tarball and refused it".to_owned(),
        help: "see which bytes the lockfile's integrity refuses; make it an ordinary dependency if the project needs it".to_owned(),
        ..Cause::default()
    })
}

/// An optional package that others fell with.
struct Fall {
    name: String,
    help: String,
    kept_back: bool,
    seen: Vec<(EvidenceKind, u32)>,
}

/// What fell with another optional package that failed by itself, and with which. What a registry
/// failed goes before what we kept back: it would have fallen all the same.
fn fallen(
    case: &Case<'_>,
    run: &Run<'_>,
    missing: &[(u32, &Package)],
) -> BTreeMap<String, std::rc::Rc<Fall>> {
    let mut fallen = BTreeMap::new();
    let failed = missing.iter().filter(|(_, package)| package.optional).filter_map(|(_, package)| {
        let cause = cause(case, run, package).filter(|cause| cause.of_itself)?;
        let help = if cause.kept_back { cause.help } else { OPTIONAL.to_owned() };
        let name = spec(&package.name, locked(package));
        Some((package, Fall { name, help, kept_back: cause.kept_back, seen: cause.seen }))
    });
    let mut failed: Vec<_> = failed.collect();
    failed.sort_by_key(|(_, fall)| fall.kept_back);
    // No message needs npm's version: those that remove the most say what fell.
    let newest = node_semver::Version { major: 99, minor: 0, patch: 0, build: Vec::new(), pre_release: Vec::new() };
    for (package, fall) in failed.into_iter().take(FOLLOWED) {
        let fall = std::rc::Rc::new(fall);
        let needing = case.project.lockfile.falls_with(&package.path, &newest);
        let inside = format!("{}/", package.path);
        let inside = missing.iter().map(|(_, other)| other.path.as_str()).filter(|path| path.starts_with(&inside));
        for path in needing.into_iter().chain(inside) {
            fallen.entry(path.to_owned()).or_insert_with(|| fall.clone());
        }
    }
    fallen
}

/// Whether a tarball of the locked version came whole. (One that was unpacked, and taken away
/// again because its script failed, has a source and is another matter.)
fn given(run: &Run<'_>, name: &str, locked: Option<&str>) -> bool {
    run.requests(name).any(|exchange| {
        exchange.kind == ExchangeKind::Tarball
            && exchange.status == Some(200)
            && exchange.version.as_deref().is_none_or(|version| Some(version) == locked)
    })
}

/// What the host of a package's own registry did, where npm could not connect to it.
fn refusing(case: &Case<'_>, run: &Run<'_>, path: &str) -> Option<String> {
    let host = case.project.classes.get(path)?.registry.as_ref()?.host();
    let mut tried = run.evidence.connections.iter().filter(|it| it.name.as_deref() == Some(host));
    let silent = tried.clone().any(|connection| connection.outcome == Reached::Pending);
    let refused =
        tried.any(|connection| matches!(connection.outcome, Reached::Refused | Reached::Unreachable));
    let unknown = || {
        run.evidence.lookups.iter().any(|lookup| lookup.name == host && lookup.answer == "NXDOMAIN")
    };
    if refused || unknown() {
        return Some(format!("{host} refused the connection"));
    }
    silent.then(|| format!("{host} did not answer the attempt to connect"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
