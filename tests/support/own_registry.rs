//! A company's registry as a test wants it: over TLS on the loopback interface,
//! private packages from memory behind a token, public ones as it would proxy
//! them, downloads from itself or from a blob host.
//!
//! Unlike Verdaccio it does exactly what it is told, also what is odd.

use super::npm::public_registry;
use super::package::{Package, integrity};
use super::project::Project;
use super::verdaccio::{Published, certify, trust};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tempfile::TempDir;

/// A running registry; dropping it ends it.
pub struct OwnRegistry {
    /// `https://localhost:PORT/`.
    pub url: String,
    /// Its authority and those that this machine trusts, in PEM.
    pub ca_bundle: PathBuf,
    shelf: Arc<Shelf>,
    port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

/// How it behaves.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// What its private packages ask for; none lets everybody read.
    pub token: Option<String>,
    /// Tarballs are redirected to a host of blobs, by URLs that are signed.
    pub blobs: bool,
    /// The signatures of public packages are left out, as some proxies do.
    pub unsigned: bool,
}

/// A request that was answered.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The `Host` header.
    pub host: String,
    /// Path and query.
    pub path: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The answer's status.
    pub status: u16,
}

struct Shelf {
    manner: Manner,
    url: String,
    blobs: String,
    /// What the public registry signs with.
    key: EcdsaKeyPair,
    /// Packuments by name.
    packuments: Mutex<BTreeMap<String, (bool, Value)>>,
    /// Tarballs by their path.
    tarballs: Mutex<BTreeMap<String, (bool, Vec<u8>)>>,
    heard: Mutex<Vec<Heard>>,
}

impl OwnRegistry {
    /// Starts an empty one.
    pub fn start(manner: Manner) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca_pem = certify(folder.path(), &["localhost", "127.0.0.1", public_host()]);
        let ca_bundle = trust(folder.path(), &ca_pem);
        let chain: Vec<_> = CertificateDer::pem_file_iter(folder.path().join("cert.pem"))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let key = PrivateKeyDer::from_pem_file(folder.path().join("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("https://localhost:{port}/");
        let blobs = format!("https://127.0.0.1:{port}/blobs");
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &SystemRandom::new()).unwrap();
        let shelf = Arc::new(Shelf {
            manner,
            url: url.clone(),
            blobs,
            key,
            packuments: Mutex::default(),
            tarballs: Mutex::default(),
            heard: Mutex::default(),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let (tls, at, stopped) = (Arc::new(tls), shelf.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (tls, at) = (tls.clone(), at.clone());
                std::thread::spawn(move || stream.map(|stream| at.serve(stream, tls)));
            }
        });
        Self { url, ca_bundle, shelf, port, stop, thread: Some(thread), _folder: folder }
    }

    /// A private package, and what a lockfile says of it.
    pub fn publish(&self, package: &Package) -> Published {
        let tarball = package.tarball();
        let mut manifest = package.manifest();
        manifest.insert("hasInstallScript".to_owned(), package.has_install_script().into());
        let dist = json!({ "integrity": integrity(&tarball) });
        manifest.insert("dist".to_owned(), dist);
        let place = format!("{}/-/{}", package.name(), package.tarball_name());
        self.shelve(true, package.name(), package.version(), Value::Object(manifest), &place, tarball, None)
    }

    /// A public package, signed by the public registry that this one is a window to.
    /// With [`Self::is_public_too`] that registry has it as well.
    pub fn proxy(&self, package: &Package) -> Published {
        let tarball = package.tarball();
        let mut manifest = Value::Object(package.manifest());
        let integrity = integrity(&tarball);
        manifest["dist"]["integrity"] = json!(integrity);
        let message = format!("{}@{}:{integrity}", package.name(), package.version());
        let sig = self.shelf.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        let signature = json!({ "keyid": KEY_ID, "sig": STANDARD.encode(sig) });
        if !self.shelf.manner.unsigned {
            manifest["dist"]["signatures"] = json!([signature]);
        }
        let place = format!("{}/-/{}", package.name(), package.tarball_name());
        let time = Some("2024-02-27T16:27:13.411Z".to_owned());
        self.shelve(false, package.name(), package.version(), manifest, &place, tarball, time)
    }

    /// Lets a project reach it in place of npm's public registry: as a proxy that
    /// looks inside, like a company's.
    pub fn is_public_too(&self, project: &mut Project) {
        for name in ["HTTPS_PROXY", "https_proxy"] {
            project.set(name, &format!("http://127.0.0.1:{}", self.port));
        }
        project.set("NODE_EXTRA_CA_CERTS", self.ca_bundle.to_str().unwrap());
    }

    /// What was asked of it.
    pub fn heard(&self) -> Vec<Heard> {
        self.shelf.heard.lock().unwrap().clone()
    }

    #[expect(clippy::too_many_arguments, reason = "what a registry knows of a version")]
    fn shelve(
        &self,
        private: bool,
        name: &str,
        version: &str,
        mut manifest: Value,
        place: &str,
        tarball: Vec<u8>,
        time: Option<String>,
    ) -> Published {
        let resolved = format!("{}{place}", self.url);
        let integrity = integrity(&tarball);
        manifest["dist"]["tarball"] = json!(resolved);
        let mut packuments = self.shelf.packuments.lock().unwrap();
        let (_, packument) =
            packuments.entry(name.to_owned()).or_insert_with(|| (private, json!({ "name": name })));
        packument["dist-tags"]["latest"] = json!(version);
        packument["versions"][version] = manifest;
        packument["time"][version] = json!(time);
        let mut tarballs = self.shelf.tarballs.lock().unwrap();
        tarballs.insert(format!("/{place}"), (private, tarball));
        Published { resolved, integrity }
    }
}

impl Drop for OwnRegistry {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The name of the public registry's key.
const KEY_ID: &str = "SHA256:of-the-tests";

/// What comes before the point in a P-256 key as registries publish it.
const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The host of npm's public registry.
pub fn public_host() -> &'static str {
    public_registry().trim_start_matches("https://").trim_end_matches('/')
}

type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

impl Shelf {
    fn serve(&self, mut stream: TcpStream, tls: Arc<ServerConfig>) {
        // A TLS handshake begins with 0x16, `CONNECT` with a C.
        if peeked(&stream) == Some(b'C') {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            if stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_err() {
                return;
            }
        }
        let Ok(connection) = ServerConnection::new(tls) else { return };
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        while let Some((method, path, headers)) = request(&mut stream) {
            let (status, more, body) = self.answer(&method, &path, &headers);
            let heard = Heard {
                host: headers.get("host").cloned().unwrap_or_default(),
                path,
                authorization: headers.get("authorization").cloned(),
                status,
            };
            self.heard.lock().unwrap().push(heard);
            let mut head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in more {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("\r\n");
            let out = stream.get_mut();
            let sent = out.write_all(head.as_bytes()).and_then(|()| out.write_all(&body));
            if sent.and_then(|()| out.flush()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, method: &str, path: &str, headers: &BTreeMap<String, String>) -> Answer {
        let error = |status: u16| (status, Vec::new(), json!({ "error": status }).to_string().into_bytes());
        if method != "GET" {
            return error(405);
        }
        let bytes = |body| (200, vec![("content-type", "application/octet-stream".to_owned())], body);
        let (plain, query) = path.split_once('?').unwrap_or((path, ""));
        if headers.get("host").is_some_and(|host| host.starts_with(public_host())) {
            return self.public(plain).unwrap_or_else(|| error(404));
        }
        if let Some(blob) = plain.strip_prefix("/blobs") {
            // A blob host knows a signature, and no token at all.
            let tarball = self.tarballs.lock().unwrap().get(blob).map(|(_, tarball)| tarball.clone());
            let signed = query == "signature=of-the-registry" && !headers.contains_key("authorization");
            return tarball.filter(|_| signed).map_or_else(|| error(403), bytes);
        }
        let may = |private: bool| {
            let given = headers.get("authorization").and_then(|text| text.strip_prefix("Bearer "));
            !private || self.manner.token.is_none() || given == self.manner.token.as_deref()
        };
        if let Some((private, tarball)) = self.tarballs.lock().unwrap().get(plain) {
            if !may(*private) {
                return error(401);
            }
            if self.manner.blobs {
                let to = format!("{}{plain}?signature=of-the-registry", self.blobs);
                return (302, vec![("location", to)], Vec::new());
            }
            return bytes(tarball.clone());
        }
        let name = plain.trim_start_matches('/').replace("%2f", "/").replace("%2F", "/");
        match self.packuments.lock().unwrap().get(&name) {
            Some((private, _)) if !may(*private) => error(401),
            Some((_, packument)) => {
                (200, vec![("content-type", "application/json".to_owned())], packument.to_string().into())
            }
            None => error(404),
        }
    }

    /// What the public registry answers: it has no private package.
    fn public(&self, path: &str) -> Option<Answer> {
        let json = |value: Value| (200, vec![("content-type", "application/json".to_owned())], value);
        let of =
            |(status, headers, value): (u16, _, Value)| (status, headers, value.to_string().into_bytes());
        if path == "/-/npm/v1/keys" {
            let key = [SPKI_P256.as_slice(), self.key.public_key().as_ref()].concat();
            let key = json!({ "keyid": KEY_ID, "key": STANDARD.encode(key), "expires": null });
            return Some(of(json(json!({ "keys": [key] }))));
        }
        if let Some((false, tarball)) = self.tarballs.lock().unwrap().get(path) {
            return Some((200, Vec::new(), tarball.clone()));
        }
        let packuments = self.packuments.lock().unwrap();
        let (_, packument) = packuments.get(path.trim_start_matches('/')).filter(|(private, _)| !private)?;
        let text = packument.to_string().replace(&self.url, &format!("https://{}/", public_host()));
        Some((200, vec![("content-type", "application/json".to_owned())], text.into_bytes()))
    }
}

fn peeked(stream: &TcpStream) -> Option<u8> {
    let mut first = [0];
    (stream.peek(&mut first).ok()? == 1).then_some(first[0])
}

/// Method, path and headers (lower case) of the next request; what it carries is
/// nobody's business here.
fn request(from: &mut impl BufRead) -> Option<(String, String, BTreeMap<String, String>)> {
    let mut line = String::new();
    from.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length: u64 = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    std::io::copy(&mut from.by_ref().take(length), &mut std::io::sink()).ok()?;
    Some((method, path, headers))
}
