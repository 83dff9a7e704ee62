//! A package for a test, told as a story: what it holds, what its scripts do.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;
use std::path::Path;

/// A package of one name and version.
#[derive(Debug, Clone)]
pub struct Package {
    name: String,
    version: String,
    fields: Map<String, Value>,
    files: BTreeMap<String, String>,
}

impl Package {
    /// A package with an `index.js` that exports its own name and version.
    pub fn new(name: &str, version: &str) -> Self {
        let mut files = BTreeMap::new();
        files.insert("index.js".to_owned(), format!("module.exports = '{name}@{version}';\n"));
        Self { name: name.to_owned(), version: version.to_owned(), fields: Map::new(), files }
    }

    /// A file, by its path below the package's folder.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// A lifecycle script.
    pub fn script(self, event: &str, command: &str) -> Self {
        self.entry("scripts", event, command)
    }

    /// A command for `node_modules/.bin`; `file` must be given by [`Self::file`].
    pub fn bin(self, command: &str, file: &str) -> Self {
        self.entry("bin", command, file)
    }

    /// A dependency.
    pub fn dependency(self, name: &str, range: &str) -> Self {
        self.entry("dependencies", name, range)
    }

    /// A dependency that npm may do without.
    pub fn optional_dependency(self, name: &str, range: &str) -> Self {
        self.entry("optionalDependencies", name, range)
    }

    /// Any other field of its package.json.
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.fields.insert(key.to_owned(), value);
        self
    }

    fn entry(mut self, field: &str, key: &str, value: &str) -> Self {
        self.fields.entry(field).or_insert_with(|| json!({}))[key] = json!(value);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// `internal-1.0.0.tgz`, the last part of its tarball's URL.
    pub fn tarball_name(&self) -> String {
        let base = self.name.rsplit('/').next().unwrap_or(&self.name);
        format!("{base}-{}.tgz", self.version)
    }

    /// Its package.json.
    pub fn manifest(&self) -> Map<String, Value> {
        let mut manifest = Map::new();
        manifest.insert("name".to_owned(), json!(self.name));
        manifest.insert("version".to_owned(), json!(self.version));
        manifest.extend(self.fields.clone());
        manifest
    }

    /// Whether npm would run a script of it on install.
    pub fn has_install_script(&self) -> bool {
        ["preinstall", "install", "postinstall"]
            .iter()
            .any(|event| self.fields.get("scripts").is_some_and(|scripts| scripts.get(event).is_some()))
    }

    /// Its files by path, package.json first.
    pub fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let mut manifest = serde_json::to_vec_pretty(&self.manifest()).unwrap();
        manifest.push(b'\n');
        let mut contents = vec![("package.json".to_owned(), manifest)];
        contents.extend(self.files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())));
        contents
    }

    /// Writes its files below `folder`.
    pub fn write_to(&self, folder: &Path) {
        for (path, bytes) in self.contents() {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }

    /// A tarball as a registry would hold it, the same bytes on every machine: what
    /// compression gives changes with its library, so it is stored.
    pub fn tarball(&self) -> Vec<u8> {
        let gzip = flate2::GzBuilder::new().mtime(0).operating_system(255);
        let mut archive = tar::Builder::new(gzip.write(Vec::new(), flate2::Compression::none()));
        for (path, bytes) in self.contents() {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(499_162_500);
            archive.append_data(&mut header, format!("package/{path}"), bytes.as_slice()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }
}

/// The integrity that a lockfile holds for these bytes.
pub fn integrity(bytes: &[u8]) -> String {
    format!("sha512-{}", STANDARD.encode(Sha512::digest(bytes)))
}
