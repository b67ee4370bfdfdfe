//! When the next round is due.

use super::BEFORE_TURN;
use crate::{ports::ServiceError, time::Time};
use std::time::Duration;

/// Rounds are spread over this, so that not all master keys are read at once.
const JITTER: Duration = Duration::from_secs(30);
/// After a failure the next round comes soon, and then later each time.
pub(super) const AGAIN_MIN: Duration = Duration::from_mins(1);
pub const AGAIN_MAX: Duration = Duration::from_hours(1);

/// So much later, less what chance makes of the jitter; but no later than the month's last reading.
pub(super) fn next_at(now: Time, every: Duration, turns_at: Time, chance: [u8; 2]) -> Time {
    let micros = JITTER.as_micros() * u128::from(u16::from_be_bytes(chance)) / 65_536;
    let jitter = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
    let next = now + every - jitter;
    let last_of_month = turns_at - BEFORE_TURN;
    if now < last_of_month {
        next.min(last_of_month)
    } else {
        next
    }
}

/// Retries double, up to an hour; a provider that asks for longer is left alone for so long.
pub fn again(failing_since: Option<Time>, why: &ServiceError, now: Time) -> Duration {
    let failing = failing_since.map_or(Duration::ZERO, |since| now - since);
    let asked = match why {
        ServiceError::Later { after, .. } => *after,
        _ => Duration::ZERO,
    };
    failing.max(asked).clamp(AGAIN_MIN, AGAIN_MAX)
}

#[cfg(test)]
mod tests {
    use super::{super::EVERY, *};

    const NOW: Time = Time::from_micros(1_793_534_400_000_000);

    fn every_chance() -> impl Iterator<Item = [u8; 2]> {
        (0..=u16::MAX).map(u16::to_be_bytes)
    }

    #[test]
    fn rounds_are_spread_over_the_jitter_and_come_no_later() {
        let far = NOW + Duration::from_hours(24);
        let (first, last) = (NOW + EVERY - JITTER, NOW + EVERY);
        let next: Vec<_> = every_chance()
            .map(|chance| next_at(NOW, EVERY, far, chance))
            .collect();
        assert!(next.iter().all(|at| first < *at && *at <= last));
        assert!(
            next.is_sorted_by(|one, other| other < one),
            "each chance is an instant"
        );
        assert_eq!(next.first(), Some(&last));
        let widest = *next.last().expect("one") - first;
        assert!(
            widest < Duration::from_millis(1),
            "the whole jitter is used"
        );
    }

    #[test]
    fn the_last_round_of_a_month_comes_before_its_turn() {
        let turns_at = NOW + BEFORE_TURN + Duration::from_mins(2);
        for chance in every_chance() {
            let next = next_at(NOW, EVERY, turns_at, chance);
            assert_eq!(next, turns_at - BEFORE_TURN);
            let after = next_at(next, EVERY, turns_at, chance);
            assert!(turns_at < after, "there is no other one before it");
            let soon = next_at(NOW, Duration::from_mins(1), turns_at, chance);
            assert!(soon <= NOW + Duration::from_mins(1) && NOW < soon);
        }
    }
}
