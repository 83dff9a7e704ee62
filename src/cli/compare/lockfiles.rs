//! `sealcheck compare --lockfile REV1..REV2`: what an update of the lockfile changes.

use super::revisions::{self, Revision};
use super::updates;
use crate::cli::arguments::{CompareArguments, CompareFormat, Talk};
use crate::cli::load::{self, Loaded};
use crate::cli::{Code, invoke, print, save, signals};
use crate::compare::lockfile;
use crate::project::class::{Classified, Facts, classify};
use crate::project::lockfile::left_out::Machine;
use crate::report::comparison::Agreement;
use crate::report::review::{Review, SCHEMA};
use crate::report::terminal;
use std::collections::BTreeMap;

/// Reads both lockfiles, installs both trees where that is not left out, and prints what differs.
pub(super) fn run(arguments: &CompareArguments, talk: &Talk) -> anyhow::Result<Code> {
    let runtime = load::runtime()?;
    let loaded = runtime.block_on(async {
        let (project, surroundings) = (&arguments.project, arguments.surroundings.clone());
        match arguments.no_install {
            true => load::load_unsigned(project, surroundings).await,
            false => load::load(project, surroundings).await,
        }
    })?;
    let (left, right) = revisions::read(&arguments.lockfile, &loaded.project.root)?;
    let (of_left, of_right) = (classes(&loaded, &left), classes(&loaded, &right));
    let (old, new) = (revision(&left, &of_left), revision(&right, &of_right));
    let platform = invoke::platform(&loaded);
    let here = Machine {
        libc: (platform.os == "linux").then_some(platform.libc),
        os: platform.os,
        cpu: platform.cpu,
        node: loaded.toolchain.node.clone(),
        npm: loaded.toolchain.npm.clone(),
    };
    let changes = lockfile::changes(&old, &new, &loaded.project.settings, &here);
    let installs = match arguments.no_install || is_same(&left, &right) {
        true => None,
        false => {
            let stop = signals::stop(&runtime, "runs");
            let both = updates::installs(&loaded, (&left, &right), &changes, talk, &stop);
            let installs = runtime.block_on(both)?;
            if *stop.borrow() {
                return Ok(Code::Interrupted);
            }
            Some(installs)
        }
    };
    // Tasks that still hold a socket must not hold the program.
    runtime.shutdown_background();
    let review = Review {
        schema: SCHEMA.to_owned(),
        agreement: Agreement::Equal,
        left: left.name.clone(),
        right: right.name.clone(),
        packages: (left.lockfile.entries.len(), right.lockfile.entries.len()),
        changes,
        silences: lockfile::silences(&old, &new),
        installs,
    }
    .settle();
    match arguments.format {
        CompareFormat::Text => print(&terminal::review(&review, save::look(talk)))?,
        CompareFormat::Json => print(&format!("{:#}\n", serde_json::to_value(&review)?))?,
    }
    Ok(match review.agreement {
        Agreement::Equal => Code::Good,
        Agreement::Differs => Code::Bad,
        Agreement::Unobserved => Code::Unobserved,
    })
}

/// Whether npm would read the same files on both sides.
fn is_same(left: &Revision, right: &Revision) -> bool {
    let texts = |of: &Revision| -> Vec<(String, String)> {
        of.manifests.iter().map(|(at, it)| (at.clone(), it.source.text().to_owned())).collect()
    };
    left.lockfile.source.text() == right.lockfile.source.text() && texts(left) == texts(right)
}

fn classes(loaded: &Loaded, revision: &Revision) -> BTreeMap<String, Classified> {
    let project = &loaded.project;
    classify(&Facts {
        lockfile: &revision.lockfile,
        config: &project.config,
        settings: &project.settings,
        public: &project.public,
        signatures: None,
    })
}

fn revision<'a>(of: &'a Revision, classes: &'a BTreeMap<String, Classified>) -> lockfile::Revision<'a> {
    lockfile::Revision { lockfile: &of.lockfile, classes, manifests: &of.manifests }
}
