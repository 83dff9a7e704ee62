//! Puts a report together from what was planned, observed and judged.

use super::containers::Placed;
use super::load::Loaded;
use super::shard::Sharding;
use crate::compare::noise::{seen_whole, varying};
use crate::evidence::{Evidence, Resolution};
use crate::finding::{Judgement, Severity};
use crate::plan::RunSpec;
use crate::project::class::Class;
use crate::project::integrity::Digests;
use crate::project::{Project, npmrc};
use crate::report::model::{
    Coverage, Margin, Noise, NotApplicable, PrivatePackage, ProjectSummary, Report, Run, SCHEMA, Store,
    Subject, Tool,
};
use crate::report::outcome::Outcome;
use crate::report::scorecard::DrillScore;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

/// A run with what was observed of it.
pub(crate) type Ran = (RunSpec, Option<Evidence>);

/// What a test brought together.
pub(crate) struct Parts<'a> {
    /// Each place with its runs and their evidence, in the plan's order. The first
    /// speaks for the project.
    pub(crate) places: Vec<(&'a Loaded, Vec<Ran>)>,
    pub(crate) started: jiff::Timestamp,
    pub(crate) duration_ms: u64,
    pub(crate) interrupted: bool,
    pub(crate) outcome: Outcome,
    pub(crate) fail_on: Severity,
    /// Scenario, reason, asked for by name.
    pub(crate) not_applicable: Vec<(String, String, bool)>,
    /// What was compared of virtual registries.
    pub(crate) resolutions: Vec<Resolution>,
    /// Pairs of node and npm that could not be tried, and why.
    pub(crate) impossible: Vec<String>,
    /// Where it was measured.
    pub(crate) margin: Option<Margin>,
    pub(crate) judgement: Judgement,
    /// The digest of the accepted baseline that was compared with.
    pub(crate) baseline_sha512: Option<String>,
    /// The digest of all inputs, where they were the same before and after.
    pub(crate) inputs_sha512: Option<String>,
    /// Where drills were run.
    pub(crate) drills: Vec<DrillScore>,
    pub(crate) store: Option<Store>,
    pub(crate) traced: bool,
    /// Where this is a part of the test.
    pub(crate) shard: Option<Sharding>,
}

/// The report; `None` where there was no place to run in.
pub(crate) fn report(mut parts: Parts<'_>) -> Option<Report> {
    let (first, _) = parts.places.first()?;
    let (loaded, project) = (*first, first.project.clone());
    let tested = private_tested(&parts, &project);
    let coverage = coverage(&parts, &project, tested.len());
    let said = std::mem::take(&mut parts.judgement.runs);
    let mut verdicts = said.iter();
    let every = || parts.places.iter().flat_map(|(_, runs)| runs);
    let scenarios = match &parts.shard {
        Some(shard) => shard.scenarios.clone(),
        None => written(every().map(|(run, _)| run)),
    };
    let scenarios = Vec::from_iter(scenarios);
    let noise = parts.places.iter().flat_map(|(_, runs)| noise(runs)).collect();
    let mut runs = Vec::new();
    for (loaded, of) in parts.places {
        runs.extend(of.into_iter().map(|(spec, evidence)| {
            let said = verdicts.next();
            run(spec, evidence, said, loaded, parts.traced)
        }));
    }
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        tool: tool(),
        started: parts.started.to_string(),
        duration_ms: parts.duration_ms,
        interrupted: parts.interrupted,
        shard: None,
        verdict: parts.judgement.verdict,
        because: parts.judgement.because.clone(),
        outcome: parts.outcome,
        accepted: parts.judgement.accepted,
        accepted_until: parts.judgement.accepted_until.clone(),
        fail_on: parts.fail_on,
        margin: parts.margin,
        drills: parts.drills,
        subject: subject(&project, loaded, &scenarios, parts.baseline_sha512, parts.inputs_sha512),
        project: summary(&project),
        public_registry: Some(project.public.to_string()),
        store: parts.store,
        resolutions: parts.resolutions,
        runs,
        findings: std::mem::take(&mut parts.judgement.findings),
        noise,
        coverage,
    };
    report.arrange();
    report.shard = parts.shard.map(|shard| shard.told(&report, &parts.judgement.basis, tested));
    Some(report)
}

/// The scenarios of runs, as they are written.
pub(crate) fn written<'a>(runs: impl IntoIterator<Item = &'a RunSpec>) -> BTreeSet<String> {
    runs.into_iter().map(|run| toml::to_string(&run.scenario).unwrap_or_default()).collect()
}

/// What varied between the repetitions of each scenario in one place. Where they ended
/// otherwise it is no wonder that all else did.
fn noise(runs: &[Ran]) -> Vec<Noise> {
    let mut equal: BTreeMap<&str, Vec<(&str, &Evidence)>> = BTreeMap::new();
    for (run, evidence) in runs {
        let whole = evidence.as_ref().filter(|evidence| seen_whole(evidence));
        if let Some(evidence) = whole {
            equal.entry(&run.scenario.name).or_default().push((&run.id, evidence));
        }
    }
    let alike = |runs: &Vec<(&str, &Evidence)>| runs.windows(2).all(|two| two[0].1.exit == two[1].1.exit);
    let told = equal.into_values().filter(alike).map(|runs| {
        let (ids, evidence): (Vec<&str>, Vec<&Evidence>) = runs.into_iter().unzip();
        Noise { runs: ids.into_iter().map(str::to_owned).collect(), varying: varying(&evidence) }
    });
    told.filter(|noise| !noise.varying.is_empty()).collect()
}

pub(crate) fn run(
    spec: RunSpec,
    evidence: Option<Evidence>,
    said: Option<&crate::finding::RunVerdict>,
    loaded: &Loaded,
    traced: bool,
) -> Run {
    let backend = if loaded.placed.is_some() { "container" } else { "namespaces" };
    let mut run = Run::new(spec.id, &spec.scenario, loaded.reported_toolchain(), backend);
    run.image = loaded.placed.as_ref().map(Placed::named);
    run.platform = Some(super::invoke::platform(loaded).name());
    run.command = spec.command;
    run.then = spec.then;
    run.repeat = spec.repeat;
    run.notes = spec.notes;
    run.traced = traced;
    if let Some(evidence) = evidence {
        run = run.observed(evidence);
    }
    if let Some(said) = said {
        run.verdict = said.verdict;
        run.because = said.because.clone();
        run.counts = Some(said.counts);
    }
    run
}

/// This program. Its executable is read once.
pub(crate) fn tool() -> Tool {
    static SHA256: OnceLock<Option<String>> = OnceLock::new();
    Tool::this(SHA256.get_or_init(executable).clone())
}

fn executable() -> Option<String> {
    use sha2::{Digest, Sha256};
    let mut file = std::fs::File::open("/proc/self/exe").ok()?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).ok()? {
            0 => return Some(crate::evidence::tree::hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// What a report says of the project.
pub(crate) fn summary(project: &Project) -> ProjectSummary {
    let of = |class: Class| {
        let names: BTreeSet<String> =
            project.of_class(class).map(|(entry, _)| entry.name.to_string()).collect();
        names.into_iter().collect::<Vec<_>>()
    };
    let private: BTreeSet<PrivatePackage> = project
        .of_class(Class::Private)
        .filter_map(|(entry, classified)| {
            Some(PrivatePackage {
                name: entry.name.to_string(),
                registry: classified.registry.as_ref()?.to_string(),
                because: classified.because.clone(),
                from: classified.from.clone(),
            })
        })
        .collect();
    ProjectSummary {
        name: project.root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        root_package: project.manifest.name.clone(),
        lockfile_version: Some(u32::from(project.lockfile.version)),
        packages: project.lockfile.entries.len(),
        private: private.into_iter().collect(),
        local: of(Class::Local),
        undecided: of(Class::Undecided),
    }
}

/// `sha512-…` of the lockfile.
pub(crate) fn lockfile_sha512(project: &Project) -> String {
    Digests::of(project.lockfile.source.text().as_bytes()).sri()
}

fn subject(
    project: &Project,
    loaded: &Loaded,
    scenarios: &[String],
    baseline: Option<String>,
    inputs: Option<String>,
) -> Subject {
    let (commit, dirty) = git(&project.root);
    let npmrc_sha512 = project
        .config
        .files
        .keys()
        .filter_map(|level| redacted(&project.config, *level))
        .map(|bytes| Digests::of(&bytes).sri())
        .collect();
    Subject {
        commit,
        dirty,
        lockfile_sha512: Some(lockfile_sha512(project)),
        npmrc_sha512,
        policy_sha512: loaded
            .policy
            .as_deref()
            .and_then(|path| std::fs::read(path).ok())
            .map(|bytes| Digests::of(&bytes).sri()),
        scenarios_sha512: Some(Digests::of(scenarios.concat().as_bytes()).sri()),
        baseline_sha512: baseline,
        inputs_sha512: inputs,
    }
}

/// The text of an npmrc without its secrets, since a digest of a short secret
/// can be guessed.
pub(crate) fn redacted(config: &npmrc::NpmConfig, level: npmrc::Level) -> Option<Vec<u8>> {
    config.render(level, |setting| match &setting.value {
        npmrc::Value::Plain(_) => npmrc::render::Edit::Keep,
        npmrc::Value::Secret(secret) => npmrc::render::Edit::Replace(secret.to_string()),
    })
}

/// Bytes that git may answer.
const MAX_GIT: u64 = 64 << 20;

/// The commit, and whether tracked files differ from it. The project's git
/// configuration is hostile: nothing of it that runs a program is honoured.
fn git(root: &Path) -> (Option<String>, Option<bool>) {
    let ask = |words: &[&str]| {
        let answer = crate::project::git::ask(root, words, MAX_GIT).ok().flatten()?;
        Some(String::from_utf8_lossy(&answer).trim().to_owned())
    };
    let commit = ask(&["rev-parse", "--verify", "HEAD"]);
    let dirty = commit
        .as_ref()
        .and_then(|_| ask(&["status", "--porcelain", "--untracked-files=no", "--ignore-submodules"]))
        .map(|text| !text.is_empty());
    (commit, dirty)
}

/// Private packages that a run put to the test.
fn private_tested(parts: &Parts<'_>, project: &Project) -> Vec<String> {
    let every = || parts.places.iter().flat_map(|(_, runs)| runs);
    let tested: BTreeSet<&str> = every()
        .filter(|(run, _)| {
            let world = &run.scenario.world;
            world.decoys || world.private != crate::scenario::Answer::Genuine
        })
        .filter_map(|(_, evidence)| evidence.as_ref())
        .flat_map(|evidence| &evidence.packages)
        .filter(|package| package.class == Class::Private)
        .map(|package| package.name.as_str())
        .collect();
    private_packages(project).intersection(&tested).map(|name| (*name).to_owned()).collect()
}

fn private_packages(project: &Project) -> BTreeSet<&str> {
    project
        .classes
        .iter()
        .filter(|(_, classified)| classified.class == Class::Private)
        .filter_map(|(path, _)| Some(project.lockfile.entries.get(path)?.name.as_str()))
        .collect()
}

fn coverage(parts: &Parts<'_>, project: &Project, private_tested: usize) -> Coverage {
    let every = || parts.places.iter().flat_map(|(_, runs)| runs);
    Coverage {
        private_tested,
        private_total: private_packages(project).len(),
        scenarios_run: every()
            .filter(|(_, evidence)| evidence.is_some())
            .map(|(run, _)| &run.scenario.name)
            .collect::<BTreeSet<_>>()
            .len(),
        not_applicable: parts
            .not_applicable
            .iter()
            .map(|(scenario, reason, asked)| NotApplicable {
                scenario: scenario.clone(),
                reason: reason.clone(),
                asked: *asked,
            })
            .collect(),
        impossible_toolchains: parts.impossible.clone(),
    }
}
