//! package.json.

use crate::text::Source;
use std::collections::BTreeMap;

/// The root's package.json, as far as an install depends on it.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file.
    pub source: Source,
    /// `name`, if it has one.
    pub name: Option<String>,
    /// `version`, if it has one.
    pub version: Option<String>,
    /// `workspaces` globs, in order.
    pub workspaces: Vec<String>,
    /// `scripts`.
    pub scripts: BTreeMap<String, String>,
    /// `allowScripts`: `name[@version]` to allowed or denied.
    pub allow_scripts: Option<BTreeMap<String, bool>>,
    /// `packageManager` (`npm@11.2.0`).
    pub package_manager: Option<String>,
    /// `devEngines.packageManager.version`/`engines.npm`-like wishes that decide a toolchain:
    /// (node, npm) from `devEngines` or `volta`.
    pub wanted_node: Option<String>,
    /// See `wanted_node`.
    pub wanted_npm: Option<String>,
    /// `dependencies`, `devDependencies`, `optionalDependencies`, `peerDependencies` flattened: name to range.
    pub dependencies: BTreeMap<String, String>,
}
