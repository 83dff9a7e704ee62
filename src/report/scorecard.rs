//! What became of each drill, and how often the program spoke where it must and where it
//! must not.
//!
//! It goes by a run's evidence and by what the rules said of it; why a drill did not run is
//! handed in.

use super::model::Run;
use super::opinion::{Finding, Severity, Verdict};
use crate::drill::{Drill, Kind};
use crate::evidence::seal::in_clone;
use crate::wire::CutShort;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrillScore {
    /// The drill's name.
    pub drill: String,
    /// What it is.
    pub kind: Kind,
    /// What it does, one line.
    pub title: String,
    /// After which incident or package.
    pub after: String,
    /// npm's hook that it uses.
    pub hook: String,
    /// The id of its run.
    pub run: String,
    /// How it ended.
    pub outcome: DrillOutcome,
    /// What stopped it, a fragment; `None` where nothing did.
    pub stopped_by: Option<String>,
    /// What the rules that attacks are known by said of it, the worst first.
    pub reported: Vec<Reported>,
    /// The rules that must report it where it runs.
    pub expected: Vec<String>,
    /// Those of them that did not.
    pub missing: Vec<String>,
    /// Why it could not be observed, or what else there is to say; may be empty.
    pub because: String,
}

/// How a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DrillOutcome {
    /// Nothing of it ran, though it wanted to.
    Stopped,
    /// It ran, and a rule gave a warning or an error.
    Reported,
    /// It ran, and there are at most notes.
    Fact,
    /// It wants nothing at install, and nothing of it ran.
    Quiet,
    /// It could not be observed.
    Unobserved,
}

impl DrillOutcome {
    /// As the JSON spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Reported => "reported",
            Self::Fact => "fact",
            Self::Quiet => "quiet",
            Self::Unobserved => "unobserved",
        }
    }
}

/// A rule that spoke of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// The rule.
    pub rule: String,
    /// The worst that it said.
    pub severity: Severity,
}

/// Detection and false alarms over a set of drills that ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rates {
    /// Attacks that ran.
    pub attacks: usize,
    /// Of those, the ones that every rule reported that must.
    pub detected: usize,
    /// Negatives and controls that were observed.
    pub others: usize,
    /// Of those, the ones of which such a rule gave a warning or an error.
    pub alarms: usize,
    /// Drills that did not run or could not be observed, so that they prove nothing.
    pub unproven: usize,
}

/// The rules that attacks are known by.
pub fn telling(drills: &[Drill]) -> BTreeSet<&str> {
    drills.iter().flat_map(|drill| &drill.reports).map(String::as_str).collect()
}

/// Scores a drill by its run. `findings` are the judgement's on that run alone, `telling`
/// the rules that attacks are known by, `expected` those that must speak of it here.
pub fn score(
    drill: &Drill,
    run: &Run,
    findings: &[Finding],
    telling: &BTreeSet<&str>,
    expected: &[String],
    stopped_by: impl FnOnce() -> Option<String>,
) -> DrillScore {
    let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| telling.contains(finding.rule.as_str())) {
        let known = worst.entry(&finding.rule).or_insert(finding.severity);
        *known = (*known).max(finding.severity);
    }
    let mut reported: Vec<Reported> = worst
        .iter()
        .map(|(rule, severity)| Reported { rule: (*rule).to_owned(), severity: *severity })
        .collect();
    reported.sort_by(|left, right| (right.severity, &left.rule).cmp(&(left.severity, &right.rule)));
    let ran = run
        .processes
        .iter()
        .any(|process| process.event.is_some() || process.ran.iter().any(|path| in_clone(path).is_some()));
    let at_its_limit = drill.ends_after.is_some() && run.cut_short == Some(CutShort::Time);
    let blind = run.verdict == Verdict::Unobserved && !at_its_limit;
    let loud = reported.iter().any(|reported| reported.severity > Severity::Note);
    let wanted = !blind && !ran && drill.kind != Kind::Negative;
    let stopped_by = wanted.then(stopped_by).flatten();
    let outcome = match (blind, ran, drill.kind) {
        (true, ..) => DrillOutcome::Unobserved,
        (false, true, _) if loud => DrillOutcome::Reported,
        (false, true, _) => DrillOutcome::Fact,
        (false, false, Kind::Negative) => DrillOutcome::Quiet,
        (false, false, Kind::Attack | Kind::Control) if stopped_by.is_some() => DrillOutcome::Stopped,
        // It is no control that is known: something else failed, and nothing is proven.
        (false, false, Kind::Attack | Kind::Control) => DrillOutcome::Unobserved,
    };
    let mut missing: Vec<String> =
        expected.iter().filter(|rule| !worst.contains_key(rule.as_str())).cloned().collect();
    if ran && drill.ends_after.is_some() && !at_its_limit {
        missing.push("the end at the run's limit".to_owned());
    }
    DrillScore {
        drill: drill.name.clone(),
        kind: drill.kind,
        title: drill.title.clone(),
        after: drill.after.clone(),
        hook: drill.hook.clone(),
        run: run.id.clone(),
        outcome,
        stopped_by,
        expected: expected.to_vec(),
        missing: if ran { missing } else { Vec::new() },
        because: match (outcome, at_its_limit) {
            (DrillOutcome::Unobserved, _) if blind => run.because.clone(),
            (DrillOutcome::Unobserved, _) => did_not_run(run),
            (_, true) => "it did not end, and its run was ended at its limit".to_owned(),
            (_, false) => String::new(),
        },
        reported,
    }
}

fn did_not_run(run: &Run) -> String {
    match &run.npm_error {
        Some(error) => format!("npm ended with {} before it came to it: {}", error.name(), error.summary),
        None => "it did not run, and no control is known that stopped it".to_owned(),
    }
}

impl Rates {
    /// Of a scorecard.
    pub fn of(scores: &[DrillScore]) -> Self {
        let mut rates = Self::default();
        for score in scores {
            match (score.kind, score.outcome) {
                (_, DrillOutcome::Unobserved)
                | (Kind::Attack | Kind::Control, DrillOutcome::Stopped | DrillOutcome::Quiet) => {
                    rates.unproven += 1;
                }
                (Kind::Attack, DrillOutcome::Reported | DrillOutcome::Fact) => {
                    rates.attacks += 1;
                    rates.detected += usize::from(score.missing.is_empty());
                }
                (Kind::Negative, DrillOutcome::Stopped)
                | (Kind::Negative | Kind::Control, DrillOutcome::Reported)
                | (Kind::Negative | Kind::Control, DrillOutcome::Fact)
                | (Kind::Negative, DrillOutcome::Quiet) => {
                    rates.others += 1;
                    let loud = score.reported.iter().any(|reported| reported.severity > Severity::Note);
                    rates.alarms += usize::from(loud);
                }
            }
        }
        rates
    }

    /// Every attack was detected, nothing else was called one, and all was seen.
    pub fn perfect(self) -> bool {
        self.flawless() && self.unproven == 0
    }

    /// The same of what was seen.
    pub fn flawless(self) -> bool {
        self.detected == self.attacks && self.alarms == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json::tests::small;

    const ATTACK: &str = "name = \"a\"\ntitle = \"t\"\nkind = \"attack\"\nafter = \"x\"\nhook = \"install\"\n\
                          about = \"\"\nreports = [\"script-egress\", \"secret-read\"]\n";

    fn drill(kind: &str, more: &str) -> Drill {
        toml::from_str(&format!("{ATTACK}{more}").replace("\"attack\"", &format!("\"{kind}\""))).unwrap()
    }

    /// A run with a script in it or none, and findings of these rules.
    fn scored(drill: &Drill, script: bool, verdict: Verdict, rules: &[(&str, Severity)]) -> DrillScore {
        let report = small();
        let mut run = report.runs[0].clone();
        (run.verdict, run.cut_short) = (verdict, None);
        let mut process = report.runs.iter().flat_map(|run| &run.processes).next().unwrap().clone();
        process.ran = Vec::new();
        process.event = Some("install".to_owned());
        run.processes = if script { vec![process] } else { Vec::new() };
        let finding = |(rule, severity): &(&str, Severity)| Finding {
            rule: (*rule).to_owned(),
            severity: *severity,
            ..report.findings[0].clone()
        };
        let findings: Vec<Finding> = rules.iter().map(finding).collect();
        let telling = BTreeSet::from(["script-egress", "secret-read"]);
        score(drill, &run, &findings, &telling, &drill.reports, || Some("a control".to_owned()))
    }

    #[test]
    fn what_no_control_stopped_was_not_observed() {
        let report = small();
        let mut run = report.runs[0].clone();
        (run.verdict, run.cut_short, run.processes) = (Verdict::Sealed, None, Vec::new());
        let attack = drill("attack", "");
        let unknown = score(&attack, &run, &[], &BTreeSet::new(), &attack.reports, || None);
        assert_eq!((unknown.outcome, unknown.stopped_by), (DrillOutcome::Unobserved, None));
        assert!(!unknown.because.is_empty());
    }

    const BOTH: [(&str, Severity); 2] =
        [("secret-read", Severity::Warning), ("script-egress", Severity::Note)];

    #[test]
    fn an_attack_is_detected_by_every_rule_or_it_is_not() {
        let attack = drill("attack", "");
        let detected = scored(&attack, true, Verdict::Sealed, &BOTH);
        assert_eq!((detected.outcome, detected.missing.len()), (DrillOutcome::Reported, 0));
        let half = scored(&attack, true, Verdict::Sealed, &BOTH[1..]);
        assert_eq!(half.outcome, DrillOutcome::Fact);
        assert_eq!(half.missing, ["secret-read"]);
        let rates = Rates::of(&[detected, half]);
        assert_eq!((rates.attacks, rates.detected), (2, 1));
        assert!(!rates.flawless() && !rates.perfect());
    }

    #[test]
    fn what_did_not_run_or_was_not_seen_proves_nothing() {
        let attack = drill("attack", "");
        let stopped = scored(&attack, false, Verdict::Sealed, &[]);
        assert_eq!(stopped.stopped_by.as_deref(), Some("a control"));
        let unseen = scored(&attack, true, Verdict::Unobserved, &BOTH);
        assert_eq!((stopped.outcome, unseen.outcome), (DrillOutcome::Stopped, DrillOutcome::Unobserved));
        let rates = Rates::of(&[stopped, unseen]);
        assert_eq!((rates.attacks, rates.unproven), (0, 2));
        assert!(rates.flawless() && !rates.perfect());
    }

    #[test]
    fn a_warning_of_what_is_honest_is_a_false_alarm_and_a_note_is_none() {
        let control = drill("control", "");
        let (quiet, loud) = (
            scored(&control, true, Verdict::Sealed, &BOTH[1..]),
            scored(&control, true, Verdict::Sealed, &BOTH),
        );
        // What other rules say is no matter of the drills.
        let other = scored(&control, true, Verdict::Sealed, &[("install-failed", Severity::Error)]);
        let negative = scored(&drill("negative", ""), false, Verdict::Sealed, &[]);
        assert_eq!(negative.outcome, DrillOutcome::Quiet);
        let rates = Rates::of(&[quiet, loud, other, negative]);
        assert_eq!((rates.others, rates.alarms, rates.unproven), (4, 1, 0));
    }

    #[test]
    fn one_that_must_end_at_its_limit_and_ends_by_itself_is_not_detected() {
        let endless = drill("attack", "ends-after = 5\n");
        let ended = scored(&endless, true, Verdict::Sealed, &BOTH);
        assert_eq!(ended.missing, ["the end at the run's limit"]);
    }
}
