//! Edits of a lockfile's and a manifest's JSON text.
//!
//! The order of keys and the indentation stay, so that the changed file differs
//! from the user's only where a scenario takes something away. Works on the text
//! alone, for lockfile versions 1 (`dependencies`, nested), 2 (both sections,
//! npm 6 reads the one and newer npm the other) and 3 (`packages`).

use crate::project::lockfile::registry_version;
use crate::project::name::PackageName;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A local package that is to look like one of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlinked {
    /// Its name in the tree.
    pub name: String,
    /// The version it is asked for by.
    pub version: String,
}

/// Takes `fields` (`resolved`, `integrity`) out of the entries at `paths`.
/// Entries that are not there are passed over.
pub fn remove_fields(
    text: &str,
    paths: &BTreeSet<String>,
    fields: &[&str],
) -> Result<String, serde_json::Error> {
    edit(text, |root| {
        for path in paths {
            for entry in entries(root, path) {
                let had_source = entry.contains_key("resolved");
                for field in fields {
                    entry.shift_remove(*field);
                }
                if fields.contains(&"resolved") && !had_source {
                    bare_version(path, entry);
                }
            }
        }
    })
}

/// Leaves the version alone where npm 5 wrote the tarball's URL into `version` in place of
/// `resolved`.
fn bare_version(path: &str, entry: &mut Map<String, Value>) {
    let name = path.rsplit("node_modules/").next().and_then(|name| PackageName::parse(name).ok());
    let written = entry.get("version").and_then(Value::as_str);
    let version = name.zip(written).and_then(|(name, written)| registry_version(&name, written));
    if let Some(version) = version {
        entry.insert("version".to_owned(), Value::from(version));
    }
}

/// Replaces the credentials of URLs (`https://user:password@`), keyed by those that stand there.
pub fn replace_userinfo(text: &str, planted: &BTreeMap<String, String>) -> String {
    planted.iter().fold(text.to_owned(), |text, (real, planted)| {
        text.replace(&format!("://{real}@"), &format!("://{planted}@"))
    })
}

/// Turns local packages into ones of a registry: their links become entries
/// with a version alone, their folders go, and the root asks for each by version.
/// `locals` is keyed by the path of the link (`node_modules/@acme/ui`),
/// `folders` are those of members and `file:` packages.
pub fn unlink_lockfile(
    text: &str,
    locals: &BTreeMap<String, Unlinked>,
    folders: &BTreeSet<String>,
) -> Result<String, serde_json::Error> {
    edit(text, |root| {
        if let Some(packages) = root.get_mut("packages").and_then(Value::as_object_mut) {
            let is_gone = |path: &String| {
                folders.iter().any(|folder| {
                    path == folder
                        || path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
                })
            };
            // What a local tarball bundles is not in the one that a registry gives in its place.
            let is_inside = |path: &String, entry: &Value| {
                let above = path.rfind("/node_modules/").and_then(|at| path.get(..at));
                let local = above.is_some_and(|above| {
                    let within = |local: &str| above == local || above.starts_with(&format!("{local}/"));
                    locals.keys().any(|local| within(local))
                });
                local && entry.get("inBundle") == Some(&Value::Bool(true))
            };
            packages.retain(|path, entry| !is_gone(path) && !is_inside(path, entry));
            for (path, local) in locals {
                // What a folder that is gone linked lies where the root, which asks for it now,
                // has its packages.
                let place = match is_gone(path) {
                    true => format!("node_modules/{}", local.name),
                    false => path.clone(),
                };
                packages.insert(place, bare_entry(local));
            }
            if let Some(root_entry) = packages.get_mut("").and_then(Value::as_object_mut) {
                ask_by_version(root_entry, locals.values());
            }
        }
        if let Some(dependencies) = root.get_mut("dependencies").and_then(Value::as_object_mut) {
            for local in locals.values() {
                dependencies.insert(local.name.clone(), bare_entry(local));
            }
        }
    })
}

/// The same for package.json: no workspaces, and each local package asked for by version.
pub fn unlink_manifest(text: &str, locals: &BTreeMap<String, Unlinked>) -> Result<String, serde_json::Error> {
    edit(text, |root| ask_by_version(root, locals.values()))
}

fn bare_entry(local: &Unlinked) -> Value {
    Value::Object(Map::from_iter([("version".to_owned(), Value::from(local.version.as_str()))]))
}

fn ask_by_version<'a>(root: &mut Map<String, Value>, locals: impl Iterator<Item = &'a Unlinked>) {
    root.shift_remove("workspaces");
    for local in locals {
        let mut asked = false;
        for section in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] {
            if let Some(range) = root.get_mut(section).and_then(|section| section.get_mut(&local.name)) {
                *range = Value::from(local.version.as_str());
                asked = true;
            }
        }
        if !asked {
            let section = root.entry("dependencies").or_insert_with(|| Value::Object(Map::new()));
            if let Some(section) = section.as_object_mut() {
                section.insert(local.name.clone(), Value::from(local.version.as_str()));
            }
        }
    }
}

/// The entry at a path, in each section that has it.
pub(super) fn entries<'a>(root: &'a mut Map<String, Value>, path: &str) -> Vec<&'a mut Map<String, Value>> {
    let mut found = Vec::new();
    for (section, value) in root.iter_mut() {
        let Some(value) = value.as_object_mut() else { continue };
        match section.as_str() {
            "packages" => found.extend(value.get_mut(path).and_then(Value::as_object_mut)),
            "dependencies" => found.extend(nested(value, path)),
            _ => {}
        }
    }
    found
}

/// `node_modules/a/node_modules/@s/b` is `a.dependencies.@s/b`. What lies below a
/// folder is under the name of the link to it (`"version": "file:packages/ui"`).
fn nested<'a>(dependencies: &'a mut Map<String, Value>, path: &str) -> Option<&'a mut Map<String, Value>> {
    let (folder, names) = split_path(path);
    let mut keys = Vec::new();
    if !folder.is_empty() {
        let link = format!("file:{folder}");
        let owner = dependencies
            .iter()
            .find(|(_, entry)| entry.get("version").and_then(Value::as_str) == Some(link.as_str()))?;
        keys.push(owner.0.clone());
    }
    keys.extend(names);
    let (last, owners) = keys.split_last()?;
    let mut level = dependencies;
    for owner in owners {
        level = level.get_mut(owner)?.get_mut("dependencies")?.as_object_mut()?;
    }
    level.get_mut(last)?.as_object_mut()
}

/// The folder before the first `node_modules`, and the name of each package on the way.
pub(super) fn split_path(path: &str) -> (String, Vec<String>) {
    let mut folder = Vec::new();
    let mut names = Vec::new();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        if part != "node_modules" {
            folder.push(part);
            continue;
        }
        let Some(first) = parts.next() else { break };
        match (first.starts_with('@'), parts.peek()) {
            (true, Some(bare)) => {
                names.push(format!("{first}/{bare}"));
                parts.next();
            }
            (true, None) | (false, _) => names.push(first.to_owned()),
        }
    }
    (folder.join("/"), names)
}

/// Parses, changes, and writes in the same style. A text whose root is no
/// object comes back as it is.
pub(super) fn edit(
    text: &str,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Result<String, serde_json::Error> {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut value: Value = serde_json::from_str(bare)?;
    let Some(root) = value.as_object_mut() else { return Ok(text.to_owned()) };
    let before = root.clone();
    change(root);
    // Map equality passes over the order, which an edit never changes.
    if *root == before {
        return Ok(text.to_owned());
    }
    let mut out = match indent(bare) {
        None => serde_json::to_string(&value)?,
        Some(indent) => {
            let mut bytes = Vec::new();
            let style = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
            serde::Serialize::serialize(
                &value,
                &mut serde_json::Serializer::with_formatter(&mut bytes, style),
            )?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    if bare.ends_with('\n') {
        out.push('\n');
    }
    Ok(out)
}

/// What the second line is indented by; `None` for a file of one line.
fn indent(text: &str) -> Option<&str> {
    let line = text.trim_end().split_once('\n')?.1;
    let width = line.len() - line.trim_start_matches([' ', '\t']).len();
    Some(&line[..width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paths(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn version_3_loses_only_what_was_asked_for() {
        let text = "{\n\t\"lockfileVersion\": 3,\n\t\"packages\": {\n\t\t\"node_modules/@acme/a\": {\n\t\t\t\
                    \"version\": \"1.0.0\",\n\t\t\t\"resolved\": \"https://npm.acme.example/a.tgz\",\n\t\t\t\
                    \"integrity\": \"sha512-x\",\n\t\t\t\"dev\": true\n\t\t}\n\t}\n}\n";
        let out = remove_fields(text, &paths(&["node_modules/@acme/a"]), &["resolved"]).unwrap();
        assert_eq!(out, text.replace("\t\t\t\"resolved\": \"https://npm.acme.example/a.tgz\",\n", ""));
    }

    #[test]
    fn version_1_is_nested_and_version_2_has_both_sections() {
        let v1 = r#"{"lockfileVersion":1,"dependencies":{"x":{"version":"1.0.0","resolved":"r","dependencies":{"@acme/a":{"version":"1.0.0","resolved":"r","integrity":"i"}}}}}"#;
        let out =
            remove_fields(v1, &paths(&["node_modules/x/node_modules/@acme/a"]), &["resolved", "integrity"])
                .unwrap();
        assert_eq!(out, v1.replace(r#","resolved":"r","integrity":"i""#, ""));
        let v2 = r#"{"packages":{"node_modules/a":{"version":"1.0.0","resolved":"r"}},"dependencies":{"a":{"version":"1.0.0","resolved":"r"}}}"#;
        let out = remove_fields(v2, &paths(&["node_modules/a"]), &["resolved"]).unwrap();
        assert!(!out.contains("resolved"), "{out}");
    }

    #[test]
    fn a_source_that_stands_in_version_goes_too() {
        for (name, written, left) in [
            ("a", "https://r.example/a/-/a-1.2.3.tgz", "1.2.3"),
            ("@s/c", "http://r.example/npm/@s/c/-/c-1.2.3-rc.1.tgz", "1.2.3-rc.1"),
            // A URL of its own is all that it has.
            ("a", "https://cdn.example/a-1.2.3.tgz", "https://cdn.example/a-1.2.3.tgz"),
            ("a", "1.2.3", "1.2.3"),
        ] {
            let text =
                |version: &str| serde_json::json!({"dependencies": {name: {"version": version}}}).to_string();
            let out =
                |fields| remove_fields(&text(written), &paths(&[&format!("node_modules/{name}")]), fields);
            assert_eq!(out(&["resolved"]).unwrap(), text(left), "{written}");
            assert_eq!(out(&["integrity"]).unwrap(), text(written), "{written}");
        }
    }

    #[test]
    fn what_a_local_tarball_bundles_goes_with_it() {
        let lock = r#"{"packages":{"":{"dependencies":{"o":"file:o.tgz"}},"node_modules/o":{"version":"0.1.4","resolved":"file:o.tgz","bundleDependencies":["in"]},"node_modules/o/node_modules/in":{"version":"1.3.0","inBundle":true},"node_modules/o/node_modules/in/node_modules/deep":{"version":"1.0.0","inBundle":true},"node_modules/p/node_modules/in":{"version":"1.3.0","inBundle":true},"node_modules/oo/node_modules/in":{"version":"1.3.0","inBundle":true}}}"#;
        let local = Unlinked { name: "o".into(), version: "0.1.4".into() };
        let locals = BTreeMap::from([("node_modules/o".to_owned(), local)]);
        assert_eq!(
            unlink_lockfile(lock, &locals, &paths(&[])).unwrap(),
            r#"{"packages":{"":{"dependencies":{"o":"0.1.4"}},"node_modules/o":{"version":"0.1.4"},"node_modules/p/node_modules/in":{"version":"1.3.0","inBundle":true},"node_modules/oo/node_modules/in":{"version":"1.3.0","inBundle":true}}}"#
        );
    }

    #[test]
    fn what_lies_below_a_member_is_found_in_version_2() {
        let v2 = r#"{"packages":{"packages/ui/node_modules/a":{"resolved":"r"}},"dependencies":{"@acme/ui":{"version":"file:packages/ui","dependencies":{"a":{"version":"1.0.0","resolved":"r"}}}}}"#;
        let out = remove_fields(v2, &paths(&["packages/ui/node_modules/a"]), &["resolved"]).unwrap();
        assert!(!out.contains("resolved"), "{out}");
    }

    #[test]
    fn a_member_becomes_a_dependency_from_a_registry() {
        let lock = r#"{"packages":{"":{"workspaces":["packages/*"],"dependencies":{"b":"file:b"}},"node_modules/@acme/ui":{"resolved":"packages/ui","link":true},"packages/ui":{"version":"2.0.0"},"packages/ui/node_modules/x":{"version":"1.0.0"},"packages/ui-kit":{"version":"1.0.0"},"node_modules/b":{"resolved":"b","link":true},"b":{}}}"#;
        let local = |name: &str, version: &str| Unlinked { name: name.into(), version: version.into() };
        let locals = BTreeMap::from([
            ("node_modules/@acme/ui".to_owned(), local("@acme/ui", "2.0.0")),
            ("node_modules/b".to_owned(), local("b", "1.0.0")),
        ]);
        let out = unlink_lockfile(lock, &locals, &paths(&["packages/ui", "b"])).unwrap();
        assert_eq!(
            out,
            r#"{"packages":{"":{"dependencies":{"b":"1.0.0","@acme/ui":"2.0.0"}},"node_modules/@acme/ui":{"version":"2.0.0"},"packages/ui-kit":{"version":"1.0.0"},"node_modules/b":{"version":"1.0.0"}}}"#
        );
        let manifest = r#"{"name":"root","workspaces":["packages/*"],"devDependencies":{"b":"file:b"}}"#;
        assert_eq!(
            unlink_manifest(manifest, &locals).unwrap(),
            r#"{"name":"root","devDependencies":{"b":"1.0.0"},"dependencies":{"@acme/ui":"2.0.0"}}"#
        );
    }

    #[test]
    fn what_a_local_package_links_itself_is_asked_for_by_the_root() {
        let lock = r#"{"packages":{"":{"dependencies":{"email":"file:../email"}},"node_modules/email":{"resolved":"../email","link":true},"../email":{"version":"1.0.0"},"../email/node_modules/model":{"resolved":"../model","link":true},"../model":{"version":"1.0.0"}}}"#;
        let local = |name: &str| Unlinked { name: name.into(), version: "1.0.0".into() };
        let locals = BTreeMap::from([
            ("node_modules/email".to_owned(), local("email")),
            ("../email/node_modules/model".to_owned(), local("model")),
        ]);
        assert_eq!(
            unlink_lockfile(lock, &locals, &paths(&["../email", "../model"])).unwrap(),
            r#"{"packages":{"":{"dependencies":{"email":"1.0.0","model":"1.0.0"}},"node_modules/email":{"version":"1.0.0"},"node_modules/model":{"version":"1.0.0"}}}"#
        );
    }

    #[test]
    fn nothing_to_do_gives_the_very_same_text_and_no_json_is_an_error() {
        let odd = "\u{feff}{ \"packages\" : {} }";
        assert_eq!(remove_fields(odd, &paths(&["node_modules/a"]), &["resolved"]).unwrap(), odd);
        assert_eq!(remove_fields("[1]", &paths(&["a"]), &["resolved"]).unwrap(), "[1]");
        assert!(remove_fields("{", &paths(&[]), &["resolved"]).is_err());
        let deep = format!("{}1{}", "{\"dependencies\":".repeat(10_000), "}".repeat(10_000));
        assert!(remove_fields(&deep, &paths(&[]), &["resolved"]).is_err());
    }

    #[test]
    fn entries_of_the_wrong_shape_are_passed_over() {
        let text = r#"{"packages":{"node_modules/a":7},"dependencies":{"a":[],"b":{"dependencies":null}}}"#;
        let out = remove_fields(
            text,
            &paths(&["node_modules/a", "node_modules/b/node_modules/c", "", "node_modules"]),
            &["resolved"],
        );
        assert_eq!(out.unwrap(), text);
    }

    fn entry() -> impl Strategy<Value = Value> {
        (any::<bool>(), any::<bool>(), any::<bool>(), 0..20u8).prop_map(|(resolved, integrity, dev, n)| {
            let mut entry = Map::from_iter([("version".to_owned(), Value::from(format!("1.{n}.0")))]);
            if resolved {
                entry.insert("resolved".to_owned(), Value::from(format!("https://npm.acme.example/{n}.tgz")));
            }
            if integrity {
                entry.insert("integrity".to_owned(), Value::from(format!("sha512-{n}")));
            }
            if dev {
                entry.insert("dev".to_owned(), Value::from(true));
            }
            Value::Object(entry)
        })
    }

    proptest! {
        #[test]
        fn removing_resolved_leaves_all_else_equal(
            entries in proptest::collection::btree_map("node_modules/(@[a-z]{1,3}/)?[a-z]{1,3}(/node_modules/[a-z]{1,2})?", entry(), 0..12),
            chosen in proptest::collection::vec(any::<bool>(), 12),
        ) {
            let mut lock = Map::new();
            lock.insert("lockfileVersion".to_owned(), Value::from(3));
            lock.insert("packages".to_owned(), Value::Object(entries.clone().into_iter().collect()));
            let text = format!("{:#}\n", Value::Object(lock));
            let paths: BTreeSet<String> = entries.keys().zip(&chosen).filter(|(_, yes)| **yes).map(|(path, _)| path.clone()).collect();
            let out = remove_fields(&text, &paths, &["resolved"]).unwrap();
            let parsed: Value = serde_json::from_str(&out).unwrap();
            let packages = parsed["packages"].as_object().unwrap();
            prop_assert!(packages.keys().eq(entries.keys()));
            for (path, before) in &entries {
                let mut expected = before.clone();
                if paths.contains(path) {
                    expected.as_object_mut().unwrap().shift_remove("resolved");
                }
                prop_assert_eq!(&packages[path], &expected);
            }
            let again = remove_fields(&out, &paths, &["resolved"]).unwrap();
            prop_assert_eq!(again, out);
        }

        #[test]
        fn no_text_makes_an_edit_panic(text in "[\\[\\]{}\":,a-z0-9 \\n]{0,80}") {
            let _ = remove_fields(&text, &paths(&["node_modules/a"]), &["resolved"]);
            let _ = unlink_manifest(&text, &BTreeMap::new());
        }
    }
}
