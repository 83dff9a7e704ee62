//! The store served to a plain npm, as a proxy on the host's own loopback: the
//! very gateway that the tests use, without a sandbox.

use crate::Bench;
use sealcheck::door::Doors;
use sealcheck::gateway::{Authority, Caller, Callers, Gateway, GatewaySpec};
use sealcheck::plan::RunSpec;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;

/// The proxy's name, by which the gateway knows its door: the first of all
/// names in order gets the first door.
const NAME: &str = "0.bench";
const DOOR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

struct Nobody;

impl Callers for Nobody {
    fn caller<'a>(
        &'a self,
        _: SocketAddr,
        _: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Option<Caller>> + Send + 'a>> {
        Box::pin(std::future::ready(None))
    }
}

pub(crate) struct Server {
    authority: Arc<Authority>,
    gateway: Gateway,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn open(bench: &Bench, run: &RunSpec) -> Self {
        let authority = Arc::new(Authority::new().unwrap());
        let door = TcpListener::bind((DOOR, 0)).unwrap();
        let address = door.local_addr().unwrap();
        let spec = GatewaySpec {
            world: Arc::new(run.world.clone()),
            authority: authority.clone(),
            upstream: bench.upstream.clone(),
            callers: Arc::new(Nobody),
            proxies: vec![(NAME.to_owned(), address.port())],
        };
        let resolver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let doors = Doors::listen(vec![(address, door)], resolver).unwrap();
        let gateway = Gateway::open(spec, doors).unwrap();
        Self { authority, gateway, address }
    }

    pub(crate) fn ca_pem(&self) -> &str {
        self.authority.ca_pem()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn close(self) {
        tokio::runtime::Handle::current().block_on(self.gateway.close());
    }
}
