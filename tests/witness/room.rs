//! A sandbox in the smallest form: what the witness may count on, and no more.

use nix::sched::{CloneFlags, unshare};
use sealcheck::wire::{Event, Order, Timed, receive, send};
use std::collections::BTreeSet;
use std::ffi::CString;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The descriptor on which the witness finds its channel.
const CHANNEL: i32 = 3;

/// This executable.
pub(crate) fn own_path() -> String {
    std::env::current_exe().unwrap().to_str().unwrap().to_owned()
}

/// A project folder that whoever runs inside may write to.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Self { folder };
        for name in ["", "home", "tmp", "project"] {
            let path = project.folder.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o777)).unwrap();
        }
        project
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file that those inside may change.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let mut at: &Path = &path;
        while at != self.path() {
            std::fs::set_permissions(at, PermissionsExt::from_mode(0o777)).unwrap();
            at = at.parent().unwrap();
        }
    }

    /// An order that runs a command in it.
    pub(crate) fn order(&self, argv: &[&str]) -> Order {
        let below = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        Order {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            then: vec![],
            env: vec![
                ("PATH".into(), "/nowhere:/usr/bin:/bin".into()),
                ("HOME".into(), below("home")),
                ("TMPDIR".into(), below("tmp")),
                ("ACT".into(), own_path()),
            ],
            cwd: below("project"),
            project: below("project"),
            members: vec![String::new()],
            trace: true,
            watch: true,
            // One that is not there is told as a gap, and most tests plant none.
            secrets: [below("home/.netrc")].into_iter().filter(|path| Path::new(path).exists()).collect(),
            hash: false,
            time_limit_ms: 60_000,
            grace_ms: 50,
            memory_limit: 0,
            disk_limit: 0,
            umask: 0o022,
        }
    }

    /// An order that runs one of the programs that misbehave.
    pub(crate) fn act(&self, words: &[&str]) -> Order {
        let own = own_path();
        let argv: Vec<&str> = [own.as_str(), "act"].into_iter().chain(words.iter().copied()).collect();
        self.order(&argv)
    }
}

/// A witness at work.
pub(crate) struct Room {
    pub(crate) channel: UnixStream,
    child: Child,
}

impl Room {
    pub(crate) fn open(order: &Order) -> Self {
        let (mut channel, inside) = UnixStream::pair().unwrap();
        let descriptor = inside.as_raw_fd();
        let mut command = Command::new(own_path());
        let room = Path::new(&order.project).parent().unwrap();
        command.arg("room").arg(room).stdin(Stdio::null()).stdout(Stdio::null());
        // SAFETY: dup2 is async-signal-safe.
        unsafe {
            command.pre_exec(move || {
                if libc::dup2(descriptor, CHANNEL) < 0 {
                    Err(std::io::Error::last_os_error())
                } else {
                    Ok(())
                }
            });
        }
        let child = command.spawn().unwrap();
        drop(inside);
        send(&mut channel, order).unwrap();
        Self { channel, child }
    }

    /// Everything until the end.
    pub(crate) fn events(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(Timed { event, .. }) = receive(&mut self.channel).unwrap() {
            events.push(event);
        }
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the witness failed: {status} {events:#?}");
        assert!(matches!(events.last(), Some(Event::Ended { .. })), "{events:#?}");
        whole(&events);
        events
    }

    /// The host vanishes; tells whether everything inside did, too.
    pub(crate) fn vanish(mut self) -> bool {
        let mut some = [0; 4];
        self.channel.read_exact(&mut some).unwrap();
        drop(self.channel);
        self.child.wait().is_ok()
    }
}

/// Every process that was made has a parent that was made before it, and ends once.
fn whole(events: &[Event]) {
    let mut alive = BTreeSet::new();
    let mut made = BTreeSet::new();
    for event in events {
        match event {
            Event::Forked { process, parent } => {
                assert!(parent.is_none_or(|parent| made.contains(&parent)), "{event:?}");
                assert!(made.insert(*process) && alive.insert(*process), "{event:?}");
            }
            Event::Executed { process, .. } | Event::Connected { process, .. } => {
                assert!(alive.contains(process), "{event:?}");
            }
            Event::Exited { process, .. } => assert!(alive.remove(process), "{event:?}"),
            _ => {}
        }
    }
    assert!(alive.is_empty(), "these never ended: {alive:?}");
}

/// Runs an order and gives back what was told.
pub(crate) fn observe(order: &Order) -> Vec<Event> {
    Room::open(order).events()
}

/// Becomes an unprivileged user in namespaces of its own, with a witness as its
/// first process. `room` has all that those inside may write to.
pub(crate) fn enter(room: &Path) {
    // SAFETY: plain system calls of a process with one thread.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setgroups(0, std::ptr::null()), 0);
            assert_eq!(libc::setresgid(65_534, 65_534, 65_534), 0);
            assert_eq!(libc::setresuid(65_534, 65_534, 65_534), 0);
            libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0);
        }
    }
    let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC;
    unshare(all).expect("this machine lets an unprivileged user make no namespaces");
    std::fs::write("/proc/self/setgroups", "deny").unwrap();
    std::fs::write("/proc/self/uid_map", format!("1000 {user} 1")).unwrap();
    std::fs::write("/proc/self/gid_map", format!("1000 {group} 1")).unwrap();
    // SAFETY: this process has one thread.
    match unsafe { nix::unistd::fork() }.unwrap() {
        nix::unistd::ForkResult::Parent { child } => {
            // SAFETY: the descriptor is ours; the host must see the end of the channel.
            drop(unsafe { OwnedFd::from_raw_fd(CHANNEL) });
            match nix::sys::wait::waitpid(child, None).unwrap() {
                nix::sys::wait::WaitStatus::Exited(_, code) => std::process::exit(code),
                other => panic!("the witness ended as {other:?}"),
            }
        }
        nix::unistd::ForkResult::Child => first_process(room),
    }
}

fn first_process(room: &Path) {
    use nix::mount::{MsFlags, mount};
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    // What others leave in folders that all share is none of a test's, and may be anything.
    let own = PathBuf::from(own_path());
    let kept = [room, own.parent().unwrap()].map(|path| (path, std::fs::File::open(path).unwrap()));
    for shared in ["/tmp", "/var/tmp", "/dev/shm"] {
        mount(Some("tmpfs"), shared, Some("tmpfs"), MsFlags::empty(), none).unwrap();
        for (path, folder) in kept.iter().filter(|(path, _)| path.starts_with(shared)) {
            std::fs::create_dir_all(path).unwrap();
            let from = format!("/proc/self/fd/{}", folder.as_raw_fd());
            mount(Some(from.as_str()), *path, none, MsFlags::MS_BIND | MsFlags::MS_REC, none).unwrap();
        }
    }
    drop(kept);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    mount(Some("proc"), "/proc", Some("proc"), flags, none).unwrap();
    loopback_up();
    nix::sys::prctl::set_no_new_privs().unwrap();
    let own = CString::new(own_path()).unwrap();
    // An exec as a user other than root leaves no capability.
    nix::unistd::execv(&own, &[own.as_c_str(), c"witness"]).map(drop).unwrap();
}

fn loopback_up() {
    // SAFETY: the request is filled with a name and flags, as netdevice(7) says.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
        assert_eq!(libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request), 0);
        libc::close(socket);
    }
}

/// The first process, now without any privilege.
pub(crate) fn witness() {
    // SAFETY: the descriptor was put there for this and is nobody else's.
    let channel = unsafe { OwnedFd::from_raw_fd(CHANNEL) };
    std::process::exit(sealcheck::witness::main(channel));
}
