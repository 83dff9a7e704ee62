//! Which kinds of dependency npm omits: the one reading of `omit`, `include` and their older
//! names, from every level of npm's configuration.

use super::Project;
use super::lockfile::{EntryKind, LockEntry};
use super::npmrc::NpmConfig;
use super::workspace::is_member;
use node_semver::Version;

/// Kinds of dependency that npm omits.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Omit {
    /// `dev`.
    pub dev: bool,
    /// `optional`.
    pub optional: bool,
    /// `peer`.
    pub peer: bool,
}

impl Omit {
    /// As npm's `buildOmitList` has it. `node_env` is the variable NODE_ENV of the install,
    /// which counts where no level sets `omit`.
    pub fn of(config: &NpmConfig, node_env: Option<&str>) -> Self {
        let mut omit = config.items("omit");
        if omit.is_empty() && config.get("omit").is_none() && node_env == Some("production") {
            omit.push("dev");
        }
        let mut include = config.items("include");
        let switch = |key: &str| config.plain(key).filter(|value| !value.is_empty());
        if matches!(switch("only"), Some("prod" | "production")) || switch("production") == Some("true") {
            omit.push("dev");
        } else if switch("production") == Some("false") {
            include.push("dev");
        }
        if switch("also").is_some_and(|also| also.starts_with("dev")) || switch("dev") == Some("true") {
            include.push("dev");
        }
        match switch("optional") {
            Some("false") => omit.push("optional"),
            Some("true") => include.push("optional"),
            Some(_) | None => {}
        }
        let left_out = |kind: &str| omit.contains(&kind) && !include.contains(&kind);
        Self { dev: left_out("dev"), optional: left_out("optional"), peer: left_out("peer") }
    }

    /// Whether npm omits an entry. Before 9.7.2 it omitted nothing of what lies in the
    /// `node_modules` of a workspace's member; what lies in that of another folder, none does.
    pub fn leaves_out(self, entry: &LockEntry, project: &Project, npm: Option<&Version>) -> bool {
        let kind = self.peer && entry.peer
            || self.dev && entry.dev
            || self.optional && entry.optional
            || self.dev && self.optional && entry.dev_optional;
        kind && entry.kind != EntryKind::Folder && {
            let folder = entry.path.split("node_modules/").next().unwrap_or_default().trim_end_matches('/');
            let members = npm.is_none_or(|npm| (npm.major, npm.minor, npm.patch) >= (9, 7, 2));
            folder.is_empty() || members && is_member(&project.manifest.workspaces, folder)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::npmrc::Level;
    use crate::project::npmrc::levels::of_run;
    use std::collections::BTreeMap;

    /// `npm config get omit`, the same with npm 8, 10, 11 and 12.
    #[test]
    fn npm_says_the_same() {
        for (words, env, kinds) in [
            ("--omit=dev", &[][..], "dev"),
            ("--omit=dev,optional", &[], ""),
            ("--omit=dev --omit=optional", &[], "dev optional"),
            ("--omit dev", &[], "dev"),
            ("--production", &[], "dev"),
            ("--only=prod", &[], "dev"),
            ("--no-optional", &[], "optional"),
            ("--omit=dev --include=dev", &[], ""),
            ("", &[("NODE_ENV", "production")], "dev"),
            ("--omit=optional", &[("NODE_ENV", "production")], "optional"),
            ("--include=dev", &[("NODE_ENV", "production")], ""),
            ("--production=false", &[("NODE_ENV", "production")], ""),
            ("", &[("npm_config_omit", "optional")], "optional"),
            ("--omit=dev", &[("npm_config_omit", "optional")], "dev"),
            ("--production=false", &[("npm_config_omit", "dev")], ""),
            ("", &[("npm_config_only", "prod"), ("npm_config_optional", "false")], "dev optional"),
            ("--production=false", &[("npm_config_only", "prod")], "dev"),
            ("", &[("npm_config_also", "development"), ("NODE_ENV", "production")], ""),
        ] {
            let words: Vec<String> =
                ["npm", "ci"].into_iter().chain(words.split_whitespace()).map(str::to_owned).collect();
            let env: BTreeMap<String, String> =
                env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let config = of_run(&NpmConfig::default(), Level::Env, &words, &env);
            let omit = Omit::of(&config, env.get("NODE_ENV").map(String::as_str));
            let shown = [(omit.dev, "dev"), (omit.optional, "optional"), (omit.peer, "peer")];
            let shown: Vec<&str> = shown.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind).collect();
            assert_eq!(shown.join(" "), kinds, "{words:?} {env:?}");
        }
    }
}
