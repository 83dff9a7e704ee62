//! `sealcheck compare REPORT REPORT`: two saved reports, no sandbox.

use crate::cli::arguments::{CompareArguments, CompareFormat, Talk};
use crate::cli::{Code, print, save};
use crate::report::comparison::{Agreement, Comparison};
use crate::report::model::Report;
use crate::report::terminal;
use crate::text::Source;

/// Reads both and prints what differs.
pub(super) fn run(
    left: &Source,
    right: &Source,
    arguments: &CompareArguments,
    talk: &Talk,
) -> anyhow::Result<Code> {
    let (of_left, of_right) = (Report::read_whole(left)?, Report::read_whole(right)?);
    let comparison = Comparison::of((left.name(), &of_left), (right.name(), &of_right));
    match arguments.format {
        CompareFormat::Text => print(&terminal::comparison(&comparison, save::look(talk)))?,
        CompareFormat::Json => print(&format!("{:#}\n", serde_json::to_value(&comparison)?))?,
    }
    Ok(match comparison.agreement {
        Agreement::Equal => Code::Good,
        Agreement::Differs => Code::Bad,
        Agreement::Unobserved => Code::Unobserved,
    })
}
