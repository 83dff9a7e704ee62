//! One request: understood, recorded, answered.

use super::answer::{Delivered, empty, error, json};
use super::callers::{Asked as CallerAsked, Callers};
use super::credential;
use super::decide::{Act, Question, decide, untold};
use super::decoy::Decoys;
use super::fault::{self, redirect};
use super::flow::Flow;
use super::layout::Layout;
use super::names::Names;
use super::pinned;
use super::reach::{self, Asker};
use super::record::{Recorder, Slot};
use super::route::{self, Asked, Handed, Inside, Ownership, Shape, Site};
use super::scan::Scanner;
use super::searched::Searched;
use crate::door::Reset;
use crate::evidence::exchange::{AnsweredBy, Credential, Exchange, ExchangeKind, Role};
use crate::plan::{World, is_here};
use crate::secret::Secret;
use crate::upstream::{Accept, Allowance, Reach, Request as Fetch, Upstream};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Bytes of a path that are recorded.
const MAX_PATH: usize = 4096;

/// What all requests of a run share.
pub(super) struct Shared {
    pub(super) world: Arc<World>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) callers: Arc<dyn Callers>,
    pub(super) names: Arc<Names>,
    pub(super) scanner: Arc<Scanner>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) decoys: Decoys,
    pub(super) inside: Inside,
    /// Where each registry of the world has its tarballs.
    pub(super) layouts: Vec<Layout>,
    /// What may still be fetched for scripts.
    pub(super) for_scripts: Allowance,
    /// KiB of bodies that are held until they are searched.
    pub(super) bodies: Arc<Semaphore>,
    pub(super) handed: Mutex<BTreeMap<(String, u16, String), Handed>>,
    /// Proxies that the project's npm config names: host and port.
    pub(super) proxies: Vec<(String, u16)>,
    /// The sandbox is gone: nobody waits for an answer any more.
    pub(super) over: CancellationToken,
}

/// How a request got here.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// `https` or `http`.
    pub(super) scheme: &'static str,
    /// The host by door, tunnel or SNI; `None` leaves it to the `Host` header.
    pub(super) host: Option<String>,
    pub(super) port: u16,
    /// The door's own address: what a literal address in a URL leads to.
    pub(super) door: IpAddr,
    /// It is a proxy's door: the request itself names the host.
    pub(super) proxy: bool,
    pub(super) caller: CallerAsked,
    /// Ends the connection with a reset.
    pub(super) reset: Reset,
    /// When the connection, or the tunnel in it, came.
    pub(super) arrived: Instant,
    /// All its bytes.
    pub(super) flow: Flow,
    pub(super) place: Place,
}

/// The place of a connection among those that are served at once.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Place {
    /// By what says so.
    pub(super) fn of(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Some(permit))))
    }

    /// Makes room for another.
    pub(super) fn leave(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// The connection is to end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the fault is played by ending the connection")]
pub(super) struct HungUp;

/// A request, understood.
pub(super) struct Understood {
    /// Where it is to be had.
    pub(super) url: Url,
    /// Where it was asked for, if that is where a redirect of ours led.
    pub(super) moved: Option<Url>,
    pub(super) site: Site,
    pub(super) asked: Asked,
    pub(super) ownership: Option<Ownership>,
    pub(super) devious: bool,
    pub(super) slot: Slot,
}

impl Understood {
    /// Where npm believes to be.
    fn asked_at(&self) -> &Url {
        self.moved.as_ref().unwrap_or(&self.url)
    }
}

impl Shared {
    /// Answers a request. It is in the record when this returns, before the
    /// answer is waited for: whoever sends and goes away was here all the same.
    pub(super) fn serve(
        self: Arc<Self>,
        way: Way,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Delivered>, HungUp>> + Send + 'static {
        let (parts, body) = request.into_parts();
        let arrived = self.arrive(&way, &parts);
        async move {
            let (understood, carried) = arrived.ok_or(HungUp)?;
            let mut searched = Searched::new(&self, &way.flow, understood.slot, carried);
            searched.take(body).await;
            let carries = searched.finish();
            let act = self.decide(&parts.method, &understood, carries);
            let (act, reach) = self.led(act, &way, &understood).await;
            let authorization = match &act {
                Act::Forward { .. } | Act::Beside => self.real(&way, &understood, &parts.headers).await,
                Act::Hang(_)
                | Act::Silence(_)
                | Act::Fault(..)
                | Act::LoginPage(_)
                | Act::EmptyPackument(_)
                | Act::Redirect(..)
                | Act::Nothing
                | Act::Absent
                | Act::Refuse(_)
                | Act::Decoy
                | Act::Sink
                | Act::DecoyAsOwn(_)
                | Act::Folder(_)
                | Act::PublicFolder => None,
            };
            let accept = accept(&parts.headers, &understood);
            let forwarded = matches!(act, Act::Forward { .. } | Act::Beside);
            let fetch = Fetch { url: understood.url.clone(), accept, authorization, reach };
            let answered = self.act(act, &way, &understood, fetch, &parts.headers).await;
            let answered = answered.inspect_err(|HungUp| self.recorder.over(understood.slot))?;
            let mut response = self.spoil(&way, &understood, answered).await;
            if let Some(keeping) = self.keeping(&understood) {
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keeping));
            }
            let status = response.status().as_u16();
            self.recorder.note(understood.slot, |exchange| exchange.status = Some(status));
            if forwarded && matches!(status, 401 | 403 | 404) && self.lacks_real(&understood, &parts.headers)
            {
                // The registry has seen no credential, and npm would have sent one.
                self.recorder.note(understood.slot, |exchange| {
                    exchange.fault = Some("credential-not-set".to_owned());
                });
            }
            if parts.method == Method::HEAD || status == 304 {
                if let Some(length) = response.body().size_hint().exact().filter(|_| status != 304) {
                    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
                }
                response.body_mut().drop_bytes();
            }
            let hashed = status == 200 && parts.method != Method::HEAD;
            response.body_mut().record(self.recorder.clone(), understood.slot, hashed);
            Ok(response)
        }
    }

    /// Understands a request's head, records it, and finds what it carries.
    fn arrive(&self, way: &Way, parts: &http::request::Parts) -> Option<(Understood, Option<String>)> {
        let host = meant(way, &parts.uri, &parts.headers);
        let port = if way.proxy { parts.uri.port_u16().unwrap_or(80) } else { way.port };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let slash = if path.starts_with('/') { "" } else { "/" };
        let text = format!("{}://{host}:{port}{slash}{path}", way.scheme);
        let url = Url::parse(&text).or_else(|_| Url::parse("http://unknown.invalid/")).ok()?;
        let home = redirect::home(&self.world, &url);
        let (asked_at, url) = (url.clone(), home.clone().unwrap_or(url));
        let site = route::site(&self.world, &url, || self.handed(&url));
        let below = route::below(&self.world, &site, &url);
        let asked = pinned::pinned(&self.world, &site, &url, self.known(route::asked(&below), &site));
        let ownership = asked.package.as_ref().map(|name| self.inside.at(&self.world, name, &url, &site));
        let found = credential::find(&self.world, &asked_at, authorization(&parts.headers));
        let mut exchange = blank(&parts.method, way.scheme, &host, port);
        exchange.path = self.scanner.redact(&clip(url.path(), MAX_PATH));
        exchange.host = self.scanner.redact_name(&clip(&host, 255));
        exchange.kind = asked.kind(&site);
        exchange.method = self.scanner.redact(&exchange.method);
        exchange.package = asked.package.as_ref().map(|name| self.scanner.redact(name.as_str()));
        exchange.version = asked.version.as_deref().map(|version| self.scanner.redact(version));
        exchange.role = route::role(ownership.as_ref(), &site);
        // Whoever has no certificate for that name is not the registry.
        let impostor = fault::answer(&self.world, &site).impostor();
        exchange.credential = if impostor && found.credential == Credential::Own {
            Credential::Foreign
        } else {
            found.credential
        };
        exchange.credential_label = found.planted.map(|planted| planted.label.clone());
        // A secret that is for no registry is out of place even in its own header.
        let bare = found.planted.filter(|planted| planted.nerf_dart.is_none());
        let carried = bare
            .map(|planted| planted.label.clone())
            .or_else(|| self.carried(way, &host, &asked_at, &text, parts, found.planted.is_some()));
        exchange.used_secret = self.used(way, &host, parts);
        exchange.carried_secret.clone_from(&carried);
        let slot = self.recorder.begin(exchange, way.caller.clone());
        way.flow.recorded(slot);
        if let Some(label) = &carried {
            way.flow.told(label);
        }
        let devious = route::is_devious(&below);
        let moved = home.map(|_| asked_at);
        Some((Understood { url, moved, site, asked, ownership, devious, slot }, carried))
    }

    /// What a private package's own registry says of how long its answer may be kept.
    fn keeping(&self, understood: &Understood) -> Option<&'static str> {
        let own = matches!(understood.ownership, Some(Ownership::Private(_)))
            && matches!(understood.site, Site::Registry(_) | Site::Also(_));
        self.world.keeping.filter(|_| own)
    }

    fn decide(&self, method: &Method, understood: &Understood, carries: bool) -> Act {
        let Understood { url, moved, site, asked, ownership, devious, .. } = understood;
        let (ownership, devious, moved) = (ownership.as_ref(), *devious, moved.is_some());
        decide(&self.world, &Question { method, url, site, asked, ownership, devious, carries, moved })
    }

    /// What is forwarded goes as far as who asks may lead it.
    async fn led(&self, act: Act, way: &Way, understood: &Understood) -> (Act, Reach) {
        if !matches!(act, Act::Forward { .. } | Act::Beside) {
            return (act, Reach::Outside);
        }
        let asker = Asker::of(way.caller.wait().await, self.callers.follows());
        match reach::reach(&self.world, &understood.site, &understood.url, asker) {
            Some(reach) => (act, reach),
            None => (Act::Refuse(reach::ONLY_NPM), Reach::Outside),
        }
    }

    /// The real credential in place of the planted one, if it is npm that asks.
    async fn real(&self, way: &Way, understood: &Understood, headers: &HeaderMap) -> Option<Secret> {
        let found = credential::find(&self.world, understood.asked_at(), authorization(headers));
        found.planted?;
        found.real(way.caller.wait().await.is_some_and(|caller| caller.npm))
    }

    /// Whether a credential was meant for here whose real value is not known.
    fn lacks_real(&self, understood: &Understood, headers: &HeaderMap) -> bool {
        let found = credential::find(&self.world, understood.asked_at(), authorization(headers));
        found.credential == Credential::Own && found.planted.is_some_and(|planted| planted.real.is_none())
    }

    /// What an earlier answer said of a URL.
    pub(super) fn handed(&self, url: &Url) -> Option<Handed> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).get(&place(url)).cloned()
    }

    /// Name and version as far as the answer that led here knew them.
    fn known(&self, mut asked: Asked, site: &Site) -> Asked {
        match site {
            Site::HandedOut(handed) => {
                asked.package = handed.package.clone().or(asked.package);
                asked.version = handed.version.clone().or(asked.version);
            }
            // What looks like a name on a host that is no registry is only a path.
            Site::Trusted | Site::Unknown | Site::Also(_) if asked.shape != Shape::Tarball => {
                asked.package = None;
                asked.version = None;
            }
            Site::Public | Site::Registry(_) | Site::Also(_) | Site::Trusted | Site::Unknown => {}
        }
        asked
    }

    async fn act(
        &self,
        act: Act,
        way: &Way,
        understood: &Understood,
        mut fetch: Fetch,
        headers: &HeaderMap,
    ) -> Result<Response<Delivered>, HungUp> {
        let fault = |name: &str| {
            self.recorder.note(understood.slot, |exchange| exchange.fault = Some(name.to_owned()));
        };
        let not_asked = |why: &str| {
            self.recorder.note(understood.slot, |exchange| exchange.not_asked = Some(why.to_owned()));
        };
        Ok(match act {
            Act::Hang(name) => {
                fault(name);
                return Err(HungUp);
            }
            Act::Silence(name) => {
                fault(name);
                self.over.cancelled().await;
                return Err(HungUp);
            }
            Act::Fault(status, name) => {
                fault(name);
                let reason = StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
                let mut response = error(status, reason.unwrap_or(name));
                if status == 429 {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                }
                response
            }
            Act::LoginPage(name) => {
                fault(name);
                fault::login_page()
            }
            Act::EmptyPackument(name) => {
                fault(name);
                json(200, &serde_json::json!({}))
            }
            Act::Redirect(to, name) => {
                let led = format!(
                    "{}:{}",
                    to.host_str().unwrap_or_default(),
                    to.port_or_known_default().unwrap_or(443)
                );
                self.recorder.note(understood.slot, |exchange| {
                    exchange.fault = Some(name.to_owned());
                    exchange.redirected_to = Some(self.scanner.redact_name(&led));
                });
                let mut response = empty(StatusCode::FOUND);
                if let Ok(location) = HeaderValue::from_str(to.as_str()) {
                    response.headers_mut().insert(header::LOCATION, location);
                }
                response
            }
            Act::Nothing => json(200, &serde_json::json!({})),
            Act::Absent => {
                not_asked(untold(understood.ownership.as_ref()));
                error(404, "Not found")
            }
            Act::Refuse(why) => {
                not_asked(why);
                error(403, why)
            }
            Act::Decoy => {
                let response = self.decoy(understood, fetch.accept);
                if response.status() != StatusCode::OK {
                    not_asked(untold(understood.ownership.as_ref()));
                }
                response
            }
            Act::Beside => {
                let accept = fetch.accept;
                let genuine = match self.world.public_serve.clone() {
                    Some(path) => self.public_folder(path, understood, accept).await,
                    None => {
                        fetch.url.set_query(None);
                        self.forward(way, understood, fetch, headers).await
                    }
                };
                self.beside(understood, genuine, accept).await
            }
            Act::Sink => {
                let files = self.world.sink.iter().flatten();
                let found = files.into_iter().find(|(path, _)| understood.url.path() == path.as_str());
                match found {
                    Some((_, bytes)) => Response::new(Delivered::full(bytes.clone())),
                    None => error(404, "Not found"),
                }
            }
            Act::DecoyAsOwn(name) => {
                fault(name);
                let registry = self.own_registry(understood).unwrap_or(&self.world.public);
                self.decoy_at(registry, understood, fetch.accept)
            }
            Act::Folder(at) => self.own_folder(at, understood, fetch.accept).await,
            Act::PublicFolder => match self.world.public_serve.clone() {
                Some(path) => self.public_folder(path, understood, fetch.accept).await,
                None => error(404, "Not found"),
            },
            Act::Forward { query } => {
                if !query {
                    fetch.url.set_query(None);
                }
                self.forward(way, understood, fetch, headers).await
            }
        })
    }
}

/// The host a request is for. What a script writes into `Host` counts only
/// among the names of this machine, which no look-up leads to.
fn meant(way: &Way, uri: &http::Uri, headers: &HeaderMap) -> String {
    let header = || {
        let text = headers.get(header::HOST)?.to_str().ok()?;
        Some(text.rsplit_once(':').map_or(text, |(host, _)| host).to_owned())
    };
    let named = if way.proxy { uri.host().map(str::to_owned) } else { None };
    named
        .or_else(|| way.host.clone())
        .or_else(|| header().filter(|host| is_here(host)))
        .unwrap_or_else(|| way.door.to_string())
        .trim_end_matches('.')
        .to_ascii_lowercase()
}

/// An exchange of which nothing is known yet.
pub(super) fn blank(method: &Method, scheme: &str, host: &str, port: u16) -> Exchange {
    Exchange {
        seq: 0,
        method: clip(method.as_str(), 32),
        scheme: scheme.to_owned(),
        host: host.to_owned(),
        port,
        path: String::new(),
        status: None,
        kind: ExchangeKind::Other,
        package: None,
        version: None,
        role: Role::Unknown,
        credential: Credential::None,
        credential_label: None,
        carried_secret: None,
        used_secret: None,
        unsearched: false,
        unread: None,
        fault: None,
        decoy: false,
        bytes: 0,
        sha512: None,
        sha1: None,
        redirected_to: None,
        process: None,
        answered_by: AnsweredBy::Gateway,
        not_asked: None,
        at_ms: None,
        took_ms: None,
    }
}

fn clip(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()
}

fn accept(headers: &HeaderMap, understood: &Understood) -> Accept {
    let text = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match understood.asked.shape {
        Shape::Packument if matches!(understood.site, Site::Public | Site::Registry(_)) => {
            if text.contains("application/vnd.npm.install-v1+json") { Accept::Corgi } else { Accept::Full }
        }
        Shape::Keys => Accept::Full,
        Shape::Packument
        | Shape::Tarball
        | Shape::Audit
        | Shape::Attestations
        | Shape::Ping
        | Shape::Api
        | Shape::Other => Accept::Any,
    }
}

pub(super) fn place(url: &Url) -> (String, u16, String) {
    let host = url.host_str().unwrap_or_default().to_owned();
    (host, url.port_or_known_default().unwrap_or(0), url.path().to_owned())
}
