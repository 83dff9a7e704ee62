//! Entry by entry: which packages come, go and change, and from where.

use super::{Kind, LockChange, Revision};
use crate::project::class::Class;
use crate::project::integrity::Algorithm;
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::registry::RegistryUrl;
use crate::project::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

pub(super) fn changes(left: &Revision<'_>, right: &Revision<'_>, settings: &Settings) -> Vec<LockChange> {
    let (old, new) = (&left.lockfile.entries, &right.lockfile.entries);
    let homes = homes(left, right);
    let (known_old, known_new) = (by_version(old), by_version(new));
    let same_form = (left.lockfile.version == 1) == (right.lockfile.version == 1);
    let counts = |entry: &LockEntry| same_form || entry.kind != EntryKind::Folder;
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut all = Vec::new();
    for path in paths {
        let begun = all.len();
        // Another package in the same place is another package.
        let (before, after) = (old.get(path), new.get(path));
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) if before.name != after.name => {
                all.push(change(Kind::Removed, before, None, None));
                (None, Some(after))
            }
            (before, after) => (before, after),
        };
        match (before, after) {
            (Some(before), Some(after)) => both(before, after, &mut all),
            (None, Some(after)) if counts(after) => {
                // The same bytes in another place of the tree are nothing new.
                match known_old.get(&by(after)) {
                    Some(twin) if !new.contains_key(&twin.path) => {
                        all.push(change(Kind::Moved, after, Some(twin.path.clone()), Some(path.clone())));
                        both(twin, after, &mut all);
                    }
                    Some(twin) => {
                        all.push(change(Kind::Added, after, None, Some(source(after))));
                        both(twin, after, &mut all);
                    }
                    None => added(after, &mut all),
                }
            }
            (Some(before), None) if counts(before) => {
                if !known_new.contains_key(&by(before)) {
                    all.push(change(Kind::Removed, before, None, None));
                }
            }
            (Some(_), None) | (None, Some(_)) | (None, None) => {}
        }
        if let Some(after) = after {
            let same = before.filter(|before| before.resolved == after.resolved && before.kind == after.kind);
            if same.is_none_or(|before| before.version != after.version) {
                other_tarball(after, &mut all);
            }
            let was_so = before.is_some_and(|before| source(before) == source(after));
            if let Some(home) = homes.get(after.name.as_str())
                && !was_so
                && is_elsewhere(after, home, settings)
            {
                // Said once, and as what it is.
                if let Some(at) = all[begun..].iter().position(|known| known.kind == Kind::Source) {
                    all.remove(begun + at);
                }
                let was = before.map_or_else(|| home.to_string(), source);
                all.push(change(Kind::PrivateFromElsewhere, after, Some(was), Some(source(after))));
            }
            let had = before.is_some_and(|before| before.has_install_script)
                || known_old.get(&by(after)).is_some_and(|entry| entry.has_install_script);
            // Version 1 does not say, so what it had is not known.
            let unknown = left.lockfile.version == 1 && known_old.contains_key(&by(after));
            if after.has_install_script && !had && !unknown {
                all.push(change(Kind::InstallScript, after, None, None));
            }
        }
    }
    all
}

fn by(entry: &LockEntry) -> (&str, &str) {
    (entry.name.as_str(), entry.version.as_str())
}

/// One entry of each version of each package.
fn by_version(all: &BTreeMap<String, LockEntry>) -> BTreeMap<(&str, &str), &LockEntry> {
    all.values().map(|entry| (by(entry), entry)).collect()
}

/// The registry of each private package, by what either revision says.
fn homes(left: &Revision<'_>, right: &Revision<'_>) -> BTreeMap<String, RegistryUrl> {
    let of = |revision: &Revision<'_>| -> Vec<(String, RegistryUrl)> {
        let private = revision.classes.iter().filter(|(_, classified)| classified.class == Class::Private);
        private
            .filter_map(|(path, classified)| {
                let entry = revision.lockfile.entries.get(path)?;
                Some((entry.name.to_string(), classified.registry.clone()?))
            })
            .collect()
    };
    // What it was before the update says whose it is.
    of(right).into_iter().chain(of(left)).collect()
}

fn change(kind: Kind, entry: &LockEntry, left: Option<String>, right: Option<String>) -> LockChange {
    LockChange {
        kind,
        path: entry.path.clone(),
        name: entry.name.to_string(),
        version: (!entry.version.is_empty()).then(|| entry.version.clone()),
        left,
        right,
        place: Some(entry.place.clone()).filter(|_| kind != Kind::Removed),
    }
}

fn added(after: &LockEntry, all: &mut Vec<LockChange>) {
    all.push(change(Kind::Added, after, None, Some(source(after))));
    if after.has_bytes() {
        match after.integrity.as_ref().map(|integrity| integrity.strongest()) {
            None => all.push(change(Kind::IntegrityMissing, after, None, None)),
            Some(Algorithm::Sha1) => {
                all.push(change(Kind::IntegrityMissing, after, None, Some("sha1".to_owned())));
            }
            Some(Algorithm::Sha256 | Algorithm::Sha384 | Algorithm::Sha512) => {}
        }
    }
}

fn both(before: &LockEntry, after: &LockEntry, all: &mut Vec<LockChange>) {
    let pair = |left: String, right: String| (Some(left), Some(right));
    let same_version = before.version == after.version;
    if !same_version {
        let (left, right) = pair(before.version.clone(), after.version.clone());
        all.push(change(Kind::Version, after, left, right));
    }
    let (was, is) = (source(before), source(after));
    // A commit of git is the version that it has.
    let commit = before.kind == EntryKind::Git && before.resolved != after.resolved;
    if was != is {
        all.push(change(Kind::Source, after, Some(was), Some(is)));
    } else if commit && same_version {
        all.push(change(Kind::OtherBytes, after, before.resolved.clone(), after.resolved.clone()));
    }
    integrity(before, after, same_version, all);
    let (was, is) = (flags(before), flags(after));
    if was != is {
        all.push(change(Kind::Flags, after, Some(was), Some(is)));
    }
}

fn integrity(before: &LockEntry, after: &LockEntry, same_version: bool, all: &mut Vec<LockChange>) {
    let word = |algorithm: Algorithm| Some(algorithm.name().to_owned());
    match (&before.integrity, &after.integrity) {
        (None, None) => {}
        (Some(was), None) if after.has_bytes() => {
            all.push(change(Kind::IntegrityLost, after, word(was.strongest()), None));
        }
        (Some(_), None) => {}
        (None, Some(is)) => {
            all.push(change(Kind::IntegrityStrengthened, after, None, word(is.strongest())));
        }
        (Some(was), Some(is)) => {
            let (old, new) = (was.strongest(), is.strongest());
            if new < old {
                all.push(change(Kind::IntegrityWeakened, after, word(old), word(new)));
            } else if new > old {
                all.push(change(Kind::IntegrityStrengthened, after, word(old), word(new)));
            } else if same_version && was != is {
                // Each of several hashes is an alternative for npm: one more lets other bytes in.
                let shown = |entry: &LockEntry| entry.integrity.as_ref().map(ToString::to_string);
                all.push(change(Kind::OtherBytes, after, shown(before), shown(after)));
            }
        }
    }
}

fn flags(entry: &LockEntry) -> String {
    let words = [(entry.dev, "dev"), (entry.optional, "optional"), (entry.peer, "peer")];
    let words: Vec<&str> = words.into_iter().filter(|(set, _)| *set).map(|(_, word)| word).collect();
    if words.is_empty() { "always installed".to_owned() } else { words.join(", ") }
}

/// Where an entry says that it comes from, as far as it is told from another place.
pub(super) fn source(entry: &LockEntry) -> String {
    let host = entry.resolved.as_deref().and_then(host);
    match (entry.kind, host) {
        (EntryKind::Registry | EntryKind::Remote, Some(host)) => host,
        (EntryKind::Registry | EntryKind::Remote, None) => match &entry.resolved {
            Some(_) => "a place that is no URL".to_owned(),
            None => "wherever npm's config says".to_owned(),
        },
        (EntryKind::Git, Some(host)) => format!("git, {host}"),
        (EntryKind::Git, None) => "git".to_owned(),
        (EntryKind::File, _) => "a tarball in the project".to_owned(),
        (EntryKind::Link | EntryKind::Folder, _) => "a folder of the project".to_owned(),
        (EntryKind::Bundled, _) => "its parent's tarball".to_owned(),
    }
}

/// The host and port of a URL; plain http is said.
fn host(resolved: &str) -> Option<String> {
    let url = Url::parse(resolved).ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let scheme = if url.scheme() == "http" { "http://" } else { "" };
    Some(format!("{scheme}{host}{port}"))
}

/// Whether an entry names a source that is not the package's registry.
fn is_elsewhere(entry: &LockEntry, home: &RegistryUrl, settings: &Settings) -> bool {
    match entry.kind {
        EntryKind::Git => return true,
        // What is the owner's own is no stranger's.
        EntryKind::File | EntryKind::Link | EntryKind::Folder | EntryKind::Bundled => return false,
        EntryKind::Registry | EntryKind::Remote => {}
    }
    let Some(resolved) = &entry.resolved else { return false };
    let Ok(url) = Url::parse(resolved) else { return true };
    let also = settings.registries.iter().filter(|known| known.url == *home).flat_map(|known| &known.also);
    let own = home.covers(&url) || home.same_host(&url) && home.as_url().scheme() == url.scheme();
    !own && !also.into_iter().any(|also| also.covers(&url))
}

/// `…/NAME/-/BARE-VERSION.tgz` of another name or version.
fn other_tarball(entry: &LockEntry, all: &mut Vec<LockChange>) {
    let Some(url) = entry.resolved.as_deref().and_then(|resolved| Url::parse(resolved).ok()) else { return };
    if entry.kind != EntryKind::Registry {
        return;
    }
    let path = url.path().replace("%2f", "/").replace("%2F", "/").replace("%40", "@");
    let Some((before, file)) = path.split_once("/-/") else { return };
    let mut parts = before.rsplit('/');
    let bare = parts.next().unwrap_or_default();
    let scope = parts.next().filter(|scope| scope.starts_with('@'));
    let named = scope.map_or_else(|| bare.to_owned(), |scope| format!("{scope}/{bare}"));
    let file = file.rsplit('/').next().unwrap_or(file);
    let version = file.strip_suffix(".tgz").and_then(|stem| stem.strip_prefix(entry.name.bare()));
    let version = version.and_then(|rest| rest.strip_prefix('-'));
    let (wanted, found) = match version {
        _ if named != entry.name.as_str() => (entry.name.to_string(), named),
        Some(version) if version != entry.version && node_semver::Version::parse(version).is_ok() => {
            (format!("{}@{}", entry.name, entry.version), format!("{named}@{version}"))
        }
        Some(_) => return,
        None => (entry.name.to_string(), file.to_owned()),
    };
    all.push(change(Kind::OtherTarball, entry, Some(wanted), Some(found)));
}
