//! A real registry for private packages: Verdaccio over TLS on the loopback
//! interface, with packages under `@acme/` that only its one user may read.
//!
//! It is installed once for each state of its lockfile. It has no uplink, so that a name
//! that was not published is not found, unless a test makes it a virtual one.

use super::npm::{in_empty_home, lacks_npm, lacks_public_registry, npm, succeed, trusted_authorities};
use super::own_registry::OwnRegistry;
use super::package::Package;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running registry; dropping it ends it.
pub struct Verdaccio {
    /// `https://localhost:PORT/`.
    pub url: String,
    /// The authority that signed its certificate, alone, in PEM.
    pub ca_pem: PathBuf,
    /// That authority together with those that this machine trusts, in PEM: for a
    /// client that speaks to the public registry too, since npm's `cafile` replaces.
    pub ca_bundle: PathBuf,
    /// What npm's `_authToken` must be.
    pub token: String,
    folder: TempDir,
    child: Child,
}

/// What the registry says about a version that was published to it.
#[derive(Debug, Clone)]
pub struct Published {
    /// Where its tarball is.
    pub resolved: String,
    /// Its sha512, as a lockfile holds it.
    pub integrity: String,
}

impl Verdaccio {
    /// Starts an empty registry. Where that cannot be done here, says so for `test`
    /// and gives none.
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, CONFIG, &[])
    }

    /// Starts a virtual one before others: `own` for names under `@acme/`, `public` for all
    /// names, and for those under `@acme/` too if it `merges`.
    pub fn start_virtual(test: &str, own: &Self, public: &OwnRegistry, merges: bool) -> Option<Self> {
        let config = VIRTUAL
            .replace("{own}", &own.url)
            .replace("{token}", &own.token)
            .replace("{public}", &public.url)
            .replace("{proxy}", if merges { "own public" } else { "own" });
        Self::start_with(test, &config, &[&own.ca_bundle, &public.ca_bundle])
    }

    fn start_with(test: &str, config_text: &str, authorities: &[&Path]) -> Option<Self> {
        let tools = match installed() {
            Ok(tools) => tools,
            Err(lack) => {
                super::skip(test, &lack);
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let ca_pem = write_certificates(folder.path());
        let ca_bundle = trust(folder.path(), &ca_pem);
        let config = folder.path().join("config.yaml");
        fs::write(&config, config_text.replace("{folder}", folder.path().to_str().unwrap())).unwrap();
        fs::write(folder.path().join("htpasswd"), "").unwrap();

        let mut command = Command::new("node");
        in_empty_home(&mut command, folder.path());
        command
            .arg(fixture().join("serve.cjs"))
            .args([&tools, &config, &ca_pem])
            .args(["acme", "only-for-tests"])
            .current_dir(folder.path())
            .process_group(0)
            .env("NODE_EXTRA_CA_CERTS", trusted(folder.path(), authorities))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("stderr")).unwrap());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        // Owned before the first thing that can fail, so that a failure ends it too.
        let mut server = Self { url: String::new(), ca_pem, ca_bundle, token: String::new(), folder, child };
        let ready =
            BufReader::new(stdout).lines().map_while(Result::ok).find(|printed| printed.starts_with('{'));
        let line = ready.unwrap_or_else(|| panic!("Verdaccio did not start:\n{}", server.log()));
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        server.url = format!("https://localhost:{}/", ready["port"]);
        server.token = ready["token"].as_str().unwrap().to_owned();
        Some(server)
    }

    /// The lines of an npmrc that give the token to this registry, and to no other.
    pub fn npmrc_auth(&self) -> String {
        format!("{}:_authToken={}\n", self.url.trim_start_matches("https:"), self.token)
    }

    /// The process group that everything of it runs in.
    pub fn process_group(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// What it logged: one line a request, and what it complained of.
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("log") + &read("stderr")
    }

    /// Publishes with the real `npm publish` (its own scripts do not run: they are
    /// for whoever installs it).
    pub fn publish(&self, package: &Package) -> Published {
        let folder = tempfile::tempdir().unwrap();
        let home = tempfile::tempdir().unwrap();
        package.write_to(folder.path());
        fs::write(home.path().join(".npmrc"), self.npmrc_auth()).unwrap();
        succeed(
            npm(folder.path(), home.path())
                .args(["publish", "--ignore-scripts", "--provenance=false", "--registry", &self.url])
                .env("npm_config_cafile", &self.ca_pem),
        );
        self.published(package.name(), package.version())
    }

    /// Asks the registry for a version's `dist`.
    pub fn published(&self, name: &str, version: &str) -> Published {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".npmrc"), self.npmrc_auth()).unwrap();
        let output = succeed(
            npm(home.path(), home.path())
                .args(["view", &format!("{name}@{version}"), "dist", "--json", "--registry", &self.url])
                .env("npm_config_cafile", &self.ca_pem),
        );
        let dist: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |key: &str| dist[key].as_str().unwrap_or_else(|| panic!("no {key}: {dist}")).to_owned();
        Published { resolved: text("tarball"), integrity: text("integrity") }
    }
}

impl Drop for Verdaccio {
    fn drop(&mut self) {
        let _ = killpg(self.process_group(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

const CONFIG: &str = r#"storage: {folder}/storage
web: { enable: false }
auth:
  htpasswd: { file: {folder}/htpasswd, algorithm: sha1 }
packages:
  "@acme/*": { access: $authenticated, publish: $authenticated }
  "**": { access: $all, publish: $authenticated }
listen: https://127.0.0.1:0
https: { key: {folder}/key.pem, cert: {folder}/cert.pem }
middlewares: {}
log: { type: file, path: {folder}/log, format: pretty, level: http }
"#;

/// The same with registries behind it, from which it takes what it has not.
const VIRTUAL: &str = r#"storage: {folder}/storage
web: { enable: false }
auth:
  htpasswd: { file: {folder}/htpasswd, algorithm: sha1 }
uplinks:
  own: { url: "{own}", auth: { type: bearer, token: "{token}" }, maxage: 0 }
  public: { url: "{public}", maxage: 0 }
packages:
  "@acme/*": { access: $authenticated, publish: $authenticated, proxy: {proxy} }
  "**": { access: $all, publish: $authenticated, proxy: public }
listen: https://127.0.0.1:0
https: { key: {folder}/key.pem, cert: {folder}/cert.pem }
middlewares: {}
log: { type: file, path: {folder}/log, format: pretty, level: http }
"#;

/// A file of the authorities of other registries, to be trusted beside node's own.
fn trusted(folder: &Path, authorities: &[&Path]) -> PathBuf {
    let path = folder.join("uplinks.pem");
    let all: String = authorities.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    fs::write(&path, all).unwrap();
    path
}

fn fixture() -> PathBuf {
    super::root().join("tests/fixtures/verdaccio")
}

/// Writes an authority beside those that this machine trusts; gives the file of them all.
pub fn trust(folder: &Path, ca_pem: &Path) -> PathBuf {
    let ca_bundle = folder.join("bundle.pem");
    fs::write(&ca_bundle, trusted_authorities() + &fs::read_to_string(ca_pem).unwrap()).unwrap();
    ca_bundle
}

/// An authority and a certificate of it for `localhost`; gives the authority's file.
pub fn write_certificates(folder: &Path) -> PathBuf {
    certify(folder, &["localhost", "127.0.0.1"])
}

/// The same for other names.
pub fn certify(folder: &Path, names: &[&str]) -> PathBuf {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.distinguished_name.push(DnType::CommonName, "the tests' registry");
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);

    let mut leaf = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().unwrap();
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    let ca_pem = folder.join("ca.pem");
    fs::write(&ca_pem, authority_pem).unwrap();
    ca_pem
}

/// The folder whose `node_modules` holds Verdaccio, installed if it is not yet, or
/// what is lacking. Test binaries run side by side, so one installs and the others
/// wait for it.
fn installed() -> Result<PathBuf, String> {
    let lockfile = fs::read(fixture().join("package-lock.json")).unwrap();
    let hash = super::package::integrity(&lockfile);
    let name: String = hash.chars().skip(7).filter(char::is_ascii_alphanumeric).take(16).collect();
    let all = super::target().join("test-tools");
    let tools = all.join(format!("verdaccio-{name}"));
    if let Some(lack) = lacks_npm() {
        return Err(lack);
    }
    if tools.exists() {
        return Ok(tools);
    }
    fs::create_dir_all(&all).unwrap();
    let lock = File::create(all.join("verdaccio.lock")).unwrap();
    lock.lock().unwrap();
    if tools.exists() {
        return Ok(tools);
    }
    let partial = tempfile::tempdir_in(&all).unwrap();
    let home = tempfile::tempdir().unwrap();
    for file in ["package.json", "package-lock.json"] {
        fs::copy(fixture().join(file), partial.path().join(file)).unwrap();
    }
    if let Some(lack) = lacks_public_registry() {
        return Err(format!("Verdaccio cannot be installed: {lack}"));
    }
    succeed(npm(partial.path(), home.path()).args(["ci", "--ignore-scripts"]));
    fs::rename(partial.keep(), &tools).unwrap();
    Ok(tools)
}
