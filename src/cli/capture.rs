//! `sealcheck capture`: this machine's install environment, secrets replaced. Runs nothing
//! of the project's, needs no sandbox and no network.

use super::arguments::CaptureArguments;
use super::look::libc_of;
use super::{Code, folders, load, print, say};
use crate::environment::{Environment, Here, Machine, Tools, gather};
use crate::project::named::Trusted;
use crate::project::npmrc::NpmVersion;
use crate::project::{Project, ReadOptions};
use crate::text::Complaint;
use crate::toolchain::local;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes the environment to standard output, or to a file.
pub(crate) fn run(arguments: CaptureArguments) -> anyhow::Result<Code> {
    let environment = here(&arguments.project, &arguments.variable, arguments.policy)?;
    let text = environment.to_json()?;
    match &arguments.output {
        None => print(&text)?,
        Some(path) => {
            write(path, &text)?;
            say(&format!("the environment was written to {}", path.display()));
        }
    }
    Ok(Code::Good)
}

/// In one piece: nobody finds half of it there.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let bad = |error: &dyn std::fmt::Display| {
        Complaint::about(format!("`{}` cannot be written: {error}", path.display()))
            .help("name a file in a folder that can be written to")
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| bad(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| bad(&error))?;
    file.persist(path).map_err(|error| bad(&error))?;
    Ok(())
}

/// The environment of this machine for a project; `more` are variables that are wanted too.
pub(super) fn here(folder: &Path, more: &[String], policy: Option<PathBuf>) -> anyhow::Result<Environment> {
    let env = load::environment();
    let machine = load::machine(folder);
    let found = local::candidates(&machine).into_iter().next().ok_or_else(|| {
        Complaint::about("there is no node on the PATH").help("install node, or put it on the PATH")
    })?;
    let npm = found.npm.as_ref().ok_or_else(|| {
        Complaint::about("there is a node and no npm on the PATH")
            .help("install npm, or put its folder on the PATH")
    })?;
    let aside = tempfile::Builder::new().prefix("sealcheck-").tempdir()?;
    let public = local::public_registry(&machine.answers, &found.node_exe, &npm.dir, aside.path())?;
    let prefix = found.node_exe.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    let home = folders::home();
    let project = Project::read(&ReadOptions {
        root: folder.to_path_buf(),
        home: home.clone(),
        global_npmrc: Some(prefix.join("etc/npmrc")),
        builtin_npmrc: Some(npm.dir.join("npmrc")).filter(|path| path.is_file()),
        env: env.clone(),
        public,
        npm: Some(NpmVersion::from(&npm.version)),
        policy,
        trusted: Trusted::Machine,
        internal_hosts: None,
        signatures: None,
    })
    .map_err(|error| error.complaint().clone())?;
    let cache = project.config.plain("cache").map(PathBuf::from).or(home.map(|home| home.join(".npm")));
    Ok(gather(&Here {
        project: &project,
        tools: Tools { node: found.node.to_string(), npm: npm.version.to_string() },
        machine: Machine {
            os: std::env::consts::OS.to_owned(),
            cpu: cpu().to_owned(),
            libc: Some(libc_of(&found.node_exe).to_owned()),
            processors: std::thread::available_parallelism().ok().map(usize::from),
            umask: umask(),
            ci: None,
        },
        env: &env,
        more,
        cache,
        now: jiff::Timestamp::now().to_string(),
    })?)
}

/// This machine's processor, in node's words.
pub(super) fn cpu() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// As the kernel tells it, since asking by umask(2) would change it.
fn umask() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix("Umask:"))?.trim().to_owned())
}
