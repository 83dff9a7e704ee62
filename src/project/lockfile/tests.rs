//! Lockfiles of every version, read and edited.

use super::edit::{Edit, edit};
use super::{EntryKind, Lockfile};
use crate::text::Source;
use serde_json::{Value, json};

fn read(json: &Value) -> Lockfile {
    let text = serde_json::to_string_pretty(json).unwrap();
    Lockfile::parse(Source::new("package-lock.json", text)).unwrap()
}

fn three() -> Value {
    json!({
        "name": "web", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": {"workspaces": ["packages/*"], "dependencies": {"remote": "https://cdn.example/r.tgz"}},
            "node_modules/@acme/internal": {
                "version": "1.0.0", "resolved": "https://u:pw@npm.acme.example/@acme/internal/-/internal-1.0.0.tgz?sig=1",
                "integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "dev": true, "hasInstallScript": true,
                "os": ["!win32"], "cpu": "x64", "optionalDependencies": {"x": "1"}},
            "node_modules/alias": {"name": "target", "version": "2.0.0"},
            "node_modules/git": {"version": "1.0.0", "resolved": "git+ssh://git@example.com/a/b.git#0123"},
            "node_modules/lib-a": {"resolved": "packages/lib-a", "link": true},
            "node_modules/remote": {"version": "1.0.0", "resolved": "https://cdn.example/r.tgz"},
            "node_modules/tar": {"version": "1.0.0", "resolved": "file:vendor/tar.tgz"},
            "node_modules/none": {"version": "1.0.0", "resolved": false, "integrity": ""},
            "node_modules/none/node_modules/bundled": {"version": "1.0.0", "inBundle": true},
            "node_modules/rootbundled": {"version": "1.0.0", "inBundle": true, "resolved": "https://r.example/a.tgz"},
            "packages/lib-a": {"name": "@acme/lib-a", "version": "3.0.0"},
            "packages/lib b": {}
        }
    })
}

#[test]
fn version_three_is_read() {
    let lockfile = read(&three());
    assert_eq!((lockfile.version, lockfile.entries.len()), (3, 11));
    let entry = &lockfile.entries["node_modules/@acme/internal"];
    assert_eq!(
        entry.resolved.as_deref(),
        Some("https://npm.acme.example/@acme/internal/-/internal-1.0.0.tgz")
    );
    assert!(entry.dev && entry.has_install_script && !entry.optional && entry.integrity.is_some());
    assert_eq!(
        (entry.os.as_slice(), entry.cpu.as_slice()),
        (["!win32".to_owned()].as_slice(), ["x64".to_owned()].as_slice())
    );
    assert!(!entry.resolved_place.as_ref().unwrap().excerpt.contains("pw"));
    assert_eq!(entry.place.column, 5);
    assert_eq!(entry.integrity_place.as_ref().unwrap().line, entry.place.line + 3);
    let alias = &lockfile.entries["node_modules/alias"];
    assert_eq!((alias.name.as_str(), alias.alias.as_ref().unwrap().as_str()), ("target", "alias"));
    assert_eq!(lockfile.entries["packages/lib-a"].name.as_str(), "@acme/lib-a");
    for (path, kind) in [
        ("node_modules/@acme/internal", EntryKind::Registry),
        ("node_modules/git", EntryKind::Git),
        ("node_modules/lib-a", EntryKind::Link),
        ("node_modules/remote", EntryKind::Remote),
        ("node_modules/tar", EntryKind::File),
        ("node_modules/none", EntryKind::Registry),
        ("node_modules/none/node_modules/bundled", EntryKind::Bundled),
        ("node_modules/rootbundled", EntryKind::Registry),
        ("packages/lib-a", EntryKind::Folder),
        ("packages/lib b", EntryKind::Folder),
    ] {
        assert_eq!(lockfile.entries[path].kind, kind, "{path}");
    }
    assert_eq!(lockfile.entries["node_modules/none"].resolved, None);
    assert_eq!(lockfile.entries["node_modules/none"].integrity_text, None);
}

fn one() -> Value {
    json!({"lockfileVersion": 1, "dependencies": {
        "a": {"version": "1.0.0", "resolved": "https://r.example/a.tgz", "integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
              "requires": {"b": "^1"}, "dependencies": {
                "b": {"version": "1.0.0", "bundled": true},
                "@s/c": {"version": "2.0.0", "resolved": "https://r.example/c.tgz", "optional": true}}},
        "git": {"version": "git+https://example.com/a.git#0123", "from": "git+https://example.com/a.git"},
        "link": {"version": "file:lib"},
        "tar": {"version": "file:vendor/tar.tgz", "integrity": "x"},
        "remote": {"version": "https://cdn.example/r.tgz"},
        "alias": {"version": "npm:@s/target@1.2.3", "resolved": "https://r.example/t.tgz"}
    }})
}

#[test]
fn version_one_is_flattened_to_paths() {
    let lockfile = read(&one());
    let found: Vec<_> = lockfile
        .entries
        .values()
        .map(|entry| (entry.path.as_str(), entry.name.as_str(), entry.version.as_str(), entry.kind))
        .collect();
    assert_eq!(
        found,
        [
            ("node_modules/a", "a", "1.0.0", EntryKind::Registry),
            ("node_modules/a/node_modules/@s/c", "@s/c", "2.0.0", EntryKind::Registry),
            ("node_modules/a/node_modules/b", "b", "1.0.0", EntryKind::Bundled),
            ("node_modules/alias", "@s/target", "1.2.3", EntryKind::Registry),
            ("node_modules/git", "git", "", EntryKind::Git),
            ("node_modules/link", "link", "", EntryKind::Link),
            ("node_modules/remote", "remote", "", EntryKind::Remote),
            ("node_modules/tar", "tar", "", EntryKind::File),
        ]
    );
    assert!(lockfile.entries["node_modules/a/node_modules/@s/c"].optional);
    let old = Lockfile::parse(Source::new("npm-shrinkwrap.json", "{\"dependencies\": {}}")).unwrap();
    assert_eq!(old.version, 1);
}

#[test]
fn version_one_names_a_registry_s_tarball_by_its_version() {
    const PLAIN: &str = "1.0.2";
    for (name, version, kind, read_as) in [
        ("wrappy", "https://r.example/wrappy/-/wrappy-1.0.2.tgz", EntryKind::Registry, PLAIN),
        ("wrappy", "http://r.example/wrappy/-/wrappy-1.0.2.tgz", EntryKind::Registry, PLAIN),
        ("@s/c", "https://r.example/npm/@s/c/-/c-1.0.2.tgz", EntryKind::Registry, PLAIN),
        ("@s/c", "https://r.example/@s%2fc/-/c-1.0.2.tgz", EntryKind::Registry, PLAIN),
        ("a", "https://r.example/a/-/a-1.0.2-rc.1.tgz", EntryKind::Registry, "1.0.2-rc.1"),
        ("a", "https://cdn.example/a-1.0.2.tgz", EntryKind::Remote, ""),
        ("a", "https://r.example/b/-/b-1.0.2.tgz", EntryKind::Remote, ""),
        ("a", "https://r.example/a/-/a-latest.tgz", EntryKind::Remote, ""),
    ] {
        let json = json!({"lockfileVersion": 1, "dependencies": {name: {"version": version}}});
        let entries = read(&json).entries;
        let entry = entries.values().next().unwrap();
        assert_eq!((entry.kind, entry.version.as_str()), (kind, read_as), "{version}");
        assert_eq!(entry.resolved.as_deref(), Some(version));
        assert_eq!(entry.resolved_place.as_ref().unwrap().line, entry.place.line + 1);
    }
}

fn edited(json: &Value, path: &str, what: Edit) -> Value {
    for text in [serde_json::to_string_pretty(json).unwrap(), serde_json::to_string(json).unwrap()] {
        let source = Source::new("package-lock.json", text.clone());
        assert_eq!(edit(&source, |_| Edit::Keep).unwrap(), text);
    }
    let text = serde_json::to_string_pretty(json).unwrap();
    let out = edit(&Source::new("x", text), |at| if at == path { what.clone() } else { Edit::Keep }).unwrap();
    serde_json::from_str(&out).unwrap()
}

fn without(json: &Value, pointer: &str, keys: &[&str]) -> Value {
    let mut json = json.clone();
    let object = json.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    for key in keys {
        object.shift_remove(*key).unwrap();
    }
    json
}

#[test]
fn members_are_cut_out_of_an_entry_and_nothing_else() {
    let pointer = "/packages/node_modules~1@acme~1internal";
    for (resolved, integrity, keys) in [
        (true, false, vec!["resolved"]),
        (false, true, vec!["integrity"]),
        (true, true, vec!["resolved", "integrity"]),
        (false, false, vec![]),
    ] {
        let out = edited(&three(), "node_modules/@acme/internal", Edit::Strip { resolved, integrity });
        assert_eq!(out, without(&three(), pointer, &keys));
        let out = edited(&one(), "node_modules/a", Edit::Strip { resolved, integrity });
        assert_eq!(out, without(&one(), "/dependencies/a", &keys));
    }
    // The only members of an entry, and the first of it.
    let only =
        json!({"lockfileVersion": 3, "packages": {"node_modules/a": {"resolved": "x", "integrity": "y"}}});
    let out = edited(&only, "node_modules/a", Edit::Strip { resolved: true, integrity: true });
    assert_eq!(out, json!({"lockfileVersion": 3, "packages": {"node_modules/a": {}}}));
}

#[test]
fn version_two_is_changed_in_both_sections() {
    let two = json!({"lockfileVersion": 2,
        "packages": {"node_modules/a/node_modules/b": {"resolved": "x", "version": "1"}},
        "dependencies": {"a": {"version": "1", "dependencies": {"b": {"version": "1", "resolved": "x"}}}}});
    let out = edited(&two, "node_modules/a/node_modules/b", Edit::Strip { resolved: true, integrity: true });
    assert_eq!(
        out,
        json!({"lockfileVersion": 2,
            "packages": {"node_modules/a/node_modules/b": {"version": "1"}},
            "dependencies": {"a": {"version": "1", "dependencies": {"b": {"version": "1"}}}}})
    );
}

#[test]
fn a_link_becomes_an_entry_of_a_registry_and_a_folder_goes() {
    let version = || Edit::FromRegistry { version: "3.0.0".to_owned() };
    let out = edited(&three(), "node_modules/lib-a", version());
    assert_eq!(out.pointer("/packages/node_modules~1lib-a"), Some(&json!({"version": "3.0.0"})));
    let out = edited(&three(), "packages/lib-a", Edit::Drop);
    assert_eq!(out, without(&three(), "/packages", &["packages/lib-a"]));
    let out = edited(&three(), "packages/lib b", Edit::Drop);
    assert_eq!(out, without(&three(), "/packages", &["packages/lib b"]));
    let out = edited(&one(), "node_modules/link", version());
    assert_eq!(out.pointer("/dependencies/link"), Some(&json!({"version": "3.0.0"})));
}

#[test]
fn many_entries_of_one_long_line_are_read() {
    let packages: serde_json::Map<String, Value> = (0..20_000)
        .map(|at| {
            (format!("node_modules/p{at}"), json!({"version": "1.0.0", "resolved": "https://r.example/x"}))
        })
        .collect();
    let text = json!({"lockfileVersion": 3, "packages": packages}).to_string();
    let lockfile = Lockfile::parse(Source::new("package-lock.json", text)).unwrap();
    assert_eq!(lockfile.entries.len(), 20_000);
    assert!(lockfile.entries.values().all(|entry| entry.place.line == 1));
}

#[test]
fn what_npm_forgets_is_counted_apart() {
    let gone = json!({ "name": "@acme/gone", "version": "1.0.0", "extraneous": true });
    let packages = json!({ "": {}, "node_modules/b": {}, "packages/gone": gone,
        "packages/gone/node_modules/once": { "version": "1.4.0" }, "../beside": gone });
    let read = read(&json!({ "lockfileVersion": 3, "packages": packages }));
    assert_eq!(read.entries.into_keys().collect::<Vec<_>>(), ["node_modules/b"]);
    let mut forgotten = read.forgotten;
    forgotten.sort();
    assert_eq!(forgotten, ["../beside", "packages/gone", "packages/gone/node_modules/once"]);
}

/// npm keeps the folder of a member that is gone, marks it, and installs nothing of it.
#[test]
fn the_folder_of_a_former_member_is_no_entry() {
    let gone = json!({ "name": "@acme/gone", "version": "1.0.0", "extraneous": true });
    let nested = json!({ "version": "1.4.0" });
    let link = |to: &str| json!({ "resolved": to, "link": true });
    let left = |packages: Value| {
        let read = read(&json!({ "lockfileVersion": 3, "packages": packages }));
        read.entries.into_keys().collect::<Vec<_>>().join(" ")
    };
    for (packages, expected) in [
        (json!({ "packages/gone": gone, "packages/gone/node_modules/once": nested }), ""),
        (
            json!({ "packages/gone": gone, "packages/gone2": {}, "node_modules/b": {} }),
            "node_modules/b packages/gone2",
        ),
        (json!({ "packages/gone": gone, "packages/gone/sub": {} }), "packages/gone/sub"),
        (
            json!({ "packages/gone": gone, "packages/gone/sub": gone, "packages/gone/sub/node_modules/a": {} }),
            "",
        ),
        // What a link leads to is in the tree.
        (
            json!({ "node_modules/gone": link("packages/gone"), "packages/gone": gone }),
            "node_modules/gone packages/gone",
        ),
        (
            json!({ "node_modules/gone": link("file:packages/gone"), "packages/gone": gone }),
            "node_modules/gone packages/gone",
        ),
        (json!({ "packages/gone": { "extraneous": false } }), "packages/gone"),
        (json!({ "packages/gone": { "extraneous": "true" } }), "packages/gone"),
    ] {
        assert_eq!(left(packages.clone()), expected, "{packages}");
    }
}
