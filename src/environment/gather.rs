//! Writing down a machine's environment from what was read of it.

use super::conceal::Known;
use super::variables::{can_be_told, ci, holds_a_secret, telling};
use super::{Environment, Folder, Machine, SCHEMA, Tools, cache, git, npmrc, tree};
use crate::project::Project;
use crate::project::integrity::Digests;
use crate::secret::Secret;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What is known of the machine that the program runs on.
#[derive(Debug)]
pub struct Here<'a> {
    /// The project, as npm would find it.
    pub project: &'a Project,
    /// Its node and npm.
    pub tools: Tools,
    /// The machine.
    pub machine: Machine,
    /// The environment's variables.
    pub env: &'a BTreeMap<String, String>,
    /// Names of variables that are wanted beside those that always are.
    pub more: &'a [String],
    /// npm's `cache` folder, where it is known.
    pub cache: Option<PathBuf>,
    /// The time, RFC 3339 in UTC.
    pub now: String,
}

/// Files that are listed, at most, and the bytes of each that are hashed.
const MAX_FILES: usize = 20_000;
const MAX_FILE: u64 = 64 << 20;

/// The environment of this machine, secrets replaced.
///
/// # Errors
/// Where it cannot be said without a doubt that no secret is in it.
pub fn gather(here: &Here<'_>) -> Result<Environment, serde_json::Error> {
    let project = here.project;
    let (variables, unset) = telling(here.env, &project.config, here.more);
    let (files, more_files) = files(project);
    let lockfile = &project.lockfile.source;
    let manifest = &project.manifest.source;
    let mut machine = here.machine.clone();
    machine.ci = ci(here.env);
    let environment = Environment {
        schema: SCHEMA.to_owned(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        captured: here.now.clone(),
        machine,
        toolchain: here.tools.clone(),
        npmrc: npmrc::levels(&project.config),
        variables,
        unset,
        cache: here.cache.as_deref().map(cache::state).unwrap_or_default(),
        project: Folder {
            directory: project.directory.clone(),
            lockfile_name: lockfile.name().to_owned(),
            lockfile_sha512: Digests::of(lockfile.text().as_bytes()).sri(),
            lockfile: lockfile.text().to_owned(),
            manifest_sha512: Digests::of(manifest.text().as_bytes()).sri(),
            manifest: manifest.text().to_owned(),
            files,
            more_files,
        },
        git: git::state(&project.root, &project.files),
        installed: tree::installed(&project.root),
    };
    let known = known(here);
    let mut environment = environment;
    for text in [&mut environment.project.manifest, &mut environment.project.lockfile] {
        *text = known.conceal_json_text(text);
    }
    let concealed = known.conceal_json(serde_json::to_value(&environment)?);
    serde_json::from_value(concealed)
}

/// Every value of this machine that is a secret by its name or its place.
fn known(here: &Here<'_>) -> Known {
    let of_config = here.project.config.settings.iter().flat_map(crate::project::npmrc::Setting::secrets);
    let of_env = here
        .env
        .iter()
        .filter(|(name, _)| holds_a_secret(name))
        .map(|(name, value)| Secret::new(name, value));
    // A password in a URL is one in every other place too.
    let urls = here.env.values().filter_map(|value| url::Url::parse(value).ok());
    let in_urls = urls.filter_map(|url| Some(Secret::new("password of a URL", url.password()?)));
    let named = of_config.chain(of_env).filter(|secret| can_be_told(secret.label(), secret.expose()));
    Known::of(named.chain(in_urls))
}

/// The project's files but for those that are held as text, each with its digest.
fn files(project: &Project) -> (BTreeMap<String, String>, bool) {
    let held = ["package.json", ".npmrc", project.lockfile.source.name()];
    let names: Vec<&String> = project.files.iter().filter(|name| !held.contains(&name.as_str())).collect();
    let more = names.len() > MAX_FILES;
    let hashed = names
        .into_iter()
        .take(MAX_FILES)
        .filter_map(|name| Some((name.clone(), digest(&project.root.join(name))?)));
    (hashed.collect(), more)
}

/// `sha256` of a file's bytes, of a link's target; `None` where it cannot be read.
pub(super) fn digest(path: &Path) -> Option<String> {
    let meta = path.symlink_metadata().ok()?;
    let mut hash = Sha256::new();
    if meta.is_symlink() {
        hash.update(b"link ");
        hash.update(std::fs::read_link(path).ok()?.as_os_str().as_encoded_bytes());
    } else {
        let mut file = File::open(path).ok()?.take(MAX_FILE);
        // What is not read of a large file counts by its length.
        hash.update(meta.len().to_le_bytes());
        let mut buffer = vec![0; 64 << 10];
        loop {
            match file.read(&mut buffer).ok()? {
                0 => break,
                n => hash.update(&buffer[..n]),
            }
        }
    }
    Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
