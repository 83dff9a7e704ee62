//! `scripts-ran-while-disabled`: off was not off.

use crate::finding::asked::written;
use crate::finding::case::{Case, Run, Sighting, owner, ran_in_clones, spec};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};
use crate::plan::command;
use std::collections::BTreeMap;

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
    let off = disabled(case, run, &run.evidence.command);
    // What holds for the install by a word of its own holds for no command behind it.
    let off_behind = disabled(case, run, &run.evidence.then);
    if !off && !off_behind {
        return Vec::new();
    }
    let mut first = BTreeMap::new();
    for process in &run.evidence.processes {
        if let (Some(package), Some(event)) = (&process.package, &process.event) {
            first.entry((run.is_of_second(process), package, event)).or_insert(process);
        }
    }
    let clones = ran_in_clones(run).into_iter().filter(|_| off).map(|(file, process)| {
        Sighting::new(
            format!("npm ran `{file}` out of a dependency from git although scripts were off"),
            "remove the dependency from git, or use an npm with `allow-git=none`: its own npmrc can name the program that npm takes for git",
        )
        .key(file)
        .seen(EvidenceKind::Process, process.id.0)
    });
    first
        .into_iter()
        .filter_map(|((second, path, event), process)| {
            let name = &owner(process);
            let script = format!("the {event} script of {}", spec(name, process.version.as_deref()));
            let sighting = if second && !off_behind {
                Sighting::new(
                    format!("{script} ran in `{}` although scripts were off for the install", run.evidence.then.join(" ")),
                    match case.project.config.get("ignore-scripts") {
                        Some(setting) if case.project.config.plain("ignore-scripts") == Some("true") => format!(
                            "{} holds for every command that says nothing else: take what overrules it out of `{}`, and rebuild by name what must be",
                            written(setting),
                            run.evidence.then.join(" ")
                        ),
                        Some(_) | None => "write `ignore-scripts=true` into the project's `.npmrc`, which holds for every command, and rebuild by name what must be".to_owned(),
                    },
                )
                .severity(Severity::Warning)
                .forces(Verdict::Sealed)
            } else if second || off {
                Sighting::new(
                    format!("{script} ran although scripts were off"),
                    "find out what starts it (a git dependency's `prepare`, an executable named `sh` or `node` in a package) and remove that dependency",
                )
            } else {
                return None;
            };
            let key = format!("{path} {event}");
            let sighting = sighting.package(name).key(&key).at(Spot::entry(path));
            Some(sighting.seen(EvidenceKind::Process, process.id.0))
        })
        .chain(clones)
        .collect()
}

/// The last word on the command line, then variables, then npmrc, as in npm.
fn disabled(case: &Case<'_>, run: &Run<'_>, words: &[String]) -> bool {
    let scenario = run.scenario;
    let variable = || scenario.project.npm_config.get("ignore-scripts").map(|value| command::is_on(value));
    command::scripts_switch(words)
        .map(|(_, off)| off)
        .or_else(variable)
        .unwrap_or_else(|| command::scripts_off(&case.project.config, words).is_some())
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
