//! Walks a folder that strangers have written into: by open descriptors, never
//! following a link, to a bounded depth.

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmodat, fstat, fstatat};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Folders within folders that are entered.
const DEPTH: usize = 100;

/// What a file was like, enough to tell that it was not written since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: i64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(stat: &FileStat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size,
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.size).unwrap_or(0)
    }
}

/// What lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File(Stamp),
    /// A folder.
    Folder,
    /// A symbolic link and where it leads.
    Link(String),
    /// A pipe, a socket, a device.
    Special,
}

/// An entry of a folder.
pub(super) struct Entry {
    raw: CString,
    /// Its name, as text.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: Kind,
}

/// An open folder.
pub(super) struct Folder {
    descriptor: OwnedFd,
    depth: usize,
    /// Takes back permissions that a script took away. Only where nobody else
    /// is alive.
    mend: bool,
}

const FOLDER: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

impl Folder {
    /// Opens an absolute path, of which no part but those above `below` may be a link.
    pub(super) fn open(below: &str, path: &str, mend: bool) -> Result<Self, Errno> {
        let top =
            openat(AT_FDCWD, below, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut folder = Self { descriptor: top, depth: 0, mend };
        for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                return Err(Errno::EINVAL);
            }
            let raw = CString::new(part).map_err(|_nul| Errno::EINVAL)?;
            folder = Self { depth: 0, ..folder.enter_raw(&raw)? };
        }
        Ok(folder)
    }

    fn at(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// Tries again with permissions given back, where that is allowed.
    fn opened(&self, raw: &CStr, flags: OFlag) -> Result<OwnedFd, Errno> {
        match openat(self.at(), raw, flags, Mode::empty()) {
            Err(Errno::EACCES) if self.mend => {
                let _told_below =
                    fchmodat(self.at(), raw, Mode::S_IRWXU, nix::sys::stat::FchmodatFlags::FollowSymlink);
                openat(self.at(), raw, flags, Mode::empty())
            }
            other => other,
        }
    }

    fn enter_raw(&self, raw: &CStr) -> Result<Self, Errno> {
        if self.depth >= DEPTH {
            return Err(Errno::ENAMETOOLONG);
        }
        let descriptor = self.opened(raw, FOLDER)?;
        Ok(Self { descriptor, depth: self.depth + 1, mend: self.mend })
    }

    /// Opens a folder in it.
    pub(super) fn enter(&self, entry: &Entry) -> Result<Self, Errno> {
        self.enter_raw(&entry.raw)
    }

    /// Opens a regular file in it, and says what it is like now.
    pub(super) fn file(&self, entry: &Entry) -> Result<(File, Stamp), Errno> {
        let flags =
            OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let descriptor = self.opened(&entry.raw, flags)?;
        let stat = fstat(&descriptor)?;
        if stat.st_mode & SFlag::S_IFMT.bits() != SFlag::S_IFREG.bits() {
            return Err(Errno::EINVAL);
        }
        Ok((File::from(descriptor), Stamp::of(&stat)))
    }

    /// All entries, ordered by name. Those that vanish meanwhile are left out.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, Errno> {
        // A second descriptor, since reading a folder moves its position.
        let again = openat(self.at(), c".", FOLDER, Mode::empty())?;
        let mut entries = Vec::new();
        for found in Dir::from_fd(again)? {
            let raw = found?.file_name().to_owned();
            if matches!(raw.to_bytes(), b"." | b"..") {
                continue;
            }
            let stat = match fstatat(self.at(), raw.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::ENOENT) => continue,
                Err(errno) => return Err(errno),
            };
            let kind = match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
                SFlag::S_IFREG => Kind::File(Stamp::of(&stat)),
                SFlag::S_IFDIR => Kind::Folder,
                SFlag::S_IFLNK => Kind::Link(
                    nix::fcntl::readlinkat(self.at(), raw.as_c_str())
                        .map(|target| target.to_string_lossy().into_owned())
                        .unwrap_or_default(),
                ),
                _ => Kind::Special,
            };
            entries.push(Entry { name: raw.to_string_lossy().into_owned(), raw, kind });
        }
        entries.sort_by(|one, two| one.raw.cmp(&two.raw));
        Ok(entries)
    }
}

/// A path of two parts, either of which may be empty.
pub(super) fn join(above: &str, below: &str) -> String {
    match (above.is_empty(), below.is_empty()) {
        (true, _) => below.to_owned(),
        (_, true) => above.to_owned(),
        _ if above.ends_with('/') => format!("{above}{below}"),
        _ => format!("{above}/{below}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_seen_and_never_followed() {
        let room = tempfile::tempdir().unwrap();
        let below = room.path().to_str().unwrap();
        std::fs::create_dir(room.path().join("real")).unwrap();
        std::fs::write(room.path().join("real/file"), "x").unwrap();
        symlink("real", room.path().join("link")).unwrap();
        let top = Folder::open(below, "", false).unwrap();
        let entries = top.entries().unwrap();
        assert_eq!(entries[0].kind, Kind::Link("real".into()));
        assert!(top.enter(&entries[0]).is_err() && top.file(&entries[0]).is_err());
        assert!(Folder::open(below, "link", false).is_err());
        assert!(Folder::open(below, "real/../real", false).is_err());
        let real = Folder::open(below, "real", false).unwrap();
        let (_, stamp) = real.file(&real.entries().unwrap()[0]).unwrap();
        assert_eq!(stamp.size(), 1);
    }

    #[test]
    fn a_pipe_does_not_stop_the_walk() {
        let room = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&room.path().join("pipe"), Mode::S_IRWXU).unwrap();
        let top = Folder::open(room.path().to_str().unwrap(), "", false).unwrap();
        let entries = top.entries().unwrap();
        assert_eq!(entries[0].kind, Kind::Special);
        assert_eq!(top.file(&entries[0]).err(), Some(Errno::EINVAL));
    }
}
