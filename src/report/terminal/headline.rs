//! The verdict in one sentence, and what it is true of.

use super::amount::count;
use super::page::{Page, verdict_style};
use crate::plan::margin::Became;
use crate::report::model::{Margin, MarginChange, Report, Run};
use crate::report::opinion::Verdict;
use crate::scenario::Loss;
use owo_colors::Style;
use std::collections::{BTreeMap, BTreeSet};

/// Where the text of the labelled lines begins.
pub(super) const INDENT: usize = 12;

/// The verdict and its reason: "leaked, accepted until 2027-03-01", "in baseline, …".
pub(in crate::report) fn verdict_and_reason(report: &Report) -> (String, String) {
    let mut head = report.verdict.name().to_owned();
    if report.accepted {
        head.push_str(", accepted");
        if let Some(until) = &report.accepted_until {
            head = format!("{head} until {until}");
        }
    }
    if !report.drills.is_empty() && report.verdict == Verdict::NotApplicable {
        head = "drills".to_owned();
    }
    if report.interrupted {
        head = format!("interrupted, so far {head}");
    }
    if let Some(part) = report.part() {
        head = format!("{part}, {head}");
    }
    let because = match (report.because.is_empty(), report.drills.is_empty()) {
        (_, false) if report.verdict == Verdict::NotApplicable => super::scorecard::summary(&report.drills),
        (true, _) => fallback(report),
        (false, _) => because(report),
    };
    (head, because)
}

pub(super) fn render(page: &mut Page, report: &Report) {
    let (head, because) = verdict_and_reason(report);
    page.put(verdict_style(report.verdict), &head);
    let sentence = page.charset().safe(&format!(": {because}"));
    let room = page.look.width.saturating_sub(head.chars().count());
    let mut lines = super::page::wrap(&sentence, room).into_iter();
    page.put(Style::new().bold(), &lines.next().unwrap_or_default());
    page.end();
    let rest: Vec<String> = lines.collect();
    page.paragraph("", 2, Style::new().bold(), &rest.join(" "));
    page.gap();

    page.paragraph("project     ", INDENT, Style::new(), &project(report));
    for line in toolchains(report) {
        page.paragraph("toolchain   ", INDENT, Style::new(), &line);
    }
    if let Some(margin) = &report.margin {
        page.paragraph("margin      ", INDENT, Style::new(), &margin_line(margin));
        for change in &margin.changes {
            page.paragraph("            ", INDENT, Style::new(), &change_line(change));
        }
    }
    if let Some(store) = &report.store {
        let mut line = match (&store.oldest, &store.newest) {
            (Some(oldest), Some(newest)) => format!("registry answers fetched {oldest} to {newest}"),
            (Some(only), None) | (None, Some(only)) => format!("registry answers fetched {only}"),
            (None, None) => "no registry answer was needed".to_owned(),
        };
        if store.offline {
            line.push_str(", none of them now (offline)");
        }
        page.paragraph("store       ", INDENT, Style::new(), &line);
    }
    page.gap();
}

/// The report's reason, with the run that it begins with named as the rest names it.
fn because(report: &Report) -> String {
    let split = report.because.split_once(": ");
    match split.and_then(|(id, rest)| Some((report.run(id)?, rest))) {
        Some((run, rest)) => format!("in {}, {rest}", run_name(report, run)),
        None => report.because.clone(),
    }
}

/// A run by its scenario, or by its id where that is not enough.
pub(in crate::report) fn run_name<'a>(report: &'a Report, run: &'a Run) -> &'a str {
    let alone = report.runs.iter().filter(|other| other.scenario == run.scenario).count() == 1;
    if alone { &run.scenario } else { &run.id }
}

/// The sentence for a report that brings none.
fn fallback(report: &Report) -> String {
    let ran = count(report.coverage.scenarios_run, "scenario");
    if report.interrupted {
        return format!("only {ran} had run, and what was not run is not known");
    }
    match report.verdict {
        Verdict::Sealed => format!("every package came from where it must, in {ran}"),
        Verdict::Exposed => "nothing foreign was installed, yet the boundary was crossed".to_owned(),
        Verdict::Leaked => "a stranger's bytes or code got in, or a credential got out".to_owned(),
        Verdict::Broken => "an install that must work failed or gave another tree".to_owned(),
        Verdict::Unobserved => "something could not be measured, so silence proves nothing".to_owned(),
        Verdict::NotApplicable => "no scenario means anything for this project".to_owned(),
    }
}

fn project(report: &Report) -> String {
    let project = &report.project;
    let mut line = format!("{}: {}", project.name, count(project.packages, "package"));
    let mut of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &project.private {
        of.entry(host(&package.registry)).or_default().push(&package.name);
    }
    for (host, names) in of {
        line.push_str(&listed("private", names.into_iter()));
        if !host.is_empty() {
            line.push_str(&format!(" from {host}"));
        }
    }
    line.push_str(&listed("local", project.local.iter().map(String::as_str)));
    line.push_str(&listed("undecided", project.undecided.iter().map(String::as_str)));
    line
}

/// `npm.corp.example:8443/npm`: what tells a registry from another at a glance.
fn host(registry: &str) -> &str {
    registry.split_once("://").map_or(registry, |(_, rest)| rest).trim_end_matches('/')
}

/// How many names are listed before the rest is counted.
const NAMES: usize = 5;

fn listed<'a>(word: &str, names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let total = names.len();
    if total == 0 {
        return String::new();
    }
    let shown: Vec<&str> = names.take(NAMES).collect();
    let more = if total > NAMES { format!(" and {} more", total - NAMES) } else { String::new() };
    format!(", {total} {word} ({}{more})", shown.join(", "))
}

fn toolchains(report: &Report) -> BTreeSet<String> {
    report
        .runs
        .iter()
        .map(|run| {
            let mut line = format!("node {}, npm {}", run.toolchain.node, run.toolchain.npm);
            if !run.toolchain.because.is_empty() {
                line = format!("{line} ({})", run.toolchain.because);
            }
            match &run.image {
                Some(image) => format!("{line}, in {} {image}", run.backend),
                None => format!("{line}, in {}", run.backend),
            }
        })
        .collect()
}

pub(in crate::report) fn margin_line(margin: &Margin) -> String {
    let sets: Vec<String> = margin.smallest.iter().map(|set| losses(set)).collect();
    let what = match (margin.at_least, sets.is_empty()) {
        (0, false) => "it leaks with every defence in place".to_owned(),
        (least, true) if margin.unobserved => {
            format!("what {least} lost together do could not be observed, and more was not tried")
        }
        (_, true) => "no set of losses that was tried leaks".to_owned(),
        (_, false) => format!("it leaks once these are lost: {}", sets.join("; ")),
    };
    let sets: Vec<String> = margin.smallest_to_run.iter().map(|set| losses(set)).collect();
    let run = match margin.at_least_to_run {
        None => String::new(),
        Some(same) if same == margin.at_least => String::new(),
        Some(more) if sets.is_empty() => {
            format!("; no stranger's code ran with up to {} lost", more.saturating_sub(1))
        }
        Some(_) => format!("; a stranger's code runs once these are lost: {}", sets.join("; ")),
    };
    format!("{} ({} required): {what}{run}", margin.at_least, margin.required)
}

/// `to pin the integrity of @acme/ui in package-lock.json adds one (tried in a copy)`.
pub(in crate::report) fn change_line(change: &MarginChange) -> String {
    let came = match change.became {
        Became::Raised => "adds one",
        Became::Same => "adds none by itself",
        Became::Broken => "breaks the install",
        Became::Unobserved => "could not be observed",
    };
    format!("to {} {came} (tried in a copy)", change.says)
}

/// `mapping + lockfile`.
pub(in crate::report) fn losses(set: &[Loss]) -> String {
    let words: Vec<&str> = set.iter().map(|loss| loss.word()).collect();
    words.join(" + ")
}
