//! The tree is held to its own rules: which module may name which, where
//! `unsafe` may stand, how files are named and opened, and that every rule and
//! every scenario has all its parts. All violations are told at once, each with
//! what mends it. ARCHITECTURE.md has the reasons.

#![allow(clippy::unwrap_used, reason = "a test that cannot read the tree ends there")]

mod code;
pub mod tree;

use code::strip;
use std::path::Path;
use tree::{Tree, form, layering, wording};

#[test]
fn the_tree_is_tidy() {
    let tree = Tree(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(tree.files("src", "rs").len() > 20, "the sources were not found");
    let wrong = tree.violations();
    assert!(wrong.is_empty(), "{} violations\n\n{}\n", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_check_can_refuse() {
    let mut wrong = Vec::new();
    let bad = "use crate::{cli::Options, text};\nfn f() { unsafe { todo!() } anyhow::bail!() }\n#[ignore]\nuse std::{fs, process::Command};\nuse tokio::fs;\nuse super::super::runner::X;";
    layering("src/report/x.rs", bad, &mut wrong);
    wording("src/report/x.rs", bad, &mut wrong);
    form("src/report/utils.rs", &"x\n".repeat(501), &mut wrong);
    layering("src/stray.rs", "", &mut wrong);
    layering("src/gateway/x.rs", "crate::witness::y", &mut wrong);
    let all = wrong.join("\n");
    for part in [
        "names `cli`",
        "names `runner`",
        "names `tokio`",
        "names `std::process`",
        "`todo!`",
        "`#[ignore]`",
        "`unsafe` stands only",
        "`anyhow` is for",
        "open with `//!`",
        "501 lines",
        "`utils` says nothing",
        "`stray` is in no layer",
        "`gateway` (layer 4) names `witness`",
    ] {
        assert!(all.contains(part), "{part}\n{all}");
    }
    assert_eq!(wrong.len(), 13, "{all}");
}

#[test]
fn what_is_right_is_left_alone() {
    let mut wrong = Vec::new();
    let good = "use crate::{evidence::{fact, exchange}, text::Place};\nuse super::model;\n// todo! unsafe\nlet a = \"unsafe anyhow\";";
    let code = strip(good);
    layering("src/report/x.rs", &code, &mut wrong);
    wording("src/report/x.rs", &code, &mut wrong);
    form("src/report/x.rs", "//! A thing.\n", &mut wrong);
    wording("src/witness/x.rs", "unsafe {}", &mut wrong);
    wording("src/cli/mod.rs", "anyhow::Result", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:?}");
}
