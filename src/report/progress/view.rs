//! What stands on the screen while a test runs: a line for each run at work, and one for
//! all. Pure; how it gets there is not known here.

use super::estimate::{Estimate, Known, about};
use super::{Phase, Progress};
use crate::report::terminal::safe::Charset;
use crate::report::terminal::{size, time};
use std::time::{Duration, Instant};

const CHARSET: Charset = Charset { unicode: false };
/// Narrower or lower than this no screen is thought to be.
const LEAST: (usize, usize) = (10, 3);
/// How often a spinner turns.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// Everything that was told, as far as it is shown.
#[derive(Debug)]
pub(super) struct View {
    begun: Instant,
    runs: usize,
    took: Vec<Duration>,
    active: Vec<Active>,
    side_by_side: usize,
    upstream: Option<(usize, u64)>,
    estimate: Estimate,
}

#[derive(Debug)]
struct Active {
    id: String,
    begun: Instant,
    phase: Phase,
    packages: Option<(usize, usize)>,
}

impl View {
    pub(super) fn new(runs: usize, now: Instant) -> Self {
        Self {
            begun: now,
            runs,
            took: Vec::new(),
            active: Vec::new(),
            side_by_side: 0,
            upstream: None,
            estimate: Estimate::default(),
        }
    }

    /// Takes an event in. What is given back is to stay on the screen.
    pub(super) fn take(&mut self, event: &Progress, now: Instant) -> Option<String> {
        match event {
            Progress::RunStarted { id, scenario: _ } => {
                self.active.retain(|run| run.id != *id);
                self.active.push(Active {
                    id: id.clone(),
                    begun: now,
                    phase: Phase::Preparing,
                    packages: None,
                });
                self.side_by_side = self.side_by_side.max(self.active.len());
            }
            Progress::Phase { id, phase } => {
                if let Some(run) = self.run(id) {
                    run.phase = *phase;
                }
            }
            Progress::Packages { id, fetched, total } => {
                if let Some(run) = self.run(id) {
                    (run.phase, run.packages) = (Phase::Installing, Some((*fetched, *total)));
                }
            }
            Progress::RunFinished { id, ending, ms } => {
                self.active.retain(|run| run.id != *id);
                self.took.push(Duration::from_millis(*ms));
                return Some(CHARSET.safe(&format!("{id}: {ending} in {}", time(*ms))));
            }
            Progress::Upstream { fetched, bytes } => self.upstream = Some((*fetched, *bytes)),
        }
        None
    }

    fn run(&mut self, id: &str) -> Option<&mut Active> {
        self.active.iter_mut().find(|run| run.id == id)
    }

    /// The lines, none of which is as wide as the screen (a full one would wrap), and fewer
    /// than it is high.
    pub(super) fn lines(&mut self, columns: usize, rows: usize, now: Instant) -> Vec<String> {
        let (width, rows) = (columns.max(LEAST.0) - 1, rows.max(LEAST.1));
        // One for all, one that stays free.
        let room = rows - 2;
        let shown = if self.active.len() > room { room - 1 } else { self.active.len() };
        let mut lines: Vec<String> =
            self.active.iter().take(shown).map(|run| run.line(width, self.turn(now), now)).collect();
        if self.active.len() > shown {
            lines.push(CHARSET.clipped(&format!("  and {} more at work", self.active.len() - shown), width));
        }
        lines.push(self.all(width, now));
        lines
    }

    fn turn(&self, now: Instant) -> char {
        const TURNS: [char; 4] = ['|', '/', '-', '\\'];
        let turns = now.saturating_duration_since(self.begun).as_millis() / TICK.as_millis();
        TURNS[usize::try_from(turns % 4).unwrap_or_default()]
    }

    fn all(&mut self, width: usize, now: Instant) -> String {
        let ended = self.took.len();
        // More may come than were known at first.
        let runs = self.runs.max(ended + self.active.len());
        let known = Known {
            took: self.took.clone(),
            active: self.active.iter().map(|run| run.known(now)).collect(),
            waiting: runs - ended - self.active.len(),
            side_by_side: self.side_by_side,
        };
        let mut parts = vec![clock(now.saturating_duration_since(self.begun))];
        parts.extend(self.estimate.at(&known, now).map(about));
        if let Some((fetched, bytes)) = self.upstream {
            parts.push(format!("fetched {fetched} answers, {}", size(bytes)));
        }
        // What has no room is left out from the end.
        let mut line = format!("{ended} of {runs} runs");
        if line.len() > width {
            line = format!("{ended}/{runs}");
        }
        for part in parts {
            if line.len() + 2 + part.len() > width {
                break;
            }
            line = format!("{line}, {part}");
        }
        CHARSET.clipped(&line, width)
    }
}

impl Active {
    fn known(&self, now: Instant) -> (Duration, Option<f64>) {
        let part = self.packages.filter(|(_, total)| *total > 0);
        let part = part.map(|(fetched, total)| fetched as f64 / total as f64);
        (now.saturating_duration_since(self.begun), part)
    }

    /// `/ public-decoy-1: installing, 120 of 488 packages, 12 s`, or as much as there is room for.
    fn line(&self, width: usize, turn: char, now: Instant) -> String {
        let age = clock(now.saturating_duration_since(self.begun));
        let word = self.phase.word();
        let (long, short) = match (self.phase, self.packages) {
            (Phase::Installing, Some((fetched, 0))) => {
                (format!("{word}, {fetched} packages"), fetched.to_string())
            }
            (Phase::Installing, Some((fetched, total))) => {
                (format!("{word}, {fetched} of {total} packages"), format!("{fetched}/{total}"))
            }
            (Phase::Preparing | Phase::Installing | Phase::Hashing | Phase::Judging, _) => {
                (word.to_owned(), word.to_owned())
            }
        };
        let id = CHARSET.clipped(&self.id, 60);
        let fits = |text: &String| text.len() <= width;
        let whole = [format!("{turn} {id}: {long}, {age}"), format!("{turn} {id}: {short}, {age}")];
        whole.into_iter().find(fits).unwrap_or_else(|| {
            let id = CHARSET.clipped(&self.id, width.saturating_sub(age.len() + 3));
            CHARSET.clipped(&format!("{turn} {id} {age}"), width)
        })
    }
}

/// In whole seconds: tenths that run catch the eye.
fn clock(passed: Duration) -> String {
    match passed.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn started(id: &str) -> Progress {
        Progress::RunStarted { id: id.into(), scenario: id.into() }
    }

    /// Two runs at work, one ended, four to come.
    fn view(begin: Instant) -> View {
        let mut view = View::new(7, begin);
        view.take(&started("baseline-1"), begin);
        view.take(&started("private-mapping-removed-1"), begin);
        let ended =
            Progress::RunFinished { id: "baseline-1".into(), ending: "npm exited with 0".into(), ms: 20_000 };
        let stays = view.take(&ended, begin + Duration::from_secs(20)).unwrap();
        assert_eq!(stays, "baseline-1: npm exited with 0 in 20.0 s");
        view.take(&started("warm-cache-private-down-1"), begin + Duration::from_secs(20));
        view.take(
            &Progress::Packages { id: "private-mapping-removed-1".into(), fetched: 120, total: 488 },
            begin,
        );
        view.take(&Progress::Upstream { fetched: 94, bytes: 12_400_000 }, begin);
        view
    }

    #[test]
    fn a_line_for_each_run_as_wide_as_the_screen_lets_it() {
        let begin = Instant::now();
        let shown = |columns| view(begin).lines(columns, 24, begin + Duration::from_secs(25)).join("\n");
        insta::assert_snapshot!(shown(120), @r"
        / private-mapping-removed-1: installing, 120 of 488 packages, 25 s
        / warm-cache-private-down-1: preparing, 5 s
        1 of 7 runs, 25 s, about 2 min left, fetched 94 answers, 12.4 MB
        ");
        assert_eq!(shown(80), shown(120));
        insta::assert_snapshot!(shown(40), @r"
        / private-mapping-removed-1 25 s
        / warm-cache-private-down-1 5 s
        1 of 7 runs, 25 s, about 2 min left
        ");
        insta::assert_snapshot!(shown(20), @r"
        / private-m... 25 s
        / warm-cache... 5 s
        1 of 7 runs, 25 s
        ");
    }

    #[test]
    fn many_runs_leave_a_low_screen_its_rows() {
        let begin = Instant::now();
        let mut view = View::new(40, begin);
        (0..16).for_each(|at| drop(view.take(&started(&format!("run-{at}")), begin)));
        let lines = view.lines(80, 8, begin);
        insta::assert_snapshot!(lines.join("\n"), @r"
        | run-0: preparing, 0 s
        | run-1: preparing, 0 s
        | run-2: preparing, 0 s
        | run-3: preparing, 0 s
        | run-4: preparing, 0 s
          and 11 more at work
        0 of 40 runs, 0 s
        ");
        assert_eq!(view.lines(80, 24, begin).len(), 17);
    }

    proptest! {
        #[test]
        fn no_line_is_full_and_no_screen(columns in 0..200_usize, rows in 0..60_usize, runs in 0..40_usize, id in ".{0,80}") {
            let begin = Instant::now();
            let mut view = View::new(3, begin);
            (0..runs).for_each(|at| drop(view.take(&started(&format!("{id}{at}")), begin)));
            let lines = view.lines(columns, rows, begin + Duration::from_secs(3));
            prop_assert!(lines.len() < rows.max(LEAST.1));
            for line in lines {
                prop_assert!(line.len() < columns.max(LEAST.0) && Charset { unicode: false }.safe(&line) == line, "{line:?}");
            }
        }
    }
}
