//! Where reports go: files, standard output, the terminal. What was recorded is shown
//! even where a file cannot be written.

pub(super) mod several;

use super::arguments::{Color, Talk};
use super::options::{ReportFormat, ReportTarget};
use super::{print, say};
use crate::report::model::Report;
use crate::report::terminal::{self, Look};
use crate::report::{html, intoto, junit, markdown, sarif};
use crate::text::Complaint;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::NamedTempFile;

/// A report that could not be written after the runs.
#[derive(Debug, thiserror::Error)]
#[error("the report could not be written to `{path}`, so only what is shown is left of it")]
struct Unsaved {
    path: String,
    source: io::Error,
}

/// Complains before anything runs about a path at which no report can be put. Leaves
/// nothing there.
pub(super) fn probe(path: &Path) -> Result<(), Complaint> {
    let bad = |error: &dyn std::fmt::Display| {
        Err(Complaint::about(format!("no report can be written to `{}`: {error}", path.display()))
            .help("name a file in a folder that can be written to"))
    };
    if path.is_dir() {
        return bad(&"it is a folder");
    }
    let mut folder = folder(path);
    while !folder.exists() {
        match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => folder = parent,
            Some(_) | None => folder = Path::new("."),
        }
    }
    match NamedTempFile::new_in(folder) {
        Ok(_) => Ok(()),
        Err(error) => bad(&error),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes every report that was asked for and shows the terminal's, on standard error
/// where a report has standard output for itself.
pub(super) fn report(report: &Report, targets: &[ReportTarget], talk: &Talk) -> anyhow::Result<()> {
    let Written { saved, unsaved, taken } = written(report, targets, talk)?;
    let text = terminal::render(report, look(talk), Some(&saved));
    match (taken, talk.quiet) {
        (false, _) => print(&text)?,
        (true, false) => say(&text),
        (true, true) => {}
    }
    unsaved.map_or(Ok(()), |error| Err(error.into()))
}

/// Writes every report that was asked for and shows nothing else.
pub(super) fn files(report: &Report, targets: &[ReportTarget], talk: &Talk) -> anyhow::Result<()> {
    written(report, targets, talk)?.unsaved.map_or(Ok(()), |error| Err(error.into()))
}

struct Written {
    /// Formats and paths.
    saved: Vec<(String, String)>,
    unsaved: Option<Unsaved>,
    /// Standard output has one.
    taken: bool,
}

fn written(report: &Report, targets: &[ReportTarget], talk: &Talk) -> anyhow::Result<Written> {
    let mut written = Written { saved: Vec::new(), unsaved: None, taken: false };
    for target in targets {
        let text = rendered(report, target.format, target.path.as_deref(), talk)?;
        match &target.path {
            None => {
                written.taken = true;
                print(&text)?;
            }
            Some(path) => {
                let path_text = path.display().to_string();
                match write_whole(path, &text) {
                    Ok(()) => written.saved.push((target.format.name().to_owned(), path_text)),
                    Err(source) => written.unsaved = Some(Unsaved { path: path_text, source }),
                }
            }
        }
    }
    Ok(written)
}

/// A report in a format. The terminal's is for standard output as it is, and plain in a file.
pub(super) fn rendered(
    report: &Report,
    format: ReportFormat,
    path: Option<&Path>,
    talk: &Talk,
) -> anyhow::Result<String> {
    Ok(match (format, path) {
        (ReportFormat::Terminal, None) => terminal::render(report, look(talk), None),
        (ReportFormat::Terminal, Some(_)) => {
            let verbose = talk.verbose > 0;
            terminal::render(report, Look { verbose, ..Look::PLAIN }, None)
        }
        (ReportFormat::Json, _) => report.to_json()?,
        (ReportFormat::Html, _) => html::render(report)?,
        (ReportFormat::Markdown, _) => markdown::render(report),
        (ReportFormat::Junit, _) => junit::render(report),
        (ReportFormat::Sarif, _) => sarif::render(report)?,
        (ReportFormat::Intoto, _) => intoto::render(report)?,
    })
}

/// How standard output is, after what the user wants of it.
pub(super) fn look(talk: &Talk) -> Look {
    let mut look = Look { verbose: talk.verbose > 0, ..Look::of_stdout() };
    match talk.color.unwrap_or(Color::Auto) {
        Color::Auto => {}
        Color::Always => look.color = true,
        Color::Never => look.color = false,
    }
    look
}

/// A report is there whole or not at all, whatever happens in between.
pub(super) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    write_whole_by(path, |out| out.write_all(text.as_bytes()))
}

/// The same of what is written piece by piece.
fn write_whole_by(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = folder(path);
    std::fs::create_dir_all(folder)?;
    let file = NamedTempFile::new_in(folder)?;
    let mut out = io::BufWriter::new(file.as_file());
    write(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
