//! A place in a file of the user's.
//!
//! Every reader keeps byte spans, so that a finding or an error can show the
//! very line it speaks of. This module knows nothing of npm: it turns spans
//! into lines and columns, and finds the name that a misspelt one is nearest to.

use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// A text file as read: a name to show and its whole text.
///
/// The name is what the user would type (relative to the project where it lies
/// in it). Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// A source from a display name and its text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The name to show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of a byte span in this source. A span beyond the end is
    /// clipped to it; one inside a character moves to the character's start.
    pub fn place(&self, span: Range<usize>) -> Place {
        let start = floor_char(&self.text, span.start);
        let end = floor_char(&self.text, span.end).max(start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        Place {
            file: self.name.to_string(),
            line: before.matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            width: self.text[start..end.min(line_end).max(start)].chars().count().max(1),
            excerpt: clip(self.text[line_start..line_end].trim_end_matches('\r')),
        }
    }

    /// The place that a reader counts to as a line and the bytes of it, both from 1 (`serde_json`).
    pub fn counted(&self, line: usize, column: usize) -> Place {
        let start: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let at = start + column.saturating_sub(1);
        self.place(at..at + 1)
    }

    /// The place of the first occurrence of `needle`, if it occurs.
    pub fn find(&self, needle: &str) -> Option<Place> {
        let at = self.text.find(needle)?;
        Some(self.place(at..at + needle.len()))
    }
}

fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A minified lockfile is one line of megabytes; nobody wants it in a message.
const EXCERPT_CHARS: usize = 400;

fn clip(line: &str) -> String {
    line.chars().take(EXCERPT_CHARS).collect()
}

/// A position in a file with the line it is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Place {
    /// The file's display name.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters to underline, at least 1.
    pub width: usize,
    /// The text of the line, at most 400 characters of it.
    pub excerpt: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What is wrong with a file of the user's: what, where, and what to do.
///
/// Every reader of user files returns this inside its own error, and the
/// command line shows it with the line underneath and exits with 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong, a lower-case fragment without a full stop.
    pub message: String,
    /// Where; `None` where the file could not be read at all.
    pub place: Option<Place>,
    /// What to do about it, where that can be said.
    pub help: Option<String>,
}

impl Complaint {
    /// A complaint about a place.
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        Self { message: message.into(), place: Some(place), help: None }
    }

    /// A complaint about a file as a whole.
    pub fn about(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, help: None }
    }

    /// The same complaint with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Some(place) => write!(out, "{place}: {}", self.message),
            None => out.write_str(&self.message),
        }
    }
}

impl std::error::Error for Complaint {}

/// The known name nearest to a misspelt one, if any is near enough
/// (an edit distance of a third of its length, at least 1).
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .filter(|(far, name)| *far <= (name.chars().count() / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, from) in left.chars().enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (to_at, to) in right.iter().enumerate() {
            let replace = corner + usize::from(from != *to);
            corner = row[to_at + 1];
            row[to_at + 1] = replace.min(corner + 1).min(row[to_at] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let source = Source::new("a.txt", "one\ntwö three\n");
        let place = source.find("three").unwrap();
        assert_eq!((place.line, place.column, place.width), (2, 5, 5));
        assert_eq!(place.excerpt, "twö three");
    }

    #[test]
    fn a_span_past_the_end_or_inside_a_character_is_clipped() {
        let source = Source::new("a.txt", "ö");
        assert_eq!(source.place(1..9).column, 1);
        assert_eq!(source.place(90..99).line, 1);
    }

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["private", "scenarios", "registry"];
        assert_eq!(nearest("privat", known), Some("private"));
        assert_eq!(nearest("registries", known), None);
        assert_eq!(nearest("zebra", known), None);
    }
}
