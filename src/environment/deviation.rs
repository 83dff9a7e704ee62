//! In what two captured environments differ, part by part: the candidates among which the
//! cause of another install is looked for.

use super::Environment;
use crate::project::npmrc::Level;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A part of an environment that can be exchanged by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "part", rename_all = "kebab-case")]
pub enum Part {
    /// npm's version.
    Npm,
    /// Node's version.
    Node,
    /// A key of npm's configuration in the file of a level.
    Npmrc {
        /// The file's level.
        level: Level,
        /// The key.
        key: String,
    },
    /// A variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// The lockfile as a whole.
    Lockfile,
    /// A key of package.json.
    Manifest {
        /// The key at the top.
        key: String,
    },
    /// A file of the project.
    File {
        /// Its path.
        path: String,
    },
    /// What npm's cache held.
    Cache,
    /// What new files are denied.
    Umask,
    /// The system, the processor or the C library, which no sandbox here can change.
    Platform {
        /// `os`, `cpu`, `libc`.
        what: String,
    },
}

/// One part, and how it is on either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// What it is.
    #[serde(flatten)]
    pub part: Part,
    /// How it is on the left, for people; `None` where it is not there.
    pub left: Option<String>,
    /// How it is on the right.
    pub right: Option<String>,
}

impl Part {
    /// As it is called in a sentence: "`registry` in ~/.npmrc (user)".
    pub fn named(&self) -> String {
        match self {
            Self::Npm => "npm's version".to_owned(),
            Self::Node => "node's version".to_owned(),
            Self::Npmrc { level, key } => format!("`{key}` in the {} npmrc", level_name(*level)),
            Self::Variable { name } => format!("`{name}`"),
            Self::Lockfile => "the lockfile".to_owned(),
            Self::Manifest { key } => format!("`{key}` in package.json"),
            Self::File { path } => format!("the file {path}"),
            Self::Cache => "npm's cache".to_owned(),
            Self::Umask => "the umask".to_owned(),
            Self::Platform { what } => format!("the platform ({what})"),
        }
    }

    /// How likely it is that a part of this kind changes an install, for the order in which
    /// they are tried: more is likelier. It decides how soon a cause is found, never which.
    pub fn weight(&self) -> u32 {
        const TELLING: [&str; 22] = [
            "registry",
            "omit",
            "include",
            "only",
            "production",
            "ignore-scripts",
            "offline",
            "prefer-offline",
            "prefer-online",
            "legacy-peer-deps",
            "proxy",
            "https-proxy",
            "before",
            "min-release-age",
            "replace-registry-host",
            "script-shell",
            "strict-ssl",
            "cafile",
            "engine-strict",
            "allow-remote",
            "install-strategy",
            "package-lock",
        ];
        const SILENT: [&str; 14] = [
            "fund",
            "audit",
            "audit-level",
            "color",
            "progress",
            "loglevel",
            "editor",
            "message",
            "save-exact",
            "save-prefix",
            "update-notifier",
            "init-author-name",
            "init-license",
            "unicode",
        ];
        let of_key = |key: &str| match key {
            key if TELLING.contains(&key) || key.ends_with(":registry") => 8,
            key if SILENT.contains(&key) || key.starts_with("init-") => 1,
            key if key.starts_with("//") => 4,
            _ => 3,
        };
        match self {
            Self::Lockfile => 10,
            Self::Npm => 8,
            Self::Npmrc { key, .. } => of_key(key),
            Self::Variable { name } => {
                let lower = name.to_ascii_lowercase();
                match lower.strip_prefix("npm_config_") {
                    Some(key) => of_key(&key.replace('_', "-")),
                    None if lower == "node_env" || lower.ends_with("_proxy") => 8,
                    None if lower == "node_options" => 4,
                    None => 1,
                }
            }
            Self::Manifest { key } => match key.as_str() {
                "dependencies" | "optionalDependencies" | "overrides" | "scripts" | "allowScripts" => 6,
                _ => 1,
            },
            Self::Cache => 6,
            Self::Umask => 3,
            Self::Node => 3,
            Self::File { .. } => 3,
            Self::Platform { .. } => 0,
        }
    }

    /// Whether a sandbox of this machine can have it either way.
    pub fn can_be_played(&self) -> bool {
        match self {
            Self::Platform { .. } => false,
            Self::Npmrc { level, .. } => match level {
                // npm's own file comes with npm.
                Level::Default | Level::Builtin => false,
                Level::Global | Level::User | Level::Project | Level::Env | Level::Cli => true,
            },
            // It would load a program of ours into npm, or another trust than the sandbox's.
            Self::Variable { name } => !UNPLAYED.contains(&name.as_str()),
            Self::Npm
            | Self::Node
            | Self::Lockfile
            | Self::Manifest { .. }
            | Self::File { .. }
            | Self::Cache
            | Self::Umask => true,
        }
    }
}

/// Variables that are the sandbox's own business.
const UNPLAYED: [&str; 5] =
    ["NODE_OPTIONS", "NODE_PATH", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// A level as people call its file.
pub fn level_name(level: Level) -> &'static str {
    match level {
        Level::Default => "default",
        Level::Builtin => "built-in",
        Level::Global => "global",
        Level::User => "user's",
        Level::Project => "project's",
        Level::Env => "environment",
        Level::Cli => "command line",
    }
}

/// Everything in which two environments differ, ordered by part.
pub fn deviations(left: &Environment, right: &Environment) -> Vec<Deviation> {
    let mut found = Vec::new();
    let mut add = |part: Part, left: Option<String>, right: Option<String>| {
        if left != right {
            found.push(Deviation { part, left, right });
        }
    };
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    add(Part::Npm, some(&left.toolchain.npm), some(&right.toolchain.npm));
    add(Part::Node, some(&left.toolchain.node), some(&right.toolchain.node));
    let levels: BTreeSet<Level> = left.npmrc.keys().chain(right.npmrc.keys()).copied().collect();
    for level in levels {
        let settings = |environment: &Environment| -> BTreeMap<String, String> {
            let settings = environment.npmrc.get(&level).map(|npmrc| &npmrc.settings);
            let joined = settings.into_iter().flatten().map(|(key, values)| {
                let values: Vec<&str> = values.iter().map(|written| written.value.as_str()).collect();
                (key.clone(), values.join(", "))
            });
            joined.collect()
        };
        both(&settings(left), &settings(right), |key| Part::Npmrc { level, key }, &mut add);
    }
    both(&left.variables, &right.variables, |name| Part::Variable { name }, &mut add);
    let (here, there) = (&left.project, &right.project);
    if here.lockfile != there.lockfile {
        let digest = |text: &str| Some(text.chars().take(19).collect::<String>());
        add(Part::Lockfile, digest(&here.lockfile_sha512), digest(&there.lockfile_sha512));
    }
    both(&manifest(&here.manifest), &manifest(&there.manifest), |key| Part::Manifest { key }, &mut add);
    both(&here.files, &there.files, |path| Part::File { path }, &mut add);
    let cache = |environment: &Environment| {
        let state = if environment.cache.keys > 0 { "warm" } else { "empty" };
        Some(state.to_owned())
    };
    add(Part::Cache, cache(left), cache(right));
    add(Part::Umask, left.machine.umask.clone(), right.machine.umask.clone());
    let libc = |environment: &Environment| environment.machine.libc.clone();
    for (what, one, other) in [
        ("os", some(&left.machine.os), some(&right.machine.os)),
        ("cpu", some(&left.machine.cpu), some(&right.machine.cpu)),
        ("libc", libc(left), libc(right)),
    ] {
        add(Part::Platform { what: what.to_owned() }, one, other);
    }
    found
}

/// What is the same in both captures because its value was left out, by name; `true`
/// where a digest tells that it differs all the same.
pub fn left_out(left: &Environment, right: &Environment) -> BTreeMap<String, bool> {
    const MARK: &str = "[redacted";
    let mut found = BTreeMap::new();
    for (name, value) in left.variables.iter().filter(|(_, value)| value.contains(MARK)) {
        if right.variables.get(name) == Some(value) {
            found.insert(name.clone(), false);
        }
    }
    for (level, npmrc) in &left.npmrc {
        let other = right.npmrc.get(level).map(|npmrc| &npmrc.settings);
        for (key, values) in
            npmrc.settings.iter().filter(|(_, values)| values.iter().any(|it| it.value.contains(MARK)))
        {
            let same = other
                .and_then(|other| other.get(key))
                .is_some_and(|other| other.iter().map(|it| &it.value).eq(values.iter().map(|it| &it.value)));
            if same {
                found.insert(Part::Npmrc { level: *level, key: key.clone() }.named(), false);
            }
        }
    }
    let (here, there) = (&left.project, &right.project);
    for (what, same, differs) in [
        ("the lockfile", here.lockfile == there.lockfile, here.lockfile_sha512 != there.lockfile_sha512),
        ("package.json", here.manifest == there.manifest, here.manifest_sha512 != there.manifest_sha512),
    ] {
        if same && differs {
            found.insert(what.to_owned(), true);
        }
    }
    found
}

fn both(
    left: &BTreeMap<String, String>,
    right: &BTreeMap<String, String>,
    part: impl Fn(String) -> Part,
    add: &mut impl FnMut(Part, Option<String>, Option<String>),
) {
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    for key in keys {
        add(part(key.clone()), left.get(key).cloned(), right.get(key).cloned());
    }
}

/// The keys at the top of a package.json, each with its value as JSON.
pub(super) fn manifest(text: &str) -> BTreeMap<String, String> {
    let parsed: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(text);
    parsed.unwrap_or_default().into_iter().map(|(key, value)| (key, value.to_string())).collect()
}
