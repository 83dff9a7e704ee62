//! Progress as bars, for a terminal: one for each run at work, one for all.

use super::Progress;
use crate::report::terminal::safe::Charset;
use crate::report::terminal::{size, time};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::time::Duration;

const CHARSET: Charset = Charset { unicode: false };
/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// The bars on the screen.
pub(super) struct Bars {
    screen: MultiProgress,
    all: ProgressBar,
    runs: BTreeMap<String, ProgressBar>,
}

impl Bars {
    pub(super) fn new(runs: usize, target: ProgressDrawTarget) -> Self {
        let screen = MultiProgress::with_draw_target(target);
        let all =
            screen.add(ProgressBar::new(runs as u64).with_style(style("{pos}/{len} runs, {elapsed} {msg}")));
        all.tick();
        Self { screen, all, runs: BTreeMap::new() }
    }

    pub(super) fn show(&mut self, event: &Progress) {
        match event {
            Progress::RunStarted { id, scenario: _ } => {
                let spinner = ProgressBar::new_spinner()
                    .with_style(style("{spinner} {prefix} {msg} {elapsed}"))
                    .with_prefix(CHARSET.clipped(id, 60));
                let bar = self.screen.insert_before(&self.all, spinner);
                bar.enable_steady_tick(TICK);
                if let Some(old) = self.runs.insert(id.clone(), bar) {
                    self.take_off(&old);
                }
            }
            Progress::Phase { id, phase } => {
                if let Some(bar) = self.runs.get(id) {
                    bar.set_message(phase.word());
                }
            }
            Progress::Packages { id, fetched, total } => {
                if let Some(bar) = self.runs.get(id) {
                    let of = if *total > 0 { format!("/{total}") } else { String::new() };
                    bar.set_message(format!("installing, {fetched}{of} packages"));
                }
            }
            Progress::RunFinished { id, ending, ms } => {
                if let Some(bar) = self.runs.remove(id) {
                    self.take_off(&bar);
                }
                let line = format!("{id}: {} in {}", ending, time(*ms));
                // Printed above the bars: it stays when they go.
                let _ = self.screen.println(CHARSET.safe(&line));
                self.all.inc(1);
            }
            Progress::Upstream { fetched, bytes } => {
                self.all.set_message(format!("fetched {fetched} answers, {}", size(*bytes)));
            }
        }
    }

    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.screen.suspend(write)
    }

    fn take_off(&self, bar: &ProgressBar) {
        bar.finish_and_clear();
        self.screen.remove(bar);
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for bar in self.runs.values() {
            bar.finish_and_clear();
        }
        self.all.finish_and_clear();
        let _ = self.screen.clear();
    }
}

/// The templates are ours; where one were wrong, the plain bar does.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::super::Phase;
    use super::*;
    use indicatif::TermLike;
    use std::io::Result;
    use std::sync::{Arc, Mutex};

    const WIDTH: usize = 100;

    /// A screen that keeps what stands on it; as a terminal does, it breaks a
    /// full line only when the next character comes.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<Cells>>);

    #[derive(Debug, Default)]
    struct Cells {
        rows: Vec<[char; WIDTH]>,
        row: usize,
        column: usize,
    }

    impl Cells {
        fn write(&mut self, character: char) {
            match character {
                '\r' => self.column = 0,
                '\n' => (self.row, self.column) = (self.row + 1, 0),
                other => {
                    if self.column == WIDTH {
                        (self.row, self.column) = (self.row + 1, 0);
                    }
                    let column = self.column;
                    self.line()[column] = other;
                    self.column += 1;
                }
            }
        }

        fn line(&mut self) -> &mut [char; WIDTH] {
            self.rows.resize(self.rows.len().max(self.row + 1), [' '; WIDTH]);
            &mut self.rows[self.row]
        }
    }

    impl Screen {
        fn contents(&self) -> String {
            let rows = self.0.lock().unwrap().rows.clone();
            let rows: Vec<String> =
                rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned()).collect();
            rows.join("\n").trim_end().to_owned()
        }

        fn at(&self, change: impl FnOnce(&mut Cells)) -> Result<()> {
            change(&mut self.0.lock().unwrap());
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            u16::try_from(WIDTH).unwrap()
        }
        fn move_cursor_up(&self, n: usize) -> Result<()> {
            self.at(|cells| cells.row = cells.row.saturating_sub(n))
        }
        fn move_cursor_down(&self, n: usize) -> Result<()> {
            self.at(|cells| cells.row += n)
        }
        fn move_cursor_right(&self, n: usize) -> Result<()> {
            self.at(|cells| cells.column = (cells.column + n).min(WIDTH - 1))
        }
        fn move_cursor_left(&self, n: usize) -> Result<()> {
            self.at(|cells| cells.column = cells.column.saturating_sub(n))
        }
        fn write_line(&self, text: &str) -> Result<()> {
            self.write_str(text)?;
            self.write_str("\n")
        }
        fn write_str(&self, text: &str) -> Result<()> {
            self.at(|cells| text.chars().for_each(|character| cells.write(character)))
        }
        fn clear_line(&self) -> Result<()> {
            self.at(|cells| {
                *cells.line() = [' '; WIDTH];
                cells.column = 0;
            })
        }
        fn flush(&self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn ended_runs_stay_on_the_screen_and_bars_do_not() {
        let term = Screen::default();
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
        let mut bars = Bars::new(2, target);
        for id in ["a-1", "b-1"] {
            bars.show(&Progress::RunStarted { id: id.into(), scenario: id.into() });
            bars.show(&Progress::Phase { id: id.into(), phase: Phase::Installing });
            bars.show(&Progress::Packages { id: id.into(), fetched: 3, total: 4 });
        }
        assert!(term.contents().contains("a-1"), "{}", term.contents());
        bars.show(&Progress::RunFinished { id: "b-1".into(), ending: "npm exited with 1".into(), ms: 900 });
        bars.show(&Progress::RunFinished {
            id: "\u{1b}[2Jghost".into(),
            ending: "npm exited with 0".into(),
            ms: 1,
        });
        drop(bars);
        assert_eq!(
            term.contents(),
            "b-1: npm exited with 1 in 900 ms\n\\x1b[2Jghost: npm exited with 0 in 1 ms"
        );
    }

    #[test]
    fn every_template_is_understood() {
        for template in ["{pos}/{len} runs, {elapsed} {msg}", "{spinner} {prefix} {msg} {elapsed}"] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
