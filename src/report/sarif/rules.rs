//! What the rules and the notifications are, from the rules' own pages.

use super::message::plain;
use crate::finding::explain;
use crate::report::opinion::Confidence;
use serde_json::{Value, json};

/// A rule with its page. One that a report names and this version does not have is said so.
pub(super) fn descriptor(name: &str) -> Value {
    let Some(rule) = explain(name) else {
        let why = "This version of sealcheck does not have this rule.";
        return json!({
            "id": plain(name),
            "shortDescription": { "text": why },
            "fullDescription": { "text": why },
            "help": { "text": why },
        });
    };
    let precision = match rule.confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    };
    let about = about(rule.page);
    json!({
        "id": rule.name,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": if about.is_empty() { rule.title } else { about } },
        "help": { "text": rule.page, "markdown": rule.page },
        "defaultConfiguration": { "level": rule.severity.name() },
        "properties": { "precision": precision, "tags": ["security", "supply-chain"] },
    })
}

/// The first paragraph of a page, below its title.
fn about(page: &str) -> &str {
    page.split("\n\n").map(str::trim).find(|part| !part.is_empty() && !part.starts_with('#')).unwrap_or("")
}

/// What there is to say of the test itself.
pub(super) fn notifications() -> Vec<Value> {
    let all = [
        ("interrupted", "The test was ended before its time."),
        ("unobserved", "Something could not be observed, so silence proves nothing."),
        ("not-tested", "A toolchain that was asked for could not be tested."),
        ("shard", "This is a part of a test, of which other reports tell the rest."),
        ("not-applicable", "A scenario means nothing for this project, and was not run."),
    ];
    descriptors(&all)
}

/// Those that only a test of several projects has.
pub(super) fn of_several() -> Vec<Value> {
    descriptors(&[
        ("carried-over", "The project was not tested this time: what is here was found before."),
        ("project-not-tested", "A project that was asked for was not tested."),
    ])
}

fn descriptors(all: &[(&str, &str)]) -> Vec<Value> {
    all.iter().map(|(id, said)| json!({ "id": id, "shortDescription": { "text": said } })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::RULES;

    #[test]
    fn every_rule_has_words_for_a_list_and_for_a_page() {
        for rule in RULES {
            let about = about(rule.page);
            assert!(about.len() > 20 && !about.contains('\n'), "{}: {about}", rule.name);
            assert!(!rule.title.is_empty(), "{}", rule.name);
        }
        assert_eq!(descriptor("no-such-rule")["id"], "no-such-rule");
    }
}
