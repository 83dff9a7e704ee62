//! Shows what is wrong with a file of the user's, with the line under it.

use crate::text::{Complaint, Place};
use std::fmt::Write;

/// A complaint as text, several lines, without colour.
pub(crate) fn render(complaint: &Complaint) -> String {
    let mut out = format!("error: {}\n", plain(&complaint.message));
    if let Some(place) = &complaint.place {
        lines(&mut out, place);
    }
    if let Some(help) = &complaint.help {
        let _ = writeln!(out, "help: {}", plain(help));
    }
    out
}

fn lines(out: &mut String, place: &Place) {
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    let excerpt = plain(&place.excerpt);
    let indent = " ".repeat(place.column.saturating_sub(1).min(excerpt.chars().count()));
    let room = excerpt.chars().count().saturating_sub(indent.len()).max(1);
    let carets = "^".repeat(place.width.clamp(1, room));
    let _ = writeln!(out, "{gutter}--> {}:{}:{}", plain(&place.file), place.line, place.column);
    let _ = writeln!(out, "{gutter} |\n{number} | {excerpt}\n{gutter} | {indent}{carets}");
}

/// Text from a file with what could steer a terminal made visible.
fn plain(text: &str) -> String {
    text.chars()
        .map(|one| match one {
            '\t' => ' ',
            one if one.is_control() || is_bidi(one) => '\u{fffd}',
            one => one,
        })
        .collect()
}

fn is_bidi(one: char) -> bool {
    matches!(one, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    #[test]
    fn the_line_is_shown_with_a_mark_and_no_escape_survives() {
        let source = Source::new("sealcheck.toml", "jobs = 1\nprivat\x1b[31me = []\n");
        let place = source.place(9..15);
        let shown = render(&Complaint::at(place, "unknown key").help("did you mean `private`?"));
        assert!(shown.contains("--> sealcheck.toml:2:1"), "{shown}");
        assert!(shown.contains("2 | privat\u{fffd}[31me = []\n  | ^^^^^^\n"), "{shown}");
        assert!(!shown.contains('\x1b'));
    }
}
