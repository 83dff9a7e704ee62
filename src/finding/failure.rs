//! What a failed install is about: the package, its line, the answer, and the setting.
//!
//! npm names a package, a URL, a folder or an integrity, each code its own. Here these are
//! found again in the project and among the exchanges. Which of several failing answers npm
//! tells of is chance, so the first by the lockfile's order stands for all.

mod help;
mod table;
mod tls;
mod unpacked;

use super::asked::{self, written};
use super::case::{Case, Run, answered, failed_answer, spec};
use super::location::Spot;
use crate::evidence::exchange::{Credential, Exchange, ExchangeKind, Role};
use crate::evidence::fact::NpmError;
use crate::project::Project;
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::name::PackageName;
use crate::project::npmrc::Setting;
use crate::project::registry::RegistryUrl;
use std::collections::BTreeSet;
use url::Url;

/// A failed install, explained.
pub(super) struct Failure {
    /// The package, by name.
    pub(super) package: Option<String>,
    /// With its version, for the message.
    pub(super) shown: Option<String>,
    /// Whom it befell beside that package.
    pub(super) others: usize,
    /// What happened, a fragment.
    pub(super) what: String,
    pub(super) help: String,
    pub(super) spot: Spot,
    /// The answer was our own: no registry was asked.
    pub(super) kept_back: bool,
    /// `seq` of the answers that it rests on.
    pub(super) exchanges: Vec<u32>,
}

/// What the rules know of an error before they say it.
struct Subject<'a> {
    case: &'a Case<'a>,
    run: &'a Run<'a>,
    error: &'a NpmError,
    /// The answers that failed as the code says, by the lockfile's order.
    answers: Vec<(&'a Exchange, Option<&'a LockEntry>)>,
    entry: Option<&'a LockEntry>,
    /// The package's name as npm or the answer has it, with a version.
    named: Option<(String, Option<String>)>,
}

/// Explains npm's error.
pub(super) fn explain(case: &Case<'_>, run: &Run<'_>, error: &NpmError) -> Failure {
    let answers = answers(case, run, error);
    let entry = answers.first().map_or_else(
        || entry(case.project, error).or_else(|| unpacked::only_one(case, run, error)),
        |(_, entry)| *entry,
    );
    let named = match (answers.first(), entry) {
        (Some((exchange, entry)), _) => {
            exchange.package.clone().or_else(|| Some(entry.as_ref()?.name.to_string())).map(|name| {
                let locked =
                    || entry.filter(|entry| entry.name.as_str() == name).map(|entry| entry.version.clone());
                (name.clone(), exchange.version.clone().or_else(locked))
            })
        }
        (None, _) if !error.packages.is_empty() => error.packages.first().map(|it| {
            let locked =
                || entry.filter(|entry| entry.name.as_str() == it.name).map(|entry| entry.version.clone());
            (it.name.clone(), it.version.clone().or_else(locked))
        }),
        (None, Some(entry)) => Some((entry.name.to_string(), Some(entry.version.clone()))),
        (None, None) => None,
    };
    let subject = Subject { case, run, error, answers, entry, named };
    let names: BTreeSet<(Option<&str>, Option<&str>)> = subject
        .answers
        .iter()
        .map(|(exchange, entry)| (exchange.package.as_deref(), entry.map(|entry| entry.path.as_str())))
        .collect();
    let others = if subject.answers.is_empty() {
        error.packages.len().saturating_sub(1)
    } else {
        names.len().saturating_sub(1)
    };
    let (what, help) = (what(&subject), help::help(&subject));
    Failure {
        package: subject.named.as_ref().map(|(name, _)| name.clone()),
        shown: subject.named.as_ref().map(|(name, version)| spec(name, version.as_deref())),
        others,
        what,
        help,
        kept_back: kept_back(&subject),
        spot: spot(&subject),
        exchanges: subject.answers.iter().map(|(exchange, _)| exchange.seq).collect(),
    }
}

/// The answers that fit the code.
fn answers<'a>(
    case: &Case<'a>,
    run: &Run<'a>,
    error: &NpmError,
) -> Vec<(&'a Exchange, Option<&'a LockEntry>)> {
    let optional = |name: &str| {
        let mut of_name = run.evidence.packages.iter().filter(|package| package.name == name).peekable();
        of_name.peek().is_some() && of_name.all(|package| package.optional)
    };
    let fits = |exchange: &&Exchange| match status(&error.code) {
        Some(status) => exchange.status == Some(status),
        None => match error.code.as_str() {
            "EINTEGRITY" => {
                exchange.kind == ExchangeKind::Tarball
                    && exchange.status == Some(200)
                    && refused(case, error, exchange)
            }
            code if UNREACHED.contains(&code) || tls::is_one(code) => {
                failed_answer(exchange) && (exchange.status.is_none() || exchange.fault.is_some())
            }
            _ => false,
        },
    };
    let named = |exchange: &&Exchange| {
        let known = exchange.package.as_ref().is_some_and(|package| !optional(package));
        known || (exchange.package.is_none() && asked::entry(case, exchange).is_some())
    };
    let mut found: Vec<(&Exchange, Option<&LockEntry>)> = run
        .evidence
        .exchanges
        .iter()
        .filter(|exchange| matches!(exchange.kind, ExchangeKind::Packument | ExchangeKind::Tarball))
        .filter(fits)
        .filter(named)
        .map(|exchange| (exchange, asked::entry(case, exchange)))
        .collect();
    found.sort_by_key(|(exchange, entry)| {
        let place = entry.map_or((usize::MAX, 0), |entry| (entry.place.line, entry.place.column));
        (place, exchange.package.clone(), exchange.seq)
    });
    found
}

/// Codes for a host that gave no answer that npm could use.
const UNREACHED: [&str; 13] = [
    "ECONNREFUSED",
    "ECONNRESET",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ETIMEDOUT",
    "ERR_SOCKET_TIMEOUT",
    "FETCH_ERROR",
    "EPIPE",
    "EMAXREDIRECT",
    // npm 10 and later, whose agent has timeouts of its own.
    "ECONNECTIONTIMEOUT",
    "EIDLETIMEOUT",
    "ERESPONSETIMEOUT",
    "ETRANSFERTIMEOUT",
];

/// `E404`: 404.
fn status(code: &str) -> Option<u16> {
    code.strip_prefix('E')?.parse().ok()
}

/// Whether the bytes of an answer are those that an integrity refused.
fn refused(case: &Case<'_>, error: &NpmError, exchange: &Exchange) -> bool {
    let Some(wanted) = &error.wanted else { return false };
    let locked = asked::entry(case, exchange).and_then(|entry| entry.integrity_text.as_deref());
    locked.is_some_and(|locked| locked.split_whitespace().any(|one| one == wanted))
}

/// The lockfile entry that an error is about, where no answer tells.
fn entry<'a>(project: &'a Project, error: &NpmError) -> Option<&'a LockEntry> {
    let mut entries: Vec<&LockEntry> = project.lockfile.entries.values().collect();
    entries.sort_by_key(|entry| (entry.place.line, entry.place.column));
    let find = |fits: &dyn Fn(&LockEntry) -> bool| entries.iter().copied().find(|entry| fits(entry));
    for named in &error.packages {
        let of_version = find(&|entry| {
            entry.name.as_str() == named.name
                && named.version.as_ref().is_none_or(|version| *version == entry.version)
        });
        // What is missing is in no entry, and another version of it is another matter.
        if of_version.is_some() || error.code == "EUSAGE" {
            return of_version;
        }
    }
    if let Some(first) = error.packages.first()
        && let Some(entry) = find(&|entry| {
            entry.name.as_str() == first.name
                || entry.alias.as_ref().is_some_and(|alias| alias.as_str() == first.name)
        })
    {
        return Some(entry);
    }
    if let Some(wanted) = &error.wanted {
        return find(&|entry| {
            entry
                .integrity_text
                .as_deref()
                .is_some_and(|text| text.split_whitespace().any(|one| one == wanted))
        });
    }
    if let Some(path) = error.path.as_deref().and_then(|path| path.strip_prefix("/project/")) {
        let of_folder = find(&|entry| !entry.path.is_empty() && (entry.path == path));
        let of_file =
            || find(&|entry| entry.resolved.as_deref().and_then(|it| it.strip_prefix("file:")) == Some(path));
        if let Some(entry) = of_folder.or_else(of_file) {
            return Some(entry);
        }
    }
    if let Some(url) = &error.url {
        let plain =
            |text: &str| text.split(['#', '?']).next().map(|text| text.trim_start_matches("git+").to_owned());
        let same = |entry: &LockEntry| entry.resolved.as_deref().and_then(plain).as_deref() == Some(url);
        if let Some(entry) = find(&same) {
            return Some(entry);
        }
        // A packument: the last of the path is the name.
        let path = Url::parse(url).ok().map(|url| url.path().replace("%2f", "/").replace("%2F", "/"));
        let by_name =
            find(&|entry| path.as_deref().is_some_and(|path| path.ends_with(&format!("/{}", entry.name))));
        if by_name.is_some() {
            return by_name;
        }
    }
    if error.packages.is_empty() && error.code.starts_with("EALLOW") {
        return refused_kind(project, &error.code).first().copied();
    }
    if error.message.starts_with("An unknown git error") {
        let mut of_git = entries.iter().copied().filter(|entry| entry.kind == EntryKind::Git);
        let commit = |entry: &LockEntry| {
            entry
                .resolved
                .as_deref()
                .and_then(|it| it.split_once('#'))
                .is_some_and(|(_, commit)| !commit.is_empty() && error.message.contains(commit))
        };
        return find(&commit).or_else(|| of_git.next().filter(|_| of_git.next().is_none()));
    }
    let version = error.message.lines().find_map(|line| line.strip_prefix("Invalid Version: "));
    version.and_then(|version| find(&|entry| entry.version == version.trim()))
}

/// The entries that npm refuses by their kind, by the lockfile's order: npm 11 names none.
fn refused_kind<'a>(project: &'a Project, code: &str) -> Vec<&'a LockEntry> {
    let beside = |entry: &LockEntry| {
        let name = entry.alias.as_ref().unwrap_or(&entry.name);
        let registry = project.config.registry_for(name, &project.public);
        let resolved = entry.resolved.as_deref().and_then(|resolved| Url::parse(resolved).ok());
        resolved
            .is_some_and(|url| !registry.covers(&url) && !project.config.replaces_host(&url, &project.public))
    };
    let is_refused = |entry: &&LockEntry| match entry.kind {
        EntryKind::Remote => code == "EALLOWREMOTE",
        EntryKind::Registry => code == "EALLOWREMOTE" && beside(entry),
        EntryKind::Git => code == "EALLOWGIT",
        EntryKind::File => code == "EALLOWFILE",
        EntryKind::Link => code == "EALLOWDIRECTORY",
        EntryKind::Folder | EntryKind::Bundled => false,
    };
    let mut found: Vec<&LockEntry> =
        project.lockfile.entries.values().filter(|entry| !entry.optional).filter(is_refused).collect();
    // What package.json names by its URL is refused before what a registry has elsewhere.
    found.sort_by_key(|entry| (entry.kind == EntryKind::Registry, entry.place.line, entry.place.column));
    found
}

/// Whether we answered in the registry's place.
fn kept_back(subject: &Subject<'_>) -> bool {
    subject.answers.first().is_some_and(|(exchange, _)| exchange.not_asked.is_some())
}

fn what(subject: &Subject<'_>) -> String {
    let error = subject.error;
    if let Some((exchange, entry)) = subject.answers.first() {
        let done = match error.code.as_str() {
            "EINTEGRITY" => "served other bytes than the lockfile's integrity stands for".to_owned(),
            code if tls::is_one(code) => tls::what(error),
            _ => answered(exchange),
        };
        let mut what = format!("{} {done}", exchange.host);
        if status(&error.code).is_some_and(|status| matches!(status, 401 | 403 | 404)) {
            // A foreign host is to have none.
            let due = match exchange.role {
                Role::Own => exchange.status != Some(404) || is_own(subject, *entry),
                Role::Public | Role::Unknown => exchange.status != Some(404),
                Role::Foreign => false,
            };
            if due && exchange.not_asked.is_none() && exchange.credential == Credential::None {
                what.push_str(", and no credential was sent");
            }
        }
        if let Some(unread) =
            scope(subject).and_then(|scope| asked::unread_mapping(subject.case.project, &scope))
        {
            what.push_str(&format!("; {unread}"));
        }
        return what;
    }
    let summary = error.summary.trim_end_matches('.');
    if let Some(found) = table::hidden(subject) {
        return format!("{summary}; {}", found.why);
    }
    match setting(subject) {
        Some(setting) => format!("{summary}; {} decides that", written(setting)),
        None => summary.to_owned(),
    }
}

/// The scope of what failed, where nothing that npm reads maps it.
fn scope(subject: &Subject<'_>) -> Option<String> {
    let (name, _) = subject.named.as_ref()?;
    let scope = PackageName::parse(name).ok()?.scope()?.to_owned();
    subject.case.project.config.scope_registry(&scope).is_none().then_some(scope)
}

/// Whether the package is the owner's own.
fn is_own(subject: &Subject<'_>, entry: Option<&LockEntry>) -> bool {
    let class = entry.and_then(|entry| subject.case.project.classes.get(&entry.path));
    class.is_some_and(|known| super::case::is_own(known.class))
}

/// The setting that made npm refuse.
fn setting<'a>(subject: &Subject<'a>) -> Option<&'a Setting> {
    let config = &subject.case.project.config;
    let keys: &[&str] = match subject.error.code.as_str() {
        "EALLOWREMOTE" => &["allow-remote"],
        "EALLOWGIT" => &["allow-git"],
        "EALLOWFILE" => &["allow-file"],
        "EALLOWDIRECTORY" => &["allow-directory"],
        "ESTRICTALLOWSCRIPTS" => &["strict-allow-scripts"],
        "EALLOWSCRIPTS" => &["allow-scripts"],
        "EBADENGINE" => &["engine-strict"],
        "ENOTCACHED" => &["offline", "cache-mode"],
        "ERESOLVE" => &["strict-peer-deps"],
        "ETARGET" if by_date(subject.error) => &["min-release-age", "before"],
        "ERR_INVALID_URL" => return no_url(subject.case.project),
        "ERR_INVALID_AUTH" => return subject.error.message.split('`').nth(1).and_then(|key| config.get(key)),
        "EINVALIDPROXY" => &["https-proxy", "proxy"],
        "ECIGLOBAL" => &["global", "location"],
        "ENPMEXTENSIONCONFIG" => &["extension-file"],
        "ECIPATCHFLAG" => &["ignore-patch-failures", "allow-unused-patches"],
        "EACCES" | "EEXIST" | "ENOTDIR" | "EPERM" | "EROFS" if table::of_cache(subject.error) => &["cache"],
        code if tls::wants_authority(code) => &["cafile", "ca"],
        "" if subject.error.message.starts_with("No workspaces found") => &["workspace"],
        _ => &[],
    };
    keys.iter().find_map(|key| config.get(key))
}

/// Whether npm found versions, and none that is old enough.
fn by_date(error: &NpmError) -> bool {
    error.summary.contains("with a date before")
}

/// A registry that is none.
fn no_url(project: &Project) -> Option<&Setting> {
    let effective =
        |setting: &&Setting| project.config.get(&setting.key).is_some_and(|it| std::ptr::eq(it, *setting));
    let of_registry = |setting: &&Setting| setting.key == "registry" || setting.key.ends_with(":registry");
    project.config.settings.iter().filter(of_registry).filter(effective).find(|setting| {
        project.config.plain(&setting.key).is_some_and(|text| RegistryUrl::parse(text).is_err())
    })
}

fn spot(subject: &Subject<'_>) -> Spot {
    let project = subject.case.project;
    if let Some(entry) = subject.entry {
        return match subject.error.code.as_str() {
            "EINTEGRITY" => Spot::integrity(&entry.path),
            "EUSAGE" | "EBADENGINE" | "EBADPLATFORM" | "ESTRICTALLOWSCRIPTS" => Spot::entry(&entry.path),
            _ => Spot::resolved(&entry.path),
        };
    }
    if let Some(found) = table::hidden(subject) {
        return found.spot;
    }
    if let Some(place) = table::of_manifest(subject) {
        return Spot::At(place);
    }
    if subject.error.code == "EUSAGE" {
        // Who asks for what the lockfile lacks: a line of it, or of package.json.
        let asks = |source: &crate::text::Source, name: &str| source.find(&format!("\"{name}\":"));
        let place = subject.error.packages.iter().find_map(|it| {
            asks(&project.lockfile.source, &it.name).or_else(|| asks(&project.manifest.source, &it.name))
        });
        return place.map_or(Spot::Nowhere, Spot::At);
    }
    setting(subject).and_then(|setting| setting.place.clone()).map_or(Spot::Nowhere, Spot::At)
}
