//! Elements of HTML, written out: what strangers say is text and nothing else.
//!
//! The only way in for a text is [`escaped`], so no caller can forget it. What steers a
//! terminal or turns the direction of writing is shown as its escape. Nothing here knows
//! what the text is about.

use crate::report::terminal::safe::Charset;

const CHARSET: Charset = Charset { unicode: true };
/// Characters of one text or of one attribute.
const MOST: usize = 4_000;

/// An element with all that is in it. Its name and the names of its attributes are ours.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    name: &'static str,
    attributes: String,
    inside: String,
}

/// An element without anything.
pub(super) fn tag(name: &'static str) -> Tag {
    Tag { name, attributes: String::new(), inside: String::new() }
}

impl Tag {
    pub(super) fn class(self, class: &str) -> Self {
        self.set("class", class)
    }

    pub(super) fn set(mut self, name: &'static str, value: &str) -> Self {
        self.attributes.push_str(&format!(" {name}=\"{}\"", escaped(value)));
        self
    }

    /// A text of one line.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.inside.push_str(&escaped(text));
        self
    }

    /// A sentence, in which back-ticks are round literals.
    pub(super) fn prose(mut self, text: &str) -> Self {
        let parts: Vec<&str> = text.split('`').collect();
        if parts.len().is_multiple_of(2) {
            return self.text(text);
        }
        for (at, part) in parts.into_iter().enumerate() {
            self = if at % 2 == 1 { self.add(tag("code").text(part)) } else { self.text(part) };
        }
        self
    }

    /// A line of a file, in which a tab is only a blank.
    pub(super) fn line(mut self, text: &str) -> Self {
        let parts: Vec<String> = text.split('\t').map(escaped).collect();
        self.inside.push_str(&parts.join("\t"));
        self
    }

    pub(super) fn add(mut self, child: Self) -> Self {
        child.write(&mut self.inside);
        self
    }

    pub(super) fn all(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::add)
    }

    pub(super) fn write(&self, out: &mut String) {
        let Self { name, attributes, inside } = self;
        out.push_str(&format!("<{name}{attributes}>{inside}</{name}>"));
    }
}

/// A text as HTML has it, in an element or in an attribute in quotes.
pub(super) fn escaped(text: &str) -> String {
    let safe = CHARSET.clipped(text, MOST);
    let mut out = String::with_capacity(safe.len());
    for character in safe.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A text as one part of a link's fragment, as `encodeURIComponent` has it.
pub(super) fn part(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn html(tag: Tag) -> String {
        let mut out = String::new();
        tag.write(&mut out);
        out
    }

    #[test]
    fn what_strangers_say_is_text() {
        for (hostile, shown) in [
            ("</script><img src=x>", "&lt;/script&gt;&lt;img src=x&gt;"),
            ("\" onload='x", "&quot; onload=&#39;x"),
            ("&lt;", "&amp;lt;"),
            ("\u{202e}gnp\u{1b}[2J", "\\u{202e}gnp\\x1b[2J"),
        ] {
            assert_eq!(escaped(hostile), shown);
        }
        assert_eq!(
            html(tag("a").set("href", "\"><b>").text("<i>")),
            "<a href=\"&quot;&gt;&lt;b&gt;\">&lt;i&gt;</a>"
        );
        assert_eq!(escaped(&"x".repeat(5_000)).chars().count(), MOST);
    }

    #[test]
    fn back_ticks_in_pairs_are_code_and_one_alone_is_a_back_tick() {
        assert_eq!(html(tag("p").prose("run `a<b` now")), "<p>run <code>a&lt;b</code> now</p>");
        assert_eq!(html(tag("p").prose("one ` alone")), "<p>one ` alone</p>");
    }

    #[test]
    fn a_part_of_a_fragment_has_no_slash_and_no_percent_of_its_own() {
        assert_eq!(part("a-1 (node 20/x%)"), "a-1%20%28node%2020%2Fx%25%29");
    }

    proptest! {
        #[test]
        fn no_text_ends_what_it_is_in(text in any::<String>()) {
            let shown = escaped(&text);
            prop_assert!(!shown.contains(['<', '>', '"', '\'', '\n', '\u{1b}', '\u{202e}']), "{shown}");
            let part = part(&text);
            prop_assert!(part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)));
        }
    }
}
