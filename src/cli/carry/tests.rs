//! Which saved reports stand for a project, on data.

use super::*;
use crate::report::json::tests::saved;
use crate::report::opinion::Severity;

fn tool() -> Tool {
    Tool::this(Some("aa".to_owned()))
}

/// A sound report of the inputs `sha512-same`, made an hour ago.
fn sound(now: Timestamp) -> Report {
    let mut report = saved("sealed");
    report.outcome = Outcome::Sound;
    report.tool = tool();
    report.started = (now - jiff::SignedDuration::from_hours(1)).to_string();
    report.subject.lockfile_sha512 = Some("sha512-lock".to_owned());
    report.subject.inputs_sha512 = Some("sha512-same".to_owned());
    report
}

/// What is said of a report that was changed so.
fn told(change: impl FnOnce(&mut Report)) -> Result<u64, String> {
    let now: Timestamp = "2026-11-21T02:00:00Z".parse().unwrap();
    let (before, tool) = (sound(now), tool());
    let wanted = Wanted {
        inputs: Some("sha512-same".to_owned()),
        tool: &tool,
        project: before.project.clone(),
        runs: before.runs.iter().map(|run| (run.id.as_str(), run.scenario.as_str())).collect(),
        lockfile: "sha512-lock".to_owned(),
    };
    let mut report = before.clone();
    change(&mut report);
    let age = Duration::from_secs(7 * 86_400);
    let earlier = Earlier {
        from: "last.json".to_owned(),
        age,
        now,
        tool: tool.clone(),
        reports: Vec::new(),
        quiet: true,
    };
    earlier.fits(&report, &wanted)
}

#[test]
fn a_sound_report_of_the_same_inputs_stands() {
    assert_eq!(told(|_| {}), Ok(3_600));
}

#[test]
fn anything_else_does_not_and_why_is_said() {
    type Change = (&'static str, fn(&mut Report));
    let changes: &[Change] = &[
        ("not sound", |report| report.outcome = Outcome::Failed),
        ("not all of it was observed", |report| report.outcome = Outcome::Unobserved),
        ("interrupted", |report| report.outcome = Outcome::Interrupted),
        ("interrupted", |report| report.interrupted = true),
        ("another sealcheck", |report| report.tool.version = "0.0.9".to_owned()),
        ("another sealcheck", |report| report.tool.sha256 = Some("bb".to_owned())),
        ("another sealcheck", |report| report.tool.sha256 = None),
        ("does not say when", |report| report.started = "yesterday".to_owned()),
        ("too old", |report| report.started = "2026-11-14T01:59:59Z".to_owned()),
        ("of the future", |report| report.started = "2026-11-21T03:00:00Z".to_owned()),
        ("lockfile has changed", |report| report.subject.lockfile_sha512 = None),
        ("has changed", |report| report.subject.inputs_sha512 = Some("sha512-other".to_owned())),
        ("written to", |report| report.subject.inputs_sha512 = None),
        ("the shard 2 of 3", |report| {
            report.shard = Some(crate::report::shard::Shard {
                index: 2,
                count: 3,
                inputs: Default::default(),
                of: Vec::new(),
                expected_ms: 0,
                required_margin: 2,
                private_tested: Vec::new(),
                sights: Vec::new(),
            });
        }),
        ("another project", |report| report.project.private.clear()),
        ("another project", |report| report.project.name.push('x')),
        ("is not in it", |report| {
            report.runs.pop();
        }),
        ("is not in it", |report| report.runs[0].scenario = "other".to_owned()),
        ("not observed", |report| report.runs[0].verdict = Verdict::Unobserved),
        ("not observed", |report| {
            report.runs.iter_mut().filter(|run| run.control).for_each(|run| run.verdict = Verdict::Sealed);
        }),
        ("it is leaked", |report| report.verdict = Verdict::Leaked),
        ("is broken", |report| report.runs[0].verdict = Verdict::Broken),
        ("a finding of", |report| {
            let mut finding = saved("leaked").findings[0].clone();
            (finding.severity, finding.counts, finding.accepted) = (Severity::Error, true, None);
            report.findings.push(finding);
        }),
    ];
    for (part, change) in changes {
        let why = told(change).unwrap_err();
        assert!(why.contains(part), "{part}: {why}");
    }
}

#[test]
fn the_youngest_that_is_allowed_still_stands_and_a_clock_may_differ_a_little() {
    assert_eq!(told(|report| report.started = "2026-11-14T02:00:00Z".to_owned()), Ok(7 * 86_400));
    assert!(told(|report| report.started = "2026-11-21T02:03:00Z".to_owned()).is_ok());
}
