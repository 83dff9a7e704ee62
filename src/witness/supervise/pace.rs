//! Whether the next stop is so near that sleeping would cost more than waiting awake.
//!
//! A loader or a compiler opens hundreds of files, one a few microseconds after the other.
//! The witness that sleeps between them has to be woken on another processor each time,
//! and on a virtual machine that takes longer than all that it then does.

use std::time::{Duration, Instant};

/// The longest that is waited awake: about what being woken costs.
const SHORT: Duration = Duration::from_micros(80);
/// How many short waits in a row make another one likely.
const LIKELY: u8 = 2;
/// What is remembered of them at most, so that a pause soon ends it.
const MOST: u8 = 4;

/// How quickly stops follow each other.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the last stop was dealt with.
    handled: Instant,
    short: u8,
}

impl Default for Pace {
    fn default() -> Self {
        Self { handled: Instant::now(), short: 0 }
    }
}

impl Pace {
    /// A stop was seen.
    pub(super) fn stopped(&mut self) {
        self.waited(self.handled.elapsed());
    }

    fn waited(&mut self, wait: Duration) {
        // Being woken is a part of the wait, which is why twice as long is short too.
        self.short = match wait < 2 * SHORT {
            true => (self.short + 1).min(MOST),
            false => self.short.saturating_sub(2),
        };
    }

    /// It was dealt with.
    pub(super) fn handled(&mut self) {
        self.handled = Instant::now();
    }

    /// Whether to look again at once and not to sleep.
    pub(super) fn is_worth_waiting(&self) -> bool {
        self.short >= LIKELY && self.handled.elapsed() < SHORT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_after_short_waits_and_not_for_long() {
        let mut pace = Pace::default();
        assert!(!pace.is_worth_waiting());
        for _ in 0..10 {
            pace.waited(SHORT);
        }
        // The machine may hold this thread between two lines, so the clock is set.
        pace.handled = Instant::now() + Duration::from_secs(9);
        assert!(pace.short >= LIKELY && pace.is_worth_waiting());
        pace.handled = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        assert!(!pace.is_worth_waiting());
        pace.waited(Duration::from_secs(1));
        pace.waited(Duration::from_secs(1));
        assert_eq!(pace.short, 0);
    }
}
