//! How a test ends, and what its exit code means.
//!
//! A table and nothing else: how the end was decided is not known here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the program ends after a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Sealed, all observed, nothing unaccepted at or above the threshold.
    Sound,
    /// Leaked, exposed or broken, or findings at or above the threshold.
    Failed,
    /// Something could not be observed.
    Unobserved,
    /// Ended before its time.
    Interrupted,
}

impl Outcome {
    /// From the exit code of a judgement (0, 1, 3) and whether the test was
    /// interrupted. A code that no judgement has is no proof of anything.
    pub fn of(exit_code: u8, interrupted: bool) -> Self {
        match (interrupted, exit_code) {
            (true, _) => Self::Interrupted,
            (false, 0) => Self::Sound,
            (false, 1) => Self::Failed,
            (false, _) => Self::Unobserved,
        }
    }

    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Sound => 0,
            Self::Failed => 1,
            Self::Unobserved => 3,
            Self::Interrupted => 130,
        }
    }

    /// What the code means, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Sound => {
                "everything asked for was observed, and nothing unaccepted at or above the threshold"
            }
            Self::Failed => "leaked, exposed or broken, or unaccepted findings at or above the threshold",
            Self::Unobserved => "something could not be observed, so silence proves nothing",
            Self::Interrupted => "interrupted; this is a part of the report",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back_and_an_interruption_wins() {
        for code in [0, 1, 3] {
            assert_eq!(Outcome::of(code, false).code(), code);
            assert_eq!(Outcome::of(code, true).code(), 130);
        }
        assert_eq!(Outcome::of(42, false), Outcome::Unobserved);
    }
}
