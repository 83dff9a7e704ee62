//! The one line between host and container, and what is said over it.
//!
//! The engine gives a container nothing but its standard input and output, so
//! everything travels over that pair: yamux makes streams of it, each with its
//! own flow control, so that a reader that stalls holds up nobody else. The
//! container opens every stream and says first what it is.

use crate::sandbox::failure::Failure;
use futures_util::io::{AsyncRead, AsyncWrite};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};
use yamux::{Config, Connection, Mode};

/// Streams that may be open at once: a few of ours, and every connection that
/// the gateway serves.
const MAX_STREAMS: usize = 1100;
/// Bytes that all streams of one side may have in waiting, at most; a stream
/// begins with 256 KiB and gets more while its reader keeps up.
const MAX_WAITING: usize = 512 << 20;
/// Bytes of an opening, at most.
const MAX_HEAD: usize = 1 << 20;

/// One stream.
pub(super) type Line = Compat<yamux::Stream>;

/// What a stream is for; the first that is sent over it, by the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Opening {
    /// What the place is to be, and whether it came to be.
    Control,
    /// The witness's channel.
    Channel,
    /// The command's standard output.
    Stdout,
    /// The command's standard error.
    Stderr,
    /// A connection of a process inside.
    Visit { peer: SocketAddr, door: SocketAddr },
    /// A datagram of a process inside, and the answer to it.
    Datagram { peer: SocketAddr },
    /// npm's cache as it stands at the end, as a tar.
    Cache,
    /// Nothing follows. The container stays until the host has heard it, since
    /// engines lose the last words of one that goes away.
    Done,
}

/// What a place inside a container is to be. A tar of what lies in the
/// project and in the home folder follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Setup {
    /// As in a `SandboxSpec`.
    pub(super) ports: Vec<u16>,
    /// As in a `SandboxSpec`.
    pub(super) ports_here: Vec<u16>,
    /// Whether the cache is wanted at the end.
    pub(super) keep_cache: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The place stands.
    Ready,
    /// A step failed.
    Failed(Failure),
}

/// Sends one message.
pub(super) async fn say(to: &mut Line, message: &impl Serialize) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    to.write_u32_le(u32::try_from(body.len()).map_err(io::Error::other)?).await?;
    to.write_all(&body).await?;
    to.flush().await
}

/// Receives one message.
pub(super) async fn hear<T: DeserializeOwned>(from: &mut Line) -> io::Result<T> {
    let length = from.read_u32_le().await? as usize;
    if length > MAX_HEAD {
        return Err(io::Error::other(format!("a message of {length} bytes")));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    Ok(serde_json::from_slice(&body)?)
}

fn config() -> Config {
    let mut config = Config::default();
    config.set_max_num_streams(MAX_STREAMS);
    config.set_max_connection_receive_window(Some(MAX_WAITING));
    config.set_split_send_size(64 << 10);
    config
}

/// The container's end: opens streams.
#[derive(Debug, Clone)]
pub(super) struct Opener(mpsc::Sender<oneshot::Sender<Line>>);

impl Opener {
    /// Opens a stream and says what it is.
    pub(super) async fn open(&self, opening: &Opening) -> io::Result<Line> {
        let (asked, line) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.send(asked).await.map_err(|_closed| gone())?;
        let mut line = line.await.map_err(|_closed| gone())?;
        say(&mut line, opening).await?;
        Ok(line)
    }
}

/// Makes the container's end. The future drives it until the host ends the line.
pub(super) fn inside<T>(line: T) -> (Opener, impl Future<Output = ()>)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let (sender, mut wanted) = mpsc::channel::<oneshot::Sender<Line>>(16);
    let drive = async move {
        let mut connection = Connection::new(line, config(), Mode::Client);
        let mut next: Option<oneshot::Sender<Line>> = None;
        poll_fn(|context| {
            loop {
                if next.is_none()
                    && let Poll::Ready(Some(asked)) = wanted.poll_recv(context)
                {
                    next = Some(asked);
                }
                if let Some(asked) = next.take() {
                    match connection.poll_new_outbound(context) {
                        Poll::Ready(Ok(stream)) => {
                            // Whoever asked may have gone; the stream then closes.
                            let _ = asked.send(stream.compat());
                            continue;
                        }
                        Poll::Ready(Err(_)) => return Poll::Ready(()),
                        Poll::Pending => next = Some(asked),
                    }
                }
                match connection.poll_next_inbound(context) {
                    // The host opens none.
                    Poll::Ready(Some(Ok(stream))) => drop(stream),
                    Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    };
    (Opener(sender), drive)
}

/// The host's end: a task that takes streams until the line ends, and why it ended.
pub(super) fn host<T>(line: T) -> (mpsc::Receiver<Line>, tokio::task::JoinHandle<Option<String>>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, streams) = mpsc::channel(64);
    let task = tokio::spawn(async move {
        let mut connection = Connection::new(line, config(), Mode::Server);
        let mut waiting: std::collections::VecDeque<Line> = std::collections::VecDeque::new();
        loop {
            // The connection must be driven while a taker is waited for.
            let stream = if waiting.is_empty() {
                poll_fn(|context| connection.poll_next_inbound(context)).await
            } else {
                tokio::select! {
                    room = sender.reserve() => {
                        match (room, waiting.pop_front()) {
                            (Ok(room), Some(line)) => room.send(line),
                            (_, _) => return None,
                        }
                        continue;
                    }
                    stream = poll_fn(|context| connection.poll_next_inbound(context)) => stream,
                }
            };
            match stream {
                Some(Ok(stream)) => waiting.push_back(stream.compat()),
                Some(Err(error)) => return Some(error.to_string()),
                None => return None,
            }
        }
    });
    (streams, task)
}
