//! Playing drills in one place: packages and projects are written, runs are made and
//! judged one by one, and scored.

use super::stopped;
use crate::cli::assemble;
use crate::cli::invoke::{self, Opened};
use crate::cli::load::{self, Loaded};
use crate::cli::options::Options;
use crate::cli::rooms::judged_run;
use crate::cli::test::severity;
use crate::drill::catalogue::{self, Embedded};
use crate::drill::compose::{self, Owners, Packed};
use crate::drill::{Drill, Kind};
use crate::evidence::Evidence;
use crate::finding::{self, Finding, Ground, RunVerdict};
use crate::plan::{RunSpec, command};
use crate::project::npmrc::render::Edit;
use crate::project::npmrc::{Level, NpmVersion, Value};
use crate::project::settings::{Install, Settings};
use crate::project::{Project, ReadOptions};
use crate::report::places;
use crate::report::scorecard::{self, DrillScore};
use crate::runner::{Invocation, Listener, Outcome};
use crate::scenario::{Changes, Demand, InstallChange, Scenario, Suite, World};
use crate::upstream::ServedFolder;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Where drills are played, and how.
pub(super) struct Site<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) options: &'a Options,
    /// What tells it from the other places; empty where there is one only.
    pub(super) label: &'a str,
    /// Whether the project is ours, in which nothing is to stop them.
    pub(super) open: bool,
}

/// A drill that was played.
pub(super) struct Played {
    pub(super) run: RunSpec,
    pub(super) evidence: Option<Evidence>,
    pub(super) verdict: RunVerdict,
    pub(super) findings: Vec<Finding>,
    pub(super) score: DrillScore,
}

/// A drill that is ready.
struct Ready {
    drill: &'static Drill,
    project: Arc<Project>,
    run: RunSpec,
}

/// Plays drills side by side; one of each, in their order.
pub(super) async fn all(
    site: &Site<'_>,
    chosen: &[&'static Embedded],
    listener: &Listener,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<Vec<Played>> {
    let folder = site.loaded.fresh_folder("drills")?;
    let packages = folder.join("packages");
    for drill in chosen {
        for (path, text) in compose::below(drill, "packages") {
            let bytes = compose::filled(drill, &format!("packages/{path}"), text);
            write(&packages.join(path), &bytes)?;
        }
    }
    std::fs::create_dir_all(&packages)?;
    let served = site.loaded.upstream.folder(&packages)?;
    let opened = invoke::open(site.loaded, site.options, chosen.len(), stop.clone())?;
    let jobs = Arc::new(Semaphore::new(site.options.jobs.max(1)));
    let mut tasks = Vec::new();
    for drill in chosen {
        let ready = ready(site, drill, &folder, &packages, &served)?;
        let invocation = invocation(&opened, site.options, &ready);
        let plan = crate::plan::Plan {
            runs: vec![ready.run.clone()],
            fillers: BTreeMap::new(),
            not_applicable: Vec::new(),
        };
        let (jobs, listener) = (jobs.clone(), listener.clone());
        let task = tokio::spawn(async move {
            let _permit = jobs.acquire_owned().await;
            invocation.run(plan, listener).await
        });
        tasks.push((ready, task));
    }
    let drills: Vec<Drill> = catalogue::builtin().iter().map(|of| of.drill.clone()).collect();
    let telling = scorecard::telling(&drills);
    let mut played = Vec::new();
    for (ready, task) in tasks {
        let Some(outcome) = task.await?.into_iter().next() else {
            anyhow::bail!("the drill `{}` has no run", ready.drill.name);
        };
        played.push(judged(site, &ready, outcome, &telling));
    }
    Ok(played)
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, bytes)
}

fn ready(
    site: &Site<'_>,
    drill: &'static Embedded,
    folder: &Path,
    packages: &Path,
    served: &ServedFolder,
) -> anyhow::Result<Ready> {
    let owners = &site.loaded.project;
    let root = folder.join("projects").join(&drill.drill.name);
    let packed = packed(drill, served);
    for (path, bytes) in compose::project(drill, &packed, &of_owner(owners))? {
        write(&root.join(path), &bytes)?;
    }
    let reading = &site.loaded.reading;
    let options = ReadOptions {
        root,
        home: reading.home.clone(),
        global_npmrc: reading.global_npmrc.clone(),
        builtin_npmrc: reading.builtin_npmrc.clone(),
        env: reading.env.clone(),
        public: reading.public.clone(),
        npm: reading.npm,
        policy: None,
        trusted: reading.trusted,
        internal_hosts: reading.internal_hosts.clone(),
        signatures: None,
    };
    let mut project = Project::read(&options).map_err(|error| error.complaint().clone())?;
    // What was approved counts; what was accepted of other packages does not.
    let own = std::mem::take(&mut project.settings);
    project.settings = Settings {
        install: Install { directory: None, ..own.install },
        sources: own.sources,
        trusted_hosts: owners.settings.trusted_hosts.clone(),
        trusted_scripts: owners.settings.trusted_scripts.clone(),
        ..Settings::default()
    };
    let mut plan = load::plan_for(site.loaded, &project, vec![scenario(&drill.drill)], 1)?;
    let Some(mut run) = plan.runs.pop() else {
        anyhow::bail!("the drill `{}` cannot be planned", drill.drill.name);
    };
    run.id = match site.label {
        "" => drill.drill.name.clone(),
        label => format!("{}@{}", drill.drill.name, places::slug(label)),
    };
    run.command = command::without_workspaces(run.command);
    if site.open && drill.drill.scripts_off {
        run.command = command::with_option(run.command, "--ignore-scripts");
    }
    run.env.extend(drill.drill.variables.clone());
    run.world.sink = Some(compose::sink(drill));
    // Whatever registry the configuration names has the drill: which one it is does not
    // decide whether a script runs.
    run.world.public_serve = Some(packages.to_path_buf());
    for registry in &mut run.world.registries {
        registry.serve = Some(packages.to_path_buf());
    }
    Ok(Ready { drill: &drill.drill, project: Arc::new(project), run })
}

fn packed(drill: &Embedded, served: &ServedFolder) -> Vec<Packed> {
    let mut packed = Vec::new();
    for (path, text) in compose::below(drill, "packages") {
        // The package's own, not one of a file of it.
        if path.matches('/').count() != 1 || !path.ends_with("/package.json") {
            continue;
        }
        let manifest: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let name = manifest.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
        let versions = served.packages.iter().find(|(known, _)| known.as_str() == name);
        if let Some(version) = versions.and_then(|(_, versions)| versions.first()) {
            packed.push(Packed {
                integrity: version.sha512.clone(),
                has_install_script: version.has_install_script,
                manifest,
            });
        }
    }
    packed
}

/// What of the owner's project decides. Secrets are left in their files.
fn of_owner(owners: &Project) -> Owners<'_> {
    let npmrc = owners.config.render(Level::Project, |setting| match &setting.value {
        Value::Plain(_) => Edit::Keep,
        Value::Secret(secret) if setting.variables.is_empty() => Edit::Replace(secret.to_string()),
        Value::Secret(_) => Edit::Keep,
    });
    Owners {
        allow_scripts: owners.manifest.allow_scripts.as_ref(),
        npmrc,
        command: owners.settings.install.command.as_deref(),
        env: owners.settings.install.env.clone(),
        public: owners.public.to_string(),
    }
}

fn scenario(drill: &Drill) -> Scenario {
    Scenario {
        name: format!("drill-{}", drill.name),
        title: drill.title.clone(),
        about: drill.about.clone(),
        suites: vec![Suite::ByName],
        losses: Vec::new(),
        needs: Vec::new(),
        control: false,
        world: World::default(),
        project: Changes::default(),
        install: InstallChange { shorten_retries: true, ..InstallChange::default() },
        demand: Demand { install: crate::scenario::Install::Anyhow, codes: Vec::new(), npm_does: Vec::new() },
    }
}

fn invocation(opened: &Opened, options: &Options, ready: &Ready) -> Arc<Invocation> {
    let of = &opened.invocation;
    let mut common = of.common.clone();
    common.time_limit = ready
        .drill
        .ends_after
        .map_or(options.timeout, |seconds| options.timeout.min(Duration::from_secs(seconds)));
    Arc::new(Invocation {
        project: ready.project.clone(),
        common,
        platform: of.platform.clone(),
        authority: of.authority.clone(),
        upstream: of.upstream.clone(),
        backend: of.backend.clone(),
        scratch_root: PathBuf::clone(&of.scratch_root),
        jobs: 1,
        learned: Arc::default(),
        cache: crate::sandbox::CacheSpec::Empty,
        stop: of.stop.clone(),
    })
}

fn judged(
    site: &Site<'_>,
    ready: &Ready,
    outcome: Outcome,
    telling: &std::collections::BTreeSet<&str>,
) -> Played {
    let platform = invoke::platform(site.loaded);
    let judgement = finding::judge(
        &[judged_run(&outcome, 0, &platform)],
        &[Ground { project: &ready.project, margin: None, resolutions: &[], approved: None, elsewhere: &[] }],
        &finding::Options {
            required_margin: site.options.require_margin as usize,
            fail_on: severity(site.options.fail_on),
            today: jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::system()).date(),
        },
    );
    let Outcome { run, evidence } = outcome;
    let evidence = evidence.ok();
    // A drill counts in no verdict.
    let told = judgement.runs.into_iter().next().map(|told| RunVerdict { counts: false, ..told });
    let verdict = told.unwrap_or_else(|| RunVerdict {
        run: run.id.clone(),
        verdict: finding::Verdict::Unobserved,
        because: "it was not judged".to_owned(),
        counts: false,
        findings: Vec::new(),
        accepted: false,
    });
    let entry = assemble::run(run.clone(), evidence.clone(), Some(&verdict), site.loaded, site.options.trace);
    let npm = NpmVersion::from(&site.loaded.toolchain.npm);
    let why = || stopped::by(&ready.project, &entry, npm);
    let off = stopped::scripts_off(&ready.project, &entry).is_some();
    // What is told of scripts that are off is asked of nobody else.
    let expected = if ready.drill.scripts_off && !off { &[][..] } else { &ready.drill.reports };
    let score = scorecard::score(ready.drill, &entry, &judgement.findings, telling, expected, why);
    Played { run, evidence, verdict, findings: judgement.findings, score }
}

/// The approvals that an owner of the honest drills would have given: names of packages.
pub(super) fn approved() -> BTreeMap<String, &'static str> {
    let controls = catalogue::builtin().iter().filter(|of| of.drill.kind == Kind::Control);
    controls
        .flat_map(|of| compose::below(of, "packages").map(|(path, _)| (path, of.drill.name.as_str())))
        .filter_map(|(path, drill)| Some((path.strip_suffix("/package.json")?.to_owned(), drill)))
        .filter(|(name, _)| !name.contains('/'))
        .collect()
}
