//! Which class each entry gets, and what is said to have decided it.

use super::{Class, Facts, classify};
use crate::project::integrity::Digests;
use crate::project::lockfile::Lockfile;
use crate::project::npmrc::{Level, NpmConfig, Setting, Value};
use crate::project::registry::RegistryUrl;
use crate::project::settings::Settings;
use crate::text::Source;
use serde_json::json;

pub(super) const PUBLIC: &str = "https://registry.example/";

pub(super) fn config(settings: &[(&str, &str)]) -> NpmConfig {
    let source =
        Source::new(".npmrc", settings.iter().map(|(key, _)| format!("{key}\n")).collect::<String>());
    let settings = settings
        .iter()
        .map(|(key, value)| Setting {
            level: Level::Project,
            key: (*key).to_owned(),
            value: Value::Plain((*value).to_owned()),
            raw: Value::Plain((*value).to_owned()),
            variables: Vec::new(),
            place: source.find(key),
        })
        .collect();
    NpmConfig { settings, ..NpmConfig::default() }
}

pub(super) fn settings(text: &str) -> Settings {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("served")).unwrap();
    std::fs::write(dir.path().join("sealcheck.toml"), text).unwrap();
    Settings::read(&dir.path().canonicalize().unwrap(), None).unwrap()
}

struct Row {
    config: &'static [(&'static str, &'static str)],
    settings: &'static str,
    name: &'static str,
    resolved: Option<&'static str>,
    class: Class,
    registry: Option<&'static str>,
    because: &'static str,
    from: &'static str,
}

const CORP: &str = "https://npm.corp.example/";
pub(super) const VIRTUAL: &str = "https://npm.corp.example/api/npm-virtual/";
pub(super) const LOCAL: &str = "https://npm.corp.example/api/npm-local/";

const ROWS: &[Row] = &[
    // Nothing is said.
    Row {
        config: &[],
        settings: "",
        name: "a",
        resolved: None,
        class: Class::Public,
        registry: Some(PUBLIC),
        because: "no setting leads away",
        from: "package-lock.json:",
    },
    Row {
        config: &[],
        settings: "",
        name: "a",
        resolved: Some("https://registry.example/a/-/a-1.0.0.tgz"),
        class: Class::Public,
        registry: Some(PUBLIC),
        because: "lies under the public registry",
        from: "(lockfile)",
    },
    Row {
        config: &[],
        settings: "",
        name: "a",
        resolved: Some("https://cdn.example/a.tgz"),
        class: Class::Other,
        registry: None,
        because: "`cdn.example`",
        from: "(lockfile)",
    },
    Row {
        config: &[],
        settings: "",
        name: "a",
        resolved: Some("not a url"),
        class: Class::Other,
        registry: None,
        because: "not a URL",
        from: "(lockfile)",
    },
    // 1. The owner's list.
    Row {
        config: &[],
        settings: "private = ['acme-*']\n[[registry]]\nurl = 'https://npm.corp.example/'",
        name: "acme-logger",
        resolved: None,
        class: Class::Private,
        registry: Some(CORP),
        because: "`private` lists `acme-*`",
        from: "sealcheck.toml:1",
    },
    // The public registry may be named too, and is not where a private package belongs.
    Row {
        config: &[],
        settings: "private = ['acme-*']\n[[registry]]\nurl = 'https://npm.corp.example/'\n[[registry]]\nurl = 'https://registry.example/'",
        name: "acme-logger",
        resolved: Some("https://registry.example/acme-logger/-/acme-logger-1.0.0.tgz"),
        class: Class::Private,
        registry: Some(CORP),
        because: "`private` lists `acme-*`",
        from: "sealcheck.toml:1",
    },
    Row {
        config: &[],
        settings: "private = ['acme-*']\n[[registry]]\nurl = 'https://npm.corp.example/'\n[[registry]]\nurl = 'https://npm.other.example/'",
        name: "acme-logger",
        resolved: None,
        class: Class::Undecided,
        registry: None,
        because: "nothing names its registry",
        from: "sealcheck.toml:1",
    },
    Row {
        config: &[("@acme:registry", LOCAL)],
        settings: "private = ['@acme/*']",
        name: "@acme/x",
        resolved: Some("https://registry.example/@acme/x/-/x-1.0.0.tgz"),
        class: Class::Private,
        registry: Some(LOCAL),
        because: "`private` lists",
        from: "sealcheck.toml:1",
    },
    Row {
        config: &[],
        settings: "private = ['acme-*']",
        name: "acme-logger",
        resolved: Some("https://npm.corp.example/npm/acme-logger/-/acme-logger-1.0.0.tgz"),
        class: Class::Private,
        registry: Some("https://npm.corp.example/npm/"),
        because: "`private` lists",
        from: "sealcheck.toml:1",
    },
    Row {
        config: &[("registry", VIRTUAL)],
        settings: "private = ['acme-*']",
        name: "acme-logger",
        resolved: None,
        class: Class::Private,
        registry: Some(VIRTUAL),
        because: "`private` lists",
        from: "sealcheck.toml:1",
    },
    Row {
        config: &[],
        settings: "private = ['acme-*']",
        name: "acme-logger",
        resolved: None,
        class: Class::Undecided,
        registry: None,
        because: "nothing names its registry",
        from: "sealcheck.toml:1",
    },
    Row {
        config: &[("@acme:registry", LOCAL)],
        settings: "private = []",
        name: "@acme/x",
        resolved: Some("https://npm.corp.example/api/npm-local/@acme/x/-/x.tgz"),
        class: Class::Other,
        registry: Some(LOCAL),
        because: "`private = []`",
        from: "sealcheck.toml:1",
    },
    Row {
        config: &[("@acme:registry", LOCAL)],
        settings: "private = ['other']",
        name: "@acme/x",
        resolved: None,
        class: Class::Private,
        registry: Some(LOCAL),
        because: "maps its scope",
        from: ".npmrc:1 (project)",
    },
    Row {
        config: &[("registry", VIRTUAL)],
        settings: "private = ['acme-*']",
        name: "left-pad",
        resolved: None,
        class: Class::Public,
        registry: Some(VIRTUAL),
        because: "`private` does not list it",
        from: "sealcheck.toml:1",
    },
    // 2. The mapping.
    Row {
        config: &[("audit", "false"), ("@acme:registry", LOCAL)],
        settings: "",
        name: "@acme/x",
        resolved: None,
        class: Class::Private,
        registry: Some(LOCAL),
        because: "`@acme:registry` maps its scope",
        from: ".npmrc:2 (project)",
    },
    Row {
        config: &[("@acme:registry", LOCAL)],
        settings: "",
        name: "@acme/x",
        resolved: Some("https://registry.example/@acme/x/-/x.tgz"),
        class: Class::Public,
        registry: Some(PUBLIC),
        because: "pins it at the public registry, where npm fetches it in spite of `@acme:registry`",
        from: "(lockfile)",
    },
    // As old lockfiles have it.
    Row {
        config: &[("@acme:registry", LOCAL)],
        settings: "",
        name: "@acme/x",
        resolved: Some("http://REGISTRY.example/@acme%2fx/-/x.tgz"),
        class: Class::Public,
        registry: Some(PUBLIC),
        because: "pins it at the public registry",
        from: "(lockfile)",
    },
    Row {
        config: &[],
        settings: "",
        name: "a",
        resolved: Some("http://registry.example/a/-/a-1.0.0.tgz"),
        class: Class::Public,
        registry: Some(PUBLIC),
        because: "lies under the public registry",
        from: "(lockfile)",
    },
    // A list of the owner's that leaves it out says nothing of a mapped scope.
    Row {
        config: &[("@acme:registry", LOCAL)],
        settings: "private = ['@acme/secret']",
        name: "@acme/x",
        resolved: Some("https://registry.example/@acme/x/-/x.tgz"),
        class: Class::Public,
        registry: Some(PUBLIC),
        because: "pins it at the public registry",
        from: "(lockfile)",
    },
    // npm puts the default registry in the place of the public one: this comes from the owner's.
    Row {
        config: &[("registry", VIRTUAL), ("@acme:registry", LOCAL)],
        settings: "",
        name: "@acme/x",
        resolved: Some("https://registry.example/@acme/x/-/x.tgz"),
        class: Class::Private,
        registry: Some(LOCAL),
        because: "maps its scope",
        from: ".npmrc:2",
    },
    Row {
        config: &[("registry", VIRTUAL), ("replace-registry-host", "never"), ("@acme:registry", LOCAL)],
        settings: "",
        name: "@acme/x",
        resolved: Some("https://registry.example/@acme/x/-/x.tgz"),
        class: Class::Public,
        registry: Some(PUBLIC),
        because: "pins it at the public registry",
        from: "(lockfile)",
    },
    // Where npm leads a private `resolved` astray the package is private all the same.
    Row {
        config: &[("replace-registry-host", "always"), ("@acme:registry", LOCAL)],
        settings: "",
        name: "@acme/x",
        resolved: Some("https://npm.corp.example/api/npm-local/@acme/x/-/x.tgz"),
        class: Class::Private,
        registry: Some(LOCAL),
        because: "maps its scope",
        from: ".npmrc:2",
    },
    // What setup-node writes, which maps a scope that has public packages as well.
    Row {
        config: &[("@acme:registry", "https://npm.pkg.corp.example")],
        settings: "",
        name: "@acme/x",
        resolved: None,
        class: Class::Private,
        registry: Some("https://npm.pkg.corp.example/"),
        because: "maps its scope",
        from: ".npmrc:1",
    },
    // One registry, written in several ways.
    Row {
        config: &[("registry", "HTTPS://NPM.Corp.Example.:443/api/npm-local"), ("@other:registry", LOCAL)],
        settings: "private = ['acme-*']",
        name: "acme-x",
        resolved: Some("https://npm.corp.example/api/npm-local/acme-x/-/x.tgz"),
        class: Class::Private,
        registry: Some(LOCAL),
        because: "`private` lists",
        from: "sealcheck.toml:1",
    },
    Row {
        config: &[("@other:registry", "http://npm.corp.example/")],
        settings: "",
        name: "acme-x",
        resolved: Some("https://npm.corp.example/acme-x/-/x.tgz"),
        class: Class::Private,
        registry: Some("http://npm.corp.example/"),
        because: "`@other:registry` names",
        from: ".npmrc:1 (project)",
    },
    Row {
        config: &[("@other:registry", CORP)],
        settings: "",
        name: "acme-x",
        resolved: Some("http://npm.corp.example/acme-x/-/x.tgz"),
        class: Class::Other,
        registry: None,
        because: "nothing names as a registry",
        from: "(lockfile)",
    },
    Row {
        config: &[],
        settings: "private = ['@acme/*']",
        name: "@acme/x",
        resolved: Some("https://npm.corp.example/npm/@acme%2Fx/-/x-1.0.0.tgz"),
        class: Class::Private,
        registry: Some("https://npm.corp.example/npm/"),
        because: "`private` lists",
        from: "sealcheck.toml:1",
    },
    Row {
        config: &[("@acme:registry", PUBLIC)],
        settings: "",
        name: "@acme/x",
        resolved: None,
        class: Class::Public,
        registry: Some(PUBLIC),
        because: "no setting leads away",
        from: "(lockfile)",
    },
    Row {
        config: &[("@other:registry", LOCAL)],
        settings: "",
        name: "@acme/x",
        resolved: None,
        class: Class::Public,
        registry: Some(PUBLIC),
        because: "no setting leads away",
        from: "(lockfile)",
    },
    // 3. A registry that serves nothing of the public one's.
    Row {
        config: &[("@other:registry", LOCAL)],
        settings: "",
        name: "acme-x",
        resolved: Some("https://npm.corp.example/api/npm-local/acme-x/-/x.tgz"),
        class: Class::Private,
        registry: Some(LOCAL),
        because: "`@other:registry` names",
        from: ".npmrc:1 (project)",
    },
    Row {
        config: &[("@other:registry", LOCAL)],
        settings: "",
        name: "acme-x",
        resolved: Some("https://npm.corp.example/api/npm-local-2/acme-x/-/x.tgz"),
        class: Class::Other,
        registry: None,
        because: "nothing names as a registry",
        from: "(lockfile)",
    },
    Row {
        config: &[],
        settings: "[[registry]]\nurl = 'https://npm.corp.example/'",
        name: "acme-x",
        resolved: Some("https://npm.corp.example/acme-x/-/x.tgz"),
        class: Class::Private,
        registry: Some(CORP),
        because: "`[[registry]]` names",
        from: "sealcheck.toml:2",
    },
    Row {
        config: &[("registry", CORP)],
        settings: "[[registry]]\nurl = 'https://npm.corp.example/'\nserve = 'served'",
        name: "acme-x",
        resolved: None,
        class: Class::Private,
        registry: Some(CORP),
        because: "`[[registry]]` names",
        from: "sealcheck.toml:2",
    },
    // 4. One that serves both.
    Row {
        config: &[("registry", VIRTUAL)],
        settings: "",
        name: "acme-x",
        resolved: Some("https://npm.corp.example/api/npm-virtual/acme-x/-/x.tgz"),
        class: Class::Undecided,
        registry: Some(VIRTUAL),
        because: "signatures were not looked at",
        from: "(lockfile)",
    },
    Row {
        config: &[("registry", VIRTUAL)],
        settings: "",
        name: "acme-x",
        resolved: None,
        class: Class::Undecided,
        registry: Some(VIRTUAL),
        because: "signatures were not looked at",
        from: "(lockfile)",
    },
    Row {
        config: &[("registry", VIRTUAL)],
        settings: "",
        name: "a",
        resolved: Some("https://registry.example/a/-/a.tgz"),
        class: Class::Public,
        registry: Some(PUBLIC),
        because: "lies under the public registry",
        from: "(lockfile)",
    },
    Row {
        config: &[("registry", VIRTUAL), ("@acme:registry", VIRTUAL)],
        settings: "",
        name: "acme-x",
        resolved: Some("https://npm.corp.example/api/npm-virtual/acme-x/-/x.tgz"),
        class: Class::Undecided,
        registry: Some(VIRTUAL),
        because: "may serve public packages",
        from: "(lockfile)",
    },
    Row {
        config: &[],
        settings: "[[registry]]\nurl = 'https://npm.corp.example/api/npm-virtual/'\nbehind = 'https://npm.corp.example/api/npm-local/'",
        name: "a",
        resolved: Some("https://npm.corp.example/api/npm-virtual/a/-/a.tgz"),
        class: Class::Undecided,
        registry: Some(VIRTUAL),
        because: "may serve public packages",
        from: "(lockfile)",
    },
    Row {
        config: &[],
        settings: "[[registry]]\nurl = 'https://npm.corp.example/api/npm-virtual/'\nbehind = 'https://npm.corp.example/api/npm-local/'",
        name: "a",
        resolved: Some("https://npm.corp.example/api/npm-local/a/-/a.tgz"),
        class: Class::Private,
        registry: Some(LOCAL),
        because: "`[[registry]]` names",
        from: "sealcheck.toml:2",
    },
];

#[test]
fn each_class_has_its_reason() {
    for (at, row) in ROWS.iter().enumerate() {
        let mut entry = json!({"version": "1.0.0", "integrity": Digests::of(b"bytes").sri()});
        if let Some(resolved) = row.resolved {
            entry["resolved"] = resolved.into();
        }
        let text = json!({"lockfileVersion": 3, "packages": {format!("node_modules/{}", row.name): entry}})
            .to_string();
        let lockfile = Lockfile::parse(Source::new("package-lock.json", text)).unwrap();
        let public = RegistryUrl::parse(PUBLIC).unwrap();
        let (config, settings) = (config(row.config), settings(row.settings));
        let facts = Facts {
            lockfile: &lockfile,
            config: &config,
            settings: &settings,
            public: &public,
            signatures: None,
        };
        let found = classify(&facts).into_values().next().unwrap();
        assert_eq!(found.class, row.class, "row {at}: {found:?}");
        assert_eq!(
            found.registry.as_ref().map(ToString::to_string).as_deref(),
            row.registry,
            "row {at}: {found:?}"
        );
        assert!(found.because.contains(row.because), "row {at}: {found:?}");
        assert!(found.from.contains(row.from), "row {at}: {found:?}");
    }
}
