//! Copies files into a place without ever following a link.
//!
//! Both sides are walked one component at a time with `O_NOFOLLOW`, since the
//! project's files and what an earlier run left in a cache were chosen by
//! strangers, and the copying may run as root.

use super::failure::{During, Failure};
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fchownat, symlinkat, unlinkat};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// How deep a cache may be; npm's own is four folders deep.
const MAX_DEPTH: usize = 32;

const FOLDER: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Copies, up to so many bytes, on behalf of an owner.
pub(super) struct Copier {
    /// Whose the copies are to be; `None` is whoever copies.
    owner: Option<(Uid, Gid)>,
    /// Bytes that may still be written.
    left: u64,
}

impl Copier {
    /// A copier that writes at most `limit` bytes.
    pub(super) fn new(owner: Option<(Uid, Gid)>, limit: u64) -> Self {
        Self { owner, left: limit }
    }

    /// Copies the files of a list and returns those it left out: what is not
    /// there any more, is reached through a link, leads out of the tree, or is
    /// neither file, folder nor link.
    pub(super) fn listed(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        files: &[String],
    ) -> Result<Vec<String>, Failure> {
        let mut skipped = Vec::new();
        // Files come grouped by folder, so the last pair of folders mostly fits the next file too.
        let mut last: Option<(&str, Option<OwnedFd>, OwnedFd)> = None;
        for path in files {
            let step = || format!("copy {path}");
            let components = components(path).during(step())?;
            let Some((name, parents)) = components.split_last() else { continue };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if last.as_ref().is_none_or(|(known, _, _)| *known != folder) {
                let source = descend(from, parents).during(step())?;
                let target = if source.is_some() { self.folder(to, parents) } else { to.try_clone() };
                last = Some((folder, source, target.during(step())?));
            }
            let Some((_, Some(source), target)) = &last else {
                skipped.push(path.clone());
                continue;
            };
            if !self.one(source, target, OsStr::new(name), parents.len()).during(step())? {
                skipped.push(path.clone());
            }
        }
        Ok(skipped)
    }

    /// Copies a folder's files and folders, and nothing else that lies in it.
    pub(super) fn tree(&mut self, from: OwnedFd, to: &OwnedFd) -> io::Result<()> {
        self.tree_below(from, to, 0)
    }

    fn tree_below(&mut self, from: OwnedFd, to: &OwnedFd, depth: usize) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Ok(());
        }
        let mut folder = nix::dir::Dir::from_fd(from.try_clone()?)?;
        for entry in folder.iter() {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let status = match fstatat(&from, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
                Err(nix::errno::Errno::ENOENT) => continue,
                other => other?,
            };
            if is(&status, SFlag::S_IFDIR) {
                let below = openat(&from, name, FOLDER, Mode::empty())?;
                let target = self.folder_in(to, name)?;
                self.tree_below(below, &target, depth + 1)?;
            } else if is(&status, SFlag::S_IFREG) {
                self.file(&from, to, name)?;
            }
        }
        Ok(())
    }

    /// Writes a file, in the place of whatever has its name; missing folders are made.
    pub(super) fn write(&mut self, to: &OwnedFd, path: &str, bytes: &[u8]) -> io::Result<()> {
        let components = components(path)?;
        let (name, parents) = components.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = self.folder(to, parents)?;
        remove_entry(&folder, name)?;
        let mut file = self.create(&folder, OsStr::new(name), Mode::from_bits_truncate(0o644))?;
        self.spend(bytes.len() as u64)?;
        file.write_all(bytes)
    }

    /// Writes a file of which only a reader is at hand, like [`write`](Self::write).
    pub(super) fn pour(&mut self, to: &OwnedFd, path: &str, from: &mut dyn Read) -> io::Result<()> {
        let components = components(path)?;
        let (name, parents) = components.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = self.folder(to, parents)?;
        remove_entry(&folder, name)?;
        let mut file = self.create(&folder, OsStr::new(name), Mode::from_bits_truncate(0o644))?;
        let copied = io::copy(&mut from.take(self.left.saturating_add(1)), &mut file)?;
        // An empty file takes room, too.
        self.spend(copied.max(4096))
    }

    /// Removes a file or link; one that is not there is removed already.
    pub(super) fn remove(&mut self, from: &OwnedFd, path: &str) -> io::Result<()> {
        let components = components(path)?;
        let (name, parents) = components.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        match descend(from, parents)? {
            Some(folder) => remove_entry(&folder, name),
            None => Ok(()),
        }
    }

    /// Opens a folder below another one, making what is missing.
    pub(super) fn folder(&self, root: &OwnedFd, parents: &[&str]) -> io::Result<OwnedFd> {
        let mut at = root.try_clone()?;
        for name in parents {
            at = self.folder_in(&at, OsStr::new(name))?;
        }
        Ok(at)
    }

    fn folder_in(&self, parent: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
        match mkdirat(parent, name, Mode::from_bits_truncate(0o755)) {
            Err(nix::errno::Errno::EEXIST) => Ok(openat(parent, name, FOLDER, Mode::empty())?),
            Err(error) => Err(error.into()),
            Ok(()) => {
                let made = openat(parent, name, FOLDER, Mode::empty())?;
                self.hand_over(&made)?;
                Ok(made)
            }
        }
    }

    /// Copies one entry; `false` if it was left out.
    fn one(&mut self, from: &OwnedFd, to: &OwnedFd, name: &OsStr, depth: usize) -> io::Result<bool> {
        let status = match fstatat(from, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(nix::errno::Errno::ENOENT) => return Ok(false),
            other => other?,
        };
        if is(&status, SFlag::S_IFREG) {
            self.file(from, to, name)
        } else if is(&status, SFlag::S_IFLNK) {
            let target = readlinkat(from, name)?;
            if !stays_inside(&target, depth) {
                return Ok(false);
            }
            symlinkat(target.as_os_str(), to, name)?;
            if let Some((uid, gid)) = self.owner {
                fchownat(to, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            }
            Ok(true)
        } else if is(&status, SFlag::S_IFDIR) {
            self.folder_in(to, name)?;
            Ok(true)
        } else {
            Ok(false)
        }
    }

    fn file(&mut self, from: &OwnedFd, to: &OwnedFd, name: &OsStr) -> io::Result<bool> {
        // Not blocking: the entry could have become a fifo since it was looked at.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let source = openat(from, name, flags, Mode::empty())?;
        let status = fstat(&source)?;
        if !is(&status, SFlag::S_IFREG) {
            return Ok(false);
        }
        let mode = Mode::from_bits_truncate(status.st_mode & 0o755 | 0o600);
        let mut target = self.create(to, name, mode)?;
        let copied = io::copy(&mut File::from(source).take(self.left.saturating_add(1)), &mut target)?;
        self.spend(copied)?;
        Ok(true)
    }

    fn create(&self, folder: &OwnedFd, name: &OsStr, mode: Mode) -> io::Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let made = openat(folder, name, flags, mode)?;
        self.hand_over(&made)?;
        // The umask must not decide what is executable inside.
        fchmod(&made, mode)?;
        Ok(made.into())
    }

    fn hand_over(&self, made: impl AsFd) -> io::Result<()> {
        if let Some((uid, gid)) = self.owner {
            fchown(made, Some(uid), Some(gid))?;
        }
        Ok(())
    }

    fn spend(&mut self, bytes: u64) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or(io::Error::from_raw_os_error(libc::ENOSPC))?;
        Ok(())
    }
}

/// The names of a relative path that goes only downwards.
pub(super) fn components(path: &str) -> io::Result<Vec<&str>> {
    let names: Vec<&str> = path.split('/').collect();
    if names.iter().any(|name| matches!(*name, "" | "." | "..") || name.contains('\0')) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{path:?} is not a plain path")));
    }
    Ok(names)
}

/// Whether a link's target, read from a folder so deep in the tree, stays in it.
fn stays_inside(target: &OsStr, mut depth: usize) -> bool {
    for name in target.as_bytes().split(|byte| *byte == b'/').enumerate() {
        match name {
            (0, b"") => return false, // absolute
            (_, b"" | b".") => {}
            (_, b"..") if depth == 0 => return false,
            (_, b"..") => depth -= 1,
            (_, _) => depth += 1,
        }
    }
    true
}

/// Opens an existing folder; `None` where a component is missing, a link or no folder.
fn descend(root: &OwnedFd, parents: &[&str]) -> io::Result<Option<OwnedFd>> {
    use nix::errno::Errno;
    let mut at = root.try_clone()?;
    for name in parents {
        at = match openat(&at, *name, FOLDER, Mode::empty()) {
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Ok(None),
            other => other?,
        };
    }
    Ok(Some(at))
}

fn remove_entry(folder: &OwnedFd, name: &str) -> io::Result<()> {
    match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(nix::errno::Errno::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn is(status: &FileStat, kind: SFlag) -> bool {
    status.st_mode & SFlag::S_IFMT.bits() == kind.bits()
}

/// Opens a folder for copying from or to.
pub(super) fn open_folder(path: &std::path::Path) -> io::Result<OwnedFd> {
    Ok(nix::fcntl::open(path, FOLDER.difference(OFlag::O_NOFOLLOW), Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn copied(make: impl FnOnce(&std::path::Path), files: &[&str]) -> (tempfile::TempDir, Vec<String>) {
        let from = tempfile::tempdir().unwrap();
        let to = tempfile::tempdir().unwrap();
        make(from.path());
        let files: Vec<String> = files.iter().map(ToString::to_string).collect();
        let skipped = Copier::new(None, 1000)
            .listed(&open_folder(from.path()).unwrap(), &open_folder(to.path()).unwrap(), &files)
            .unwrap();
        (to, skipped)
    }

    #[test]
    fn files_keep_their_bytes_and_whether_they_are_executable() {
        let (to, skipped) = copied(
            |from| {
                std::fs::create_dir_all(from.join("a/b")).unwrap();
                std::fs::write(from.join("a/b/run"), "x").unwrap();
                std::fs::set_permissions(from.join("a/b/run"), PermissionsExt::from_mode(0o4775)).unwrap();
                std::fs::write(from.join("a/plain"), "y").unwrap();
            },
            &["a/b/run", "a/plain"],
        );
        assert_eq!(skipped, Vec::<String>::new());
        let mode = std::fs::metadata(to.path().join("a/b/run")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
        assert_eq!(std::fs::read_to_string(to.path().join("a/plain")).unwrap(), "y");
    }

    #[test]
    fn what_leads_out_is_left_out_and_named() {
        let (to, skipped) = copied(
            |from| {
                symlink("/etc", from.join("absolute")).unwrap();
                symlink("../../etc", from.join("upwards")).unwrap();
                std::fs::create_dir(from.join("real")).unwrap();
                std::fs::write(from.join("real/file"), "z").unwrap();
                symlink("real", from.join("inner")).unwrap();
                symlink("../real/file", from.join("real/back")).unwrap();
                nix::unistd::mkfifo(&from.join("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
            },
            &["absolute", "absolute/passwd", "fifo", "gone", "inner", "inner/file", "real/back", "upwards"],
        );
        assert_eq!(skipped, ["absolute", "absolute/passwd", "fifo", "gone", "inner/file", "upwards"]);
        assert_eq!(std::fs::read_link(to.path().join("inner")).unwrap(), std::path::Path::new("real"));
        assert!(std::fs::symlink_metadata(to.path().join("real/back")).unwrap().is_symlink());
        assert!(std::fs::symlink_metadata(to.path().join("absolute")).is_err());
    }

    #[test]
    fn a_path_that_climbs_is_an_error_and_so_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("big"), vec![0; 100]).unwrap();
        let from = open_folder(folder.path()).unwrap();
        let target = tempfile::tempdir().unwrap();
        let to = open_folder(target.path()).unwrap();
        for path in ["../x", "/etc/passwd", "a//b", "a/./b", ""] {
            assert!(Copier::new(None, 1000).listed(&from, &to, &[path.to_owned()]).is_err(), "{path}");
        }
        let failure = Copier::new(None, 99).listed(&from, &to, &["big".to_owned()]).unwrap_err();
        assert_eq!((failure.step.as_str(), failure.errno), ("copy big", libc::ENOSPC));
    }

    #[test]
    fn a_change_replaces_a_link_instead_of_writing_through_it() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("victim"), "safe").unwrap();
        let inside = tempfile::tempdir().unwrap();
        symlink(outside.path().join("victim"), inside.path().join(".npmrc")).unwrap();
        symlink(outside.path(), inside.path().join("folder")).unwrap();
        let to = open_folder(inside.path()).unwrap();
        let mut copier = Copier::new(None, 1000);
        copier.write(&to, ".npmrc", b"new").unwrap();
        assert!(copier.write(&to, "folder/victim", b"new").is_err());
        copier.remove(&to, "folder/victim").unwrap();
        copier.remove(&to, "never/there").unwrap();
        assert_eq!(std::fs::read_to_string(outside.path().join("victim")).unwrap(), "safe");
        assert_eq!(std::fs::read_to_string(inside.path().join(".npmrc")).unwrap(), "new");
    }

    #[test]
    fn a_cache_is_copied_without_the_links_in_it() {
        let from = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(from.path().join("content-v2/sha512")).unwrap();
        std::fs::write(from.path().join("content-v2/sha512/aa"), "bytes").unwrap();
        symlink("/etc/passwd", from.path().join("content-v2/evil")).unwrap();
        let to = tempfile::tempdir().unwrap();
        let target = open_folder(to.path()).unwrap();
        Copier::new(None, 1000).tree(open_folder(from.path()).unwrap(), &target).unwrap();
        assert_eq!(std::fs::read(to.path().join("content-v2/sha512/aa")).unwrap(), b"bytes");
        assert!(std::fs::symlink_metadata(to.path().join("content-v2/evil")).is_err());
    }
}
