//! What happens by the calendar: which jobs there are, when they fall due, and what was spent on
//! which day.
//!
//! A job is due by the clocks of its org's zone, once for each instant that its schedule names: a
//! daylight-saving change neither skips nor repeats it. After downtime the last missed instant counts,
//! and those before it are over.

use crate::{
    books::Books,
    day::Day,
    ids::{MemberId, OrgId, ServiceName},
    money::Money,
    refusal::Refusal,
    settings::Settings,
    time::{self, Time},
};
use chrono::Utc;
use chrono_tz::Tz;
use cron::Schedule;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::{str::FromStr, time::Duration};

/// Instants that were missed longer ago than this are not looked for.
const LOOKBACK: Duration = Duration::from_hours(24 * 40);

/// What is done for an org by the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Tells what a new month begins with.
    Turn,
    /// The weekly digest.
    Digest,
}

impl Job {
    pub const ALL: [Self; 2] = [Self::Turn, Self::Digest];

    /// The word in the books and at the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Digest => "digest",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.word() == word)
    }

    /// What a person reads in the trail.
    pub fn said(self) -> &'static str {
        match self {
            Self::Turn => "turn of the month",
            Self::Digest => "weekly digest",
        }
    }

    /// The job's schedule under these settings; `None`: it is switched off.
    pub fn schedule(self, settings: &Settings) -> Option<Schedule> {
        let text = match self {
            Self::Turn => "0 0 0 1 * *".to_owned(),
            Self::Digest => format!(
                "0 0 {} * * {}",
                settings.digest_hour,
                settings.digest_day?.to_string().to_uppercase()
            ),
        };
        Schedule::from_str(&text).ok()
    }
}

/// The schedule's instants after `after`, in their order. Each local time that the schedule names
/// stands for one instant.
fn instants(schedule: &Schedule, zone: Tz, after: Time) -> impl Iterator<Item = Time> {
    // The schedule is read on a clock without a zone, and each of its times then put into the zone.
    let shown = after.utc().with_timezone(&zone).naive_local().and_utc();
    schedule
        .after_owned::<Utc>(shown)
        .map(move |local| time::instant(local.naive_utc(), zone))
        .filter(move |instant| after < *instant)
}

/// The last instant of the schedule after `last` that has come by `now`.
pub fn due(schedule: &Schedule, zone: Tz, last: Time, now: Time) -> Option<Time> {
    let from = last.max(now - LOOKBACK);
    instants(schedule, zone, from)
        .take_while(|instant| *instant <= now)
        .last()
}

/// The first instant of the schedule after `now`.
pub fn next(schedule: &Schedule, zone: Tz, now: Time) -> Option<Time> {
    instants(schedule, zone, now).next()
}

/// When clocks in another zone show what the schedule names and those of the zone before show at
/// `planned`; `None`: the schedule does not name it.
pub fn moved(schedule: &Schedule, planned: Time, (from, to): (Tz, Tz)) -> Option<Time> {
    let local = planned.utc().with_timezone(&from).naive_local();
    let is_named = schedule.includes(local.and_utc());
    is_named.then(|| time::instant(local, to))
}

/// A job that a worker has claimed: what it is, and the instant for which it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firing {
    pub org: OrgId,
    pub job: Job,
    pub due: Time,
}

impl Firing {
    /// Refuses a job whose day has not come: the clock went back since it was claimed, and what it told would
    /// be of the day before, and never of its own.
    pub fn has_come(&self, books: &Books) -> Result<(), Refusal> {
        if books.today() < Day::of(self.due, books.org.zone) {
            return Err(Refusal::Repeated);
        }
        Ok(())
    }
}

/// Where a job of an org stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub org: OrgId,
    pub job: Job,
    /// The last instant for which it was done, and when that was.
    pub done: Option<(Time, Time)>,
    /// When it is due next; `None`: it is switched off.
    pub next: Option<Time>,
}

/// Where the readings of a master key stand.
#[derive(Clone, Debug)]
pub struct MeterStanding {
    pub org: OrgId,
    pub service: ServiceName,
    pub read_at: Option<Time>,
    pub failing_since: Option<Time>,
    pub next: Time,
}

/// What one member spent at one service on one day. Below zero where an owner corrected it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    pub day: Day,
    pub member: MemberId,
    pub service: ServiceName,
    pub amount: Money,
}

/// The books by their days, and the jobs that fall due on them.
pub trait Calendar: Send + Sync {
    /// What was spent from the first day to the last, both included, in the order of the days.
    fn spent(&self, org: OrgId, days: (Day, Day)) -> BoxFuture<'_, Result<Vec<Spent>, Refusal>>;
    /// Claims a job that is due, for the length of `lease`. It is done when a transaction records
    /// its [`Event::JobDone`](crate::event::Event::JobDone); until then it falls due again.
    fn claim_job(&self, lease: Duration) -> BoxFuture<'_, Result<Option<Firing>, Refusal>>;
    /// The job was done for this instant before, or this instant has not come: the next one is planned.
    fn skip_job(&self, firing: Firing) -> BoxFuture<'_, Result<(), Refusal>>;
    /// Makes a job due now. Gives whether there is such an org.
    fn call_job(&self, org: OrgId, job: Job) -> BoxFuture<'_, Result<bool, Refusal>>;
    /// Every job of every org.
    fn jobs(&self) -> BoxFuture<'_, Result<Vec<Standing>, Refusal>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Weekday;
    use proptest::prelude::*;

    fn at(text: &str) -> Time {
        let instant = chrono::DateTime::parse_from_rfc3339(text).expect("an instant");
        Time::from_micros(instant.timestamp_micros())
    }

    fn digest(day: Weekday, hour: u8) -> Schedule {
        let settings = Settings {
            digest_day: Some(day),
            digest_hour: hour,
            ..Settings::default()
        };
        Job::Digest.schedule(&settings).expect("a schedule")
    }

    #[test]
    fn every_setting_makes_a_schedule() {
        for day in ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] {
            for hour in 0..24 {
                let schedule = digest(day.parse().expect("a day"), hour);
                let first = next(&schedule, Tz::UTC, at("2026-11-01T00:00:00Z")).expect("one");
                let local = first.utc();
                assert_eq!(local.format("%a").to_string().to_lowercase(), day);
                assert_eq!(local.format("%-H").to_string(), hour.to_string());
            }
        }
        let off = Settings {
            digest_day: None,
            ..Settings::default()
        };
        assert!(Job::Digest.schedule(&off).is_none());
    }

    #[test]
    fn a_skipped_hour_comes_later_and_a_repeated_one_once() {
        let berlin = chrono_tz::Europe::Berlin;
        let schedule = digest(Weekday::Sun, 2);
        // 29 March 2026: 02:00 does not exist. 25 October 2026: 02:00 comes twice.
        let spring = next(&schedule, berlin, at("2026-03-23T00:00:00Z")).expect("one");
        assert_eq!(spring, at("2026-03-29T01:00:00Z"));
        assert_eq!(
            next(&schedule, berlin, spring),
            Some(at("2026-04-05T00:00:00Z"))
        );
        let autumn = next(&schedule, berlin, at("2026-10-24T00:00:00Z")).expect("one");
        assert_eq!(autumn, at("2026-10-25T00:00:00Z"));
        assert_eq!(
            next(&schedule, berlin, autumn),
            Some(at("2026-11-01T01:00:00Z"))
        );
    }

    #[test]
    fn after_downtime_the_last_missed_instant_counts() {
        let schedule = digest(Weekday::Mon, 9);
        let last = at("2026-11-02T09:00:00Z");
        let due = |now| due(&schedule, Tz::UTC, last, at(now));
        assert_eq!(due("2026-11-02T09:00:00Z"), None);
        assert_eq!(due("2026-11-09T08:59:59Z"), None);
        assert_eq!(
            due("2026-11-09T09:00:00Z"),
            Some(at("2026-11-09T09:00:00Z"))
        );
        assert_eq!(
            due("2026-11-27T00:00:00Z"),
            Some(at("2026-11-23T09:00:00Z"))
        );
        assert_eq!(
            due("2036-11-27T00:00:00Z"),
            Some(at("2036-11-24T09:00:00Z"))
        );
    }

    proptest! {
        /// However often somebody looks, each month turns once in every zone, over years.
        #[test]
        fn looks_at_any_instant_find_each_turn_once(
            zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
            start in 1_500_000_000i64..2_000_000_000,
            steps in prop::collection::vec(1u64..40 * 24 * 3600, 1..60),
        ) {
            let schedule = Job::Turn.schedule(&Settings::default()).expect("a schedule");
            let mut now = Time::from_micros(start * 1_000_000);
            let mut last = now;
            let mut months = vec![];
            for step in steps {
                now = now + Duration::from_secs(step);
                let planned = next(&schedule, zone, last).expect("there is always a next one");
                let found = due(&schedule, zone, last, now);
                prop_assert_eq!(found.is_some(), planned <= now);
                if let Some(instant) = found {
                    prop_assert!(last < instant && instant <= now);
                    let month = crate::month::Month::of(instant, zone);
                    prop_assert_eq!(month, crate::month::Month::of(now, zone));
                    prop_assert!(!months.contains(&month));
                    months.push(month);
                    last = instant;
                }
            }
        }
    }
}
