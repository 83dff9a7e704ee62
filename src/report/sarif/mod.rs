//! The report as SARIF 2.1.0, for code scanning.
//!
//! Findings are results at the line where they can be mended, each rule brings its page,
//! and what was accepted is suppressed. What was not seen or not tried is a notification
//! of the invocation, which then was not successful: no result is no pass. This module must
//! not judge.

mod message;
mod place;
mod rules;
#[cfg(test)]
mod tests;

use super::collection::{Collection, Entry};
use super::model::{Report, Run};
use super::opinion::{Finding, Severity, Verdict};
use super::outcome::Outcome;
use super::terminal::verdict_and_reason;
use message::{plain, text};
use place::Base;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The report as pretty JSON with a final newline.
///
/// # Errors
/// Where it cannot be written as JSON, which its form rules out.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    log(vec![run(report, &Base::default())])
}

/// The same of a project that lies in the folder `below` of its repository: code scanning
/// takes paths from the repository's root.
///
/// # Errors
/// As [`render`].
pub fn render_below(report: &Report, below: &str) -> Result<String, serde_json::Error> {
    log(vec![run(report, &Base::of(below))])
}

/// Several projects as one log: a run each, told apart by the id of its automation.
///
/// # Errors
/// As [`render`].
pub fn render_all(all: &Collection) -> Result<String, serde_json::Error> {
    let mut runs: Vec<Value> = all.projects.iter().map(of_project).collect();
    runs.extend(all.missing.iter().map(|path| missing(all, path)));
    log(runs)
}

fn log(runs: Vec<Value>) -> Result<String, serde_json::Error> {
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": runs,
    });
    let mut out = serde_json::to_string_pretty(&log)?;
    out.push('\n');
    Ok(out)
}

fn run(report: &Report, base: &Base) -> Value {
    let told: Vec<&Finding> = report.findings.iter().filter(|finding| !trapped(report, finding)).collect();
    let names: BTreeSet<&str> = told.iter().map(|finding| finding.rule.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let results: Vec<Value> = told.iter().map(|finding| result(finding, &names, base)).collect();
    let (head, reason) = verdict_and_reason(report);
    json!({
        "tool": { "driver": {
            "name": plain(&report.tool.name),
            "version": plain(&report.tool.version),
            "rules": names.iter().map(|name| rules::descriptor(name)).collect::<Vec<_>>(),
            "notifications": rules::notifications(),
        } },
        "invocations": [invocation(report)],
        "originalUriBaseIds": {
            base.id(): { "description": { "text": plain(&base.about()) } },
        },
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {
            "verdict": report.verdict.name(),
            "headline": plain(&format!("{head}: {reason}")),
            "project": plain(&report.project.name),
        },
    })
}

/// What a consumer groups results by: GitHub takes all before the last `/` as the category.
fn automation(path: &str) -> Value {
    json!({ "id": plain(&format!("sealcheck/{path}/")) })
}

fn of_project(entry: &Entry) -> Value {
    let mut run = run(&entry.report, &Base::of(&entry.path));
    if let Some(members) = run.as_object_mut() {
        members.insert("automationDetails".to_owned(), automation(&entry.path));
    }
    if let Some(known) = run["tool"]["driver"]["notifications"].as_array_mut() {
        known.extend(rules::of_several());
    }
    if let Some(carried) = &entry.carried {
        run["properties"]["carried"] = json!({
            "started": plain(&carried.started),
            "from": plain(&carried.from),
        });
        let said = format!("not tested now: carried over from {}", carried.started);
        let told = notification("carried-over", Severity::Warning, &said);
        if let Some(all) = run["invocations"][0]["toolExecutionNotifications"].as_array_mut() {
            all.insert(0, told);
        }
    }
    run
}

/// A project of which nothing is known: no result is no pass.
fn missing(all: &Collection, path: &str) -> Value {
    let said = format!("{path} was not tested: the test ended before");
    json!({
        "tool": { "driver": {
            "name": plain(&all.tool.name),
            "version": plain(&all.tool.version),
            "notifications": rules::of_several(),
        } },
        "automationDetails": automation(path),
        "invocations": [{
            "executionSuccessful": false,
            "toolExecutionNotifications": [notification("project-not-tested", Severity::Error, &said)],
        }],
        "results": [],
    })
}

/// What the trap alone caught is what it is there for.
fn trapped(report: &Report, finding: &Finding) -> bool {
    let mut runs = finding.runs.iter().filter_map(|id| report.run(id)).peekable();
    let alone = runs.peek().is_some() && runs.all(|run| run.control);
    alone && !finding.counts && finding.accepted.is_none()
}

fn result(finding: &Finding, names: &[&str], base: &Base) -> Value {
    let mut said = finding.message.clone();
    if !finding.counts {
        said.push_str("; it shows only with defences taken away, and fails nothing");
    }
    if !finding.help.is_empty() {
        said.push_str(&format!(". Help: {}", finding.help));
    }
    // An empty list says that nothing suppresses it, and no list that it is not known.
    let suppressions: Vec<Value> = finding
        .accepted
        .iter()
        .map(|accepted| {
            let by = accepted.by.as_ref().map(|by| format!("; by {by}")).unwrap_or_default();
            let until = accepted.until.as_ref().map(|date| format!("; until {date}")).unwrap_or_default();
            json!({
                "kind": "external",
                "status": "accepted",
                "justification": plain(&format!("{}{by}{until}", accepted.reason)),
            })
        })
        .collect();
    json!({
        "ruleId": plain(&finding.rule),
        "ruleIndex": names.iter().position(|name| *name == finding.rule),
        "level": finding.severity.name(),
        "message": text(&said),
        "locations": [place::location(finding.location.as_ref(), base)],
        "partialFingerprints": { "sealcheck/v1": plain(&finding.fingerprint) },
        "suppressions": suppressions,
        "properties": {
            "package": finding.package.as_deref().map(plain),
            "counts": finding.counts,
            "runs": finding.runs.iter().map(|run| plain(run)).collect::<Vec<_>>(),
        },
    })
}

fn invocation(report: &Report) -> Value {
    let unseen: Vec<&Run> = report.unseen().collect();
    let whole = match report.outcome {
        Outcome::Sound | Outcome::Failed => report.verdict != Verdict::Unobserved,
        Outcome::Unobserved | Outcome::Interrupted => false,
    };
    let mut told: Vec<Value> = Vec::new();
    if report.interrupted {
        told.push(notification("interrupted", Severity::Error, "the test was ended before its time"));
    }
    if let Some(part) = report.part() {
        let said = format!("this is {part}, and says nothing of the rest of the test");
        told.push(notification("shard", Severity::Warning, &said));
    }
    if report.verdict == Verdict::Unobserved && unseen.is_empty() {
        told.push(notification("unobserved", Severity::Error, &verdict_and_reason(report).1));
    }
    for run in &unseen {
        let said = format!("{}: {}", run.id, run.because);
        told.push(notification("unobserved", Severity::Error, &said));
    }
    for why in &report.coverage.impossible_toolchains {
        told.push(notification("not-tested", Severity::Warning, why));
    }
    for one in &report.coverage.not_applicable {
        let severity = if one.asked { Severity::Warning } else { Severity::Note };
        let said = format!("{} means nothing for this project: {}", one.scenario, one.reason);
        told.push(notification("not-applicable", severity, &said));
    }
    let mut invocation = json!({
        "executionSuccessful": whole && unseen.is_empty(),
        "exitCode": report.outcome.code(),
        "exitCodeDescription": report.outcome.meaning(),
        "toolExecutionNotifications": told,
    });
    // A saved report could say anything.
    let started = report.started.parse::<jiff::Timestamp>().ok();
    if let (Some(started), Some(members)) = (started, invocation.as_object_mut()) {
        members.insert("startTimeUtc".to_owned(), started.to_string().into());
    }
    invocation
}

fn notification(name: &str, severity: Severity, said: &str) -> Value {
    json!({ "descriptor": { "id": name }, "level": severity.name(), "message": text(said) })
}
