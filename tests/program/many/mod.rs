//! Several projects by the built program: which are tested, one report of all, what they
//! share, and what may be carried over from an earlier test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

mod carried;
mod ended;
mod inputs;
mod reports;
mod store;

use crate::support;
use crate::support::npm::in_empty_home;
use crate::support::project::{Outcome, outcome};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// One scenario that leaks in the leaky shop and not in the sealed one, and what it needs.
const SHORT: [&str; 2] = ["--scenario", "private-mapping-removed"];

/// A folder with projects in it, and a home.
struct Place {
    folder: TempDir,
    home: TempDir,
}

impl Place {
    /// `apps/leaky` and `apps/sealed`, or as many of either as are named.
    fn with(projects: &[&str]) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), home: tempfile::tempdir().unwrap() };
        for name in projects {
            let example = if name.contains("leaky") { "leaky-shop" } else { "sealed-shop" };
            copy(&support::root().join("examples").join(example), &place.path(name));
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Runs the program there.
    fn run(&self, words: &[&str]) -> Outcome {
        self.run_with(words, &[])
    }

    /// The same with variables.
    fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut command = std::process::Command::new(support::sealcheck());
        in_empty_home(&mut command, self.home.path());
        command
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", support::toolchain::cache())
            .stdin(std::process::Stdio::null())
            .args(words)
            .envs(variables.iter().copied());
        outcome(&mut command, None)
    }

    /// `sealcheck test` of one scenario.
    fn test(&self, words: &[&str]) -> Outcome {
        self.run(&[&["test"], &SHORT[..], words].concat())
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(Result::unwrap) {
        let there = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(there).unwrap();
        } else {
            fs::copy(entry.path(), there).unwrap();
        }
    }
}

/// The folders of a collection, in its order.
fn paths(collection: &Value) -> Vec<&str> {
    collection["projects"].as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap()).collect()
}
