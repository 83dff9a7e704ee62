//! Findings that the owner has accepted.

use super::Acceptance;
use crate::project::settings::Accepted;
use globset::GlobBuilder;
use jiff::civil::Date;

/// Whether an entry is past its date.
pub(super) fn expired(entry: &Accepted, today: Date) -> bool {
    entry.expires.is_some_and(|until| until < today)
}

/// Whether an entry speaks of this rule and package, whatever its date.
pub(super) fn speaks_of(entry: &Accepted, rule: &str, package: Option<&str>) -> bool {
    entry.rule == rule
        && match (&entry.package, package) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(glob), Some(name)) => matches_name(glob, name),
        }
}

/// Whether a name or glob (`@acme/*`) matches a package's name. A glob that
/// cannot be read matches itself only.
pub(super) fn matches_name(glob: &str, name: &str) -> bool {
    glob == name
        || GlobBuilder::new(glob)
            .literal_separator(true)
            .build()
            .is_ok_and(|glob| glob.compile_matcher().is_match(name))
}

/// The acceptance that an entry gives.
pub(super) fn acceptance(entry: &Accepted) -> Acceptance {
    Acceptance {
        reason: entry.reason.clone(),
        by: entry.by.clone(),
        until: entry.expires.map(|date| date.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_stays_within_its_scope() {
        for (glob, name, expected) in [
            ("@acme/*", "@acme/internal", true),
            ("@acme/*", "@other/internal", false),
            ("*", "@acme/internal", false),
            ("old-*", "old-fork", true),
            ("a[", "a[", true),
            ("a[", "a", false),
        ] {
            assert_eq!(matches_name(glob, name), expected, "{glob} {name}");
        }
    }
}
