//! Bytes on their way inside a container: from a socket to the line and back.

use super::link::{Line, Opener, Opening};
use crate::door::MAX_DATAGRAM;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;

/// Bytes that are passed on at once.
const CHUNK: usize = 128 << 10;
/// What an accept or a receive that failed waits before the next.
const PAUSE: Duration = Duration::from_millis(5);
/// Connections that are carried at once, of all doors; the others wait in the
/// kernel's queue. yamux lets 256 streams wait for an answer of the other side.
pub(super) const MAX_VISITS: usize = 200;
/// Questions that are carried at once; the others wait in the kernel's queue. None
/// that was taken is dropped: what it asks for would be seen by nobody.
const MAX_QUESTIONS: usize = 32;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Both ways, each end closed when the other is.
pub(super) async fn both<S: AsyncRead + AsyncWrite + Unpin>(mut socket: S, mut line: Line) -> io::Result<()> {
    tokio::io::copy_bidirectional_with_sizes(&mut socket, &mut line, CHUNK, CHUNK).await.map(drop)
}

/// One way, out of the container.
pub(super) async fn out(from: impl AsyncRead + Unpin, mut line: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut from = tokio::io::BufReader::with_capacity(CHUNK, from);
    tokio::io::copy_buf(&mut from, &mut line).await?;
    line.shutdown().await
}

/// Carries whoever comes to a door, for ever.
pub(super) async fn visits(door: SocketAddr, listener: TcpListener, opener: Opener, room: Arc<Semaphore>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Not before: there are more doors than places in the room.
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let _ = stream.set_nodelay(true);
        let opener = opener.clone();
        tokio::spawn(async move {
            if let Ok(line) = opener.open(&Opening::Visit { peer, door }).await {
                // One end went away: the other is closed with this.
                let _ = both(stream, line).await;
            }
            drop(permit);
        });
    }
}

/// Carries questions to the resolver and its answers back, for ever.
pub(super) async fn datagrams(socket: UdpSocket, opener: Opener) {
    let (socket, room) = (Arc::new(socket), Arc::new(Semaphore::new(MAX_QUESTIONS)));
    let mut packet = vec![0; MAX_DATAGRAM];
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        // An ICMP error of an earlier answer shows up here.
        let Ok((length, peer)) = socket.recv_from(&mut packet).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (question, socket, opener) = (packet[..length].to_vec(), socket.clone(), opener.clone());
        tokio::spawn(async move {
            let asked = async {
                let mut line = opener.open(&Opening::Datagram { peer }).await?;
                line.write_all(&question).await?;
                line.shutdown().await?;
                let mut answer = Vec::new();
                line.take(u64::from(u16::MAX)).read_to_end(&mut answer).await?;
                if !answer.is_empty() {
                    socket.send_to(&answer, peer).await?;
                }
                Ok::<(), io::Error>(())
            };
            let _ = tokio::time::timeout(PATIENCE, asked).await;
            drop(permit);
        });
    }
}
