//! `script-not-approved`: a script that nobody approved.

use crate::compare::approved::name_of_package;
use crate::finding::accepted::matches_name;
use crate::evidence::seal::in_clone;
use crate::evidence::fact::{Package, Process};
use crate::evidence::seal::PROJECT;
use crate::finding::case::{Case, Run, Sighting, owner, ran_in_clones, spec};
use crate::finding::location::Spot;
use crate::project::Project;
use crate::project::class::Class;
use std::collections::BTreeMap;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "script-not-approved",
    severity: Severity::Warning,
    confidence: Confidence::High,
    forces: Verdict::Sealed,
    title: "an install script that is on no allow-list ran",
    page: include_str!("../../../docs/rules/script-not-approved.md"),
    check: Check::Run(check),
};

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let mut sightings = scripts(case, run);
    sightings.extend(stand_ins(case, run));
    sightings.extend(clones(case, run));
    sightings
}

/// Programs of repositories that npm ran while it prepared what comes from git.
fn clones(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let listed = has_list(case);
    let sighting = |(file, process): (&str, &Process)| {
        let sighting = Sighting::new(
            format!("npm ran `{file}` out of a dependency from git, which no allow-list covers"),
            "look at the repository; replace it by a published package, or use an npm with `allow-git=none`",
        )
        .key(format!("clone {file}"))
        .seen(EvidenceKind::Process, process.id.0);
        if listed { sighting } else { sighting.severity(Severity::Note) }
    };
    let scripts = run.evidence.processes.iter().filter_map(|process| {
        let folder = process.package.as_deref()?;
        let event = process.event.as_deref()?;
        if case.accepts_scripts(&name_of_package(run.evidence, folder), &[event.to_owned()]) {
            return None;
        }
        // The folder's own name is made up by npm, and what follows is the package's in it.
        let inner = in_clone(&format!("{folder}/"))?.trim_end_matches('/').to_owned();
        Some((format!("{event} {inner}"), event, inner, process))
    });
    let mut by_script = BTreeMap::new();
    for (key, event, inner, process) in scripts {
        by_script.entry(key).or_insert((event, inner, process));
    }
    let told = by_script.into_iter().map(|(key, (event, inner, process))| {
        let whose = if inner.is_empty() { "a dependency from git".to_owned() } else { format!("{inner} of a dependency from git") };
        let sighting = Sighting::new(
            format!("npm ran the {event} script of {whose}, which no allow-list covers"),
            "look at the repository; replace it by a published package, or use an npm with `allow-git=none`",
        )
        .key(format!("clone script {key}"))
        .seen(EvidenceKind::Process, process.id.0);
        if listed { sighting } else { sighting.severity(Severity::Note) }
    });
    ran_in_clones(run).into_iter().map(sighting).chain(told).collect()
}

/// An accepted baseline is one: it names the scripts that ran when it was accepted.
fn has_list(case: &Case<'_>) -> bool {
    let project = case.project;
    case.accepted.is_some() || project.manifest.allow_scripts.is_some() || project.settings.trusted_scripts.is_some()
}

/// Programs that ran in the place of the system's `sh` or `node`. npm looks in
/// `node_modules/.bin` first, and no allow-list of scripts stops that.
fn stand_ins(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let mut by: BTreeMap<(&str, &str), Sighting> = BTreeMap::new();
    for process in &run.evidence.processes {
        let Some(stand_in) = &process.stand_in else { continue };
        let inner = stand_in.file.strip_prefix(PROJECT).and_then(|inner| inner.strip_prefix('/'));
        let Some(inner) = inner else { continue };
        let holds = |package: &Package| {
            inner.strip_prefix(package.path.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let package = run.packages().filter(|(_, package)| holds(package)).max_by_key(|(_, package)| package.path.len());
        let name = package.map_or(inner, |(_, package)| package.name.as_str());
        let version = package.and_then(|(_, package)| package.version.as_deref());
        if package.is_some_and(|(_, package)| package.class == Class::Local)
            || approved(case.project, name, version) == Some(true)
        {
            continue;
        }
        let of = process.package.as_deref().map_or_else(String::new, |_| {
            let event = process.event.as_deref().unwrap_or("lifecycle");
            format!(" by the {event} script of {}", spec(&owner(process), process.version.as_deref()))
        });
        by.entry((inner, &stand_in.name)).or_insert_with(|| {
            let mut sighting = Sighting::new(
                format!("{} was run in the place of `{}`{of}", spec(name, version), stand_in.name),
                format!("if that is not meant, remove {name}; `script-shell=/bin/sh` keeps npm from taking a shell out of `node_modules/.bin`"),
            )
            .package(name)
            .key(format!("{inner} {}", stand_in.name))
            .seen(EvidenceKind::Process, process.id.0);
            if let Some((at, package)) = package {
                sighting = sighting.at(Spot::entry(&package.path)).seen(EvidenceKind::Package, at);
            }
            sighting
        });
    }
    by.into_values().collect()
}

fn scripts(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let project = case.project;
    let listed = has_list(case);
    run.packages()
        .filter(|(_, package)| !package.scripts.is_empty() && package.class != Class::Local)
        .filter_map(|(at, package)| {
            let version = package.version.as_deref();
            let what = match approved(project, &package.name, version) {
                Some(true) => return None,
                Some(false) => "which `allowScripts` denies",
                None if case.accepts_scripts(&package.name, &package.scripts) => return None,
                None if case.accepted.is_some() => "which is on no allow-list and not in the accepted baseline",
                None if listed => "which is on no allow-list",
                None => "and the project has no allow-list",
            };
            let sighting = Sighting::new(
                format!("{} ran {}, {what}", spec(&package.name, version), package.scripts.join(", ")),
                match approved(project, &package.name, version) {
                    // The list has it; this npm did not ask the list.
                    Some(false) => format!("`allowScripts` says no, and this npm ran it all the same: use an npm that asks `allowScripts`, or `ignore-scripts=true`; if the script is meant, let `allowScripts` say yes to \"{}\"", package.name),
                    Some(true) | None => format!("look at the script, then add \"{}\" to `allowScripts` in package.json or to `[trust] scripts` in sealcheck.toml", package.name),
                },
            )
            .package(&package.name)
            .key(&package.path)
            .at(Spot::entry(&package.path))
            .seen(EvidenceKind::Package, at);
            Some(if listed { sighting } else { sighting.severity(Severity::Note) })
        })
        .collect()
}

/// What the allow-lists say of a package; `None` where they say nothing.
pub(super) fn approved(project: &Project, name: &str, version: Option<&str>) -> Option<bool> {
    let exact = spec(name, version);
    let manifest = project.manifest.allow_scripts.as_ref().and_then(|allowed| {
        allowed.get(&exact).or_else(|| allowed.get(name)).copied()
    });
    let trusted = project
        .settings
        .trusted_scripts
        .as_ref()
        .is_some_and(|globs| globs.iter().any(|glob| matches_name(glob, name)));
    manifest.or_else(|| trusted.then_some(true))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
