//! The report as one page for a browser: it opens from disk and asks nobody for anything.
//!
//! What a reader must see at once (the verdict, scenarios by places, what was found) is
//! written out here, and is there without JavaScript. All else is made in the browser, by
//! `app/*.js`, from the JSON report that is embedded. The page's own policy names the one
//! style and the one script by their digests and forbids all else. This module must not
//! judge, and nothing of a stranger's goes in but through [`tag`].

mod about;
mod findings;
mod head;
mod nav;
mod pack;
mod scores;
mod summary;
mod table;
mod tag;
#[cfg(test)]
mod tests;
mod unseen;

use super::model::Report;
use super::opinion::Verdict;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use tag::{Tag, escaped, tag};

/// A project in the file.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Its name, to show.
    pub title: &'a str,
    /// When its report was made, where that was in an earlier test and it was carried over.
    pub carried: Option<&'a str>,
    /// What was seen of it.
    pub report: &'a Report,
}

impl<'a> Page<'a> {
    /// The only page of a report.
    pub fn of(report: &'a Report) -> Self {
        Self { title: &report.project.name, carried: None, report }
    }
}

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
/// In the order in which they are read; each needs only those before it when it is read.
const APP: [&str; 13] = [
    include_str!("app/words.js"),
    include_str!("app/data.js"),
    include_str!("app/links.js"),
    include_str!("app/parts.js"),
    include_str!("app/flow.js"),
    include_str!("app/timeline.js"),
    include_str!("app/tree.js"),
    include_str!("app/difference.js"),
    include_str!("app/fact.js"),
    include_str!("app/run.js"),
    include_str!("app/search.js"),
    include_str!("app/overview.js"),
    include_str!("app/start.js"),
];

/// One report as a page.
pub fn render(report: &Report) -> io::Result<String> {
    let mut out = Vec::new();
    write(&[Page::of(report)], &mut out)?;
    String::from_utf8(out).map_err(io::Error::other)
}

/// Projects as one file: a summary, the worst first, and a page each; of one, its page alone.
pub fn write(pages: &[Page<'_>], out: &mut impl Write) -> io::Result<()> {
    write_all(pages, &[], out)
}

/// The same with projects that were to be tested and were not, which the page says first.
pub fn write_all(pages: &[Page<'_>], missing: &[String], out: &mut impl Write) -> io::Result<()> {
    let mut order: Vec<&Page<'_>> = pages.iter().collect();
    order.sort_by_key(|page| std::cmp::Reverse(summary::rank(page.report)));
    let script = script();
    for (at, piece) in PAGE.split("{{").enumerate() {
        let (name, text) = match piece.split_once("}}") {
            Some((name, text)) if at > 0 => (name, text),
            Some(_) | None => ("", piece),
        };
        match name {
            "policy" => out.write_all(policy(&script).as_bytes())?,
            "title" => out.write_all(escaped(&title(&order)).as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "nav" => put(out, nav::all(&order))?,
            "body" => {
                if !missing.is_empty() {
                    put(out, summary::missing(missing))?;
                }
                body(&order, out)?;
            }
            "data" => data(&order, out)?,
            "script" => out.write_all(script.as_bytes())?,
            _ => {}
        }
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn put(out: &mut impl Write, tag: Tag) -> io::Result<()> {
    let mut text = String::new();
    tag.write(&mut text);
    out.write_all(text.as_bytes())
}

fn script() -> String {
    format!("\"use strict\";\n(() => {{\n{}}})();\n", APP.concat())
}

/// `style-src` and `script-src` by digest: nothing but ours runs, whatever got in.
fn policy(script: &str) -> String {
    let digest = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest(script),
        digest(STYLE)
    )
}

fn title(pages: &[&Page<'_>]) -> String {
    match pages {
        [page] => format!("{}: {} - sealcheck", page.title, head::verdict(page.report).0),
        pages => format!("{} projects - sealcheck", pages.len()),
    }
}

fn body(pages: &[&Page<'_>], out: &mut impl Write) -> io::Result<()> {
    if pages.len() != 1 {
        put(out, summary::render(pages))?;
    }
    for (at, page) in pages.iter().enumerate() {
        let place = Place::new(pages.len(), at);
        let report = page.report;
        let mut article = tag("article")
            .class("project")
            .set("id", &place.id("project"))
            .set("data-page", &at.to_string())
            .set("data-title", page.title)
            .add(head::render(page));
        for section in [
            unseen::render(report, &place),
            if report.drills.is_empty() { table::render(report, &place) } else { None },
            scores::render(report, &place),
            findings::render(report, &place),
            about::render(report, &place),
        ] {
            article = article.all(section);
        }
        put(out, article)?;
    }
    Ok(())
}

fn data(pages: &[&Page<'_>], out: &mut impl Write) -> io::Result<()> {
    for (at, page) in pages.iter().enumerate() {
        // Base64 has no `<`, so that nothing in it can end the element.
        writeln!(
            out,
            "<script type=\"application/gzip+base64\" id=\"data-{at}\">{}</script>",
            pack::packed(page.report)?
        )?;
    }
    Ok(())
}

/// Where in the file a project is: what its ids end with, what its links begin with.
struct Place {
    base: String,
    at: usize,
}

impl Place {
    fn new(pages: usize, at: usize) -> Self {
        let base = if pages == 1 { "#/".to_owned() } else { format!("#/project/{at}/") };
        Self { base, at }
    }

    fn id(&self, name: &str) -> String {
        format!("{name}-{}", self.at)
    }

    /// A link within the project, from its parts.
    fn link(&self, parts: &[&str]) -> String {
        let parts: Vec<String> = parts.iter().map(|part| tag::part(part)).collect();
        format!("{}{}", self.base, parts.join("/"))
    }
}

/// The sign of a verdict, told apart by its shape. Words stand beside it always.
fn mark(verdict: Verdict, control: bool) -> Tag {
    let name = match (verdict, control) {
        (Verdict::Leaked, true) => "trap",
        (Verdict::Sealed, true) | (Verdict::Unobserved, _) => "unobserved",
        (Verdict::Sealed, false) => "sealed",
        (Verdict::Exposed, _) => "exposed",
        (Verdict::Leaked, false) => "leaked",
        (Verdict::Broken, _) => "broken",
        (Verdict::NotApplicable, _) => "none",
    };
    sign(name)
}

fn sign(name: &str) -> Tag {
    let drawing = tag("use").set("href", &format!("#sign-{name}"));
    tag("svg")
        .class(&format!("sign {name}"))
        .set("aria-hidden", "true")
        .set("viewBox", "0 0 16 16")
        .add(drawing)
}

/// A section with its heading.
fn section(id: &str, heading: &str) -> Tag {
    let label = format!("{id}-heading");
    tag("section").set("id", id).set("aria-labelledby", &label).add(tag("h2").set("id", &label).text(heading))
}
