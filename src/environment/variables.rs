//! Which variables of a machine tell something about an install.

use super::conceal::looks_random;
use crate::project::npmrc::{NpmConfig, is_secret_key, names_a_secret};
use std::collections::{BTreeMap, BTreeSet};

/// Names that count whatever else they look like.
const NAMES: [&str; 28] = [
    "CI",
    "NODE_ENV",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "NO_PROXY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "PROXY",
    "LANG",
    "LC_ALL",
    "TZ",
    "PYTHON",
    "CC",
    "CXX",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "MAKEFLAGS",
    "JOBS",
    "FORCE_COLOR",
    "NO_COLOR",
    "DEBUG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "BUILD_NUMBER",
];

/// What begins like this is npm's, a CI system's, or what install scripts of known
/// packages look at (`PUPPETEER_SKIP_DOWNLOAD`).
const BEGINNINGS: [&str; 26] = [
    "NPM_",
    "CI_",
    "GITHUB_",
    "GITLAB_",
    "RUNNER_",
    "JENKINS_",
    "TRAVIS",
    "CIRCLE",
    "BUILDKITE",
    "APPVEYOR",
    "BITBUCKET_",
    "TF_BUILD",
    "TEAMCITY_",
    "DRONE",
    "VERCEL",
    "NETLIFY",
    "PUPPETEER_",
    "PLAYWRIGHT_",
    "CYPRESS_",
    "ELECTRON_",
    "SHARP_",
    "ESBUILD_",
    "PRISMA_",
    "SENTRYCLI_",
    "HUSKY",
    "COREPACK_",
];

/// npm tells these to its children of itself; they say nothing of the machine.
const OF_A_PARENT: [&str; 7] = [
    "npm_config_user_agent",
    "npm_config_npm_version",
    "npm_config_node_gyp",
    "npm_execpath",
    "npm_node_execpath",
    "npm_command",
    "npm_package_json",
];

/// CI systems by the variable that each sets.
const CI_SYSTEMS: [&str; 12] = [
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "JENKINS_URL",
    "CIRCLECI",
    "TRAVIS",
    "BUILDKITE",
    "TF_BUILD",
    "TEAMCITY_VERSION",
    "BITBUCKET_BUILD_NUMBER",
    "DRONE",
    "APPVEYOR",
    "CI",
];

/// The longest value that is kept, in bytes.
const MAX_VALUE: usize = 16 << 10;

/// The variables that count, by name, and those that an npmrc names and that are not set.
/// `more` are names that the user wants beside.
pub(super) fn telling(
    env: &BTreeMap<String, String>,
    config: &NpmConfig,
    more: &[String],
) -> (BTreeMap<String, String>, Vec<String>) {
    let named: BTreeSet<&String> =
        config.settings.iter().flat_map(|setting| setting.variables.iter().map(|(name, _)| name)).collect();
    // What a key that holds a secret is written by is a secret, whatever it is called.
    let behind: BTreeSet<&String> = config
        .settings
        .iter()
        .filter(|setting| is_secret_key(&setting.key))
        .flat_map(|setting| setting.variables.iter().map(|(name, _)| name))
        .collect();
    let mut found = BTreeMap::new();
    let wanted = |name: &String, value: &str| {
        // npm takes an empty one for none.
        let nothing = value.is_empty() && name.to_ascii_lowercase().starts_with("npm_config_");
        !nothing && (counts(name) || named.contains(name) || more.contains(name))
    };
    for (name, value) in env.iter().filter(|(name, value)| wanted(name, value)) {
        // What a CI system puts into its variables is not known beforehand.
        let random = !NAMES.contains(&name.to_ascii_uppercase().as_str()) && looks_random(value);
        let secret = behind.contains(name) || holds_a_secret(name) || random;
        let text = match value.len() > MAX_VALUE {
            true => format!("[{} bytes]", value.len()),
            false => value.clone(),
        };
        found.insert(name.clone(), if secret && !value.is_empty() { label(name) } else { text });
    }
    let unset = named.iter().filter(|name| !env.contains_key(**name)).map(|name| (*name).clone()).collect();
    (found, unset)
}

/// What stands in the place of a secret.
pub(super) fn label(name: &str) -> String {
    format!("[redacted:{name}]")
}

/// Whether a variable holds a secret, by its name.
pub(super) fn holds_a_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    match lower.strip_prefix("npm_config_") {
        Some(key) => is_secret_key(key),
        None => {
            const WORDS: [&str; 8] =
                ["login", "creds", "cred", "oidc", "sig", "signature", "session", "cookie"];
            names_a_secret(name) || lower.split(['_', '-']).any(|part| WORDS.contains(&part))
        }
    }
}

/// Whether a value that is secret by its name tells itself in other texts too. What is called
/// a session or a key is often an ordinary word, that stands everywhere.
pub(super) fn can_be_told(name: &str, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let base = lower.rsplit(':').next().unwrap_or(&lower);
    let strong = ["token", "secret", "password", "passwd", "credential", "apikey"];
    let is_word = value.len() < 16 && value.chars().all(|c| c.is_ascii_lowercase() || "-_.".contains(c));
    !is_word || base.starts_with('_') || strong.iter().any(|word| lower.contains(word))
}

fn counts(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let of_a_parent = OF_A_PARENT.iter().any(|known| known.eq_ignore_ascii_case(name))
        || ["npm_package_", "npm_lifecycle_"].iter().any(|start| name.starts_with(start));
    !of_a_parent
        && (NAMES.contains(&upper.as_str()) || BEGINNINGS.iter().any(|start| upper.starts_with(start)))
}

/// The CI system that a machine runs.
pub(super) fn ci(env: &BTreeMap<String, String>) -> Option<String> {
    let set = |name: &&&str| env.get(**name).is_some_and(|value| !value.is_empty() && value != "false");
    CI_SYSTEMS.iter().find(set).map(|name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_and_what_is_secret() {
        for (name, wanted, secret) in [
            ("npm_config_registry", true, false),
            ("NPM_CONFIG__AUTHTOKEN", true, true),
            ("npm_config_//h/:_authToken", true, true),
            ("NPM_TOKEN", true, true),
            ("CI", true, false),
            ("npm_config_auth_type", true, false),
            ("https_proxy", true, false),
            ("GITHUB_TOKEN", true, true),
            ("CI_JOB_JWT", true, true),
            ("GITHUB_ACTIONS", true, false),
            ("PUPPETEER_SKIP_DOWNLOAD", true, false),
            ("npm_lifecycle_event", false, false),
            ("npm_config_user_agent", false, false),
            ("AWS_SECRET_ACCESS_KEY", false, true),
            ("PATH", false, false),
        ] {
            assert_eq!((counts(name), holds_a_secret(name)), (wanted, secret), "{name}");
        }
        for (name, value, told) in [
            ("DESKTOP_SESSION", "ubuntu", false),
            ("XDG_SESSION_TYPE", "wayland", false),
            ("SSH_KEY", "id_rsa", false),
            ("SSH_KEY", "k3y-k3y", true),
            ("NPM_TOKEN", "opensesame", true),
            ("//h:8080/:_password", "opensesame", true),
            ("GITLAB_AUTH", "abcdefghijklmnopqrst", true),
        ] {
            assert_eq!(can_be_told(name, value), told, "{name}={value}");
        }
    }
}
