//! `sealcheck test`.

use super::arguments::{FailOn, ProgressChoice, ScratchChoice, Talk, TestArguments};
use super::containers::Placed;
use super::load::{self, Loaded};
use super::options::{self, Options};
use super::{Code, assemble, containers, folders, save, say, signals};
use crate::evidence::seal::Platform;
use crate::finding::{self, JudgedRun, Observed, Severity};
use crate::gateway::Authority;
use crate::plan::{Plan, RunSpec};
use crate::project::Project;
use crate::report::model::Store;
use crate::report::outcome::Outcome;
use crate::report::progress::{Display, Mode, Phase, Progress};
use crate::runner::place::{self, Common};
use crate::runner::{Invocation, Listener, Told};
use crate::sandbox::namespaces::{Namespaces, ScratchFolder, sweep};
use crate::sandbox::{Backend, Limits, Scratch};
use crate::scenario::Scenario;
use crate::text::Complaint;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::watch;

/// Tests every project named, and exits with the worst of their codes.
pub(crate) fn run(arguments: TestArguments, talk: &Talk) -> anyhow::Result<Code> {
    let runtime = load::runtime()?;
    let several = arguments.project.len() > 1;
    let (stop_sender, mut stop) = watch::channel(false);
    runtime.spawn(async move {
        signals::asked_to_stop().await;
        say("interrupted: ending the runs (once more ends at once)");
        stop_sender.send_replace(true);
        signals::asked_to_stop().await;
        std::process::exit(130);
    });
    // All are read before the first is run: a file that is wrong runs nothing.
    let mut ready = Vec::new();
    for project in &arguments.project {
        ready.push(runtime.block_on(async {
            tokio::select! {
                prepared = prepare(project, arguments.clone(), talk, several) => prepared.map(Some),
                _ = stop.wait_for(|stop| *stop) => Ok(None),
            }
        })?);
    }
    let Some(ready) = ready.into_iter().collect::<Option<Vec<_>>>() else {
        // Nothing ran, so there is nothing to report; what was under way is removed.
        return Ok(Code::Interrupted);
    };
    let mut worst = Code::Good;
    for prepared in ready {
        let code = runtime.block_on(one(prepared, stop.clone()))?;
        worst = worse(worst, code);
        if code == Code::Interrupted {
            break;
        }
    }
    // Tasks that still hold a socket must not hold the program.
    runtime.shutdown_background();
    Ok(worst)
}

fn worse(left: Code, right: Code) -> Code {
    let rank = |code: Code| match code {
        Code::Good => 0,
        Code::Unobserved => 1,
        Code::Bad => 2,
        Code::Usage => 3,
        Code::Fault => 4,
        Code::Interrupted => 5,
    };
    if rank(right) > rank(left) { right } else { left }
}

/// A project of which everything was read.
struct Prepared {
    loaded: Loaded,
    options: Options,
    talk: Talk,
    plan: Plan,
    /// The scenarios that were asked for.
    asked: Vec<Scenario>,
}

async fn prepare(
    folder: &Path,
    arguments: TestArguments,
    talk: &Talk,
    several: bool,
) -> anyhow::Result<Prepared> {
    let loaded = load::load(folder, arguments.surroundings.clone()).await?;
    let file = &loaded.project.settings.options;
    let talk = options::layer_talk(talk, file)?;
    if loaded.placed.is_none() && loaded.backend == super::arguments::Backend::Auto {
        containers::need_namespaces().await?;
    }
    let options = options::layer(arguments, file, &loaded.project.root)?;
    if several && !options.reports.is_empty() {
        return Err(Complaint::about("`--report` with several projects")
            .help("test one project at a time, since each has a report of its own")
            .into());
    }
    for path in options.reports.iter().filter_map(|report| report.path.as_deref()) {
        save::probe(path)?;
    }
    // Packed now, so that what cannot be served stops no run half-way.
    for entry in &loaded.project.settings.registries {
        if let Some(folder) = &entry.serve {
            loaded.upstream.folder(folder)?;
        }
    }
    let (plan, asked) = load::plan(&loaded, &options.choice)?;
    Ok(Prepared { loaded, options, talk, plan, asked })
}

async fn one(prepared: Prepared, stop: watch::Receiver<bool>) -> anyhow::Result<Code> {
    let Prepared { loaded, options, talk, plan, asked } = prepared;
    let started = jiff::Timestamp::now();
    let clock = Instant::now();
    for removed in sweep(&folders::scratch()).unwrap_or_default() {
        say(&format!("removed what an interrupted run had left: {}", removed.display()));
    }
    let shims = ScratchFolder::create(&folders::scratch(), "shims")?;
    if loaded.placed.is_none() {
        place::write_shims(&shims.inner(), &loaded.toolchain)?;
    }
    let invocation = Arc::new(Invocation {
        project: loaded.project.clone(),
        common: common(&loaded, &options, shims.inner(), &plan)?,
        platform: platform(&loaded),
        authority: Arc::new(Authority::new()?),
        upstream: loaded.upstream.clone(),
        backend: match &loaded.placed {
            Some(placed) => Backend::Containers(placed.containers.clone()),
            None => Backend::Namespaces(Namespaces::new("/proc/self/exe".into(), folders::scratch())),
        },
        scratch_root: folders::scratch(),
        jobs: options.jobs,
        stop,
    });
    let mut invocation = invocation;
    if let Some(whole) = Arc::get_mut(&mut invocation) {
        whole.common.ca_pem = whole.authority.ca_pem().to_owned();
    }
    let display =
        Arc::new(Mutex::new(Some(Display::new(mode(options.progress), talk.quiet, plan.runs.len()))));
    let listener = listener(display.clone(), loaded.project.lockfile.entries.len());
    let not_applicable: Vec<(String, String, bool)> = plan
        .not_applicable
        .iter()
        .map(|(name, reason)| {
            let by_name = !options.choice.scenario.is_empty() && asked.iter().any(|one| one.name == *name);
            (name.clone(), reason.clone(), by_name)
        })
        .collect();
    let outcomes = invocation.clone().run(plan, listener).await;
    let interrupted = *invocation.stop.borrow();
    if let Some(display) = display.lock().ok().and_then(|mut display| display.take()) {
        display.finish();
    }
    let all = super::catalogue::available(options.choice.scenarios_dir.as_deref(), &loaded.project)?;
    let judged = judged(&outcomes, &not_applicable, &all, &invocation.platform);
    let judgement = finding::judge(
        &judged,
        &loaded.project,
        &finding::Options {
            required_margin: options.require_margin as usize,
            fail_on: severity(options.fail_on),
            today: jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::system()).date(),
        },
    );
    drop(judged);
    let outcome = Outcome::of(judgement.exit_code, interrupted);
    let runs: Vec<(RunSpec, Option<crate::evidence::Evidence>)> =
        outcomes.into_iter().map(|outcome| (outcome.run, outcome.evidence.ok())).collect();
    let report = assemble::report(assemble::Parts {
        loaded: &loaded,
        started,
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        interrupted,
        outcome,
        fail_on: severity(options.fail_on),
        runs,
        not_applicable,
        judgement,
        store: Some(store(&loaded)),
        traced: options.trace,
    });
    save::report(&report, &options, &talk)?;
    Ok(match outcome {
        Outcome::Sound => Code::Good,
        Outcome::Failed => Code::Bad,
        Outcome::Unobserved => Code::Unobserved,
        Outcome::Interrupted => Code::Interrupted,
    })
}

fn judged<'a>(
    outcomes: &'a [crate::runner::Outcome],
    not_applicable: &[(String, String, bool)],
    all: &'a [Scenario],
    platform: &'a Platform,
) -> Vec<JudgedRun<'a>> {
    let ran = outcomes.iter().map(|outcome| JudgedRun {
        id: &outcome.run.id,
        scenario: &outcome.run.scenario,
        repeat: outcome.run.repeat,
        platform,
        observed: match &outcome.evidence {
            Ok(evidence) => Observed::Evidence(evidence),
            Err(error) => Observed::Nothing(with_causes(error)),
        },
    });
    let not = not_applicable.iter().filter_map(|(name, reason, asked)| {
        let scenario = all.iter().find(|scenario| scenario.name == *name)?;
        Some(JudgedRun {
            id: &scenario.name,
            scenario,
            repeat: 1,
            platform,
            observed: Observed::NotApplicable { reason: reason.clone(), asked: *asked },
        })
    });
    ran.chain(not).collect()
}

/// An error with everything behind it.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(": ");
        text.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    text
}

fn listener(display: Arc<Mutex<Option<Display>>>, total: usize) -> Listener {
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

fn mode(choice: ProgressChoice) -> Mode {
    match choice {
        ProgressChoice::Auto => Mode::Auto,
        ProgressChoice::Bar => Mode::Bar,
        ProgressChoice::Plain => Mode::Plain,
        ProgressChoice::None => Mode::None,
    }
}

fn severity(choice: FailOn) -> Severity {
    match choice {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
    }
}

/// Memory a run may need: npm's own and what it unpacks.
const RUN_MEMORY: u64 = 2 << 30;
/// Bytes that a run may write at most.
const RUN_DISK: u64 = 8 << 30;

fn common(loaded: &Loaded, options: &Options, shims: PathBuf, plan: &Plan) -> anyhow::Result<Common> {
    let available = load::available_memory();
    let side_by_side = options.jobs.min(plan.runs.len()).max(1) as u64;
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
        scratch,
        proxies: proxies(&loaded.project),
    })
}

/// Proxies that npm's configuration names, at whose doors the gateway answers `CONNECT`.
fn proxies(project: &Project) -> Vec<(String, u16)> {
    ["https-proxy", "proxy"]
        .iter()
        .filter_map(|key| project.config.plain(key))
        .filter_map(|text| url::Url::parse(text).ok())
        .filter_map(|url| Some((url.host_str()?.to_ascii_lowercase(), url.port_or_known_default()?)))
        .collect()
}

fn platform(loaded: &Loaded) -> Platform {
    let cpu = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let libc = loaded.placed.as_ref().map_or("glibc", |placed| placed.tools.libc.as_str());
    Platform { os: "linux".to_owned(), cpu: cpu.to_owned(), libc: libc.to_owned() }
}

fn store(loaded: &Loaded) -> Store {
    Store {
        path: loaded.store_path.as_ref().map(|path| path.display().to_string()),
        oldest: loaded.store.oldest().map(|time| time.to_string()),
        newest: loaded.store.newest().map(|time| time.to_string()),
        offline: loaded.offline,
    }
}
