//! What a saved report has otherwise than an accepted baseline, `sealcheck/drift/v1`.
//!
//! A saved run is recorded by the code that records a live one, and compared by the code that
//! the rule `drift` uses. The baseline is `before` and the report is `after`, in whichever order
//! they were named. What one of them does not have is said and never equal.

#[cfg(test)]
mod tests;

use super::comparison::Agreement;
use super::model::{Report, Run};
use super::opinion::Verdict;
use crate::compare::approved::{
    Approved, Fact, PackageChange, Place, changes, exact, few, observe, pinned_words, verdicts,
};
use crate::compare::side::{Install, Side};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The version of its form.
pub const SCHEMA: &str = "sealcheck/drift/v1";

/// What is not as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Drift {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Whether they are equal.
    pub agreement: Agreement,
    /// How the baseline is called.
    pub baseline: String,
    /// How the report is called.
    pub report: String,
    /// The places that both have.
    pub places: Vec<PlaceDrift>,
    /// What could not be compared.
    pub unseen: Vec<Unseen>,
}

/// What is not as accepted in a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlaceDrift {
    /// As the baseline names it.
    pub place: String,
    /// It was taken for this one by node and npm alone: the report does not say its processor
    /// and C library.
    pub taken: bool,
    /// How many scenarios have a verdict in both.
    pub scenarios: usize,
    /// Scenarios with another verdict.
    pub verdicts: Vec<VerdictDrift>,
    /// Packages that are not as accepted, by name; `.` is the project itself.
    pub packages: Vec<PackageDrift>,
    /// The same, a sentence each, for people.
    pub says: Vec<String>,
}

/// A scenario that has another verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VerdictDrift {
    /// The scenario.
    pub scenario: String,
    /// As accepted.
    pub before: String,
    /// As the report has it.
    pub after: String,
    /// Why the report has it.
    pub because: String,
}

/// A package that is not as accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PackageDrift {
    /// Its name.
    pub package: String,
    /// Nothing but its version, which the lockfile pins.
    pub pinned_only: bool,
    /// What changed.
    pub changes: Vec<Altered>,
}

/// One change; none of it where a side is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Altered {
    /// Of what: `version`, `postinstall`, `connections`.
    pub what: String,
    /// As accepted.
    pub before: Vec<String>,
    /// As the report has it.
    pub after: Vec<String>,
}

/// What could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Unseen {
    /// Where; `None` where it is about the whole.
    pub place: Option<String>,
    /// Why.
    pub why: String,
}

impl Drift {
    /// Compares a report with a baseline, called as the user named them.
    pub fn of(baseline: (&str, &Approved), report: (&str, &Report)) -> Self {
        let ((baseline_name, file), (report_name, report)) = (baseline, report);
        let mut drift = Self {
            schema: SCHEMA.to_owned(),
            agreement: Agreement::Equal,
            baseline: baseline_name.to_owned(),
            report: report_name.to_owned(),
            places: Vec::new(),
            unseen: Vec::new(),
        };
        if report.interrupted {
            drift.blind(None, "the test that the report is of was interrupted");
        }
        let by_place = runs(report);
        let places: Vec<Place> = by_place.keys().cloned().collect();
        let mut met: BTreeSet<&str> = BTreeSet::new();
        for ((place, runs), exact) in by_place.iter().zip(exact(&places)) {
            match place.among(&file.places, exact).as_slice() {
                [] => {
                    let known: Vec<String> = file.places.iter().cloned().collect();
                    let known = if known.is_empty() { "no place".to_owned() } else { few(&known) };
                    let why = format!("the accepted baseline says nothing of it; it has {known}");
                    drift.blind(Some(&place.name(exact)), why);
                }
                [one] if met.insert(one) => {
                    drift.place(one, place.platform.is_none(), file, runs, report);
                }
                [one] => {
                    let name = place.name(exact);
                    drift.blind(Some(&name), format!("another place of the report is `{one}` already"));
                }
                many => {
                    let many: Vec<String> = many.iter().map(|name| (*name).to_owned()).collect();
                    let why = format!(
                        "the report does not say its processor and C library, and it can be {}; make the report anew with this version",
                        many.join(" or ")
                    );
                    drift.blind(Some(&place.name(exact)), why);
                }
            }
        }
        for place in file.places.iter().filter(|place| !met.contains(place.as_str())) {
            drift.blind(Some(place), "the report has no run that is known to be of this place");
        }
        if file.places.is_empty() || by_place.is_empty() {
            drift.blind(None, "one of them has no place at all");
        }
        drift.unseen.sort();
        drift.unseen.dedup();
        let differs = drift.places.iter().any(PlaceDrift::differs);
        drift.agreement = match (differs, drift.unseen.is_empty()) {
            (true, _) => Agreement::Differs,
            (false, false) => Agreement::Unobserved,
            (false, true) => Agreement::Equal,
        };
        drift
    }

    fn blind(&mut self, place: Option<&str>, why: impl Into<String>) {
        self.unseen.push(Unseen { place: place.map(str::to_owned), why: why.into() });
    }

    /// Compares a place that both have.
    fn place(&mut self, name: &str, taken: bool, file: &Approved, runs: &[&Run], report: &Report) {
        let accepted = file.at(name).unwrap_or_default();
        let ownerless: Vec<String> = file.ownerless(name).into_iter().collect();
        if !ownerless.is_empty() {
            let why = format!(
                "the accepted baseline approves scripts of packages that it does not have, which counts for nothing: {}",
                few(&ownerless)
            );
            self.blind(Some(name), why);
        }
        let (scenarios, verdicts) = self.verdicts(name, &accepted, runs, report);
        let found = self.packages(name, &accepted, runs);
        let (pinned, others): (Vec<_>, Vec<_>) =
            found.iter().cloned().partition(|change| change.pinned_only && !change.was_private);
        let mut says: Vec<String> = verdicts
            .iter()
            .map(|it| format!("`{}` is not as accepted: {} → {}", it.scenario, it.before, it.after))
            .collect();
        says.extend(others.iter().map(PackageChange::words));
        says.extend(pinned_words(&pinned));
        let packages = found.into_iter().map(PackageDrift::from).collect();
        self.places.push(PlaceDrift { place: name.to_owned(), taken, scenarios, verdicts, packages, says });
    }

    /// How many scenarios have a verdict in both, and which have another.
    fn verdicts(
        &mut self,
        place: &str,
        accepted: &BTreeSet<Fact>,
        runs: &[&Run],
        report: &Report,
    ) -> (usize, Vec<VerdictDrift>) {
        let known = verdicts(accepted);
        let mut worst: BTreeMap<&str, (Verdict, &str)> = BTreeMap::new();
        for run in runs {
            if run.verdict == Verdict::Unobserved {
                let because = if run.because.is_empty() { "its verdict says no more" } else { &run.because };
                self.blind(Some(place), format!("`{}` was not observed: {because}", run.scenario));
            }
            let said = (run.verdict, run.because.as_str());
            let known = worst.entry(&run.scenario).or_insert(said);
            if known.0 < said.0 {
                *known = said;
            }
        }
        for not in &report.coverage.not_applicable {
            worst.entry(&not.scenario).or_insert((Verdict::NotApplicable, &not.reason));
        }
        let (mut both, mut found, mut unknown) = (0, Vec::new(), Vec::new());
        for (scenario, (now, because)) in &worst {
            match known.get(scenario) {
                _ if *now == Verdict::Unobserved => {}
                Some(before) => {
                    both += 1;
                    if *before != now.name() {
                        found.push(VerdictDrift {
                            scenario: (*scenario).to_owned(),
                            before: (*before).to_owned(),
                            after: now.name().to_owned(),
                            because: (*because).to_owned(),
                        });
                    }
                }
                None => unknown.push(format!("{scenario} ({now})")),
            }
        }
        if !unknown.is_empty() {
            let why = format!("the accepted baseline has no verdict of {}", few(&unknown));
            self.blind(Some(place), why);
        }
        let missed: Vec<String> =
            known.keys().filter(|name| !worst.contains_key(*name)).map(|name| (*name).to_owned()).collect();
        if !missed.is_empty() {
            self.blind(Some(place), format!("the report has no run of {}", few(&missed)));
        }
        (both, found)
    }

    /// What packages are and what their scripts did, in the runs of the project as it is.
    fn packages(&mut self, place: &str, accepted: &BTreeSet<Fact>, runs: &[&Run]) -> Vec<PackageChange> {
        let of_baseline = runs.iter().filter(|run| run.scenario == "baseline");
        let installs: Vec<Install<'_>> = of_baseline.map(|run| Install::from(*run)).collect();
        let whole: Vec<Install<'_>> = installs
            .iter()
            .filter(|install| install.succeeded() && install.blind().is_none())
            .copied()
            .collect();
        if installs.is_empty() {
            let why = "the report has no run of `baseline`, which tells what packages and scripts do";
            self.blind(Some(place), why);
            return Vec::new();
        }
        if whole.is_empty() {
            let why = "what is gone of the accepted baseline could not be told: no run of `baseline` was seen whole and ended well";
            self.blind(Some(place), why);
            // Of what was seen in part, what is new is true all the same.
            return changes(accepted, &observe(&installs), false);
        }
        let side = Side { installs: whole, noise: Vec::new() };
        for detail in side.unfollowed().into_values() {
            self.blind(Some(place), format!("not followed: {detail}"));
        }
        changes(accepted, &observe(&side.installs), true)
    }
}

impl PlaceDrift {
    fn differs(&self) -> bool {
        !self.verdicts.is_empty() || !self.packages.is_empty()
    }
}

impl From<PackageChange> for PackageDrift {
    fn from(change: PackageChange) -> Self {
        let altered = change.changes.into_iter().map(|change| Altered {
            what: change.topic.words().to_owned(),
            before: change.before,
            after: change.after,
        });
        Self {
            package: change.name,
            pinned_only: change.pinned_only && !change.was_private,
            changes: altered.collect(),
        }
    }
}

/// The runs of each place. Drills are no behaviour of the project's.
fn runs(report: &Report) -> BTreeMap<Place, Vec<&Run>> {
    let drills: BTreeSet<&str> = report.drills.iter().map(|score| score.run.as_str()).collect();
    let mut runs: BTreeMap<Place, Vec<&Run>> = BTreeMap::new();
    for run in report.runs.iter().filter(|run| !drills.contains(run.id.as_str())) {
        let place = Place {
            node: run.toolchain.node.clone(),
            npm: run.toolchain.npm.clone(),
            platform: run.platform.clone(),
            image: run.image.clone(),
        };
        runs.entry(place).or_default().push(run);
    }
    runs
}
