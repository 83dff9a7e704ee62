//! Line edits of an npmrc: everything that is not edited stays as the user
//! wrote it, and every line keeps its number.

use std::collections::BTreeMap;

/// What happens to a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineEdit {
    /// It goes (an empty line stays in its place).
    Drop,
    /// It keeps its key and gets this value.
    Value(String),
    /// It gets this key, and this value or keeps its own.
    Key(String, Option<String>),
}

/// Applies edits by line number, from 1. Comment lines that speak of a
/// credential go as well: a token that was commented out is a token still.
pub fn rewrite(text: &str, edits: &BTreeMap<usize, LineEdit>) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let bare = line.trim_end_matches(['\n', '\r']);
        let end = &line[bare.len()..];
        match edits.get(&(at + 1)) {
            Some(LineEdit::Drop) => {}
            Some(LineEdit::Value(value)) => {
                // npm's ini splits at the first `=`; a key alone means `true`.
                let key = bare.split('=').next().unwrap_or(bare).trim_end();
                out.push_str(key);
                out.push('=');
                out.push_str(&quoted(value));
            }
            Some(LineEdit::Key(key, value)) => {
                out.push_str(key);
                match (value, bare.split_once('=')) {
                    (Some(value), _) => {
                        out.push('=');
                        out.push_str(&quoted(value));
                    }
                    (None, Some((_, own))) => {
                        out.push('=');
                        out.push_str(own);
                    }
                    (None, None) => {}
                }
            }
            None if is_comment(bare) && mentions_credential(bare) => {}
            None => out.push_str(bare),
        }
        out.push_str(end);
    }
    out
}

/// The line (from 1) of the last setting of `key` as the text spells it.
pub fn line_of(text: &str, key: &str) -> Option<usize> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !is_comment(line))
        .filter(|(_, line)| {
            let written = line.split('=').next().unwrap_or(line).trim();
            written == key || written.strip_suffix("[]") == Some(key)
        })
        .map(|(at, _)| at + 1)
        .last()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with([';', '#'])
}

fn mentions_credential(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["_auth", "_password", "npm_", "://"].iter().any(|word| line.contains(word))
}

/// npm's ini takes `;` and `#` for the start of a comment and trims; a value
/// in double quotes is read as JSON.
fn quoted(value: &str) -> String {
    let plain = !value.is_empty()
        && !value.contains([';', '#', '"', '\'', '\n', '\r', '\\'])
        && value.trim() == value
        && !value.starts_with('[');
    if plain { value.to_owned() } else { serde_json::Value::from(value).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "; ours\r\n@acme:registry = https://npm.acme.example/\r\n\
                        //npm.acme.example/:_authToken=hunter2hunter2\n# _authToken=old\naudit=false";

    #[test]
    fn only_edited_lines_change_and_all_keep_their_number() {
        let edits = BTreeMap::from([(2, LineEdit::Drop), (3, LineEdit::Value("planted==".to_owned()))]);
        assert_eq!(
            rewrite(TEXT, &edits),
            "; ours\r\n\r\n//npm.acme.example/:_authToken=planted==\n\naudit=false"
        );
    }

    #[test]
    fn a_key_is_exchanged_and_the_value_stays_unless_it_is_exchanged_too() {
        let line = "@acme:registry = https://u:pw@npm.acme.example/\n";
        let edit = |value: Option<&str>| {
            BTreeMap::from([(1, LineEdit::Key("@Acme:registry".to_owned(), value.map(str::to_owned)))])
        };
        assert_eq!(rewrite(line, &edit(None)), "@Acme:registry= https://u:pw@npm.acme.example/\n");
        assert_eq!(rewrite(line, &edit(Some("https://x.example/"))), "@Acme:registry=https://x.example/\n");
    }

    #[test]
    fn a_token_in_a_comment_does_not_stay() {
        assert!(!rewrite(TEXT, &BTreeMap::new()).contains("old"));
        assert!(rewrite(TEXT, &BTreeMap::new()).contains("; ours"));
    }

    #[test]
    fn a_value_that_ini_would_cut_is_quoted() {
        let edits = BTreeMap::from([(1, LineEdit::Value("a;b#c".to_owned()))]);
        assert_eq!(rewrite("x=1\n", &edits), "x=\"a;b#c\"\n");
        assert_eq!(rewrite("x\n", &BTreeMap::from([(1, LineEdit::Value("y".to_owned()))])), "x=y\n");
    }

    proptest::proptest! {
        #[test]
        fn an_edit_touches_its_own_line_only(
            lines in proptest::collection::vec("[a-z@:/]{0,6} ?=? ?[a-z;\"]{0,6}", 1..8),
            at in 0usize..8,
            value in "[ -~]{0,12}",
        ) {
            let text = lines.join("\n");
            let edits = BTreeMap::from([(at + 1, LineEdit::Value(value))]);
            let out = rewrite(&text, &edits);
            let after: Vec<&str> = out.split('\n').collect();
            let before: Vec<&str> = text.split('\n').collect();
            proptest::prop_assert_eq!(after.len(), before.len());
            for (line, (old, new)) in before.iter().zip(&after).enumerate() {
                if line != at {
                    proptest::prop_assert_eq!(old, new);
                }
            }
        }
    }

    #[test]
    fn the_last_line_of_a_key_is_found_and_comments_are_not() {
        let text = "a=1\n#a=2\n a = 3\nca[]=x\nb=a\n";
        assert_eq!(line_of(text, "a"), Some(3));
        assert_eq!(line_of(text, "ca"), Some(4));
        assert_eq!(line_of(text, "c"), None);
    }
}
