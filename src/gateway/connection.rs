//! Connections: TLS by name, plain HTTP, tunnels through a proxy, and
//! everything else, which is written down and closed.

use super::answer::Delivered;
use super::answer::empty;
use super::authority::Authority;
use super::callers::Asked;
use super::fault::certificate::Flaw;
use super::serve::{HungUp, Shared, Way, blank};
use crate::door::Visit;
use crate::evidence::Exchange;
use crate::plan::is_here;
use crate::scenario::Answer;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::LazyConfigAcceptor;

/// Connections of a run that are served at once.
const MAX_CONNECTIONS: usize = 1024;
/// Time for the first byte, and for a TLS handshake.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time between requests of one connection.
const IDLE: Duration = Duration::from_secs(300);
/// Bytes of a connection that is neither TLS nor HTTP that are searched.
const MAX_OPAQUE: usize = 1 << 20;

type Answered = Pin<Box<dyn Future<Output = Result<Response<Delivered>, HungUp>> + Send>>;

/// What all connections of a run share.
pub(super) struct Connections {
    pub(super) shared: Arc<Shared>,
    pub(super) authority: Arc<Authority>,
    pub(super) room: Arc<Semaphore>,
    pub(super) tasks: Mutex<JoinSet<()>>,
}

impl Connections {
    /// For a run.
    pub(super) fn new(shared: Arc<Shared>, authority: Arc<Authority>) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Arc::new(Self { shared, authority, room, tasks: Mutex::default() })
    }

    /// Serves one that came, and keeps its place in the room until it is done.
    pub(super) fn serve(self: Arc<Self>, visit: Visit, permit: OwnedSemaphorePermit) {
        let Visit { peer, door, stream, reset } = visit;
        let caller = Asked::about(self.shared.callers.clone(), peer, door);
        let host = match door.ip() {
            IpAddr::V4(address) => self.shared.names.meant(address),
            IpAddr::V6(_) => None,
        };
        let here = door.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST);
        let proxy = self.shared.proxies.iter().any(|(name, port)| {
            let named = if here { is_here(name) } else { host.as_ref() == Some(name) };
            named && *port == door.port()
        });
        let (port, door, arrived) = (door.port(), door.ip(), Instant::now());
        let way = Way { scheme: "http", host, port, door, proxy, caller, reset, arrived };
        let connections = self.clone();
        self.spawn(async move {
            connections.connection(stream, way, "http").await;
            drop(permit);
        });
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Serves a connection or what is inside a tunnel. `opaque` is the scheme
    /// it is recorded by if it turns out to be neither TLS nor HTTP.
    fn connection<S>(
        self: Arc<Self>,
        mut stream: S,
        way: Way,
        opaque: &'static str,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Box::pin(async move {
            let mut first = vec![0; 1024];
            let read = tokio::time::timeout(PATIENCE, stream.read(&mut first)).await;
            let Ok(Ok(length @ 1..)) = read else {
                // A tunnel says by its name alone what a plain connection says by its look-up.
                if opaque == "connect" {
                    self.opaque(&way, opaque, b"", None);
                }
                return;
            };
            first.truncate(length);
            if self.fault(&way) == Answer::ConnectionReset {
                self.opaque(&way, opaque, &first, Some(Answer::ConnectionReset.name()));
                way.reset.set();
                return;
            }
            let tls = first[0] == 0x16;
            let line = Line::new(stream, first);
            if tls { self.tls(line, way, opaque).await } else { self.http(line, way, opaque).await }
        })
    }

    async fn tls<S>(self: Arc<Self>, line: Line<S>, mut way: Way, opaque: &'static str)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let seen = line.seen.clone();
        let mut sni = None;
        let handshake = async {
            let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), line);
            let start = acceptor.await?;
            sni = start.client_hello().server_name().map(str::to_ascii_lowercase);
            let name = sni.clone().or_else(|| way.host.clone()).unwrap_or_else(|| way.door.to_string());
            let fault = self.shared.names.fault(way.host.as_deref().unwrap_or(&name));
            let config = self.authority.server(&name, fault.and_then(Flaw::of));
            let config = config.map_err(std::io::Error::other)?;
            start.into_stream(config).await
        };
        let stream = tokio::time::timeout(PATIENCE, handshake).await;
        // A name in SNI is sent in clear, whatever becomes of the rest.
        if let Some(name) = sni.as_deref().filter(|name| self.shared.scanner.in_name(name).is_some()) {
            let told = Way { host: Some(name.to_owned()), ..way.clone() };
            self.opaque(&told, opaque, b"", None);
        }
        way.host = way.host.or(sni);
        let fault = self.fault(&way);
        match stream {
            Ok(Ok(stream)) => {
                way.scheme = "https";
                let line = Line::new(stream, Vec::new());
                self.http(line, way, "https").await;
            }
            // As it must.
            Ok(Err(_)) if Flaw::of(fault).is_some() => {
                self.opaque(&way, opaque, &seen.take(), Some(fault.name()));
            }
            // npm that has failed already leaves its audit in the middle of a
            // handshake: it hung up, and nothing stood in its way.
            Ok(Err(error)) if hung_up(&error) => self.opaque(&way, opaque, &seen.take(), Some("hung-up")),
            // Whoever does not trust our authority ends here, and so does what only looks like TLS.
            Ok(Err(_)) | Err(_) => self.opaque(&way, opaque, &seen.take(), Some("tls-handshake-failed")),
        }
    }

    async fn http<S>(self: Arc<Self>, mut line: Line<S>, way: Way, opaque: &'static str)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if line.next.is_empty() {
            let mut first = vec![0; 1024];
            let read = tokio::time::timeout(PATIENCE, line.inner.read(&mut first)).await;
            let Ok(Ok(length @ 1..)) = read else { return };
            first.truncate(length);
            line = Line::new(line.inner, first);
        }
        // A method is a word in capitals; nothing else is worth a parser.
        if !line.next.first().is_some_and(u8::is_ascii_uppercase) {
            let (mut bytes, mut inner) = (line.next.to_vec(), line.inner);
            let read = async {
                let mut buffer = [0; 16 << 10];
                while bytes.len() < MAX_OPAQUE {
                    match inner.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(n) => bytes.extend_from_slice(&buffer[..n]),
                    }
                }
            };
            let _ = tokio::time::timeout(Duration::from_secs(5), read).await;
            self.opaque(&way, opaque, &bytes, None);
            return;
        }
        let (seen, any) = (line.seen.clone(), Arc::new(AtomicBool::new(false)));
        let (connections, served, towards) = (self.clone(), any.clone(), way.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            served.store(true, Ordering::Relaxed);
            connections.clone().request(towards.clone(), request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .max_buf_size(256 << 10)
            .half_close(true)
            .serve_connection(TokioIo::new(line), service)
            .with_upgrades();
        let _ = connection.await;
        if !any.load(Ordering::Relaxed) {
            self.opaque(&way, opaque, &seen.take(), None);
        }
    }

    /// What is done at once here is done even if the other end is already gone.
    fn request(self: Arc<Self>, way: Way, request: Request<Incoming>) -> Answered {
        if request.method() == Method::CONNECT {
            return Box::pin(std::future::ready(Ok(self.connect(way, request))));
        }
        Box::pin(self.shared.clone().serve(way, request))
    }

    /// Opens a tunnel at a proxy's door; what is in it is served like any
    /// connection to the host that it names.
    fn connect(self: Arc<Self>, way: Way, request: Request<Incoming>) -> Response<Delivered> {
        let authority = request.uri().authority().cloned();
        let target = authority.and_then(|to| Some((to.host().to_ascii_lowercase(), to.port_u16()?)));
        let refuse = |host: &str, port: u16, status: StatusCode, fault: Option<&str>| {
            let mut exchange = blank(&Method::CONNECT, "http", &self.shared.scanner.redact_name(host), port);
            exchange.status = Some(status.as_u16());
            exchange.fault = fault.map(str::to_owned);
            self.record(&way, exchange, Instant::now());
            empty(status)
        };
        let Some((host, port)) = target.filter(|_| way.proxy) else {
            let host = way.host.clone().unwrap_or_else(|| "unknown.invalid".into());
            return refuse(&host, way.port, StatusCode::METHOD_NOT_ALLOWED, None);
        };
        if let Some(fault) = self.shared.names.fault(&host).filter(|fault| fault.nobody_there()) {
            return refuse(&host, port, StatusCode::BAD_GATEWAY, Some(fault.name()));
        }
        let arrived = Instant::now();
        let inner = Way { scheme: "http", host: Some(host), port, proxy: false, arrived, ..way };
        let connections = self.clone();
        self.spawn(async move {
            match hyper::upgrade::on(request).await {
                Ok(tunnel) => connections.connection(TokioIo::new(tunnel), inner, "connect").await,
                Err(_) => connections.opaque(&inner, "connect", b"", None),
            }
        });
        empty(StatusCode::OK)
    }

    /// The fault below HTTP that is played to a connection.
    fn fault(&self, way: &Way) -> Answer {
        way.host.as_deref().and_then(|host| self.shared.names.fault(host)).unwrap_or_default()
    }

    /// Writes down a connection that no request could be read from.
    fn opaque(&self, way: &Way, scheme: &str, bytes: &[u8], fault: Option<&str>) {
        let host = way.host.clone().unwrap_or_else(|| "unknown.invalid".into());
        let mut exchange = blank(&Method::GET, scheme, &self.shared.scanner.redact_name(&host), way.port);
        exchange.method = "-".into();
        exchange.bytes = 0;
        let scanner = &self.shared.scanner;
        exchange.carried_secret = scanner.in_bytes(bytes).or_else(|| scanner.in_name(&host));
        exchange.fault = fault.map(str::to_owned);
        self.record(way, exchange, way.arrived);
    }

    fn record(&self, way: &Way, exchange: Exchange, arrived: Instant) {
        self.shared.recorder.past(exchange, way.caller.clone(), arrived);
    }
}

/// The first bytes that were read, kept for a connection that turns out opaque.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    fn add(&self, bytes: &[u8]) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = (64 << 10) - seen.len().min(64 << 10);
        seen.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A stream whose first bytes were already read.
struct Line<S> {
    next: Bytes,
    inner: S,
    seen: Seen,
}

impl<S> Line<S> {
    fn new(inner: S, first: Vec<u8>) -> Self {
        let seen = Seen::default();
        seen.add(&first);
        Self { next: first.into(), inner, seen }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.next.is_empty() {
            let length = self.next.len().min(buffer.remaining());
            buffer.put_slice(&self.next.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.seen.add(&buffer.filled()[before..]);
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Whether the other side went away, with no word of mistrust.
fn hung_up(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
