//! What exactly was tested, by whom, and what is taken for granted.

use super::tag::{Tag, tag};
use super::{Place, section};
use crate::evidence::resolution::Resolution;
use crate::report::model::{Margin, Report};
use crate::report::terminal::{change_line, losses, margin_line};

/// Private packages that are written out before the rest is counted.
const PRIVATE: usize = 500;

pub(super) fn render(report: &Report, place: &Place) -> Option<Tag> {
    let mut out = section(&place.id("about"), "About this report");
    if let Some(margin) = &report.margin {
        out = out.add(self::margin(margin));
    }
    out = out.all(private(report)).all(resolutions(&report.resolutions)).all(noise(report));
    Some(out.add(subject(report)))
}

fn list(lines: impl IntoIterator<Item = String>) -> Tag {
    tag("ul").all(lines.into_iter().map(|line| tag("li").prose(&line)))
}

fn margin(margin: &Margin) -> Tag {
    let sets = margin.smallest.iter().map(|set| match set.as_slice() {
        [] => "it leaks with every defence in place".to_owned(),
        set => format!("it leaks once these are lost: {}", losses(set)),
    });
    let to_run = margin
        .smallest_to_run
        .iter()
        .map(|set| format!("a stranger's code runs once these are lost: {}", losses(set)));
    let mut lines: Vec<String> = sets.chain(to_run).collect();
    if margin.unobserved {
        lines.push("a set of so few losses could not be observed: the number may be larger".to_owned());
    }
    lines.extend(margin.changes.iter().map(change_line));
    lines.extend(margin.assumes.iter().map(|text| format!("assumed: {text}")));
    lines.push(format!("true of the command `{}`", margin.command.join(" ")));
    tag("div").add(tag("h3").text("Margin")).add(tag("p").prose(&margin_line(margin))).add(list(lines))
}

fn private(report: &Report) -> Option<Tag> {
    let project = &report.project;
    if project.private.is_empty() && project.local.is_empty() && project.undecided.is_empty() {
        return None;
    }
    let mut out = tag("div").add(tag("h3").text("Private packages"));
    if !project.private.is_empty() {
        let heads = ["package", "must come from", "because", "decided by"];
        let heads = heads.map(|text| tag("th").set("scope", "col").text(text));
        let rows = project.private.iter().take(PRIVATE).map(|package| {
            tag("tr")
                .add(tag("th").set("scope", "row").text(&package.name))
                .add(tag("td").text(&package.registry))
                .add(tag("td").prose(&package.because))
                .add(tag("td").text(&package.from))
        });
        let mut caption = format!("{} private", project.private.len());
        if project.private.len() > PRIVATE {
            caption.push_str(&format!(", of which {PRIVATE} are listed"));
        }
        let table = tag("table")
            .add(tag("caption").text(&caption))
            .add(tag("thead").add(tag("tr").all(heads)))
            .add(tag("tbody").all(rows));
        let scroll = tag("div").class("scroll").set("tabindex", "0").set("role", "group");
        out = out.add(scroll.set("aria-label", "private packages").add(table));
    }
    for (names, what) in [(&project.local, "local"), (&project.undecided, "undecided")] {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().take(PRIVATE).map(|name| format!("`{name}`")).collect();
            out = out.add(tag("p").prose(&format!("{what}: {}", names.join(", "))));
        }
    }
    Some(out)
}

fn resolutions(resolutions: &[Resolution]) -> Option<Tag> {
    if resolutions.is_empty() {
        return None;
    }
    let lines = resolutions.iter().map(|one| {
        let numbers =
            format!("gives {} versions, {} in the registry behind it ({})", one.given, one.had, one.behind);
        let differs = format!(
            "{} added, {} altered, {} without a digest to compare",
            one.added.count, one.altered.count, one.uncompared.count
        );
        let unread = one.unread.as_ref().map(|why| format!("; not read: {why}")).unwrap_or_default();
        format!("`{}` from {}: {numbers}; {differs}{unread}", one.package, one.registry)
    });
    Some(tag("div").add(tag("h3").text("Virtual registries")).add(list(lines)))
}

fn noise(report: &Report) -> Option<Tag> {
    if report.noise.iter().all(|noise| noise.varying.is_empty()) {
        return None;
    }
    let lines = report.noise.iter().flat_map(|noise| {
        noise.varying.iter().map(|varies| {
            let package = varies.package.as_deref().unwrap_or_default();
            format!("{package}: {} ({} of {} equal runs)", varies.what, varies.seen, varies.of)
        })
    });
    Some(tag("div").add(tag("h3").text("Varies between equal runs")).add(list(lines)))
}

fn subject(report: &Report) -> Tag {
    let subject = &report.subject;
    let mut rows: Vec<(&str, String)> =
        vec![("made by", format!("{} {}", report.tool.name, report.tool.version))];
    let mut row = |name, value: &Option<String>| rows.extend(value.clone().map(|value| (name, value)));
    row("sha256 of the program", &report.tool.sha256);
    row("commit", &subject.commit);
    row("lockfile", &subject.lockfile_sha512);
    row("policy file", &subject.policy_sha512);
    row("scenarios", &subject.scenarios_sha512);
    row("accepted baseline", &subject.baseline_sha512);
    row("public registry", &report.public_registry);
    rows.extend(subject.npmrc_sha512.iter().map(|digest| ("npmrc", digest.clone())));
    match subject.dirty {
        Some(true) => rows.push(("work tree", "tracked files differ from the commit".to_owned())),
        Some(false) => rows.push(("work tree", "as committed".to_owned())),
        None => {}
    }
    if let Some(store) = &report.store {
        let said = match (&store.oldest, &store.newest) {
            (Some(oldest), Some(newest)) => format!("fetched {oldest} to {newest}"),
            (Some(only), None) | (None, Some(only)) => format!("fetched {only}"),
            (None, None) => "none was needed".to_owned(),
        };
        rows.push(("registry answers", if store.offline { format!("{said}, offline") } else { said }));
    }
    let rows = rows.into_iter().map(|(name, value)| {
        tag("div").add(tag("dt").text(name)).add(tag("dd").add(tag("code").text(&value)))
    });
    tag("div").add(tag("h3").text("Subject")).add(tag("dl").class("subject").all(rows))
}
