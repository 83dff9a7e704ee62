//! The last lines: the counts, where the evidence lies, what the exit code means.

use super::amount::{count, time};
use super::findings::tally;
use super::page::{Page, severity_word};
use crate::report::model::Report;
use crate::report::opinion::{Finding, Verdict};
use crate::report::outcome::Outcome;
use crate::report::places::Place;
use owo_colors::Style;
use std::collections::BTreeSet;

pub(super) fn render(page: &mut Page, report: &Report, saved: Option<&[(String, String)]>) {
    let places = report.runs.iter().map(Place::of).collect::<BTreeSet<_>>().len();
    let places = if places > 1 { format!(" at {places} places each") } else { String::new() };
    let (coverage, took) = (&report.coverage, time(report.duration_ms));
    if report.drills.is_empty() {
        let tallied = tally(page, report);
        let mut rest = format!("in {}{places}, {took}", count(coverage.scenarios_run, "scenario"));
        if coverage.private_total > 0 {
            let (tested, total) = (coverage.private_tested, coverage.private_total);
            rest.push_str(&format!("; {tested} of {total} private packages tested"));
        }
        if tallied + 1 + rest.len() <= page.look.width {
            page.put(Style::new(), &format!(" {rest}"));
            page.end();
        } else {
            page.end();
            page.paragraph("", 0, Style::new(), &rest);
        }
    } else {
        let ran = count(coverage.scenarios_run, "drill");
        page.paragraph("", 0, Style::new(), &format!("{ran}{places}, {took}; what they do fails nothing"));
    }
    noise(page, report);
    if let Some(part) = report.part() {
        let text = format!(
            "this is {part}, and says nothing of the rest; `sealcheck merge` makes one report of all"
        );
        page.paragraph("", 0, Style::new(), &text);
    }
    // The next step is with the worst that is open; what fails nothing needs none.
    let open = |finding: &&Finding| finding.counts && finding.accepted.is_none();
    if let Some(finding) = report.findings.iter().find(open) {
        let text =
            format!("`sealcheck explain {}` says what the rule means and how to mend it", finding.rule);
        page.paragraph("", 0, Style::new(), &text);
    }
    kept(page, saved);
    let outcome = report.outcome;
    let code = outcome.code();
    let threshold = severity_word(report.fail_on);
    let verdict = match report.verdict {
        Verdict::Leaked | Verdict::Exposed | Verdict::Broken if !report.accepted => Some(report.verdict),
        Verdict::Leaked | Verdict::Exposed | Verdict::Broken => None,
        Verdict::Sealed | Verdict::Unobserved | Verdict::NotApplicable => None,
    };
    let text = match (outcome, verdict) {
        (Outcome::Failed, Some(verdict)) => format!("exit {code}: {}", verdict.name()),
        (Outcome::Failed, None) => {
            format!("exit {code}: something at or above the threshold ({threshold}) was found")
        }
        (Outcome::Sound, _) => format!("exit {code}: {} ({threshold})", outcome.meaning()),
        (Outcome::Unobserved | Outcome::Interrupted, _) => format!("exit {code}: {}", outcome.meaning()),
    };
    page.paragraph("", 0, Style::new(), &text);
}

/// Where the evidence lies.
pub(super) fn kept(page: &mut Page, saved: Option<&[(String, String)]>) {
    if saved.is_some_and(|saved| saved.iter().all(|(format, _)| format != "json")) {
        page.paragraph("", 0, Style::new(), "`--report json=PATH` keeps the whole evidence");
    }
    for (format, path) in saved.unwrap_or_default() {
        page.put(Style::new(), &format!("{format} report: {path}"));
        page.end();
    }
}

/// How much of what varies is named before the rest is counted.
const NAMED: usize = 3;

/// What varied between equal runs, which is in no finding.
fn noise(page: &mut Page, report: &Report) {
    let mut all: Vec<String> = Vec::new();
    for varies in report.noise.iter().flat_map(|noise| &noise.varying) {
        let text = match &varies.package {
            Some(package) if !package.is_empty() => format!("{package}: {}", varies.what),
            Some(_) | None => varies.what.clone(),
        };
        if !all.contains(&text) {
            all.push(text);
        }
    }
    if all.is_empty() {
        return;
    }
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    let more = if more > 0 { format!("; and {more} more, in the JSON report") } else { String::new() };
    page.paragraph("", 0, Style::new(), &format!("varies between equal runs: {}{more}", all.join("; ")));
}
