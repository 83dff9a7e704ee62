//! The ways through the page: its parts, its runs, and its projects where there are many.

use super::tag::{Tag, tag};
use super::{Page, Place, mark, scores, sign};
use crate::report::model::Report;
use crate::report::terminal::run_name;

pub(super) fn all(pages: &[&Page<'_>]) -> Tag {
    let mut nav = tag("nav").class("side").set("aria-label", "Report");
    if pages.len() != 1 {
        let items = pages.iter().enumerate().map(|(at, page)| {
            let link = tag("a")
                .set("href", &Place::new(pages.len(), at).link(&[]))
                .add(mark(page.report.verdict, false))
                .text(page.title)
                .add(tag("span").class("heard").text(&format!(", {}", page.report.verdict.name())));
            tag("li").add(link)
        });
        let top = tag("li").add(tag("a").set("href", "#/").text("All projects"));
        nav = nav.add(tag("ul").class("projects").add(top).all(items));
    }
    for (at, page) in pages.iter().enumerate() {
        nav = nav.add(one(page.report, &Place::new(pages.len(), at)));
    }
    nav
}

fn one(report: &Report, place: &Place) -> Tag {
    let way = |link: &str, text: &str| tag("li").add(tag("a").set("href", link).text(text));
    let findings = format!("Findings ({})", report.findings.len());
    let ways = tag("ul")
        .class("ways")
        .add(way(&place.link(&[]), "Overview"))
        .add(way(&place.link(&["findings"]), &findings))
        .add(way(&place.link(&["search"]), "Search"))
        .add(way(&place.link(&["about"]), "About this report"));
    let runs = report.runs.iter().map(|run| {
        let score = report.drills.iter().find(|score| score.run == run.id);
        let (sign, said) = match score {
            Some(score) => (sign(scores::shape(score).0), score.outcome.word().to_owned()),
            None => {
                let control = if run.control { ", the control" } else { "" };
                (mark(run.verdict, run.control), format!("{}{control}", run.verdict.name()))
            }
        };
        let link = tag("a")
            .set("href", &place.link(&["run", &run.id]))
            .add(sign)
            .add(tag("span").text(run_name(report, run)))
            .add(tag("span").class("heard").text(&format!(", {said}")));
        tag("li").add(link)
    });
    let heading = if report.drills.is_empty() { "Runs" } else { "Drills" };
    tag("div")
        .class("of-project")
        .set("data-page", &place.at.to_string())
        .add(ways)
        .add(tag("p").class("label").text(heading))
        .add(tag("ul").class("runs").all(runs))
}
