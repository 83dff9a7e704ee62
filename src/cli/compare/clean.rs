//! `sealcheck compare --clean`: this working folder against a clean place, one thing taken
//! away at a time. A fresh clone, scripts off, another state of npm's cache, none of the
//! user's own configuration.

use super::environments::{Comparison, compared};
use super::laboratory::{self, Laboratory};
use super::told;
use crate::cli::arguments::{CompareArguments, CompareFormat, Talk};
use crate::cli::{Code, inert, print};
use crate::compare::behaviour::Aspect;
use crate::environment::{Cache, Environment};
use crate::project::npmrc::Level;
use crate::text::Complaint;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;

/// One check and what it came to.
#[derive(Debug, Serialize)]
struct Check {
    /// Its name: `fresh-clone`, `scripts-off`, `cache`, `no-own-config`.
    check: &'static str,
    /// What was taken away, a fragment.
    without: String,
    /// What was compared; `None` where the check means nothing here.
    #[serde(flatten)]
    found: Option<Comparison>,
    /// Why it means nothing here.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

/// What a clone has not: files that git does not track, and what an earlier install left.
const FRESH_CLONE: &str = "fresh-clone";

/// Makes all checks, and prints them.
pub(super) fn run(arguments: &CompareArguments, talk: &Talk) -> anyhow::Result<Code> {
    if let Some(script) = &arguments.then {
        let odd = |letter: char| letter.is_control() || letter.is_whitespace();
        if script.is_empty() || script.starts_with('-') || script.contains(odd) {
            return Err(Complaint::about(format!("`{}` is no name of a script", script.escape_debug()))
                .help("name a script of the project's package.json, as `--then build`")
                .into());
        }
    }
    laboratory::within(arguments, talk, async |laboratory| {
        let own = laboratory.ground.own.clone();
        if let Some(script) = arguments.then.as_deref().filter(|script| !has_script(&own, script)) {
            return Err(Complaint::about(format!("package.json has no script `{script}`"))
                .help("name one of its `scripts`")
                .into());
        }
        let mut checks = vec![fresh_clone(laboratory, &own, arguments).await?];
        laboratory.then =
            arguments.then.iter().flat_map(|script| ["npm", "run", script].map(str::to_owned)).collect();
        checks.push(scripts_off(laboratory, &own, arguments).await?);
        laboratory.then.clear();
        checks.push(cache(laboratory, &own, arguments).await?);
        checks.push(no_own_config(laboratory, &own, arguments).await?);
        match arguments.format {
            CompareFormat::Text => print(&inert(&text(&checks, arguments)))?,
            CompareFormat::Json => print(&(serde_json::to_string_pretty(&checks)? + "\n"))?,
        }
        if laboratory.is_stopped() {
            return Ok(Code::Interrupted);
        }
        // A check that could not be made is none that was passed.
        let codes =
            checks.iter().map(|check| check.found.as_ref().map_or(Code::Unobserved, Comparison::code));
        Ok(codes.fold(Code::Good, |worst, code| match (worst, code) {
            (Code::Bad, _) | (_, Code::Bad) => Code::Bad,
            (_, Code::Good) => worst,
            (_, other) => other,
        }))
    })
}

fn has_script(own: &Environment, script: &str) -> bool {
    let manifest: Option<serde_json::Value> = serde_json::from_str(&own.project.manifest).ok();
    manifest.is_some_and(|manifest| manifest["scripts"][script].is_string())
}

async fn check(
    laboratory: &Laboratory<'_>,
    name: &'static str,
    without: String,
    (own, clean): (&Environment, &Environment),
    arguments: &CompareArguments,
    counts: impl Fn(&Aspect) -> bool,
) -> anyhow::Result<Check> {
    laboratory.tell(&format!("{name}: {without}"));
    let mut found = compared(laboratory, own, clean, arguments.runs, counts).await?;
    // The same in every check, and no matter of a clean place.
    found.missing.clear();
    if name != FRESH_CLONE {
        found.stale.clear();
    }
    Ok(Check { check: name, without, found: Some(found), because: None })
}

/// Without the files that git does not track.
async fn fresh_clone(
    laboratory: &Laboratory<'_>,
    own: &Environment,
    arguments: &CompareArguments,
) -> anyhow::Result<Check> {
    let name = FRESH_CLONE;
    let none =
        |because: String| Check { check: name, without: String::new(), found: None, because: Some(because) };
    let Some(git) = &own.git else { return Ok(none("the project is in no git repository".to_owned())) };
    let untracked: BTreeSet<&String> = git.untracked.iter().chain(&git.ignored).collect();
    let held = ["package.json", ".npmrc", own.project.lockfile_name.as_str()];
    if let Some(missing) = held.iter().find(|held| untracked.iter().any(|name| name == *held)) {
        // What has no lockfile or package.json in git has no install to compare.
        if *missing != ".npmrc" {
            return Ok(none(format!(
                "git does not track {missing}, so a clone cannot be installed by npm ci"
            )));
        }
    }
    let mut clone = own.clone();
    clone.installed = None;
    clone.project.files.retain(|name, _| !untracked.contains(name));
    if untracked.iter().any(|name| *name == ".npmrc") {
        clone.npmrc.remove(&Level::Project);
    }
    let mut without = format!("without the {} files that git does not track", untracked.len());
    if !git.changed.is_empty() {
        // Their text is the folder's in both.
        let _ = write!(
            without,
            " ({} tracked files are as they lie there, and not as they are committed)",
            git.changed.len()
        );
    }
    check(laboratory, name, without, (own, &clone), arguments, |_| true).await
}

/// With scripts off: does the install, and what is built behind it, still end well?
async fn scripts_off(
    laboratory: &Laboratory<'_>,
    own: &Environment,
    arguments: &CompareArguments,
) -> anyhow::Result<Check> {
    let mut off = own.clone();
    off.variables.insert("npm_config_ignore_scripts".to_owned(), "true".to_owned());
    let without = match &arguments.then {
        Some(script) => format!("with scripts off, then `npm run {script}`"),
        None => "with scripts off".to_owned(),
    };
    check(laboratory, "scripts-off", without, (own, &off), arguments, |aspect| match aspect {
        Aspect::End | Aspect::Version { .. } | Aspect::Digest { .. } => true,
        // What scripts do not do when they are off is the point of it.
        Aspect::Source { .. }
        | Aspect::Asked { .. }
        | Aspect::Through { .. }
        | Aspect::Deed { .. }
        | Aspect::Read { .. }
        | Aspect::LookedUp { .. } => false,
    })
    .await
}

/// With a cold cache against a warm one: the same packages, wherever they come from.
async fn cache(
    laboratory: &Laboratory<'_>,
    own: &Environment,
    arguments: &CompareArguments,
) -> anyhow::Result<Check> {
    let (mut cold, mut warm) = (own.clone(), own.clone());
    cold.cache = Cache::default();
    warm.cache = Cache { keys: own.cache.keys.max(1), ..own.cache.clone() };
    let without = "with a cold cache (A) and with a warm one (B)".to_owned();
    check(laboratory, "cache", without, (&cold, &warm), arguments, |aspect| match aspect {
        Aspect::End
        | Aspect::Version { .. }
        | Aspect::Digest { .. }
        | Aspect::Deed { .. }
        | Aspect::Read { .. }
        | Aspect::LookedUp { .. } => true,
        Aspect::Source { .. } | Aspect::Asked { .. } | Aspect::Through { .. } => false,
    })
    .await
}

/// Without the user's and the machine's npmrc and variables, as CI has it.
async fn no_own_config(
    laboratory: &Laboratory<'_>,
    own: &Environment,
    arguments: &CompareArguments,
) -> anyhow::Result<Check> {
    let mut ci = own.clone();
    ci.npmrc.retain(|level, _| matches!(level, Level::Project | Level::Builtin));
    ci.variables.retain(|name, _| {
        let lower = name.to_ascii_lowercase();
        !lower.starts_with("npm_") && !lower.starts_with("node_")
    });
    ci.variables.insert("CI".to_owned(), "true".to_owned());
    let without = "without your own npmrc and variables".to_owned();
    check(laboratory, "no-own-config", without, (own, &ci), arguments, |_| true).await
}

fn text(checks: &[Check], arguments: &CompareArguments) -> String {
    let mut out = String::new();
    for check in checks {
        let verdict = match (&check.found, &check.because) {
            (Some(found), _) if !found.unseen.is_empty() => "unobserved".to_owned(),
            (Some(found), _) if found.stale.is_empty() && found.differences.is_empty() => {
                if found.fail_alike() { "both fail" } else { "the same" }.to_owned()
            }
            (Some(_), _) => "differs".to_owned(),
            (None, because) => format!("not applicable: {}", because.as_deref().unwrap_or_default()),
        };
        let _ = writeln!(
            out,
            "{:<14} {verdict}{}{}",
            check.check,
            if check.without.is_empty() { "" } else { ", " },
            check.without
        );
    }
    for check in checks {
        let Some(found) = &check.found else { continue };
        if found.differences.is_empty() && found.unseen.is_empty() && found.stale.is_empty() {
            continue;
        }
        let _ = write!(out, "\n{} (A is this folder as it is)\n{}", check.check, told::text(found));
    }
    if arguments.then.is_none() {
        out.push_str("\n--then SCRIPT runs a script of the project's behind the install, as `--then build`, to see whether it needs what install scripts do\n");
    }
    out
}
