//! The host's side of making a place, and of ending it.

use super::request::{Reply, Request, Setup, ask};
use super::scratch::ScratchFolder;
use super::{handover, identity};
use crate::sandbox::failure::{During, Failure};
use crate::sandbox::listen;
use crate::sandbox::running::{self, Joints, Prepared};
use crate::sandbox::{CacheSpec, SandboxError, SandboxSpec, Scratch};
use crate::wire::{self, Order};
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::net::unix::pipe;

/// How long a stage may take to end a sandbox before it is killed itself (with
/// which PID 1 dies, too).
const PATIENCE: Duration = Duration::from_secs(10);

/// A place that stands. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Place {
    stage: Child,
    /// Closed, it tells the stage to end everything.
    lifeline: Option<UnixStream>,
    folder: Option<ScratchFolder>,
}

impl Place {
    /// Ends whatever is alive inside, waits for it, and removes the scratch
    /// folder. Blocks for some milliseconds. A second call does nothing.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        self.lifeline = None;
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.stage.try_wait()? {
                break status;
            }
            if since.elapsed() > PATIENCE {
                self.stage.kill()?;
                break self.stage.wait()?;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        if let Some(folder) = &mut self.folder {
            folder.remove()?;
        }
        Ok(status)
    }
}

impl running::Place for Place {
    fn end(mut self: Box<Self>) -> Pin<Box<dyn Future<Output = io::Result<String>> + Send>> {
        Box::pin(async move {
            let ended = tokio::task::spawn_blocking(move || Self::end(&mut self));
            Ok(ended.await.map_err(io::Error::other)??.to_string())
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, "a sandbox could not be cleaned up");
        }
    }
}

/// The sockets that listen inside, handed out.
#[derive(Debug)]
pub(super) struct Sockets {
    /// One for each door address and port, those at 127.0.0.1, the resolver's.
    pub(super) tcp: Vec<(SocketAddr, TcpListener)>,
    /// 127.0.0.1:53.
    pub(super) dns_udp: UdpSocket,
}

/// A stage that has been started, and our end of its control socket.
pub(super) struct Stage {
    pub(super) process: Child,
    pub(super) control: UnixStream,
}

/// Starts the executable as a stage.
pub(super) fn start_stage(executable: &Path, output: impl Fn() -> Stdio) -> Result<Stage, Failure> {
    let (control, theirs) = UnixStream::pair().during("make a socket pair")?;
    let process = Command::new(executable)
        .args(["__stage", "--channel", "0"])
        .env_clear()
        .current_dir("/")
        .stdin(OwnedFd::from(theirs))
        .stdout(output())
        .stderr(output())
        // Ctrl-C at the terminal is for the host, which then ends the sandbox in order.
        .process_group(0)
        .spawn()
        .during(format!("start {}", executable.display()))?;
    Ok(Stage { process, control })
}

/// The empty folder on which a stage mounts, in a mount namespace of its own.
pub(super) fn hold(scratch_root: &Path) -> Result<PathBuf, Failure> {
    let hold = scratch_root.join("mountpoint");
    let step = || format!("make {}", hold.display());
    fs::create_dir_all(&hold).during(step())?;
    fs::canonicalize(&hold).during(step())
}

/// Makes a place. Blocks until it stands.
pub(super) fn make(executable: &Path, scratch_root: &Path, spec: SandboxSpec) -> Result<Made, SandboxError> {
    let hold = hold(scratch_root)?;
    let folder = match &spec.scratch {
        Scratch::Memory => None,
        Scratch::Disk(base) => Some(
            ScratchFolder::create(base, &spec.label)
                .during(format!("make a folder in {}", base.display()))?,
        ),
    };
    if let CacheSpec::Keep(folder) = &spec.cache {
        keep(folder).during(format!("make {}", folder.display()))?;
    }
    let disk = folder.as_ref().map(|folder| fs::canonicalize(folder.inner())).transpose();
    let (setup, contents) = Setup::of(&spec, hold, disk.during("find the scratch folder")?);
    let Stage { mut process, control } = start_stage(executable, Stdio::piped)?;
    let output = (process.stdout.take(), process.stderr.take());
    // From here on dropping the place cleans up.
    let mut place = Place { stage: process, lifeline: Some(control), folder };
    let (sockets, channel, skipped) = match converse(&place, &setup, &contents) {
        Ok(made) => made,
        Err(failure) => {
            let _ = place.end();
            return Err(failure.into());
        }
    };
    let (Some(stdout), Some(stderr)) = output else {
        return Err(SandboxError::Lost("its output was not connected".to_owned()));
    };
    Ok(Made {
        sockets,
        place,
        channel,
        stdout: stdout.into(),
        stderr: stderr.into(),
        order: spec.order,
        skipped,
    })
}

/// A place and what joins it to the host, before a runtime watches it.
pub(super) struct Made {
    pub(super) sockets: Sockets,
    place: Place,
    channel: UnixStream,
    stdout: OwnedFd,
    stderr: OwnedFd,
    order: Order,
    skipped: Vec<String>,
}

impl Made {
    /// Has the present runtime watch it.
    pub(super) fn join(self) -> io::Result<(Sockets, Prepared)> {
        self.channel.set_nonblocking(true)?;
        let joints = Joints {
            channel: Box::new(tokio::net::UnixStream::from_std(self.channel)?),
            stdout: Box::new(pipe::Receiver::from_owned_fd(self.stdout)?),
            stderr: Box::new(pipe::Receiver::from_owned_fd(self.stderr)?),
        };
        Ok((self.sockets, Prepared::new(Box::new(self.place), joints, self.order, self.skipped)))
    }
}

fn converse(
    place: &Place,
    setup: &Setup,
    contents: &[u8],
) -> Result<(Sockets, UnixStream, Vec<String>), Failure> {
    let lost = || Failure::refused("make the place", "the stage ended without a word");
    let mut control = place.lifeline.as_ref().ok_or_else(lost)?;
    // The spec is on its way while the stage starts; nothing here depends on an answer.
    let request = Request::Make(Box::new(setup.clone()), contents.len() as u64);
    ask(&mut control, &request, contents).during("tell the stage what to make")?;
    let (count, skipped) = match wire::receive::<Reply>(&mut control) {
        Ok(Some(Reply::Ready { descriptors, skipped })) => (descriptors, skipped),
        Ok(Some(Reply::Failed(failure))) => return Err(failure),
        Ok(Some(Reply::Works) | None) => return Err(lost()),
        Err(error) => return Err(Failure::refused("hear from the stage", error.to_string())),
    };
    if count != listen::descriptors(setup.ports.len(), setup.ports_here.len()) + 1 {
        return Err(Failure::refused("take the doors", format!("{count} of them")));
    }
    let mut taken = handover::take(control, count).during("take the doors")?;
    let mut last = || taken.pop().ok_or_else(lost);
    let channel = UnixStream::from(last()?);
    let dns_tcp = last()?;
    let dns_udp = UdpSocket::from(last()?);
    let tcp = taken
        .into_iter()
        .chain([dns_tcp])
        .map(|fd| {
            let door = TcpListener::from(fd);
            door.local_addr().map(|address| (address, door))
        })
        .collect::<io::Result<_>>()
        .during("ask a door for its address")?;
    Ok((Sockets { tcp, dns_udp }, channel, skipped))
}

/// Makes the folder that a cache is kept in, owned by whom the sandbox runs as.
fn keep(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    if identity::sheds_root() {
        let (uid, gid) = identity::run_as();
        nix::unistd::chown(folder, Some(uid), Some(gid))?;
    }
    Ok(())
}
