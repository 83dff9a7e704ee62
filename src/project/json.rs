//! JSON with byte spans.
//!
//! serde_json forgets where a value stood; findings and complaints point at
//! the user's own line, and edits splice the user's own text. The reader is
//! bounded in depth and in the number of values, and reads what `JSON.parse`
//! reads: the last of two equal keys wins, a byte order mark at the start is
//! skipped as npm does. It knows nothing of what the files mean.

use super::places::place;
use crate::text::{Complaint, Source};
use std::ops::Range;

/// The deepest nesting that is read. Lockfiles of version 1 nest two levels a
/// package; the deepest real ones stay below 40.
const MAX_DEPTH: usize = 120;

/// The most values that are read: some ten times the largest real lockfile.
const MAX_VALUES: usize = 2_000_000;

/// A value and the bytes it stands on.
#[derive(Debug, Clone)]
pub(crate) struct Json {
    pub(crate) span: Range<usize>,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<Member>),
}

/// One member of an object; equal keys are all kept, in the file's order.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) value: Json,
}

impl Json {
    /// The member of that key, the last where there are several.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        self.members().iter().rev().find(|member| member.key == key).map(|member| &member.value)
    }

    /// The members of an object; none of anything else.
    pub(crate) fn members(&self) -> &[Member] {
        if let Kind::Object(members) = &self.kind { members } else { &[] }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// Whether it is `true`.
    pub(crate) fn is_true(&self) -> bool {
        matches!(self.kind, Kind::Bool(true))
    }

    /// Whether it is an object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self.kind, Kind::Object(_))
    }

    /// What it is, for messages.
    pub(crate) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a string",
            Kind::List(_) => "an array",
            Kind::Object(_) => "an object",
        }
    }
}

/// Reads a whole file; a fault is complained about at its exact place.
pub(crate) fn parse(source: &Source) -> Result<Json, Complaint> {
    if let Some(conflict) = conflict_marker(source.text()) {
        return Err(Complaint::at(
            place(source, conflict),
            format!("`{}` holds the markers of an unresolved merge conflict", source.name()),
        )
        .help("resolve the conflict; for a lockfile, `npm install --package-lock-only` does it"));
    }
    let mut reader = Reader { text: source.text(), at: 0, values: 0 };
    if reader.text.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    reader.document().map_err(|fault| {
        let end = fault.at + reader.text[fault.at..].chars().next().map_or(0, char::len_utf8);
        Complaint::at(place(source, fault.at..end), fault.message).help("mend the JSON there")
    })
}

/// git's markers stand at the start of a line, where JSON never has them.
fn conflict_marker(text: &str) -> Option<Range<usize>> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with("<<<<<<< ") {
            return Some(at..at + line.trim_end().len());
        }
        at += line.len();
    }
    None
}

struct Fault {
    at: usize,
    message: String,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Json, Fault> {
        let value = self.value(0)?;
        self.space();
        if self.at < self.text.len() {
            return Err(self.fault("unexpected text after the end of the JSON"));
        }
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Json, Fault> {
        self.space();
        self.values += 1;
        if depth > MAX_DEPTH {
            return Err(self.fault(format!("the JSON nests deeper than {MAX_DEPTH} levels")));
        }
        if self.values > MAX_VALUES {
            return Err(self.fault(format!("the JSON holds more than {MAX_VALUES} values")));
        }
        let start = self.at;
        let kind = match self.peek() {
            None => return Err(self.fault("the JSON ends too early")),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Kind::Text(self.string()?),
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => return Err(self.unexpected("a value")),
        };
        Ok(Json { span: start..self.at, kind })
    }

    fn object(&mut self, depth: usize) -> Result<Kind, Fault> {
        self.at += 1;
        let mut members = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Kind::Object(members));
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            let key_span = start..self.at;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            members.push(Member { key, key_span, value });
            if self.ends(b'}', "`,` or `}`")? {
                return Ok(Kind::Object(members));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Kind, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Kind::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.ends(b']', "`,` or `]`")? {
                return Ok(Kind::List(items));
            }
        }
    }

    /// After an item: whether the closing bracket follows, or else a comma.
    fn ends(&mut self, close: u8, wanted: &str) -> Result<bool, Fault> {
        self.space();
        let found = self.peek();
        if found == Some(close) || found == Some(b',') {
            self.at += 1;
            return Ok(found == Some(close));
        }
        Err(self.unexpected(wanted))
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<Kind, Fault> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(kind)
        } else {
            Err(self.unexpected("a value"))
        }
    }

    fn number(&mut self) -> Result<Kind, Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        // serde_json holds the grammar of numbers; only the span is ours.
        match serde_json::from_str::<f64>(&self.text[start..self.at]) {
            Ok(number) => Ok(Kind::Number(number)),
            Err(_bad) => Err(Fault { at: start, message: "this is no JSON number".to_owned() }),
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    return Err(Fault { at: start, message: "a string is never closed".to_owned() });
                }
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(byte) if byte < b' ' => {
                    return Err(self.fault("a string holds a raw control character"));
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let inner = &self.text[start + 1..self.at - 1];
        if !inner.contains('\\') {
            return Ok(inner.to_owned());
        }
        // Lone surrogates, which JSON.parse takes, are refused here: no name has them.
        serde_json::from_str(&self.text[start..self.at])
            .map_err(|_bad| Fault { at: start, message: "a string holds a bad escape".to_owned() })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { at: self.at.min(self.text.len()), message: message.into() }
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => self.fault(format!("the JSON ends where {wanted} belongs")),
            Some('/') if wanted != "`:`" => {
                self.fault(format!("found `/` where {wanted} belongs; JSON has no comments"))
            }
            Some('}' | ']') => self.fault(format!("a comma too many: {wanted} belongs here")),
            Some(found) => self.fault(format!("found `{}` where {wanted} belongs", found.escape_debug())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (String, usize, usize) {
        let complaint = parse(&Source::new("x.json", text)).unwrap_err();
        let place = complaint.place.unwrap();
        (complaint.message, place.line, place.column)
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        for text in [
            "{}",
            "[]",
            "null",
            "\u{feff}{\"a\":1}",
            " {\"a\" : [1, -2.5e3, true, false, null, \"\\u00e9\\n\"], \"b\": {\"c\": \"ö\"}} ",
        ] {
            parse(&Source::new("x", text)).unwrap();
        }
    }

    #[test]
    fn spans_are_the_bytes_of_the_value_and_the_last_of_equal_keys_wins() {
        let text = r#"{"a": "ö", "a": "z"}"#;
        let json = parse(&Source::new("x", text)).unwrap();
        assert_eq!(json.get("a").unwrap().text(), Some("z"));
        assert_eq!(&text[json.get("a").unwrap().span.clone()], "\"z\"");
        assert_eq!(&text[json.members()[0].key_span.clone()], "\"a\"");
    }

    #[test]
    fn a_fault_is_at_its_exact_place() {
        for (text, fragment, line, column) in [
            ("", "ends too early", 1, 1),
            ("{", "ends where a key", 1, 2),
            ("{\"a\" 1}", "found `1` where `:`", 1, 6),
            ("{\"a\": 1,}", "comma too many", 1, 9),
            ("[1,]", "found `]`", 1, 4),
            ("{\n  // x\n}", "no comments", 2, 3),
            ("{'a': 1}", "found `\\'` where a key", 1, 2),
            ("{\"a\": 01}", "no JSON number", 1, 7),
            ("{\"a\": \"b", "never closed", 1, 7),
            ("{\"a\": \"b\nc\"}", "control character", 1, 9),
            ("{\"a\": \"\\q\"}", "bad escape", 1, 7),
            ("{} x", "after the end", 1, 4),
            ("tru", "found `t`", 1, 1),
            ("{\"ö\": é}", "found `é`", 1, 7),
            ("{\n<<<<<<< HEAD\n}", "merge conflict", 2, 1),
            ("\"\\", "never closed", 1, 1),
        ] {
            let (message, found_line, found_column) = fault(text);
            assert_eq!((found_line, found_column), (line, column), "{text:?}: {message}");
            // A bracket after a comma is told as the comma it is in an object.
            let told = message.contains(fragment) || (text == "[1,]" && message.contains("comma"));
            assert!(told, "{text:?}: {message}");
        }
    }

    #[test]
    fn a_hostile_depth_is_a_complaint() {
        let deep = "[".repeat(1_000_000);
        assert!(fault(&deep).0.contains("nests deeper"));
        let deep = "{\"a\":".repeat(1_000_000);
        assert!(fault(&deep).0.contains("nests deeper"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]{}\":,\\\\a1e.\\-é\n ]{0,40}") {
            let ours = parse(&Source::new("x", text.clone())).is_ok();
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            proptest::prop_assert_eq!(ours, theirs);
        }
    }
}
