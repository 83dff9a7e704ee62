//! Progress as plain lines, for logs and pipes.

use super::fold::Fold;
use super::{Phase, Progress};
use crate::report::terminal::safe::Charset;
use crate::report::terminal::{count, inert, size, time};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

/// What lies between beginning and end gets a line this often.
const PAUSE: Duration = Duration::from_secs(5);
const CHARSET: Charset = Charset { unicode: false };

/// Writes one line for each change that is worth one.
pub(super) struct Lines<W: Write> {
    out: W,
    fold: Fold,
    runs: usize,
    finished: usize,
    last: BTreeMap<String, Instant>,
    upstream: Option<Instant>,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W, runs: usize, fold: Fold) -> Self {
        let mut lines = Self { out, fold, runs, finished: 0, last: BTreeMap::new(), upstream: None };
        lines.put(&lines.fold.begin(&format!("sealcheck: {}", count(runs, "run")), seconds()));
        lines
    }

    /// `now` is when the event came.
    pub(super) fn show(&mut self, event: &Progress, now: Instant) {
        match event {
            Progress::RunStarted { id, scenario: _ } => {
                self.last.insert(id.clone(), now);
                self.line(&format!("{id}: started"));
            }
            Progress::Phase { id, phase } => {
                if self.due(id, now) {
                    self.line(&format!("{id}: {}", phase.word()));
                }
            }
            Progress::Packages { id, fetched, total } => {
                if self.due(id, now) {
                    let of = if *total > 0 { format!(" of {total}") } else { String::new() };
                    self.line(&format!("{id}: {}, {fetched}{of} packages", Phase::Installing.word()));
                }
            }
            Progress::RunFinished { id, ending, ms } => {
                self.last.remove(id);
                self.finished += 1;
                let count = format!("[{}/{}]", self.finished, self.runs.max(self.finished));
                self.line(&format!("{count} {id}: {} in {}", ending, time(*ms)));
            }
            Progress::Upstream { fetched, bytes } => {
                if self.upstream.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE) {
                    self.upstream = Some(now);
                    self.line(&format!("fetched {fetched} answers of registries, {}", size(*bytes)));
                }
            }
        }
    }

    fn due(&mut self, id: &str, now: Instant) -> bool {
        match self.last.get_mut(id) {
            Some(last) if now.saturating_duration_since(*last) < PAUSE => false,
            Some(last) => {
                *last = now;
                true
            }
            None => {
                self.last.insert(id.to_owned(), now);
                true
            }
        }
    }

    /// One write for a line, so that lines of others never fall into it. A
    /// closed standard error is no reason to end a test.
    fn line(&mut self, text: &str) {
        self.put(&format!("{}\n", inert(&CHARSET.safe(text))));
    }

    fn put(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

impl<W: Write> Drop for Lines<W> {
    fn drop(&mut self) {
        self.put(&self.fold.end(seconds()));
    }
}

/// Since 1970, as GitLab has it.
fn seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(events: &[(u64, Progress)]) -> String {
        let begin = Instant::now();
        let mut out = Vec::new();
        let mut lines = Lines::new(&mut out, 2, Fold::Open);
        for (seconds, event) in events {
            lines.show(event, begin + Duration::from_secs(*seconds));
        }
        drop(lines);
        String::from_utf8(out).unwrap()
    }

    fn started(id: &str) -> Progress {
        Progress::RunStarted { id: id.into(), scenario: "s".into() }
    }

    fn packages(id: &str, fetched: usize) -> Progress {
        Progress::Packages { id: id.into(), fetched, total: 40 }
    }

    fn finished(id: &str) -> Progress {
        Progress::RunFinished { id: id.into(), ending: "npm exited with 0".into(), ms: 4_120 }
    }

    #[test]
    fn beginnings_and_ends_are_never_lost_and_the_middle_is_thinned_out() {
        let mut events = vec![(0, started("a")), (0, started("b"))];
        events.extend((0..1000).map(|at| (u64::from(at >= 999) * 6, packages("a", at))));
        events.extend([(6, finished("a")), (6, finished("b"))]);
        insta::assert_snapshot!(shown(&events), @r"
        a: started
        b: started
        a: installing, 999 of 40 packages
        [1/2] a: npm exited with 0 in 4.1 s
        [2/2] b: npm exited with 0 in 4.1 s
        ");
    }

    #[test]
    fn upstream_and_phases_are_told_now_and_then() {
        let phase = |phase| Progress::Phase { id: "a".into(), phase };
        let events = [
            (0, Progress::Upstream { fetched: 1, bytes: 4_120 }),
            (1, Progress::Upstream { fetched: 2, bytes: 9_000 }),
            (5, Progress::Upstream { fetched: 3, bytes: 9_900 }),
            (5, started("a")),
            (6, phase(Phase::Preparing)),
            (11, phase(Phase::Installing)),
        ];
        insta::assert_snapshot!(shown(&events), @r"
        fetched 1 answers of registries, 4.1 kB
        fetched 3 answers of registries, 9.9 kB
        a: started
        a: installing
        ");
    }

    #[test]
    fn an_id_cannot_steer_the_terminal() {
        assert_eq!(shown(&[(0, started("\u{1b}[2J\na"))]), "\\x1b[2J\\na: started\n");
        assert_eq!(shown(&[(0, started("::error::a"))]), "\\x3a:error::a: started\n");
        assert_eq!(shown(&[(0, started("##[add-mask]"))]), "#\\x23[add-mask]: started\n");
    }

    #[test]
    fn the_log_of_runs_folds_where_it_can() {
        let folded = |fold| {
            let mut out = Vec::new();
            Lines::new(&mut out, 2, fold).show(&started("a"), Instant::now());
            let text = String::from_utf8(out).unwrap();
            let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
            text.replace("0K", "K").chars().map(digits).collect::<String>().replace("0000000000", "TIME")
        };
        assert_eq!(
            folded(Fold::GitHub("tok".into())),
            "::group::sealcheck: 0 runs\n::stop-commands::tok\na: started\n::tok::\n::endgroup::\n"
        );
        assert_eq!(
            folded(Fold::GitLab("tok".into())),
            "\u{1b}[Ksection_start:TIME:sealcheck_tok[collapsed=true]\r\u{1b}[Ksealcheck: 0 runs\na: started\n\
             \u{1b}[Ksection_end:TIME:sealcheck_tok\r\u{1b}[K\n"
        );
    }

    #[test]
    fn a_closed_output_ends_nothing() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut lines = Lines::new(Closed, 1, Fold::Open);
        lines.show(&finished("a"), Instant::now());
        assert_eq!(lines.finished, 1);
    }
}
