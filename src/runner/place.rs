//! A run's specification as a place: which files, variables and folders a
//! sandbox gets so that npm finds in it what it would find at the user's.

use crate::compare::approved;
use crate::plan::{RunSpec, is_here};
use crate::project::Project;
use crate::project::lockfile::{EntryKind, LockEntry};
use crate::project::npmrc::Level;
use crate::sandbox::container::INMATE_UID;
use crate::sandbox::{CacheSpec, HOME, Limits, PROJECT, ProjectCopy, SandboxSpec, Scratch};
use crate::toolchain::Toolchain;
use crate::wire::Order;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// Where the run's authority lies inside: the path that Debian's programs use.
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The global npmrc inside.
const GLOBAL_NPMRC: &str = "/etc/npmrc-global";
/// The folder inside that comes first in `PATH`.
const SHIMS: &str = "/toolchain/bin";
const NODE: &str = "/toolchain/node";
const NPM: &str = "/toolchain/npm";

/// What is the same for all runs of an invocation.
#[derive(Debug, Clone)]
pub struct Common {
    /// The toolchain.
    pub toolchain: Toolchain,
    /// The image that it lies in, if it is not this machine's.
    pub image: Option<Image>,
    /// A host folder with `node`, `npm` and `npx`, made by [`write_shims`].
    pub shims: PathBuf,
    /// The authority's certificate, PEM.
    pub ca_pem: String,
    /// Limits of each run.
    pub limits: Limits,
    /// The longest a run may take.
    pub time_limit: Duration,
    /// Whether processes are traced.
    pub trace: bool,
    /// Whether what lifecycle scripts do to files is followed.
    pub watch: bool,
    /// Where sandboxes write.
    pub scratch: Scratch,
    /// What new files are denied, as umask(2) has it.
    pub umask: u32,
    /// Proxies that npm's configuration names, host and port.
    pub proxies: Vec<(String, u16)>,
}

/// What a run has of its container's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its `PATH`.
    pub path: String,
    /// Its `/etc/passwd`.
    pub passwd: Option<String>,
    /// The variables that it sets for whoever runs in it, `PATH` aside.
    pub env: Vec<(String, String)>,
}

impl Image {
    /// Its users, among whom ours must have a name.
    fn users(&self) -> String {
        let mut text = self.passwd.clone().unwrap_or_else(|| "root:x:0:0:root:/root:/bin/sh\n".to_owned());
        if !text.ends_with('\n') {
            text.push('\n');
        }
        // Where the engine leaves /proc to us, ours is 1000 as in the other backend.
        for id in [1000, INMATE_UID] {
            let id = id.to_string();
            if !text.lines().any(|line| line.split(':').nth(2) == Some(&id)) {
                text.push_str(&format!("npm:x:{id}:{id}:npm:{HOME}:/bin/sh\n"));
            }
        }
        text
    }
}

/// How long processes that outlive npm are watched.
const GRACE: Duration = Duration::from_millis(500);

/// The place for one run.
pub fn place(run: &RunSpec, project: &Project, common: &Common, cache: CacheSpec) -> SandboxSpec {
    let inside = match &common.image {
        None => Inside::of(&common.toolchain),
        Some(_) => Inside::within(&common.toolchain),
    };
    let mut files: Vec<(String, Vec<u8>)> = [CA_BUNDLE, "/etc/pki/tls/certs/ca-bundle.crt"]
        .into_iter()
        .map(|path| (path.to_owned(), common.ca_pem.clone().into_bytes()))
        .collect();
    files.push((GLOBAL_NPMRC.to_owned(), run.npmrc.get(&Level::Global).cloned().unwrap_or_default()));
    // A path that leads out of what is copied was refused when the project was read.
    let from_base = |path: &str| project.from_base(path);
    let mut changes: Vec<(String, Option<Vec<u8>>)> =
        run.changes.iter().filter_map(|(path, bytes)| Some((from_base(path)?, bytes.clone()))).collect();
    if let Some(above) = &run.parent_npmrc {
        match from_base("../.npmrc") {
            Some(path) => changes.push((path, Some(above.clone()))),
            None => {
                let folder = Path::new(PROJECT).parent().unwrap_or(Path::new("/"));
                files.push((folder.join(".npmrc").display().to_string(), above.clone()));
            }
        }
    }
    if let Some(user) = run.npmrc.get(&Level::User) {
        files.push((format!("{HOME}/.npmrc"), user.clone()));
    }
    for (path, text) in &run.world.secrets.files {
        files.push((format!("{HOME}/{path}"), text.clone().into_bytes()));
    }
    if let Some(builtin) = run.npmrc.get(&Level::Builtin) {
        files.push((format!("{}/npmrc", inside.npm), builtin.clone()));
    }
    let mut show = Vec::new();
    match &common.image {
        None => show.push((common.shims.clone(), SHIMS.to_owned())),
        Some(image) => files.push(("/etc/passwd".to_owned(), image.users().into_bytes())),
    }
    show.extend(inside.show);
    let cwd = match from_base(&project.directory) {
        Some(below) if !below.is_empty() => format!("{PROJECT}/{below}"),
        Some(_) | None => PROJECT.to_owned(),
    };
    let argv = |command: &[String]| match command.split_first() {
        Some((_npm, words)) => {
            let mut argv = vec![inside.node.clone(), format!("{}/bin/npm-cli.js", inside.npm)];
            argv.extend(words.iter().cloned());
            argv
        }
        None => Vec::new(),
    };
    SandboxSpec {
        label: run.id.clone(),
        project: ProjectCopy {
            root: project.base().to_path_buf(),
            // What is approved is nothing for a script to read, and to behave by.
            files: project
                .files
                .iter()
                .filter(|file| *file != approved::FILE)
                .filter_map(|file| from_base(file))
                .collect(),
            changes,
        },
        show,
        files,
        cache,
        order: Order {
            argv: argv(&run.command),
            then: argv(&run.then),
            env: environment(run, common.image.as_ref()).into_iter().collect(),
            cwd,
            project: PROJECT.to_owned(),
            members: members(project),
            trace: common.trace,
            watch: common.watch,
            secrets: run.world.secrets.watched.iter().map(|path| format!("{HOME}/{path}")).collect(),
            hash: true,
            time_limit_ms: u64::try_from(common.time_limit.as_millis()).unwrap_or(u64::MAX),
            grace_ms: u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX),
            memory_limit: common.limits.memory,
            disk_limit: common.limits.disk,
            umask: common.umask,
        },
        ports: run.world.ports.iter().copied().collect(),
        ports_here: ports_here(run, common).into_iter().collect(),
        limits: common.limits,
        scratch: common.scratch.clone(),
    }
}

/// Ports of registries and proxies that are literally this machine: their names
/// lead to 127.0.0.1 without a look-up, so that their doors must be there. The
/// resolver's port is its own.
pub(super) fn ports_here(run: &RunSpec, common: &Common) -> BTreeSet<u16> {
    let proxies = common.proxies.iter().filter(|(host, _)| is_here(host)).map(|(_, port)| *port);
    let mut ports: BTreeSet<u16> = run.world.ports_here().into_iter().chain(proxies).collect();
    ports.remove(&53);
    ports
}

/// The whole environment of the command: an allow-list with fixed values, then
/// what the run adds. Nothing of the caller's own comes in unnamed.
fn environment(run: &RunSpec, image: Option<&Image>) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> = [
        ("CI", "true"),
        ("HOME", HOME),
        ("LANG", "C.UTF-8"),
        ("LOGNAME", "npm"),
        // Kept in the folder for temporary files, it would be a way for a script to
        // have npm run what it likes.
        ("NODE_DISABLE_COMPILE_CACHE", "1"),
        ("NODE_EXTRA_CA_CERTS", CA_BUNDLE),
        ("PATH", "/toolchain/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("SHELL", "/bin/sh"),
        ("SSL_CERT_FILE", CA_BUNDLE),
        ("TMPDIR", "/tmp"),
        ("USER", "npm"),
        ("npm_config_globalconfig", GLOBAL_NPMRC),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    if let Some(image) = image {
        // What the image says to those who run in it holds, but not against us.
        let fixed: Vec<String> = env.keys().cloned().collect();
        env.extend(image.env.iter().filter(|(key, _)| !fixed.contains(key)).cloned());
        env.insert("PATH".to_owned(), image.path.clone());
    }
    for (name, value) in &run.world.secrets.variables {
        env.entry(name.clone()).or_insert_with(|| value.clone());
    }
    env.extend(run.env.clone());
    env
}

/// npm's root, and folders of workspace members and of packages beside it, which may have a
/// `node_modules` of their own.
fn members(project: &Project) -> Vec<String> {
    let folder = |entry: &&LockEntry| {
        entry.kind == EntryKind::Folder || !entry.path.split('/').any(|part| part == "node_modules")
    };
    let mut all = vec![project.inside.clone()];
    let folders = project.lockfile.entries.values().filter(folder);
    all.extend(folders.filter_map(|entry| project.from_base(&entry.path)));
    all
}

/// Where node and npm are inside, and what of the host is shown for it: a closed list. The folder
/// that node was installed in is not on it, since with `~/bin/node` that is the home folder.
struct Inside {
    node: String,
    npm: String,
    show: Vec<(PathBuf, String)>,
}

impl Inside {
    fn of(toolchain: &Toolchain) -> Self {
        let mut show = Vec::new();
        let mut shown = |host: &Path, inside: &str| {
            // All of /usr is in view already.
            if host.starts_with("/usr") {
                return host.display().to_string();
            }
            show.push((host.to_path_buf(), inside.to_owned()));
            inside.to_owned()
        };
        let node = shown(&toolchain.node_exe, &format!("{NODE}/bin/node"));
        let npm = shown(&toolchain.npm_dir, NPM);
        if let Some(headers) = toolchain.headers() {
            shown(&headers, &format!("{NODE}/include/node"));
        }
        let prefix = toolchain.node_prefix();
        for library in &toolchain.libraries {
            for inside in library_paths(library, &prefix) {
                shown(library, &inside);
            }
        }
        Self { node, npm, show }
    }

    /// Both lie in the image.
    fn within(toolchain: &Toolchain) -> Self {
        Self {
            node: toolchain.node_exe.display().to_string(),
            npm: toolchain.npm_dir.display().to_string(),
            show: Vec::new(),
        }
    }
}

/// Where the loader looks for a library of node's: under the name by which it asked on the host,
/// and, for one that it found relative to node (`$ORIGIN/../lib`), relative to node's place inside.
fn library_paths(library: &Path, prefix: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    if !library.components().any(|part| part == Component::ParentDir) {
        paths.push(library.display().to_string());
    }
    let real = library.parent().and_then(|folder| folder.canonicalize().ok());
    if let (Some(folder), Some(name)) = (real, library.file_name())
        && let Ok(below) = folder.strip_prefix(prefix)
    {
        paths.push(Path::new(NODE).join(below).join(name).display().to_string());
    }
    paths
}

/// Writes `node`, `npm` and `npx` for `PATH` into a host folder.
pub fn write_shims(folder: &Path, toolchain: &Toolchain) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let inside = Inside::of(toolchain);
    std::os::unix::fs::symlink(&inside.node, folder.join("node"))?;
    for name in ["npm", "npx"] {
        let path = folder.join(name);
        std::fs::write(
            &path,
            format!("#!/bin/sh\nexec {} {}/bin/{name}-cli.js \"$@\"\n", inside.node, inside.npm),
        )?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}
