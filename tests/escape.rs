//! A dependency's script tries to get out of the sandbox, with the whole program around it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

mod support;

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Arc, Mutex};
use support::package::{Package, integrity};
use support::project::Project;

const REAL: &str = "npm_realrealrealrealrealrealrealreal0123";

/// `GET /path HTTP/1.1` and the credential of each request.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// A registry of one package on this machine; gives its port and what it saw.
fn registry(package: Package) -> (u16, Seen) {
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
    let (packument, record) = (packument.to_string().into_bytes(), seen.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let line = head.lines().next().unwrap_or_default().to_owned();
            let held = head.lines().find(|line| line.to_lowercase().starts_with("authorization:"));
            record.lock().unwrap().push((line.clone(), held.unwrap_or_default().to_owned()));
            let (status, body) = match line.split(' ').nth(1).unwrap_or_default() {
                path if path.ends_with(".tgz") => (200, tarball.as_slice()),
                path if path.to_lowercase().starts_with("/@acme") && line.starts_with("GET ") => {
                    (200, packument.as_slice())
                }
                _ => (404, b"{}".as_slice()),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(body);
        }
    });
    (port, seen)
}

fn nobody_came(what: &str, accepted: std::io::Result<impl Sized>) {
    assert!(
        accepted.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
        "{what} was reached"
    );
}

#[test]
fn a_script_reaches_nothing_outside() {
    let own = tempfile::tempdir().unwrap();
    let four = TcpListener::bind("127.0.0.1:0").unwrap();
    let six = TcpListener::bind("[::1]:0").unwrap();
    let path = own.path().join("socket");
    let by_path = UnixListener::bind(&path).unwrap();
    let name = format!("sealcheck-escape-{}", std::process::id());
    let by_name = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    four.set_nonblocking(true).unwrap();
    six.set_nonblocking(true).unwrap();
    by_path.set_nonblocking(true).unwrap();
    by_name.set_nonblocking(true).unwrap();
    let secret = own.path().join("secret");
    std::fs::write(&secret, "of the host").unwrap();
    let attack = include_str!("fixtures/escape/attack.js")
        .replace("{four}", &four.local_addr().unwrap().port().to_string())
        .replace("{six}", &six.local_addr().unwrap().port().to_string())
        .replace("{socket}", path.to_str().unwrap())
        .replace("{name}", &name)
        .replace("{secret}", secret.to_str().unwrap());
    let package = Package::new("@acme/evil", "1.0.0")
        .script("postinstall", "node attack.js")
        .file("attack.js", &attack);
    let tarball = package.tarball();
    let (port, seen) = registry(package.clone());
    let project = Project::new()
        .dependency("@acme/evil", "1.0.0")
        .npmrc(&format!("@acme:registry=http://localhost:{port}/\nforeground-scripts=true\naudit=false"))
        .published(
            &package,
            &support::verdaccio::Published {
                integrity: integrity(&tarball),
                resolved: format!("http://localhost:{port}/@acme/evil/-/evil-1.0.0.tgz"),
            },
        )
        .build();
    std::fs::write(project.home().join(".npmrc"), format!("//localhost:{port}/:_authToken={REAL}\n"))
        .unwrap();
    let outcome = project.test(&["--scenario", "baseline"]);
    let runs = outcome.report["runs"].as_array().unwrap_or_else(|| panic!("{}", outcome.stderr));
    let run = runs.iter().find(|run| run["scenario"] == "baseline").unwrap();
    let output = run["output"]["stdout_tail"].as_str().unwrap();
    let line = output.lines().find_map(|line| line.strip_prefix("ATTACK "));
    let results: Value =
        serde_json::from_str(line.unwrap_or_else(|| panic!("{output}\n{:#}", run["output"]))).unwrap();
    for (attack, result) in results.as_object().unwrap() {
        assert!(result.as_str().unwrap().starts_with("failed"), "{attack}: {result}");
    }
    assert!(results.as_object().unwrap().len() >= 16, "{results:#}");
    nobody_came("127.0.0.1", four.accept());
    nobody_came("::1", six.accept());
    nobody_came("the socket by path", by_path.accept());
    nobody_came("the abstract socket", by_name.accept());

    // The connections that it tried are attributed to the script.
    let connections = run["connections"].to_string();
    for port in [four.local_addr().unwrap().port(), six.local_addr().unwrap().port()] {
        assert!(connections.contains(&format!("\"port\":{port}")), "{port}: {connections}");
    }
    let rules: Vec<&str> =
        outcome.report["findings"].as_array().unwrap().iter().filter_map(|it| it["rule"].as_str()).collect();
    for rule in ["script-egress", "secret-exfiltrated", "write-outside-package"] {
        assert!(rules.contains(&rule), "{rule}: {rules:?}");
    }

    // The real token went only where npm itself sends it, and is nowhere in the report.
    let seen = seen.lock().unwrap();
    let with_real: Vec<_> = seen.iter().filter(|(_, held)| held.contains(REAL)).collect();
    assert!(!with_real.is_empty(), "{seen:#?}");
    for (line, _) in with_real {
        assert!(line.starts_with("GET /@acme") && !line.contains("by-script"), "{line}");
    }
    for (line, _) in seen.iter() {
        assert!(line.starts_with("GET ") || line.contains("/-/npm/v1/security/"), "{line}");
    }
    assert!(!outcome.report.to_string().contains(REAL));
}
