//! Text of strangers, made harmless to a terminal.
//!
//! Package names, paths, arguments and npm's own output were chosen by whoever
//! published a package. An escape sequence in them could clear the screen and
//! write a verdict of its own; a bidirectional override could turn one around.
//! Everything that is printed goes through here, and nothing here knows what
//! the text is about.

use std::fmt::Write;

/// How text may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset {
    /// Characters beyond ASCII may be printed.
    pub unicode: bool,
}

impl Charset {
    /// `text` on one line: whatever steers a terminal, hides itself or turns
    /// the direction of writing is shown as its escape (`\x1b`, `\n`, `\u{202e}`).
    pub fn safe(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            if self.shows(character) {
                out.push(character);
            } else {
                escape(&mut out, character);
            }
        }
        out
    }

    /// The same, clipped to `limit` characters with a sign that it was.
    pub fn clipped(self, text: &str, limit: usize) -> String {
        // An escape is at most ten characters long, so this many suffice.
        let head: String = text.chars().take(limit.saturating_add(1)).collect();
        let safe = self.safe(&head);
        if safe.chars().count() <= limit {
            return safe;
        }
        let dots = if self.unicode { "…" } else { "..." };
        let keep = limit.saturating_sub(dots.chars().count());
        let mut out: String = safe.chars().take(keep).collect();
        out.push_str(dots);
        out
    }

    /// The lines of a text (npm's output), each made harmless.
    pub fn lines(self, text: &str) -> Vec<String> {
        text.lines().map(|line| self.safe(line.trim_end_matches('\r'))).collect()
    }

    fn shows(self, character: char) -> bool {
        if character.is_ascii() {
            return !character.is_ascii_control();
        }
        self.unicode && !character.is_control() && !steers(character)
    }
}

/// Characters that print nothing, or change how others are printed.
fn steers(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{f0000}'..='\u{10ffff}'
    )
}

fn escape(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        other if u32::from(other) < 0x100 => {
            let _ = write!(out, "\\x{:02x}", u32::from(other));
        }
        other => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(other));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNICODE: Charset = Charset { unicode: true };
    const ASCII: Charset = Charset { unicode: false };

    #[test]
    fn what_steers_a_terminal_is_shown_as_its_escape() {
        for (hostile, shown) in [
            ("\u{1b}[2Jverdict: sealed", "\\x1b[2Jverdict: sealed"),
            ("\u{1b}]0;title\u{7}", "\\x1b]0;title\\x07"),
            ("a\nsealed", "a\\nsealed"),
            ("a\rsealed\t", "a\\rsealed\\t"),
            ("\u{9b}31m", "\\x9b31m"),
            ("\u{202e}moc.live", "\\u{202e}moc.live"),
            ("a\u{2066}b\u{2069}", "a\\u{2066}b\\u{2069}"),
            ("left\u{200b}-pad", "left\\u{200b}-pad"),
            ("a\u{2028}b", "a\\u{2028}b"),
            ("\u{e0041}", "\\u{e0041}"),
            ("\u{7f}\u{0}", "\\x7f\\x00"),
            ("", ""),
        ] {
            assert_eq!(UNICODE.safe(hostile), shown);
        }
    }

    #[test]
    fn honest_text_stays_as_it_is_where_it_can_be_shown() {
        assert_eq!(UNICODE.safe("@acme/größe → 4.1 kB"), "@acme/größe → 4.1 kB");
        assert_eq!(ASCII.safe("größe"), "gr\\xf6\\xdfe");
        assert_eq!(ASCII.safe("→"), "\\u{2192}");
    }

    #[test]
    fn long_text_is_clipped_with_a_sign() {
        assert_eq!(UNICODE.clipped("abcdef", 4), "abc…");
        assert_eq!(ASCII.clipped("abcdef", 5), "ab...");
        assert_eq!(UNICODE.clipped("abcd", 4), "abcd");
        assert_eq!(UNICODE.clipped("abcd", 0), "…");
    }

    #[test]
    fn output_keeps_its_lines_and_nothing_else() {
        assert_eq!(UNICODE.lines("a\r\n\u{1b}[31mb\n"), ["a", "\\x1b[31mb"]);
    }

    proptest! {
        #[test]
        fn nothing_that_steers_ever_comes_out(text in any::<String>()) {
            for out in [UNICODE.safe(&text), ASCII.safe(&text), UNICODE.clipped(&text, 20)] {
                prop_assert!(!out.chars().any(|c| c.is_control() || steers(c)), "{out:?}");
            }
            prop_assert!(ASCII.safe(&text).is_ascii());
        }
    }
}
