//! `--shard K/N`: what of the plan is run here, and what the report says of the rest.

use super::load::Loaded;
use super::options::Options;
use super::{assemble, drills, invoke};
use crate::evidence::tree::hex;
use crate::finding::Basis;
use crate::plan::Plan;
use crate::plan::shard::{Weighed, divide, weighed};
use crate::project::integrity::Digests;
use crate::project::npmrc::{Level, Value};
use crate::report::Report;
use crate::report::shard::{Shard, ShardRun};
use crate::text::Complaint;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// More shards than anybody has machines for.
const MOST: u32 = 1000;

/// A shard as the user asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Which, from 1.
    pub(crate) index: u32,
    /// Of how many.
    pub(crate) count: u32,
}

/// Reads `K/N`.
pub(crate) fn asked(text: &str) -> Result<Asked, Complaint> {
    let help = "write it as `2/3`: the second of three, counted from 1";
    let bad = || Complaint::about(format!("`--shard {text}` is no shard")).help(help);
    let (index, count) = text.split_once('/').ok_or_else(bad)?;
    let number = |text: &str| text.parse::<u32>().ok().ok_or_else(bad);
    let (index, count) = (number(index)?, number(count)?);
    if index == 0 {
        return Err(Complaint::about(format!("`--shard {text}`: there is no shard 0"))
            .help("shards are counted from 1; add 1 to what counts from 0"));
    }
    if index > count {
        return Err(
            Complaint::about(format!("`--shard {text}`: there is no shard {index} of {count}")).help(help)
        );
    }
    if count > MOST {
        return Err(
            Complaint::about(format!("`--shard {text}`: a test has at most {MOST} shards")).help(help)
        );
    }
    Ok(Asked { index, count })
}

/// A part of a test that was planned as a whole.
pub(super) struct Sharding {
    asked: Asked,
    /// Nothing is made yet.
    of: Vec<ShardRun>,
    expected_ms: u64,
    required_margin: u32,
    /// The scenarios of the whole test, as they are written.
    pub(super) scenarios: BTreeSet<String>,
    /// Scenarios that are run in other shards alone, by place.
    elsewhere: Vec<Vec<String>>,
    inputs: BTreeMap<String, String>,
}

/// Leaves of the plans of all places what this shard runs; `None` where all of it is to be run.
pub(super) fn take(
    places: Vec<(&mut Plan, &Loaded)>,
    options: &Options,
) -> Result<Option<Sharding>, Complaint> {
    let Some(asked) = options.shard else { return Ok(None) };
    divisible(options)?;
    let mut runs: Vec<Weighed> = Vec::new();
    for (at, (plan, loaded)) in places.iter().enumerate() {
        runs.extend(weighed(at, plan, loaded.project.lockfile.entries.len()));
    }
    let division = divide(&runs, asked.count);
    let Some(share) = division.share(asked.index) else { return Ok(None) };
    let made = |at: usize| share.own.contains(&at) || share.companions.contains(&at);
    let inputs = inputs(&places, options);
    let whole = places.iter().map(|(plan, _)| assemble::written(&plan.runs)).collect::<Vec<_>>();
    let mut elsewhere = Vec::new();
    let mut next = 0;
    for (plan, _) in places {
        let here: BTreeSet<usize> = (next..next + plan.runs.len()).filter(|at| made(*at)).collect();
        let others = (next..next + plan.runs.len()).filter(|at| !made(*at));
        let others: BTreeSet<&str> = others.filter_map(|at| Some(runs.get(at)?.scenario.as_str())).collect();
        elsewhere.push(others.into_iter().map(str::to_owned).collect());
        let mut at = next;
        next += plan.runs.len();
        plan.runs.retain(|_| {
            at += 1;
            here.contains(&(at - 1))
        });
        let caches: BTreeSet<_> = plan.runs.iter().map(|run| run.cache).collect();
        plan.fillers.retain(|cache, _| caches.contains(cache));
    }
    let of = runs.iter().enumerate().map(|(at, run)| ShardRun {
        id: run.id.clone(),
        scenario: run.scenario.clone(),
        place: run.place,
        shard: division.owner(at).unwrap_or_default(),
        made: None,
    });
    Ok(Some(Sharding {
        asked,
        of: of.collect(),
        expected_ms: share.expected_ms,
        required_margin: options.require_margin,
        scenarios: whole.into_iter().flatten().collect(),
        elsewhere,
        inputs,
    }))
}

/// What cannot be divided is said before anything runs.
fn divisible(options: &Options) -> Result<(), Complaint> {
    if options.choice.suite.as_deref() == Some("margin") {
        return Err(Complaint::about("`--suite margin` cannot be divided into shards")
            .help("run it on one machine: which losses it tries next depends on what the last ones showed"));
    }
    if drills::wanted(&options.choice) {
        return Err(Complaint::about("`--suite drills` cannot be divided into shards")
            .help("run it on one machine: it is a scorecard of its own, and takes less than a minute"));
    }
    Ok(())
}

/// What must be the same in all shards, as far as it is known before anything ran.
fn inputs(places: &[(&mut Plan, &Loaded)], options: &Options) -> BTreeMap<String, String> {
    let mut inputs = BTreeMap::new();
    let mut say = |name: &str, value: String| inputs.insert(name.to_owned(), value);
    let where_ = places.iter().map(|(_, loaded)| {
        let place = loaded.place();
        let image = place.image.map(|image| format!(" in {image}")).unwrap_or_default();
        let platform = invoke::platform(loaded).name();
        format!("node {}, npm {}, {platform}{image}", place.node, place.npm)
    });
    say("node, npm and images", where_.collect::<Vec<_>>().join("; "));
    let Options { choice, require_margin, timeout, fail_on, trace, watch, .. } = options;
    say(
        "options",
        format!(
            "--repeat {} --require-margin {require_margin} --timeout {}ms --fail-on {}{}{}",
            choice.repeat.unwrap_or(1),
            timeout.as_millis(),
            super::test::severity(*fail_on).name(),
            if *trace { "" } else { " --no-trace" },
            if *watch { "" } else { " --no-watch" },
        ),
    );
    if let Some((_, first)) = places.first() {
        let project = &first.project;
        say("package.json", digest(project.manifest.source.text().as_bytes()));
        let settings: Vec<u8> =
            project.settings.sources.iter().flat_map(|source| source.text().bytes()).collect();
        say("sealcheck.toml and policy", digest(&settings));
        say("npm config in variables", variables(first));
    }
    let not_applicable = places.iter().map(|(plan, _)| format!("{:?}", plan.not_applicable));
    say("scenarios that mean nothing", digest(not_applicable.collect::<String>().as_bytes()));
    inputs
}

fn digest(bytes: &[u8]) -> String {
    Digests::of(bytes).sri()
}

/// Of npm's variables what decides about an install; where something lies is each machine's own.
fn variables(loaded: &Loaded) -> String {
    let mut hash = Sha256::new();
    for setting in &loaded.project.config.settings {
        match (setting.level, &setting.value) {
            (Level::Env, Value::Plain(value)) if !value.starts_with('/') => {
                hash.update(format!("{}={value}\n", setting.key));
            }
            (Level::Env, Value::Plain(_) | Value::Secret(_)) => {
                hash.update(format!("{}\n", setting.key));
            }
            (
                Level::Default | Level::Builtin | Level::Global | Level::User | Level::Project | Level::Cli,
                _,
            ) => {}
        }
    }
    hex(&hash.finalize())
}

impl Sharding {
    /// Scenarios of a place that are run in other shards alone.
    pub(super) fn elsewhere(&self, place: usize) -> &[String] {
        self.elsewhere.get(place).map(Vec::as_slice).unwrap_or_default()
    }

    /// What the report of this shard says of it, once everything else stands in it.
    pub(super) fn told(self, report: &Report, basis: &Basis, private_tested: Vec<String>) -> Shard {
        let Self { asked, of, expected_ms, required_margin, mut inputs, .. } = self;
        let subject = &report.subject;
        let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        let dirty = if subject.dirty == Some(true) { " and changes" } else { "" };
        let names: Vec<String> = report
            .project
            .private
            .iter()
            .map(|package| format!("{} {}", package.name, package.registry))
            .chain(report.project.local.iter().cloned())
            .chain(report.project.undecided.iter().cloned())
            .collect();
        for (name, value) in [
            ("sealcheck", format!("{} {}", report.tool.version, known(&report.tool.sha256))),
            ("commit", format!("{}{dirty}", known(&subject.commit))),
            ("lockfile", known(&subject.lockfile_sha512)),
            ("npmrc", digest(subject.npmrc_sha512.concat().as_bytes())),
            ("policy", known(&subject.policy_sha512)),
            ("scenarios", known(&subject.scenarios_sha512)),
            ("accepted baseline", known(&subject.baseline_sha512)),
            ("private packages", digest(names.join("\n").as_bytes())),
            ("public registry", known(&report.public_registry)),
        ] {
            inputs.insert(name.to_owned(), value);
        }
        let mut shard = Shard {
            index: asked.index,
            count: asked.count,
            inputs,
            of,
            expected_ms,
            required_margin,
            private_tested,
            sights: Vec::new(),
        };
        shard.see(basis);
        shard
    }
}
