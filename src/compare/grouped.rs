//! Many packages with one same change are one line: "14 packages: registry.example, then
//! packages.stranger.example".
//!
//! Pure. How a line looks is not known here.

use super::install::{Aspect, Difference};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One change, with all the packages that have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What differs.
    pub aspect: Aspect,
    /// How it is on the left; of what is another for each package, of the first.
    pub left: Option<String>,
    /// How it is on the right.
    pub right: Option<String>,
    /// Whose it is, ordered by path; none where it is the whole install's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Changed>,
}

/// A package of a change, with how it is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// Its path; `""` is the project itself.
    pub path: String,
    /// Its name.
    pub name: Option<String>,
    /// How it is on the left.
    pub left: Option<String>,
    /// How it is on the right.
    pub right: Option<String>,
}

/// Differences with the same change together, ordered by what differs.
pub fn grouped(differences: &[Difference]) -> Vec<Change> {
    let mut groups: BTreeMap<Key<'_>, Vec<&Difference>> = BTreeMap::new();
    for difference in differences {
        groups.entry(key(difference)).or_default().push(difference);
    }
    let change = |of: Vec<&Difference>| {
        let first = of.first()?;
        let packages = of.iter().filter_map(|difference| {
            Some(Changed {
                path: difference.package.clone()?,
                name: difference.name.clone(),
                left: difference.left.clone(),
                right: difference.right.clone(),
            })
        });
        Some(Change {
            aspect: first.aspect,
            left: first.left.clone(),
            right: first.right.clone(),
            packages: packages.collect(),
        })
    };
    groups.into_values().filter_map(change).collect()
}

/// What, and how it is on either side where that is the same for many.
type Key<'a> = (Aspect, (bool, Option<&'a str>), (bool, Option<&'a str>));

fn key(of: &Difference) -> Key<'_> {
    let (left, right) = (of.left.as_deref(), of.right.as_deref());
    match of.aspect {
        // A version or a digest is each package's own.
        Aspect::Presence | Aspect::Digest => (of.aspect, (left.is_some(), None), (right.is_some(), None)),
        Aspect::Command
        | Aspect::Exit
        | Aspect::Message
        | Aspect::Version
        | Aspect::Source
        | Aspect::Script
        | Aspect::ScriptEnd
        | Aspect::Process
        | Aspect::Connection
        | Aspect::Lookup
        | Aspect::File
        | Aspect::SecretRead => (of.aspect, (left.is_some(), left), (right.is_some(), right)),
    }
}
