//! What shards say together is what one test says, on the evidence of every rule's fixture.

mod faults;

use super::merge;
use crate::compare::noise::Varying;
use crate::evidence::Evidence;
use crate::evidence::seal::Platform;
use crate::finding::fixture::{Before, Sample, options, samples};
use crate::finding::{Ground, JudgedRun, Observed, judge};
use crate::plan::shard::{Division, Weighed, divide};
use crate::report::json::tests::{saved, small};
use crate::report::model::{Noise, NotApplicable, Report, Run};
use crate::report::outcome::Outcome;
use crate::report::shard::{Shard, ShardRun};
use crate::report::{Toolchain, Verdict};
use crate::scenario::Scenario;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What a report has beside what it says of runs.
static TEMPLATE: LazyLock<Report> = LazyLock::new(|| saved("sealed"));
static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(samples);

/// A run of a test, as it was made.
#[derive(Clone)]
struct Made {
    id: String,
    scenario: Scenario,
    repeat: u32,
    place: usize,
    /// `None` where it could not be run.
    evidence: Option<Evidence>,
}

/// A whole test.
struct Tested<'a> {
    sample: &'a Sample,
    before: Option<&'a Before>,
    runs: Vec<Made>,
    /// Scenarios that mean nothing, and whether they were asked for.
    not_applicable: Vec<(Scenario, bool)>,
    places: usize,
}

/// Runs as a plan would have them: the baseline first, and an id for each.
fn planned(runs: Vec<(Scenario, u32, Option<Evidence>)>, places: usize) -> Vec<Made> {
    let mut all = Vec::new();
    for place in 0..places {
        let mut known = BTreeSet::new();
        let mut here: Vec<Made> = Vec::new();
        for (scenario, mut repeat, evidence) in runs.clone() {
            while !known.insert((scenario.name.clone(), repeat)) {
                repeat += 1;
            }
            let at = if places > 1 { format!("@{place}") } else { String::new() };
            let id = format!("{}-{repeat}{at}", scenario.name);
            here.push(Made { id, scenario, repeat, place, evidence });
        }
        here.sort_by_key(|run| run.scenario.name != "baseline");
        all.extend(here);
    }
    all
}

impl Tested<'_> {
    fn division(&self, count: u32) -> (Vec<Weighed>, Division) {
        let weighed = self.runs.iter().enumerate().map(|(at, run)| Weighed {
            id: run.id.clone(),
            scenario: run.scenario.name.clone(),
            place: run.place,
            expected_ms: 100 + (at as u64 * 37) % 400,
            filling: None,
        });
        let weighed: Vec<Weighed> = weighed.collect();
        let division = divide(&weighed, count);
        (weighed, division)
    }

    /// The report of a shard, or of all.
    fn report(&self, shard: Option<(u32, u32)>) -> Report {
        let mut report = TEMPLATE.clone();
        let (weighed, division) = self.division(shard.map_or(1, |(_, count)| count));
        let share = division.share(shard.map_or(1, |(index, _)| index)).unwrap();
        let here = |at: usize| share.own.contains(&at) || share.companions.contains(&at);
        let made: Vec<&Made> =
            self.runs.iter().enumerate().filter(|(at, _)| here(*at)).map(|(_, run)| run).collect();
        let platform = Platform { os: "linux".into(), cpu: "x64".into(), libc: "glibc".into() };
        let of = |id, scenario, repeat, place, observed| JudgedRun {
            id,
            scenario,
            repeat,
            place,
            platform: &platform,
            observed,
        };
        let ran = made.iter().map(|run| {
            let observed = match &run.evidence {
                Some(evidence) => Observed::Evidence(evidence),
                None => Observed::Nothing("interrupted before it began".to_owned()),
            };
            of(&run.id, &run.scenario, run.repeat, run.place, observed)
        });
        let not = (0..self.places).flat_map(|place| {
            self.not_applicable.iter().map(move |(scenario, asked)| {
                let observed = Observed::NotApplicable { reason: "no reason".to_owned(), asked: *asked };
                of(&scenario.name, scenario, 1, place, observed)
            })
        });
        let judged: Vec<JudgedRun<'_>> = ran.chain(not).collect();
        let elsewhere: Vec<Vec<String>> = (0..self.places)
            .map(|place| {
                let others = weighed.iter().enumerate().filter(|(at, run)| run.place == place && !here(*at));
                others.map(|(_, run)| run.scenario.clone()).collect()
            })
            .collect();
        let grounds: Vec<Ground<'_>> = elsewhere
            .iter()
            .map(|elsewhere| Ground {
                project: &self.sample.project,
                margin: None,
                resolutions: &self.sample.resolutions,
                approved: self.before.map(Before::standing),
                elsewhere,
            })
            .collect();
        let judgement = judge(&judged, &grounds, &options());
        let toolchain = Toolchain { node: "24.0.0".into(), npm: "11.0.0".into(), because: String::new() };
        report.runs = made
            .iter()
            .zip(&judgement.runs)
            .map(|(made, said)| {
                let mut run = Run::new(&made.id, &made.scenario, toolchain.clone(), "namespaces");
                run.repeat = made.repeat;
                if let Some(evidence) = &made.evidence {
                    run = run.observed(evidence.clone());
                }
                (run.verdict, run.because) = (said.verdict, said.because.clone());
                run.counts = Some(said.counts);
                run
            })
            .collect();
        report.duration_ms = 0;
        report.fail_on = options().fail_on;
        report.verdict = judgement.verdict;
        report.because = judgement.because.clone();
        report.accepted = judgement.accepted;
        report.accepted_until = judgement.accepted_until.clone();
        report.outcome = Outcome::of(judgement.exit_code, false);
        report.findings = judgement.findings;
        report.noise = noise(&made);
        let whole: BTreeSet<&str> =
            made.iter().filter(|run| run.evidence.is_some()).map(|run| run.scenario.name.as_str()).collect();
        report.coverage.scenarios_run = whole.len();
        let tested: Vec<String> = whole.iter().map(|name| (*name).to_owned()).collect();
        report.coverage.private_total = 1000;
        report.coverage.private_tested = tested.len();
        let asked = self.not_applicable.iter().map(|(scenario, asked)| NotApplicable {
            scenario: scenario.name.clone(),
            reason: "no reason".to_owned(),
            asked: *asked,
        });
        report.coverage.not_applicable = asked.collect();
        report.arrange();
        report.shard = shard.map(|(index, count)| {
            let of = weighed.iter().enumerate().map(|(at, run)| ShardRun {
                id: run.id.clone(),
                scenario: run.scenario.clone(),
                place: run.place,
                shard: division.owner(at).unwrap(),
                made: None,
            });
            let mut shard = Shard {
                index,
                count,
                inputs: BTreeMap::from([("lockfile".to_owned(), "sha512-x".to_owned())]),
                of: of.collect(),
                expected_ms: share.expected_ms,
                required_margin: u32::try_from(options().required_margin).unwrap(),
                private_tested: tested,
                sights: Vec::new(),
            };
            shard.see(&judgement.basis);
            shard
        });
        report
    }

    /// Each shard as it is read back, in an order that is not theirs.
    fn shards(&self, count: u32) -> Vec<(String, Report)> {
        let read = |index: u32| {
            let text = self.report(Some((index, count))).to_json().unwrap();
            (format!("{index}.json"), Report::read(&text).unwrap())
        };
        (1..=count).rev().map(read).collect()
    }
}

/// As `test` says it: by place, then by scenario.
fn noise(runs: &[&Made]) -> Vec<Noise> {
    let mut equal: BTreeMap<(usize, &str), Vec<String>> = BTreeMap::new();
    for run in runs {
        equal.entry((run.place, &run.scenario.name)).or_default().push(run.id.clone());
    }
    let several = equal.into_values().filter(|runs| runs.len() > 1);
    several.map(|runs| Noise { runs, varying: Vec::<Varying>::new() }).collect()
}

fn assert_whole(test: &Tested<'_>, name: &str) {
    let whole = test.report(None).to_json().unwrap();
    for count in [1, 3, 7] {
        let merged = merge(test.shards(count)).unwrap().to_json().unwrap();
        assert!(
            merged == whole,
            "{name} in {count}:\n{}",
            similar::TextDiff::from_lines(&whole, &merged).unified_diff()
        );
    }
}

#[test]
fn shards_of_every_fixture_say_what_the_whole_says() {
    for sample in SAMPLES.iter() {
        let runs: Vec<_> = sample
            .runs
            .iter()
            .map(|(scenario, repeat, it)| (scenario.clone(), *repeat, Some(it.clone())))
            .collect();
        for places in [1, 2] {
            let test = Tested {
                sample,
                before: sample.before.as_ref(),
                runs: planned(runs.clone(), places),
                not_applicable: Vec::new(),
                places,
            };
            assert_whole(&test, &sample.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Runs of many fixtures in one test, some repeated, some not made, some scenarios that
    /// mean nothing, and another's baseline that was accepted.
    #[test]
    fn shards_of_anything_say_what_the_whole_says(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 1..4_u32, 0..8_u8), 1..14),
        accepted in any::<prop::sample::Index>(),
        with_accepted in any::<bool>(),
        places in 1..3_usize,
    ) {
        let ordinary: Vec<&Sample> = SAMPLES.iter().filter(|sample| sample.ordinary).collect();
        let every: Vec<_> = ordinary.iter().flat_map(|sample| &sample.runs).collect();
        let before: Vec<&Before> = SAMPLES.iter().filter_map(|sample| sample.before.as_ref()).collect();
        let mut runs = Vec::new();
        let mut not_applicable: Vec<(Scenario, bool)> = Vec::new();
        for (pick, times, fate) in &picks {
            let (scenario, _, evidence) = pick.get(&every);
            let known = |name: &str| not_applicable.iter().any(|(other, _)| other.name == name);
            if *fate == 0 && scenario.name != "baseline" && !known(&scenario.name) {
                not_applicable.push((scenario.clone(), *times == 1));
                continue;
            }
            for _ in 0..*times {
                runs.push((scenario.clone(), 1, (*fate != 1).then(|| evidence.clone())));
            }
        }
        // What means nothing does not run.
        runs.retain(|(scenario, ..)| !not_applicable.iter().any(|(other, _)| other.name == scenario.name));
        let test = Tested {
            sample: ordinary[0],
            before: with_accepted.then(|| *accepted.get(&before)),
            runs: planned(runs, places),
            not_applicable,
            places,
        };
        assert_whole(&test, "random");
    }
}

/// A small test of a sealed project: the baseline and five more.
fn five(sample: &Sample) -> Tested<'_> {
    let (scenario, _, evidence) = sample.runs[0].clone();
    let mut runs = vec![(scenario.clone(), 1, Some(evidence.clone()))];
    for name in ["a", "b", "c", "d", "e"] {
        runs.push((Scenario { name: name.to_owned(), ..scenario.clone() }, 1, Some(evidence.clone())));
    }
    Tested { sample, before: None, runs: planned(runs, 1), not_applicable: Vec::new(), places: 1 }
}

fn sound() -> Sample {
    SAMPLES.iter().find(|sample| sample.ordinary).unwrap().clone()
}

type Change = fn(&mut Vec<(String, Report)>);

#[test]
fn what_is_no_whole_test_is_refused_and_named() {
    let sample = sound();
    let test = five(&sample);
    let cases: [(&str, Change); 12] = [
        ("there is nothing to merge", |all| all.clear()),
        ("shard 2 of 3 is missing", |all| drop(all.remove(1))),
        ("shards 1, 2 of 3 are missing", |all| drop(all.drain(1..))),
        ("`3.json` and `again.json` are both shard 3 of 3", |all| {
            let (_, report) = all[0].clone();
            all.push(("again.json".to_owned(), report));
        }),
        ("`whole.json` is no shard", |all| all.push(("whole.json".to_owned(), small()))),
        ("`1.json` are of different tests, they differ in: lockfile, npm", |all| {
            let shard = all[2].1.shard.as_mut().unwrap();
            shard.inputs.insert("lockfile".to_owned(), "sha512-y".to_owned());
            shard.inputs.insert("npm".to_owned(), "12".to_owned());
        }),
        ("`2.json` is shard 2 of 4: they are of differently divided tests", |all| {
            all[1].1.shard.as_mut().unwrap().count = 4;
        }),
        ("`2.json` are of different tests, they were planned otherwise", |all| {
            all[1].1.shard.as_mut().unwrap().of.pop();
        }),
        ("`3.json` cannot be shard 9 of 3", |all| all[0].1.shard.as_mut().unwrap().index = 9),
        ("`2.json` is not as sealcheck wrote it: its run `", |all| {
            let shard = all[1].1.shard.clone().unwrap();
            let own = shard.of.iter().find(|run| run.shard == 2).unwrap().id.clone();
            all[1].1.runs.retain(|run| run.id != own);
        }),
        ("`1.json` is not as sealcheck wrote it: it speaks of run 99", |all| {
            all[2].1.shard.as_mut().unwrap().sights[0].runs.push(99);
        }),
        ("`1.json` is not as sealcheck wrote it: no shard answers for the run `a-1`", |all| {
            for (_, report) in all {
                report.shard.as_mut().unwrap().of[1].shard = 4;
            }
        }),
    ];
    for (says, change) in cases {
        let mut all = test.shards(3);
        // Something to point at.
        for (_, report) in &mut all {
            let shard = report.shard.as_mut().unwrap();
            if shard.sights.is_empty() {
                shard.sights.push(a_sight());
            }
        }
        change(&mut all);
        let complaint = merge(all).unwrap_err();
        assert!(complaint.message.contains(says), "{says}: {complaint}");
        assert!(complaint.help.is_some(), "{complaint}");
    }
}

fn a_sight() -> crate::finding::Sight {
    crate::finding::Sight {
        rule: "missing-integrity".into(),
        package: None,
        fingerprint: "f".repeat(32),
        place: 0,
        runs: Vec::new(),
        counts: true,
        severity: crate::finding::Severity::Note,
        confidence: crate::finding::Confidence::High,
        forces: Verdict::Sealed,
        message: "a".into(),
        lists: Vec::new(),
        help: "b".into(),
        location: None,
        evidence: Vec::new(),
        accepted: None,
    }
}

/// Four billion shards are not counted one by one.
#[test]
fn how_many_are_missing_is_said_in_bounds() {
    let sample = sound();
    let mut all = five(&sample).shards(3);
    for (_, report) in &mut all {
        report.shard.as_mut().unwrap().count = u32::MAX;
    }
    let complaint = merge(all).unwrap_err();
    assert!(complaint.message.contains(" and 4294967272 more of 4294967295 are missing"), "{complaint}");
}

#[test]
fn a_shard_that_was_interrupted_makes_the_whole_so() {
    let sample = sound();
    let test = five(&sample);
    let mut all = test.shards(3);
    all[1].1.interrupted = true;
    let merged = merge(all).unwrap();
    assert!(merged.interrupted);
    assert_eq!(merged.outcome, Outcome::Interrupted);
}

#[test]
fn a_run_that_was_not_made_in_its_shard_is_not_made_in_the_whole() {
    let sample = sound();
    let mut test = five(&sample);
    test.runs[3].evidence = None;
    let merged = merge(test.shards(3)).unwrap();
    assert_eq!(merged.verdict, Verdict::Unobserved);
    assert_eq!(merged.coverage.scenarios_run, 5);
    assert_eq!(merged.outcome, Outcome::Unobserved);
}

/// What no shard may pass for.
#[test]
fn a_shard_says_in_every_format_that_it_is_one() {
    use crate::report::terminal::{self, Look};
    let sample = sound();
    let report = five(&sample).report(Some((2, 3)));
    for text in [
        terminal::render(&report, Look::PLAIN, None),
        crate::report::markdown::render(&report),
        crate::report::junit::render(&report),
        crate::report::sarif::render(&report).unwrap(),
    ] {
        assert!(text.contains("shard 2 of 3"), "{text}");
    }
}
