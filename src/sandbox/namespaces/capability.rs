//! What a sandbox needs of the machine, found out by doing it.

use super::place::{Stage, hold, start_stage};
use super::request::{Reply, Request, ask};
use super::{identity, mounts, network};
use crate::sandbox::failure::{During, Failure};
use crate::wire;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Uid, fork};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

/// Something that a sandbox cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// A user namespace, with capabilities in it.
    UserNamespace,
    /// A mount namespace with a tmpfs and binds that are then restricted.
    MountNamespace,
    /// A pid namespace with a proc of its own.
    PidNamespace,
    /// A network namespace with a loopback interface and low ports.
    NetworkNamespace,
    /// Tracing a child.
    Ptrace,
    /// A seccomp filter.
    Seccomp,
}

impl Capability {
    /// All of them, in the order in which one builds on the other.
    pub const ALL: [Self; 6] = [
        Self::UserNamespace,
        Self::MountNamespace,
        Self::PidNamespace,
        Self::NetworkNamespace,
        Self::Ptrace,
        Self::Seccomp,
    ];

    /// For people: "user namespaces".
    pub fn name(self) -> &'static str {
        match self {
            Self::UserNamespace => "user namespaces",
            Self::MountNamespace => "mount namespaces",
            Self::PidNamespace => "pid namespaces",
            Self::NetworkNamespace => "network namespaces",
            Self::Ptrace => "ptrace",
            Self::Seccomp => "seccomp",
        }
    }
}

/// A capability and whether it is there.
#[derive(Debug)]
pub struct Trial {
    /// What was tried.
    pub capability: Capability,
    /// What came of it; the error names the step and the kernel's answer.
    pub outcome: Result<(), String>,
    /// What would mend a lack, as a command where there is one.
    pub hint: Option<String>,
}

/// Tries everything, each in a stage of its own.
pub(super) fn probe(executable: &Path, scratch_root: &Path) -> Vec<Trial> {
    Capability::ALL
        .map(|capability| {
            let outcome = hold(scratch_root).and_then(|_| try_one(executable, capability));
            let hint = outcome.is_err().then(|| hint(capability, &read_setting)).flatten();
            let outcome = outcome.map_err(|failure| format!("{}: {}", failure.step, failure.cause()));
            Trial { capability, outcome, hint }
        })
        .into()
}

/// What is lacking. Where the thing that needs the most works, so does what is
/// forbidden most often, and the rest is not tried.
pub(super) fn lacks(executable: &Path, scratch_root: &Path) -> Vec<Trial> {
    // A folder that cannot be made says nothing about namespaces.
    if hold(scratch_root).is_err() || try_one(executable, Capability::PidNamespace).is_ok() {
        return Vec::new();
    }
    let mut trials = probe(executable, scratch_root);
    trials.retain(|trial| trial.outcome.is_err());
    trials
}

fn try_one(executable: &Path, capability: Capability) -> Result<(), Failure> {
    let Stage { mut process, mut control } = start_stage(executable, Stdio::null)?;
    let reply = ask(&mut control, &Request::Try(capability), &[])
        .during("ask a stage")
        .map(|()| wire::receive::<Reply>(&mut control));
    drop(control);
    process.wait().during("wait for a stage")?;
    match reply? {
        Ok(Some(Reply::Works)) => Ok(()),
        Ok(Some(Reply::Failed(failure))) => Err(failure),
        Ok(Some(Reply::Ready { .. }) | None) | Err(_) => {
            Err(Failure::refused("ask a stage", "it ended without a word"))
        }
    }
}

fn read_setting(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// What most likely stands in the way, by the kernel's own settings.
fn hint(capability: Capability, setting: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let is = |path: &str, value: &str| setting(path).as_deref() == Some(value);
    match capability {
        Capability::UserNamespace
        | Capability::MountNamespace
        | Capability::PidNamespace
        | Capability::NetworkNamespace => {
            if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
                Some("sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0".to_owned())
            } else if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
                Some("sudo sysctl kernel.unprivileged_userns_clone=1".to_owned())
            } else if is("/proc/sys/user/max_user_namespaces", "0") {
                Some("sudo sysctl user.max_user_namespaces=15000".to_owned())
            } else {
                Some("a container's filter or the covers on its /proc forbid this".to_owned())
            }
        }
        Capability::Ptrace if is("/proc/sys/kernel/yama/ptrace_scope", "3") => {
            Some("kernel.yama.ptrace_scope is 3; it can be lowered only by a restart".to_owned())
        }
        Capability::Ptrace | Capability::Seccomp => None,
    }
}

/// Tries one thing in this very process, which must be a stage.
pub(super) fn attempt(capability: Capability) -> Result<(), Failure> {
    match capability {
        Capability::UserNamespace => {
            enter(CloneFlags::CLONE_NEWUTS)?;
            nix::unistd::sethostname("sealcheck").during("use a capability in a user namespace")
        }
        Capability::MountNamespace => {
            enter(CloneFlags::CLONE_NEWNS)?;
            mounts::make_private().during("make the mounts private")?;
            let at = Path::new("/usr");
            mounts::bind(at, at).during("bind /usr")?;
            mounts::restrict(at, mounts::READ_ONLY, mounts::Reach::Below)
                .during("make a bind read-only (Linux 5.12 or later)")?;
            mounts::tmpfs(at, "size=4k").during("mount a tmpfs")
        }
        Capability::PidNamespace => {
            enter(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID)?;
            mounts::make_private().during("make the mounts private")?;
            in_child("mount a proc of its own", || mounts::proc(Path::new("/proc")))
        }
        Capability::NetworkNamespace => {
            enter(CloneFlags::CLONE_NEWNET)?;
            network::loopback_up().during("switch the loopback interface on")?;
            TcpListener::bind("127.0.0.2:443").during("listen on a low port").map(drop)
        }
        Capability::Ptrace => trace_a_child(),
        Capability::Seccomp => in_child("install a seccomp filter", install_filter),
    }
}

fn enter(kinds: CloneFlags) -> Result<(), Failure> {
    if identity::sheds_root() {
        unshare(CloneFlags::CLONE_NEWNS).during("unshare the mount namespace")?;
        mounts::make_private().during("make the mounts private")?;
        let _ = mounts::proc(Path::new("/proc")); // without covers, as when a place is made
        identity::become_unprivileged()?;
    }
    let (uid, gid) = (Uid::effective(), Gid::effective());
    unshare(CloneFlags::CLONE_NEWUSER | kinds).during("unshare the user namespace")?;
    identity::map_ids(Path::new("/proc"), uid, gid)
}

/// Does something in a child, whose exit code is the kernel's error number.
fn in_child(step: &str, act: impl FnOnce() -> io::Result<()>) -> Result<(), Failure> {
    // SAFETY: a stage has one thread, so the child may do anything.
    match unsafe { fork() }.during("fork")? {
        ForkResult::Child => {
            let errno = act().err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
            std::process::exit(errno)
        }
        ForkResult::Parent { child } => {
            let status = waitpid(child, None).during("wait for a child")?;
            let WaitStatus::Exited(_, errno) = status else {
                return Err(Failure::refused(step, format!("{status:?}")));
            };
            if errno == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)).during(step) }
        }
    }
}

fn trace_a_child() -> Result<(), Failure> {
    use nix::sys::ptrace;
    // SAFETY: a stage has one thread, so the child may do anything.
    match unsafe { fork() }.during("fork")? {
        ForkResult::Child => {
            let stopped = ptrace::traceme().and_then(|()| nix::sys::signal::raise(nix::sys::signal::SIGSTOP));
            std::process::exit(i32::from(stopped.is_err()))
        }
        ForkResult::Parent { child } => {
            let status = waitpid(child, None).during("wait for a child")?;
            if !matches!(status, WaitStatus::Stopped(_, _)) {
                return Err(Failure::refused("trace a child", format!("{status:?}")));
            }
            let _ = ptrace::cont(child, None);
            let _ = waitpid(child, None);
            Ok(())
        }
    }
}

/// A filter with a trace action, as the witness uses; it traces nothing.
fn install_filter() -> io::Result<()> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(
        std::collections::BTreeMap::default(),
        SeccompAction::Allow,
        SeccompAction::Trace(1),
        architecture,
    )
    .map_err(io::Error::other)?;
    let program = BpfProgram::try_from(filter).map_err(io::Error::other)?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_the_setting_that_stands_in_the_way() {
        let ubuntu = |path: &str| path.ends_with("restrict_unprivileged_userns").then(|| "1".to_owned());
        assert!(hint(Capability::UserNamespace, &ubuntu).unwrap().contains("apparmor_restrict"));
        let none = |path: &str| path.ends_with("max_user_namespaces").then(|| "0".to_owned());
        assert!(hint(Capability::PidNamespace, &none).unwrap().contains("user.max_user_namespaces"));
        assert!(hint(Capability::NetworkNamespace, &|_| None).unwrap().contains("container"));
        assert_eq!(hint(Capability::Seccomp, &none), None);
    }
}
