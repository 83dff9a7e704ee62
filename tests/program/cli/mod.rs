//! The program as a shell sees it: exit codes, what stands on which stream, where
//! options come from, and that no command writes more than it says.

#![allow(clippy::unwrap_used, reason = "a test that cannot be prepared fails")]

mod commands;
mod formats;
mod lacks;
mod options;
mod refusals;
mod reports;

use crate::support;
use crate::support::project::{Outcome, Project};
use std::collections::BTreeMap;
use std::path::Path;

/// A copy of the leaky shop, to be run on and changed.
fn shop() -> Project {
    Project::copied(&support::root().join("examples/leaky-shop"), &[])
}

/// Only the baseline and the control that comes with it.
const SHORT: [&str; 2] = ["--scenario", "baseline"];

/// Every file below a folder with its bytes.
fn snapshot(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    entries
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| (entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// The exit code is 2, nothing is on standard output, and every part is in the message.
fn assert_refused(told: &Outcome, parts: &[&str]) {
    assert_eq!(told.status, Some(2), "{told:?}");
    assert_eq!(told.stdout, "", "{told:?}");
    for part in parts {
        assert!(told.stderr.contains(part), "`{part}` is not in\n{}", told.stderr);
    }
}

fn assert_good(told: &Outcome) {
    assert_eq!(told.status, Some(0), "{told:?}");
}
