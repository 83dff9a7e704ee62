//! Installs both revisions of a lockfile in sandboxes, each laid over the working folder,
//! to see what the new tree does that the old one did not.

use super::revisions::Revision;
use crate::cli::arguments::Talk;
use crate::cli::load::{self, Loaded};
use crate::cli::options::{self, Options};
use crate::cli::test::with_causes;
use crate::cli::{catalogue, containers, invoke, mend};
use crate::compare::install::{Aspect, Difference, Unseen, Which, differences};
use crate::compare::lockfile::{Kind, LockChange};
use crate::compare::noise::{Varying, seen_whole, varying};
use crate::compare::side::{Install, Side};
use crate::evidence::Evidence;
use crate::project::lockfile::NAMES;
use crate::report::progress::Display;
use crate::report::review::Installs;
use crate::sandbox::twin::Change;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// How often each tree is installed: names that are made up anew each time show in two.
const REPEAT: u32 = 2;

/// What both trees did.
pub(super) async fn installs(
    loaded: &Loaded,
    revisions: (&Revision, &Revision),
    changes: &[LockChange],
    talk: &Talk,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<Installs> {
    if loaded.placed.is_none() {
        containers::need_namespaces().await?;
    }
    let options = options::of_file(&loaded.project.settings.options, &loaded.project.root)?;
    let total = 2 * REPEAT as usize;
    let display = Arc::new(Mutex::new(Some(Display::new(invoke::mode(options.progress), talk.quiet, total))));
    let mut sides = Vec::new();
    for (on, revision) in [(Which::Left, revisions.0), (Which::Right, revisions.1)] {
        sides.push(match one(loaded, revision, &options, &display, stop).await {
            Ok(observed) => observed,
            Err(error) => {
                Observed { why: Some(format!("it could not be installed: {error:#}")), ..Observed::default() }
            }
        });
        tracing::debug!(?on, "installed");
    }
    if let Some(display) = display.lock().ok().and_then(|mut display| display.take()) {
        display.finish();
    }
    let [left, right] = sides.as_slice() else { anyhow::bail!("there are not two sides") };
    let mut compared = differences(&left.side(), &right.side());
    // What a failure kept from happening was not seen.
    for (on, observed) in [(Which::Left, left), (Which::Right, right)] {
        if let Some(why) = observed.why() {
            compared.unseen.retain(|unseen| unseen.on != on || !unseen.packages.is_empty());
            compared.unseen.push(Unseen { on, why, packages: Vec::new() });
        }
    }
    let told = |difference: &Difference| is_told(difference, revisions, changes);
    Ok(Installs::of(loaded.reported_toolchain(), compared, told))
}

/// Whether the lockfiles say already what an install shows: that a package comes or goes
/// because its entry does, and that it is another because its entry says so.
fn is_told(difference: &Difference, revisions: (&Revision, &Revision), changes: &[LockChange]) -> bool {
    let path = difference.package.as_deref().unwrap_or_default();
    let entry = |of: &Revision| of.lockfile.entries.contains_key(path);
    let said = |kinds: &[Kind]| changes.iter().any(|of| of.path == path && kinds.contains(&of.kind));
    match difference.aspect {
        Aspect::Command => true,
        Aspect::Presence => {
            entry(revisions.0) != entry(revisions.1) || said(&[Kind::NoLongerInstalled, Kind::InstalledNow])
        }
        Aspect::Version | Aspect::Digest | Aspect::Source => said(&[
            Kind::PrivateFromElsewhere,
            Kind::OtherTarball,
            Kind::OtherBytes,
            Kind::IntegrityLost,
            Kind::IntegrityWeakened,
            Kind::IntegrityMissing,
            Kind::IntegrityStrengthened,
            Kind::Source,
            Kind::Version,
            Kind::Added,
            Kind::Removed,
            Kind::Moved,
        ]),
        Aspect::Exit
        | Aspect::Message
        | Aspect::Script
        | Aspect::ScriptEnd
        | Aspect::Process
        | Aspect::Connection
        | Aspect::Lookup
        | Aspect::File
        | Aspect::SecretRead => false,
    }
}

/// What was observed of one tree.
#[derive(Default)]
struct Observed {
    evidence: Vec<Evidence>,
    noise: Vec<Varying>,
    /// Why there is less than there should be.
    why: Option<String>,
}

impl Observed {
    fn side(&self) -> Side<'_> {
        Side {
            installs: self.evidence.iter().map(Install::from).collect(),
            noise: self.noise.iter().collect(),
        }
    }

    /// What keeps it from being known whole.
    fn why(&self) -> Option<String> {
        if self.evidence.is_empty() {
            return Some(self.why.clone().unwrap_or_else(|| "it was not installed".to_owned()));
        }
        if let Some(blind) = self.side().blind() {
            return Some(blind);
        }
        let failed = self.evidence.iter().find(|run| !Install::from(*run).succeeded())?;
        let error = failed.npm_error.as_ref().map(|error| format!(": {}: {}", error.name(), error.summary));
        Some(format!("its install failed{}", error.unwrap_or_default()))
    }
}

/// Installs a tree, twice.
async fn one(
    loaded: &Loaded,
    revision: &Revision,
    options: &Options,
    display: &Arc<Mutex<Option<Display>>>,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<Observed> {
    let changed = laid(loaded, revision).await?;
    let all = catalogue::available(None, &changed.project)?;
    let baseline = all.into_iter().find(|scenario| scenario.name == "baseline");
    let plan = load::plan_of(&changed, baseline.into_iter().collect(), REPEAT)?;
    let opened = invoke::open(&changed, options, plan.runs.len(), stop.clone())?;
    let listener = invoke::listener(display.clone(), changed.project.lockfile.entries.len());
    let outcomes = opened.invocation.clone().run(plan, listener).await;
    let mut observed = Observed::default();
    for outcome in outcomes {
        match outcome.evidence {
            Ok(evidence) => observed.evidence.push(evidence),
            Err(error) => observed.why = Some(with_causes(&error)),
        }
    }
    let whole: Vec<&Evidence> = observed.evidence.iter().filter(|run| seen_whole(run)).collect();
    observed.noise = varying(&whole);
    Ok(observed)
}

/// The working folder with the files of a revision laid over it, read anew.
async fn laid(loaded: &Loaded, revision: &Revision) -> anyhow::Result<Loaded> {
    let folder = loaded.fresh_folder("review-")?;
    let bytes = |text: &str| text.as_bytes().to_vec();
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    files.insert(revision.file.to_owned(), bytes(revision.lockfile.source.text()));
    for (below, manifest) in &revision.manifests {
        let path = if below.is_empty() { "package.json".to_owned() } else { format!("{below}/package.json") };
        files.insert(path, bytes(manifest.source.text()));
    }
    // The other of the two lockfiles would win, or stand where none did.
    let kept: Vec<String> =
        loaded.project.files.iter().filter(|path| !NAMES.contains(&path.as_str())).cloned().collect();
    let laid: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), Change::Whole(bytes))).collect();
    let given = mend::laid_out(&loaded.project, loaded.given(), &folder, &kept, &laid)?;
    loaded.at(given).await
}
