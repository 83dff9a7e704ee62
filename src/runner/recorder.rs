//! Takes down what a sandbox tells, within bounds.

use super::ledger::Ledger;
use crate::evidence::Output;
use crate::sandbox::Signal;
use crate::secret::Secret;
use crate::wire::{Event, GapKind, Timed};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Bytes of output that are kept of each stream.
const TAIL: usize = 16 << 10;
/// Events that are kept of one run; what comes after is a gap.
const MAX_EVENTS: usize = 400_000;

/// What was taken down so far.
#[derive(Debug, Default)]
pub struct Recorder {
    events: Vec<Event>,
    times: Vec<u64>,
    start: Option<Instant>,
    dropped: u64,
    stdout: Tail,
    stderr: Tail,
}

/// What was taken down, bounded.
#[derive(Debug)]
pub struct Taken {
    /// All events, in the witness's order.
    pub events: Vec<Event>,
    /// When each happened, as [`crate::evidence::seal::Recording::times`] wants it.
    pub times: Vec<u64>,
    /// The ends of the output, with every secret replaced.
    pub output: Output,
}

impl Recorder {
    /// Takes one signal.
    pub fn take(&mut self, signal: Signal, ledger: &Ledger) {
        match signal {
            Signal::Event(Timed { at_ms, event }) => {
                ledger.note(&event);
                self.learn_start(at_ms, Instant::now());
                let last = matches!(event, Event::Ended { .. } | Event::CommandExited { .. });
                if self.events.len() < MAX_EVENTS || last {
                    self.events.push(event);
                    self.times.push(at_ms);
                } else {
                    self.dropped += 1;
                }
            }
            Signal::Stdout(bytes) => self.stdout.push(&bytes),
            Signal::Stderr(bytes) => self.stderr.push(&bytes),
        }
    }

    /// When the command was started, by this machine's clock; `None` while nothing came.
    ///
    /// The witness counts on its own machine's clock, which may be another's than the
    /// gateway's, so that only lengths of time can be told across. An event that it sees
    /// after `at_ms` is heard here as much later as it was on its way: of all the moments
    /// that follow for the start, the earliest is nearest to the truth, and late by the
    /// shortest way that a message had. A request to the gateway comes by as long a way,
    /// so that both kinds of times are late by the same.
    pub fn start(&self) -> Option<Instant> {
        self.start
    }

    fn learn_start(&mut self, at_ms: u64, heard: Instant) {
        let start = heard.checked_sub(Duration::from_millis(at_ms));
        self.start = match (self.start, start) {
            (Some(before), Some(start)) => Some(before.min(start)),
            (before, start) => before.or(start),
        };
    }

    /// Whether the witness said its last word.
    pub fn ended(&self) -> bool {
        self.events.iter().rev().any(|event| matches!(event, Event::Ended { .. }))
    }

    /// All of it.
    pub fn finish(mut self, secrets: &[Secret]) -> Taken {
        if self.dropped > 0 {
            self.events.push(Event::Gap {
                kind: GapKind::Overflow,
                detail: format!("{} events beyond the first {MAX_EVENTS} were not kept", self.dropped),
            });
        }
        let redacted =
            |tail: Tail| secrets.iter().fold(tail.into_text(), |text, secret| secret.redact(&text));
        let output = Output { stdout_tail: redacted(self.stdout), stderr_tail: redacted(self.stderr) };
        Taken { events: self.events, times: self.times, output }
    }
}

/// The last bytes of a stream.
#[derive(Debug, Default)]
struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    fn push(&mut self, more: &[u8]) {
        self.bytes.extend(&more[more.len().saturating_sub(TAIL)..]);
        let over = self.bytes.len().saturating_sub(TAIL);
        self.bytes.drain(..over);
    }

    fn into_text(self) -> String {
        String::from_utf8_lossy(&Vec::from(self.bytes)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at_ms: u64, event: Event) -> Signal {
        Signal::Event(Timed { at_ms, event })
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept_and_secrets_are_not() {
        let ledger = Ledger::default();
        let mut recorder = Recorder::default();
        for _ in 0..100 {
            recorder.take(Signal::Stderr(vec![b'x'; 1000]), &ledger);
        }
        recorder.take(Signal::Stderr(b"token npm_planted_1".to_vec()), &ledger);
        let Taken { output, .. } = recorder.finish(&[Secret::new("NPM_TOKEN", "npm_planted_1")]);
        assert!(output.stderr_tail.len() <= TAIL + 20);
        assert!(output.stderr_tail.ends_with("token [redacted:NPM_TOKEN]"), "{}", output.stderr_tail);
    }

    #[test]
    fn a_flood_of_events_becomes_a_gap() {
        let ledger = Ledger::default();
        let mut recorder = Recorder::default();
        for _ in 0..=MAX_EVENTS {
            recorder.take(at(0, Event::Ready), &ledger);
        }
        recorder.take(at(9, Event::Ended { peak_memory: 0, cut_short: None }), &ledger);
        assert!(recorder.ended());
        let Taken { events, times, .. } = recorder.finish(&[]);
        assert!(matches!(events.last(), Some(Event::Gap { kind: GapKind::Overflow, .. })));
        // Nobody saw when that was; the one before it was the witness's last word.
        assert_eq!((events.len(), times.last()), (times.len() + 1, Some(&9)));
    }

    #[test]
    fn the_start_is_as_the_quickest_message_has_it() {
        let (mut recorder, now) = (Recorder::default(), Instant::now());
        assert_eq!(recorder.start(), None);
        let heard = |ms| now + Duration::from_millis(ms);
        // On their way for 30, 2 and 500 ms.
        for (at_ms, came) in [(0, 30), (100, 102), (200, 700)] {
            recorder.learn_start(at_ms, heard(came));
        }
        assert_eq!(recorder.start(), Some(heard(2)));
    }
}
