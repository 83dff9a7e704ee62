//! What lifecycle scripts do to files: planted secrets that they open, and the
//! names that they write, with the process that did.
//!
//! A file is known by what the kernel opened and not by the path that was asked
//! for: the path lies in the memory of a process that may change it meanwhile,
//! and a secret may be reached by a link or under another name. Reads of other
//! files are not kept. This module knows no package and no rule.

use super::channel::Channel;
use super::memory::Memory;
use super::procfs;
use super::tracee::{Call, Stopped};
use crate::wire::{Change, Event, FileChange, GapKind, ProcessId};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// Names that are remembered with who wrote them; of more it is not known.
const NAMES: usize = 200_000;
/// Files of other scripts' that are told as read.
const FED: usize = 5_000;
/// Bytes of a path.
const PATH: usize = 4 << 10;

/// A call to do with files that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Touch {
    /// A file is to be opened, with these flags; `None` where they lie in memory.
    Open(Option<i32>),
    /// These names come, go, or get other bytes.
    Names(Vec<String>),
}

/// Who does something to files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Actor {
    pub(super) process: ProcessId,
    /// It is the npm that is tested, started once more.
    pub(super) npm: bool,
    /// The first process of the script that it comes from.
    pub(super) script: Option<ProcessId>,
}

/// A file, whatever it is called: device, inode, and when it was made, since an inode is used
/// again when its file is gone.
type FileId = (u64, u64, Option<SystemTime>);

fn id_of(status: &Metadata) -> FileId {
    (status.dev(), status.ino(), status.created().ok())
}

/// What is known of a run's files.
pub(super) struct Files {
    /// Planted secrets, by device and inode.
    secrets: BTreeMap<(u64, u64), String>,
    /// Planted secrets that are not where they must be, and why.
    pub(super) lost: Vec<String>,
    read: BTreeSet<(Actor, String)>,
    /// The device of /proc.
    proc: Option<u64>,
    /// Who last touched a name.
    touched: BTreeMap<String, Actor>,
    /// Who last opened a file for writing.
    written: BTreeMap<FileId, Actor>,
    /// What scripts read of others', as told: reader, writer, path.
    fed: BTreeSet<(ProcessId, ProcessId, String)>,
    /// There were more names than are remembered.
    pub(super) forgot: bool,
}

impl Files {
    /// With the secrets at these paths. To be asked before anything runs.
    pub(super) fn new(secrets: &[String]) -> Self {
        let mut known = BTreeMap::new();
        let mut lost = Vec::new();
        for path in secrets {
            match std::fs::metadata(path) {
                Ok(status) => {
                    known.insert((status.dev(), status.ino()), path.clone());
                }
                Err(error) => lost.push(format!("{path}: {error}")),
            }
        }
        let proc = std::fs::metadata("/proc").ok().map(|status| status.dev());
        let (read, touched) = (BTreeSet::new(), BTreeMap::new());
        let (written, fed) = (BTreeMap::new(), BTreeSet::new());
        Self { secrets: known, proc, lost, read, touched, written, fed, forgot: false }
    }

    /// What came of a call. Gives the process whose memory was opened, where that was it.
    pub(super) fn touched(
        &mut self,
        actor: Actor,
        task: i32,
        touch: Touch,
        result: i64,
        channel: &mut Channel,
    ) -> Option<i32> {
        if result < 0 {
            return None;
        }
        match touch {
            Touch::Names(names) => names.into_iter().for_each(|name| self.wrote(name, actor)),
            Touch::Open(flags) => {
                let descriptor = format!("fd/{result}");
                let flags = flags.or_else(|| procfs::open_flags(task, result))?;
                if flags & libc::O_PATH != 0 {
                    return None;
                }
                let access = flags & libc::O_ACCMODE;
                let writes = access != libc::O_RDONLY || flags & (libc::O_CREAT | libc::O_TRUNC) != 0;
                if writes && let Some(path) = procfs::link(task, &descriptor) {
                    let status = std::fs::metadata(format!("/proc/{task}/{descriptor}")).ok();
                    if let Some(status) = status.filter(Metadata::is_file) {
                        self.forgot |= self.written.len() >= NAMES;
                        if !self.forgot {
                            self.written.insert(id_of(&status), actor);
                        }
                    }
                    self.wrote(path, actor);
                }
                if access != libc::O_WRONLY {
                    let file = self.opened(actor, &format!("/proc/{task}/{descriptor}"), channel)?;
                    if Some(file) == self.proc {
                        return procfs::link(task, &descriptor).and_then(|path| memory_of(&path));
                    }
                }
            }
        }
        None
    }

    /// A call whose end is not seen, since its task was ended in it: it counts as done. What it
    /// opened stays open where the process lives on, in another thread or in a program that
    /// another thread executed. `task` is any task of the process; it is stopped or dead.
    pub(super) fn end_unseen(&mut self, actor: Actor, task: i32, touch: Touch, channel: &mut Channel) {
        match touch {
            Touch::Names(names) => names.into_iter().for_each(|name| self.wrote(name, actor)),
            Touch::Open(_) => {
                let Ok(open) = std::fs::read_dir(format!("/proc/{task}/fd")) else { return };
                for descriptor in open.flatten() {
                    let number = descriptor.file_name().to_str().and_then(|name| name.parse().ok());
                    let flags = number.and_then(|number| procfs::open_flags(task, number));
                    if flags.is_some_and(|flags| flags & (libc::O_PATH | libc::O_WRONLY) == 0) {
                        self.opened(actor, &descriptor.path().to_string_lossy(), channel);
                    }
                }
            }
        }
    }

    /// Gives the device that the file lies on.
    fn opened(&mut self, actor: Actor, descriptor: &str, channel: &mut Channel) -> Option<u64> {
        let status = std::fs::metadata(descriptor).ok()?;
        if let Some(path) = self.secrets.get(&(status.dev(), status.ino()))
            && self.read.insert((actor, path.clone()))
        {
            let Actor { process, npm, .. } = actor;
            channel.tell_of(process, Event::Read { process, path: path.clone(), npm });
        }
        self.read_of(actor, &status, descriptor, channel);
        Some(status.dev())
    }

    /// Tells what a script reads of what another has written.
    fn read_of(&mut self, actor: Actor, status: &Metadata, descriptor: &str, channel: &mut Channel) {
        let Some(writer) = self.written.get(&id_of(status)).copied() else { return };
        let (Some(script), Some(other)) = (actor.script, writer.script) else { return };
        if script == other {
            return;
        }
        let Ok(path) = std::fs::read_link(descriptor) else { return };
        let fed = (script, other, procfs::clip(path.as_os_str().as_encoded_bytes(), PATH));
        if self.fed.contains(&fed) {
            return;
        }
        if self.fed.len() >= FED {
            if self.fed.len() == FED {
                channel.gap(GapKind::Overflow, "scripts read more of each other's files than is told");
                self.fed.insert(fed);
            }
            return;
        }
        let (process, by, path) = (actor.process, writer.process, fed.2.clone());
        channel.tell_of(process, Event::Fed { process, by, path });
        self.fed.insert(fed);
    }

    fn wrote(&mut self, name: String, actor: Actor) {
        if self.touched.len() < NAMES || self.touched.contains_key(&name) {
            self.touched.insert(name, actor);
        } else {
            self.forgot = true;
        }
    }

    /// Every name that scripts touched.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.touched.keys().map(String::as_str)
    }

    /// Names that scripts touched, but for those that an npm of theirs did.
    pub(super) fn of_scripts(&self) -> impl Iterator<Item = &str> {
        self.touched.iter().filter(|(_, actor)| !actor.npm).map(|(name, _)| name.as_str())
    }

    /// Names who made a change, where it is known: whoever touched the name last, wrote the file
    /// by another name of it, or moved the folder that it lies in.
    pub(super) fn attribute(&self, change: &mut FileChange) {
        let mut at: &str = &change.path;
        let by_file = || {
            let status = std::fs::symlink_metadata(&change.path).ok()?;
            self.written.get(&id_of(&status)).copied()
        };
        let other = (change.change == Change::Changed && !self.touched.contains_key(at)).then(by_file);
        let actor = other.flatten();
        let actor = actor.or_else(|| {
            loop {
                if let Some(actor) = self.touched.get(at) {
                    break Some(*actor);
                }
                match at.rsplit_once('/') {
                    Some((parent, _)) if !parent.is_empty() => at = parent,
                    Some(_) | None => break None,
                }
            }
        });
        change.process = actor.map(|actor| actor.process);
        change.npm = actor.is_some_and(|actor| actor.npm);
    }
}

/// The process whose memory a path of /proc is: `/proc/7/mem`, `/proc/7/task/8/mem`.
fn memory_of(path: &str) -> Option<i32> {
    let rest = path.strip_prefix("/proc/")?.strip_suffix("/mem")?;
    rest.rsplit('/').next()?.parse().ok()
}

/// What a call is about to do to files; `None` for a call that does nothing to
/// them, or whose name cannot be read: it will fail by itself.
///
/// Builds open tens of thousands of files, and what is opened is known once it is: of the
/// task's memory an open needs nothing, and is not kept waiting for it.
pub(super) fn touch(task: &Stopped, call: &Call) -> Option<Touch> {
    let [first, second, third, fourth, ..] = call.arguments;
    const HERE: u64 = libc::AT_FDCWD as u64;
    let number = call.number as libc::c_long;
    #[cfg(target_arch = "x86_64")]
    match number {
        libc::SYS_open => return Some(Touch::Open(Some(second as i32))),
        libc::SYS_creat => return Some(Touch::Open(Some(libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC))),
        _ => {}
    }
    match number {
        libc::SYS_openat => return Some(Touch::Open(Some(third as i32))),
        libc::SYS_openat2 => return Some(Touch::Open(None)),
        _ => {}
    }
    #[cfg(target_arch = "x86_64")]
    let names: &[(u64, u64)] = match number {
        libc::SYS_rename => &[(HERE, first), (HERE, second)],
        libc::SYS_link | libc::SYS_symlink => &[(HERE, second)],
        libc::SYS_unlink => &[(HERE, first)],
        _ => &[],
    };
    #[cfg(not(target_arch = "x86_64"))]
    let names: &[(u64, u64)] = &[];
    let more: &[(u64, u64)] = match number {
        libc::SYS_truncate => &[(HERE, first)],
        libc::SYS_renameat | libc::SYS_renameat2 => &[(first, second), (third, fourth)],
        libc::SYS_linkat => &[(third, fourth)],
        libc::SYS_symlinkat => &[(second, third)],
        libc::SYS_unlinkat => &[(first, second)],
        _ => &[],
    };
    let memory = Memory::of(task)?;
    let named: Vec<String> = names
        .iter()
        .chain(more)
        .filter_map(|(folder, path)| absolute(task.pid(), *folder as i32, &memory.path(*path)?))
        .collect();
    (!named.is_empty()).then_some(Touch::Names(named))
}

/// A name from the root on, the links in its folder followed: those of the name
/// itself are what comes and goes.
fn absolute(task: i32, folder: i32, path: &str) -> Option<String> {
    let whole = if path.starts_with('/') {
        path.to_owned()
    } else {
        let base = if folder == libc::AT_FDCWD { "cwd".to_owned() } else { format!("fd/{folder}") };
        format!("{}/{path}", procfs::link(task, &base)?)
    };
    let whole = Path::new(&whole);
    let parent = whole.parent()?;
    let parent = parent.canonicalize().unwrap_or_else(|_gone| parent.to_path_buf());
    Some(parent.join(whole.file_name()?).to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(process: u32) -> Actor {
        Actor { process: ProcessId(process), npm: false, script: None }
    }

    fn who(files: &Files, path: &str) -> Option<ProcessId> {
        let mut change = FileChange::new(path.into(), Change::Added);
        files.attribute(&mut change);
        change.process
    }

    #[test]
    fn the_last_to_touch_a_name_is_who_changed_it() {
        let mut files = Files::new(&[]);
        files.wrote("/home/npm/.bashrc".into(), by(3));
        files.wrote("/home/npm/.bashrc".into(), by(5));
        files.wrote("/project/moved".into(), by(7));
        assert_eq!(who(&files, "/home/npm/.bashrc"), Some(ProcessId(5)));
        assert_eq!(who(&files, "/project/moved/a/b"), Some(ProcessId(7)));
        assert_eq!(who(&files, "/project/other"), None);
    }

    #[test]
    fn names_beyond_those_that_are_kept_have_nobody() {
        let mut files = Files::new(&[]);
        for at in 0..NAMES {
            files.wrote(format!("/{at}"), by(2));
        }
        files.wrote("/one-more".into(), by(2));
        files.wrote("/0".into(), by(4));
        assert_eq!((who(&files, "/one-more"), who(&files, "/0")), (None, Some(ProcessId(4))));
    }

    #[test]
    fn a_name_is_told_from_the_root_on() {
        let own = i32::try_from(std::process::id()).unwrap();
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        let wanted = here.join("x").to_str().unwrap().to_owned();
        assert_eq!(absolute(own, libc::AT_FDCWD, "x").as_deref(), Some(wanted.as_str()));
        assert_eq!(absolute(own, libc::AT_FDCWD, "./src/../x").as_deref(), Some(wanted.as_str()));
        assert_eq!(absolute(own, -1, "/nowhere/x").as_deref(), Some("/nowhere/x"));
    }
}
