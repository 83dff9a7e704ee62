//! The verdict in a sentence, and what it is true of.

use super::tag::{Tag, tag};
use super::{Page, mark, sign};
use crate::report::model::Report;
use crate::report::opinion::{Severity, Verdict};
use crate::report::terminal::{count, margin_line, time, verdict_and_reason};
use std::collections::{BTreeMap, BTreeSet};

/// The verdict in words, and why.
pub(super) fn verdict(report: &Report) -> (String, String) {
    verdict_and_reason(report)
}

pub(super) fn render(page: &Page<'_>) -> Tag {
    let report = page.report;
    let (head, because) = verdict(report);
    let drills = !report.drills.is_empty() && report.verdict == Verdict::NotApplicable;
    let class = if drills { "none" } else { report.verdict.name() };
    let sign = if drills { sign("none") } else { mark(report.verdict, false) };
    let sentence = tag("h1")
        .set("tabindex", "-1")
        .add(tag("strong").text(&head))
        .add(tag("span").text(": ").prose(&because));
    let mut banner = tag("header")
        .class(&format!("banner {class}"))
        .add(sign)
        .add(tag("p").class("project-name").text(page.title))
        .add(sentence)
        .add(tag("p").class("outcome").text(&format!(
            "exit {}: {}",
            report.outcome.code(),
            report.outcome.meaning()
        )));
    if report.interrupted {
        banner = banner
            .add(tag("p").class("notice").text("The test was ended before its time: this is a part of it"));
    }
    if let Some(date) = page.carried {
        let text = format!(
            "Carried over: nothing that it depends on has changed since this report was made, {}",
            moment(date)
        );
        banner = banner.add(tag("p").class("notice").text(&text));
    }
    tag("div").add(banner).add(facts(report))
}

fn facts(report: &Report) -> Tag {
    let mut list = tag("dl").class("facts");
    let mut fact = |label: &str, text: &str| {
        let group = tag("div").add(tag("dt").text(label)).add(tag("dd").prose(text));
        list = std::mem::replace(&mut list, tag("dl")).add(group);
    };
    fact("Packages", &packages(report));
    fact("Findings", &tally(report));
    for line in toolchains(report) {
        fact("Toolchain", &line);
    }
    if let Some(margin) = &report.margin {
        fact("Margin", &margin_line(margin));
    }
    fact("Tested", &coverage(report));
    list
}

fn packages(report: &Report) -> String {
    let project = &report.project;
    let mut line = count(project.packages, "package");
    let mut of: BTreeMap<&str, usize> = BTreeMap::new();
    for package in &project.private {
        *of.entry(host(&package.registry)).or_default() += 1;
    }
    for (host, number) in of {
        line.push_str(&format!(", {number} private from {host}"));
    }
    for (number, word) in [(project.local.len(), "local"), (project.undecided.len(), "undecided")] {
        if number > 0 {
            line.push_str(&format!(", {number} {word}"));
        }
    }
    line
}

/// `npm.corp.example:8443/npm`.
fn host(registry: &str) -> &str {
    registry.split_once("://").map_or(registry, |(_, rest)| rest).trim_end_matches('/')
}

pub(super) fn tally(report: &Report) -> String {
    let of = |severity: Severity| count(report.count(severity), severity.name());
    let mut text = [Severity::Error, Severity::Warning, Severity::Note].map(of).join(", ");
    let accepted = report.findings.iter().filter(|finding| finding.accepted.is_some()).count();
    if accepted > 0 {
        text.push_str(&format!(", {accepted} accepted"));
    }
    text
}

fn toolchains(report: &Report) -> BTreeSet<String> {
    let line = |run: &crate::report::Run| {
        let mut line = format!("node {}, npm {}", run.toolchain.node, run.toolchain.npm);
        if !run.toolchain.because.is_empty() {
            line.push_str(&format!(" ({})", run.toolchain.because));
        }
        match &run.image {
            Some(image) => format!("{line}, in {} {image}", run.backend),
            None => format!("{line}, in {}", run.backend),
        }
    };
    report.runs.iter().map(line).collect()
}

fn coverage(report: &Report) -> String {
    let coverage = &report.coverage;
    let what = if report.drills.is_empty() { "scenario" } else { "drill" };
    let mut line = format!(
        "{} on {}, in {}",
        count(coverage.scenarios_run, what),
        moment(&report.started),
        time(report.duration_ms)
    );
    if coverage.private_total > 0 {
        line.push_str(&format!(
            "; {} of {} private packages put to the test",
            coverage.private_tested, coverage.private_total
        ));
    }
    line
}

/// `2026-11-24 08:00:01 UTC` of `2026-11-24T08:00:01.5Z`; what is no such time stays as it is.
pub(super) fn moment(text: &str) -> String {
    match (text.get(..10), text.get(10..11), text.get(11..19), text.ends_with('Z')) {
        (Some(day), Some("T"), Some(hour), true) => format!("{day} {hour} UTC"),
        _ => text.to_owned(),
    }
}
