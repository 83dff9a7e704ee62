//! An npmrc as a sandbox shall see it: the user's own lines, some replaced.

use super::{Level, NpmConfig, Setting, ini};

/// What happens to a setting's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// It stays, byte for byte.
    Keep,
    /// It goes, its end of line too.
    Remove,
    /// The key stays, this is its value, written so that npm reads it literally
    /// (`${VAR}` in it would be replaced by npm).
    Replace(String),
}

impl NpmConfig {
    /// The bytes of a level's file with edits; `None` where the level has no
    /// file. `replace` is asked for each setting of it in order. Lines that
    /// are no settings (comments, sections, what stands below a section) stay,
    /// in the text whose secrets are labels.
    pub fn render(&self, level: Level, replace: impl Fn(&Setting) -> Edit) -> Option<Vec<u8>> {
        let real = self.texts.get(&level)?.expose();
        let shown = self.files.get(&level)?.text();
        let mut settings = self.settings.iter().filter(|setting| setting.level == level);
        let mut lines = ini::parse(real).into_iter().peekable();
        let mut out = String::with_capacity(real.len());
        let shown_spans: Vec<_> = ini::lines(shown).collect();
        for (span, shown_span) in ini::lines(real).zip(&shown_spans) {
            let end = real[span.end..].chars().next();
            let line = lines.next_if(|line| line.line == span);
            match line.filter(|line| !line.in_section) {
                Some(line) => match settings.next().map_or(Edit::Keep, &replace) {
                    Edit::Keep => out.push_str(&real[span]),
                    Edit::Remove => continue,
                    Edit::Replace(value) => {
                        out.push_str(&real[line.line.start..line.key_span.end]);
                        out.push('=');
                        out.push_str(&quote(&value));
                    }
                },
                None => out.push_str(&shown[shown_span.clone()]),
            }
            out.extend(end);
        }
        Some(out.into_bytes())
    }
}

/// A value so that npm's ini gives it back; JSON in quotes where it must be.
pub(crate) fn quote(value: &str) -> String {
    let plain = !value.is_empty()
        && !value.contains([';', '#', '\\', '"', '\'', '\n', '\r'])
        && ini::js_trim(value) == value;
    if plain { value.to_owned() } else { serde_json::Value::from(value).to_string() }
}
