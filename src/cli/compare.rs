//! `sealcheck compare`: what two files or two lockfiles are, and who compares them.
//!
//! Nothing is compared here. A file says itself what it is, by its `schema`.

mod accepted;
mod clean;
mod environments;
mod laboratory;
mod lockfiles;
mod rebuild;
mod reports;
mod revisions;
mod told;
mod updates;

use super::arguments::{CompareArguments, Talk};
use super::{Code, saved};
use crate::report::model;
use crate::text::{Complaint, Source};
use serde::Deserialize;
use std::path::Path;

/// Compares what was named, and prints what differs.
pub(crate) fn run(arguments: CompareArguments, talk: &Talk) -> anyhow::Result<Code> {
    if arguments.clean {
        return clean::run(&arguments, talk);
    }
    if !arguments.lockfile.is_empty() {
        return lockfiles::run(&arguments, talk);
    }
    let [left, right] = arguments.sides.as_slice() else {
        return Err(Complaint::about("two files are compared, and two were not named")
            .help("name two saved reports, or compare lockfiles with `--lockfile REV1..REV2`")
            .into());
    };
    let (left, right) = (Side::open(left)?, Side::open(right)?);
    match (left.kind, right.kind) {
        (Kind::Report, Kind::Report) => reports::run(&left.source, &right.source, &arguments, talk),
        // Captured environments, and this machine, are compared by being rebuilt.
        (Kind::Environment | Kind::Here, Kind::Environment | Kind::Here) => {
            let source = |side: &Side| (side.kind == Kind::Environment).then(|| side.source.clone());
            environments::run(source(&left).as_ref(), source(&right).as_ref(), &arguments, talk)
        }
        (Kind::Baseline, Kind::Report) => accepted::report(&left.source, &right.source, &arguments, talk),
        (Kind::Report, Kind::Baseline) => accepted::report(&right.source, &left.source, &arguments, talk),
        (Kind::Baseline, Kind::Baseline) => {
            accepted::baselines(&left.source, &right.source, &arguments, talk)
        }
        (Kind::Report | Kind::Baseline, Kind::Environment | Kind::Here)
        | (Kind::Environment | Kind::Here, Kind::Report | Kind::Baseline) => {
            Err(Complaint::about(format!("{} and {} cannot be compared", left.words(), right.words()))
                .help(
                    "name two saved reports, a report and an accepted baseline, or two captured environments",
                )
                .into())
        }
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `sealcheck/report/…`
    Report,
    /// `sealcheck/lock/…`
    Baseline,
    /// `sealcheck/environment/…`
    Environment,
    /// `.`: the machine that the program runs on.
    Here,
}

/// One of the two that are compared.
struct Side {
    /// As the user named it.
    name: String,
    kind: Kind,
    /// Its text; empty of this machine.
    source: Source,
}

impl Side {
    fn open(path: &Path) -> Result<Self, Complaint> {
        let name = path.display().to_string();
        if path == Path::new(".") {
            return Ok(Self { source: Source::new(name.clone(), ""), name, kind: Kind::Here });
        }
        let source = saved::read(path, &name)?;
        let kind = kind(&source)?;
        Ok(Self { name, kind, source })
    }

    fn words(&self) -> String {
        match self.kind {
            Kind::Report => format!("the report `{}`", self.name),
            Kind::Baseline => format!("the accepted baseline `{}`", self.name),
            Kind::Environment => format!("the captured environment `{}`", self.name),
            Kind::Here => "this machine".to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct Said {
    schema: Option<String>,
}

/// What a file says that it is. What is no JSON at all is said by who reads reports.
fn kind(source: &Source) -> Result<Kind, Complaint> {
    let said = serde_json::from_str::<Said>(source.text()).ok().and_then(|said| said.schema);
    let family = said.as_deref().and_then(|schema| schema.strip_prefix("sealcheck/"));
    match family.and_then(|family| family.split('/').next()) {
        Some("lock") => Ok(Kind::Baseline),
        Some("environment") => Ok(Kind::Environment),
        Some("report") => Ok(Kind::Report),
        Some(_) | None => match model::Report::read_source(source) {
            Ok(_) => Ok(Kind::Report),
            Err(complaint) => Err(complaint),
        },
    }
}
