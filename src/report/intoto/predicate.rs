//! What a statement says of what was tested, `urn:sealcheck:test:v1`.
//!
//! Names are in-toto's style, `lowerCamelCase`. A field keeps its name and its meaning for
//! as long as the version stands; `docs/in-toto.md` has them all.

use super::{commit, described, plain};
use crate::report::matrix::{Cell, Matrix};
use crate::report::model::{Margin, Report};
use crate::report::opinion::{Severity, Verdict};
use crate::report::outcome::Outcome;
use crate::report::terminal::verdict_and_reason;
use crate::scenario::Loss;
use serde_json::{Value, json};

pub(super) fn predicate(report: &Report) -> Value {
    let (started, finished) = times(report);
    let (_, because) = verdict_and_reason(report);
    let coverage = &report.coverage;
    json!({
        "tool": {
            "name": plain(&report.tool.name),
            "version": plain(&report.tool.version),
            "digest": report.tool.sha256.as_deref().filter(|text| is_sha256(text)).map(|hex| json!({ "sha256": hex })),
        },
        "startedOn": started,
        "finishedOn": finished,
        "result": result(report),
        "exitCode": report.outcome.code(),
        "verdict": report.verdict.name(),
        "because": plain(&because),
        "accepted": report.accepted,
        "acceptedUntil": report.accepted_until.as_deref().map(plain),
        "failOn": report.fail_on.name(),
        "project": { "name": plain(&report.project.name), "packages": report.project.packages },
        "commit": commit(&report.subject).map(|commit| json!({
            "digest": { "gitCommit": commit },
            "dirty": report.subject.dirty,
        })),
        "inputs": inputs(report),
        "margin": report.margin.as_ref().map(margin),
        "coverage": {
            "privateTested": coverage.private_tested,
            "privateTotal": coverage.private_total,
            "scenariosRun": coverage.scenarios_run,
            "unobserved": report.unseen().map(|run| plain(&run.id)).collect::<Vec<_>>(),
            "notApplicable": coverage.not_applicable.iter().map(|one| json!({
                "scenario": plain(&one.scenario),
                "reason": plain(&one.reason),
                "asked": one.asked,
            })).collect::<Vec<_>>(),
            "impossibleToolchains": coverage.impossible_toolchains.iter().map(|why| plain(why)).collect::<Vec<_>>(),
        },
        "scenarios": cells(report, false),
        "traps": cells(report, true),
        "drills": report.drills.iter().map(|score| json!({
            "name": plain(&score.drill),
            "outcome": score.outcome.word(),
        })).collect::<Vec<_>>(),
        "openFindings": {
            "error": report.count(Severity::Error),
            "warning": report.count(Severity::Warning),
            "note": report.count(Severity::Note),
        },
        "acceptedRisks": accepted(report),
    })
}

/// How the test ended, in a word of which only `passed` is a pass. The exit code of a test
/// whose every fault was accepted is 0 as well, and so is that of one which had nothing to try.
fn result(report: &Report) -> &'static str {
    match (report.interrupted, report.outcome) {
        (true, _) | (false, Outcome::Interrupted) => "interrupted",
        (false, Outcome::Failed) => "failed",
        (false, Outcome::Unobserved) => "unobserved",
        (false, Outcome::Sound) => match report.verdict {
            Verdict::Sealed => "passed",
            Verdict::NotApplicable => "not-applicable",
            Verdict::Unobserved => "unobserved",
            Verdict::Broken | Verdict::Exposed | Verdict::Leaked if report.accepted => "accepted",
            Verdict::Broken | Verdict::Exposed | Verdict::Leaked => "failed",
        },
    }
}

/// When it began and ended, RFC 3339 in UTC. A saved report could say anything.
fn times(report: &Report) -> (Option<String>, Option<String>) {
    let started = report.started.parse::<jiff::Timestamp>().ok();
    let took = i64::try_from(report.duration_ms).ok().map(jiff::SignedDuration::from_millis);
    let finished = started.zip(took).and_then(|(started, took)| started.checked_add(took).ok());
    (started.map(|time| time.to_string()), finished.map(|time| time.to_string()))
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What else decided. An npmrc is none of the subjects: its digest is of a text in which
/// secrets are replaced, so that it names no file that anybody has.
fn inputs(report: &Report) -> Vec<Value> {
    let subject = &report.subject;
    let npmrc = subject.npmrc_sha512.iter().map(|sri| ("npmrc", Some(sri)));
    let others = [
        ("policy", subject.policy_sha512.as_ref()),
        ("scenarios", subject.scenarios_sha512.as_ref()),
        ("baseline", subject.baseline_sha512.as_ref()),
    ];
    npmrc.chain(others).filter_map(|(name, sri)| described(name, sri?)).collect()
}

fn margin(margin: &Margin) -> Value {
    let words = |sets: &[Vec<Loss>]| -> Vec<Vec<&str>> {
        sets.iter().map(|set| set.iter().map(|loss| loss.word()).collect()).collect()
    };
    json!({
        "atLeast": margin.at_least,
        "required": margin.required,
        "smallest": words(&margin.smallest),
        "unobserved": margin.unobserved,
        "command": margin.command.iter().map(|word| plain(word)).collect::<Vec<_>>(),
        "assumes": margin.assumes.iter().map(|one| plain(one)).collect::<Vec<_>>(),
    })
}

/// Each scenario in each place, or each trap, by the worst repetition. A trap must leak, and
/// would look like what it is not among the others; a drill is a scorecard's.
fn cells(report: &Report, control: bool) -> Vec<Value> {
    let matrix = Matrix::of(report);
    let all = matrix.rows.iter().flat_map(|row| row.cells.iter().flatten());
    let drilled = |cell: &&Cell<'_>| report.drills.iter().any(|score| score.run == cell.worst.id);
    all.filter(|cell| cell.worst.control == control)
        .filter(|cell| !drilled(cell))
        .map(|cell| {
            let run = cell.worst;
            let mut value = json!({
                "name": plain(&run.scenario),
                "node": plain(&run.toolchain.node),
                "npm": plain(&run.toolchain.npm),
                "image": run.image.as_deref().map(plain),
                "losses": run.losses.iter().map(|loss| loss.word()).collect::<Vec<_>>(),
                "repetitions": cell.runs.len(),
            });
            let said = if control {
                json!({ "live": run.verdict == Verdict::Leaked, "because": plain(&run.because) })
            } else {
                json!({ "verdict": run.verdict.name(), "because": plain(&run.because) })
            };
            if let (Some(value), Value::Object(said)) = (value.as_object_mut(), said) {
                value.extend(said);
            }
            value
        })
        .collect()
}

fn accepted(report: &Report) -> Vec<Value> {
    let accepted = report.findings.iter().filter_map(|finding| Some((finding, finding.accepted.as_ref()?)));
    accepted
        .map(|(finding, by)| {
            json!({
                "rule": plain(&finding.rule),
                "severity": finding.severity.name(),
                "package": finding.package.as_deref().map(plain),
                "fingerprint": plain(&finding.fingerprint),
                "message": plain(&finding.message),
                "reason": plain(&by.reason),
                "by": by.by.as_deref().map(plain),
                "until": by.until.as_deref().map(plain),
            })
        })
        .collect()
}
