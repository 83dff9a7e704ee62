//! Where npm would ask for private packages, before and after a scenario's
//! changes to its configuration; hence which defences a scenario really takes.

use super::command;
use super::needs::Stakes;
use crate::project::name::PackageName;
use crate::project::npmrc::{Level, NpmConfig, NpmVersion, Setting, Value};
use crate::project::registry::RegistryUrl;
use crate::scenario::{Loss, MappingForm, NpmrcLevel, Scenario};

/// The variable that [`MappingForm::UnsetVariable`] names; nothing sets it.
pub(super) const UNSET: &str = "SEALCHECK_NOT_SET";

/// The level of an npmrc file in npm's order.
pub(super) fn level(level: NpmrcLevel) -> Level {
    match level {
        NpmrcLevel::Global => Level::Global,
        NpmrcLevel::User => Level::User,
        NpmrcLevel::Project => Level::Project,
    }
}

/// Whether a level is an npmrc file.
pub(super) fn is_file(level: Level) -> bool {
    match level {
        Level::Builtin | Level::Global | Level::User | Level::Project => true,
        Level::Default | Level::Env | Level::Cli => false,
    }
}

/// Whether npm finds the file of a level under a scenario.
pub(super) fn found(at: Level, scenario: &Scenario) -> bool {
    let changes = &scenario.project;
    let absent = changes.npmrc_absent.iter().any(|gone| level(*gone) == at);
    let elsewhere = at == Level::User
        && scenario.install.npm_options.iter().any(|option| option.starts_with("--userconfig="));
    let moved = at == Level::Project && changes.npmrc_moved.is_some();
    !absent && !elsewhere && !moved
}

/// A scope in another case: `@Acme` for `@acme`. A scope without a letter has none.
pub(super) fn other_case(key: &str) -> Option<String> {
    let at = key.find(|letter: char| letter.is_ascii_alphabetic()).filter(|_| key.starts_with('@'))?;
    let mut out = key.to_owned();
    let letter = out.get_mut(at..=at)?;
    if letter.bytes().all(|byte| byte.is_ascii_lowercase()) {
        letter.make_ascii_uppercase();
    } else {
        letter.make_ascii_lowercase();
    }
    Some(out)
}

impl Stakes<'_> {
    /// Whether `key` is a mapping that a private package may need: `registry`,
    /// or `@scope:registry` of a private scope.
    pub(super) fn is_mapping(&self, key: &str) -> bool {
        if key == "registry" {
            return true;
        }
        let Some(scope) = key.strip_suffix(":registry").filter(|scope| scope.starts_with('@')) else {
            return false;
        };
        match &self.project.settings.private {
            // Without a list of the owner's, a scope with a registry of its own is private.
            None => true,
            Some(globs) => {
                globs.iter().any(|glob| glob.split('/').next() == Some(scope))
                    || self.private.iter().any(|entry| {
                        entry.name.scope() == Some(scope) || self.project.config.plain("scope") == Some(scope)
                    })
            }
        }
    }

    /// Where npm, so configured and commanded, would ask for a name.
    pub(super) fn asked_of(&self, name: &PackageName, config: &NpmConfig, command: &[String]) -> RegistryUrl {
        let given = command::mappings(command);
        let by = |key: &str| given.iter().rfind(|(found, _)| *found == key).map(|(_, url)| *url);
        let scoped = name.scope().map(|scope| format!("{scope}:registry"));
        let url = match scoped.as_deref().and_then(by) {
            Some(url) => Some(url),
            None => {
                let says = |setting: &Setting| match &setting.value {
                    Value::Plain(url) => !url.is_empty(),
                    Value::Secret(_) => true,
                };
                let mapped = scoped.is_some_and(|key| config.get(&key).is_some_and(says));
                if mapped { None } else { by("registry") }
            }
        };
        url.and_then(|url| RegistryUrl::parse(url).ok())
            .unwrap_or_else(|| config.registry_for(name, &self.project.public))
    }

    /// Where npm would ask for a name as the project has it.
    pub(super) fn asked_now(&self, name: &PackageName, command: &[String]) -> RegistryUrl {
        self.asked_of(name, &self.project.config, command)
    }

    /// npm's configuration as a scenario leaves it.
    fn config_under(&self, scenario: &Scenario) -> NpmConfig {
        let changes = &scenario.project;
        let mut config = self.project.config.clone();
        config.settings.retain(|setting| {
            let mapping = self.is_mapping(&setting.key);
            let renamed = mapping
                && is_file(setting.level)
                && changes.mapping == Some(MappingForm::OtherCase)
                && setting.key != "registry";
            found(setting.level, scenario) && !(changes.remove_mapping && mapping) && !renamed
        });
        let emptied = match changes.mapping {
            Some(MappingForm::Empty | MappingForm::UnsetVariable | MappingForm::UnsetOptionalVariable) => {
                true
            }
            Some(MappingForm::OtherCase) | None => false,
        };
        for setting in &mut config.settings {
            if emptied && is_file(setting.level) && self.is_mapping(&setting.key) {
                setting.value = Value::Plain(String::new());
            }
        }
        for (key, value) in &changes.npm_config {
            let Some(value) = self.filled(value) else { continue };
            config.settings.push(Setting {
                level: Level::Env,
                key: key.clone(),
                value: Value::Plain(value.clone()),
                raw: Value::Plain(value),
                variables: Vec::new(),
                place: None,
            });
        }
        config
    }

    /// The losses a scenario really takes here, and what is to be said where they
    /// are fewer than it names. `after` is the command as the scenario leaves it.
    ///
    /// Overriding `registry` takes the mapping only of packages that are mapped by
    /// it, an npmrc that is lost only what stands nowhere else.
    pub(super) fn losses(
        &self,
        scenario: &Scenario,
        before: &[String],
        after: &[String],
        npm: Option<NpmVersion>,
    ) -> (Vec<Loss>, Option<String>) {
        let mut note = None;
        let mut losses = scenario.losses.clone();
        let config = self.config_under(scenario);
        let kept = || {
            self.fetched().all(|entry| {
                self.asked_now(&entry.name, before) == self.asked_of(&entry.name, &config, after)
            })
        };
        if losses.contains(&Loss::Mapping) && !scenario.project.remove_mapping && kept() {
            losses.retain(|loss| *loss != Loss::Mapping);
            let why = if scenario.project.npm_config.contains_key("registry") {
                "every private scope has a registry of its own"
            } else {
                "npm is told of the same registries elsewhere as well"
            };
            note = Some(format!("takes nothing here: {why}"));
        }
        if losses.contains(&Loss::Controls) && !self.has_controls(before, npm) {
            losses.retain(|loss| *loss != Loss::Controls);
            if !scenario.control {
                note = Some("takes nothing here: neither npm nor the project controls installs".to_owned());
            }
        }
        (losses, note)
    }

    /// A value of a scenario's with the words in braces replaced; `None` where the
    /// project has nothing to put there.
    pub(super) fn filled(&self, value: &str) -> Option<String> {
        let host = || {
            let resolved = self.fetched().find_map(|entry| entry.resolved.as_deref())?;
            url::Url::parse(resolved).ok()?.host_str().map(str::to_owned)
        };
        let scope = || self.fetched().find_map(|entry| entry.name.scope()).map(str::to_owned);
        let mut out = value.replace("{public}", &self.project.public.to_string());
        if out.contains("{private-host}") {
            out = out.replace("{private-host}", &host()?);
        }
        if out.contains("{private-scope}") {
            out = out.replace("{private-scope}", &scope()?);
        }
        Some(out)
    }
}
