//! What was not seen and what was not tried: neither is a pass, so it stands before
//! everything else.

use super::tag::{Tag, tag};
use super::{Place, section, sign};
use crate::report::model::Report;
use crate::report::terminal::run_name;
use std::collections::BTreeMap;

pub(super) fn render(report: &Report, place: &Place) -> Option<Tag> {
    let mut list = Vec::new();
    for run in report.unseen() {
        let link = tag("a").set("href", &place.link(&["run", &run.id])).text(run_name(report, run));
        let why = if run.because.is_empty() { "nothing says why" } else { &run.because };
        list.push(line("not observed", tag("span").add(link).text(": ").prose(why)));
    }
    // What was not seen of several runs for one reason is one line.
    let mut gaps: BTreeMap<(bool, &str), Vec<Tag>> = BTreeMap::new();
    for run in &report.runs {
        for (at, gap) in run.gaps.iter().enumerate() {
            let link = tag("a")
                .set("href", &place.link(&["run", &run.id, "gap", &at.to_string()]))
                .text(run_name(report, run));
            gaps.entry((!gap.hides_answer, &gap.detail)).or_default().push(link);
        }
    }
    for ((harmless, detail), links) in gaps {
        let mut said = tag("span").prose(detail).text(", in ");
        for (at, link) in links.into_iter().enumerate() {
            said = if at > 0 { said.text(", ").add(link) } else { said.add(link) };
        }
        list.push(line(
            if harmless { "not seen, hides no answer" } else { "not seen, may hide an answer" },
            said,
        ));
    }
    for why in &report.coverage.impossible_toolchains {
        list.push(line("not tested", tag("span").prose(why)));
    }
    for one in &report.coverage.not_applicable {
        let asked = if one.asked { " (it was asked for)" } else { "" };
        let said = tag("span").add(tag("code").text(&one.scenario)).text(": ").prose(&one.reason).text(asked);
        list.push(line("not applicable", said));
    }
    if list.is_empty() {
        return None;
    }
    let list = tag("ul").class("unseen").all(list);
    Some(section(&place.id("unseen"), "Not seen, not tried").add(list))
}

fn line(word: &str, said: Tag) -> Tag {
    let name = if word.starts_with("not applicable") { "none" } else { "unobserved" };
    tag("li").add(sign(name)).add(tag("strong").text(word)).add(said)
}
