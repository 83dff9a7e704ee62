//! The accepted baseline of a project, `sealcheck.lock.json`: found, compared with, recorded.
//!
//! What is in it and what a difference means is decided elsewhere; here is when it is read
//! and when it may be written.

mod recorded;
mod screen;

use super::load::Loaded;
use super::options::Options;
use super::rooms::Room;
use super::shard::Sharding;
use super::{Code, drills, say};
use crate::compare::approved::{Approved, FILE, LIMIT, Place, Standing, exact};
use crate::finding::{self, Ground, JudgedRun, Judgement, Severity, Verdict};
use crate::project::integrity::Digests;
use crate::project::{Project, read_inside};
use crate::report::terminal::Look;
use crate::report::terminal::safe::Charset;
use crate::runner;
use crate::scenario::Scenario;
use crate::text::{Complaint, Source};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::NamedTempFile;

/// How often the project as it is runs at least, before what varies of it is told from what
/// does not.
const LEARNING: u32 = 3;

/// What a test is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be judged.
    Test,
    /// The same, and the baseline shall follow.
    Update,
    /// To be the baseline.
    Accept,
}

impl Purpose {
    fn records(self) -> bool {
        match self {
            Self::Test => false,
            Self::Update | Self::Accept => true,
        }
    }
}

/// The baseline as it lies in the project.
pub(super) struct Kept {
    source: Source,
    file: Approved,
}

impl Kept {
    /// Its text.
    pub(super) fn text(&self) -> &str {
        self.source.text()
    }
}

/// Reads it; `None` where the project has none.
pub(super) fn find(project: &Project) -> Result<Option<Kept>, Complaint> {
    let Some(source) = read_inside(&project.root, &project.root.join(FILE), FILE, LIMIT)? else {
        return Ok(None);
    };
    let file = Approved::read(&source)?;
    Ok(Some(Kept { source, file }))
}

/// Complains before anything runs about what could not be recorded in the end.
pub(super) fn probe(purpose: Purpose, options: &Options, project: &Project) -> Result<(), Complaint> {
    if !purpose.records() {
        return Ok(());
    }
    if drills::wanted(&options.choice) {
        return Err(Complaint::about(
            "drills are no behaviour of the project's, and none that can be accepted",
        )
        .help("leave out `--suite drills`"));
    }
    NamedTempFile::new_in(&project.root).map(|_| ()).map_err(|error| {
        Complaint::about(format!("`{FILE}` cannot be written beside package.json: {error}"))
            .help("let this user write in the project's folder")
    })
}

/// How often the baseline scenario must run, where that is more than was asked for.
pub(super) fn repeats(purpose: Purpose, options: &Options) -> Option<u32> {
    let asked = options.choice.repeat.unwrap_or(1);
    (purpose.records() && asked < LEARNING).then_some(LEARNING)
}

/// A test that has run.
pub(super) struct Tested<'a> {
    pub(super) purpose: Purpose,
    pub(super) options: &'a Options,
    pub(super) judged_by: &'a finding::Options,
    pub(super) rooms: &'a [Room],
    pub(super) outcomes: &'a [Vec<runner::Outcome>],
    pub(super) judged: &'a [JudgedRun<'a>],
    pub(super) interrupted: bool,
    /// Where only a part of the test was run here.
    pub(super) shard: Option<&'a Sharding>,
}

/// What is said of it, with the baseline it was compared with in the end.
pub(super) struct Settled {
    pub(super) judgement: Judgement,
    /// Of that baseline.
    pub(super) sha512: Option<String>,
    /// Lines for the user, after the report.
    pub(super) says: Vec<String>,
    /// How `accept` ends.
    pub(super) code: Option<Code>,
}

impl Tested<'_> {
    /// Judges, and records where it shall and may be.
    pub(super) fn settle(&self, kept: Option<&Kept>) -> anyhow::Result<Settled> {
        let places = names(self.rooms);
        let judgement = self.judge(kept.map(|kept| (&kept.file, Some(&kept.source))), &places);
        let sha512 = kept.map(|kept| digest(kept.source.text()));
        let accept = self.purpose == Purpose::Accept;
        if !self.purpose.records() {
            return Ok(Settled { judgement, sha512, says: Vec::new(), code: None });
        }
        if let Some((code, mut says)) = self.forbids(&judgement, &places) {
            says.push(format!("{FILE} was not written: nothing of it has changed"));
            return Ok(Settled { judgement, sha512, says, code: accept.then_some(code) });
        }
        // Of each run what it shows by itself, and not beside the old baseline.
        let plain = self.judge(None, &places);
        let (fresh, mut says) = self.record(kept.map(|kept| &kept.file), &plain, &places);
        let text = fresh.to_json()?;
        let before = kept.map_or("", |kept| kept.source.text());
        if text != before {
            write(&self.root(), &text)?;
        }
        says.extend(self.told(before, &text, &fresh, &places));
        let source = Source::new(FILE, text.as_str());
        let judgement = self.judge(Some((&fresh, Some(&source))), &places);
        Ok(Settled { judgement, sha512: Some(digest(&text)), says, code: accept.then_some(Code::Good) })
    }

    fn root(&self) -> std::path::PathBuf {
        self.rooms.first().map(|room| room.loaded.project.root.clone()).unwrap_or_default()
    }

    fn judge(&self, file: Option<(&Approved, Option<&Source>)>, places: &[String]) -> Judgement {
        let suite = self.suite();
        let grounds: Vec<Ground<'_>> = self
            .rooms
            .iter()
            .zip(places)
            .enumerate()
            .map(|(at, (room, here))| Ground {
                project: &room.loaded.project,
                margin: room.margin.as_ref(),
                resolutions: &room.resolutions,
                approved: file.map(|(file, source)| Standing {
                    file,
                    source,
                    here,
                    places,
                    suite: suite.as_deref(),
                }),
                elsewhere: self.shard.map(|shard| shard.elsewhere(at)).unwrap_or_default(),
            })
            .collect();
        finding::judge(self.judged, &grounds, self.judged_by)
    }

    /// The suite that was asked for; `None` where scenarios were named or left out.
    fn suite(&self) -> Option<String> {
        let choice = &self.options.choice;
        if !choice.scenario.is_empty() || !choice.skip.is_empty() {
            return None;
        }
        let own = self.rooms.first().is_some_and(|room| !room.loaded.project.settings.scenarios.is_empty());
        let default = if own { "sealcheck.toml" } else { "core" };
        Some(choice.suite.clone().unwrap_or_else(|| default.to_owned()))
    }

    /// Why nothing may be recorded, a line each, and how `accept` ends for it.
    fn forbids(&self, judgement: &Judgement, places: &[String]) -> Option<(Code, Vec<String>)> {
        if self.interrupted {
            let line = "a part of the runs is no behaviour to accept: run it again to its end";
            return Some((Code::Interrupted, vec![line.to_owned()]));
        }
        let safe = |text: &str| Charset { unicode: Look::of_stdout().unicode }.safe(text);
        let errors = judgement.findings.iter().filter(|finding| {
            finding.severity == Severity::Error && finding.counts && finding.accepted.is_none()
        });
        let mut lines: Vec<String> = errors
            .map(|finding| {
                let package = finding.package.as_deref().map(|name| format!(", package = \"{name}\""));
                safe(&format!(
                    "cannot be accepted: {}: {}; mend it, or write an `[[accepted]]` with rule = \"{}\"{}, a reason and an end into sealcheck.toml",
                    finding.rule, finding.message, finding.rule, package.unwrap_or_default()
                ))
            })
            .collect();
        let code = if lines.is_empty() { Code::Unobserved } else { Code::Bad };
        let blind = judgement
            .runs
            .iter()
            .filter(|said| said.verdict == Verdict::Unobserved && !said.accepted && said.counts);
        lines.extend(blind.map(|said| {
            safe(&format!(
                "cannot be accepted: {} was not observed: {}; what was not seen is approved by nobody",
                said.run, said.because
            ))
        }));
        for (at, place) in places.iter().enumerate() {
            let unsteady = self.observation(at).map(|seen| seen.unsteady).unwrap_or_default();
            lines.extend(unsteady.iter().map(|name| {
                safe(&format!(
                    "cannot be accepted: {name} was not the same in equal runs of `baseline` in {place}; what is another each time is approved by nobody"
                ))
            }));
        }
        if lines.is_empty() && judgement.exit_code == 3 {
            lines.push(safe(&format!("cannot be accepted: {}", judgement.because)));
        }
        (!lines.is_empty()).then_some((code, lines))
    }

    /// What was written, how big it is, and what comes of it.
    fn told(&self, before: &str, text: &str, fresh: &Approved, places: &[String]) -> Vec<String> {
        let size = bytes(text.len());
        if before == text {
            return vec![format!("{FILE} is as it was ({size})")];
        }
        let charset = Charset { unicode: Look::of_stdout().unicode };
        let mut says = if before.is_empty() { Vec::new() } else { screen::changed(before, text, charset) };
        let done = if before.is_empty() { "wrote" } else { "updated" };
        let scenarios = places
            .first()
            .and_then(|place| fresh.at(place))
            .map_or(0, |facts| crate::compare::approved::verdicts(&facts).len());
        says.push(format!(
            "{done} {FILE}, {size}: {scenarios} scenarios in {}; commit it",
            match places {
                [one] => one.clone(),
                many => format!("{} places", many.len()),
            }
        ));
        if self.purpose == Purpose::Accept {
            says.push(
                "`sealcheck test` reports drift from it as warnings; `--fail-on warning` makes them fail a nightly test".to_owned(),
            );
        }
        says
    }
}

fn bytes(count: usize) -> String {
    if count < 1000 { format!("{count} bytes") } else { format!("{:.1} kB", count as f64 / 1000.0) }
}

fn digest(text: &str) -> String {
    Digests::of(text.as_bytes()).sri()
}

/// It is there whole or not at all; a link in its place is replaced and not followed.
fn write(root: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = NamedTempFile::new_in(root)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(root.join(FILE)).map_err(|error| error.error)?;
    Ok(())
}

/// The names of places: by majors, and exactly where two places would share one.
pub(super) fn names(rooms: &[Room]) -> Vec<String> {
    let places: Vec<Place> = rooms.iter().map(place).collect();
    places.iter().zip(exact(&places)).map(|(place, exact)| place.name(exact)).collect()
}

fn place(Room { loaded, platform, .. }: &Room) -> Place {
    Place {
        node: loaded.toolchain.node.to_string(),
        npm: loaded.toolchain.npm.to_string(),
        platform: Some(platform.name()),
        image: loaded.placed.as_ref().map(|placed| placed.named()),
    }
}

/// Says what came of the baseline.
pub(super) fn tell(lines: &[String]) {
    for line in lines {
        say(line);
    }
}

/// The runs more that the project as it is needs before it can be recorded.
pub(super) fn more_runs(
    loaded: &Loaded,
    plan: &mut crate::plan::Plan,
    repeats: Option<u32>,
) -> anyhow::Result<()> {
    let is_baseline = |run: &crate::plan::RunSpec| run.scenario.name == "baseline";
    let (Some(repeats), Some(first)) = (repeats, plan.runs.iter().find(|run| is_baseline(run))) else {
        return Ok(());
    };
    let scenario: Scenario = first.scenario.clone();
    let known = plan.runs.iter().filter(|run| is_baseline(run)).map(|run| run.repeat).max().unwrap_or(0);
    let more = super::load::plan_of(loaded, vec![scenario], repeats)?;
    plan.runs.extend(more.runs.into_iter().filter(|run| run.repeat > known));
    Ok(())
}

type ByPlace<T> = BTreeMap<String, T>;
