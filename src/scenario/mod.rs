//! A declared circumstance: what is taken from the project, what the world
//! does, and what must hold.
//!
//! A scenario is a TOML file: prose first, the expectation inside. The
//! catalogue in `scenarios/` is embedded in the executable. Pure data: this
//! module must not know how anything is run.

mod answer;
pub mod catalogue;
mod changes;
pub mod file;

pub use answer::{Answer, Reach};
pub use changes::{
    Changes, InstallChange, IntegrityForm, LockfileChange, MappingForm, NpmrcLevel, NpmrcPlace, ResolvedForm,
};

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
    /// Everything but what takes minutes.
    Full,
    /// Sets of losses, searched for the smallest that leak.
    Margin,
    /// None: it runs only where somebody names it.
    ByName,
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
    /// A mapping of a private package in the user's npmrc.
    UserMapping,
    /// A mapping of a private package in the global npmrc.
    GlobalMapping,
    /// A mapping of a private package in the project's npmrc.
    ProjectMapping,
    /// A mapping of a private package in some npmrc file.
    NpmrcMapping,
    /// A mapping of a private package's scope in some npmrc file.
    ScopeMapping,
    /// A credential for a private package's registry that some npmrc writes by a variable.
    TokenVariable,
    /// A workspace member.
    Workspace,
    /// A default registry of the project's own, and an entry whose `resolved` names
    /// the public one.
    Mirror,
    /// An entry that only development needs.
    Development,
    /// An optional entry.
    Optional,
    /// An entry from git.
    Git,
    /// A locked package with an install script.
    InstallScript,
    /// An entry without `resolved` that comes from a registry.
    Unresolved,
    /// A private package that package.json names.
    DirectPrivate,
    /// A public package from a registry.
    Public,
    /// A lockfile named package-lock.json.
    PackageLock,
    /// A lockfile of version 2 or 3.
    NewLockfile,
    /// `npm ci` as the project's own command.
    Ci,
    /// A private package whose registry is asked over TLS.
    Tls,
    /// A private package whose registry is reached by a name that a resolver looks up.
    Name,
    /// A private package whose registry serves public packages too, or has another behind it.
    Virtual,
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
    /// As an install left it to which the private registry had given strangers' packages,
    /// and that refused nothing. Its lockfile has no `integrity` of private packages, and
    /// its scripts are off.
    Poisoned,
    /// The same, and of every answer the private registry had said that it stays as it is
    /// (`cache-control: immutable`).
    PoisonedImmutable,
    /// As an install left it to which the private registry had said that none of its answers
    /// may be used again unasked (`cache-control: must-revalidate`). Its scripts are off.
    MustRevalidate,
}

impl Cache {
    /// Whether strangers' packages lie in it.
    pub fn is_poisoned(self) -> bool {
        match self {
            Self::Poisoned | Self::PoisonedImmutable => true,
            Self::Clean | Self::Warm | Self::MustRevalidate => false,
        }
    }
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
    /// What npm itself does here, whatever the project says: it is told as a note, and counts
    /// in no verdict.
    #[serde(default)]
    pub npm_does: Vec<NpmDoes>,
}

/// What npm does that no project can keep it from.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NpmDoes {
    /// It follows a redirect to another port, or to plain http, of the same host name and
    /// takes the token along.
    KeepsTokenOnSameHost,
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
