//! Drills: inert copies of what real attacks did while npm installed, and honest or
//! harmless packages that look alike.
//!
//! A drill is a folder of `drills/`: a `drill.toml` with prose and the truth that is known
//! of it, its packages as readable sources, and what its own hosts answer. All are embedded
//! in the executable. Pure data: this module must not know how anything is run or judged.

pub mod catalogue;
pub mod compose;
pub mod git;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One drill, as its `drill.toml` says (unknown keys are errors).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Drill {
    /// Its name, as its folder.
    pub name: String,
    /// What it does, one line for lists.
    pub title: String,
    /// An attack, or what looks like one.
    pub kind: Kind,
    /// After which incident or which honest package.
    pub after: String,
    /// By which hook of npm's it runs.
    pub hook: String,
    /// What happened, what the inert copy does, and what of it is left out.
    pub about: String,
    /// The rules that must report an attack; none for what is none.
    #[serde(default)]
    pub reports: Vec<String>,
    /// It is about installs with scripts off: the rates are taken with `--ignore-scripts`.
    #[serde(default)]
    pub scripts_off: bool,
    /// The major version of npm from which on it cannot happen.
    #[serde(default)]
    pub gone_with_npm: Option<u64>,
    /// It does not end by itself: seconds after which its run is ended.
    #[serde(default)]
    pub ends_after: Option<u64>,
    /// Variables that are set for it.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Files that are larger than their sources.
    #[serde(default)]
    pub pad: Vec<Pad>,
}

/// A file of a package that is filled up with comments when it is packed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// Its path in the drill's folder.
    pub file: String,
    /// How long it is to be at least.
    pub bytes: usize,
}

/// What a drill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An inert copy of an attack at install.
    Attack,
    /// Bad when it is imported or run, and nothing at install.
    Negative,
    /// Honest, and it looks like an attack.
    Control,
}

impl Kind {
    /// As files and reports spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Attack => "attack",
            Self::Negative => "negative",
            Self::Control => "control",
        }
    }
}
