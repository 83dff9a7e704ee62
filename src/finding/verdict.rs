//! What is said of a run and of a report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A verdict, mildest first, so that the greatest is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The scenario means nothing for this project.
    NotApplicable,
    /// What the scenario demands held.
    Sealed,
    /// It could not be measured, so silence proves nothing.
    Unobserved,
    /// An install that must work did not, or gave another tree.
    Broken,
    /// The boundary was crossed and nothing foreign was installed.
    Exposed,
    /// A stranger won.
    Leaked,
}

impl Verdict {
    /// As reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Sealed => "sealed",
            Self::Unobserved => "unobserved",
            Self::Broken => "broken",
            Self::Exposed => "exposed",
            Self::Leaked => "leaked",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}
