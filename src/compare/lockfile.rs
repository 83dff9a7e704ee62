//! What an update of the lockfile changes, before anything is installed.
//!
//! Pure, on two lockfiles with the package.json files that go with them. It says what a
//! reviewer should look at first; whether that is bad it does not know.

mod entries;
mod manifests;
mod standing;
mod terms;
#[cfg(test)]
mod tests;

use crate::project::class::Classified;
use crate::project::lockfile::Lockfile;
use crate::project::lockfile::left_out::Machine;
use crate::project::manifest::Manifest;
use crate::project::settings::Settings;
use crate::text::Place;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What changed of a package, what a reviewer should see first before all else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A private package no longer comes from its registry.
    PrivateFromElsewhere,
    /// `resolved` is the tarball of another package, or of another version.
    OtherTarball,
    /// The same version with another integrity.
    OtherBytes,
    /// It had an integrity and has none.
    IntegrityLost,
    /// Its integrity is by a weaker hash.
    IntegrityWeakened,
    /// It is new and has no integrity, or sha1 only.
    IntegrityMissing,
    /// A lifecycle script of the project's own changed.
    OwnScript,
    /// `allowScripts` lets it run scripts now.
    ScriptAllowed,
    /// It has an install script, and had none.
    InstallScript,
    /// It comes from another host, or in another way.
    Source,
    /// Its version is outside of the range that package.json asks for.
    OutOfRange,
    /// npm installs it here no longer, though the lockfile still has it.
    NoLongerInstalled,
    /// npm installs it here now, and the old lockfile kept it away from here.
    InstalledNow,
    /// It is for other platforms or engines, has other commands or other dependencies.
    Terms,
    /// It is new.
    Added,
    /// Its version changed.
    Version,
    /// It is gone.
    Removed,
    /// The same package lies in another place of the tree.
    Moved,
    /// Its integrity is by a stronger hash.
    IntegrityStrengthened,
    /// When it is installed changed: dev, optional, peer.
    Flags,
    /// Something that decides nothing: its license, who is to be paid.
    Metadata,
    /// The form of the lockfile itself.
    Form,
}

impl Kind {
    /// Whether a reviewer should look twice.
    pub fn is_alarming(self) -> bool {
        match self {
            Self::PrivateFromElsewhere
            | Self::OtherTarball
            | Self::OtherBytes
            | Self::IntegrityLost
            | Self::IntegrityWeakened
            | Self::IntegrityMissing
            | Self::OwnScript
            | Self::ScriptAllowed
            | Self::InstallScript
            | Self::Source
            | Self::OutOfRange
            | Self::NoLongerInstalled
            | Self::InstalledNow
            | Self::Terms => true,
            Self::Added
            | Self::Version
            | Self::Removed
            | Self::Moved
            | Self::IntegrityStrengthened
            | Self::Flags
            | Self::Metadata
            | Self::Form => false,
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct LockChange {
    /// What changed.
    pub kind: Kind,
    /// The path of the package in the tree; `""` is the project itself.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Its version after the change, of what is gone before it.
    pub version: Option<String>,
    /// How it was.
    pub left: Option<String>,
    /// How it is.
    pub right: Option<String>,
    /// Where the new lockfile says so.
    pub place: Option<Place>,
}

/// A lockfile of one revision, and what goes with it.
#[derive(Debug, Clone, Copy)]
pub struct Revision<'a> {
    /// The lockfile.
    pub lockfile: &'a Lockfile,
    /// The class of each entry.
    pub classes: &'a BTreeMap<String, Classified>,
    /// The package.json of the root (`""`) and of each member, by its folder.
    pub manifests: &'a BTreeMap<String, Manifest>,
}

/// Every change, what a reviewer should see first before all else. `here` is where npm
/// would install both.
pub fn changes(
    left: &Revision<'_>,
    right: &Revision<'_>,
    settings: &Settings,
    here: &Machine,
) -> Vec<LockChange> {
    let mut all = entries::changes(left, right, settings);
    all.extend(manifests::changes(left, right));
    all.extend(standing::changes(left.lockfile, right.lockfile, here));
    all.extend(terms::changes(left.lockfile, right.lockfile, &all));
    all.extend(form(left.lockfile, right.lockfile));
    all.sort();
    all.dedup();
    all
}

/// What the lockfiles cannot tell, a sentence each without a full stop.
pub fn silences(left: &Revision<'_>, right: &Revision<'_>) -> Vec<String> {
    let mut all = Vec::new();
    if left.lockfile.version == 1 || right.lockfile.version == 1 {
        all.push("a lockfile of version 1 does not say which packages have install scripts".to_owned());
    }
    for (side, revision) in [("old", left), ("new", right)] {
        if !revision.manifests.contains_key("") {
            all.push(format!(
                "the {side} lockfile has no package.json beside it, so ranges were not checked"
            ));
        }
    }
    all
}

fn form(left: &Lockfile, right: &Lockfile) -> Vec<LockChange> {
    let file = |lockfile: &Lockfile| {
        let name = lockfile.source.name();
        let name = name.rsplit(['/', ':']).next().unwrap_or(name);
        format!("{name}, version {}", lockfile.version)
    };
    // Two files may be called anything; npm knows these two.
    let known = |lockfile: &Lockfile| {
        let name = file(lockfile);
        name.starts_with("package-lock.json") || name.starts_with("npm-shrinkwrap.json")
    };
    let (one, other) = match known(left) && known(right) {
        true => (file(left), file(right)),
        false => (format!("version {}", left.version), format!("version {}", right.version)),
    };
    let change = || LockChange {
        kind: Kind::Form,
        path: String::new(),
        name: String::new(),
        version: None,
        left: Some(one.clone()),
        right: Some(other.clone()),
        place: None,
    };
    if one == other { Vec::new() } else { vec![change()] }
}
