//! `sealcheck drills`, and the suite `drills` of `sealcheck test`: inert copies of attacks
//! in the owner's own configuration, or in one where nothing stops them.

mod play;
mod rates;
mod stopped;

use super::arguments::{Choice, DrillsCommand, Talk};
use super::assemble::{self, Ran};
use super::load::Loaded;
use super::test::{Done, Place, Prepared, code, severity, store};
use super::{Code, invoke, print};
use crate::drill::catalogue::{self, Embedded};
use crate::finding::{Basis, Finding, Judgement, RunVerdict, Severity, Verdict};
use crate::report::outcome::Outcome;
use crate::report::progress::Display;
use crate::report::scorecard::{DrillOutcome, DrillScore};
use crate::text::{Complaint, nearest};
use globset::Glob;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::watch;

/// Prints what was asked for, or measures the rates.
pub(crate) fn run(command: DrillsCommand, talk: &Talk) -> anyhow::Result<Code> {
    let text = match command {
        DrillsCommand::List => list(),
        DrillsCommand::Show { name } => show(&name)?,
        DrillsCommand::Rates(arguments) => return rates::run(arguments, talk),
    };
    print(&text)?;
    Ok(Code::Good)
}

fn list() -> String {
    lines(&catalogue::builtin().iter().collect::<Vec<_>>())
}

/// What the suite would run, a drill a line.
pub(super) fn plan(choice: &Choice) -> Result<String, Complaint> {
    let chosen = chosen(choice)?;
    Ok(format!("{} drills, each once, in the project's own configuration\n{}", chosen.len(), lines(&chosen)))
}

fn lines(all: &[&Embedded]) -> String {
    let width = all.iter().map(|of| of.drill.name.len()).max().unwrap_or(0);
    let line = |of: &&Embedded| {
        format!("{:width$}  {:8}  {}\n", of.drill.name, of.drill.kind.word(), of.drill.title)
    };
    all.iter().map(line).collect()
}

fn show(name: &str) -> Result<String, Complaint> {
    let (text, files) = catalogue::sources(name).ok_or_else(|| unknown(name))?;
    let mut out = text.to_owned();
    for (path, text) in files {
        out.push_str(&format!("\n# {path}\n\n{text}"));
    }
    Ok(out)
}

fn unknown(name: &str) -> Complaint {
    let complaint = Complaint::about(format!("no drill is named `{name}`"));
    match nearest(name, catalogue::builtin().iter().map(|of| of.drill.name.as_str())) {
        Some(near) => complaint.help(format!("did you mean `{near}`?")),
        None => complaint.help("`sealcheck drills list` shows them all"),
    }
}

/// Whether drills are asked for.
pub(super) fn wanted(choice: &Choice) -> bool {
    choice.suite.as_deref() == Some("drills")
}

/// The drills that `--scenario` and `--skip` leave.
pub(super) fn chosen(choice: &Choice) -> Result<Vec<&'static Embedded>, Complaint> {
    select(&choice.scenario, &choice.skip)
}

fn select(patterns: &[String], skip: &[String]) -> Result<Vec<&'static Embedded>, Complaint> {
    let fits = |patterns: &[String]| -> Result<Vec<&'static str>, Complaint> {
        let mut names = Vec::new();
        for pattern in patterns {
            let glob = Glob::new(pattern)
                .map_err(|error| Complaint::about(format!("`{pattern}` is not a glob: {}", error.kind())))?
                .compile_matcher();
            let all = catalogue::builtin().iter().map(|of| of.drill.name.as_str());
            let found: Vec<&'static str> = all.filter(|name| glob.is_match(name)).collect();
            if found.is_empty() {
                return Err(unknown(pattern));
            }
            names.extend(found);
        }
        Ok(names)
    };
    let (named, left_out) = (fits(patterns)?, fits(skip)?);
    Ok(catalogue::builtin()
        .iter()
        .filter(|of| patterns.is_empty() || named.contains(&of.drill.name.as_str()))
        .filter(|of| !left_out.contains(&of.drill.name.as_str()))
        .collect())
}

/// Puts the drills through the owner's own controls; a scorecard, and no failure.
pub(super) async fn suite(prepared: Prepared, stop: watch::Receiver<bool>) -> anyhow::Result<Done> {
    let Prepared { places, impossible, options, talk, .. } = prepared;
    let (started, clock) = (jiff::Timestamp::now(), Instant::now());
    let chosen = chosen(&options.choice)?;
    let total = chosen.len() * places.len();
    let display = Arc::new(Mutex::new(Some(Display::new(invoke::mode(options.progress), talk.quiet, total))));
    let mut rooms: Vec<(Loaded, Vec<Ran>)> = Vec::new();
    let mut judgement = nothing_said();
    let mut scores = Vec::new();
    for Place { loaded, label, .. } in places {
        let listener = invoke::listener(display.clone(), 1);
        let site = play::Site { loaded: &loaded, options: &options, label: &label, open: false };
        let mut ran = Vec::new();
        for played in play::all(&site, &chosen, &listener, &stop).await? {
            ran.push((played.run, played.evidence));
            judgement.runs.push(played.verdict);
            judgement.findings.extend(played.findings.into_iter().map(uncounted));
            scores.push(played.score);
        }
        rooms.push((loaded, ran));
    }
    let interrupted = *stop.borrow();
    if let Some(display) = display.lock().ok().and_then(|mut display| display.take()) {
        display.finish();
    }
    conclude(&mut judgement, &scores);
    let outcome = Outcome::of(judgement.exit_code, interrupted);
    let kept = rooms.first().map(|(loaded, _)| store(loaded));
    let report = assemble::report(assemble::Parts {
        places: rooms.iter_mut().map(|(loaded, ran)| (&*loaded, std::mem::take(ran))).collect(),
        started,
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        interrupted,
        outcome,
        fail_on: severity(options.fail_on),
        not_applicable: Vec::new(),
        resolutions: Vec::new(),
        impossible,
        margin: None,
        judgement,
        baseline_sha512: None,
        inputs_sha512: None,
        drills: scores,
        store: kept,
        traced: options.trace,
        shard: None,
    });
    let Some(report) = report else { anyhow::bail!("there is no place to run in") };
    Ok(Done { report, options, talk, says: Vec::new(), code: code(outcome) })
}

fn nothing_said() -> Judgement {
    Judgement {
        runs: Vec::<RunVerdict>::new(),
        findings: Vec::new(),
        verdict: Verdict::NotApplicable,
        because: "drills count in no verdict".to_owned(),
        accepted: false,
        accepted_until: None,
        exit_code: 0,
        basis: Basis::default(),
    }
}

/// What a drill does is no fault of the project's.
fn uncounted(finding: Finding) -> Finding {
    Finding { counts: false, severity: Severity::Note, ..finding }
}

/// Drills fail nothing; not to have seen them is said all the same.
fn conclude(judgement: &mut Judgement, scores: &[DrillScore]) {
    if let Some(blind) = scores.iter().find(|score| score.outcome == DrillOutcome::Unobserved) {
        judgement.verdict = Verdict::Unobserved;
        judgement.because = format!("{}: {}", blind.run, blind.because);
        judgement.exit_code = 3;
    }
}
