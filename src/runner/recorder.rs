//! Takes down what a sandbox tells, within bounds.

use super::ledger::Ledger;
use crate::evidence::Output;
use crate::sandbox::Signal;
use crate::secret::Secret;
use crate::wire::{Event, GapKind};
use std::collections::VecDeque;

/// Bytes of output that are kept of each stream.
const TAIL: usize = 16 << 10;
/// Events that are kept of one run; what comes after is a gap.
const MAX_EVENTS: usize = 400_000;

/// What was taken down so far.
#[derive(Debug, Default)]
pub struct Recorder {
    events: Vec<Event>,
    dropped: u64,
    stdout: Tail,
    stderr: Tail,
}

impl Recorder {
    /// Takes one signal.
    pub fn take(&mut self, signal: Signal, ledger: &Ledger) {
        match signal {
            Signal::Event(event) => {
                ledger.note(&event);
                let last = matches!(event, Event::Ended { .. } | Event::CommandExited { .. });
                if self.events.len() < MAX_EVENTS || last {
                    self.events.push(event);
                } else {
                    self.dropped += 1;
                }
            }
            Signal::Stdout(bytes) => self.stdout.push(&bytes),
            Signal::Stderr(bytes) => self.stderr.push(&bytes),
        }
    }

    /// Whether the witness said its last word.
    pub fn ended(&self) -> bool {
        self.events.iter().rev().any(|event| matches!(event, Event::Ended { .. }))
    }

    /// All events, and the ends of the output with every secret replaced.
    pub fn finish(mut self, secrets: &[Secret]) -> (Vec<Event>, Output) {
        if self.dropped > 0 {
            self.events.push(Event::Gap {
                kind: GapKind::Overflow,
                detail: format!("{} events beyond the first {MAX_EVENTS} were not kept", self.dropped),
            });
        }
        let redacted =
            |tail: Tail| secrets.iter().fold(tail.into_text(), |text, secret| secret.redact(&text));
        let output = Output { stdout_tail: redacted(self.stdout), stderr_tail: redacted(self.stderr) };
        (self.events, output)
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

    #[test]
    fn only_the_end_of_a_long_output_is_kept_and_secrets_are_not() {
        let ledger = Ledger::default();
        let mut recorder = Recorder::default();
        for _ in 0..100 {
            recorder.take(Signal::Stderr(vec![b'x'; 1000]), &ledger);
        }
        recorder.take(Signal::Stderr(b"token npm_planted_1".to_vec()), &ledger);
        let (_, output) = recorder.finish(&[Secret::new("NPM_TOKEN", "npm_planted_1")]);
        assert!(output.stderr_tail.len() <= TAIL + 20);
        assert!(output.stderr_tail.ends_with("token [redacted:NPM_TOKEN]"), "{}", output.stderr_tail);
    }

    #[test]
    fn a_flood_of_events_becomes_a_gap() {
        let ledger = Ledger::default();
        let mut recorder = Recorder::default();
        for _ in 0..=MAX_EVENTS {
            recorder.take(Signal::Event(Event::Ready), &ledger);
        }
        recorder.take(Signal::Event(Event::Ended { peak_memory: 0, cut_short: None }), &ledger);
        assert!(recorder.ended());
        let (events, _) = recorder.finish(&[]);
        assert!(matches!(events.last(), Some(Event::Gap { kind: GapKind::Overflow, .. })));
    }
}
