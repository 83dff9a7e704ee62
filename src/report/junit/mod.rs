//! The report as JUnit XML, for a CI system's view of tests.
//!
//! A suite is a place (toolchain, image), a case a scenario there. What was not seen is an
//! error and what was not tried is skipped, and the first suite's one case is the whole
//! test: it passes only where the exit code is 0. This module must not judge.

mod case;
#[cfg(test)]
mod tests;
mod xml;

use super::collection::{Carried, Collection, Entry};
use super::matrix::{Cell, Matrix};
use super::model::Report;
use super::opinion::Finding;
use super::outcome::Outcome;
use super::places::Place;
use super::terminal::verdict_and_reason;
use case::{Case, Standing};
use xml::Element;

/// The report in the form that Jenkins reads, and others after it.
pub fn render(report: &Report) -> String {
    document(suites(report), report.duration_ms)
}

/// Several projects in the same form: the suites of each, named after it too. A project
/// that was not tested this time is skipped, whatever was found of it before.
pub fn render_all(all: &Collection) -> String {
    let mut every = Vec::new();
    for entry in &all.projects {
        let of = match &entry.carried {
            Some(carried) => vec![carried_over(entry, carried)],
            None => suites(&entry.report),
        };
        every.extend(
            of.into_iter().map(|suite| Suite { name: format!("{}: {}", entry.path, suite.name), ..suite }),
        );
    }
    every.extend(all.missing.iter().map(|path| {
        let why = "the test ended before it was tested".to_owned();
        Suite::of_one(format!("{path}: sealcheck"), Standing::Error { kind: "not-tested".to_owned(), why })
    }));
    document(every, all.duration_ms)
}

fn suites(report: &Report) -> Vec<Suite> {
    let matrix = Matrix::of(report);
    let mut suites = vec![whole(report)];
    for (at, (place, _)) in matrix.places.iter().enumerate() {
        let ran = matrix.rows.iter().filter_map(|row| row.cells.get(at)?.as_ref());
        suites.push(suite(report, place, &ran.collect::<Vec<_>>()));
    }
    suites
}

fn document(suites: Vec<Suite>, ms: u64) -> String {
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>().to_string();
    let mut root = Element::new("testsuites")
        .attribute("name", "sealcheck")
        .attribute("time", &seconds(ms))
        .attribute("tests", &sum(|suite| suite.cases.len()))
        .attribute("failures", &sum(|suite| suite.count(Standing::is_failure)))
        .attribute("errors", &sum(|suite| suite.count(Standing::is_error)));
    for suite in suites {
        root = root.child(suite.element());
    }
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", root.text())
}

/// What stands in the place of a project's suites where it was not tested this time: no pass.
fn carried_over(entry: &Entry, carried: &Carried) -> Suite {
    let verdict = entry.report.verdict.name();
    let why = format!("not tested now: carried over from {}, when it was {verdict}", carried.started);
    let mut suite = Suite::of_one("sealcheck".to_owned(), Standing::Skipped { why });
    suite.properties = vec![
        ("project", entry.report.project.name.clone()),
        ("verdict", verdict.to_owned()),
        ("carried", carried.started.clone()),
        ("carried-from", carried.from.clone()),
        ("tool", format!("{} {}", entry.report.tool.name, entry.report.tool.version)),
    ];
    suite
}

struct Suite {
    name: String,
    started: Option<String>,
    ms: u64,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case>,
}

impl Suite {
    /// One that has nothing but the verdict.
    fn of_one(name: String, standing: Standing) -> Self {
        let case = Case { name: "verdict".to_owned(), ms: 0, standing, lines: Vec::new() };
        Self { name, started: None, ms: 0, properties: Vec::new(), cases: vec![case] }
    }

    fn count(&self, of: fn(&Standing) -> bool) -> usize {
        self.cases.iter().filter(|case| of(&case.standing)).count()
    }

    fn element(self) -> Element {
        let number = |of: fn(&Standing) -> bool| self.count(of).to_string();
        let mut element = Element::new("testsuite")
            .attribute("name", &self.name)
            .attribute("tests", &self.cases.len().to_string())
            .attribute("failures", &number(Standing::is_failure))
            .attribute("errors", &number(Standing::is_error))
            .attribute("skipped", &number(Standing::is_skipped))
            .attribute("time", &seconds(self.ms));
        if let Some(started) = &self.started {
            element = element.attribute("timestamp", started);
        }
        let mut properties = Element::new("properties");
        for (name, value) in &self.properties {
            properties =
                properties.child(Element::new("property").attribute("name", name).attribute("value", value));
        }
        if !self.properties.is_empty() {
            element = element.child(properties);
        }
        for case in self.cases {
            element = element.child(case.element(&self.name));
        }
        element
    }
}

/// The whole test as one case.
fn whole(report: &Report) -> Suite {
    let (head, reason) = verdict_and_reason(report);
    let sentence = format!("{head}: {reason}");
    let standing = match report.outcome {
        Outcome::Sound => Standing::Passed,
        Outcome::Failed => Standing::Failed { kind: report.verdict.name().to_owned(), why: sentence.clone() },
        Outcome::Unobserved => Standing::Error { kind: "unobserved".to_owned(), why: sentence.clone() },
        Outcome::Interrupted => Standing::Error { kind: "interrupted".to_owned(), why: sentence.clone() },
    };
    // What is in no run is told here, and all that was accepted.
    let told = |finding: &&Finding| finding.accepted.is_some() || finding.runs.is_empty();
    let mut lines = vec![sentence, format!("exit {}: {}", report.outcome.code(), report.outcome.meaning())];
    lines.extend(case::told_of(report.findings.iter().filter(told)));
    let mut properties = vec![
        ("project", report.project.name.clone()),
        ("verdict", report.verdict.name().to_owned()),
        ("exit-code", report.outcome.code().to_string()),
        ("tool", format!("{} {}", report.tool.name, report.tool.version)),
    ];
    if report.accepted {
        properties.push(("accepted", report.accepted_until.clone().unwrap_or_else(|| "yes".to_owned())));
    }
    let verdict = Case { name: "verdict".to_owned(), ms: report.duration_ms, standing, lines };
    let impossible = report.coverage.impossible_toolchains.iter().map(|why| Case {
        name: format!("toolchain: {why}"),
        ms: 0,
        standing: Standing::Skipped { why: format!("not tested: {why}") },
        lines: Vec::new(),
    });
    Suite {
        name: "sealcheck".to_owned(),
        started: Some(report.started.clone()),
        ms: report.duration_ms,
        properties,
        cases: std::iter::once(verdict).chain(impossible).collect(),
    }
}

/// What ran in a place, and what of the rest means nothing there.
fn suite(report: &Report, place: &Place, cells: &[&Cell<'_>]) -> Suite {
    let mut cases: Vec<Case> = cells.iter().filter_map(|cell| Case::of(report, cell)).collect();
    let ran = |scenario: &str| cells.iter().any(|cell| cell.worst.scenario == scenario);
    for one in report.coverage.not_applicable.iter().filter(|one| !ran(&one.scenario)) {
        let asked = if one.asked { ", though it was asked for" } else { "" };
        cases.push(Case {
            name: one.scenario.clone(),
            ms: 0,
            standing: Standing::Skipped { why: format!("not applicable{asked}: {}", one.reason) },
            lines: Vec::new(),
        });
    }
    let image = place.image.as_ref().map(|image| format!(", {image}")).unwrap_or_default();
    let mut properties = vec![("node", place.node.clone()), ("npm", place.npm.clone())];
    properties.extend(place.image.clone().map(|image| ("image", image)));
    Suite {
        name: format!("node {}, npm {}{image}", place.node, place.npm),
        started: None,
        ms: cells.iter().flat_map(|cell| &cell.runs).map(|run| run.duration_ms).sum(),
        properties,
        cases,
    }
}

/// `0.583`.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}
