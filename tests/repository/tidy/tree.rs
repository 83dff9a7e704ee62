//! What the tree is held to: which module may name which, where `unsafe` may stand,
//! how files are named and opened, and that every rule and every scenario has all its
//! parts.

use super::code::{heads, strip, supers, words};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The module table of ARCHITECTURE.md: a module names only modules of lower layers.
const LAYERS: [&[&str]; 7] = [
    &["door", "output", "text", "secret", "wire"],
    &["project"],
    &["scenario", "evidence", "environment"],
    &["plan", "drill", "compare", "upstream"],
    &["finding", "witness", "gateway", "sandbox", "toolchain"],
    &["runner", "report"],
    &["cli"],
];
/// Modules that reach no socket and no process, and what they may not name for it.
const PURE: [&str; 2] = ["finding", "report"];
const IMPURE: [&str; 5] = ["tokio", "reqwest", "hyper", "std::net", "std::process"];
/// Where `unsafe` may stand.
const UNSAFE: [&str; 2] = ["src/witness/", "src/sandbox/namespaces"];
/// Names that say nothing about what is in a file.
const NAMELESS: [&str; 9] =
    ["util", "utils", "helper", "helpers", "common", "misc", "imp", "stuff", "shared"];
const MOST_LINES: usize = 500;

/// A checkout of the repository.
pub(crate) struct Tree<'a>(pub(crate) &'a Path);

impl Tree<'_> {
    /// Everything that is wrong with it, each with what mends it.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for path in self.files("src", "rs").iter().chain(&self.files("tests", "rs")) {
            let text = self.read(path);
            let code = strip(&text);
            form(path, &text, &mut wrong);
            wording(path, &code, &mut wrong);
            layering(path, &code, &mut wrong);
        }
        self.rules(&mut wrong);
        self.scenarios(&mut wrong);
        self.table(&mut wrong);
        wrong
    }

    /// Paths below the root with `/` between parts, ordered; none where the folder is not there.
    pub(crate) fn files(&self, folder: &str, extension: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders: Vec<PathBuf> = vec![self.0.join(folder)];
        while let Some(next) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&next) else { continue };
            for entry in entries.map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|it| it == extension) {
                    found.push(path.strip_prefix(self.0).unwrap().to_str().unwrap().replace('\\', "/"));
                }
            }
        }
        found.sort();
        found
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.0.join(path)).unwrap_or_default()
    }

    /// File names without their ending, of one folder.
    fn stems(&self, folder: &str, extension: &str) -> BTreeSet<String> {
        self.files(folder, extension)
            .iter()
            .filter_map(|path| {
                path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(extension)?.strip_suffix('.')
            })
            .filter(|stem| !stem.contains('/'))
            .map(str::to_owned)
            .collect()
    }

    /// One rule is one file, one page and one fixture of the same name.
    fn rules(&self, wrong: &mut Vec<String>) {
        let folder = "src/finding/rules";
        let mut names: BTreeSet<String> = self.stems(folder, "rs");
        names.extend(self.files(folder, "rs").iter().filter_map(|path| {
            Some(path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix("/mod.rs")?.to_owned())
        }));
        names.remove("mod");
        if self.declares("finding") && names.is_empty() {
            wrong.push(format!("{folder}: there is no rule; each is a file of its own here"));
        }
        let table = strip(&self.read(&format!("{folder}/mod.rs")));
        let pages = self.stems("docs/rules", "md");
        let fixtures: BTreeSet<String> = std::fs::read_dir(self.0.join("tests/fixtures/rules"))
            .into_iter()
            .flatten()
            .map(Result::unwrap)
            .filter(|entry| entry.path().join("case.toml").is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let rules: BTreeSet<String> = names.iter().map(|name| name.replace('_', "-")).collect();
        for (name, rule) in names.iter().map(|name| (name, name.replace('_', "-"))) {
            if words(&table, name).is_empty() {
                wrong.push(format!("{folder}/{name}.rs: add `{name}` to the table in {folder}/mod.rs"));
            }
            let file = self.read(&format!("{folder}/{name}.rs"));
            if !file.is_empty() && !file.contains("fixture::check(") {
                wrong.push(format!(
                    "{folder}/{name}.rs: it has no test; let one call `crate::finding::fixture::check(super::RULE.name)`"
                ));
            }
            if !pages.contains(&rule) || self.read(&format!("docs/rules/{rule}.md")).trim().is_empty() {
                wrong.push(format!(
                    "docs/rules/{rule}.md: write it: what the rule means, why it matters, how to mend it"
                ));
            }
            if !fixtures.contains(&rule) {
                wrong.push(format!(
                    "tests/fixtures/rules/{rule}/case.toml: add the evidence that the rule's test is made on"
                ));
            }
        }
        for name in listed(&table).difference(&names) {
            wrong.push(format!("{folder}/{name}.rs: the table in {folder}/mod.rs names it; write it"));
        }
        for page in pages.difference(&rules) {
            wrong.push(format!(
                "docs/rules/{page}.md: there is no such rule; add {folder}/{}.rs or remove the page",
                page.replace('-', "_")
            ));
        }
        for fixture in fixtures.difference(&rules) {
            wrong.push(format!(
                "tests/fixtures/rules/{fixture}/case.toml: there is no such rule; add {folder}/{}.rs or remove the fixture",
                fixture.replace('-', "_")
            ));
        }
    }

    fn declares(&self, module: &str) -> bool {
        words(&strip(&self.read("src/lib.rs")), module).into_iter().next().is_some()
    }

    /// Every scenario's file is embedded and has its line in the docs.
    fn scenarios(&self, wrong: &mut Vec<String>) {
        let catalogue = self.read("src/scenario/catalogue.rs");
        let docs = self.read("docs/scenarios.md");
        let names = self.stems("scenarios", "toml");
        if names.is_empty() && catalogue.contains("include_str!") {
            wrong.push("scenarios: there is none; each is a TOML file here".to_owned());
        }
        for name in quoted(&catalogue).difference(&names) {
            wrong.push(format!(
                "scenarios/{name}.toml: FILES in src/scenario/catalogue.rs names it; write it or take the name out"
            ));
        }
        for name in rows(&docs).difference(&names) {
            wrong.push(format!(
                "scenarios/{name}.toml: docs/scenarios.md has a line for it; write it or take the line out"
            ));
        }
        for name in &names {
            if !quoted(&catalogue).contains(name) {
                wrong.push(format!(
                    "scenarios/{name}.toml: add \"{name}\" to FILES in src/scenario/catalogue.rs"
                ));
            }
            if !rows(&docs).contains(name) {
                wrong.push(format!("scenarios/{name}.toml: add a line for `{name}` to docs/scenarios.md"));
            }
            if !self
                .read(&format!("scenarios/{name}.toml"))
                .lines()
                .any(|line| line.trim() == format!("name = \"{name}\""))
            {
                wrong.push(format!("scenarios/{name}.toml: its `name` must be \"{name}\", as its file"));
            }
        }
    }

    /// The table in ARCHITECTURE.md is the one that is held.
    fn table(&self, wrong: &mut Vec<String>) {
        let text = self.read("ARCHITECTURE.md");
        let mut told: BTreeMap<String, usize> = BTreeMap::new();
        for line in text.lines() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            if let [_, layer, modules, ..] = cells[..]
                && let Ok(layer) = layer.parse()
            {
                told.extend(modules.split(',').map(|name| (name.trim().trim_matches('`').to_owned(), layer)));
            }
        }
        let held: BTreeMap<String, usize> = LAYERS
            .iter()
            .enumerate()
            .flat_map(|(at, layer)| layer.iter().map(move |name| (name.to_string(), at)))
            .collect();
        if told != held {
            wrong.push(format!("ARCHITECTURE.md: its table of modules is {told:?}, and tests/repository/tidy/ holds {held:?}; make them one"));
        }
    }
}

/// The module of the table that a file of `src` belongs to; `lib` and `main` belong to none.
fn module_of(path: &str) -> Option<&str> {
    let first = path.strip_prefix("src/")?.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(name, "lib" | "main")).then_some(name)
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

pub(crate) fn layering(path: &str, code: &str, wrong: &mut Vec<String>) {
    let Some(module) = module_of(path) else { return };
    let Some(own) = layer_of(module) else {
        wrong.push(format!(
            "{path}: module `{module}` is in no layer; give it one in ARCHITECTURE.md and in LAYERS of tests/repository/tidy/"
        ));
        return;
    };
    let named = heads(code, "crate").into_iter().chain(supers(path, code));
    for (line, other) in named {
        let Some(layer) = layer_of(&other).filter(|_| other != module) else { continue };
        if layer >= own {
            wrong.push(format!(
                "{path}:{line}: `{module}` (layer {own}) names `{other}` (layer {layer}); only lower layers may be \
                 named: move what both need below, or let a higher module hand it in"
            ));
        }
    }
    if PURE.contains(&module) {
        for name in IMPURE {
            let (first, rest) =
                name.split_once("::").map_or((name, None), |(first, rest)| (first, Some(rest)));
            let lines: Vec<usize> = match rest {
                Some(rest) => heads(code, first)
                    .into_iter()
                    .filter(|(_, head)| head == rest)
                    .map(|(line, _)| line)
                    .collect(),
                None => words(code, first),
            };
            for line in lines {
                wrong.push(format!(
                    "{path}:{line}: `{module}` names `{name}`, but reaches no socket and no process; do it in `runner` \
                     and hand in the result"
                ));
            }
        }
    }
}

pub(crate) fn wording(path: &str, code: &str, wrong: &mut Vec<String>) {
    for word in ["todo", "unimplemented", "dbg"] {
        for line in words(code, word) {
            if code_line(code, line).contains(&format!("{word}!")) {
                wrong.push(format!("{path}:{line}: `{word}!`; write what is missing or take it out"));
            }
        }
    }
    for line in words(code, "ignore") {
        if code_line(code, line).contains("#[ignore") {
            wrong.push(format!(
                "{path}:{line}: `#[ignore]`; a test that cannot be made here says what it lacks"
            ));
        }
    }
    if !path.starts_with("src/") {
        return;
    }
    if !UNSAFE.iter().any(|place| path.starts_with(place)) {
        for line in words(code, "unsafe") {
            wrong.push(format!(
                "{path}:{line}: `unsafe` stands only in {}; use a safe wrapper",
                UNSAFE.join(" and ")
            ));
        }
    }
    if path != "src/main.rs" && module_of(path) != Some("cli") {
        for line in words(code, "anyhow") {
            wrong.push(format!(
                "{path}:{line}: `anyhow` is for `cli` alone; add a variant to the module's own error"
            ));
        }
    }
}

fn code_line(code: &str, line: usize) -> &str {
    code.lines().nth(line - 1).unwrap_or_default()
}

pub(crate) fn form(path: &str, text: &str, wrong: &mut Vec<String>) {
    if !text.starts_with("//!") {
        wrong.push(format!("{path}:1: open with `//!`: what it is for and what it must not know"));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        wrong.push(format!(
            "{path}: {lines} lines, and {MOST_LINES} is the most; it is two things in one room"
        ));
    }
    for part in path.split('/') {
        let name = part.strip_suffix(".rs").unwrap_or(part);
        if NAMELESS.contains(&name) {
            wrong.push(format!("{path}: `{name}` says nothing; name it for the thing that is in it"));
        }
    }
}

/// The names in the table of rules.
fn listed(table: &str) -> BTreeSet<String> {
    let list = table.split_once("rules! {").and_then(|(_, rest)| rest.split_once('}'));
    let names = list.map(|(list, _)| list).unwrap_or_default().split(',');
    names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// The names in the list of embedded files.
fn quoted(catalogue: &str) -> BTreeSet<String> {
    let list = catalogue.split_once("= files![").and_then(|(_, rest)| rest.split_once("];"));
    let list = list.map(|(list, _)| list).unwrap_or_default();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names that begin a row of the table of scenarios.
fn rows(docs: &str) -> BTreeSet<String> {
    let table = docs.lines().skip_while(|line| !line.starts_with("| scenario |"));
    let table = table.take_while(|line| line.starts_with('|'));
    table.filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned())).collect()
}
