//! What can be seen inside: an allow-list, nothing else.
//!
//! The host's root is never bound, read-only or not. The root is a tmpfs of ours, sealed once it
//! is filled. A folder of the host's is shown by [`super::lower`].

use super::gather::{KEPT, ROOT, WORK, shown};
use super::lower;
use super::mounts::{self, NO_DEVICES, NO_EXEC, NO_SUID, READ_ONLY, Reach};
use super::request::{Cache, Contents, Setup};
use crate::sandbox::copy::{Copier, components, open_folder};
use crate::sandbox::failure::{During, Failure};
use crate::sandbox::{CACHE, HOME, PROJECT};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// The host's own, shown as they are there: folder, file or link.
const HOST: [&str; 14] = [
    "usr",
    "bin",
    "sbin",
    "lib",
    "lib32",
    "libx32",
    "lib64",
    "etc/alternatives",
    "etc/ld.so.cache",
    "etc/ld.so.conf",
    "etc/ld.so.conf.d",
    "etc/os-release",
    "etc/pki/tls/openssl.cnf",
    "etc/ssl/openssl.cnf",
];

/// Files of our own, which a [`Setup`] may replace.
const OWN: [(&str, &str); 8] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/:/bin/false\nnpm:x:1000:1000:npm:/home/npm:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    ),
    ("etc/group", "root:x:0:\nnpm:x:1000:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost sealcheck\n"),
    ("etc/hostname", "sealcheck\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ("etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n"),
    ("etc/timezone", "Etc/UTC\n"),
    ("etc/shells", "/bin/sh\n"),
];

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Builds the root in the working directory, settles what hangs on it, and
/// goes to live there. Runs as PID 1 of the new namespaces.
pub(super) fn build(setup: &Setup, contents: &mut Contents) -> Result<(), Failure> {
    let root = Path::new(ROOT);
    mounts::tmpfs(root, "mode=0755,size=64m").during("mount the root")?;
    for name in HOST {
        mirror(name).during(format!("show /{name}"))?;
    }
    let folder = open_folder(root).during("open the root")?;
    let mut copier = Copier::new(None, u64::MAX);
    for (name, text) in OWN {
        copier.write(&folder, name, text.as_bytes()).during(format!("write /{name}"))?;
    }
    symlink("/usr/share/zoneinfo/Etc/UTC", root.join("etc/localtime")).during("write /etc/localtime")?;
    devices().during("make /dev")?;
    proc().during("mount /proc")?;
    writable(setup)?;
    for (at, (_, inside)) in setup.show.iter().enumerate() {
        let step = || format!("show {inside}");
        let names = inside_path(inside).during(step())?;
        let from = shown(at);
        mount_point(&copier, &folder, &names, from.is_dir()).during(step())?;
        lower::show(&from, &root.join(names.join("/"))).during(step())?;
    }
    for (path, length) in &setup.files {
        let step = || format!("write {path}");
        let names = inside_path(path).during(step())?;
        let bytes = contents.next(*length).during(step())?;
        copier.write(&folder, &names.join("/"), bytes).during(step())?;
    }
    mounts::restrict(root, READ_ONLY | NO_SUID | NO_DEVICES, Reach::Itself).during("seal the root")?;
    drop(folder);
    mounts::become_root(root).during("enter the root")
}

/// An absolute path inside, as names.
fn inside_path(path: &str) -> io::Result<Vec<&str>> {
    let relative = path.strip_prefix('/').ok_or_else(|| io::Error::other("not an absolute path"))?;
    components(relative)
}

/// Makes what a mount needs under it. Neither a parent nor the point itself
/// may be a link, which would lead to the host as long as its root is ours.
fn mount_point(copier: &Copier, root: &std::os::fd::OwnedFd, names: &[&str], folder: bool) -> io::Result<()> {
    if folder {
        return copier.folder(root, names).map(drop);
    }
    let (name, parents) = names.split_last().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = copier.folder(root, parents)?;
    let flags = nix::fcntl::OFlag::O_CREAT | nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_CLOEXEC;
    nix::fcntl::openat(&parent, *name, flags, nix::sys::stat::Mode::from_bits_truncate(0o644))?;
    Ok(())
}

/// Shows something of the host at the same place inside.
fn mirror(name: &str) -> io::Result<()> {
    let host = Path::new("/").join(name);
    let inside = Path::new(ROOT).join(name);
    let Ok(status) = fs::symlink_metadata(&host) else { return Ok(()) };
    if let Some(parent) = inside.parent() {
        fs::create_dir_all(parent)?;
    }
    if status.is_symlink() {
        return symlink(fs::read_link(&host)?, &inside);
    }
    if status.is_dir() {
        fs::create_dir(&inside)?;
    } else if status.is_file() {
        fs::write(&inside, "")?;
    } else {
        return Ok(());
    }
    lower::show(&host, &inside)
}

fn devices() -> io::Result<()> {
    let dev = Path::new(ROOT).join("dev");
    fs::create_dir(&dev)?;
    mounts::tmpfs(&dev, "mode=0755,size=64k")?;
    for name in DEVICES {
        let host = Path::new("/dev").join(name);
        if host.exists() {
            let inside = dev.join(name);
            fs::write(&inside, "")?;
            mounts::bind(&host, &inside)?;
            mounts::restrict(&inside, READ_ONLY | NO_SUID | NO_EXEC, Reach::Itself)?;
        }
    }
    for (target, link) in [
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/0", "stdin"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
        ("pts/ptmx", "ptmx"),
    ] {
        symlink(target, dev.join(link))?;
    }
    let shm = dev.join("shm");
    fs::create_dir(&shm)?;
    // Empty files cost memory that the size does not count.
    mounts::tmpfs(&shm, "mode=1777,size=64m,nr_inodes=16384")?;
    let pts = dev.join("pts");
    fs::create_dir(&pts)?;
    // No install needs a terminal; where the kernel has none to give there is none.
    let _ = mounts::devpts(&pts);
    mounts::restrict(&dev, READ_ONLY | NO_SUID | NO_EXEC, Reach::Itself)
}

/// Read-only as a whole: neither the kernel's settings nor another process's
/// memory can be written through it.
fn proc() -> io::Result<()> {
    let proc = Path::new(ROOT).join("proc");
    fs::create_dir(&proc)?;
    mounts::proc(&proc)?;
    super::network::settle(&proc);
    mounts::restrict(&proc, READ_ONLY | NO_SUID | NO_DEVICES | NO_EXEC, Reach::Below)
}

fn writable(setup: &Setup) -> Result<(), Failure> {
    let root = Path::new(ROOT);
    for (from, inside) in [("project", PROJECT), ("home", HOME), ("tmp", "/tmp"), ("var-tmp", "/var/tmp")] {
        let at = root.join(inside.trim_start_matches('/'));
        fs::create_dir_all(&at)
            .and_then(|()| mounts::bind(&Path::new(WORK).join(from), &at))
            .and_then(|()| mounts::restrict(&at, NO_SUID | NO_DEVICES, Reach::Below))
            .during(format!("mount {inside}"))?;
    }
    match &setup.cache {
        Cache::Empty | Cache::CopyOf(_) => Ok(()),
        Cache::Keep(_) => {
            let at = root.join(CACHE.trim_start_matches('/'));
            mounts::bind(Path::new(KEPT), &at)
                .and_then(|()| mounts::restrict(&at, NO_SUID | NO_DEVICES, Reach::Below))
                .during(format!("mount {CACHE}"))
        }
    }
}
