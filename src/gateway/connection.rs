//! Connections: TLS by name, plain HTTP, tunnels through a proxy, and
//! everything else, which is written down and closed.

use super::answer::Delivered;
use super::answer::empty;
use super::authority::Authority;
use super::callers::Asked;
use super::fault::certificate::Flaw;
use super::flow::{Flow, Pool, Towards};
use super::line::Line;
use super::serve::{HungUp, Place, Shared, Way, blank};
use crate::door::Visit;
use crate::evidence::Exchange;
use crate::plan::is_here;
use crate::scenario::Answer;
use futures_util::FutureExt;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio_rustls::LazyConfigAcceptor;

/// Connections of a run that are served at once.
const MAX_CONNECTIONS: usize = 1024;
/// Time for the first byte, and for a TLS handshake.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time between requests of one connection.
const IDLE: Duration = Duration::from_secs(300);
/// Bytes that are read at once.
const FIRST: usize = 16 << 10;
/// Connections of a run that nobody answers any more, and that are heard out.
const MAX_LINGERING: usize = 1024;
/// Time for the last words to one of them.
const PARTING: Duration = Duration::from_secs(5);

type Answered = Pin<Box<dyn Future<Output = Result<Response<Delivered>, HungUp>> + Send>>;

/// What all connections of a run share.
pub(super) struct Connections {
    pub(super) shared: Arc<Shared>,
    pub(super) authority: Arc<Authority>,
    pub(super) room: Arc<Semaphore>,
    lingering: Arc<Semaphore>,
    pool: Arc<Pool>,
    pub(super) tasks: Mutex<JoinSet<()>>,
}

impl Connections {
    /// For a run.
    pub(super) fn new(shared: Arc<Shared>, authority: Arc<Authority>) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let lingering = Arc::new(Semaphore::new(MAX_LINGERING));
        let pool = Pool::new(shared.scanner.clone(), shared.recorder.clone());
        Arc::new(Self { shared, authority, room, lingering, pool, tasks: Mutex::default() })
    }

    /// Serves one that came, and keeps its place in the room until it is done.
    pub(super) fn serve(self: Arc<Self>, visit: Visit, permit: OwnedSemaphorePermit) {
        let towards = self.towards(&visit);
        let Visit { door, stream, reset, .. } = visit;
        let host = self.meant(door.ip());
        let here = door.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST);
        let proxy = self.shared.proxies.iter().any(|(name, port)| {
            let named = if here { is_here(name) } else { host.as_ref() == Some(name) };
            named && *port == door.port()
        });
        let (port, door, place) = (door.port(), door.ip(), Place::of(permit));
        let (caller, arrived, flow) = (towards.caller.clone(), towards.arrived, self.flow(towards));
        let way = Way { scheme: "http", host, port, door, proxy, caller, reset, arrived, flow, place };
        let connections = self.clone();
        self.spawn(async move {
            connections.connection(stream, way, "http").await;
        });
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Where one that came leads.
    pub(super) fn towards(&self, visit: &Visit) -> Towards {
        let Visit { peer, door, .. } = *visit;
        let caller = Asked::about(self.shared.callers.clone(), peer, door);
        let host = self.meant(door.ip()).unwrap_or_else(|| door.ip().to_string());
        Towards { scheme: "http", host, port: door.port(), caller, arrived: Instant::now() }
    }

    fn meant(&self, door: IpAddr) -> Option<String> {
        match door {
            IpAddr::V4(address) => self.shared.names.meant(address),
            IpAddr::V6(_) => None,
        }
    }

    /// The bytes of one that came.
    pub(super) fn flow(&self, towards: Towards) -> Flow {
        Flow::new(self.pool.clone(), towards, None)
    }

    /// Hears one out that nobody answers any more, until it ends: what comes now has left
    /// the sandbox like all else. Says whether anything came.
    pub(super) async fn listen_on<S>(&self, mut stream: S, flow: &Flow, place: &Place) -> bool
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Ok(_turn) = self.lingering.clone().try_acquire_owned() else {
            flow.cut();
            return false;
        };
        place.leave();
        let _ = tokio::time::timeout(PARTING, stream.shutdown()).await;
        let (mut buffer, mut heard) = (vec![0; FIRST], false);
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            heard = true;
            flow.misread();
            flow.opaque();
            flow.feed(&buffer[..length]);
        }
        heard
    }

    /// The same for one that a parser gives back.
    async fn rest<S>(&self, back: oneshot::Receiver<S>, way: &Way, flow: &Flow)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if let Ok(stream) = back.await
            && !way.reset.is_set()
        {
            self.listen_on(stream, flow, &way.place).await;
        }
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
            let mut first = vec![0; FIRST];
            let read = tokio::time::timeout(PATIENCE, stream.read(&mut first)).await;
            let Ok(Ok(length @ 1..)) = read else {
                // A tunnel says by its name alone what a plain connection says by its look-up.
                if opaque == "connect" {
                    self.opaque(&way, opaque, None);
                }
                if read.is_err() && self.listen_on(stream, &way.flow, &way.place).await {
                    self.opaque(&way, opaque, None);
                }
                return;
            };
            first.truncate(length);
            way.flow.feed(&first);
            if self.fault(&way) == Answer::ConnectionReset {
                self.opaque(&way, opaque, Some(Answer::ConnectionReset.name()));
                // What has come until now is read; nothing comes after.
                while let Some(Ok(length @ 1..)) = stream.read(&mut first).now_or_never() {
                    way.flow.feed(&first[..length]);
                }
                way.reset.set();
                return;
            }
            if first[0] == 0x16 {
                self.tls(stream, first, way, opaque).await;
            } else {
                self.http(stream, first, way, opaque).await;
            }
        })
    }

    async fn tls<S>(self: Arc<Self>, stream: S, first: Vec<u8>, mut way: Way, opaque: &'static str)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let clear = way.flow.clone();
        let (line, back) = Line::new(stream, first, clear.clone());
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
            self.opaque(&told, opaque, None);
        }
        // What a script writes there names nobody that it may not be.
        way.host = way.host.or(sni.filter(|name| is_here(name)));
        let fault = self.fault(&way);
        match stream {
            Ok(Ok(stream)) => {
                let host = way.host.clone().unwrap_or_else(|| way.door.to_string());
                let flow = clear.within("https", host, way.port);
                let inside = Way { scheme: "https", flow, ..way.clone() };
                self.clone().http(stream, Vec::new(), inside, "https").await;
            }
            // As it must.
            Ok(Err(_)) if Flaw::of(fault).is_some() => self.opaque(&way, opaque, Some(fault.name())),
            // npm that has failed already leaves its audit in the middle of a
            // handshake: it hung up, and nothing stood in its way.
            Ok(Err(error)) if hung_up(&error) => self.opaque(&way, opaque, Some("hung-up")),
            // Whoever does not trust our authority ends here, and so does what only looks like TLS.
            Ok(Err(_)) | Err(_) => self.opaque(&way, opaque, Some("tls-handshake-failed")),
        }
        self.rest(back, &way, &clear).await;
    }

    async fn http<S>(self: Arc<Self>, mut stream: S, mut first: Vec<u8>, way: Way, opaque: &'static str)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let flow = way.flow.clone();
        if first.is_empty() {
            first = vec![0; FIRST];
            match tokio::time::timeout(PATIENCE, stream.read(&mut first)).await {
                Ok(Ok(length @ 1..)) => first.truncate(length),
                Ok(Ok(0) | Err(_)) => return,
                Err(_) => {
                    if self.listen_on(stream, &flow, &way.place).await {
                        self.opaque(&way, opaque, None);
                    }
                    return;
                }
            }
            flow.feed(&first);
        }
        // A method is a word in capitals; nothing else is worth a parser.
        if !first.first().is_some_and(u8::is_ascii_uppercase) {
            flow.misread();
            self.opaque(&way, opaque, None);
            self.listen_on(stream, &flow, &way.place).await;
            return;
        }
        let (line, back) = Line::new(stream, first, flow.clone());
        let any = Arc::new(AtomicBool::new(false));
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
        if let Err(error) = connection.await {
            flow.misread();
            // Who only hangs up has sent what was read.
            if error.is_parse() {
                flow.opaque();
            }
        }
        if !any.load(Ordering::Relaxed) {
            self.opaque(&way, opaque, None);
        }
        self.rest(back, &way, &flow).await;
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
            let host = way.host.clone().unwrap_or_else(|| way.door.to_string());
            return refuse(&host, way.port, StatusCode::METHOD_NOT_ALLOWED, None);
        };
        if let Some(fault) = self.shared.names.fault(&host).filter(|fault| fault.nobody_there()) {
            return refuse(&host, port, StatusCode::BAD_GATEWAY, Some(fault.name()));
        }
        let arrived = Instant::now();
        let flow = way.flow.within("connect", host.clone(), port);
        let inner = Way { scheme: "http", host: Some(host), port, proxy: false, arrived, flow, ..way };
        let connections = self.clone();
        self.spawn(async move {
            match hyper::upgrade::on(request).await {
                Ok(tunnel) => connections.connection(TokioIo::new(tunnel), inner, "connect").await,
                Err(_) => connections.opaque(&inner, "connect", None),
            }
        });
        empty(StatusCode::OK)
    }

    /// The fault below HTTP that is played to a connection.
    fn fault(&self, way: &Way) -> Answer {
        way.host.as_deref().and_then(|host| self.shared.names.fault(host)).unwrap_or_default()
    }

    /// Writes down a connection that no request could be read from.
    fn opaque(&self, way: &Way, scheme: &str, fault: Option<&str>) {
        let host = way.host.clone().unwrap_or_else(|| way.door.to_string());
        let mut exchange = blank(&Method::GET, scheme, &self.shared.scanner.redact_name(&host), way.port);
        exchange.method = "-".into();
        exchange.bytes = 0;
        exchange.carried_secret = self.shared.scanner.in_name(&host);
        exchange.fault = fault.map(str::to_owned);
        way.flow.opaque();
        self.record(way, exchange, way.arrived);
    }

    fn record(&self, way: &Way, exchange: Exchange, arrived: Instant) {
        if let Some(label) = &exchange.carried_secret {
            way.flow.told(label);
        }
        way.flow.recorded(self.shared.recorder.past(exchange, way.caller.clone(), arrived));
    }
}

/// Whether the other side went away, with no word of mistrust.
fn hung_up(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
