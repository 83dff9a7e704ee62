//! What scripts do in one equal run and not in another: names made up anew each time,
//! and what happens now and then.
//!
//! Pure. Like its parent it says what varies and not whether that is bad.

use super::side::Install;
use crate::evidence::fact::{Connection, Evidence};
use crate::wire::Change;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What of a run varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// That a lifecycle script runs.
    Script,
    /// The command of a process below one.
    Process,
    /// Where a script connects to.
    Connection,
    /// A file that a script adds, changes or removes.
    File,
}

/// Something that is not the same in all of several equal runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Varying {
    /// What it is.
    pub kind: Kind,
    /// The path of the package whose script it was; of a file, in whose folder it lies.
    pub package: Option<String>,
    /// Its text; `*` stands for what is another each time.
    pub what: String,
    /// In how many of the runs there was something of this text.
    pub seen: usize,
    /// Of how many.
    pub of: usize,
}

impl Varying {
    /// Whether a fact is one of those that vary so.
    pub(super) fn covers(&self, fact: &Fact) -> bool {
        let (kind, package, text) = fact;
        self.kind == *kind && self.package == *package && fits(&self.what, text)
    }

    /// It is always there, and only its name is another each time.
    pub fn in_name_only(&self) -> bool {
        self.seen == self.of
    }
}

/// Something that a script did: its kind, the path of the package whose it is, the text.
pub(super) type Fact = (Kind, Option<String>, String);
/// What kind, whose, and the text without its letters and digits.
type Shape<'a> = (Kind, Option<&'a str>, String);

/// Whether a run was seen whole. What was not seen of another may have happened all the
/// same, and would be taken for what varies.
pub fn seen_whole(run: &Evidence) -> bool {
    run.cut_short.is_none() && run.exit.is_some() && !run.gaps.iter().any(|gap| gap.hides_answer)
}

/// What varies between runs of one thing that were seen whole, ordered; nothing where there are fewer than two.
pub fn varying(runs: &[&Evidence]) -> Vec<Varying> {
    let each: Vec<BTreeSet<Fact>> = runs.iter().map(|run| facts(&Install::from(*run))).collect();
    among(&each)
}

/// What varies between the facts of equal runs.
pub(super) fn among(each: &[BTreeSet<Fact>]) -> Vec<Varying> {
    let mut counted: BTreeMap<&Fact, usize> = BTreeMap::new();
    for fact in each.iter().flatten() {
        *counted.entry(fact).or_default() += 1;
    }
    // By what they look like: the same but for letters and digits.
    let mut alike: BTreeMap<Shape<'_>, Vec<(&Fact, usize)>> = BTreeMap::new();
    for (fact, seen) in counted.into_iter().filter(|(_, seen)| *seen < each.len()) {
        let key = (fact.0, fact.1.as_deref(), shape(fact));
        alike.entry(key).or_default().push((fact, seen));
    }
    let mut found: Vec<Varying> = alike.into_values().flat_map(|group| told(&group, each)).collect();
    found.sort();
    found
}

/// One line for names made up anew in each run, else one for each fact.
fn told(group: &[(&Fact, usize)], each: &[BTreeSet<Fact>]) -> Vec<Varying> {
    let of = each.len();
    let line = |fact: &Fact, what: String, seen: usize| {
        let (kind, package, _) = fact;
        Varying { kind: *kind, package: package.clone(), what, seen, of }
    };
    let mut counts = each.iter().map(|facts| group.iter().filter(|(fact, _)| facts.contains(*fact)).count());
    let first = counts.next().unwrap_or(0);
    let even = first > 0 && counts.all(|count| count == first);
    // What is made up anew is never the same again.
    let anew = group.iter().all(|(_, seen)| *seen == 1);
    match group {
        [(fact, _), ..] if even && anew && is_made_up(fact) => {
            let texts: Vec<_> = group.iter().map(|(fact, _)| words(&fact.2)).collect();
            vec![line(fact, pattern(&texts), of)]
        }
        group => group.iter().map(|(fact, seen)| line(fact, fact.2.clone(), *seen)).collect(),
    }
}

/// Which script ran is no name that anything makes up, and neither is the name of a file
/// that was there before.
fn is_made_up(fact: &Fact) -> bool {
    match fact.0 {
        Kind::Script => false,
        Kind::File => fact.2.starts_with(ADDED),
        Kind::Process | Kind::Connection => true,
    }
}

/// A text without its letters and digits, where they can be made up.
fn shape(fact: &Fact) -> String {
    let (made_up, text) = (is_made_up(fact), fact.2.as_str());
    let (kept, text) = match text.strip_prefix(ADDED) {
        Some(path) if fact.0 == Kind::File => (ADDED, path),
        Some(_) | None => ("", text),
    };
    let words = words(text).into_iter();
    let shape: String = words.map(|(word, is_name)| if is_name && made_up { "*" } else { word }).collect();
    format!("{kept}{shape}")
}

/// How the text of an added file begins.
const ADDED: &str = "added ";

/// Where all have the same word it stays, else `*`.
fn pattern(texts: &[Vec<(&str, bool)>]) -> String {
    let Some((first, rest)) = texts.split_first() else { return String::new() };
    let same =
        |at: usize, word: &str| rest.iter().all(|text| text.get(at).is_some_and(|(it, _)| *it == word));
    first.iter().enumerate().map(|(at, (word, _))| if same(at, word) { *word } else { "*" }).collect()
}

/// Whether a text fits a pattern, in which `*` stands for one word.
fn fits(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    loop {
        let (Some(wanted), Some(found)) = (pattern.chars().next(), text.chars().next()) else {
            return pattern.is_empty() && text.is_empty();
        };
        if wanted == '*' && found.is_alphanumeric() {
            text = text.trim_start_matches(char::is_alphanumeric);
        } else if wanted == found {
            text = &text[found.len_utf8()..];
        } else {
            return false;
        }
        pattern = &pattern[wanted.len_utf8()..];
    }
}

/// A text in words of letters and digits (`true`) and what is between them.
fn words(text: &str) -> Vec<(&str, bool)> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_name = first.is_alphanumeric();
        let end = rest.find(|c: char| c.is_alphanumeric() != is_name).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push((word, is_name));
        rest = after;
    }
    words
}

/// What scripts did in a run.
pub(super) fn facts(run: &Install<'_>) -> BTreeSet<Fact> {
    let by_id: BTreeMap<_, _> = run.processes.iter().map(|process| (process.id, process)).collect();
    let mut facts = BTreeSet::new();
    for process in run.processes.iter().filter(|process| process.event.is_some()) {
        let package = process.package.as_deref().map(settled);
        let event = process.event.clone().unwrap_or_default();
        let parent = process.parent.and_then(|id| by_id.get(&id));
        let (kind, what) = match parent.is_some_and(|parent| parent.event.is_some()) {
            true => (Kind::Process, format!("{event}: {}", process.argv.join(" "))),
            false => (Kind::Script, event),
        };
        facts.insert((kind, package, what));
    }
    for connection in run.connections {
        let process = by_id.get(&connection.process).filter(|process| process.event.is_some());
        let Some(process) = process else { continue };
        facts.insert(connected(process.package.as_deref(), connection));
    }
    for file in run.files {
        let change = match file.change {
            Change::Added => "added",
            Change::Changed => "changed",
            Change::Removed => "removed",
        };
        facts.insert((Kind::File, file.package.clone(), format!("{change} {}", file.path)));
    }
    facts
}

/// That a script connected to something.
pub(super) fn connected(package: Option<&str>, connection: &Connection) -> Fact {
    let to = connection.name.as_deref().unwrap_or(&connection.address);
    let what = match connection.port {
        0 => to.to_owned(),
        port => format!("{to}:{port}"),
    };
    (Kind::Connection, package.map(settled), what)
}

/// The folder of a package, without the name that npm makes up for a clone's.
pub(super) fn settled(folder: &str) -> String {
    const CLONE: &str = "/_cacache/tmp/git-clone";
    match folder.split_once(CLONE) {
        Some((_, rest)) => {
            let inner = rest.find('/').map_or("", |at| &rest[at..]);
            format!("git-clone*{inner}")
        }
        None => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what a test prepares is its own")]

    use super::*;
    use crate::evidence::fact::Output;
    use crate::wire::Exit;
    use serde_json::json;

    /// A run of a postinstall that starts `argv`, writes `files` and connects to `hosts`.
    fn run(argv: &[&str], files: &[&str], hosts: &[&str]) -> Evidence {
        let package = "node_modules/a";
        let process = |id: u32, parent: Option<u32>, argv: &[&str], event: Option<&str>| {
            json!({ "id": id, "parent": parent, "argv": argv, "exe": "", "cwd": "/", "package": package,
                "package_name": "a", "version": "1.0.0", "event": event, "exit": "0", "outlived": false })
        };
        let of = |value: serde_json::Value| serde_json::from_value(value).unwrap();
        let file = |path: &&str| {
            serde_json::from_value(
                json!({ "path": path, "change": "added", "process": 3, "package": package }),
            )
            .unwrap()
        };
        let connection = |name: &&str| {
            serde_json::from_value(json!({
                "process": 3, "address": "127.0.0.9", "port": 443, "name": name, "outcome": "refused"
            }))
            .unwrap()
        };
        Evidence {
            scenario: "baseline".to_owned(),
            repeat: 1,
            command: vec!["npm".to_owned(), "ci".to_owned()],
            then: Vec::new(),
            exit: Some(Exit::Code(0)),
            cut_short: None,
            npm_error: None,
            duration_ms: 1,
            decoys: Vec::new(),
            packages: Vec::new(),
            exchanges: Vec::new(),
            lookups: Vec::new(),
            processes: vec![
                of(process(1, None, &["npm", "ci"], None)),
                of(process(2, Some(1), &["sh"], Some("postinstall"))),
                of(process(3, Some(2), argv, Some("postinstall"))),
            ],
            connections: hosts.iter().map(connection).collect(),
            files: files.iter().map(file).collect(),
            reads: Vec::new(),
            output: Output::default(),
            gaps: Vec::new(),
            traced: true,
        }
    }

    fn lines(runs: &[&Evidence]) -> Vec<String> {
        let line = |it: &Varying| format!("{:?} {} {}/{}", it.kind, it.what, it.seen, it.of);
        varying(runs).iter().map(line).collect()
    }

    #[test]
    fn equal_runs_vary_in_nothing() {
        let one = run(&["node", "x.js"], &["/tmp/a"], &["x.example"]);
        assert_eq!(lines(&[&one, &one.clone(), &one.clone()]), Vec::<String>::new());
        assert_eq!(lines(&[&one]), Vec::<String>::new());
    }

    #[test]
    fn when_it_happened_is_no_behaviour() {
        let (one, mut later) =
            (run(&["node"], &["/tmp/a"], &["x.example"]), run(&["node"], &["/tmp/a"], &["x.example"]));
        for process in &mut later.processes {
            (process.started_ms, process.ended_ms) = (Some(70), Some(9_000));
        }
        later.connections[0].at_ms = Some(80);
        assert_eq!(lines(&[&one, &later]), Vec::<String>::new());
    }

    #[test]
    fn names_made_up_anew_are_one_line() {
        let made = |name: &str| {
            let file = format!("/tmp/build-{name}/out.o");
            run(&["cc", &format!("-o/tmp/build-{name}/out.o")], &[&file, "/tmp/same"], &[])
        };
        assert_eq!(
            lines(&[&made("x1"), &made("Qq"), &made("77")]),
            ["Process postinstall: cc -o/tmp/build-*/out.o 3/3", "File added /tmp/build-*/out.o 3/3"]
        );
    }

    #[test]
    fn what_happens_now_and_then_is_told_with_how_often() {
        let (calls, quiet) = (run(&["node"], &[], &["x.example"]), run(&["node"], &[], &[]));
        assert_eq!(lines(&[&quiet, &calls, &quiet]), ["Connection x.example:443 1/3"]);
        let mut none = quiet.clone();
        none.processes.truncate(1);
        assert_eq!(lines(&[&none, &quiet]), ["Script postinstall 1/2", "Process postinstall: node 1/2"]);
    }

    #[test]
    fn other_names_of_one_shape_in_other_numbers_are_told_apart() {
        let (two, one) = (run(&["cc"], &["/tmp/a", "/tmp/b"], &[]), run(&["cc"], &["/tmp/c"], &[]));
        assert_eq!(
            lines(&[&two, &one]),
            ["File added /tmp/a 1/2", "File added /tmp/b 1/2", "File added /tmp/c 1/2"]
        );
    }

    #[test]
    fn a_flip_between_names_is_no_name_made_up_anew() {
        let one = |name: &str| run(&["cc"], &[&format!("/project/node_modules/a/{name}.js")], &[]);
        assert_eq!(
            lines(&[&one("x"), &one("x"), &one("y")]),
            ["File added /project/node_modules/a/x.js 2/3", "File added /project/node_modules/a/y.js 1/3"]
        );
        let (mut changed, mut other) = (one("x"), one("y"));
        changed.files[0].change = Change::Changed;
        other.files[0].change = Change::Changed;
        assert_eq!(lines(&[&changed, &other]).len(), 2);
        changed.files[0].change = Change::Removed;
        assert_eq!(lines(&[&changed, &one("y")]).len(), 2);
    }

    #[test]
    fn the_clone_of_a_repository_is_the_same_whatever_npm_calls_it() {
        let cloned = |name: &str| {
            let mut run = run(&["node"], &[], &["x.example"]);
            for process in &mut run.processes {
                process.package = Some(format!("/home/u/.npm/_cacache/tmp/git-clone{name}/node_modules/b"));
            }
            run
        };
        assert_eq!(lines(&[&cloned("AbC"), &cloned("Q1z")]), Vec::<String>::new());
    }

    proptest::proptest! {
        #[test]
        fn the_words_of_a_text_are_the_text(text in "\\PC{0,40}") {
            let whole: String = words(&text).into_iter().map(|(word, _)| word).collect();
            proptest::prop_assert_eq!(whole, text);
        }
    }
}
