//! Folders on disk for what a sandbox writes, and what interrupted runs left.
//!
//! Beside each folder lies a file of its name that is locked by flock(2) for as
//! long as the owner lives, however the owner ends. The file is there before the
//! folder and goes after it, so that at no moment a folder is without one and
//! the next start can tell leftovers from work under way.

use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const PREFIX: &str = "sealcheck-";
/// The end of a lock file's name; the folder has the name before it.
const LOCK: &str = ".lock";
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
        loop {
            let (file, lock) = tempfile::Builder::new()
                .prefix(&format!("{PREFIX}{label}-"))
                .suffix(LOCK)
                .rand_bytes(8)
                .tempfile_in(base)?
                .keep()
                .map_err(|error| error.error)?;
            // A sweep that came between the two calls has the lock, or has removed the file.
            let Ok(held) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { continue };
            if held.metadata()?.nlink() == 0 {
                continue;
            }
            let made = Self { path: lock.with_extension(""), lock: Some(held) };
            // On failure the drop of what is made so far cleans up.
            fs::DirBuilder::new().mode(0o700).create(&made.path)?;
            fs::create_dir(made.inner())?;
            return Ok(made);
        }
    }

    /// What may be shown to a sandbox.
    pub fn inner(&self) -> PathBuf {
        self.path.join(INNER)
    }

    /// Removes it. Nothing inside may be alive any more.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        if self.lock.is_some() {
            remove_both(&self.path)?;
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
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.starts_with(PREFIX) || !name.ends_with(LOCK) {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        if let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            && lock.metadata().is_ok_and(|status| status.is_file() && status.nlink() > 0)
        {
            found.push(Leftover { path: path.with_extension(""), _lock: lock });
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
        match remove_both(&leftover.path) {
            Ok(()) => removed.push(leftover.path),
            Err(error) => outcome = Err(error),
        }
    }
    outcome.map(|()| removed)
}

/// Removes a folder and then its lock file, which is to be found as long as
/// anything of the folder is.
fn remove_both(path: &Path) -> io::Result<()> {
    remove(path)?;
    match fs::remove_file(path.with_extension(&LOCK[1..])) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
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

    #[test]
    fn an_owner_that_died_at_any_step_leaves_something_to_sweep() {
        let base = tempfile::tempdir().unwrap();
        let lock = base.path().join("sealcheck-early-12345678.lock");
        fs::write(&lock, "").unwrap(); // before the folder was made
        assert_eq!(sweep(base.path()).unwrap(), [lock.with_extension("")]);
        let mut folder = ScratchFolder::create(base.path(), "half-removed").unwrap();
        fs::remove_dir(folder.inner()).unwrap(); // while it was being removed
        folder.lock = None;
        assert_eq!(sweep(base.path()).unwrap(), [folder.path.clone()]);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }
}
