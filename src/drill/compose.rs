//! The small project that a drill is installed into: the owner's own configuration, one
//! package of the drill's among its dependencies, and nothing else.
//!
//! Pure: files in, files out. What packages a drill has and what their bytes come to is
//! handed in.

use super::catalogue::Embedded;
use super::git;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A package of a drill, packed.
#[derive(Debug, Clone)]
pub struct Packed {
    /// Its package.json.
    pub manifest: Value,
    /// `sha512-…` of its tarball.
    pub integrity: String,
    /// It has a lifecycle script of install, or an implied one.
    pub has_install_script: bool,
}

/// What of the owner's project decides whether something runs.
#[derive(Debug, Clone, Default)]
pub struct Owners<'a> {
    /// `allowScripts` of its package.json.
    pub allow_scripts: Option<&'a BTreeMap<String, bool>>,
    /// Its `.npmrc`, secrets replaced.
    pub npmrc: Option<Vec<u8>>,
    /// `[install] command`.
    pub command: Option<&'a str>,
    /// `[install] env`.
    pub env: BTreeMap<String, String>,
    /// npm's public registry, where the lockfile has the drill's packages from.
    pub public: String,
}

/// Files of a drill below one of its folders, by path below it.
pub fn below<'a>(
    drill: &'a Embedded,
    folder: &'a str,
) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    drill
        .files
        .iter()
        .filter_map(move |(path, text)| Some((path.strip_prefix(folder)?.strip_prefix('/')?, *text)))
}

/// A file as it is packed: filled up where the drill says so.
pub fn filled(drill: &Embedded, path: &str, text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if let Some(pad) = drill.drill.pad.iter().find(|pad| pad.file == path) {
        let mut line = 0;
        while bytes.len() < pad.bytes {
            bytes.extend(format!("// filling {line:08}, which stands for the rest of the bundle\n").bytes());
            line += 1;
        }
    }
    bytes
}

/// What the drill's hosts answer, by the path of the request.
pub fn sink(drill: &Embedded) -> BTreeMap<String, Vec<u8>> {
    below(drill, "sink").map(|(path, text)| (format!("/{path}"), text.as_bytes().to_vec())).collect()
}

/// The project's files, by path.
///
/// # Errors
/// Those of making a git repository in memory.
pub fn project(
    drill: &Embedded,
    packages: &[Packed],
    owners: &Owners<'_>,
) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files: BTreeMap<String, Vec<u8>> =
        below(drill, "project").map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect();
    let own = files.get("package.json").and_then(|bytes| serde_json::from_slice(bytes).ok());
    let mut manifest: Map<String, Value> = own.unwrap_or_default();
    manifest.insert("name".into(), "sealcheck-drill".into());
    manifest.insert("version".into(), "1.0.0".into());
    manifest.insert("private".into(), true.into());
    let clones = clones(drill, &mut files)?;
    let manifests = || packages.iter().map(|packed| &packed.manifest).chain(clones.iter().map(|(it, _)| it));
    let needed: BTreeSet<&str> = manifests().flat_map(dependencies).map(|(name, _)| name).collect();
    let mut direct = object(manifest.get("dependencies"));
    for packed in packages.iter().filter(|packed| !needed.contains(text(&packed.manifest, "name"))) {
        direct.insert(text(&packed.manifest, "name").into(), text(&packed.manifest, "version").into());
    }
    for (clone, resolved) in clones.iter().filter(|(clone, _)| !needed.contains(text(clone, "name"))) {
        direct.insert(text(clone, "name").into(), resolved.clone().into());
    }
    if !direct.is_empty() {
        manifest.insert("dependencies".into(), direct.into());
    }
    if let Some(allowed) = owners.allow_scripts {
        manifest.insert("allowScripts".into(), json!(allowed));
    }
    let lockfile = lockfile(drill, &manifest, packages, &clones, &owners.public);
    files.insert("package.json".into(), format!("{:#}\n", Value::Object(manifest)).into_bytes());
    files.insert("package-lock.json".into(), format!("{lockfile:#}\n").into_bytes());
    if let Some(npmrc) = &owners.npmrc {
        files.insert(".npmrc".into(), npmrc.clone());
    }
    let mut install = toml::Table::new();
    if let Some(command) = owners.command {
        install.insert("command".into(), command.into());
    }
    if !owners.env.is_empty() {
        install.insert(
            "env".into(),
            toml::Table::from_iter(owners.env.clone().into_iter().map(|(key, value)| (key, value.into())))
                .into(),
        );
    }
    if !install.is_empty() {
        let settings = toml::Table::from_iter([("install".to_owned(), install.into())]);
        files.insert("sealcheck.toml".into(), settings.to_string().into_bytes());
    }
    Ok(files)
}

/// The drill's git repositories, put below the project's folder `git`: the package.json of
/// each, and its `resolved`.
fn clones(drill: &Embedded, files: &mut BTreeMap<String, Vec<u8>>) -> std::io::Result<Vec<(Value, String)>> {
    let mut repositories: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (path, text) in below(drill, "git") {
        if let Some((name, inner)) = path.split_once('/') {
            repositories.entry(name).or_default().push((inner, text));
        }
    }
    let mut clones = Vec::new();
    for (name, inner) in repositories {
        let made = git::bare(&inner)?;
        let manifest = inner.iter().find(|(path, _)| *path == "package.json");
        let manifest = manifest.and_then(|(_, text)| serde_json::from_str(text).ok());
        clones.push((
            manifest.unwrap_or_default(),
            format!("git+file://{}/git/{name}.git#{}", crate::evidence::seal::PROJECT, made.commit),
        ));
        files.extend(made.files.into_iter().map(|(path, bytes)| (format!("git/{name}.git/{path}"), bytes)));
    }
    Ok(clones)
}

fn lockfile(
    drill: &Embedded,
    root: &Map<String, Value>,
    packages: &[Packed],
    clones: &[(Value, String)],
    public: &str,
) -> Value {
    const OF_ROOT: [&str; 5] = ["name", "version", "dependencies", "workspaces", "devDependencies"];
    let kept = |from: &Map<String, Value>, keys: &[&str]| -> Map<String, Value> {
        keys.iter().filter_map(|key| Some(((*key).to_owned(), from.get(*key)?.clone()))).collect()
    };
    let mut entry = kept(root, &OF_ROOT);
    if root.get("scripts").is_some_and(runs_at_install) {
        entry.insert("hasInstallScript".into(), true.into());
    }
    let mut entries = Map::new();
    entries.insert(String::new(), entry.into());
    for packed in packages {
        let (name, version) = (text(&packed.manifest, "name"), text(&packed.manifest, "version"));
        let bare = name.rsplit('/').next().unwrap_or(name);
        let mut entry = Map::new();
        entry.insert("version".into(), version.into());
        entry.insert("resolved".into(), format!("{public}{name}/-/{bare}-{version}.tgz").into());
        entry.insert("integrity".into(), packed.integrity.clone().into());
        if packed.has_install_script {
            entry.insert("hasInstallScript".into(), true.into());
        }
        let fields = packed.manifest.as_object().map(|manifest| kept(manifest, &["dependencies"]));
        entry.extend(fields.unwrap_or_default());
        if let Some(bin) = packed.manifest.get("bin") {
            let bin = if bin.is_string() { json!({ bare: bin }) } else { bin.clone() };
            entry.insert("bin".into(), bin);
        }
        entries.insert(format!("node_modules/{name}"), entry.into());
    }
    for (clone, resolved) in clones {
        let mut entry =
            clone.as_object().map(|clone| kept(clone, &["version", "dependencies"])).unwrap_or_default();
        entry.insert("resolved".into(), resolved.clone().into());
        if clone.get("scripts").is_some() {
            entry.insert("hasInstallScript".into(), true.into());
        }
        entries.insert(format!("node_modules/{}", text(clone, "name")), entry.into());
    }
    // Members of a workspace are links to their folders.
    for (path, source) in below(drill, "project") {
        let Some(folder) = path.strip_suffix("/package.json") else { continue };
        let Ok(member) = serde_json::from_str::<Map<String, Value>>(source) else { continue };
        let Some(name) = member.get("name").and_then(Value::as_str) else { continue };
        let mut entry = kept(&member, &["name", "version", "dependencies"]);
        if member.get("scripts").is_some_and(runs_at_install) {
            entry.insert("hasInstallScript".into(), true.into());
        }
        entries.insert(format!("node_modules/{name}"), json!({ "resolved": folder, "link": true }));
        entries.insert(folder.to_owned(), entry.into());
    }
    json!({
        "name": "sealcheck-drill", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": entries,
    })
}

fn runs_at_install(scripts: &Value) -> bool {
    ["preinstall", "install", "postinstall"].iter().any(|event| scripts.get(event).is_some())
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn dependencies(manifest: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let dependencies = manifest.get("dependencies").and_then(Value::as_object);
    dependencies.into_iter().flatten().map(|(name, range)| (name.as_str(), range))
}

fn text<'a>(manifest: &'a Value, key: &str) -> &'a str {
    manifest.get(key).and_then(Value::as_str).unwrap_or_default()
}
