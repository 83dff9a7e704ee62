//! `scripts-ran-while-disabled`: off was not off.

use crate::evidence::fact::Process;
use crate::evidence::seal::in_clone;
use crate::finding::case::{Case, Run, Sighting, owner, spec};
use crate::finding::location::Spot;
use std::collections::BTreeMap;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "scripts-ran-while-disabled",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Broken,
    title: "a script ran although scripts were off",
    page: include_str!("../../../docs/rules/scripts-ran-while-disabled.md"),
    check: Check::Run(check),
};

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    if !disabled(case, run) {
        return Vec::new();
    }
    let mut first = BTreeMap::new();
    for process in &run.evidence.processes {
        if let (Some(package), Some(event)) = (&process.package, &process.event) {
            first.entry((package, event)).or_insert(process);
        }
    }
    let clones = ran_in_clones(run).into_iter().map(|(file, process)| {
        Sighting::new(
            format!("npm ran `{file}` out of a dependency from git although scripts were off"),
            "remove the dependency from git, or use an npm with `allow-git=none`: its own npmrc can name the program that npm takes for git",
        )
        .key(file)
        .seen(EvidenceKind::Process, process.id.0)
    });
    first
        .into_iter()
        .map(|((path, event), process)| {
            let name = &owner(process);
            Sighting::new(
                format!(
                    "the {event} script of {} ran although scripts were off",
                    spec(name, process.version.as_deref())
                ),
                "find out what starts it (a git dependency's `prepare`, an executable named `sh` or `node` in a package) and remove that dependency",
            )
            .package(name)
            .key(format!("{path} {event}"))
            .at(Spot::entry(path))
            .seen(EvidenceKind::Process, process.id.0)
        })
        .chain(clones)
        .collect()
}

/// Files of repositories that npm ran, and of none of whose scripts it knew: by their path in
/// the clone.
pub(super) fn ran_in_clones<'a>(run: &Run<'a>) -> BTreeMap<&'a str, &'a Process> {
    let mut files = BTreeMap::new();
    for process in run.evidence.processes.iter().filter(|process| process.package.is_none()) {
        for file in process.ran.iter().filter_map(|path| in_clone(path)) {
            files.entry(file).or_insert(process);
        }
    }
    files
}

/// The last word on the command line, then variables, then npmrc, as in npm.
fn disabled(case: &Case<'_>, run: &Run<'_>) -> bool {
    let said = run.evidence.command.iter().rev().find_map(|word| match word.as_str() {
        "--ignore-scripts" | "--ignore-scripts=true" => Some(true),
        "--ignore-scripts=false" | "--no-ignore-scripts" => Some(false),
        _ => None,
    });
    let on = |value: &str| value == "true" || value == "1";
    said.or_else(|| run.scenario.install.ignore_scripts.then_some(true))
        .or_else(|| run.scenario.project.npm_config.get("ignore-scripts").map(|value| on(value)))
        .or_else(|| case.project.config.plain("ignore-scripts").map(on))
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
