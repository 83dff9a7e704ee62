//! What a test costs beside the plain install, side by side in one run.
//!
//! `cargo bench --bench install -- PROJECT [--pairs N] [--only NAME] [--store DIR]`
//!
//! Each comparison runs its two sides in turn, the first to go changing from
//! pair to pair, with a sync(2) before each run, and prints the medians and
//! their ratio. The store is filled before anything is measured. PROJECT is a
//! folder with a lockfile; the plain side runs the same command, with the same
//! npm, in a fresh cache and an empty home.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark talks, and may fall over")]

mod launch;
mod plain;
mod server;

use sealcheck::plan::{PlanOptions, RunSpec};
use sealcheck::project::npmrc::NpmVersion;
use sealcheck::project::{Project, ReadOptions};
use sealcheck::secret::Secret;
use sealcheck::toolchain::local::{self, Machine};
use sealcheck::upstream::{Store, Upstream, UpstreamConfig};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) struct Bench {
    pub(crate) project: Arc<Project>,
    pub(crate) node: PathBuf,
    pub(crate) npm: PathBuf,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) toolchain: sealcheck::toolchain::Toolchain,
    pub(crate) folder: PathBuf,
    store: PathBuf,
    pairs: usize,
}

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_sealcheck");

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let (mut folder, mut pairs, mut only, mut store) = (None, 7, None, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--pairs" => pairs = words.next().and_then(|text| text.parse().ok()).unwrap_or(pairs),
            "--only" => only = words.next(),
            "--store" => store = words.next().map(PathBuf::from),
            _ => folder = Some(PathBuf::from(word)),
        }
    }
    // Without a project there is nothing to measure: `cargo bench` and
    // `cargo test --benches` stay quick.
    let Some(folder) = folder else {
        println!("usage: cargo bench --bench install -- PROJECT [--pairs N] [--only NAME] [--store DIR]");
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let bench = prepare(&folder, pairs, store);
    bench.warm();
    let wanted = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    println!("{:<46} {:>9} {:>9} {:>7}", "medians", "sealcheck", "other", "ratio");
    let baseline = ["--scenario", "baseline", "--scratch", "memory"];
    if wanted("disk") {
        bench.compare(
            "baseline / plain, registry, cache on disk",
            || bench.test(&baseline),
            || plain::from_registry(&bench),
        );
    }
    if wanted("store") {
        bench.compare(
            "baseline / plain, same store, in memory",
            || bench.test(&baseline),
            || plain::from_store(&bench, &bench.plan("baseline")[..1]),
        );
    }
    if wanted("witness") {
        let without = [&baseline[..], &["--no-trace"]].concat();
        bench.compare("witness on / off", || bench.test(&baseline), || bench.test(&without));
    }
    if wanted("watch") {
        let without = [&baseline[..], &["--no-watch"]].concat();
        bench.compare("scripts watched / unwatched", || bench.test(&baseline), || bench.test(&without));
    }
    if wanted("launch") {
        launch::measure(&bench);
    }
    if wanted("suite") {
        let runs = bench.plan("*");
        bench.compare(
            "core suite / plain, one after the other",
            || bench.test(&["--scratch", "memory"]),
            || plain::from_store(&bench, &runs),
        );
    }
    if wanted("memory") {
        bench.memory(&baseline);
    }
}

fn prepare(folder: &Path, pairs: usize, store: Option<PathBuf>) -> Bench {
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let root = folder.canonicalize().unwrap();
    let machine = Machine { path: std::env::var_os("PATH"), project: root.clone(), ..Machine::default() };
    let found = local::candidates(&machine).remove(0);
    let npm = found.npm.unwrap();
    let aside = std::env::temp_dir();
    let public = local::public_registry(&machine.answers, &found.node_exe, &npm.dir, &aside).unwrap();
    let options = ReadOptions {
        root,
        home: None,
        global_npmrc: None,
        builtin_npmrc: None,
        env: BTreeMap::new(),
        public: public.clone(),
        policy: None,
        trusted: sealcheck::project::named::Trusted::Machine,
        internal_hosts: std::env::var(sealcheck::project::named::VARIABLE).ok(),
        signatures: None,
        npm: None,
    };
    let project = Arc::new(Project::read(&options).unwrap());
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&target).unwrap();
    let store = store.unwrap_or_else(|| target.join("store"));
    let extra = env.get("NODE_EXTRA_CA_CERTS").and_then(|path| std::fs::read(path).ok());
    let config = UpstreamConfig { extra_roots: extra, ..UpstreamConfig::default() };
    let upstream = Upstream::new(&config, Arc::new(Store::open(&store).unwrap()), false).unwrap();
    let toolchain = sealcheck::toolchain::Toolchain {
        node: found.node,
        npm: npm.version,
        node_exe: found.node_exe.clone(),
        npm_dir: npm.dir.clone(),
        because: String::new(),
        public,
        libraries: Vec::new(),
    };
    let (node, npm) = (found.node_exe, npm.dir);
    Bench { project, node, npm, upstream: Arc::new(upstream), toolchain, folder: target, store, pairs }
}

impl Bench {
    /// The runs of the core suite that apply, or those whose name matches.
    pub(crate) fn plan(&self, pattern: &str) -> Vec<RunSpec> {
        let all = sealcheck::scenario::catalogue::builtin();
        let options = PlanOptions {
            scenarios: all
                .iter()
                .filter(|scenario| pattern == "*" || scenario.name == pattern)
                .cloned()
                .collect(),
            repeat: 1,
            seed: Secret::new("seed", "benchmark"),
            npm: Some(NpmVersion::from(&self.toolchain.npm)),
        };
        sealcheck::plan::plan(&self.project, &options).unwrap().runs
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(EXECUTABLE);
        command
            .arg("test")
            .arg(&self.project.root)
            .args(words)
            .arg("--store")
            .arg(&self.store)
            .args(["--progress", "none", "--quiet"])
            .env("HOME", &self.folder)
            .env("XDG_CACHE_HOME", self.folder.join("cache"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// One test; it must have come to a verdict.
    fn test(&self, words: &[&str]) -> Duration {
        timed(|| {
            let code = self.command(words).status().unwrap().code();
            assert!(matches!(code, Some(0 | 1 | 3)), "{words:?}: {code:?}");
        })
    }

    fn warm(&self) {
        self.test(&[]);
    }

    fn compare(&self, name: &str, ours: impl Fn() -> Duration, theirs: impl Fn() -> Duration) {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for pair in 0..self.pairs {
            // Who goes second finds a warmer machine: take turns.
            if pair % 2 == 0 {
                left.push(ours());
                right.push(theirs());
            } else {
                right.push(theirs());
                left.push(ours());
            }
        }
        let (left, right) = (median(left), median(right));
        let ratio = left.as_secs_f64() / right.as_secs_f64();
        println!("{name:<46} {:>7.2} s {:>7.2} s {ratio:>7.2}", left.as_secs_f64(), right.as_secs_f64());
    }

    /// The largest resident set of our own process.
    fn memory(&self, words: &[&str]) {
        let mut child = self.command(words).spawn().unwrap();
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok());
            most = most.max(kib.unwrap_or(0));
            std::thread::sleep(Duration::from_millis(10));
        }
        println!("{:<46} {:>6} MB", "our own memory, baseline, at most", most / 1024);
    }
}

/// How long something takes, after everything was written out.
pub(crate) fn timed(what: impl FnOnce()) -> Duration {
    nix::unistd::sync();
    let began = Instant::now();
    what();
    began.elapsed()
}

pub(crate) fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}
