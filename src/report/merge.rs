//! One report from the shards of a test: what the test would have said as a whole.
//!
//! Pure. Everything is settled anew from what the rules saw in each shard, by the code that
//! settles a whole test. Shards that are not of one test, or not all of it, are refused.

#[cfg(test)]
mod tests;

use super::model::{Noise, Report, Run, Store};
use super::opinion::Verdict;
use super::outcome::Outcome;
use super::shard::Shard;
use crate::finding::{Basis, Limits, Part, RunFact, Seen, united};
use crate::text::Complaint;
use std::collections::{BTreeMap, BTreeSet};

/// A shard as it was read.
struct Read {
    /// The file's name, to show.
    name: String,
    report: Report,
    shard: Shard,
}

/// Merges saved reports, each with the name of its file.
///
/// # Errors
/// Where one is of a whole test, of another test or twice there, and where one is missing.
pub fn merge(reports: Vec<(String, Report)>) -> Result<Report, Complaint> {
    let mut shards = Vec::new();
    for (name, mut report) in reports {
        let Some(shard) = report.shard.take() else {
            return Err(Complaint::about(format!("`{name}` is no shard: it is the report of a whole test"))
                .help("merge the reports that `sealcheck test --shard K/N --report json=PATH` wrote"));
        };
        shards.push(Read { name, report, shard });
    }
    let nothing = || Complaint::about("there is nothing to merge").help("name the report of each shard");
    let Some(first) = shards.first() else { return Err(nothing()) };
    for other in &shards {
        same_test(first, other)?;
    }
    let count = first.shard.count;
    all_there(&shards, count)?;
    shards.sort_by_key(|read| read.shard.index);
    for read in &shards {
        says_its_own(read)?;
    }
    merged(shards).ok_or_else(nothing)
}

/// Whether two are of one test.
fn same_test(one: &Read, other: &Read) -> Result<(), Complaint> {
    let (known, shard) = (&one.shard, &other.shard);
    if shard.count == 0 || shard.index == 0 || shard.index > shard.count {
        return Err(Complaint::about(format!("`{}` cannot be {}", other.name, shard.name()))
            .help("the file was changed by hand or by another program; run that shard again"));
    }
    if known.count != shard.count {
        return Err(Complaint::about(format!(
            "`{}` is {} and `{}` is {}: they are of differently divided tests",
            one.name,
            known.name(),
            other.name,
            shard.name()
        ))
        .help("merge the shards of one test only"));
    }
    let names: BTreeSet<&String> = known.inputs.keys().chain(shard.inputs.keys()).collect();
    let differ: Vec<&str> = names
        .into_iter()
        .filter(|name| known.inputs.get(*name) != shard.inputs.get(*name))
        .map(String::as_str)
        .collect();
    if !differ.is_empty() {
        return Err(Complaint::about(format!(
            "`{}` and `{}` are of different tests, they differ in: {}",
            one.name,
            other.name,
            differ.join(", ")
        ))
        .help("run every shard with the same commit, sealcheck, node, npm and options"));
    }
    let planned = |shard: &Shard| -> Vec<(String, String, usize, u32)> {
        let runs = shard.of.iter();
        runs.map(|run| (run.id.clone(), run.scenario.clone(), run.place, run.shard)).collect()
    };
    if planned(known) != planned(shard) {
        return Err(Complaint::about(format!(
            "`{}` and `{}` are of different tests, they were planned otherwise",
            one.name, other.name
        ))
        .help("run every shard with the same commit, sealcheck, node, npm and options"));
    }
    Ok(())
}

/// Whether each shard is there, and once.
fn all_there(shards: &[Read], count: u32) -> Result<(), Complaint> {
    let mut known: BTreeMap<u32, &str> = BTreeMap::new();
    for read in shards {
        if let Some(before) = known.insert(read.shard.index, &read.name) {
            return Err(Complaint::about(format!(
                "`{before}` and `{}` are both {}",
                read.name,
                read.shard.name()
            ))
            .help("name each shard once"));
        }
    }
    // A shard that says it is one of four billion must not be counted up to.
    let missing = (1..=count).filter(|index| !known.contains_key(index));
    let shown: Vec<String> = missing.take(SHOWN).map(|index| index.to_string()).collect();
    if shown.is_empty() {
        return Ok(());
    }
    let lack = usize::try_from(count).unwrap_or(usize::MAX).saturating_sub(known.len());
    let more = lack.saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let word = if lack == 1 { "shard" } else { "shards" };
    let is = if lack == 1 { "is" } else { "are" };
    Err(Complaint::about(format!("{word} {}{more} of {count} {is} missing", shown.join(", ")))
        .help("name the report of every shard; run again what did not end, with the same `--shard K/N`"))
}

/// Numbers that are written out.
const SHOWN: usize = 20;

/// Whether a shard has what it says that it has.
fn says_its_own(read: &Read) -> Result<(), Complaint> {
    let bad = |what: String| {
        Err(Complaint::about(format!("`{}` is not as sealcheck wrote it: {what}", read.name))
            .help("the file was changed by hand or by another program; run that shard again"))
    };
    let mut ids = BTreeSet::new();
    for run in &read.shard.of {
        if !ids.insert(run.id.as_str()) {
            return bad(format!("two planned runs have the id `{}`", run.id));
        }
        if run.shard == 0 || run.shard > read.shard.count {
            return bad(format!("no shard answers for the run `{}`", run.id));
        }
        let own = run.shard == read.shard.index;
        if own && (run.made.is_none() || read.report.run(&run.id).is_none()) {
            return bad(format!("its run `{}` is not there", run.id));
        }
    }
    let planned = read.shard.of.len();
    let pointed = read
        .shard
        .sights
        .iter()
        .flat_map(|sight| sight.runs.iter().copied().chain(sight.evidence.iter().map(|fact| fact.run)));
    match pointed.max() {
        Some(run) if run >= planned => bad(format!("it speaks of run {run}, and there are {planned}")),
        Some(_) | None => Ok(()),
    }
}

/// All of one test, in the order of their index; `None` of none.
fn merged(mut shards: Vec<Read>) -> Option<Report> {
    let parts: Vec<Part> = shards
        .iter_mut()
        .map(|read| Part { own: own(&read.shard), sights: std::mem::take(&mut read.shard.sights) })
        .collect();
    let noise = noise(&shards);
    let store = store(&shards);
    let tested = shards.iter().flat_map(|read| read.shard.private_tested.iter());
    let private_tested = tested.collect::<BTreeSet<_>>().len();
    let interrupted = shards.iter().any(|read| read.report.interrupted);
    // Shards run side by side, or one again on another day: what adds up is their work.
    let duration_ms = shards.iter().fold(0_u64, |sum, read| sum.saturating_add(read.report.duration_ms));
    let started = shards.iter().map(|read| read.report.started.clone()).min()?;
    // On another machine node may lie elsewhere: then it is nobody's digest.
    let mut inputs: BTreeSet<Option<String>> =
        shards.iter().map(|read| read.report.subject.inputs_sha512.clone()).collect();
    let inputs = if inputs.len() == 1 { inputs.pop_first().flatten() } else { None };
    let (mut facts, runs): (Vec<RunFact>, Vec<Run>) = runs(&mut shards).into_iter().unzip();
    let Read { mut report, shard, .. } = shards.into_iter().next()?;
    let scenarios = facts.iter().zip(&runs).filter(|(fact, _)| fact.seen == Seen::Whole);
    let scenarios_run = scenarios.map(|(_, run)| &run.scenario).collect::<BTreeSet<_>>().len();
    let asked = report.coverage.not_applicable.iter().filter(|one| one.asked);
    facts.extend(asked.map(|one| RunFact {
        id: one.scenario.clone(),
        control: false,
        losses: 0,
        seen: Seen::NotApplicable { asked: true },
        verdict: Verdict::NotApplicable,
        because: one.reason.clone(),
    }));
    let limits = Limits { required_margin: shard.required_margin as usize, fail_on: report.fail_on };
    let judgement = Basis { facts, sights: united(&parts) }.settled(limits);
    report.runs = runs;
    for (run, said) in report.runs.iter_mut().zip(judgement.runs) {
        (run.verdict, run.because, run.counts) = (said.verdict, said.because, Some(said.counts));
    }
    report.started = started;
    report.subject.inputs_sha512 = inputs;
    report.duration_ms = duration_ms;
    report.interrupted = interrupted;
    report.outcome = Outcome::of(judgement.exit_code, interrupted);
    report.verdict = judgement.verdict;
    report.because = judgement.because;
    report.accepted = judgement.accepted;
    report.accepted_until = judgement.accepted_until;
    report.findings = judgement.findings;
    report.store = store;
    report.noise = noise;
    report.coverage.private_tested = private_tested.min(report.coverage.private_total);
    report.coverage.scenarios_run = scenarios_run;
    report.arrange();
    Some(report)
}

/// The runs that a shard answers for.
fn own(shard: &Shard) -> BTreeSet<usize> {
    let runs = shard.of.iter().enumerate();
    runs.filter(|(_, run)| run.shard == shard.index).map(|(at, _)| at).collect()
}

/// Every run from the shard that answers for it, in the order of the plan. They are taken
/// out of the shards, since evidence is large.
fn runs(shards: &mut [Read]) -> Vec<(RunFact, Run)> {
    let of: Vec<(String, u32)> = shards
        .first()
        .map_or_else(Vec::new, |read| read.shard.of.iter().map(|run| (run.id.clone(), run.shard)).collect());
    let mut there: Vec<BTreeMap<String, Run>> = shards
        .iter_mut()
        .map(|read| read.report.runs.drain(..).map(|run| (run.id.clone(), run)).collect())
        .collect();
    let mut runs = Vec::new();
    for (at, (id, index)) in of.into_iter().enumerate() {
        let owner = shards.iter().position(|read| read.shard.index == index);
        let Some((read, there)) = owner.and_then(|owner| Some((shards.get(owner)?, there.get_mut(owner)?)))
        else {
            continue;
        };
        let made = read.shard.of.get(at).and_then(|run| run.made.as_ref());
        let (Some(made), Some(run)) = (made, there.remove(&id)) else { continue };
        let fact = RunFact {
            id,
            control: run.control,
            losses: run.losses.len(),
            seen: if made.observed { Seen::Whole } else { Seen::Nothing },
            verdict: made.verdict,
            because: made.because.clone(),
        };
        runs.push((fact, run));
    }
    runs
}

/// What varied between equal runs, which one shard made all of; by place and scenario.
fn noise(shards: &[Read]) -> Vec<Noise> {
    let mut all = BTreeMap::new();
    for read in shards {
        let own: BTreeMap<&str, (usize, &str)> = read
            .shard
            .of
            .iter()
            .filter(|run| run.shard == read.shard.index)
            .map(|run| (run.id.as_str(), (run.place, run.scenario.as_str())))
            .collect();
        for noise in &read.report.noise {
            let known = noise.runs.first().and_then(|id| own.get(id.as_str()));
            if let Some((place, scenario)) = known {
                all.insert((*place, (*scenario).to_owned()), noise.clone());
            }
        }
    }
    all.into_values().collect()
}

/// What was answered from where; a folder only where all had the same.
fn store(shards: &[Read]) -> Option<Store> {
    let stores: Vec<&Store> = shards.iter().filter_map(|read| read.report.store.as_ref()).collect();
    let first = stores.first()?;
    let alike = stores.iter().all(|store| store.path == first.path);
    Some(Store {
        path: first.path.clone().filter(|_| alike),
        oldest: stores.iter().filter_map(|store| store.oldest.clone()).min(),
        newest: stores.iter().filter_map(|store| store.newest.clone()).max(),
        offline: stores.iter().all(|store| store.offline),
    })
}
