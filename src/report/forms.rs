//! The JSON Schemas of what `compare --format json` prints, as committed in `docs`.
//!
//! They are made from the types, and only the tests that hold the committed ones up to date
//! need them.

use super::baselines::{self, Baselines};
use super::comparison::{self, Comparison};
use super::drift::{self, Drift};
use super::review::{self, Review};
use schemars::{Schema, schema_for};
use serde_json::Value;

/// Each schema by the name of its form.
pub fn forms() -> [(&'static str, Value); 4] {
    [
        titled(baselines::SCHEMA, schema_for!(Baselines)),
        titled(comparison::SCHEMA, schema_for!(Comparison)),
        titled(drift::SCHEMA, schema_for!(Drift)),
        titled(review::SCHEMA, schema_for!(Review)),
    ]
}

fn titled(name: &'static str, schema: Schema) -> (&'static str, Value) {
    let mut schema = schema.to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), name.into());
    }
    (name, schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_are_up_to_date() {
        for (name, schema) in forms() {
            let form = name.strip_prefix("sealcheck/").unwrap().strip_suffix("/v1").unwrap();
            let path = format!("docs/{form}.schema.json");
            let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
            let fresh = format!("{schema:#}\n");
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(&file, &fresh).unwrap();
            }
            let committed = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(committed == fresh, "{path} is stale; run the tests with BLESS=1");
        }
    }
}
