//! `sealcheck compare A B --project P` of captured environments: each is rebuilt and
//! installed in, and for what differs the cause is looked for by exchanging parts.

use super::laboratory::{self, Laboratory};
use super::told;
use crate::cli::arguments::{CompareArguments, CompareFormat, Talk};
use crate::cli::test::with_causes;
use crate::cli::{Code, inert, print};
use crate::compare::behaviour::{
    Aspect, Behaviour, Difference, WELL, behaviour, differences, is_as_left, is_as_right,
};
use crate::compare::cause::{Cause, Search, Shown, Step};
use crate::compare::noise::{Varying, seen_whole, varying};
use crate::compare::texts::lines;
use crate::environment::{Deviation, Environment, Part, Stale, deviations, left_out, mix};
use crate::evidence::Evidence;
use crate::project::npmrc::Level;
use crate::runner::Outcome;
use crate::text::Source;
use std::collections::{BTreeMap, BTreeSet};

/// Compares two environments; `None` is this machine's.
pub(super) fn run(
    left: Option<&Source>,
    right: Option<&Source>,
    arguments: &CompareArguments,
    talk: &Talk,
) -> anyhow::Result<Code> {
    laboratory::within(arguments, talk, async |laboratory| {
        let read = |side: Option<&Source>| match side {
            Some(source) => Environment::read(source),
            None => Ok(laboratory.ground.own.clone()),
        };
        let (left, right) = (read(left)?, read(right)?);
        let found = compared(laboratory, &left, &right, arguments.runs, |_| true).await?;
        match arguments.format {
            CompareFormat::Text => print(&inert(&told::text(&found)))?,
            CompareFormat::Json => print(&(serde_json::to_string_pretty(&found)? + "\n"))?,
        }
        Ok(if laboratory.is_stopped() { Code::Interrupted } else { found.code() })
    })
}

/// What was found.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Comparison {
    /// In what the environments differ.
    pub(super) deviations: Vec<Deviation>,
    /// Deviations, by index, that could not be exchanged here, and why.
    pub(super) unplayed: BTreeMap<usize, String>,
    /// Parts whose values were left out when the environments were captured, so that nobody
    /// knows whether they differ; `true` where it is known that they do.
    pub(super) left_out: BTreeMap<String, bool>,
    /// Binaries of this or that side's platform that its lockfile lacks, known without a run:
    /// side, package, binary.
    pub(super) missing: Vec<(char, String, String)>,
    /// What lay in this or that side's `node_modules` otherwise than its lockfile has it, when
    /// the environment was captured.
    pub(super) stale: Vec<(char, Stale)>,
    /// How npm ended in A and in B.
    pub(super) ends: Vec<String>,
    /// What the installs do not share.
    pub(super) differences: Vec<Difference>,
    /// What made each; parts are indices of deviations.
    pub(super) causes: Vec<Cause>,
    /// Texts that differ line by line: the lockfile, package.json, and npm's output where
    /// the ends differ.
    pub(super) texts: Vec<TextDifference>,
    /// What npm said where it failed: side, text.
    pub(super) said: Vec<(char, String)>,
    /// What varies between equal installs and is no difference.
    pub(super) noise: Vec<Varying>,
    /// Why an install could not be seen whole: side, reason.
    pub(super) unseen: Vec<(char, String)>,
    /// Installs that were made.
    pub(super) runs: usize,
}

/// A text that is not the same on both sides.
#[derive(Debug, serde::Serialize)]
pub(super) struct TextDifference {
    /// Which: `package-lock.json`, `npm's output`.
    pub(super) what: String,
    /// Lines behind `-` (A), `+` (B) or a space.
    pub(super) lines: Vec<String>,
    /// Lines that there are beside.
    pub(super) more: usize,
}

/// Lines of a text's difference that are kept.
const LINES: usize = 24;

impl TextDifference {
    /// `None` where they are the same.
    fn of(what: &str, left: &str, right: &str) -> Option<Self> {
        let (lines, more) = lines(left, right, LINES);
        (!lines.is_empty()).then(|| Self { what: what.to_owned(), lines, more })
    }
}

impl Comparison {
    /// Neither install ended well, and both ended in the same way.
    pub(super) fn fail_alike(&self) -> bool {
        let [left, right] = self.ends.as_slice() else { return false };
        left == right && left != WELL
    }

    /// What it means for whoever waits for it.
    pub(super) fn code(&self) -> Code {
        let is_equal = self.differences.is_empty() && self.missing.is_empty() && self.stale.is_empty();
        match (self.unseen.is_empty(), is_equal) {
            (false, _) => Code::Unobserved,
            (true, false) => Code::Bad,
            (true, true) if self.hides_a_difference() => Code::Unobserved,
            (true, true) => Code::Good,
        }
    }

    /// The environments differ in something that may matter and could not be tried.
    pub(super) fn hides_a_difference(&self) -> bool {
        let may_matter = |at: &usize| match self.deviations.get(*at).map(|deviation| &deviation.part) {
            // Whom a sandbox trusts is its own business, and so is what comes with npm.
            Some(Part::Variable { name }) => !name.contains("CERT"),
            Some(Part::Npmrc { level, .. }) => *level != Level::Builtin,
            Some(
                Part::Npm
                | Part::Node
                | Part::Lockfile
                | Part::Manifest { .. }
                | Part::File { .. }
                | Part::Cache
                | Part::Umask
                | Part::Platform { .. },
            ) => true,
            None => false,
        };
        self.unplayed.keys().any(may_matter) || self.left_out.values().any(|differs| *differs)
    }
}

/// Compares two environments in those aspects that count.
pub(super) async fn compared(
    laboratory: &Laboratory<'_>,
    left: &Environment,
    right: &Environment,
    runs: Option<usize>,
    counts: impl Fn(&Aspect) -> bool,
) -> anyhow::Result<Comparison> {
    let before = laboratory.made.get();
    let (here, there) = (&left.project, &right.project);
    let files = [
        TextDifference::of(&here.lockfile_name, &here.lockfile, &there.lockfile),
        TextDifference::of("package.json", &here.manifest, &there.manifest),
    ];
    let mut found = Comparison { deviations: deviations(left, right), ..Comparison::default() };
    found.texts.extend(files.into_iter().flatten());
    found.left_out = left_out(left, right);
    for (at, deviation) in found.deviations.iter().enumerate() {
        if let Some(why) = laboratory.ground.unplayable(&deviation.part, [left, right]) {
            found.unplayed.insert(at, why);
        }
    }
    for (side, environment) in [('A', left), ('B', right)] {
        found.missing.extend(missing(environment).into_iter().map(|(package, name)| (side, package, name)));
        found.stale.extend(environment.stale().into_iter().map(|stale| (side, stale)));
    }
    if !laboratory.fill_cache([left, right]).await? {
        for (at, deviation) in found.deviations.iter().enumerate() {
            if deviation.part == Part::Cache {
                found.unplayed.insert(at, "no install filled a cache to begin with".to_owned());
            }
        }
    }
    laboratory.tell("installing as in A and as in B, twice each");
    let (of_left, of_right) = (laboratory.install(left, 2).await?, laboratory.install(right, 2).await?);
    laboratory.ground.say_withheld();
    found.unseen = unseen('A', &of_left).into_iter().chain(unseen('B', &of_right)).collect();
    if found.unseen.is_empty() {
        let (of_left, of_right) = (evidence(&of_left), evidence(&of_right));
        found.noise = varying(&of_left).into_iter().chain(varying(&of_right)).collect();
        found.noise.sort();
        found.noise.dedup();
        let settled = |runs: &[&Evidence]| settled(runs, &found.noise);
        let output =
            |runs: &[&Evidence]| runs.first().map(|run| spoken(&run.output.stderr_tail)).unwrap_or_default();
        let output = TextDifference::of("npm's output", &output(&of_left), &output(&of_right));
        let (of_left, of_right, said) = (settled(&of_left), settled(&of_right), said(&of_left, &of_right));
        found.ends =
            [&of_left, &of_right].into_iter().filter_map(|it| it.get(&Aspect::End).cloned()).collect();
        found.differences = differences(&of_left, &of_right);
        found.differences.retain(|difference| counts(&difference.aspect));
        if found.differences.iter().any(|difference| difference.aspect == Aspect::End) {
            found.texts.extend(output);
        }
        if !found.differences.is_empty() {
            found.said = said;
            search(laboratory, left, right, runs, &mut found).await?;
        }
    }
    found.runs = laboratory.made.get() - before;
    Ok(found)
}

/// Looks for the cause of each difference, with what is found put into `found`.
async fn search(
    laboratory: &Laboratory<'_>,
    left: &Environment,
    right: &Environment,
    runs: Option<usize>,
    found: &mut Comparison,
) -> anyhow::Result<()> {
    let parts: Vec<(usize, u32)> = found
        .deviations
        .iter()
        .enumerate()
        .filter(|(at, _)| !found.unplayed.contains_key(at))
        .map(|(at, deviation)| (at, deviation.part.weight()))
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    let logarithm = usize::BITS - parts.len().leading_zeros();
    let budget = runs.unwrap_or(8 * logarithm as usize + 8);
    let mut search = Search::new(parts, found.differences.len(), budget);
    found.causes = loop {
        let mixture = match search.step() {
            Step::Done(causes) => break causes,
            Step::Run(_) if laboratory.is_stopped() => break Vec::new(),
            Step::Run(mixture) => mixture,
        };
        let chosen = mixture.iter().filter_map(|at| found.deviations.get(*at));
        let names: Vec<String> = chosen.clone().map(|deviation| deviation.part.named()).collect();
        laboratory.tell(&format!(
            "install {}: as in A, but as in B: {}",
            laboratory.made.get() + 1,
            told::few(&names, 4)
        ));
        let environment = mix(left, right, chosen);
        let shown = shown(laboratory, &environment, found).await?;
        search.learn(mixture, shown);
    };
    Ok(())
}

/// What an environment shows of the differences.
async fn shown(
    laboratory: &Laboratory<'_>,
    environment: &Environment,
    found: &Comparison,
) -> anyhow::Result<Shown> {
    let outcomes = match laboratory.install(environment, 1).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            // A mixture can be one that nobody could have, a node with an npm that is too new.
            laboratory.tell(&format!("  that cannot be installed in: {error:#}"));
            return Ok(Shown::default());
        }
    };
    let seen = evidence(&outcomes);
    let Some(run) = seen.first().filter(|run| seen_whole(run)) else {
        laboratory.tell("  that could not be seen whole");
        return Ok(Shown::default());
    };
    let behaviour = behaviour(run, &found.noise);
    let with = |is: fn(&Difference, &Behaviour) -> bool| {
        (0..found.differences.len()).filter(|at| is(&found.differences[*at], &behaviour)).collect()
    };
    Ok(Shown { seen: true, as_right: with(is_as_right), as_left: with(is_as_left) })
}

/// What equal installs have in common.
fn settled(runs: &[&Evidence], noise: &[Varying]) -> Behaviour {
    let mut all = runs.iter().map(|run| behaviour(run, noise));
    let mut first = all.next().unwrap_or_default();
    for other in all {
        first.retain(|aspect, how| other.get(aspect) == Some(how));
    }
    first
}

pub(super) fn evidence(outcomes: &[Outcome]) -> Vec<&Evidence> {
    outcomes.iter().filter_map(|outcome| outcome.evidence.as_ref().ok()).collect()
}

/// npm's output without what it only logs of its way, which a `loglevel` adds.
fn spoken(output: &str) -> String {
    const LOGGED: [&str; 5] = ["npm verbose", "npm info", "npm http", "npm silly", "npm timing"];
    let is_logged = |line: &&str| LOGGED.iter().any(|start| line.starts_with(start));
    output.lines().filter(|line| !is_logged(line)).flat_map(|line| [line, "\n"]).collect()
}

/// What npm said on either side, where it failed.
fn said(left: &[&Evidence], right: &[&Evidence]) -> Vec<(char, String)> {
    let of = |side: char, runs: &[&Evidence]| {
        let error = runs.first().and_then(|run| run.npm_error.as_ref());
        error.map(|error| (side, error.summary.clone()))
    };
    of('A', left).into_iter().chain(of('B', right)).collect()
}

fn unseen(side: char, outcomes: &[Outcome]) -> Vec<(char, String)> {
    let mut reasons = BTreeSet::new();
    for outcome in outcomes {
        match &outcome.evidence {
            Err(error) => {
                reasons.insert(with_causes(error));
            }
            Ok(run) if !seen_whole(run) => {
                let gaps = run.gaps.iter().filter(|gap| gap.hides_answer);
                let gap = gaps.map(|gap| gap.detail.clone()).next();
                reasons.insert(gap.unwrap_or_else(|| "it was ended before its time".to_owned()));
            }
            Ok(_) => {}
        }
    }
    reasons.into_iter().map(|reason| (side, reason)).collect()
}

/// Binaries that a side's lockfile lacks for its own platform.
fn missing(environment: &Environment) -> Vec<(String, String)> {
    let machine = &environment.machine;
    let Some(lockfile) = environment.lockfile() else { return Vec::new() };
    let libc = machine.libc.as_deref().unwrap_or("glibc");
    let all = lockfile.missing_binaries(&machine.os, &machine.cpu, libc);
    all.map(|(entry, name)| (format!("{}@{}", entry.name, entry.version), name.to_owned())).collect()
}
