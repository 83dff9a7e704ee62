//! `sealcheck test`.

use super::arguments::{FailOn, Talk, TestArguments};
use super::baseline::{Kept, Purpose, Settled, Tested};
use super::inputs::{self, Inputs};
use super::load::{self, Loaded};
use super::options::{self, Options};
use super::pool::Pool;
use super::projects::{self, Chosen, Named};
use super::rooms::{Room, judged, judged_run, not_applicable, resolutions};
use super::shard::{self, Sharding};
use super::together::Together;
use super::{
    Code, assemble, baseline, behind, containers, drills, folders, invoke, lacks, margin, save, say, signals,
    trim,
};
use crate::finding::{self, Ground, Severity};
use crate::plan::Plan;
use crate::report::model::{Report, Store};
use crate::report::outcome::Outcome;
use crate::report::places;
use crate::report::progress::Display;
use crate::runner;
use crate::sandbox::DOOR_ADDRESSES;
use crate::sandbox::namespaces::sweep;
use crate::scenario::Scenario;
use crate::text::Complaint;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::watch;

/// Tests every project named, and exits with the worst of their codes.
pub(crate) fn run(arguments: TestArguments, talk: &Talk) -> anyhow::Result<Code> {
    let purpose = if arguments.update { Purpose::Update } else { Purpose::Test };
    run_for(purpose, arguments, talk)
}

/// The same for a purpose.
pub(super) fn run_for(purpose: Purpose, arguments: TestArguments, talk: &Talk) -> anyhow::Result<Code> {
    let runtime = load::runtime()?;
    lacks::for_a_run()?;
    let Chosen { projects, together } = projects::chosen(&arguments)?;
    let wanted = together.then(|| Together::of(&arguments, talk)).transpose()?;
    let pool = Pool::default();
    let mut stop = signals::stop(&runtime, "runs");
    // All are read before the first is run: a file that is wrong runs nothing.
    let mut ready = Vec::new();
    for named in projects {
        let preparing = prepare(purpose, named, arguments.clone(), talk, together, &pool);
        let prepared = runtime.block_on(async {
            tokio::select! {
                prepared = preparing => prepared.map(Some),
                _ = stop.wait_for(|stop| *stop) => Ok(None),
            }
        });
        // What was ended for it has failed.
        ready.push(if *stop.borrow() { None } else { prepared? });
    }
    let Some(mut ready) = ready.into_iter().collect::<Option<Vec<_>>>() else {
        // Nothing ran, so there is nothing to report; what was under way is removed.
        return Ok(Code::Interrupted);
    };
    let limits = trim::Limits::of(&ready);
    let code = match (wanted, ready.pop()) {
        (None, Some(prepared)) => alone(runtime.block_on(one(prepared, stop))?)?,
        (None, None) => Code::Good,
        (Some(wanted), last) => {
            ready.extend(last);
            wanted.run(&runtime, ready, talk, &stop)?
        }
    };
    limits.hold(&pool, talk);
    // Tasks that still hold a socket must not hold the program.
    runtime.shutdown_background();
    Ok(code)
}

/// A project that has a report of its own.
fn alone(done: Done) -> anyhow::Result<Code> {
    let Done { report, options, talk, says, code } = done;
    save::report(&report, &options.reports, &talk)?;
    if !(talk.quiet && code == Code::Good) {
        baseline::tell(&says);
    }
    Ok(code)
}

pub(super) fn worse(left: Code, right: Code) -> Code {
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

/// A project that was tested.
pub(super) struct Done {
    pub(super) report: Report,
    pub(super) options: Options,
    pub(super) talk: Talk,
    /// Lines for the user, after the report.
    pub(super) says: Vec<String>,
    pub(super) code: Code,
}

/// A project of which everything was read.
pub(super) struct Prepared {
    /// Its folder, as the user named it.
    pub(super) shown: String,
    /// What its result depends on; `None` where nothing may stand for a test of it.
    pub(super) inputs: Option<Inputs>,
    /// At least one.
    pub(super) places: Vec<Place>,
    pub(super) impossible: Vec<String>,
    pub(super) options: Options,
    pub(super) talk: Talk,
    /// The scenarios there are, to look up those that were not run.
    all: Vec<Scenario>,
    purpose: Purpose,
    /// The accepted baseline, where there is one.
    kept: Option<Kept>,
    /// Where only a part of the plan is run here.
    shard: Option<Sharding>,
}

/// A project in one place, and what is to run there.
pub(super) struct Place {
    pub(super) loaded: Loaded,
    pub(super) plan: Plan,
    /// Scenario, reason, asked for by name.
    not_applicable: Vec<(String, String, bool)>,
    /// What tells it from the other places; empty where there is one only.
    pub(super) label: String,
}

async fn prepare(
    purpose: Purpose,
    named: Named,
    arguments: TestArguments,
    talk: &Talk,
    together: bool,
    pool: &Pool,
) -> anyhow::Result<Prepared> {
    let Named { folder, shown } = named;
    let load::Read { places, impossible } =
        load::load_all(&folder, arguments.surroundings.clone(), pool).await?;
    let Some(first) = places.first() else { anyhow::bail!("there is no place to run in") };
    let file = &first.project.settings.options;
    let talk = options::layer_talk(talk, file)?;
    if first.placed.is_none() && first.backend == super::arguments::Backend::Auto {
        containers::need_namespaces().await?;
    }
    let for_all = together && !arguments.running.report.is_empty();
    let mut options = options::layer(arguments, file, &first.project.root)?;
    if for_all {
        // The command line wins over what the project's own file wants.
        options.reports.clear();
    }
    if together && options.reports.iter().any(|report| report.path.is_none()) {
        let said = "a report of one among several projects cannot go to standard output";
        return Err(Complaint::about(said)
            .help(format!("name a file in `report` of `{shown}/sealcheck.toml`, or give `--report` for all"))
            .into());
    }
    if together && options.shard.is_some() {
        return Err(Complaint::about("`--shard` with several projects")
            .help("divide one project at a time, or give each machine other projects")
            .into());
    }
    margin::measurable(&options, measures_margin(&options))?;
    for path in options.reports.iter().filter_map(|report| report.path.as_deref()) {
        save::probe(path)?;
    }
    baseline::probe(purpose, &options, &first.project)?;
    let kept = baseline::find(&first.project)?;
    let all = super::catalogue::available(options.choice.scenarios_dir.as_deref(), &first.project)?;
    let known: BTreeSet<_> = places.iter().map(Loaded::place).collect();
    let places = places.into_iter().map(|loaded| {
        let label = places::label(&known, &loaded.place());
        planned(purpose, loaded, label, &options)
    });
    let mut places: Vec<Place> = places.collect::<Result<_, _>>()?;
    let inputs = if purpose != Purpose::Test || drills::wanted(&options.choice) {
        None
    } else {
        let loaded = places.iter().map(|place| &place.loaded);
        inputs::of(loaded, &options, kept.as_ref().map(Kept::text), &impossible, today())?
    };
    let plans = places.iter_mut().map(|place| (&mut place.plan, &place.loaded)).collect();
    let shard = shard::take(plans, &options)?;
    Ok(Prepared { shown, inputs, places, impossible, options, talk, all, purpose, kept, shard })
}

fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::system()).date()
}

fn planned(purpose: Purpose, loaded: Loaded, label: String, options: &Options) -> anyhow::Result<Place> {
    // Packed now, so that what cannot be served stops no run half-way.
    for entry in &loaded.project.settings.registries {
        if let Some(folder) = &entry.serve {
            loaded.upstream.folder(folder)?;
        }
    }
    if drills::wanted(&options.choice) {
        let plan = Plan { runs: Vec::new(), fillers: Default::default(), not_applicable: Vec::new() };
        drills::chosen(&options.choice)?;
        return Ok(Place { loaded, plan, not_applicable: Vec::new(), label });
    }
    let (mut plan, asked) = load::plan(&loaded, &options.choice)?;
    baseline::more_runs(&loaded, &mut plan, baseline::repeats(purpose, options))?;
    for run in &mut plan.runs {
        rename(&mut run.id, &label);
    }
    let by_name =
        |name: &str| !options.choice.scenario.is_empty() && asked.iter().any(|one| one.name == name);
    let mut not_applicable: Vec<_> = std::mem::take(&mut plan.not_applicable)
        .into_iter()
        .map(|(name, reason)| {
            let by_name = by_name(&name);
            (name, reason, by_name)
        })
        .collect();
    if measures_margin(options) && load::defences(&loaded)?.is_empty() {
        let reason = "no package that the command fetches is private".to_owned();
        not_applicable.push(("margin".to_owned(), reason, false));
    }
    Ok(Place { loaded, plan, not_applicable, label })
}

/// How many runs there are at a time.
fn side_by_side(places: &[Place], options: &Options) -> u64 {
    let runs = places.iter().map(|place| place.plan.runs.len()).max().unwrap_or(0);
    let runs = if measures_margin(options) { options.jobs } else { runs };
    options.jobs.min(runs).max(1) as u64
}

/// How many doors one of them has.
fn doors(places: &[Place]) -> u64 {
    let runs = places.iter().flat_map(|place| &place.plan.runs);
    let ports = runs.map(|run| run.world.ports.len() + 1).max().unwrap_or(1);
    ports as u64 * u64::from(DOOR_ADDRESSES)
}

fn measures_margin(options: &Options) -> bool {
    options.choice.suite.as_deref() == Some("margin")
}

/// Ids are unique in a report.
fn rename(id: &mut String, label: &str) {
    if !label.is_empty() {
        *id = format!("{id}@{}", places::slug(label));
    }
}

/// Tests a project; nothing is written or shown yet but its progress.
pub(super) async fn one(prepared: Prepared, stop: watch::Receiver<bool>) -> anyhow::Result<Done> {
    if drills::wanted(&prepared.options.choice) {
        return drills::suite(prepared, stop).await;
    }
    let Prepared { shown: _, inputs, places, impossible, options, talk, all, purpose, kept, shard } =
        prepared;
    let started = jiff::Timestamp::now();
    let clock = Instant::now();
    for removed in sweep(&folders::scratch()).unwrap_or_default() {
        say(&format!("removed what an interrupted run had left: {}", removed.display()));
    }
    lacks::for_runs(side_by_side(&places, &options), doors(&places))?;
    let total = places.iter().map(|place| place.plan.runs.len()).sum();
    let display = Arc::new(Mutex::new(Some(Display::new(invoke::mode(options.progress), talk.quiet, total))));
    let judged_by = finding::Options {
        required_margin: options.require_margin as usize,
        fail_on: severity(options.fail_on),
        today: today(),
    };
    let mut outcomes = Vec::new();
    let mut rooms = Vec::new();
    for Place { loaded, plan, not_applicable, label } in places {
        let listener = invoke::listener(display.clone(), loaded.project.lockfile.entries.len());
        let opened = invoke::open(&loaded, &options, plan.runs.len(), stop.clone())?;
        let (mut of, resolutions) = tokio::join!(
            opened.invocation.clone().run(plan, listener.clone()),
            behind::compare(&loaded, stop.clone()),
        );
        let platform = invoke::platform(&loaded);
        let mut margin = None;
        if measures_margin(&options) {
            let judge = |outcomes: &[&runner::Outcome], ground: Ground<'_>| {
                let runs: Vec<_> = outcomes.iter().map(|outcome| judged_run(outcome, 0, &platform)).collect();
                finding::judge(&runs, &[ground], &judged_by)
            };
            let trials = margin::Trials {
                options: &options,
                stop: stop.clone(),
                listener: listener.clone(),
                rename: &|id| rename(id, &label),
                judge: &judge,
            };
            let (more, measured) = margin::search(&trials, &loaded, &opened, &of).await?;
            of.extend(more);
            margin = measured;
        }
        outcomes.push(of);
        rooms.push(Room { platform, loaded, not_applicable, label, margin, resolutions });
    }
    let interrupted = *stop.borrow();
    if let Some(display) = display.lock().ok().and_then(|mut display| display.take()) {
        display.finish();
    }
    let judged = judged(&outcomes, &rooms, &all);
    let tested = Tested {
        purpose,
        options: &options,
        judged_by: &judged_by,
        rooms: &rooms,
        outcomes: &outcomes,
        judged: &judged,
        interrupted,
        shard: shard.as_ref(),
    };
    let Settled { judgement, sha512, says, code: accepted } = tested.settle(kept.as_ref())?;
    drop(judged);
    let outcome = Outcome::of(judgement.exit_code, interrupted);
    let command =
        outcomes.first().and_then(|of| of.first()).map(|first| first.run.command.clone()).unwrap_or_default();
    let runs: Vec<Vec<assemble::Ran>> = outcomes
        .into_iter()
        .map(|of| of.into_iter().map(|outcome| (outcome.run, outcome.evidence.ok())).collect())
        .collect();
    let unchanged = |inputs: &Inputs| rooms.first().is_some_and(|room| inputs.still(&room.loaded.project));
    let report = assemble::report(assemble::Parts {
        places: rooms.iter().map(|room| &room.loaded).zip(runs).collect(),
        started,
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        interrupted,
        outcome,
        fail_on: severity(options.fail_on),
        not_applicable: not_applicable(&rooms),
        resolutions: resolutions(&rooms),
        impossible,
        margin: margin::reported(
            rooms.iter().filter_map(|room| room.margin.as_ref()),
            options.require_margin,
            &command,
        ),
        judgement,
        baseline_sha512: sha512,
        inputs_sha512: inputs.filter(unchanged).map(|inputs| inputs.sha512()),
        drills: Vec::new(),
        store: rooms.first().map(|room| store(&room.loaded)),
        traced: options.trace,
        shard,
    });
    let Some(report) = report else { anyhow::bail!("there is no place to run in") };
    Ok(Done { report, options, talk, says, code: accepted.unwrap_or_else(|| code(outcome)) })
}

pub(super) fn code(outcome: Outcome) -> Code {
    match outcome {
        Outcome::Sound => Code::Good,
        Outcome::Failed => Code::Bad,
        Outcome::Unobserved => Code::Unobserved,
        Outcome::Interrupted => Code::Interrupted,
    }
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

pub(super) fn severity(choice: FailOn) -> Severity {
    match choice {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
    }
}

pub(super) fn store(loaded: &Loaded) -> Store {
    Store {
        path: loaded.store_path.as_ref().map(|path| path.display().to_string()),
        oldest: loaded.store.oldest().map(|time| time.to_string()),
        newest: loaded.store.newest().map(|time| time.to_string()),
        offline: loaded.offline,
    }
}
