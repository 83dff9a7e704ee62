//! Small projects for tests, built from the texts of their files. Reads just
//! enough of npm's dialects for that.

use crate::project::Project;
use crate::project::class::{Class, Classified};
use crate::project::integrity::Integrity;
use crate::project::lockfile::{EntryKind, LockEntry, Lockfile};
use crate::project::manifest::Manifest;
use crate::project::name::PackageName;
use crate::project::npmrc::{Level, NpmConfig, Setting, Value};
use crate::project::registry::RegistryUrl;
use crate::project::settings::Settings;
use crate::secret::Secret;
use crate::text::Source;
use serde_json::json;
use std::collections::BTreeMap;

pub(super) const PUBLIC: &str = "https://registry.example/";
pub(super) const PRIVATE: &str = "https://npm.acme.example/npm/";
pub(super) const REAL_TOKEN: &str = "npm_hunter2hunter2hunter2hunter2";
const SHA512: &str =
    "sha512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";

pub(super) fn url(text: &str) -> RegistryUrl {
    RegistryUrl::parse(text).unwrap()
}

/// A project whose private packages are those of `@acme`; links and folders are local.
pub(super) fn project(npmrc: &[(Level, &str)], lock: &serde_json::Value) -> Project {
    let text = format!("{lock:#}\n");
    let source = Source::new("package-lock.json", text);
    let entries: BTreeMap<String, LockEntry> = lock["packages"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(path, _)| !path.is_empty())
        .map(|(path, value)| (path.clone(), entry(&source, path, value)))
        .collect();
    let classes = entries.values().map(|entry| (entry.path.clone(), classify(entry))).collect();
    let manifest = json!({"name": "web", "version": "1.0.0"});
    Project {
        root: "/srv/web".into(),
        inside: String::new(),
        directory: String::new(),
        manifest: Manifest {
            source: Source::new("package.json", format!("{manifest:#}\n")),
            name: Some("web".into()),
            version: Some("1.0.0".into()),
            workspaces: Vec::new(),
            scripts: BTreeMap::new(),
            allow_scripts: None,
            package_manager: None,
            wanted_node: None,
            wanted_npm: None,
            engines: BTreeMap::new(),
            dependencies: BTreeMap::new(),
        },
        lockfile: Lockfile {
            source,
            version: 3,
            root_wants: BTreeMap::new(),
            entries,
            forgotten: Vec::new(),
        },
        config: config(npmrc),
        settings: Settings::default(),
        public: url(PUBLIC),
        files: vec![".npmrc".into(), "package-lock.json".into(), "package.json".into()],
        classes,
        nested: Default::default(),
        named: crate::project::named::NamedHosts::default(),
        unread: Vec::new(),
        around: Vec::new(),
        sources: Vec::new(),
    }
}

/// A scope mapping with a token, `resolved` and sha512 everywhere.
pub(super) fn sound() -> Project {
    project(
        &[(
            Level::Project,
            "@acme:registry=https://npm.acme.example/npm/\n//npm.acme.example/npm/:_authToken=${NPM_TOKEN}\n",
        )],
        &sound_lock(),
    )
}

pub(super) fn sound_lock() -> serde_json::Value {
    json!({"name": "web", "lockfileVersion": 3, "packages": {
        "": {"name": "web", "dependencies": {"@acme/internal": "^1.2.0", "left-pad": "^1.3.0"}},
        "node_modules/@acme/internal": registry_entry(PRIVATE, "@acme/internal", "1.2.3"),
        "node_modules/@acme/log": registry_entry(PRIVATE, "@acme/log", "0.4.0"),
        "node_modules/left-pad": registry_entry(PUBLIC, "left-pad", "1.3.0"),
    }})
}

/// A workspace with one member and nothing private.
pub(super) fn workspace() -> Project {
    let lock = json!({"name": "web", "lockfileVersion": 3, "packages": {
        "": {"name": "web", "workspaces": ["packages/*"]},
        "node_modules/@web/ui": {"resolved": "packages/ui", "link": true},
        "node_modules/left-pad": registry_entry(PUBLIC, "left-pad", "1.3.0"),
        "packages/ui": {"name": "@web/ui", "version": "2.1.0", "dependencies": {"left-pad": "^1.3.0"}},
    }});
    let mut project = project(&[], &lock);
    let manifest = json!({"name": "web", "workspaces": ["packages/*"]});
    project.manifest.source = Source::new("package.json", format!("{manifest:#}\n"));
    project
}

pub(super) fn registry_entry(registry: &str, name: &str, version: &str) -> serde_json::Value {
    let bare = name.rsplit('/').next().unwrap();
    json!({"version": version, "resolved": format!("{registry}{name}/-/{bare}-{version}.tgz"), "integrity": SHA512})
}

pub(super) fn seed() -> Secret {
    Secret::new("seed", "for tests")
}

fn entry(source: &Source, path: &str, value: &serde_json::Value) -> LockEntry {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let flag = |key: &str| value[key].as_bool().unwrap_or(false);
    let in_tree = path.rsplit("node_modules/").next().unwrap();
    let kind = match (flag("link"), path.contains("node_modules/")) {
        (true, _) => EntryKind::Link,
        (false, false) => EntryKind::Folder,
        (false, true) => EntryKind::Registry,
    };
    let name = text("name").unwrap_or_else(|| in_tree.to_owned());
    LockEntry {
        path: path.to_owned(),
        name: PackageName::parse(&name).unwrap(),
        alias: (kind == EntryKind::Registry && name != in_tree).then(|| PackageName::parse(in_tree).unwrap()),
        version: text("version").unwrap_or_default(),
        kind,
        resolved: text("resolved"),
        integrity: text("integrity").and_then(|integrity| Integrity::parse(&integrity)),
        integrity_text: text("integrity"),
        optional: flag("optional"),
        dev: flag("dev"),
        peer: flag("peer"),
        extraneous: flag("extraneous"),
        dev_optional: flag("devOptional"),
        engines: BTreeMap::new(),
        wants: BTreeMap::new(),
        has_install_script: false,
        bins: Default::default(),
        os: Vec::new(),
        cpu: Vec::new(),
        libc: Vec::new(),
        optional_dependencies: BTreeMap::new(),
        place: source.place(0..1),
        resolved_place: None,
        integrity_place: None,
    }
}

fn classify(entry: &LockEntry) -> Classified {
    let (class, registry) = match entry.kind {
        EntryKind::Link | EntryKind::Folder => (Class::Local, None),
        _ if entry.name.as_str().starts_with("@acme/") || entry.name.as_str().starts_with("acme-") => {
            (Class::Private, Some(url(PRIVATE)))
        }
        _ if entry.resolved.as_deref().is_some_and(|resolved| !resolved.starts_with(PUBLIC)) => {
            (Class::Other, None)
        }
        EntryKind::Registry | EntryKind::Remote | EntryKind::Git | EntryKind::File | EntryKind::Bundled => {
            (Class::Public, Some(url(PUBLIC)))
        }
    };
    Classified { class, registry, because: "for tests".into(), from: "for tests".into() }
}

/// `${NPM_TOKEN}` is set to [`REAL_TOKEN`], `${HOST}` to `npm.acme.example`, and nothing else is.
pub(super) fn config(npmrc: &[(Level, &str)]) -> NpmConfig {
    let mut config = NpmConfig::default();
    for (level, text) in npmrc {
        let name = if *level == Level::Project { ".npmrc".to_owned() } else { format!("{level:?}/npmrc") };
        let source = Source::new(name, *text);
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if let Some((key, raw)) = line.trim_end().split_once('=').filter(|_| !line.starts_with('#')) {
                let variables: Vec<(String, bool)> = ["NPM_TOKEN", "HOST", "UNSET"]
                    .iter()
                    .filter(|name| raw.contains(&format!("${{{name}}}")))
                    .map(|name| ((*name).to_owned(), *name != "UNSET"))
                    .collect();
                let value = raw.replace("${NPM_TOKEN}", REAL_TOKEN).replace("${HOST}", "npm.acme.example");
                let secret = key.contains("_auth") || key.contains("_password") || value.contains('@');
                let open =
                    key.ends_with("registry").then(|| RegistryUrl::parse(&value).map(|url| url.to_string()));
                let wrap = |text: &str| {
                    if secret { Value::Secret(Secret::new(key, text)) } else { Value::Plain(text.to_owned()) }
                };
                config.settings.push(Setting {
                    level: *level,
                    key: key.to_owned(),
                    value: match open {
                        Some(Ok(url)) if secret => Value::Plain(url),
                        Some(_) | None => wrap(&value),
                    },
                    raw: if variables.is_empty() { wrap(raw) } else { Value::Plain(raw.to_owned()) },
                    variables,
                    place: (*level != Level::Env).then(|| source.place(at..at + key.len())),
                });
            }
            at += line.len();
        }
        if *level != Level::Env {
            config.files.insert(*level, source);
        }
    }
    config.settings.sort_by_key(|setting| setting.level);
    config
}
