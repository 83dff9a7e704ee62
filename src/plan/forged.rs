//! Lockfiles and manifests that say something else than the user's: entries that
//! point elsewhere, the form of an npm of long ago, ranges out of step. Works on
//! the text alone, like [`edit`](super::edit).

use super::edit::{edit, entries, split_path};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Sets `resolved` of the entries at the paths. Entries that are not there are passed over.
pub fn resolve(text: &str, resolved: &BTreeMap<String, String>) -> Result<String, serde_json::Error> {
    edit(text, |root| {
        for (path, url) in resolved {
            for entry in entries(root, path) {
                let after_version = entry.keys().position(|key| key == "version").map_or(0, |at| at + 1);
                let known = entry.contains_key("resolved");
                if known {
                    entry.insert("resolved".to_owned(), Value::from(url.as_str()));
                } else {
                    entry.shift_insert(after_version, "resolved".to_owned(), Value::from(url.as_str()));
                }
            }
        }
    })
}

/// Sets `integrity` of the entries at the paths that have one.
pub fn pin(text: &str, integrity: &BTreeMap<String, String>) -> Result<String, serde_json::Error> {
    edit(text, |root| {
        for (path, hash) in integrity {
            for entry in entries(root, path) {
                if let Some(known) = entry.get_mut("integrity") {
                    *known = Value::from(hash.as_str());
                }
            }
        }
    })
}

/// Takes `hasInstallScript` out of every entry.
pub fn forget_install_scripts(text: &str) -> Result<String, serde_json::Error> {
    edit(text, |root| {
        let packages = root.get_mut("packages").and_then(Value::as_object_mut);
        for entry in packages.into_iter().flat_map(|packages| packages.values_mut()) {
            if let Some(entry) = entry.as_object_mut() {
                entry.shift_remove("hasInstallScript");
            }
        }
    })
}

/// Rewrites a lockfile of version 2 or 3 as npm 6 wrote it: `dependencies`, nested,
/// and nothing of what newer ones know of a package (its scripts, executables,
/// platforms). A text that is neither comes back as it is.
pub fn ancient(text: &str) -> Result<String, serde_json::Error> {
    edit(text, |root| {
        let Some(packages) = root.get("packages").and_then(Value::as_object).cloned() else { return };
        let mut dependencies = Map::new();
        // A parent's path is shorter than those of what is nested in it.
        let mut paths: Vec<&String> = packages.keys().collect();
        paths.sort_by_key(|path| (path.matches("node_modules/").count(), path.as_str()));
        for path in paths {
            let Some(entry) = packages.get(path).and_then(Value::as_object) else { continue };
            let (folder, names) = split_path(path);
            let owner = if folder.is_empty() { None } else { linked(&packages, &folder) };
            let mut keys: Vec<String> = owner.into_iter().collect();
            keys.extend(names);
            let Some((name, owners)) = keys.split_last() else { continue };
            // A member's own folder has no entry but that of the link to it.
            if !path.contains("node_modules/") {
                continue;
            }
            let mut level = Some(&mut dependencies);
            for owner in owners {
                level = level.and_then(|level| level.get_mut(owner)?.as_object_mut()).and_then(|owner| {
                    owner.entry("dependencies").or_insert_with(|| Value::Object(Map::new())).as_object_mut()
                });
            }
            if let Some(level) = level {
                level.insert(name.clone(), Value::Object(ancient_entry(name, entry, &packages)));
            }
        }
        root.shift_remove("packages");
        root.insert("lockfileVersion".to_owned(), Value::from(1));
        root.insert("requires".to_owned(), Value::from(true));
        root.insert("dependencies".to_owned(), Value::Object(dependencies));
    })
}

/// The name of the link that leads to a folder.
fn linked(packages: &Map<String, Value>, folder: &str) -> Option<String> {
    packages.iter().find_map(|(path, entry)| {
        let leads = entry.get("link").and_then(Value::as_bool) == Some(true)
            && entry.get("resolved").and_then(Value::as_str) == Some(folder);
        leads.then(|| split_path(path).1.pop()).flatten()
    })
}

fn ancient_entry(
    name: &str,
    entry: &Map<String, Value>,
    packages: &Map<String, Value>,
) -> Map<String, Value> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let is = |key: &str| entry.get(key).and_then(Value::as_bool) == Some(true);
    let mut out = Map::new();
    let resolved = text("resolved");
    // npm 6 kept the spec where the version says nothing: links, git, tarballs of `file:`.
    let source = match resolved {
        Some(folder) if is("link") => Some(format!("file:{folder}")),
        Some(url) if url.starts_with("git") || url.starts_with("file:") => Some(url.to_owned()),
        Some(_) | None => None,
    };
    let target = text("name").filter(|target| *target != name);
    let version = text("version").unwrap_or_default();
    let written = match (&source, target) {
        (Some(source), _) => source.clone(),
        (None, Some(target)) => format!("npm:{target}@{version}"),
        (None, None) => version.to_owned(),
    };
    out.insert("version".to_owned(), Value::from(written));
    if source.is_none() {
        for key in ["resolved", "integrity"] {
            out.extend(entry.get(key).map(|value| (key.to_owned(), value.clone())));
        }
    }
    if is("inBundle") {
        out.insert("bundled".to_owned(), Value::from(true));
    }
    for key in ["dev", "optional"] {
        if is(key) || key == "dev" && is("devOptional") {
            out.insert(key.to_owned(), Value::from(true));
        }
    }
    // What a member asks for stands in its folder's entry.
    let asks = resolved
        .filter(|_| is("link"))
        .and_then(|folder| packages.get(folder).and_then(Value::as_object))
        .unwrap_or(entry);
    let requires: Map<String, Value> = ["dependencies", "optionalDependencies"]
        .into_iter()
        .filter_map(|key| asks.get(key).and_then(Value::as_object))
        .flat_map(|asked| asked.iter().map(|(name, range)| (name.clone(), range.clone())))
        .collect();
    if !requires.is_empty() {
        out.insert("requires".to_owned(), Value::Object(requires));
    }
    out
}

/// package.json with other ranges for what it asks for already.
pub fn ask_for(text: &str, ranges: &BTreeMap<String, String>) -> Result<String, serde_json::Error> {
    edit(text, |root| {
        for section in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] {
            let Some(section) = root.get_mut(section).and_then(Value::as_object_mut) else { continue };
            for (name, range) in ranges {
                if let Some(asked) = section.get_mut(name) {
                    *asked = Value::from(range.as_str());
                }
            }
        }
    })
}

/// package.json with this `allowScripts` and no other.
pub fn allow_scripts(text: &str, names: &BTreeMap<String, bool>) -> Result<String, serde_json::Error> {
    edit(text, |root| {
        let words = names.iter().map(|(name, word)| (name.clone(), Value::from(*word)));
        root.insert("allowScripts".to_owned(), Value::Object(words.collect()));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const V3: &str = r#"{"name":"web","lockfileVersion":3,"packages":{"":{"workspaces":["packages/*"]},"node_modules/@acme/a":{"version":"1.0.0","resolved":"https://npm.acme.example/a.tgz","integrity":"sha512-x","hasInstallScript":true,"dependencies":{"b":"^2.0.0"}},"node_modules/@acme/a/node_modules/b":{"version":"2.0.0","inBundle":true},"node_modules/@web/ui":{"resolved":"packages/ui","link":true},"node_modules/b":{"version":"1.0.0","dev":true},"node_modules/git":{"version":"1.0.0","resolved":"git+ssh://git@git.example/git.git#abc"},"node_modules/other":{"name":"real","version":"3.0.0"},"packages/ui":{"name":"@web/ui","version":"2.1.0","dependencies":{"c":"1"}},"packages/ui/node_modules/c":{"version":"1.0.0"}}}"#;

    #[test]
    fn what_npm_6_wrote_is_nested_and_knows_of_no_scripts() {
        let out: Value = serde_json::from_str(&ancient(V3).unwrap()).unwrap();
        assert_eq!(
            out,
            serde_json::json!({"name": "web", "lockfileVersion": 1, "requires": true, "dependencies": {
                "@acme/a": {
                    "version": "1.0.0",
                    "resolved": "https://npm.acme.example/a.tgz",
                    "integrity": "sha512-x",
                    "requires": {"b": "^2.0.0"},
                    "dependencies": {"b": {"version": "2.0.0", "bundled": true}},
                },
                "@web/ui": {
                    "version": "file:packages/ui",
                    "requires": {"c": "1"},
                    "dependencies": {"c": {"version": "1.0.0"}},
                },
                "b": {"version": "1.0.0", "dev": true},
                "git": {"version": "git+ssh://git@git.example/git.git#abc"},
                "other": {"version": "npm:real@3.0.0"},
            }})
        );
    }

    #[test]
    fn resolved_is_set_where_it_was_and_beside_the_version_where_it_was_not() {
        let urls = BTreeMap::from([
            ("node_modules/@acme/a".to_owned(), "https://x.example/a.tgz".to_owned()),
            ("node_modules/b".to_owned(), "https://x.example/b.tgz".to_owned()),
            ("node_modules/absent".to_owned(), "https://x.example/c.tgz".to_owned()),
        ]);
        let out = resolve(V3, &urls).unwrap();
        let wanted = V3.replace("https://npm.acme.example/a.tgz", "https://x.example/a.tgz").replace(
            r#""node_modules/b":{"version":"1.0.0","#,
            r#""node_modules/b":{"version":"1.0.0","resolved":"https://x.example/b.tgz","#,
        );
        assert_eq!(out, wanted);
    }

    #[test]
    fn the_flag_of_scripts_goes_and_nothing_else() {
        assert_eq!(forget_install_scripts(V3).unwrap(), V3.replace(r#""hasInstallScript":true,"#, ""));
    }

    #[test]
    fn a_manifest_asks_for_more_and_allows_less() {
        let text = r#"{"name":"web","dependencies":{"@acme/a":"^1.0.0"},"devDependencies":{"b":"1"}}"#;
        let ranges = BTreeMap::from([("@acme/a".to_owned(), "99.0.0".to_owned())]);
        assert_eq!(ask_for(text, &ranges).unwrap(), text.replace("^1.0.0", "99.0.0"));
        let words = BTreeMap::from([("@acme/a".to_owned(), false)]);
        let out: Value = serde_json::from_str(&allow_scripts(text, &words).unwrap()).unwrap();
        assert_eq!(out["allowScripts"], serde_json::json!({"@acme/a": false}));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_forgery_panic(text in "[\\[\\]{}\":,a-z0-9/ \\n]{0,80}") {
            let _ = ancient(&text);
            let _ = forget_install_scripts(&text);
            let _ = resolve(&text, &BTreeMap::from([("node_modules/a".to_owned(), "u".to_owned())]));
        }
    }
}
