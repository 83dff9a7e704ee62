//! What the rules look at: the project and its runs.

use super::location::Spot;
use super::{Confidence, EvidenceKind, Severity, Verdict};
use crate::compare::approved::{Fact, Standing, accepts_script};
use crate::evidence::exchange::{Exchange, ExchangeKind};
use crate::evidence::fact::{Evidence, Package, Process};
use crate::evidence::resolution::Resolution;
use crate::evidence::seal::{Platform, in_clone};
use crate::plan::margin::Measured;
use crate::project::Project;
use crate::project::class::Class;
use crate::project::npmrc::Level;
use crate::scenario::{Install, Loss, NpmDoes, Scenario};
use crate::wire::{Exit, GapKind, ProcessId};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// The first command's process.
const COMMAND: ProcessId = ProcessId(1);

/// A run to be judged.
#[derive(Debug, Clone)]
pub struct JudgedRun<'a> {
    /// Its id (`private-refused-1`).
    pub id: &'a str,
    /// Its scenario: losses and demand.
    pub scenario: &'a Scenario,
    /// Which repetition, from 1.
    pub repeat: u32,
    /// Under which toolchain and in which image: an index into the grounds.
    /// Runs are compared with those of their own place.
    pub place: usize,
    /// The platform inside.
    pub platform: &'a Platform,
    /// What was observed.
    pub observed: Observed<'a>,
}

/// What was observed of a run.
#[derive(Debug, Clone)]
pub enum Observed<'a> {
    /// It ran.
    Evidence(&'a Evidence),
    /// It could not be run, and why, a fragment: "no backend".
    Nothing(String),
    /// It means nothing here, and why.
    NotApplicable {
        /// Why, a fragment.
        reason: String,
        /// Whether the scenario was asked for by name.
        asked: bool,
    },
}

/// A place in which a project was tested.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The project as it was read there.
    pub project: &'a Project,
    /// How many defences must fail together, where that was measured.
    pub margin: Option<&'a Measured>,
    /// What virtual registries give for private names, beside what lies behind them.
    pub resolutions: &'a [Resolution],
    /// The accepted baseline, where there is one.
    pub approved: Option<Standing<'a>>,
    /// Scenarios that run in other shards of this test, by name.
    pub elsewhere: &'a [String],
}

/// Everything the rules may look at, in one place.
pub(super) struct Case<'a> {
    pub(super) project: &'a Project,
    /// The runs of every place.
    pub(super) runs: &'a [JudgedRun<'a>],
    /// Which is looked at.
    pub(super) place: usize,
    /// What was measured there.
    pub(super) margin: Option<&'a Measured>,
    /// What was compared there of virtual registries.
    pub(super) resolutions: &'a [Resolution],
    /// The accepted baseline, where there is one, as this place sees it.
    pub(super) approved: Option<Standing<'a>>,
    /// What it accepts here; `None` where it says nothing of this place.
    pub(super) accepted: Option<BTreeSet<Fact>>,
    /// Scenarios that run in other shards of this test, by name.
    pub(super) elsewhere: &'a [String],
    /// How many defences must be needed.
    pub(super) required_margin: usize,
    pub(super) today: Date,
}

/// A run that was observed.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    /// Its index in [`Case::runs`].
    pub(super) at: usize,
    pub(super) scenario: &'a Scenario,
    pub(super) repeat: u32,
    pub(super) platform: &'a Platform,
    pub(super) evidence: &'a Evidence,
}

impl<'a> Case<'a> {
    /// Every run of this place, with its index in [`Case::runs`].
    pub(super) fn here(&self) -> impl Iterator<Item = (usize, &'a JudgedRun<'a>)> + '_ {
        self.runs.iter().enumerate().filter(|(_, run)| run.place == self.place)
    }

    /// Every run of this place that has evidence.
    pub(super) fn observed(&self) -> impl Iterator<Item = Run<'a>> + '_ {
        self.here().filter_map(|(at, run)| match run.observed {
            Observed::Evidence(evidence) => {
                Some(Run { at, scenario: run.scenario, repeat: run.repeat, platform: run.platform, evidence })
            }
            Observed::Nothing(_) | Observed::NotApplicable { .. } => None,
        })
    }

    /// The run of the project as it is, in the world as it is.
    pub(super) fn baseline(&self) -> Option<Run<'a>> {
        self.observed().find(|run| run.scenario.name == "baseline")
    }

    /// Whether the accepted baseline knows that these scripts of a package run.
    pub(super) fn accepts_scripts(&self, name: &str, events: &[String]) -> bool {
        let known = |facts: &BTreeSet<Fact>| events.iter().all(|event| accepts_script(facts, name, event));
        self.accepted.as_ref().is_some_and(known)
    }

    /// The class of a name, by any lockfile entry that has it.
    pub(super) fn class_of(&self, name: &str) -> Option<Class> {
        self.project
            .lockfile
            .entries
            .values()
            .filter(|entry| entry.name.as_str() == name && entry.speaks_for_its_name())
            .filter_map(|entry| self.project.classes.get(&entry.path))
            .map(|classified| classified.class)
            .find(|class| is_own(*class))
            .or_else(|| {
                let others = self.project.lockfile.entries.values();
                let others = others.filter(|entry| entry.name.as_str() == name);
                let entry = others.max_by_key(|entry| entry.speaks_for_its_name())?;
                Some(self.project.classes.get(&entry.path)?.class)
            })
    }
}

impl<'a> Run<'a> {
    /// npm ended well.
    pub(super) fn worked(&self) -> bool {
        self.evidence.exit == Some(Exit::Code(0)) && self.evidence.cut_short.is_none()
    }

    /// npm ended by itself and badly.
    pub(super) fn failed(&self) -> bool {
        self.evidence.cut_short.is_none() && matches!(self.evidence.exit, Some(exit) if exit != Exit::Code(0))
    }

    /// The script of a package that failed, and how it ended.
    pub(super) fn failed_script(&self, path: &str) -> Option<(&'a str, &'a str)> {
        self.evidence.processes.iter().find_map(|process| {
            let own = process.package.as_deref() == Some(path);
            let exit = process.exit.as_deref().filter(|exit| own && *exit != "0")?;
            Some((process.event.as_deref()?, exit))
        })
    }

    /// The lifecycle script that failed the install. npm begins none before every package is
    /// unpacked and held against the lockfile: what came was accepted. (Only npm 12 runs the root's
    /// `preinstall` earlier, when nothing has come.)
    pub(super) fn failing_script(&self) -> Option<&'a Process> {
        // npm's code is then the script's own.
        let code = &self.evidence.npm_error.as_ref().filter(|_| self.failed())?.code;
        code.parse::<u8>().ok()?;
        self.evidence
            .processes
            .iter()
            .find(|process| process.event.is_some() && process.exit.as_deref() == Some(code.as_str()))
    }

    /// "exited 1", "was ended by signal 9".
    pub(super) fn ending(&self) -> String {
        match self.evidence.exit {
            Some(Exit::Code(code)) => format!("exited {code}"),
            Some(Exit::Signal(signal)) => format!("was ended by signal {signal}"),
            None => "did not end".to_owned(),
        }
    }

    /// The command as a line, and what was run behind it.
    pub(super) fn command(&self) -> String {
        let commands = [&self.evidence.command, &self.evidence.then];
        let lines = commands.into_iter().filter(|words| !words.is_empty()).map(|words| words.join(" "));
        lines.collect::<Vec<_>>().join(" && ")
    }

    pub(super) fn lost(&self, loss: Loss) -> bool {
        self.scenario.losses.contains(&loss)
    }

    pub(super) fn must_work(&self) -> bool {
        match self.scenario.demand.install {
            Install::MustWork => true,
            Install::MayFail | Install::MustFail | Install::Anyhow => false,
        }
    }

    /// The installed tree was seen: a package in it, or nothing that could have hidden one.
    pub(super) fn tree_seen(&self) -> bool {
        let blind = self.evidence.gaps.iter().any(|gap| gap.kind == GapKind::Tree && gap.hides_answer);
        !blind
            || self
                .evidence
                .packages
                .iter()
                .any(|package| package.version.is_some() && package.path.contains("node_modules/"))
    }

    /// Whether npm is here because the scenario's own redirect led it on within the same host
    /// name, where the scenario says that npm takes a token along. What a script sends there
    /// is the script's doing.
    pub(super) fn led_within_host(&self, exchange: &Exchange) -> bool {
        // Of a request that is nobody's, a script may be the one who made it.
        let by_npm =
            exchange.process.and_then(|id| self.process(id)).is_some_and(|process| process.package.is_none());
        let here = format!("{}:{}", exchange.host, exchange.port);
        let says = self.scenario.demand.npm_does.contains(&NpmDoes::KeepsTokenOnSameHost);
        says && by_npm
            && self.evidence.exchanges.iter().any(|from| {
                from.seq < exchange.seq
                    && from.fault.is_some()
                    && from.host == exchange.host
                    && from.path == exchange.path
                    && from.redirected_to.as_deref() == Some(&here)
            })
    }

    pub(super) fn packages(&self) -> impl Iterator<Item = (u32, &'a Package)> + use<'a> {
        (0u32..).zip(&self.evidence.packages)
    }

    /// Requests about a package by name.
    pub(super) fn requests(&self, name: &str) -> impl Iterator<Item = &'a Exchange> {
        let name = name.to_owned();
        self.evidence.exchanges.iter().filter(move |exchange| {
            exchange.package.as_deref() == Some(&name)
                && matches!(exchange.kind, ExchangeKind::Packument | ExchangeKind::Tarball)
        })
    }

    /// Whether a process is of the second command's. Ordinals follow first sight, and who made
    /// a process that ran no program of its own is not told.
    pub(super) fn is_of_second(&self, process: &Process) -> bool {
        let commands = self.evidence.processes.iter().filter(|process| process.parent.is_none());
        let Some(second) = commands.map(|command| command.id).find(|id| *id != COMMAND) else { return false };
        let mut at = process;
        while let Some(parent) = at.parent.filter(|parent| *parent < at.id) {
            match self.process(parent) {
                Some(known) => at = known,
                None => return parent > second,
            }
        }
        at.id == second
    }

    /// Whether npm asked, and no script; of what nobody is known to have asked, npm is assumed.
    pub(super) fn by_npm(&self, exchange: &Exchange) -> bool {
        let process = exchange.process.and_then(|process| self.process(process));
        process.is_none_or(|process| process.package.is_none())
    }

    /// The process with this id.
    pub(super) fn process(&self, id: ProcessId) -> Option<&'a Process> {
        self.evidence.processes.iter().find(|process| process.id == id)
    }
}

/// Files of repositories that npm ran, and of none of whose scripts it knew: by their path in
/// the clone.
pub(super) fn ran_in_clones<'a>(run: &Run<'a>) -> BTreeMap<&'a str, &'a Process> {
    let mut files = BTreeMap::new();
    for process in run.evidence.processes.iter().filter(|process| process.event.is_none()) {
        for file in process.ran.iter().filter_map(|path| in_clone(path)) {
            files.entry(file).or_insert(process);
        }
    }
    files
}

/// Whether a name of this class belongs to the owner alone.
pub(super) fn is_own(class: Class) -> bool {
    matches!(class, Class::Private | Class::Local)
}

/// `name@version`, or the name alone.
pub(super) fn spec(name: &str, version: Option<&str>) -> String {
    match version {
        Some(version) if !version.is_empty() => format!("{name}@{version}"),
        Some(_) | None => name.to_owned(),
    }
}

/// Whether an answer failed: a status of refusal or a fault.
pub(super) fn failed_answer(exchange: &Exchange) -> bool {
    exchange.fault.is_some() || exchange.status.is_none_or(|status| status >= 400)
}

/// Faults that no scenario plays: the gateway could not do what was asked of
/// it, or npm did not trust its certificate. What follows proves nothing.
pub(super) fn ours(exchange: &Exchange) -> bool {
    const OURS: [&str; 6] = [
        CREDENTIAL_NOT_SET,
        NOT_IN_STORE,
        INTERNAL_ADDRESS,
        "folder-unreadable",
        "store-unreadable",
        "tls-handshake-failed",
    ];
    exchange.fault.as_deref().is_some_and(|fault| fault.starts_with("upstream-") || OURS.contains(&fault))
}

/// The fault of a request to a host that the gateway could not reach.
pub(super) const UPSTREAM_UNREACHABLE: &str = "upstream-unreachable";

/// The fault of a request to an internal address that only the tested project's files name.
pub(super) const INTERNAL_ADDRESS: &str = "internal-address";

/// The fault of a request that may not go out (`--offline`) and whose answer is not kept.
pub(super) const NOT_IN_STORE: &str = "not-in-store";

/// The fault of a request whose credential has no real value: the registry saw none.
pub(super) const CREDENTIAL_NOT_SET: &str = "credential-not-set";

/// Why a credential has no real value, and what gives it one.
pub(super) fn withheld(project: &Project, label: &str) -> (String, String) {
    let of_project = project.config.settings.iter().find(|setting| {
        setting.level == Level::Project && setting.variables.iter().any(|(name, set)| name == label && *set)
    });
    match of_project {
        Some(setting) => (
            format!(
                "only the project's own `.npmrc` names {label}, and no file of a tested project may have a variable sent"
            ),
            format!(
                "put `{}=${{{label}}}` into your own `~/.npmrc`, or tie {label} to the registry in the policy file",
                setting.key
            ),
        ),
        None => not_set(project, label),
    }
}

/// What is said of a variable that is not set, and what to do about it.
fn not_set(project: &Project, label: &str) -> (String, String) {
    if let Some(name) = label.strip_suffix('?') {
        return (
            format!("this npm takes `${{{label}}}` as it is written"),
            format!("write `${{{name}}}`, or use npm 11.6 or later"),
        );
    }
    let settings = &project.config.settings;
    let naming = settings.iter().rfind(|setting| setting.variables.iter().any(|(name, _)| name == label));
    let hides = naming
        .filter(|naming| settings.iter().any(|other| other.key == naming.key && other.level < naming.level));
    match hides.and_then(|naming| naming.place.as_ref()) {
        Some(place) => (
            format!(
                "{label} is not set, and the line that names it ({place}) hides the credential of the levels below it from npm"
            ),
            format!("set {label} to a token that may read the registry, or take the line out"),
        ),
        None => (
            format!("{label} is not set"),
            format!("set {label} to a token that may read the registry, and run this again"),
        ),
    }
}

/// "answered 404", "refused the connection": what a host did. What we answered in its place is
/// never said of the host.
pub(super) fn answered(exchange: &Exchange) -> String {
    if let (Some(why), Some(status)) = (&exchange.not_asked, exchange.status) {
        return format!("was not asked: sealcheck answered {status} in its place, because {why}");
    }
    match (exchange.fault.as_deref(), exchange.status) {
        (Some(UPSTREAM_UNREACHABLE), _) => "could not be reached".to_owned(),
        (Some(NOT_IN_STORE), _) => "may not be asked (offline), and the store has no answer of it".to_owned(),
        (Some(INTERNAL_ADDRESS), _) => "has an internal address and was not asked".to_owned(),
        (Some("refused"), _) => "refused the connection".to_owned(),
        (Some("nx-domain"), _) => "has no address".to_owned(),
        (Some("tampered"), _) => "served other bytes".to_owned(),
        (Some(_), Some(status)) if status >= 400 => format!("answered {status}"),
        (Some(fault), Some(status)) => format!("answered {status} and failed ({fault})"),
        (Some(fault), None) => format!("failed ({fault})"),
        (None, Some(status)) => format!("answered {status}"),
        (None, None) => "gave no answer".to_owned(),
    }
}

/// Whose script a process belongs to, for people.
pub(super) fn owner(process: &Process) -> String {
    let path = process.package.as_deref().unwrap_or("npm");
    let path = match path {
        "" => "the root project",
        // The folder's own name is made up by npm.
        path if in_clone(&format!("{path}/")) == Some("") => "a dependency from git",
        path => path,
    };
    process.package_name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| path.to_owned())
}

/// What a rule saw, before it is merged with the same sight in other runs.
#[derive(Debug, Clone)]
pub(super) struct Sighting {
    pub(super) package: Option<String>,
    /// What tells two faults of one rule and package apart; never a run's name.
    pub(super) key: String,
    pub(super) message: String,
    /// What the message ends in, as a list: of the same sight in other runs the lists are one.
    pub(super) lists: Vec<String>,
    pub(super) help: String,
    pub(super) spot: Spot,
    pub(super) evidence: Vec<(EvidenceKind, u32)>,
    /// Runs it showed in; a rule of one run leaves it empty.
    pub(super) runs: Vec<usize>,
    /// Where it differs from the rule's own.
    pub(super) severity: Option<Severity>,
    /// Where it differs from the rule's own.
    pub(super) confidence: Option<Confidence>,
    /// Where it differs from the rule's own.
    pub(super) forces: Option<Verdict>,
}

impl Sighting {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            package: None,
            key: String::new(),
            message: message.into(),
            lists: Vec::new(),
            help: help.into(),
            spot: Spot::Nowhere,
            evidence: Vec::new(),
            runs: Vec::new(),
            severity: None,
            confidence: None,
            forces: None,
        }
    }

    pub(super) fn package(mut self, name: impl Into<String>) -> Self {
        self.package = Some(name.into());
        self
    }

    pub(super) fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    pub(super) fn lists(mut self, lists: Vec<String>) -> Self {
        self.lists = lists;
        self
    }

    pub(super) fn at(mut self, spot: Spot) -> Self {
        self.spot = spot;
        self
    }

    pub(super) fn seen(mut self, kind: EvidenceKind, at: u32) -> Self {
        self.evidence.push((kind, at));
        self
    }

    pub(super) fn runs(mut self, runs: Vec<usize>) -> Self {
        self.runs = runs;
        self
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    pub(super) fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = Some(confidence);
        self
    }

    pub(super) fn forces(mut self, verdict: Verdict) -> Self {
        self.forces = Some(verdict);
        self
    }
}
