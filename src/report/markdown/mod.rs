//! The report for a step summary or a comment of a pull request: short.
//!
//! The verdict, scenarios by places, the worst findings, what drifted from the accepted
//! baseline, what was accepted, what was not seen. Nothing of a stranger's goes in but
//! through [`escape`], and it is bounded, whatever the report's size: the evidence is for
//! the JSON. This module must not judge.

mod collection;
mod escape;
#[cfg(test)]
mod tests;

pub use collection::render_all;

use super::alike::{Alike, NAMED, grouped, named};
use super::matrix::Matrix;
use super::model::Report;
use super::opinion::{Finding, Severity};
use super::quiet::{is_quiet, open};
use super::scorecard::{DrillOutcome, DrillScore};
use super::terminal::{count, margin_line, run_name, time, verdict_and_reason};
use escape::{cell, code, prose};

/// Rows of a table before the rest is counted.
const ROWS: usize = 60;
/// Places that have a column before the rest is counted.
const COLUMNS: usize = 16;
/// Findings of a list before the rest is counted; equal ones are one.
const FINDINGS: usize = 10;
/// Characters of a sentence.
const SENTENCE: usize = 400;
/// Characters of a name.
const NAME: usize = 80;
/// The rule that tells of the accepted baseline.
const DRIFT: &str = "drift";

/// The report as GitHub Flavored Markdown.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let (head, reason) = verdict_and_reason(report);
    out.push_str(&format!("### sealcheck: {}\n\n", prose(&head, SENTENCE)));
    let name = code(&report.project.name, NAME);
    let name = if name.is_empty() { name } else { format!("{name}: ") };
    out.push_str(&format!("{name}{}\n", prose(&reason, SENTENCE)));
    if let Some(margin) = &report.margin {
        out.push_str(&format!("\nmargin: {}\n", prose(&margin_line(margin), SENTENCE)));
    }
    if report.drills.is_empty() {
        matrix(&mut out, report);
    } else {
        drills(&mut out, &report.drills);
    }
    unseen(&mut out, report);
    let (drifted, found): (Vec<&Finding>, Vec<&Finding>) =
        open(report).partition(|finding| finding.rule == DRIFT);
    let (notes, louder): (Vec<&Finding>, Vec<&Finding>) =
        found.into_iter().partition(|finding| is_quiet(report, finding));
    list(&mut out, report, "Findings", &louder);
    list(&mut out, report, "Not as accepted", &drifted);
    let accepted: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.accepted.is_some()).collect();
    list(&mut out, report, "Accepted", &accepted);
    closing(&mut out, report, notes.len());
    out
}

fn matrix(out: &mut String, report: &Report) {
    let mut matrix = Matrix::of(report);
    if matrix.rows.is_empty() && report.coverage.not_applicable.is_empty() {
        return;
    }
    // Of many, those that are as they must be can best be done without.
    let mut folded = 0;
    if matrix.rows.len() > ROWS {
        let before = matrix.rows.len();
        matrix.rows.retain(|row| !row.cells.iter().flatten().all(|cell| cell.is_good()));
        folded = before - matrix.rows.len();
    }
    let beyond = matrix.rows.len().saturating_sub(ROWS);
    let shown = matrix.places.len().min(COLUMNS);
    let labels = matrix.places.iter().take(shown).map(|(_, label)| match label.as_str() {
        "" => "verdict".to_owned(),
        label => cell(label, NAME),
    });
    let labels: Vec<String> = labels.collect();
    out.push_str(&format!("\n| scenario | {} |\n|---|{}\n", labels.join(" | "), "---|".repeat(shown)));
    for row in matrix.rows.iter().take(ROWS) {
        let cells = row.cells.iter().take(shown).map(|at| match at {
            Some(cell) if cell.is_good() => cell.words(),
            Some(cell) => format!("**{}**", cell.words()),
            None => "did not run".to_owned(),
        });
        let cells: Vec<String> = cells.collect();
        out.push_str(&format!("| {} | {} |\n", code(row.scenario, NAME), cells.join(" | ")));
    }
    let mut rest = Vec::new();
    if folded > 0 {
        rest.push(format!("{} more as they must be", count(folded, "scenario")));
    }
    if beyond > 0 {
        rest.push(format!("{} more that are not", count(beyond, "scenario")));
    }
    if matrix.places.len() > shown {
        rest.push(format!("{} more", count(matrix.places.len() - shown, "place")));
    }
    if !rest.is_empty() {
        out.push_str(&format!("\nAnd {}, in the JSON report.\n", rest.join("; ")));
    }
}

fn drills(out: &mut String, scores: &[DrillScore]) {
    out.push_str("\n| drill | kind | outcome | by |\n|---|---|---|---|\n");
    for score in scores.iter().take(ROWS) {
        let blind = score.outcome == DrillOutcome::Unobserved;
        let outcome = score.outcome.word();
        let outcome = if blind { format!("**{outcome}**") } else { outcome.to_owned() };
        let by: Vec<&str> = match &score.stopped_by {
            Some(by) => vec![by],
            None if blind => vec![&score.because],
            None => score.reported.iter().map(|reported| reported.rule.as_str()).collect(),
        };
        out.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            code(&score.drill, NAME),
            score.kind.word(),
            outcome,
            cell(&by.join(", "), SENTENCE)
        ));
    }
    if scores.len() > ROWS {
        out.push_str(&format!("\nAnd {} more, in the JSON report.\n", scores.len() - ROWS));
    }
}

/// What was not seen, and what was not tried: neither is a pass.
fn unseen(out: &mut String, report: &Report) {
    let mut lines = Vec::new();
    for run in report.unseen() {
        let name = code(run_name(report, run), NAME);
        lines.push(format!("- not observed: {name}: {}", prose(&run.because, SENTENCE)));
    }
    let mut skipped = Vec::new();
    for why in &report.coverage.impossible_toolchains {
        skipped.push(format!("- not tested: {}", prose(why, SENTENCE)));
    }
    for one in &report.coverage.not_applicable {
        let asked = if one.asked { " (it was asked for)" } else { "" };
        let (name, reason) = (code(&one.scenario, NAME), prose(&one.reason, SENTENCE));
        skipped.push(format!("- not applicable: {name}: {reason}{asked}"));
    }
    for lines in [lines, skipped] {
        if lines.is_empty() {
            continue;
        }
        out.push('\n');
        for line in lines.iter().take(FINDINGS) {
            out.push_str(&format!("{line}\n"));
        }
        if lines.len() > FINDINGS {
            out.push_str(&format!("- and {} more, in the JSON report\n", lines.len() - FINDINGS));
        }
    }
}

fn list(out: &mut String, report: &Report, head: &str, findings: &[&Finding]) {
    if findings.is_empty() {
        return;
    }
    out.push_str(&format!("\n#### {head}\n\n"));
    let groups = grouped(findings.iter().copied(), |finding| finding);
    for Alike { first: finding, others } in groups.iter().take(FINDINGS) {
        let severity = finding.severity.name();
        let rule = code(&finding.rule, NAME);
        out.push_str(&format!("- **{severity}** {rule}: {}", prose(&finding.message, SENTENCE)));
        if let Some(place) = &finding.location {
            out.push_str(&format!(" ({})", code(&format!("{}:{}", place.file, place.line), NAME)));
        }
        out.push('\n');
        if !others.is_empty() {
            let told: Vec<String> = others.iter().take(NAMED).map(|it| code(&named(it), NAME)).collect();
            let more = if others.len() > NAMED { ", …" } else { "" };
            out.push_str(&format!("  - and {} more alike: {}{more}\n", others.len(), told.join(", ")));
        }
        match &finding.accepted {
            Some(accepted) => {
                let by = accepted.by.as_ref().map(|by| format!(" by {}", prose(by, NAME)));
                let until = accepted.until.as_ref().map(|date| format!(" until {}", prose(date, NAME)));
                let (by, until) = (by.unwrap_or_default(), until.unwrap_or_default());
                out.push_str(&format!("  - accepted{by}{until}: {}\n", prose(&accepted.reason, SENTENCE)));
            }
            None => {
                if let Some(seen) = seen_in(report, finding) {
                    out.push_str(&format!("  - {seen}\n"));
                }
                if !finding.help.is_empty() {
                    out.push_str(&format!("  - help: {}\n", prose(&finding.help, SENTENCE)));
                }
            }
        }
    }
    let more: usize = groups.iter().skip(FINDINGS).map(Alike::count).sum();
    if more > 0 {
        out.push_str(&format!("- and {more} more, in the JSON report\n"));
    }
}

/// Runs named under a finding.
const RUNS: usize = 3;

fn seen_in(report: &Report, finding: &Finding) -> Option<String> {
    let runs: Vec<_> = finding.runs.iter().filter_map(|id| report.run(id)).collect();
    let mut told: Vec<_> = runs.iter().filter(|run| !run.control).collect();
    if told.is_empty() {
        told = runs.iter().collect();
    }
    let names: Vec<String> = told.iter().take(RUNS).map(|run| code(run_name(report, run), NAME)).collect();
    if names.is_empty() {
        return None;
    }
    let more = told.len().saturating_sub(RUNS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("in {}{more}", names.join(", ")))
}

fn closing(out: &mut String, report: &Report, notes: usize) {
    let of = |severity: Severity| count(report.count(severity), severity.name());
    let coverage = &report.coverage;
    let what = if report.drills.is_empty() { "scenario" } else { "drill" };
    let mut line = format!(
        "\n{}, {}, {} in {}, {}",
        of(Severity::Error),
        of(Severity::Warning),
        of(Severity::Note),
        count(coverage.scenarios_run, what),
        time(report.duration_ms)
    );
    if coverage.private_total > 0 {
        line.push_str(&format!(
            "; {} of {} private packages tested",
            coverage.private_tested, coverage.private_total
        ));
    }
    out.push_str(&format!("{line}.\n"));
    if notes > 0 {
        out.push_str("Notes are in the JSON report.\n");
    }
    let (code, meaning) = (report.outcome.code(), report.outcome.meaning());
    out.push_str(&format!("\nexit {code}: {meaning}\n"));
}
