//! `platform-package-missing`: the lockfile was written on another machine.

use crate::evidence::seal::Platform;
use crate::finding::case::{Case, Run, Sighting, spec};
use crate::finding::location::Spot;
use crate::scenario::Loss;
use crate::finding::rule::{Check, Rule};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};

pub(super) static RULE: Rule = Rule {
    name: "platform-package-missing",
    severity: Severity::Error,
    confidence: Confidence::Medium,
    forces: Verdict::Broken,
    title: "a package's binary for this platform is not in the lockfile",
    page: include_str!("../../../docs/rules/platform-package-missing.md"),
    check: Check::Run(check),
};

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    if !run.must_work() || !run.worked() || run.lost(Loss::Lockfile) {
        return Vec::new();
    }
    let entries = &case.project.lockfile.entries;
    run.packages()
        .filter(|(_, package)| package.version.is_some())
        .filter_map(|(at, package)| Some((at, entries.get(&package.path)?)))
        .flat_map(|(at, entry)| {
            entry
                .optional_dependencies
                .keys()
                .filter(|name| is_for(name, run.platform))
                .filter(|name| !entries.values().any(|other| in_tree(&other.path, name)))
                .map(move |name| {
                    let owner = spec(entry.name.as_str(), Some(&entry.version));
                    Sighting::new(
                        format!("{owner} needs {name} on this platform, and the lockfile has no entry for it"),
                        "remove node_modules and the lockfile, run `npm install`, and commit the new lockfile, which then has the entries of every platform",
                    )
                    .package(name)
                    .key(&entry.path)
                    .at(Spot::entry(&entry.path))
                    .seen(EvidenceKind::Package, at)
                })
        })
        .collect()
}

fn in_tree(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|before| before.ends_with("node_modules/"))
}

/// Whether a name is that of a binary for this platform (`@esbuild/linux-x64`,
/// `@rollup/rollup-linux-x64-gnu`): it has the words of the system and the
/// processor, and no word of another C library.
fn is_for(name: &str, platform: &Platform) -> bool {
    let words: Vec<&str> = name.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    let has = |word: &str| words.contains(&word);
    let other_libc = match platform.libc.as_str() {
        "musl" => ["gnu", "glibc", "gnueabihf"],
        _ => ["musl", "musleabihf", "linuxmusl"],
    };
    let system = has(&platform.os) || platform.libc == "musl" && has("linuxmusl");
    system && has(&platform.cpu) && !other_libc.iter().any(|word| has(word))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
