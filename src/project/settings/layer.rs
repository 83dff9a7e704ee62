//! The policy laid over the project's own file.
//!
//! What the policy sets the project can tighten, never loosen; what it leaves
//! open is the project's own. A loosening is a complaint and not a silence:
//! the project's owner would believe in it.

use super::Settings;
use super::read::Layer;
use super::table::At;
use crate::text::{Complaint, Place};
use std::collections::BTreeMap;
use toml::Value;

const SEVERITIES: [&str; 3] = ["note", "warning", "error"];

pub(super) fn lay(project: Layer, policy: Option<Layer>) -> Result<Settings, Complaint> {
    let Some(policy) = policy else {
        let mut out = project.settings;
        out.options = values(project.options);
        out.scenarios = texts(project.scenarios);
        return Ok(out);
    };
    let Layer {
        settings: own,
        options,
        hosts,
        scripts,
        scenarios,
        command,
        directory,
        env,
        accepted,
        policy: severities,
    } = project;
    let mut out = policy.settings;
    let named = out.registries.iter().flat_map(|entry| entry.also.iter().chain([&entry.url]));
    out.policy_registries = named.cloned().collect();
    out.policy_hosts = out.trusted_hosts.clone();
    out.sources.splice(0..0, own.sources);
    // Both lists hold: more private names are a tightening.
    match (&mut out.private, own.private) {
        (Some(list), Some(more)) if !list.is_empty() => list.extend(more),
        (Some(list), Some(more)) if !more.is_empty() => {
            *list = more;
            out.private_place = own.private_place;
        }
        (Some(_), Some(_) | None) => {}
        (list @ None, more) => {
            *list = more;
            out.private_place = own.private_place;
        }
    }
    out.scenarios = texts(policy.scenarios);
    out.scenarios.extend(texts(scenarios));
    same("command", &policy.command, &command)?;
    same("directory", &policy.directory, &directory)?;
    out.install.command = out.install.command.or(own.install.command);
    out.install.directory = out.install.directory.or(own.install.directory);
    for (name, value) in env {
        let set = policy.env.get(&name).cloned();
        same(&format!("env.{name}"), &set, &Some(value.clone()))?;
        out.install.env.insert(name, value.0);
    }
    for registry in own.registries {
        if let Some(other) = out.registries.iter().find(|other| other.url == registry.url) {
            let message = format!("the policy file says already what {} is", other.url);
            return Err(loosening(&registry.place, message));
        }
        out.registries.push(registry);
    }
    within("trust.hosts", policy.hosts.as_deref(), hosts.as_deref())?;
    within("trust.scripts", policy.scripts.as_deref(), scripts.as_deref())?;
    // Where the project lists fewer, the fewer count.
    if let Some(hosts) = hosts {
        out.trusted_hosts = texts(Some(hosts));
    }
    if let Some(scripts) = scripts {
        out.trusted_scripts = Some(texts(Some(scripts)));
    }
    match (policy.accepted, accepted) {
        (Some(_), Some(place)) if !own.accepted.is_empty() => {
            let place = own.accepted.first().map_or(place, |first| first.place.clone());
            return Err(loosening(&place, "the policy file decides what is accepted".to_owned()));
        }
        (Some(_), Some(_) | None) => {}
        (None, _) => out.accepted = own.accepted,
    }
    for (key, (value, place)) in severities {
        if let Some((set, _)) = policy.policy.get(&key)
            && rank(&value) < rank(set)
        {
            return Err(loosening(&place, format!("`{key}` is `{set}` in the policy file")));
        }
        out.policy.insert(key, value);
    }
    out.options = merge(policy.options, options)?;
    Ok(out)
}

fn merge(
    policy: BTreeMap<String, At<Value>>,
    project: BTreeMap<String, At<Value>>,
) -> Result<BTreeMap<String, Value>, Complaint> {
    let selects = ["scenario", "skip", "suite"].iter().any(|key| policy.contains_key(*key));
    let mut out = values(policy);
    for (key, (value, place)) in project {
        let set = out.get(&key);
        let tightens = match (key.as_str(), set) {
            ("fail-on", Some(set)) => {
                let rank = |value: &Value| value.as_str().map(rank);
                rank(&value) <= rank(set)
            }
            ("require-margin", Some(set)) => value.as_integer() >= set.as_integer(),
            // What is left out proves nothing: the policy's choice of scenarios stands.
            ("scenario" | "skip" | "suite", set) => !selects || set == Some(&value),
            (_, Some(set)) => *set == value,
            (_, None) => true,
        };
        if !tightens {
            let set = set.map_or_else(|| "chosen".to_owned(), |set| format!("`{set}`"));
            return Err(loosening(&place, format!("`{key}` is {set} in the policy file")));
        }
        out.insert(key, value);
    }
    Ok(out)
}

/// How severe a severity is. A finding is taken more seriously the higher its
/// own, and the lower the threshold.
fn rank(word: &str) -> usize {
    SEVERITIES.iter().position(|known| *known == word).unwrap_or(SEVERITIES.len())
}

fn loosening(place: &Place, message: String) -> Complaint {
    Complaint::at(place.clone(), message)
        .help("a project may tighten the policy, never loosen it; remove this line")
}

fn same(key: &str, policy: &Option<At<String>>, project: &Option<At<String>>) -> Result<(), Complaint> {
    match (policy, project) {
        (Some((set, _)), Some((text, place))) if set != text => {
            Err(loosening(place, format!("`{key}` is `{set}` in the policy file")))
        }
        (Some(_) | None, _) => Ok(()),
    }
}

fn within(key: &str, policy: Option<&[At<String>]>, project: Option<&[At<String>]>) -> Result<(), Complaint> {
    let Some(policy) = policy else { return Ok(()) };
    for (text, place) in project.unwrap_or_default() {
        if !policy.iter().any(|(allowed, _)| allowed == text) {
            return Err(loosening(place, format!("`{text}` is not in `{key}` of the policy file")));
        }
    }
    Ok(())
}

fn texts(list: Option<Vec<At<String>>>) -> Vec<String> {
    list.into_iter().flatten().map(|(text, _)| text).collect()
}

fn values(options: BTreeMap<String, At<Value>>) -> BTreeMap<String, Value> {
    options.into_iter().map(|(key, (value, _))| (key, value)).collect()
}
