//! Each kind of change, in each form of a lockfile.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what a test prepares is its own")]

mod standing;

use super::*;
use crate::project::class::Class;
use crate::project::registry::RegistryUrl;
use crate::text::Source;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const OLD: &str =
    "sha512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
const NEW: &str =
    "sha512-BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
const SHA1: &str = "sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Name to entry, as version 3 has it.
type Tree = Map<String, Value>;

fn entry(name: &str, version: &str) -> Value {
    let bare = name.rsplit('/').next().unwrap();
    json!({ "version": version, "integrity": OLD,
        "resolved": format!("https://registry.example/{name}/-/{bare}-{version}.tgz") })
}

fn tree(of: &[(&str, Value)]) -> Tree {
    of.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A lockfile of that version and name. Version 1 has names in the place of paths.
fn lockfile(file: &str, version: u8, tree: &Tree) -> Lockfile {
    let packages: Map<String, Value> =
        tree.iter().map(|(name, value)| (format!("node_modules/{name}"), value.clone())).collect();
    let mut json = json!({ "name": "shop", "lockfileVersion": version });
    if version < 3 {
        json["dependencies"] = Value::Object(tree.clone());
    }
    if version > 1 {
        json["packages"] = Value::Object(packages);
    }
    Lockfile::parse(Source::new(file, format!("{json:#}"))).unwrap()
}

fn classes(lockfile: &Lockfile) -> BTreeMap<String, Classified> {
    let class = |name: &str| {
        let private = name.starts_with("@acme/");
        Classified {
            class: if private { Class::Private } else { Class::Public },
            registry: private.then(|| RegistryUrl::parse("https://npm.acme.example/").unwrap()),
            because: String::new(),
            from: String::new(),
        }
    };
    lockfile.entries.iter().map(|(path, entry)| (path.clone(), class(entry.name.as_str()))).collect()
}

fn manifests(text: &Value) -> BTreeMap<String, Manifest> {
    let manifest = Manifest::parse(Source::new("package.json", format!("{text:#}"))).unwrap();
    std::iter::once((String::new(), manifest)).collect()
}

fn between(
    (left, old): (&Lockfile, &BTreeMap<String, Manifest>),
    (right, new): (&Lockfile, &BTreeMap<String, Manifest>),
) -> Vec<LockChange> {
    let (of_left, of_right) = (classes(left), classes(right));
    changes(
        &Revision { lockfile: left, classes: &of_left, manifests: old },
        &Revision { lockfile: right, classes: &of_right, manifests: new },
        &Settings::default(),
        &here(),
    )
}

fn here() -> Machine {
    Machine {
        os: "linux".to_owned(),
        cpu: "x64".to_owned(),
        libc: Some("glibc".to_owned()),
        node: "20.20.2".parse().unwrap(),
        npm: "10.9.9".parse().unwrap(),
    }
}

/// Kind, name, before, after.
fn told(changes: &[LockChange]) -> Vec<(Kind, &str, Option<&str>, Option<&str>)> {
    changes.iter().map(|of| (of.kind, of.name.as_str(), of.left.as_deref(), of.right.as_deref())).collect()
}

fn with(mut value: Value, key: &str, to: Value) -> Value {
    if to.is_null() {
        value.as_object_mut().unwrap().remove(key);
    } else {
        value[key] = to;
    }
    value
}

/// A name, its entry before and after, and what is told: kind, before, after.
type Row<'a> = (&'a str, Value, Value, &'a [(Kind, Option<&'a str>, Option<&'a str>)]);

#[test]
fn each_kind_of_change_is_told_in_each_form_of_a_lockfile() {
    let a = || entry("a", "1.0.0");
    let at = |value: Value, url: &str| with(value, "resolved", json!(url));
    let acme = |host: &str| at(entry("@acme/x", "1.0.0"), &format!("https://{host}/@acme/x/-/x-1.0.0.tgz"));
    let own = || acme("npm.acme.example");
    let table: &[Row<'_>] = &[
        ("a", Value::Null, a(), &[(Kind::Added, None, Some("registry.example"))]),
        ("a", a(), Value::Null, &[(Kind::Removed, None, None)]),
        ("a", a(), entry("a", "1.1.0"), &[(Kind::Version, Some("1.0.0"), Some("1.1.0"))]),
        ("a", a(), with(a(), "integrity", json!(NEW)), &[(Kind::OtherBytes, Some(OLD), Some(NEW))]),
        (
            "a",
            a(),
            with(a(), "integrity", json!(format!("{OLD} {NEW}"))),
            &[(Kind::OtherBytes, Some(OLD), Some(&format!("{OLD} {NEW}")))],
        ),
        ("a", a(), with(a(), "integrity", Value::Null), &[(Kind::IntegrityLost, Some("sha512"), None)]),
        ("a", a(), with(a(), "integrity", json!("md5-xx")), &[(Kind::IntegrityLost, Some("sha512"), None)]),
        (
            "a",
            a(),
            with(a(), "integrity", json!(SHA1)),
            &[(Kind::IntegrityWeakened, Some("sha512"), Some("sha1"))],
        ),
        (
            "a",
            with(a(), "integrity", json!(SHA1)),
            a(),
            &[(Kind::IntegrityStrengthened, Some("sha1"), Some("sha512"))],
        ),
        (
            "a",
            Value::Null,
            with(a(), "integrity", Value::Null),
            &[(Kind::IntegrityMissing, None, None), (Kind::Added, None, Some("registry.example"))],
        ),
        (
            "a",
            Value::Null,
            with(a(), "integrity", json!(SHA1)),
            &[(Kind::IntegrityMissing, None, Some("sha1")), (Kind::Added, None, Some("registry.example"))],
        ),
        (
            "a",
            a(),
            at(a(), "https://packages.stranger.example/a/-/a-1.0.0.tgz"),
            &[(Kind::Source, Some("registry.example"), Some("packages.stranger.example"))],
        ),
        (
            "a",
            a(),
            at(a(), "http://registry.example/a/-/a-1.0.0.tgz"),
            &[(Kind::Source, Some("registry.example"), Some("http://registry.example"))],
        ),
        (
            "a",
            a(),
            with(a(), "resolved", Value::Null),
            &[(Kind::Source, Some("registry.example"), Some("wherever npm's config says"))],
        ),
        (
            "a",
            a(),
            at(a(), "https://registry.example/evil/-/evil-1.0.0.tgz"),
            &[(Kind::OtherTarball, Some("a"), Some("evil"))],
        ),
        (
            "a",
            a(),
            at(a(), "https://registry.example/@evil/a/-/a-1.0.0.tgz"),
            &[(Kind::OtherTarball, Some("a"), Some("@evil/a"))],
        ),
        (
            "a",
            a(),
            at(a(), "https://registry.example/a/-/a-0.9.0.tgz"),
            &[(Kind::OtherTarball, Some("a@1.0.0"), Some("a@0.9.0"))],
        ),
        (
            "@acme/x",
            own(),
            acme("registry.example"),
            &[(Kind::PrivateFromElsewhere, Some("npm.acme.example"), Some("registry.example"))],
        ),
        ("@acme/x", acme("registry.example"), acme("registry.example"), &[]),
        ("@acme/x", Value::Null, own(), &[(Kind::Added, None, Some("npm.acme.example"))]),
        (
            "@acme/x",
            Value::Null,
            acme("registry.example"),
            &[
                (Kind::PrivateFromElsewhere, Some("https://npm.acme.example/"), Some("registry.example")),
                (Kind::Added, None, Some("registry.example")),
            ],
        ),
        ("a", with(a(), "dev", json!(true)), a(), &[(Kind::Flags, Some("dev"), Some("always installed"))]),
    ];
    let none = BTreeMap::new();
    for (file, version) in [
        ("package-lock.json", 1),
        ("package-lock.json", 2),
        ("package-lock.json", 3),
        ("npm-shrinkwrap.json", 1),
        ("npm-shrinkwrap.json", 3),
    ] {
        for (name, before, after, expected) in table {
            let of = |value: &Value| {
                let mut tree = tree(&[("other", entry("other", "1.0.0"))]);
                if !value.is_null() {
                    tree.insert((*name).to_owned(), value.clone());
                }
                tree
            };
            let (left, right) = (lockfile(file, version, &of(before)), lockfile(file, version, &of(after)));
            let changes = between((&left, &none), (&right, &none));
            let expected: Vec<_> =
                expected.iter().map(|(kind, left, right)| (*kind, *name, *left, *right)).collect();
            assert_eq!(told(&changes), expected, "{file} {version}: {before} {after}");
        }
    }
}

#[test]
fn install_scripts_are_new_once_and_unknown_of_version_1() {
    let none = BTreeMap::new();
    let plain = tree(&[("a", entry("a", "1.0.0"))]);
    let script = tree(&[("a", with(entry("a", "1.0.0"), "hasInstallScript", json!(true)))]);
    let newer = tree(&[("a", with(entry("a", "1.1.0"), "hasInstallScript", json!(true)))]);
    for version in [2, 3] {
        let of = |tree: &Tree| lockfile("package-lock.json", version, tree);
        let kinds = |left: &Tree, right: &Tree| -> Vec<Kind> {
            between((&of(left), &none), (&of(right), &none)).iter().map(|change| change.kind).collect()
        };
        assert_eq!(kinds(&plain, &script), [Kind::InstallScript]);
        assert_eq!(kinds(&Tree::new(), &script), [Kind::InstallScript, Kind::Added]);
        assert_eq!(kinds(&script, &newer), [Kind::Version]);
        assert_eq!(kinds(&plain, &newer), [Kind::InstallScript, Kind::Version]);
    }
    let first = lockfile("package-lock.json", 1, &plain);
    let third = lockfile("package-lock.json", 3, &script);
    let changes = between((&first, &none), (&third, &none));
    let (left, right) = ("package-lock.json, version 1", "package-lock.json, version 3");
    assert_eq!(told(&changes), [(Kind::Form, "", Some(left), Some(right))]);
    let of = classes(&first);
    let old = Revision { lockfile: &first, classes: &of, manifests: &none };
    assert!(silences(&old, &old)[0].contains("version 1 does not say"));
}

#[test]
fn a_package_that_moves_in_the_tree_is_nothing_new() {
    let none = BTreeMap::new();
    let of = |path: &str| {
        let json = json!({ "lockfileVersion": 3, "packages": { path: entry("a", "1.0.0") } });
        Lockfile::parse(Source::new("package-lock.json", json.to_string())).unwrap()
    };
    let (left, right) = (of("node_modules/a"), of("node_modules/b/node_modules/a"));
    let changes = between((&left, &none), (&right, &none));
    let (from, to) = ("node_modules/a", "node_modules/b/node_modules/a");
    assert_eq!(told(&changes), [(Kind::Moved, "a", Some(from), Some(to))]);
}

#[test]
fn what_package_json_says_is_held_against_the_lockfile() {
    let lockfile = |version: &str| lockfile("package-lock.json", 3, &tree(&[("a", entry("a", version))]));
    let (one, two) = (lockfile("1.0.0"), lockfile("2.0.0"));
    let asks = |range: &str| manifests(&json!({ "name": "shop", "dependencies": { "a": range } }));
    let range = asks("^1.0.0");
    let changes = between((&one, &range), (&two, &range));
    assert_eq!(changes[0].kind, Kind::OutOfRange);
    assert_eq!((changes[0].left.as_deref(), changes[0].right.as_deref()), (Some("^1.0.0"), Some("2.0.0")));
    for good in ["^2.0.0", "latest", "npm:a@2", "https://x.example/a.tgz", "*"] {
        let asked = asks(good);
        let kinds: Vec<Kind> =
            between((&one, &range), (&two, &asked)).iter().map(|change| change.kind).collect();
        assert_eq!(kinds, [Kind::Version], "{good}");
    }
    // What was so before is not this update's.
    let wrong = asks("^9.0.0");
    assert_eq!(between((&one, &wrong), (&one, &wrong)), []);

    let scripts = |scripts: Value| manifests(&json!({ "name": "shop", "scripts": scripts }));
    let (old, new) =
        (scripts(json!({ "test": "x" })), scripts(json!({ "test": "y", "prepare": "node p.js" })));
    let changes = between((&one, &old), (&one, &new));
    assert_eq!(told(&changes), [(Kind::OwnScript, "shop", None, Some("prepare: node p.js"))]);
    let allows = |list: Value| manifests(&json!({ "name": "shop", "allowScripts": list }));
    let (old, new) = (allows(json!({ "a": false })), allows(json!({ "a": true })));
    assert_eq!(told(&between((&one, &old), (&one, &new))), [(Kind::ScriptAllowed, "a", None, None)]);
}

#[test]
fn the_worst_comes_first() {
    let none = BTreeMap::new();
    let old = tree(&[("@acme/x", at_home()), ("a", entry("a", "1.0.0"))]);
    let new = tree(&[
        ("@acme/x", entry("@acme/x", "1.0.0")),
        ("a", entry("a", "1.1.0")),
        ("b", with(entry("b", "1.0.0"), "hasInstallScript", json!(true))),
    ]);
    let of = |tree: &Tree| lockfile("package-lock.json", 3, tree);
    let changes = between((&of(&old), &none), (&of(&new), &none));
    let kinds: Vec<Kind> = changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [Kind::PrivateFromElsewhere, Kind::InstallScript, Kind::Added, Kind::Version]);
    assert_eq!(changes[0].place.as_ref().map(|place| place.file.as_str()), Some("package-lock.json"));
}

fn at_home() -> Value {
    with(entry("@acme/x", "1.0.0"), "resolved", json!("https://npm.acme.example/@acme/x/-/x-1.0.0.tgz"))
}

fn any_entry() -> impl Strategy<Value = Value> {
    let resolved = prop_oneof![
        Just(Value::Null),
        Just(json!("https://registry.example/evil/-/evil-1.tgz")),
        Just(json!("git+ssh://git@git.example/a.git#0123")),
        Just(json!("file:a.tgz")),
        "[ -~]{0,30}"
            .prop_filter("a path may lead out", |text| !text.contains("file:"))
            .prop_map(Value::from),
    ];
    let integrity = prop_oneof![Just(Value::Null), Just(json!(OLD)), Just(json!(SHA1)), Just(json!("x"))];
    ("[0-9]{1,2}\\.[0-9]\\.[0-9](-rc)?", resolved, integrity, any::<bool>(), any::<bool>()).prop_map(
        |(version, resolved, integrity, script, dev)| {
            json!({ "version": version, "resolved": resolved, "integrity": integrity,
                "hasInstallScript": script, "dev": dev })
        },
    )
}

proptest! {
    #[test]
    fn a_lockfile_compared_with_itself_gives_nothing(
        names in proptest::collection::btree_map("(@acme/)?[a-z]{1,4}", any_entry(), 0..12),
        version in 1_u8..=3,
        range in "[~^]?[0-9]",
    ) {
        let tree: Tree = names.into_iter().collect();
        let manifest = manifests(&json!({
            "dependencies": tree.keys().map(|name| (name.clone(), json!(range))).collect::<Map<_, _>>(),
            "scripts": { "prepare": "x" },
        }));
        let lockfile = lockfile("package-lock.json", version, &tree);
        prop_assert_eq!(between((&lockfile, &manifest), (&lockfile, &manifest)), []);
    }
}

#[test]
fn no_field_of_an_entry_changes_without_a_word() {
    let none = BTreeMap::new();
    let a = || with(entry("a", "1.0.0"), "optional", json!(true));
    let gone = Kind::NoLongerInstalled;
    // A field, how it was and is, and what is told of it.
    let table: &[Row<'_>] = &[
        (
            "os",
            json!(null),
            json!(["win32"]),
            &[
                (gone, None, Some("os: win32, and here is linux")),
                (Kind::Terms, Some("os: none"), Some("os: win32")),
            ],
        ),
        (
            "os",
            json!(["win32"]),
            json!(["win32", "linux"]),
            &[
                (Kind::InstalledNow, Some("os: win32, and here is linux"), None),
                (Kind::Terms, Some("os: win32"), Some("os: linux, win32")),
            ],
        ),
        ("os", json!(["linux", "win32"]), json!(["win32", "linux"]), &[]),
        ("os", json!("linux"), json!(["linux"]), &[]),
        (
            "cpu",
            json!(["x64"]),
            json!(["!x64"]),
            &[
                (gone, None, Some("cpu: !x64, and here is x64")),
                (Kind::Terms, Some("cpu: x64"), Some("cpu: !x64")),
            ],
        ),
        (
            "libc",
            json!(["musl"]),
            json!(null),
            &[
                (Kind::InstalledNow, Some("libc: musl, and here is glibc"), None),
                (Kind::Terms, Some("libc: musl"), Some("libc: none")),
            ],
        ),
        ("libc", json!(["glibc"]), json!(null), &[(Kind::Terms, Some("libc: glibc"), Some("libc: none"))]),
        (
            "engines",
            json!({ "node": ">=18" }),
            json!({ "node": ">=99" }),
            &[
                (gone, None, Some("engines: node >=99, and here is 20.20.2")),
                (Kind::Terms, Some("engines: node >=18"), Some("engines: node >=99")),
            ],
        ),
        (
            "bin",
            json!({ "a": "a.js" }),
            json!({ "a": "a.js", "git": "a.js" }),
            &[(Kind::Terms, Some("bin: none"), Some("bin: git a.js"))],
        ),
        (
            "dependencies",
            json!({ "b": "^1.0.0", "c": "1" }),
            json!({ "b": "^2.0.0", "c": "1" }),
            &[(Kind::Terms, Some("dependencies: b ^1.0.0"), Some("dependencies: b ^2.0.0"))],
        ),
        (
            "optionalDependencies",
            json!({ "b": "1" }),
            json!(null),
            &[(Kind::Terms, Some("optionalDependencies: b 1"), Some("optionalDependencies: none"))],
        ),
        ("optionalDependencies", json!({}), json!(null), &[]),
        (
            "peerDependenciesMeta",
            json!(null),
            json!({ "b": { "optional": true } }),
            &[(
                Kind::Terms,
                Some("peerDependenciesMeta: none"),
                Some("peerDependenciesMeta: b {optional: true}"),
            )],
        ),
        (
            "inBundle",
            json!(null),
            json!(true),
            &[(Kind::Terms, Some("inBundle: none"), Some("inBundle: true"))],
        ),
        ("inBundle", json!(null), json!(false), &[]),
        (
            "hasInstallScript",
            json!(true),
            json!(null),
            &[(Kind::Terms, Some("hasInstallScript: true"), Some("hasInstallScript: none"))],
        ),
        ("hasInstallScript", json!(null), json!(true), &[(Kind::InstallScript, None, None)]),
        (
            "hasShrinkwrap",
            json!(null),
            json!(true),
            &[(Kind::Terms, Some("hasShrinkwrap: none"), Some("hasShrinkwrap: true"))],
        ),
        (
            "devOptional",
            json!(null),
            json!(true),
            &[(Kind::Terms, Some("devOptional: none"), Some("devOptional: true"))],
        ),
        (
            "ofAnotherNpm",
            json!(1),
            json!(2),
            &[(Kind::Terms, Some("ofAnotherNpm: 1"), Some("ofAnotherNpm: 2"))],
        ),
        (
            "license",
            json!("MIT"),
            json!("ISC"),
            &[(Kind::Metadata, Some("license: MIT"), Some("license: ISC"))],
        ),
    ];
    for version in [2, 3] {
        for (field, before, after, expected) in table {
            let of = |value: &Value| {
                lockfile("package-lock.json", version, &tree(&[("a", with(a(), field, value.clone()))]))
            };
            let changes = between((&of(before), &none), (&of(after), &none));
            let expected: Vec<_> =
                expected.iter().map(|(kind, left, right)| (*kind, "a", *left, *right)).collect();
            assert_eq!(told(&changes), expected, "{version} {field}: {before} {after}");
        }
    }
}
