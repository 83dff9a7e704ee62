//! Projects of which it is known how many defences must fail together, from what is known
//! of npm: whether the suite `margin` finds that number and the smallest sets, with every npm.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "what a test prepares is its own, and what it shares with other tests it need not use whole"
)]

use crate::support;
use crate::support::npm::lacks_public_registry;
use crate::support::project::Builder;
use crate::support::toolchain;
use crate::truth::projects::{
    AT_PUBLIC, SCOPED, UNSCOPED, UNSCOPED_AT_PUBLIC, bare, by_default, by_sha1, leading_to, optional, scoped,
    unhashed, unmapped, unresolved,
};
use serde_json::Value;
use std::fmt::Write as _;

/// How many must fail, and the smallest sets, each as `mapping+resolved`.
type Told = (u64, &'static [&'static str]);

/// More than three at once are not tried.
const BEYOND: Told = (4, &[]);

/// Until a stranger's bytes are installed, and until its code runs.
#[derive(Clone, Copy)]
struct Margin {
    installed: Told,
    ran: Told,
}

struct Case {
    name: &'static str,
    project: Builder,
    /// With npm 10 and 11, which agree.
    older: Margin,
    /// With npm 12, which runs no script that nobody approved.
    twelve: Margin,
    /// The changes that are tried, up to the first that adds one, and what each comes to.
    changes: Changes,
}

/// With each npm: the defence added to, and what became of the margin.
type Changes = [&'static str; 3];

/// Who pins it knows the bytes.
const INTEGRITY_ADDS: Changes = ["integrity raised"; 3];
const RESOLVED_ADDS: Changes = ["resolved raised"; 3];
/// npm 10 knows no `allow-remote`, and npm 12 has it set. With npm 11 it refuses what a
/// `resolved` elsewhere leads to, and the sets that leak do so without one, or at the
/// registry that npm is configured for.
const CONTROLS_ADD_NONE: Changes = ["", "controls same", ""];

fn both(told: Told) -> Margin {
    Margin { installed: told, ran: told }
}

fn told(margin: &Value, number: &str, sets: &str) -> String {
    let set = |set: &Value| {
        let words: Vec<&str> = set.as_array().unwrap().iter().map(|loss| loss.as_str().unwrap()).collect();
        words.join("+")
    };
    let sets: Vec<String> = margin[sets].as_array().unwrap().iter().map(set).collect();
    format!("{} {sets:?}", margin[number])
}

fn changes(margin: &Value) -> String {
    let word = |of: &Value| of.as_str().unwrap().to_owned();
    let told = |change: &Value| format!("{} {}", word(&change["adds"]), word(&change["became"]));
    let all = margin["changes"].as_array().into_iter().flatten();
    all.map(told).collect::<Vec<_>>().join(", ")
}

fn hold(test: &str, cases: Vec<Case>) {
    if let Some(lack) = lacks_public_registry() {
        support::skip(&format!("margin::{test}"), lack);
        return;
    }
    let mut wrong = String::new();
    for (number, case) in cases.into_iter().enumerate() {
        // Neighbours differ little: a usual run takes every second one.
        if number % 2 == 1 && !support::everything() {
            continue;
        }
        let project = case.project.build();
        for (column, npm) in toolchain::in_turn(number) {
            let outcome = project.test(&["--suite", "margin", "--toolchain", npm]);
            let margin = &outcome.report["margin"];
            let found = changes(margin);
            if found != case.changes[column] {
                let _ =
                    writeln!(wrong, "{}, {npm}: {found:?} instead of {:?}", case.name, case.changes[column]);
            }
            let wanted = if npm == toolchain::NODE_22_NPM_12 { case.twelve } else { case.older };
            for (what, (least, sets), keys) in [
                ("installed", wanted.installed, ("at_least", "smallest")),
                ("ran", wanted.ran, ("at_least_to_run", "smallest_to_run")),
            ] {
                let wanted = format!("{least} {sets:?}");
                let found =
                    if margin.is_null() { "no margin".to_owned() } else { told(margin, keys.0, keys.1) };
                if wanted != found {
                    let _ = writeln!(wrong, "{}, {npm}, {what}: expected {wanted}, found {found}", case.name);
                    let _ = writeln!(wrong, "{}{}", outcome.stdout, outcome.stderr);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// With npm 12 the code runs only once the controls are lost as well.
fn npm_12_gates_scripts(older: Told, twelve_runs: Told) -> (Margin, Margin) {
    (both(older), Margin { installed: older, ran: twelve_runs })
}

fn case(name: &'static str, project: Builder, (older, twelve): (Margin, Margin), changes: Changes) -> Case {
    Case { name, project, older, twelve, changes }
}

#[test]
fn no_loss_is_needed() {
    const NONE: Told = (0, &[""]);
    let gated = npm_12_gates_scripts(NONE, (1, &["controls"]));
    // npm 12 refuses to install these at all: nothing is shown by what is refused anyhow.
    let refused = Margin { installed: (0, &[]), ran: (0, &[]) };
    hold(
        "none",
        vec![
            case(
                "S2: `resolved` is public in spite of the mapping",
                scoped().locked(SCOPED, leading_to(AT_PUBLIC, false)),
                (both(NONE), refused),
                ["", "controls broken", ""],
            ),
            case(
                "S3: the same without a mapping",
                unmapped().locked(UNSCOPED, leading_to(UNSCOPED_AT_PUBLIC, false)),
                gated,
                CONTROLS_ADD_NONE,
            ),
            case(
                "nothing pinned, nothing mapped",
                unmapped().locked(UNSCOPED, bare),
                gated,
                CONTROLS_ADD_NONE,
            ),
        ],
    );
}

#[test]
fn one_loss_is_needed() {
    const MAPPING: Told = (1, &["mapping"]);
    let gated = || npm_12_gates_scripts(MAPPING, (2, &["mapping+controls"]));
    let off = Margin { installed: MAPPING, ran: (2, &["mapping+controls"]) };
    hold(
        "one",
        vec![
            case("S1", scoped().locked(SCOPED, bare), gated(), INTEGRITY_ADDS),
            case(
                "S1 with a lockfile of version 2",
                scoped().lockfile_version(2).locked(SCOPED, bare),
                gated(),
                INTEGRITY_ADDS,
            ),
            case(
                "S4: sha1 alone, and no `resolved`",
                scoped().locked(SCOPED, by_sha1(SCOPED)).locked(SCOPED, unresolved),
                gated(),
                INTEGRITY_ADDS,
            ),
            case("S11: S1, optional", optional().locked(SCOPED, bare), gated(), INTEGRITY_ADDS),
            case("S1 by the default registry", by_default().locked(UNSCOPED, bare), gated(), INTEGRITY_ADDS),
            case(
                "S1 with scripts off",
                scoped().npmrc("ignore-scripts=true").locked(SCOPED, bare),
                (off, off),
                INTEGRITY_ADDS,
            ),
        ],
    );
}

#[test]
fn two_losses_are_needed() {
    let pair = |told: Told, runs: Told| npm_12_gates_scripts(told, runs);
    hold(
        "two",
        vec![
            case(
                "no `resolved`",
                scoped().locked(SCOPED, unresolved),
                pair((2, &["mapping+integrity"]), (3, &["mapping+integrity+controls"])),
                RESOLVED_ADDS,
            ),
            case(
                "no integrity",
                scoped().locked(SCOPED, unhashed),
                pair((2, &["mapping+resolved"]), (3, &["mapping+resolved+controls"])),
                INTEGRITY_ADDS,
            ),
            case(
                "S4 with `resolved`",
                scoped().locked(SCOPED, by_sha1(SCOPED)),
                pair((2, &["mapping+resolved"]), (3, &["mapping+resolved+controls"])),
                INTEGRITY_ADDS,
            ),
            case(
                "`npm install`, which does without a lockfile",
                scoped().settings("[install]\ncommand = \"npm install\""),
                pair((2, &["mapping+lockfile"]), (3, &["mapping+lockfile+controls"])),
                CONTROLS_ADD_NONE,
            ),
        ],
    );
}

#[test]
fn three_losses_are_needed() {
    const ALL: Told = (3, &["mapping+resolved+integrity"]);
    hold(
        "three",
        vec![
            case(
                "everything pinned and mapped",
                scoped(),
                npm_12_gates_scripts(ALL, BEYOND),
                CONTROLS_ADD_NONE,
            ),
            case(
                "the same by the default registry",
                by_default(),
                npm_12_gates_scripts(ALL, BEYOND),
                CONTROLS_ADD_NONE,
            ),
        ],
    );
}

#[test]
fn where_nothing_is_private_there_is_none_and_that_is_said() {
    if let Some(lack) = lacks_public_registry() {
        return support::skip("margin::nothing private", lack);
    }
    let project = support::project::Project::new()
        .dependency("left-over", "1.1.1")
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(support::package::Package::new("left-over", "1.1.1"))
        })
        .build();
    let outcome = project.test(&["--suite", "margin"]);
    assert!(outcome.report["margin"].is_null(), "{:#}", outcome.report["margin"]);
    let told = outcome.report["coverage"]["not_applicable"].to_string();
    assert!(told.contains("\"margin\"") && outcome.stdout.contains("margin: no package"), "{told}");
}
