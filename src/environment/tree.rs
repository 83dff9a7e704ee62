//! What is installed, as npm 7 and later write it down beside it, and where that is not
//! what the lockfile says.

use super::Environment;
use crate::project::file::{LOCKFILE_LIMIT, read_inside};
use crate::project::lockfile::Lockfile;
use crate::text::Source;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
struct Hidden {
    #[serde(default)]
    packages: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    version: Option<serde_json::Value>,
}

/// Path to version; `None` where there is no such file, or none that can be read.
pub(super) fn installed(root: &Path) -> Option<BTreeMap<String, String>> {
    const NAME: &str = "node_modules/.package-lock.json";
    let source = read_inside(root, &root.join(NAME), NAME, LOCKFILE_LIMIT).ok()??;
    let hidden: Hidden = serde_json::from_str(source.text()).ok()?;
    let version = |entry: Entry| match entry.version {
        Some(serde_json::Value::String(version)) => version,
        Some(_) | None => String::new(),
    };
    Some(hidden.packages.into_iter().map(|(path, entry)| (path, version(entry))).collect())
}

/// A package that lay in `node_modules` in another version than the lockfile has it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// Where it lay.
    pub path: String,
    /// Its version there.
    pub installed: String,
    /// The lockfile's version; `None` where the lockfile does not have it.
    pub locked: Option<String>,
}

impl Environment {
    /// Its lockfile; `None` where that cannot be read.
    pub fn lockfile(&self) -> Option<Lockfile> {
        let folder = &self.project;
        Lockfile::parse(Source::new(folder.lockfile_name.clone(), folder.lockfile.clone())).ok()
    }

    /// What was installed otherwise than the lockfile has it, ordered by path: left by an
    /// earlier install, and gone after the next `npm ci`. What is not installed is not told,
    /// since `omit` and the platform leave packages out.
    pub fn stale(&self) -> Vec<Stale> {
        let (Some(installed), Some(lockfile)) = (&self.installed, self.lockfile()) else { return Vec::new() };
        let stale = |(path, version): (&String, &String)| {
            let locked = lockfile.entries.get(path).map(|entry| entry.version.clone());
            // Links and members of a workspace have no version.
            let is_same = locked.as_ref().is_some_and(|locked| locked == version || locked.is_empty());
            (!version.is_empty() && !is_same).then(|| Stale {
                path: path.clone(),
                installed: version.clone(),
                locked,
            })
        };
        installed.iter().filter_map(stale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_install_left_is_told_and_what_is_missing_is_not() {
        let lockfile = serde_json::json!({ "lockfileVersion": 3, "packages": {
            "": { "name": "shop" },
            "node_modules/kept": { "version": "1.0.0" },
            "node_modules/moved": { "version": "2.0.0" },
            "node_modules/omitted": { "version": "1.0.0", "dev": true },
            "node_modules/member": { "resolved": "packages/member", "link": true },
        }});
        let mut environment = Environment {
            schema: String::new(),
            tool: String::new(),
            captured: String::new(),
            machine: Default::default(),
            toolchain: Default::default(),
            npmrc: BTreeMap::new(),
            variables: BTreeMap::new(),
            unset: Vec::new(),
            cache: Default::default(),
            project: Default::default(),
            git: None,
            installed: None,
        };
        environment.project.lockfile_name = "package-lock.json".to_owned();
        environment.project.lockfile = lockfile.to_string();
        assert!(environment.stale().is_empty(), "nothing is known to be installed");
        let installed = [("kept", "1.0.0"), ("moved", "1.9.0"), ("member", ""), ("gone", "0.1.0")];
        environment.installed = Some(
            installed
                .map(|(name, version)| (format!("node_modules/{name}"), version.to_owned()))
                .into_iter()
                .collect(),
        );
        let stale = |path: &str, installed: &str, locked: Option<&str>| Stale {
            path: path.to_owned(),
            installed: installed.to_owned(),
            locked: locked.map(str::to_owned),
        };
        assert_eq!(
            environment.stale(),
            [stale("node_modules/gone", "0.1.0", None), stale("node_modules/moved", "1.9.0", Some("2.0.0"))]
        );
        environment.project.lockfile = "{".to_owned();
        assert!(environment.stale().is_empty(), "a lockfile that cannot be read says nothing");
    }
}
