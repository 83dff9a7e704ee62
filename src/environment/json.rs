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
