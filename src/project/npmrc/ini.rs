//! The dialect of ini that npm reads (its package `ini`), with places.
//!
//! It knows lines, sections, quotes and comments; not what a key means.

use std::ops::Range;

/// One line that sets a key outside any section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The key, without `[]`.
    pub(super) key: String,
    /// Whether it was written `key[]`: one more item of a list.
    pub(super) array: bool,
    /// The value with quotes and escapes undone; `true` for a key alone.
    pub(super) value: String,
    /// Bytes of the whole line without its end.
    pub(super) line: Range<usize>,
    /// Bytes from the key's first to its last.
    pub(super) key_span: Range<usize>,
    /// Bytes of the value as written; empty behind a key alone.
    pub(super) value_span: Range<usize>,
    /// It stands below a `[section]`, where npm looks up nothing.
    pub(super) in_section: bool,
}

/// The lines of a text: as `ini` splits them, at any run of CR and LF.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    text.split(['\r', '\n']).map(move |line| {
        let span = at..at + line.len();
        at = span.end + 1;
        span
    })
}

/// All lines that set a key, in order. Lines that say nothing to npm are left out.
pub(super) fn parse(text: &str) -> Vec<Line> {
    let mut out = Vec::new();
    let mut in_section = false;
    for span in lines(text) {
        let line = &text[span.clone()];
        if is_comment(line) || js_trim(line).is_empty() {
            continue;
        }
        if is_section(line) {
            in_section = true;
            continue;
        }
        let (written, value) = match line.split_once('=') {
            // `ini` wants at least one character before the `=`.
            Some(("", _)) => continue,
            Some((key, value)) => (key, Some(value)),
            None => (line, None),
        };
        let lead = written.len() - js_trim_start(written).len();
        let key_start = span.start + lead;
        let key_span = key_start..key_start + js_trim(written).len();
        let key = undo(written);
        let array = key.chars().count() > 2 && key.ends_with("[]");
        let key = if array { key[..key.len() - 2].to_owned() } else { key };
        if key == "__proto__" {
            continue;
        }
        let value_span = match value {
            None => span.end..span.end,
            Some(value) => {
                let start = span.end - js_trim_start(value).len();
                start..start + js_trim(value).len()
            }
        };
        let value = value.map_or_else(|| "true".to_owned(), undo);
        out.push(Line { key, array, value, line: span, key_span, value_span, in_section });
    }
    out
}

/// Whether a line is a comment to npm.
pub(super) fn is_comment(line: &str) -> bool {
    js_trim_start(line).starts_with([';', '#'])
}

/// `^\[([^\]]*)\]\s*$`
fn is_section(line: &str) -> bool {
    js_trim_end(line)
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|name| !name.contains(']'))
}

/// What `ini` calls `unsafe`: quotes and escapes undone, a comment cut off.
fn undo(text: &str) -> String {
    let text = js_trim(text);
    let double = text.starts_with('"') && text.ends_with('"');
    let single = text.starts_with('\'') && text.ends_with('\'');
    if double || single {
        let inner = if text.starts_with('\'') { text.get(1..text.len() - 1).unwrap_or("") } else { text };
        return match serde_json::from_str(inner) {
            Ok(serde_json::Value::String(text)) => text,
            Ok(_) | Err(_) => inner.to_owned(),
        };
    }
    let mut out = String::new();
    let mut escaped = false;
    for letter in text.chars() {
        if escaped {
            if !matches!(letter, '\\' | ';' | '#') {
                out.push('\\');
            }
            out.push(letter);
            escaped = false;
        } else if matches!(letter, ';' | '#') {
            break;
        } else if letter == '\\' {
            escaped = true;
        } else {
            out.push(letter);
        }
    }
    if escaped {
        out.push('\\');
    }
    js_trim(&out).to_owned()
}

/// JavaScript's `trim` takes the byte order mark for white space; Rust's does not.
fn white(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{feff}'
}

pub(super) fn js_trim(text: &str) -> &str {
    text.trim_matches(white)
}

fn js_trim_start(text: &str) -> &str {
    text.trim_start_matches(white)
}

fn js_trim_end(text: &str) -> &str {
    text.trim_end_matches(white)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_npm_reads_them() {
        // Each row was tried with the `ini` that npm 11 holds.
        for (text, key, value) in [
            ("registry=https://a/", "registry", "https://a/"),
            (" registry = https://a/ ", "registry", "https://a/"),
            ("\u{feff}registry=x", "registry", "x"),
            ("audit", "audit", "true"),
            ("audit=", "audit", ""),
            ("a=b=c", "a", "b=c"),
            ("a=b;c", "a", "b"),
            ("a=b#c", "a", "b"),
            ("a=b\\;c\\#d\\\\e\\f", "a", "b;c#d\\e\\f"),
            ("a=b\\", "a", "b\\"),
            ("a=\"b;c\\n\"", "a", "b;c\n"),
            ("a='b;c'", "a", "b;c"),
            ("a='\"b\"'", "a", "b"),
            ("a=\"b", "a", "\"b"),
            ("a='", "a", ""),
            ("a=\"b\"c\"", "a", "\"b\"c\""),
            ("//h/:_authToken=${T}", "//h/:_authToken", "${T}"),
            ("\"@acme:registry\"=x", "@acme:registry", "x"),
            ("[a]b=c", "[a]b", "c"),
            (" [a]", "[a]", "true"),
            ("[]=x", "[]", "x"),
        ] {
            let lines = parse(text);
            assert_eq!(lines.len(), 1, "{text:?}");
            assert_eq!((lines[0].key.as_str(), lines[0].value.as_str()), (key, value), "{text:?}");
        }
        for nothing in ["", "; a=b", "  # a=b", "=x", "[section]", "__proto__=x", "  "] {
            assert_eq!(parse(nothing), Vec::new(), "{nothing:?}");
        }
    }

    #[test]
    fn spans_are_of_the_key_and_of_the_value_as_written() {
        let text = "; c\r\n  a = 'b' \romit[]=dev\n[s]\nx=y";
        let lines = parse(text);
        assert_eq!(&text[lines[0].key_span.clone()], "a");
        assert_eq!(&text[lines[0].value_span.clone()], "'b'");
        assert_eq!(&text[lines[0].line.clone()], "  a = 'b' ");
        assert_eq!((lines[1].key.as_str(), lines[1].array), ("omit", true));
        assert_eq!((lines[2].key.as_str(), lines[2].in_section), ("x", true));
        assert!(!lines[1].in_section);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]'\"=;#\\\\a \u{feff}é\r\n]{0,40}") {
            for line in parse(&text) {
                let _ = (&text[line.key_span], &text[line.value_span], &text[line.line]);
            }
        }
    }
}
