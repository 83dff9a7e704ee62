//! The report as JSON: written, read back, and its schema.
//!
//! A saved report is a file of the user's like any other: whatever is wrong
//! with it is said with the place, and nothing in it can end the program. How
//! it looks on a terminal is not known here.

#[cfg(test)]
mod first;

use super::collection;
use super::model::{Report, SCHEMA};
use crate::text::{Complaint, Source};
use serde::Deserialize;
use std::collections::BTreeSet;

impl Report {
    /// The report as pretty JSON with a final newline; the same report gives the same bytes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a saved report. The complaint names the file `report`; see
    /// [`Report::read_source`] for one that names it as the user did.
    pub fn read(text: &str) -> Result<Self, Complaint> {
        Self::read_source(&Source::new("report", text))
    }

    /// Reads a saved report.
    ///
    /// # Errors
    /// Where it is no JSON, ends too early, is of another version, has a field
    /// of the wrong type, or points at runs or findings that it does not have.
    pub fn read_source(source: &Source) -> Result<Self, Complaint> {
        match version(source)? {
            Some(serde_json::Value::String(schema)) if schema == SCHEMA => {}
            Some(other) => return Err(wrong_version(source, &other, &[SCHEMA])),
            None => {
                return Err(Complaint::at(source.place(0..1), "this is not a report: it has no `schema`")
                    .help(format!("a report of sealcheck begins with `\"schema\": \"{SCHEMA}\"`")));
            }
        }
        let report: Self = serde_json::from_str(source.text()).map_err(|error| complain(source, &error))?;
        report.check(source)?;
        Ok(report)
    }

    /// Whether all that points at something points at something there.
    pub(in crate::report) fn check(&self, source: &Source) -> Result<(), Complaint> {
        let mut ids = BTreeSet::new();
        for run in &self.runs {
            if !ids.insert(run.id.as_str()) {
                return Err(at_text(source, &run.id, format!("two runs have the id `{}`", run.id)));
            }
            if let Some(index) = run.findings.iter().find(|index| **index >= self.findings.len()) {
                return Err(at_text(
                    source,
                    &run.id,
                    format!("run `{}` names finding {index}, but there are {}", run.id, self.findings.len()),
                ));
            }
        }
        let named = self.findings.iter().flat_map(|finding| {
            finding.runs.iter().chain(finding.evidence.iter().map(|pointer| &pointer.run))
        });
        for id in named {
            if !ids.contains(id.as_str()) {
                return Err(at_text(
                    source,
                    id,
                    format!("a finding names run `{id}`, which is not in the report"),
                ));
            }
        }
        Ok(())
    }
}

/// JSON Schema of a report, as committed in `docs/report.schema.json`.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Report).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), SCHEMA.into());
    }
    schema
}

#[derive(Deserialize)]
struct Version {
    schema: Option<serde_json::Value>,
}

/// What a file says it is.
pub(in crate::report) fn version(source: &Source) -> Result<Option<serde_json::Value>, Complaint> {
    let version: Version = serde_json::from_str(source.text()).map_err(|error| complain(source, &error))?;
    Ok(version.schema)
}

pub(in crate::report) fn complain(source: &Source, error: &serde_json::Error) -> Complaint {
    let text = error.to_string();
    let message = match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    };
    let place = source.counted(error.line(), error.column());
    if error.is_eof() {
        return Complaint::at(place, "the report ends in the middle")
            .help("the file was cut off; write the report again");
    }
    if error.is_data() {
        return Complaint::at(place, message).help(
            "the file was changed by hand or by another program; docs/report.schema.json has its form",
        );
    }
    Complaint::at(place, format!("this is not JSON: {message}"))
}

/// `read` are the versions that would do.
pub(in crate::report) fn wrong_version(
    source: &Source,
    found: &serde_json::Value,
    read: &[&str],
) -> Complaint {
    let place = source.find("\"schema\"").unwrap_or_else(|| source.place(0..1));
    if found == collection::SCHEMA && !read.contains(&collection::SCHEMA) {
        return Complaint::at(
            place,
            "this is a report of several projects, and one of one project is needed",
        )
        .help("take one out of it by `sealcheck report FILE --project PATH --format json -o ONE`");
    }
    let read = read.join("` and `");
    Complaint::at(place, format!("the report's version is {found}, and this program reads `{read}`"))
        .help("render it with the version of sealcheck that wrote it, or run the test again")
}

fn at_text(source: &Source, text: &str, message: String) -> Complaint {
    let quoted = serde_json::Value::from(text).to_string();
    Complaint { message, place: source.find(&quoted), help: None }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::model::NotApplicable;
    use crate::report::opinion::Verdict;

    const LEAKED: &str = include_str!("../../tests/fixtures/reports/leaked.json");

    /// A whole report to start from.
    pub(crate) fn small() -> Report {
        Report::read(LEAKED).unwrap()
    }

    /// One of the saved reports for tests.
    pub(crate) fn saved(name: &str) -> Report {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reports");
        Report::read(&std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap()
    }

    /// Gives everything that happened another time.
    pub(crate) fn later(report: &mut Report) {
        for (by, run) in (7..).zip(&mut report.runs) {
            for process in &mut run.processes {
                process.started_ms = Some(process.started_ms.unwrap_or(0) + by);
                process.ended_ms = Some(process.ended_ms.unwrap_or(0) + 1000 * by);
            }
            for exchange in &mut run.exchanges {
                exchange.at_ms = Some(exchange.at_ms.unwrap_or(0) + by);
                exchange.took_ms = Some(exchange.took_ms.unwrap_or(0) + 10 * by);
            }
            let lookups = run.lookups.iter_mut().map(|lookup| &mut lookup.at_ms);
            for at_ms in lookups.chain(run.connections.iter_mut().map(|connection| &mut connection.at_ms)) {
                *at_ms = Some(at_ms.unwrap_or(0) + by);
            }
        }
    }

    /// A report in which each verdict is some run's, and one scenario means nothing.
    pub(crate) fn of_every_verdict() -> Report {
        let mut report = saved("leaked");
        for verdict in [Verdict::Exposed, Verdict::Unobserved, Verdict::Broken, Verdict::NotApplicable] {
            let mut run = report.runs[0].clone();
            run.id = format!("as-{verdict}-1");
            run.scenario = format!("as-{verdict}");
            (run.verdict, run.because) = (verdict, format!("it was made {verdict}"));
            report.runs.push(run);
        }
        let (scenario, reason) = ("integrity-removed".to_owned(), "nothing has an integrity".to_owned());
        report.coverage.not_applicable.push(NotApplicable { scenario, reason, asked: false });
        report
    }

    #[test]
    fn what_is_written_is_read_back_and_written_the_same() {
        let report = small();
        let text = report.to_json().unwrap();
        let back = Report::read(&text).unwrap();
        assert_eq!(back, report);
        assert_eq!(back.to_json().unwrap(), text);
    }

    #[test]
    fn arranging_is_the_same_whatever_the_order_was() {
        let mut one = small();
        one.arrange();
        let mut two = one.clone();
        two.findings.reverse();
        for finding in &mut two.findings {
            finding.evidence.reverse();
            finding.runs.reverse();
        }
        two.arrange();
        assert_eq!(one.to_json().unwrap(), two.to_json().unwrap());
    }

    #[test]
    fn another_version_is_named_with_its_place() {
        let text = LEAKED.replace(SCHEMA, "sealcheck/report/v9");
        let complaint = Report::read(&text).unwrap_err();
        assert!(complaint.message.contains("sealcheck/report/v9"), "{complaint}");
        assert_eq!(complaint.place.unwrap().line, 2);
    }

    #[test]
    fn one_of_several_projects_is_told_from_another_version() {
        let complaint = Report::read(&LEAKED.replace(SCHEMA, collection::SCHEMA)).unwrap_err();
        assert!(complaint.message.contains("of several projects"), "{complaint}");
        assert!(complaint.help.unwrap().contains("--project"));
    }

    #[test]
    fn a_report_cut_off_anywhere_is_a_complaint_with_a_place() {
        for cut in (1..LEAKED.trim_end().len()).step_by(97).filter(|at| LEAKED.is_char_boundary(*at)) {
            let complaint = Report::read(&LEAKED[..cut]).unwrap_err();
            assert_eq!(complaint.message, "the report ends in the middle", "{cut}");
            assert!(complaint.place.is_some());
        }
    }

    #[test]
    fn a_wrong_type_is_shown_on_its_line() {
        let text = LEAKED.replacen("\"duration_ms\": ", "\"duration_ms\": \"soon\", \"x\": ", 1);
        let complaint = Report::read(&text).unwrap_err();
        let place = complaint.place.unwrap();
        assert!(place.excerpt.contains("soon"), "{place:?}");
        assert!(complaint.message.contains("expected u64"), "{}", complaint.message);
    }

    #[test]
    fn what_is_no_report_at_all_is_said_so() {
        for (text, part) in [
            ("", "ends in the middle"),
            ("<html>", "not JSON"),
            ("[]", "invalid"),
            ("{}", "no `schema`"),
            ("{\"schema\": 7}", "version is 7"),
            ("null", "invalid type"),
        ] {
            let complaint = Report::read(text).unwrap_err();
            assert!(complaint.message.contains(part), "{text}: {complaint}");
        }
    }

    #[test]
    fn a_pointer_to_nothing_is_refused() {
        let mut report = small();
        report.findings[0].runs.push("ghost".into());
        let complaint = Report::read(&report.to_json().unwrap()).unwrap_err();
        assert!(complaint.message.contains("`ghost`"), "{complaint}");

        let mut report = small();
        report.runs[0].findings.push(99);
        assert!(Report::read(&report.to_json().unwrap()).unwrap_err().message.contains("finding 99"));
    }

    #[test]
    fn the_committed_schema_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
        let fresh = format!("{:#}\n", schema());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == fresh, "docs/report.schema.json is stale; run the tests with BLESS=1");
    }
}
