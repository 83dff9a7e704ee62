//! What the sandbox itself kept from an install that then failed, or from an optional package
//! that npm then left out: outside it might have worked, so that this says nothing of the project.
//!
//! The gateway speaks HTTP as registries do, reads only, and knows the hosts that the project
//! names. Git over ssh, other ports, other protocols and repositories on the disk are not let
//! through; who needs one of them and fails is told here, with what was refused.

use super::EvidenceKind;
use super::case::{Case, Run, answered, ours, owner};
use super::location::Spot;
use crate::evidence::exchange::{AnsweredBy, Exchange, Role};
use crate::evidence::fact::{Connection, Process, Reached};
use crate::evidence::seal::PROJECT;
use crate::project::lockfile::{EntryKind, LockEntry, fetched_from};
use crate::project::npmrc::Level;
use crate::project::npmrc::levels::of_run;
use crate::wire::GapKind;
use url::Url;

/// Something that the sandbox refused, and that an install failed for.
pub(super) struct Refusal {
    /// What was refused to whom, a fragment.
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: String,
    /// What tells it from another one.
    pub(super) key: String,
    /// Whose dependency or script it is.
    pub(super) package: String,
    /// The line of the dependency.
    pub(super) spot: Spot,
    /// Where it shows.
    pub(super) evidence: Vec<(EvidenceKind, u32)>,
}

/// The refusal that a failed install is owed to. Hosts that the project trusts, and what a
/// scenario plays, are refused to nobody in this way.
pub(super) fn refusal(case: &Case<'_>, run: &Run<'_>) -> Option<Refusal> {
    if run.worked() || run.evidence.cut_short.is_some() {
        return None;
    }
    // A script's or git's own exit code, or a signal's name, and no code of npm's for an answer.
    let code = run.evidence.npm_error.as_ref().map(|error| error.code.as_str())?;
    if let Some(refused) = elsewhere(run, case, code) {
        return Some(refused);
    }
    if code.is_empty() || code.starts_with('E') {
        return None;
    }
    script(run, None).or_else(|| repository(case, run))
}

/// A global install writes where node lies, and that no sandbox lets it change.
fn elsewhere(run: &Run<'_>, case: &Case<'_>, code: &str) -> Option<Refusal> {
    if !matches!(code, "EROFS" | "EACCES" | "EPERM" | "ENOENT") {
        return None;
    }
    let settings = &case.project.settings.install.env;
    let config = of_run(&case.project.config, Level::Cli, &run.evidence.command, settings);
    let global = config.plain("global") == Some("true") || config.plain("location") == Some("global");
    global.then(|| Refusal {
        message: format!(
            "`{}` installs globally, where node lies, and no sandbox lets it write there",
            run.command()
        ),
        help: "test an install into the project: what is installed globally stands in no lockfile".to_owned(),
        key: "global".to_owned(),
        package: String::new(),
        spot: Spot::Nowhere,
        evidence: Vec::new(),
    })
}

/// The refusal for which npm left an optional package out, by its path. npm says nothing of it
/// and exits 0.
pub(super) fn dropped(case: &Case<'_>, run: &Run<'_>, path: &str) -> Option<Refusal> {
    let entry = case.project.lockfile.entries.get(path)?;
    match entry.kind {
        EntryKind::Git => {
            let gits = gits(run);
            of_entry(run, &gits, entry).or_else(|| unreached(run, entry))
        }
        EntryKind::Remote => unreached(run, entry),
        EntryKind::Registry | EntryKind::File | EntryKind::Link | EntryKind::Folder | EntryKind::Bundled => {
            None
        }
    }
}

/// A host of a dependency's own that the gateway could not ask.
fn unreached(run: &Run<'_>, entry: &LockEntry) -> Option<Refusal> {
    let source = source(entry)?;
    let host = source.host_str()?;
    let failed = |exchange: &&Exchange| {
        let of_npm = exchange.process.and_then(|id| run.process(id)).is_none_or(|it| it.package.is_none());
        exchange.host == host && of_npm && ours(exchange)
    };
    let exchange = run.evidence.exchanges.iter().find(failed)?;
    let what = format!("{host} (port {}) {}", exchange.port, answered(exchange));
    Some(told(entry, &what, vec![(EvidenceKind::Exchange, exchange.seq)]))
}

/// A script that failed after a request or a connection of its package's was refused; of one
/// package, where its path is given. With that of an optional package npm still exits 0.
pub(super) fn script(run: &Run<'_>, path: Option<&str>) -> Option<Refusal> {
    let failed = |process: &Process| {
        run.evidence.processes.iter().any(|other| {
            other.package == process.package
                && other.event == process.event
                && other.exit.as_deref().is_some_and(|exit| exit != "0")
        })
    };
    let asked = |process: &Process| path.is_none() || process.package.as_deref() == path;
    let owned =
        |id| run.process(id).filter(|process| process.package.is_some() && asked(process) && failed(process));
    let told = |process: &Process, host: &str, what: &str| {
        let event = process.event.as_deref().unwrap_or("lifecycle");
        format!("the {event} script of {} failed after the {what} had refused it {host}", owner(process))
    };
    let by_request = run.evidence.exchanges.iter().find_map(|exchange| {
        let process = owned(exchange.process.filter(|_| refused_request(exchange))?)?;
        Some(Refusal {
            message: told(process, &exchange.host, "gateway"),
            help: format!(
                "if it may be downloaded from, add \"{}\" to `[trust] hosts` in sealcheck.toml",
                exchange.host
            ),
            key: exchange.host.clone(),
            package: owner(process),
            spot: Spot::Nowhere,
            evidence: vec![(EvidenceKind::Exchange, exchange.seq)],
        })
    });
    let by_call = || {
        // node looks for io_uring and does without it.
        let calls = (0u32..).zip(&run.evidence.gaps);
        let mut calls =
            calls.filter(|(_, gap)| gap.kind == GapKind::RefusedCall && !gap.detail.starts_with("io_uring"));
        calls.find_map(|(at, gap)| {
            let process = owned(gap.process?)?;
            Some(Refusal {
                message: told(process, &format!("a call ({})", gap.detail), "sandbox"),
                help: "that call would hide what follows from the witness, so that no sandbox lets it through: have the package do without it, or its script not run (`--ignore-scripts`)".to_owned(),
                key: gap.detail.clone(),
                package: owner(process),
                spot: Spot::Nowhere,
                evidence: vec![(EvidenceKind::Gap, at)],
            })
        })
    };
    by_request.or_else(by_call).or_else(|| {
        (0u32..).zip(&run.evidence.connections).find_map(|(at, connection)| {
            let process = owned(connection.process).filter(|_| refused_connection(connection))?;
            let host = connection.name.as_deref().unwrap_or(&connection.address);
            let to = format!("port {} of {host}", connection.port);
            Some(Refusal {
                message: told(process, &to, "sandbox"),
                help: "let it fetch what it needs over https from a host that `[trust] hosts` names, or do without: nothing but HTTP leaves a sandbox, and no literal address is reached".to_owned(),
                key: to,
                package: owner(process),
                spot: Spot::Nowhere,
                evidence: vec![(EvidenceKind::Connection, at)],
            })
        })
    })
}

/// A dependency from git that npm could not fetch, since what git needs does not leave a
/// sandbox.
fn repository(case: &Case<'_>, run: &Run<'_>) -> Option<Refusal> {
    let gits = gits(run);
    let mut entries: Vec<&LockEntry> =
        case.project.lockfile.entries.values().filter(|entry| entry.kind == EntryKind::Git).collect();
    entries.sort_by_key(|entry| (entry.place.line, entry.place.column));
    entries.into_iter().find_map(|entry| of_entry(run, &gits, entry))
}

/// npm's own git processes.
fn gits<'a>(run: &Run<'a>) -> Vec<&'a Process> {
    let is_git = |process: &&Process| {
        let program = process.argv.first().and_then(|word| word.rsplit('/').next());
        process.package.is_none() && program == Some("git")
    };
    run.evidence.processes.iter().filter(is_git).collect()
}

/// Where a dependency comes from.
fn source(entry: &LockEntry) -> Option<Url> {
    fetched_from(entry.resolved.as_deref()?)
}

/// What was refused to the git that fetches a dependency.
fn of_entry(run: &Run<'_>, gits: &[&Process], entry: &LockEntry) -> Option<Refusal> {
    if !gits.iter().any(|git| git.exit.as_deref().is_some_and(|exit| exit != "0")) {
        return None;
    }
    let source = source(entry)?;
    let (what, evidence) = match source.host_str().filter(|host| !host.is_empty()) {
        Some(host) => of_host(run, host, matches!(source.scheme(), "http" | "https"))?,
        None => of_disk(gits, &source)?,
    };
    Some(told(entry, &what, evidence))
}

/// A dependency whose source a sandbox does not reach.
fn told(entry: &LockEntry, what: &str, evidence: Vec<(EvidenceKind, u32)>) -> Refusal {
    let name = &entry.name;
    let from = if entry.kind == EntryKind::Git { "git" } else { "a URL of its own" };
    let other = if entry.kind == EntryKind::Git {
        ", or locked as a tarball over https (`https://HOST/…/COMMIT.tar.gz`), which the gateway fetches; a key for ssh or a clone on this machine never gets into a sandbox"
    } else {
        ", or where that host answers"
    };
    Refusal {
        message: format!("{name} comes from {from}, and {what}"),
        help: format!(
            "nothing else is wrong as far as was seen: run `sealcheck test` with {name} published to a registry{other}"
        ),
        key: entry.path.clone(),
        package: name.to_string(),
        spot: match entry.resolved_place {
            Some(_) => Spot::resolved(&entry.path),
            None => Spot::entry(&entry.path),
        },
        evidence,
    }
}

/// What was refused at a host to npm or a git of its own. The gateway, which may listen at a
/// port that the lockfile names, `speaks` no other protocol than HTTP.
fn of_host(run: &Run<'_>, host: &str, speaks: bool) -> Option<(String, Vec<(EvidenceKind, u32)>)> {
    let of_npm = |id| run.process(id).is_none_or(|process| process.package.is_none());
    let mut connections = (0u32..).zip(&run.evidence.connections);
    let connection = connections.find(|(_, connection)| {
        connection.name.as_deref() == Some(host)
            && of_npm(connection.process)
            && (refused_connection(connection) || !speaks && connection.outcome == Reached::Gateway)
    });
    if let Some((at, connection)) = connection {
        let what = format!("the sandbox refused it port {} of {host}", connection.port);
        return Some((what, vec![(EvidenceKind::Connection, at)]));
    }
    let exchange = run.evidence.exchanges.iter().find(|exchange| {
        exchange.host == host && exchange.process.is_none_or(of_npm) && refused_request(exchange)
    })?;
    let what = format!("the gateway refused it a {} at {host}", exchange.method);
    Some((what, vec![(EvidenceKind::Exchange, exchange.seq)]))
}

/// A repository on the disk, of which nothing was copied.
fn of_disk(gits: &[&Process], source: &Url) -> Option<(String, Vec<(EvidenceKind, u32)>)> {
    let path = source.path();
    if source.scheme() != "file" || path.starts_with(&format!("{PROJECT}/")) {
        return None;
    }
    let asked = |git: &&&Process| git.argv.iter().any(|word| word.contains(path));
    let git = gits.iter().find(asked)?;
    Some((
        format!("the sandbox has no copy of the repository `{path}` of this machine"),
        vec![(EvidenceKind::Process, git.id.0)],
    ))
}

/// A request that the gateway turned down by itself, as one of a kind that never goes on.
fn refused_request(exchange: &Exchange) -> bool {
    let own = match exchange.role {
        Role::Own | Role::Public => exchange.method == "POST",
        Role::Foreign | Role::Unknown => true,
    };
    own && exchange.answered_by == AnsweredBy::Gateway
        && exchange.fault.is_none()
        && matches!(exchange.status, Some(403 | 405))
}

/// A connection that found nobody, since the sandbox has no network.
fn refused_connection(connection: &Connection) -> bool {
    // No address of the network's; or one that a scenario has for a host that is down.
    if connection.port == 0 || connection.address.starts_with("127.0.1.") {
        return false;
    }
    match connection.outcome {
        // A server of the script's own that is not there is its own affair.
        Reached::Refused | Reached::Denied => {
            connection.name.is_some()
                || !connection.address.starts_with("127.") && connection.address != "::1"
        }
        Reached::Unreachable => true,
        // The kernel may answer later that nobody is there; no registry has one of these.
        Reached::Gateway | Reached::Pending => matches!(connection.port, 21 | 22 | 9418),
        Reached::Inside => false,
    }
}
