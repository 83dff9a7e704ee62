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

use super::model::{Report, Run};
use super::opinion::{Finding, Severity, Verdict};
use super::outcome::Outcome;
use super::terminal::verdict_and_reason;
use message::{plain, text};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The report as pretty JSON with a final newline.
///
/// # Errors
/// Where it cannot be written as JSON, which its form rules out.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    render_below(report, "")
}

/// The same of a project that lies in the folder `below` of its repository: code scanning
/// takes paths from the repository's root.
///
/// # Errors
/// As [`render`].
pub fn render_below(report: &Report, below: &str) -> Result<String, serde_json::Error> {
    let told: Vec<&Finding> = report.findings.iter().filter(|finding| !trapped(report, finding)).collect();
    let names: BTreeSet<&str> = told.iter().map(|finding| finding.rule.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let results: Vec<Value> = told.iter().map(|finding| result(finding, &names, below)).collect();
    let (head, reason) = verdict_and_reason(report);
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": plain(&report.tool.name),
                "version": plain(&report.tool.version),
                "rules": names.iter().map(|name| rules::descriptor(name)).collect::<Vec<_>>(),
                "notifications": rules::notifications(),
            } },
            "invocations": [invocation(report)],
            "originalUriBaseIds": {
                place::BASE: { "description": { "text": "The folder of the tested project" } },
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": {
                "verdict": report.verdict.name(),
                "headline": plain(&format!("{head}: {reason}")),
                "project": plain(&report.project.name),
            },
        }],
    });
    let mut out = serde_json::to_string_pretty(&log)?;
    out.push('\n');
    Ok(out)
}

/// What the trap alone caught is what it is there for.
fn trapped(report: &Report, finding: &Finding) -> bool {
    let mut runs = finding.runs.iter().filter_map(|id| report.run(id)).peekable();
    let alone = runs.peek().is_some() && runs.all(|run| run.control);
    alone && !finding.counts && finding.accepted.is_none()
}

fn result(finding: &Finding, names: &[&str], below: &str) -> Value {
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
        "locations": [place::location(finding.location.as_ref(), below)],
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
