//! Which packages are private, and what says so.
//!
//! In this order: the owner's own list, the scope's mapping, the registry that
//! `resolved` lies under, the public registry's signature. A mapping says nothing of an
//! entry that is pinned at the public registry: npm fetches it there. What none of them
//! decides is undecided: a green that tested nothing is the worst outcome.
//! This module asks no registry; signatures are given to it.

mod decide;
mod own;
mod proposal;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod undecided_tests;

pub(crate) use decide::private_glob;
pub use decide::{Facts, classify};
pub(crate) use own::registry_setting;
pub use proposal::proposal;

use super::registry::RegistryUrl;
use serde::{Deserialize, Serialize};

/// The class of a package.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Must come from one registry of the owner's.
    Private,
    /// A workspace member, link or `file:` package.
    Local,
    /// From the public registry.
    Public,
    /// From some other host that nothing names as a registry (a CDN, git).
    Other,
    /// Nothing says; what depends on it is unobserved.
    Undecided,
}

/// A package's class with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// The class.
    pub class: Class,
    /// The registry it must come from; for private packages always set.
    pub registry: Option<RegistryUrl>,
    /// Why, a fragment: "`@acme:registry` maps its scope".
    pub because: String,
    /// Which file and level decided: ".npmrc:1 (project)".
    pub from: String,
}
