//! One fetch, for any number of callers.

use super::UpstreamError;
use super::allowance::Allowance;
use super::hosts::Hosts;
use super::internal::Internal;
use super::request::{Accept, Answer, Body, Head, Progress, Reach, Request, stand_in};
use super::store::{Kept, Store};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The largest body.
const MAX_BODY: u64 = 4 << 30;
/// Headers that are passed on. `cache-control` and `date` are not: npm's own
/// cache would answer differently from one day to the next.
const PASSED: [&str; 5] = ["content-type", "content-encoding", "etag", "location", "www-authenticate"];
/// Waits before each further attempt to connect.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// How requests go out, and to which hosts they do no more.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) client: reqwest::Client,
    /// For requests that may not go to internal addresses.
    pub(super) guarded: reqwest::Client,
    pub(super) hosts: Hosts,
}

/// What is known of a fetch once its head has come.
#[derive(Debug, Clone)]
struct Begun {
    head: Head,
    file: Arc<File>,
    progress: watch::Receiver<Progress>,
}

/// A fetch that is whole: its file is closed, since there may be thousands.
#[derive(Debug, Clone)]
struct Done {
    head: Head,
    sha512: String,
    stored: bool,
}

#[derive(Debug, Clone)]
enum Phase {
    Begun(Begun),
    Done(Done),
    Failed(UpstreamError),
}

type State = Option<Phase>;

/// A fetch that is under way or done.
#[derive(Debug)]
pub(super) struct Flight {
    state: watch::Receiver<State>,
    store: Arc<Store>,
}

impl Flight {
    /// Starts it in the background: a caller that goes away does not end it.
    pub(super) fn start(
        way: Arc<Way>,
        store: Arc<Store>,
        offline: bool,
        request: Request,
        allowance: Option<Allowance>,
    ) -> Arc<Self> {
        let (sender, state) = watch::channel(None);
        let kept = store.clone();
        tokio::spawn(async move {
            if let Err(error) = fetch(&way, kept, offline, (request, allowance), &sender).await {
                sender.send_replace(Some(Phase::Failed(error)));
            }
        });
        Arc::new(Self { state, store })
    }

    /// Whether it came to nothing.
    pub(super) fn failed(&self) -> bool {
        match &*self.state.borrow() {
            Some(Phase::Failed(_)) => true,
            Some(Phase::Begun(begun)) => matches!(begun.progress.borrow().end, Some(Err(_))),
            Some(Phase::Done(_)) => false,
            None => self.state.has_changed().is_err(),
        }
    }

    /// Waits for the head. Whoever is not `first` is served from what was stored.
    pub(super) async fn answer(&self, first: bool) -> Result<Answer, UpstreamError> {
        let mut state = self.state.clone();
        let gone = || UpstreamError::Network { host: "upstream".into(), what: "given up".into() };
        let phase = state.wait_for(Option::is_some).await.ok().and_then(|state| state.clone());
        match phase.ok_or_else(gone)? {
            Phase::Failed(error) => Err(error),
            Phase::Begun(begun) => {
                Ok(Answer { stored: !first, head: begun.head, body: Body::new(begun.file, begun.progress) })
            }
            Phase::Done(done) => {
                let (store, sha512) = (self.store.clone(), done.sha512);
                let open = tokio::task::spawn_blocking(move || {
                    let missing = UpstreamError::NoContent(sha512.clone());
                    Body::whole(store.content(&sha512)?).ok().ok_or(missing)
                });
                let body = open.await.ok().ok_or_else(gone)??;
                Ok(Answer { stored: done.stored || !first, head: done.head, body })
            }
        }
    }
}

async fn fetch(
    way: &Way,
    store: Arc<Store>,
    offline: bool,
    (request, allowance): (Request, Option<Allowance>),
    state: &watch::Sender<State>,
) -> Result<(), UpstreamError> {
    let (asked, looked) = (request.clone(), store.clone());
    let kept = tokio::task::spawn_blocking(move || find(&looked, &asked, offline)).await;
    if let Some((head, sha512)) = kept.ok().flatten() {
        state.send_replace(Some(Phase::Done(Done { head, sha512, stored: true })));
        return Ok(());
    }
    if offline {
        return Err(UpstreamError::Offline(stand_in(&request.url).into()));
    }
    let host = request.url.host_str().unwrap_or_default().to_owned();
    if allowance.as_ref().is_some_and(Allowance::is_spent) {
        return Err(UpstreamError::Spent(host));
    }
    let response = send(way, &request, &host).await?;
    let head = head_of(&response);
    let store = if allowance.is_some() { store.for_scripts() } else { store };
    let mut writer = store.writer()?;
    let file = writer.reader().map_err(|error| network(&host, &error))?;
    let (sender, progress) = watch::channel(Progress::default());
    let begun = Begun { head: head.clone(), file: Arc::new(file), progress };
    state.send_replace(Some(Phase::Begun(begun)));

    // Hashing four ways and writing keep a thread busy, which must not be one
    // of those that serve everybody.
    let sender = Arc::new(sender);
    let (chunks, mut taken) = mpsc::channel::<bytes::Bytes>(16);
    let counter = sender.clone();
    let written = tokio::task::spawn_blocking(move || {
        while let Some(chunk) = taken.blocking_recv() {
            writer.write_all(&chunk)?;
            counter.send_modify(|progress| progress.written += chunk.len() as u64);
        }
        Ok::<_, std::io::Error>(writer)
    });
    let received = receive(response, chunks, &host, allowance.as_ref()).await;
    let end = match (received, written.await) {
        (Err(error), _) => Err(Arc::from(error.to_string())),
        (Ok(()), Ok(Ok(writer))) => {
            let done = tokio::task::spawn_blocking(move || {
                let length = writer.length();
                let sha512 = writer.finish(&store)?.sri();
                keep(&store, &request, head.clone(), sha512.clone(), length)?;
                Ok::<_, UpstreamError>(Done {
                    head: Head { length: Some(length), ..head },
                    sha512,
                    stored: false,
                })
            });
            match done.await {
                Ok(Ok(done)) => {
                    state.send_replace(Some(Phase::Done(done)));
                    Ok(())
                }
                Ok(Err(error)) => Err(Arc::from(error.to_string())),
                Err(error) => Err(Arc::from(error.to_string())),
            }
        }
        (Ok(()), Ok(Err(error))) => Err(Arc::from(error.to_string())),
        (Ok(()), Err(error)) => Err(Arc::from(error.to_string())),
    };
    let failed = end.as_ref().err().map(|why: &Arc<str>| why.to_string());
    sender.send_modify(|progress| progress.end = Some(end));
    if let Some(what) = failed {
        state.send_replace(Some(Phase::Failed(UpstreamError::Network { host, what })));
    }
    Ok(())
}

/// A kept answer with its body. A redirect counts only if what it leads to is
/// kept too, since its signature is not.
fn find(store: &Store, request: &Request, offline: bool) -> Option<(Head, String)> {
    let kept = store.lookup(&request.key())?;
    let head = kept.head();
    if let Some(location) = head.header("location").filter(|_| !offline) {
        let url = request.url.join(location).ok()?;
        let bare =
            Request { url: url.clone(), accept: Accept::Any, authorization: None, reach: request.reach };
        let same = Request { authorization: request.authorization.clone(), ..bare.clone() };
        if !store.has(&bare.key()) && !store.has(&same.key()) {
            return None;
        }
    }
    store.content(&kept.sha512).ok()?;
    Some((head, kept.sha512))
}

/// Keeps what will be as true tomorrow: bytes, absences and redirects. A 401 or
/// a 503 is frozen for this invocation only.
fn keep(
    store: &Store,
    request: &Request,
    mut head: Head,
    sha512: String,
    length: u64,
) -> Result<(), UpstreamError> {
    if !matches!(head.status, 200 | 301 | 302 | 303 | 307 | 308 | 404 | 410) {
        return Ok(());
    }
    for (name, value) in &mut head.headers {
        if name == "location"
            && let Ok(url) = request.url.join(value)
        {
            *value = stand_in(&url).into();
        }
    }
    let kept = Kept {
        url: stand_in(&request.url).into(),
        status: head.status,
        headers: head.headers,
        sha512,
        length,
        fetched_at: jiff::Timestamp::now(),
    };
    store.keep(&request.key(), &kept)
}

async fn send(way: &Way, request: &Request, host: &str) -> Result<reqwest::Response, UpstreamError> {
    let internal = |Internal { address }| UpstreamError::Internal { host: host.to_owned(), address };
    let client = match request.reach {
        Reach::Anywhere => &way.client,
        Reach::Outside => {
            if let Some(found) = Internal::literal(&request.url) {
                return Err(internal(found));
            }
            &way.guarded
        }
    };
    let mut waits = AGAIN.iter();
    let mut attempt = 0;
    loop {
        attempt += 1;
        if let Some(why) = way.hosts.given_up(&request.url) {
            return Err(why);
        }
        let mut url = request.url.clone();
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let mut builder = client.get(url).header("accept", request.accept.header());
        if let Some(secret) = &request.authorization {
            let mut value =
                http::HeaderValue::from_str(secret.expose()).map_err(|error| network(host, &error))?;
            value.set_sensitive(true);
            builder = builder.header("authorization", value);
        }
        match builder.send().await {
            Ok(response) => {
                way.hosts.answered(&request.url);
                return Ok(response);
            }
            Err(error) => {
                if let Some(found) = Internal::within(&error) {
                    return Err(internal(found));
                }
                let passing = error.is_connect() || error.is_timeout() || error.is_request();
                // A silence that lasts so long is no blink, and stands for two.
                let tries = attempt + usize::from(error.is_timeout());
                let wait = waits.next().filter(|_| passing);
                let why = network(host, &error.without_url());
                if passing && way.hosts.failed(&request.url, tries, wait.is_none(), &why) {
                    // Once for the host, however many requests there are.
                    tracing::warn!(error = &why as &dyn std::error::Error, "a host is not asked any more");
                }
                match wait {
                    Some(wait) => tokio::time::sleep(*wait).await,
                    None => return Err(why),
                }
            }
        }
    }
}

async fn receive(
    mut response: reqwest::Response,
    chunks: mpsc::Sender<bytes::Bytes>,
    host: &str,
    allowance: Option<&Allowance>,
) -> Result<(), UpstreamError> {
    let mut total = 0;
    while let Some(chunk) = response.chunk().await.map_err(|error| network(host, &error.without_url()))? {
        total += chunk.len() as u64;
        if total > MAX_BODY {
            return Err(UpstreamError::TooLarge { host: host.to_owned(), limit: MAX_BODY });
        }
        if allowance.is_some_and(|allowance| !allowance.take(chunk.len() as u64)) {
            return Err(UpstreamError::Spent(host.to_owned()));
        }
        if chunks.send(chunk).await.is_err() {
            // The writer has failed and will say why.
            break;
        }
    }
    Ok(())
}

fn head_of(response: &reqwest::Response) -> Head {
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some((name.to_owned(), value.to_owned()))
    };
    Head {
        status: response.status().as_u16(),
        headers: PASSED.into_iter().filter_map(header).collect(),
        length: response.content_length(),
    }
}

/// The innermost cause says most ("certificate has expired"), so all are named.
fn network(host: &str, error: &dyn std::error::Error) -> UpstreamError {
    let mut what = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !what.contains(&text) {
            what = format!("{what}: {text}");
        }
        cause = inner.source();
    }
    UpstreamError::Network { host: host.to_owned(), what }
}
