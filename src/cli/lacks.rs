//! What this machine must let us have, looked at before anything runs: descriptors, processes and
//! room on the disk. A run that lacks one of them would fail as if the project were at fault.
//!
//! It must not know what is run.

use super::folders;
use crate::text::Complaint;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::statvfs::statvfs;
use std::path::Path;
use std::sync::mpsc;

/// Descriptors of the program itself: its executors, its store, its registries.
const FILES: u64 = 96;
/// For each run beside its doors: connections of npm's, those to registries, and what is stored.
const FILES_OF_RUN: u64 = 160;
/// Threads of the program itself beside one for each core.
const THREADS: u64 = 20;
/// For each run: node's threads, npm's scripts, the witness and its stage.
const PROCESSES_OF_RUN: u64 = 40;
/// Bytes for what is under way, where nothing is run.
const ROOM: u64 = 16 << 20;
/// The same for runs, which have to hold what registries answer.
const ROOM_OF_RUNS: u64 = 256 << 20;

/// Limits that node and the program itself would die of, and that a sandbox inherits: what they are
/// of, how much is needed, and the letter by which a shell sets them.
const SIZES: [(Resource, &str, u64, char); 4] = [
    (Resource::RLIMIT_FSIZE, "bytes of a file", 1 << 30, 'f'),
    (Resource::RLIMIT_AS, "bytes of address space", 1 << 31, 'v'),
    (Resource::RLIMIT_DATA, "bytes of data", 128 << 20, 'd'),
    (Resource::RLIMIT_CPU, "seconds of the processor", 600, 't'),
];

/// Something that this machine has too little of: nothing was run, and silence proves nothing.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(super) struct Lacking(pub(super) Complaint);

fn lacking(what: String, help: String) -> Lacking {
    Lacking(Complaint::about(what).help(help))
}

/// What any command needs, before its executor is made: that one panics where it gets no thread.
pub(super) fn for_anything() -> Result<(), Lacking> {
    raise(Resource::RLIMIT_NOFILE);
    files(FILES, String::new())?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    threads(cores + THREADS, String::new())
}

/// What the first run needs, looked at before a place to run in is tried.
pub(super) fn for_a_run() -> Result<(), Lacking> {
    SIZES.into_iter().try_for_each(|(limit, what, needed, letter)| {
        raise(limit);
        match getrlimit(limit) {
            Ok((_, most)) if most < needed => Err(lacking(
                format!("too few {what} are allowed here: {most}, and {needed} are needed"),
                format!("raise the limit (`ulimit -{letter}`)"),
            )),
            Ok(_) | Err(_) => Ok(()),
        }
    })?;
    processes(THREADS + PROCESSES_OF_RUN, String::new())
}

/// What `jobs` runs side by side need, each with so many doors.
pub(super) fn for_runs(jobs: u64, doors: u64) -> Result<(), Lacking> {
    let fewer = |needed: u64| match jobs {
        0 | 1 => String::new(),
        _ => format!(", or take `--jobs 1`, for which {needed} are enough"),
    };
    let of_run = doors + FILES_OF_RUN;
    files(FILES + jobs * of_run, fewer(FILES + of_run))?;
    processes(THREADS + jobs * PROCESSES_OF_RUN, fewer(THREADS + PROCESSES_OF_RUN))?;
    room(&folders::scratch(), ROOM_OF_RUNS)
}

/// A folder in which things are under way.
pub(super) fn for_folder(folder: &Path) -> Result<(), Lacking> {
    room(folder, ROOM)
}

/// As much as we may have.
fn raise(limit: Resource) {
    if let Ok((_, most)) = getrlimit(limit) {
        let _ = setrlimit(limit, most, most);
    }
}

fn files(needed: u64, fewer: String) -> Result<(), Lacking> {
    let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
    if most >= needed.saturating_add(open) {
        return Ok(());
    }
    let needed = needed.saturating_add(open);
    Err(lacking(
        format!("too few open files are allowed here: {most}, and {needed} are needed"),
        format!("raise the hard limit (`ulimit -Hn {needed}`){fewer}"),
    ))
}

fn processes(needed: u64, fewer: String) -> Result<(), Lacking> {
    // Root itself has no limit, but whom it becomes in a sandbox has.
    let (_, most) = getrlimit(Resource::RLIMIT_NPROC).unwrap_or((RLIM_INFINITY, RLIM_INFINITY));
    if most < needed {
        return Err(too_few(&format!("{most} are allowed"), needed, &fewer));
    }
    threads(needed, fewer)
}

fn too_few(what: &str, needed: u64, fewer: &str) -> Lacking {
    lacking(
        format!("too few processes and threads can be started here: {what}, and {needed} are needed"),
        format!("end other programs of this user, or raise the limit (`ulimit -u`){fewer}"),
    )
}

/// Whether so many threads can be had, found out by having them: nobody says how many are left.
fn threads(needed: u64, fewer: String) -> Result<(), Lacking> {
    std::thread::scope(|scope| {
        // Each ends when its channel does, which is when this function is left.
        let mut held = Vec::new();
        for have in 0..needed {
            let (hold, wait) = mpsc::channel::<()>();
            let made = std::thread::Builder::new().stack_size(16 << 10).spawn_scoped(scope, move || {
                let _ = wait.recv();
            });
            if made.is_err() {
                return Err(too_few(&format!("{have} more"), needed, &fewer));
            }
            held.push(hold);
        }
        Ok(())
    })
}

/// Room on the disk of a folder, or of the nearest one that is there.
fn room(folder: &Path, needed: u64) -> Result<(), Lacking> {
    let Some((there, found)) = folder.ancestors().find_map(|path| Some((path, statvfs(path).ok()?))) else {
        return Ok(());
    };
    let blocks =
        if nix::unistd::Uid::effective().is_root() { found.blocks_free() } else { found.blocks_available() };
    let free = blocks.saturating_mul(found.fragment_size());
    // Some filesystems count no files.
    let files = found.files() == 0 || found.files_available() > 1000;
    if free >= needed && files {
        return Ok(());
    }
    let what = if free < needed {
        format!("{} MiB are left there, and {} MiB are needed", free >> 20, needed >> 20)
    } else {
        format!("{} more files fit there, and 1000 are needed", found.files_available())
    };
    Err(lacking(
        format!("there is too little room in `{}`: {what}", there.display()),
        "free some room, or name another folder by XDG_CACHE_HOME".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_is_told_with_what_is_needed() {
        let told = |result: Result<(), Lacking>| result.unwrap_err().to_string();
        assert!(told(files(u64::MAX / 2, String::new())).contains("are needed"));
        assert!(told(room(Path::new("/proc/self/missing"), 1 << 20)).contains("0 MiB are left"));
        assert!(told(room(Path::new("/"), u64::MAX)).contains("too little room in `/`"));
        for_anything().unwrap();
        for_runs(1, 128).unwrap();
    }

    #[test]
    fn fewer_jobs_are_proposed_where_there_are_several() {
        let help = |jobs| for_runs(jobs, 1 << 40).unwrap_err().0.help.unwrap();
        assert!(help(2).contains("`--jobs 1`") && !help(1).contains("--jobs"));
    }
}
