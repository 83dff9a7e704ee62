//! What two accepted baselines have different, line by line, `sealcheck/baselines/v1`.

use super::comparison::Agreement;
use crate::compare::texts;
use schemars::JsonSchema;
use serde::Serialize;

/// The version of its form.
pub const SCHEMA: &str = "sealcheck/baselines/v1";

/// Two baselines as text, in the one form that they are written in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Baselines {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Whether they accept the same.
    pub agreement: Agreement,
    /// How the left is called.
    pub left: String,
    /// How the right is called.
    pub right: String,
    /// The lines that differ, behind `-` those of the left and behind `+` those of the right,
    /// with a line of both around them; gaps are a line `…`.
    pub lines: Vec<String>,
    /// How many there are beyond these.
    pub more: usize,
}

impl Baselines {
    /// Compares two, each by its name and its text; at most `most` lines are told.
    pub fn of(left: (&str, &str), right: (&str, &str), most: usize) -> Self {
        let (lines, more) = texts::lines(left.1, right.1, most);
        Self {
            schema: SCHEMA.to_owned(),
            agreement: if left.1 == right.1 { Agreement::Equal } else { Agreement::Differs },
            left: left.0.to_owned(),
            right: right.0.to_owned(),
            lines,
            more,
        }
    }
}
