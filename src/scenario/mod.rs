//! A declared circumstance: what is taken from the project, what the world
//! does, and what must hold.
//!
//! A scenario is a TOML file: prose first, the expectation inside. The
//! catalogue in `scenarios/` is embedded in the executable. Pure data: this
//! module must not know how anything is run.

pub mod catalogue;
pub mod file;

use serde::{Deserialize, Serialize};

/// One scenario, as its file says (unknown keys are errors).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// Its name, as its file: `private-refused`.
    pub name: String,
    /// One line for lists: what has gone wrong.
    pub title: String,
    /// Why this can happen to somebody, in a few sentences.
    pub about: String,
    /// The suites it belongs to.
    pub suites: Vec<Suite>,
    /// Which of the project's own defences it takes away.
    #[serde(default)]
    pub losses: Vec<Loss>,
    /// What the project must have for the scenario to mean anything.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// The trap scenario that must leak.
    #[serde(default)]
    pub control: bool,
    /// What is done to the world.
    #[serde(default)]
    pub world: World,
    /// What is done to the project's copy and to npm's configuration.
    #[serde(default)]
    pub project: Changes,
    /// What is run.
    #[serde(default)]
    pub install: InstallChange,
    /// What must hold.
    pub demand: Demand,
}

/// A suite.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Suite {
    /// What `test` runs when nothing is asked for.
    Core,
    /// Everything.
    Full,
    /// Sets of losses, searched for the smallest that leak.
    Margin,
}

/// A defence that a scenario takes away.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// The mapping of private names to their registry, at every level of npmrc.
    Mapping,
    /// The lockfile, and with it its `resolved` and `integrity`.
    Lockfile,
    /// `resolved` of the private entries.
    Resolved,
    /// `integrity` of the private entries.
    Integrity,
    /// npm's install controls (`allow-remote`, `ignore-scripts`, `allowScripts` and their kin).
    Controls,
}

impl Loss {
    /// As files and reports spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mapping => "mapping",
            Self::Lockfile => "lockfile",
            Self::Resolved => "resolved",
            Self::Integrity => "integrity",
            Self::Controls => "controls",
        }
    }
}

/// What a project must have.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// At least one private package from a registry.
    Private,
    /// At least one private or local package.
    PrivateOrLocal,
    /// At least one private package that is not optional.
    RequiredPrivate,
    /// A mapping (scope or default registry) in some npmrc or variable.
    Mapping,
    /// A private entry with `resolved`.
    Resolved,
    /// A private entry with `integrity`.
    Integrity,
}

/// The world around the install.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct World {
    /// How the registries of private packages answer.
    pub private: Answer,
    /// How the public registry answers.
    pub public: Answer,
    /// The public registry offers decoys of every private and local name.
    pub decoys: bool,
    /// npm's cache at the start.
    pub cache: Cache,
}

/// How a registry answers.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// As it really does.
    #[default]
    Genuine,
    /// The connection is refused.
    Refused,
    /// Its name does not exist.
    NxDomain,
    /// 404 to everything.
    NotFound,
    /// 401 to everything.
    Unauthorized,
    /// 503 to everything.
    Unavailable,
    /// One required private tarball has other bytes; all else is genuine.
    Tampered,
}

/// npm's cache at the start of a run.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Cache {
    /// Empty.
    #[default]
    Clean,
    /// As the baseline run left it.
    Warm,
}

/// What is done to the project's copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Changes {
    /// Takes every registry mapping of private packages out of every npmrc level.
    pub remove_mapping: bool,
    /// Removes the lockfile.
    pub remove_lockfile: bool,
    /// Takes `resolved` out of the lockfile entries of private packages.
    pub remove_resolved: bool,
    /// Takes `integrity` out of the lockfile entries of private packages.
    pub remove_integrity: bool,
    /// Opens npm's install controls, whoever set them: `allow-remote` and `allow-git` to
    /// all, scripts on and none unapproved.
    pub remove_controls: bool,
    /// Turns lockfile entries of local packages into ones of a registry (for `control`).
    pub unlink_local: bool,
    /// npm settings added as `npm_config_*` variables; `{public}` is the public registry.
    pub npm_config: std::collections::BTreeMap<String, String>,
}

/// What is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct InstallChange {
    /// `npm install` in the place of `npm ci`; the command's other words stay.
    pub npm_install: bool,
    /// Adds `--ignore-scripts`.
    pub ignore_scripts: bool,
    /// `fetch-retries` etc. are shortened by variable; says so in the report.
    pub shorten_retries: bool,
}

/// What must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Demand {
    /// Whether the install has to work.
    pub install: Install,
    /// npm's codes by which it may fail where `install` is `may-fail` or `must-fail`.
    #[serde(default)]
    pub codes: Vec<String>,
}

/// Whether an install has to work.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Install {
    /// It must work and give the lockfile's tree.
    MustWork,
    /// It may work or fail by one of the codes; either way nothing foreign comes in.
    MayFail,
    /// It must fail by one of the codes, unless all affected packages are optional or cached.
    MustFail,
    /// No demand on how it ends (a lockfile is gone, versions may move).
    Anyhow,
}
