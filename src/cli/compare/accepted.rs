//! `sealcheck compare` with an accepted baseline on one side or on both: no sandbox.

use crate::cli::arguments::{CompareArguments, CompareFormat, Talk};
use crate::cli::{Code, inert, print, save};
use crate::compare::approved::{Approved, LIMIT};
use crate::compare::texts;
use crate::report::comparison::Agreement;
use crate::report::drift::Drift;
use crate::report::model::Report;
use crate::report::terminal;
use crate::text::{Complaint, Source};
use serde_json::json;
use std::fmt::Write;

/// Lines that are shown of two baselines.
const MOST: usize = 200;
/// Characters of such a line.
const WIDEST: usize = 160;

/// A saved report beside a baseline.
pub(super) fn report(
    baseline: &Source,
    report: &Source,
    arguments: &CompareArguments,
    talk: &Talk,
) -> anyhow::Result<Code> {
    let (file, saved) = (read(baseline)?, Report::read_whole(report)?);
    let drift = Drift::of((baseline.name(), &file), (report.name(), &saved));
    match arguments.format {
        CompareFormat::Text => print(&terminal::drift(&drift, save::look(talk)))?,
        CompareFormat::Json => print(&format!("{:#}\n", serde_json::to_value(&drift)?))?,
    }
    Ok(match drift.agreement {
        Agreement::Equal => Code::Good,
        Agreement::Differs => Code::Bad,
        Agreement::Unobserved => Code::Unobserved,
    })
}

/// Two baselines, as text in the one form that they are written in.
pub(super) fn baselines(
    left: &Source,
    right: &Source,
    arguments: &CompareArguments,
    talk: &Talk,
) -> anyhow::Result<Code> {
    let (of_left, of_right) = (read(left)?.to_json()?, read(right)?.to_json()?);
    let (lines, more) = texts::lines(&of_left, &of_right, MOST);
    let equal = of_left == of_right;
    match arguments.format {
        CompareFormat::Text => {
            let charset = terminal::safe::Charset { unicode: save::look(talk).unicode };
            let (one, other) = (charset.safe(left.name()), charset.safe(right.name()));
            let mut out = match equal {
                true => format!("equal: {one} and {other} accept the same\n"),
                false => format!("differs: from {one} to {other}\n\n"),
            };
            for line in &lines {
                let _ = writeln!(out, "{}", charset.clipped(line, WIDEST));
            }
            if more > 0 {
                let _ = writeln!(out, "and {more} lines more");
            }
            print(&inert(&out))?;
        }
        CompareFormat::Json => {
            let agreement = if equal { Agreement::Equal } else { Agreement::Differs };
            let value = json!({
                "schema": "sealcheck/baselines/v1", "agreement": agreement,
                "left": left.name(), "right": right.name(), "lines": lines, "more": more,
            });
            print(&format!("{value:#}\n"))?;
        }
    }
    Ok(if equal { Code::Good } else { Code::Bad })
}

/// As strictly as a project's own is read.
fn read(source: &Source) -> Result<Approved, Complaint> {
    if source.text().len() as u64 > LIMIT {
        return Err(Complaint::about(format!(
            "`{}` is larger than {} MiB, which no accepted baseline is",
            source.name(),
            LIMIT >> 20
        ))
        .help("name a file that `sealcheck accept` wrote"));
    }
    Approved::read(source)
}
