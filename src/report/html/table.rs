//! Scenarios by places, as a table. What is not a pass never looks like one.

use super::tag::{Tag, tag};
use super::{Place, mark, section};
use crate::report::matrix::{Cell, Matrix};
use crate::report::model::Report;
use crate::report::terminal::{count, losses, time};

pub(super) fn render(report: &Report, place: &Place) -> Option<Tag> {
    let matrix = Matrix::of(report);
    if matrix.rows.is_empty() {
        return None;
    }
    let one = matrix.places.len() == 1;
    let heading = |text: &str| tag("th").set("scope", "col").text(text);
    let mut head = tag("tr").add(heading("scenario")).add(heading("lost"));
    for (_, label) in &matrix.places {
        head = head.add(heading(if label.is_empty() { "verdict" } else { label }));
    }
    if one {
        head = head.add(heading("npm")).add(heading("time"));
    }
    let mut rows = tag("tbody");
    for row in &matrix.rows {
        let Some(first) = row.cells.iter().flatten().next() else { continue };
        let mut name = tag("th").set("scope", "row").text(row.scenario);
        if !first.worst.title.is_empty() {
            name = name.add(tag("span").class("title").text(&first.worst.title));
        }
        let lost = if first.worst.losses.is_empty() { "-".to_owned() } else { losses(&first.worst.losses) };
        let mut line = tag("tr").add(name).add(tag("td").class("quiet").text(&lost));
        for at in &row.cells {
            line = line.add(match at {
                Some(at) => cell(at, place),
                None => tag("td").class("quiet").text("did not run"),
            });
        }
        if one {
            let npm = first
                .worst
                .npm_error
                .as_ref()
                .filter(|error| !error.code.is_empty())
                .map(|error| error.code.clone());
            let npm = npm.or(first.worst.exit_code.map(|code| format!("exit {code}")));
            line = line
                .add(tag("td").class("quiet").text(&npm.unwrap_or_else(|| "no exit".to_owned())))
                .add(tag("td").class("quiet number").text(&time(first.worst.duration_ms)));
        }
        rows = rows.add(line.set("data-verdict", first.worst.verdict.name()));
    }
    let caption = format!(
        "{} in {}: what became of each. The control takes every defence away and must leak.",
        count(matrix.rows.len(), "scenario"),
        count(matrix.places.len(), "place")
    );
    let table =
        tag("table").class("matrix").add(tag("caption").text(&caption)).add(tag("thead").add(head)).add(rows);
    // A region that scrolls has to be reached by the keyboard.
    let scroll = tag("div")
        .class("scroll")
        .set("tabindex", "0")
        .set("role", "group")
        .set("aria-label", "scenarios by toolchain")
        .add(table);
    Some(section(&place.id("scenarios"), "Scenarios").add(scroll))
}

fn cell(cell: &Cell<'_>, place: &Place) -> Tag {
    let run = cell.worst;
    let class = if cell.is_good() { "verdict good" } else { "verdict" };
    let link = tag("a")
        .class(class)
        .set("href", &place.link(&["run", &run.id]))
        .add(mark(run.verdict, run.control))
        .add(tag("span").text(&cell.words()));
    let mut out = tag("td").add(link);
    if cell.runs.len() > 1 {
        let links = cell.runs.iter().map(|run| {
            tag("a")
                .set("href", &place.link(&["run", &run.id]))
                .set("aria-label", &format!("{}, repetition {}", run.scenario, run.repeat))
                .text(&run.repeat.to_string())
        });
        out = out.add(tag("span").class("repetitions").all(links));
    }
    out
}
