//! The second observer: registries of the tests' own, at which the plain npm installs,
//! and the log of what it asked of them.
//!
//! It must not know the program under test: no line of it is shared with the gateway,
//! nor are the decoys, the faults and the words of the log.

use crate::support;
use crate::support::package::{Package, integrity};
use crate::support::verdaccio::certify;
use nix::sys::socket::{setsockopt, sockopt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tempfile::TempDir;

/// The owner's registry.
pub const PRIVATE: &str = "npm.acme.example";
/// Whoever a redirect or a lockfile leads to.
pub const STRANGER: &str = "packages.stranger.example";
/// Another registry of the owner's.
pub const VENDOR: &str = "npm.vendor.example";

/// One request, as it was answered.
#[derive(Debug, Clone)]
pub struct Heard {
    pub host: String,
    pub path: String,
    pub status: u16,
    pub authorized: bool,
}

/// What the registries hold, and how the owner's answers.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// By host.
    pub shelves: BTreeMap<String, Vec<Package>>,
    /// Strangers published every private name at the public registry.
    pub decoys: bool,
    /// The word of a scenario file for how the private registry answers.
    pub private: String,
    /// The word for how the public registry answers.
    pub public: String,
    /// Names that are the owner's.
    pub owned: Vec<String>,
    /// The `cache-control` of what the private registry answers; empty where it says nothing.
    pub keeping: &'static str,
}

/// Running registries; dropping it ends them.
pub struct Observer {
    /// For `route.cjs`.
    pub routes: Value,
    heard: Arc<Mutex<Vec<Heard>>>,
    stop: Arc<AtomicBool>,
    ports: Vec<u16>,
}

struct Desk {
    world: World,
    tls: Arc<ServerConfig>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// An authority and a certificate for all hosts, made once a process.
fn certificates() -> &'static (TempDir, PathBuf) {
    static MADE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let authority = certify(folder.path(), &[PRIVATE, STRANGER, VENDOR, public_host()]);
        (folder, authority)
    })
}

pub fn authority() -> &'static PathBuf {
    &certificates().1
}

pub fn public_host() -> &'static str {
    support::own_registry::public_host()
}

fn tls() -> Arc<ServerConfig> {
    let folder = certificates().0.path();
    let chain = CertificateDer::pem_file_iter(folder.join("cert.pem")).unwrap().map(Result::unwrap);
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect(), key);
    Arc::new(config.unwrap())
}

impl Observer {
    pub fn start(world: World) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let desk = Arc::new(Desk { world: world.clone(), tls: tls(), heard: heard.clone() });
        let open = listen(&stop, move |stream| desk.serve(stream));
        let mut ports = vec![open];
        let mut routes = json!({ STRANGER: open, VENDOR: open });
        for (host, answer) in [(PRIVATE, world.private.as_str()), (public_host(), world.public.as_str())] {
            routes[host] = json!(match answer {
                // Nobody listens at port 1, so that the kernel itself refuses.
                "refused" => 1,
                "connection-reset" => {
                    let port = listen(&stop, reset);
                    ports.push(port);
                    port
                }
                _ => open,
            });
        }
        Self { routes, heard, stop, ports }
    }

    /// What was asked so far, in order.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for port in &self.ports {
            let _ = TcpStream::connect(("127.0.0.1", *port));
        }
    }
}

fn listen(stop: &Arc<AtomicBool>, each: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, each) = (stop.clone(), Arc::new(each));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            let each = each.clone();
            std::thread::spawn(move || each(stream));
        }
    });
    port
}

/// Ends a connection by RST.
fn reset(stream: TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let _ = setsockopt(&stream, sockopt::Linger, &linger);
}

/// What goes out: a status, headers, a body, and whether the body is all there.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    cut: &'static str,
}

fn plain(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, headers: vec![("content-type", kind.to_owned())], body: body.into(), cut: "" }
}

fn error(status: u16) -> Answer {
    plain(status, "application/json", json!({ "error": status }).to_string())
}

fn redirect(to: String) -> Answer {
    Answer { status: 302, headers: vec![("location", to)], body: Vec::new(), cut: "" }
}

impl Desk {
    fn serve(&self, stream: TcpStream) {
        let raw = stream.try_clone().unwrap();
        let Ok(connection) = ServerConnection::new(self.tls.clone()) else { return };
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        while let Some((method, path, headers)) = request(&mut stream) {
            let host = headers.get("host").cloned().unwrap_or_default();
            let short = headers.get("accept").is_some_and(|types| types.contains("npm.install-v1"));
            let answer = if method == "GET" { self.answer(&host, &path, short) } else { error(405) };
            self.heard.lock().unwrap().push(Heard {
                host,
                path,
                status: answer.status,
                authorized: headers.contains_key("authorization"),
            });
            let out = stream.get_mut();
            if send(out, &answer).is_err() || !answer.cut.is_empty() {
                if answer.cut == "reset" {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    reset(raw);
                } else {
                    let _ = raw.shutdown(std::net::Shutdown::Both);
                }
                return;
            }
        }
    }

    fn answer(&self, host: &str, path: &str, short: bool) -> Answer {
        let name = asked(path);
        let owned = self.world.owned.contains(&name);
        let (decoy, mut shelf) = match host {
            host if host == public_host() => (self.world.decoys && owned, self.shelf(host)),
            STRANGER => (owned, self.shelf(public_host())),
            host => (false, self.shelf(host)),
        };
        if decoy {
            shelf = self.decoys(&name);
        } else if host == public_host() {
            shelf.retain(|package| !self.world.owned.contains(&package.name().to_owned()));
        }
        let fault = match host {
            PRIVATE => self.world.private.as_str(),
            host if host == public_host() => self.world.public.as_str(),
            _ => "",
        };
        if fault == "falls-through" && owned {
            shelf = self.decoys(&name);
        }
        if let Some(status) = status(fault) {
            return error(status);
        }
        if fault == "login-page" {
            return plain(200, "text/html", "<!DOCTYPE html><html><body>Sign in</body></html>");
        }
        let mut answer = if path.ends_with(".tgz") {
            self.tarball(fault, host, path, &shelf)
        } else {
            self.packument(fault, host, &name, &shelf, short)
        };
        if host == PRIVATE && !self.world.keeping.is_empty() {
            answer.headers.push(("cache-control", self.world.keeping.to_owned()));
        }
        answer
    }

    fn shelf(&self, host: &str) -> Vec<Package> {
        self.world.shelves.get(host).cloned().unwrap_or_default()
    }

    /// The versions that the owner has, by a stranger, and a far higher one.
    fn decoys(&self, name: &str) -> Vec<Package> {
        let all = self.world.shelves.values().flatten().filter(|package| package.name() == name);
        let mut versions: Vec<String> = all.map(|package| package.version().to_owned()).collect();
        versions.push("99.0.0".to_owned());
        versions.iter().map(|version| decoy(name, version)).collect()
    }

    fn tarball(&self, fault: &str, host: &str, path: &str, shelf: &[Package]) -> Answer {
        match fault {
            "redirect-public" => return redirect(format!("https://{}{path}", public_host())),
            "redirect-stranger" => return redirect(format!("https://{STRANGER}{path}")),
            "redirect-loop" => return redirect(format!("https://{host}{path}")),
            _ => {}
        }
        let Some(package) = shelf.iter().find(|package| path == place(package)) else { return error(404) };
        let bytes = if fault == "tampered" { tampered(package).tarball() } else { package.tarball() };
        let cut = match fault {
            "truncated" => "short",
            "truncated-chunked" => "chunked",
            "truncated-unframed" => "unframed",
            "reset-in-body" => "reset",
            _ => "",
        };
        Answer { cut, ..plain(200, "application/octet-stream", bytes) }
    }

    fn packument(&self, fault: &str, host: &str, name: &str, shelf: &[Package], short: bool) -> Answer {
        let mut document = json!({ "name": name, "dist-tags": {}, "versions": {} });
        let versions: Vec<&Package> = shelf.iter().filter(|package| package.name() == name).collect();
        if versions.is_empty() {
            return error(404);
        }
        for package in versions {
            if fault == "version-missing" && package.version() != "99.0.0" {
                continue;
            }
            let mut manifest = Value::Object(package.manifest());
            if short {
                // The short packument has no scripts, and says only that there are some.
                manifest.as_object_mut().unwrap().remove("scripts");
            }
            let (host, bytes) = match fault {
                "tarball-elsewhere" => (STRANGER, decoy(name, package.version()).tarball()),
                _ => (host, package.tarball()),
            };
            let shasum: String = Sha1::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            let tarball = format!("https://{host}{}", place(package));
            manifest["dist"] =
                json!({ "tarball": tarball, "integrity": integrity(&bytes), "shasum": shasum });
            manifest["hasInstallScript"] = json!(package.has_install_script());
            document["versions"][package.version()] = manifest;
            document["dist-tags"]["latest"] = json!(package.version());
            document["time"][package.version()] = json!("2001-01-01T00:00:00.000Z");
        }
        match fault {
            "empty-packument" => plain(200, "application/json", "{}"),
            _ => plain(200, "application/json", document.to_string()),
        }
    }
}

/// What the owner's package is not, when the right host tampers with it.
pub const TAMPERED: &str = "module.exports = 'tampered';\n";
/// What a stranger's package is.
pub const FOREIGN: &str = "module.exports = 'stranger';\n";

/// A package as a stranger publishes it: scripts for each event of an install, and
/// executables in the way of other packages' scripts. They say that they ran.
fn decoy(name: &str, version: &str) -> Package {
    let says = |what: &str| format!("echo stranger {name} {what} >>\"${{OBSERVED:-/dev/null}}\"");
    let mut package = Package::new(name, version).file("index.js", FOREIGN);
    for event in ["preinstall", "install", "postinstall", "prepare"] {
        package = package.script(event, &says(event));
    }
    for (bin, real) in [("sh", "/bin/sh"), ("node", "\"$npm_node_execpath\"")] {
        let text = format!("#!/bin/sh\n{}\nexec {real} \"$@\"\n", says(bin));
        package = package.file(&format!("bin/{bin}"), &text).bin(bin, &format!("bin/{bin}"));
    }
    package
}

/// The owner's package, as somebody at its own registry changed it.
fn tampered(package: &Package) -> Package {
    let name = package.name();
    let says = format!("echo tampered {name} postinstall >>\"${{OBSERVED:-/dev/null}}\"");
    package.clone().file("index.js", TAMPERED).script("postinstall", &says)
}

fn place(package: &Package) -> String {
    format!("/{}/-/{}", package.name(), package.tarball_name())
}

/// The name that a path asks for.
pub fn asked(path: &str) -> String {
    let path = path.trim_start_matches('/').replace("%2f", "/").replace("%2F", "/");
    path.split("/-/").next().unwrap_or_default().to_owned()
}

fn status(fault: &str) -> Option<u16> {
    let statuses = [
        ("unauthorized", 401),
        ("forbidden", 403),
        ("not-found", 404),
        ("gone", 410),
        ("rate-limited", 429),
        ("server-error", 500),
        ("unavailable", 503),
    ];
    statuses.iter().find(|(word, _)| *word == fault).map(|(_, status)| *status)
}

fn send(out: &mut impl Write, answer: &Answer) -> std::io::Result<()> {
    let whole = answer.body.len();
    let half = if answer.cut.is_empty() { whole } else { whole / 2 };
    let framing = match answer.cut {
        "chunked" => "transfer-encoding: chunked\r\n".to_owned(),
        "unframed" => "connection: close\r\n".to_owned(),
        _ => format!("content-length: {whole}\r\n"),
    };
    write!(out, "HTTP/1.1 {} x\r\n{framing}", answer.status)?;
    for (name, value) in &answer.headers {
        write!(out, "{name}: {value}\r\n")?;
    }
    out.write_all(b"\r\n")?;
    if answer.cut == "chunked" {
        write!(out, "{half:x}\r\n")?;
    }
    out.write_all(&answer.body[..half])?;
    if answer.cut == "chunked" {
        out.write_all(b"\r\n")?;
    }
    out.flush()
}

/// Method, path and headers (lower case) of the next request, its body read past.
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
