//! node and npm on this machine: on the `PATH`, and where the usual version
//! managers keep them in a home folder.

use super::ToolchainError;
use super::answers::Answers;
use crate::output;
use crate::project::registry::RegistryUrl;
use node_semver::Version;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The most that node may answer: a list of what it maps is the longest.
const MAX_ANSWER: u64 = 1 << 20;
/// As long as a slow machine takes for npm's start, many times.
const PATIENCE: Duration = Duration::from_secs(60);
/// The loader's names, one a line; node has told them since 12, in some versions as a text.
const LIBRARIES: &str = "const report = process.report && process.report.getReport(); \
     ((typeof report === 'string' ? JSON.parse(report) : report || {}).sharedObjects || []).join('\\n')";
/// Folders of the host that every sandbox is shown.
const SHOWN: [&str; 4] = ["/usr", "/lib", "/lib32", "/lib64"];
/// What of npm 6 to 12 decides its built-in default registry.
const DECIDES_REGISTRY: [&str; 8] = [
    "package.json",
    "npmrc",
    "bin/npm-cli.js",
    "lib/npm.js",
    "lib/config/defaults.js",
    "lib/utils/config/definitions.js",
    "node_modules/@npmcli/config/lib/index.js",
    "node_modules/@npmcli/config/lib/definitions/definitions.js",
];

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// The caller's `PATH`.
    pub path: Option<std::ffi::OsString>,
    /// The caller's home folder.
    pub home: Option<PathBuf>,
    /// The caller's environment, for `NVM_DIR` and the like.
    pub env: BTreeMap<String, String>,
    /// The project, since version managers' shims choose by it.
    pub project: PathBuf,
    /// What was answered before.
    pub answers: Answers,
}

impl Machine {
    /// The registry that `npm_config_registry` names, any case: on a machine
    /// without npm somebody has to say where npm can be had.
    pub fn registry_variable(&self) -> Option<RegistryUrl> {
        self.env
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case("npm_config_registry"))
            .and_then(|(_, value)| RegistryUrl::parse(value).ok())
    }
}

/// A node found on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its version.
    pub node: Version,
    /// The executable, links and shims resolved.
    pub node_exe: PathBuf,
    /// The npm that comes with it, if one does.
    pub npm: Option<FoundNpm>,
    /// "the PATH", "nvm".
    pub from: String,
}

/// An npm found on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundNpm {
    /// Its version.
    pub version: Version,
    /// The package's folder.
    pub dir: PathBuf,
}

/// Every node here, the `PATH`'s first, then newest first by manager.
pub fn candidates(machine: &Machine) -> Vec<Found> {
    let mut found: Vec<Found> = on_path(machine, "node")
        .into_iter()
        .filter_map(|exe| probe(&exe, machine, "the PATH").ok())
        .take(1)
        .collect();
    if let (Some(first), Some(npm)) = (found.first_mut(), path_npm(machine)) {
        first.npm = Some(npm);
    }
    for (manager, folder) in managers(machine) {
        let mut here: Vec<Found> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .take(500)
            .flat_map(|entry| [entry.path().join("bin/node"), entry.path().join("installation/bin/node")])
            .filter(|exe| exe.is_file())
            .filter_map(|exe| probe(&exe, machine, manager).ok())
            .collect();
        here.sort_by(|left, right| right.node.cmp(&left.node));
        found.extend(here);
    }
    found
}

fn managers(machine: &Machine) -> Vec<(&'static str, PathBuf)> {
    let home = machine.home.clone().unwrap_or_default();
    let base = |variable: &str, usual: &str| {
        machine.env.get(variable).map(PathBuf::from).unwrap_or_else(|| home.join(usual))
    };
    vec![
        ("nvm", base("NVM_DIR", ".nvm").join("versions/node")),
        ("volta", base("VOLTA_HOME", ".volta").join("tools/image/node")),
        ("asdf", base("ASDF_DATA_DIR", ".asdf").join("installs/nodejs")),
        ("fnm", base("FNM_DIR", ".local/share/fnm").join("node-versions")),
        ("mise", base("MISE_DATA_DIR", ".local/share/mise").join("installs/node")),
    ]
}

fn on_path(machine: &Machine, name: &str) -> Vec<PathBuf> {
    let Some(path) = &machine.path else { return Vec::new() };
    std::env::split_paths(path)
        // A folder of the project on the PATH would let the project choose what we run.
        .filter(|folder| folder.is_absolute() && !folder.starts_with(&machine.project))
        .map(|folder| folder.join(name))
        .filter(|exe| exe.is_file())
        .collect()
}

/// The npm that the `PATH` gives, unless it is a shim without a package behind it.
fn path_npm(machine: &Machine) -> Option<FoundNpm> {
    let real = on_path(machine, "npm").into_iter().next()?.canonicalize().ok()?;
    let dir = real.parent()?.parent()?.to_path_buf();
    npm_at(&dir)
}

fn npm_at(dir: &Path) -> Option<FoundNpm> {
    if !dir.join("bin/npm-cli.js").is_file() {
        return None;
    }
    let text = std::fs::read_to_string(dir.join("package.json")).ok()?;
    let parsed: serde_json::Value = serde_json::from_str(&text).ok()?;
    (parsed.get("name")?.as_str()? == "npm").then_some(())?;
    let version = Version::parse(parsed.get("version")?.as_str()?).ok()?;
    Some(FoundNpm { version, dir: dir.to_path_buf() })
}

/// Asks an executable whether it is node. Shims of version managers answer with
/// the node behind them.
fn probe(exe: &Path, machine: &Machine, from: &str) -> Result<Found, ToolchainError> {
    let broken = |reason: String| ToolchainError::Broken { path: exe.to_path_buf(), reason };
    const QUESTION: &str = "process.execPath + '\\n' + process.versions.node";
    let ask = || {
        let mut command = Command::new(exe);
        command.args(["-p", QUESTION]).env_remove("NODE_OPTIONS");
        if machine.project.is_dir() {
            command.current_dir(&machine.project);
        }
        answer(&mut command)
    };
    // A shim answers for the project of now: only what answers as itself says the same tomorrow.
    let is_itself = |text: &str| {
        let real = text.lines().next().and_then(|path| Path::new(path).canonicalize().ok());
        real.is_some() && real == exe.canonicalize().ok()
    };
    let text = machine.answers.to(QUESTION, &[exe.to_path_buf()], ask, is_itself).map_err(broken)?;
    let mut lines = text.lines();
    let (Some(real), Some(version)) = (lines.next(), lines.next()) else {
        return Err(broken("it printed no version".to_owned()));
    };
    let node_exe = Path::new(real).canonicalize().map_err(|error| broken(error.to_string()))?;
    let node = Version::parse(version.trim()).map_err(|error| broken(error.to_string()))?;
    let prefix = node_exe.parent().and_then(Path::parent).unwrap_or(Path::new("/")).to_path_buf();
    Ok(Found { node, npm: npm_at(&prefix.join("lib/node_modules/npm")), node_exe, from: from.to_owned() })
}

/// What node prints; a wrapper in its place may print without end, or never end.
fn answer(command: &mut Command) -> Result<String, String> {
    let output = output::of(command, MAX_ANSWER, PATIENCE).map_err(|error| error.to_string())?;
    if !output.success {
        return Err("it ended with an error".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The shared libraries that this node has loaded and that the host has outside of the folders
/// that every sandbox is shown (`/usr` and what of the root leads there), under the names by which
/// the loader asked for them.
///
/// # Errors
/// Where node does not answer.
pub(super) fn libraries(answers: &Answers, node: &Path) -> Result<Vec<PathBuf>, ToolchainError> {
    let ask = || {
        let mut command = Command::new(node);
        command.args(["-p", LIBRARIES]).env_remove("NODE_OPTIONS").current_dir("/");
        answer(&mut command)
    };
    // ld.so(8): where the loader looks.
    let loader = ["LD_LIBRARY_PATH", "LD_PRELOAD"].map(std::env::var_os);
    let question = format!("{LIBRARIES} {loader:?}");
    let loaded = answers
        .to(
            &question,
            &[node.to_path_buf(), "/etc/ld.so.cache".into(), "/etc/ld.so.preload".into()],
            ask,
            |_| true,
        )
        .map_err(|reason| ToolchainError::Broken { path: node.to_path_buf(), reason })?;
    let shown = |path: &Path| SHOWN.iter().any(|shown| path.starts_with(shown));
    Ok(loaded
        .lines()
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && !shown(path) && path != node && path.is_file())
        .collect())
}

/// npm's built-in default registry: asked of npm itself, with every level of its
/// configuration empty and its home and cache in a folder made below `aside`.
pub fn public_registry(
    answers: &Answers,
    node: &Path,
    npm_dir: &Path,
    aside: &Path,
) -> Result<RegistryUrl, ToolchainError> {
    let broken = |reason: String| ToolchainError::Broken { path: npm_dir.to_path_buf(), reason };
    let decides = DECIDES_REGISTRY.iter().map(|path| npm_dir.join(path));
    let decides: Vec<PathBuf> = std::iter::once(node.to_path_buf()).chain(decides).collect();
    let is_url = |text: &str| RegistryUrl::parse(text.trim()).is_ok();
    let text = answers
        .to("npm config get registry", &decides, || default_registry(node, npm_dir, aside), is_url)
        .map_err(broken)?;
    RegistryUrl::parse(text.trim()).map_err(|error| broken(error.to_string()))
}

fn default_registry(node: &Path, npm_dir: &Path, aside: &Path) -> Result<String, String> {
    let empty = tempfile::tempdir_in(aside).map_err(|error| error.to_string())?;
    // npm takes the nearest folder above that has a package.json for its project, with its npmrc.
    std::fs::write(empty.path().join("package.json"), "{}").map_err(|error| error.to_string())?;
    let mut command = Command::new(node);
    command
        .arg(npm_dir.join("bin/npm-cli.js"))
        .args(["config", "get", "registry"])
        .env_clear()
        .env("HOME", empty.path())
        .env("PATH", "/usr/bin:/bin")
        // Two different files that are not there: npm refuses one file at two levels.
        .env("npm_config_userconfig", empty.path().join("no-user-npmrc"))
        .env("npm_config_globalconfig", empty.path().join("no-global-npmrc"))
        .env("npm_config_cache", empty.path())
        .env("npm_config_update_notifier", "false")
        .current_dir(empty.path());
    answer(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_the_project_on_the_path_is_never_run() {
        let project = tempfile::tempdir().unwrap();
        std::fs::write(project.path().join("node"), "#!/bin/sh\necho pwned\n").unwrap();
        let machine = Machine {
            path: Some(project.path().into()),
            project: project.path().to_path_buf(),
            ..Machine::default()
        };
        assert_eq!(candidates(&machine), []);
    }

    #[test]
    fn a_node_that_talks_without_end_is_no_node() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().join("node");
        std::fs::write(&node, "#!/bin/sh\nyes\n").unwrap();
        std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = probe(&node, &Machine::default(), "the PATH").unwrap_err();
        assert!(error.to_string().ends_with("it printed more than 1 MiB"), "{error}");
    }

    #[test]
    fn a_folder_without_npms_manifest_is_no_npm() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        std::fs::write(folder.path().join("bin/npm-cli.js"), "").unwrap();
        std::fs::write(folder.path().join("package.json"), r#"{"name":"evil","version":"1.0.0"}"#).unwrap();
        assert_eq!(npm_at(folder.path()), None);
    }
}
