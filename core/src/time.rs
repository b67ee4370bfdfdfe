//! Instants and the calendar's zone names, without a clock.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::{
    ops::{Add, Sub},
    time::Duration,
};

/// Microseconds since 1970 UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The same instant for the calendar; instants that chrono cannot hold become its first day.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// `2026-11-23T21:18:00Z`, whole seconds.
    pub fn rfc3339(self) -> String {
        self.utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// `23 Nov 21:18 UTC`, for people.
    pub fn short(self) -> String {
        self.utc().format("%-d %b %H:%M UTC").to_string()
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// The instant at which clocks in `zone` show `local`. Where a daylight-saving change skips that, the
/// first half hour after it that exists; where it repeats it, the earlier one.
pub fn instant(local: NaiveDateTime, zone: Tz) -> Time {
    let mut shown = local;
    for _ in 0..48 {
        match zone.from_local_datetime(&shown) {
            LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
                return Time::from_micros(instant.timestamp_micros());
            }
            LocalResult::None => shown += chrono::Duration::minutes(30),
        }
    }
    Time::from_micros(local.and_utc().timestamp_micros())
}

impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }
}

impl Sub for Time {
    type Output = Duration;
    /// The span since `other`; zero if `other` is later.
    fn sub(self, other: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(other.0)).unwrap_or(0))
    }
}
