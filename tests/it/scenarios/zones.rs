//! Another time zone, and clocks that are put forward and back: each turn is told once, and each week has
//! one digest.

use crate::world::World;
use slice_core::time::Time;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// It becomes this instant, such as `2026-12-01T00:00Z`; a minute before it, the world settles too.
async fn comes(world: &mut World, instant: &str) {
    for before in [MINUTE, Duration::ZERO] {
        let now = Time::from_micros(world.sandbox.clock.now());
        world.later(at(instant) - before - now).await;
        if before == MINUTE {
            nothing(world, instant);
        }
    }
}

fn at(instant: &str) -> Time {
    let at = chrono::DateTime::parse_from_str(instant, "%Y-%m-%dT%H:%M%#z").expect("an instant");
    Time::from_micros(at.timestamp_micros())
}

/// Neither a turn nor a digest is told.
fn nothing(world: &World, before: &str) {
    for who in ["olga", "ana"] {
        let read = world.reads(who);
        for part in ["has begun", "in the week to"] {
            assert!(!read.contains(part), "{who} reads before {before}: {read}");
        }
    }
}

/// Everybody reads once that this month has begun, and until when it is, as their platform writes it.
#[track_caller]
fn turns(world: &World, month: &str, until: &str) {
    let begun = format!("{month} has begun");
    let (short, long) = (at(until).short(), until.replace('T', " ").replace('Z', ""));
    let ana = world.expect("ana", &[&begun]);
    assert!(
        ana.contains(&short) || ana.contains(&long),
        "until {short}: {ana}"
    );
    assert_eq!(ana.matches("has begun").count(), 1, "{ana}");
    let olga = world.expect("olga", &[&begun]);
    assert_eq!(olga.matches("has begun").count(), 1, "{olga}");
}

/// The digest is told once, of the week up to this day.
#[track_caller]
fn digest(world: &World, last: &str) {
    let read = world.expect("olga", &[&format!("in the week to {last}")]);
    assert_eq!(read.matches("in the week to").count(), 1, "{read}");
}

async fn begins(world: &mut World, zone: &str, (day, hour): (&str, &str)) {
    world.set_up().await;
    for setting in [
        format!("settings digest-day {day}"),
        format!("settings digest-hour {hour}"),
        format!("settings time-zone {zone}"),
    ] {
        world.says("olga", &setting).await;
    }
    world.all_read();
}

/// The month turns by the clocks of the zone before, and Monday's late evening comes once more by the
/// new one's: with neither a second turn nor a second digest.
pub async fn further_west(world: &mut World) {
    begins(world, "America/New_York", ("monday", "23")).await;
    comes(world, "2026-11-02T23:00Z").await;
    digest(world, "1 November");
    world.later(Duration::from_hours(24 * 21)).await;
    world.all_read();
    comes(world, "2026-11-30T23:00Z").await;
    digest(world, "29 November");
    comes(world, "2026-12-01T00:00Z").await;
    turns(world, "December", "2027-01-01T05:00Z");
    // 23:00 on Monday and midnight in New York.
    comes(world, "2026-12-01T04:00Z").await;
    comes(world, "2026-12-01T05:00Z").await;
    comes(world, "2026-12-08T04:00Z").await;
    digest(world, "6 December");
    world.later(Duration::from_hours(24 * 21)).await;
    world.all_read();
    comes(world, "2027-01-01T05:00Z").await;
    turns(world, "January", "2027-02-01T05:00Z");
    nothing(world, "the end");
}

/// The hour of the digest is over by the new zone's clocks when it comes into force: the digest comes then.
pub async fn further_east(world: &mut World) {
    begins(world, "asia/tokyo", ("tuesday", "8")).await;
    world.later(Duration::from_hours(24 * 22)).await;
    world.all_read();
    comes(world, "2026-11-24T08:00Z").await;
    digest(world, "23 November");
    comes(world, "2026-12-01T00:00Z").await;
    let olga = world.expect(
        "olga",
        &["December has begun", "in the week to 30 November"],
    );
    for part in ["in the week to", "has begun"] {
        assert_eq!(olga.matches(part).count(), 1, "{olga}");
    }
    let ana = world.expect("ana", &["December has begun"]);
    assert_eq!(ana.matches("has begun").count(), 1, "{ana}");
    comes(world, "2026-12-01T08:00Z").await;
    comes(world, "2026-12-07T23:00Z").await;
    digest(world, "7 December");
    world.later(Duration::from_hours(24 * 21)).await;
    world.all_read();
    comes(world, "2026-12-31T15:00Z").await;
    turns(world, "January", "2027-01-31T15:00Z");
    nothing(world, "the end");
}

/// Berlin's clocks skip 02:00 on 28 March 2027 and show it twice on 31 October: the digest of that hour
/// comes once each time, and the turns after it by the new time.
pub async fn clocks_that_change(world: &mut World) {
    begins(world, "Europe/Berlin", ("sunday", "2")).await;
    world.later(Duration::from_hours(24 * 30)).await;
    for (week, skipped, turn, month, until) in [
        (
            "2027-03-21T01:00Z",
            "2027-03-28T01:00Z",
            "2027-03-31T22:00Z",
            "April",
            "2027-04-30T22:00Z",
        ),
        (
            "2027-10-24T00:00Z",
            "2027-10-31T00:00Z",
            "2027-10-31T23:00Z",
            "November",
            "2027-11-30T23:00Z",
        ),
    ] {
        // As while Slice was down.
        let now = Time::from_micros(world.sandbox.clock.now());
        world.later(at(week) - now).await;
        world.all_read();
        comes(world, skipped).await;
        let last = if month == "April" {
            "27 March"
        } else {
            "30 October"
        };
        digest(world, last);
        let hour = Duration::from_hours(1);
        world.later(hour).await;
        nothing(world, "the repeated hour");
        comes(world, turn).await;
        turns(world, month, until);
        world.later(hour).await;
        nothing(world, "the next hour");
    }
}

/// What makes no schedule is refused with what would, and nothing is changed.
pub async fn schedules_that_make_no_sense(world: &mut World) {
    world.set_up().await;
    for (setting, parts) in [
        ("digest-day mondy", ["is not one of: monday", "sunday, off"]),
        (
            "digest-day 31",
            ["is not one of: monday", "Nothing was changed"],
        ),
        (
            "digest-hour 24",
            ["is not an hour", "Write it like 9 or 17"],
        ),
        ("digest-hour -1", ["is not an hour", "Nothing was changed"]),
        (
            "digest-hour 9:30",
            ["is not an hour", "Nothing was changed"],
        ),
        (
            "digest-hour noon",
            ["is not an hour", "Nothing was changed"],
        ),
        (
            "time-zone Mars/Olympus",
            ["is not a time zone", "Write it like Europe/Paris"],
        ),
        (
            "time-zone berlin",
            ["is not a time zone", "did you mean Europe/Berlin?"],
        ),
        (
            "time-zone Europe/Pariss",
            ["is not a time zone", "did you mean Europe/Paris?"],
        ),
        (
            "time-zone \"new york\"",
            ["is not a time zone", "did you mean America/New_York?"],
        ),
        (
            "time-zone +25:00",
            ["is not a time zone", "Nothing was changed"],
        ),
    ] {
        if world.says("olga", &format!("settings {setting}")).await {
            world.expect("olga", &parts);
        }
    }
    world.says("olga", "settings digest-hour 09:00").await;
    world.expect("olga", &["digest-hour is 09:00 already"]);
    world.says("olga", "settings time-zone europe/paris").await;
    world.expect("olga", &["time-zone was UTC and is Europe/Paris now"]);
    // The digest comes as before.
    world.later(Duration::from_hours(21)).await;
    world.expect("olga", &["in the week to 1 November"]);
}
