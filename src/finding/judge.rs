//! Rules and what they see, in that order; what comes of it is settled elsewhere.

#[cfg(test)]
mod tests;
#[cfg(test)]
mod told_tests;

use super::Severity;
use super::Verdict;
use super::accepted::{acceptance, expired, speaks_of};
use super::around;
use super::case::{Case, Ground, JudgedRun, Observed, Sighting};
use super::location::locate;
use super::rule::{Check, RULES, Rule};
use super::run_verdict::measured;
use super::settle::{Basis, Judgement, Limits, RunFact, Seen, counts, verdicts};
use super::sight::{Sight, SightedFact};
use crate::evidence::tree::hex;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

/// What the judgement depends on beside the evidence.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many losses must be needed for a leak; 2 where nothing is said.
    pub required_margin: usize,
    /// The mildest severity that fails a test.
    pub fail_on: Severity,
    /// For acceptances that expire.
    pub today: Date,
}

impl Options {
    fn limits(&self) -> Limits {
        Limits { required_margin: self.required_margin, fail_on: self.fail_on }
    }
}

/// Judges the runs of one invocation on one project, as it was read in each place
/// (toolchain and image). Total and deterministic.
pub fn judge(runs: &[JudgedRun<'_>], grounds: &[Ground<'_>], options: &Options) -> Judgement {
    look(runs, grounds, options).settled(options.limits())
}

/// What the rules see, and what of each run is known without them.
fn look(runs: &[JudgedRun<'_>], grounds: &[Ground<'_>], options: &Options) -> Basis {
    let cases: Vec<Case<'_>> = grounds
        .iter()
        .enumerate()
        .map(|(place, ground)| Case {
            project: ground.project,
            runs,
            place,
            margin: ground.margin,
            resolutions: ground.resolutions,
            approved: ground.approved,
            accepted: ground.approved.and_then(|standing| standing.facts()),
            elsewhere: ground.elsewhere,
            required_margin: options.required_margin,
            today: options.today,
        })
        .collect();
    let mut seen = Looking { runs, options, sights: Vec::new() };
    for case in &cases {
        for rule in RULES {
            match rule.check {
                Check::Run(check) => {
                    for run in case.observed() {
                        for sighting in check(case, &run) {
                            seen.add(rule, case, sighting.runs(vec![run.at]));
                        }
                    }
                }
                Check::Report(check) => seen.add_all(rule, case, check(case)),
                Check::Verdicts(_) | Check::Acceptances(_) => {}
            }
        }
    }
    let facts = facts(runs, &cases);
    let verdicts = verdicts(&facts, &seen.sights, options.limits());
    for case in &cases {
        for rule in RULES {
            match rule.check {
                Check::Verdicts(check) => seen.add_all(rule, case, check(case, &verdicts)),
                Check::Run(_) | Check::Report(_) | Check::Acceptances(_) => {}
            }
        }
    }
    // What is accepted is read from the project's own files, which every place shares.
    if let Some(case) = cases.first() {
        let of_entry =
            |entry| seen.sights.iter().any(|sight| speaks_of(entry, &sight.rule, sight.package.as_deref()));
        let used: Vec<bool> = case.project.settings.accepted.iter().map(of_entry).collect();
        for rule in RULES {
            match rule.check {
                Check::Acceptances(check) => seen.add_all(rule, case, check(case, &used)),
                Check::Run(_) | Check::Report(_) | Check::Verdicts(_) => {}
            }
        }
    }
    Basis { facts, sights: seen.sights }
}

/// What is known of each run without the rules.
fn facts(runs: &[JudgedRun<'_>], cases: &[Case<'_>]) -> Vec<RunFact> {
    let mut facts: Vec<RunFact> = runs
        .iter()
        .map(|run| {
            let (seen, verdict, because) = match &run.observed {
                // Each case says of its own.
                Observed::Evidence(_) => (Seen::Whole, Verdict::Sealed, String::new()),
                Observed::Nothing(reason) => (Seen::Nothing, Verdict::Unobserved, reason.clone()),
                Observed::NotApplicable { reason, asked } => {
                    (Seen::NotApplicable { asked: *asked }, Verdict::NotApplicable, reason.clone())
                }
            };
            RunFact {
                id: run.id.to_owned(),
                control: run.scenario.control,
                losses: run.scenario.losses.len(),
                seen,
                verdict,
                because,
            }
        })
        .collect();
    for case in cases {
        for run in case.observed() {
            (facts[run.at].verdict, facts[run.at].because) = measured(case, &run);
        }
    }
    facts
}

/// What was seen so far.
struct Looking<'a> {
    runs: &'a [JudgedRun<'a>],
    options: &'a Options,
    sights: Vec<Sight>,
}

impl Looking<'_> {
    fn add_all(&mut self, rule: &Rule, case: &Case<'_>, sightings: Vec<Sighting>) {
        for sighting in sightings {
            self.add(rule, case, sighting);
        }
    }

    fn add(&mut self, rule: &Rule, case: &Case<'_>, sighting: Sighting) {
        let Sighting {
            package,
            key,
            message,
            lists,
            help,
            spot,
            evidence,
            mut runs,
            severity,
            confidence,
            forces,
        } = sighting;
        let forces = forces.unwrap_or(rule.forces);
        let required = self.options.required_margin;
        let counted = |run: &usize| {
            let run = &self.runs[*run];
            counts(run.scenario.control, run.scenario.losses.len(), forces, required)
        };
        let counts = runs.is_empty() || runs.iter().any(counted);
        // What means nothing here is no run, and stands in no report as one.
        runs.retain(|run| match self.runs[*run].observed {
            Observed::Evidence(_) | Observed::Nothing(_) => true,
            Observed::NotApplicable { .. } => false,
        });
        let omitted = package.as_deref().and_then(|name| around::omitted(case.project, name));
        let help = match omitted {
            Some(omitted) if help.is_empty() => omitted,
            Some(omitted) => format!("{help}; {omitted}"),
            None => help,
        };
        let fact =
            |run: usize| evidence.iter().map(move |(kind, at)| SightedFact { run, kind: *kind, at: *at });
        let accepted = case
            .project
            .settings
            .accepted
            .iter()
            .find(|entry| !expired(entry, case.today) && speaks_of(entry, rule.name, package.as_deref()))
            .map(acceptance);
        self.sights.push(Sight {
            rule: rule.name.to_owned(),
            fingerprint: fingerprint(rule.name, package.as_deref(), &key),
            package,
            place: case.place,
            // Facts of several runs are those of the first.
            evidence: runs.first().copied().into_iter().flat_map(fact).collect(),
            runs,
            counts,
            severity: severity.unwrap_or(rule.severity),
            confidence: confidence.unwrap_or(rule.confidence),
            forces,
            message,
            lists,
            help,
            location: locate(&spot, case.project),
            accepted,
        });
    }
}

/// Stable over runs and invocations: of the rule, the package and what tells
/// two faults of one package apart.
fn fingerprint(rule: &str, package: Option<&str>, key: &str) -> String {
    let mut hash = Sha256::new();
    for part in [rule, package.unwrap_or_default(), key] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize()[..16])
}
