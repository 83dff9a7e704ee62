//! A stranger's first day: whoever adds a scenario or a rule as CONTRIBUTING says
//! touches the files that it names and no other, and is told of each one forgotten.

#![allow(clippy::unwrap_used, reason = "a test that cannot be prepared fails")]

use crate::tidy::tree::Tree;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

/// A file, and what is in it afterwards of what was in it before.
type Step = (&'static str, Box<dyn Fn(&str) -> String>);

/// Something a stranger adds, by the steps of a section of CONTRIBUTING.
struct Addition {
    section: &'static str,
    steps: Vec<Step>,
}

fn step(file: &'static str, text: impl Fn(&str) -> String + 'static) -> Step {
    (file, Box::new(text))
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// A scenario like `public-decoy`.
fn scenario() -> Addition {
    let like = |text: String| text.replace("public-decoy", "first-day");
    Addition {
        section: "## A scenario",
        steps: vec![
            step("scenarios/first-day.toml", move |_| like(read("scenarios/public-decoy.toml"))),
            step("src/scenario/catalogue.rs", |before| {
                before.replace("    \"public-decoy\",\n", "    \"public-decoy\",\n    \"first-day\",\n")
            }),
            step("docs/scenarios.md", move |before| {
                let row = before.lines().find(|line| line.starts_with("| `public-decoy`")).unwrap();
                before.replace(row, &format!("{row}\n{}", like(row.to_owned())))
            }),
        ],
    }
}

/// A rule like `missing-integrity`.
fn rule() -> Addition {
    let like = |text: String| text.replace("missing-integrity", "first-day");
    Addition {
        section: "## A rule",
        steps: vec![
            step("src/finding/rules/first_day.rs", move |_| {
                like(read("src/finding/rules/missing_integrity.rs"))
            }),
            step("src/finding/rules/mod.rs", |before| {
                before.replace("    foreign_code_executed,\n", "    first_day,\n    foreign_code_executed,\n")
            }),
            step("docs/rules/first-day.md", move |_| like(read("docs/rules/missing-integrity.md"))),
            step("tests/fixtures/rules/first-day/case.toml", move |_| {
                like(read("tests/fixtures/rules/missing-integrity/case.toml"))
            }),
        ],
    }
}

/// What the checks look at, copied.
fn copy() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::copy(repository().join("ARCHITECTURE.md"), copy.path().join("ARCHITECTURE.md")).unwrap();
    for folder in ["src", "tests", "docs", "scenarios"] {
        for entry in walkdir::WalkDir::new(repository().join(folder)) {
            let entry = entry.unwrap();
            let to = copy.path().join(entry.path().strip_prefix(repository()).unwrap());
            if entry.file_type().is_dir() {
                fs::create_dir_all(to).unwrap();
            } else if entry.file_type().is_file() {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    copy
}

static BEFORE: LazyLock<Vec<String>> = LazyLock::new(|| Tree(repository()).violations());

/// Takes all steps but the one that is forgotten, and asks what is wrong then.
fn violations(addition: &Addition, forgotten: Option<&str>) -> Vec<String> {
    let copy = copy();
    for (file, text) in addition.steps.iter().filter(|(file, _)| Some(*file) != forgotten) {
        let path = copy.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let before = fs::read_to_string(&path).unwrap_or_default();
        let after = text(&before);
        assert_ne!(before, after, "{file}: the step changes nothing");
        fs::write(path, after).unwrap();
    }
    let mut wrong = Tree(copy.path()).violations();
    // What is wrong without the addition too is another test's.
    wrong.retain(|told| !BEFORE.contains(told));
    wrong
}

/// The files that the steps of a section of CONTRIBUTING name.
fn named(section: &str) -> BTreeSet<String> {
    let text = read("CONTRIBUTING.md");
    let text = text.split_once(section).unwrap().1;
    let text = text.split("\n## ").next().unwrap();
    let steps = text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    let literals = steps.flat_map(|line| line.split('`').skip(1).step_by(2));
    literals
        // A folder of tables is held by a test of its own, `no_scenario_is_without_a_row`.
        .filter(|word| word.contains('/') && !word.contains(' ') && !word.ends_with('/'))
        .map(|file| {
            // File names of Rust have `_` where names have `-`.
            let name = if file.starts_with("src/") { "first_day" } else { "first-day" };
            file.replace("NAME", name)
        })
        .collect()
}

fn check(addition: &Addition) {
    let steps: BTreeSet<String> = addition.steps.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(named(addition.section), steps, "CONTRIBUTING names other files than are needed");
    assert_eq!(violations(addition, None), Vec::<String>::new(), "all was done that CONTRIBUTING says");
    for (forgotten, _) in &addition.steps {
        let wrong = violations(addition, Some(forgotten));
        assert!(
            wrong.iter().any(|told| told.contains(forgotten)),
            "{forgotten} was forgotten, and told is\n{wrong:#?}"
        );
    }
}

#[test]
fn a_scenario_touches_what_contributing_names() {
    check(&scenario());
}

#[test]
fn a_rule_touches_what_contributing_names() {
    check(&rule());
}
