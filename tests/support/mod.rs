//! What tests with a process share: the executable, and saying that something
//! could not be tested.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test that cannot be prepared fails; it has no callers outside its own crate"
)]

pub mod agree;
pub mod comparable;
pub mod lockfile;
pub mod npm;
pub mod ordinary;
pub mod own_registry;
pub mod package;
pub mod place;
pub mod project;
pub mod schema;
pub mod told;
pub mod toolchain;
pub mod verdaccio;

use std::path::{Path, PathBuf};

/// The executable under test.
pub fn sealcheck() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_sealcheck"))
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo's target folder, for what tests keep between their runs.
pub fn target() -> &'static Path {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Below it there is a folder of each target triple with a tag of its own.
    tmp.ancestors().filter(|folder| folder.join("CACHEDIR.TAG").exists()).last().unwrap_or(tmp)
}

/// Whether what a usual run leaves to a nightly one is tried too (`./tests/run --everything`).
pub fn everything() -> bool {
    std::env::var_os("SEALCHECK_TEST_EVERYTHING").is_some_and(|value| !value.is_empty())
}

/// Says something of a test that a reader of its output wants to know.
pub fn say(what: &str) {
    eprintln!("{what}");
}

/// Says that a test cannot be made here. The test run shows it at its end; with
/// `SEALCHECK_NO_SKIPS` set it is a failure.
pub fn skip(test: &str, lacks: &str) {
    assert!(std::env::var_os("SEALCHECK_NO_SKIPS").is_none(), "{test} must not be skipped here: {lacks}");
    if let Some(list) = std::env::var_os("SEALCHECK_SKIPS")
        && let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(list)
    {
        let _ = std::io::Write::write_all(&mut file, format!("{test}: {lacks}\n").as_bytes());
    }
    eprintln!("SKIPPED {test}: {lacks}");
}
