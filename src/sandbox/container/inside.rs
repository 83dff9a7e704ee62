//! The container's side: what PID 1 does before and after it is the witness.
//!
//! A thread carries everything between the processes inside and the line to the
//! host: it fills the place, opens the doors, and passes bytes on. It is a
//! thread of PID 1 and no process, because those it serves could end a process.
//! When the line ends, so does PID 1, and with it everything inside: nobody is
//! left behind by a host that went away.

use super::link::{self, Opener, Opening, Reply, Setup, hear, say};
use super::{carry, proc, unpack};
use crate::sandbox::failure::{During, Failure};
use crate::sandbox::listen::{self, RESOLVER};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::SigSet;
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::compat::TokioAsyncReadCompatExt;

/// How long the host may take to hear the last word.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// A place that stands.
pub struct Inmate {
    channel: OwnedFd,
    carrier: Carrier,
}

/// The thread at work.
pub struct Carrier {
    finish: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Inmate {
    /// Makes the place as the host says over the standard streams, which must
    /// be a container's; blocks until it stands. The only process there, with
    /// one thread, calls it once.
    ///
    /// # Errors
    /// The host was told already, or is gone.
    pub fn enter() -> io::Result<Self> {
        let line = (set_aside(io::stdin())?, set_aside(io::stdout())?);
        let null =
            nix::fcntl::open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())?;
        nix::unistd::dup2_stdin(&null)?;
        let (stdout, into_stdout) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        let (stderr, into_stderr) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        nix::unistd::dup2_stdout(&into_stdout)?;
        nix::unistd::dup2_stderr(&into_stderr)?;
        let (channel, ours) = UnixStream::pair()?;
        // While there is one thread.
        let sealed = proc::seal();
        let (made, standing) = mpsc::sync_channel(1);
        let (finish, finished) = oneshot::channel();
        let ends = Ends { line, channel: ours, stdout, stderr, sealed };
        // Signals are the witness's, and it waits for them in its own thread.
        let before = SigSet::all().thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_SETMASK)?;
        let thread =
            std::thread::Builder::new().name("carrier".to_owned()).spawn(move || work(ends, &made, finished));
        before.thread_set_mask()?;
        standing.recv().map_err(|_gone| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(Self { channel: channel.into(), carrier: Carrier { finish, thread: thread? } })
    }

    /// The witness's channel, and what is to be done when the witness is done.
    pub fn take(self) -> (OwnedFd, Carrier) {
        (self.channel, self.carrier)
    }
}

impl Carrier {
    /// Passes on what is left and leaves. To be called when nothing else is alive.
    pub fn leave(self) {
        // Our own writing ends were the last.
        if let Ok(null) = std::fs::File::options().write(true).open("/dev/null") {
            let _ = nix::unistd::dup2_stdout(&null);
            let _ = nix::unistd::dup2_stderr(&null);
        }
        let _ = self.finish.send(());
        let _ = self.thread.join();
    }
}

/// What the thread holds.
struct Ends {
    line: (OwnedFd, OwnedFd),
    channel: UnixStream,
    stdout: OwnedFd,
    stderr: OwnedFd,
    /// Whether the place can be one at all.
    sealed: Result<(), Failure>,
}

/// Moves one of the standard streams to where no program finds it.
fn set_aside(descriptor: impl AsFd) -> io::Result<OwnedFd> {
    let kept = descriptor.as_fd().try_clone_to_owned()?;
    let flags = OFlag::from_bits_truncate(fcntl(kept.as_fd(), FcntlArg::F_GETFL)?);
    fcntl(kept.as_fd(), FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(kept)
}

fn work(ends: Ends, made: &mpsc::SyncSender<()>, finished: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(serve(ends, made, finished)),
        Err(error) => Err(error),
    };
    // The host is gone, or knows.
    if outcome.is_err() {
        std::process::exit(1);
    }
}

async fn serve(ends: Ends, made: &mpsc::SyncSender<()>, finished: oneshot::Receiver<()>) -> io::Result<()> {
    let Ends { line: (from_host, to_host), channel, stdout, stderr, sealed } = ends;
    // Whatever the engine connects: a pipe, a socket.
    let from_host = pipe::Receiver::from_owned_fd_unchecked(from_host)?;
    let to_host = pipe::Sender::from_owned_fd_unchecked(to_host)?;
    let (opener, drive) = link::inside(tokio::io::join(from_host, to_host).compat());
    let mut driver = tokio::spawn(drive);
    let run = async {
        let keep_cache = settle(&opener, sealed).await?;
        channel.set_nonblocking(true)?;
        let channel = tokio::net::UnixStream::from_std(channel)?;
        let channel_line = opener.open(&Opening::Channel).await?;
        let stdout_line = opener.open(&Opening::Stdout).await?;
        let stderr_line = opener.open(&Opening::Stderr).await?;
        let _ = made.send(());
        // The host may never close its half: the witness's last word is the end.
        let (from_witness, mut to_witness) = channel.into_split();
        let (mut orders, words) = tokio::io::split(channel_line);
        tokio::spawn(async move {
            let _ = tokio::io::copy(&mut orders, &mut to_witness).await;
            to_witness.shutdown().await
        });
        let told = tokio::join!(
            carry::out(from_witness, words),
            carry::out(pipe::Receiver::from_owned_fd(stdout)?, stdout_line),
            carry::out(pipe::Receiver::from_owned_fd(stderr)?, stderr_line),
            finished,
        );
        drop(told);
        if keep_cache {
            let line = opener.open(&Opening::Cache).await?;
            unpack::send_cache(line).await?;
        }
        opener.open(&Opening::Done).await
    };
    let _done = tokio::select! {
        done = run => done?,
        _ = &mut driver => return Err(io::ErrorKind::BrokenPipe.into()),
    };
    // The host ends the line when it has heard everything.
    let _ = tokio::time::timeout(PATIENCE, driver).await;
    Ok(())
}

/// Makes the place as the host says. Whether the cache is wanted at the end.
async fn settle(opener: &Opener, sealed: Result<(), Failure>) -> io::Result<bool> {
    let mut line = opener.open(&Opening::Control).await?;
    let setup: Setup = hear(&mut line).await?;
    let (mut line, filled) = unpack::fill(line).await?;
    let settled = sealed.and(filled).and_then(|()| open(&setup, opener));
    match settled {
        Ok(()) => say(&mut line, &Reply::Ready).await?,
        Err(failure) => {
            say(&mut line, &Reply::Failed(failure)).await?;
            // Until the host has heard it and closes.
            let _ = tokio::io::copy(&mut line, &mut tokio::io::sink()).await;
            return Err(io::ErrorKind::Other.into());
        }
    }
    Ok(setup.keep_cache)
}

/// Opens the doors.
fn open(setup: &Setup, opener: &Opener) -> Result<(), Failure> {
    let mut sockets = listen::open_doors(&setup.ports, &setup.ports_here)?;
    let resolver = sockets.pop();
    let datagrams = sockets.pop();
    let (Some(resolver), Some(datagrams)) = (resolver, datagrams) else {
        return Err(Failure::refused("open the doors", "there is no resolver"));
    };
    let room = Arc::new(Semaphore::new(carry::MAX_VISITS));
    for socket in sockets.into_iter().chain([resolver]) {
        let listener = std::net::TcpListener::from(socket);
        let ready = listener.set_nonblocking(true).and_then(|()| listener.local_addr());
        let door = ready.during("open a door")?;
        let listener = tokio::net::TcpListener::from_std(listener).during("open a door")?;
        tokio::spawn(carry::visits(door, listener, opener.clone(), room.clone()));
    }
    let datagrams = UdpSocket::from(datagrams);
    datagrams.set_nonblocking(true).during(format!("open the door {RESOLVER}"))?;
    let datagrams = tokio::net::UdpSocket::from_std(datagrams).during(format!("open the door {RESOLVER}"))?;
    tokio::spawn(carry::datagrams(datagrams, opener.clone()));
    Ok(())
}
