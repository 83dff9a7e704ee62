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
mod pairwise;
mod peculiar;
mod plain;
mod product;
mod recording;
mod silent;
mod subject;
mod told;

use crate::support;
use crate::support::npm::lacks_public_registry;
use crate::support::toolchain::NODE_22_NPM_12;
use cell::{Compared, Subject, compare, tally};
use product::PRODUCT;
use silent::{Known, MAJORS, SILENT};
use subject::subject;

/// Each npm with a node that it runs on.
const TOOLCHAINS: [(&str, &str); 4] =
    [("8", "node@20,npm@8"), ("10", "node@20,npm@10"), ("11", "node@20,npm@11"), ("12", NODE_22_NPM_12)];

/// A part of a cell's name (`scoped × v3 with neither`), to try the subjects that have it.
fn chosen() -> Option<String> {
    std::env::var("SEALCHECK_TEST_CELLS").ok().filter(|part| !part.is_empty())
}

/// In a usual run as many cells as it takes for every two of project, condition and npm to
/// meet; all of them with `--everything`.
#[test]
fn every_cell_of_the_product_is_reported_as_it_was_observed() {
    const NAME: &str = "cells::product";
    if let Some(lack) = lacks_public_registry() {
        return support::skip(NAME, lack);
    }
    let chosen = chosen();
    let projects: Vec<(Subject, Vec<&str>)> = PRODUCT
        .iter()
        .map(|(config, lock, conditions)| {
            let mut conditions = conditions.concat();
            conditions.sort_unstable();
            conditions.dedup();
            (subject(*config, *lock), conditions)
        })
        .filter(|(subject, _)| chosen.as_ref().is_none_or(|part| subject.name.contains(part)))
        .collect();
    let all: Vec<pairwise::Cell<'_>> = projects
        .iter()
        .flat_map(|(subject, conditions)| {
            conditions
                .iter()
                .flat_map(|condition| TOOLCHAINS.map(|(npm, _)| [subject.name.as_str(), *condition, npm]))
        })
        .collect();
    let whole = support::everything() || chosen.is_some();
    let tried = if whole { all.iter().copied().collect() } else { pairwise::chosen(&all) };
    let mut cells: Vec<Compared> = Vec::new();
    for (subject, conditions) in &projects {
        for (npm, toolchain) in TOOLCHAINS {
            let mut conditions = conditions.clone();
            conditions.retain(|condition| tried.contains(&[subject.name.as_str(), *condition, npm]));
            if !conditions.is_empty() {
                cells.extend(compare(subject, &conditions, &[toolchain]));
            }
        }
    }
    let wrong = tally(NAME, &cells);
    assert!(wrong.is_empty(), "\n{wrong}");
    for (major, _) in TOOLCHAINS {
        let count = cells.iter().filter(|cell| cell.major() == major).count();
        let least = if whole { 120 } else { 40 };
        assert!(chosen.is_some() || count >= least, "npm {major}: {count} cells");
    }
}

/// With npm 6 and 7 too.
const ALL: [&str; 2] = ["node@20,npm@6,7,8,10,11", NODE_22_NPM_12];
/// What a usual run tries: the newest, and one of the others in turn for each project.
const USUAL: [[&str; 2]; 5] = [
    ["node@20,npm@6", NODE_22_NPM_12],
    ["node@20,npm@7", NODE_22_NPM_12],
    ["node@20,npm@8", NODE_22_NPM_12],
    ["node@20,npm@10", NODE_22_NPM_12],
    ["node@20,npm@11", NODE_22_NPM_12],
];

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
    let whole = support::everything() || chosen.is_some();
    for (at, (subject, known)) in told.chain(peculiar::all()).enumerate() {
        if chosen.as_ref().is_none_or(|part| subject.name.contains(part)) {
            let npms = if whole { &ALL } else { &USUAL[at % USUAL.len()] };
            cells.extend(compare_with(&subject, &known, npms));
        }
    }
    let wrong = tally(NAME, &cells);
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Compares, and holds each verdict against what is known of that npm.
fn compare_with(subject: &Subject, conditions: &[(&'static str, Known)], npms: &[&str]) -> Vec<Compared> {
    let names: Vec<&str> = conditions.iter().map(|(name, _)| *name).collect();
    let mut cells = compare(subject, &names, npms);
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
