//! A comparison of two reports for a person: what differs first, then what could not be
//! compared.

use super::changes;
use super::page::{Page, severity_style, verdict_style};
use crate::compare::install::Which;
use crate::report::comparison::{Agreement, Comparison, FindingChange, ScenarioUnseen, Values};
use crate::report::opinion::Verdict;
use owo_colors::Style;

/// Scenarios or packages that are named before the rest is counted.
const NAMES: usize = 4;
/// Characters of a digest or a commit that tell it from another.
const SHORT: usize = 19;

pub(super) fn render(page: &mut Page, comparison: &Comparison) {
    headline(page, comparison);
    let context: Vec<&Values> = comparison.context.iter().collect();
    table(page, "tested", &context);
    table(page, "report", &comparison.values.iter().collect::<Vec<_>>());
    if !comparison.verdicts.is_empty() {
        heading(page, "verdicts");
        for change in &comparison.verdicts {
            page.put(Style::new(), &format!("    {}: ", change.scenario));
            verdict(page, change.left);
            let arrow = format!(" {} ", page.arrow());
            page.put(Style::new(), &arrow);
            verdict(page, change.right);
            page.end();
            if !change.because.is_empty() {
                page.paragraph("", 8, Style::new().dimmed(), &change.because);
            }
        }
    }
    if !comparison.findings.is_empty() {
        heading(page, "findings");
        comparison.findings.iter().for_each(|change| finding(page, change));
    }
    for of in &comparison.installs {
        heading(page, &format!("installs, in {}", list(&of.scenarios, comparison.scenarios)));
        changes::render(page, &of.changes, 4);
    }
    if !comparison.unseen.is_empty() {
        heading(page, "not compared");
        for unseen in &comparison.unseen {
            let text = not_seen(comparison, unseen);
            page.paragraph("", 4, Style::new(), &text);
        }
    }
}

fn headline(page: &mut Page, comparison: &Comparison) {
    let (word, style, rest) = match comparison.agreement {
        Agreement::Equal => (
            "equal",
            Style::new().bold().green(),
            format!("nothing that was observed differs in {}", scenarios(comparison.scenarios)),
        ),
        Agreement::Differs => (
            "differs",
            Style::new().bold().red(),
            format!("from {} to {}", comparison.left, comparison.right),
        ),
        Agreement::Unobserved => (
            "unobserved",
            Style::new().bold().yellow(),
            "nothing that was seen differs, and not everything was seen".to_owned(),
        ),
    };
    page.put(style, word);
    page.put(Style::new(), &format!(": {rest}"));
    page.end();
}

fn scenarios(number: usize) -> String {
    if number == 1 { "1 scenario".to_owned() } else { format!("{number} scenarios") }
}

fn heading(page: &mut Page, text: &str) {
    page.gap();
    page.put(Style::new().bold(), text);
    page.end();
}

fn table(page: &mut Page, title: &str, rows: &[&Values]) {
    if rows.is_empty() {
        return;
    }
    heading(page, title);
    let arrow = page.arrow();
    let short = |value: &Option<String>| {
        let text = value.as_deref().unwrap_or("none");
        let digest = text.starts_with("sha512-") || text.len() == 40;
        let cut = |text: &str| text.chars().take(SHORT).collect::<String>();
        if digest { cut(text) } else { text.to_owned() }
    };
    for row in rows {
        let text = format!("{}: {} {arrow} {}", row.what, short(&row.left), short(&row.right));
        page.paragraph("", 4, Style::new(), &text);
    }
}

fn verdict(page: &mut Page, verdict: Option<Verdict>) {
    match verdict {
        Some(verdict) => page.put(verdict_style(verdict), verdict.name()),
        None => page.put(Style::new().dimmed(), "not run"),
    }
}

fn finding(page: &mut Page, change: &FindingChange) {
    let finding = &change.finding;
    page.put(Style::new(), &format!("    {}  ", change.became));
    page.put(severity_style(finding.severity), &format!("{}[{}]", finding.severity.name(), finding.rule));
    page.end();
    page.paragraph("", 8, Style::new(), &finding.message);
}

/// `baseline, control and 3 more`; all of them by one word.
fn list(names: &[String], all: usize) -> String {
    match names {
        [only] => only.clone(),
        names if names.len() == all => "every scenario".to_owned(),
        names if names.len() <= NAMES => names.join(", "),
        names => format!("{} and {} more", names[..NAMES].join(", "), names.len() - NAMES),
    }
}

fn not_seen(comparison: &Comparison, of: &ScenarioUnseen) -> String {
    let whose = match of.unseen.on {
        Which::Left => comparison.left.clone(),
        Which::Right => comparison.right.clone(),
        Which::Both => "both".to_owned(),
    };
    let scenarios = match of.scenarios.as_slice() {
        [] => String::new(),
        names => format!(", {}", list(names, comparison.scenarios)),
    };
    let packages = match of.unseen.packages.as_slice() {
        [] => String::new(),
        names if names.len() <= NAMES => format!(" ({})", names.join(", ")),
        names => format!(" ({} and {} more)", names[..NAMES].join(", "), names.len() - NAMES),
    };
    format!("{whose}{scenarios}: {}{packages}", of.unseen.why)
}
