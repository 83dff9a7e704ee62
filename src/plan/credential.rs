//! Planted tokens: what lies in a sandbox in the place of every real credential.
//!
//! A planted value has the form that npm expects of its key (base64 for `_auth`
//! and `_password`), so that npm sends it as it would the real one and the
//! gateway can put the real one, in the same form, in its place.

use super::npmrc::{LineEdit, line_of};
use super::userinfo::{basic, nerf_dart, raw_userinfo, userinfo, with_planted};
use super::{Planted, environment};
use crate::project::Project;
use crate::project::npmrc::{Level, Setting, Value};
use crate::project::surroundings::OUTSIDE;
use crate::secret::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use url::Url;

/// Settings with every credential replaced.
#[derive(Clone, Default)]
pub(super) struct Planting {
    /// Tokens and what they stand for, ordered by registry and label.
    pub(super) planted: Vec<Planted>,
    /// Variables that npmrc files mention.
    pub(super) variables: BTreeMap<String, String>,
    /// Line edits by level.
    pub(super) lines: BTreeMap<Level, BTreeMap<usize, LineEdit>>,
    /// What settings of the environment level become, by key.
    pub(super) environment: BTreeMap<String, String>,
    /// The planted values among `environment`.
    pub(super) credentials: BTreeMap<String, String>,
    /// Credentials in URLs of the lockfile as spelt there, and the planted ones in their place.
    pub(super) in_lockfile: BTreeMap<String, String>,
    /// Keys that are left out of files and environment, those that are set.
    pub(super) left_out: Vec<String>,
}

/// Folders of this machine's; the sandbox has its own.
const FOLDERS: [&str; 8] = [
    "cache",
    "prefix",
    "logs-dir",
    "userconfig",
    "globalconfig",
    "global-prefix",
    "local-prefix",
    "init-module",
];

impl Planting {
    pub(super) fn of(project: &Project, seed: &Secret) -> Self {
        let mut planting = Self::default();
        for setting in &project.config.settings {
            match setting.level {
                Level::Default | Level::Cli => {}
                Level::Builtin | Level::Global | Level::User | Level::Project | Level::Env => {
                    planting.take(project, setting, seed);
                }
            }
        }
        for (name, value) in &project.settings.install.env {
            if let Some(key) =
                environment::key_of(name).filter(|key| is_credential(key) || userinfo(value).is_some())
            {
                let written = Value::Secret(Secret::new(key.clone(), value));
                let setting = Setting {
                    level: Level::Env,
                    key,
                    value: written.clone(),
                    raw: written,
                    variables: Vec::new(),
                    place: None,
                };
                planting.take(project, &setting, seed);
            }
        }
        for text in project.lockfile.source.text().split('"') {
            if let (Some(url), Some(raw)) = (userinfo(text), raw_userinfo(text)) {
                planting.plant_in_lockfile(&url, raw, seed);
            }
        }
        let order =
            |one: &Planted| (one.nerf_dart.clone(), one.label.clone(), one.key.clone(), one.value.clone());
        // Of two lines in one file npm takes the last.
        planting.planted.reverse();
        planting.planted.sort_by_key(order);
        planting.planted.dedup_by_key(|one| order(one));
        planting.left_out.sort();
        planting.left_out.dedup();
        planting
    }

    fn take(&mut self, project: &Project, setting: &Setting, seed: &Secret) {
        let bare = setting.key.trim_end_matches("[]");
        let last = bare.rsplit(':').next().unwrap_or(bare);
        let own_key = if bare.starts_with("//") { last } else { bare };
        if OUTSIDE.contains(&own_key) || FOLDERS.contains(&own_key) {
            self.left_out.push(own_key.to_owned());
            self.edit_line(project, setting, LineEdit::Drop);
            return;
        }
        let variable = sole_variable(setting);
        let text = setting.exposed();
        if is_secret(setting) && text.is_empty() {
            self.leave_empty(project, setting, variable);
        } else if is_secret(setting) {
            self.plant(project, setting, variable, seed);
        } else if setting.level == Level::Env {
            self.environment.insert(setting.key.clone(), text.to_owned());
        } else if !setting.variables.is_empty()
            && setting.variables.iter().all(|(_, set)| *set)
            // A list is one value and several lines.
            && !text.contains("\n\n")
        {
            match variable {
                Some(name) => {
                    self.variables.entry(name.to_owned()).or_insert_with(|| text.to_owned());
                }
                None => self.edit_line(project, setting, LineEdit::Value(text.to_owned())),
            }
        }
    }

    /// An empty credential is none, and hides those of the levels below it. Nothing is planted
    /// in its place; npm finds it empty as it would.
    fn leave_empty(&mut self, project: &Project, setting: &Setting, variable: Option<&str>) {
        let set = setting.variables.iter().all(|(_, set)| *set);
        match variable {
            Some(name) if set => {
                self.variables.entry(name.to_owned()).or_default();
            }
            // `${VAR?}` stays as it is written: nothing sets it inside either.
            Some(_) => {}
            None if setting.variables.is_empty() => {}
            None => self.edit_line(project, setting, LineEdit::Value(String::new())),
        }
    }

    fn plant(&mut self, project: &Project, setting: &Setting, variable: Option<&str>, seed: &Secret) {
        let label = variable.unwrap_or(&setting.key).to_owned();
        let token = match hidden(project, setting) {
            // It is another one than that which hides it, and shows itself as such.
            Some(level) if variable.is_none() => token(seed, &format!("{label} of {level:?}")),
            Some(_) | None => token(seed, &label),
        };
        let url = userinfo(setting.exposed());
        let (nerf_dart, key) = belongs_to(project, setting, url.as_ref());
        let (value, written) = match &url {
            Some(url) => {
                let planted = with_planted(url.clone(), &token);
                (if key == "_auth" { basic(&planted) } else { token }, planted.into())
            }
            None => {
                let value = match key.as_str() {
                    "_auth" => STANDARD.encode(format!("planted:{token}")),
                    "_password" => STANDARD.encode(&token),
                    _ => token,
                };
                (value.clone(), value)
            }
        };
        match (variable, setting.level) {
            (_, Level::Env) => {
                self.credentials.insert(setting.key.clone(), written.clone());
                self.environment.insert(setting.key.clone(), written);
            }
            (Some(name), _) => {
                self.variables.insert(name.to_owned(), written);
            }
            (None, _) => self.edit_line(project, setting, LineEdit::Value(written)),
        }
        let real = project.config.sendable(setting).or_else(|| tied(project, nerf_dart.as_deref(), &key));
        let real = real.filter(|_| !served(project, nerf_dart.as_deref())).map(|text| match userinfo(text) {
            Some(url) if key == "_auth" => basic(&url),
            Some(url) => url.password().unwrap_or(url.username()).to_owned(),
            None => text.to_owned(),
        });
        self.planted.push(Planted {
            value,
            real: real.map(|real| Secret::new(label.clone(), real)),
            label,
            nerf_dart,
            key,
        });
    }

    /// Credentials in a `resolved`, which npm sends as basic authentication.
    fn plant_in_lockfile(&mut self, url: &Url, raw: &str, seed: &Secret) {
        let label = format!("resolved of {}", url.host_str().unwrap_or_default());
        let token = token(seed, &label);
        let planted = with_planted(url.clone(), &token);
        let spelt = match planted.password() {
            Some(password) => format!("{}:{password}", planted.username()),
            None => planted.username().to_owned(),
        };
        self.in_lockfile.insert(raw.to_owned(), spelt);
        self.planted.push(Planted {
            value: basic(&planted),
            real: Some(Secret::new(label.clone(), basic(url))),
            label,
            // The registry of a tarball's URL is not known; its host is.
            nerf_dart: url.join("/").ok().as_ref().and_then(nerf_dart),
            key: "_auth".to_owned(),
        });
    }

    fn edit_line(&mut self, project: &Project, setting: &Setting, edit: LineEdit) {
        if let Some(line) = line(project, setting) {
            self.lines.entry(setting.level).or_default().insert(line, edit);
        }
    }
}

/// The line of a setting in the file of its level.
pub(super) fn line(project: &Project, setting: &Setting) -> Option<usize> {
    let source = project.config.files.get(&setting.level)?;
    match &setting.place {
        Some(place) => Some(place.line),
        None => line_of(source.text(), &setting.key),
    }
}

/// The variable a setting is written by, where it is written by nothing else:
/// `${NPM_TOKEN}`, `${NPM_TOKEN?}`.
fn sole_variable(setting: &Setting) -> Option<&str> {
    let Value::Plain(raw) = &setting.raw else { return None };
    let inner = raw.trim().strip_prefix("${")?.strip_suffix('}')?;
    let name = inner.strip_suffix('?').unwrap_or(inner);
    setting.variables.iter().map(|(known, _)| known.as_str()).find(|known| *known == name)
}

fn is_credential(key: &str) -> bool {
    let own = key.rsplit(':').next().unwrap_or(key);
    matches!(own, "_auth" | "_authToken" | "_password")
}

/// The level of a setting that another one of the same key hides from npm.
fn hidden(project: &Project, setting: &Setting) -> Option<Level> {
    let effective = project.config.get(&setting.key)?;
    (setting.level != effective.level && setting.exposed() != effective.exposed()).then_some(setting.level)
}

/// Whether the registry of a credential is served from a folder, where nobody asks for one.
fn served(project: &Project, nerf_dart: Option<&str>) -> bool {
    nerf_dart.is_some_and(|nerf_dart| {
        project
            .settings
            .registries
            .iter()
            .any(|entry| entry.serve.is_some() && entry.url.nerf_dart().starts_with(nerf_dart))
    })
}

fn with_slash(registry: &str) -> String {
    if registry.ends_with('/') { registry.to_owned() } else { format!("{registry}/") }
}

/// Looks like a token of npm's; the same for the same label in one invocation.
fn token(seed: &Secret, label: &str) -> String {
    let mut hash = Sha256::new();
    hash.update((seed.expose().len() as u64).to_le_bytes());
    hash.update(seed.expose());
    hash.update(label);
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("npm_{}", &digits[..36])
}

/// Whether the file of a level holds a credential, in whose place a planted one lies.
pub(super) fn has_secret(project: &Project, level: Level) -> bool {
    project.config.settings.iter().any(|setting| setting.level == level && is_secret(setting))
}

fn is_secret(setting: &Setting) -> bool {
    let marked = matches!((&setting.value, &setting.raw), (Value::Secret(_), _) | (_, Value::Secret(_)));
    marked || is_credential(&setting.key) || userinfo(setting.exposed()).is_some()
}

/// Which registry a secret is for, and how npm uses it.
fn belongs_to(project: &Project, setting: &Setting, url: Option<&Url>) -> (Option<String>, String) {
    if let Some((registry, key)) = setting.key.strip_prefix("//").and(setting.key.rsplit_once(':')) {
        return (Some(with_slash(registry)), key.to_owned());
    }
    match url {
        Some(url) if setting.key == "registry" || setting.key.ends_with(":registry") => {
            (nerf_dart(url), "_auth".to_owned())
        }
        None if setting.key.starts_with('_') => {
            (Some(project.config.default_registry(&project.public).nerf_dart()), setting.key.clone())
        }
        Some(_) | None => (None, setting.key.clone()),
    }
}

/// What the policy file ties to a registry.
fn tied<'a>(project: &'a Project, nerf_dart: Option<&str>, key: &str) -> Option<&'a str> {
    let mut all = project.config.tied.iter();
    let found = all.find(|one| Some(one.nerf_dart.as_str()) == nerf_dart && one.key == key)?;
    found.value.as_ref().map(Secret::expose)
}
