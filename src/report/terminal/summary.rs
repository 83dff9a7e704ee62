//! What stands last on the screen where much stood before it: the verdict again, and what
//! to do first. With the closing lines it fits on a screen of 24 rows.

use super::findings::louder;
use super::headline::{INDENT, verdict_and_reason};
use super::page::{Page, severity_style, severity_word, verdict_style, wrap};
use crate::report::model::Report;
use crate::report::opinion::Finding;
use owo_colors::Style;

/// Rules that are named before the rest is counted.
const NAMED: usize = 3;
/// Lines of the verdict, and of what mends a finding.
const VERDICT_LINES: usize = 3;
const HELP_LINES: usize = 2;

pub(super) fn render(page: &mut Page, report: &Report) {
    // One entry a rule: what mends one of its findings mends the next.
    let mut rules: Vec<(&Finding, usize)> = Vec::new();
    for finding in louder(report, false) {
        match rules.iter_mut().find(|(first, _)| first.rule == finding.rule) {
            Some((_, more)) => *more += 1,
            None => rules.push((finding, 0)),
        }
    }
    if rules.is_empty() {
        return;
    }
    let (head, reason) = verdict_and_reason(report);
    labelled(page, "verdict", verdict_style(report.verdict), &format!("{head}: {reason}"), VERDICT_LINES);
    for (at, (finding, more)) in rules.iter().take(NAMED).enumerate() {
        let mut text = format!("{}[{}]", severity_word(finding.severity), finding.rule);
        if let Some(package) = &finding.package {
            text.push_str(&format!(" of {package}"));
        }
        if *more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
        // The place stands above with its line: here it is told where there is room.
        let place = finding.location.as_ref().map(|place| format!(", {}:{}", place.file, place.line));
        if let Some(place) = place
            && INDENT + text.chars().count() + place.chars().count() <= page.look.width
        {
            text.push_str(&place);
        }
        labelled(page, if at == 0 { "do first" } else { "then" }, severity_style(finding.severity), &text, 1);
        labelled(page, "", Style::new(), &finding.help, HELP_LINES);
    }
    if rules.len() > NAMED {
        let more = format!("{} more, told above", super::count(rules.len() - NAMED, "rule"));
        labelled(page, "and", Style::new(), &more, 1);
    }
    page.gap();
}

/// At most so many lines of a text; the whole of it stands above.
fn labelled(page: &mut Page, label: &str, style: Style, text: &str, most: usize) {
    let room = page.look.width.saturating_sub(INDENT);
    let safe = page.charset().safe(text);
    let lines = wrap(&safe, room);
    let mut kept: Vec<String> = lines.iter().take(most).cloned().collect();
    if lines.len() > most
        && let Some(last) = kept.last_mut()
    {
        // The sign that more follows must not begin another line.
        let dots = if page.look.unicode { "…" } else { "..." };
        let keep = last.chars().count().min(room.saturating_sub(dots.chars().count()));
        *last = format!("{}{dots}", last.chars().take(keep).collect::<String>());
    }
    let kept = kept.join(" ");
    page.paragraph(&format!("{label:<INDENT$}"), INDENT, style, &kept);
}
