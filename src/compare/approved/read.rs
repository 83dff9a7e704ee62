//! The text of a baseline, and reading it strictly: it is a file of the tested project.

use super::deed::{is_pattern, names_a_host};
use super::fact::{Act, Fact, name_of};
use super::fold::{is_interpreter, may_stand};
use super::{Approved, Behaviour, FILE, SCHEMA};
use crate::text::{Complaint, Source};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// The verdicts that a scenario can have in it. One that was not observed has none.
const VERDICTS: [&str; 5] = ["not-applicable", "sealed", "broken", "exposed", "leaked"];

/// How a file can have been changed.
const CHANGES: [&str; 3] = ["added", "changed", "removed"];

const HELP: &str =
    "take the file back to what was committed, or remove it and run `sealcheck accept` to record it anew";

impl Approved {
    /// As the file has it; the same baseline gives the same bytes.
    ///
    /// # Errors
    /// None that is known: all that is in it can be written.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// Where it is no JSON, of another version, has a key twice or one that nobody knows, or
    /// says what no test can have shown.
    pub fn read(source: &Source) -> Result<Self, Complaint> {
        let version: Version =
            serde_json::from_str(source.text()).map_err(|error| complain(source, &error))?;
        match version.schema {
            Some(serde_json::Value::String(schema)) if schema == SCHEMA => {}
            Some(other) => {
                let place = source.find("\"schema\"").unwrap_or_else(|| source.place(0..1));
                let message =
                    format!("the version of `{FILE}` is {other}, and this program reads `{SCHEMA}`");
                return Err(Complaint::at(place, message).help(
                    "use the version of sealcheck that wrote it, or run `sealcheck accept` to record it anew",
                ));
            }
            None => {
                return Err(Complaint::at(
                    source.place(0..1),
                    format!("`{FILE}` is no accepted baseline: it has no `schema`"),
                )
                .help(HELP));
            }
        }
        let read: Self = serde_json::from_str(source.text()).map_err(|error| complain(source, &error))?;
        read.check(source)?;
        Ok(read)
    }

    fn check(&self, source: &Source) -> Result<(), Complaint> {
        let at = |text: &str, message: String| {
            let quoted = serde_json::Value::from(text).to_string();
            Err(Complaint { message, place: source.find(&quoted), help: Some(HELP.to_owned()) })
        };
        if let Some(place) = self.only.keys().find(|place| !self.places.contains(*place)) {
            return at(place, format!("`{place}` is not among the places of `{FILE}`"));
        }
        for behaviour in std::iter::once(&self.everywhere).chain(self.only.values()) {
            for (scenario, verdict) in &behaviour.scenarios {
                if !VERDICTS.contains(&verdict.as_str()) {
                    return at(verdict, format!("`{verdict}` is no verdict that `{scenario}` can have"));
                }
            }
            if let Some(line) = behaviour.lines().find(|line| name_of(line).is_empty()) {
                return at(line, "a package has no name".to_owned());
            }
            for fact in behaviour.facts() {
                match &fact {
                    Fact::Deed { who, act, text, .. } => {
                        if let Some(why) = too_wide(act, text) {
                            return at(text, format!("`{text}` of `{who}` approves too much: {why}"));
                        }
                    }
                    Fact::Verdict { .. } | Fact::Package { .. } => {}
                }
            }
        }
        Ok(())
    }
}

/// Why a line stands for more than any that is recorded; `None` where it does not.
fn too_wide(act: &Act, line: &str) -> Option<&'static str> {
    if !is_pattern(line) {
        return None;
    }
    let right = match act {
        Act::Run(_) => match line.strip_suffix("**") {
            Some(program) => {
                let program = program.strip_suffix(' ').unwrap_or_default();
                !program.is_empty()
                    && !program.contains(' ')
                    && !is_pattern(program)
                    && !is_interpreter(program)
            }
            None => !has_two_stars(line),
        },
        Act::Connect => !has_two_stars(line) && names_a_host(line),
        Act::Write => {
            let path = CHANGES.iter().find_map(|change| line.strip_prefix(change)?.strip_prefix(' '));
            path.is_some_and(|path| match path.strip_suffix("**") {
                Some(folder) => {
                    let folder = folder.strip_suffix('/').unwrap_or_default();
                    !folder.is_empty() && !has_two_stars(folder) && may_stand(folder)
                }
                None => !has_two_stars(path),
            })
        }
        Act::Read => false,
    };
    let why = match act {
        Act::Run(_) => "`**` stands only behind a program that does not run whatever it is given, `cc **`",
        Act::Connect => "a star stands only before the last two parts of a host's name",
        Act::Write => {
            "`**` stands only behind `added`, `changed` or `removed` and a folder that others do not share, `added dist/**`"
        }
        Act::Read => "a secret that was read is named",
    };
    (!right).then_some(why)
}

fn has_two_stars(line: &str) -> bool {
    line.replace("\\*", "").contains("**")
}

impl Behaviour {
    fn lines(&self) -> impl Iterator<Item = &String> {
        self.packages.iter().flat_map(|of| &of.packages)
    }
}

#[derive(serde::Deserialize)]
struct Version {
    schema: Option<serde_json::Value>,
}

fn complain(source: &Source, error: &serde_json::Error) -> Complaint {
    let text = error.to_string();
    let message = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
    let place = source.counted(error.line(), error.column());
    if error.is_eof() {
        return Complaint::at(place, format!("`{FILE}` ends in the middle")).help(HELP);
    }
    if error.is_data() {
        return Complaint::at(place, format!("`{FILE}` is no accepted baseline: {message}")).help(HELP);
    }
    if source.text().lines().any(|line| line.starts_with("<<<<<<< ")) {
        return Complaint::at(place, format!("`{FILE}` holds the markers of an unresolved merge conflict"))
            .help("take one side, then run `sealcheck test --update` to record what is so now");
    }
    Complaint::at(place, format!("`{FILE}` is not JSON: {message}")).help(HELP)
}

/// A map in which no key stands twice: a reviewer would read one, and we the other.
pub(super) fn unique<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Unique<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Unique<T> {
        type Value = BTreeMap<String, T>;

        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut all = BTreeMap::new();
            while let Some((key, value)) = map.next_entry::<String, T>()? {
                if all.insert(key.clone(), value).is_some() {
                    return Err(A::Error::custom(format_args!("`{key}` stands twice")));
                }
            }
            Ok(all)
        }
    }
    deserializer.deserialize_map(Unique(PhantomData))
}

/// JSON Schema of the file, as committed in `docs/lock.schema.json`.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Approved).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), SCHEMA.into());
    }
    schema
}
