//! How a case is written down: a project, what is run on it, and what each npm makes of it.

use crate::support::project::Builder;
use crate::support::toolchain;

/// The npm of a column, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Npm {
    Ten,
    Eleven,
    Twelve,
}

impl Npm {
    pub const ALL: [Self; 3] = [Self::Ten, Self::Eleven, Self::Twelve];

    /// What `--toolchain` is given.
    pub fn toolchain(self) -> &'static str {
        match self {
            Self::Ten => toolchain::NODE_20_NPM_10,
            Self::Eleven => toolchain::NODE_20_NPM_11,
            Self::Twelve => toolchain::NODE_22_NPM_12,
        }
    }

    pub fn major(self) -> &'static str {
        match self {
            Self::Ten => "10",
            Self::Eleven => "11",
            Self::Twelve => "12",
        }
    }
}

/// What a run has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub verdict: &'static str,
    /// How the install ended: `0` or npm's code.
    pub npm: &'static str,
    /// Every rule that spoke of this run and makes it worse than unobserved, in order.
    pub rules: &'static [&'static str],
}

/// One scenario and what it shows with npm 10, 11 and 12.
pub struct Row {
    pub scenario: &'static str,
    pub told: [Told; 3],
}

/// A project in a state that the facts describe.
pub struct Case {
    pub name: &'static str,
    pub project: Builder,
    pub rows: Vec<Row>,
    /// The report's verdict and the exit code with npm 10, 11 and 12.
    pub report: [(&'static str, i32); 3],
}

/// The same with every npm.
pub fn every(scenario: &'static str, told: Told) -> Row {
    Row { scenario, told: [told; 3] }
}

/// npm 12 differs, mostly since it runs no script that nobody approved and refuses
/// tarballs that lie elsewhere than their registry.
pub fn but_twelve(scenario: &'static str, told: Told, twelve: Told) -> Row {
    Row { scenario, told: [told, told, twelve] }
}

pub const FALLBACK: &[&str] = &["private-name-requested", "silent-fallback"];
pub const FALLBACK_AND_CODE: &[&str] =
    &["foreign-code-executed", "private-name-requested", "silent-fallback"];

pub fn leaked(rules: &'static [&'static str]) -> Told {
    Told { verdict: "leaked", npm: "0", rules }
}

pub fn sealed(npm: &'static str) -> Told {
    Told { verdict: "sealed", npm, rules: &[] }
}

pub fn exposed(npm: &'static str, rules: &'static [&'static str]) -> Told {
    Told { verdict: "exposed", npm, rules }
}

pub fn broken(npm: &'static str, rules: &'static [&'static str]) -> Told {
    Told { verdict: "broken", npm, rules }
}

pub const LEAKED: [(&str, i32); 3] = [("leaked", 1); 3];
pub const SEALED: [(&str, i32); 3] = [("sealed", 0); 3];
pub const BROKEN: [(&str, i32); 3] = [("broken", 1); 3];
