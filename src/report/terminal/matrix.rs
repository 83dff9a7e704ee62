//! What was tried: one line for each scenario, and why where it is not sealed and
//! no finding below says it.

use super::amount::time;
use super::headline::losses;
use super::page::{Page, verdict_style};
use crate::evidence::exchange::Role;
use crate::evidence::fact::{Package, SourceKind};
use crate::project::class::Class;
use crate::report::model::{Report, Run};
use crate::report::opinion::Verdict;
use crate::report::places::{self, Place};
use crate::wire::CutShort;
use owo_colors::Style;
use std::collections::BTreeSet;

/// Blanks between columns.
const GAP: usize = 2;
/// How far explanations are indented.
const INDENT: usize = 4;
/// Lines of npm's output that are shown where all is shown.
const OUTPUT_LINES: usize = 20;
/// Lines of npm's own message, where a run failed.
const SAID_LINES: usize = 12;

struct Row<'a> {
    run: &'a Run,
    cells: [String; 6],
}

pub(super) fn render(page: &mut Page, report: &Report) {
    let rows = rows(page, report);
    if !rows.is_empty() {
        same_notes(page, report);
        let heads = ["scenario", "verdict", "lost", "npm", "packages", "time"];
        let mut widths = heads.map(|head| head.chars().count());
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        // The time can best be done without.
        let whole = |columns: usize| widths.iter().take(columns).sum::<usize>() + GAP * (columns - 1);
        let columns = [widths.len(), widths.len() - 1].into_iter().find(|n| whole(*n) <= page.look.width);
        if let Some(columns) = columns {
            let dimmed = Style::new().dimmed();
            line(page, &widths[..columns], &heads.map(str::to_owned), [dimmed; 6]);
            for row in &rows {
                let mut styles = [Style::new(); 6];
                styles[1] = style(row.run);
                line(page, &widths[..columns], &row.cells, styles);
                explain(page, report, row.run);
            }
        } else {
            for row in &rows {
                narrow(page, row);
                explain(page, report, row.run);
            }
        }
        page.gap();
    }
    not_applicable(page, report);
}

fn line(page: &mut Page, widths: &[usize], cells: &[String; 6], styles: [Style; 6]) {
    for ((cell, width), style) in cells.iter().zip(widths).zip(styles) {
        page.put(style, cell);
        page.put(Style::new(), &" ".repeat(width.saturating_sub(cell.chars().count()) + GAP));
    }
    page.end();
}

/// Two lines for a row that has no room on one.
fn narrow(page: &mut Page, row: &Row<'_>) {
    let [label, verdict, lost, npm, packages, time] = &row.cells;
    page.put(Style::new().bold(), label);
    page.put(Style::new(), ": ");
    page.put(style(row.run), verdict);
    page.put(Style::new(), &format!(", {time}"));
    page.end();
    let lost = if lost == "-" { String::new() } else { format!("lost {lost}; ") };
    page.paragraph("", INDENT, Style::new(), &format!("{lost}{npm}; {packages}"));
}

/// The trap that leaks does what it must.
fn style(run: &Run) -> Style {
    if run.control && run.verdict == Verdict::Leaked { Style::new() } else { verdict_style(run.verdict) }
}

/// One row for all repetitions of a scenario, and for all places (toolchain and image) in
/// which it went alike: the worst of them. Where places differ each has its own.
fn rows<'a>(page: &Page, report: &'a Report) -> Vec<Row<'a>> {
    let mut groups: Vec<Vec<&Run>> = Vec::new();
    for run in &report.runs {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| alike(first, run))) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    let known: BTreeSet<Place> = report.runs.iter().map(Place::of).collect();
    let mut rows: Vec<(Row<'a>, Vec<String>)> = Vec::new();
    for group in groups {
        // `max_by_key` gives the last of equals, and the first repetition is the one to show.
        let Some(run) = group.iter().rev().max_by_key(|run| run.verdict).copied() else { continue };
        let place = places::label(&known, &Place::of(run));
        let equal = group.iter().filter(|other| other.verdict == run.verdict).count();
        let cells = cells(run, equal, group.len());
        let twin = rows
            .iter_mut()
            .find(|(row, _)| row.run.scenario == run.scenario && row.cells[1..4] == cells[1..4]);
        match twin {
            Some((_, places)) => places.push(place),
            None => rows.push((Row { run, cells }, vec![place])),
        }
    }
    // Rows of one scenario stand together, in the order of the first place.
    let order: Vec<&str> = rows.iter().map(|(row, _)| row.run.scenario.as_str()).collect();
    let mut order: Vec<usize> =
        (0..rows.len()).map(|at| order.iter().position(|name| *name == order[at]).unwrap_or(at)).collect();
    let mut sorted: Vec<(usize, (Row<'a>, Vec<String>))> = order.drain(..).zip(rows).collect();
    sorted.sort_by_key(|(at, _)| *at);
    let charset = page.charset();
    sorted
        .into_iter()
        .map(|(_, (mut row, mut of))| {
            of.sort();
            of.dedup();
            if of.len() < known.len() {
                row.cells[0] = format!("{} ({})", row.cells[0], of.join("; "));
            }
            row.cells = row.cells.map(|cell| charset.clipped(&cell, 60));
            row
        })
        .collect()
}

/// A row's cells; `equal` of `all` repetitions had this verdict.
fn cells(run: &Run, equal: usize, all: usize) -> [String; 6] {
    let mut verdict = run.verdict.name().to_owned();
    if run.control {
        verdict.push_str(if run.verdict == Verdict::Leaked { ", as must" } else { ", no trap" });
    }
    if all > 1 {
        verdict = format!("{verdict} ({equal} of {all})");
    }
    let lost = match run.losses.len() {
        0 => "-".to_owned(),
        1 | 2 => losses(&run.losses),
        more => format!("{more} defences"),
    };
    [run.scenario.clone(), verdict, lost, npm(run), sources(run), time(run.duration_ms)]
}

fn alike(left: &Run, right: &Run) -> bool {
    left.scenario == right.scenario && same_place(left, right)
}

fn same_place(left: &Run, right: &Run) -> bool {
    (&left.toolchain, &left.image, &left.backend) == (&right.toolchain, &right.image, &right.backend)
}

/// `exit 0`, `E404`, `time limit`.
fn npm(run: &Run) -> String {
    let ended = match (run.cut_short, run.exit_code, run.signal) {
        (Some(CutShort::Time), _, _) => "time limit".to_owned(),
        (Some(CutShort::Memory), _, _) => "memory limit".to_owned(),
        (Some(CutShort::Disk), _, _) => "disk limit".to_owned(),
        (Some(CutShort::Host), _, _) => "interrupted".to_owned(),
        (None, Some(code), _) => format!("exit {code}"),
        (None, None, Some(signal)) => format!("signal {signal}"),
        (None, None, None) => "not started".to_owned(),
    };
    match &run.npm_error {
        // A code of npm's own says that it failed.
        Some(error) if ended.starts_with("exit") && error.code.starts_with('E') => error.code.clone(),
        Some(error) => format!("{ended}, {}", error.name()),
        None => ended,
    }
}

/// `1 foreign, 2 own, 487 public`.
fn sources(run: &Run) -> String {
    counted(&run.packages, run.exit_code == Some(0))
}

/// Of an install that worked, what is there when it ended, and what was a stranger's.
fn counted(packages: &[Package], worked: bool) -> String {
    const WORDS: [&str; 9] =
        ["foreign", "own", "public", "other", "cache", "local", "git", "bundled", "unknown"];
    let mut counts = [0_usize; WORDS.len()];
    let linked = linked(packages);
    for package in packages {
        let Some(source) = &package.source else { continue };
        let dropped = worked && package.version.is_none() && source.role != Role::Foreign;
        if dropped || linked.contains(package.path.as_str()) {
            continue;
        }
        let at = match (source.role, source.kind) {
            (Role::Foreign, _) => 0,
            (_, SourceKind::Cache) => 4,
            (_, SourceKind::Link | SourceKind::File) => 5,
            (_, SourceKind::Git) => 6,
            (_, SourceKind::Bundled) => 7,
            // From the host that its own URL names, which is no registry of the owner's.
            (Role::Own, SourceKind::Registry | SourceKind::Unknown) if package.class == Class::Other => 3,
            (Role::Own, SourceKind::Registry | SourceKind::Unknown) => 1,
            (Role::Public, SourceKind::Registry | SourceKind::Unknown) => 2,
            (Role::Unknown, SourceKind::Registry | SourceKind::Unknown) => 8,
        };
        counts[at] += 1;
    }
    let parts: Vec<String> = counts
        .iter()
        .zip(WORDS)
        .filter(|(number, _)| **number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// Folders that a link leads to: the two are one package, and the link stands for it.
fn linked(packages: &[Package]) -> BTreeSet<&str> {
    let links = packages.iter().filter(|package| package.path.contains("node_modules/"));
    let links =
        links.filter(|package| package.source.as_ref().is_some_and(|source| source.kind == SourceKind::Link));
    links.filter_map(|package| package.lock.as_ref()?.resolved.as_deref()).collect()
}

/// What was changed in every run alike, where all is told: once, above them.
fn same_notes(page: &mut Page, report: &Report) {
    if page.look.verbose {
        for note in report.runs.first().map(|run| run.notes.as_slice()).unwrap_or_default() {
            if everywhere(report, note) {
                page.paragraph("", 0, Style::new(), &format!("changed in every run: {note}"));
            }
        }
        page.gap();
    }
}

fn everywhere(report: &Report, note: &String) -> bool {
    report.runs.len() > 1 && report.runs.iter().all(|run| run.notes.contains(note))
}

/// Why a run is not sealed, and what npm said where it failed. What a finding says
/// below is not said twice, and the trap that leaked needs no reason.
fn explain(page: &mut Page, report: &Report, run: &Run) {
    let said = report
        .findings
        .iter()
        .any(|finding| finding.counts && finding.accepted.is_none() && finding.message == run.because);
    let as_it_must = run.control && run.verdict == Verdict::Leaked;
    let told = (run.verdict != Verdict::Sealed && !said && !as_it_must) || page.look.verbose;
    if told && !run.because.is_empty() {
        page.paragraph("", INDENT, Style::new(), &run.because);
    }
    let failed = matches!(run.verdict, Verdict::Broken | Verdict::Unobserved) || page.look.verbose;
    if failed && let Some(error) = &run.npm_error {
        let head = format!("npm said {}: ", error.name());
        // A saved report of before has the one sentence alone.
        let mut lines = error.message.lines().take(SAID_LINES);
        let first = lines.next().unwrap_or(&error.summary);
        page.paragraph("", INDENT, Style::new(), &format!("{head}{first}"));
        for line in lines {
            page.paragraph("", INDENT, Style::new(), &format!("| {}", line.trim_start()));
        }
    }
    let all = page.look.verbose;
    for gap in run.gaps.iter().filter(|gap| gap.hides_answer || all) {
        page.paragraph("", INDENT, Style::new(), &format!("not seen: {}", gap.detail));
    }
    if page.look.verbose {
        for note in run.notes.iter().filter(|note| !everywhere(report, note)) {
            page.paragraph("", INDENT, Style::new(), &format!("changed: {note}"));
        }
        let lines = page.charset().lines(&run.output.stderr_tail);
        for text in lines.iter().skip(lines.len().saturating_sub(OUTPUT_LINES)) {
            page.put(Style::new().dimmed(), &format!("    | {text}"));
            page.end();
        }
    }
}

fn not_applicable(page: &mut Page, report: &Report) {
    for why in &report.coverage.impossible_toolchains {
        page.paragraph("", 0, Style::new(), &format!("not tested: {why}"));
    }
    if report.coverage.not_applicable.is_empty() {
        return;
    }
    page.put(Style::new().dimmed(), "not applicable");
    page.end();
    for scenario in &report.coverage.not_applicable {
        let asked = if scenario.asked { " (it was asked for)" } else { "" };
        let text = format!("{}: {}{asked}", scenario.scenario, scenario.reason);
        page.paragraph("", INDENT, Style::new(), &text);
    }
    page.gap();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(packages: &[Value]) -> Vec<Package> {
        packages.iter().map(|it| serde_json::from_value(it.clone()).unwrap()).collect()
    }

    /// As lodash's optional fsevents, whose install script fails: npm takes it away again.
    #[test]
    fn what_npm_took_away_again_is_not_counted_where_it_worked() {
        let package = |version: Option<&str>, role: &str| {
            json!({ "path": "node_modules/a", "name": "a", "version": version, "class": "public", "lock": null,
                "source": { "kind": "registry", "role": role, "host": null, "url": null, "sha512": null, "exchange": null },
                "genuine": null, "integrity_ok": null, "scripts": [], "optional": true, "decoy": false })
        };
        let packages =
            read(&[package(Some("1.0.0"), "public"), package(None, "public"), package(None, "foreign")]);
        assert_eq!(counted(&packages, true), "1 foreign, 1 public");
        assert_eq!(counted(&packages, false), "1 foreign, 2 public");
    }

    /// As npm's own repository has them: a member is a link and a folder.
    #[test]
    fn a_link_and_its_folder_are_counted_once() {
        let member = |path: &str, resolved: Option<&str>| -> Value {
            json!({ "path": path, "name": "@acme/ui", "version": "8.0.0", "class": "local",
                "lock": { "version": "8.0.0", "resolved": resolved, "integrity": null },
                "source": { "kind": "link", "role": "own", "host": null, "url": null, "sha512": null, "exchange": null },
                "genuine": null, "integrity_ok": null, "scripts": [], "optional": false, "decoy": false })
        };
        let counted = |packages: &[Value]| counted(&read(packages), true);
        let link = member("node_modules/@acme/ui", Some("packages/ui"));
        let (ui, web) = (member("packages/ui", None), member("packages/web", None));
        assert_eq!(counted(&[link.clone(), ui.clone()]), "1 local");
        assert_eq!(counted(&[ui.clone(), link.clone(), web]), "2 local");
        // A folder without a link is a package of its own, and so is a link into nothing.
        assert_eq!(counted(&[ui]), "1 local");
        assert_eq!(counted(&[link]), "1 local");
    }
}
