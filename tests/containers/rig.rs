//! What these tests share: an engine asked without a client, a project whose script
//! does what a test needs, and the program under way in containers.

use crate::support;
use crate::support::package::Package;
use crate::support::place::{IMAGE, engine};
use crate::support::project::Project;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take to come about on a machine that has other work.
pub const LONG: Duration = Duration::from_secs(120);

/// Asks again and again, for so long at most.
pub fn until<T>(within: Duration, what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + within;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(state) => assert!(Instant::now() < deadline, "{what}: {state}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Held by each test, and by one alone that takes away what the others use.
static IN_USE: RwLock<()> = RwLock::new(());

/// Does the same at each engine of the tests; says which were not there.
pub fn at_each_engine(test: &str, act: impl Fn(&Engine)) {
    let _held = IN_USE.read().unwrap_or_else(PoisonError::into_inner);
    each_engine(test, act);
}

/// The same while no other test of these is under way.
pub fn alone_at_each_engine(test: &str, act: impl Fn(&Engine)) {
    let _held = IN_USE.write().unwrap_or_else(PoisonError::into_inner);
    each_engine(test, act);
}

fn each_engine(test: &str, act: impl Fn(&Engine)) {
    for name in ["docker", "podman"] {
        match engine(name) {
            Some(at) => act(&Engine { socket: at.trim_start_matches("unix://").into() }),
            None => support::skip(&format!("containers::{test}"), &format!("the engine {name}")),
        }
    }
}

/// An engine's socket.
#[derive(Debug, Clone)]
pub struct Engine {
    pub socket: PathBuf,
}

impl Engine {
    pub fn at(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// One request of the engines' API; the status and the answer, null where it is none.
    pub fn ask(&self, method: &str, path: &str, body: &[u8], kind: &str) -> (u16, Value) {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        let length = body.len();
        // HTTP/1.0, in which no answer comes in chunks and each ends with the connection.
        let head = format!(
            "{method} {path} HTTP/1.0\r\nhost: engine\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (
            status.unwrap_or_else(|| panic!("{method} {path}: {text}")),
            serde_json::from_str(body).unwrap_or_default(),
        )
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, b"", "application/json");
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// The containers, by id, that a process has made and that are still there.
    pub fn containers_of(&self, pid: u32) -> Vec<String> {
        let all = self.get("/containers/json?all=1");
        let owner = |one: &Value| one["Labels"]["dev.sealcheck"].as_str().unwrap_or_default().to_owned();
        let ours = |one: &&Value| owner(one).split('.').nth(1) == Some(&pid.to_string());
        let ids = all.as_array().into_iter().flatten().filter(ours);
        ids.filter_map(|one| Some(one["Id"].as_str()?.to_owned())).collect()
    }
}

/// The program under way, with a cache and a temporary folder of its own.
pub struct Started {
    pub project: Project,
    pub engine: Engine,
    pub own: TempDir,
    marker: String,
    child: Child,
}

impl Started {
    /// Tests a project whose one dependency runs `script` with node, its runs told to
    /// go through `socket`, which leads to `engine`.
    pub fn new(engine: &Engine, socket: &Path, script: &str, arguments: &[&str]) -> Self {
        let own = tempfile::tempdir().unwrap();
        let folder = own.path().file_name().unwrap().to_string_lossy().into_owned();
        let marker = format!("marker-{}", folder.trim_start_matches('.'));
        let package = Package::new("@acme/slow", "1.0.0")
            .script("postinstall", &format!("node script.js {marker}"))
            .file("script.js", script);
        let project = Project::new()
            .dependency("@acme/slow", "1.0.0")
            .npmrc("@acme:registry=https://npm.acme.example/")
            .served_registry("https://npm.acme.example/", "registry", |served| served.package(package))
            .build();
        fs::create_dir(own.path().join("tmp")).unwrap();
        let mut command = program(&project, own.path(), &format!("unix://{}", socket.display()));
        command.args(["test", "--scenario", "baseline", "--report"]);
        command.arg(format!("json={}", own.path().join("report.json").display())).args(arguments);
        let child = command.spawn().unwrap();
        Self { project, engine: engine.clone(), own, marker, child }
    }

    pub fn said(&self) -> String {
        fs::read_to_string(self.own.path().join("said")).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a script runs and gives its process.
    pub fn at_its_script(&mut self) -> u32 {
        until(LONG, "the script starts", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", self.said());
            self.scripts().first().copied().ok_or_else(|| self.said())
        })
    }

    /// Processes of the script. Those of the tests' engines are this machine's too.
    pub fn scripts(&self) -> Vec<u32> {
        let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let has = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&self.marker)
        };
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(has).collect()
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    pub fn ended(&mut self) -> ExitStatus {
        until(Duration::from_secs(300), "the program ends", || {
            self.child.try_wait().unwrap().ok_or_else(|| self.said())
        })
    }

    pub fn report(&self) -> Value {
        let bytes = fs::read(self.own.path().join("report.json"));
        let bytes = bytes.unwrap_or_else(|error| panic!("no report: {error}\n{}", self.said()));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// No container of the program's is at the engine, and no process of the script alive.
    pub fn assert_nothing_alive(&self) {
        until(Duration::from_secs(15), "no container is left", || {
            let left = (self.engine.containers_of(self.pid()), self.scripts());
            if left == (Vec::new(), Vec::new()) { Ok(()) } else { Err(format!("{left:?}")) }
        });
    }

    /// Nothing in the folders that the program writes to; npm ran in a copy.
    pub fn assert_no_files(&self) {
        let none = Vec::<String>::new();
        assert_eq!(names(&self.own.path().join("tmp")), none, "{}", self.said());
        assert_eq!(names(&self.scratch()), none, "{}", self.said());
        assert!(!self.project.path().join("node_modules").exists());
    }

    pub fn scratch(&self) -> PathBuf {
        self.own.path().join("cache/sealcheck/scratch")
    }

    /// Another command on the same project, with the same folders.
    pub fn next(&self, arguments: &[&str]) -> ExitStatus {
        program(&self.project, self.own.path(), &self.engine.at()).args(arguments).status().unwrap()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with folders of its own; what it says is added to the file `said`.
fn program(project: &Project, own: &Path, at: &str) -> Command {
    let said = fs::File::options().append(true).create(true).open(own.join("said")).unwrap();
    let mut command = project.command();
    command
        .env("DOCKER_HOST", at)
        .env("SEALCHECK_IMAGE", IMAGE)
        .env("XDG_CACHE_HOME", own.join("cache"))
        .env("TMPDIR", own.join("tmp"))
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said);
    command
}

pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
