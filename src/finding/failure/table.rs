//! Errors that are about the project's own files and settings, and not about an answer.
//!
//! npm names no line, and hides some causes behind another one; both are found again here.

use super::{Subject, setting};
use crate::evidence::fact::NpmError;
use crate::finding::asked::written;
use crate::finding::location::Spot;
use crate::project::Project;
use crate::project::lockfile::EntryKind;
use crate::text::Place;
use serde_json::Value;

/// What npm did not say.
pub(super) struct Hidden {
    /// Why, a fragment that goes behind a semicolon.
    pub(super) why: String,
    pub(super) help: String,
    pub(super) spot: Spot,
}

/// Why npm could not load a lockfile that is there: of all causes it says the same, that it
/// needs one.
pub(super) fn hidden(subject: &Subject<'_>) -> Option<Hidden> {
    let project = subject.case.project;
    if subject.error.code != "EUSAGE" || !subject.error.packages.is_empty() {
        return None;
    }
    if !subject.error.summary.contains("can only install with an existing package-lock.json") {
        return None;
    }
    link(project).or_else(|| overridden(project)).or_else(|| shrinkwrap(project))
}

/// A link whose folder the lockfile does not have.
fn link(project: &Project) -> Option<Hidden> {
    let entries = &project.lockfile.entries;
    let mut links: Vec<_> = entries.values().filter(|entry| entry.kind == EntryKind::Link).collect();
    links.sort_by_key(|entry| (entry.place.line, entry.place.column));
    let broken = links
        .into_iter()
        .find(|entry| entry.resolved.as_deref().is_some_and(|target| !entries.contains_key(target)))?;
    let target = broken.resolved.as_deref().unwrap_or_default();
    Some(Hidden {
        why: format!("the lockfile is there, and links {} to {target}, which it does not have", broken.path),
        help: "write the lockfile anew with `npm install --package-lock-only`, with that folder in place"
            .to_owned(),
        spot: Spot::resolved(&broken.path),
    })
}

/// An override of what package.json asks for itself in another version (EOVERRIDE).
fn overridden(project: &Project) -> Option<Hidden> {
    let manifest: Value = serde_json::from_str(project.manifest.source.text()).ok()?;
    let name = manifest.get("overrides")?.as_object()?.iter().find_map(|(name, to)| {
        let to = to.as_str().or_else(|| to.get(".")?.as_str())?;
        let asked = project.manifest.dependencies.get(name)?;
        (!to.starts_with('$') && asked != to).then_some(name)
    })?;
    let place = place_of(project, &["\"overrides\"", &quoted(name)]);
    Some(Hidden {
        why: format!(
            "the lockfile is there, and `overrides` gives {name} another version than package.json asks for itself (EOVERRIDE)"
        ),
        help: format!("let both name one version, or write `\"{name}\": \"${name}\"` under `overrides`"),
        spot: place.map_or(Spot::Nowhere, Spot::At),
    })
}

/// npm 12 reads no npm-shrinkwrap.json.
fn shrinkwrap(project: &Project) -> Option<Hidden> {
    let name = project.lockfile.source.name();
    name.ends_with("npm-shrinkwrap.json").then(|| Hidden {
        why: format!("there is a {name}, which this npm does not read"),
        help: "rename it to package-lock.json, which every npm reads".to_owned(),
        spot: Spot::Nowhere,
    })
}

/// The line of package.json that an error is about.
pub(super) fn of_manifest(subject: &Subject<'_>) -> Option<Place> {
    let project = subject.case.project;
    let error = subject.error;
    let wrong = |text: &str| place_of(project, &[&quoted(text)]);
    match error.code.as_str() {
        // `Invalid tag name "^^x" of package "left-over@^^x"`
        "EINVALIDTAGNAME" | "EINVALIDPACKAGENAME" => error.summary.split('"').nth(1).and_then(wrong),
        // `Unsupported URL Type "workspace:": workspace:*`
        "EUNSUPPORTEDPROTOCOL" => error.summary.rsplit_once("\": ").and_then(|(_, spec)| wrong(spec.trim())),
        "EBADDEVENGINES" => place_of(project, &["\"devEngines\""]),
        code if code.starts_with("EPATCH") => {
            let quoted_path = |word: &str| wrong(word.trim_matches(['"', ',', '.', ':']));
            let of_file = error.message.split_whitespace().rev().find_map(quoted_path);
            of_file.or_else(|| place_of(project, &["\"patchedDependencies\""]))
        }
        // A script of the project's own: npm prints what it ran.
        code if code.parse::<u32>().is_ok() => {
            let ran = error.message.lines().find_map(|line| line.strip_prefix("command sh -c "))?;
            place_of(project, &["\"scripts\"", &quoted(ran)])
        }
        _ => None,
    }
}

/// The place of a text of package.json behind others.
fn place_of(project: &Project, texts: &[&str]) -> Option<Place> {
    let source = &project.manifest.source;
    let mut at = 0;
    let mut found = None;
    for text in texts {
        let start = at + source.text().get(at..)?.find(text)?;
        at = start + text.len();
        found = Some(source.place(start..at));
    }
    found
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Whether a file of npm's cache is what could not be read or written.
pub(super) fn of_cache(error: &NpmError) -> bool {
    error.path.as_deref().is_some_and(|path| path.contains("/_cacache") || path.contains("/.npm/"))
}

/// A credential without the registry that it is for.
pub(super) fn unscoped(subject: &Subject<'_>) -> String {
    let new =
        subject.error.message.split("must be renamed to `").nth(1).and_then(|rest| rest.split('`').next());
    match (setting(subject), new) {
        (Some(setting), Some(new)) => {
            format!("write {} as `{new}`, so that it is for one registry", written(setting))
        }
        (Some(setting), None) => format!("take {} out: this npm does not allow it there", written(setting)),
        (None, Some(new)) => format!("name the registry in the key: `{new}`"),
        (None, None) => "tie the credential to its registry: `//host/path/:_authToken`".to_owned(),
    }
}

/// What to do, by the code alone.
pub(super) fn help(subject: &Subject<'_>, code: &str) -> Option<String> {
    let name = subject.named.as_ref().map_or("the package", |(name, _)| name.as_str());
    let without = |otherwise: &str| match setting(subject) {
        Some(setting) => format!("change {}", written(setting)),
        None => otherwise.to_owned(),
    };
    Some(match code {
        "E402" => format!("see whether the registry's plan takes in {name}: it wants to be paid for it"),
        "E410" | "E451" => format!("lock another version of {name}: its registry has withdrawn this one"),
        "E429" => "ask the registry for more requests, or for a token that it counts by itself".to_owned(),
        code if code.len() == 4 && code.starts_with("E5") => {
            "see with whoever runs the registry why it fails; npm asks again by itself (`fetch-retries`)".to_owned()
        }
        "EMAXREDIRECT" | "EINVALIDREDIRECT" | "ENOREDIRECT" | "EUNSUPPORTEDREDIRECT" => {
            "have the registry redirect to a URL that gives the bytes".to_owned()
        }
        "EINVALIDTAGNAME" | "EINVALIDPACKAGENAME" => {
            format!("correct what package.json or the lockfile asks of {name}: npm knows no such name, range or tag")
        }
        "EUNSUPPORTEDPROTOCOL" => {
            "write a range, a URL or `file:`: npm knows no such protocol (`workspace:`, `catalog:` and `link:` belong to other package managers)".to_owned()
        }
        "EOVERRIDE" => "let `overrides` and the dependency name one version".to_owned(),
        "EWORKSPACESCONFIG" | "EDUPLICATEWORKSPACE" => "correct `workspaces` in package.json: a list of folders, each with a name of its own".to_owned(),
        "EINVALIDPROXY" => without("let the proxy be an `http:`, `https:` or `socks:` URL"),
        "ECIGLOBAL" => without("run the command without `--global`"),
        "ECIPATCHFLAG" => without("run the command without that flag: `npm ci` is always strict about patches"),
        "ENPMEXTENSIONCONFIG" => without("set `extension-file` in the project's own `.npmrc`"),
        "EUNKNOWNCONFIG" => "write the flag in full: this npm takes no shortened ones".to_owned(),
        "EPATCHNOTFOUND" => "commit the patch that `patchedDependencies` names".to_owned(),
        "EPATCHINTEGRITY" => "find out who changed the patch since it was locked, and lock it anew with `npm install --package-lock-only`".to_owned(),
        "EPATCHUNUSED" => "take the patch out of `patchedDependencies`, or let its key name the version that is locked".to_owned(),
        "EPATCHUNSAFE" => "look at that patch closely: it reaches out of what it may change".to_owned(),
        code if code.starts_with("EPATCH") => "make the patch anew for the version that is locked (`npm patch`), and mend its key under `patchedDependencies`".to_owned(),
        "EGITCHECKOUT" => format!("lock {name} by a commit that its repository gives"),
        "EACCES" | "EEXIST" | "ENOTDIR" | "EPERM" | "EROFS" => without("let npm write where its message says"),
        "ENOSPC" => "make room where npm writes (`sealcheck doctor` shows it; `--scratch disk`)".to_owned(),
        "" if subject.error.message.starts_with("No workspaces found") => without("name a workspace that package.json has"),
        _ => return None,
    })
}
