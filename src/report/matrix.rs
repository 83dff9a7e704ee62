//! Scenarios by places: what became of each scenario in each toolchain or image.
//!
//! Repetitions are one cell, by the worst of them. How a cell looks is not known here.

use super::model::{Report, Run};
use super::opinion::Verdict;
use super::places::{self, Place};
use std::collections::BTreeSet;

/// Every scenario that ran in every place where one did.
#[derive(Debug)]
pub struct Matrix<'a> {
    /// The places, ordered, each with what tells it from the others; empty of one alone.
    pub places: Vec<(Place, String)>,
    /// In the order of the plan.
    pub rows: Vec<Row<'a>>,
}

/// A scenario.
#[derive(Debug)]
pub struct Row<'a> {
    /// Its name.
    pub scenario: &'a str,
    /// One for each place; `None` where it did not run there.
    pub cells: Vec<Option<Cell<'a>>>,
}

/// A scenario in a place.
#[derive(Debug)]
pub struct Cell<'a> {
    /// The first of the worst repetitions.
    pub worst: &'a Run,
    /// All repetitions, in the order of the plan.
    pub runs: Vec<&'a Run>,
}

impl<'a> Matrix<'a> {
    /// Of a report.
    pub fn of(report: &'a Report) -> Self {
        let known: BTreeSet<Place> = report.runs.iter().map(Place::of).collect();
        let places = known.iter().map(|place| (place.clone(), places::label(&known, place))).collect();
        let mut names: Vec<&str> = Vec::new();
        for run in &report.runs {
            if !names.contains(&run.scenario.as_str()) {
                names.push(&run.scenario);
            }
        }
        let row = |scenario| {
            let cell = |place: &Place| {
                let here = |run: &&Run| run.scenario == scenario && Place::of(run) == *place;
                Cell::of(report.runs.iter().filter(here).collect())
            };
            Row { scenario, cells: known.iter().map(cell).collect() }
        };
        Self { places, rows: names.into_iter().map(row).collect() }
    }
}

impl<'a> Cell<'a> {
    fn of(runs: Vec<&'a Run>) -> Option<Self> {
        // `max_by_key` gives the last of equals, and the first repetition is the one to show.
        // A trap that was not live once is what matters of it.
        let bad = |run: &Run| if run.control { run.verdict != Verdict::Leaked } else { false };
        let worst = runs.iter().rev().max_by_key(|run| (bad(run), run.verdict)).copied()?;
        Some(Self { worst, runs })
    }

    /// `leaked (1 of 2)`; of the trap, whether it was live.
    pub fn words(&self) -> String {
        let mut words = self.worst.verdict.name().to_owned();
        if self.worst.control {
            words.push_str(if self.worst.verdict == Verdict::Leaked { ", as must" } else { ", no trap" });
        }
        let equal = self.runs.iter().filter(|run| run.verdict == self.worst.verdict).count();
        if self.runs.len() > 1 {
            words = format!("{words} ({equal} of {})", self.runs.len());
        }
        words
    }

    /// It is as it must be: sealed, or a trap that leaked.
    pub fn is_good(&self) -> bool {
        match self.worst.verdict {
            Verdict::Sealed => !self.worst.control,
            Verdict::Leaked => self.worst.control,
            Verdict::NotApplicable | Verdict::Unobserved | Verdict::Broken | Verdict::Exposed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json::tests::small;

    #[test]
    fn repetitions_are_one_cell_and_places_are_columns() {
        let mut report = small();
        let mut again = report.runs[0].clone();
        (again.id, again.verdict) = ("again".to_owned(), Verdict::Broken);
        let mut other = report.runs[0].clone();
        (other.id, other.toolchain.npm) = ("other".to_owned(), "9.0.0".to_owned());
        report.runs.extend([again, other]);
        let matrix = Matrix::of(&report);
        assert_eq!(matrix.places.len(), 2);
        let row = &matrix.rows[0];
        assert_eq!(row.scenario, "baseline");
        let mut words: Vec<String> = row.cells.iter().flatten().map(Cell::words).collect();
        words.sort();
        assert_eq!(words, ["broken (1 of 2)", "sealed"]);
        assert!(matrix.rows[1].cells.iter().any(Option::is_none), "it ran in one place only");
    }

    #[test]
    fn a_trap_that_was_not_live_is_never_good() {
        let mut report = small();
        let control = report.runs.iter_mut().find(|run| run.control).unwrap();
        control.verdict = Verdict::Sealed;
        let matrix = Matrix::of(&report);
        let cell = matrix.rows.iter().find(|row| row.scenario == "control").unwrap().cells[0].as_ref();
        assert!(!cell.unwrap().is_good());
        assert_eq!(cell.unwrap().words(), "sealed, no trap");
    }
}
