//! Where text is put: styled, wrapped, and harmless whatever it says.
//!
//! The only way of putting text makes it safe first, so no caller can forget.

use super::Look;
use super::inert::inert;
use super::safe::Charset;
use crate::report::opinion::{Severity, Verdict};
use owo_colors::Style;

/// The text so far.
pub(super) struct Page {
    pub(super) look: Look,
    out: String,
}

impl Page {
    pub(super) fn new(look: Look) -> Self {
        Self { look, out: String::new() }
    }

    /// How text may be shown.
    pub(super) fn charset(&self) -> Charset {
        Charset { unicode: self.look.unicode }
    }

    /// Puts text without ending the line.
    pub(super) fn put(&mut self, style: Style, text: &str) {
        let safe = self.charset().safe(text);
        if self.look.color && !safe.is_empty() {
            self.out.push_str(&style.style(safe).to_string());
        } else {
            self.out.push_str(&safe);
        }
    }

    /// Ends the line; no line ends in blanks.
    pub(super) fn end(&mut self) {
        let kept = self.out.trim_end_matches(' ').len();
        self.out.truncate(kept);
        self.out.push('\n');
    }

    /// An empty line between parts; never two.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Puts text on lines of its own, wrapped, each `indent` columns in. The
    /// first line starts where `lead` ended, `lead` standing at `indent` less its length.
    pub(super) fn paragraph(&mut self, lead: &str, indent: usize, style: Style, text: &str) {
        let safe = self.charset().safe(text);
        let lead_width = lead.chars().count();
        let mut first = true;
        for line in wrap(&safe, self.look.width.saturating_sub(indent)) {
            if first {
                self.out.push_str(&" ".repeat(indent.saturating_sub(lead_width)));
                self.put(Style::new().dimmed(), lead);
                first = false;
            } else {
                self.out.push_str(&" ".repeat(indent));
            }
            self.put(style, &line);
            self.end();
        }
    }

    /// Puts what was made safe already, by the snippet renderer alone.
    pub(super) fn rendered(&mut self, text: &str) {
        for line in text.lines() {
            self.out.push_str(line);
            self.end();
        }
    }

    /// The text, of which no line is a command to the runner of a CI system.
    pub(super) fn finish(self) -> String {
        inert(&self.out)
    }

    /// The arrow between a question and its answer.
    pub(super) fn arrow(&self) -> &'static str {
        if self.look.unicode { "→" } else { "->" }
    }
}

/// Breaks at blanks. A word longer than a line stays whole: a URL is there to be copied.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(20);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += word_length;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The colour of a verdict.
pub(super) fn verdict_style(verdict: Verdict) -> Style {
    let style = Style::new().bold();
    match verdict {
        Verdict::Sealed => style.green(),
        Verdict::Leaked | Verdict::Broken => style.red(),
        Verdict::Exposed | Verdict::Unobserved => style.yellow(),
        Verdict::NotApplicable => Style::new().dimmed(),
    }
}

/// The colour of a severity.
pub(super) fn severity_style(severity: Severity) -> Style {
    let style = Style::new().bold();
    match severity {
        Severity::Error => style.red(),
        Severity::Warning => style.yellow(),
        Severity::Note => style.green(),
    }
}

/// As the JSON spells it.
pub(super) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_at_blanks_and_a_long_word_stays_whole() {
        let url = "https://npm.corp.example/a-very-long-path";
        assert_eq!(
            wrap(&format!("one two three four five {url} six"), 20),
            ["one two three four", "five", url, "six"]
        );
        assert!(wrap("", 20).is_empty());
    }

    #[test]
    fn no_line_ends_in_blanks_and_no_two_are_empty() {
        let mut page = Page::new(Look { width: 80, color: false, unicode: true, verbose: false });
        page.put(Style::new(), "a   ");
        page.end();
        page.gap();
        page.gap();
        page.put(Style::new(), "\u{1b}[2J");
        page.end();
        assert_eq!(page.finish(), "a\n\n\\x1b[2J\n");
    }
}
