//! What a scenario does to the project's copy, to npm's configuration, to the
//! lockfile and to the command. Keys are declarative and go together: a scenario
//! says what is so, and not how it is brought about.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is done to the project's copy and to npm's configuration.
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
    /// Variables by which npmrc files write credentials are not set.
    pub token_unset: bool,
    /// npm settings added as `npm_config_*` variables, which outrank every npmrc
    /// file. In a value `{public}` is the public registry, `{private-host}` the host
    /// that a private `resolved` names, `{private-scope}` the scope of a private package.
    pub npm_config: BTreeMap<String, String>,
    /// The npmrc files that npm does not find, by their level.
    pub npmrc_absent: BTreeSet<NpmrcLevel>,
    /// Where the project's own npmrc lies in the place of beside its package.json.
    pub npmrc_moved: Option<NpmrcPlace>,
    /// How the mappings of private packages are written in the npmrc files that have
    /// them; variables and the command keep theirs.
    pub mapping: Option<MappingForm>,
    /// What the lockfile says.
    pub lockfile: LockfileChange,
    /// package.json asks for a far higher version of the private packages that it
    /// names than the lockfile has.
    pub raise_private_range: bool,
    /// The word of `allowScripts` in package.json on every locked package that has an
    /// install script: allowed or not.
    pub allow_scripts: Option<bool>,
}

/// A level of npm's configuration that is a file.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NpmrcLevel {
    /// `{prefix}/etc/npmrc`.
    Global,
    /// `~/.npmrc`.
    User,
    /// `.npmrc` beside the package.json.
    Project,
}

/// Where an npmrc lies that npm does not read.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NpmrcPlace {
    /// In the folder above the project.
    ParentFolder,
    /// In the folder of the first workspace member.
    WorkspaceMember,
}

/// How a mapping is written.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum MappingForm {
    /// The scope in another case: `@Acme:registry` for `@acme:registry`.
    OtherCase,
    /// Without a value: `@acme:registry=`.
    Empty,
    /// By a variable that is not set: `${VAR}`.
    UnsetVariable,
    /// By a variable that is not set and need not be: `${VAR?}`.
    UnsetOptionalVariable,
}

/// What a lockfile says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LockfileChange {
    /// The `lockfileVersion` that it is rewritten in; 1 is the only one.
    #[schemars(range(min = 1, max = 1))]
    pub version: Option<u8>,
    /// What `resolved` of private packages says.
    pub resolved: Option<ResolvedForm>,
    /// What `integrity` of private packages says.
    pub integrity: Option<IntegrityForm>,
    /// No entry says `hasInstallScript`.
    pub remove_install_script_flag: bool,
    /// The changed lockfile is a `npm-shrinkwrap.json` beside the `package-lock.json`,
    /// which stays as it is.
    pub as_shrinkwrap: bool,
}

/// What `resolved` of a private package says.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ResolvedForm {
    /// The tarball of its name and version at the public registry.
    PublicRegistry,
    /// The same path at a host that nobody knows, and that has decoys.
    Stranger,
    /// The tarball of a public package of the lockfile.
    AnotherPackage,
    /// What is no URL.
    Unparsable,
}

/// What `integrity` of a private package says.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum IntegrityForm {
    /// The sha1 of the bytes that the baseline was given, and nothing stronger.
    Sha1,
}

/// What is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct InstallChange {
    /// `npm install` in the place of `npm ci`; the command's other words stay.
    pub npm_install: bool,
    /// `npm update --dry-run` in the place of `npm ci`; the command's other words stay.
    pub npm_update_dry_run: bool,
    /// Runs `npm rebuild` behind the command, in the same place, once that has exited with
    /// 0; with the command's other words, but for `--ignore-scripts`.
    pub then_npm_rebuild: bool,
    /// Adds `--ignore-scripts`.
    pub ignore_scripts: bool,
    /// Options added to the command, each one word: `--omit=dev`. The words in braces
    /// of `npm-config` have their meaning here as well.
    pub npm_options: Vec<String>,
    /// `fetch-retries` etc. are shortened by variable; says so in the report.
    pub shorten_retries: bool,
}
