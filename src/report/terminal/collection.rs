//! Several projects: what is wrong with each that is not sound, a line for every one of
//! them, and what to do first. It fits a screen unless all is asked for.

use super::amount::{count, time};
use super::closing;
use super::headline::verdict_and_reason;
use super::page::{Page, severity_style, verdict_style, wrap};
use crate::report::collection::{Collection, Entry};
use crate::report::opinion::{Finding, Severity};
use crate::report::outcome::Outcome;
use owo_colors::Style;

/// Projects that are told in some lines each before the rest is counted.
const TOLD: usize = 3;
/// Findings of one of them.
const FINDINGS: usize = 2;
/// Lines of the table before the rest is counted.
const ROWS: usize = 15;
/// Characters of a folder's path and of a finding.
const PATH: usize = 48;
const SENTENCE: usize = 300;
/// Blanks between columns.
const GAP: usize = 2;

pub(super) fn render(page: &mut Page, all: &Collection, saved: Option<&[(String, String)]>) {
    let mut head = all.verdict.name().to_owned();
    if all.accepted {
        head.push_str(", accepted");
    }
    if all.interrupted {
        head = format!("interrupted, so far {head}");
    }
    page.put(verdict_style(all.verdict), &head);
    let sentence = page.charset().safe(&format!(": {}", all.because));
    let mut lines = wrap(&sentence, page.look.width.saturating_sub(head.chars().count())).into_iter();
    page.put(Style::new().bold(), &lines.next().unwrap_or_default());
    page.end();
    let rest: Vec<String> = lines.collect();
    page.paragraph("", 2, Style::new().bold(), &rest.join(" "));
    page.gap();
    if page.look.verbose {
        for entry in &all.projects {
            page.paragraph("", 0, Style::new().bold(), &format!("{}{}", entry.path, aside(entry)));
            super::whole(page, &entry.report, None);
            page.gap();
        }
    } else {
        told(page, all);
    }
    table(page, all);
    page.gap();
    first(page, all);
    closing::kept(page, saved);
    let (code, outcome) = (all.outcome.code(), all.outcome);
    page.paragraph("", 0, Style::new(), &format!("exit {code}: {}", outcome.meaning()));
}

fn aside(entry: &Entry) -> String {
    match &entry.carried {
        Some(carried) => format!(" (not tested now: carried over from {})", carried.started),
        None => String::new(),
    }
}

fn is_open(finding: &Finding) -> bool {
    finding.counts && finding.accepted.is_none()
}

/// Each project that is not sound, in a few lines.
fn told(page: &mut Page, all: &Collection) {
    let bad: Vec<&Entry> = all.projects.iter().filter(|entry| !entry.is_sound()).collect();
    for entry in bad.iter().take(TOLD) {
        let (head, reason) = verdict_and_reason(&entry.report);
        page.put(Style::new().bold(), &entry.path);
        page.put(Style::new(), ": ");
        page.put(verdict_style(entry.report.verdict), &head);
        page.end();
        page.paragraph("", 2, Style::new(), &reason);
        let loud: Vec<&Finding> = entry
            .report
            .findings
            .iter()
            .filter(|finding| is_open(finding) && finding.severity > Severity::Note)
            // The reason is the worst one's message already.
            .filter(|finding| !reason.ends_with(&finding.message))
            .collect();
        for finding in loud.iter().take(FINDINGS) {
            let lead = format!("{}[{}]: ", finding.severity.name(), finding.rule);
            let said = page.charset().clipped(&finding.message, SENTENCE);
            page.paragraph("", 4, Style::new(), &format!("{lead}{said}{}", place(entry, finding)));
        }
        if loud.len() > FINDINGS {
            page.paragraph("", 4, Style::new(), &format!("and {} more", loud.len() - FINDINGS));
        }
        page.gap();
    }
    if bad.len() > TOLD {
        let more = count(bad.len() - TOLD, "more project");
        page.paragraph(
            "",
            0,
            Style::new(),
            &format!("and {more} that are not sound; `-v` tells all of each"),
        );
        page.gap();
    }
}

/// ` (apps/web/package-lock.json:15:5)`.
fn place(entry: &Entry, finding: &Finding) -> String {
    match &finding.location {
        Some(place) => format!(" ({}/{place})", entry.path.trim_end_matches('/')),
        None => String::new(),
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Sound => "sound",
        Outcome::Failed => "failed",
        Outcome::Unobserved => "unobserved",
        Outcome::Interrupted => "interrupted",
    }
}

type Cells = [String; 6];

fn table(page: &mut Page, all: &Collection) {
    let heads: Cells = ["project", "end", "verdict", "errors", "warnings", "tested"].map(str::to_owned);
    let most = if page.look.verbose { usize::MAX } else { ROWS };
    let shown: Vec<&Entry> = all.projects.iter().take(most).collect();
    let mut rows: Vec<(Cells, Style, Style)> =
        shown.iter().map(|entry| (cells(page, entry), style(entry), tested_style(entry))).collect();
    for path in all.missing.iter().take(most) {
        let none = || "-".to_owned();
        let cells = [clipped(page, path), "not tested".to_owned(), none(), none(), none(), "no".to_owned()];
        rows.push((cells, Style::new().yellow(), Style::new().yellow()));
    }
    let mut widths = heads.each_ref().map(|head| head.chars().count());
    for (cells, ..) in &rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let whole = widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
    if whole <= page.look.width {
        line(page, &widths, &heads, [Style::new().dimmed(); 6]);
        for (cells, verdict, tested) in &rows {
            let plain = Style::new();
            line(page, &widths, cells, [plain, plain, *verdict, plain, plain, *tested]);
        }
    } else {
        for ([path, end, verdict, errors, warnings, tested], ..) in &rows {
            page.paragraph("", 0, Style::new(), path);
            let text = format!("{end}, {verdict}; {errors} errors, {warnings} warnings; {tested}");
            page.paragraph("", 4, Style::new(), &text);
        }
    }
    let rest = all.projects.get(shown.len()..).unwrap_or_default();
    if !rest.is_empty() {
        let sound = rest.iter().filter(|entry| entry.is_sound()).count();
        let carried = rest.iter().filter(|entry| entry.carried.is_some()).count();
        let mut text = format!("and {}: {sound} sound", count(rest.len(), "more project"));
        if carried > 0 {
            text.push_str(&format!(", of which {carried} were not tested now but carried over"));
        }
        if sound < rest.len() {
            text.push_str(&format!(", {} not", rest.len() - sound));
        }
        page.paragraph("", 0, Style::new(), &text);
    }
}

fn style(entry: &Entry) -> Style {
    if entry.carried.is_some() { Style::new().dimmed() } else { verdict_style(entry.report.verdict) }
}

fn tested_style(entry: &Entry) -> Style {
    if entry.carried.is_some() { Style::new().yellow() } else { Style::new() }
}

/// A long path by its end, which tells it from others.
fn clipped(page: &Page, path: &str) -> String {
    let safe = page.charset().safe(path);
    let length = safe.chars().count();
    if length <= PATH {
        return safe;
    }
    let end: String = safe.chars().skip(length - PATH + 3).collect();
    format!("...{end}")
}

fn cells(page: &Page, entry: &Entry) -> Cells {
    let report = &entry.report;
    let mut verdict = report.verdict.name().to_owned();
    if report.accepted {
        verdict.push_str(", accepted");
    }
    let tested = match &entry.carried {
        Some(carried) => format!("no, carried over: {}", page.charset().clipped(carried.day(), 10)),
        None => time(report.duration_ms),
    };
    [
        clipped(page, &entry.path),
        word(report.outcome).to_owned(),
        verdict,
        report.count(Severity::Error).to_string(),
        report.count(Severity::Warning).to_string(),
        tested,
    ]
}

fn line(page: &mut Page, widths: &[usize], cells: &Cells, styles: [Style; 6]) {
    for ((cell, width), style) in cells.iter().zip(widths).zip(styles) {
        page.put(style, cell);
        page.put(Style::new(), &" ".repeat(width.saturating_sub(cell.chars().count()) + GAP));
    }
    page.end();
}

/// The one thing to begin with.
fn first(page: &mut Page, all: &Collection) {
    let Some(worst) = all.worst() else { return };
    let found = worst.report.findings.iter().find(|finding| is_open(finding));
    let Some(finding) = found else {
        let text = format!("first: {}: see why it is {}", worst.path, word(worst.report.outcome));
        page.paragraph("", 0, Style::new().bold(), &text);
        return;
    };
    let what = if finding.help.is_empty() { &finding.message } else { &finding.help };
    let what = page.charset().clipped(what, SENTENCE);
    let at = match &finding.location {
        Some(place) => format!("{}/{place}", worst.path.trim_end_matches('/')),
        None => worst.path.clone(),
    };
    page.paragraph("", 0, severity_style(finding.severity), &format!("first: {at}: {what}"));
    let text = format!("`sealcheck explain {}` says what the rule means and how to mend it", finding.rule);
    page.paragraph("", 0, Style::new(), &text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::collection::tests::{collection, entry, three};
    use crate::report::terminal::{self, Look};

    fn plain(all: &Collection, width: usize) -> String {
        terminal::collection(all, Look { width, ..Look::PLAIN }, None)
    }

    #[test]
    fn the_worst_project_is_told_first_and_what_was_carried_over_is_no_pass() {
        insta::assert_snapshot!(plain(&three(), 80));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [40, 60, 80, 120] {
            for line in plain(&three(), width).lines() {
                let longest = line.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
                assert!(line.chars().count() <= width.max(longest + 4), "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_hundred_projects_fit_a_screen_and_the_rest_is_counted() {
        let mut projects: Vec<Entry> = (0..90).map(|at| entry(&format!("good/{at:02}"), "sealed")).collect();
        projects.extend((0..12).map(|at| entry(&format!("bad/{at:02}"), "leaked")));
        let text = plain(&collection(projects, &[]), 100);
        assert!(text.lines().count() <= 50, "{} lines\n{text}", text.lines().count());
        assert!(text.contains("and 9 more projects that are not sound"), "{text}");
        assert!(text.contains("and 87 more projects: 87 sound"), "{text}");
        assert!(text.find("bad/11  ").unwrap() < text.find("good/00  ").unwrap(), "{text}");
    }

    #[test]
    fn all_is_told_where_all_is_asked_for() {
        let look = Look { verbose: true, ..Look::PLAIN };
        let text = terminal::collection(&three(), look, None);
        for entry in &three().projects {
            assert!(text.contains(&entry.report.project.name), "{text}");
        }
        assert!(text.contains("(not tested now: carried over from 2026-11-20T02:00:00Z)"), "{text}");
        assert!(text.len() > plain(&three(), 100).len());
    }

    #[test]
    fn what_was_not_tested_is_a_line_of_its_own() {
        let text = plain(&collection(vec![entry("a", "sealed")], &["b"]), 80);
        assert!(text.starts_with("unobserved: "), "{text}");
        assert!(text.contains("b        not tested"), "{text}");
        assert!(text.contains("exit 3"), "{text}");
    }

    #[test]
    fn a_strangers_words_steer_nothing() {
        let mut bad = entry("a\u{1b}[2J\u{202e}", "hostile");
        bad.carried = Some(crate::report::collection::Carried {
            started: "\u{1b}[31mT".to_owned(),
            age_s: 1,
            from: String::new(),
        });
        let mut all = collection(vec![bad], &["\u{1b}]0;x\u{7}"]);
        for verbose in [false, true] {
            let text = terminal::collection(&all, Look { verbose, ..Look::PLAIN }, None);
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text}");
        }
        all.because = "\u{1b}[2J".to_owned();
        assert!(!plain(&all, 80).contains('\u{1b}'));
    }
}
