//! `write-outside-package`: a script left something elsewhere.

use crate::evidence::fact::File;
use crate::finding::case::{Case, Run, Sighting, owner};
use crate::finding::tampering::{Tampering, in_project, is_below, script};
use std::collections::BTreeMap;
use crate::wire::Change;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "write-outside-package",
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    forces: Verdict::Sealed,
    title: "a lifecycle script wrote outside its own package folder",
    page: include_str!("../../../docs/rules/write-outside-package.md"),
    check: Check::Run(check),
};

/// Files that are shown in the message.
const SHOWN: usize = 3;

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let tampering = Tampering::of(case, run);
    let (root_ran, others) = (tampering.root_ran, &tampering.others);
    if !root_ran && others.is_empty() {
        return Vec::new();
    }
    let mut by: BTreeMap<Writing<'_>, Vec<(u32, &File)>> = BTreeMap::new();
    for (at, file) in (0u32..).zip(&run.evidence.files) {
        let process = tampering.writer(file);
        let writer = process.and_then(|process| process.package.as_deref());
        let own = tampering.by_owner(file);
        // Trees of packages are another rule's, and so is what takes one over. What the lockfile
        // has not is nobody's tree.
        let of_package = file.package.as_deref().is_some_and(|package| tampering.is_installed(package));
        let at_home = in_project(&file.path).zip(writer).is_some_and(|(path, own)| is_below(path, own));
        if of_package || at_home || tampering.takes_over(file).is_some() {
            continue;
        }
        let place = match in_project(&file.path) {
            // npm's own files are nobody's, also where the owner's script started it.
            _ if file.npms && (process.is_none() || own && file.npm) => continue,
            // The owner's own scripts may write in the project.
            Some(_) if own => continue,
            _ if file.npms => Where::Cache,
            Some(_) => Where::Project,
            None => Where::Elsewhere,
        };
        let mild = file.npm && place == Where::Cache || is_own_store(&tampering, file, writer);
        by.entry((writer, place, mild)).or_default().push((at, file));
    }
    by.into_iter().filter_map(|((writer, place, mild), files)| {
        let first = files.first()?;
        let written = written(&files);
        let help = "look at what was written and by which script; install with scripts off if nothing needs it";
        let process = tampering.writer(first.1);
        if let (Some(path), Some(process)) = (writer, process) {
            let kind = if mild { " of its own" } else { "" };
            let sighting = Sighting::new(format!("{} wrote {}: {written}", script(process), place.name()), help)
                .package(owner(process))
                .key(format!("{path} {}{kind}", place.name()))
                .confidence(Confidence::High)
                .seen(EvidenceKind::File, first.0)
                .seen(EvidenceKind::Process, process.id.0);
            return Some(if mild { sighting.severity(Severity::Note) } else { sighting });
        }
        let whose = if others.is_empty() { "the root project".to_owned() } else { others.join(", ") };
        let shared = root_ran && place == Where::Project;
        let by = if shared { format!("a script of {whose}, or one of the root project's own,") } else { format!("a script of {whose}") };
        let mut sighting = Sighting::new(format!("{by} wrote {}: {written}", place.name()), help)
            .key(place.name())
            .seen(EvidenceKind::File, first.0);
        if let [only] = others.as_slice() {
            sighting = sighting.package(only);
        }
        // The root's own scripts may write in the project, and who wrote was not seen.
        if shared {
            sighting = sighting.severity(Severity::Note).confidence(Confidence::Low);
        }
        Some(sighting)
    }).collect()
}

/// Folders of npm's cache in which downloads of prebuilt programs are kept by custom
/// (prebuild-install, sharp).
const DOWNLOADS: [&str; 2] = ["_prebuilds/", "_libvips/"];

/// How such a download ends.
const ARCHIVES: [&str; 5] = [".tar.gz", ".tgz", ".tar.br", ".tar.xz", ".zip"];

/// The path in npm's cache.
fn in_cache(path: &str) -> Option<&str> {
    path.split_once("/.npm/").map(|(_, inner)| inner)
}

/// Whether a file lies where its package keeps things by custom: downloads in npm's cache, a
/// folder of its own name in there or in `node_modules/.cache`, `node_modules/.NAME`, its own
/// program in `.bin`.
fn is_own_store(tampering: &Tampering<'_>, file: &File, writer: Option<&str>) -> bool {
    let Some(own) = writer.filter(|own| !own.is_empty()) else { return false };
    let full = own.rsplit_once("node_modules/").map_or(own, |(_, name)| name);
    let mut names = full.trim_start_matches('@').split('/');
    let mut own_folder = |path: &str| names.any(|name| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')));
    if let Some(inner) = in_cache(&file.path).filter(|_| file.npms) {
        let archive = ARCHIVES.iter().any(|ending| inner.ends_with(ending));
        return archive && DOWNLOADS.iter().any(|folder| inner.starts_with(folder)) || own_folder(inner);
    }
    let Some((_, last)) = in_project(&file.path).and_then(|path| path.rsplit_once("node_modules/.")) else {
        return false;
    };
    match (last.strip_prefix("bin/"), last.strip_prefix("cache/")) {
        (Some(program), _) => tampering.brings(own, program),
        (None, Some(inner)) => own_folder(inner),
        (None, None) => own_folder(last),
    }
}

/// The package whose script wrote, where that was seen, where it did, and whether that is
/// where its things are kept.
type Writing<'a> = (Option<&'a str>, Where, bool);

/// Where it was written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    Project,
    Cache,
    Elsewhere,
}

impl Where {
    fn name(self) -> &'static str {
        match self {
            Self::Project => "in the project, outside its own folder",
            Self::Cache => "into npm's cache",
            Self::Elsewhere => "outside the project",
        }
    }
}

fn written(files: &[(u32, &File)]) -> String {
    let shown: Vec<String> = files
        .iter()
        .take(SHOWN)
        .map(|(_, file)| {
            let change = match file.change {
                Change::Added => "added",
                Change::Changed => "changed",
                Change::Removed => "removed",
            };
            let more = match (&file.answers, &file.leads) {
                (Some(url), _) => format!(", from which npm answers {url}"),
                (None, Some(leads)) => format!(", a link to {leads}"),
                (None, None) => String::new(),
            };
            format!("{} ({change}{more})", file.path)
        })
        .collect();
    let more = files.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
