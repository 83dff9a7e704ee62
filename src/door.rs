//! What comes through the doors of a sandbox: connections and datagrams, each
//! with where it came from and at which door it knocked.
//!
//! Whoever makes the sandbox makes them of what it has, and whoever takes them
//! answers. This module must not know either of them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// Where a sandbox has sockets that are full: attempts to connect are never answered.
pub const BLACK_HOLE: Ipv4Addr = Ipv4Addr::new(127, 0, 2, 1);

/// Both directions of a connection. Shutting the writing side down is a half-close.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + ?Sized> Stream for T {}

/// A connection from inside.
pub struct Visit {
    /// Its address inside.
    pub peer: SocketAddr,
    /// The address inside that it connected to.
    pub door: SocketAddr,
    /// The connection.
    pub stream: Box<dyn Stream>,
    /// Has it end with a reset.
    pub reset: Reset,
}

/// Says of a connection that its end is to be a reset: what TCP sends where a host
/// has lost it. Where bytes are carried out of a container it is an ordinary end.
#[derive(Debug, Clone, Default)]
pub struct Reset(Arc<AtomicBool>);

impl Reset {
    /// From now on.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody said so.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection of the kernel's that knows how it is to end.
struct Knock {
    stream: TcpStream,
    reset: Reset,
}

impl Drop for Knock {
    fn drop(&mut self) {
        if self.reset.is_set() {
            // Without time to linger, close sends RST (tcp(7), SO_LINGER in socket(7)).
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Knock {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Knock {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.is_set() {
            // A FIN would say that all is well.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A datagram from inside, at the resolver's door.
#[derive(Debug)]
pub struct Datagram {
    /// Whose it is, an address inside.
    pub peer: SocketAddr,
    /// Its bytes, at most [`MAX_DATAGRAM`].
    pub bytes: Vec<u8>,
    /// Takes the answer; dropped, there is none.
    pub answer: oneshot::Sender<Vec<u8>>,
}

/// Bytes of a datagram that are read.
pub const MAX_DATAGRAM: usize = 64 << 10;

/// All that comes. Dropped, nobody is let in any more.
#[derive(Debug)]
pub struct Doors {
    /// Connections, at 127.0.0.1:53 those to the resolver.
    pub visits: mpsc::Receiver<Visit>,
    /// Datagrams to the resolver.
    pub datagrams: mpsc::Receiver<Datagram>,
}

/// The other side of [`Doors`].
#[derive(Debug, Clone)]
pub struct Threshold {
    /// For connections.
    pub visits: mpsc::Sender<Visit>,
    /// For datagrams.
    pub datagrams: mpsc::Sender<Datagram>,
}

/// Visitors that wait beside those in the kernel's own queue.
const WAITING: usize = 16;

impl Doors {
    /// Doors, and what brings visitors to them.
    pub fn new() -> (Threshold, Self) {
        let (to_visits, visits) = mpsc::channel(WAITING);
        let (to_datagrams, datagrams) = mpsc::channel(WAITING);
        (Threshold { visits: to_visits, datagrams: to_datagrams }, Self { visits, datagrams })
    }

    /// Doors of sockets that listen: each with the address that it has inside,
    /// and the resolver's. Needs a tokio runtime.
    ///
    /// # Errors
    /// A socket cannot be watched.
    pub fn listen(tcp: Vec<(SocketAddr, TcpListener)>, udp: UdpSocket) -> io::Result<Self> {
        let (threshold, doors) = Self::new();
        udp.set_nonblocking(true)?;
        let udp = tokio::net::UdpSocket::from_std(udp)?;
        tokio::spawn(ask(Arc::new(udp), threshold.datagrams));
        for (door, listener) in tcp {
            hear_urgent(&listener)?;
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::spawn(accept(door, listener, threshold.visits.clone()));
        }
        Ok(doors)
    }
}

/// Urgent bytes come in their place among the others, at every connection of a listener's
/// (tcp(7), SO_OOBINLINE in socket(7)): else reading would leave them out.
///
/// # Errors
/// The kernel refuses the option.
pub fn hear_urgent(listener: &impl std::os::fd::AsFd) -> io::Result<()> {
    nix::sys::socket::setsockopt(listener, nix::sys::socket::sockopt::OobInline, &true)?;
    Ok(())
}

/// What an accept or a receive that failed waits before the next.
const PAUSE: Duration = Duration::from_millis(5);

async fn accept(door: SocketAddr, listener: tokio::net::TcpListener, to: mpsc::Sender<Visit>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = to.closed() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                // Until there is room the others wait in the kernel's queue, as at any server.
                let reset = Reset::default();
                let stream = Box::new(Knock { stream, reset: reset.clone() });
                if to.send(Visit { peer, door, stream, reset }).await.is_err() {
                    return;
                }
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn ask(socket: Arc<tokio::net::UdpSocket>, to: mpsc::Sender<Datagram>) {
    let mut packet = vec![0; MAX_DATAGRAM];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut packet) => received,
            () = to.closed() => return,
        };
        // An ICMP error of an earlier answer shows up here.
        let Ok((length, peer)) = received else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (answer, answered) = oneshot::channel();
        let bytes = packet[..length].to_vec();
        if to.send(Datagram { peer, bytes, answer }).await.is_err() {
            return;
        }
        let socket = socket.clone();
        tokio::spawn(async move {
            if let Ok(bytes) = answered.await {
                let _ = socket.send_to(&bytes, peer).await;
            }
        });
    }
}

impl std::fmt::Debug for Visit {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Visit({} at {})", self.peer, self.door)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn visitors_come_with_their_door_and_datagrams_are_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let resolver = udp.local_addr().unwrap();
        let named = SocketAddr::from(([127, 0, 0, 9], 443));
        let mut doors = Doors::listen(vec![(named, listener)], udp).unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        let mut visit = doors.visits.recv().await.unwrap();
        assert_eq!((visit.door, visit.peer), (named, client.local_addr().unwrap()));
        client.write_all(b"hello").await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = String::new();
        visit.stream.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "hello");

        let asking = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        asking.send_to(b"name?", resolver).await.unwrap();
        let question = doors.datagrams.recv().await.unwrap();
        assert_eq!((question.peer, question.bytes.as_slice()), (asking.local_addr().unwrap(), &b"name?"[..]));
        question.answer.send(b"here".to_vec()).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(asking.recv(&mut buffer).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn an_end_can_be_a_reset() {
        for reset in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            let mut doors = Doors::listen(vec![(address, listener)], udp).unwrap();
            let mut client = TcpStream::connect(address).await.unwrap();
            let mut visit = doors.visits.recv().await.unwrap();
            if reset {
                visit.reset.set();
            }
            visit.stream.shutdown().await.unwrap();
            drop(visit);
            let ended = client.read(&mut [0; 8]).await;
            assert_eq!(ended.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset), reset);
        }
    }

    #[tokio::test]
    async fn nobody_is_let_in_once_the_doors_are_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let doors = Doors::listen(vec![(address, listener)], UdpSocket::bind("127.0.0.1:0").unwrap());
        drop(doors);
        // The listener goes with its task.
        let refused = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), refused).await.unwrap();
    }
}
