//! Several projects in order, and what is said of them all.

use super::*;
use crate::report::json::tests::saved;

fn tool() -> Tool {
    Tool::this(None)
}

/// A project with a saved report.
pub(crate) fn entry(path: &str, name: &str) -> Entry {
    let report = saved(name);
    Entry { path: path.to_owned(), name: report.project.name.clone(), carried: None, report }
}

pub(crate) fn carried() -> Carried {
    Carried { started: "2026-11-20T02:00:00Z".to_owned(), age_s: 86_400, from: "last-night.json".to_owned() }
}

/// All of them.
pub(crate) fn collection(projects: Vec<Entry>, missing: &[&str]) -> Collection {
    let missing = missing.iter().map(ToString::to_string).collect();
    Collection::new(tool(), "2026-11-21T02:00:00Z".to_owned(), 7_000, false).of(projects, missing)
}

/// One that leaks, one that is sealed, and one that was sealed before.
pub(crate) fn three() -> Collection {
    let mut before = entry("apps/web", "sealed");
    before.carried = Some(carried());
    collection(vec![before, entry("apps/shop", "leaked"), entry("apps/api", "sealed")], &[])
}

fn paths(collection: &Collection) -> Vec<&str> {
    collection.projects.iter().map(|entry| entry.path.as_str()).collect()
}

#[test]
fn the_worst_comes_first_and_decides() {
    let all = three();
    assert_eq!(paths(&all), ["apps/shop", "apps/api", "apps/web"]);
    assert_eq!((all.outcome, all.verdict), (Outcome::Failed, Verdict::Leaked));
    assert_eq!(
        all.because,
        "1 of 3 projects is not sound, the worst is apps/shop; 1 of 3 carried over, not tested now"
    );
    assert_eq!(all.worst().unwrap().path, "apps/shop");
}

#[test]
fn the_order_is_the_same_whatever_it_was() {
    let names = ["sealed", "leaked", "unobserved", "interrupted", "hostile"];
    let every = || names.iter().enumerate().map(|(at, name)| entry(&format!("p{at}"), name));
    let one = collection(every().collect(), &[]);
    let other = collection(every().rev().collect(), &[]);
    assert_eq!(one, other);
    let ends: Vec<u8> = one.projects.iter().map(|entry| rank(entry.report.outcome)).collect();
    assert!(ends.is_sorted_by(|left, right| left >= right), "{ends:?}");
    assert_eq!(one.projects.last().unwrap().path, "p0", "the sealed one is last");
}

#[test]
fn among_equals_the_one_with_more_errors_is_worse_then_the_path_decides() {
    let mut quieter = entry("a", "leaked");
    for finding in quieter.report.findings.iter_mut().filter(|one| one.severity == Severity::Error) {
        finding.severity = Severity::Warning;
    }
    let all = collection(vec![quieter, entry("c", "leaked"), entry("b", "leaked")], &[]);
    assert_eq!(paths(&all), ["b", "c", "a"]);
    assert_eq!(all.because, "3 of 3 projects are not sound, the worst is b");
}

#[test]
fn what_was_not_tested_is_never_sound() {
    let all = collection(vec![entry("a", "sealed")], &["b"]);
    assert_eq!((all.outcome, all.verdict), (Outcome::Unobserved, Verdict::Unobserved));
    assert_eq!(all.because, "1 of 2 projects were not tested");
    let none = collection(Vec::new(), &[]);
    assert_eq!((none.outcome, none.verdict), (Outcome::Unobserved, Verdict::Unobserved));
    let mut broken_off = Collection::new(tool(), String::new(), 0, true);
    broken_off = broken_off.of(vec![entry("a", "sealed")], Vec::new());
    assert_eq!(broken_off.outcome, Outcome::Interrupted);
}

#[test]
fn all_sound_is_said_in_a_few_words() {
    let all = collection(vec![entry("a", "sealed"), entry("b", "sealed")], &[]);
    assert_eq!((all.outcome, all.verdict), (Outcome::Sound, Verdict::Sealed));
    assert_eq!(all.because, "all 2 projects are sound");
    assert_eq!(all.worst(), None);
}
