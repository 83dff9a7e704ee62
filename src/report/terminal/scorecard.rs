//! What became of the drills: a line for each, and the rates.

use super::page::{Page, severity_style, severity_word};
use crate::drill::Kind;
use crate::report::opinion::Severity;
use crate::report::scorecard::{DrillOutcome, DrillScore, Rates};
use owo_colors::Style;

/// Blanks between columns.
const GAP: usize = 2;

/// `3 of 15 attacks were stopped, 12 ran and were reported`.
pub(super) fn summary(scores: &[DrillScore]) -> String {
    let attacks: Vec<&DrillScore> = scores.iter().filter(|score| score.kind == Kind::Attack).collect();
    let of = |outcome| attacks.iter().filter(|score| score.outcome == outcome).count();
    let mut told = vec![format!("{} of {} attacks were stopped", of(DrillOutcome::Stopped), attacks.len())];
    for (number, what) in [
        (of(DrillOutcome::Reported), "ran and were reported"),
        (of(DrillOutcome::Fact), "ran and are told as facts alone"),
        (of(DrillOutcome::Unobserved), "could not be observed"),
    ] {
        if number > 0 {
            told.push(format!("{number} {what}"));
        }
    }
    format!("{}; drills count in no verdict", told.join(", "))
}

/// A line for each drill.
pub(super) fn render(page: &mut Page, scores: &[DrillScore]) {
    table(page, scores, |score| &score.run);
}

fn table(page: &mut Page, scores: &[DrillScore], name: impl Fn(&DrillScore) -> &str) {
    let names = scores.iter().map(|score| name(score).chars().count()).max().unwrap_or(0).max("drill".len());
    let kinds = "negative".len();
    let outcomes = "unobserved".len();
    let dimmed = Style::new().dimmed();
    line(page, [names, kinds, outcomes], ["drill", "kind", "outcome"], [dimmed; 3]);
    page.put(dimmed, "by");
    page.end();
    for score in scores {
        let styles = [Style::new(), Style::new(), style(score)];
        let cells = [name(score), score.kind.word(), score.outcome.word()];
        line(page, [names, kinds, outcomes], cells, styles);
        let indent = names + kinds + outcomes + 3 * GAP;
        by(page, indent, score);
    }
}

fn line(page: &mut Page, widths: [usize; 3], cells: [&str; 3], styles: [Style; 3]) {
    for ((cell, width), style) in cells.into_iter().zip(widths).zip(styles) {
        page.put(style, cell);
        page.put(Style::new(), &" ".repeat(width.saturating_sub(cell.chars().count()) + GAP));
    }
}

/// What stopped it, or who spoke of it; the first word follows what is on the line.
fn by(page: &mut Page, indent: usize, score: &DrillScore) {
    let mut told: Vec<String> = Vec::new();
    if let Some(control) = &score.stopped_by {
        told.push(control.clone());
    }
    if score.outcome != DrillOutcome::Stopped {
        for reported in &score.reported {
            let severity = match reported.severity {
                Severity::Note => " (note)",
                Severity::Warning => "",
                Severity::Error => " (error)",
            };
            told.push(format!("{}{severity}", reported.rule));
        }
    }
    if !score.because.is_empty() {
        told.push(score.because.clone());
    }
    if !score.missing.is_empty() {
        told.push(format!("not reported by {}", score.missing.join(", ")));
    }
    let text = told.join(", ");
    let room = page.look.width.saturating_sub(indent).max(20);
    let mut lines = super::page::wrap(&text, room).into_iter();
    page.put(Style::new(), &lines.next().unwrap_or_else(|| "-".to_owned()));
    page.end();
    for rest in lines {
        page.put(Style::new(), &" ".repeat(indent));
        page.put(Style::new(), &rest);
        page.end();
    }
}

/// An attack that only facts tell of is what an owner wants to see.
fn style(score: &DrillScore) -> Style {
    let severity = match (score.kind, score.outcome) {
        (_, DrillOutcome::Unobserved) => Severity::Warning,
        (Kind::Attack, DrillOutcome::Fact | DrillOutcome::Reported) => Severity::Warning,
        (Kind::Attack, DrillOutcome::Stopped | DrillOutcome::Quiet) => Severity::Note,
        (
            Kind::Negative | Kind::Control,
            DrillOutcome::Fact | DrillOutcome::Reported | DrillOutcome::Stopped | DrillOutcome::Quiet,
        ) => return Style::new(),
    };
    severity_style(severity)
}

/// The scores of one place, and the rates.
pub(super) fn rates(page: &mut Page, place: &str, scores: &[DrillScore], rates: Rates) {
    page.put(Style::new().bold(), place);
    page.end();
    page.gap();
    table(page, scores, |score| &score.drill);
    page.gap();
    let percent = |part: usize, whole: usize| match whole {
        0 => "none ran".to_owned(),
        whole => format!("{:.0} %", part as f64 * 100.0 / whole as f64),
    };
    let Rates { attacks, detected, others, alarms, unproven } = rates;
    let detection = format!(
        "{} ({detected} of {attacks} attacks were reported by every rule that must)",
        percent(detected, attacks)
    );
    let false_alarms = format!(
        "{} ({alarms} of {others} others gave an {} or a {} of those rules)",
        percent(alarms, others),
        severity_word(Severity::Error),
        severity_word(Severity::Warning)
    );
    for (label, text) in [("detection    ", detection), ("false alarms ", false_alarms)] {
        page.paragraph(label, label.len(), Style::new(), &text);
    }
    if unproven > 0 {
        let text = format!("{unproven} did not run or could not be observed, so that they prove nothing");
        page.paragraph("unproven     ", 13, Style::new(), &text);
    }
    page.gap();
}
