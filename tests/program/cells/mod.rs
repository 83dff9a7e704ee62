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
mod judge;
mod observer;
mod peculiar;
mod plain;
mod product;
mod silent;
mod subject;

use crate::support;
use crate::support::npm::lacks_public_registry;
use crate::support::toolchain::NODE_22_NPM_12;
use cell::{Compared, Subject, compare, tally};
use product::PRODUCT;
use silent::{Known, MAJORS, SILENT};
use subject::subject;

/// The npms of node 20, oldest first, and the one that needs a newer node.
const TOOLCHAINS: [&str; 2] = ["node@20,npm@8,10,11", NODE_22_NPM_12];

/// A part of a cell's name (`scoped × v3 with neither`), to try the subjects that have it.
fn chosen() -> Option<String> {
    std::env::var("SEALCHECK_TEST_CELLS").ok().filter(|part| !part.is_empty())
}

#[test]
fn every_cell_of_the_product_is_reported_as_it_was_observed() {
    const NAME: &str = "cells::product";
    if let Some(lack) = lacks_public_registry() {
        return support::skip(NAME, lack);
    }
    let chosen = chosen();
    let mut cells: Vec<Compared> = Vec::new();
    for (config, lock, conditions) in PRODUCT {
        let subject = subject(*config, *lock);
        if chosen.as_ref().is_none_or(|part| subject.name.contains(part)) {
            let mut conditions = conditions.concat();
            conditions.sort_unstable();
            conditions.dedup();
            cells.extend(compare(&subject, &conditions, &TOOLCHAINS));
        }
    }
    let wrong = tally(NAME, &cells);
    assert!(wrong.is_empty(), "\n{wrong}");
    for major in ["8", "10", "11", "12"] {
        let count = cells.iter().filter(|cell| cell.major() == major).count();
        assert!(chosen.is_some() || count >= 120, "npm {major}: {count} cells");
    }
}

/// With npm 6 and 7 too.
const ALL: [&str; 2] = ["node@20,npm@6,7,8,10,11", NODE_22_NPM_12];

#[test]
fn the_twenty_silent_failures_are_reported_as_they_were_observed() {
    const NAME: &str = "cells::silent";
    if let Some(lack) = lacks_public_registry() {
        return support::skip(NAME, lack);
    }
    let told = SILENT.iter().map(|silent| {
        let mut subject = subject(silent.config, silent.lock);
        subject.name = format!("{}, {}", silent.numbers, subject.name);
        (subject, silent.conditions.to_vec())
    });
    let chosen = chosen();
    let mut cells: Vec<Compared> = Vec::new();
    for (subject, known) in told.chain(peculiar::all()) {
        if chosen.as_ref().is_none_or(|part| subject.name.contains(part)) {
            cells.extend(compare_with(&subject, &known));
        }
    }
    let wrong = tally(NAME, &cells);
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Compares, and holds each verdict against what is known of that npm.
fn compare_with(subject: &Subject, conditions: &[(&'static str, Known)]) -> Vec<Compared> {
    let names: Vec<&str> = conditions.iter().map(|(name, _)| *name).collect();
    let mut cells = compare(subject, &names, &ALL);
    for cell in &mut cells {
        let at = MAJORS.iter().position(|major| *major == cell.major()).unwrap();
        let known = conditions.iter().find(|(name, _)| *name == cell.scenario);
        if let Some(word) = known.map(|(_, known)| known[at]).filter(|word| !word.is_empty())
            && word != cell.verdict
        {
            cell.wrong.push(format!("known to be {word}, and is reported {}", cell.verdict));
        }
    }
    cells
}
