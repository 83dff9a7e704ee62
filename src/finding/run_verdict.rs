//! Whether what a scenario demands of the install itself could be measured.
//!
//! What was wrong is said by rules; here stands when silence is no answer.

use super::case::{CREDENTIAL_NOT_SET, Case, INTERNAL_ADDRESS, NOT_IN_STORE, Run, ours, withheld};
use super::refusal::refusal;
use super::{Observed, Verdict};
use crate::evidence::fact::{Package, SourceKind};
use crate::project::class::Class;
use crate::scenario::{Answer, Install, Reach};
use crate::wire::{CutShort, GapKind};

/// A verdict with its reason, a fragment.
pub(super) type Because = (Verdict, String);

/// Sealed or unobserved, where no rule spoke.
pub(super) fn measured(case: &Case<'_>, run: &Run<'_>) -> Because {
    if let Some(cut) = run.evidence.cut_short {
        let why = match cut {
            CutShort::Time => "our time limit ended it",
            CutShort::Memory => "our memory limit ended it",
            CutShort::Disk => "our limit of what is written to disk ended it",
            CutShort::Host => "it was interrupted",
        };
        return unobserved(why);
    }
    if run.evidence.exit.is_none() {
        let lost = run.evidence.gaps.iter().find(|gap| gap.hides_answer && gap.kind == GapKind::Witness);
        return unobserved(lost.map_or_else(
            || "the command never ended".to_owned(),
            |gap| format!("the command never ended: {}", gap.detail),
        ));
    }
    if let Some(exchange) = upstream_out_of_reach(run) {
        return unobserved(match (&exchange.fault, &exchange.credential_label) {
            (Some(fault), Some(label)) if fault == CREDENTIAL_NOT_SET => {
                let status = exchange.status.unwrap_or_default();
                let (why, _) = withheld(case.project, label);
                format!("{why}, and {} answered {status} without it", exchange.host)
            }
            (Some(fault), _) if fault == NOT_IN_STORE => {
                format!("{} may not be asked (offline), and the store has no answer of it", exchange.host)
            }
            (Some(fault), _) if fault == INTERNAL_ADDRESS => {
                format!("{} has an internal address, and only the project's own files name it", exchange.host)
            }
            _ => format!("{} could not be reached by the gateway", exchange.host),
        });
    }
    if let Some(refused) = refusal(case, run) {
        return unobserved(refused.message);
    }
    match run.scenario.demand.install {
        Install::MustWork if run.worked() => sealed(case, run),
        // The rule on failed installs speaks of it.
        Install::MustWork => unobserved(format!("`{}` {}", run.command(), run.ending())),
        Install::Anyhow => sealed(case, run),
        Install::MayFail if run.worked() => sealed(case, run),
        Install::MustFail if run.worked() => unfelt(run).map_or_else(
            || (Verdict::Sealed, "all that the fault could touch is optional or cached".to_owned()),
            |package| {
                unobserved(format!(
                    "the fault was not felt: {} was installed in spite of it, not from a cache",
                    package.name
                ))
            },
        ),
        Install::MayFail | Install::MustFail => refused(case, run),
    }
}

fn unobserved(because: impl Into<String>) -> Because {
    (Verdict::Unobserved, because.into())
}

fn sealed(case: &Case<'_>, run: &Run<'_>) -> Because {
    let installed = run.evidence.packages.iter().filter(|package| package.version.is_some()).count();
    let locked = case.project.lockfile.entries.len();
    // A scenario that omits may leave nothing of a lockfile, and one that updates dry installs
    // nothing; a project that tests so tests nothing.
    let install = &run.scenario.install;
    let by_scenario =
        install.npm_update_dry_run || install.npm_options.iter().any(|option| option.starts_with("--omit"));
    if run.worked() && installed == 0 && locked > 0 && !by_scenario {
        return unobserved(format!(
            "`{}` installs none of the {locked} packages of the lockfile here, so that nothing was tested",
            run.command()
        ));
    }
    let because = if run.worked() {
        format!("`{}` worked and each of {installed} packages came from where it must", run.command())
    } else {
        format!("`{}` {} and nothing foreign came in", run.command(), run.ending())
    };
    (Verdict::Sealed, because)
}

/// A failed install is an answer only if the fault is what failed it.
fn refused(case: &Case<'_>, run: &Run<'_>) -> Because {
    if baseline_fails(case) {
        return unobserved("the baseline fails as well, so that a failure proves nothing");
    }
    let code =
        run.evidence.npm_error.as_ref().map(|error| error.code.as_str()).filter(|code| !code.is_empty());
    let listed = &run.scenario.demand.codes;
    match code {
        Some(code) if listed.iter().any(|known| known == code) => {
            (Verdict::Sealed, format!("the install failed with {code}, as it must"))
        }
        Some(code) => unobserved(format!(
            "the install failed with {code}, which is not what this fault leads to ({})",
            listed.join(", ")
        )),
        None => unobserved(format!("`{}` {} without a code of npm's", run.command(), run.ending())),
    }
}

fn baseline_fails(case: &Case<'_>) -> bool {
    case.here().filter(|(_, run)| run.scenario.name == "baseline").any(|(_, run)| match &run.observed {
        Observed::Evidence(evidence) => evidence.exit != Some(crate::wire::Exit::Code(0)),
        Observed::Nothing(_) => true,
        Observed::NotApplicable { .. } => false,
    })
}

/// A package that should have felt the fault and did not.
fn unfelt<'a>(run: &Run<'a>) -> Option<&'a Package> {
    let world = &run.scenario.world;
    // Where no registry fails, the fault is the project's or npm's own and touches all
    // that is private.
    let own_fault = world.private == Answer::Genuine && world.public == Answer::Genuine;
    run.evidence.packages.iter().find(|package| {
        let answer = match package.class {
            Class::Private => world.private,
            Class::Public => world.public,
            Class::Local | Class::Other | Class::Undecided => Answer::Genuine,
        };
        let touched = match answer.reach() {
            Reach::Nothing => own_fault && package.class == Class::Private,
            Reach::Some => run.requests(&package.name).any(|exchange| exchange.fault.is_some()),
            Reach::All => true,
        };
        let fetched = package.source.as_ref().is_some_and(|source| match source.kind {
            SourceKind::Registry | SourceKind::Unknown => true,
            SourceKind::Cache
            | SourceKind::Git
            | SourceKind::File
            | SourceKind::Link
            | SourceKind::Bundled => false,
        });
        let missing = package.version.is_none() && !package.optional && package.lock.is_some();
        touched && (fetched || missing)
    })
}

/// An exchange that failed because upstream did, in no scenario.
pub(super) fn upstream_out_of_reach<'a>(run: &Run<'a>) -> Option<&'a crate::evidence::Exchange> {
    if run.worked() {
        return None;
    }
    run.evidence.exchanges.iter().find(|exchange| ours(exchange))
}
