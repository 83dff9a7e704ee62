//! Many projects: a row each, the worst first.

use super::head::{moment, tally, verdict};
use super::tag::{Tag, tag};
use super::{Page, Place, mark};
use crate::report::model::Report;
use crate::report::opinion::{Severity, Verdict};
use crate::report::outcome::Outcome;

/// How bad a report is: what fails first, then what was not seen, then the verdict.
pub(super) fn rank(report: &Report) -> impl Ord + use<> {
    let outcome = match report.outcome {
        Outcome::Sound => 0,
        Outcome::Interrupted => 1,
        Outcome::Unobserved => 2,
        Outcome::Failed => 3,
    };
    let numbers = [Severity::Error, Severity::Warning, Severity::Note].map(|severity| report.count(severity));
    (outcome, !report.accepted, report.verdict, numbers)
}

pub(super) fn render(pages: &[&Page<'_>]) -> Tag {
    let heads =
        ["project", "verdict", "findings", "tested"].map(|text| tag("th").set("scope", "col").text(text));
    let rows = pages.iter().enumerate().map(|(at, page)| row(page, &Place::new(pages.len(), at)));
    let table = tag("table")
        .class("matrix")
        .add(tag("caption").text("Projects, the worst first"))
        .add(tag("thead").add(tag("tr").all(heads)))
        .add(tag("tbody").all(rows));
    let scroll = tag("div")
        .class("scroll")
        .set("tabindex", "0")
        .set("role", "group")
        .set("aria-label", "projects")
        .add(table);
    tag("article")
        .class("summary")
        .set("id", "summary")
        .add(tag("h1").set("tabindex", "-1").text(&sentence(pages)))
        .add(scroll)
}

/// Projects that were not tested: to be seen on every page, since nothing is known of them.
pub(super) fn missing(paths: &[String]) -> Tag {
    let items = paths.iter().map(|path| tag("li").text(path));
    tag("aside")
        .class("notice")
        .set("aria-label", "Not tested")
        .add(tag("p").text("Not tested, since the test ended before, so that nothing is known of:"))
        .add(tag("ul").all(items))
}

/// `3 projects: 1 leaked, 1 unobserved, 1 sealed`.
fn sentence(pages: &[&Page<'_>]) -> String {
    let order = [
        Verdict::Leaked,
        Verdict::Exposed,
        Verdict::Broken,
        Verdict::Unobserved,
        Verdict::Sealed,
        Verdict::NotApplicable,
    ];
    let told = order.iter().filter_map(|verdict| {
        let number = pages.iter().filter(|page| page.report.verdict == *verdict).count();
        (number > 0).then(|| format!("{number} {}", verdict.name()))
    });
    let told: Vec<String> = told.collect();
    format!("{}: {}", crate::report::terminal::count(pages.len(), "project"), told.join(", "))
}

fn row(page: &Page<'_>, place: &Place) -> Tag {
    let (head, because) = verdict(page.report);
    let name = tag("th").set("scope", "row").add(tag("a").set("href", &place.link(&[])).text(page.title));
    let good = page.report.verdict == Verdict::Sealed;
    let said = tag("span")
        .class(if good { "verdict good" } else { "verdict" })
        .add(mark(page.report.verdict, false))
        .add(tag("span").text(&head));
    let tested = match page.carried {
        Some(date) => format!("carried over from {}", moment(date)),
        None => moment(&page.report.started),
    };
    tag("tr")
        .add(name)
        .add(tag("td").add(said).add(tag("span").class("title").prose(&because)))
        .add(tag("td").text(&tally(page.report)))
        .add(tag("td").class("quiet").text(&tested))
}
