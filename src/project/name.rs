//! A package's name.

use serde::{Deserialize, Serialize};

/// The name of a package, as npm writes it: `left-pad`, `@acme/internal`.
///
/// Only made by [`PackageName::parse`], so a name can be put into a URL or a
/// message without harm: no slash but the scope's, no dots that climb, no
/// control characters, at most 214 bytes (npm's own limit).
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PackageName(String);

/// Why a text is no package name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a package name")]
pub struct BadName(pub String);

impl PackageName {
    /// Checks and takes a name. Upper case is accepted: old packages have it.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let bad = || BadName(text.chars().take(80).collect());
        if text.is_empty() || text.len() > 214 {
            return Err(bad());
        }
        let bare = match text.strip_prefix('@') {
            None => text,
            Some(rest) => {
                let (scope, bare) = rest.split_once('/').ok_or_else(bad)?;
                if !is_part(scope) {
                    return Err(bad());
                }
                bare
            }
        };
        if is_part(bare) && bare != "node_modules" { Ok(Self(text.to_owned())) } else { Err(bad()) }
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `@acme` of `@acme/internal`.
    pub fn scope(&self) -> Option<&str> {
        self.0.starts_with('@').then(|| self.0.split('/').next()).flatten()
    }

    /// `internal` of `@acme/internal`.
    pub fn bare(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// As npm puts it into the path of a packument: `@acme%2finternal`.
    pub fn in_url(&self) -> String {
        self.0.replace('/', "%2f")
    }
}

fn is_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~!'()*".contains(&byte))
}

impl TryFrom<String> for PackageName {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::parse(&text)
    }
}

impl From<PackageName> for String {
    fn from(name: PackageName) -> Self {
        name.0
    }
}

impl std::fmt::Display for PackageName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_npm_knows_are_taken_apart() {
        let name = PackageName::parse("@acme/internal").unwrap();
        assert_eq!((name.scope(), name.bare()), (Some("@acme"), "internal"));
        assert_eq!(name.in_url(), "@acme%2finternal");
        assert_eq!(PackageName::parse("JSONStream").unwrap().scope(), None);
    }

    #[test]
    fn names_that_could_climb_or_break_a_line_are_refused() {
        for bad in [
            "",
            "..",
            "@acme",
            "@acme/",
            "@/x",
            "a/b",
            "@a/../b",
            ".bin",
            "a\nb",
            "a b",
            "node_modules",
            "a%2f",
        ] {
            assert!(PackageName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(PackageName::parse(&"a".repeat(215)).is_err());
    }
}
