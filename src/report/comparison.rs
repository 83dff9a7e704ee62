//! What two saved reports have different, `sealcheck/comparison/v1`.
//!
//! Opinions are compared as opinions: verdicts, findings, the margin. Evidence is compared
//! by [`crate::compare::install`], run by run of the same scenario in the same place. What
//! was tested on either side is context: another lockfile is no difference by itself.

mod pairs;
#[cfg(test)]
mod tests;

use super::model::{Margin, Report};
use super::opinion::{Finding, Severity, Verdict};
use crate::compare::grouped::{Change, grouped};
use crate::compare::install::{Compared, Difference, Unseen, Which, differences};
use crate::scenario::Loss;
use pairs::Pair;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The version of the comparison's form.
pub const SCHEMA: &str = "sealcheck/comparison/v1";

/// Whether two sides are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Agreement {
    /// Both were seen, and nothing differs.
    Equal,
    /// Something differs.
    Differs,
    /// Nothing that was seen differs, and something was not seen.
    Unobserved,
}

/// Two values of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Values {
    /// What it is.
    pub what: String,
    /// How it is on the left.
    pub left: Option<String>,
    /// How it is on the right.
    pub right: Option<String>,
}

/// The verdict of a scenario on either side; `None` where it has no run there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VerdictChange {
    /// The scenario, with its place where there are several.
    pub scenario: String,
    /// On the left.
    pub left: Option<Verdict>,
    /// On the right.
    pub right: Option<Verdict>,
    /// Why, on the right.
    pub because: String,
}

/// A finding of one side only, or one that is another on the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FindingChange {
    /// What became of it: `new`, `gone`, or what changed.
    pub became: String,
    /// As it is on the right, of what is gone as it was on the left.
    pub finding: Finding,
}

/// What differs in the installs of some scenarios.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ScenarioChanges {
    /// The scenarios, in the order of the plan.
    pub scenarios: Vec<String>,
    /// What differs in each of them.
    pub changes: Vec<Change>,
}

/// What was not seen in some scenarios.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ScenarioUnseen {
    /// The scenarios; none where it is about the report.
    pub scenarios: Vec<String>,
    /// What.
    #[serde(flatten)]
    pub unseen: Unseen,
}

/// What differs between two reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Comparison {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Whether they are equal.
    pub agreement: Agreement,
    /// How the left is called.
    pub left: String,
    /// How the right is called.
    pub right: String,
    /// How many scenarios both ran.
    pub scenarios: usize,
    /// What was tested, where that differs: no difference by itself.
    pub context: Vec<Values>,
    /// The verdict, the margin, the private packages.
    pub values: Vec<Values>,
    /// Scenarios whose verdict is another.
    pub verdicts: Vec<VerdictChange>,
    /// The worst first.
    pub findings: Vec<FindingChange>,
    /// What differs in the installs.
    pub installs: Vec<ScenarioChanges>,
    /// What could not be compared.
    pub unseen: Vec<ScenarioUnseen>,
}

impl Comparison {
    /// Compares two reports, called as the user named them.
    pub fn of(left: (&str, &Report), right: (&str, &Report)) -> Self {
        let ((left_name, left), (right_name, right)) = (left, right);
        let paired = pairs::of(left, right);
        let mut seen = Seen::default();
        for pair in &paired.pairs {
            let (of_left, of_right) = (pair.left.side(left), pair.right.side(right));
            seen.take(&pair.label, differences(&of_left, &of_right));
        }
        let mut unseen = blind(left, right, &paired);
        unseen.extend(seen.unseen());
        let verdicts = verdicts(&paired);
        let (values, unmeasured) = values(left, right, paired.is_whole());
        unseen.extend(unmeasured);
        let mut comparison = Self {
            schema: SCHEMA.to_owned(),
            agreement: Agreement::Equal,
            left: left_name.to_owned(),
            right: right_name.to_owned(),
            scenarios: paired.pairs.len(),
            context: paired.context.iter().cloned().chain(context(left, right)).collect(),
            values,
            verdicts,
            findings: findings(left, right, &paired),
            installs: seen.changes(),
            unseen,
        };
        comparison.agreement = match (comparison.differs(), comparison.unseen.is_empty()) {
            (true, _) => Agreement::Differs,
            (false, false) => Agreement::Unobserved,
            (false, true) => Agreement::Equal,
        };
        comparison
    }

    /// Whether anything that was seen differs. A verdict that is `unobserved` is none that was.
    fn differs(&self) -> bool {
        let observed = |verdict: Option<Verdict>| verdict.is_some_and(|it| it != Verdict::Unobserved);
        !self.values.is_empty()
            || !self.findings.is_empty()
            || !self.installs.is_empty()
            || self.verdicts.iter().any(|change| observed(change.left) && observed(change.right))
    }
}

/// What the pairs of runs gave, by scenario.
#[derive(Default)]
struct Seen {
    order: Vec<String>,
    differences: BTreeMap<Difference, Vec<usize>>,
    unseen: BTreeMap<Unseen, Vec<usize>>,
}

impl Seen {
    fn take(&mut self, label: &str, compared: Compared) {
        let at = self.order.len();
        self.order.push(label.to_owned());
        for difference in compared.differences {
            self.differences.entry(difference).or_default().push(at);
        }
        for unseen in compared.unseen {
            self.unseen.entry(unseen).or_default().push(at);
        }
    }

    fn labels(&self, at: &[usize]) -> Vec<String> {
        at.iter().filter_map(|at| self.order.get(*at).cloned()).collect()
    }

    /// Differences that show in the same scenarios together.
    fn changes(&self) -> Vec<ScenarioChanges> {
        let mut by_scenarios: BTreeMap<&[usize], Vec<Difference>> = BTreeMap::new();
        for (difference, at) in &self.differences {
            by_scenarios.entry(at).or_default().push(difference.clone());
        }
        by_scenarios
            .into_iter()
            .map(|(at, of)| ScenarioChanges { scenarios: self.labels(at), changes: grouped(&of) })
            .collect()
    }

    fn unseen(&self) -> Vec<ScenarioUnseen> {
        self.unseen
            .iter()
            .map(|(unseen, at)| ScenarioUnseen { scenarios: self.labels(at), unseen: unseen.clone() })
            .collect()
    }
}

/// What a report as a whole did not see.
fn blind(left: &Report, right: &Report, paired: &pairs::Paired<'_>) -> Vec<ScenarioUnseen> {
    let unseen = |on, why: String, scenarios| ScenarioUnseen {
        scenarios,
        unseen: Unseen { on, why, packages: Vec::new() },
    };
    let mut all = Vec::new();
    for (on, report) in [(Which::Left, left), (Which::Right, right)] {
        if report.interrupted {
            all.push(unseen(on, "the test was interrupted".to_owned(), Vec::new()));
        }
    }
    for (on, labels) in [(Which::Right, &paired.left_only), (Which::Left, &paired.right_only)] {
        if !labels.is_empty() {
            all.push(unseen(on, "not run there".to_owned(), labels.clone()));
        }
    }
    for Pair { label, left, right } in &paired.pairs {
        let blind = |verdict| verdict == Verdict::Unobserved;
        let on = match (blind(left.verdict()), blind(right.verdict())) {
            (false, false) => continue,
            (true, false) => Which::Left,
            (false, true) => Which::Right,
            (true, true) => Which::Both,
        };
        let why = if on == Which::Right { right.because() } else { left.because() };
        let why = if why.is_empty() { "the verdict is unobserved" } else { why };
        all.push(unseen(on, why.to_owned(), vec![label.clone()]));
    }
    all
}

fn verdicts(paired: &pairs::Paired<'_>) -> Vec<VerdictChange> {
    let both = paired.pairs.iter().filter(|pair| pair.left.verdict() != pair.right.verdict());
    let both = both.map(|Pair { label, left, right }| VerdictChange {
        scenario: label.clone(),
        left: Some(left.verdict()),
        right: Some(right.verdict()),
        because: right.because().to_owned(),
    });
    both.chain(paired.applicability.iter().cloned()).collect()
}

/// Findings by their fingerprint. One that is gone because nothing of what showed it was
/// observed on the other side is not gone.
fn findings(left: &Report, right: &Report, paired: &pairs::Paired<'_>) -> Vec<FindingChange> {
    let by_print = |report: &'_ Report| {
        report.findings.iter().map(|finding| (finding.fingerprint.clone(), finding.clone())).collect()
    };
    let (of_left, of_right): (BTreeMap<String, Finding>, BTreeMap<String, Finding>) =
        (by_print(left), by_print(right));
    let observed_left: BTreeSet<&str> = paired.observed(|pair| &pair.left, |pair| &pair.right);
    let observed_right: BTreeSet<&str> = paired.observed(|pair| &pair.right, |pair| &pair.left);
    let shown = |finding: &Finding, observed: &BTreeSet<&str>| {
        finding.runs.is_empty() || finding.runs.iter().any(|run| observed.contains(run.as_str()))
    };
    let whole = |finding: &Finding, observed: &BTreeSet<&str>| {
        finding.runs.iter().all(|run| observed.contains(run.as_str()))
    };
    let mut all = Vec::new();
    for finding in &right.findings {
        let became = match of_left.get(&finding.fingerprint) {
            None if shown(finding, &observed_right) => Some("new".to_owned()),
            None => None,
            // What shows in fewer runs because fewer were made has not changed.
            Some(before) if whole(before, &observed_left) && whole(finding, &observed_right) => {
                altered(before, finding)
            }
            Some(_) => None,
        };
        all.extend(became.map(|became| FindingChange { became, finding: finding.clone() }));
    }
    for finding in &left.findings {
        if !of_right.contains_key(&finding.fingerprint) && shown(finding, &observed_left) {
            all.push(FindingChange { became: "gone".to_owned(), finding: finding.clone() });
        }
    }
    all.sort_by(|one, other| {
        (other.finding.severity, &other.became, &one.finding.rule).cmp(&(
            one.finding.severity,
            &other.became,
            &other.finding.rule,
        ))
    });
    all
}

fn altered(before: &Finding, after: &Finding) -> Option<String> {
    let accepted = |finding: &Finding| finding.accepted.is_some();
    match (accepted(before), accepted(after)) {
        (false, true) => return Some("now accepted".to_owned()),
        (true, false) => return Some("no longer accepted".to_owned()),
        (true, true) | (false, false) => {}
    }
    let said = |severity: Severity| severity.name();
    (before.severity != after.severity)
        .then(|| format!("{}, then {}", said(before.severity), said(after.severity)))
}

/// What was tested, where that differs.
fn context(left: &Report, right: &Report) -> Vec<Values> {
    let digests = |list: &[String]| (!list.is_empty()).then(|| list.join(" "));
    let mut all = Vec::new();
    let mut told = |what: &str, one: Option<String>, other: Option<String>| {
        if one != other {
            all.push(Values { what: what.to_owned(), left: one, right: other });
        }
    };
    told("project", left.project.root_package.clone(), right.project.root_package.clone());
    told("commit", left.subject.commit.clone(), right.subject.commit.clone());
    told("lockfile", left.subject.lockfile_sha512.clone(), right.subject.lockfile_sha512.clone());
    told("npmrc", digests(&left.subject.npmrc_sha512), digests(&right.subject.npmrc_sha512));
    told("policy", left.subject.policy_sha512.clone(), right.subject.policy_sha512.clone());
    told("sealcheck", Some(left.tool.version.clone()), Some(right.tool.version.clone()));
    all
}

/// The verdict, the margin and the private packages; and what of it one side did not measure.
/// The verdict of other scenarios is another: `whole` says that both ran the same.
fn values(left: &Report, right: &Report, whole: bool) -> (Vec<Values>, Vec<ScenarioUnseen>) {
    let (mut all, mut unseen) = (Vec::new(), Vec::new());
    let mut told = |what: &str, one: Option<String>, other: Option<String>| {
        if one != other {
            all.push(Values { what: what.to_owned(), left: one, right: other });
        }
    };
    let mut unmeasured = |on, why: &str| {
        let unseen_of = Unseen { on, why: why.to_owned(), packages: Vec::new() };
        unseen.push(ScenarioUnseen { scenarios: Vec::new(), unseen: unseen_of });
    };
    // A verdict of what was not observed is none; the scenarios say which.
    match (left.verdict, right.verdict) {
        (Verdict::Unobserved, Verdict::Unobserved) => {}
        (Verdict::Unobserved, _) => unmeasured(Which::Left, "the report's verdict is unobserved"),
        (_, Verdict::Unobserved) => unmeasured(Which::Right, "the report's verdict is unobserved"),
        (_, _) if !whole => {}
        (one, other) => told("verdict", Some(one.to_string()), Some(other.to_string())),
    }
    match (&left.margin, &right.margin) {
        (None, None) => {}
        (None, Some(_)) => unmeasured(Which::Left, "the margin was not measured"),
        (Some(_), None) => unmeasured(Which::Right, "the margin was not measured"),
        (Some(one), Some(other)) => {
            told("margin", Some(margin(one)), Some(margin(other)));
            if one.unobserved != other.unobserved {
                let on = if one.unobserved { Which::Left } else { Which::Right };
                unmeasured(on, "not every set of losses could be observed, so the margin may be larger");
            }
        }
    }
    let private = |report: &Report| -> BTreeMap<String, String> {
        report.project.private.iter().map(|it| (it.name.clone(), it.registry.clone())).collect()
    };
    let (one, other) = (private(left), private(right));
    for name in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
        told(&format!("private package {name}"), one.get(name).cloned(), other.get(name).cloned());
    }
    let undecided = |report: &Report| {
        let names = &report.project.undecided;
        (!names.is_empty()).then(|| names.join(", "))
    };
    told("undecided packages", undecided(left), undecided(right));
    (all, unseen)
}

fn margin(margin: &Margin) -> String {
    let set = |losses: &Vec<Loss>| losses.iter().map(|loss| loss.word()).collect::<Vec<_>>().join(" + ");
    let sets: Vec<String> = margin.smallest.iter().map(set).collect();
    match sets.is_empty() {
        true => margin.at_least.to_string(),
        false => format!("{} ({})", margin.at_least, sets.join("; ")),
    }
}
