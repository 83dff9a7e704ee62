//! The same for several projects: one report of all.

use super::super::{print, print_by, say};
use super::{Unsaved, look, probe, write_by};
use crate::cli::arguments::Talk;
use crate::cli::options::{ReportFormat, ReportTarget};
use crate::report::collection::{Collection, Entry};
use crate::report::terminal::{self, Look};
use crate::report::{html, junit, markdown, sarif};
use crate::text::Complaint;
use std::io::{self, Write};
use std::path::Path;

/// As [`probe`], for every report that is asked for.
pub(crate) fn probe_all(targets: &[ReportTarget]) -> Result<(), Complaint> {
    targets.iter().try_for_each(|target| possible(target.format))?;
    targets.iter().filter_map(|target| target.path.as_deref()).try_for_each(probe)
}

/// Complains about a format in which there is no report of several.
pub(crate) fn possible(format: ReportFormat) -> Result<(), Complaint> {
    match format {
        ReportFormat::Intoto => Err(Complaint::about(
            "an in-toto statement is of one project, and these are several",
        )
        .help(
            "keep `--report json=ALL`; `sealcheck report ALL --project PATH --format intoto` makes one of it",
        )),
        ReportFormat::Terminal
        | ReportFormat::Json
        | ReportFormat::Html
        | ReportFormat::Markdown
        | ReportFormat::Junit
        | ReportFormat::Sarif => Ok(()),
    }
}

/// Writes every report that was asked for and shows the terminal's.
pub(crate) fn collection(all: &Collection, targets: &[ReportTarget], talk: &Talk) -> anyhow::Result<()> {
    let (mut saved, mut unsaved, mut taken) = (Vec::new(), None, false);
    for target in targets {
        match &target.path {
            None => {
                taken = true;
                print_all(all, target.format, talk)?;
            }
            Some(path) => {
                let path_text = path.display().to_string();
                let write = |out: &mut dyn Write| write(all, target.format, Some(path), talk, out);
                match write_by(path, write) {
                    Ok(()) => saved.push((target.format.name().to_owned(), path_text)),
                    Err(source) => unsaved = Some(Unsaved { path: path_text, source }),
                }
            }
        }
    }
    let text = terminal::collection(all, look(talk), Some(&saved));
    match (taken, talk.quiet) {
        (false, _) => print(&text)?,
        (true, false) => say(&text),
        (true, true) => {}
    }
    unsaved.map_or(Ok(()), |error| Err(error.into()))
}

/// To standard output. A reader that closed the pipe is no error.
pub(crate) fn print_all(all: &Collection, format: ReportFormat, talk: &Talk) -> anyhow::Result<()> {
    print_by(|out| write(all, format, None, talk, out))
}

/// To a file, whole or not at all.
pub(crate) fn write_all(all: &Collection, format: ReportFormat, path: &Path, talk: &Talk) -> io::Result<()> {
    write_by(path, |out| write(all, format, Some(path), talk, out))
}

/// JSON goes out piece by piece: it has the evidence of every project.
fn write(
    all: &Collection,
    format: ReportFormat,
    path: Option<&Path>,
    talk: &Talk,
    mut out: &mut dyn Write,
) -> io::Result<()> {
    let text = match (format, path) {
        (ReportFormat::Json, _) => return all.write_json(&mut out),
        (ReportFormat::Terminal, None) => terminal::collection(all, look(talk), None),
        (ReportFormat::Terminal, Some(_)) => {
            let verbose = talk.verbose > 0;
            terminal::collection(all, Look { verbose, ..Look::PLAIN }, None)
        }
        (ReportFormat::Markdown, _) => markdown::render_all(all),
        (ReportFormat::Junit, _) => junit::render_all(all),
        (ReportFormat::Sarif, _) => sarif::render_all(all)?,
        (ReportFormat::Html, _) => {
            let pages: Vec<html::Page<'_>> = all.projects.iter().map(page).collect();
            return html::write_all(&pages, &all.missing, &mut out);
        }
        (ReportFormat::Intoto, _) => return Err(io::Error::other("a statement is of one project")),
    };
    out.write_all(text.as_bytes())
}

fn page(entry: &Entry) -> html::Page<'_> {
    html::Page {
        title: &entry.path,
        carried: entry.carried.as_ref().map(|carried| carried.started.as_str()),
        report: &entry.report,
    }
}
