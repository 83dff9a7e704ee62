//! The report for a person at a terminal.
//!
//! First the verdict in one sentence, then what was tried, then what was
//! found and where, then, for who sees the end of it alone, the verdict again with what to
//! do first and what the exit code means. Colour only repeats what a
//! word says. Nothing of a stranger's reaches the terminal but through
//! [`safe`]. This module must not judge: it says what the report says.

mod amount;
mod changes;
mod closing;
mod collection;
mod comparison;
mod drift;
mod evidence;
mod findings;
mod headline;
mod inert;
mod matrix;
mod page;
mod review;
pub mod safe;
mod scorecard;
mod summary;
#[cfg(test)]
mod tests;

use super::collection::Collection;
use super::comparison::Comparison;
use super::drift::Drift;
use super::model::Report;
use super::review::Review;
use super::scorecard::{DrillScore, Rates};
use crate::compare::grouped::Change;
pub(super) use amount::{count, size, time};
pub(super) use evidence::line as fact_line;
pub(super) use headline::{change_line, losses, margin_line, run_name, verdict_and_reason};
pub use inert::inert;
use page::Page;
use std::io::IsTerminal;

/// How the terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Colours may be used.
    pub color: bool,
    /// Characters beyond ASCII may be used.
    pub unicode: bool,
    /// Nothing is folded.
    pub verbose: bool,
}

/// The width where none can be found out (a pipe, a CI log).
pub const DEFAULT_WIDTH: usize = 100;
/// Narrower than this nothing is made; the terminal wraps.
const LEAST_WIDTH: usize = 40;

impl Look {
    /// That of a file which is read anywhere.
    pub const PLAIN: Self = Self { width: DEFAULT_WIDTH, color: false, unicode: true, verbose: false };

    /// The look of standard output as it is, with colour only on a terminal
    /// that wants it (`NO_COLOR`, `TERM=dumb`).
    pub fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let size = terminal_size::terminal_size_of(std::io::stdout());
        let columns = variable("COLUMNS").parse().ok();
        Self {
            width: size
                .map(|(width, _)| usize::from(width.0))
                .or(columns)
                .unwrap_or(DEFAULT_WIDTH)
                .max(LEAST_WIDTH),
            color: terminal && variable("NO_COLOR").is_empty() && variable("TERM") != "dumb",
            unicode: locale_is_utf8(&variable("LC_ALL"), &variable("LC_CTYPE"), &variable("LANG")),
            verbose: false,
        }
    }
}

/// The first of the three that is set decides (locale(7)). Where none is, it is
/// the C locale; most CI systems are so, and ASCII is right everywhere.
fn locale_is_utf8(all: &str, ctype: &str, lang: &str) -> bool {
    let locale = [all, ctype, lang].into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// An amount of bytes in words: `3.2 MB`.
pub fn bytes(amount: u64) -> String {
    size(amount)
}

/// The scores of one place with the rates that follow from them, as text.
pub fn rates(place: &str, scores: &[DrillScore], rates: Rates, look: Look) -> String {
    let mut page = Page::new(look);
    scorecard::rates(&mut page, place, scores, rates);
    page.finish()
}

/// What differs between two reports, as text.
pub fn comparison(comparison: &Comparison, look: Look) -> String {
    let mut page = Page::new(look);
    comparison::render(&mut page, comparison);
    page.finish()
}

/// What a report has otherwise than an accepted baseline, as text.
pub fn drift(drift: &Drift, look: Look) -> String {
    let mut page = Page::new(look);
    drift::render(&mut page, drift);
    page.finish()
}

/// What an update of the lockfile changes, as text.
pub fn review(review: &Review, look: Look) -> String {
    let mut page = Page::new(look);
    review::render(&mut page, review);
    page.finish()
}

/// What differs between installs, a line each, as text.
pub fn changes(changes: &[Change], look: Look) -> String {
    let mut page = Page::new(look);
    changes::render(&mut page, changes, 4);
    page.finish()
}

/// The report as text. `saved` are the files into which it was also written,
/// as `(format, path)`; `None` of a report that was saved before.
pub fn render(report: &Report, look: Look, saved: Option<&[(String, String)]>) -> String {
    let mut page = Page::new(look);
    whole(&mut page, report, saved);
    page.finish()
}

/// Several projects as text: a summary that fits a screen, the worst first. `saved` as in
/// [`render`].
pub fn collection(collection: &Collection, look: Look, saved: Option<&[(String, String)]>) -> String {
    let mut page = Page::new(look);
    collection::render(&mut page, collection, saved);
    page.finish()
}

fn whole(page: &mut Page, report: &Report, saved: Option<&[(String, String)]>) {
    headline::render(page, report);
    if report.drills.is_empty() {
        matrix::render(page, report);
        findings::render(page, report);
        summary::render(page, report);
    } else {
        scorecard::render(page, &report.drills);
        page.gap();
    }
    closing::render(page, report, saved);
}
