//! What a container is created with: nothing that it does not need.

use super::engine::LABEL;
use super::image::Image;
use super::{INMATE_GID, INMATE_UID, NAME, VOLUME_AT, owner};
use crate::sandbox::{CACHE, HOME, PROJECT, SandboxSpec, Scratch};
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    ResourcesUlimits,
};
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

/// Bytes for what no limit of the spec speaks of: PID 1 and what it carries.
const ASIDE: u64 = 768 << 20;

/// What an engine makes read-only by itself, and all of /proc: through it a
/// script could write the memory of npm, whose user it is, and act as npm.
const READ_ONLY: [&str; 6] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/proc"];

/// Without `exec` an engine's tmpfs runs no script.
const TMPFS: &str = "rw,exec,nosuid,nodev,mode=1777";

const RESOLV_CONF: &str = "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n";

/// Open files and processes, where no limit of the spec speaks of them. The
/// engine's own limit on processes is the one that counts.
const OPEN_FILES: u64 = 16_384;
const PROCESSES: u64 = 16_384;

/// A container of ours that runs our executable with these words.
pub(super) fn body(image: &Image, volume: &str, words: &[&str], cores: u32) -> ContainerCreateBody {
    let mut command = vec![format!("{VOLUME_AT}/{NAME}")];
    command.extend(words.iter().map(|word| (*word).to_owned()));
    let strings = |all: &[&str]| Some(all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let sysctls = [
        // The names of all hosts lead to loopback addresses of IPv4.
        ("net.ipv6.conf.all.disable_ipv6", "1"),
        ("net.ipv6.conf.default.disable_ipv6", "1"),
        ("net.ipv4.ip_unprivileged_port_start", "0"),
        // A connection to where nobody answers fails after 3 s, not after 2 min.
        ("net.ipv4.tcp_syn_retries", "1"),
    ];
    let mut body = ContainerCreateBody {
        image: Some(image.id.clone()),
        hostname: Some("sealcheck".to_owned()),
        user: Some(format!("{INMATE_UID}:{INMATE_GID}")),
        entrypoint: Some(command),
        cmd: Some(Vec::new()),
        working_dir: Some("/".to_owned()),
        labels: Some(HashMap::from([(LABEL.to_owned(), owner::present())])),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // The end of our connection is the end of its input.
        stdin_once: Some(true),
        tty: Some(false),
        healthcheck: Some(HealthConfig { test: strings(&["NONE"]), ..Default::default() }),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            auto_remove: Some(true),
            // A log would cost most of the line's speed, and nobody reads it.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            cap_drop: strings(&["ALL"]),
            security_opt: strings(&["no-new-privileges"]),
            readonly_paths: strings(&READ_ONLY),
            nano_cpus: (cores > 0).then(|| i64::from(cores) * 1_000_000_000),
            // An image may have none.
            tmpfs: Some(HashMap::from([("/tmp".to_owned(), format!("{TMPFS},size=64m"))])),
            dns: strings(&["127.0.0.1"]),
            dns_options: strings(&["timeout:2", "attempts:2"]),
            sysctls: Some(sysctls.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
            mounts: Some(vec![Mount {
                target: Some(VOLUME_AT.to_owned()),
                source: Some(volume.to_owned()),
                typ: Some(MountType::VOLUME),
                read_only: Some(true),
                // Else an engine fills a new volume with what the image has there.
                volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..Default::default() }),
                ..Default::default()
            }]),
            ..Default::default()
        }),
        ..Default::default()
    };
    set_ulimits(&mut body, OPEN_FILES);
    body
}

/// Adds the limits of a run and the places that it writes to.
pub(super) fn limit(body: &mut ContainerCreateBody, spec: &SandboxSpec) {
    let Some(host) = &mut body.host_config else { return };
    let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let limits = &spec.limits;
    host.tmpfs = None;
    let mut memory = limits.memory.saturating_add(ASIDE);
    if spec.scratch == Scratch::Memory {
        // A tmpfs counts as memory of those who write to it.
        memory = memory.saturating_add(limits.disk);
        let options = format!("{TMPFS},size={}", limits.disk);
        let folders = [PROJECT, HOME, "/tmp", "/var/tmp"];
        host.tmpfs = Some(folders.map(|folder| (folder.to_owned(), options.clone())).into());
    }
    host.memory = Some(bytes(memory));
    host.memory_swap = Some(bytes(memory));
    host.pids_limit = Some(bytes(limits.processes));
    set_ulimits(body, limits.open_files.min(OPEN_FILES));
}

/// Limits of each process. Both are always said: Podman's own defaults are more
/// than an engine without privileges may give.
pub(super) fn set_ulimits(body: &mut ContainerCreateBody, open_files: u64) {
    let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let limit = |name: &str, count: u64| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(bytes(count)),
        hard: Some(bytes(count)),
    };
    if let Some(host) = &mut body.host_config {
        host.ulimits = Some(vec![limit("nofile", open_files), limit("nproc", PROCESSES), limit("core", 1)]);
    }
}

/// A tar of what is put into the container's root before it starts: folders that
/// are shown, files outside of the home folder, and where the run may write.
/// All of it is root's but the last.
pub(super) fn archive(spec: &SandboxSpec) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.follow_symlinks(false);
    if spec.scratch != Scratch::Memory {
        for (folder, mode, own) in [
            (PROJECT, 0o755, true),
            (HOME, 0o755, true),
            (CACHE, 0o755, true),
            ("/tmp", 0o1777, false),
            ("/var/tmp", 0o1777, false),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(mode);
            header.set_size(0);
            if own {
                header.set_uid(INMATE_UID.into());
                header.set_gid(INMATE_GID.into());
            }
            tar.append_data(&mut header, inside(folder)?, io::empty())?;
        }
    }
    for (host, at) in &spec.show {
        let host = std::fs::canonicalize(host)?;
        if host.is_dir() {
            show(&mut tar, &host, Path::new(inside(at)?))?;
        } else {
            tar.append_path_with_name(&host, inside(at)?)?;
        }
    }
    // Docker goes by its own `Dns` and does not look at this one; Podman without
    // a network does the opposite.
    let resolver = ("/etc/resolv.conf".to_owned(), RESOLV_CONF.as_bytes().to_vec());
    let files = spec.files.iter().filter(|(path, _)| !super::unpack::is_home(path));
    for (path, bytes) in std::iter::once(&resolver).chain(files) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, inside(path)?, bytes.as_slice())?;
    }
    tar.into_inner()
}

/// Root's copy of a folder.
fn show(tar: &mut tar::Builder<impl Write>, host: &Path, at: &Path) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(host).sort_by_file_name() {
        let entry = entry.map_err(io::Error::from)?;
        let below = entry.path().strip_prefix(host).map_err(io::Error::other)?;
        let mut header = tar::Header::new_gnu();
        header.set_metadata_in_mode(&entry.path().symlink_metadata()?, tar::HeaderMode::Deterministic);
        let path = at.join(below);
        if entry.file_type().is_symlink() {
            tar.append_link(&mut header, path, std::fs::read_link(entry.path())?)?;
        } else if entry.file_type().is_dir() {
            tar.append_data(&mut header, path, io::empty())?;
        } else if entry.file_type().is_file() {
            tar.append_data(&mut header, path, std::fs::File::open(entry.path())?)?;
        }
    }
    Ok(())
}

/// A path inside, as the archive endpoint wants it: below the root.
fn inside(path: &str) -> io::Result<&str> {
    let relative = path.strip_prefix('/').ok_or(io::ErrorKind::InvalidInput)?;
    crate::sandbox::copy::components(relative)?;
    Ok(relative)
}
