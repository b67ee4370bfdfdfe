//! Signed requests that were sent before: whoever could read one on its way can send it again, as it
//! is, for as long as its instant is believed.

use slice_core::{ports::Clock, time::Time};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// More signatures than this in one window are no longer remembered; the books know a repeated
/// delivery all the same.
const REMEMBERED_MAX: usize = 20_000;

/// The signatures of this window, oldest first.
pub(super) struct Replays {
    /// How far an instant may lie before or after our own.
    window: Duration,
    seen: Mutex<VecDeque<(Time, Vec<u8>)>>,
}

impl Replays {
    pub fn within(window: Duration) -> Self {
        Self {
            window,
            seen: Mutex::default(),
        }
    }

    /// Whether this signature comes for the first time. What is older than the window would be
    /// turned away by its age.
    pub fn is_new(&self, signature: &[u8], clock: &dyn Clock) -> bool {
        let now = clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |at: Time| self.window * 2 < now - at;
        while seen.front().is_some_and(|(at, _)| is_over(*at)) {
            seen.pop_front();
        }
        if seen.iter().any(|(_, known)| known == signature) {
            return false;
        }
        if REMEMBERED_MAX <= seen.len() {
            seen.pop_front();
        }
        seen.push_back((now, signature.to_vec()));
        true
    }
}
