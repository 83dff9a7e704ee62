//! `sealcheck merge`: one report from the shards of a test. Nothing is run.

use super::arguments::{MergeArguments, Talk};
use super::{Code, options, save, saved, test};
use crate::report::Report;
use crate::report::merge::merge;

/// Reads every shard, merges them, and ends as the whole test would have.
pub(crate) fn run(arguments: &MergeArguments, talk: &Talk) -> anyhow::Result<Code> {
    let targets = arguments.report.iter().map(|text| options::report_target(text));
    let targets = targets.collect::<Result<Vec<_>, _>>()?;
    for path in targets.iter().filter_map(|target| target.path.as_deref()) {
        save::probe(path)?;
    }
    let mut reports = Vec::new();
    for file in &arguments.file {
        let name = file.display().to_string();
        let source = saved::read(file, &name)?;
        reports.push((name, Report::read_source(&source)?));
    }
    let report = merge(reports)?;
    save::report(&report, &targets, talk)?;
    Ok(test::code(report.outcome))
}
