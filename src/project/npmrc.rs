//! npm's configuration: its own dialect of ini, its levels and their order.
//!
//! What is a secret is told here once; from here on it is a [`Value::Secret`].
//! This module must not know what a registry answers.

mod credential;
mod credential_keys;
mod features;
mod ini;
pub(crate) mod levels;
pub mod render;
mod secrets;
#[cfg(test)]
mod tests;
mod variables;

pub use credential::Credential;
pub use features::{Feature, NpmVersion, beginning_of};
pub(crate) use secrets::{is_secret as is_secret_key, names_a_secret, redact as without_secrets};

use super::name::PackageName;
use super::registry::RegistryUrl;
use crate::secret::Secret;
use crate::text::{Place, Source};
use std::collections::BTreeMap;

/// The setting that sends a `resolved` to the default registry.
pub const REPLACE_REGISTRY_HOST: &str = "replace-registry-host";

/// A level of npm's configuration, weakest first.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Built into npm.
    Default,
    /// `npmrc` in npm's own folder.
    Builtin,
    /// `{prefix}/etc/npmrc`.
    Global,
    /// `~/.npmrc` or `userconfig`.
    User,
    /// `.npmrc` beside the package.json.
    Project,
    /// `npm_config_*`.
    Env,
    /// The command line.
    Cli,
}

/// One setting at one level.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The level.
    pub level: Level,
    /// The key as npm knows it (`@acme:registry`, `//host/:_authToken`).
    pub key: String,
    /// The value after `${VAR}` was replaced; a secret's value never prints.
    pub value: Value,
    /// The value as written in the file, `${VAR}` and all, for writing a changed
    /// copy into a sandbox. Secrets written in clear are [`Value::Secret`] only.
    pub raw: Value,
    /// Names of the variables it mentions, with whether each was set.
    pub variables: Vec<(String, bool)>,
    /// Where, for files.
    pub place: Option<Place>,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Ordinary.
    Plain(String),
    /// A token, a password, a key.
    Secret(Secret),
}

/// All levels.
#[derive(Debug, Clone, Default)]
pub struct NpmConfig {
    /// Every setting, ordered by level, then by place in the file. Within a
    /// level the last one of a key wins, as in npm; all are kept.
    pub settings: Vec<Setting>,
    /// The files that were read, by level, line for line; secrets written out
    /// in clear are replaced by their labels.
    pub files: BTreeMap<Level, Source>,
    /// The files as they are on disk.
    pub(crate) texts: BTreeMap<Level, Secret>,
    /// What the policy file ties to registries.
    pub(crate) tied: Vec<Credential>,
}

/// The keys that an npmrc sets, in its order, as written.
pub(super) fn keys_of(text: &str) -> Vec<String> {
    ini::parse(text).into_iter().filter(|line| !line.in_section).map(|line| line.key).collect()
}

impl Value {
    fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }

    /// The same kind of value with another text.
    fn with(&self, text: String) -> Self {
        match self {
            Self::Plain(_) => Self::Plain(text),
            Self::Secret(secret) => Self::Secret(Secret::new(secret.label(), text)),
        }
    }
}

impl Setting {
    /// The value as it is written, without what of it is secret: all of a token, of a URL
    /// the credentials and the query.
    pub fn shown(&self) -> String {
        match &self.raw {
            Value::Secret(_) if is_secret_key(&self.key) => format!("[redacted:{}]", self.key),
            Value::Secret(_) | Value::Plain(_) => super::places::blot_urls(self.raw.expose()),
        }
    }

    /// The text that npm reads, with the credentials that a registry's URL carries, which
    /// stand only in what is written.
    pub(crate) fn exposed(&self) -> &str {
        match (&self.value, &self.raw) {
            (Value::Secret(secret), _) | (Value::Plain(_), Value::Secret(secret)) => secret.expose(),
            (Value::Plain(text), Value::Plain(_)) => text,
        }
    }

    /// What its value is called where it may not be shown.
    fn label(&self) -> &str {
        match (&self.value, &self.raw) {
            (Value::Secret(secret), _) | (Value::Plain(_), Value::Secret(secret)) => secret.label(),
            (Value::Plain(_), Value::Plain(_)) => &self.key,
        }
    }

    /// What of it must be shown nowhere, where that is all of it.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let secret = |value: &Value| match value {
            Value::Secret(secret) => Some(secret.clone()),
            Value::Plain(_) => None,
        };
        [secret(&self.value), secret(&self.raw)].into_iter().flatten().collect()
    }
}

impl NpmConfig {
    /// The effective setting of a key: the highest level, the last in it.
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().filter(|setting| setting.key == key).max_by_key(|setting| setting.level)
    }

    /// The effective plain value of a key.
    pub fn plain(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.value {
            Value::Plain(text) => Some(text),
            Value::Secret(_) => None,
        }
    }

    /// The effective items of a list (`omit`, `ca`), in order.
    pub fn list(&self, key: &str) -> Vec<&str> {
        self.plain(key)
            .map(|text| text.split("\n\n").filter(|item| !item.is_empty()).collect())
            .unwrap_or_default()
    }

    /// The items of a list to which each option on the command line adds one.
    pub fn items(&self, key: &str) -> Vec<&str> {
        let commanded = self.settings.iter().filter(|it| it.level == Level::Cli && it.key == key);
        let commanded: Vec<&str> = commanded
            .filter_map(|setting| match &setting.value {
                Value::Plain(text) => Some(text.as_str()),
                Value::Secret(_) => None,
            })
            .collect();
        if commanded.is_empty() { self.list(key) } else { commanded }
    }

    /// The bytes of a level's file as it is on disk, secrets and all; only for
    /// digests and for a copy that is rendered.
    pub fn file_text(&self, level: Level) -> Option<&str> {
        self.texts.get(&level).map(Secret::expose)
    }

    /// The default registry; `public` where none is set.
    pub fn default_registry(&self, public: &RegistryUrl) -> RegistryUrl {
        self.plain("registry")
            .and_then(|text| RegistryUrl::parse(text).ok())
            .unwrap_or_else(|| public.clone())
    }

    /// The registry a scope is mapped to, with the setting that says so.
    pub fn scope_registry(&self, scope: &str) -> Option<(RegistryUrl, &Setting)> {
        let setting = self.get(&format!("{scope}:registry"))?;
        match &setting.value {
            Value::Plain(text) => Some((RegistryUrl::parse(text).ok()?, setting)),
            Value::Secret(_) => None,
        }
    }

    /// Whether npm puts the default registry's host in the place of a `resolved` URL's, by
    /// `replace-registry-host` (arborist's `#registryResolved`, which compares host names). By
    /// default it does so with the public registry's alone.
    pub fn replaces_host(&self, resolved: &url::Url, public: &RegistryUrl) -> bool {
        match self.plain(REPLACE_REGISTRY_HOST) {
            Some("always") => true,
            Some("never") => false,
            Some("npmjs") | None => resolved.host_str() == Some(public.host()),
            Some(named) => resolved.host_str() == Some(named),
        }
    }

    /// The registry npm would ask for a name (npm's `pickRegistry`).
    pub fn registry_for(&self, name: &PackageName, public: &RegistryUrl) -> RegistryUrl {
        let mapped = name.scope().or_else(|| self.plain("scope").filter(|scope| !scope.is_empty()));
        mapped
            .and_then(|scope| self.scope_registry(scope))
            .map_or_else(|| self.default_registry(public), |(registry, _)| registry)
    }
}
