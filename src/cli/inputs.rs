//! A digest of everything that the result of a test depends on and that is known before it
//! begins: the project as a sandbox gets it, the plan, the toolchain, the options.
//!
//! No secret goes into it, since a digest of a short one can be guessed: a token counts by
//! whom it is for and whether it is there. What registries will answer is not known before,
//! and is in no digest.

use super::arguments::Choice;
use super::assemble::redacted;
use super::containers::Placed;
use super::load::{self, Loaded};
use super::options::Options;
use super::reach;
use crate::compare::approved;
use crate::plan::RunSpec;
use crate::project::Project;
use crate::project::named::Trusted;
use crate::project::npmrc::without_secrets;
use crate::project::settings::Accepted;
use crate::secret::Secret;
use crate::toolchain::Toolchain;
use crate::upstream::UpstreamConfig;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::civil::Date;
use sha2::{Digest, Sha512};
use std::fmt::{Debug, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

/// Bytes of files that are read at most; more than that fits no sandbox.
const MOST: u64 = 8 << 30;

/// What a test is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inputs {
    files: Vec<u8>,
    rest: Vec<u8>,
}

impl Inputs {
    /// `sha512-…` of all.
    pub(super) fn sha512(&self) -> String {
        let mut hash = Hash::default();
        hash.bytes("files", &self.files);
        hash.bytes("rest", &self.rest);
        format!("sha512-{}", STANDARD.encode(hash.0.finalize()))
    }

    /// Whether the project's files are still those: somebody may have written while it ran.
    pub(super) fn still(&self, project: &Project) -> bool {
        files(project).is_ok_and(|files| files == self.files)
    }
}

/// The inputs of a test in all its places; `None` where the project cannot be read as a
/// whole, so that nothing is known to be the same.
pub(super) fn of<'a>(
    places: impl Iterator<Item = &'a Loaded> + Clone,
    options: &Options,
    baseline: Option<&str>,
    impossible: &[String],
    today: Date,
) -> anyhow::Result<Option<Inputs>> {
    let Some(first) = places.clone().next() else { return Ok(None) };
    let Ok(files) = files(&first.project) else { return Ok(None) };
    let mut hash = Hash::default();
    hash.debug("tool", &super::assemble::tool());
    chosen(&mut hash, options);
    hash.debug("baseline", &baseline);
    hash.debug("impossible", &impossible);
    if let Some(policy) = &first.policy {
        hash.bytes("policy", &std::fs::read(policy)?);
    }
    accepted(&mut hash, &first.project.settings.accepted, today);
    for loaded in places {
        place(&mut hash, loaded, options)?;
    }
    Ok(Some(Inputs { files, rest: hash.0.finalize().to_vec() }))
}

/// Options that could change what is found, taken apart so that a new one cannot be forgotten.
fn chosen(hash: &mut Hash, options: &Options) {
    let Options {
        choice,
        require_margin,
        margin_demanded: _,
        jobs: _,
        scratch,
        timeout,
        reports: _,
        fail_on,
        progress: _,
        trace,
        watch,
        store_limit: _,
        // A part is a part of the same.
        shard: _,
    } = options;
    // Which scenarios they are is told by the plan.
    let Choice { scenario, skip, suite, scenarios_dir: _, repeat } = choice;
    hash.debug("choice", &(scenario, skip, suite, repeat));
    hash.debug("options", &(require_margin, scratch, timeout, fail_on, trace, watch));
}

/// What is accepted, and which of it is over: tomorrow that can be otherwise.
fn accepted(hash: &mut Hash, all: &[Accepted], today: Date) {
    for entry in all {
        let Accepted { rule, package, reason, by, expires, place: _ } = entry;
        hash.debug("accepted", &(rule, package, reason, by, expires, expires.map(|until| until < today)));
    }
}

fn toolchain(hash: &mut Hash, toolchain: &Toolchain) {
    let Toolchain { node, npm, node_exe, npm_dir, because, public, libraries } = toolchain;
    hash.debug("node", &(node.to_string(), node_exe, libraries));
    hash.debug("npm", &(npm.to_string(), npm_dir));
    hash.debug("found", &(because, public.to_string()));
}

fn place(hash: &mut Hash, loaded: &Loaded, options: &Options) -> anyhow::Result<()> {
    let project = &loaded.project;
    let own = |text: String| text.replace(&project.root.display().to_string(), "[root]");
    toolchain(hash, &loaded.toolchain);
    hash.debug("image", &loaded.placed.as_ref().map(Placed::named));
    hash.debug("platform", &super::invoke::platform(loaded).name());
    hash.debug("offline", &loaded.offline);
    hash.debug("umask", &loaded.umask);
    hash.debug("directory", &project.directory);
    hash.debug("classes", &project.classes);
    for level in project.config.files.keys() {
        hash.debug("npmrc", level);
        hash.bytes("text", &redacted(&project.config, *level).unwrap_or_default());
    }
    for setting in &project.config.settings {
        // What a plain one says is in the plan. Of a secret, that its variable is there.
        hash.debug("setting", &(setting.level, &setting.key, &setting.variables));
    }
    let trusted = if loaded.placed.is_some() { Trusted::UserFile } else { Trusted::Machine };
    upstream(hash, &reach::config(&project.config, &loaded.reading.env, trusted)?);
    for entry in &project.settings.registries {
        hash.debug("registry", &entry.url.to_string());
        if let Some(folder) = &entry.serve {
            hash.debug("served", &loaded.upstream.folder(folder)?.packages);
        }
    }
    let plan = load::plan_to_compare(loaded, &options.choice)?;
    hash.debug("not-applicable", &plan.not_applicable);
    for spec in &plan.runs {
        run(hash, spec, &own);
    }
    for (cache, spec) in &plan.fillers {
        hash.debug("cache", cache);
        run(hash, spec, &own);
    }
    Ok(())
}

/// A run as planned, taken apart so that a new field cannot be forgotten. Its planted
/// values are those that everybody can know.
fn run(hash: &mut Hash, spec: &RunSpec, own: &dyn Fn(String) -> String) {
    let RunSpec {
        id,
        scenario,
        repeat,
        command,
        then,
        env,
        changes,
        sha1_of,
        parent_npmrc,
        npmrc,
        world,
        cache,
        notes,
    } = spec;
    hash.debug("run", &(id, repeat, command, then, env, sha1_of, cache, notes));
    hash.debug("scenario", scenario);
    for (path, bytes) in changes {
        hash.debug("change", &(path, bytes.is_some()));
        hash.bytes("bytes", bytes.as_deref().unwrap_or_default());
    }
    hash.bytes("parent", parent_npmrc.as_deref().unwrap_or_default());
    for (level, text) in npmrc {
        hash.debug("level", level);
        hash.bytes("text", text);
    }
    // Where the project lies is nothing that a sandbox knows.
    hash.bytes("world", own(format!("{world:?}")).as_bytes());
}

fn upstream(hash: &mut Hash, config: &UpstreamConfig) {
    let UpstreamConfig {
        https_proxy,
        http_proxy,
        no_proxy,
        roots,
        extra_roots,
        identity,
        user_agent: _,
        connect_timeout: _,
        read_timeout: _,
    } = config;
    let proxy = |of: &Option<Secret>| of.as_ref().map(|secret| without_userinfo(secret.expose()));
    hash.debug("proxies", &(proxy(https_proxy), proxy(http_proxy), no_proxy));
    hash.bytes("roots", roots.as_deref().unwrap_or_default());
    hash.bytes("extra roots", extra_roots.as_deref().unwrap_or_default());
    // The certificate is shown to everybody, and belongs to its key.
    hash.bytes("identity", identity.as_ref().map(|(chain, _)| chain.as_slice()).unwrap_or_default());
}

fn without_userinfo(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.into()
        }
        Err(_) => "no URL".to_owned(),
    }
}

/// The project's files as a sandbox gets them: bytes, links, and what may be executed. No
/// link is followed.
fn files(project: &Project) -> io::Result<Vec<u8>> {
    let mut hash = Hash::default();
    let mut left = MOST;
    // What was accepted is not copied, and counts by itself.
    for name in project.files.iter().filter(|name| *name != approved::FILE) {
        hash.bytes("name", name.as_bytes());
        let path = project.root.join(name);
        let meta = match path.symlink_metadata() {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                hash.bytes("gone", b"");
                continue;
            }
            Err(error) => return Err(error),
        };
        if meta.is_symlink() {
            hash.bytes("link", path.read_link()?.as_os_str().as_bytes());
        } else if meta.is_file() {
            let file = OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                .open(&path)?;
            let meta = file.metadata()?;
            left = left.checked_sub(meta.len()).ok_or(io::ErrorKind::FileTooLarge)?;
            // As `sandbox::copy` keeps it.
            hash.debug("mode", &(meta.permissions().mode() & 0o755 | 0o600));
            content(&mut hash, name, file, meta.len())?;
        } else {
            hash.bytes("other", b"");
        }
    }
    Ok(hash.0.finalize().to_vec())
}

/// The bytes of a file of which so many are expected; an npmrc's without its secrets.
fn content(hash: &mut Hash, name: &str, file: File, length: u64) -> io::Result<()> {
    let mut file = file.take(length);
    if name == ".npmrc" || name.ends_with("/.npmrc") {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        hash.bytes("npmrc", without_secrets(&String::from_utf8_lossy(&bytes)).as_bytes());
        return Ok(());
    }
    let mut inner = Sha512::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => inner.update(&buffer[..n]),
        }
    }
    hash.bytes("content", &inner.finalize());
    Ok(())
}

/// Parts, each with its name and length before it, so that none runs into the next.
#[derive(Default)]
struct Hash(Sha512);

impl Hash {
    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.0.update((name.len() as u64).to_le_bytes());
        self.0.update(name);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// What a value shows of itself: of a [`Secret`], its label.
    fn debug(&mut self, name: &str, value: &dyn Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.bytes(name, text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_runs_into_the_next() {
        let of = |parts: &[(&str, &str)]| {
            let mut hash = Hash::default();
            for (name, bytes) in parts {
                hash.bytes(name, bytes.as_bytes());
            }
            hash.0.finalize().to_vec()
        };
        let all = [
            of(&[("a", "bc")]),
            of(&[("ab", "c")]),
            of(&[("a", "b"), ("c", "")]),
            of(&[("a", "b")]),
            of(&[("a", ""), ("b", "c")]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
    }

    fn of(put: impl FnOnce(&mut Hash)) -> Vec<u8> {
        let mut hash = Hash::default();
        put(&mut hash);
        hash.0.finalize().to_vec()
    }

    #[test]
    fn what_is_accepted_counts_until_it_is_over() {
        let entry = Accepted {
            rule: "thin-margin".to_owned(),
            package: None,
            reason: "known".to_owned(),
            by: None,
            expires: Some(jiff::civil::date(2027, 3, 1)),
            place: crate::text::Source::new("sealcheck.toml", "x").place(0..1),
        };
        let on =
            |day| of(|hash| accepted(hash, std::slice::from_ref(&entry), jiff::civil::date(2027, 3, day)));
        assert_eq!(
            on(1),
            of(|hash| accepted(hash, std::slice::from_ref(&entry), jiff::civil::date(2026, 1, 1)))
        );
        assert_ne!(on(1), on(2), "on its last day it still counts, and not on the next");
        assert_eq!(on(2), on(3));
    }

    #[test]
    fn node_and_npm_count_by_version_and_place() {
        let before = Toolchain {
            node: "20.1.0".parse().unwrap(),
            npm: "10.9.9".parse().unwrap(),
            node_exe: "/usr/bin/node".into(),
            npm_dir: "/usr/lib/node_modules/npm".into(),
            because: "the PATH".to_owned(),
            public: crate::project::registry::RegistryUrl::parse("https://registry.example/").unwrap(),
            libraries: Vec::new(),
        };
        let changes: [fn(&mut Toolchain); 7] = [
            |one| one.libraries.push("/opt/lib/libnode.so.115".into()),
            |one| one.node = "20.1.1".parse().unwrap(),
            |one| one.npm = "10.9.10".parse().unwrap(),
            |one| one.node_exe = "/opt/node".into(),
            |one| one.npm_dir = "/opt/npm".into(),
            |one| one.because = "nvm".to_owned(),
            |one| {
                one.public = crate::project::registry::RegistryUrl::parse("https://other.example/").unwrap();
            },
        ];
        for change in changes {
            let mut after = before.clone();
            change(&mut after);
            assert_ne!(of(|hash| toolchain(hash, &before)), of(|hash| toolchain(hash, &after)), "{after:?}");
        }
    }

    #[test]
    fn a_proxy_counts_by_its_address_and_not_by_its_password() {
        let plain = without_userinfo("http://proxy.example:8080/");
        assert_eq!(without_userinfo("http://me:hunter2@proxy.example:8080/?x=hunter2"), plain);
        assert_ne!(without_userinfo("http://other.example:8080/"), plain);
    }

    #[test]
    fn an_option_that_changes_what_is_found_changes_the_digest() {
        use clap::Parser;
        let of = |words: &[&str]| {
            let words = ["sealcheck", "test"].iter().chain(words);
            let arguments = super::super::arguments::Arguments::parse_from(words);
            let super::super::arguments::Command::Test(test) = arguments.command else { panic!("a test") };
            let options = super::super::options::layer(test, &Default::default(), std::path::Path::new("/"));
            let mut hash = Hash::default();
            chosen(&mut hash, &options.unwrap());
            hash.0.finalize().to_vec()
        };
        let plain = of(&[]);
        for words in [
            ["--suite", "full"],
            ["--fail-on", "warning"],
            ["--require-margin", "3"],
            ["--repeat", "2"],
            ["--timeout", "1m"],
            ["--skip", "control"],
            ["--scenario", "baseline"],
        ] {
            assert_ne!(of(&words), plain, "{words:?}");
        }
        for words in [["--jobs", "1"], ["--progress", "none"], ["--report", "json=x"], ["--store-limit", "1"]]
        {
            assert_eq!(of(&words), plain, "{words:?}");
        }
    }
}
