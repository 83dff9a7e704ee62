//! Brings together, in a mount of our own, what a view is made of: the folder
//! that is written to, the copies in it, and host folders that are shown.
//!
//! A stage that was started as root does this before it becomes an ordinary
//! user, because only root may read a project or a toolchain in root's home.
//! Afterwards the working directory is the hold, and all paths are relative to
//! it, for the same reason.

use super::mounts;
use super::request::{Cache, Contents, Setup};
use crate::sandbox::copy::{Copier, open_folder};
use crate::sandbox::failure::{During, Failure};
use nix::unistd::{Gid, Uid};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The folder in the hold that becomes the root.
pub(super) const ROOT: &str = "root";
/// The folder in the hold with everything that is writable inside.
pub(super) const WORK: &str = "work";
/// The host's folder that npm's cache is kept in, bound.
pub(super) const KEPT: &str = "kept";

/// A proc without covers, where root could mount one.
pub(super) const UNCOVERED: &str = "proc";

/// The place in the hold of a host folder that is shown.
pub(super) fn shown(at: usize) -> PathBuf {
    Path::new("show").join(at.to_string())
}

/// Fills the hold and makes it the working directory. Returns the project's
/// files that were left out.
pub(super) fn gather(
    setup: &Setup,
    contents: &mut Contents,
    owner: Option<(Uid, Gid)>,
) -> Result<Vec<String>, Failure> {
    mounts::tmpfs(&setup.hold, "mode=0755,size=1m").during("mount a tmpfs to prepare in")?;
    nix::unistd::chdir(&setup.hold).during("enter the tmpfs to prepare in")?;
    for folder in [ROOT, WORK, "show", UNCOVERED, super::lower::NONE] {
        fs::create_dir(folder).during("prepare folders")?;
    }
    if owner.is_some() {
        // Engines cover parts of a container's /proc, and then the kernel grants
        // an unprivileged namespace none of its own. Root may put an uncovered
        // one in its sight; where even that is refused, the mount of /proc says so.
        let _ = mounts::proc(Path::new(UNCOVERED));
    }
    let work = Path::new(WORK);
    match &setup.disk {
        Some(folder) => mounts::bind(folder, work).during("bind the scratch folder")?,
        // Empty files cost memory that the size does not count.
        None => {
            let inodes = (setup.disk_limit / 4096).max(1 << 14);
            let options = format!("mode=0755,size={},nr_inodes={inodes}", setup.disk_limit);
            mounts::tmpfs(work, &options).during("mount a tmpfs to write in")?;
        }
    }
    for (folder, mode) in
        [("project", 0o755), ("home", 0o755), ("home/.npm", 0o755), ("tmp", 0o1777), ("var-tmp", 0o1777)]
    {
        let folder = work.join(folder);
        fs::DirBuilder::new().mode(mode).create(&folder).during("make the writable folders")?;
        fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).during("make the writable folders")?;
        if let Some((uid, gid)) = owner {
            nix::unistd::chown(&folder, Some(uid), Some(gid)).during("make the writable folders")?;
        }
    }
    let mut copier = Copier::new(owner, setup.disk_limit);
    let skipped = copy_project(&mut copier, setup, contents)?;
    match &setup.cache {
        Cache::Empty => {}
        Cache::Keep(folder) => {
            fs::create_dir(KEPT).during("prepare folders")?;
            mounts::bind(folder, Path::new(KEPT)).during("bind the cache to keep")?;
        }
        Cache::CopyOf(folder) => {
            let from = open_folder(folder).during("open the cache to copy")?;
            let to = open_folder(&work.join("home/.npm")).during("open the new cache")?;
            copier.tree(from, &to).during("copy the cache")?;
        }
    }
    for (at, (host, _)) in setup.show.iter().enumerate() {
        show(host, &shown(at)).during(format!("show {}", host.display()))?;
    }
    Ok(skipped)
}

fn copy_project(copier: &mut Copier, setup: &Setup, contents: &mut Contents) -> Result<Vec<String>, Failure> {
    let from = open_folder(&setup.project).during(format!("open {}", setup.project.display()))?;
    let to = open_folder(&Path::new(WORK).join("project")).during("open the project's copy")?;
    let skipped = copier.listed(&from, &to, &setup.project_files)?;
    for (path, length) in &setup.changes {
        let step = || format!("change {path}");
        match length {
            Some(length) => {
                let bytes = contents.next(*length).during(step())?;
                copier.write(&to, path, bytes).during(step())?;
            }
            None => copier.remove(&to, path).during(step())?,
        }
    }
    Ok(skipped)
}

fn show(host: &Path, at: &Path) -> std::io::Result<()> {
    let host = fs::canonicalize(host)?;
    if host == Path::new("/") {
        return Err(std::io::Error::other("the whole host is never shown"));
    }
    if host.is_dir() {
        fs::create_dir(at)?;
    } else {
        fs::write(at, "")?;
    }
    mounts::bind(&host, at)
}
