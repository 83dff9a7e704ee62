//! What an exact version of npm knows: settings by their key, and what it does with them.
//!
//! The table is measured, by `node tests/npm_features.cjs`, on npm's own definitions; nobody
//! writes it by hand. A setting that a version does not know changes nothing in it, so that a
//! run with it would show nothing. This module must not know what a scenario is.

mod measured;

use super::{Level, NpmConfig, Setting};
use measured::{MEASURED, NEWEST};
use node_semver::Version;
use std::collections::BTreeSet;
use std::fmt;

/// Versions from which on a feature is there and from which on it is not any more.
type Spans = &'static [((u64, u64, u64), Option<(u64, u64, u64)>)];

/// An exact version of npm. A prerelease counts as the version that it comes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NpmVersion(pub u64, pub u64, pub u64);

impl From<&Version> for NpmVersion {
    fn from(version: &Version) -> Self {
        Self(version.major, version.minor, version.patch)
    }
}

impl fmt::Display for NpmVersion {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What npm does beyond the keys that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// `${VAR?}` in an npmrc is empty where the variable is not set.
    OptionalVariable,
    /// `replace-registry-host=https://host/path` names a registry.
    ReplaceRegistryUrl,
    /// `allowScripts` in package.json decides whose install scripts run.
    AllowScripts,
    /// Install scripts that nobody reviewed do not run.
    UnreviewedScriptsWait,
    /// Tarballs that lie outside of the package's registry are refused unless somebody allows them.
    RefusesRemote,
}

impl Feature {
    fn name(self) -> &'static str {
        match self {
            Self::OptionalVariable => "${VAR?}",
            Self::ReplaceRegistryUrl => "replace-registry-host=URL",
            Self::AllowScripts => "allowScripts",
            Self::UnreviewedScriptsWait => "unreviewed scripts wait",
            Self::RefusesRemote => "allow-remote=none by default",
        }
    }
}

impl NpmVersion {
    /// Whether this npm does that.
    pub fn does(self, feature: Feature) -> bool {
        spans(feature.name()).is_some_and(|spans| self.within(spans))
    }

    /// Whether this npm knows a setting by its key. Keys of a registry or a scope are known to
    /// all. Of a key that no measured version knows, a newer npm than those may know more.
    pub fn knows(self, key: &str) -> bool {
        let bare = key.strip_suffix("[]").unwrap_or(key);
        if bare.starts_with("//") || bare.starts_with('@') && bare.ends_with(":registry") {
            return true;
        }
        match spans(bare) {
            Some(spans) => self.within(spans),
            None => (self.0, self.1, self.2) > NEWEST,
        }
    }

    /// Whether what it does not know was measured: of older ones only what they know was.
    fn is_measured(self) -> bool {
        self.0 >= 8
    }

    /// Why this npm makes nothing of a setting, a fragment; `None` where it acts on it.
    pub fn ignores(self, key: &str, value: &str) -> Option<String> {
        if !self.knows(key) {
            return Some(format!("npm {self} does not know `{key}`"));
        }
        let by_url = key == "replace-registry-host" && value.contains("://");
        (by_url && !self.does(Feature::ReplaceRegistryUrl))
            .then(|| format!("npm {self} takes no URL for `{key}`"))
    }

    fn within(self, spans: Spans) -> bool {
        let version = (self.0, self.1, self.2);
        spans.iter().any(|(since, until)| *since <= version && until.is_none_or(|until| version < until))
    }
}

impl NpmConfig {
    /// What somebody wrote to an npmrc that this npm does not know, with why; in the order of
    /// their keys. It says nothing of keys for a host or a scope, nor of an npm that was not measured.
    pub fn unknown_to(&self, npm: NpmVersion) -> Vec<(&Setting, String)> {
        let keys: BTreeSet<&str> = self.settings.iter().map(|it| it.key.as_str()).collect();
        let written = keys.into_iter().filter_map(|key| self.get(key)).filter(|it| match it.level {
            Level::Global | Level::User | Level::Project => !it.key.contains(':'),
            Level::Default | Level::Builtin | Level::Env | Level::Cli => false,
        });
        let unknown = written.filter(|it| npm.is_measured() && !npm.knows(&it.key));
        unknown.map(|it| (it, format!("npm {npm} does not know `{}`", it.key))).collect()
    }
}

/// The setting of which `name` is the beginning, where it is none itself: npm 11 and older take the
/// one for the other where there is only one such (nopt's `abbrev`).
pub fn beginning_of(name: &str) -> Option<&'static str> {
    if name.len() < 2 || spans(name).is_some() {
        return None;
    }
    let keys = MEASURED.iter().map(|(known, _)| *known).filter(|known| !known.contains(['=', ' ', '$']));
    keys.filter(|known| known.starts_with(name)).min_by_key(|known| known.len())
}

fn spans(name: &str) -> Option<Spans> {
    let at = MEASURED.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    MEASURED.get(at).map(|(_, spans)| *spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::npmrc::Value;

    #[test]
    fn the_beginning_of_a_name_is_none_itself() {
        for (name, of) in [
            ("prefi", Some("prefix")),
            ("ignore-script", Some("ignore-scripts")),
            ("omi", Some("omit")),
            ("omit", None),
            ("no-such-setting", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(beginning_of(name), of, "{name}");
        }
    }

    /// Versions that people have, and what each knows.
    const ALL: [NpmVersion; 10] = [
        NpmVersion(8, 0, 0),
        NpmVersion(8, 19, 4),
        NpmVersion(9, 9, 4),
        NpmVersion(10, 0, 0),
        NpmVersion(10, 9, 9),
        NpmVersion(11, 0, 0),
        NpmVersion(11, 9, 0),
        NpmVersion(11, 12, 0),
        NpmVersion(11, 19, 1),
        NpmVersion(12, 2, 0),
    ];

    #[test]
    fn keys_that_nobody_but_the_user_knows_are_told() {
        let setting = |level, key: &str| Setting {
            key: key.to_owned(),
            value: Value::Plain("true".to_owned()),
            raw: Value::Plain("true".to_owned()),
            variables: Vec::new(),
            level,
            place: None,
        };
        let config = NpmConfig {
            settings: vec![
                setting(Level::Project, "always-auth"),
                setting(Level::Project, "registry"),
                setting(Level::Project, "//npm.acme.example/:always-auth"),
                setting(Level::User, "electron_mirror"),
                setting(Level::Env, "local-prefix"),
                setting(Level::Project, "min-release-age"),
            ],
            ..NpmConfig::default()
        };
        let told = |npm: NpmVersion| {
            let keys = config.unknown_to(npm).into_iter().map(|(it, _)| it.key.clone());
            keys.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told(NpmVersion(11, 19, 1)), "always-auth electron_mirror");
        assert_eq!(told(NpmVersion(11, 0, 0)), "always-auth electron_mirror min-release-age");
        // npm 6 knew `always-auth`, and was not measured.
        assert_eq!(told(NpmVersion(6, 14, 18)), "");
    }

    #[test]
    fn the_table_is_in_order_and_each_span_has_a_length() {
        assert!(MEASURED.is_sorted_by(|one, other| one.0 < other.0));
        for (name, spans) in MEASURED {
            assert!(!spans.is_empty(), "{name}");
            let ends = spans.iter().flat_map(|(since, until)| [Some(*since), *until]).flatten();
            assert!(ends.collect::<Vec<_>>().is_sorted_by(|one, other| one < other), "{name}");
        }
    }

    #[test]
    fn keys_are_known_from_the_version_that_brought_them() {
        // Each row was asked of the ten versions by `npm config ls -l`.
        for (key, known) in [
            ("registry", "1111111111"),
            ("offline", "1111111111"),
            ("before", "1111111111"),
            ("ignore-scripts", "1111111111"),
            ("replace-registry-host", "0111111111"),
            ("omit-lockfile-registry-resolved", "0111111111"),
            ("install-links", "0111111111"),
            ("install-strategy", "0011111111"),
            ("os", "0010111111"),
            ("cpu", "0010111111"),
            ("libc", "0000111111"),
            ("allow-git", "0000001111"),
            ("min-release-age", "0000000111"),
            ("allow-remote", "0000000011"),
            ("allow-file", "0000000011"),
            ("allow-directory", "0000000011"),
            ("allow-scripts", "0000000011"),
            ("strict-allow-scripts", "0000000011"),
            ("dangerously-allow-all-scripts", "0000000011"),
            ("min-release-age-exclude", "0000000011"),
            ("strict-npmrc", "0000000001"),
            ("shrinkwrap", "1111111110"),
            ("tmp", "1110000000"),
            ("//npm.acme.example/:_authToken", "1111111111"),
            ("@acme:registry", "1111111111"),
            ("min-relase-age", "0000000000"),
        ] {
            let found: String = ALL.iter().map(|npm| if npm.knows(key) { '1' } else { '0' }).collect();
            assert_eq!(found, known, "{key}");
        }
    }

    #[test]
    fn what_npm_does_is_known_by_the_exact_version() {
        for (feature, before, first) in [
            (Feature::OptionalVariable, NpmVersion(11, 5, 2), NpmVersion(11, 6, 0)),
            (Feature::ReplaceRegistryUrl, NpmVersion(11, 17, 0), NpmVersion(11, 18, 0)),
            (Feature::AllowScripts, NpmVersion(11, 15, 0), NpmVersion(11, 16, 0)),
            (Feature::UnreviewedScriptsWait, NpmVersion(11, 21, 2), NpmVersion(12, 0, 0)),
            (Feature::RefusesRemote, NpmVersion(11, 21, 2), NpmVersion(12, 0, 0)),
        ] {
            assert!(!before.does(feature) && first.does(feature), "{feature:?}");
            assert!(NpmVersion(13, 0, 0).does(feature), "{feature:?}");
        }
    }

    #[test]
    fn why_a_setting_is_nothing_is_told() {
        let old = NpmVersion(11, 0, 0);
        assert_eq!(old.ignores("allow-git", "none").as_deref(), Some("npm 11.0.0 does not know `allow-git`"));
        let url = |npm: NpmVersion| npm.ignores("replace-registry-host", "https://npm.acme.example/");
        assert_eq!(url(old).as_deref(), Some("npm 11.0.0 takes no URL for `replace-registry-host`"));
        assert_eq!(url(NpmVersion(11, 18, 0)), None);
        assert_eq!(old.ignores("replace-registry-host", "always"), None);
        // Nobody has measured what npm 99 knows.
        assert_eq!(NpmVersion(99, 0, 0).ignores("some-day", "1"), None);
    }
}
