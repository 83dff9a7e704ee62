//! The suite `margin`: sets of losses are tried in rounds until it is known how many
//! defences must fail together.

use super::invoke::{self, Opened};
use super::load::{self, Loaded};
use super::options::Options;
use super::{mend, say};
use crate::finding::{self, Ground, Judgement};
use crate::plan::margin::{self, Answer, Goal, Losses, MOST, Measured, Search};
use crate::report::model::{Margin, MarginChange};
use crate::runner::{Listener, Outcome};
use crate::text::Complaint;
use tokio::sync::watch;

/// Whether the margin that somebody demands would be measured. That the project is sealed with
/// all of its defences (a margin of 1) every suite shows.
///
/// # Errors
/// What to run, where it would not.
pub(super) fn measurable(options: &Options, measured: bool) -> Result<(), Complaint> {
    let demanded = options.require_margin;
    let most = u32::try_from(MOST).unwrap_or(u32::MAX).saturating_add(1);
    if !options.margin_demanded || demanded <= 1 {
        return Ok(());
    }
    if !measured {
        return Err(Complaint::about(format!(
            "a margin of {demanded} is required, and only `--suite margin` measures one"
        ))
        .help(format!(
            "add `--suite margin`, or leave `--require-margin {demanded}` out (`require-margin`, `SEALCHECK_REQUIRE_MARGIN`)"
        )));
    }
    if demanded > most {
        return Err(Complaint::about(format!(
            "a margin of {demanded} is required, and more than {MOST} losses at once are not tried"
        ))
        .help(format!("require {most} at most")));
    }
    Ok(())
}

/// What else is taken for granted by every margin.
const ASSUMES: [&str; 4] = [
    "the project's own registries are honest, and npm and node are",
    "a stranger can publish any private name at any version on the public registry, and nothing else",
    "who loses the lockfile loses the `resolved` and `integrity` in it",
    "losing the integrity or npm's install controls only ever helps a stranger",
];

/// How sets of losses are tried, of this project or of a changed copy.
pub(super) struct Trials<'a> {
    pub(super) options: &'a Options,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) listener: Listener,
    /// What keeps the ids of runs apart from those of other places.
    pub(super) rename: &'a dyn Fn(&mut String),
    pub(super) judge: &'a dyn Fn(&[&Outcome], Ground<'_>) -> Judgement,
}

impl Trials<'_> {
    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Makes ready for another project.
    pub(super) fn open(&self, loaded: &Loaded) -> anyhow::Result<Opened> {
        invoke::open(loaded, self.options, self.options.jobs, self.stop.clone())
    }
}

/// Tries what has to be tried beyond `first`, which holds the baseline's and the control's
/// outcomes. All outcomes, and what they say; nothing where the trap was not live, since then
/// no answer is worth anything, or where the search was interrupted.
pub(super) async fn search(
    trials: &Trials<'_>,
    loaded: &Loaded,
    opened: &Opened,
    first: &[Outcome],
) -> anyhow::Result<(Vec<Outcome>, Option<Measured>)> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    let known: Vec<&Outcome> = first.iter().collect();
    let judgement = (trials.judge)(
        &known,
        Ground { project: &loaded.project, margin: None, resolutions: &[], approved: None, elsewhere: &[] },
    );
    let live = first
        .iter()
        .zip(&judgement.runs)
        .any(|(outcome, of)| outcome.run.scenario.control && of.verdict == finding::Verdict::Leaked);
    if !live {
        return Ok((outcomes, None));
    }
    let mut search = Search::new(load::defences(loaded)?);
    for goal in [Goal::Installed, Goal::Ran] {
        let (more, ended) = try_sets(trials, loaded, opened, &mut search, goal, first).await?;
        outcomes.extend(more);
        if ended == Ended::Early {
            return Ok((outcomes, None));
        }
    }
    let mut measured = search.measured();
    measured.changes = mend::changes(trials, loaded, first, &measured).await?;
    Ok((outcomes, Some(measured)))
}

/// How a round of trials ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The search has no more to try.
    Answered,
    /// It was interrupted, or a set could not be planned.
    Early,
}

/// Tries sets until the search has no more for a goal.
pub(super) async fn try_sets(
    trials: &Trials<'_>,
    loaded: &Loaded,
    opened: &Opened,
    search: &mut Search,
    goal: Goal,
    first: &[Outcome],
) -> anyhow::Result<(Vec<Outcome>, Ended)> {
    let mut outcomes = Vec::new();
    loop {
        let sets: Vec<Losses> = search.next(goal).into_iter().collect();
        if sets.is_empty() {
            return Ok((outcomes, Ended::Answered));
        }
        let shown: Vec<String> = sets.iter().map(margin::name).collect();
        say(&format!("margin: trying {}", shown.join(", ")));
        let scenarios = sets.iter().map(margin::scenario).collect();
        let mut plan = load::plan_of(loaded, scenarios, 1)?;
        if plan.runs.len() != sets.len() {
            return Ok((outcomes, Ended::Early));
        }
        plan.runs.iter_mut().for_each(|run| (trials.rename)(&mut run.id));
        let round = opened.invocation.clone().run(plan, trials.listener.clone()).await;
        if trials.is_stopped() {
            outcomes.extend(round);
            return Ok((outcomes, Ended::Early));
        }
        let known: Vec<&Outcome> = first.iter().chain(&round).collect();
        let judgement = (trials.judge)(
            &known,
            Ground {
                project: &loaded.project,
                margin: None,
                resolutions: &[],
                approved: None,
                elsewhere: &[],
            },
        );
        for (losses, outcome) in sets.into_iter().zip(&round) {
            search.told(losses, what_became(&judgement, &outcome.run.id));
        }
        outcomes.extend(round);
    }
}

/// What a judgement says of a run, as far as the margin is concerned.
fn what_became(judgement: &Judgement, run: &str) -> margin::Outcome {
    let verdict = judgement.runs.iter().find(|of| of.run == run).map(|of| of.verdict);
    let shows = |rule: &str| {
        judgement
            .findings
            .iter()
            .any(|finding| finding.rule == rule && finding.runs.iter().any(|id| id == run))
    };
    if shows("foreign-code-executed") {
        margin::Outcome::Ran
    } else if shows("silent-fallback") {
        margin::Outcome::Installed
    } else {
        match verdict {
            Some(finding::Verdict::Unobserved | finding::Verdict::NotApplicable) | None => {
                margin::Outcome::Unobserved
            }
            Some(
                finding::Verdict::Sealed
                | finding::Verdict::Exposed
                | finding::Verdict::Leaked
                | finding::Verdict::Broken,
            ) => margin::Outcome::Sealed,
        }
    }
}

/// The worst of the places' margins, for the report.
pub(crate) fn reported<'a>(
    measured: impl Iterator<Item = &'a Measured>,
    required: u32,
    command: &[String],
) -> Option<Margin> {
    let worst = measured.min_by_key(|measured| (measured.installed.at_least, measured.ran.at_least))?;
    let number = |answer: &Answer| u32::try_from(answer.at_least).unwrap_or(u32::MAX);
    let sets = |answer: &Answer| answer.smallest.iter().map(|set| set.iter().copied().collect()).collect();
    let mut assumes: Vec<String> = ASSUMES.map(str::to_owned).into();
    assumes.push(format!("more than {MOST} losses at once were not tried"));
    Some(Margin {
        at_least: number(&worst.installed),
        smallest: sets(&worst.installed),
        at_least_to_run: Some(number(&worst.ran)),
        smallest_to_run: sets(&worst.ran),
        unobserved: worst.installed.unobserved,
        changes: worst.changes.iter().map(change).collect(),
        required,
        command: command.to_vec(),
        assumes,
    })
}

fn change(changed: &margin::Changed) -> MarginChange {
    MarginChange { says: changed.says.clone(), adds: changed.adds, became: changed.became }
}
