//! A report as it can be compared with another of the same project: without what
//! differs by nature, each named with its reason, and with whatever is numbered in the
//! order in which it happened to come called by what it is.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Taken out of the report. A `*` stands for every element.
const BY_NATURE: &[(&str, &str)] = &[
    ("/started", "the clock"),
    ("/duration_ms", "the clock"),
    ("/store/oldest", "the clock"),
    ("/store/newest", "the clock"),
    ("/subject/inputs_sha512", "it has the place in it"),
    ("/runs/*/duration_ms", "the clock"),
    ("/runs/*/command_ms", "the clock"),
    ("/runs/*/backend", "what is compared"),
    ("/runs/*/image", "what is compared"),
    ("/runs/*/toolchain/because", "where node and npm were found"),
    ("/runs/*/peak_memory", "measured"),
    ("/runs/*/output", "npm prints times, and names its log by the clock"),
    ("/runs/*/exchanges/*/at_ms", "the clock"),
    ("/runs/*/exchanges/*/took_ms", "the clock"),
    ("/runs/*/lookups/*/at_ms", "the clock"),
    ("/runs/*/processes/*/started_ms", "the clock"),
    ("/runs/*/processes/*/ended_ms", "the clock"),
    ("/runs/*/connections/*/at_ms", "the clock"),
    // npm asks for several things at once: who is first is chance, and so is every number given in order.
    ("/runs/*/exchanges/*/seq", "order of what goes on at once"),
    ("/runs/*/lookups/*/seq", "order of what goes on at once"),
    ("/runs/*/packages/*/source/exchange", "order of what goes on at once"),
    ("/runs/*/lookups/*/process", "unknown where npm leaves before its last look-up is attributed"),
];

/// Lists whose order is that in which things happened to come, and whose length is
/// how often npm happened to open a connection for the same.
const UNORDERED: &[&str] = &["exchanges", "lookups", "connections"];

/// What of a list is told by an install that fails: npm leaves, with whatever else it
/// was doing, as soon as it knows of the first failure.
const OF_FAILED: &[(&str, &[&str], &str)] = &[
    (
        "exchanges",
        &[
            "method",
            "scheme",
            "host",
            "port",
            "kind",
            "package",
            "version",
            "role",
            "credential",
            "credential_label",
            "carried_secret",
            "fault",
            "decoy",
        ],
        "an answer may be cut short, and npm asks again once for bytes that it refused",
    ),
    (
        "packages",
        &["path", "name", "class", "lock", "optional"],
        "npm unpacks while it checks the bytes, and may leave before it has taken all away again",
    ),
    ("decoys", &["name", "version", "sha512"], "npm leaves before it asks for all of them"),
];

/// The C library asks these for names of users and hosts, where an image has another
/// configuration than the host.
const OF_LIBC: &str = "unix:/var/run/nscd/socket";

/// What engines give `localhost` beside 127.0.0.1 in the file /etc/hosts that they write,
/// Docker before its version 26 also where IPv6 is off. Nothing listens there.
const SECOND_LOCALHOST: &str = "::1";

/// The process of npm itself.
const NPM: u64 = 1;

/// What can be compared of a report.
pub fn comparable(mut report: Value) -> Value {
    let mut names = BTreeMap::new();
    let mut worked = BTreeSet::new();
    for run in elements(&mut report, "runs") {
        let id = run["id"].as_str().unwrap().to_owned();
        placeless(run);
        for text in ["/npm_error/summary", "/npm_error/message"] {
            each(run, text, &mut without_reason);
            each(run, text, &mut without_date);
        }
        renumber(run, &mut names);
        if run["exit_code"] == 0 {
            worked.insert(id);
        } else {
            of_failed(run);
        }
    }
    for (pointer, _why) in BY_NATURE {
        each(&mut report, pointer, &mut |value| *value = Value::Null);
    }
    for run in elements(&mut report, "runs") {
        for list in UNORDERED {
            let all = run[*list].as_array_mut().unwrap();
            all.retain(|value| {
                value["address"] != OF_LIBC
                    && (value["process"] != NPM || value["address"] != SECOND_LOCALHOST)
            });
            // The first of several runs asks the registry, the others are given what it said.
            each(&mut run[*list], "/*/answered_by", &mut |by| {
                if *by == "store" {
                    *by = json!("upstream");
                }
            });
            let all = run[*list].as_array_mut().unwrap();
            all.sort_by_key(Value::to_string);
            all.dedup();
        }
    }
    findings(&mut report, &names, &worked);
    report
}

/// Findings point at facts by what these are. Each run names its own by their rules.
fn findings(report: &mut Value, names: &BTreeMap<(String, String, u64), String>, worked: &BTreeSet<String>) {
    for finding in elements(report, "findings") {
        // Whether npm had sent its audit before it gave up is chance.
        if finding["rule"] == "private-name-in-audit" {
            let kept = |run: &Value| run.as_str().is_some_and(|run| worked.contains(run));
            finding["runs"].as_array_mut().unwrap().retain(&kept);
            finding["evidence"].as_array_mut().unwrap().retain(|fact| kept(&fact["run"]));
        }
        let evidence = finding["evidence"].as_array_mut().unwrap();
        for fact in evidence.iter_mut() {
            let text = |key: &str| fact[key].as_str().unwrap().to_owned();
            let key = (text("run"), text("kind"), fact["at"].as_u64().unwrap());
            if let Some(name) = names.get(&key) {
                fact["at"] = json!(name);
            }
        }
        evidence.sort_by_key(Value::to_string);
        evidence.dedup();
    }
    // They are in `runs` of each finding.
    each(report, "/runs/*/findings", &mut |value| *value = Value::Null);
}

/// Calls processes by their place in the family, and tells what each fact that a
/// finding may point at is.
fn renumber(run: &mut Value, names: &mut BTreeMap<(String, String, u64), String>) {
    let processes = run["processes"].as_array().unwrap().clone();
    let by_id: BTreeMap<u64, &Value> =
        processes.iter().filter_map(|it| Some((it["id"].as_u64()?, it))).collect();
    let mut families: Vec<(Vec<String>, u64)> = by_id.keys().map(|id| (family(*id, &by_id), *id)).collect();
    families.sort();
    let new: BTreeMap<u64, usize> = families.iter().enumerate().map(|(at, (_, id))| (*id, at + 1)).collect();
    let mut rename = |value: &mut Value| {
        if let Some(at) = value.as_u64().and_then(|id| new.get(&id)) {
            *value = json!(at);
        }
    };
    for pointer in [
        "/processes/*/id",
        "/processes/*/parent",
        "/exchanges/*/process",
        "/lookups/*/process",
        "/connections/*/process",
        "/files/*/process",
    ] {
        each(run, pointer, &mut rename);
    }
    run["processes"].as_array_mut().unwrap().sort_by_key(|process| process["id"].as_u64());
    let id = run["id"].as_str().unwrap().to_owned();
    for (old, at) in &new {
        names.insert((id.clone(), "process".to_owned(), *old), format!("process {at}"));
    }
    for (kind, list, number, parts) in [
        ("exchange", "exchanges", Some("seq"), &["scheme", "host", "path", "kind"][..]),
        ("lookup", "lookups", Some("seq"), &["name"]),
        ("connection", "connections", None, &["address", "port", "name", "process"]),
        ("file", "files", None, &["path", "change"]),
        ("package", "packages", None, &["path"]),
        ("gap", "gaps", None, &["kind", "detail"]),
    ] {
        for (index, fact) in run[list].as_array().unwrap().iter().enumerate() {
            let at = number.map_or(index as u64, |key| fact[key].as_u64().unwrap());
            let name: Vec<String> = parts.iter().map(|part| fact[*part].to_string()).collect();
            names.insert((id.clone(), kind.to_owned(), at), name.join(" "));
        }
    }
}

/// What a process is, after what started it is.
fn family(id: u64, by_id: &BTreeMap<u64, &Value>) -> Vec<String> {
    let mut line = Vec::new();
    let mut next = Some(id);
    while let Some(process) = next.and_then(|id| by_id.get(&id)).filter(|_| line.len() < 100) {
        line.push(json!([process["package"], process["event"], process["argv"], process["cwd"]]).to_string());
        next = process["parent"].as_u64();
    }
    line.reverse();
    line
}

/// Keeps what an install that failed tells in any case.
fn of_failed(run: &mut Value) {
    for (list, kept, _why) in OF_FAILED {
        let all = run[*list].as_array_mut().unwrap();
        // Whether npm had sent its audit before it gave up is chance, also whether it
        // had only just connected for it.
        let left_unused = |value: &Value| value["method"] == "-" && value["fault"] == "hung-up";
        all.retain(|value| value["kind"] != "audit" && !left_unused(value));
        for value in all.iter_mut() {
            let map = value.as_object_mut().unwrap();
            map.retain(|key, _| kept.contains(&key.as_str()));
            // So is which of the public packages it had asked for.
            if map.get("role") == Some(&json!("public")) {
                map.retain(|key, _| !["package", "version"].contains(&key.as_str()));
            }
        }
    }
    // What npm itself looked up and opened is in the exchanges, but for what came to
    // nothing: the audit again, and spare connections.
    for list in ["lookups", "connections"] {
        let all = run[list].as_array_mut().unwrap();
        all.retain(|value| value["process"].as_u64().is_some_and(|process| process != NPM));
    }
}

/// Takes away where node and npm lie, and which of the system's programs `sh` is.
fn placeless(run: &mut Value) {
    each(run, "/processes/*/argv/*", &mut |word| {
        let Some(text) = word.as_str() else { return };
        let path = Path::new(text);
        if path.is_absolute() && (path.ends_with("bin/node") || path.ends_with("bin/npm-cli.js")) {
            *word = path.file_name().unwrap().to_str().unwrap().into();
        }
    });
    each(run, "/processes/*/exe", &mut |exe| {
        if exe.as_str().is_some_and(|path| !path.starts_with("/project/")) {
            *exe = Value::Null;
        }
    });
}

/// Of a host with two addresses, as `localhost` may be, node does not say why it could
/// not connect: of its one error about both, npm shows an empty message.
fn without_reason(words: &mut Value) {
    let Some(text) = words.as_str() else { return };
    let (rest, reason) = text.split_once(" failed, reason:").unwrap_or((text, ""));
    let (reason, more) = reason.split_once('\n').unwrap_or((reason, ""));
    if rest.contains("//localhost:") && (reason.is_empty() || reason.starts_with(" connect ECONNREFUSED ")) {
        *words = json!(format!("{rest}\n{more}"));
    }
}

/// Of a version that is too young for `min-release-age` or `before`, npm says the date from
/// which on, counted back from the clock.
fn without_date(summary: &mut Value) {
    if let Some((rest, _)) = summary.as_str().and_then(|text| text.split_once(" with a date before ")) {
        *summary = json!(rest);
    }
}

fn elements<'a>(report: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    report[list].as_array_mut().unwrap().iter_mut()
}

fn each(value: &mut Value, pointer: &str, act: &mut dyn FnMut(&mut Value)) {
    let Some(rest) = pointer.strip_prefix('/') else { return act(value) };
    let (name, rest) =
        rest.split_once('/').map_or((rest, String::new()), |(name, rest)| (name, format!("/{rest}")));
    match (name, value) {
        ("*", Value::Array(all)) => all.iter_mut().for_each(|value| each(value, &rest, act)),
        (name, Value::Object(map)) => {
            if let Some(value) = map.get_mut(name) {
                each(value, &rest, act);
            }
        }
        _ => {}
    }
}

/// Where two differ, one line each and both below.
pub fn differences(at: &str, left: &Value, right: &Value, found: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(one), Value::Object(two)) => {
            let keys: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
            let of = |map: &Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or_default();
            for key in keys {
                differences(&format!("{at}/{key}"), &of(one, key), &of(two, key), found);
            }
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            for (index, (one, two)) in one.iter().zip(two).enumerate() {
                differences(&format!("{at}/{index}"), one, two, found);
            }
        }
        // Of lists of another length, what only one of them has.
        (Value::Array(one), Value::Array(two)) => {
            let only = |these: &[Value], those: &[Value]| -> Vec<Value> {
                these.iter().filter(|value| !those.contains(value)).cloned().collect()
            };
            found.push(format!("{at}: {} and {}", one.len(), two.len()));
            found.push(format!("   {}\n   {}", json!(only(one, two)), json!(only(two, one))));
        }
        _ if left == right => {}
        _ => found.push(format!("{at}\n   {left}\n   {right}")),
    }
}
