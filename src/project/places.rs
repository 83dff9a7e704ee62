//! Many places of one file, fast.
//!
//! [`Source::place`] counts lines from the start; a lockfile has thousands of
//! places. Here lines are found once. What URLs may carry in secret
//! (`user:password@`, a signed query) is blotted out of excerpts.

use crate::text::{Place, Source};
use std::cell::Cell;
use std::ops::Range;

/// As in [`Source::place`]: a minified file is one line of megabytes.
const EXCERPT_CHARS: usize = 400;

/// The place of one span, with what is secret in URLs blotted out.
pub(crate) fn place(source: &Source, span: Range<usize>) -> Place {
    let mut place = source.place(span);
    place.excerpt = blot_urls(&place.excerpt);
    place
}

/// Gives places of one source.
pub(crate) struct Places<'a> {
    source: &'a Source,
    /// Byte offsets at which lines begin.
    lines: Vec<usize>,
    /// The last offset asked for and its column from 0: places are asked for
    /// in the file's order, so a long line is counted once.
    last: Cell<(usize, usize)>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        let lines = std::iter::once(0)
            .chain(source.text().bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1))
            .collect();
        Self { source, lines, last: Cell::new((0, 0)) }
    }

    /// The same as [`Source::place`] but for what is blotted out.
    pub(crate) fn at(&self, span: &Range<usize>) -> Place {
        let text = self.source.text();
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let line = self.lines.partition_point(|begin| *begin <= start).max(1);
        let begin = self.lines[line - 1];
        let stop = self.lines.get(line).map_or(text.len(), |next| next - 1).max(start);
        let (known_at, known_column) = self.last.get();
        let column = if known_at >= begin && known_at <= start {
            known_column + text[known_at..start].chars().count()
        } else {
            text[begin..start].chars().count()
        };
        self.last.set((start, column));
        let excerpt: String = text[begin..stop].trim_end_matches('\r').chars().take(EXCERPT_CHARS).collect();
        Place {
            file: self.source.name().to_owned(),
            line,
            column: column + 1,
            width: text[start..end.min(stop)].chars().count().max(1),
            excerpt: blot_urls(&excerpt),
        }
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// `text` with the credentials and the query of every URL in it blotted out.
pub(crate) fn blot_urls(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(['"', '\'', ' ', ',', '\t', '<', '>']).unwrap_or(after.len());
        let (url, next) = after.split_at(end);
        let query = query_start(url);
        let authority_end = url.find(['/', '#']).into_iter().chain(query).min().unwrap_or(url.len());
        let (authority, path) = url.split_at(authority_end);
        match authority.rsplit_once('@') {
            // `git+ssh://git@host` holds no secret.
            Some((user, host)) if user.contains(':') || user != "git" => {
                out.push_str("[redacted]@");
                out.push_str(host);
            }
            Some(_) | None => out.push_str(authority),
        }
        match query {
            Some(at) => {
                out.push_str(&url[authority_end..at]);
                out.push_str("?[redacted]");
            }
            None => out.push_str(path),
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

/// The `?` of a URL; that of npm's `${VAR?}` is none.
fn query_start(url: &str) -> Option<usize> {
    url.match_indices('?').map(|(at, _)| at).find(|at| !url[at + 1..].starts_with('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_source() {
        let source = Source::new("a", "one\r\ntwö three\n\nlast");
        let places = Places::new(&source);
        for start in 0..=source.text().len() + 1 {
            for end in [start, start + 3] {
                let ours = places.at(&(start..end));
                let theirs = source.place(start..end);
                assert_eq!(ours, theirs, "{start}..{end}");
            }
        }
        // Backwards as well: the memory of the last column must not mislead.
        for start in (0..source.text().len()).rev() {
            assert_eq!(places.at(&(start..start + 1)), source.place(start..start + 1));
        }
    }

    #[test]
    fn secrets_of_urls_are_blotted_out() {
        for (text, shown) in [
            ("\"https://u:pw@h/x.tgz\",", "\"https://[redacted]@h/x.tgz\","),
            ("https://h/x.tgz?sig=abc", "https://h/x.tgz?[redacted]"),
            ("git+ssh://git@h/x.git#abc", "git+ssh://git@h/x.git#abc"),
            ("https://tok@h/ http://a@b/?c", "https://[redacted]@h/ http://[redacted]@b/?[redacted]"),
            ("https://${HOST?}/${A?}?x", "https://${HOST?}/${A?}?[redacted]"),
            ("plain", "plain"),
        ] {
            assert_eq!(blot_urls(text), shown);
        }
    }
}
