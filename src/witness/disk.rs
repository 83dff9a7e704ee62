//! How much a run has written to a disk that others use too.
//!
//! Scratch in memory has a size that the kernel keeps. A folder on a disk has
//! none, so what is free there is looked at, which costs nothing; only where it
//! has shrunk by more than the run may write is added up whose doing that is. It
//! must not know what the folders are for.

use nix::sys::statvfs::{Statvfs, statvfs};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The folders inside that can be written to, and what is mounted in one of them.
const WRITABLE: [&str; 5] = ["/project", "/home/npm", "/home/npm/.npm", "/tmp", "/var/tmp"];
/// Bytes that are left to everybody else on the disk.
const FLOOR: u64 = 512 << 20;
/// Bytes of a file on the average, as a tmpfs is given inodes.
const PER_FILE: u64 = 4096;

/// What may be written and what was free before.
#[derive(Debug)]
pub(super) struct Disk {
    limit: u64,
    folders: Vec<Free>,
    /// Bytes that may be gone before it is added up again.
    patience: u64,
}

#[derive(Debug)]
struct Free {
    path: &'static str,
    bytes: u64,
    files: u64,
}

impl Disk {
    /// Begins to watch; a limit of 0 is none.
    pub(super) fn watch(limit: u64) -> Option<Self> {
        let mut known = BTreeSet::new();
        let folders: Vec<Free> = WRITABLE
            .into_iter()
            .filter_map(|path| Some((path, statvfs(path).ok()?)))
            .filter(|(_, found)| known.insert(found.filesystem_id()))
            .map(|(path, found)| Free { path, bytes: bytes(&found), files: found.files_available() })
            .collect();
        (limit > 0 && !folders.is_empty()).then_some(Self { limit, folders, patience: limit })
    }

    /// Whether the run has written more than it may.
    pub(super) fn is_full(&mut self) -> bool {
        let mut gone = 0_u64;
        for free in &self.folders {
            let Ok(now) = statvfs(free.path) else { continue };
            let left = bytes(&now);
            if left < FLOOR.min(free.bytes / 2) {
                // Whoever's doing it is, to go on helps nobody.
                return true;
            }
            let files = free.files.saturating_sub(now.files_available()).saturating_mul(PER_FILE);
            gone = gone.saturating_add(free.bytes.saturating_sub(left).max(files));
        }
        if gone <= self.patience {
            return false;
        }
        let mut written = written(&WRITABLE, self.limit);
        if is_hidden() {
            // What cannot be added up is all that is gone.
            written = written.max(gone);
        }
        // Others write too: it is looked at again when as much is gone as is missing here.
        let missing = self.limit.saturating_sub(written);
        self.patience = gone.saturating_add(missing.max(self.limit / 16));
        written > self.limit
    }
}

fn bytes(found: &Statvfs) -> u64 {
    found.blocks_available().saturating_mul(found.fragment_size())
}

/// Bytes in these folders and in files that are open without a name. No more is
/// counted than is needed to pass `enough`; a folder that cannot be read passes it.
fn written(folders: &[&str], enough: u64) -> u64 {
    let mut sum = 0_u64;
    let mut counted = BTreeSet::new();
    for folder in folders.iter().map(Path::new).filter(|folder| folder.is_dir()) {
        let device = |path: &Path| std::fs::metadata(path).ok().map(|found| found.dev());
        let counts = |above: &Path| folders.iter().any(|folder| Path::new(folder) == above);
        if folder.parent().is_some_and(|above| counts(above) && device(above) == device(folder)) {
            continue; // The folder above leads here.
        }
        for entry in walkdir::WalkDir::new(folder).follow_links(false).same_file_system(true) {
            match entry.map(|entry| entry.metadata()) {
                Ok(Ok(found)) if found.nlink() > 1 && !found.is_dir() => {
                    if counted.insert((found.dev(), found.ino())) {
                        sum = sum.saturating_add(size(&found));
                    }
                }
                Ok(Ok(found)) => sum = sum.saturating_add(size(&found)),
                Ok(Err(error)) if is_gone(error.io_error()) => {}
                Err(error) if is_gone(error.io_error()) => {}
                Ok(Err(_)) | Err(_) => return enough.saturating_add(1),
            }
            if sum > enough {
                return sum;
            }
        }
    }
    let own = std::process::id().to_string();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = process.file_name();
        if name.to_str().is_none_or(|name| name == own || !name.bytes().all(|byte| byte.is_ascii_digit())) {
            continue;
        }
        for open in std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            if let Ok(found) = std::fs::metadata(open.path())
                && found.is_file()
                && found.nlink() == 0
                && counted.insert((found.dev(), found.ino()))
            {
                sum = sum.saturating_add(size(&found));
            }
        }
    }
    sum
}

/// Whether files are held that nobody can list: descriptors on their way in a message, and what is
/// mapped and has no name any more.
fn is_hidden() -> bool {
    let own = std::process::id().to_string();
    let numbered = |name: &std::ffi::OsStr| {
        name.to_str().is_some_and(|name| name != own && name.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter(|process| numbered(&process.file_name())).any(|process| {
        let line_of = |path: &Path, is: &dyn Fn(&str) -> bool| {
            let open = std::fs::File::open(path).map(std::io::BufReader::new);
            open.is_ok_and(|file| std::io::BufRead::lines(file).map_while(Result::ok).any(|line| is(&line)))
        };
        let unnamed = |line: &str| {
            line.ends_with(" (deleted)")
                && WRITABLE.iter().any(|folder| line.contains(&format!(" {folder}/")))
        };
        let in_flight = |line: &str| line.strip_prefix("scm_fds:").is_some_and(|count| count.trim() != "0");
        let descriptors = std::fs::read_dir(process.path().join("fdinfo")).into_iter().flatten().flatten();
        line_of(&process.path().join("maps"), &unnamed)
            || descriptors.map(|open| open.path()).any(|path| line_of(&path, &in_flight))
    })
}

/// A file takes at least the room that its entry is given.
fn size(found: &std::fs::Metadata) -> u64 {
    found.blocks().saturating_mul(512).max(PER_FILE)
}

fn is_gone(error: Option<&std::io::Error>) -> bool {
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_folders_is_added_up_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let empty = written(&[path], u64::MAX);
        std::fs::write(folder.path().join("a"), vec![1; 1 << 20]).unwrap();
        std::fs::hard_link(folder.path().join("a"), folder.path().join("b")).unwrap();
        std::os::unix::fs::symlink("/usr", folder.path().join("c")).unwrap();
        let more = written(&[path], u64::MAX) - empty;
        assert!((1 << 20..1 << 21).contains(&more), "{more}");
        assert!(written(&[path], 1000) > 1000);
        let below = folder.path().join("below");
        std::fs::create_dir(&below).unwrap();
        std::fs::write(below.join("d"), vec![1; 1 << 20]).unwrap();
        let both = written(&[path, below.to_str().unwrap()], u64::MAX) - empty;
        assert!((2 << 20..3 << 20).contains(&both), "{both}");
    }

    #[test]
    fn a_limit_of_nothing_is_no_limit() {
        assert!(Disk::watch(0).is_none());
    }
}
