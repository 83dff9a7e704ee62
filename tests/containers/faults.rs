//! Something goes wrong around a run: it is unobserved and says why, the others go
//! on, and the program exits with 3.

use crate::rig::{Engine, Started, at_each_engine};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// A socket that passes everything on to an engine until it is cut: then all its
/// connections end and none is taken any more. To the program that is an engine that
/// was stopped or cannot be reached; the engine itself goes on for the other tests.
struct Way {
    folder: TempDir,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Way {
    fn to(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("engine.sock")).unwrap();
        let open: Arc<Mutex<Vec<UnixStream>>> = Arc::default();
        let (kept, target) = (open.clone(), engine.socket.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = UnixStream::connect(&target).unwrap();
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || pass(from, to));
                }
                kept.lock().unwrap().extend([near, far]);
            }
        });
        Self { folder, open }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    fn cut(&self) {
        fs::remove_file(self.socket()).unwrap();
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut buffer)
        && length > 0
        && to.write_all(&buffer[..length]).is_ok()
    {}
    let _ = to.shutdown(Shutdown::Write);
}

const SLOW: &str = "setTimeout(() => {}, 600000);";

/// Each run's `because` and exit code, of those with a verdict.
fn runs(report: &Value, verdict: &str) -> Vec<(String, Value)> {
    let runs = report["runs"].as_array().unwrap().iter().filter(|run| run["verdict"] == verdict);
    runs.map(|run| (run["because"].as_str().unwrap().to_owned(), run["exit_code"].clone())).collect()
}

/// As many runs are unobserved as there are reasons, and so is the whole; the other
/// run, the control where it installs a decoy without a script, went on to its end.
fn unobserved(started: &mut Started, because: &[&str]) {
    assert_eq!(started.ended().code(), Some(3), "{}", started.said());
    let report = started.report();
    assert_eq!(report["verdict"], "unobserved", "{}", started.said());
    let unobserved = runs(&report, "unobserved");
    assert_eq!(unobserved.len(), because.len(), "{}", started.said());
    let worked = report["runs"].as_array().unwrap().iter().filter(|run| run["exit_code"] == 0).count();
    assert_eq!(worked + unobserved.len(), 2, "{}", started.said());
    for part in because {
        assert!(unobserved.iter().any(|(why, _)| why.contains(part)), "{part}: {unobserved:?}");
    }
    started.assert_nothing_alive();
    started.assert_no_files();
}

#[test]
fn an_engine_that_goes_away() {
    at_each_engine("an_engine_that_goes_away", |engine| {
        let way = Way::to(engine);
        // Of two baselines one is under way and one yet to begin, whenever the control is.
        let arguments = ["--jobs", "1", "--repeat", "2"];
        let mut started = Started::new(engine, &way.socket(), SLOW, &arguments);
        started.at_its_script();
        way.cut();
        assert_eq!(started.ended().code(), Some(3), "{}", started.said());
        let report = started.report();
        assert_eq!(report["verdict"], "unobserved", "{}", started.said());
        let unobserved = runs(&report, "unobserved");
        let count = |part: &str| unobserved.iter().filter(|(why, _)| why.contains(part)).count();
        assert_eq!(count("the container engine does not answer any more"), 1, "{unobserved:?}");
        assert!(count("makes no container") >= 1, "{unobserved:?}");
        started.assert_nothing_alive();
        started.assert_no_files();
    });
}

#[test]
fn a_container_that_is_killed() {
    at_each_engine("a_container_that_is_killed", |engine| {
        let script = "setTimeout(() => {}, 4000);";
        let mut started = Started::new(engine, &engine.socket, script, &["--jobs", "1"]);
        let first = started.at_its_script();
        let group = fs::read_to_string(format!("/proc/{first}/cgroup")).unwrap_or_default();
        let all = engine.containers_of(started.pid());
        let id = all.iter().find(|id| group.contains(*id)).or(all.first()).unwrap();
        let (status, answer) = engine.ask("POST", &format!("/containers/{id}/kill"), b"", "text/plain");
        assert!(status < 300, "{status} {answer}");
        unobserved(&mut started, &["the container exited 137"]);
    });
}

/// Writes without an end, whatever the system says to it.
const FLOOD: &str = "const fs = require('fs');\n\
    const bytes = Buffer.alloc(32 << 20, 1);\n\
    for (let at = 0; ; at++) { try { fs.writeFileSync('/project/fill' + at, bytes); } catch {} }";

fn flooded(scratch: &str) {
    at_each_engine(&format!("a_full_{scratch}"), |engine| {
        let arguments = ["--jobs", "1", "--scratch", scratch, "--timeout", "140s"];
        let mut started = Started::new(engine, &engine.socket, FLOOD, &arguments);
        unobserved(&mut started, &["our limit of what is written to disk ended it"]);
    });
}

#[test]
fn a_full_disk() {
    flooded("disk");
}

#[test]
fn a_full_memory_of_files() {
    flooded("memory");
}

#[test]
fn no_memory_left() {
    at_each_engine("no_memory_left", |engine| {
        let script = "const all = [];\nfor (;;) all.push(Buffer.alloc(64 << 20, 1));";
        let arguments = ["--jobs", "1", "--timeout", "100s"];
        let mut started = Started::new(engine, &engine.socket, script, &arguments);
        unobserved(&mut started, &["our memory limit ended it"]);
    });
}
