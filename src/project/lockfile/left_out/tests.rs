//! What plain npm left out, measured with each of these versions on Linux, x64 and glibc.

use super::*;
use crate::text::Source;
use serde_json::{Value, json};

/// One lockfile, and the names that are missing from the tree, by npm.
type Row = (&'static str, Value, Value, &'static [(&'static str, &'static str)]);

const OLD: &str = "8.19.4 9.9.4 10.9.9 11.6.1";
const NEW: &str = "11.6.2 11.12.0 11.19.1 12.2.0";

fn machine(npm: &str) -> Machine {
    Machine {
        os: "linux".to_owned(),
        cpu: "x64".to_owned(),
        libc: Some("glibc".to_owned()),
        node: Version::parse("20.20.2").unwrap(),
        npm: Version::parse(npm).unwrap(),
    }
}

fn lockfile(root: &Value, packages: &Value) -> Lockfile {
    let mut all = json!({ "": root });
    for (name, entry) in packages.as_object().unwrap() {
        let mut entry = entry.clone();
        entry["version"] = json!("1.0.0");
        let path = if name.contains('/') { name.clone() } else { format!("node_modules/{name}") };
        all[path] = entry;
    }
    let text = json!({ "lockfileVersion": 3, "packages": all });
    Lockfile::parse(Source::new("package-lock.json", format!("{text:#}"))).unwrap()
}

fn missing(lockfile: &Lockfile, machine: &Machine) -> String {
    let left = lockfile.left_out(machine);
    assert!(!left.gave_up);
    let names = lockfile.entries.values().filter(|entry| left.has(&entry.path));
    names.map(|entry| entry.name.to_string()).collect::<Vec<_>>().join(" ")
}

fn rows() -> Vec<Row> {
    let o = |entry: Value| {
        let mut entry = entry;
        entry["optional"] = json!(true);
        entry
    };
    let a = json!({ "optionalDependencies": { "a": "1" }, "dependencies": { "k": "1" } });
    let two = json!({ "optionalDependencies": { "a": "1", "d": "1" }, "dependencies": { "k": "1" } });
    let win = json!(["win32"]);
    vec![
        (
            "what an unfit one needs, and what that needs",
            a.clone(),
            json!({ "k": {}, "a": o(json!({ "cpu": ["wasm32"], "dependencies": { "b": "1" } })),
                    "b": o(json!({ "dependencies": { "c": "1" } })), "c": o(json!({})) }),
            &[(OLD, "a b c"), (NEW, "a b c")],
        ),
        (
            "what an unfit one may do without",
            a.clone(),
            json!({ "k": {}, "a": o(json!({ "os": win, "optionalDependencies": { "b": "1" } })), "b": o(json!({})) }),
            &[(OLD, "a"), (NEW, "a b")],
        ),
        (
            "what a fit one needs too",
            two.clone(),
            json!({ "k": {}, "a": o(json!({ "os": win, "dependencies": { "b": "1" } })),
                    "d": o(json!({ "dependencies": { "b": "1" } })), "b": o(json!({})) }),
            &[(OLD, "a"), (NEW, "a")],
        ),
        (
            "what a fit one may do without",
            two.clone(),
            json!({ "k": {}, "a": o(json!({ "os": win, "dependencies": { "b": "1" } })),
                    "d": o(json!({ "optionalDependencies": { "b": "1" } })), "b": o(json!({})) }),
            &[(OLD, "a b"), (NEW, "a")],
        ),
        (
            "what two unfit ones need",
            two,
            json!({ "k": {}, "a": o(json!({ "os": win, "dependencies": { "b": "1" } })),
                    "d": o(json!({ "os": ["darwin"], "dependencies": { "b": "1" } })), "b": o(json!({})) }),
            &[(OLD, "a d"), ("11.6.2 11.12.0", "a d"), ("11.13.0 11.19.1 12.2.0", "a b d")],
        ),
        (
            "a fit one that needs an unfit one",
            json!({ "optionalDependencies": { "p": "1" } }),
            json!({ "p": o(json!({ "dependencies": { "a": "1", "q": "1" } })), "a": o(json!({ "os": win })), "q": o(json!({})) }),
            &[(OLD, "a p q"), (NEW, "a p q")],
        ),
        (
            "another C library",
            a.clone(),
            json!({ "k": {}, "a": o(json!({ "os": ["linux"], "libc": ["musl"], "dependencies": { "b": "1" } })), "b": o(json!({})) }),
            &[("8.19.4 9.6.0", ""), ("9.6.3 9.9.4 10.9.9", "a b"), (NEW, "a b")],
        ),
        (
            "engines, of optional ones alone and where they name them",
            json!({ "optionalDependencies": { "a": "1", "b": "1", "c": "1", "d": "1" }, "dependencies": { "k": "1" } }),
            json!({ "k": { "engines": { "node": ">=99" } }, "a": o(json!({ "engines": { "node": ">=99" } })),
                    "b": o(json!({ "engines": { "npm": "<3" } })), "c": o(json!({ "engines": { "node": "nonsense x" } })),
                    "d": o(json!({ "engines": ["node >= 99"] })) }),
            &[(OLD, "a b c"), (NEW, "a b c")],
        ),
        (
            "the word any",
            json!({ "optionalDependencies": { "a": "1", "b": "1", "c": "1" } }),
            json!({ "a": o(json!({ "os": ["any"] })), "b": o(json!({ "os": ["any", "win32"] })), "c": o(json!({ "os": ["!win32", "darwin"] })) }),
            &[(OLD, "b c"), (NEW, "b c")],
        ),
        (
            "what lies in the folder of an unfit one",
            a.clone(),
            json!({ "k": { "dependencies": { "b": "1" } }, "b": {}, "a": o(json!({ "os": win, "optionalDependencies": { "b": "2" } })),
                    "node_modules/a/node_modules/b": o(json!({})) }),
            &[(OLD, "a b"), (NEW, "a b")],
        ),
        (
            "a peer of an unfit one",
            a.clone(),
            json!({ "k": {}, "a": o(json!({ "os": win, "peerDependencies": { "b": "1" } })), "b": o(json!({ "peer": true })) }),
            &[(OLD, "a b"), (NEW, "a b")],
        ),
        (
            "what another has for a peer that may be missing",
            a,
            json!({ "k": { "peerDependencies": { "b": "1" }, "peerDependenciesMeta": { "b": { "optional": true } } },
                    "a": o(json!({ "os": win, "dependencies": { "b": "1" } })), "b": o(json!({})) }),
            &[(OLD, "a b"), (NEW, "a")],
        ),
        (
            "what developers need as well",
            json!({ "devDependencies": { "d": "1" }, "optionalDependencies": { "a": "1" } }),
            json!({ "d": { "dev": true, "dependencies": { "b": "1" } }, "b": { "devOptional": true },
                    "a": o(json!({ "os": win, "dependencies": { "b": "1", "c": "1" } })), "c": o(json!({})) }),
            &[(OLD, "a c"), (NEW, "a c")],
        ),
    ]
}

#[test]
fn each_npm_leaves_out_what_it_was_measured_to_leave_out() {
    for (case, root, packages, expected) in rows() {
        let lockfile = lockfile(&root, &packages);
        for (versions, names) in expected {
            for npm in versions.split(' ') {
                assert_eq!(missing(&lockfile, &machine(npm)), *names, "{case}, npm {npm}");
            }
        }
    }
}

#[test]
fn a_required_package_is_left_out_by_nobody() {
    let lockfile = lockfile(&json!({ "dependencies": { "a": "1" } }), &json!({ "a": { "os": ["win32"] } }));
    assert_eq!(missing(&lockfile, &machine("11.19.1")), "");
}

#[test]
fn a_machine_without_a_c_library_takes_none_that_asks_for_one() {
    let root = json!({ "optionalDependencies": { "a": "1" } });
    let lockfile = lockfile(&root, &json!({ "a": { "optional": true, "libc": ["glibc"] } }));
    let other = Machine { os: "darwin".to_owned(), libc: None, ..machine("10.9.9") };
    assert_eq!(missing(&lockfile, &other), "a");
}

/// What fell, where `b` could not be had.
#[test]
fn what_needs_a_package_that_failed_falls_with_it() {
    let o = json!({ "optional": true });
    let lockfile = lockfile(
        &json!({ "optionalDependencies": { "a": "1" } }),
        &json!({ "a": { "optional": true, "dependencies": { "b": "1", "c": "1" }, "optionalDependencies": { "e": "1" } },
                 "b": o, "c": o, "e": o }),
    );
    for (npm, names) in
        [("8.19.4", "a b c"), ("10.9.9", "a b c"), ("11.12.0", "a b c e"), ("12.2.0", "a b c e")]
    {
        let fallen = lockfile.falls_with("node_modules/b", &Version::parse(npm).unwrap());
        let fallen: Vec<&str> = fallen.iter().map(|path| &path["node_modules/".len()..]).collect();
        assert_eq!(fallen.join(" "), names, "npm {npm}");
    }
}

/// Measured with npm 8.19.4, 11.12.1 and 12.2.2: all install what is marked and needed; what is
/// marked and needed by nothing, 11 and 12 do not.
#[test]
fn what_nothing_needs_is_left_out() {
    let x = |entry: Value| {
        let mut entry = entry;
        entry["extraneous"] = json!(true);
        entry
    };
    let wants = |name: &str| json!({ "dependencies": { name: "1" } });
    let link = json!({ "resolved": "packages/m", "link": true });
    for (why, root, packages, expected) in [
        ("nothing leads to it", json!({}), json!({ "a": x(json!({})) }), "a"),
        ("the root needs it", wants("a"), json!({ "a": x(json!({})) }), ""),
        ("a peer of the root", json!({ "peerDependencies": { "a": "1" } }), json!({ "a": x(json!({})) }), ""),
        ("a needed one needs it", wants("a"), json!({ "a": wants("b"), "b": x(json!({})) }), ""),
        ("marked, needed, needs it", wants("a"), json!({ "a": x(wants("b")), "b": x(json!({})) }), ""),
        ("a marked one needs it", json!({}), json!({ "a": x(wants("b")), "b": x(json!({})) }), "a b"),
        ("two need each other", json!({}), json!({ "a": x(wants("b")), "b": x(wants("a")) }), "a b"),
        (
            "a member needs it",
            json!({}),
            json!({ "m": link, "packages/m": wants("b"), "b": x(json!({})) }),
            "",
        ),
        (
            "it lies in one",
            json!({}),
            json!({ "a": x(wants("b")), "node_modules/a/node_modules/b": {} }),
            "a b",
        ),
        (
            "another place is needed",
            wants("a"),
            json!({ "a": {}, "node_modules/a/node_modules/b": x(json!({})) }),
            "b",
        ),
    ] {
        for npm in ["8.19.4", "11.12.1", "12.2.2"] {
            assert_eq!(missing(&lockfile(&root, &packages), &machine(npm)), expected, "{why}, npm {npm}");
        }
    }
}

/// Measured with npm 7.24.2 to 12.2.2: from 11.12.0 on npm leaves out what nothing needs, whether
/// or not the lockfile marks it; 11.11.0 and all before install it.
#[test]
fn what_nothing_needs_and_nothing_marks_is_left_out_since_npm_11_12() {
    let wants = |name: &str| json!({ "dependencies": { name: "1" } });
    let optional_peer =
        || json!({ "peerDependencies": { "b": "1" }, "peerDependenciesMeta": { "b": { "optional": true } } });
    let link = json!({ "resolved": "packages/m", "link": true });
    for (why, root, packages, expected) in [
        ("nothing leads to it", wants("b"), json!({ "a": {}, "b": {} }), "a"),
        ("two need each other", wants("c"), json!({ "a": wants("b"), "b": wants("a"), "c": {} }), "a b"),
        ("the root needs it", wants("a"), json!({ "a": {} }), ""),
        ("a member needs it", json!({}), json!({ "m": link, "packages/m": wants("b"), "b": {} }), ""),
        (
            "a peer of what is needed",
            wants("a"),
            json!({ "a": { "peerDependencies": { "b": "1" } }, "b": { "peer": true } }),
            "",
        ),
        (
            "nothing but an optional peer",
            wants("a"),
            json!({ "a": optional_peer(), "b": { "peer": true } }),
            "b",
        ),
        (
            "an optional peer that another one needs",
            json!({ "dependencies": { "a": "1", "c": "1" } }),
            json!({ "a": optional_peer(), "b": {}, "c": wants("b") }),
            "",
        ),
        (
            "what an optional dependency leads to",
            json!({ "optionalDependencies": { "a": "1" } }),
            json!({ "a": { "optional": true, "optionalDependencies": { "b": "1" } }, "b": { "optional": true } }),
            "",
        ),
    ] {
        for (npm, leaves_out) in [
            ("8.19.4", false),
            ("10.9.9", false),
            ("11.11.0", false),
            ("11.12.0", true),
            ("11.19.1", true),
            ("12.2.2", true),
        ] {
            let expected = if leaves_out { expected } else { "" };
            assert_eq!(missing(&lockfile(&root, &packages), &machine(npm)), expected, "{why}, npm {npm}");
        }
    }
}
