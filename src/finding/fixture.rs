//! Reads the fixtures of rules: a sound project and a sound baseline, and what
//! is different in each case.
//!
//! A fixture is `tests/fixtures/rules/RULE/case.toml`. Everything in it is laid
//! over the defaults below, list by list: packages by `path`, all else
//! appended. The text `~` stands for "nothing", which TOML cannot say.

mod approved;
mod project;

use super::{Finding, Ground, JudgedRun, Judgement, Observed, Options, RULES, Severity, judge};
use crate::evidence::fact::{Evidence, File, Gap, Output, SecretRead};
use crate::evidence::resolution::Resolution;
use crate::evidence::seal::Platform;
use crate::plan::margin::{Answer, Changed, Losses, Measured};
use crate::project::Project;
use crate::project::class::Class;
use crate::project::lockfile::EntryKind;
use crate::scenario::Scenario;
use crate::wire::Exit;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

pub(crate) use approved::Before;
pub(super) use project::genuine;
pub(crate) use project::project;

/// The registry of private packages in fixtures.
pub(super) const HOME: &str = "https://npm.corp.example/";
/// The public registry in fixtures.
pub(super) const PUBLIC: &str = "https://registry.example/";

/// The fixture of a rule must show exactly what each of its cases expects of
/// that rule, and the verdict and exit code where it names them.
pub(super) fn check(rule: &str) {
    let path = folder(rule).join("case.toml");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("the fixture of `{rule}` is missing: {}: {error}", path.display()));
    let fixture: Value = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases = fixture["case"].as_array().expect("a fixture has cases");
    let mut fired = false;
    let mut silent = false;
    for case in cases {
        let name = case["name"].as_str().expect("a case has a name");
        let project = project(&merged(fixture.get("project"), case.get("project")));
        let before = Before::of(&fixture, case, &project);
        let (margin, resolutions) = (margin(case), resolutions(case));
        let beside = Ground {
            project: &project,
            margin: margin.as_ref(),
            resolutions: &resolutions,
            approved: before.as_ref().map(Before::standing),
            elsewhere: &[],
        };
        let judgement = judged_with(beside, &runs_of(case));
        let shown: Vec<String> = judgement
            .findings
            .iter()
            .filter(|finding| finding.rule == rule)
            .map(|finding| {
                format!("{} {}", severity(finding.severity), finding.package.as_deref().unwrap_or("-"))
            })
            .collect();
        fired |= !shown.is_empty();
        silent |= shown.is_empty();
        assert_eq!(json!(shown), case["expect"], "{rule}: {name}: {:#?}", judgement.findings);
        let own = || judgement.findings.iter().filter(|finding| finding.rule == rule);
        let place = |finding: &Finding| match &finding.location {
            Some(place) => format!("{}:{}", place.file, place.line),
            None => "-".to_owned(),
        };
        for (key, texts) in [
            ("says", own().map(|finding| finding.message.clone()).collect::<Vec<_>>()),
            ("help", own().map(|finding| finding.help.clone()).collect()),
            ("at", own().map(place).collect()),
        ] {
            for says in case.get(key).and_then(Value::as_array).into_iter().flatten() {
                let says = says.as_str().expect("a text");
                let any = texts.iter().any(|text| text.contains(says));
                assert!(any, "{rule}: {name}: `{key}` of none has `{says}`: {:#?}", judgement.findings);
            }
        }
        // A measure that is in place already, or that changes nothing here.
        for never in case.get("help_without").and_then(Value::as_array).into_iter().flatten() {
            let never = never.as_str().expect("a text");
            let any = own().any(|finding| finding.help.contains(never));
            assert!(!any, "{rule}: {name}: a `help` has `{never}`: {:#?}", judgement.findings);
        }
        if let Some(verdict) = case.get("verdict") {
            assert_eq!(verdict, judgement.verdict.name(), "{rule}: {name}: {judgement:#?}");
        }
        if let Some(code) = case.get("exit_code") {
            assert_eq!(*code, json!(judgement.exit_code), "{rule}: {name}: {judgement:#?}");
        }
    }
    assert!(fired && silent, "{rule}: a fixture has a case that shows the fault and one that does not");
}

/// A case of a fixture as a test would have it.
#[derive(Clone)]
pub(crate) struct Sample {
    /// The rule's name and the case's.
    pub(crate) name: String,
    pub(crate) project: Project,
    pub(crate) before: Option<Before>,
    pub(crate) resolutions: Vec<Resolution>,
    /// Whether the project is that of fixtures that say nothing of theirs.
    pub(crate) ordinary: bool,
    pub(crate) runs: Vec<(Scenario, u32, Evidence)>,
}

/// Every case of every rule, but for those of the margin.
pub(crate) fn samples() -> Vec<Sample> {
    let mut all = Vec::new();
    for rule in RULES {
        let text = std::fs::read_to_string(folder(rule.name).join("case.toml")).unwrap();
        let fixture: Value = toml::from_str(&text).unwrap();
        for case in fixture["case"].as_array().unwrap().iter().filter(|case| case.get("margin").is_none()) {
            let project = project(&merged(fixture.get("project"), case.get("project")));
            let runs = runs_of(case);
            let run = |run: &Value| {
                let repeat = run.get("repeat").and_then(Value::as_u64).unwrap_or(1);
                (scenario(run), u32::try_from(repeat).unwrap(), evidence(&project, run))
            };
            all.push(Sample {
                name: format!("{}: {}", rule.name, case["name"]),
                before: Before::of(&fixture, case, &project),
                resolutions: resolutions(case),
                ordinary: fixture.get("project").is_none() && case.get("project").is_none(),
                runs: runs.iter().map(run).collect(),
                project,
            });
        }
    }
    all
}

/// Where the fixture of a rule lies.
pub(super) fn folder(rule: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rules").join(rule)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn runs_of(case: &Value) -> Vec<Value> {
    case.get("run").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![json!({})])
}

fn merged(base: Option<&Value>, over: Option<&Value>) -> Value {
    let mut base = base.cloned().unwrap_or_else(|| json!({}));
    if let Some(over) = over {
        lay(&mut base, over);
    }
    base
}

/// Lays one value over another: objects key by key, lists of things with a
/// `path` by that, `~` is null, everything else replaces.
fn lay(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(base), Value::Array(over))
            if over.iter().chain(base.iter()).all(|item| item.get("path").is_some()) =>
        {
            for item in over {
                match base.iter_mut().find(|known| known["path"] == item["path"]) {
                    Some(known) => lay(known, item),
                    None => {
                        base.push(Value::Null);
                        lay(base.last_mut().unwrap(), item);
                    }
                }
            }
        }
        (base, Value::String(text)) if text == "~" => *base = Value::Null,
        (base, Value::Object(over)) => {
            *base = Value::Object(Map::new());
            lay(base, &Value::Object(over.clone()));
        }
        (base, other) => *base = other.clone(),
    }
}

fn over<T: DeserializeOwned>(default: Value, changes: &Value) -> T {
    let mut value = default;
    lay(&mut value, changes);
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

/// What a sound baseline installs of a project: every entry, from its own registry.
fn came(project: &Project) -> Vec<Value> {
    project
        .lockfile
        .entries
        .values()
        .filter(|entry| entry.fits("linux", "x64", "glibc"))
        .map(|entry| {
            let class = project.classes[&entry.path].class;
            let role = if class == Class::Public { "public" } else { "own" };
            let linked = matches!(entry.kind, EntryKind::Link | EntryKind::Folder);
            let host = match class {
                Class::Private => "npm.corp.example",
                Class::Public | Class::Local | Class::Other | Class::Undecided => "registry.example",
            };
            json!({
                "path": entry.path, "name": entry.name, "version": entry.version, "class": class,
                "lock": { "version": entry.version, "resolved": entry.resolved, "integrity": entry.integrity_text },
                "source": {
                    "kind": if linked { "link" } else { "registry" }, "role": role,
                    "host": if linked { Value::Null } else { json!(host) }, "url": null,
                    "sha512": genuine(entry.name.as_str()), "exchange": null
                },
                "genuine": entry.integrity.as_ref().map(|_| true),
                "integrity_ok": entry.integrity.as_ref().map(|_| true),
                "scripts": [], "optional": entry.optional, "decoy": false
            })
        })
        .collect()
}

fn items<T: DeserializeOwned>(changes: &Value, key: &str, default: impl Fn(usize) -> Value) -> Vec<T> {
    let list = changes.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().enumerate().map(|(at, item)| over(default(at), item)).collect()
}

/// The evidence of a run: the sound one with changes laid over it.
pub(crate) fn evidence(project: &Project, changes: &Value) -> Evidence {
    let mut packages = Value::Array(came(project));
    if let Some(over) = changes.get("packages") {
        lay(&mut packages, over);
    }
    let exit = match changes.get("exit") {
        None => Some(Exit::Code(0)),
        Some(code) => code.as_i64().map(|code| Exit::Code(i32::try_from(code).unwrap())),
    };
    let failed = exit != Some(Exit::Code(0));
    let mut packages: Vec<crate::evidence::Package> = serde_json::from_value(packages).unwrap();
    if failed {
        // A failed `npm ci` leaves nothing; only what a fixture names was seen.
        let named = changes.get("packages").and_then(Value::as_array).cloned().unwrap_or_default();
        for package in &mut packages {
            package.version = None;
            if !named.iter().any(|named| named["path"] == json!(package.path)) {
                package.source = None;
                package.genuine = None;
                package.integrity_ok = None;
            }
        }
    }
    let words = |key: &str, else_: &str| -> Vec<String> {
        let line = changes.get(key).and_then(Value::as_str).unwrap_or(else_);
        line.split_whitespace().map(str::to_owned).collect()
    };
    Evidence {
        scenario: "baseline".to_owned(),
        repeat: 1,
        command: words("command", "npm ci"),
        then: words("then", ""),
        exit,
        cut_short: changes.get("cut_short").map(|cut| serde_json::from_value(cut.clone()).unwrap()),
        npm_error: changes.get("code").and_then(Value::as_str).map(|code| {
            over(
                json!({ "code": code, "summary": "as npm says" }),
                changes.get("error").unwrap_or(&json!({})),
            )
        }),
        duration_ms: changes.get("duration_ms").and_then(Value::as_u64).unwrap_or(1000),
        decoys: Vec::new(),
        packages,
        exchanges: items(changes, "exchanges", |at| {
            json!({ "seq": at + 1, "method": "GET", "scheme": "https", "host": "npm.corp.example",
                    "port": 443, "path": "/x", "status": 200, "kind": "tarball", "package": null,
                    "version": null, "role": "own", "credential": "none", "credential_label": null,
                    "carried_secret": null, "fault": null, "decoy": false, "bytes": 100,
                    "sha512": null, "sha1": null, "redirected_to": null, "process": null,
                    "answered_by": "upstream" })
        }),
        lookups: items(changes, "lookups", |at| {
            json!({ "seq": at + 1, "name": "x.example", "answer": "127.0.0.9", "process": null,
                    "carried_secret": null })
        }),
        processes: items(changes, "processes", |at| {
            json!({ "id": at + 2, "parent": 1, "argv": ["sh", "-c", "node x.js"], "exe": "/bin/sh",
                    "cwd": "/project", "package": null, "package_name": null, "version": null,
                    "event": null, "exit": "0", "outlived": false })
        }),
        connections: items(
            changes,
            "connections",
            |_| json!({ "process": 2, "address": "127.0.0.9", "port": 443, "name": null, "outcome": "gateway" }),
        ),
        files: items::<File>(
            changes,
            "files",
            |_| json!({ "path": "/project/x", "change": "added", "process": null, "package": null }),
        ),
        reads: items::<SecretRead>(
            changes,
            "reads",
            |_| json!({ "process": 2, "secret": "~/.aws/credentials" }),
        ),
        output: Output::default(),
        gaps: items::<Gap>(
            changes,
            "gaps",
            |_| json!({ "kind": "witness", "detail": "a gap", "hides_answer": false }),
        ),
        traced: true,
    }
}

/// The scenario of a run: the baseline's with changes laid over it.
pub(crate) fn scenario(changes: &Value) -> Scenario {
    let default = json!({
        "name": "baseline", "title": "as it is", "about": "nothing is changed", "suites": ["core"],
        "demand": { "install": "must-work" }
    });
    over(
        default,
        changes
            .get("scenario")
            .unwrap_or(&Value::Null)
            .as_object()
            .map_or(&json!({}), |_| &changes["scenario"]),
    )
}

/// `margin = { installed = [["mapping"]], ran = [], defences = [...] }`: the smallest sets.
fn margin(case: &Value) -> Option<Measured> {
    let told = case.get("margin")?;
    let sets =
        |key: &str| -> Vec<Losses> { serde_json::from_value(told[key].clone()).expect("sets of losses") };
    let answer = |key: &str| {
        let smallest = sets(key);
        Answer { at_least: smallest.first().map_or(4, Losses::len), smallest, unobserved: false }
    };
    let defences = serde_json::from_value(told["defences"].clone()).expect("losses");
    let changes = told.get("changes").into_iter().flat_map(|all| all.as_array().expect("changes"));
    let changes = changes.map(|change| Changed {
        says: change["says"].as_str().expect("a text").to_owned(),
        adds: serde_json::from_value(change["adds"].clone()).expect("a loss"),
        became: serde_json::from_value(change["became"].clone()).expect("what became"),
    });
    let (installed, ran) = (answer("installed"), answer("ran"));
    Some(Measured { defences, installed, ran, changes: changes.collect() })
}

/// `resolution = [{ added = ["99.0.0"] }]`: what was compared of virtual registries.
fn resolutions(case: &Value) -> Vec<Resolution> {
    let none = json!({ "count": 0, "shown": [] });
    let told = case.get("resolution").and_then(Value::as_array).into_iter().flatten();
    told.map(|changes| {
        let mut changes = changes.clone();
        for list in ["added", "altered", "uncompared"] {
            if let Some(shown) = changes.get(list).and_then(Value::as_array).cloned() {
                changes[list] = json!({ "count": shown.len(), "shown": shown });
            }
        }
        let default = json!({
            "registry": format!("{HOME}all/"), "behind": format!("{HOME}own/"),
            "package": "@acme/internal", "unread": null, "given": 0, "had": 0,
            "added": none, "altered": none, "uncompared": none,
        });
        over(default, &changes)
    })
    .collect()
}

/// Judges runs described by changes.
pub(super) fn judged(project: &Project, runs: &[Value]) -> Judgement {
    judged_with(Ground { project, margin: None, resolutions: &[], approved: None, elsewhere: &[] }, runs)
}

fn judged_with(ground: Ground<'_>, runs: &[Value]) -> Judgement {
    let project = ground.project;
    let platform = Platform { os: "linux".to_owned(), cpu: "x64".to_owned(), libc: "glibc".to_owned() };
    let made: Vec<(String, Scenario, Evidence)> = runs
        .iter()
        .map(|run| {
            let scenario = scenario(run);
            let repeat = run.get("repeat").and_then(Value::as_u64).unwrap_or(1);
            (format!("{}-{repeat}", scenario.name), scenario, evidence(project, run))
        })
        .collect();
    let judged: Vec<JudgedRun<'_>> = made
        .iter()
        .map(|(id, scenario, evidence)| JudgedRun {
            id,
            scenario,
            repeat: id.rsplit('-').next().and_then(|text| text.parse().ok()).unwrap_or(1),
            place: 0,
            platform: &platform,
            observed: Observed::Evidence(evidence),
        })
        .collect();
    judge(&judged, &[ground], &options())
}

/// The options of a test where nothing is said.
pub(crate) fn options() -> Options {
    Options { required_margin: 2, fail_on: Severity::Error, today: jiff::civil::date(2026, 11, 24) }
}

/// One rule, one file, one page, one test, one fixture, one name: what is
/// missing is said by its path.
#[test]
fn every_rule_has_its_file_page_test_and_fixture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for rule in RULES {
        let file = root.join("src/finding/rules").join(format!("{}.rs", rule.name.replace('-', "_")));
        let page = root.join("docs/rules").join(format!("{}.md", rule.name));
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if text.is_empty() {
            missing.push(format!("file {}", file.display()));
        } else if !text.contains("#[test]") {
            missing.push(format!("a test in {}", file.display()));
        }
        let written = std::fs::read_to_string(&page).unwrap_or_default();
        for part in [
            format!("# {}", rule.name),
            "## Why it matters".into(),
            "## Example".into(),
            "## How to mend it".into(),
        ] {
            if !written.lines().any(|line| line == part) {
                missing.push(format!("`{part}` in {}", page.display()));
            }
        }
        let fixture = folder(rule.name).join("case.toml");
        if !fixture.is_file() {
            missing.push(format!("fixture {}", fixture.display()));
        }
    }
    for (below, what) in [("docs/rules", "page"), ("tests/fixtures/rules", "fixture")] {
        for found in std::fs::read_dir(root.join(below)).into_iter().flatten().flatten() {
            let name = found.file_name().to_string_lossy().trim_end_matches(".md").to_owned();
            if !RULES.iter().any(|rule| rule.name == name) {
                missing.push(format!("the rule of the {what} {}", found.path().display()));
            }
        }
    }
    assert!(missing.is_empty(), "missing:\n{}", missing.join("\n"));
}

#[test]
fn rules_are_ordered_by_name_and_named_once() {
    assert!(RULES.windows(2).all(|pair| pair[0].name < pair[1].name));
}
