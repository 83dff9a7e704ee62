//! npm's levels of configuration, read in the order in which npm finds them.

use super::{Feature, Level, NpmConfig, NpmVersion, Setting, ini, secrets, variables};
use crate::project::file::{SMALL_LIMIT, read_inside, read_text};
use crate::project::places::Places;
use crate::secret::Secret;
use crate::text::{Complaint, Source};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where npm looks.
#[derive(Debug, Clone)]
pub(crate) struct Levels<'a> {
    /// The project's root, whose `.npmrc` counts; canonical.
    pub(crate) root: &'a Path,
    /// The folder the command runs in: relative paths of settings start there.
    pub(crate) cwd: &'a Path,
    /// The user's home.
    pub(crate) home: Option<&'a Path>,
    /// `{prefix}/etc/npmrc` of the toolchain, unless a setting leads elsewhere.
    pub(crate) global: Option<&'a Path>,
    /// `npmrc` in npm's own folder.
    pub(crate) builtin: Option<&'a Path>,
    /// The caller's environment.
    pub(crate) env: &'a BTreeMap<String, String>,
    /// Words of the command behind `npm`.
    pub(crate) words: &'a [String],
    /// The npm that reads them, where it is known.
    pub(crate) npm: Option<NpmVersion>,
}

/// Settings whose value is a path; npm resolves them, `~/` too.
const PATHS: [&str; 8] =
    ["cache", "cafile", "globalconfig", "userconfig", "prefix", "init-module", "logs-dir", "tmp"];

impl Levels<'_> {
    /// Reads all levels. Files that are not there are levels without settings.
    pub(crate) fn read(&self) -> Result<NpmConfig, Complaint> {
        let mut config = NpmConfig::default();
        if let Some(path) = self.builtin {
            self.file(&mut config, Level::Builtin, path)?;
        }
        self.cli(&mut config);
        self.env(&mut config);
        let user_default = self.home.map(|home| home.join(".npmrc"));
        let project = self.root.join(".npmrc");
        // In the home folder npm takes `.npmrc` for the user's file only.
        let user_now = config.plain("userconfig").map(PathBuf::from).or_else(|| user_default.clone());
        if user_now.as_deref().is_none_or(|user| user != project)
            && let Some(source) = read_inside(self.root, &project, ".npmrc", SMALL_LIMIT)?
        {
            self.take(&mut config, Level::Project, &source);
        }
        let user = self.elsewhere(&config, "userconfig", user_default.as_deref())?.or(user_default);
        if let Some(path) = &user {
            self.file(&mut config, Level::User, path)?;
        }
        let global = match config.plain("prefix") {
            Some(prefix) => Some(Path::new(prefix).join("etc/npmrc")),
            None => self.global.map(Path::to_path_buf),
        };
        let global = self.elsewhere(&config, "globalconfig", global.as_deref())?.or(global);
        // npm refuses to load one file for two levels.
        if let Some(path) = global.filter(|path| Some(path) != user.as_ref()) {
            self.file(&mut config, Level::Global, &path)?;
        }
        config.settings.sort_by_key(|setting| setting.level);
        Ok(config)
    }

    /// The file that a setting puts in the place of a level's usual one.
    ///
    /// A file of the tested project may not point npm's reader at any file of
    /// the caller's: its lines would be shown as settings.
    fn elsewhere(
        &self,
        config: &NpmConfig,
        key: &str,
        usual: Option<&Path>,
    ) -> Result<Option<PathBuf>, Complaint> {
        let Some(setting) = config.get(key) else { return Ok(None) };
        let Some(path) = config.plain(key).filter(|path| !path.is_empty()).map(PathBuf::from) else {
            return Ok(None);
        };
        let inside = path.canonicalize().unwrap_or_else(|_| path.clone()).starts_with(self.root);
        if setting.level == Level::Project && !inside && Some(path.as_path()) != usual {
            let message = format!("the project's own npmrc sends `{key}` to a file outside the project");
            let complaint = match &setting.place {
                Some(place) => Complaint::at(place.clone(), message),
                None => Complaint::about(message),
            };
            return Err(complaint.help(format!(
                "remove the line, or set `npm_config_{key}` in the environment if the file is meant"
            )));
        }
        Ok(Some(path))
    }

    fn file(&self, config: &mut NpmConfig, level: Level, path: &Path) -> Result<(), Complaint> {
        let name = self.display(path);
        if let Some(source) = read_text(path, &name, SMALL_LIMIT)? {
            self.take(config, level, &source);
        }
        Ok(())
    }

    fn display(&self, path: &Path) -> String {
        if let Ok(inside) = path.strip_prefix(self.root) {
            return inside.display().to_string();
        }
        match self.home.and_then(|home| path.strip_prefix(home).ok()) {
            Some(inside) => format!("~/{}", inside.display()),
            None => path.display().to_string(),
        }
    }

    fn take(&self, config: &mut NpmConfig, level: Level, real: &Source) {
        let shown = Source::new(real.name(), secrets::redact(real.text()));
        // Lines and the columns of keys are the same in both texts; the bytes are not.
        let shown_lines: Vec<usize> = ini::lines(shown.text()).map(|line| line.start).collect();
        let real_lines: Vec<usize> = ini::lines(real.text()).map(|line| line.start).collect();
        let places = Places::new(&shown);
        let mut lists: BTreeMap<String, String> = BTreeMap::new();
        for line in ini::parse(real.text()).into_iter().filter(|line| !line.in_section) {
            let at = real_lines.partition_point(|start| *start <= line.line.start).saturating_sub(1);
            let shift = shown_lines.get(at).copied().unwrap_or_default();
            let from = shift + (line.key_span.start - line.line.start);
            let place = places.at(&(from..from + line.key_span.len()));
            let mut setting = self.setting(level, &line.key, &line.value);
            setting.place = Some(place);
            if line.array {
                // npm joins the items of a list by an empty line where it hands them on.
                let list = lists
                    .entry(setting.key.clone())
                    .and_modify(|list| {
                        list.push_str("\n\n");
                        list.push_str(setting.value.expose());
                    })
                    .or_insert_with(|| setting.value.expose().to_owned());
                setting.value = setting.value.with(list.clone());
            }
            config.settings.push(setting);
        }
        config.texts.insert(level, Secret::new(real.name(), real.text()));
        config.files.insert(level, shown);
    }

    fn env(&self, config: &mut NpmConfig) {
        for (name, value) in self.env {
            let Some(rest) = name
                .get(..11)
                .filter(|prefix| prefix.eq_ignore_ascii_case("npm_config_"))
                .and_then(|_| name.get(11..))
                .filter(|rest| !rest.is_empty() && !value.is_empty())
            else {
                continue;
            };
            let setting = self.setting(Level::Env, &env_key(rest), value);
            config.settings.push(setting);
        }
    }

    fn cli(&self, config: &mut NpmConfig) {
        let mut words = self.words.iter().peekable();
        while let Some(word) = words.next() {
            if word == "--" {
                break;
            }
            let Some(option) = word.strip_prefix("--").map(str::to_owned).or_else(|| shorthand(word)) else {
                continue;
            };
            let option = option.as_str();
            let (key, value) = match option.split_once('=') {
                Some((key, value)) => (key.to_owned(), value.to_owned()),
                None => match option.strip_prefix("no-") {
                    Some(key) => (key.to_owned(), "false".to_owned()),
                    None => {
                        let next = words.next_if(|next| {
                            // A switch takes a word that says whether it is on.
                            matches!(next.as_str(), "true" | "false")
                                || takes_value(option) && !next.starts_with('-')
                        });
                        (option.to_owned(), next.cloned().unwrap_or_else(|| "true".to_owned()))
                    }
                },
            };
            config.settings.push(self.setting(Level::Cli, &key, &value));
        }
    }

    fn setting(&self, level: Level, key: &str, written: &str) -> Setting {
        let optional = self.npm.is_none_or(|npm| npm.does(Feature::OptionalVariable));
        let key = variables::replace(key, self.env, optional);
        let mut replaced = variables::replace(ini::js_trim(written), self.env, optional);
        if PATHS.contains(&key.text.as_str()) && !replaced.text.is_empty() {
            replaced.text = self.resolve(&replaced.text);
        }
        let value = secrets::value(&key.text, &replaced, level == Level::Project);
        let raw = secrets::raw(&key.text, written, &replaced);
        let mut variables = key.variables;
        variables.extend(replaced.variables);
        // A variable in a key is the caller's as well: a project's file must not have it shown.
        let key =
            if level == Level::Project && variables.iter().any(|(name, _)| secrets::names_a_secret(name)) {
                keep_secret_variables(key.text, &variables, self.env)
            } else {
                key.text
            };
        Setting { level, key, value, raw, variables, place: None }
    }

    fn resolve(&self, path: &str) -> String {
        let path = match (path.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            (Some(_) | None, _) => self.cwd.join(path),
        };
        // `a/../b`: npm resolves by the text alone.
        let mut out = PathBuf::new();
        for part in path.components() {
            match part {
                std::path::Component::ParentDir => {
                    out.pop();
                }
                std::path::Component::CurDir => {}
                std::path::Component::Prefix(_)
                | std::path::Component::RootDir
                | std::path::Component::Normal(_) => out.push(part),
            }
        }
        out.to_string_lossy().into_owned()
    }
}

/// The configuration of one run: of the project's, what stands below a level, and over it the
/// run's variables and its command, whose `words` begin with `npm`.
pub(crate) fn of_run(
    config: &NpmConfig,
    below: Level,
    words: &[String],
    env: &BTreeMap<String, String>,
) -> NpmConfig {
    let root = Path::new("/");
    let words = words.get(1..).unwrap_or_default();
    let levels = Levels { root, cwd: root, home: None, global: None, builtin: None, env, words, npm: None };
    let mut run = NpmConfig::default();
    levels.cli(&mut run);
    levels.env(&mut run);
    let kept = config.settings.iter().filter(|setting| setting.level < below);
    run.settings.splice(0..0, kept.cloned());
    run.settings.sort_by_key(|setting| setting.level);
    run
}

fn keep_secret_variables(
    mut key: String,
    variables: &[(String, bool)],
    env: &BTreeMap<String, String>,
) -> String {
    for (name, _) in variables.iter().filter(|(name, _)| secrets::names_a_secret(name)) {
        if let Some(value) = env.get(name).filter(|value| !value.is_empty()) {
            key = key.replace(value.as_str(), &format!("[redacted:{name}]"));
        }
    }
    key
}

/// The key that a variable sets: `_` is `-` but at the start, in lower case;
/// keys of a registry stay as they are.
fn env_key(rest: &str) -> String {
    if rest.starts_with("//") {
        return rest.to_owned();
    }
    let mut out = String::new();
    for (at, letter) in rest.char_indices() {
        out.push(if letter == '_' && at > 0 { '-' } else { letter.to_ascii_lowercase() });
    }
    out
}

/// The option that one of npm's short ones stands for, with its value where it has one.
fn shorthand(word: &str) -> Option<String> {
    let (short, value) = match word.split_once('=') {
        Some((short, value)) => (short, Some(value)),
        None => (word, None),
    };
    let option = match short {
        "-w" => "workspace",
        "-ws" => "workspaces",
        "-iwr" => "include-workspace-root",
        "-g" => "global",
        "-C" => "prefix",
        _ => return None,
    };
    Some(value.map_or_else(|| option.to_owned(), |value| format!("{option}={value}")))
}

/// Options of `npm ci` and `npm install` that take the next word.
fn takes_value(option: &str) -> bool {
    const OPTIONS: [&str; 28] = [
        "registry",
        "userconfig",
        "globalconfig",
        "prefix",
        "cache",
        "cafile",
        "omit",
        "include",
        "only",
        "workspace",
        "loglevel",
        "install-strategy",
        "before",
        "tag",
        "scope",
        "proxy",
        "https-proxy",
        "noproxy",
        "fetch-retries",
        "fetch-timeout",
        "maxsockets",
        "replace-registry-host",
        "script-shell",
        "lockfile-version",
        "also",
        "os",
        "cpu",
        "libc",
    ];
    OPTIONS.contains(&option) || option.ends_with(":registry")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_variables_are_npms() {
        for (rest, key) in [
            ("registry", "registry"),
            ("REPLACE_REGISTRY_HOST", "replace-registry-host"),
            ("_authToken", "_authtoken"),
            ("@Acme:registry", "@acme:registry"),
            ("//H/a_b/:_authToken", "//H/a_b/:_authToken"),
        ] {
            assert_eq!(env_key(rest), key);
        }
    }
}
