//! What a test that still runs has to say, on standard error.
//!
//! [`Display`] takes [`Progress`] events, in the order in which they came, and
//! shows them as bars on a terminal or as plain lines in a log, where a CI system folds them. Beginnings and
//! ends always get their line; only what lies between is thinned out. The
//! report on standard output is never touched. This module must not know who
//! sends the events or what they cost.

mod bars;
mod estimate;
mod fold;
mod lines;
#[cfg(test)]
mod screen;
mod view;

use bars::Bars;
use fold::Fold;
use lines::Lines;
use std::io::IsTerminal;
use std::time::Instant;

/// Something that happened in a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A run began.
    RunStarted {
        /// The run's id.
        id: String,
        /// Its scenario.
        scenario: String,
    },
    /// A run is at its next stage.
    Phase {
        /// The run's id.
        id: String,
        /// The stage.
        phase: Phase,
    },
    /// Packages went into a run.
    Packages {
        /// The run's id.
        id: String,
        /// Tarballs so far.
        fetched: usize,
        /// Packages that the lockfile wants; 0 where that is not known.
        total: usize,
    },
    /// A run ended.
    RunFinished {
        /// The run's id.
        id: String,
        /// How its command ended, a fragment: "npm exited with 0". Verdicts come
        /// when all runs are over, since they compare with the baseline.
        ending: String,
        /// Milliseconds that it took.
        ms: u64,
    },
    /// Registries were asked for what was not kept.
    Upstream {
        /// Answers so far.
        fetched: usize,
        /// Bytes so far.
        bytes: u64,
    },
}

/// A stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The sandbox is made.
    Preparing,
    /// npm is at work.
    Installing,
    /// The trees are hashed.
    Hashing,
    /// The rules look at the evidence.
    Judging,
}

impl Phase {
    /// The word to show.
    pub fn word(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Installing => "installing",
            Self::Hashing => "hashing",
            Self::Judging => "judging",
        }
    }
}

/// How progress is to be shown: `--progress`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Bars on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// Bars; lines where standard error is no terminal, which could not show them.
    Bar,
    /// Lines.
    Plain,
    /// Nothing.
    None,
}

/// Shows the progress of a test.
pub struct Display {
    shown: Shown,
}

enum Shown {
    Bars(Bars),
    Lines(Lines<std::io::Stderr>),
    Nothing,
}

impl Display {
    /// A display for a test of `runs` runs. `quiet` shows nothing, whatever the mode.
    pub fn new(mode: Mode, quiet: bool, runs: usize) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = std::io::stderr().is_terminal() && !dumb;
        let shown = match choose(mode, quiet, terminal) {
            Mode::Bar => Shown::Bars(Bars::new(runs)),
            Mode::Plain => Shown::Lines(Lines::new(std::io::stderr(), runs, Fold::of_environment())),
            Mode::Auto | Mode::None => Shown::Nothing,
        };
        Self { shown }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Progress) {
        match &mut self.shown {
            Shown::Bars(bars) => bars.show(event),
            Shown::Lines(lines) => lines.show(event, Instant::now()),
            Shown::Nothing => {}
        }
    }

    /// Takes the bars off the screen. To be called before the report is
    /// written; dropping does the same.
    pub fn finish(self) {
        drop(self);
    }
}

/// Writes to standard error while no bar stands on the screen: whoever else has something
/// to say there does it through this.
pub fn aside<T>(write: impl FnOnce() -> T) -> T {
    bars::aside(write)
}

/// Takes the bars off the screen for good, where the program ends at once.
pub fn leave() {
    bars::leave();
}

/// Never [`Mode::Auto`].
fn choose(mode: Mode, quiet: bool, terminal: bool) -> Mode {
    match (quiet, mode, terminal) {
        (true, _, _) | (_, Mode::None, _) => Mode::None,
        (_, Mode::Auto | Mode::Bar, true) => Mode::Bar,
        (_, Mode::Auto | Mode::Bar, false) | (_, Mode::Plain, _) => Mode::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_need_a_terminal_and_quiet_wins() {
        for (mode, quiet, terminal, chosen) in [
            (Mode::Auto, false, true, Mode::Bar),
            (Mode::Auto, false, false, Mode::Plain),
            (Mode::Bar, false, false, Mode::Plain),
            (Mode::Bar, false, true, Mode::Bar),
            (Mode::Plain, false, true, Mode::Plain),
            (Mode::None, false, true, Mode::None),
            (Mode::Bar, true, true, Mode::None),
        ] {
            assert_eq!(choose(mode, quiet, terminal), chosen, "{mode:?} {quiet} {terminal}");
        }
    }
}
