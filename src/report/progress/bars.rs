//! Progress on a terminal: what [`View`] gives, painted over itself.
//!
//! A picture is one write that goes to the first line of the one before, writes each line
//! over it and removes what it leaves, so that nothing is ever empty in between. Only the
//! cursor's line, column and what is right and below are used of what terminals can do.

use super::Progress;
use super::view::{TICK, View};
use crate::report::terminal::inert;
use std::fmt::Write as _;
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// Where it is painted, and how large that is now: columns and rows.
pub(super) struct Live<W> {
    out: W,
    size: fn() -> (usize, usize),
    view: View,
    /// How wide each line is that stands there.
    painted: Vec<usize>,
}

impl<W: Write> Live<W> {
    pub(super) fn new(runs: usize, out: W, size: fn() -> (usize, usize), now: Instant) -> Self {
        Self { out, size, view: View::new(runs, now), painted: Vec::new() }
    }

    pub(super) fn show(&mut self, event: &Progress, now: Instant) {
        let stays = self.view.take(event, now);
        self.paint(stays.as_deref(), now);
    }

    /// Paints anew, above it a line that stays. A closed terminal is no reason to end.
    pub(super) fn paint(&mut self, stays: Option<&str>, now: Instant) {
        let (columns, rows) = (self.size)();
        let lines = self.view.lines(columns, rows, now);
        let mut text = self.first(columns);
        if let Some(stays) = stays {
            let _ = writeln!(text, "{}\u{1b}[K", inert(stays));
        }
        text.push_str(&lines.join("\u{1b}[K\n"));
        text.push_str("\u{1b}[J");
        self.painted = lines.iter().map(|line| line.chars().count()).collect();
        self.put(&text);
    }

    /// Takes it off, so that others may write.
    pub(super) fn clear(&mut self) {
        let text = format!("{}\u{1b}[J", self.first((self.size)().0));
        self.painted.clear();
        self.put(&text);
    }

    /// To the beginning of the first line that stands there. A screen that became narrower
    /// since has broken those that were wider.
    fn first(&self, columns: usize) -> String {
        let rows: usize = self.painted.iter().map(|width| width.div_ceil(columns.max(1)).max(1)).sum();
        match rows {
            0 | 1 => "\r".to_owned(),
            more => format!("\r\u{1b}[{}A", more - 1),
        }
    }

    fn put(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

type Shared = Arc<Mutex<Live<std::io::Stderr>>>;

/// What is on the screen, so that whoever else writes there can have it taken off.
static SCREEN: Mutex<Option<Shared>> = Mutex::new(None);

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes while nothing of the progress stands on the screen.
pub(super) fn aside<T>(write: impl FnOnce() -> T) -> T {
    let screen = held(&SCREEN);
    let Some(live) = screen.as_ref() else {
        drop(screen);
        return write();
    };
    let mut live = held(live);
    live.clear();
    let written = write();
    live.paint(None, Instant::now());
    written
}

/// Takes it off for good.
pub(super) fn leave() {
    if let Some(live) = held(&SCREEN).take() {
        held(&live).clear();
    }
}

/// The progress on the screen, with a clock that runs.
pub(super) struct Bars {
    live: Shared,
    stop: Option<Sender<()>>,
    clock: Option<JoinHandle<()>>,
}

impl Bars {
    pub(super) fn new(runs: usize) -> Self {
        let live = Live::new(runs, std::io::stderr(), of_stderr, Instant::now());
        let live = Arc::new(Mutex::new(live));
        *held(&SCREEN) = Some(live.clone());
        let (stop, stopped) = channel();
        let ticking = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                if let Some(live) = held(&SCREEN).as_ref() {
                    held(live).paint(None, Instant::now());
                }
            }
        });
        // Without a clock it moves with what happens.
        Self { live, stop: Some(stop), clock: ticking.ok() }
    }

    pub(super) fn show(&mut self, event: &Progress) {
        held(&self.live).show(event, Instant::now());
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(clock) = self.clock.take() {
            let _ = clock.join();
        }
        leave();
    }
}

/// The size of the terminal behind standard error; an ordinary one where it does not say.
fn of_stderr() -> (usize, usize) {
    terminal_size::terminal_size_of(std::io::stderr())
        .map_or((80, 24), |(width, height)| (usize::from(width.0), usize::from(height.0)))
}

#[cfg(test)]
mod tests {
    use super::super::Phase;
    use super::super::screen::Screen;
    use super::*;
    use std::time::Duration;

    fn live(columns: usize, rows: usize) -> (Live<Screen>, Screen, Instant) {
        let screen = Screen::new(columns, rows);
        let begin = Instant::now();
        let mut live = Live::new(40, screen.clone(), || (0, 0), begin);
        live.size = Screen::size_of(columns, rows);
        (live, screen, begin)
    }

    fn started(id: &str) -> Progress {
        Progress::RunStarted { id: id.into(), scenario: id.into() }
    }

    fn finished(id: &str, ms: u64) -> Progress {
        Progress::RunFinished { id: id.into(), ending: "npm exited with 0".into(), ms }
    }

    #[test]
    fn ended_runs_stay_and_nothing_else_does() {
        for (columns, rows) in [(20, 8), (40, 24), (80, 24), (120, 50), (80, 5)] {
            let (mut live, screen, begin) = live(columns, rows);
            let ids: Vec<String> = (0..16).map(|at| format!("run-{at}")).collect();
            for (at, id) in (0..).zip(&ids) {
                let now = begin + Duration::from_millis(at * 300);
                live.show(&started(id), now);
                live.show(&Progress::Phase { id: id.clone(), phase: Phase::Installing }, now);
                live.show(&Progress::Packages { id: id.clone(), fetched: 3, total: 4 }, now);
                live.paint(None, now);
            }
            let shown = screen.contents();
            assert!(shown.contains("run-0") && shown.contains("of 40 runs"), "{columns}x{rows}\n{shown}");
            assert_eq!(screen.lost(), "", "{columns}x{rows}: the picture scrolled away");
            for (at, id) in (0..).zip(&ids) {
                live.show(&finished(id, at * 10), begin + Duration::from_secs(10));
            }
            live.clear();
            let wanted: Vec<String> =
                (0..16).map(|at| format!("run-{at}: npm exited with 0 in {} ms", at * 10)).collect();
            // A narrow screen breaks them, which is not ours to decide.
            let all = screen.everything().replace('\n', "");
            assert_eq!(all, wanted.concat(), "{columns}x{rows}");
        }
    }

    #[test]
    fn a_screen_that_becomes_narrower_keeps_no_rest_of_the_picture() {
        let (mut live, screen, begin) = live(120, 24);
        live.show(&finished("first", 900), begin);
        for id in ["a-run-with-a-long-name-1", "another-run-with-a-long-name-1"] {
            live.show(&started(id), begin);
            live.show(&Progress::Packages { id: id.into(), fetched: 120, total: 488 }, begin);
        }
        screen.resize(30);
        live.size = Screen::size_of(30, 24);
        live.paint(None, begin);
        assert_eq!(screen.contents().lines().count(), 5, "{}", screen.contents());
        live.clear();
        assert_eq!(screen.everything().replace('\n', ""), "first: npm exited with 0 in 900 ms");
    }

    #[test]
    fn an_id_cannot_steer_the_terminal() {
        let (mut live, screen, begin) = live(80, 24);
        live.show(&started("\u{1b}[2Jghost"), begin);
        live.show(&finished("\u{1b}[2Jghost", 1), begin);
        live.show(&finished("::error::ghost", 1), begin);
        live.clear();
        assert_eq!(
            screen.contents(),
            "\\x1b[2Jghost: npm exited with 0 in 1 ms\n\\x3a:error::ghost: npm exited with 0 in 1 ms"
        );
    }
}
