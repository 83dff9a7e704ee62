//! A captured environment as JSON: written, read back, and its schema.

use super::{Environment, SCHEMA};
use crate::text::{Complaint, Source};
use serde::Deserialize;

impl Environment {
    /// Pretty JSON with a final newline.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Reads one that was saved.
    ///
    /// # Errors
    /// Where it is no JSON, of another version, or has a field of the wrong type.
    pub fn read(source: &Source) -> Result<Self, Complaint> {
        #[derive(Deserialize)]
        struct Version {
            schema: Option<String>,
        }
        let version: Version =
            serde_json::from_str(source.text()).map_err(|error| complain(source, &error))?;
        match version.schema.as_deref() {
            Some(SCHEMA) => serde_json::from_str(source.text()).map_err(|error| complain(source, &error)),
            Some(other) => Err(Complaint::about(format!(
                "`{}` is of version `{other}`, and this program reads `{SCHEMA}`",
                source.name()
            ))
            .help("capture the environment again with this version")),
            None => Err(Complaint::about(format!("`{}` has no `schema`", source.name()))
                .help("make it by `sealcheck capture`")),
        }
    }
}

/// JSON Schema of a captured environment, as committed in `docs/environment.schema.json`.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Environment).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), SCHEMA.into());
    }
    schema
}

fn complain(source: &Source, error: &serde_json::Error) -> Complaint {
    let start: usize =
        source.text().split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = start + error.column().saturating_sub(1);
    let text = error.to_string();
    let message = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
    Complaint::at(source.place(at..at + 1), format!("this is no captured environment: {message}"))
        .help("make it anew by `sealcheck capture`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        Environment::read(&Source::new("a.json", text)).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_environment_is_complained_about() {
        assert!(complaint("{").contains("no captured environment"));
        assert!(complaint("{}").contains("has no `schema`"));
        assert!(complaint(r#"{"schema": "sealcheck/environment/v9"}"#).contains("v9"));
        let wrong = format!("{{\"schema\": \"{SCHEMA}\", \"tool\": 1}}");
        assert!(complaint(&wrong).contains("invalid type"), "{}", complaint(&wrong));
    }

    #[test]
    fn the_committed_schema_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/environment.schema.json");
        let fresh = format!("{:#}\n", schema());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == fresh, "docs/environment.schema.json is stale; run the tests with BLESS=1");
    }
}
