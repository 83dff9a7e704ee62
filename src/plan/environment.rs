//! The variables of a run beyond the sandbox's own.

use super::credential::Planting;
use super::needs::Stakes;
use crate::project::Project;
use crate::project::npmrc::{Feature, NpmVersion};
use crate::project::surroundings::Touches;
use crate::scenario::Scenario;
use std::collections::BTreeMap;

/// npm's install controls, opened as far as they go.
pub(super) const OPENED: [(&str, &str); 5] = [
    ("allow-remote", "all"),
    ("allow-git", "all"),
    ("ignore-scripts", "false"),
    ("strict-allow-scripts", "false"),
    ("dangerously-allow-all-scripts", "true"),
];

/// Why this npm cannot play a scenario: it makes nothing of what is set there. A control
/// takes whatever there is to take.
pub(super) fn ignored(scenario: &Scenario, stakes: &Stakes<'_>, npm: Option<NpmVersion>) -> Option<String> {
    let npm = npm.filter(|_| !scenario.control)?;
    let changes = &scenario.project;
    let set = changes.npm_config.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let optioned = scenario.install.npm_options.iter().filter_map(|option| option_of(option));
    let setting = set.chain(optioned).find_map(|(key, value)| {
        // What cannot be filled is told as lacking.
        npm.ignores(key, &stakes.filled(value).unwrap_or_default())
    });
    setting.or_else(|| {
        (changes.allow_scripts.is_some() && !npm.does(Feature::AllowScripts))
            .then(|| format!("npm {npm} does not know `allowScripts`"))
    })
}

/// The key and the value of an option of npm's command line.
fn option_of(option: &str) -> Option<(&str, &str)> {
    let option = option.strip_prefix("--")?;
    Some(option.split_once('=').unwrap_or((option.strip_prefix("no-").unwrap_or(option), "")))
}

/// What npm tells its own children of itself; carried over it would be a lie.
const OF_A_PARENT: [&str; 3] = ["npm-version", "node-gyp", "user-agent"];

/// The variable that sets an npm key: npm turns `_` into `-` but not in keys
/// that begin with `//`, and never at the start.
pub(super) fn variable(key: &str) -> String {
    if key.starts_with("//") || key.starts_with('@') {
        return format!("npm_config_{key}");
    }
    format!("npm_config_{}", key.replace('-', "_"))
}

/// The npm key that a variable sets, `None` for any other variable.
pub(super) fn key_of(variable: &str) -> Option<String> {
    let prefix = variable.get(..11).filter(|prefix| prefix.eq_ignore_ascii_case("npm_config_"))?;
    let key = &variable[prefix.len()..];
    if key.starts_with("//") {
        return Some(key.to_owned());
    }
    let first = key.chars().next()?;
    Some(format!("{first}{}", key[first.len_utf8()..].replace('_', "-")).to_lowercase())
}

/// Weakest first: the user's own environment, `[install] env`, what variables of
/// npmrc files stand for, and last what the scenario sets.
pub(super) fn build(
    project: &Project,
    stakes: &Stakes<'_>,
    planting: &Planting,
    scenario: &Scenario,
    npm: Option<NpmVersion>,
    notes: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let keeps = |key: &str| !(scenario.project.remove_mapping && stakes.is_mapping(key));
    for (key, value) in &planting.environment {
        if keeps(key) && !OF_A_PARENT.contains(&key.as_str()) {
            env.insert(variable(key), value.clone());
        }
    }
    for (name, value) in &project.settings.install.env {
        match key_of(name) {
            Some(key) if keeps(&key) => {
                // A credential has a planted value by now.
                let value = planting.credentials.get(&key).unwrap_or(value);
                env.insert(variable(&key), value.clone());
            }
            Some(_) => {}
            None => {
                env.insert(name.clone(), value.clone());
            }
        }
    }
    let is_credential = |name: &String| planting.planted.iter().any(|one| one.label == *name);
    for (name, value) in &planting.variables {
        if scenario.project.token_unset && is_credential(name) {
            env.remove(name);
            continue;
        }
        env.insert(name.clone(), value.clone());
    }
    let mut set = |key: &str, value: &str| {
        env.insert(variable(key), value.to_owned());
    };
    set("update-notifier", "false");
    notes.push("update-notifier=false".to_owned());
    for one in project.around.iter().filter(|one| matches!(one.touches, Touches::Omits | Touches::Scripts)) {
        notes.push(format!("{} {}", one.shown, one.what));
    }
    if scenario.install.shorten_retries {
        set("fetch-retries", "0");
        // A scenario whose registry keeps npm waiting says how long.
        let timeout = scenario.project.npm_config.get("fetch-timeout").map_or("10000", String::as_str);
        set("fetch-timeout", timeout);
        notes.push(format!("fetch-retries=0, fetch-timeout={timeout}"));
    }
    let opened = OPENED.iter().filter(|_| scenario.project.remove_controls);
    let wanted = scenario.project.npm_config.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in opened.copied().chain(wanted) {
        if npm.is_none_or(|npm| npm.knows(key)) {
            // What cannot be filled is not planned.
            set(key, &stakes.filled(value).unwrap_or_else(|| value.to_owned()));
        }
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_keys_are_each_others_inverse_as_in_npm() {
        for (key, name) in [
            ("fetch-retries", "npm_config_fetch_retries"),
            ("_auth", "npm_config__auth"),
            ("@my-scope:registry", "npm_config_@my-scope:registry"),
            ("//npm.acme.example/a-b_c/:_authToken", "npm_config_//npm.acme.example/a-b_c/:_authToken"),
        ] {
            assert_eq!(variable(key), name);
            assert_eq!(key_of(name).as_deref(), Some(key));
        }
        assert_eq!(key_of("NPM_CONFIG_REGISTRY").as_deref(), Some("registry"));
        assert_eq!(key_of("NODE_ENV"), None);
        assert_eq!(key_of("npm_config_"), None);
        assert_eq!(key_of("ümlautüüüüüüü"), None);
    }
}
