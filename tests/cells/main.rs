//! Whether the program says of npm's installs what npm really did.
//!
//! Each cell is a condition, a lockfile and a configuration. Plain npm installs the
//! project at registries of the tests' own, whose log, with the disk and npm's exit,
//! is the truth. The program tests the same project under the same condition, and every
//! word of its report is held against that truth: nothing of it is written down here
//! beforehand.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "what a test prepares is its own, and what it shares with other tests it need not use whole"
)]

mod account;
mod cell;
mod observer;
mod plain;
#[path = "../support/mod.rs"]
mod support;

use cell::{Config, Lock, compare};

#[test]
fn a_lost_mapping_with_npm_11() {
    let scenarios = ["baseline", "private-mapping-removed"];
    let cells = compare(&Config::SCOPED, &Lock::BARE, &scenarios, support::toolchain::NODE_20_NPM_11);
    let wrong: Vec<_> = cells.iter().filter(|cell| !cell.wrong.is_empty()).collect();
    assert!(wrong.is_empty() && cells.len() == 2, "{wrong:#?}");
}
