//! Elements of XML, written out: what strangers say is text and nothing else.
//!
//! What XML 1.0 cannot hold (section 2.2), and what steers a terminal, is shown as its
//! escape. Nothing here knows what the text is about.

use crate::report::terminal::safe::Charset;

/// Characters of one attribute or of one line.
const MOST: usize = 2_000;

/// An element. Its content is either other elements or text.
pub(super) struct Element {
    name: &'static str,
    attributes: String,
    children: Vec<Element>,
    words: Option<String>,
}

impl Element {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: String::new(), children: Vec::new(), words: None }
    }

    pub(super) fn attribute(mut self, name: &'static str, value: &str) -> Self {
        self.attributes.push_str(&format!(" {name}=\"{}\"", escaped(value)));
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// Text of one line.
    pub(super) fn words(mut self, text: &str) -> Self {
        self.words = Some(escaped(text));
        self
    }

    /// Text of several lines.
    pub(super) fn lines(mut self, lines: &[String]) -> Self {
        let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
        self.words = Some(lines.join("\n"));
        self
    }

    /// With all that is in it, a final newline and no blank in what is text.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        out.push_str(&format!("{indent}<{}{}", self.name, self.attributes));
        match (&self.words, self.children.is_empty()) {
            (Some(words), _) => out.push_str(&format!(">{words}</{}>\n", self.name)),
            (None, true) => out.push_str("/>\n"),
            (None, false) => {
                out.push_str(">\n");
                for child in &self.children {
                    child.write(out, depth + 1);
                }
                out.push_str(&format!("{indent}</{}>\n", self.name));
            }
        }
    }
}

/// Right in an attribute and in text alike.
fn escaped(text: &str) -> String {
    let safe = Charset { unicode: true }.clipped(text, MOST);
    let mut out = String::with_capacity(safe.len());
    for letter in safe.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push_str(&format!("\\u{{{:x}}}", u32::from(letter))),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_is_text_and_what_xml_cannot_hold_is_shown() {
        for (text, shown) in [
            ("a < b && \"c\" 'd'", "a &lt; b &amp;&amp; &quot;c&quot; &apos;d&apos;"),
            ("]]><failure/>", "]]&gt;&lt;failure/&gt;"),
            ("\u{0}\u{1b}[2J\u{fffe}\u{ffff}", "\\x00\\x1b[2J\\u{fffe}\\u{ffff}"),
            ("a\nb\tc\u{202e}", "a\\nb\\tc\\u{202e}"),
            ("größe → 1", "größe → 1"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn elements_are_nested_and_closed() {
        let inner = Element::new("b").lines(&["1 <".to_owned(), "2".to_owned()]);
        let element = Element::new("a").attribute("x", "\"").child(inner).child(Element::new("c"));
        assert_eq!(element.text(), "<a x=\"&quot;\">\n  <b>1 &lt;\n2</b>\n  <c/>\n</a>\n");
    }

    proptest! {
        #[test]
        fn every_character_is_one_that_xml_can_hold(text in any::<String>()) {
            let shown = escaped(&text);
            let held = |letter: char| {
                matches!(letter, '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
            };
            prop_assert!(shown.chars().all(held), "{shown:?}");
            prop_assert!(!shown.contains(['<', '>', '"', '\'']), "{shown:?}");
        }
    }
}
