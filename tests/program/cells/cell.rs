//! A project under several conditions: run by both, and held against each other.

use crate::cells::account::Account;
use crate::cells::judge::{Demand, verdict};
use crate::cells::observer::World;
use crate::cells::plain::{Bench, tools};
use crate::cells::recording::{self, Origin};
use crate::cells::told::reported;
use crate::support;
use crate::support::project::Project;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::sync::Mutex;

/// A project with the registries that it is installed from.
pub struct Subject {
    pub name: String,
    pub project: Project,
    pub world: World,
    /// By path below node_modules, the index.js of what is locked.
    pub locked: BTreeMap<String, String>,
    /// Those of them that npm may install and the project's lockfile has no entry of.
    pub unlocked: Vec<String>,
}

/// A cell that was compared.
#[derive(Debug)]
pub struct Compared {
    pub subject: String,
    pub scenario: String,
    pub npm: String,
    pub verdict: String,
    pub wrong: Vec<String>,
    pub observed: Account,
    pub origin: Origin,
}

impl Compared {
    pub fn major(&self) -> &str {
        self.npm.split('.').next().unwrap_or_default()
    }
}

/// A scenario of the catalogue, or one of these tests' own.
pub fn scenario(name: &str) -> toml::Value {
    let folders = ["scenarios", OWN].map(|folder| support::root().join(folder));
    let path = folders.iter().map(|folder| folder.join(format!("{name}.toml"))).find(|path| path.exists());
    let text = fs::read_to_string(path.unwrap_or_else(|| panic!("no scenario {name}"))).unwrap();
    toml::from_str(&text).unwrap()
}

const OWN: &str = "tests/program/cells/scenarios";

/// Runs a project under the scenarios, by plain npm and by the program, and compares.
/// What the program finds not applicable is no cell.
pub fn compare(subject: &Subject, scenarios: &[&str], toolchains: &[&str]) -> Vec<Compared> {
    let own = support::root().join(OWN);
    // That the trap is live, each cell shows by itself.
    let mut arguments = vec!["--scenarios-dir", own.to_str().unwrap(), "--skip", "control"];
    arguments.extend(toolchains.iter().flat_map(|toolchain| ["--toolchain", toolchain]));
    arguments.extend(scenarios.iter().flat_map(|name| ["--scenario", name]));
    let outcome = subject.project.test_once(&arguments);
    let runs = outcome.report["runs"].as_array().cloned().unwrap_or_default();
    assert!(!runs.is_empty(), "{}\n{}\n{}", subject.name, outcome.stdout, outcome.stderr);
    // The baseline first: whether it fails decides what other failures prove.
    let is_baseline = |run: &Value| run["scenario"] == "baseline";
    let (first, rest): (Vec<Value>, Vec<Value>) = runs
        .into_iter()
        .filter(|run| is_baseline(run) || scenarios.iter().any(|name| run["scenario"] == *name))
        .partition(is_baseline);
    let mut compared = side_by_side(subject, first, &BTreeMap::new());
    let fails: BTreeMap<String, bool> =
        compared.iter().map(|cell| (cell.npm.clone(), !cell.observed.ended.starts_with("exit 0,"))).collect();
    compared.extend(side_by_side(subject, rest, &fails));
    compared
}

/// On as many threads as there are cores.
fn side_by_side(subject: &Subject, runs: Vec<Value>, fails: &BTreeMap<String, bool>) -> Vec<Compared> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (waiting, done) = (Mutex::new(VecDeque::from(runs)), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(run) = waiting.lock().unwrap().pop_front() else { return };
                    let cell = one(subject, &run, fails);
                    done.lock().unwrap().push(cell);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by(|left, right| (&left.scenario, &left.npm).cmp(&(&right.scenario, &right.npm)));
    done
}

fn one(subject: &Subject, run: &Value, fails: &BTreeMap<String, bool>) -> Compared {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (name, npm) = (text(&run["scenario"]), text(&run["toolchain"]["npm"]));
    let bench = Bench { project: subject.project.path(), world: &subject.world, locked: &subject.locked };
    let declared = scenario(&name);
    let (observed, origin, mut wrong) = recording::observed(subject, &name, &npm, &declared, || {
        bench.install(&tools(&text(&run["toolchain"]["node"]), &npm), &declared)
    });
    let owned = &subject.world.owned;
    let differences = observed.differences(&reported(run)).into_iter();
    wrong.extend(differences.filter(|line| {
        !is_chance(&observed, line, |name| owned.iter().any(|own| name.contains(own.as_str())))
    }));
    let demand = Demand::of(&declared, fails.get(&npm).copied().unwrap_or(false));
    let follows = verdict(&observed, &subject.world.owned, &subject.unlocked, &demand);
    let verdict = text(&run["verdict"]);
    if verdict != follows {
        wrong.push(format!("it is {follows}, and is reported {verdict}: {}", text(&run["because"])));
    }
    Compared { subject: subject.name.clone(), scenario: name, npm, verdict, wrong, observed, origin }
}

/// npm fetches several packages at once and exits at the first that fails: whether it had asked
/// for a public one by then is chance. Of a name that is the owner's nothing is chance.
fn is_chance(observed: &Account, line: &str, is_owned: impl Fn(&str) -> bool) -> bool {
    let asked = line.strip_prefix("asked, ").and_then(|line| line.split_once(": public tarball "));
    !observed.ended.starts_with("exit 0,") && asked.is_some_and(|(_, what)| !is_owned(what))
}

/// What has to be said of cells, worst first: how many there are for each npm, and
/// where the report and the observer differ.
pub fn tally(title: &str, cells: &[Compared]) -> String {
    use std::fmt::Write as _;
    let mut counts: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    let mut out = String::new();
    for cell in cells {
        let count = counts.entry(cell.major().parse().unwrap()).or_default();
        count.0 += 1;
        if !cell.wrong.is_empty() {
            count.1 += 1;
            let _ = writeln!(out, "npm {}, {} × {}:", cell.npm, cell.subject, cell.scenario);
            for line in &cell.wrong {
                let _ = writeln!(out, "    {line}");
            }
        }
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(npm, (all, wrong))| format!("npm {npm} {all} cells with {wrong} disagreements"))
        .collect();
    let from = |origin: Origin| cells.iter().filter(|cell| cell.origin == origin).count();
    let summary = format!(
        "{title}: {}; npm's side recorded {}, remade {}, new {}\n",
        counts.join(", "),
        from(Origin::Recorded),
        from(Origin::Remade),
        from(Origin::New)
    );
    // Past the test harness, which keeps what a test prints.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), summary.as_bytes());
    out
}
