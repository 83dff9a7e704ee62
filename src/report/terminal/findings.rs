//! What was found: errors and warnings each with the line they are about, what they
//! rest on and what to do; notes in a line or two.

use super::amount::count;
use super::evidence;
use super::headline::run_name;
use super::page::{Page, severity_style, severity_word, wrap};
use crate::report::alike::{Alike, grouped, others};
use crate::report::model::{Report, Run};
use crate::report::opinion::{Confidence, Finding, Severity};
use crate::report::quiet::{is_quiet, open};
use crate::text::Place;
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};
use owo_colors::Style;

/// Facts shown under a finding unless all are asked for.
const FACTS: usize = 6;
/// Runs named under a finding unless all are asked for.
const RUNS: usize = 4;
/// Characters of one fact.
const FACT_CHARS: usize = 500;
/// Columns that the snippet renderer puts before a note.
const NOTE_MARGIN: usize = 14;

pub(super) fn render(page: &mut Page, report: &Report) {
    let verbose = page.look.verbose;
    let louder = louder(report, verbose);
    let groups = match verbose {
        true => louder.into_iter().map(|first| Alike { first, others: Vec::new() }).collect(),
        false => grouped(louder, |finding| finding),
    };
    for group in groups {
        full(page, report, group.first, &group.others);
    }
    let notes: Vec<&Finding> = open(report).filter(|finding| !verbose && is_quiet(report, finding)).collect();
    fold(page, report, &notes, "notes, which `-v` shows in full");
    // What the trap alone caught is what it is there for.
    let trapped =
        |finding: &Finding| !finding.runs.is_empty() && runs(report, finding).iter().all(|run| run.control);
    let told: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| !finding.counts && finding.accepted.is_none() && (verbose || !trapped(finding)))
        .collect();
    fold(page, report, &told, "only with defences taken away, where they fail nothing");
    let accepted: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.accepted.is_some()).collect();
    fold(page, report, &accepted, "accepted");
}

/// The findings that are told in full, `all` of them or those that are no mere notes.
pub(super) fn louder(report: &Report, all: bool) -> Vec<&Finding> {
    open(report).filter(|finding| all || !is_quiet(report, finding)).collect()
}

/// The runs in which it showed.
fn runs<'a>(report: &'a Report, finding: &Finding) -> Vec<&'a Run> {
    finding.runs.iter().filter_map(|id| report.run(id)).collect()
}

fn full(page: &mut Page, report: &Report, finding: &Finding, alike: &[&Finding]) {
    let charset = page.charset();
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut elements: Vec<Element<'_>> = Vec::new();
    if let Some(place) = &finding.location {
        place_elements(page, place, &mut elements);
    }
    if !alike.is_empty() {
        let text = charset.clipped(&others(alike.iter().copied()), FACT_CHARS);
        elements.push(Level::NOTE.message(wrapped(page, &text)).into());
    }
    for note in notes(page, report, finding) {
        elements.push(Level::NOTE.message(wrapped(page, &note)).into());
    }
    if !finding.help.is_empty() {
        elements.push(Level::HELP.message(wrapped(page, &charset.safe(&finding.help))).into());
    }
    let title = level.primary_title(charset.safe(&finding.message)).id(charset.safe(&finding.rule));
    let renderer = if page.look.color { Renderer::styled() } else { Renderer::plain() };
    let decor = if page.look.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    let text = renderer.decor_style(decor).term_width(page.look.width).render(&[title.elements(elements)]);
    page.rendered(&text);
    page.gap();
}

fn wrapped(page: &Page, safe: &str) -> String {
    wrap(safe, page.look.width.saturating_sub(NOTE_MARGIN)).join("\n")
}

/// The line with its underline; where the line as kept does not reach so far
/// (a minified lockfile), or had to be escaped before the place, the position
/// is given as it is and not counted anew.
fn place_elements<'a>(page: &Page, place: &Place, elements: &mut Vec<Element<'a>>) {
    let charset = page.charset();
    let path = charset.safe(&place.file);
    let before: String = place.excerpt.chars().take(place.column.saturating_sub(1)).collect();
    let marked: String =
        place.excerpt.chars().skip(place.column.saturating_sub(1)).take(place.width).collect();
    let after: String = place.excerpt.chars().skip(place.column.saturating_sub(1) + place.width).collect();
    if marked.is_empty() {
        elements.push(Origin::path(path).line(place.line).char_column(place.column).into());
        return;
    }
    // A tab is shown as blanks by the snippet renderer and need not be escaped.
    let shown = |text: &str| text.split('\t').map(|part| charset.safe(part)).collect::<Vec<_>>().join("\t");
    let (safe_before, safe_marked) = (shown(&before), shown(&marked));
    let span = safe_before.len()..safe_before.len() + safe_marked.len();
    let kept = safe_before.chars().count() == before.chars().count();
    let snippet = Snippet::source(format!("{safe_before}{safe_marked}{}", shown(&after)))
        .line_start(place.line)
        .annotation(AnnotationKind::Primary.span(span));
    if kept {
        elements.push(snippet.path(path).into());
    } else {
        elements.push(Origin::path(path).line(place.line).char_column(place.column).into());
        elements.push(snippet.into());
    }
}

/// Safe lines: the facts, then the runs, then how sure it is. Unless all is asked
/// for, the facts are those of one run, since the others repeat them, and the trap
/// is left out where another run shows the fault too.
fn notes(page: &Page, report: &Report, finding: &Finding) -> Vec<String> {
    let charset = page.charset();
    let verbose = page.look.verbose;
    let mut shown = runs(report, finding);
    if !verbose && shown.iter().any(|run| !run.control) {
        shown.retain(|run| !run.control);
    }
    // Those of the run that the message tells of stand first.
    let told = finding.evidence.iter().find_map(|fact| shown.iter().find(|run| run.id == fact.run));
    let many = verbose && shown.len() > 1;
    let mut lines: Vec<String> = Vec::new();
    for pointer in &finding.evidence {
        if !verbose && told.is_some_and(|run| run.id != pointer.run) {
            continue;
        }
        let Some(mut line) = evidence::line(report, pointer, page.arrow()) else { continue };
        if many {
            line = format!("{}: {line}", pointer.run);
        }
        let line = charset.clipped(&line, FACT_CHARS);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let total = lines.len();
    if total > FACTS && !verbose {
        lines.truncate(FACTS);
        lines.push(format!("and {} more in the JSON report", count(total - FACTS, "fact")));
    }
    if !shown.is_empty() {
        lines.push(charset.clipped(&seen_in(report, &shown, verbose), FACT_CHARS));
    }
    match finding.confidence {
        Confidence::High => {}
        Confidence::Medium => lines.push("confidence: medium".to_owned()),
        Confidence::Low => lines.push("confidence: low".to_owned()),
    }
    lines
}

/// `in baseline, public-decoy and 5 more runs`.
fn seen_in(report: &Report, shown: &[&Run], verbose: bool) -> String {
    let others = report.runs.iter().filter(|run| !run.control).count();
    if !verbose && shown.len() > 1 && shown.len() == others {
        return format!("in all {} but the control", count(others, "run"));
    }
    let most = if verbose || shown.len() <= RUNS { shown.len() } else { RUNS };
    let names: Vec<&str> = shown.iter().take(most).map(|run| run_name(report, run)).collect();
    match shown.len() - most {
        0 => format!("in {}", names.join(", ")),
        more => format!("in {} and {more} more", names.join(", ")),
    }
}

/// One line each, or all of each where all is asked for.
fn fold(page: &mut Page, report: &Report, findings: &[&Finding], why: &str) {
    if findings.is_empty() {
        return;
    }
    page.put(Style::new().dimmed(), why);
    page.end();
    let groups = match page.look.verbose {
        true => findings.iter().map(|first| Alike { first: *first, others: Vec::new() }).collect(),
        false => grouped(findings.iter().copied(), |finding| finding),
    };
    for Alike { first: finding, others: alike } in groups {
        let mut text = format!("{}[{}]: {}", severity_word(finding.severity), finding.rule, finding.message);
        if let Some(place) = &finding.location {
            text.push_str(&format!(" ({}:{})", place.file, place.line));
        }
        if let Some(accepted) = &finding.accepted {
            if let Some(by) = &accepted.by {
                text.push_str(&format!("; by {by}"));
            }
            if let Some(until) = &accepted.until {
                text.push_str(&format!(", until {until}"));
            }
            text.push_str(&format!(": {}", accepted.reason));
        }
        if !alike.is_empty() {
            text.push_str(&format!("; {}", others(alike.iter().copied())));
        }
        page.paragraph("", 4, Style::new(), &text);
        if page.look.verbose {
            for note in notes(page, report, finding) {
                page.paragraph("", 8, Style::new().dimmed(), &note);
            }
        }
    }
    page.gap();
}

/// `2 errors, 1 warning`, each in its colour. Returns how wide it is.
pub(super) fn tally(page: &mut Page, report: &Report) -> usize {
    let mut parts: Vec<(Style, String)> = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let number = report.count(severity);
        let style = if number == 0 { Style::new() } else { severity_style(severity) };
        parts.push((style, count(number, severity_word(severity))));
    }
    let accepted = report.findings.iter().filter(|finding| finding.accepted.is_some()).count();
    if accepted > 0 {
        parts.push((Style::new(), format!("{accepted} accepted")));
    }
    let mut wide = 0;
    for (style, text) in parts {
        if wide > 0 {
            page.put(Style::new(), ", ");
            wide += 2;
        }
        page.put(style, &text);
        wide += text.len();
    }
    wide
}
