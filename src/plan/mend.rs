//! Single changes to the project's own files that would add a defence, made of what its
//! baseline showed. Pure: whether one helps is for a sandbox to say.

use super::build::PlanError;
use super::needs::Stakes;
use super::{command, edit};
use crate::evidence::exchange::{ExchangeKind, Role};
use crate::evidence::fact::Evidence;
use crate::project::Project;
use crate::project::integrity::Algorithm;
use crate::project::lockfile::LockEntry;
use crate::project::npmrc::{Level, NpmVersion};
use crate::scenario::Loss;
use crate::text::Complaint;
use serde_json::Value;
use std::collections::BTreeMap;

/// A change to the project's own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mend {
    /// The defence that it adds, or adds to.
    pub adds: Loss,
    /// What is done, as advice: ``pin the `integrity` of @acme/ui in package-lock.json``.
    pub says: String,
    /// Its path below the project's root.
    pub file: String,
    /// What becomes of that file.
    pub edit: Edit,
}

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// It says this and nothing else.
    Whole(String),
    /// These lines come before all that it says: what is read of an npmrc has its
    /// secrets taken out, so it cannot be written anew.
    Before(String),
}

/// Every such change that the project leaves room for, the cheapest first. What the
/// baseline did not show is not made up: an entry that came from nowhere known is left.
///
/// # Errors
/// Where the command or the lockfile, which were read before, cannot be read.
pub fn mends(
    project: &Project,
    baseline: &Evidence,
    npm: Option<NpmVersion>,
) -> Result<Vec<Mend>, PlanError> {
    let words =
        command::words(project).map_err(|complaint: Complaint| PlanError::Command(Box::new(complaint)))?;
    let stakes = Stakes::of(project, &words);
    let fetched: Vec<&LockEntry> = stakes.fetched().collect();
    let pinned = [(Loss::Integrity, "integrity"), (Loss::Resolved, "resolved")]
        .into_iter()
        .map(|(adds, field)| pin(project, &fetched, adds, field, |entry| shown(baseline, entry, adds)));
    let mut all = pinned.collect::<Result<Vec<_>, _>>()?;
    all.push(map(project, &fetched));
    all.push(refuse_remote(project, &stakes, &words, npm));
    Ok(all.into_iter().flatten().collect())
}

/// What the baseline showed of an entry that has no such pin.
fn shown(baseline: &Evidence, entry: &LockEntry, adds: Loss) -> Option<String> {
    let installed = baseline.packages.iter().find(|package| package.path == entry.path)?;
    let source = installed.source.as_ref()?;
    if source.role != Role::Own || installed.genuine == Some(false) {
        return None;
    }
    if adds == Loss::Integrity {
        let strong = entry.integrity.as_ref().is_some_and(|it| it.strongest() > Algorithm::Sha1);
        return source.sha512.clone().filter(|_| !strong);
    }
    // Where it was asked for, not where a redirect led.
    let asked = baseline.exchanges.iter().find(|exchange| {
        exchange.kind == ExchangeKind::Tarball
            && exchange.role == Role::Own
            && exchange.package.as_deref() == Some(entry.name.as_str())
            && exchange.version.as_deref().is_none_or(|version| version == entry.version)
    })?;
    let port = match (asked.scheme.as_str(), asked.port) {
        ("https", 443) | ("http", 80) => String::new(),
        (_, port) => format!(":{port}"),
    };
    let url = format!("{}://{}{port}{}", asked.scheme, asked.host, asked.path);
    entry.resolved.is_none().then_some(url)
}

/// The lockfile with a field of private entries filled in.
fn pin(
    project: &Project,
    fetched: &[&LockEntry],
    adds: Loss,
    field: &str,
    shown: impl Fn(&LockEntry) -> Option<String>,
) -> Result<Option<Mend>, PlanError> {
    let values: Vec<(&LockEntry, String)> =
        fetched.iter().filter_map(|entry| Some((*entry, shown(entry)?))).collect();
    let source = &project.lockfile.source;
    let text = edit::edit(source.text(), |root| {
        for (entry, value) in &values {
            for found in edit::entries(root, &entry.path) {
                found.insert(field.to_owned(), Value::from(value.as_str()));
            }
        }
    })
    .map_err(|error| PlanError::Json { file: source.name().to_owned(), source: error })?;
    if text == source.text() {
        return Ok(None);
    }
    let names = values.iter().map(|(entry, _)| entry.name.as_str());
    let says = format!("pin the `{field}` of {} in {}", few(names), source.name());
    Ok(Some(Mend { adds, says, file: source.name().to_owned(), edit: Edit::Whole(text) }))
}

/// The project's npmrc with a mapping of each private scope that no file of the project's has.
fn map(project: &Project, fetched: &[&LockEntry]) -> Option<Mend> {
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    for entry in fetched {
        let registry = project.classes.get(&entry.path).and_then(|found| found.registry.as_ref());
        // A package without a scope is mapped by the default registry alone, and that
        // is not added without moving every public package as well.
        let (Some(registry), Some(scope)) = (registry, entry.name.scope()) else { continue };
        let key = format!("{scope}:registry");
        let own =
            |setting: &&crate::project::npmrc::Setting| setting.key == key && setting.level == Level::Project;
        if !project.config.settings.iter().any(|setting| own(&setting)) {
            wanted.insert(key, registry.to_string());
        }
    }
    let lines: Vec<String> = wanted.iter().map(|(key, url)| format!("{key}={url}")).collect();
    with_lines(project, Loss::Mapping, &lines)
}

fn refuse_remote(
    project: &Project,
    stakes: &Stakes<'_>,
    words: &[String],
    npm: Option<NpmVersion>,
) -> Option<Mend> {
    if npm.is_none_or(|npm| !npm.knows("allow-remote")) || stakes.has_controls(words, npm) {
        return None;
    }
    with_lines(project, Loss::Controls, &["allow-remote=none".to_owned()])
}

/// The project's npmrc with lines before all others: below a `[section]` they would mean
/// something else.
fn with_lines(project: &Project, adds: Loss, lines: &[String]) -> Option<Mend> {
    if lines.is_empty() {
        return None;
    }
    let file = project.config.files.get(&Level::Project).map_or(".npmrc", |source| source.name()).to_owned();
    let says = format!("set {} in {file}", few(lines.iter().map(|line| format!("`{line}`"))));
    let lines = lines.iter().map(|line| format!("{line}\n")).collect();
    Some(Mend { adds, says, file, edit: Edit::Before(lines) })
}

/// How many are named before the rest is counted.
const NAMES: usize = 3;

fn few(names: impl Iterator<Item = impl ToString>) -> String {
    let mut names: Vec<String> = names.map(|name| name.to_string()).collect();
    names.dedup();
    let more = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what a test prepares is its own")]

    use super::*;
    use crate::evidence::fact::{Output, Package};
    use crate::plan::sample::{PRIVATE, project, registry_entry, sound_lock};
    use serde_json::json;

    const OLD: NpmVersion = NpmVersion(11, 13, 0);
    /// The first that knows `allow-remote`.
    const NEW: NpmVersion = NpmVersion(11, 14, 0);
    const SHOWN: &str = "sha512-bWFkZSB1cA==";

    /// A baseline that installed `@acme/internal` with bytes of that role.
    fn baseline(role: &str, genuine: Option<bool>) -> Evidence {
        let package: Package = serde_json::from_value(json!({
            "path": "node_modules/@acme/internal", "name": "@acme/internal", "version": "1.2.3",
            "class": "private", "lock": null, "genuine": genuine, "integrity_ok": null, "scripts": [],
            "optional": false, "decoy": false, "source": { "kind": "registry", "role": role,
            "host": "blobs.acme.example", "url": "https://blobs.acme.example/x", "sha512": SHOWN, "exchange": 1 }
        }))
        .unwrap();
        let exchange = json!({ "seq": 1, "method": "GET", "scheme": "https", "host": "npm.acme.example",
            "port": 8443, "path": "/npm/@acme/internal/-/internal-1.2.3.tgz", "status": 302, "kind": "tarball",
            "package": "@acme/internal", "version": "1.2.3", "role": "own", "credential": "none",
            "credential_label": null, "carried_secret": null, "used_secret": null, "unsearched": false,
            "fault": null, "decoy": false, "bytes": 0, "sha512": null, "sha1": null, "redirected_to": null,
            "process": null, "answered_by": "upstream" });
        Evidence {
            scenario: "baseline".to_owned(),
            repeat: 1,
            command: Vec::new(),
            then: Vec::new(),
            exit: None,
            cut_short: None,
            npm_error: None,
            duration_ms: 1,
            decoys: Vec::new(),
            packages: vec![package],
            exchanges: vec![serde_json::from_value(exchange).unwrap()],
            lookups: Vec::new(),
            processes: Vec::new(),
            connections: Vec::new(),
            files: Vec::new(),
            reads: Vec::new(),
            output: Output::default(),
            gaps: Vec::new(),
            traced: true,
        }
    }

    /// The sound project without a field of `@acme/internal`.
    fn without(field: &str, npmrc: &str) -> Project {
        let mut lock = sound_lock();
        lock["packages"]["node_modules/@acme/internal"].as_object_mut().unwrap().shift_remove(field);
        project(&[(Level::Project, npmrc)], &lock)
    }

    const MAPPED: &str = "@acme:registry=https://npm.acme.example/npm/\n";

    fn says(project: &Project, evidence: &Evidence, npm: NpmVersion) -> Vec<String> {
        mends(project, evidence, Some(npm)).unwrap().into_iter().map(|mend| mend.says).collect()
    }

    #[test]
    fn a_pin_that_lacks_is_filled_in_with_what_the_baseline_showed() {
        let own = baseline("own", Some(true));
        let whole = |project: &Project| match mends(project, &own, Some(OLD)).unwrap().as_slice() {
            [Mend { edit: Edit::Whole(text), file, .. }] if file == "package-lock.json" => text.clone(),
            other => unreachable!("{other:?}"),
        };
        assert!(whole(&without("integrity", MAPPED)).contains(SHOWN));
        // Where it was asked for, not where the redirect led.
        let asked = "https://npm.acme.example:8443/npm/@acme/internal/-/internal-1.2.3.tgz";
        assert!(whole(&without("resolved", MAPPED)).contains(asked));
    }

    #[test]
    fn what_a_stranger_gave_is_pinned_by_nobody() {
        for evidence in [baseline("foreign", Some(true)), baseline("own", Some(false))] {
            assert_eq!(says(&without("integrity", MAPPED), &evidence, OLD), Vec::<String>::new());
        }
    }

    #[test]
    fn a_scope_is_mapped_where_no_file_of_the_projects_maps_it() {
        let own = baseline("own", None);
        let unmapped = project(&[(Level::User, MAPPED)], &sound_lock());
        let line = format!("set `@acme:registry={PRIVATE}` in .npmrc");
        assert_eq!(says(&unmapped, &own, OLD), [line]);
        // One without a scope keeps nobody from mapping the others.
        let mut lock = sound_lock();
        lock["packages"]["node_modules/acme-log"] = registry_entry(PRIVATE, "acme-log", "1.0.0");
        assert_eq!(says(&project(&[], &lock), &own, OLD).len(), 1);
    }

    #[test]
    fn controls_are_set_where_npm_knows_them_and_nobody_has() {
        let own = baseline("own", None);
        let sound = project(&[(Level::Project, MAPPED)], &sound_lock());
        assert_eq!(says(&sound, &own, OLD), Vec::<String>::new());
        assert_eq!(says(&sound, &own, NEW), ["set `allow-remote=none` in .npmrc"]);
        assert_eq!(says(&sound, &own, NpmVersion(12, 0, 0)), Vec::<String>::new());
        let set = project(&[(Level::Project, &format!("{MAPPED}allow-remote=none\n"))], &sound_lock());
        assert_eq!(says(&set, &own, NEW), Vec::<String>::new());
    }
}
