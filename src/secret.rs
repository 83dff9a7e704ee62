//! A value that never prints.
//!
//! Tokens and passwords travel through the program as [`Secret`]. Debug,
//! Display and Serialize give a label; the value itself is reached by one
//! method, so that each use can be found by its name.

use serde::{Serialize, Serializer};

/// A secret value with the label that stands for it in all output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    label: String,
    value: String,
}

impl Secret {
    /// A secret that prints as `[redacted:LABEL]`.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into() }
    }

    /// The value itself. Only for putting it on the wire it belongs to.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// The label, without brackets.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// `text` with every occurrence of the value replaced by the label.
    pub fn redact(&self, text: &str) -> String {
        if self.value.len() < 4 {
            return text.to_owned();
        }
        text.replace(&self.value, &self.to_string())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, out)
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "[redacted:{}]", self.label)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_of_printing_shows_the_value() {
        let secret = Secret::new("NPM_TOKEN", "npm_hunter2hunter2");
        let shown = format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(secret.redact("Bearer npm_hunter2hunter2"), "Bearer [redacted:NPM_TOKEN]");
    }
}
