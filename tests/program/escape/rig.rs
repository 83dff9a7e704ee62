//! What every attack needs: a registry on this machine that takes down all that it
//! is asked, a user with a real token for it, and the program run on a project whose
//! one dependency is hostile.

use crate::support::package::{Package, integrity};
use crate::support::project::{Builder, Outcome, Project};
use crate::support::verdaccio::Published;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// What the user's own npmrc holds, and what no script may ever get to use.
pub const REAL: &str = "npm_realrealrealrealrealrealrealreal0123";

/// `GET /path HTTP/1.1` and the credential of each request.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// A registry of one package on this machine; gives its port and what it saw.
fn registry(package: &Package) -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let tarball = package.tarball();
    let mut manifest = package.manifest();
    let dist = serde_json::json!({
        "integrity": integrity(&tarball),
        "tarball": format!("http://localhost:{port}/@acme/evil/-/evil-1.0.0.tgz"),
    });
    manifest.insert("dist".to_owned(), dist);
    let packument = serde_json::json!({
        "name": "@acme/evil", "dist-tags": { "latest": "1.0.0" }, "versions": { "1.0.0": manifest },
    });
    let packument = packument.to_string().into_bytes();
    let record = seen.clone();
    answer(listener, move |head| {
        let line = head.lines().next().unwrap_or_default().to_owned();
        let held = head.lines().find(|line| line.to_lowercase().starts_with("authorization:"));
        record.lock().unwrap().push((line.clone(), held.unwrap_or_default().to_owned()));
        let path = line.split(' ').nth(1).unwrap_or_default();
        match path.split('?').next().unwrap_or_default() {
            path if path.ends_with(".tgz") => (200, tarball.clone()),
            path if path.to_lowercase().starts_with("/@acme") && line.starts_with("GET ") => {
                (200, packument.clone())
            }
            _ => (404, b"{}".to_vec()),
        }
    });
    (port, seen)
}

/// Answers each request of a listener, known by its head, with a status and a body.
pub fn answer(listener: TcpListener, reply: impl Fn(&str) -> (u16, Vec<u8>) + Send + 'static) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let (status, body) = reply(&String::from_utf8_lossy(&head));
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(&body);
        }
    });
}

/// `@acme/evil`, whose postinstall is this script; `tools.js` lies beside it.
pub fn evil(script: &str) -> Package {
    Package::new("@acme/evil", "1.0.0")
        .script("postinstall", "node attack.js")
        .file("attack.js", script)
        .file("tools.js", include_str!("../../fixtures/escape/tools.js"))
}

/// How an attack went.
pub struct Attacked {
    /// The program's end.
    pub outcome: Outcome,
    /// What the registry was asked.
    pub seen: Vec<(String, String)>,
}

/// Installs the package with the whole program around it.
pub fn attack(package: &Package, arguments: &[&str], tell: impl FnOnce(Builder) -> Builder) -> Attacked {
    let (port, seen) = registry(package);
    let project = tell(Project::new())
        .dependency("@acme/evil", "1.0.0")
        .npmrc(&format!("@acme:registry=http://localhost:{port}/\nforeground-scripts=true\naudit=false"))
        .published(
            package,
            &Published {
                integrity: integrity(&package.tarball()),
                resolved: format!("http://localhost:{port}/@acme/evil/-/evil-1.0.0.tgz"),
            },
        )
        .build();
    let token = format!("//localhost:{port}/:_authToken={REAL}\n");
    std::fs::write(project.home().join(".npmrc"), token).unwrap();
    // Not compared with the other backend: what a script finds there is the system's.
    let outcome = project.test_once(arguments);
    assert!(!outcome.report.to_string().contains(REAL));
    assert!(!outcome.stdout.contains(REAL) && !outcome.stderr.contains(REAL));
    let seen = seen.lock().unwrap().clone();
    Attacked { outcome, seen }
}

impl Attacked {
    /// The run of a scenario.
    pub fn run(&self, scenario: &str) -> &Value {
        let runs = self.outcome.report["runs"].as_array();
        let runs = runs.unwrap_or_else(|| panic!("{}", self.outcome.stderr));
        runs.iter().find(|run| run["scenario"] == scenario).unwrap_or_else(|| panic!("no run of {scenario}"))
    }

    /// What the script said of each of its attempts in the run of a scenario.
    pub fn results(&self, scenario: &str) -> serde_json::Map<String, Value> {
        let output = &self.run(scenario)["output"];
        let lines = output["stdout_tail"].as_str().unwrap_or_default().lines();
        let line = lines.filter_map(|line| line.strip_prefix("ATTACK ")).next_back();
        serde_json::from_str(line.unwrap_or_else(|| panic!("{output:#}"))).unwrap()
    }

    /// Every attempt of a script failed, and there were as many.
    pub fn all_failed(&self, scenario: &str, attempts: usize) {
        let results = self.results(scenario);
        for (attack, result) in &results {
            assert!(result.as_str().unwrap().starts_with("failed"), "{attack}: {result}");
        }
        assert!(results.len() >= attempts, "{results:#?}");
    }

    /// Each of these rules found something.
    pub fn found(&self, rules: &[&str]) {
        let findings = self.outcome.report["findings"].as_array().unwrap();
        let found: Vec<&str> = findings.iter().filter_map(|it| it["rule"].as_str()).collect();
        for rule in rules {
            assert!(found.contains(rule), "{rule}: {found:?}");
        }
    }

    /// The real token went only where npm itself sends it. Whatever a script asks
    /// has `by-script` in it.
    pub fn token_was_kept(&self) {
        let with_real: Vec<_> = self.seen.iter().filter(|(_, held)| held.contains(REAL)).collect();
        assert!(!with_real.is_empty(), "{:#?}", self.seen);
        for (line, _) in with_real {
            assert!(line.starts_with("GET /@acme") && !line.contains("by-script"), "{line}");
        }
        for (line, _) in &self.seen {
            assert!(line.starts_with("GET "), "{line}");
        }
    }
}
