//! Everything that is read before anything runs: the toolchain, the project, the
//! way to the registries, the plan.

use super::arguments::{Backend, Choice, Surroundings};
use super::containers::{self, Placed};
use super::reach::{self, Trusted};
use super::{catalogue, folders};
use crate::plan::{Plan, PlanOptions};
use crate::project::ReadOptions;
use crate::project::npmrc::NpmConfig;
use crate::project::{Project, manifest};
use crate::sandbox::namespaces::ScratchFolder;
use crate::scenario::{Scenario, Suite};
use crate::secret::Secret;
use crate::text::Complaint;
use crate::toolchain::fetch::{Cache, Download, Downloading};
use crate::toolchain::local::Machine;
use crate::toolchain::{Toolchain, wish::Wish};
use crate::upstream::{Accept, Request, Store, Upstream};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

/// What was read.
pub(crate) struct Loaded {
    pub(crate) project: Arc<Project>,
    pub(crate) toolchain: Toolchain,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) store: Arc<Store>,
    /// The store's folder, where one was asked for.
    pub(crate) store_path: Option<PathBuf>,
    pub(crate) offline: bool,
    pub(crate) policy: Option<PathBuf>,
    /// The image that it runs in, where it is no sandbox of this machine's system.
    pub(crate) placed: Option<Placed>,
    /// Where the sandboxes are to be made.
    pub(crate) backend: Backend,
    /// Goes with this value.
    _aside: Aside,
}

/// A folder for what does not outlive the invocation: what is under way, and the
/// store where none was asked for.
enum Aside {
    /// Where the next start finds it, however this one ends.
    Scratch(ScratchFolder),
    /// Reading alone must work where the cache cannot be written.
    System(tempfile::TempDir),
}

impl Aside {
    fn make() -> std::io::Result<Self> {
        match ScratchFolder::create(&folders::scratch(), "aside") {
            Ok(folder) => Ok(Self::Scratch(folder)),
            Err(_) => Ok(Self::System(tempfile::Builder::new().prefix("sealcheck-").tempdir()?)),
        }
    }

    fn folder(&self, name: &str) -> std::io::Result<PathBuf> {
        let folder = match self {
            Self::Scratch(folder) => folder.inner().join(name),
            Self::System(folder) => folder.path().join(name),
        };
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

/// The runtime of the commands that wait for something.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Where toolchains are looked for.
pub(crate) fn machine(project: &Path) -> Machine {
    Machine {
        path: std::env::var_os("PATH"),
        home: folders::home(),
        env: environment(),
        project: project.to_path_buf(),
    }
}

/// The caller's environment, as far as it is text.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Bytes of memory that can be had without swapping; 0 where the kernel does not say.
pub(crate) fn available_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// Reads a project with all that surrounds it, asking registries for signatures
/// where nothing else decides.
pub(crate) async fn load(folder: &Path, surroundings: Surroundings) -> anyhow::Result<Loaded> {
    read(folder, surroundings, true).await
}

/// The same without a question to any registry.
pub(crate) async fn load_unsigned(folder: &Path, surroundings: Surroundings) -> anyhow::Result<Loaded> {
    read(folder, surroundings, false).await
}

async fn read(folder: &Path, mut surroundings: Surroundings, ask: bool) -> anyhow::Result<Loaded> {
    let root = folder.canonicalize().map_err(|error| {
        Complaint::about(format!("`{}` cannot be opened: {error}", folder.display()))
            .help("name the folder that has the project's package.json")
    })?;
    let env = environment();
    // The file's own options are needed before npm's files can be read.
    let early = crate::project::settings::Settings::read(&root, surroundings.policy.as_deref())?;
    super::options::layer_surroundings(&mut surroundings, &early.options, &root)?;
    if ask && surroundings.offline && surroundings.store.is_none() {
        return Err(Complaint::about("`--offline` has no store to take answers from")
            .help("name the folder that an earlier `test --store DIR` filled")
            .into());
    }
    let aside = Aside::make()?;
    let store = Arc::new(match &surroundings.store {
        Some(folder) => Store::open(folder)?,
        None => Store::passing(&aside.folder("store")?)?,
    });
    let placed = match containers::wanted(&surroundings)? {
        Some(image) => Some(containers::place(image, &env, surroundings.offline).await?),
        None => None,
    };
    let toolchain = match &placed {
        Some(placed) => placed.toolchain()?,
        None => toolchain(&root, &surroundings, &env, &aside).await?,
    };
    let (global_npmrc, builtin_npmrc) = match &placed {
        Some(placed) => {
            let kept = |name: &str, text: &Option<String>| {
                let path = aside.folder("image")?.join(name);
                text.as_ref()
                    .map(|text| std::fs::write(&path, placed.of_image(text)).map(|()| path))
                    .transpose()
            };
            (
                kept("global-npmrc", &placed.tools.global_npmrc)?,
                kept("builtin-npmrc", &placed.tools.builtin_npmrc)?,
            )
        }
        None => (Some(toolchain.global_npmrc()), toolchain.builtin_npmrc()),
    };
    let mut surrounding = env.clone();
    surrounding.extend(placed.iter().flat_map(Placed::npm_variables));
    let options = ReadOptions {
        root,
        home: folders::home(),
        global_npmrc,
        builtin_npmrc,
        env: surrounding,
        public: toolchain.public.clone(),
        policy: surroundings.policy.clone(),
        signatures: None,
    };
    let project = Project::read(&options).map_err(|error| error.complaint().clone())?;
    let trusted = if placed.is_some() { Trusted::UserFile } else { Trusted::Machine };
    let config = reach::config(&project.config, &env, trusted)?;
    let upstream = Arc::new(Upstream::new(&config, store.clone(), surroundings.offline)?);
    let project = if ask { super::signatures::settle(project, &options, &upstream).await? } else { project };
    Ok(Loaded {
        project: Arc::new(project),
        toolchain,
        upstream,
        store,
        store_path: surroundings.store,
        offline: surroundings.offline,
        policy: surroundings.policy,
        placed,
        backend: surroundings.backend.unwrap_or(Backend::Auto),
        _aside: aside,
    })
}

async fn toolchain(
    root: &Path,
    surroundings: &Surroundings,
    env: &BTreeMap<String, String>,
    aside: &Aside,
) -> anyhow::Result<Toolchain> {
    let mut wish = Wish::default();
    if let Some(text) = surroundings.toolchain.first() {
        let all = surroundings.toolchain.join(",");
        wish = Wish::parse(&all, &format!("`--toolchain {text}`"))
            .map_err(|error| Complaint::about(error.to_string()).help("write it as `node@20,npm@10`"))?;
    }
    let manifest = manifest::Manifest::read(root, root, "package.json")?;
    let nvmrc = [".nvmrc", ".node-version"].iter().find_map(|name| small_text(&root.join(name)));
    let wish = match &manifest {
        Some(manifest) => wish.of_project(manifest, nvmrc.as_deref()),
        None => Ok(wish),
    };
    let wish = wish.map_err(|error| {
        Complaint::about(error.to_string()).help("correct the version, or use `--toolchain`")
    })?;
    // Toolchains come from the public registry, whatever the project says.
    let config = reach::config(&NpmConfig::default(), env, Trusted::Machine)?;
    let upstream =
        Upstream::new(&config, Arc::new(Store::passing(&aside.folder("asked")?)?), surroundings.offline)?;
    let cache = Cache {
        root: folders::toolchains(),
        aside: aside.folder("toolchain")?,
        download: &ByUpstream(upstream),
        offline: surroundings.offline,
    };
    Ok(crate::toolchain::find(&wish, &machine(root), &cache).await?)
}

/// The text of a file that can only be small.
fn small_text(path: &Path) -> Option<String> {
    let size = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    (size <= 4096).then(|| std::fs::read_to_string(path).ok()).flatten()
}

struct ByUpstream(Upstream);

impl Download for ByUpstream {
    fn download<'a>(
        &'a self,
        url: &'a Url,
        accept: &'a str,
        into: &'a mut File,
        limit: u64,
    ) -> Downloading<'a> {
        Box::pin(async move {
            let accept = if accept.contains("install-v1") { Accept::Corgi } else { Accept::Any };
            let request = Request { url: url.clone(), accept, authorization: None };
            let mut answer = self.0.get(request).await.map_err(|error| error.to_string())?;
            if answer.head.status != 200 {
                return Err(format!("the registry answered {}", answer.head.status));
            }
            let mut taken = 0;
            while let Some(chunk) = answer.body.next().await {
                let chunk = chunk.map_err(|error| error.to_string())?;
                taken += chunk.len() as u64;
                if taken > limit {
                    return Err(format!("it is larger than {limit} bytes"));
                }
                std::io::Write::write_all(into, &chunk).map_err(|error| error.to_string())?;
            }
            Ok(taken)
        })
    }
}

/// The plan for a choice of scenarios, and the names that were asked for.
pub(crate) fn plan(loaded: &Loaded, choice: &Choice) -> anyhow::Result<(Plan, Vec<Scenario>)> {
    let all = catalogue::available(choice.scenarios_dir.as_deref(), &loaded.project)?;
    let suite = match choice.suite.as_deref() {
        None => Suite::Core,
        Some(name) => catalogue::suite(name).ok_or_else(|| {
            Complaint::about(format!("no suite is named `{name}`")).help("this version has `core` and `full`")
        })?,
    };
    let mut patterns = choice.scenario.clone();
    if patterns.is_empty() && choice.suite.is_none() {
        patterns = catalogue::named(&all, &loaded.project.settings.scenarios)?;
    }
    let asked = crate::scenario::catalogue::select(&all, &patterns, &choice.skip, suite)?;
    let mut scenarios = asked.clone();
    // Others are compared with the baseline, and without the control nobody
    // knows that the trap was live.
    for needed in ["control", "baseline"] {
        if !scenarios.iter().any(|scenario| scenario.name == needed)
            && let Some(scenario) = all.iter().find(|scenario| scenario.name == needed)
        {
            scenarios.insert(0, scenario.clone());
        }
    }
    let mut random = [0; 16];
    std::io::Read::read_exact(&mut File::open("/dev/urandom")?, &mut random)?;
    let options = PlanOptions {
        scenarios,
        repeat: choice.repeat.unwrap_or(1),
        seed: Secret::new("seed", crate::evidence::tree::hex(&random)),
        npm_major: Some(loaded.toolchain.npm.major),
    };
    let plan = crate::plan::plan(&loaded.project, &options).map_err(|error| match error {
        crate::plan::PlanError::Command(complaint) => anyhow::Error::from(*complaint),
        other @ crate::plan::PlanError::Json { .. } => other.into(),
    })?;
    Ok((plan, asked))
}
