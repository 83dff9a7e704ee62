//! The collection as JSON: read back, and its schema. A saved report of either form is
//! told by its `schema`.

use super::{Collection, SCHEMA};
use crate::report::json::{complain, version, wrong_version};
use crate::report::model::{self, Report};
use crate::text::{Complaint, Source};
use std::collections::BTreeSet;
use std::io::Write;

/// A saved report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// Of one project.
    One(Box<Report>),
    /// Of several.
    Many(Box<Collection>),
}

impl Saved {
    /// Reads either form.
    ///
    /// # Errors
    /// As [`Report::read_source`].
    pub fn read_source(source: &Source) -> Result<Self, Complaint> {
        match version(source)? {
            Some(serde_json::Value::String(schema)) if schema == SCHEMA => {
                Ok(Self::Many(Box::new(Collection::read_source(source)?)))
            }
            Some(serde_json::Value::String(schema)) if schema != model::SCHEMA => {
                Err(wrong_version(source, &schema.into(), &[model::SCHEMA, SCHEMA]))
            }
            Some(_) | None => Ok(Self::One(Box::new(Report::read_source(source)?))),
        }
    }
}

impl Collection {
    /// Writes it as pretty JSON with a final newline; the same collection gives the same
    /// bytes. It is never in memory a second time.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_json(&self, out: &mut impl Write) -> std::io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        out.write_all(b"\n")
    }

    /// Reads a saved collection.
    ///
    /// # Errors
    /// As [`Report::read_source`]; and where two projects have the same path.
    pub fn read_source(source: &Source) -> Result<Self, Complaint> {
        let read: Self = serde_json::from_str(source.text()).map_err(|error| complain(source, &error))?;
        let mut paths = BTreeSet::new();
        for entry in &read.projects {
            if !paths.insert(entry.path.as_str()) {
                let message = format!("two projects have the path `{}`", entry.path);
                return Err(Complaint { message, place: source.find("\"projects\""), help: None });
            }
            if entry.report.schema != model::SCHEMA {
                let found = entry.report.schema.as_str().into();
                return Err(wrong_version(source, &found, &[model::SCHEMA]));
            }
            entry.report.check(source)?;
        }
        Ok(read)
    }
}

/// JSON Schema of a collection, as committed in `docs/reports.schema.json`.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Collection).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), SCHEMA.into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::super::tests::three;
    use super::*;

    fn text(collection: &Collection) -> String {
        let mut out = Vec::new();
        collection.write_json(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn read(text: &str) -> Result<Saved, Complaint> {
        Saved::read_source(&Source::new("all.json", text))
    }

    #[test]
    fn what_is_written_is_read_back_and_written_the_same() {
        let all = three();
        let written = text(&all);
        let Saved::Many(back) = read(&written).unwrap() else { panic!("it is one of several") };
        assert_eq!(*back, all);
        assert_eq!(text(&back), written);
        let one = all.projects[0].report.to_json().unwrap();
        assert!(matches!(read(&one).unwrap(), Saved::One(report) if *report == all.projects[0].report));
    }

    #[test]
    fn what_is_wrong_with_one_is_said_with_its_place() {
        let written = text(&three());
        for (from, to, part) in [
            ("sealcheck/reports/v1", "sealcheck/reports/v9", "sealcheck/reports/v9"),
            ("sealcheck/report/v1", "sealcheck/report/v9", "sealcheck/report/v9"),
            ("\"path\": \"apps/web\"", "\"path\": \"apps/shop\"", "two projects have the path `apps/shop`"),
            ("\"age_s\": ", "\"age_s\": \"old\", \"x\": ", "expected u64"),
        ] {
            assert!(written.contains(from), "{from}");
            let complaint = read(&written.replacen(from, to, 1)).unwrap_err();
            assert!(complaint.message.contains(part), "{part}: {complaint}");
            assert!(complaint.place.is_some(), "{part}");
        }
        let complaint = read(&written[..written.len() / 2]).unwrap_err();
        assert_eq!(complaint.message, "the report ends in the middle");
        let mut all = three();
        all.projects[0].report.findings[0].runs.push("ghost".to_owned());
        assert!(read(&text(&all)).unwrap_err().message.contains("`ghost`"));
    }

    #[test]
    fn the_committed_schema_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reports.schema.json");
        let fresh = format!("{:#}\n", schema());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == fresh, "docs/reports.schema.json is stale; run the tests with BLESS=1");
    }
}
