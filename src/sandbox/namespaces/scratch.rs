//! Folders on disk for what a sandbox writes, and what interrupted runs left.
//!
//! A folder is locked by flock(2) for as long as its owner lives, however the
//! owner ends, so that the next start can tell leftovers from work under way.

use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const PREFIX: &str = "sealcheck-";
/// Beside the folder that is shown inside, where no process inside reaches it.
const LOCK: &str = "owner.lock";
const INNER: &str = "files";

/// A scratch folder and the proof that its owner lives.
#[derive(Debug)]
pub struct ScratchFolder {
    path: PathBuf,
    lock: Option<Flock<File>>,
}

impl ScratchFolder {
    /// Makes a new folder below `base`, which is created when it is missing.
    /// Only we may enter it: the project's files will be in it. (Root binds it
    /// before it becomes somebody else.)
    ///
    /// # Errors
    /// The file system's.
    pub fn create(base: &Path, label: &str) -> io::Result<Self> {
        fs::create_dir_all(base)?;
        let label: String =
            label.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
        let made =
            tempfile::Builder::new().prefix(&format!("{PREFIX}{label}-")).rand_bytes(8).tempdir_in(base)?;
        // Not one before the other: a sweep of a folder without a lock file
        // leaves it alone, and with an unlocked one it takes it.
        let draft = tempfile::NamedTempFile::new_in(made.path())?;
        let lock = Flock::lock(draft.as_file().try_clone()?, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| error)?;
        draft.persist(made.path().join(LOCK)).map_err(|error| error.error)?;
        fs::create_dir(made.path().join(INNER))?;
        Ok(Self { path: made.keep(), lock: Some(lock) })
    }

    /// What may be shown to a sandbox.
    pub fn inner(&self) -> PathBuf {
        self.path.join(INNER)
    }

    /// Removes it. Nothing inside may be alive any more.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        if self.lock.is_some() {
            remove(&self.path)?;
            self.lock = None;
        }
        Ok(())
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(folder = %self.path.display(), %error, "a scratch folder could not be removed");
        }
    }
}

/// A scratch folder whose owner is dead.
#[derive(Debug)]
pub struct Leftover {
    /// The folder.
    pub path: PathBuf,
    /// Held, so that two sweeps do not fight over it.
    _lock: Flock<File>,
}

/// Scratch folders directly below `scratch_root` whose owners are dead, by path.
///
/// # Errors
/// The folder exists and cannot be read.
pub fn leftovers(scratch_root: &Path) -> io::Result<Vec<Leftover>> {
    let entries = match fs::read_dir(scratch_root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) || !entry.file_type()?.is_dir() {
            continue;
        }
        let Ok(file) = File::open(entry.path().join(LOCK)) else { continue };
        if let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            found.push(Leftover { path: entry.path(), _lock: lock });
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

/// Removes what [`leftovers`] finds and returns the paths.
///
/// # Errors
/// The folder could not be read, or something in it not be removed; the rest is
/// removed all the same.
pub fn sweep(scratch_root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    let mut outcome = Ok(());
    for leftover in leftovers(scratch_root)? {
        match remove(&leftover.path) {
            Ok(()) => removed.push(leftover.path),
            Err(error) => outcome = Err(error),
        }
    }
    outcome.map(|()| removed)
}

/// Removes a tree, also one whose folders were made inaccessible.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            // walkdir opens a folder only after it has given it out, so each is mended before it is entered.
            for entry in walkdir::WalkDir::new(path).follow_links(false).into_iter().flatten() {
                if entry.file_type().is_dir() {
                    let _ = fs::set_permissions(entry.path(), PermissionsExt::from_mode(0o700));
                }
            }
            fs::remove_dir_all(path)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_living_owner_is_no_leftover_and_goes_with_it() {
        let base = tempfile::tempdir().unwrap();
        let folder = ScratchFolder::create(base.path(), "private/../refused").unwrap();
        assert_eq!(folder.inner().parent().unwrap().parent().unwrap(), base.path());
        assert!(leftovers(base.path()).unwrap().is_empty());
        drop(folder);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_dead_owner_left_is_swept_and_nothing_else() {
        let base = tempfile::tempdir().unwrap();
        let mut folder = ScratchFolder::create(base.path(), "dead").unwrap();
        fs::create_dir(folder.inner().join("closed")).unwrap();
        fs::write(folder.inner().join("closed/file"), "x").unwrap();
        fs::set_permissions(folder.inner().join("closed"), PermissionsExt::from_mode(0o000)).unwrap();
        folder.lock = None; // as the kernel does at the end of a process
        fs::create_dir(base.path().join("sealcheck-not-ours")).unwrap();
        fs::create_dir(base.path().join("other")).unwrap();
        assert_eq!(sweep(base.path()).unwrap(), [folder.path.clone()]);
        let mut left: Vec<_> = fs::read_dir(base.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["other", "sealcheck-not-ours"]);
        assert!(sweep(&base.path().join("missing")).unwrap().is_empty());
    }
}
