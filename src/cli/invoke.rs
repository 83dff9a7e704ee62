//! One invocation of the runner: a project's plan in one place, with what this machine
//! allows it. Nothing is judged here.

use super::arguments::{ProgressChoice, ScratchChoice};
use super::containers::Placed;
use super::folders;
use super::load::{self, Loaded};
use super::options::Options;
use crate::evidence::seal::Platform;
use crate::gateway::Authority;
use crate::project::Project;
use crate::report::progress::{Display, Mode, Phase, Progress};
use crate::runner::place::{self, Common};
use crate::runner::{Invocation, Learned, Listener, Told};
use crate::sandbox::namespaces::{Namespaces, ScratchFolder};
use crate::sandbox::{Backend, CacheSpec, Limits, Scratch};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// An invocation with the folder that goes with it.
pub(crate) struct Opened {
    pub(crate) invocation: Arc<Invocation>,
    _shims: ScratchFolder,
}

impl Opened {
    /// Has runs that ask for a clean cache begin with this one, of which `learned` tells
    /// what it holds. To be said before anything runs.
    pub(crate) fn begin_with(&mut self, cache: CacheSpec, learned: Arc<Learned>) {
        if let Some(invocation) = Arc::get_mut(&mut self.invocation) {
            invocation.cache = cache;
            invocation.learned = learned;
        }
    }
}

/// Makes ready for plans of about `runs` runs where `loaded` says.
pub(crate) fn open(
    loaded: &Loaded,
    options: &Options,
    runs: usize,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<Opened> {
    let shims = ScratchFolder::create(&folders::scratch(), "shims")?;
    if loaded.placed.is_none() {
        place::write_shims(&shims.inner(), &loaded.toolchain)?;
    }
    let authority = Authority::new()?;
    let mut common = common(loaded, options, shims.inner(), runs)?;
    authority.ca_pem().clone_into(&mut common.ca_pem);
    let invocation = Arc::new(Invocation {
        project: loaded.project.clone(),
        common,
        platform: platform(loaded),
        authority: Arc::new(authority),
        upstream: loaded.upstream.clone(),
        backend: match &loaded.placed {
            Some(placed) => Backend::Containers(placed.containers.clone()),
            None => Backend::Namespaces(Namespaces::new("/proc/self/exe".into(), folders::scratch())),
        },
        scratch_root: folders::scratch(),
        jobs: options.jobs,
        learned: Arc::default(),
        cache: CacheSpec::Empty,
        stop,
    });
    Ok(Opened { invocation, _shims: shims })
}

/// Shows what is told.
pub(crate) fn listener(display: Arc<Mutex<Option<Display>>>, total: usize) -> Listener {
    Arc::new(move |told: Told| {
        let event = match told {
            Told::Started { id, scenario } => Progress::RunStarted { id, scenario },
            Told::Installing { id } => Progress::Phase { id, phase: Phase::Installing },
            Told::Script { .. } => return,
            Told::Fetched { id, tarballs } => {
                Progress::Packages { id, fetched: usize::try_from(tarballs).unwrap_or(usize::MAX), total }
            }
            Told::Finished { id, ending, ms } => Progress::RunFinished { id, ending, ms },
        };
        if let Ok(mut display) = display.lock()
            && let Some(display) = display.as_mut()
        {
            display.show(&event);
        }
    })
}

/// How progress is shown.
pub(crate) fn mode(choice: ProgressChoice) -> Mode {
    match choice {
        ProgressChoice::Auto => Mode::Auto,
        ProgressChoice::Bar => Mode::Bar,
        ProgressChoice::Plain => Mode::Plain,
        ProgressChoice::None => Mode::None,
    }
}

/// Memory a run may need: npm's own and what it unpacks.
const RUN_MEMORY: u64 = 2 << 30;
/// Bytes that a run may write at most.
const RUN_DISK: u64 = 8 << 30;

fn common(loaded: &Loaded, options: &Options, shims: PathBuf, runs: usize) -> anyhow::Result<Common> {
    let available = load::available_memory();
    let side_by_side = options.jobs.min(runs).max(1) as u64;
    let scratch = match options.scratch {
        ScratchChoice::Memory => Scratch::Memory,
        ScratchChoice::Disk => Scratch::Disk(folders::scratch()),
        ScratchChoice::Auto if available > side_by_side * (RUN_MEMORY + RUN_MEMORY) => Scratch::Memory,
        ScratchChoice::Auto => Scratch::Disk(folders::scratch()),
    };
    let disk = match &scratch {
        // What is written there is memory, and npm needs some beside it.
        Scratch::Memory => (available / side_by_side / 2).clamp(RUN_MEMORY / 8, RUN_DISK),
        Scratch::Disk(_) => RUN_DISK,
    };
    Ok(Common {
        toolchain: loaded.toolchain.clone(),
        image: loaded.placed.as_ref().map(Placed::image),
        shims,
        ca_pem: String::new(),
        limits: Limits { memory: 4 << 30, processes: 4096, open_files: 65_536, disk },
        time_limit: options.timeout,
        trace: options.trace,
        watch: options.watch,
        scratch,
        umask: loaded.umask,
        proxies: proxies(&loaded.project),
    })
}

/// Proxies that npm's configuration or a variable names, at whose doors the gateway
/// answers `CONNECT`.
fn proxies(project: &Project) -> Vec<(String, u16)> {
    const VARIABLES: [&str; 4] = ["https_proxy", "http_proxy", "proxy", "all_proxy"];
    let is_proxy = |name: &str| VARIABLES.iter().any(|known| known.eq_ignore_ascii_case(name));
    let variables = project.settings.install.env.iter().filter(|(name, _)| is_proxy(name));
    ["https-proxy", "proxy"]
        .iter()
        .filter_map(|key| project.config.plain(key))
        .chain(variables.map(|(_, value)| value.as_str()))
        .filter_map(|text| url::Url::parse(text).ok())
        .filter_map(|url| Some((url.host_str()?.to_ascii_lowercase(), url.port_or_known_default()?)))
        .collect()
}

/// The platform inside.
pub(crate) fn platform(loaded: &Loaded) -> Platform {
    let cpu = super::capture::cpu();
    let libc = loaded.placed.as_ref().map_or("glibc", |placed| placed.tools.libc.as_str());
    Platform { os: "linux".to_owned(), cpu: cpu.to_owned(), libc: libc.to_owned() }
}
