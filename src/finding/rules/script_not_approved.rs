//! `script-not-approved`: a script that nobody approved.

use crate::finding::accepted::matches_name;
use crate::finding::case::{Case, Run, Sighting, spec};
use crate::finding::location::Spot;
use crate::project::Project;
use crate::project::class::Class;
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
    let project = case.project;
    let listed = project.manifest.allow_scripts.is_some() || project.settings.trusted_scripts.is_some();
    run.packages()
        .filter(|(_, package)| !package.scripts.is_empty() && package.class != Class::Local)
        .filter_map(|(at, package)| {
            let version = package.version.as_deref();
            let what = match approved(project, &package.name, version) {
                Some(true) => return None,
                Some(false) => "which `allowScripts` denies",
                None if listed => "which is on no allow-list",
                None => "and the project has no allow-list",
            };
            let sighting = Sighting::new(
                format!("{} ran {}, {what}", spec(&package.name, version), package.scripts.join(", ")),
                format!("look at the script, then add \"{}\" to `allowScripts` in package.json or to `[trust] scripts` in sealcheck.toml", package.name),
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
