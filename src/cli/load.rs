//! Everything that is read before anything runs: the toolchain, the project, the
//! way to the registries, the plan.

use super::arguments::{Backend, Choice, Surroundings};
use super::containers::{self, Placed};
use super::pool::{Aside, Pool};
use super::reach;
use super::unasked::Unasked;
use super::{catalogue, folders};
use crate::plan::{Plan, PlanOptions};
use crate::project::Project;
use crate::project::ReadOptions;
use crate::project::named::{Trusted, VARIABLE};
use crate::project::npmrc::NpmVersion;
use crate::report::places::Place;
use crate::scenario::{Loss, Scenario, Suite};
use crate::secret::Secret;
use crate::text::Complaint;
use crate::toolchain::answers::Answers;
use crate::toolchain::local::Machine;
use crate::toolchain::{Toolchain, ToolchainError, wish::Wish};
use crate::upstream::{Store, Upstream};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// What new files are denied where it runs, as umask(2) has it.
    pub(crate) umask: u32,
    /// How the project was read.
    pub(crate) reading: ReadOptions<'static>,
    /// What could not be asked of the npm that the project wants, where it was read without.
    pub(crate) unasked: Option<Unasked>,
    /// Whether registries were asked for signatures.
    asked: bool,
    /// Goes with the last of these values.
    aside: Arc<Aside>,
    /// What it shares with the other places and projects.
    pool: Pool,
}

/// A project as it was read in each place where a test of it shall run.
pub(crate) struct Read {
    /// At least one.
    pub(crate) places: Vec<Loaded>,
    /// Why pairs of node and npm that a list asks for have no place.
    pub(crate) impossible: Vec<String>,
}

/// What is the same in every place.
struct Ground {
    root: PathBuf,
    home: Option<PathBuf>,
    env: BTreeMap<String, String>,
    surroundings: Surroundings,
    store: Arc<Store>,
    aside: Arc<Aside>,
    pool: Pool,
    /// Nothing will run, so that any npm will do, or none.
    to_read: bool,
}

/// Where a test is to run.
enum Wanted {
    Image(String),
    Toolchain(Wish),
}

/// The runtime of the commands that wait for something.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    super::lacks::for_anything()?;
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Where toolchains are looked for.
pub(crate) fn machine(project: &Path) -> Machine {
    Machine {
        path: std::env::var_os("PATH"),
        home: folders::home(),
        env: environment(),
        project: project.to_path_buf(),
        answers: Answers { folder: Some(folders::answers()) },
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

/// Reads a project with all that surrounds it, in every place that was asked for, asking
/// registries for signatures where nothing else decides.
pub(crate) async fn load_all(folder: &Path, surroundings: Surroundings, pool: &Pool) -> anyhow::Result<Read> {
    load_on(ground(folder, surroundings, true, pool)?).await
}

/// The same as if the user's home were another and no variable said anything to npm.
pub(crate) async fn load_bare(
    folder: &Path,
    surroundings: Surroundings,
    home: &Path,
) -> anyhow::Result<Read> {
    let mut ground = ground(folder, surroundings, true, &Pool::default())?;
    ground.home = Some(home.to_path_buf());
    ground.env.retain(|name, _| !name.to_ascii_lowercase().starts_with("npm_config_"));
    load_on(ground).await
}

async fn load_on(ground: Ground) -> anyhow::Result<Read> {
    let wanted = wanted(&ground.surroundings)?;
    let (mut places, mut possible): (Vec<Loaded>, Vec<&Wish>) = (Vec::new(), Vec::new());
    let mut impossible = Vec::new();
    for one in &wanted {
        match read(&ground, one, true).await {
            Ok(read) => {
                if let Wanted::Toolchain(wish) = one {
                    possible.push(wish);
                }
                // Two lines can lead to the same version.
                let alike = |known: &Loaded| known.place() == read.place();
                if !places.iter().any(alike) {
                    places.push(read);
                }
            }
            Err(error) => match (error.downcast_ref::<ToolchainError>(), one) {
                (Some(ToolchainError::Pair { .. }), Wanted::Toolchain(wish)) => {
                    impossible.push((wish, error))
                }
                (_, Wanted::Toolchain(_) | Wanted::Image(_)) => return Err(error),
            },
        }
    }
    // A list may hold pairs that cannot work, but each version that was asked for must
    // have its place: else a test of it would be green without having been.
    let mut said = Vec::new();
    for (wish, error) in impossible {
        let npm = possible.iter().any(|it| it.npm == wish.npm);
        let node = possible.iter().any(|it| it.node == wish.node);
        if !(npm && node) {
            return Err(error);
        }
        said.push(error.to_string());
    }
    Ok(Read { places, impossible: said })
}

/// The same in the first place alone.
pub(crate) async fn load(folder: &Path, surroundings: Surroundings) -> anyhow::Result<Loaded> {
    let ground = ground(folder, surroundings, true, &Pool::default())?;
    read(&ground, &first(&ground.surroundings)?, true).await
}

/// The same without a question to any registry.
pub(crate) async fn load_unsigned(folder: &Path, surroundings: Surroundings) -> anyhow::Result<Loaded> {
    let ground = ground(folder, surroundings, false, &Pool::default())?;
    read(&ground, &first(&ground.surroundings)?, false).await
}

/// The same with whatever npm is at hand, or none, where the one that the project wants is
/// not on this machine: [`Loaded::unasked`] then says what is not known for it.
pub(crate) async fn load_to_read(folder: &Path, surroundings: Surroundings) -> anyhow::Result<Loaded> {
    let mut ground = ground(folder, surroundings, false, &Pool::default())?;
    ground.to_read = true;
    read(&ground, &first(&ground.surroundings)?, false).await
}

fn first(surroundings: &Surroundings) -> Result<Wanted, Complaint> {
    Ok(wanted(surroundings)?.into_iter().next().unwrap_or_else(|| Wanted::Toolchain(Wish::default())))
}

/// The places that were asked for, in the order of their options; never none.
fn wanted(surroundings: &Surroundings) -> Result<Vec<Wanted>, Complaint> {
    let images = containers::wanted(surroundings)?;
    if !images.is_empty() {
        return Ok(images.iter().cloned().map(Wanted::Image).collect());
    }
    let mut all = Vec::new();
    for text in &surroundings.toolchain {
        let wishes = Wish::parse(text, &format!("`--toolchain {text}`")).map_err(|error| {
            Complaint::about(error.to_string())
                .help("write it as `node@20,npm@10`, or with lists as `npm@10,11,12`")
        })?;
        all.extend(wishes.into_iter().map(Wanted::Toolchain));
    }
    if all.is_empty() {
        all.push(Wanted::Toolchain(Wish::default()));
    }
    Ok(all)
}

fn ground(folder: &Path, mut surroundings: Surroundings, ask: bool, pool: &Pool) -> anyhow::Result<Ground> {
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
    let aside = pool.aside()?;
    let store = Arc::new(pool.store(surroundings.store.as_deref(), &aside)?);
    Ok(Ground {
        root,
        home: folders::home(),
        env,
        surroundings,
        store,
        aside,
        pool: pool.clone(),
        to_read: false,
    })
}

async fn read(ground: &Ground, wanted: &Wanted, ask: bool) -> anyhow::Result<Loaded> {
    let Ground { root, home, env, surroundings, store, aside, pool, to_read } = ground;
    let mut unasked = None;
    let (placed, toolchain) = match wanted {
        Wanted::Image(image) => {
            let placed = pool.image(image, env, surroundings.offline).await?;
            let toolchain = placed.toolchain()?;
            (Some(placed), toolchain)
        }
        Wanted::Toolchain(wish) => {
            let found = super::tools::toolchain(root, wish.clone(), surroundings, env, pool).await;
            let toolchain = match found {
                Err(error) if *to_read => {
                    let (toolchain, missing) = Unasked::of(error, root, aside)?;
                    unasked = Some(missing);
                    toolchain
                }
                found => found?,
            };
            (None, toolchain)
        }
    };
    let (global_npmrc, builtin_npmrc) = match &placed {
        Some(placed) => {
            let kept = |name: &str, text: &Option<String>| {
                let path = aside.fresh("image")?.join(name);
                text.as_ref()
                    .map(|text| std::fs::write(&path, placed.of_image(text)).map(|()| path))
                    .transpose()
            };
            (
                kept("global-npmrc", &placed.tools.global_npmrc)?,
                kept("builtin-npmrc", &placed.tools.builtin_npmrc)?,
            )
        }
        None if unasked.is_some() => (None, None),
        None => (Some(toolchain.global_npmrc()), toolchain.builtin_npmrc()),
    };
    let mut surrounding = env.clone();
    surrounding.extend(placed.iter().flat_map(Placed::npm_variables));
    let trusted = if placed.is_some() { Trusted::UserFile } else { Trusted::Machine };
    let options = ReadOptions {
        root: root.clone(),
        home: home.clone(),
        global_npmrc,
        builtin_npmrc,
        env: surrounding,
        public: toolchain.public.clone(),
        npm: Some(NpmVersion::from(&toolchain.npm)),
        policy: surroundings.policy.clone(),
        trusted,
        // Of this machine's variables, and not of an image's.
        internal_hosts: env.get(VARIABLE).cloned(),
        signatures: None,
    };
    let project = Project::read(&options).map_err(|error| error.complaint().clone())?;
    let config = reach::config(&project.config, env, trusted)?;
    let upstream = Arc::new(pool.ways.upstream(&config, store.clone(), surroundings.offline)?);
    let project = if ask { super::signatures::settle(project, &options, &upstream).await? } else { project };
    Ok(Loaded {
        umask: 0o022,
        reading: options,
        unasked,
        asked: ask,
        project: Arc::new(project),
        toolchain,
        upstream,
        store: store.clone(),
        store_path: surroundings.store.clone(),
        offline: surroundings.offline,
        policy: surroundings.policy.clone(),
        placed,
        backend: surroundings.backend.unwrap_or(Backend::Auto),
        aside: aside.clone(),
        pool: pool.clone(),
    })
}

impl Loaded {
    /// The toolchain, for the report.
    pub(crate) fn reported_toolchain(&self) -> crate::report::Toolchain {
        crate::report::Toolchain {
            node: self.toolchain.node.to_string(),
            npm: self.toolchain.npm.to_string(),
            because: self.because(),
        }
    }

    /// Why this node and npm; and that npm refuses them, where `engines` says so and
    /// `engine-strict` is set (npm 8 to 12 look at the root's `engines` too).
    pub(crate) fn because(&self) -> String {
        let because = &self.toolchain.because;
        let Toolchain { node, npm, .. } = &self.toolchain;
        let project = &self.project;
        let strict = project
            .config
            .get("engine-strict")
            .filter(|_| self.unasked.is_none() && project.config.plain("engine-strict") == Some("true"));
        let excluded = crate::toolchain::wish::excluded(&project.manifest.engines, node, npm);
        match strict {
            Some(setting) if !excluded.is_empty() => {
                let from = match &setting.place {
                    Some(place) => format!("{}:{}", place.file, place.line),
                    None => format!("{:?}", setting.level).to_ascii_lowercase(),
                };
                format!("{because}; with `engine-strict` ({from}) npm refuses that by EBADENGINE")
            }
            Some(_) | None => because.clone(),
        }
    }

    /// The folder that the user named.
    pub(crate) fn given(&self) -> &Path {
        &self.reading.root
    }

    /// A folder for something under way that nothing else is in; it goes with these values.
    pub(crate) fn fresh_folder(&self, name: &str) -> std::io::Result<PathBuf> {
        self.aside.fresh(name)
    }

    /// The same with the project as it is in another folder.
    pub(crate) async fn at(&self, root: PathBuf) -> anyhow::Result<Self> {
        let reading = ReadOptions { root, ..self.reading.clone() };
        self.read_anew(reading, self.toolchain.clone()).await
    }

    /// The same, read in another way for another toolchain.
    pub(crate) async fn read_anew(
        &self,
        reading: ReadOptions<'static>,
        toolchain: Toolchain,
    ) -> anyhow::Result<Self> {
        let project = Project::read(&reading).map_err(|error| error.complaint().clone())?;
        let project = match self.asked {
            true => super::signatures::settle(project, &reading, &self.upstream).await?,
            false => project,
        };
        Ok(Self {
            project: Arc::new(project),
            toolchain,
            upstream: self.upstream.clone(),
            store: self.store.clone(),
            store_path: self.store_path.clone(),
            offline: self.offline,
            policy: self.policy.clone(),
            placed: self.placed.clone(),
            backend: self.backend,
            umask: self.umask,
            reading,
            unasked: self.unasked.clone(),
            asked: self.asked,
            aside: self.aside.clone(),
            pool: self.pool.clone(),
        })
    }

    /// The toolchain of a wish, for the same project; fetched where it is not here.
    pub(crate) async fn another_toolchain(
        &self,
        wish: Wish,
        surroundings: &Surroundings,
    ) -> anyhow::Result<Toolchain> {
        super::tools::toolchain(self.given(), wish, surroundings, &self.reading.env, &self.pool).await
    }

    /// Where its runs take place.
    pub(crate) fn place(&self) -> Place {
        Place::new(&self.reported_toolchain(), self.placed.as_ref().map(Placed::named).as_deref())
    }
}

/// The plan for a choice of scenarios, and the names that were asked for.
pub(crate) fn plan(loaded: &Loaded, choice: &Choice) -> anyhow::Result<(Plan, Vec<Scenario>)> {
    let (scenarios, asked) = scenarios(loaded, choice)?;
    Ok((plan_of(loaded, scenarios, choice.repeat.unwrap_or(1))?, asked))
}

/// The same as it would always be: with planted values that anybody can know, so that it is
/// good for nothing but to be compared.
pub(crate) fn plan_to_compare(loaded: &Loaded, choice: &Choice) -> anyhow::Result<Plan> {
    let (scenarios, _) = scenarios(loaded, choice)?;
    let seed = Secret::new("seed", "0".repeat(32));
    planned(loaded, &loaded.project, scenarios, choice.repeat.unwrap_or(1), seed)
}

/// The scenarios that a choice stands for with those that they need, and without.
fn scenarios(loaded: &Loaded, choice: &Choice) -> anyhow::Result<(Vec<Scenario>, Vec<Scenario>)> {
    let all = catalogue::available(choice.scenarios_dir.as_deref(), &loaded.project)?;
    let suite = match choice.suite.as_deref() {
        None => Suite::Core,
        Some(name) => catalogue::suite(name).ok_or_else(|| {
            Complaint::about(format!("no suite is named `{name}`"))
                .help("this version has `core`, `full`, `margin` and `drills`")
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
    Ok((scenarios, asked))
}

/// The defences that the project has, under its toolchain.
pub(crate) fn defences(loaded: &Loaded) -> anyhow::Result<BTreeSet<Loss>> {
    crate::plan::defences(&loaded.project, Some(NpmVersion::from(&loaded.toolchain.npm))).map_err(unplanned)
}

/// The plan for scenarios, with planted values of its own.
pub(crate) fn plan_of(loaded: &Loaded, scenarios: Vec<Scenario>, repeat: u32) -> anyhow::Result<Plan> {
    plan_for(loaded, &loaded.project, scenarios, repeat)
}

/// The same for another project in the same place.
pub(crate) fn plan_for(
    loaded: &Loaded,
    project: &Project,
    scenarios: Vec<Scenario>,
    repeat: u32,
) -> anyhow::Result<Plan> {
    let mut random = [0; 16];
    std::io::Read::read_exact(&mut File::open("/dev/urandom")?, &mut random)?;
    planned(loaded, project, scenarios, repeat, Secret::new("seed", crate::evidence::tree::hex(&random)))
}

fn planned(
    loaded: &Loaded,
    project: &Project,
    scenarios: Vec<Scenario>,
    repeat: u32,
    seed: Secret,
) -> anyhow::Result<Plan> {
    let options = PlanOptions { scenarios, repeat, seed, npm: Some(NpmVersion::from(&loaded.toolchain.npm)) };
    crate::plan::plan(project, &options).map_err(unplanned)
}

fn unplanned(error: crate::plan::PlanError) -> anyhow::Error {
    match error {
        crate::plan::PlanError::Command(complaint) => anyhow::Error::from(*complaint),
        other @ crate::plan::PlanError::Json { .. } => other.into(),
    }
}
