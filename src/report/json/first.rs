//! The first report of this version, and its schema as it was then: whatever was written
//! since the version began is read. Neither file is ever brought up to date.

use crate::report::Report;
use crate::report::json::schema;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const REPORT: &str = include_str!("../../../tests/fixtures/reports/first-of-v1.json");
const SCHEMA: &str = include_str!("../../../tests/fixtures/reports/first-of-v1.schema.json");

/// Every type that is an object or a list of words, by its name.
fn types(schema: &Value) -> Map<String, Value> {
    let mut types = schema["$defs"].as_object().unwrap().clone();
    types.insert("Report".to_owned(), schema.clone());
    types
}

fn names(of: &Value) -> BTreeSet<String> {
    let keys = of.as_object().map(|map| map.keys().cloned().collect::<BTreeSet<_>>());
    let words = of.as_array().map(|all| all.iter().map(|it| it.as_str().unwrap().to_owned()).collect());
    keys.or(words).unwrap_or_default()
}

#[test]
fn the_first_report_is_read_and_keeps_what_it_says() {
    let report = Report::read(REPORT).unwrap();
    let (then, now): (Value, Value) =
        (serde_json::from_str(REPORT).unwrap(), serde_json::to_value(&report).unwrap());
    assert_kept("", &then, &now);
}

/// All that stood in the one stands in the other.
fn assert_kept(at: &str, then: &Value, now: &Value) {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            for (key, value) in then {
                let nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                match now.get(key) {
                    Some(now) => assert_kept(&format!("{at}/{key}"), value, now),
                    None => assert!(nothing, "{at}/{key} is lost"),
                }
            }
        }
        (Value::Array(then), Value::Array(now)) => {
            assert_eq!(then.len(), now.len(), "{at}");
            for (index, (then, now)) in then.iter().zip(now).enumerate() {
                assert_kept(&format!("{at}/{index}"), then, now);
            }
        }
        (then, now) => assert_eq!(then, now, "{at}"),
    }
}

#[test]
fn nothing_was_taken_away_and_nothing_new_must_be_there() {
    let (then, now) = (types(&serde_json::from_str(SCHEMA).unwrap()), types(&schema()));
    for (name, then) in &then {
        let now = now.get(name).unwrap_or_else(|| panic!("the type {name} is gone"));
        let gone: Vec<_> =
            names(&then["properties"]).difference(&names(&now["properties"])).cloned().collect();
        assert_eq!(gone, Vec::<String>::new(), "fields of {name} are gone");
        let new: Vec<_> = names(&now["required"]).difference(&names(&then["required"])).cloned().collect();
        assert_eq!(new, Vec::<String>::new(), "{name} cannot do without what it did not have");
        if now.get("enum").is_some() {
            let gone: Vec<_> = names(&then["enum"]).difference(&names(&now["enum"])).cloned().collect();
            assert_eq!(gone, Vec::<String>::new(), "words of {name} are gone");
        }
    }
}
