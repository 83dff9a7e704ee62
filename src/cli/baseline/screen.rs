//! What an update of a baseline changed, a screen of it at most: what scripts do first, since
//! it is what a reviewer must see; the rest is counted by what it is of.

use crate::compare::approved::{FILE, name_in};
use crate::report::terminal::safe::Charset;
use similar::{ChangeTag, TextDiff};
use std::collections::{BTreeMap, BTreeSet};

/// The most lines of a difference that are shown.
const SCREEN: usize = 30;

/// A part of the file; what is shown first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Scripts,
    Sometimes,
    Packages,
    Scenarios,
    Head,
}

impl Part {
    /// By its key.
    fn of(key: &str) -> Option<Self> {
        [
            ("scripts", Self::Scripts),
            ("sometimes", Self::Sometimes),
            ("packages", Self::Packages),
            ("scenarios", Self::Scenarios),
        ]
        .into_iter()
        .find_map(|(name, part)| (name == key).then_some(part))
    }
}

/// Where in the file a line is; of its form as [`Approved::to_json`] writes it.
///
/// [`Approved::to_json`]: crate::compare::approved::Approved::to_json
#[derive(Debug, Clone, Default)]
struct Place {
    in_only: bool,
    part: Option<Part>,
    /// Whose scripts.
    who: String,
}

impl Place {
    fn step(&mut self, line: &str) {
        let indent = line.len() - line.trim_start().len();
        let key = line.trim().strip_prefix('"').and_then(|rest| rest.split_once("\": ")).map(|(key, _)| key);
        let parts_at = if self.in_only { 6 } else { 4 };
        if indent <= 2 {
            *self = Self { in_only: key == Some("only"), ..Self::default() };
        } else if let Some(key) = key.filter(|_| indent == parts_at) {
            (self.part, self.who) = (Part::of(key), String::new());
        } else if let Some(key) = key.filter(|_| indent == parts_at + 2) {
            key.clone_into(&mut self.who);
        }
    }
}

/// A line that differs.
struct Line<'a> {
    part: Part,
    who: String,
    sign: char,
    text: &'a str,
}

/// The lines that differ.
pub(super) fn changed(before: &str, after: &str, charset: Charset) -> Vec<String> {
    let difference = TextDiff::from_lines(before, after);
    let (mut old, mut new) = (Place::default(), Place::default());
    let mut lines: Vec<Line<'_>> = Vec::new();
    for change in difference.iter_all_changes() {
        let text = change.value();
        let (place, sign) = match change.tag() {
            ChangeTag::Equal => {
                old.step(text);
                new.step(text);
                continue;
            }
            ChangeTag::Delete => {
                old.step(text);
                (&old, '-')
            }
            ChangeTag::Insert => {
                new.step(text);
                (&new, '+')
            }
        };
        // A bracket alone says nothing.
        if text.contains('"') {
            let part = place.part.unwrap_or(Part::Head);
            let text = text.trim_end();
            lines.push(Line { part, who: place.who.clone(), sign, text });
        }
    }
    lines.sort_by_key(|line| line.part);
    let (mut shown, mut rest, mut of) = (Vec::new(), Vec::new(), None);
    for line in &lines {
        let scripts = match line.part {
            Part::Scripts => Some("scripts"),
            Part::Sometimes => Some("sometimes"),
            Part::Packages | Part::Scenarios | Part::Head => None,
        };
        let heading = scripts
            .filter(|_| of != Some((line.part, &line.who)))
            .map(|part| format!("{part} of {}", charset.clipped(&line.who, 100)));
        if !rest.is_empty() || shown.len() + 1 + usize::from(heading.is_some()) > SCREEN {
            rest.push(line);
            continue;
        }
        of = Some((line.part, &line.who));
        shown.extend(heading);
        shown.push(format!("{}{}", line.sign, charset.clipped(line.text, 160)));
    }
    if !rest.is_empty() {
        shown.push(format!("and {} more: `git diff {FILE}` shows them", counted(&rest)));
    }
    shown
}

/// "3 new lines of scripts, 12 packages".
fn counted(rest: &[&Line<'_>]) -> String {
    let mut parts: BTreeMap<(Part, char), usize> = BTreeMap::new();
    let (mut packages, mut scenarios) = (BTreeSet::new(), BTreeSet::new());
    for line in rest {
        let name = line.text.trim().trim_matches(['"', ',']);
        match line.part {
            Part::Scripts | Part::Sometimes | Part::Head => {
                *parts.entry((line.part, line.sign)).or_default() += 1;
            }
            // The group of packages has lines of its own.
            Part::Packages if line.text.contains("\": ") => {}
            Part::Packages => {
                packages.insert(name_in(name));
            }
            Part::Scenarios => {
                scenarios.insert(name.split('"').next().unwrap_or(name));
            }
        }
    }
    let many = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        count => Some(format!("{count} {what}s")),
    };
    let of = |part: Part, sign: char, new: &str, behind: &str| {
        let count = parts.get(&(part, sign)).copied().unwrap_or_default();
        many(count, &format!("{new} line")).map(|lines| format!("{lines}{behind}"))
    };
    let told: Vec<String> = [
        of(Part::Scripts, '+', "new", " of scripts"),
        of(Part::Scripts, '-', "old", " of scripts"),
        of(Part::Sometimes, '+', "new", " of what they do sometimes"),
        of(Part::Sometimes, '-', "old", " of what they do sometimes"),
        many(packages.len(), "package"),
        many(scenarios.len(), "scenario"),
        of(Part::Head, '+', "new", " of the head"),
        of(Part::Head, '-', "old", " of the head"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if told.is_empty() { "some lines".to_owned() } else { told.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::approved::Approved;
    use serde_json::{Value, json};

    fn text(packages: &[String], scripts: &Value, sometimes: &Value) -> String {
        let file = json!({
            "schema": "sealcheck/lock/v1", "suite": null, "places": ["npm 11"],
            "everywhere": {
                "scenarios": { "baseline": "sealed" },
                "packages": [{
                    "of": { "class": "public", "source": "registry", "host": "registry.example", "bytes": "pinned" },
                    "packages": packages,
                }],
                "scripts": scripts,
            },
            "only": { "npm 11": { "sometimes": sometimes } },
        });
        serde_json::from_value::<Approved>(file).unwrap().to_json().unwrap()
    }

    #[test]
    fn what_scripts_do_is_shown_first_and_the_rest_is_counted() {
        let charset = Charset { unicode: true };
        let packages =
            |version: u32| (0..40).map(|n| format!("a{n:02}@1.0.{version}")).collect::<Vec<String>>();
        // A package may be named as a part is.
        let before =
            text(&packages(0), &json!({ "packages": { "connections": ["a.example:443"] } }), &json!({}));
        let after = text(
            &packages(1),
            &json!({ "packages": { "connections": ["a.example:443", "b.example:443"] } }),
            &json!({ "zlib": { "reads": ["aws"] } }),
        );
        let shown = changed(&before, &after, charset);
        assert_eq!(shown.len(), SCREEN + 1, "{shown:#?}");
        assert_eq!(shown[0], "scripts of packages");
        assert!(
            shown[1..4].iter().any(|line| line.starts_with('+') && line.contains("b.example:443")),
            "{shown:#?}"
        );
        let sometimes = shown.iter().position(|line| line == "sometimes of zlib").unwrap();
        let package =
            shown.iter().position(|line| line.contains("a00@1.0.1") || line.contains("a00@1.0.0")).unwrap();
        assert!(sometimes < package, "{shown:#?}");
        let last = shown.last().unwrap();
        assert!(
            last.starts_with("and ") && last.contains(" packages") && last.contains("git diff"),
            "{last}"
        );

        let many = |count: usize| (0..count).map(|n| format!("h{n:02}.example:443")).collect::<Vec<String>>();
        let of = |count: usize| json!({ "plain": { "connections": many(count) } });
        let shown = changed(
            &text(&packages(0), &of(1), &json!({})),
            &text(&packages(1), &of(40), &json!({})),
            charset,
        );
        assert_eq!(shown.len(), SCREEN + 1, "{shown:#?}");
        let last = shown.last().unwrap();
        assert!(last.starts_with("and 1") && last.contains(" new lines of scripts, "), "{last}");
        assert!(last.contains("40 packages more"), "{last}");
    }

    #[test]
    fn few_lines_are_all_shown() {
        let charset = Charset { unicode: true };
        let of = |version: &str| text(&[format!("a@{version}")], &json!({}), &json!({}));
        let shown = changed(&of("1.0.0"), &of("1.0.1"), charset);
        assert_eq!(
            shown.iter().map(|line| line.trim_start_matches(['+', '-']).trim()).collect::<Vec<_>>(),
            ["\"a@1.0.0\"", "\"a@1.0.1\""]
        );
    }
}
