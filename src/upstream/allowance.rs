//! How many bytes may still be fetched for somebody. Pure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Shared by all fetches that count against it.
#[derive(Debug, Clone)]
pub struct Allowance(Arc<AtomicU64>);

impl Allowance {
    /// So many bytes.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// Takes some, where there are so many.
    pub(super) fn take(&self, bytes: u64) -> bool {
        let less = |left: u64| left.checked_sub(bytes);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        if !taken {
            // What was too much once is not tried in smaller pieces.
            self.0.store(0, Ordering::Relaxed);
        }
        taken
    }

    /// Whether nothing is left.
    pub fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_gone_and_too_much_is_all() {
        let allowance = Allowance::new(10);
        assert!(allowance.take(6) && !allowance.is_spent());
        assert!(!allowance.clone().take(5));
        assert!(allowance.is_spent() && !allowance.take(1));
    }
}
