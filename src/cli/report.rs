//! `sealcheck report`: a saved report in any format. Nothing is run and nothing judged.

use super::arguments::{ReportArguments, Talk};
use super::options::ReportFormat;
use super::save::several;
use super::{Code, print, save, saved};
use crate::report::collection::Saved;
use crate::report::sarif;
use crate::text::{Complaint, nearest};
use anyhow::Context;

/// Reads the report and writes it in the format. What it says is no matter of the exit code:
/// that of `test` said it.
pub(crate) fn run(arguments: &ReportArguments, talk: &Talk) -> anyhow::Result<Code> {
    let source = saved::read(&arguments.file, &arguments.file.display().to_string())?;
    let saved = picked(Saved::read_source(&source)?, arguments.project.as_deref())?;
    let path = arguments.output.as_deref().filter(|path| path.as_os_str() != "-");
    if let Some(path) = path {
        save::probe(path)?;
    }
    let report = match saved {
        Saved::One(report) => report,
        Saved::Many(all) => {
            several::possible(arguments.format)?;
            match path {
                None => several::print_all(&all, arguments.format, talk)?,
                Some(path) => several::write_all(&all, arguments.format, path, talk)
                    .with_context(|| format!("the report could not be written to `{}`", path.display()))?,
            }
            return Ok(Code::Good);
        }
    };
    let text = match (&arguments.below, arguments.format) {
        (Some(below), ReportFormat::Sarif) => sarif::render_below(&report, below)?,
        (_, format) => save::rendered(&report, format, path, talk)?,
    };
    match path {
        None => print(&text)?,
        Some(path) => save::write_whole(path, &text)
            .with_context(|| format!("the report could not be written to `{}`", path.display()))?,
    }
    Ok(Code::Good)
}

/// The report of the one project that is asked for.
fn picked(saved: Saved, project: Option<&str>) -> Result<Saved, Complaint> {
    let Some(project) = project else { return Ok(saved) };
    let all = match saved {
        Saved::One(_) => {
            return Err(
                Complaint::about("this is the report of one project alone").help("leave out `--project`")
            );
        }
        Saved::Many(all) => all,
    };
    let known: Vec<String> = all.projects.iter().map(|entry| entry.path.clone()).collect();
    match all.projects.into_iter().find(|entry| entry.path == project) {
        Some(entry) => Ok(Saved::One(Box::new(entry.report))),
        None => {
            let complaint = Complaint::about(format!("no project in it has the folder `{project}`"));
            Err(match nearest(project, known.iter().map(String::as_str)) {
                Some(near) => complaint.help(format!("did you mean `{near}`?")),
                None => complaint.help(format!("it has {}", known.join(", "))),
            })
        }
    }
}
