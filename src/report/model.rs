//! The report, `sealcheck/report/v1`, field by field.
//!
//! Other programs read it, so a field keeps its name and its meaning for as
//! long as the version stands; new ones may be added. What a run observed is
//! the evidence's own types: the report holds them and must not reshape them.

use super::opinion::{Finding, Severity, Verdict};
use super::outcome::Outcome;
use super::scorecard::{DrillOutcome, DrillScore};
use super::shard::Shard;
use crate::compare::noise::Varying;
use crate::evidence::exchange::{Exchange, Lookup};
use crate::evidence::fact::{Connection, Decoy, File, Gap, NpmError, Output, Package, Process, SecretRead};
use crate::evidence::resolution::Resolution;
use crate::plan::margin::Became;
use crate::scenario::Loss;
use crate::wire::CutShort;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the report's form.
pub const SCHEMA: &str = "sealcheck/report/v1";

/// Everything a test has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What made it.
    pub tool: Tool,
    /// When the test began, RFC 3339 in UTC.
    pub started: String,
    /// Milliseconds of the whole test.
    pub duration_ms: u64,
    /// The test was ended before its time; what is here is only a part.
    pub interrupted: bool,
    /// Set where this is of a part of the test, which other machines ran the rest of: what is
    /// said is of that part alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The worst verdict that counts.
    pub verdict: Verdict,
    /// Why, one sentence without a full stop; may be empty.
    #[serde(default)]
    pub because: String,
    /// How the program ended; says the exit code.
    pub outcome: Outcome,
    /// Everything that makes the verdict what it is was accepted.
    #[serde(default)]
    pub accepted: bool,
    /// The first date on which one of those acceptances ends, `2027-03-01`.
    #[serde(default)]
    pub accepted_until: Option<String>,
    /// From which severity on a finding makes the test fail.
    #[serde(default = "fail_on")]
    pub fail_on: Severity,
    /// How many defences must fail together; `None` where nothing is private.
    pub margin: Option<Margin>,
    /// What became of each drill, where drills were run; they count in no verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drills: Vec<DrillScore>,
    /// What exactly was tested.
    pub subject: Subject,
    /// The project and its private packages.
    pub project: ProjectSummary,
    /// npm's built-in default registry, as the toolchain's own npm has it.
    pub public_registry: Option<String>,
    /// The kept answers of registries that the runs were served from.
    #[serde(default)]
    pub store: Option<Store>,
    /// What virtual registries give for private names, beside what the registries behind
    /// them have, where `[[registry]] behind` names one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolutions: Vec<Resolution>,
    /// One for each sandbox, in the order of the plan.
    pub runs: Vec<Run>,
    /// The worst first.
    pub findings: Vec<Finding>,
    /// What scripts did in some of several equal runs only, or under other names in each.
    #[serde(default)]
    pub noise: Vec<Noise>,
    /// What was tested of what there is.
    pub coverage: Coverage,
}

/// What varied between equal runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// The ids of the equal runs.
    pub runs: Vec<String>,
    /// What of them varied.
    pub varying: Vec<Varying>,
}

fn fail_on() -> Severity {
    Severity::Error
}

/// The program that made a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `sealcheck`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the executable, hexadecimal; `None` where it could not be read.
    pub sha256: Option<String>,
}

/// How many of the project's defences must fail together before a stranger's
/// bytes are installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Margin {
    /// No set of fewer losses that was tried leaks.
    pub at_least: u32,
    /// The smallest sets of losses that leaked.
    pub smallest: Vec<Vec<Loss>>,
    /// The same for a stranger's code: no set of fewer losses that was tried lets it run.
    #[serde(default)]
    pub at_least_to_run: Option<u32>,
    /// The smallest sets of losses by which it ran.
    #[serde(default)]
    pub smallest_to_run: Vec<Vec<Loss>>,
    /// A set of so few losses could not be observed: the number may be larger.
    #[serde(default)]
    pub unobserved: bool,
    /// Single changes to the project that were tried in its place, up to the first that
    /// raises the number; none where nothing leaked or nothing is left to change.
    #[serde(default)]
    pub changes: Vec<MarginChange>,
    /// What is asked for.
    pub required: u32,
    /// The command it is true of.
    pub command: Vec<String>,
    /// What else is taken for granted, one sentence each.
    pub assumes: Vec<String>,
}

/// A change to the project's own files, and what became of the margin in a copy that has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarginChange {
    /// What was done, as advice.
    pub says: String,
    /// The defence that it adds, or adds to.
    pub adds: Loss,
    /// What trying it showed.
    pub became: Became,
}

/// Digests of what was tested.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The commit; `None` outside of git.
    pub commit: Option<String>,
    /// Tracked files differ from the commit.
    pub dirty: Option<bool>,
    /// `sha512-…` of the lockfile.
    pub lockfile_sha512: Option<String>,
    /// `sha512-…` of each npmrc that was read, secrets replaced first.
    pub npmrc_sha512: Vec<String>,
    /// `sha512-…` of the policy file.
    pub policy_sha512: Option<String>,
    /// `sha512-…` of all scenarios that were considered.
    pub scenarios_sha512: Option<String>,
    /// `sha512-…` of the accepted baseline that was compared with.
    #[serde(default)]
    pub baseline_sha512: Option<String>,
    /// `sha512-…` of all that the result depends on and that was known before: files, plan,
    /// toolchain, options; not what registries answered. `None` where the project was
    /// written to while it was tested, and of drills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs_sha512: Option<String>,
}

/// The project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectSummary {
    /// The folder's name, to show.
    pub name: String,
    /// `name` of its package.json.
    pub root_package: Option<String>,
    /// `lockfileVersion`.
    pub lockfile_version: Option<u32>,
    /// Number of packages that the lockfile wants.
    pub packages: usize,
    /// Ordered by name.
    pub private: Vec<PrivatePackage>,
    /// Names of local packages, ordered.
    pub local: Vec<String>,
    /// Names that nothing decides, ordered.
    pub undecided: Vec<String>,
}

/// A private package and what says that it is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PrivatePackage {
    /// Its name.
    pub name: String,
    /// The registry it must come from.
    pub registry: String,
    /// Why, a fragment: "`@acme:registry` maps its scope".
    pub because: String,
    /// Which file and level decided: `.npmrc:1 (project)`.
    pub from: String,
}

/// The kept answers of registries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Store {
    /// Its folder; `None` for one that is gone with the test.
    pub path: Option<String>,
    /// When the oldest answer that was used was fetched, RFC 3339.
    pub oldest: Option<String>,
    /// When the newest was.
    pub newest: Option<String>,
    /// Nothing was fetched: `--offline`.
    pub offline: bool,
}

/// The toolchain of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Toolchain {
    /// Node's version, without `v`.
    pub node: String,
    /// npm's version.
    pub npm: String,
    /// Why this one, a fragment: "`packageManager` in package.json".
    #[serde(default)]
    pub because: String,
}

/// One scenario, in one sandbox, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// `private-refused-1`. Unique in a report.
    pub id: String,
    /// The scenario's name.
    pub scenario: String,
    /// What has gone wrong in it, one line.
    #[serde(default)]
    pub title: String,
    /// The trap that must leak; it counts in no verdict.
    #[serde(default)]
    pub control: bool,
    /// The defences that it took away.
    pub losses: Vec<Loss>,
    /// `namespaces`, `container`.
    pub backend: String,
    /// The container's image.
    pub image: Option<String>,
    /// Node and npm.
    pub toolchain: Toolchain,
    /// Processor and C library of the place, in node's words: `x64 glibc`; `None` in reports
    /// that did not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What is said of it.
    pub verdict: Verdict,
    /// Why, one sentence without a full stop.
    pub because: String,
    /// Whether what it shows counts toward the report's verdict: not where it is the trap, and
    /// where defences were taken away only a leak or what went unobserved does, while fewer
    /// went than must be needed. Absent in reports that did not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<bool>,
    /// The command as run.
    pub command: Vec<String>,
    /// The command that was to be run in the same place once the first had exited with 0.
    /// Each is a process without a parent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<String>,
    /// The exit code of the last npm that was started; `None` where it never started, was killed or was cut short.
    pub exit_code: Option<i32>,
    /// The signal that ended npm.
    #[serde(default)]
    pub signal: Option<i32>,
    /// Why the run was ended before its time.
    #[serde(default)]
    pub cut_short: Option<CutShort>,
    /// What npm said was wrong.
    pub npm_error: Option<NpmError>,
    /// Milliseconds of the command.
    pub duration_ms: u64,
    /// Which repetition, from 1.
    pub repeat: u32,
    /// What was changed beyond the losses: "fetch-retries=0".
    #[serde(default)]
    pub notes: Vec<String>,
    /// Whether the witness traced processes.
    #[serde(default)]
    pub traced: bool,
    /// Decoys that were on offer.
    pub decoys: Vec<Decoy>,
    /// Ordered by path.
    pub packages: Vec<Package>,
    /// Ordered by `seq`.
    pub exchanges: Vec<Exchange>,
    /// Ordered by `seq`.
    pub lookups: Vec<Lookup>,
    /// Ordered by id.
    pub processes: Vec<Process>,
    /// In the order in which they were tried.
    pub connections: Vec<Connection>,
    /// Ordered by path.
    pub files: Vec<File>,
    /// Planted secrets that scripts read.
    #[serde(default)]
    pub reads: Vec<SecretRead>,
    /// The ends of npm's output.
    pub output: Output,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// Indices into the report's `findings`, ascending.
    pub findings: Vec<usize>,
}

/// What was tested of what there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Private packages that at least one observed run put to the test.
    pub private_tested: usize,
    /// Private packages there are.
    pub private_total: usize,
    /// Scenarios that ran.
    pub scenarios_run: usize,
    /// Scenarios that mean nothing here.
    pub not_applicable: Vec<NotApplicable>,
    /// Pairs of node and npm that a list asked for and that cannot work, one fragment each:
    /// "npm 12.2.0 needs node >=22, and node 20 was asked for".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub impossible_toolchains: Vec<String>,
}

/// A scenario that means nothing for the project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct NotApplicable {
    /// Its name.
    pub scenario: String,
    /// Why, a fragment: "no package is private".
    pub reason: String,
    /// It was asked for by name.
    #[serde(default)]
    pub asked: bool,
}

impl Report {
    /// Puts findings, their runs and their evidence into the one order that
    /// every report has, and tells each run which of them are its own. Runs
    /// stay in the order of the plan.
    pub fn arrange(&mut self) {
        let place: BTreeMap<&str, usize> =
            self.runs.iter().enumerate().map(|(at, run)| (run.id.as_str(), at)).collect();
        for finding in &mut self.findings {
            finding.runs.sort_by_key(|id| place.get(id.as_str()).copied());
            finding.runs.dedup();
            finding.evidence.sort_by_key(|fact| (place.get(fact.run.as_str()).copied(), fact.kind, fact.at));
            finding.evidence.dedup();
        }
        self.findings.sort_by(|left, right| {
            (right.counts, right.severity)
                .cmp(&(left.counts, left.severity))
                .then_with(|| left.rule.cmp(&right.rule))
                .then_with(|| left.package.cmp(&right.package))
                .then_with(|| left.location.cmp(&right.location))
                .then_with(|| left.fingerprint.cmp(&right.fingerprint))
        });
        for run in &mut self.runs {
            run.findings =
                (0..self.findings.len()).filter(|at| self.findings[*at].runs.contains(&run.id)).collect();
        }
        self.project.private.sort();
        self.project.local.sort();
        self.project.undecided.sort();
        self.coverage.not_applicable.sort();
    }

    /// How many findings of a severity count and are not accepted.
    pub fn count(&self, severity: Severity) -> usize {
        let open = |finding: &&Finding| finding.counts && finding.accepted.is_none();
        self.findings.iter().filter(open).filter(|finding| finding.severity == severity).count()
    }

    /// Whether what a run shows counts toward the verdict. A report that does not say it
    /// required its margin, or 2 where it has none.
    pub fn counts(&self, run: &Run) -> bool {
        run.counts.unwrap_or_else(|| {
            let required = self.margin.as_ref().map_or(2, |margin| margin.required as usize);
            crate::finding::counts(run.control, run.losses.len(), run.verdict, required)
        })
    }

    /// Runs of which silence proves nothing: what went unobserved, and a trap that was not
    /// live. A drill that never ends is seen when it is ended at its limit, as it says itself.
    pub fn unseen(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| match self.drills.iter().find(|score| score.run == run.id) {
            Some(score) => score.outcome == DrillOutcome::Unobserved,
            None => run.verdict == Verdict::Unobserved || (run.control && run.verdict != Verdict::Leaked),
        })
    }

    /// The run of an id.
    pub fn run(&self, id: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }
}
