//! Tarballs that npm could not unpack. npm names no package where bytes are no tarball at all.

use super::Subject;
use crate::evidence::exchange::ExchangeKind;
use crate::evidence::fact::NpmError;
use crate::finding::asked;
use crate::finding::case::{Case, Run};
use crate::project::lockfile::{EntryKind, LockEntry};
use std::collections::BTreeMap;

/// Codes of tar and zlib, and of the cache that was given nothing.
pub(super) fn is_one(code: &str) -> bool {
    code.starts_with("TAR_") || code.starts_with("Z_") || matches!(code, "ZLIB_ERROR" | "ENODATA")
}

/// The one entry whose bytes nothing vouches for, where there is but one that came: what has an
/// integrity fails by it before it is unpacked.
pub(super) fn only_one<'a>(case: &Case<'a>, run: &Run<'_>, error: &NpmError) -> Option<&'a LockEntry> {
    if !is_one(&error.code) {
        return None;
    }
    let tarballs = run.evidence.exchanges.iter().filter(|exchange| {
        exchange.kind == ExchangeKind::Tarball && exchange.status == Some(200) && exchange.fault.is_none()
    });
    let empty = error.code == "ENODATA";
    let came = tarballs
        .filter(|exchange| !empty || exchange.bytes == 0)
        .filter_map(|exchange| asked::entry(case, exchange));
    let files = case.project.lockfile.entries.values().filter(|entry| entry.kind == EntryKind::File);
    let mut found: BTreeMap<&str, &LockEntry> = BTreeMap::new();
    for entry in came.chain(files).filter(|entry| entry.integrity.is_none()) {
        found.insert(&entry.path, entry);
    }
    let mut found = found.into_values();
    found.next().filter(|_| found.next().is_none())
}

pub(super) fn help(subject: &Subject<'_>) -> String {
    let Some(entry) = subject.entry else {
        return "see which URL of the lockfile gives no tarball: a page to sign in, an empty or a cut body; `--loglevel=http` shows the order of requests".to_owned();
    };
    let pin = match entry.integrity {
        Some(_) => "",
        None => ", and pin its bytes by an `integrity`",
    };
    match entry.kind {
        EntryKind::File => format!("pack {} anew: the file is no whole tarball", entry.name),
        EntryKind::Registry
        | EntryKind::Remote
        | EntryKind::Git
        | EntryKind::Link
        | EntryKind::Folder
        | EntryKind::Bundled => {
            format!(
                "see what the URL of {} gives: a page to sign in, an empty or a cut body{pin}",
                entry.name
            )
        }
    }
}
