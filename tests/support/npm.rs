//! The machine's own npm, run outside of any sandbox, in a home that is empty.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What a process of a test inherits: how to find node, and the way to the network.
/// Neither the developer's npm config nor their tokens.
const INHERITED: [&str; 6] =
    ["PATH", "NODE_EXTRA_CA_CERTS", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];

/// The authorities that Debian's package ca-certificates writes in one file.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Empties the environment of `command` but for the way to the network, and gives it
/// `home`. The global npmrc of the machine is left out: it may replace npm's authorities.
pub fn in_empty_home(command: &mut Command, home: &Path) {
    command.env_clear();
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // The registries of the tests are on this machine, whatever proxy there is.
    let around = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).unwrap_or_default();
    let around = format!("{around},localhost,127.0.0.1");
    let around = around.trim_start_matches(',');
    command.env("NO_PROXY", around).env("no_proxy", around);
    if std::env::var_os("NODE_EXTRA_CA_CERTS").is_none() && Path::new(SYSTEM_BUNDLE).exists() {
        command.env("NODE_EXTRA_CA_CERTS", SYSTEM_BUNDLE);
    }
    // And they are named by the project's own files alone, which does not suffice for this machine.
    command.env("SEALCHECK_INTERNAL_HOSTS", "localhost,127.0.0.1,[::1]");
    command.env("HOME", home).env("npm_config_globalconfig", home.join("no-global-npmrc"));
}

/// `npm`, to be given its arguments, in the folder `cwd` with `home` as its home.
pub fn npm(cwd: &Path, home: &Path) -> Command {
    let mut command = Command::new("npm");
    in_empty_home(&mut command, home);
    command
        .current_dir(cwd)
        .env("npm_config_audit", "false")
        .env("npm_config_fund", "false")
        .env("npm_config_update_notifier", "false")
        .stdin(std::process::Stdio::null());
    command
}

/// The authorities to trust beside a registry's own, in PEM: the system's, and those
/// that the environment adds for node.
pub fn trusted_authorities() -> String {
    let mut paths: Vec<std::path::PathBuf> = vec![SYSTEM_BUNDLE.into()];
    paths.extend(std::env::var_os("NODE_EXTRA_CA_CERTS").map(Into::into));
    paths.dedup();
    paths.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

/// Runs to the end and fails the test with what was printed unless it exits 0.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{:?} {:?}: {}\n{}\n{}",
        command.get_program(),
        command.get_args().collect::<Vec<_>>(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// npm's public registry as npm itself names it, with a slash at its end.
pub fn public_registry() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        let output = succeed(npm(home.path(), home.path()).args(["config", "get", "registry"]));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    })
}

/// What a test that needs npm, and no registry, lacks here.
pub fn lacks_npm() -> Option<String> {
    let home = tempfile::tempdir().unwrap();
    match npm(home.path(), home.path()).arg("--version").output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("npm does not work ({})", output.status)),
        Err(error) => Some(format!("npm cannot be run ({error})")),
    }
}

/// Whether a test has to be left out here for want of npm, which is said.
pub fn skipped(test: &str) -> bool {
    said(test, lacks_npm())
}

/// The same of a test that asks for other versions of npm than the machine's.
pub fn skipped_without_toolchains(test: &str) -> bool {
    said(test, lacks_public_registry().map(str::to_owned))
}

fn said(test: &str, lacks: Option<String>) -> bool {
    if let Some(lacks) = &lacks {
        super::skip(test, lacks);
    }
    lacks.is_some()
}

/// What a test that needs npm's public registry lacks here, if it lacks something.
/// Asked once a process.
pub fn lacks_public_registry() -> Option<&'static str> {
    static LACKS: OnceLock<Option<String>> = OnceLock::new();
    LACKS
        .get_or_init(|| {
            let home = tempfile::tempdir().unwrap();
            let mut command = npm(home.path(), home.path());
            command.args([
                "view",
                "is-number@7.0.0",
                "version",
                "--fetch-retries=1",
                "--fetch-timeout=20000",
            ]);
            match command.output() {
                Ok(output) if output.status.success() => None,
                Ok(output) => {
                    let text = String::from_utf8_lossy(&output.stderr);
                    let why = text.lines().find(|line| line.contains("code")).unwrap_or("npm failed");
                    Some(format!("npm's public registry does not answer ({})", why.trim()))
                }
                Err(error) => Some(format!("npm cannot be run ({error})")),
            }
        })
        .as_deref()
}
