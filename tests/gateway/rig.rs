//! A gateway on loopback sockets, a client that trusts it, and a registry to
//! stand for the real one.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use sealcheck::door::Doors;
use sealcheck::gateway::{Authority, Caller, Callers, Gateway, GatewaySpec};
use sealcheck::plan::{Planted, RegistryWorld, World};
use sealcheck::project::named::NamedHosts;
use sealcheck::project::registry::RegistryUrl;
use sealcheck::scenario::Answer;
use sealcheck::upstream::{Store, Upstream, UpstreamConfig};
use sealcheck::wire::ProcessId;
use std::collections::BTreeSet;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Names the same process for everybody; whether it is npm can be changed.
#[derive(Default)]
pub(crate) struct Everybody {
    pub(crate) script: AtomicBool,
}

impl Callers for Everybody {
    fn caller<'a>(
        &'a self,
        _: SocketAddr,
        _: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Option<Caller>> + Send + 'a>> {
        let npm = !self.script.load(Ordering::Relaxed);
        Box::pin(std::future::ready(Some(Caller { process: ProcessId(1), npm })))
    }
}

/// Sockets as a sandbox would hand them out, all on one port.
pub(crate) struct Sockets {
    pub(crate) port: u16,
    /// 127.0.0.1 at that port: for the registry that stands for the real one.
    pub(crate) real: TcpListener,
    pub(crate) doors: Vec<(SocketAddr, TcpListener)>,
}

pub(crate) fn sockets() -> Sockets {
    'again: for _ in 0..100 {
        let real = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = real.local_addr().unwrap().port();
        let mut doors = Vec::new();
        for last in (2..=12).chain([65]) {
            let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port));
            match TcpListener::bind(address) {
                Ok(door) => doors.push((address, door)),
                Err(_) => continue 'again,
            }
        }
        return Sockets { port, real, doors };
    }
    panic!("no port is free on 127.0.0.2 to 127.0.0.12 and 127.0.0.65");
}

pub(crate) const PLANTED: &str = "npm_planted0123456789abcdefXYZ";
pub(crate) const REAL: &str = "the-real-token";

/// A world whose registries are all at one port.
pub(crate) fn world(port: u16) -> World {
    let url = |text: String| RegistryUrl::parse(&text).unwrap();
    World {
        public: url(format!("https://registry.example:{port}/")),
        public_answer: Answer::Genuine,
        public_serve: None,
        registries: vec![RegistryWorld {
            url: url(format!("http://127.0.0.1:{port}/npm/")),
            answer: Answer::Genuine,
            serve: None,
            also: Vec::new(),
        }],
        own: Default::default(),
        known: Default::default(),
        private: Default::default(),
        local: Default::default(),
        private_globs: vec!["@acme/*".into()],
        decoys: Vec::new(),
        tamper: None,
        strangers: BTreeSet::new(),
        named: NamedHosts::listed(&["127.0.0.1", "localhost"]),
        hosts: BTreeSet::new(),
        secrets: Default::default(),
        planted: vec![Planted {
            value: PLANTED.into(),
            label: "NPM_TOKEN".into(),
            nerf_dart: Some(format!("//127.0.0.1:{port}/npm/")),
            key: "_authToken".into(),
            real: Some(sealcheck::secret::Secret::new("NPM_TOKEN", REAL)),
        }],
        ports: BTreeSet::from([port]),
        pinned: std::collections::BTreeMap::new(),
        keeping: None,
        sink: None,
    }
}

pub(crate) struct Rig {
    pub(crate) gateway: Gateway,
    pub(crate) port: u16,
    pub(crate) callers: Arc<Everybody>,
    pub(crate) store: Arc<Store>,
    authority: Arc<Authority>,
    resolver: SocketAddr,
}

pub(crate) fn upstream(store: Arc<Store>, offline: bool) -> Arc<Upstream> {
    Arc::new(Upstream::new(&UpstreamConfig::default(), store, offline).unwrap())
}

pub(crate) fn open(
    world: World,
    port: u16,
    doors: Vec<(SocketAddr, TcpListener)>,
    upstream: Arc<Upstream>,
) -> Rig {
    let authority = Arc::new(Authority::new().unwrap());
    let callers = Arc::new(Everybody::default());
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let resolver = udp.local_addr().unwrap();
    let store = upstream.store().clone();
    let spec = GatewaySpec {
        world: Arc::new(world),
        authority: authority.clone(),
        upstream,
        callers: callers.clone(),
        proxies: vec![("proxy.example".into(), port)],
    };
    let gateway = Gateway::open(spec, Doors::listen(doors, udp).unwrap()).unwrap();
    Rig { gateway, port, callers, store, authority, resolver }
}

impl Rig {
    /// A world that needs no real registry.
    pub(crate) fn plain(change: impl FnOnce(&mut World)) -> Self {
        let sockets = sockets();
        let mut world = world(sockets.port);
        change(&mut world);
        open(world, sockets.port, sockets.doors, upstream(Arc::new(Store::temporary().unwrap()), true))
    }

    /// Where questions are sent.
    pub(crate) fn resolver(&self) -> SocketAddr {
        self.resolver
    }

    /// The address of a name, by the gateway's own resolver.
    pub(crate) fn lookup(&self, name: &str) -> SocketAddr {
        self.address(name).unwrap_or_else(|| panic!("no address for {name}"))
    }

    /// The same, where there may be none.
    pub(crate) fn address(&self, name: &str) -> Option<SocketAddr> {
        use hickory_proto::op::{Message, Query};
        use hickory_proto::rr::{Name, RData, RecordType};
        let mut query = Message::query();
        query.add_query(Query::query(Name::from_ascii(format!("{name}.")).unwrap(), RecordType::A));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        socket.send_to(&query.to_vec().unwrap(), self.resolver).unwrap();
        let mut packet = [0; 512];
        let length = socket.recv(&mut packet).unwrap();
        let answer = Message::from_vec(&packet[..length]).unwrap();
        let RData::A(address) = answer.answers.first()?.data else { return None };
        Some(SocketAddr::from((address.0, self.port)))
    }

    /// The authority's certificate, PEM.
    pub(crate) fn ca_pem(&self) -> &str {
        self.authority.ca_pem()
    }

    /// A client that trusts the authority and reaches these names.
    pub(crate) fn client(&self, names: &[&str]) -> reqwest::Client {
        self.build(names).build().unwrap()
    }

    pub(crate) fn build(&self, names: &[&str]) -> reqwest::ClientBuilder {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.ca_pem().as_bytes()).unwrap()).unwrap();
        let tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        names.iter().fold(builder, |builder, name| builder.resolve(name, self.lookup(name)))
    }

    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.port)
    }

    /// The door of the registry at 127.0.0.1, under a name that a client can be told.
    pub(crate) fn own(&self, path: &str) -> (reqwest::Client, String) {
        let door = self.lookup("127.0.0.1");
        let client = self.build(&[]).resolve("own.example", door).build().unwrap();
        (client, format!("http://own.example:{}{path}", self.port))
    }
}

/// A request that a real registry got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

pub(crate) type RealBody = BoxBody<Bytes, std::io::Error>;

/// A registry that stands for the real one; gives what it got.
pub(crate) fn registry(
    listener: TcpListener,
    answer: impl Fn(&str) -> http::Response<RealBody> + Send + Sync + 'static,
) -> Arc<Mutex<Vec<Got>>> {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let got = Arc::new(Mutex::new(Vec::new()));
    let (seen, answer) = (got.clone(), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (seen, answer) = (seen.clone(), answer.clone());
            let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
                let path = request.uri().to_string();
                let header = request.headers().get("authorization");
                let authorization = header.map(|value| value.to_str().unwrap().to_owned());
                let response = answer(&path);
                seen.lock().unwrap().push(Got { path, authorization });
                async move { Ok::<_, std::convert::Infallible>(response) }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    got
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> RealBody {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

pub(crate) fn streamed(stream: impl Stream<Item = Bytes> + Send + Sync + 'static) -> RealBody {
    BodyExt::boxed(StreamBody::new(stream.map(|bytes| Ok(Frame::data(bytes)))))
}

/// A body that breaks off after its first bytes.
pub(crate) fn broken(bytes: impl Into<Bytes>) -> RealBody {
    // The pause lets the first bytes go out before the connection ends.
    let end = futures_util::stream::once(async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        Err(std::io::Error::other("broken off"))
    });
    let first = futures_util::stream::iter([Ok(Frame::data(bytes.into()))]);
    BodyExt::boxed(StreamBody::new(first.chain(Box::pin(end))))
}
