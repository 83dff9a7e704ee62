//! `platform-package-missing`: the lockfile was written on another machine.

use crate::evidence::fact::Package;
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
    let platform = run.platform;
    let lockfile = &case.project.lockfile;
    lockfile
        .missing_binaries(&platform.os, &platform.cpu, &platform.libc)
        .filter_map(|(entry, name)| {
            let installed = |package: &Package| package.version.is_some() && package.path == entry.path;
            let (at, _) = run.packages().find(|(_, package)| installed(package))?;
            let owner = spec(entry.name.as_str(), Some(&entry.version));
            let sighting = Sighting::new(
                format!("{owner} needs {name} on this platform, and the lockfile has no entry for it"),
                "remove node_modules and the lockfile, run `npm install`, and commit the new lockfile, which then has the entries of every platform",
            );
            let sighting = sighting.package(name).key(&entry.path).at(Spot::entry(&entry.path));
            Some(sighting.seen(EvidenceKind::Package, at))
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
