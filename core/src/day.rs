//! Calendar days in an org's time zone.

use crate::{month::Month, time::Time};
use chrono::{Datelike, Days, NaiveDate};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A calendar day, written `2026-11-23`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day(NaiveDate);

impl Day {
    /// The day on which `now` falls in `zone`.
    pub fn of(now: Time, zone: Tz) -> Self {
        Self(now.utc().with_timezone(&zone).date_naive())
    }

    /// The first day of a month.
    pub fn first_of(month: Month) -> Self {
        Self(month.first_date())
    }

    pub fn month(self) -> Month {
        Month::with(self.0)
    }

    /// The same day so many days later; the calendar's last day follows itself.
    #[must_use]
    pub fn plus(self, days: u64) -> Self {
        let later = self.0.checked_add_days(Days::new(days));
        Self(later.unwrap_or(NaiveDate::MAX))
    }

    #[must_use]
    pub fn minus(self, days: u64) -> Self {
        let earlier = self.0.checked_sub_days(Days::new(days));
        Self(earlier.unwrap_or(NaiveDate::MIN))
    }

    /// How many days lie between an earlier day and this one; 0 if it is later.
    pub fn since(self, earlier: Self) -> usize {
        usize::try_from((self.0 - earlier.0).num_days()).unwrap_or(0)
    }

    /// `23 Nov`, for people.
    pub fn short(self) -> String {
        self.0.format("%-d %b").to_string()
    }

    /// `30 November`, for sentences.
    pub fn long(self) -> String {
        self.0.format("%-d %B").to_string()
    }

    /// The day of the month, from 1.
    pub fn number(self) -> u32 {
        self.0.day()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl FromStr for Day {
    type Err = BadDay;
    fn from_str(text: &str) -> Result<Self, BadDay> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Self)
            .map_err(|_| BadDay)
    }
}

/// The text is not `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadDay;

impl fmt::Display for BadDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a day: write it like 2026-11-23")
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = BadDay;
    fn try_from(text: String) -> Result<Self, BadDay> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_the_zone_and_survive_being_written() {
        let late = Time::from_micros(1_700_000_000_000_000);
        let (utc, auckland) = (
            Day::of(late, Tz::UTC),
            Day::of(late, chrono_tz::Pacific::Auckland),
        );
        assert_eq!(utc.to_string(), "2023-11-14");
        assert_eq!(auckland, utc.plus(1));
        assert_eq!(auckland.since(utc), 1);
        assert_eq!(utc.since(auckland), 0);
        assert_eq!(utc.to_string().parse(), Ok(utc));
        assert_eq!(auckland.minus(15).long(), "31 October");
    }
}
