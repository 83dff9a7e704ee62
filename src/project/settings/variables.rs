//! Which variables a file of the tested project may give to its install.
//!
//! npm's own process reads variables, and so do node, OpenSSL, the loader, the resolver,
//! git and the shell that it starts. Some of them load code, and code in npm's process is
//! npm: it is neither watched nor attributed, and its requests carry real credentials. Nobody
//! can list all that such programs read, so this is a list of what may be set. The policy
//! file, which no change to the project can change, may set any other one but those that
//! would hide npm from us. This module must not know what a variable does later.

/// Names that steer an install and that no program in npm's process loads code from.
const NAMES: [&str; 14] = [
    "CI",
    "COREPACK_ENABLE_STRICT",
    "FORCE_COLOR",
    "HUSKY",
    "HUSKY_SKIP_INSTALL",
    "LANG",
    "LC_ALL",
    "LEFTHOOK",
    "NODE_ENV",
    "NO_COLOR",
    "SKIP_POSTINSTALL",
    "SKIP_PREPARE",
    "TERM",
    "TZ",
];

/// The first word of variables that packages read in their own install scripts.
const PREFIXES: [&str; 35] = [
    "APOLLO_",
    "AZURE_FUNCTIONS_CORE_TOOLS_",
    "BABEL_",
    "CHROMEDRIVER_",
    "CYPRESS_",
    "DISABLE_",
    "EDGEDRIVER_",
    "ELECTRON_",
    "ESBUILD_",
    "EXPO_",
    "FFMPEG_",
    "GATSBY_",
    "GECKODRIVER_",
    "MONGOMS_",
    "NEXT_",
    "NG_CLI_",
    "NUXT_",
    "NX_",
    "PARCEL_",
    "PLAYWRIGHT_",
    "PRISMA_",
    "PUPPETEER_",
    "REACT_APP_",
    "REDISMS_",
    "SASS_",
    "SENTRYCLI_",
    "SENTRY_",
    "SHARP_",
    "SKIP_",
    "STORYBOOK_",
    "SWC_",
    "TURBO_",
    "VITE_",
    "VUE_APP_",
    "YOUTUBE_DL_",
];

/// npm's settings that say what is installed and how, and name no program and no place.
const SETTINGS: [&str; 74] = [
    "allow-directory",
    "allow-file",
    "allow-git",
    "allow-remote",
    "allow-scripts",
    "also",
    "arch",
    "audit",
    "audit-level",
    "auth-type",
    "before",
    "bin-links",
    "build-from-source",
    "cache-max",
    "cache-min",
    "color",
    "cpu",
    "dangerously-allow-all-scripts",
    "dev",
    "disturl",
    "engine-strict",
    "fetch-retries",
    "fetch-retry-factor",
    "fetch-retry-maxtimeout",
    "fetch-retry-mintimeout",
    "fetch-timeout",
    "force",
    "foreground-scripts",
    "fund",
    "ignore-scripts",
    "include",
    "include-workspace-root",
    "install-links",
    "install-strategy",
    "legacy-peer-deps",
    "libc",
    "lockfile-version",
    "loglevel",
    "maxsockets",
    "min-release-age",
    "min-release-age-exclude",
    "noproxy",
    "offline",
    "omit",
    "omit-lockfile-registry-resolved",
    "only",
    "optional",
    "os",
    "package-lock",
    "package-lock-only",
    "platform",
    "prefer-dedupe",
    "prefer-offline",
    "prefer-online",
    "production",
    "progress",
    "rebuild-bundle",
    "registry",
    "replace-registry-host",
    "runtime",
    "scope",
    "shrinkwrap",
    "strict-allow-scripts",
    "strict-peer-deps",
    "strict-ssl",
    "tag",
    "target",
    "target-arch",
    "target-platform",
    "timing",
    "unicode",
    "unsafe-perm",
    "update-notifier",
    "workspaces",
];

/// Ends of npm settings that packages read for the place of a prebuilt binary.
const SETTING_ENDS: [&str; 4] = ["-binary-host", "-binary-host-mirror", "-binary-site", "-mirror"];

/// Whether a file of the tested project may set this variable to this value.
pub(crate) fn may_be_set(name: &str, value: &str) -> bool {
    if name == "NODE_OPTIONS" {
        return only_memory(value);
    }
    match name.get(.."npm_config_".len()) {
        Some(start) if start.eq_ignore_ascii_case("npm_config_") => {
            let rest = &name["npm_config_".len()..];
            // A registry's credential, or the mapping of a scope.
            if rest.starts_with("//") || (rest.starts_with('@') && rest.ends_with(":registry")) {
                return true;
            }
            let key = rest.to_ascii_lowercase().replace('_', "-");
            SETTINGS.binary_search(&key.as_str()).is_ok() || SETTING_ENDS.iter().any(|end| key.ends_with(end))
        }
        Some(_) | None => NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)),
    }
}

/// Whether a variable would put code into npm ([`puts_code`]), or npm's places out of our sight:
/// such a one is taken from nobody.
pub(crate) fn is_ours(name: &str, value: &str) -> bool {
    const OURS: [&str; 10] = [
        "HOME",
        "HOSTALIASES",
        "NODE_DISABLE_COMPILE_CACHE",
        "NODE_EXTRA_CA_CERTS",
        "NODE_V8_COVERAGE",
        "PATH",
        "SHELL",
        "TMPDIR",
        "npm_config_cache",
        "npm_config_logs_dir",
    ];
    const OUR_PREFIXES: [&str; 2] = ["SSL_", "GIT_"];
    OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name))
        || OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || puts_code(name, value)
}

/// Whether a variable puts code into node, or into a shell that npm starts.
pub(crate) fn puts_code(name: &str, value: &str) -> bool {
    const CODE: [&str; 8] = [
        "BASH_ENV",
        "ENV",
        "GCONV_PATH",
        "GLIBC_TUNABLES",
        "LOCPATH",
        "NODE_COMPILE_CACHE",
        "NODE_PATH",
        "NODE_REPL_EXTERNAL_MODULE",
    ];
    CODE.iter().any(|code| code.eq_ignore_ascii_case(name))
        || ["LD_", "OPENSSL_"].iter().any(|prefix| name.starts_with(prefix))
        || (name == "NODE_OPTIONS" && !only_memory(value))
}

/// Builds often need more memory, and nothing else of node's options.
fn only_memory(value: &str) -> bool {
    value.split_whitespace().all(|word| word.starts_with("--max-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_in_order() {
        assert!(SETTINGS.is_sorted());
    }

    #[test]
    fn what_steers_an_install_may_be_set() {
        for (name, value) in [
            ("NODE_ENV", "production"),
            ("CI", "true"),
            ("PUPPETEER_SKIP_DOWNLOAD", "1"),
            ("NODE_OPTIONS", "--max-old-space-size=4096"),
            ("npm_config_omit", "dev"),
            ("NPM_CONFIG_LEGACY_PEER_DEPS", "true"),
            ("npm_config_@acme:registry", "https://npm.acme.example/"),
            ("npm_config_//npm.acme.example/:_authToken", "x"),
            ("npm_config_sharp_binary_host", "https://blobs.acme.example"),
        ] {
            assert!(may_be_set(name, value), "{name}");
            assert!(!is_ours(name, value), "{name}");
        }
    }

    #[test]
    fn what_loads_code_or_names_a_program_may_not() {
        for (name, value) in [
            ("OPENSSL_CONF", "evil.cnf"),
            ("OPENSSL_MODULES", "."),
            ("OPENSSL_ENGINES", "."),
            ("SSL_CERT_FILE", "ca.pem"),
            ("NODE_OPTIONS", "--require ./evil.js"),
            ("NODE_OPTIONS", "--max-old-space-size=1 --import ./evil.mjs"),
            ("NODE_REPL_EXTERNAL_MODULE", "./evil.js"),
            ("NODE_ICU_DATA", "."),
            ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
            ("NODE_USE_ENV_PROXY", "1"),
            ("LD_PRELOAD", "./evil.so"),
            ("GLIBC_TUNABLES", "x"),
            ("GCONV_PATH", "."),
            ("BASH_ENV", "./evil.sh"),
            ("ENV", "./evil.sh"),
            ("GIT_SSH_COMMAND", "./evil.sh"),
            ("GIT_CONFIG_COUNT", "1"),
            ("UV_USE_IO_URING", "1"),
            ("HTTPS_PROXY", "http://127.0.0.1:1"),
            ("npm_config_node_options", "--require ./evil.js"),
            ("npm_config_script_shell", "./evil.sh"),
            ("npm_config_git", "./evil.sh"),
            ("NPM_CONFIG_Git", "./evil.sh"),
            ("npm_config_prefix", "."),
            ("npm_config_userconfig", "npmrc"),
            ("npm_config_globalconfig", "npmrc"),
            ("npm_config_node_gyp", "./evil.js"),
            ("npm_config_cache", "."),
            ("npm_config_cafile", "ca.pem"),
            ("ANYTHING_ELSE", "1"),
            ("npm_config_ü", "1"),
        ] {
            assert!(!may_be_set(name, value), "{name}");
        }
        // What a policy file may not set either.
        for name in ["OPENSSL_CONF", "LD_PRELOAD", "GIT_SSH_COMMAND", "ENV", "home", "GLIBC_TUNABLES"] {
            assert!(is_ours(name, "x"), "{name}");
        }
    }
}
