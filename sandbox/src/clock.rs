//! The sandbox's only notion of time: it stands still until a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that only moves when told to. Clones share the time.
#[derive(Clone, Debug)]
pub struct Clock {
    micros: Arc<AtomicI64>,
}

impl Clock {
    /// A clock standing at `start` microseconds since 1970, UTC.
    pub fn new(start: i64) -> Clock {
        Clock {
            micros: Arc::new(AtomicI64::new(start)),
        }
    }

    /// Microseconds since 1970, UTC.
    pub fn now(&self) -> i64 {
        self.micros.load(Ordering::SeqCst)
    }

    /// Puts the clock at a moment, also an earlier one.
    pub fn set(&self, micros: i64) {
        self.micros.store(micros, Ordering::SeqCst);
    }

    /// Moves the clock on; a step beyond the range of `i64` stops at its end.
    pub fn advance(&self, by: Duration) {
        let step = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        let moved = |now: i64| Some(now.saturating_add(step));
        let _ = self
            .micros
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }

    /// Whole seconds since 1970, UTC.
    pub(crate) fn seconds(&self) -> i64 {
        self.now().div_euclid(1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_still_and_moves_for_all_clones() {
        let clock = Clock::new(5);
        let other = clock.clone();
        other.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), 2_000_005);
        clock.set(1);
        assert_eq!(other.now(), 1);
    }
}
