//! What a virtual registry gives for a name, beside what the registry behind it has.
//!
//! A virtual registry answers for several others. Whether it takes a name from the one
//! that it should is decided on the server, where no client sees it; what can be seen is
//! both registries' own word on versions and digests. This module compares the two and
//! has no opinion of what differs. It must not know where either was read.

use crate::project::integrity::Integrity;
use crate::project::name::PackageName;
use crate::project::registry::RegistryUrl;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Versions that are written out of those that differ.
const SHOWN: usize = 20;

/// The versions of a name that a registry lists, each with the digests of its tarball.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    versions: BTreeMap<String, Option<Integrity>>,
}

impl Listing {
    /// Reads a packument, of whichever form; `None` where it is none.
    pub fn parse(packument: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Packument {
            versions: BTreeMap<String, Manifest>,
        }
        #[derive(Deserialize)]
        struct Manifest {
            #[serde(default)]
            dist: Dist,
        }
        #[derive(Default, Deserialize)]
        struct Dist {
            #[serde(default)]
            integrity: Option<String>,
            #[serde(default)]
            shasum: Option<String>,
        }
        let packument: Packument = serde_json::from_slice(packument).ok()?;
        let mut listing = Self::default();
        for (version, Manifest { dist }) in packument.versions {
            listing.add(&version, dist.integrity.as_deref(), dist.shasum.as_deref());
        }
        Some(listing)
    }

    /// Whether a version is listed.
    pub fn has(&self, version: &str) -> bool {
        self.versions.contains_key(version)
    }

    /// Adds a version: `integrity` as a lockfile has it, `shasum` in hexadecimal digits.
    pub fn add(&mut self, version: &str, integrity: Option<&str>, shasum: Option<&str>) {
        let sha1 = shasum.and_then(Integrity::from_shasum);
        let both = [integrity, sha1.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.versions.insert(version.to_owned(), Integrity::parse(&both));
    }
}

/// What the two say of one private name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Resolution {
    /// The virtual registry.
    pub registry: String,
    /// The registry behind it.
    pub behind: String,
    /// The name.
    pub package: String,
    /// Why they could not be compared, a fragment: "npm.acme.example answered 401"; then
    /// everything below is empty.
    pub unread: Option<String>,
    /// How many versions the virtual registry gives.
    pub given: usize,
    /// How many the registry behind it has.
    pub had: usize,
    /// Versions that the virtual registry gives and the one behind it does not have.
    pub added: Versions,
    /// Versions of both whose digests differ.
    pub altered: Versions,
    /// Versions of both for which they give no digest of the same kind.
    pub uncompared: Versions,
}

/// A number of versions, of which a few are written out.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Versions {
    /// How many.
    pub count: usize,
    /// The first of them, in the order of their text.
    pub shown: Vec<String>,
}

impl Versions {
    fn push(&mut self, version: &str) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(version.to_owned());
        }
    }
}

impl Resolution {
    /// Compares what both list.
    pub fn of(
        registry: &RegistryUrl,
        behind: &RegistryUrl,
        package: &PackageName,
        given: &Listing,
        had: &Listing,
    ) -> Self {
        let mut out = Self::blank(registry, behind, package);
        (out.given, out.had) = (given.versions.len(), had.versions.len());
        for (version, digests) in &given.versions {
            let list = match had.versions.get(version) {
                None => &mut out.added,
                Some(known) => {
                    match digests.as_ref().zip(known.as_ref()).map(|(one, other)| one.agrees(other)) {
                        Some(Some(true)) => continue,
                        Some(Some(false)) => &mut out.altered,
                        Some(None) | None => &mut out.uncompared,
                    }
                }
            };
            list.push(version);
        }
        out
    }

    /// One of the two could not be read, and why.
    pub fn unread(registry: &RegistryUrl, behind: &RegistryUrl, package: &PackageName, why: String) -> Self {
        Self { unread: Some(why), ..Self::blank(registry, behind, package) }
    }

    fn blank(registry: &RegistryUrl, behind: &RegistryUrl, package: &PackageName) -> Self {
        Self {
            registry: registry.to_string(),
            behind: behind.to_string(),
            package: package.to_string(),
            unread: None,
            given: 0,
            had: 0,
            added: Versions::default(),
            altered: Versions::default(),
            uncompared: Versions::default(),
        }
    }

    /// The virtual registry gives something that the one behind it does not have.
    pub fn differs(&self) -> bool {
        self.added.count > 0 || self.altered.count > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::integrity::Digests;

    fn listing(versions: &[(&str, Option<String>, Option<&str>)]) -> Listing {
        let mut listing = Listing::default();
        for (version, integrity, shasum) in versions {
            listing.add(version, integrity.as_deref(), *shasum);
        }
        listing
    }

    fn compared(given: &Listing, had: &Listing) -> Resolution {
        let url = |text: &str| RegistryUrl::parse(text).unwrap();
        let name = PackageName::parse("@acme/internal").unwrap();
        Resolution::of(&url("https://npm.example/all/"), &url("https://npm.example/own/"), &name, given, had)
    }

    #[test]
    fn what_one_gives_and_the_other_has_is_told_apart() {
        let sri = |bytes: &[u8]| Some(Digests::of(bytes).sri());
        let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        let given = listing(&[
            ("1.0.0", sri(b"one"), None),
            ("1.1.0", sri(b"other"), None),
            ("1.2.0", None, Some(sha1)),
            ("1.3.0", sri(b"three"), None),
            ("99.0.0", sri(b"stranger"), None),
        ]);
        let had = listing(&[
            ("0.9.0", sri(b"old"), None),
            ("1.0.0", sri(b"one"), Some(sha1)),
            ("1.1.0", sri(b"own"), None),
            ("1.2.0", sri(b""), Some(sha1)),
            ("1.3.0", None, Some(sha1)),
        ]);
        let seen = compared(&given, &had);
        assert_eq!((seen.given, seen.had), (5, 5));
        assert_eq!(seen.added.shown, ["99.0.0"]);
        assert_eq!(seen.altered.shown, ["1.1.0"]);
        assert_eq!(seen.uncompared.shown, ["1.3.0"]);
        assert!(seen.differs());
    }

    #[test]
    fn a_version_that_the_virtual_one_lacks_is_none_that_it_adds() {
        let sri = || Some(Digests::of(b"one").sri());
        let (one, none) = (listing(&[("1.0.0", sri(), None)]), listing(&[]));
        assert!(!compared(&none, &one).differs());
        assert!(!compared(&one, &one).differs());
        assert!(compared(&one, &none).differs());
    }

    #[test]
    fn a_packument_is_read_and_anything_else_is_not() {
        let text = br#"{"versions":{"1.0.0":{"dist":{"shasum":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}},"2.0.0":{}}}"#;
        let listing = Listing::parse(text).unwrap();
        assert!(listing.versions["1.0.0"].is_some() && listing.versions["2.0.0"].is_none());
        assert_eq!(Listing::parse(b"{\"versions\":{}}"), Some(Listing::default()));
        for bad in [&b"<html>"[..], b"{}", b"[]", b"{\"versions\":[1]}", b""] {
            assert_eq!(Listing::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn of_many_versions_a_few_are_written_out() {
        let versions: Vec<String> = (0..500).map(|number| format!("1.0.{number}")).collect();
        let mut many = Listing::default();
        versions.iter().for_each(|version| many.add(version, None, None));
        let seen = compared(&many, &Listing::default());
        assert_eq!((seen.added.count, seen.added.shown.len()), (500, SHOWN));
    }
}
