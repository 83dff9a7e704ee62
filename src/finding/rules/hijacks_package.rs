//! `hijacks-package`: what others run is not what they think.

use crate::evidence::fact::File;
use crate::finding::case::{Case, Run, Sighting, owner};
use crate::finding::location::Spot;
use crate::finding::rule::{Check, Rule};
use crate::finding::tampering::{Tampering, in_project};
use crate::finding::{Confidence, EvidenceKind, Severity, Verdict};
use std::collections::BTreeMap;

pub(super) static RULE: Rule = Rule {
    name: "hijacks-package",
    severity: Severity::Error,
    confidence: Confidence::High,
    forces: Verdict::Broken,
    title: "a script placed what takes over another package's resolution or a program on the path",
    page: include_str!("../../../docs/rules/hijacks-package.md"),
    check: Check::Run(check),
};

/// Files that are shown in the message.
const SHOWN: usize = 3;

fn check(case: &Case<'_>, run: &Run<'_>) -> Vec<Sighting> {
    let tampering = Tampering::of(case, run);
    let mut by: BTreeMap<Option<&str>, Vec<(u32, &File, String)>> = BTreeMap::new();
    for (at, file) in (0u32..).zip(&run.evidence.files) {
        if let Some(over) = tampering.takes_over(file) {
            let writer = tampering.writer(file).and_then(|process| process.package.as_deref());
            by.entry(writer).or_default().push((at, file, over));
        }
    }
    by.into_iter()
        .filter_map(|(path, mut files)| {
            // Of each that is taken over one file is shown before a second of any.
            let mut count: BTreeMap<String, usize> = BTreeMap::new();
            files.sort_by_cached_key(|(_, _, over)| {
                let nth = count.entry(over.clone()).or_default();
                *nth += 1;
                *nth
            });
            let shown: Vec<String> = files.iter().take(SHOWN).map(|(_, file, over)| placed(file, over)).collect();
            let more = files.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more files") } else { String::new() };
            let (_, first, _) = files.first()?;
            let process = tampering.writer(first);
            let mut sighting = Sighting::new(
                format!("{} placed {}{more}", tampering.who(process), shown.join(", ")),
                "do not use what was installed; read the script, and take the package off the allow-list of scripts or out of the project",
            )
            .key(path.unwrap_or_default());
            for (at, _, _) in files.iter().take(SHOWN) {
                sighting = sighting.seen(EvidenceKind::File, *at);
            }
            Some(match (path, process, tampering.others.as_slice()) {
                (Some(path), Some(process), _) => sighting
                    .package(owner(process))
                    .at(Spot::entry(path))
                    .seen(EvidenceKind::Process, process.id.0),
                (None, _, [only]) | (_, None, [only]) => sighting.package(only).confidence(Confidence::Medium),
                (None, _, _) | (_, None, _) => sighting.confidence(Confidence::Medium),
            })
        })
        .collect()
}

fn placed(file: &File, over: &str) -> String {
    let path = in_project(&file.path).unwrap_or(&file.path);
    let link = file.leads.as_ref().map_or_else(String::new, |leads| format!(", a link to {leads}"));
    format!("{path}{link} (found in the place of {over})")
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_where_it_must_and_nowhere_else() {
        crate::finding::fixture::check(super::RULE.name);
    }
}
