//! Joins what gateway and witness handed in with the lockfile.
//!
//! Pure: a recording and a context give evidence, the same each time. It
//! states facts (where bytes came from, whose they are) and leaves out what
//! they mean; it must not know a rule or a verdict.

mod cache;
mod connections;
mod layout;
mod npm_error;
mod owed;
mod packages;
mod processes;
mod signed_url;
mod source;
#[cfg(test)]
mod tests;
mod timeline;

use super::exchange::{Exchange, Lookup, Role};
use super::fact::{Decoy, Evidence, File, Gap, NamedPackage, NpmError, Output, Package, SecretRead};
use super::tree::TarballIndex;
use crate::project::Project;
use crate::project::lockfile::EntryKind;
use crate::project::npmrc::NpmConfig;
use crate::project::registry::RegistryUrl;
use crate::secret::Secret;
use crate::wire::{Change, Event, Exit, FileChange, GapKind};
use layout::{Layout, in_store};
use node_semver::Version;
use owed::Owed;
use signed_url::without_queries;
use std::collections::{BTreeMap, BTreeSet};
use timeline::Timeline;

pub use source::configured_registries;

/// Where the project lies inside a sandbox; paths in events and evidence begin with it.
pub const PROJECT: &str = "/project";
/// The home folder inside, which labels of secrets write as `~`.
const HOME: &str = "/home/npm/";

/// What was handed in, unjoined.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// From the witness, in its order.
    pub events: Vec<Event>,
    /// When each event happened, in milliseconds since the command was started. Shorter where
    /// that of the last ones is not known.
    pub times: Vec<u64>,
    /// From the gateway.
    pub exchanges: Vec<Exchange>,
    /// From the gateway.
    pub lookups: Vec<Lookup>,
    /// Decoys that were on offer.
    pub decoys: Vec<Decoy>,
    /// The ends of the output, already redacted.
    pub output: Output,
}

/// The platform of a sandbox, in node's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `x64`.
    pub cpu: String,
    /// `glibc`, `musl`.
    pub libc: String,
}

impl Platform {
    /// `x64 glibc`: what decides which binaries a package brings.
    pub fn name(&self) -> String {
        format!("{} {}", self.cpu, self.libc)
    }
}

/// A tarball that an earlier run of the same invocation put into npm's cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTarball {
    /// `sha512-…`.
    pub sha512: String,
    /// The host that had delivered it.
    pub host: String,
    /// The URL without query.
    pub url: String,
    /// Whose host the gateway took it for.
    pub role: Role,
}

/// What a run put into npm's cache, as [`SealContext::known`] wants it: the
/// tarballs it was delivered, by the digest of their trees. Of two deliveries
/// of the same tree a foreign one is kept.
pub fn known_tarballs(
    exchanges: &[Exchange],
    tarballs: &BTreeMap<String, TarballIndex>,
) -> BTreeMap<String, KnownTarball> {
    let mut known: BTreeMap<String, KnownTarball> = BTreeMap::new();
    for exchange in exchanges {
        let Some((sha512, index)) =
            exchange.sha512.as_ref().and_then(|sha512| tarballs.get_key_value(sha512))
        else {
            continue;
        };
        let tarball = KnownTarball {
            sha512: sha512.clone(),
            host: exchange.host.clone(),
            url: source::url_of(exchange),
            role: exchange.role,
        };
        match known.get(&index.tree) {
            Some(before) if before.role == Role::Foreign || tarball.role != Role::Foreign => {}
            Some(_) | None => {
                known.insert(index.tree.clone(), tarball);
            }
        }
    }
    known
}

/// What a run installed, as [`SealContext::genuine`] wants it of the baseline.
pub fn genuine_tarballs(evidence: &Evidence) -> BTreeMap<String, String> {
    let fetched = |package: &Package| Some((package.path.clone(), package.source.as_ref()?.sha512.clone()?));
    evidence.packages.iter().filter_map(fetched).collect()
}

/// What a recording is joined with.
#[derive(Debug, Clone)]
pub struct SealContext<'a> {
    /// The project as the user has it, not as the scenario changed it.
    pub project: &'a Project,
    /// The scenario's name.
    pub scenario: &'a str,
    /// Which repetition, from 1.
    pub repeat: u32,
    /// The command as run.
    pub command: &'a [String],
    /// The one behind it; empty where there is none.
    pub then: &'a [String],
    /// The platform inside.
    pub platform: &'a Platform,
    /// node's version.
    pub node: &'a Version,
    /// npm's version.
    pub npm: &'a Version,
    /// npm's configuration as this run has it: its command and variables over the files.
    pub config: &'a NpmConfig,
    /// NODE_ENV of the run.
    pub node_env: Option<&'a str>,
    /// Tarballs delivered in this run (decoys too), by `sha512-…`.
    pub tarballs: &'a BTreeMap<String, TarballIndex>,
    /// What npm's cache held before the run, by the digest of the tree it unpacks to.
    pub known: &'a BTreeMap<String, KnownTarball>,
    /// The baseline's tarballs, `sha512-…` by path; empty for the baseline itself.
    pub genuine: &'a BTreeMap<String, String>,
    /// Ports that have a door of the gateway's at 127.0.0.1.
    pub doors_here: &'a BTreeSet<u16>,
    /// The registry of each private name.
    pub private: &'a BTreeMap<String, RegistryUrl>,
    /// Values that must not be printed.
    pub secrets: &'a [Secret],
}

/// Seals a recording. Total: whatever the events say, evidence comes out, and
/// what is missing in them is a gap.
pub fn seal(recording: Recording, context: &SealContext<'_>) -> Evidence {
    let mut timeline = Timeline::of(&recording.events);
    let layout = Layout::of(&timeline, &context.project.lockfile);
    timeline.relocate(&layout);
    let mut gaps = timeline.gaps(&recording);
    let mut processes = processes::processes(&recording, context, &layout);
    let owed = Owed::of(context, &layout);
    let sources = packages::Sources { timeline: &timeline, recording: &recording, layout: &layout };
    let packages = packages::packages(sources, &processes, context, &owed, &mut gaps);
    let by_path: BTreeMap<&str, &Package> =
        packages.iter().map(|package| (package.path.as_str(), package)).collect();
    for process in &mut processes {
        if let Some(path) = &process.package {
            let (name, version) = processes::identity(path, &by_path, context.project);
            process.package_name = name;
            process.version = version;
        }
    }
    let gone = removed_by_npm(&timeline, context, &owed);
    let folders: BTreeSet<&str> = packages.iter().map(|package| package.path.as_str()).collect();
    let standing = processes::standing(&recording.events, &processes);
    for gap in &mut gaps {
        gap.process = gap.process.map(|process| standing.get(&process).copied().unwrap_or(process));
    }
    let mut reads: Vec<SecretRead> = timeline
        .reads
        .iter()
        .filter_map(|(process, path, npm)| {
            let secret = path.strip_prefix(HOME).map_or((*path).to_owned(), |below| format!("~/{below}"));
            Some(SecretRead { process: standing.get(process).copied()?, secret, npm: *npm })
        })
        .collect();
    reads.dedup();
    let npms = cache::Folders::of(context);
    let mut files: Vec<File> = timeline
        .changes
        .iter()
        .filter(|change| !is_npms(change, &gone, &layout) && !put_by_npm(change, context, &npms))
        .map(|change| File {
            path: redact(&change.path, context.secrets),
            change: change.change,
            process: change.process.and_then(|process| standing.get(&process).copied()),
            package: owner(&change.path, &folders, &layout),
            npm: change.npm,
            npms: npms.have(&change.path),
            leads: change.leads.as_ref().map(|leads| redact(leads, context.secrets)),
            shadows: change.shadows.clone(),
            answers: change.answers.as_ref().map(|url| without_queries(&redact(url, context.secrets))),
        })
        .collect();
    files.sort();
    let npm_error = match timeline.exit {
        Some(Exit::Code(0)) | None => None,
        Some(Exit::Code(_) | Exit::Signal(_)) => {
            npm_error::parse(&recording.output.stderr_tail).map(|error| redacted(error, context.secrets))
        }
    };
    gaps.sort();
    gaps.dedup();
    let mut connections = connections::connections(&recording, context.doors_here);
    let (mut exchanges, mut lookups) = (recording.exchanges, recording.lookups);
    let asked = exchanges.iter_mut().map(|exchange| &mut exchange.process);
    let asked = asked.chain(lookups.iter_mut().map(|lookup| &mut lookup.process)).flatten();
    for process in asked.chain(connections.iter_mut().map(|connection| &mut connection.process)) {
        *process = standing.get(process).copied().unwrap_or(*process);
    }
    exchanges.sort_by_key(|exchange| exchange.seq);
    lookups.sort_by_key(|lookup| lookup.seq);
    Evidence {
        scenario: context.scenario.to_owned(),
        repeat: context.repeat,
        command: context.command.iter().map(|word| redact(word, context.secrets)).collect(),
        then: context.then.iter().map(|word| redact(word, context.secrets)).collect(),
        exit: timeline.exit,
        cut_short: timeline.cut_short,
        npm_error,
        duration_ms: timeline.duration_ms,
        decoys: recording.decoys,
        packages,
        exchanges,
        lookups,
        processes,
        connections,
        files,
        reads,
        output: Output {
            stdout_tail: without_queries(&redact(&recording.output.stdout_tail, context.secrets)),
            stderr_tail: without_queries(&redact(&recording.output.stderr_tail, context.secrets)),
        },
        gaps,
        traced: timeline.traced,
    }
}

impl Recording {
    /// Each event with its time.
    fn timed(&self) -> impl Iterator<Item = (&Event, Option<u64>)> {
        let times = self.times.iter().copied().map(Some).chain(std::iter::repeat(None));
        self.events.iter().zip(times)
    }
}

fn redacted(error: NpmError, secrets: &[Secret]) -> NpmError {
    let redact = |text: String| without_queries(&redact(&text, secrets));
    let package = |it: NamedPackage| NamedPackage { name: redact(it.name), version: it.version.map(redact) };
    NpmError {
        code: redact(error.code),
        summary: redact(error.summary),
        message: redact(error.message),
        packages: error.packages.into_iter().map(package).collect(),
        url: error.url.map(redact),
        path: error.path.map(redact),
        wanted: error.wanted.map(redact),
    }
}

/// `text` without any of the secrets.
fn redact(text: &str, secrets: &[Secret]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| secret.redact(&text))
}

/// The path in a clone that npm made of a repository to install or prepare it (pacote's
/// `git-clone…` in npm's cache); `None` for what lies in none.
pub fn in_clone(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/_cacache/tmp/git-clone")?;
    let (_, inner) = rest.split_once('/')?;
    (!inner.split('/').any(|part| part == "..")).then_some(inner)
}

/// The path relative to npm's root, `../x` of what was copied from beside it; `None` for
/// what lies elsewhere.
fn in_project(path: &str) -> Option<&str> {
    let inner = path.strip_prefix(PROJECT)?;
    let inner = if inner.is_empty() { inner } else { inner.strip_prefix('/')? };
    let below = inner.split('/').skip_while(|part| *part == "..");
    (!below.into_iter().any(|part| part == "..")).then_some(inner)
}

/// Folders that npm took away again: of optional packages that it could not install or whose
/// script failed, and of those that it leaves out (npm before 11.6.2 makes and removes them).
fn removed_by_npm<'a>(
    timeline: &Timeline<'a>,
    context: &SealContext<'_>,
    owed: &Owed<'_>,
) -> BTreeSet<&'a str> {
    let entries = &context.project.lockfile.entries;
    let gone = timeline.unpacked.keys().copied().filter(|path| !timeline.installed.contains_key(path));
    gone.filter(|path| entries.get(*path).is_some_and(|entry| entry.optional || !owed.owes(entry))).collect()
}

/// Whether it is no script that removed a file, but npm with the package's folder.
fn is_npms(change: &FileChange, gone: &BTreeSet<&str>, layout: &Layout<'_>) -> bool {
    let removed = change.change == Change::Removed && change.process.is_none();
    removed
        && in_project(&change.path).is_some_and(|path| {
            let told = layout.told(path);
            parents(told.as_deref().unwrap_or(path)).any(|folder| gone.contains(folder))
        })
}

/// Whether npm put something beside the packages: its list of the tree, a link to a command of
/// a package, which it makes behind the first `preinstall`, its cache and its logs; or an npm that
/// a script started has written its own log. What a script did there is known by who did it.
fn put_by_npm(change: &FileChange, context: &SealContext<'_>, npms: &cache::Folders) -> bool {
    if change.process.is_some() {
        return change.npm && npms.notes(&change.path);
    }
    if npms.have(&change.path) {
        return true;
    }
    let Some((_, last)) = in_project(&change.path).and_then(|path| path.rsplit_once("node_modules/")) else {
        return false;
    };
    let entries = context.project.lockfile.entries.values();
    match (last.strip_prefix(".bin/"), &change.leads) {
        _ if change.change == Change::Removed => last.starts_with('.') || change.leads.is_some(),
        (Some(name), Some(leads)) => {
            let mut bringing =
                entries.filter(|entry| entry.bins.contains(name) || context.project.lockfile.version == 1);
            bringing.any(|entry| {
                in_store(leads)
                    || entry.kind == EntryKind::Folder
                    || leads.strip_prefix(entry.path.as_str()).is_some_and(|rest| rest.starts_with('/'))
            })
        }
        (None, Some(_)) => {
            let path = in_project(&change.path).unwrap_or_default();
            context.project.lockfile.entries.get(path).is_some_and(|entry| entry.kind == EntryKind::Link)
                || in_store(path)
        }
        (_, None) => last == ".package-lock.json",
    }
}

/// The folders above a path, nearest first.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(at, _)| &path[..at])
}

/// The package in whose folder a file lies: the longest folder that holds it.
fn owner(path: &str, folders: &BTreeSet<&str>, layout: &Layout<'_>) -> Option<String> {
    let told = layout.told(in_project(path)?);
    let mut folder = told.as_deref().or_else(|| in_project(path))?;
    while let Some((parent, _)) = folder.rsplit_once('/') {
        folder = parent;
        if folders.contains(folder) {
            return Some(folder.to_owned());
        }
    }
    None
}

/// Whether a kind of blindness may hide what a run is about.
fn hides_answer(kind: GapKind, exit: Option<Exit>) -> bool {
    match kind {
        GapKind::UnreadableArguments | GapKind::Tree | GapKind::Overflow | GapKind::Witness => true,
        // node probes for io_uring and goes on without it; only where the
        // command failed may our refusal have been the cause.
        GapKind::RefusedCall => exit != Some(Exit::Code(0)),
        GapKind::Connection | GapKind::Files => false,
    }
}

/// A gap of our own finding.
fn gap(kind: GapKind, detail: impl Into<String>, hides_answer: bool) -> Gap {
    Gap { kind, detail: detail.into(), hides_answer, process: None }
}
