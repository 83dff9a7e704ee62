//! However the program ends, nothing of it stays: no process, no namespace, no
//! mount, no scratch folder.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

use crate::support;
use crate::support::package::Package;
use crate::support::project::Project;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Asks again and again, for a minute at most.
fn until<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(state) => assert!(Instant::now() < deadline, "{what}: {state}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The program under way, with an executable, a home and a temporary folder of its own.
struct Started {
    project: Project,
    own: TempDir,
    marker: String,
    child: Child,
    namespaces: BTreeSet<PathBuf>,
    user: Option<u32>,
}

impl Started {
    /// Starts an install with a script that takes `ms`, and waits until the script runs.
    fn new(marker: &str, scratch: &str, ms: u32) -> Self {
        Self::by(None, marker, scratch, ms).at_its_script()
    }

    /// Waits until the script runs.
    fn at_its_script(self) -> Self {
        let mut started = self;
        let script = until("the script starts", || {
            let ended = started.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", started.said());
            started.scripts().first().copied().ok_or_else(|| started.said())
        });
        let outer = namespaces(std::process::id());
        started.namespaces = namespaces(script).difference(&outer).cloned().collect();
        assert!(started.namespaces.len() >= 3, "{:?}", started.namespaces);
        started
    }

    /// Starts it, as another user where one is named.
    fn by(user: Option<u32>, marker: &str, scratch: &str, ms: u32) -> Self {
        let marker = format!("{marker}-{}", std::process::id());
        let wait = format!("node -e \"setTimeout(() => {{}}, {ms})\" {marker}");
        let project = Project::new()
            .dependency("@acme/slow", "1.0.0")
            .npmrc("@acme:registry=https://npm.acme.example/")
            .served_registry("https://npm.acme.example/", "registry", |served| {
                served.package(Package::new("@acme/slow", "1.0.0").script("postinstall", &wait))
            })
            .build();
        let own = tempfile::tempdir().unwrap();
        fs::create_dir(own.path().join("tmp")).unwrap();
        // A copy has an inode by which every process that runs it is known.
        fs::copy(support::sealcheck(), own.path().join("program")).unwrap();
        if let Some(user) = user {
            for folder in [own.path(), project.path(), project.home()] {
                for entry in walkdir::WalkDir::new(folder) {
                    std::os::unix::fs::chown(entry.unwrap().path(), Some(user), Some(user)).unwrap();
                }
            }
        }
        let child = program(&project, own.path(), user)
            .args(["test", "--scenario", "baseline", "--scratch", scratch, "--report"])
            .arg(format!("json={}", own.path().join("report.json").display()))
            .spawn()
            .unwrap();
        Self { project, own, marker, child, namespaces: BTreeSet::new(), user }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.own.path().join("said")).unwrap_or_default()
    }

    fn scripts(&self) -> Vec<u32> {
        let has = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&self.marker)
        };
        pids().into_iter().filter(has).collect()
    }

    fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        until("the program ends", || self.child.try_wait().unwrap().ok_or_else(|| "it runs".to_owned()))
    }

    fn report(&self) -> Value {
        let path = self.own.path().join("report.json");
        serde_json::from_slice(
            &fs::read(path).unwrap_or_else(|error| panic!("no report: {error}\n{}", self.said())),
        )
        .unwrap()
    }

    /// Processes of the program or of the install, and others in namespaces that were made.
    fn alive(&self) -> Vec<String> {
        let program = fs::metadata(self.own.path().join("program")).unwrap();
        let scripts = self.scripts();
        let mut found = Vec::new();
        for pid in pids() {
            let ours = fs::metadata(format!("/proc/{pid}/exe"))
                .is_ok_and(|it| (it.dev(), it.ino()) == (program.dev(), program.ino()));
            let inside = !namespaces(pid).is_disjoint(&self.namespaces);
            if ours || inside || scripts.contains(&pid) {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                found.push(format!("{pid} {}", String::from_utf8_lossy(&line).replace('\0', " ")));
            }
        }
        found
    }

    fn assert_nothing_alive(&self) {
        until("no process is left", || {
            let alive = self.alive();
            if alive.is_empty() { Ok(()) } else { Err(alive.join("\n")) }
        });
    }

    fn assert_no_files(&self) {
        let scratch = self.own.path().join("cache/sealcheck/scratch");
        // The empty folder on which every sandbox, in its own namespace, mounts its root.
        let mountpoint = scratch.join("mountpoint");
        assert_eq!(names(&scratch), ["mountpoint"], "{}", self.said());
        assert_eq!(names(&mountpoint), Vec::<String>::new());
        assert_eq!(names(&self.own.path().join("tmp")), Vec::<String>::new());
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let own = self.own.path().to_str().unwrap();
        assert!(!mounts.contains(own), "{mounts}");
        // npm ran in a copy.
        assert!(!self.project.path().join("node_modules").exists());
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(project: &Project, own: &Path, user: Option<u32>) -> Command {
    let mut command = Command::new(own.join("program"));
    support::npm::in_empty_home(&mut command, own);
    let said = fs::File::options().append(true).create(true).open(own.join("said")).unwrap();
    command
        .current_dir(project.path())
        .env("XDG_CACHE_HOME", own.join("cache"))
        .env("TMPDIR", own.join("tmp"))
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said);
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// A process's namespaces; none of one that is gone or a zombie.
fn namespaces(pid: u32) -> BTreeSet<PathBuf> {
    let kinds = ["user", "mnt", "pid", "net", "ipc"];
    kinds.iter().filter_map(|kind| fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn a_normal_end(scratch: &str) {
    let mut started = Started::new(&format!("normal-{scratch}"), scratch, 2000);
    let status = started.ended();
    assert_eq!(status.code(), Some(0), "{}", started.said());
    assert_eq!(started.report()["interrupted"], false);
    started.assert_nothing_alive();
    started.assert_no_files();
}

fn asked_to_end(signal: nix::sys::signal::Signal, scratch: &str) {
    asked(Started::new(&format!("{signal}-{scratch}"), scratch, 600_000), signal);
}

fn asked(mut started: Started, signal: nix::sys::signal::Signal) {
    started.signal(signal);
    let status = started.ended();
    assert_eq!(status.code(), Some(130), "{}", started.said());
    assert_eq!(started.report()["interrupted"], true);
    started.assert_nothing_alive();
    started.assert_no_files();
}

fn killed(scratch: &str, next: &[&str]) {
    killed_then(Started::new(&format!("killed-{scratch}-{}", next[0]), scratch, 600_000), next);
}

fn killed_then(mut started: Started, next: &[&str]) {
    started.signal(nix::sys::signal::Signal::SIGKILL);
    assert_eq!(started.ended().signal(), Some(9));
    started.assert_nothing_alive();
    let left = names(&started.own.path().join("cache/sealcheck/scratch"));
    assert!(left.len() > 1, "nothing was there to clean up: {left:?}");
    let quick = support::root().join("examples/sealed-shop");
    let mut command = program(&started.project, started.own.path(), started.user);
    command.args(next);
    if next[0] == "test" {
        command.arg(quick);
    }
    assert!(command.status().unwrap().success(), "{}", started.said());
    started.assert_no_files();
}

#[test]
fn after_a_normal_end() {
    a_normal_end("memory");
    a_normal_end("disk");
}

#[test]
fn after_sigint() {
    asked_to_end(nix::sys::signal::Signal::SIGINT, "memory");
    asked_to_end(nix::sys::signal::Signal::SIGINT, "disk");
}

#[test]
fn after_sigterm() {
    asked_to_end(nix::sys::signal::Signal::SIGTERM, "memory");
    asked_to_end(nix::sys::signal::Signal::SIGTERM, "disk");
}

#[test]
fn after_sigkill_and_clean() {
    killed("memory", &["clean"]);
    killed("disk", &["clean"]);
}

#[test]
fn after_sigkill_and_the_next_start() {
    killed("disk", &["test", "--scenario", "baseline"]);
}

/// Whoever asks for an end while the project is still being read gets one.
#[test]
fn after_sigint_before_anything_ran() {
    let mut started = Started::by(None, "early", "memory", 600_000);
    let scratch = started.own.path().join("cache/sealcheck/scratch");
    until("something is under way", || match names(&scratch).len() {
        0 => Err(started.said()),
        _ => Ok(()),
    });
    started.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(started.ended().code(), Some(130), "{}", started.said());
    started.assert_nothing_alive();
    let left: Vec<String> = names(&scratch).into_iter().filter(|name| name != "mountpoint").collect();
    assert_eq!(left, Vec::<String>::new(), "{}", started.said());
    assert_eq!(names(&started.own.path().join("tmp")), Vec::<String>::new());
}

/// The same for a user who is not root, where the other tests are run by root.
#[test]
fn after_an_ordinary_user() {
    use nix::sys::signal::Signal;
    const ORDINARY: u32 = 64_321;
    if !nix::unistd::Uid::effective().is_root() {
        return; // Every other test here was that test.
    }
    let tried = Command::new("unshare").args(["-Urn", "true"]).uid(ORDINARY).gid(ORDINARY).output();
    if !tried.as_ref().is_ok_and(|tried| tried.status.success()) {
        return support::skip(
            "nothing_left::ordinary",
            &format!("no user namespaces without root: {tried:?}"),
        );
    }
    let start =
        |marker: &str, scratch: &str| Started::by(Some(ORDINARY), marker, scratch, 600_000).at_its_script();
    asked(start("ordinary-int", "memory"), Signal::SIGINT);
    asked(start("ordinary-term", "disk"), Signal::SIGTERM);
    killed_then(start("ordinary-kill", "disk"), &["clean"]);
}
