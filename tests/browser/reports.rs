//! The reports whose pages are opened: real ones of the example and of the drills, a hostile
//! one, and one of the size of a large project.

use crate::support;
use sealcheck::report::html::{self, Page};
use sealcheck::report::{Report, Run, Verdict};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages of the large report, about as many as a project of 2,000 packages has.
pub(crate) const PACKAGES: usize = 2_000;
const RUNS: usize = 13;

/// Tests the leaky example with `arguments`, in a home with nothing in it; the page and the report.
pub(crate) fn tested(name: &str, arguments: &[&str]) -> (PathBuf, Report) {
    let home = tempfile::tempdir().unwrap();
    let page = crate::driver::folder().join(format!("{name}.html"));
    let saved = home.path().join("report.json");
    let mut command = Command::new(support::sealcheck());
    support::npm::in_empty_home(&mut command, home.path());
    command.arg("test").arg(support::root().join("examples/leaky-shop")).args(arguments);
    command.arg(format!("--report=html={}", page.display()));
    command.arg(format!("--report=json={}", saved.display()));
    let output = command.output().unwrap();
    let report = std::fs::read_to_string(&saved).unwrap_or_else(|error| {
        panic!("{error}\n{}", String::from_utf8_lossy(&output.stderr));
    });
    (page, Report::read(&report).unwrap())
}

/// One of the saved reports.
pub(crate) fn saved(name: &str) -> Report {
    let path = support::root().join(format!("tests/fixtures/reports/{name}.json"));
    Report::read(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Writes projects as one page.
pub(crate) fn written(name: &str, pages: &[Page<'_>]) -> PathBuf {
    let path = crate::driver::folder().join(format!("{name}.html"));
    let mut out = Vec::new();
    html::write(pages, &mut out).unwrap();
    std::fs::write(&path, out).unwrap();
    path
}

/// A saved report as `sealcheck report` makes a page of it.
pub(crate) fn rendered(name: &str, report: &Report, folder: &Path) -> PathBuf {
    let saved = folder.join("report.json");
    std::fs::write(&saved, report.to_json().unwrap()).unwrap();
    let path = crate::driver::folder().join(format!("{name}.html"));
    let mut command = Command::new(support::sealcheck());
    command.arg("report").arg(&saved).args(["--format", "html", "-o"]).arg(&path);
    support::npm::succeed(&mut command);
    path
}

/// A report of 13 runs of 2,000 packages, 34 of them private, of which one run got one from
/// elsewhere; with times, scripts, and a finding for every fifth package.
pub(crate) fn large() -> Report {
    let mut report = saved("leaked");
    let leaking = report.findings.first().cloned();
    let names = ["baseline", "control", "public-decoy", "private-mapping-removed", "registry-overridden"];
    let first = report.runs.first().cloned().unwrap();
    report.runs = (0..RUNS)
        .map(|number| {
            let scenario = names.get(number).map_or(format!("scenario-{number}"), |name| (*name).to_owned());
            one_run(&first, scenario, number)
        })
        .collect();
    let of = |at: usize| {
        let mut finding = leaking.clone().unwrap();
        let id = report.runs[0].id.clone();
        finding.rule = "missing-integrity".to_owned();
        finding.message = format!("the lockfile entry of package-{at} has no hash that can verify");
        finding.package = Some(format!("package-{at}"));
        finding.fingerprint = format!("{at:032x}");
        finding.evidence = vec![
            serde_json::from_value(json!({ "run": id, "kind": "package", "at": at })).unwrap(),
            serde_json::from_value(json!({ "run": id, "kind": "exchange", "at": at + 1 })).unwrap(),
        ];
        finding.runs = vec![id];
        finding
    };
    report.findings = (0..PACKAGES).step_by(5).map(of).collect();
    report.project.packages = PACKAGES;
    report.arrange();
    report
}

fn one_run(first: &Run, scenario: String, number: usize) -> Run {
    let leaks = number == 3;
    let mut run = first.clone();
    (run.id, run.control) = (format!("{scenario}-1"), scenario == "control");
    run.scenario = scenario;
    run.verdict = if leaks || run.control { Verdict::Leaked } else { Verdict::Sealed };
    run.duration_ms = 60_000;
    let values = |make: &dyn Fn(usize) -> Value| -> Vec<Value> { (0..PACKAGES).map(make).collect() };
    run.packages = read(values(&|at| package(at, leaks && at == 0)));
    run.exchanges = read(values(&|at| exchange(at, leaks && at == 0)));
    run.processes = read((1..=40).map(process).collect());
    run.lookups =
        read(vec![json!({ "seq": 1, "name": "registry.example", "answer": "127.0.0.2", "process": 1,
        "carried_secret": null, "at_ms": 90 })]);
    run.connections = read(
        (0..60)
            .map(|at| {
                json!({ "process": 1 + at % 40, "address": "127.0.0.2", "port": 443,
                "name": "registry.example", "outcome": "gateway", "at_ms": 100 + at * 700 })
            })
            .collect(),
    );
    run
}

fn read<T: serde::de::DeserializeOwned>(values: Vec<Value>) -> Vec<T> {
    values.into_iter().map(|value| serde_json::from_value(value).unwrap()).collect()
}

/// A digest that no other has, as hard to compress as a real one.
fn digest(at: usize) -> String {
    let mut state = at as u64 + 1;
    let letters = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(state >> 58) as usize],
        )
    });
    format!("sha512-{}==", letters.take(86).collect::<String>())
}

fn name(at: usize) -> String {
    match at {
        0..34 => format!("@acme/part-{at}"),
        34..300 => format!("@scope-{}/part-{at}", at % 17),
        _ => format!("package-{at}"),
    }
}

fn host(at: usize, foreign: bool) -> (&'static str, &'static str) {
    match (at, foreign) {
        (_, true) => ("registry.example", "foreign"),
        (0..34, false) => ("npm.corp.example", "own"),
        (_, false) => ("registry.example", "public"),
    }
}

fn package(at: usize, foreign: bool) -> Value {
    let ((host, role), name) = (host(at, foreign), name(at));
    let url = format!("https://{host}/{name}/-/{at}-1.0.0.tgz");
    json!({
        "path": format!("node_modules/{name}"), "name": name, "version": "1.0.0",
        "class": if at < 34 { "private" } else { "public" },
        "lock": { "version": "1.0.0", "resolved": url, "integrity": digest(at) },
        "source": { "kind": "registry", "role": role, "host": host, "url": url,
            "sha512": digest(if foreign { PACKAGES + at } else { at }), "exchange": at + 1 },
        "genuine": !foreign, "integrity_ok": null, "optional": false, "decoy": foreign,
        "scripts": if (3..10).contains(&at) { vec!["postinstall"] } else { vec![] },
    })
}

fn exchange(at: usize, foreign: bool) -> Value {
    let (host, role) = host(at, foreign);
    json!({
        "seq": at + 1, "method": "GET", "scheme": "https", "host": host, "port": 443,
        "path": format!("/{}/-/{at}-1.0.0.tgz", name(at)), "status": 200, "kind": "tarball", "package": name(at),
        "version": "1.0.0", "role": role, "credential": "none", "credential_label": null, "carried_secret": null,
        "fault": null, "decoy": foreign, "bytes": 4_000 + at, "sha512": digest(at), "sha1": null,
        "redirected_to": null, "process": 1, "answered_by": "store", "at_ms": 500 + at * 20, "took_ms": 30 + at % 90,
    })
}

/// npm, and seven packages' scripts of several processes each.
fn process(id: usize) -> Value {
    let package = 3 + (id % 7);
    let (parent, event) = match id {
        1 => (None, None),
        2..9 => (Some(1), Some("postinstall")),
        _ => (Some(id - 7), Some("postinstall")),
    };
    let owned = event.map(|_| format!("node_modules/{}", name(package)));
    json!({
        "id": id, "parent": parent, "argv": ["node", format!("step-{id}.js")], "exe": "/usr/bin/node", "cwd": "/project",
        "package": owned, "package_name": event.map(|_| name(package)), "version": event.map(|_| "1.0.0"),
        "event": event, "exit": "0", "outlived": false,
        "started_ms": if id == 1 { 0 } else { 45_000 + id * 300 }, "ended_ms": if id == 1 { 60_000 } else { 46_000 + id * 330 },
    })
}
