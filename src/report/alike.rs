//! Equal findings are told as one with a count: those that differ in their package, and in the
//! line that it stands on, alone.
//!
//! Every format for people asks here. In the report each finding stays one of its own, with its
//! place and its fingerprint, so that each can be accepted by its package.

use super::opinion::{Acceptance, Confidence, Finding, Severity};
use std::collections::BTreeMap;

/// Names that are told of those that are like the first.
pub const NAMED: usize = 4;

/// Findings that are told as one: the first, and those like it, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike<T> {
    /// The one that is told.
    pub first: T,
    /// What else it stands for.
    pub others: Vec<T>,
}

impl<T> Alike<T> {
    /// How many findings it stands for.
    pub fn count(&self) -> usize {
        1 + self.others.len()
    }
}

/// Groups in the order of their first ones.
pub fn grouped<T>(items: impl IntoIterator<Item = T>, of: impl Fn(&T) -> &Finding) -> Vec<Alike<T>> {
    let mut known: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    let mut groups: Vec<Alike<T>> = Vec::new();
    for item in items {
        let finding = of(&item);
        let bucket = key(finding).map(|key| known.entry(key).or_default());
        let like = |at: &&usize| groups.get(**at).is_some_and(|group| is_like(of(&group.first), finding));
        let at = bucket.as_ref().and_then(|bucket| bucket.iter().find(like).copied());
        match at.and_then(|at| groups.get_mut(at)) {
            Some(group) => group.others.push(item),
            None => {
                if let Some(bucket) = bucket {
                    bucket.push(groups.len());
                }
                groups.push(Alike { first: item, others: Vec::new() });
            }
        }
    }
    groups
}

/// "and 896 more alike: a (package-lock.json:12), b (package-lock.json:20), …".
pub fn others<'a>(all: impl ExactSizeIterator<Item = &'a Finding>) -> String {
    let number = all.len();
    let named: Vec<String> = all.take(NAMED).map(named).collect();
    let more = if number > NAMED { ", …" } else { "" };
    format!("and {number} more alike: {}{more}", named.join(", "))
}

/// "a (package-lock.json:12)".
pub fn named(finding: &Finding) -> String {
    let name = finding.package.as_deref().unwrap_or_default();
    match &finding.location {
        Some(place) => format!("{name} ({}:{})", place.file, place.line),
        None => name.to_owned(),
    }
}

/// All that is told of a finding but its sentences, of which only the number of words counts.
type Key = (String, Severity, Confidence, bool, Option<Accepted>, Vec<String>, usize, usize);
type Accepted = (String, Option<String>, Option<String>);

fn key(finding: &Finding) -> Option<Key> {
    finding.package.as_deref()?;
    let accepted =
        |Acceptance { reason, by, until }: &Acceptance| (reason.clone(), by.clone(), until.clone());
    let words = |text: &str| text.split(' ').count();
    Some((
        finding.rule.clone(),
        finding.severity,
        finding.confidence,
        finding.counts,
        finding.accepted.as_ref().map(accepted),
        finding.runs.clone(),
        words(&finding.message),
        words(&finding.help),
    ))
}

fn is_like(left: &Finding, right: &Finding) -> bool {
    let (Some(one), Some(other)) = (left.package.as_deref(), right.package.as_deref()) else { return false };
    is_same(&left.message, one, &right.message, other) && is_same(&left.help, one, &right.help, other)
}

/// Whether two sentences differ in their package, and in the version behind it, alone. Names are
/// words too (`which`): where both have the same word, it may be either's name and differs in nothing.
fn is_same(left: &str, one: &str, right: &str, other: &str) -> bool {
    let is_same_word = |(left, right): (&str, &str)| {
        left == right || around(left, one).is_some_and(|rest| Some(rest) == around(right, other))
    };
    left.split(' ').count() == right.split(' ').count()
        && left.split(' ').zip(right.split(' ')).all(is_same_word)
}

/// What stands before and behind a package in a word of a sentence; `None` where it is not its name.
fn around<'a>(word: &'a str, package: &str) -> Option<(&'a str, &'a str)> {
    let start = word.trim_start_matches(['`', '(', '"']);
    let rest = start.strip_prefix(package)?;
    let rest = match rest.strip_prefix('@') {
        Some(version) => version.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-+.".contains(c)),
        None => rest,
    };
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || "-_./@".contains(c));
    ends.then(|| (&word[..word.len() - start.len()], rest))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::json::tests::saved;
    use crate::report::model::Report;
    use crate::text::Place;

    /// A report with so many findings that differ in their package alone.
    pub(crate) fn many(number: usize) -> Report {
        let mut report = saved("leaked");
        let (model, runs) = (report.findings[0].clone(), report.findings[0].runs.clone());
        report.findings = (0..number)
            .map(|at| Finding {
                rule: "missing-integrity".to_owned(),
                severity: Severity::Warning,
                runs: runs.clone(),
                package: Some(format!("dead-{at:03}")),
                message: format!("the lockfile entry of dead-{at:03}@1.0.{at} has no integrity"),
                fingerprint: format!("{at:032x}"),
                help: format!("write the entry of `dead-{at:03}` anew"),
                location: Some(Place {
                    file: "package-lock.json".to_owned(),
                    line: 12 + at,
                    column: 5,
                    width: 3,
                    excerpt: format!("    \"node_modules/dead-{at:03}\": {{"),
                }),
                ..model.clone()
            })
            .collect();
        for run in &mut report.runs {
            run.findings.clear();
        }
        report
    }

    #[test]
    fn what_differs_in_its_package_alone_is_one() {
        let report = many(900);
        let groups = grouped(&report.findings, |finding| finding);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].count(), 900);
        let told = others(groups[0].others.iter().copied());
        assert_eq!(
            told,
            "and 899 more alike: dead-001 (package-lock.json:13), dead-002 (package-lock.json:14), \
             dead-003 (package-lock.json:15), dead-004 (package-lock.json:16), …"
        );
    }

    #[test]
    fn what_says_something_else_is_another() {
        let model = many(1).findings.remove(0);
        let of = |change: &dyn Fn(&mut Finding)| {
            let mut other = many(2).findings.remove(1);
            change(&mut other);
            grouped([&model, &other], |finding| finding).len()
        };
        assert_eq!(of(&|_| {}), 1);
        assert_eq!(of(&|other| other.message.push_str(", and more")), 2);
        assert_eq!(of(&|other| other.help.clear()), 2);
        assert_eq!(of(&|other| other.severity = Severity::Error), 2);
        assert_eq!(of(&|other| other.counts = !other.counts), 2);
        assert_eq!(of(&|other| other.runs.push("another-1".to_owned())), 2);
        assert_eq!(of(&|other| other.package = None), 2);
        let accepted = Acceptance { reason: "known".to_owned(), by: None, until: None };
        assert_eq!(of(&|other| other.accepted = Some(accepted.clone())), 2);
    }

    /// `which` and `for` are packages, and words of these sentences.
    #[test]
    fn a_package_whose_name_is_a_word_of_the_sentence_is_like_the_others() {
        let of = |package: &str, line: usize| {
            let model = many(1).findings.remove(0);
            Finding {
                package: Some(package.to_owned()),
                message: format!("the lockfile has no integrity for {package}@2.0.2"),
                help: "run `npm install`, which records the registry's sha512".to_owned(),
                location: model.location.clone().map(|place| Place { line, ..place }),
                ..model
            }
        };
        let all = ["left-pad", "which", "for", "@acme/ui", "no"].map(|name| of(name, 7));
        assert_eq!(grouped(&all, |finding| finding).len(), 1);
        let all = ["which", "left-pad", "for"].map(|name| of(name, 7));
        assert_eq!(grouped(&all, |finding| finding).len(), 1, "whichever is the first");
    }

    #[test]
    fn only_the_package_itself_is_left_out_of_a_sentence() {
        for (left, one, right, other, same) in [
            ("a@1.0.0 came from x", "a", "b@2.0.0 came from x", "b", true),
            ("a@1.0.0 came from x", "a", "b@2.0.0 came from y", "b", false),
            ("`a`, and a-b", "a", "`b`, and a-b", "b", true),
            ("`a`, and a-b", "a", "`b`, and b-b", "b", false),
            ("and @acme/a@2.0.0-rc.1+x: it", "@acme/a", "and c: it", "c", true),
            ("@acme/a/b as all", "@acme/a", "c as all", "c", false),
            ("a came", "a", "b came again", "b", false),
            ("a came again", "a", "b came", "b", false),
            ("a b", "a", "a b", "b", true),
        ] {
            assert_eq!(is_same(left, one, right, other), same, "{left} / {right}");
        }
    }
}
