//! `sealcheck report`: a saved report in any format. Nothing is run and nothing judged.

use super::arguments::{ReportArguments, Talk};
use super::{Code, save, saved};
use crate::report::model::Report;
use anyhow::Context;

/// Reads the report and writes it in the format. What it says is no matter of the exit code:
/// that of `test` said it.
pub(crate) fn run(arguments: &ReportArguments, talk: &Talk) -> anyhow::Result<Code> {
    let source = saved::read(&arguments.file, &arguments.file.display().to_string())?;
    let report = Report::read_source(&source)?;
    let path = arguments.output.as_deref().filter(|path| path.as_os_str() != "-");
    if let Some(path) = path {
        save::probe(path)?;
    }
    let rendered = save::rendered(&report, arguments.format, path, talk)?;
    match path {
        None => rendered.print()?,
        Some(path) => rendered
            .save(path)
            .with_context(|| format!("the report could not be written to `{}`", path.display()))?,
    }
    Ok(Code::Good)
}
