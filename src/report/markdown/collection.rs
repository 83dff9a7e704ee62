//! Several projects: a table, the worst first, and the short report of each that is not
//! sound.

use super::escape::{cell, code, prose};
use super::{NAME, SENTENCE, render};
use crate::report::collection::{Collection, Entry};
use crate::report::opinion::Severity;
use crate::report::terminal::{count, time};

/// Rows of the table before the rest is counted.
const ROWS: usize = 60;
/// Projects with a report of their own.
const REPORTS: usize = 5;

/// The projects as GitHub Flavored Markdown.
pub fn render_all(all: &Collection) -> String {
    let mut head = all.verdict.name().to_owned();
    if all.accepted {
        head.push_str(", accepted");
    }
    if all.interrupted {
        head = format!("interrupted, so far {head}");
    }
    let mut out = format!("## sealcheck: {head}\n\n{}\n", prose(&all.because, SENTENCE));
    table(&mut out, all);
    let bad: Vec<&Entry> = all.projects.iter().filter(|entry| !entry.is_sound()).collect();
    for entry in bad.iter().take(REPORTS) {
        // The heading of one is a level deeper than that of all.
        let carried = entry.carried.as_ref().map(|carried| {
            format!("Not tested now: carried over from {}.\n\n", prose(&carried.started, NAME))
        });
        let carried = carried.unwrap_or_default();
        out.push_str(&format!("\n{}\n\n{carried}{}", code(&entry.path, NAME), render(&entry.report)));
    }
    if bad.len() > REPORTS {
        let more = count(bad.len() - REPORTS, "more project");
        out.push_str(&format!("\nAnd {more} that are not sound, in the JSON report.\n"));
    }
    let (number, meaning) = (all.outcome.code(), all.outcome.meaning());
    out.push_str(&format!("\nAll projects: exit {number}: {meaning}\n"));
    out
}

fn table(out: &mut String, all: &Collection) {
    out.push_str("\n| project | verdict | errors | warnings | tested |\n|---|---|---|---|---|\n");
    for entry in all.projects.iter().take(ROWS) {
        let report = &entry.report;
        let mut verdict = report.verdict.name().to_owned();
        if report.accepted {
            verdict.push_str(", accepted");
        }
        if report.interrupted {
            verdict = format!("interrupted, so far {verdict}");
        }
        if !entry.is_sound() {
            verdict = format!("**{verdict}**");
        }
        let tested = match &entry.carried {
            Some(carried) => format!("**no**, carried over: {}", cell(carried.day(), NAME)),
            None => time(report.duration_ms),
        };
        let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
        let path = code(&entry.path, NAME);
        out.push_str(&format!("| {path} | {verdict} | {errors} | {warnings} | {tested} |\n"));
    }
    for path in all.missing.iter().take(ROWS) {
        out.push_str(&format!("| {} | **not tested** | - | - | **no** |\n", code(path, NAME)));
    }
    let beyond = all.projects.len().saturating_sub(ROWS);
    if beyond > 0 {
        let rest = all.projects.iter().skip(ROWS);
        let carried = rest.filter(|entry| entry.carried.is_some()).count();
        out.push_str(&format!(
            "\nAnd {}, {carried} of them carried over, in the JSON report.\n",
            count(beyond, "more project")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::collection::tests::{collection, entry, three};

    #[test]
    fn the_table_is_sorted_and_what_is_carried_over_says_so() {
        insta::assert_snapshot!(render_all(&three()));
    }

    #[test]
    fn it_stays_short_whatever_there_is() {
        let bad = (0..200).map(|at| entry(&format!("bad/{at:03}"), "leaked"));
        let text = render_all(&collection(bad.collect(), &["x"]));
        // GitHub takes at most 65,536 characters of a comment.
        assert!(text.chars().count() < 60_000, "{}", text.chars().count());
        assert!(text.contains("195 more projects that are not sound"), "{text}");
        assert!(text.contains("140 more projects, 0 of them"), "{text}");
        assert!(text.contains("| `x` | **not tested**"), "{text}");
    }

    #[test]
    fn a_strangers_words_are_no_markup() {
        let all = collection(vec![entry("a|b`<img>@all", "hostile")], &["<b>|"]);
        let text = render_all(&all);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).take(1).collect();
        assert_eq!(rows[0].matches('|').count(), 6, "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
}
