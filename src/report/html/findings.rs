//! What was found: each with the user's own line, what it rests on, and what to do.

use super::tag::{Tag, tag};
use super::{Place, section, sign};
use crate::report::alike::{Alike, grouped, named};
use crate::report::model::{Report, Run};
use crate::report::opinion::{Acceptance, Confidence, EvidenceKind, EvidenceRef, Finding};
use crate::report::terminal::{count, fact_line, run_name};
use crate::text;

/// Findings that are written out before the rest is counted.
const FINDINGS: usize = 3_000;
/// From how many on their layout is put off.
const MANY: usize = 60;
/// Facts that are written out under one before the rest is counted; all are in the data.
const FACTS: usize = 12;
/// Runs that are named under one before the rest is counted.
const RUNS: usize = 12;

/// Findings of one standing, each with its index in the report.
struct Group<'a> {
    class: &'static str,
    heading: &'static str,
    findings: Vec<(usize, &'a Finding)>,
}

pub(super) fn render(report: &Report, place: &Place) -> Option<Tag> {
    let group = |class, heading| Group { class, heading, findings: Vec::new() };
    let mut groups = [
        group("open", "Open"),
        group("accepted", "Accepted risks"),
        group("uncounted", "Only with defences taken away, where they fail nothing"),
    ];
    for (at, finding) in report.findings.iter().enumerate().take(FINDINGS) {
        let group = match (&finding.accepted, finding.counts) {
            (Some(_), _) => 1,
            (None, true) => 0,
            (None, false) => 2,
        };
        groups[group].findings.push((at, finding));
    }
    let mut out = section(&place.id("findings"), "Findings");
    if report.findings.is_empty() {
        return Some(out.add(tag("p").class("quiet").text("No rule had anything to say")));
    }
    // Filled in by the script: without it nothing can be filtered.
    out = out.add(tag("div").class("filters"));
    for Group { class, heading, findings } in groups {
        if findings.is_empty() {
            continue;
        }
        let number = findings.len();
        let told = grouped(findings, |(_, finding)| finding);
        // A browser lays out what is far away only when it comes near.
        let many = if told.len() > MANY { " many" } else { "" };
        let list = told.into_iter().map(|told| one(report, place, &told));
        out = out.add(
            tag("div")
                .class(&format!("group {class}{many}"))
                .add(tag("h3").text(heading).add(tag("span").class("count").text(&number.to_string())))
                .all(list),
        );
    }
    let more = report.findings.len().saturating_sub(FINDINGS);
    if more > 0 {
        let text = format!("and {} more, in the JSON report", count(more, "finding"));
        out = out.add(tag("p").class("notice").text(&text));
    }
    Some(out)
}

fn one(report: &Report, place: &Place, told: &Alike<(usize, &Finding)>) -> Tag {
    let (at, finding) = told.first;
    let severity = finding.severity.name();
    let id = format!("finding-{}-{at}", place.at);
    let title = tag("h4")
        .set("id", &format!("{id}-title"))
        .set("tabindex", "-1")
        .add(sign(severity))
        .add(tag("span").class("severity").text(severity))
        .text(" ")
        .add(
            tag("a")
                .class("rule")
                .set("href", &place.link(&["search", "rule", &finding.rule]))
                .text(&finding.rule),
        )
        .text(" ")
        .add(tag("span").class("message").prose(&finding.message));
    // No landmark of its own: there can be hundreds.
    let mut out = tag("article")
        .class(&format!("finding {severity}"))
        .set("id", &id)
        .set("aria-labelledby", &format!("{id}-title"))
        .set("data-severity", severity)
        .set("data-rule", &finding.rule)
        .set("data-finding", &at.to_string())
        .add(title);
    if let Some(accepted) = &finding.accepted {
        out = out.add(acceptance(accepted));
    }
    if let Some(location) = &finding.location {
        out = out.add(snippet(location));
    }
    out = out.all(facts(report, place, finding));
    if !finding.help.is_empty() {
        out = out.add(tag("p").class("help").add(tag("strong").text("Help")).text(" ").prose(&finding.help));
    }
    out.all(alike(place, &told.others)).all(runs(report, place, finding)).add(closing(place, at, finding))
}

/// Those that are told with it, each where a link to it leads.
fn alike(place: &Place, others: &[(usize, &Finding)]) -> Option<Tag> {
    if others.is_empty() {
        return None;
    }
    let items = others.iter().map(|(at, finding)| {
        tag("li")
            .set("id", &format!("finding-{}-{at}", place.at))
            .set("tabindex", "-1")
            .set("data-finding", &at.to_string())
            .text(&named(finding))
    });
    let head = tag("summary").text(&format!("and {} more alike", others.len()));
    Some(tag("details").class("alike").add(head).add(tag("ul").all(items)))
}

fn acceptance(accepted: &Acceptance) -> Tag {
    let by = accepted.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let until = match &accepted.until {
        Some(date) => format!("until {date}"),
        None => "without an end".to_owned(),
    };
    tag("p")
        .class("acceptance")
        .add(tag("strong").text(&format!("Accepted{by}, {until}")))
        .text(": ")
        .prose(&accepted.reason)
}

/// The line of the user's own file, with what it is about underlined.
fn snippet(place: &text::Place) -> Tag {
    let start = place.column.saturating_sub(1);
    let of = |from: usize, most: usize| -> String { place.excerpt.chars().skip(from).take(most).collect() };
    let (before, marked, after) = (of(0, start), of(start, place.width), of(start + place.width, usize::MAX));
    let at = format!("{}:{}:{}", place.file, place.line, place.column);
    let out = tag("figure").class("snippet").add(tag("figcaption").text(&at));
    if marked.is_empty() {
        return out;
    }
    let code = tag("code").line(&before).add(tag("mark").line(&marked)).line(&after);
    let line = tag("span").class("line-number").set("aria-hidden", "true").text(&place.line.to_string());
    let label = format!("line {} of {}", place.line, place.file);
    out.add(
        tag("pre").set("tabindex", "0").set("role", "group").set("aria-label", &label).add(line).add(code),
    )
}

/// The runs that tell most of it: those of the trap only where no other shows it.
fn shown<'a>(report: &'a Report, finding: &Finding) -> Vec<&'a Run> {
    let mut runs: Vec<&Run> = finding.runs.iter().filter_map(|id| report.run(id)).collect();
    if runs.iter().any(|run| !run.control) {
        runs.retain(|run| !run.control);
    }
    runs
}

/// The facts of one run: the other runs repeat them, and the script shows them all.
fn facts(report: &Report, place: &Place, finding: &Finding) -> Option<Tag> {
    let runs = shown(report, finding);
    // Those of the run that the message tells of stand first.
    let told = finding.evidence.iter().find_map(|fact| runs.iter().find(|run| run.id == fact.run))?;
    let mut lines: Vec<(String, &EvidenceRef)> = Vec::new();
    for pointer in finding.evidence.iter().filter(|pointer| pointer.run == told.id) {
        let Some(line) = fact_line(report, pointer, "→") else { continue };
        if !lines.iter().any(|(known, _)| *known == line) {
            lines.push((line, pointer));
        }
    }
    let total = lines.len();
    let items = lines.iter().take(FACTS).map(|(line, pointer)| {
        let kind = kind(pointer.kind);
        let link = place.link(&["run", &pointer.run, kind, &pointer.at.to_string()]);
        tag("li").add(tag("a").class("kind").set("href", &link).text(kind)).text(" ").prose(line)
    });
    let mut list = tag("ul").class("facts-of").all(items);
    if total > FACTS {
        list = list.add(tag("li").class("quiet").text(&format!("and {} more", count(total - FACTS, "fact"))));
    }
    let head = format!("What it rests on, in {}", run_name(report, told));
    Some(tag("div").class("evidence").add(tag("p").class("label").text(&head)).add(list))
}

fn runs(report: &Report, place: &Place, finding: &Finding) -> Option<Tag> {
    if finding.runs.is_empty() {
        return None;
    }
    let runs: Vec<&Run> = finding.runs.iter().filter_map(|id| report.run(id)).collect();
    let mut out = tag("p").class("in-runs").add(tag("strong").text("In")).text(" ");
    for (at, run) in runs.iter().take(RUNS).enumerate() {
        let link = tag("a").set("href", &place.link(&["run", &run.id])).text(run_name(report, run));
        out = if at > 0 { out.text(", ").add(link) } else { out.add(link) };
    }
    if runs.len() > RUNS {
        out = out.text(&format!(" and {} more", runs.len() - RUNS));
    }
    Some(out)
}

fn closing(place: &Place, at: usize, finding: &Finding) -> Tag {
    let sure = match finding.confidence {
        Confidence::High => "proven by its evidence",
        Confidence::Medium => "confidence: medium",
        Confidence::Low => "confidence: low",
    };
    let here = tag("a").set("href", &place.link(&["finding", &at.to_string()])).text("link to this finding");
    let mut out = tag("p").class("closing").text(sure);
    if let Some(package) = &finding.package {
        let link = tag("a").set("href", &place.link(&["search", "package", package])).text(package);
        out = out.text(" · ").add(link);
    }
    out.text(" · ").add(here)
}

/// As links spell it.
fn kind(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Exchange => "exchange",
        EvidenceKind::Lookup => "lookup",
        EvidenceKind::Process => "process",
        EvidenceKind::Package => "package",
        EvidenceKind::Connection => "connection",
        EvidenceKind::File => "file",
        EvidenceKind::Gap => "gap",
        EvidenceKind::Read => "read",
    }
}
