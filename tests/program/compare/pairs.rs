//! Twenty pairs of environments that differ in 5 to 30 places, of which one to three
//! matter.

use super::pair::{Pair, Side, causes, tools};
use crate::support;
use crate::support::npm;
use crate::support::package::Package;
use crate::support::project::{Builder, Project};
use crate::support::skip;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;

const ACME: &str = "https://npm.acme.example/";
const MIRROR: &str = "https://mirror.acme.example/";
/// Node and npm that scripts' approval is the business of.
const NEW: (&str, &str) = ("22", "12");

/// What a pair shows: its name, how many places differ, the comparison, and the causes
/// that are true.
struct Shown {
    name: &'static str,
    compared: Value,
    wanted: &'static [&'static [&'static str]],
}

type Case = (&'static str, fn() -> Value, &'static [&'static [&'static str]]);

const CASES: [Case; 21] = [
    ("registry override", registry_override, &[&["variable npm_config_registry"]]),
    ("lost user npmrc", lost_user_npmrc, &[&["npmrc @acme:registry"]]),
    ("other npm major", other_npm, &[&["npm"]]),
    ("NODE_ENV=production", node_env, &[&["variable NODE_ENV"]]),
    ("omit=dev in the user's npmrc", omit_dev, &[&["npmrc omit"]]),
    ("omit=optional by variable", omit_optional, &[&["variable npm_config_omit"]]),
    ("warm cache", warm_cache, &[&["cache"]]),
    ("other lockfile", other_lockfile, &[&["lockfile"]]),
    ("untracked file", untracked_file, &[&["file setup.js"]]),
    ("proxy", proxy, &[&["variable HTTPS_PROXY"]]),
    ("ignore-scripts", ignore_scripts, &[&["npmrc ignore-scripts"]]),
    ("allowScripts", allow_scripts, &[&["manifest allowScripts"]]),
    ("legacy-peer-deps", legacy_peer_deps, &[&["variable npm_config_legacy_peer_deps"]]),
    ("umask", umask, &[&["umask"]]),
    ("script-shell", script_shell, &[&["npmrc script-shell"]]),
    (
        "registry with replace-registry-host",
        replaced_host,
        &[&["npmrc replace-registry-host", "variable npm_config_registry"]],
    ),
    ("two causes", two_causes, &[&["npmrc ignore-scripts"], &["variable NODE_ENV"]]),
    ("engine-strict", engine_strict, &[&["npmrc engine-strict"]]),
    ("a script's own variable", own_variable, &[&["variable PUPPETEER_SKIP_DOWNLOAD"]]),
    (
        "three variables together",
        three_together,
        &[&["variable CYPRESS_A", "variable ELECTRON_B", "variable SHARP_C"]],
    ),
    ("project's npmrc", project_npmrc, &[&["npmrc @acme:registry"]]),
];

/// A pair of which only one side has the idle parts, and the parts that matter.
fn pair(project: Project, idle: usize, a: Side<'_>, b: Side<'_>) -> Value {
    let pair = Pair::of(project);
    pair.capture("a", &a);
    pair.capture("b", &Side { idle, ..b });
    pair.compared()
}

fn shop() -> Builder {
    let loud = Package::new("@acme/loud", "1.0.0")
        .file("run.js", "require('fs').writeFileSync('made.txt', 'made')")
        .script("postinstall", "node run.js");
    Project::new()
        .dependency("@acme/loud", "1.0.0")
        .dependency("slug", "2.0.0")
        .dev_dependency("lint", "3.0.0")
        .optional_dependency("extra", "4.0.0")
        .served_registry(ACME, "registry/acme", |registry| registry.package(loud))
        .served_registry("{public}", "registry/public", |registry| {
            ["slug@2.0.0", "lint@3.0.0", "extra@4.0.0"].into_iter().fold(registry, |registry, spec| {
                let (name, version) = spec.split_once('@').unwrap();
                registry.package(Package::new(name, version))
            })
        })
        .settings("private = [\"@acme/*\"]")
}

fn mapped() -> Builder {
    shop().npmrc("@acme:registry=https://npm.acme.example/")
}

fn registry_override() -> Value {
    let project = mapped()
        .served_registry(MIRROR, "registry/mirror", |registry| {
            ["slug@2.0.0", "lint@3.0.0", "extra@4.0.0"].into_iter().fold(registry, |registry, spec| {
                let (name, version) = spec.split_once('@').unwrap();
                registry.package(Package::new(name, version))
            })
        })
        .build();
    let env = [("npm_config_registry", MIRROR)];
    pair(project, 9, Side::default(), Side { env: &env, ..Side::default() })
}

fn lost_user_npmrc() -> Value {
    let project = shop().locked("@acme/loud", |entry| entry.resolved = None).build();
    let user = "@acme:registry=https://npm.acme.example/\nfund=false\nsave-exact=true\n";
    pair(project, 6, Side { npmrc: user, ..Side::default() }, Side::default())
}

fn other_npm() -> Value {
    let pair = Pair::of(mapped().build());
    pair.capture_and("a", &Side::default(), tools(NEW.0, "11"));
    pair.capture_and("b", &Side { idle: 8, ..Side::default() }, tools(NEW.0, NEW.1));
    pair.compared()
}

fn node_env() -> Value {
    let env = [("NODE_ENV", "production")];
    pair(mapped().build(), 27, Side::default(), Side { env: &env, ..Side::default() })
}

fn omit_dev() -> Value {
    let b = Side { npmrc: "omit=dev\nfund=false\n", ..Side::default() };
    pair(mapped().build(), 12, Side::default(), b)
}

fn omit_optional() -> Value {
    let env = [("npm_config_omit", "optional")];
    pair(mapped().build(), 4, Side { env: &env, ..Side::default() }, Side::default())
}

fn warm_cache() -> Value {
    let pair = Pair::of(mapped().build());
    let env = [("npm_config_prefer_offline", "true")];
    pair.capture("a", &Side { env: &env, ..Side::default() });
    let b = Side { env: &env, idle: 10, ..Side::default() };
    pair.capture_and("b", &b, |captured| {
        captured["cache"] = json!({ "keys": 9, "bytes": 9999, "more": false })
    });
    pair.compared()
}

fn other_lockfile() -> Value {
    let project = mapped()
        .served_registry("https://other.acme.example/", "registry/other", |registry| {
            registry.package(Package::new("slug", "2.0.0").file("other.js", ""))
        })
        .build();
    let pair = Pair::of(project);
    pair.capture("a", &Side::default());
    let path = pair.project.path().join("package-lock.json");
    let genuine = std::fs::read_to_string(&path).unwrap();
    let mut lockfile: Value = serde_json::from_str(&genuine).unwrap();
    let entry = lockfile["packages"].as_object_mut().unwrap().get_mut("node_modules/slug").unwrap();
    entry["resolved"] = json!("https://other.acme.example/slug/-/slug-2.0.0.tgz");
    entry.as_object_mut().unwrap().remove("integrity");
    std::fs::write(&path, serde_json::to_string_pretty(&lockfile).unwrap()).unwrap();
    pair.capture("b", &Side { idle: 15, ..Side::default() });
    std::fs::write(&path, genuine).unwrap();
    let compared = pair.compared();
    assert_eq!(compared["texts"][0]["what"], "package-lock.json", "{compared:#}");
    let lines = compared["texts"][0]["lines"].to_string();
    assert!(lines.contains("https://other.acme.example/slug/-/slug-2.0.0.tgz"), "{lines}");
    compared
}

fn untracked_file() -> Value {
    let project = mapped().script("postinstall", "node setup.js").file("setup.js", "").build();
    let pair = Pair::of(project);
    pair.capture("a", &Side::default());
    let path = pair.project.path().join("setup.js");
    std::fs::remove_file(&path).unwrap();
    pair.capture("b", &Side { idle: 7, ..Side::default() });
    std::fs::write(&path, "").unwrap();
    let compared = pair.compared();
    let output = compared["texts"].as_array().unwrap().iter().find(|text| text["what"] == "npm's output");
    assert!(output.is_some_and(|text| text["lines"].to_string().contains("setup.js")), "{compared:#}");
    compared
}

fn proxy() -> Value {
    let env = [("HTTPS_PROXY", "http://proxy.acme.example:3128")];
    pair(mapped().build(), 11, Side::default(), Side { env: &env, ..Side::default() })
}

fn ignore_scripts() -> Value {
    let b = Side { npmrc: "ignore-scripts=true\n", ..Side::default() };
    pair(mapped().build(), 20, Side::default(), b)
}

fn allow_scripts() -> Value {
    let pair = Pair::of(mapped().build());
    let path = pair.project.path().join("package.json");
    let genuine = std::fs::read_to_string(&path).unwrap();
    let mut manifest: Value = serde_json::from_str(&genuine).unwrap();
    manifest["allowScripts"] = json!({ "@acme/loud": true });
    std::fs::write(&path, serde_json::to_string_pretty(&manifest).unwrap()).unwrap();
    pair.capture_and("a", &Side::default(), tools(NEW.0, NEW.1));
    std::fs::write(&path, genuine).unwrap();
    pair.capture_and("b", &Side { idle: 5, ..Side::default() }, tools(NEW.0, NEW.1));
    pair.compared()
}

fn legacy_peer_deps() -> Value {
    let plugin = Package::new("plugin", "1.0.0").field("peerDependencies", json!({ "host": "^1.0.0" }));
    let project = Project::new()
        .dependency("plugin", "1.0.0")
        .locked("plugin", |entry| {
            entry.more.insert("peerDependencies".to_owned(), json!({ "host": "^1.0.0" }));
        })
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(plugin).package(Package::new("host", "1.0.0"))
        })
        .build();
    let env = [("npm_config_legacy_peer_deps", "true")];
    pair(project, 13, Side { env: &env, ..Side::default() }, Side::default())
}

fn umask() -> Value {
    let writer = Package::new("@acme/writer", "1.0.0")
        .file("run.js", "const fs = require('fs'); fs.writeFileSync('f', ''); fs.statSync('f').mode & 0o040 || process.exit(1)")
        .script("postinstall", "node run.js");
    let project = Project::new()
        .dependency("@acme/writer", "1.0.0")
        .npmrc("@acme:registry=https://npm.acme.example/")
        .served_registry(ACME, "registry/acme", |registry| registry.package(writer))
        .build();
    pair(project, 6, Side::default(), Side { umask: Some("0077"), ..Side::default() })
}

fn script_shell() -> Value {
    let b = Side { npmrc: "script-shell=/bin/false\n", ..Side::default() };
    pair(mapped().build(), 16, Side::default(), b)
}

fn replaced_host() -> Value {
    let own = |registry: support::project::Served| registry.package(Package::new("tool", "1.0.0"));
    let project = Project::new()
        .dependency("tool", "1.0.0")
        .served_registry(ACME, "registry/acme", own)
        .served_registry(MIRROR, "registry/mirror", own)
        .build();
    let env = [("npm_config_registry", MIRROR)];
    let b = Side { env: &env, npmrc: "replace-registry-host=always\nfund=false\n", ..Side::default() };
    pair(project, 9, Side::default(), b)
}

fn two_causes() -> Value {
    let env = [("NODE_ENV", "production")];
    let b = Side { env: &env, npmrc: "ignore-scripts=true\n", ..Side::default() };
    pair(mapped().build(), 10, Side::default(), b)
}

fn engine_strict() -> Value {
    let old = Package::new("@acme/old", "1.0.0").field("engines", json!({ "node": "<4" }));
    let project = Project::new()
        .dependency("@acme/old", "1.0.0")
        .locked("@acme/old", |entry| {
            entry.more.insert("engines".to_owned(), json!({ "node": "<4" }));
        })
        .npmrc("@acme:registry=https://npm.acme.example/")
        .served_registry(ACME, "registry/acme", |registry| registry.package(old))
        .build();
    pair(project, 18, Side::default(), Side { npmrc: "engine-strict=true\n", ..Side::default() })
}

fn with_script(script: &str) -> Project {
    let package =
        Package::new("@acme/loud", "1.0.0").file("run.js", script).script("postinstall", "node run.js");
    Project::new()
        .dependency("@acme/loud", "1.0.0")
        .npmrc("@acme:registry=https://npm.acme.example/")
        .served_registry(ACME, "registry/acme", |registry| registry.package(package))
        .build()
}

fn own_variable() -> Value {
    let project = with_script(
        "if (!process.env.PUPPETEER_SKIP_DOWNLOAD) require('fs').writeFileSync('browser', 'downloaded')",
    );
    let env = [("PUPPETEER_SKIP_DOWNLOAD", "1")];
    pair(project, 24, Side::default(), Side { env: &env, ..Side::default() })
}

fn three_together() -> Value {
    let project = with_script(
        "const e = process.env; if (e.CYPRESS_A && e.ELECTRON_B && e.SHARP_C) require('fs').writeFileSync('all', '')",
    );
    let env = [("CYPRESS_A", "1"), ("ELECTRON_B", "1"), ("SHARP_C", "1")];
    pair(project, 8, Side::default(), Side { env: &env, ..Side::default() })
}

fn project_npmrc() -> Value {
    let project = mapped()
        .locked("@acme/loud", |entry| entry.resolved = None)
        .served_registry(MIRROR, "registry/mirror", |registry| {
            let loud = Package::new("@acme/loud", "1.0.0")
                .file("run.js", "require('fs').writeFileSync('made.txt', 'made')")
                .script("postinstall", "node run.js");
            registry.package(loud)
        })
        .build();
    let pair = Pair::of(project);
    pair.capture("a", &Side::default());
    let path = pair.project.path().join(".npmrc");
    let genuine = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("@acme:registry={MIRROR}\n")).unwrap();
    pair.capture("b", &Side { idle: 9, ..Side::default() });
    std::fs::write(&path, genuine).unwrap();
    pair.compared()
}

/// A pair's runs beside what is allowed at the median: 4 × log2(places) + 4.
fn share(compared: &Value) -> f64 {
    let places = compared["deviations"].as_array().unwrap().len();
    let runs = compared["runs"].as_u64().unwrap();
    f64::from(u32::try_from(runs).unwrap()) / (4.0 * f64::from(u32::try_from(places).unwrap()).log2() + 4.0)
}

#[test]
fn the_cause_that_is_named_is_the_true_one() {
    if let Some(lack) = npm::lacks_public_registry() {
        return skip("compare::the_cause_that_is_named", lack);
    }
    let only = std::env::var("SEALCHECK_TEST_PAIRS").unwrap_or_default();
    // A usual run takes every second one.
    let step = if only.is_empty() && !support::everything() { 2 } else { 1 };
    let waiting: Mutex<Vec<Case>> =
        Mutex::new(CASES.into_iter().step_by(step).filter(|(name, ..)| name.contains(&only)).collect());
    let shown = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((name, compared, wanted)) = waiting.lock().unwrap().pop() else { return };
                    let compared = compared();
                    shown.lock().unwrap().push(Shown { name, compared, wanted });
                }
            });
        }
    });
    let shown = shown.into_inner().unwrap();
    let mut shares: Vec<f64> = Vec::new();
    let mut wrong = Vec::new();
    for Shown { name, compared, wanted } in &shown {
        let wanted: BTreeSet<BTreeSet<String>> =
            wanted.iter().map(|set| set.iter().map(|part| (*part).to_owned()).collect()).collect();
        let places = compared["deviations"].as_array().unwrap().len();
        assert!((5..=30).contains(&places), "{name}: {places} places");
        let found = causes(compared);
        println!("{name}: {places} places, {} installs, {found:?}", compared["runs"]);
        if found != wanted {
            wrong.push(format!("{name}: {found:?}\n{compared:#}"));
        }
        shares.push(share(compared));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    shares.sort_by(f64::total_cmp);
    assert!(shares[shares.len() / 2] <= 1.0, "{shares:?}");
}

#[test]
fn a_binary_that_a_lockfile_lacks_is_named_without_a_run() {
    if let Some(lack) = npm::lacks_npm() {
        return skip("compare::a_binary_that_a_lockfile_lacks", &lack);
    }
    let tool = Package::new("tool", "1.0.0")
        .optional_dependency("@tool/linux-x64", "1.0.0")
        .optional_dependency("@tool/darwin-arm64", "1.0.0");
    let binary = |name: &str, os: &str, cpu: &str| {
        Package::new(name, "1.0.0").field("os", json!([os])).field("cpu", json!([cpu]))
    };
    let project = Project::new()
        .dependency("tool", "1.0.0")
        .served_registry("{public}", "registry/public", |registry| {
            registry.package(tool).package(binary("@tool/linux-x64", "linux", "x64")).package(binary(
                "@tool/darwin-arm64",
                "darwin",
                "arm64",
            ))
        })
        .build();
    let path = project.path().join("package-lock.json");
    let mut lockfile: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    lockfile["packages"].as_object_mut().unwrap().remove("node_modules/@tool/darwin-arm64");
    std::fs::write(&path, lockfile.to_string()).unwrap();
    let pair = Pair::of(project);
    pair.capture("a", &Side::default());
    pair.capture_and("b", &Side { idle: 4, ..Side::default() }, |captured| {
        captured["machine"]["os"] = json!("darwin");
        captured["machine"]["cpu"] = json!("arm64");
        captured["machine"]["libc"] = Value::Null;
    });
    let outcome = pair.compare(&[]);
    let named = "platform-package-missing in B: tool@1.0.0 needs @tool/darwin-arm64";
    assert!(outcome.stdout.contains(named), "{outcome:#?}");
    assert!(
        outcome.stdout.contains("not tried: the platform (os) is linux in A and darwin in B"),
        "{outcome:#?}"
    );
    assert_eq!(outcome.status, Some(1), "{outcome:#?}");
}
