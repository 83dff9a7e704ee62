//! A lockfile for a fixture project, in any of the versions npm writes today, with
//! what a test wants in `resolved` and `integrity`.

use super::package::Package;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One package, to be unpacked at `node_modules/NAME`.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `resolved`; none is left out.
    pub resolved: Option<String>,
    /// `integrity`; none is left out.
    pub integrity: Option<String>,
    /// `dev`: only devDependencies lead to it.
    pub dev: bool,
    /// `optional`: npm may do without it.
    pub optional: bool,
    /// `hasInstallScript` (v2 and v3).
    pub has_install_script: bool,
    /// Any other field, written over the rest (v2 and v3).
    pub more: Map<String, Value>,
    dependencies: Map<String, Value>,
    optional_dependencies: Map<String, Value>,
    bin: Option<Value>,
}

impl Entry {
    /// What npm would lock for a package of `registry` whose tarball has this integrity.
    pub fn of(package: &Package, registry: &str, integrity: &str) -> Self {
        let manifest = package.manifest();
        let map = |field: &str| manifest.get(field).and_then(Value::as_object).cloned().unwrap_or_default();
        let registry = registry.trim_end_matches('/');
        Self {
            name: package.name().to_owned(),
            version: package.version().to_owned(),
            resolved: Some(format!("{registry}/{}/-/{}", package.name(), package.tarball_name())),
            integrity: Some(integrity.to_owned()),
            dev: false,
            optional: false,
            has_install_script: package.has_install_script(),
            more: Map::new(),
            dependencies: map("dependencies"),
            optional_dependencies: map("optionalDependencies"),
            bin: manifest.get("bin").cloned(),
        }
    }

    /// Names of what it depends on, with the range and whether npm may do without.
    pub fn wants(&self) -> Vec<(String, String, bool)> {
        let list = |map: &Map<String, Value>, optional: bool| {
            let pairs =
                map.iter().filter_map(|(name, range)| Some((name.clone(), range.as_str()?.to_owned())));
            pairs.map(|(name, range)| (name, range, optional)).collect::<Vec<_>>()
        };
        [list(&self.dependencies, false), list(&self.optional_dependencies, true)].concat()
    }

    fn shared(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("version".to_owned(), json!(self.version));
        let flags = [("dev", self.dev), ("optional", self.optional)];
        let texts = [("resolved", &self.resolved), ("integrity", &self.integrity)];
        fields.extend(
            texts.iter().filter_map(|(key, text)| Some(((*key).to_owned(), json!((*text).as_ref()?)))),
        );
        fields.extend(flags.iter().filter(|(_, set)| *set).map(|(key, _)| ((*key).to_owned(), json!(true))));
        fields
    }

    fn modern(&self) -> Value {
        let mut fields = self.shared();
        let maps =
            [("dependencies", &self.dependencies), ("optionalDependencies", &self.optional_dependencies)];
        let maps = maps.iter().filter(|(_, map)| !map.is_empty());
        fields.extend(maps.map(|(key, map)| ((*key).to_owned(), json!(map))));
        if self.has_install_script {
            fields.insert("hasInstallScript".to_owned(), json!(true));
        }
        if let Some(bin) = &self.bin {
            fields.insert("bin".to_owned(), bin.clone());
        }
        fields.extend(self.more.clone());
        Value::Object(fields)
    }

    fn old(&self) -> Value {
        let mut fields = self.shared();
        let mut requires = self.dependencies.clone();
        requires.extend(self.optional_dependencies.clone());
        if !requires.is_empty() {
            fields.insert("requires".to_owned(), json!(requires));
        }
        Value::Object(fields)
    }
}

/// The text of a lockfile of `version` (1 to 3) for a project with this package.json.
pub fn text(version: u8, manifest: &Value, entries: &BTreeMap<String, Entry>) -> String {
    let mut lockfile = Map::new();
    for key in ["name", "version"] {
        lockfile.extend(manifest.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    lockfile.insert("lockfileVersion".to_owned(), json!(version));
    lockfile.insert("requires".to_owned(), json!(true));
    if version >= 2 {
        const ROOT: [&str; 7] = [
            "name",
            "version",
            "license",
            "dependencies",
            "devDependencies",
            "optionalDependencies",
            "peerDependencies",
        ];
        let mut root = Map::new();
        root.extend(ROOT.iter().filter_map(|key| Some(((*key).to_owned(), manifest.get(*key)?.clone()))));
        let scripts = ["preinstall", "install", "postinstall"];
        if scripts.iter().any(|event| manifest["scripts"].get(event).is_some()) {
            root.insert("hasInstallScript".to_owned(), json!(true));
        }
        let mut packages = Map::new();
        packages.insert(String::new(), Value::Object(root));
        let entries = entries.values().map(|entry| (format!("node_modules/{}", entry.name), entry.modern()));
        packages.extend(entries);
        lockfile.insert("packages".to_owned(), Value::Object(packages));
    }
    if version <= 2 {
        let entries = entries.values().map(|entry| (entry.name.clone(), entry.old()));
        lockfile.insert("dependencies".to_owned(), Value::Object(entries.collect()));
    }
    serde_json::to_string_pretty(&lockfile).unwrap() + "\n"
}
