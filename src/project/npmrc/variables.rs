//! `${VAR}` in npm's configuration.
//!
//! npm's own expression is `(?<!\\)(\\*)\$\{([^${}?]+)(\?)?\}`: an unset
//! `${VAR}` stays as it is, an unset `${VAR?}` becomes nothing, an odd number
//! of backslashes before it escapes it. Before 11.6 the question mark was a part of the name.

use std::collections::BTreeMap;

/// A text with its variables replaced.
pub(super) struct Replaced {
    /// The outcome.
    pub(super) text: String,
    /// The variables that were looked up, in order, each with whether it was set.
    pub(super) variables: Vec<(String, bool)>,
    /// Whether anything is written beside the variables.
    pub(super) literal: bool,
}

/// Replaces as npm does; `optional` where this npm knows `${VAR?}`.
pub(super) fn replace(text: &str, env: &BTreeMap<String, String>, optional: bool) -> Replaced {
    let mut out = Replaced { text: String::new(), variables: Vec::new(), literal: false };
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        let plain = before.trim_end_matches('\\');
        let slashes = before.len() - plain.len();
        out.literal |= !before.is_empty();
        let ends = |letter: char| matches!(letter, '$' | '{' | '}') || optional && letter == '?';
        let name_end = after[2..].find(ends).map_or(after.len(), |end| end + 2);
        let name = &after[2..name_end];
        let tail = &after[name_end..];
        let (may_lack, length) =
            if tail.starts_with("?}") { (true, 2) } else { (false, usize::from(tail.starts_with('}'))) };
        if name.is_empty() || length == 0 {
            // No expression: the two characters stay, the search goes on behind them.
            out.text.push_str(before);
            out.text.push_str("${");
            out.literal = true;
            rest = &after[2..];
            continue;
        }
        let end = name_end + length;
        out.text.push_str(plain);
        if slashes % 2 == 1 {
            // npm drops half of the backslashes (the odd one too) and replaces nothing.
            out.text.push_str(&before[plain.len() + slashes.div_ceil(2)..]);
            out.text.push_str(&after[..end]);
            out.literal = true;
        } else {
            out.text.push_str(&before[plain.len() + slashes / 2..]);
            let value = env.get(name);
            out.variables.push((name.to_owned(), value.is_some()));
            match value {
                Some(value) => out.text.push_str(value),
                None if may_lack => {}
                None => out.text.push_str(&format!("${{{name}}}")),
            }
        }
        rest = &after[end..];
    }
    out.literal |= !rest.is_empty();
    out.text.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_npm_does() {
        let env = BTreeMap::from([("A".to_owned(), "1".to_owned()), ("E".to_owned(), String::new())]);
        // Each row was tried with npm 11's env-replace.js.
        for (text, wanted) in [
            ("x", "x"),
            ("${A}", "1"),
            ("a${A}b${A}", "a1b1"),
            ("${E}", ""),
            ("${B}", "${B}"),
            ("${B?}", ""),
            ("${A?}", "1"),
            ("\\${A}", "${A}"),
            ("\\\\${A}", "\\1"),
            ("\\\\\\${A}", "\\${A}"),
            ("\\\\\\\\${A}", "\\\\1"),
            ("${}", "${}"),
            ("${A", "${A"),
            ("${A${A}", "${A1"),
            ("$A", "$A"),
            ("${A-x}", "${A-x}"),
            ("${A?x}", "${A?x}"),
            ("$${A}", "$1"),
            ("${A}}", "1}"),
        ] {
            assert_eq!(replace(text, &env, true).text, wanted, "{text}");
        }
    }

    #[test]
    fn before_it_was_known_a_question_mark_was_a_part_of_the_name() {
        let env = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        // Each row was tried with npm 8's, 10's and 11.5's env-replace.js.
        for (text, wanted) in
            [("${A?}", "${A?}"), ("${B?}", "${B?}"), ("x${A}${A?}", "x1${A?}"), ("${A?x}", "${A?x}")]
        {
            assert_eq!(replace(text, &env, false).text, wanted, "{text}");
        }
    }

    #[test]
    fn what_was_looked_up_is_told() {
        let replaced = replace("${A}-${B?}\\${C}", &BTreeMap::from([("A".to_owned(), "1".to_owned())]), true);
        assert_eq!(replaced.variables, [("A".to_owned(), true), ("B".to_owned(), false)]);
        assert!(replaced.literal);
        assert!(!replace("${A}", &BTreeMap::new(), true).literal);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[$\\{\\}?\\\\Aé]{0,30}") {
            for optional in [true, false] {
                let _ = replace(&text, &BTreeMap::new(), optional);
            }
        }
    }
}
