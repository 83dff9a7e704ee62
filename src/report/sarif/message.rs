//! Text of strangers, made harmless to what shows SARIF.
//!
//! A message's text can hold placeholders (section 3.11.5) and links (3.11.6). Nothing here
//! knows what the text is about.

use crate::report::terminal::safe::Charset;
use serde_json::{Value, json};

/// Characters of one text.
const MOST: usize = 2_000;

/// A text that is no message: on one line, and nothing in it steers what shows it.
pub(super) fn plain(text: &str) -> String {
    Charset { unicode: true }.clipped(text, MOST)
}

/// A message without placeholders and links.
pub(super) fn text(text: &str) -> Value {
    let safe = plain(text).replace('{', "{{").replace('}', "}}");
    // A link's text and its target touch.
    json!({ "text": safe.replace("](", "] (") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_no_placeholder_no_link_and_nothing_that_steers() {
        for (said, shown) in [
            ("it is {0} of {name}", "it is {{0}} of {{name}}"),
            ("see [here](https://evil.example)", "see [here] (https://evil.example)"),
            ("\u{1b}[2J\u{2066}", "\\x1b[2J\\u{{2066}}"),
            ("größe", "größe"),
        ] {
            assert_eq!(text(said)["text"], shown);
        }
    }
}
