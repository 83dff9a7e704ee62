//! Text of strangers, made harmless to Markdown.
//!
//! A backslash stops neither a mention nor a bare link: sites look for those in the text
//! as rendered. Only a code span stops all of it, so each word that is more than letters
//! goes into one. Nothing here knows what the text is about.

use crate::report::terminal::safe::Charset;

const CHARSET: Charset = Charset { unicode: true };

/// A text of one line, clipped, with every word that could mean something to Markdown in a
/// code span. What stood in backticks already is one span.
pub(super) fn prose(text: &str, limit: usize) -> String {
    let safe = CHARSET.clipped(text, limit);
    let parts: Vec<&str> = safe.split('`').collect();
    if parts.len().is_multiple_of(2) {
        // One backtick is without a partner, so none of them can be trusted to have one.
        return words(&safe.replace('`', "'"));
    }
    let spans = parts.iter().enumerate().map(|(at, part)| match at % 2 {
        0 => words(part),
        _ if part.trim().is_empty() => String::new(),
        _ => format!("`{}`", part.trim()),
    });
    // Where two spans touch, their backticks would be one delimiter of two.
    let mut out = String::new();
    for span in spans {
        if out.ends_with('`') && span.starts_with('`') {
            out.push(' ');
        }
        out.push_str(&span);
    }
    out.trim().to_owned()
}

/// A text as one code span, for a cell of a table too; empty of none.
pub(super) fn code(text: &str, limit: usize) -> String {
    let safe = CHARSET.clipped(text, limit).replace('`', "'").replace('|', "\\x7c");
    if safe.trim().is_empty() { String::new() } else { format!("`{}`", safe.trim()) }
}

/// The same as [`prose`] in a cell of a table, where a bar ends the cell even in a code span.
pub(super) fn cell(text: &str, limit: usize) -> String {
    prose(&text.replace('|', "\\x7c"), limit)
}

/// The marks of prose stay outside of the spans, where a reader wants them.
fn words(text: &str) -> String {
    let mut out = String::new();
    let mut open = false;
    for (at, word) in text.split(' ').enumerate() {
        let (lead, core, trail) = parts(word);
        let dressed = !core.is_empty() && !is_plain(core);
        // Words that follow each other in code are one span.
        let joined = open && dressed && lead.is_empty();
        if open && !joined {
            out.push('`');
        }
        if at > 0 {
            out.push(' ');
        }
        out.push_str(lead);
        if dressed && !joined {
            out.push('`');
        }
        out.push_str(core);
        open = dressed;
        if open && !trail.is_empty() {
            out.push('`');
            open = false;
        }
        out.push_str(trail);
    }
    if open {
        out.push('`');
    }
    out
}

/// A word between the marks of prose around it.
fn parts(word: &str) -> (&str, &str, &str) {
    let rest = word.trim_start_matches(['(', '\'']);
    let lead = &word[..word.len() - rest.len()];
    // A bracket that was opened inside is closed inside.
    let closing = if rest.contains('(') { '.' } else { ')' };
    let core = rest.trim_end_matches([',', ';', '.', ':', '?', '\'', closing]);
    (lead, core, &rest[core.len()..])
}

/// Letters, a number, `stranger's` and `built-in`: nothing that a site makes a link of. A
/// long number in base 16 could be a commit, and `GH-12` is an issue.
fn is_plain(core: &str) -> bool {
    let digits = core.contains(|letter: char| letter.is_numeric());
    let within = |letter: char| letter.is_alphanumeric() || letter == '\'' || (letter == '-' && !digits);
    let hexadecimal = core.len() >= 7 && core.chars().all(|letter| letter.is_ascii_hexdigit());
    core.starts_with(char::is_alphanumeric) && core.chars().all(within) && !hexadecimal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prose_stays_prose_and_all_else_is_code() {
        for (text, shown) in [
            ("the install failed, and nothing came in", "the install failed, and nothing came in"),
            (
                "@acme/x@1.2.0 came from npm.corp.example (the same)",
                "`@acme/x@1.2.0` came from `npm.corp.example` (the same)",
            ),
            ("the script `npm ci --x` ran", "the script `npm ci --x` ran"),
            ("`a``b`", "`a` `b`"),
            ("ask @octocat about #12", "ask `@octocat` about `#12`"),
            ("![x](https://evil.example/a.png) now", "`![x](https://evil.example/a.png)` now"),
            ("<script>alert(1)</script>", "`<script>alert(1)</script>`"),
            ("www.evil.example deadbeef GH-12", "`www.evil.example deadbeef GH-12`"),
            ("one ` alone @x", "one ' alone `@x`"),
            ("a\n# head", "`a\\n#` head"),
            ("- not a list", "`-` not a list"),
            ("a stranger's (1.2.0 for 1.3.0), built-in", "a stranger's (`1.2.0` for `1.3.0`), built-in"),
            ("a.b, c.d e.f: done", "`a.b`, `c.d e.f`: done"),
            ("", ""),
        ] {
            assert_eq!(prose(text, 200), shown);
        }
    }

    #[test]
    fn no_bar_is_left_for_a_table() {
        assert_eq!(cell("a | b", 90), "a `\\x7c` b");
        assert_eq!(code("a|`b`", 90), "`a\\x7c'b'`");
        assert_eq!(code(" ", 90), "");
    }

    /// What is outside of code spans.
    fn outside(text: &str) -> String {
        text.split('`').step_by(2).collect()
    }

    proptest! {
        #[test]
        fn outside_of_code_there_is_nothing_but_prose(text in "[a-z@#<>!\\[\\]()|`*_~:/.\\\\ \\n\\x1b\u{202e}&-]{0,60}") {
            for shown in [prose(&text, 200), cell(&text, 200), code(&text, 200)] {
                prop_assert_eq!(shown.matches('`').count() % 2, 0, "{}", shown);
                prop_assert!(!shown.contains("``"), "{}", shown);
                let outside = outside(&shown);
                let harmless = |letter: char| letter.is_alphanumeric() || " (),;.:'?-".contains(letter);
                prop_assert!(outside.chars().all(harmless), "{}", shown);
                prop_assert!(!outside.starts_with('-') && !outside.contains("://"), "{}", shown);
            }
            prop_assert!(!cell(&text, 200).contains('|') && !code(&text, 200).contains('|'));
        }
    }
}
