//! Calendar months in an org's time zone.

use crate::time::{self, Time};
use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A calendar month, counted since year 0: months compare and follow one another as numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Month(i32);

impl Month {
    /// The month in which `now` falls in `zone`.
    pub fn of(now: Time, zone: Tz) -> Self {
        Self::with(now.utc().with_timezone(&zone).date_naive())
    }

    /// The month with this day in it.
    pub(crate) fn with(day: NaiveDate) -> Self {
        Self(day.year() * 12 + i32::try_from(day.month0()).unwrap_or(0))
    }

    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0 - 1)
    }

    /// `November`, for sentences.
    pub fn name(self) -> String {
        self.first_date().format("%B").to_string()
    }

    /// `November 2026`, where the year is in question.
    pub fn long(self) -> String {
        self.first_date().format("%B %Y").to_string()
    }

    /// The first day of the month on the calendar.
    pub(crate) fn first_date(self) -> NaiveDate {
        let (year, month0) = (self.0.div_euclid(12), self.0.rem_euclid(12));
        NaiveDate::from_ymd_opt(year, u32::try_from(month0).unwrap_or(0) + 1, 1).unwrap_or_default()
    }

    /// The first instant of the month in `zone`. Where a daylight-saving change skips midnight, the
    /// month begins with the first instant that exists; where it repeats it, with the earlier one.
    pub fn start(self, zone: Tz) -> Time {
        let first = self.first_date();
        time::instant(first.and_time(chrono::NaiveTime::MIN), zone)
    }

    /// The instant at which the next month begins in `zone`.
    pub fn end(self, zone: Tz) -> Time {
        self.next().start(zone)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}",
            self.0.div_euclid(12),
            self.0.rem_euclid(12) + 1
        )
    }
}

impl FromStr for Month {
    type Err = BadMonth;
    fn from_str(text: &str) -> Result<Self, BadMonth> {
        let (year, month) = text.split_once('-').ok_or(BadMonth)?;
        let year: i32 = year.parse().map_err(|_| BadMonth)?;
        let month: i32 = month.parse().map_err(|_| BadMonth)?;
        if (0..=9999).contains(&year) && (1..=12).contains(&month) {
            Ok(Self(year * 12 + month - 1))
        } else {
            Err(BadMonth)
        }
    }
}

/// The text is not `YYYY-MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMonth;

impl fmt::Display for BadMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a month: write it like 2026-11")
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl TryFrom<String> for Month {
    type Error = BadMonth;
    fn try_from(text: String) -> Result<Self, BadMonth> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_skipped_midnight_starts_later() {
        // Jordan's clocks went from 00:00 to 01:00 on 1 April 2011.
        let month: Month = "2011-04".parse().expect("a month");
        let zone = chrono_tz::Asia::Amman;
        let start = month.start(zone);
        assert_eq!(start.rfc3339(), "2011-03-31T22:00:00Z");
        assert_eq!(Month::of(start, zone), month);
        assert!(Month::of(start - std::time::Duration::from_micros(1), zone) < month);
    }

    proptest! {
        #[test]
        fn months_tile_time(
            seconds in 0i64..4_000_000_000,
            zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
        ) {
            let now = Time::from_micros(seconds * 1_000_000);
            let month = Month::of(now, zone);
            prop_assert!(month.start(zone) <= now && now < month.end(zone));
            prop_assert_eq!(month.to_string().parse(), Ok(month));
        }
    }
}
