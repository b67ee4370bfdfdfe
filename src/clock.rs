//! The system's clock and randomness, behind the port: nothing else in Slice reads either.

use rand::{TryRngCore as _, rngs::OsRng};
use slice_core::{ports::Clock, time::Time};
use std::time::{SystemTime, UNIX_EPOCH};

/// Time and chance as the operating system gives them.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port through which time comes"
    )]
    fn now(&self) -> Time {
        // A machine whose clock stands before 1970 is at its beginning.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn random(&self, bytes: &mut [u8]) {
        OsRng
            .try_fill_bytes(bytes)
            .expect("a system without randomness cannot keep secrets, so Slice stops");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_this_century_and_chance_does_not_repeat() {
        assert!(Time::from_micros(1_700_000_000_000_000) < SystemClock.now());
        let (mut one, mut two) = ([0; 16], [0; 16]);
        SystemClock.random(&mut one);
        SystemClock.random(&mut two);
        assert_ne!(one, two);
    }
}
