//! `sealcheck drills rates`: how well sealcheck itself tells attacks from what looks alike.
//!
//! Every drill is installed where nothing stops it: no npmrc of the user's, scripts on, and
//! an allow-list that holds what an owner of the honest ones would approve.

use super::play;
use crate::cli::arguments::{FailOn, ProgressChoice, RatesArguments, ScratchChoice, Talk};
use crate::cli::options::{Options, jobs};
use crate::cli::{Code, containers, invoke, load, print, signals};
use crate::drill::catalogue::Embedded;
use crate::report::model::Run;
use crate::report::places;
use crate::report::progress::Display;
use crate::report::scorecard::{DrillScore, Rates};
use crate::report::terminal::{self, Look};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Runs the drills in every place, and prints the rates of each.
pub(super) fn run(arguments: RatesArguments, talk: &Talk) -> anyhow::Result<Code> {
    let runtime = load::runtime()?;
    let stop = signals::stop(&runtime, "runs");
    let code = runtime.block_on(measure(arguments, talk, stop))?;
    runtime.shutdown_background();
    Ok(code)
}

/// The rates of one place, as the JSON has them.
#[derive(serde::Serialize)]
struct Measured {
    place: String,
    rates: Rates,
    /// Drills that cannot happen with this npm.
    gone: Vec<String>,
    drills: Vec<DrillScore>,
    runs: Vec<Run>,
}

async fn measure(
    arguments: RatesArguments,
    talk: &Talk,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<Code> {
    let chosen = super::select(&arguments.drill, &[])?;
    let folder = tempfile::Builder::new().prefix("sealcheck-rates-").tempdir()?;
    let (project, home) = (folder.path().join("project"), folder.path().join("home"));
    std::fs::create_dir(&project)?;
    std::fs::create_dir(&home)?;
    for (name, text) in open_project() {
        std::fs::write(project.join(name), text)?;
    }
    let read = load::load_bare(&project, arguments.surroundings, &home).await?;
    if read.places.iter().any(|place| place.placed.is_none()) {
        containers::need_namespaces().await?;
    }
    let options = Options {
        choice: Default::default(),
        require_margin: 2,
        margin_demanded: false,
        jobs: jobs(arguments.jobs.map(u64::from)),
        scratch: ScratchChoice::Auto,
        timeout: Duration::from_secs(300),
        reports: Vec::new(),
        fail_on: FailOn::Error,
        progress: ProgressChoice::Auto,
        shard: None,
        trace: true,
        watch: true,
        store_limit: crate::upstream::DEFAULT_LIMIT,
    };
    let known = read.places.iter().map(load::Loaded::place).collect();
    let total = chosen.len() * read.places.len();
    let display = Arc::new(Mutex::new(Some(Display::new(invoke::mode(options.progress), talk.quiet, total))));
    let mut all = Vec::new();
    for loaded in &read.places {
        let label = places::label(&known, &loaded.place());
        let listener = invoke::listener(display.clone(), 1);
        let site = play::Site { loaded, options: &options, label: &label, open: true };
        let mut measured = Measured {
            place: format!("node {}, npm {}", loaded.toolchain.node, loaded.toolchain.npm),
            rates: Rates::default(),
            gone: Vec::new(),
            drills: Vec::new(),
            runs: Vec::new(),
        };
        let npm = loaded.toolchain.npm.major;
        let (here, gone): (Vec<&Embedded>, Vec<&Embedded>) =
            chosen.iter().partition(|of| of.drill.gone_with_npm.is_none_or(|since| npm < since));
        measured.gone = gone.iter().map(|of| of.drill.name.clone()).collect();
        for played in play::all(&site, &here, &listener, &stop).await? {
            let entry =
                crate::cli::assemble::run(played.run, played.evidence, Some(&played.verdict), loaded, true);
            measured.runs.push(entry);
            measured.drills.push(played.score);
        }
        measured.rates = Rates::of(&measured.drills);
        all.push(measured);
    }
    if let Some(display) = display.lock().ok().and_then(|mut display| display.take()) {
        display.finish();
    }
    if arguments.json {
        print(&format!("{:#}\n", serde_json::to_value(&all)?))?;
    } else {
        let look = Look { verbose: talk.verbose > 0, ..Look::of_stdout() };
        for measured in &all {
            print(&terminal::rates(&measured.place, &measured.drills, measured.rates, look))?;
            if !measured.gone.is_empty() {
                print(&format!("not possible with this npm: {}\n\n", measured.gone.join(", ")))?;
            }
        }
    }
    let unproven = all.iter().any(|measured| measured.rates.unproven > 0);
    Ok(match (*stop.borrow(), all.iter().all(|measured| measured.rates.perfect())) {
        (true, _) => Code::Interrupted,
        (false, true) => Code::Good,
        (false, false) if unproven && all.iter().all(|of| of.rates.flawless()) => Code::Unobserved,
        (false, false) => Code::Bad,
    })
}

/// A project in which nothing stops a drill, and whose owner has approved the honest ones.
fn open_project() -> [(&'static str, String); 4] {
    let list = |names: Vec<String>| {
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        quoted.join(", ")
    };
    let scripts = list(play::approved().into_keys().collect());
    [
        ("package.json", "{ \"name\": \"open\", \"version\": \"1.0.0\", \"private\": true }\n".to_owned()),
        (
            "package-lock.json",
            "{ \"name\": \"open\", \"version\": \"1.0.0\", \"lockfileVersion\": 3, \"packages\": { \"\": { \"name\": \"open\", \"version\": \"1.0.0\" } } }\n".to_owned(),
        ),
        // npm 12 runs no script by itself, and takes nothing from git.
        (".npmrc", "dangerously-allow-all-scripts=true\nallow-git=all\n".to_owned()),
        (
            "sealcheck.toml",
            format!("[trust]\nscripts = [{scripts}]\nhosts = [\"downloads.{}\"]\n", crate::plan::SINK),
        ),
    ]
}
