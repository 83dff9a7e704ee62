//! What is installed, as npm 7 and later write it down beside it.

use crate::project::file::{LOCKFILE_LIMIT, read_inside};
use serde::Deserialize;
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
