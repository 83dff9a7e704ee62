//! What an update of the lockfile changes, `sealcheck/review/v1`: what the lockfiles say,
//! and what the new tree does at its install that the old one did not.

use super::comparison::Agreement;
use super::model::Toolchain;
use crate::compare::grouped::{Change, grouped};
use crate::compare::install::{Compared, Difference, Unseen};
use crate::compare::lockfile::LockChange;
use schemars::JsonSchema;
use serde::Serialize;

/// The version of the review's form.
pub const SCHEMA: &str = "sealcheck/review/v1";

/// What both trees did when they were installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Installs {
    /// Node and npm.
    pub toolchain: Toolchain,
    /// What only the new tree does, and how its install ends otherwise.
    pub new: Vec<Change>,
    /// What only the old tree did.
    pub gone: Vec<Change>,
    /// What was not seen. Where there is any, nothing new does not mean that nothing is.
    pub unseen: Vec<Unseen>,
}

/// What an update of the lockfile changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Review {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Whether anything changes, and whether all of it was seen.
    pub agreement: Agreement,
    /// The old revision, as the user named it.
    pub left: String,
    /// The new one.
    pub right: String,
    /// How many packages each wants.
    pub packages: (usize, usize),
    /// What a reviewer should see first before all else.
    pub changes: Vec<LockChange>,
    /// What the lockfiles cannot tell.
    pub silences: Vec<String>,
    /// `None` where nothing was installed.
    pub installs: Option<Installs>,
}

impl Installs {
    /// From a comparison of the two installs, without what the lockfiles have told already:
    /// `told` says of a difference whether they did.
    pub fn of(toolchain: Toolchain, compared: Compared, told: impl Fn(&Difference) -> bool) -> Self {
        let all: Vec<_> = compared.differences.into_iter().filter(|of| !told(of)).collect();
        let (new, gone): (Vec<_>, Vec<_>) = all.into_iter().partition(|of| of.right.is_some());
        Self { toolchain, new: grouped(&new), gone: grouped(&gone), unseen: compared.unseen }
    }
}

impl Review {
    /// Whether anything changes. An update that could not be seen whole is unobserved,
    /// whatever its lockfile says: that it changes is why it is reviewed.
    pub fn settle(mut self) -> Self {
        let unseen = self.installs.as_ref().is_some_and(|installs| !installs.unseen.is_empty());
        let differs = !self.changes.is_empty()
            || self.installs.as_ref().is_some_and(|of| !of.new.is_empty() || !of.gone.is_empty());
        self.agreement = match (unseen, differs) {
            (true, _) => Agreement::Unobserved,
            (false, true) => Agreement::Differs,
            (false, false) => Agreement::Equal,
        };
        self
    }
}
