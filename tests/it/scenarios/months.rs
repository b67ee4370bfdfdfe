//! Whole months of a team's life, as the demo plays them: keys are made, spend, expire and are given
//! back; months turn, digests come, and the bot is restarted, and once down while a month turns.

use super::story;
use crate::world::World;
use slice_core::{ids::MemberId, month::Month, ports::Store, time::Time};
use slice_sandbox::{Change, Place, Sight};
use std::{collections::BTreeMap, time::Duration};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// So many months, with a restart in the middle of each, and the bot down over the end of the second.
pub async fn live(world: &mut World, months: u32) {
    for month in 1..=months {
        let turn = month_of(world).end(chrono_tz::Tz::UTC);
        let mut keys = vec![a_key(world, "ana", "30 for 20d").await];
        keys.push(a_key(world, "bo", "10 for 5d").await);
        let mut day = 0;
        while now(world) + 2 * DAY < turn {
            spend(world, &keys, ["1.30", "2.10", "0.90"]);
            world.later(DAY).await;
            day += 1;
            if day == 14 {
                world.kill();
                world.start().await.expect("the bot starts again");
                world.settled().await;
                keys.push(a_key(world, "ana", "40 for 25d").await);
            }
        }
        if month == 2 {
            world.kill();
            spend(world, &keys, ["1", "1", "1"]);
            wait_until(world, turn + 30 * HOUR);
            world.start().await.expect("the bot starts again");
            world.settled().await;
        } else {
            for before in [2 * MINUTE, MINUTE, Duration::ZERO] {
                wait_until(world, turn - before);
                world.settled().await;
            }
        }
        world.later(HOUR).await;
    }
    world.later(HOUR).await;
    told_once(world, months);
    books_agree(world).await;
}

/// The team as the story begins, with a second member who has a budget.
pub async fn begin(world: &mut World) {
    story::arrival(world).await;
    if world.towns().count() == 2 {
        story::joined(world).await;
        world.crosses();
    }
    world.says("olga", "allocate @bo 20").await;
    world.all_read();
}

fn now(world: &World) -> Time {
    Time::from_micros(world.sandbox.clock.now())
}

fn month_of(world: &World) -> Month {
    Month::of(now(world), chrono_tz::Tz::UTC)
}

fn wait_until(world: &World, at: Time) {
    world.sandbox.clock.advance(at - now(world));
}

/// Somebody takes a key and has it in her hands. Gives its secret.
async fn a_key(world: &mut World, who: &str, what: &str) -> String {
    let line = format!("provision openrouter {what}");
    world.says(who, &line).await;
    let newest = world.live_keys().pop().expect("a key");
    world.clicks(who, "Reveal key").await;
    assert_eq!(world.revealed_key(who), newest.secret);
    newest.secret
}

/// Each key spends its amount; what has ended or is used up is refused.
fn spend(world: &World, keys: &[String], amounts: [&str; 3]) {
    for (key, amount) in keys.iter().zip(amounts) {
        let _ = world.sandbox.openrouter.spend(key, amount);
    }
}

/// What was posted in chat, where it stands.
fn posts(world: &World) -> Vec<Sight> {
    let sights = world.towns().flat_map(|town| town.sights_since(0));
    let posted = |sight: &Sight| {
        sight.change == Change::New && matches!(sight.place, Place::Dm | Place::Channel(_))
    };
    sights.filter(posted).collect()
}

/// Whether a post is a week's digest.
pub fn is_digest(text: &str) -> bool {
    text.contains("in the week to") || text.contains("this week")
}

/// Every turn and every Monday has its message, and no message stands twice.
fn told_once(world: &World, months: u32) {
    let posts = posts(world);
    let mut seen: BTreeMap<(&str, String, &str), usize> = BTreeMap::new();
    for post in &posts {
        let place = (
            post.person.as_str(),
            post.place.to_string(),
            post.text.as_str(),
        );
        *seen.entry(place).or_default() += 1;
    }
    let twice: Vec<_> = seen.iter().filter(|(_, count)| 1 < **count).collect();
    assert!(twice.is_empty(), "said twice: {twice:#?}");
    let first: Month = "2026-11".parse().expect("a month");
    let mut month = first;
    for _ in 0..months {
        month = month.next();
        let begun = format!("{} has begun", month.name());
        for who in ["olga", "ana", "bo"] {
            let told = posts.iter().filter(|post| post.person == who);
            let told = told.filter(|post| post.text.contains(&begun)).count();
            assert_eq!(told, 1, "{who} reads once that {begun}");
        }
    }
    let start = first.start(chrono_tz::Tz::UTC);
    let end = now(world);
    let mut mondays = 0;
    // The first is 2 November 2026, 09:00.
    let mut monday = start + DAY + 9 * HOUR;
    while monday <= end {
        mondays += 1;
        monday = monday + 7 * DAY;
    }
    let digests = posts
        .iter()
        .filter(|post| post.person == "olga" && is_digest(&post.text));
    assert_eq!(digests.count(), mondays, "a digest for each Monday");
    let late = posts
        .iter()
        .filter(|post| post.text.contains("read only now"))
        .count();
    assert_eq!(
        late,
        usize::from(2 <= months),
        "said once after the downtime"
    );
}

/// Each key's usage is what its provider says, and all of it is charged, month by month.
async fn books_agree(world: &mut World) {
    let org = world.org().await;
    let store = world.bot().desk.store.clone();
    let members = store.members(org).await.expect("the database answers");
    let mut charged = 0;
    for member in members.iter().map(|row| row.id) {
        charged += of_member(world, &*store, member).await;
    }
    let spent: i64 = world
        .sandbox
        .openrouter
        .keys()
        .iter()
        .map(|key| key.usage_micros)
        .sum();
    assert_eq!(charged, spent, "all that was spent is charged");
    let days = ["2026-01-01", "2099-01-01"].map(|day| day.parse().expect("a day"));
    let by_days = store
        .spent(org, (days[0], days[1]))
        .await
        .expect("it answers");
    let by_days: i64 = by_days.iter().map(|spent| spent.amount.micros()).sum();
    assert_eq!(by_days, spent, "on some day");
    let deleted: Vec<_> = world.sandbox.wire.crossings();
    let mut deletions: BTreeMap<String, usize> = BTreeMap::new();
    for crossing in deleted
        .into_iter()
        .filter(|one| one.what.starts_with("DELETE /api/v1/keys"))
    {
        *deletions.entry(crossing.what).or_default() += 1;
    }
    let twice: Vec<_> = deletions.iter().filter(|(_, count)| 1 < **count).collect();
    assert!(twice.is_empty(), "revoked twice: {twice:?}");
}

async fn of_member(world: &World, store: &dyn Store, member: MemberId) -> i64 {
    let org = world.org().await;
    let grants = store.grants(org, member, 10_000).await.expect("it answers");
    let mut sum = 0;
    for key in grants.iter().flat_map(|grant| &grant.keys) {
        let id = key.provider_id.as_deref().expect("each key was made");
        let there = world
            .sandbox
            .openrouter
            .key(id)
            .expect("the provider knows it");
        assert_eq!(key.usage.micros(), there.usage_micros, "{}", key.label);
        sum += key.usage.micros();
    }
    sum
}
