//! npm's files of configuration, level by level, and back into text.

use super::{Npmrc, Written};
use crate::project::npmrc::render::quote;
use crate::project::npmrc::{Level, NpmConfig, Value};
use std::collections::BTreeMap;

/// The files that were read; secrets replaced.
pub(super) fn levels(config: &NpmConfig) -> BTreeMap<Level, Npmrc> {
    let mut levels: BTreeMap<Level, Npmrc> = config
        .files
        .iter()
        .map(|(level, source)| (*level, Npmrc { file: source.name().to_owned(), settings: BTreeMap::new() }))
        .collect();
    for setting in &config.settings {
        if let Some(npmrc) = levels.get_mut(&setting.level) {
            let written = Written {
                value: setting.shown(),
                line: setting.place.as_ref().map_or(0, |place| place.line),
            };
            let values = npmrc.settings.entry(setting.key.clone()).or_default();
            // Of a key that is no list the last one counts.
            if !matches!(&setting.value, Value::Plain(text) if text.contains("\n\n")) {
                values.clear();
            }
            values.push(written);
        }
    }
    levels
}

impl Npmrc {
    /// The file's settings as text that npm reads the same way. `real` gives the value
    /// that a secret shall have; what it does not know stays as it is shown.
    pub fn text(&self, real: impl Fn(&str, &str) -> Option<String>) -> String {
        let mut out = String::new();
        for (key, values) in &self.settings {
            let list = if values.len() > 1 { "[]" } else { "" };
            for written in values {
                let value = real(key, &written.value).unwrap_or_else(|| written.value.clone());
                out.push_str(&format!("{key}{list}={}\n", quote(&value)));
            }
        }
        out
    }
}
