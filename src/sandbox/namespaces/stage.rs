//! The stage: makes the place, forks PID 1 into it, and stands guard.
//!
//! It runs in a process of its own with one thread, because a process with
//! more may neither unshare its user namespace nor run ordinary code after a
//! fork. It prints nothing; what fails goes to the host as a [`Failure`].

use super::request::{Contents, Reply, Request, Setup};
use super::{capability, gather, handover, identity, mounts, network, view};
use crate::sandbox::failure::{During, Failure};
use crate::sandbox::listen;
use crate::wire;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The descriptor on which the witness finds its channel.
const CHANNEL: RawFd = 3;

/// The whole life of a stage whose control socket is `channel`. Returns the
/// exit code: that of PID 1, 128 and a signal's number, or 1 where the place
/// could not be made. To be called by a process with one thread, once.
pub fn stage_main(channel: RawFd) -> i32 {
    // SAFETY: the host hands exactly this descriptor over, and nothing else in this process uses it.
    let given = unsafe { OwnedFd::from_raw_fd(channel) };
    let Ok(mut control) = settle_descriptors(given) else { return 1 };
    let reply = match wire::receive::<Request>(&mut control) {
        Ok(Some(Request::Make(setup, length))) => match Contents::read(&mut control, length) {
            Ok(contents) => match make(&control, &setup, contents) {
                Ok(inmate) => return guard(&control, inmate),
                Err(failure) => Reply::Failed(failure),
            },
            Err(_) => return 1,
        },
        Ok(Some(Request::Try(capability))) => match capability::attempt(capability) {
            Ok(()) => Reply::Works,
            Err(failure) => Reply::Failed(failure),
        },
        // The host is gone or is no host of ours.
        Ok(None) | Err(_) => return 1,
    };
    let works = matches!(reply, Reply::Works);
    let _ = wire::send(&mut control, &reply);
    i32::from(!works)
}

/// Keeps the control socket, out of the way of the standard streams and of
/// [`CHANNEL`], and closes whatever else was inherited: a sandbox must not hold
/// a file of the shell that started us.
fn settle_descriptors(given: OwnedFd) -> io::Result<UnixStream> {
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    // SAFETY: takes numbers only; the result is checked and owned by nobody else.
    let high = unsafe { libc::fcntl(given.as_raw_fd(), libc::F_DUPFD_CLOEXEC, CHANNEL + 1) };
    if high < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us.
    let control = UnixStream::from(unsafe { OwnedFd::from_raw_fd(high) });
    // Either replaced by the next call or closed with the rest.
    let _ = given.into_raw_fd();
    nix::unistd::dup2_stdin(&null)?;
    drop(null);
    // SAFETY: takes numbers only, and no descriptor in these ranges is owned by a value that still lives.
    unsafe {
        if high > 3 {
            libc::close_range(3, high.unsigned_abs() - 1, 0);
        }
        libc::close_range(high.unsigned_abs() + 1, libc::c_uint::MAX, 0);
    }
    // The lowest free descriptor is now the channel's. It stays taken, so that
    // nothing else is there when the channel comes.
    let reserved = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    if reserved.into_raw_fd() != CHANNEL {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let _ = nix::unistd::setsid(); // no terminal's signals, no terminal to write to
    nix::sys::stat::umask(Mode::from_bits_truncate(0o022));
    Ok(control)
}

/// Makes the place and tells the host. Returns PID 1 as seen from here.
fn make(control: &UnixStream, setup: &Setup, mut contents: Contents) -> Result<Pid, Failure> {
    let executable = open("/proc/self/exe", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
        .during("open our own executable")?;
    raise_open_files();
    let mut skipped = Vec::new();
    let privileged = identity::sheds_root();
    if privileged {
        unshare(CloneFlags::CLONE_NEWNS).during("unshare the mount namespace")?;
        mounts::make_private().during("make the mounts private")?;
        skipped = gather::gather(setup, &mut contents, Some(identity::run_as()))?;
        identity::become_unprivileged()?;
    }
    identity::leave_keyring();
    // The uncovered one is also writable where a container's own is not.
    let uncovered = Path::new(gather::UNCOVERED);
    let proc = if privileged && uncovered.join("self").exists() { uncovered } else { Path::new("/proc") };
    identity::enter_namespaces(proc)?;
    mounts::make_private().during("make the mounts private")?;
    if !privileged {
        skipped = gather::gather(setup, &mut contents, None)?;
    }
    let (mut verdict, verdict_inside) = UnixStream::pair().during("make a socket pair")?;
    let (channel, channel_inside) = UnixStream::pair().during("make a socket pair")?;
    // SAFETY: this process has one thread, so the child may do anything.
    match unsafe { fork() }.during("fork PID 1")? {
        ForkResult::Child => {
            drop((verdict, channel));
            let failure = match become_witness(setup, &mut contents, &executable, channel_inside) {
                Ok(never) => match never {},
                Err(failure) => failure,
            };
            let mut verdict_inside = verdict_inside;
            let _ = wire::send(&mut verdict_inside, &failure);
            std::process::exit(1)
        }
        ForkResult::Parent { child } => {
            drop((verdict_inside, channel_inside));
            let told = (|| {
                let mut descriptors = open_doors(setup)?;
                // An exec closes the other end: the end of the stream means that all went well.
                match wire::receive::<Failure>(&mut verdict) {
                    Ok(None) => {}
                    Ok(Some(failure)) => return Err(failure),
                    Err(error) => return Err(Failure::refused("hear from PID 1", error.to_string())),
                }
                descriptors.push(channel.into());
                hand_out(control, &descriptors, skipped)
            })();
            if let Err(failure) = told {
                let _ = kill(child, Signal::SIGKILL);
                let _ = waitpid(child, None);
                return Err(failure);
            }
            Ok(child)
        }
    }
}

/// While PID 1 mounts, the other core opens doors.
fn open_doors(setup: &Setup) -> Result<Vec<OwnedFd>, Failure> {
    network::loopback_up().during("switch the loopback interface on")?;
    listen::open_doors(&setup.ports, &setup.ports_here)
}

fn hand_out(control: &UnixStream, descriptors: &[OwnedFd], skipped: Vec<String>) -> Result<(), Failure> {
    let ready = Reply::Ready { descriptors: descriptors.len(), skipped };
    wire::send(&mut &*control, &ready).map_err(io::Error::other).during("answer the host")?;
    handover::give(control, descriptors).during("hand the doors out")
}

/// The child's way from the fork to the exec.
fn become_witness(
    setup: &Setup,
    contents: &mut Contents,
    executable: &OwnedFd,
    channel: UnixStream,
) -> Result<std::convert::Infallible, Failure> {
    // From here on PID 1 dies with its guard. Giving up capabilities keeps this
    // setting; a change of uid would clear it.
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).during("tie PID 1 to its guard")?;
    let _ = nix::unistd::setsid();
    nix::unistd::sethostname("sealcheck").during("set the host name")?;
    view::build(setup, contents)?;
    identity::limit(setup.processes, setup.open_files)?;
    identity::drop_capabilities()?;
    // SAFETY: sets a disposition, no handler of ours runs.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.during("reset SIGPIPE")?;
    // SAFETY: takes numbers only; what is replaced is the reserved descriptor.
    if unsafe { libc::dup2(channel.as_raw_fd(), CHANNEL) } != CHANNEL {
        return Err(io::Error::last_os_error()).during("place the channel");
    }
    let words =
        ["sealcheck", "__witness", "--channel", "3"].map(|word| CString::new(word).unwrap_or_default());
    let no_environment: [CString; 0] = [];
    nix::unistd::execveat(executable, c"", &words, &no_environment, nix::fcntl::AtFlags::AT_EMPTY_PATH)
        .during("start the witness")
}

/// As many open files as we may have: there are a few hundred doors.
fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// Waits until PID 1 is gone or the host is; in the latter case ends PID 1, and
/// with it everything inside.
fn guard(control: &UnixStream, inmate: Pid) -> i32 {
    // Only processes inside may hold the pipes, or their end would never come.
    if let Ok(null) = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()) {
        let _ = nix::unistd::dup2_stdout(&null);
        let _ = nix::unistd::dup2_stderr(&null);
    }
    // SAFETY: takes numbers only; the child is ours and has not been waited for, so its pid is its own.
    let handle = unsafe { libc::syscall(libc::SYS_pidfd_open, inmate.as_raw(), 0) };
    let handle = RawFd::try_from(handle).unwrap_or(-1);
    let mut watched = [
        // A hang-up is always reported; nothing else is asked for.
        libc::pollfd { fd: control.as_raw_fd(), events: 0, revents: 0 },
        libc::pollfd { fd: handle, events: libc::POLLIN, revents: 0 },
    ];
    loop {
        // SAFETY: two structures, as stated, that outlive the call.
        let ready = unsafe { libc::poll(watched.as_mut_ptr(), 2, -1) };
        if watched[0].revents != 0
            || (ready < 0 && io::Error::last_os_error().raw_os_error() != Some(libc::EINTR))
        {
            let _ = kill(inmate, Signal::SIGKILL);
        }
        if watched[0].revents != 0 || watched[1].revents != 0 || ready < 0 {
            return match waitpid(inmate, None) {
                Ok(WaitStatus::Exited(_, code)) => code,
                Ok(WaitStatus::Signaled(_, by, _)) => 128 + by as i32,
                Ok(_) | Err(_) => 1,
            };
        }
    }
}
