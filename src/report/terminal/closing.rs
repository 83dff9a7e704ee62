//! The last lines: the counts, where the evidence lies, what the exit code means.

use super::amount::{count, time};
use super::findings::tally;
use super::page::{Page, severity_word};
use crate::report::model::Report;
use crate::report::outcome::Outcome;
use owo_colors::Style;

pub(super) fn render(page: &mut Page, report: &Report, saved: &[(String, String)]) {
    tally(page, report);
    let ran = count(report.coverage.scenarios_run, "scenario");
    let coverage = &report.coverage;
    page.put(Style::new(), &format!(" in {ran}, {}", time(report.duration_ms)));
    if coverage.private_total > 0 {
        let tested =
            format!("; {} of {} private packages tested", coverage.private_tested, coverage.private_total);
        page.put(Style::new(), &tested);
    }
    page.end();
    if let Some(finding) = report.findings.first() {
        let text =
            format!("`sealcheck explain {}` says what the rule means and how to mend it", finding.rule);
        page.paragraph("", 0, Style::new(), &text);
    }
    if saved.is_empty() {
        page.paragraph("", 0, Style::new(), "`--report json=PATH` keeps the whole evidence");
    }
    for (format, path) in saved {
        page.put(Style::new(), &format!("{format} report: {path}"));
        page.end();
    }
    let outcome = report.outcome;
    let mut text = format!("exit {}: {}", outcome.code(), outcome.meaning());
    match outcome {
        Outcome::Sound | Outcome::Failed => text = format!("{text} ({})", severity_word(report.fail_on)),
        Outcome::Unobserved | Outcome::Interrupted => {}
    }
    page.paragraph("", 0, Style::new(), &text);
}
