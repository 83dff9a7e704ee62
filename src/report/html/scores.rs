//! What became of each drill. Drills count in no verdict.

use super::tag::{Tag, tag};
use super::{Place, section, sign};
use crate::drill::Kind;
use crate::report::model::Report;
use crate::report::opinion::Severity;
use crate::report::scorecard::{DrillOutcome, DrillScore};

pub(super) fn render(report: &Report, place: &Place) -> Option<Tag> {
    if report.drills.is_empty() {
        return None;
    }
    let heads = ["drill", "kind", "outcome", "by"].map(|text| tag("th").set("scope", "col").text(text));
    let table = tag("table")
        .class("matrix")
        .add(
            tag("caption")
                .text("Inert copies of real attacks, and harmless and honest packages that look alike"),
        )
        .add(tag("thead").add(tag("tr").all(heads)))
        .add(tag("tbody").all(report.drills.iter().map(|score| row(score, place))));
    let scroll = tag("div")
        .class("scroll")
        .set("tabindex", "0")
        .set("role", "group")
        .set("aria-label", "drills")
        .add(table);
    Some(section(&place.id("drills"), "Drills").add(scroll))
}

fn row(score: &DrillScore, place: &Place) -> Tag {
    let name = tag("th")
        .set("scope", "row")
        .text(&score.drill)
        .add(tag("span").class("title").prose(&format!("{}, after {}", score.title, score.after)));
    let (shape, good) = shape(score);
    let link = tag("a")
        .class(if good { "verdict good" } else { "verdict" })
        .set("href", &place.link(&["run", &score.run]))
        .add(sign(shape))
        .add(tag("span").text(score.outcome.word()));
    tag("tr")
        .add(name)
        .add(tag("td").class("quiet").text(score.kind.word()))
        .add(tag("td").add(link))
        .add(tag("td").class("by").prose(&by(score)))
}

/// The sign of what became of a drill, and whether that is as an owner would have it. It is
/// not the sign of its run's verdict, which says nothing of what a script did.
pub(super) fn shape(score: &DrillScore) -> (&'static str, bool) {
    let attack = score.kind == Kind::Attack;
    match score.outcome {
        DrillOutcome::Stopped => ("sealed", true),
        DrillOutcome::Reported | DrillOutcome::Fact if attack => ("exposed", false),
        DrillOutcome::Reported | DrillOutcome::Fact | DrillOutcome::Quiet => ("trap", true),
        DrillOutcome::Unobserved => ("unobserved", false),
    }
}

/// What stopped it, or who spoke of it.
fn by(score: &DrillScore) -> String {
    let mut told: Vec<String> = score.stopped_by.iter().cloned().collect();
    if score.outcome != DrillOutcome::Stopped {
        for reported in &score.reported {
            told.push(match reported.severity {
                Severity::Note => format!("{} (note)", reported.rule),
                Severity::Warning => reported.rule.clone(),
                Severity::Error => format!("{} (error)", reported.rule),
            });
        }
    }
    if !score.because.is_empty() {
        told.push(score.because.clone());
    }
    if !score.missing.is_empty() {
        told.push(format!("not reported by {}", score.missing.join(", ")));
    }
    if told.is_empty() { "-".to_owned() } else { told.join(", ") }
}
