//! Saved reports beside baselines that were recorded from them.

#![allow(clippy::unwrap_used, reason = "what a test prepares is its own")]

use super::*;
use crate::evidence::fact::Connection;
use crate::report::json::tests::{later, saved};
use crate::report::terminal::{self, Look};

const LOOK: Look = Look { width: 200, color: false, unicode: true, verbose: false };
const HERE: &str = "node 24, npm 11, x64 glibc";

fn sealed() -> Report {
    let mut report = saved("sealed");
    report.runs.iter_mut().for_each(|run| run.platform = Some("x64 glibc".to_owned()));
    report
}

/// What `accept` would have recorded of a report's runs, in each of these places.
fn accepted(report: &Report, places: &[&str]) -> Approved {
    let runs: Vec<Install<'_>> =
        report.runs.iter().filter(|run| run.scenario == "baseline").map(Install::from).collect();
    let mut facts = observe(&runs).facts(&BTreeSet::new());
    let fact = |scenario: &str, verdict: &str| Fact::Verdict {
        scenario: scenario.to_owned(),
        verdict: verdict.to_owned(),
    };
    facts.extend(report.runs.iter().map(|run| fact(&run.scenario, run.verdict.name())));
    facts.extend(report.coverage.not_applicable.iter().map(|not| fact(&not.scenario, "not-applicable")));
    let places = places.iter().map(|place| ((*place).to_owned(), facts.clone())).collect();
    Approved::of(Some("core"), &places)
}

/// A changed report beside the baseline of what it was.
fn changed(change: impl FnOnce(&mut Report)) -> Drift {
    let mut report = sealed();
    let file = accepted(&report, &[HERE]);
    change(&mut report);
    Drift::of(("accepted", &file), ("report", &report))
}

fn says(drift: &Drift) -> Vec<&str> {
    drift.places.iter().flat_map(|place| &place.says).map(String::as_str).collect()
}

fn whys(drift: &Drift) -> Vec<&str> {
    drift.unseen.iter().map(|unseen| unseen.why.as_str()).collect()
}

#[test]
fn a_report_is_equal_to_what_was_accepted_of_it() {
    let same = changed(|_| ());
    assert_eq!((same.agreement, whys(&same), says(&same)), (Agreement::Equal, vec![], vec![]));
    assert_eq!((same.places[0].place.as_str(), same.places[0].taken), (HERE, false));
    assert_eq!(same.places[0].scenarios, 5);
    assert!(
        terminal::drift(&same, LOOK).starts_with("equal: nothing that was observed differs from accepted\n")
    );
}

#[test]
fn a_slower_install_is_the_same() {
    let same = changed(later);
    assert_eq!((same.agreement, whys(&same), says(&same)), (Agreement::Equal, vec![], vec![]));
    let (mut slower, report) = (sealed(), sealed());
    later(&mut slower);
    assert_eq!(accepted(&slower, &[HERE]), accepted(&report, &[HERE]));
}

#[test]
fn a_verdict_and_a_package_are_told_with_before_and_after() {
    let drift = changed(|report| {
        for run in &mut report.runs {
            if run.scenario == "warm-cache" {
                run.verdict = Verdict::Leaked;
            }
            let first = run.packages.first_mut().filter(|_| run.scenario == "baseline");
            first.into_iter().for_each(|package| package.version = Some("9.9.9".to_owned()));
        }
    });
    let name = sealed().runs[0].packages[0].name.clone();
    let version = sealed().runs[0].packages[0].version.clone().unwrap();
    assert_eq!(drift.agreement, Agreement::Differs);
    assert_eq!(says(&drift)[0], "`warm-cache` is not as accepted: sealed → leaked");
    let package = &drift.places[0].packages[0];
    assert_eq!((package.package.as_str(), package.changes[0].what.as_str()), (name.as_str(), "version"));
    assert_eq!(
        (&package.changes[0].before, &package.changes[0].after),
        (&vec![version.clone()], &vec!["9.9.9".to_owned()])
    );
    assert!(
        says(&drift)[1].contains(&format!("{name} is not as accepted: version {version} → 9.9.9")),
        "{drift:#?}"
    );
    let ascii = terminal::drift(&drift, Look { unicode: false, ..LOOK });
    assert!(ascii.contains("sealed -> leaked") && ascii.is_ascii(), "{ascii}");
}

#[test]
fn what_was_not_seen_or_not_run_is_never_equal() {
    let not_whole = "what is gone of the accepted baseline could not be told: no run of `baseline` was seen whole and ended well";
    type Change = fn(&mut Report);
    let without: Change = |report| report.runs.retain(|run| run.scenario != "warm-cache");
    let untraced: Change = |report| report.runs.iter_mut().for_each(|run| run.traced = false);
    let failed: Change = |report| {
        report.runs[0].exit_code = Some(1);
        report.runs[0].packages.clear();
    };
    let blind: Change = |report| report.runs[1].verdict = Verdict::Unobserved;
    let interrupted: Change = |report| report.interrupted = true;
    let elsewhere: Change =
        |report| report.runs.iter_mut().for_each(|run| run.platform = Some("arm64 glibc".to_owned()));
    let empty: Change = |report| report.runs.clear();
    for (change, why) in [
        (without, "the report has no run of warm-cache"),
        (untraced, not_whole),
        (failed, not_whole),
        (blind, "`private-refused` was not observed: "),
        (interrupted, "the test that the report is of was interrupted"),
        (elsewhere, "the accepted baseline says nothing of it; it has node 24, npm 11, x64 glibc"),
        (empty, "one of them has no place at all"),
    ] {
        let drift = changed(change);
        assert_eq!(drift.agreement, Agreement::Unobserved, "{why}: {drift:#?}");
        assert!(whys(&drift).iter().any(|said| said.starts_with(why)), "{why}: {:#?}", whys(&drift));
        assert!(terminal::drift(&drift, LOOK).starts_with("unobserved: "), "{why}");
    }
    let mut file = accepted(&sealed(), &[HERE]);
    file.everywhere.scenarios.remove("warm-cache");
    let drift = Drift::of(("accepted", &file), ("report", &sealed()));
    assert_eq!(drift.agreement, Agreement::Unobserved);
    assert_eq!(whys(&drift), ["the accepted baseline has no verdict of warm-cache (sealed)"]);
}

#[test]
fn what_is_new_in_a_run_that_failed_is_told_and_nothing_is_gone() {
    let connection =
        |report: &Report| Connection { process: report.runs[0].processes[0].id, ..saved_connection() };
    let drift = changed(|report| {
        let call = connection(report);
        let run = &mut report.runs[0];
        run.exit_code = Some(1);
        run.packages.clear();
        run.processes[0].event = Some("postinstall".to_owned());
        run.processes[0].package = Some("node_modules/stray".to_owned());
        run.connections.push(call);
    });
    assert_eq!(drift.agreement, Agreement::Differs, "{drift:#?}");
    assert_eq!(drift.places[0].packages.len(), 1, "{drift:#?}");
    let told = says(&drift).join("\n");
    assert!(told.contains("connections none → collect.example:443"), "{told}");
}

fn saved_connection() -> Connection {
    serde_json::from_value(serde_json::json!({
        "process": 1, "address": "198.51.100.7", "port": 443, "name": "collect.example", "outcome": "refused",
    }))
    .unwrap()
}

#[test]
fn an_older_report_is_taken_for_the_one_place_it_can_be_and_never_for_one_of_two() {
    let older = saved("sealed");
    let drift = Drift::of(("accepted", &accepted(&older, &[HERE])), ("report", &older));
    assert_eq!((drift.agreement, drift.places[0].taken), (Agreement::Equal, true), "{drift:#?}");
    assert!(terminal::drift(&drift, LOOK).contains("does not say its processor and C library"));

    let two = accepted(&older, &[HERE, "node 24, npm 11, x64 musl"]);
    let drift = Drift::of(("accepted", &two), ("report", &older));
    assert_eq!((drift.agreement, drift.places.len()), (Agreement::Unobserved, 0));
    let either = "it can be node 24, npm 11, x64 glibc or node 24, npm 11, x64 musl";
    assert!(whys(&drift).iter().any(|why| why.contains(either)), "{:#?}", whys(&drift));
}

#[test]
fn a_place_that_only_the_baseline_has_is_said() {
    let file = accepted(&sealed(), &[HERE, "node 22, npm 10, x64 glibc"]);
    let drift = Drift::of(("accepted", &file), ("report", &sealed()));
    assert_eq!(drift.agreement, Agreement::Unobserved);
    assert_eq!(drift.unseen[0].place.as_deref(), Some("node 22, npm 10, x64 glibc"));
}

#[test]
fn no_text_of_either_steers_the_terminal() {
    let hostile = saved("hostile");
    let drift = Drift::of(("accepted", &accepted(&sealed(), &[HERE])), ("report", &hostile));
    let text = terminal::drift(&drift, LOOK);
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text:?}");
    let drift = changed(|report| {
        report.runs[0].packages[0].name = "x\u{1b}]0;owned\u{7}\u{202e}".to_owned();
        report.runs[1].verdict = Verdict::Leaked;
    });
    let text = terminal::drift(&drift, LOOK);
    assert_eq!(drift.agreement, Agreement::Differs);
    assert!(text.contains("owned") && !text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text:?}");
}
