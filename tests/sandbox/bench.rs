//! What a test is made with: a spec to change, a run to look at, and a look at
//! the processes there are.

use sealcheck::sandbox::namespaces::Namespaces;
use sealcheck::sandbox::{CacheSpec, Limits, ProjectCopy, SandboxError, SandboxSpec, Scratch, Signal};
use sealcheck::wire::{CutShort, Event, Exit, Order, Timed};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// This executable.
pub(crate) fn exe() -> PathBuf {
    std::env::current_exe().unwrap()
}

pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) exit: Option<Exit>,
    pub(crate) cut_short: Option<CutShort>,
    pub(crate) skipped: Vec<String>,
    pub(crate) finished: Result<(), SandboxError>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("project")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn backend(&self) -> Namespaces {
        Namespaces::new(exe(), self.path("scratch"))
    }

    pub(crate) fn spec(&self, argv: &[&str]) -> SandboxSpec {
        SandboxSpec {
            label: "test-1".to_owned(),
            project: ProjectCopy { root: self.path("project"), files: Vec::new(), changes: Vec::new() },
            show: Vec::new(),
            files: Vec::new(),
            cache: CacheSpec::Empty,
            order: Order {
                argv: argv.iter().map(ToString::to_string).collect(),
                then: vec![],
                env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
                cwd: "/project".to_owned(),
                project: "/project".to_owned(),
                members: Vec::new(),
                trace: false,
                watch: false,
                secrets: Vec::new(),
                hash: false,
                time_limit_ms: 10_000,
                grace_ms: 0,
                memory_limit: 0,
                disk_limit: 0,
                umask: 0o022,
            },
            ports: vec![443, 80],
            ports_here: vec![4873],
            limits: Limits { memory: 1 << 30, processes: 200, open_files: 512, disk: 16 << 20 },
            scratch: Scratch::Memory,
        }
    }

    pub(crate) fn sh(&self, script: &str) -> Ran {
        self.run(self.spec(&["sh", "-c", script]))
    }

    pub(crate) fn run(&self, spec: SandboxSpec) -> Ran {
        Self::run_in(&self.backend(), spec)
    }

    /// With the program's own witness instead of ours.
    pub(crate) fn run_watched(&self, spec: SandboxSpec) -> Ran {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_sealcheck"));
        Self::run_in(&Namespaces::new(program, self.path("scratch")), spec)
    }

    fn run_in(backend: &Namespaces, spec: SandboxSpec) -> Ran {
        runtime().block_on(async {
            let (_doors, prepared) = backend.prepare(spec).await.unwrap();
            let skipped = prepared.skipped().to_vec();
            let mut running = prepared.start().await.unwrap();
            let mut ran =
                Ran { stdout: String::new(), exit: None, cut_short: None, skipped, finished: Ok(()) };
            let mut bytes = Vec::new();
            while let Some(signal) = running.signals.recv().await {
                match signal {
                    Signal::Stdout(more) => bytes.extend(more),
                    Signal::Event(Timed { event: Event::CommandExited { how, .. }, .. }) => {
                        ran.exit = Some(how);
                    }
                    Signal::Event(Timed { event: Event::Ended { cut_short, .. }, .. }) => {
                        ran.cut_short = cut_short;
                    }
                    Signal::Event(_) => {}
                    Signal::Stderr(more) => eprint!("{}", String::from_utf8_lossy(&more)),
                }
            }
            ran.stdout = String::from_utf8(bytes).unwrap();
            ran.finished = running.finish().await;
            ran
        })
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Every process that descends from this one, by pid.
pub(crate) fn descendants(of: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, after)) = stat.rsplit_once(')') else { continue };
        let parent: u32 = after.split_whitespace().nth(1).unwrap().parse().unwrap();
        parents.push((pid, parent));
    }
    let mut found = vec![of];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

/// Whether a process is there and more than a zombie that waits to be reaped.
pub(crate) fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.trim_start().starts_with('Z'))
}

pub(crate) fn until(what: &str, done: impl Fn() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
