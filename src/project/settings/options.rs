//! The options of `test` that a file may set, and what each may be.

use super::table::{Table, listed};
use crate::text::{Complaint, Place};
use std::collections::BTreeMap;
use std::path::{Component, Path};
use toml::Value;

/// What a value must be.
pub(super) enum Kind {
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number from the first; the second is the most that a file of the tested
    /// project may ask of this machine.
    Number(i64, i64),
    /// `true` or `false`.
    Flag,
    /// One text or a list of them.
    Texts,
    /// `K/N`.
    Shard,
    /// `30s`, `5m`, `1h`, or seconds.
    Duration,
    /// `500MB`, `2GB`, `2GiB`, or bytes.
    Size,
    /// A path; in a file of the tested project it must stay inside.
    Path,
    /// `FORMAT=PATH`, one or a list; as `Path`.
    Reports,
}

/// Every option by its long name. `policy` is none: a project does not choose its policy.
pub(super) const OPTIONS: [(&str, Kind); 23] = [
    ("scenario", Kind::Texts),
    ("skip", Kind::Texts),
    ("suite", Kind::Word(&["core", "full", "margin", "drills"])),
    ("require-margin", Kind::Number(0, 99)),
    ("scenarios-dir", Kind::Path),
    ("backend", Kind::Word(&["auto", "namespaces", "container"])),
    ("image", Kind::Texts),
    ("toolchain", Kind::Texts),
    ("jobs", Kind::Number(1, 16)),
    ("repeat", Kind::Number(1, 10)),
    ("shard", Kind::Shard),
    ("store", Kind::Path),
    ("store-limit", Kind::Size),
    ("offline", Kind::Flag),
    ("scratch", Kind::Word(&["auto", "memory", "disk"])),
    ("timeout", Kind::Duration),
    ("report", Kind::Reports),
    ("fail-on", Kind::Word(&["error", "warning", "note"])),
    ("progress", Kind::Word(&["auto", "bar", "plain", "none"])),
    ("color", Kind::Word(&["auto", "always", "never"])),
    ("verbose", Kind::Flag),
    ("quiet", Kind::Flag),
    ("audit-disclosure", Kind::Word(&["note", "warning", "error"])),
];

/// Options about the machine that the test runs on: what a registry is said to have answered,
/// which of its files are written, and how much of its disk is used. Whoever can change the
/// tested project could bring forged answers or have files overwritten, so no file of the
/// project sets them.
const OF_THE_MACHINE: [&str; 4] = ["store", "store-limit", "scratch", "report"];

/// The most that anybody may ask for.
pub(crate) const MOST_JOBS: u32 = 256;
/// The longest time limit that a file of the tested project may set, in seconds.
const MOST_SECONDS: u64 = 7200;
/// The same for repetitions: each run is kept until the report is written.
pub(crate) const MOST_REPETITIONS: u32 = 1000;

const FORMATS: [&str; 6] = ["json", "junit", "sarif", "html", "markdown", "intoto"];

/// Names of the options that stand at the top of a file.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|(name, _)| *name).filter(|name| *name != "audit-disclosure")
}

/// Reads the options that a file sets, each with its place. `trusted` is the
/// policy file: its paths may lead anywhere.
pub(super) fn read(table: &Table<'_>, trusted: bool) -> Result<BTreeMap<String, (Value, Place)>, Complaint> {
    let mut out = BTreeMap::new();
    for name in names() {
        if let (Some(value), Some(place)) = (table.option(name)?, table.at(name)) {
            if !trusted && OF_THE_MACHINE.contains(&name) {
                return Err(Complaint::at(
                    place,
                    format!("a project's own file cannot set `{name}`, which is about this machine"),
                )
                .help(format!(
                    "give it as `--{name}`, as `SEALCHECK_{}`, or in the policy file",
                    name.to_ascii_uppercase().replace('-', "_")
                )));
            }
            check(name, &value, &place, trusted)?;
            out.insert(name.to_owned(), (value, place));
        }
    }
    Ok(out)
}

/// Complains where a value is not what the option takes.
pub(super) fn check(name: &str, value: &Value, place: &Place, trusted: bool) -> Result<(), Complaint> {
    let Some((_, kind)) = OPTIONS.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    let bad = |help: String| {
        Err(Complaint::at(place.clone(), format!("`{name}` cannot be {}", shown(value))).help(help))
    };
    let texts = || match value {
        Value::String(text) => Some(vec![text.as_str()]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Table(_) => {
            None
        }
    };
    match kind {
        Kind::Word(words) if value.as_str().is_some_and(|text| words.contains(&text)) => Ok(()),
        Kind::Word(words) => bad(format!("it takes {}", listed(words).replace(" and ", " or "))),
        Kind::Number(least, of_project) => {
            let most = match name {
                _ if !trusted => *of_project,
                "jobs" => MOST_JOBS.into(),
                "repeat" => MOST_REPETITIONS.into(),
                _ => i64::from(u32::MAX),
            };
            if value.as_integer().is_some_and(|number| (*least..=most).contains(&number)) {
                return Ok(());
            }
            bad(format!("it takes a whole number from {least} to {most}"))
        }
        Kind::Flag if value.is_bool() => Ok(()),
        Kind::Flag => bad("it takes `true` or `false`".to_owned()),
        Kind::Texts if texts().is_some() => Ok(()),
        Kind::Texts => bad("it takes a string or a list of strings".to_owned()),
        Kind::Shard if value.as_str().is_some_and(is_shard) => Ok(()),
        Kind::Shard => bad("it takes `\"K/N\"`, K from 1 to N".to_owned()),
        Kind::Duration => match seconds(value) {
            Some(seconds) if trusted || seconds <= MOST_SECONDS => Ok(()),
            Some(_) => bad("a project's own file can ask for two hours at most".to_owned()),
            None => bad("it takes a time like `\"90s\"` or `\"10m\"`".to_owned()),
        },
        Kind::Size if value.as_str().is_some_and(is_size) => Ok(()),
        Kind::Size => bad("it takes a size like `\"500MB\"` or `\"2GB\"`".to_owned()),
        Kind::Path => match value.as_str() {
            Some(path) if trusted || stays_inside(path) => Ok(()),
            Some(_) => {
                bad("in a project's own file it is a path inside the project; elsewhere give it as an option"
                    .to_owned())
            }
            None => bad("it takes a path".to_owned()),
        },
        Kind::Reports => {
            let Some(texts) = texts() else { return bad("it takes `\"FORMAT=PATH\"`".to_owned()) };
            for text in texts {
                let path =
                    text.split_once('=').filter(|(format, _)| FORMATS.contains(format)).map(|(_, path)| path);
                match path {
                    Some("") | None => {
                        return bad(format!(
                            "it takes `\"FORMAT=PATH\"`, FORMAT one of {}",
                            listed(&FORMATS)
                        ));
                    }
                    Some(path) if !(trusted || path == "-" || stays_inside(path)) => {
                        return bad("in a project's own file it is a path inside the project".to_owned());
                    }
                    Some(_) => {}
                }
            }
            Ok(())
        }
    }
}

fn shown(value: &Value) -> String {
    let text: String = value.to_string().chars().take(80).collect();
    format!("`{text}`")
}

fn is_shard(text: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().ok();
    text.split_once('/').is_some_and(|(at, of)| match (number(at), number(of)) {
        (Some(at), Some(of)) => 1 <= at && at <= of,
        _ => false,
    })
}

/// A time in seconds, part of one rounded up; `None` where it is none.
fn seconds(value: &Value) -> Option<u64> {
    let (number, unit) = match value {
        Value::Integer(seconds) => (u64::try_from(*seconds).ok()?, "s"),
        Value::String(text) => {
            let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
            (u64::from(digits.parse::<u32>().ok()?), &text[digits.len()..])
        }
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
            return None;
        }
    };
    let seconds = match unit {
        "ms" => number.div_ceil(1000),
        "" | "s" => number,
        "m" | "min" => number.saturating_mul(60),
        "h" => number.saturating_mul(3600),
        "d" => number.saturating_mul(86_400),
        _ => return None,
    };
    Some(seconds).filter(|_| number > 0)
}

fn is_size(text: &str) -> bool {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_lowercase();
    let known = ["", "b", "kb", "k", "mb", "m", "gb", "g", "kib", "mib", "gib"].contains(&unit.as_str());
    known && digits.parse::<u64>().is_ok()
}

/// Whether a path, by its text, stays below the folder it is joined to.
pub(super) fn stays_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\0')
        && Path::new(path).components().all(|part| match part {
            Component::Normal(_) | Component::CurDir => true,
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => false,
        })
}
