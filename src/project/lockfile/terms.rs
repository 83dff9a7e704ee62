//! What an entry says beside its version, source, integrity and flags: for which platform it
//! is, which commands and dependencies it has, what else npm wrote down of it.
//!
//! It is read only where two lockfiles are compared, from the text of the file, so that no
//! other command carries it. It knows no field by name but those that are told elsewhere:
//! what npm writes there tomorrow is compared too.

use super::Lockfile;
use crate::project::json::{self, Json, Kind};
use std::collections::BTreeMap;

/// What an entry says, by field.
pub type Terms = BTreeMap<String, Term>;

/// The value of one field, without the order in which a file happens to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A string or a list of strings, sorted: `os`, `cpu`, `libc`.
    Words(Vec<String>),
    /// An object: `bin`, `engines`, `dependencies`.
    Pairs(BTreeMap<String, String>),
}

/// Fields that an entry of the program has itself (`LockEntry`), by which changes are told.
const TOLD: [&str; 7] = ["version", "resolved", "integrity", "dev", "optional", "peer", "link"];

/// What every entry says, by path; `""` is the root. A field that is false or null says
/// nothing, as for npm.
pub fn terms(lockfile: &Lockfile) -> BTreeMap<String, Terms> {
    let mut all = BTreeMap::new();
    // It was parsed before, so there is no fault to tell.
    let Ok(json) = json::parse(&lockfile.source) else { return all };
    if lockfile.version == 1 {
        nested(&json, "", &mut all);
        return all;
    }
    for member in json.get("packages").map(Json::members).unwrap_or_default() {
        all.insert(member.key.clone(), of(&member.value, &[]));
    }
    all
}

/// Version 1 has the tree of packages in the tree of the file.
fn nested(json: &Json, above: &str, all: &mut BTreeMap<String, Terms>) {
    for member in json.get("dependencies").map(Json::members).unwrap_or_default() {
        let path = format!("{above}node_modules/{}", member.key);
        all.insert(path.clone(), of(&member.value, &["dependencies"]));
        nested(&member.value, &format!("{path}/"), all);
    }
}

fn of(entry: &Json, without: &[&str]) -> Terms {
    let mut terms = Terms::new();
    for member in entry.members() {
        let key = member.key.as_str();
        if TOLD.contains(&key) || without.contains(&key) {
            continue;
        }
        match term(&member.value) {
            Some(term) => terms.insert(key.to_owned(), term),
            // Of two equal keys the last counts.
            None => terms.remove(key),
        };
    }
    terms
}

fn term(value: &Json) -> Option<Term> {
    match &value.kind {
        Kind::Null | Kind::Bool(false) => None,
        Kind::Object(members) => {
            let pairs = members.iter().map(|member| (member.key.clone(), text(&member.value)));
            Some(Term::Pairs(pairs.collect()))
        }
        Kind::List(items) => {
            let mut words: Vec<String> = items.iter().map(text).collect();
            words.sort();
            words.dedup();
            Some(Term::Words(words))
        }
        Kind::Bool(true) | Kind::Number(_) | Kind::Text(_) => Some(Term::Words(vec![text(value)])),
    }
}

/// A value on one line. The reader of the file has bounded its depth.
fn text(value: &Json) -> String {
    match &value.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(number) => number.to_string(),
        Kind::Text(text) => text.clone(),
        Kind::List(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        Kind::Object(members) => {
            let pairs: BTreeMap<&str, String> =
                members.iter().map(|member| (member.key.as_str(), text(&member.value))).collect();
            let pairs: Vec<String> =
                pairs.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}
