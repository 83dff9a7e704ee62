//! `foreign-code-executed`: a stranger's program ran.

use crate::evidence::Role;
use crate::evidence::fact::{Package, Process, SourceKind};
use crate::evidence::seal::PROJECT;
use crate::finding::asked;
use crate::finding::case::{Case, Run, Sighting, is_own, spec};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "foreign-code-executed",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Leaked,
    title: "a lifecycle script or an executable of a foreign package ran",
    page: include_str!("../../../docs/rules/foreign-code-executed.md"),
    check: Check::Run(check),
};

/// Words of a command line in which a program's path is looked for: `node
/// --flag script.js` has it within the first few.
const WORDS: usize = 4;

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let foreign = run.packages().filter(|(_, package)| foreign(package));
    foreign.filter_map(|(at, package)| ran(case, run, at, package)).collect()
}

/// Whatever came of the install, these bytes were a stranger's.
fn foreign(package: &Package) -> bool {
    let from_abroad = package.source.as_ref().is_some_and(|source| source.role == Role::Foreign);
    package.decoy || is_own(package.class) && from_abroad
}

fn ran(case: &Case<'_>, run: &Run<'_>, at: u32, package: &Package) -> Option<Sighting> {
    let processes = &run.evidence.processes;
    let script = processes.iter().find(|process| process.package.as_deref() == Some(&package.path));
    let process = script.or_else(|| processes.iter().find(|process| executes(process, &package.path)));
    let source = package.source.as_ref();
    let host = source.and_then(|source| source.host.as_deref()).unwrap_or("a foreign host");
    let cached = source.is_some_and(|source| source.kind == SourceKind::Cache);
    let host = if cached { format!("{host} by way of npm's cache") } else { host.to_owned() };
    let name = spec(&package.name, package.version.as_deref());
    let what = match (script, process) {
        (Some(script), _) => {
            let event = script.event.as_deref().unwrap_or("lifecycle");
            format!("the {event} script of {name} ran, and its bytes came from {host}")
        }
        (None, Some(process)) => {
            let whose = match process.package.as_deref() {
                Some("") => "the root project's script".to_owned(),
                Some(path) => format!("the script of {}", process.package_name.as_deref().unwrap_or(path)),
                None => "npm".to_owned(),
            };
            format!("{whose} ran an executable of {name}, whose bytes came from {host}")
        }
        // Scripts that ran without a tracer's eye are still known by name.
        (None, None) => {
            let event = package.scripts.first()?;
            format!("the {event} script of {name} ran, and its bytes came from {host}")
        }
    };
    let (why, measure) = asked::of_installed(case, run, package);
    let what = match why {
        Some(why) => format!("{what}: {why}"),
        None => what,
    };
    let help = format!("treat the machine as run by a stranger; {measure}");
    let mut sighting = Sighting::new(what, help)
    .package(&package.name)
    // What came another way is another fault.
    .key(format!("{} {host}", package.path))
    .at(Spot::resolved(&package.path))
    .seen(EvidenceKind::Package, at);
    if let Some(process) = process {
        sighting = sighting.seen(EvidenceKind::Process, process.id.0);
    }
    Some(sighting)
}

/// Whether a process runs a file of the package itself, not of one nested in it.
fn executes(process: &Process, path: &str) -> bool {
    let folder = format!("{PROJECT}/{path}/");
    std::iter::once(&process.exe).chain(&process.ran).chain(process.argv.iter().take(WORDS)).any(|word| {
        word.strip_prefix(&folder).is_some_and(|inner| !inner.split('/').any(|part| part == "node_modules"))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
