//! Project × scenarios → runs. Pure and printable: nothing here touches a
//! disk, a socket or a process, and the same input gives the same plan.
//!
//! It must not know how a run is made: no sandbox, no gateway, no clock.

mod build;
pub mod command;
mod credential;
pub mod edit;
mod environment;
pub mod expected;
mod files;
pub mod forged;
mod mapping;
pub mod margin;
pub mod mend;
mod needs;
pub mod npmrc;
pub mod print;
mod secrets;
pub mod shard;
mod shasum;
mod userinfo;
mod world;

#[cfg(test)]
mod changes_tests;
#[cfg(test)]
mod credential_tests;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world_tests;

pub use build::{PlanError, PlanOptions, defences, plan};
pub use secrets::{PlantedSecret, PlantedSecrets};
pub use shasum::with_shasums;
pub use world::{STRANGER, is_here};

use crate::project::integrity::Integrity;
use crate::project::name::PackageName;
use crate::project::named::NamedHosts;
use crate::project::npmrc::Level;
use crate::project::registry::RegistryUrl;
use crate::scenario::{Answer, Cache, Scenario};
use crate::secret::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What a test would run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// In the order in which they are best started: what others need comes first.
    pub runs: Vec<RunSpec>,
    /// The installs that leave behind the caches with which runs begin, but for that of the
    /// baseline. They are no tests of the project and stand in no report.
    pub fillers: BTreeMap<Cache, RunSpec>,
    /// Scenarios that mean nothing here, with the reason.
    pub not_applicable: Vec<(String, String)>,
}

/// One scenario, in one sandbox, once.
#[derive(Debug, Clone)]
pub struct RunSpec {
    /// `private-refused-1`.
    pub id: String,
    /// The scenario.
    pub scenario: Scenario,
    /// Which repetition, from 1.
    pub repeat: u32,
    /// The command's words, `npm` first.
    pub command: Vec<String>,
    /// A second command's, run in the same place once the first has exited with 0; empty
    /// where there is none.
    pub then: Vec<String>,
    /// Variables beyond the sandbox's own (`npm_config_…`, planted tokens, `[install] env`).
    pub env: BTreeMap<String, String>,
    /// Changes to the project's copy: relative path, and bytes, or `None` to remove.
    pub changes: Vec<(String, Option<Vec<u8>>)>,
    /// Lockfile entries whose `integrity` is to be the sha1 of the same bytes, by path; which
    /// that is shows only what the baseline was given.
    pub sha1_of: BTreeMap<String, Integrity>,
    /// An npmrc in the folder above the project.
    pub parent_npmrc: Option<Vec<u8>>,
    /// The npmrc files outside the project, as the run shall see them, planted tokens in them.
    pub npmrc: BTreeMap<Level, Vec<u8>>,
    /// The world.
    pub world: World,
    /// npm's cache at the start.
    pub cache: Cache,
    /// What was changed beyond the scenario's own losses, for the report
    /// ("fetch-retries=0, fetch-timeout=10000").
    pub notes: Vec<String>,
}

/// The world of a run, as the gateway is to play it.
#[derive(Debug, Clone)]
pub struct World {
    /// npm's public registry.
    pub public: RegistryUrl,
    /// How the public registry answers.
    pub public_answer: Answer,
    /// The folder it is served from; `None` forwards to the real one.
    pub public_serve: Option<PathBuf>,
    /// Every other registry that npm's config or `[[registry]]` names.
    pub registries: Vec<RegistryWorld>,
    /// Private names, each with the registry it must come from. Never sent to the public registry.
    pub private: BTreeMap<PackageName, RegistryUrl>,
    /// The package and version of each private tarball, by its URL in the lockfile: some
    /// registries write URLs that tell neither.
    pub pinned: BTreeMap<String, (PackageName, String)>,
    /// For each private name, every registry that is the owner's for it.
    pub own: BTreeMap<PackageName, BTreeSet<RegistryUrl>>,
    /// Local names. Never sent to any registry upstream that does not know them already.
    pub local: BTreeSet<PackageName>,
    /// Of names that are private, local or of a private scope: the registries that the lockfile
    /// has public packages of that name from, and that know it therefore.
    pub known: BTreeMap<PackageName, BTreeSet<RegistryUrl>>,
    /// Globs of names that are private whether or not the lockfile has them (`@acme/*`).
    pub private_globs: Vec<String>,
    /// Decoys the public registry offers.
    pub decoys: Vec<DecoySpec>,
    /// The one tarball that is tampered with where an answer says so.
    pub tamper: Option<(PackageName, String)>,
    /// Hosts from which downloads are forwarded (`[trust] hosts`, hosts of `resolved` URLs).
    pub hosts: BTreeSet<String>,
    /// Hosts that the caller's own configuration names, and not only a file of the project.
    pub named: NamedHosts,
    /// Hosts of nobody's that offer the same decoys as the public registry.
    pub strangers: BTreeSet<String>,
    /// Tokens in the sandbox and what they stand for.
    pub planted: Vec<Planted>,
    /// Secrets in the sandbox that are nobody's.
    pub secrets: PlantedSecrets,
    /// Ports that have doors: 443, 80 and every one that is named somewhere.
    pub ports: BTreeSet<u16>,
    /// What the registries of private packages say of how long an answer may be kept: the
    /// `cache-control` of each; `None` where they say nothing.
    pub keeping: Option<&'static str>,
    /// What the hosts below [`SINK`] answer, by path; `None` where there are no such hosts.
    pub sink: Option<BTreeMap<String, Vec<u8>>>,
}

/// The domain of the hosts that a drill turns to: ours, and nobody's (RFC 2606).
pub const SINK: &str = "drill.example";

impl World {
    /// Whether a host is one of a drill's own.
    pub fn is_sink(&self, host: &str) -> bool {
        let below = host.strip_suffix(SINK).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        self.sink.is_some() && below
    }

    /// Every planted value, each with the label that stands for it in all output.
    pub fn hidden(&self) -> Vec<Secret> {
        let tokens = self.planted.iter().map(|planted| Secret::new(&planted.label, &planted.value));
        let secrets = self.secrets.secrets.iter().map(|secret| Secret::new(&secret.label, &secret.value));
        tokens.chain(secrets).collect()
    }
}

/// A registry that is not the public one.
#[derive(Debug, Clone)]
pub struct RegistryWorld {
    /// Its URL.
    pub url: RegistryUrl,
    /// How it answers.
    pub answer: Answer,
    /// The folder it is served from; `None` forwards to the real one.
    pub serve: Option<PathBuf>,
    /// Hosts it hands downloads to.
    pub also: Vec<RegistryUrl>,
}

/// A stranger's package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecoySpec {
    /// Its name.
    pub name: PackageName,
    /// The locked version, with other bytes; first in its packument.
    pub version: String,
    /// A higher one, tagged `latest`.
    pub higher: String,
    /// One between them, that a range of the locked version's line takes; there where a
    /// registry lists the owner's versions beside.
    pub between: Option<String>,
}

/// A token that lies in the sandbox.
#[derive(Debug, Clone)]
pub struct Planted {
    /// What is in the sandbox: random for each invocation.
    pub value: String,
    /// Its label in reports: the variable's name or the npmrc key.
    pub label: String,
    /// The registry it is for, as npmrc keys it (`//host/path/`); `None` for a bare secret.
    pub nerf_dart: Option<String>,
    /// How it is used: `_authToken` is a bearer, `_auth` and `_password` are basic.
    pub key: String,
    /// The real value; `None` where the variable is not set or the registry is served from a folder.
    pub real: Option<Secret>,
}
