//! What happens by the calendar.

use crate::world::World;
use serde_json::Value;
use slice_core::calendar::Job;
use slice_sandbox::ChannelKind;
use std::{collections::BTreeMap, time::Duration};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// ana holds a key for two months, and has spent so much with it.
pub(super) async fn ana_spends(world: &mut World, amount: &str) {
    world.says("ana", "provision openrouter 20 for 60d").await;
    world.clicks("ana", "Reveal key").await;
    world
        .town
        .person("ana")
        .close_modal()
        .expect("the view closes");
    let key = world.live_keys().pop().expect("a key");
    let spent = world.sandbox.openrouter.spend(&key.secret, amount);
    spent.expect("the key spends");
    world.says("ana", "budget").await;
}

/// The world begins on Sunday 1 November, 12:00 UTC.
pub async fn a_new_month(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    world.says("olga", "settings carry-over 15").await;
    ana_spends(world, "6.60").await;
    world.says("olga", "allocate @bo 30").await;
    world.says("bo", "provision openrouter 30").await;
    world.says("olga", "allocate @bo 10").await;
    world.later(29 * DAY + 11 * HOUR).await;
    world.all_read();
    world.later(HOUR).await;
    world.expect(
        "ana",
        &[
            "December has begun",
            "$100.00 new, $15.00 carried over, $13.40 still committed to 1 key",
            "$101.60 free",
        ],
    );
    world.expect("bo", &["$10.00 new, $10.00 carried over"]);
    world.expect(
        "olga",
        &[
            "December has begun",
            "Spent in November: $6.60",
            "$135.00 for 2 members",
        ],
    );
    world.later(HOUR).await;
    world.loose();
}

/// What an owner added before the turn was told is not what was carried over.
pub async fn a_new_month_that_was_topped_up(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    world.says("olga", "allocate @bo 30").await;
    world.later(29 * DAY + 11 * HOUR).await;
    world.all_read();
    // The command is heard before the job of the turn looks at the clock.
    world.sandbox.clock.advance(HOUR);
    world.says("olga", "topup @bo 5").await;
    let bo = world.expect("bo", &["$30.00 new, $5.00 added by an owner, $35.00 free"]);
    assert!(!bo.contains("carried over"), "{bo}");
    world.says("olga", "settings carry-over 15").await;
    world.later(30 * DAY + 23 * HOUR).await;
    world.all_read();
    world.sandbox.clock.advance(HOUR);
    world.says("olga", "topup @ana 25").await;
    world.expect(
        "ana",
        &["$100.00 new, $15.00 carried over, $25.00 added by an owner, $140.00 free"],
    );
    let bo = world.expect("bo", &["$30.00 new, $15.00 carried over, $45.00 free"]);
    assert!(!bo.contains("added"), "{bo}");
    world.expect("olga", &["January has begun", "$185.00 for 2 members"]);
}

/// A cut leaves an excess; the turn tells of it and cuts nothing.
pub async fn a_new_month_with_an_excess(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    ana_spends(world, "6.60").await;
    world.says("olga", "allocate @ana 10").await;
    world.later(29 * DAY + 12 * HOUR).await;
    world.expect("ana", &["December has begun", "Your keys hold $3.40 more"]);
    world.expect(
        "olga",
        &[
            "@ana holds $3.40 more than the budget in 1 key",
            "[Trim $3.40]",
        ],
    );
    assert_eq!(world.live_keys().len(), 1);
}

pub async fn the_weekly_digest(world: &mut World) {
    world.set_up().await;
    world.later(21 * HOUR).await;
    world.expect(
        "olga",
        &["Nothing was spent in the week to 1 November: $0.00 of $100 used"],
    );
    world.later(3 * DAY).await;
    ana_spends(world, "7.25").await;
    world.later(4 * DAY).await;
    world.expect(
        "olga",
        &[
            "The week from 2 November to 8 November",
            "$7.25 this week",
            "$7.25 of $100 used",
            "on pace for $",
            "by 30 November",
            "@ana",
            "audit trail",
        ],
    );
    world.says("olga", "digest").await;
    world.expect("olga", &["$7.25 this week"]);
    world.says("ana", "digest").await;
    world.expect("ana", &["Only owners can do that"]);
}

/// Its channel, its hour and its names are settings.
pub async fn a_digest_for_everybody(world: &mut World) {
    world.set_up().await;
    world.town.add_channel("all-hands", ChannelKind::PUBLIC);
    for who in ["olga", "ana"] {
        world.town.join("all-hands", who);
    }
    world.town.invite_bot("all-hands");
    world
        .says("olga", "settings digest-channel #all-hands")
        .await;
    world.says("olga", "settings digest-names off").await;
    world.says("olga", "settings digest-day friday").await;
    world.says("olga", "settings digest-hour 25").await;
    world.expect("olga", &["is not an hour", "Nothing was changed"]);
    world.says("olga", "settings digest-hour 17").await;
    ana_spends(world, "7.25").await;
    world.all_read();
    world.later(5 * DAY + 4 * HOUR).await;
    world.loose();
    world.later(HOUR).await;
    let told = world.expect("ana", &["$7.25 this week", "Member 1"]);
    assert!(!told.contains("@ana"), "no names: {told}");
}

/// Owners see everybody's month, members their own, each for herself alone.
pub async fn a_dashboard(world: &mut World) {
    world.set_up().await;
    ana_spends(world, "7.25").await;
    world.later(2 * DAY).await;
    world.says("olga", "allocate @bo 50").await;
    world.all_read();
    world.says("olga", "dashboard").await;
    world.expect(
        "olga",
        &[
            "November so far",
            "$7.25 used of $150.00 · $12.75 committed · $130.00 free · on pace for $",
            "@ana",
            "The chart is in your direct messages",
            "Daily spending in November from 1 Nov to 30 Nov: $7.25 in all",
            "ana $7.25.",
        ],
    );
    world.says("ana", "dashboard").await;
    world.expect(
        "ana",
        &[
            "Your November so far",
            "$7.25 used of $100.00",
            "openrouter $7.25.",
        ],
    );
    world.says("bo", "dashboard").await;
    let bo = world.expect("bo", &["$0.00 used of $50.00"]);
    assert!(!bo.contains("7.25"), "members see themselves: {bo}");
}

/// One team on both platforms reads the same digest on each, with its chart.
pub async fn a_digest_on_both_platforms(world: &mut World) {
    world.set_up().await;
    let towns: Vec<_> = world.towns().cloned().collect();
    for town in &towns {
        town.add_channel("all-hands", ChannelKind::PUBLIC);
        town.join("all-hands", "bo");
        town.invite_bot("all-hands");
    }
    super::story::joined(world).await;
    super::story::two_identities(world, "olga").await;
    // Each platform's channel is chosen there.
    for _ in &towns {
        world
            .says("olga", "settings digest-channel #all-hands")
            .await;
        world.crosses();
    }
    ana_spends(world, "7.25").await;
    world.all_read();
    world.later(22 * HOUR).await;
    for _ in &towns {
        let told = world.expect(
            "bo",
            &["$7.25 this week", "Daily spending from", "ana $7.25"],
        );
        assert_eq!(told.matches("this week").count(), 1, "{told}");
        world.crosses();
    }
}

/// The digest comes without its chart, which is said in words then.
pub async fn a_digest_whose_chart_is_refused(world: &mut World) {
    world.set_up().await;
    world.town.add_channel("all-hands", ChannelKind::PUBLIC);
    world.town.join("all-hands", "ana");
    world.town.invite_bot("all-hands");
    world
        .says("olga", "settings digest-channel #all-hands")
        .await;
    ana_spends(world, "7.25").await;
    world.town.forbid_files("all-hands", &world.sandbox.faults);
    world.settled().await;
    world.all_read();
    world.later(22 * HOUR).await;
    let told = world.expect("ana", &["$7.25 this week", "Daily spending from"]);
    assert_eq!(told.matches("this week").count(), 1, "{told}");
}

/// Its channel was archived, or Slice was removed from it: owners read the digest and its chart, and why,
/// which is said once; everything else goes on.
pub async fn a_digest_channel_that_is_gone(world: &mut World) {
    world.set_up().await;
    for channel in ["all-hands", "everybody"] {
        world.town.add_channel(channel, ChannelKind::PUBLIC);
        for who in ["olga", "ana"] {
            world.town.join(channel, who);
        }
        world.town.invite_bot(channel);
    }
    ana_spends(world, "7.25").await;
    world
        .says("olga", "settings digest-channel #all-hands")
        .await;
    world.town.archive("all-hands");
    world.settled().await;
    world.all_read();
    world.later(22 * HOUR).await;
    let told = world.expect(
        "olga",
        &[
            "$7.25 this week",
            "Slice cannot post in the digest's channel",
            "/slice settings digest-channel",
            "Daily spending from",
        ],
    );
    assert_eq!(told.matches("cannot post").count(), 1, "{told}");
    world.later(7 * DAY).await;
    let told = world.expect("olga", &["Nothing was spent in the week to 8 November"]);
    assert!(!told.contains("cannot post"), "{told}");
    // Another channel, which works until Slice is removed from it.
    world
        .says("olga", "settings digest-channel #everybody")
        .await;
    world.later(7 * DAY).await;
    world.expect("ana", &["Nothing was spent in the week to 15 November"]);
    for week in ["22 November", "30 November"] {
        world.town.remove_bot("everybody");
        world.settled().await;
        world.all_read();
        world.later(7 * DAY).await;
        let told = world.expect("olga", &["cannot post in the digest's channel", week]);
        assert_eq!(told.matches("cannot post").count(), 1, "{told}");
        if week == "22 November" {
            // It works once, so that it is said again when it does not.
            world.town.invite_bot("everybody");
            world.says("olga", "settings digest-day tuesday").await;
            world.all_read();
            world.later(DAY).await;
            world.expect("ana", &["in the week to 23 November"]);
            world.says("olga", "settings digest-day monday").await;
        }
    }
    world.may_miss = true;
}

/// Slice was down over the turn and two digests: each is told once, as of now.
pub async fn after_downtime(world: &mut World) {
    world.set_up().await;
    ana_spends(world, "6.60").await;
    world.all_read();
    world.kill();
    world.sandbox.clock.advance(45 * DAY);
    world.start().await.expect("the bot starts again");
    world.settled().await;
    let ana = world.expect("ana", &["December has begun"]);
    assert_eq!(ana.matches("has begun").count(), 1, "{ana}");
    let olga = world.expect("olga", &["December has begun"]);
    assert_eq!(olga.matches("in the week to").count(), 1, "{olga}");
    world.later(HOUR).await;
    world.loose();
    // Nor is anybody greeted anew.
    world.kill();
    world.start().await.expect("the bot starts again");
    world.settled().await;
    let olga = world.reads("olga");
    assert!(!olga.contains("Slice is here"), "{olga}");
}

/// The operator calls a job by hand; its own instant comes all the same.
pub async fn a_job_that_is_called(world: &mut World) {
    world.set_up().await;
    let org = world.org().await;
    let store = world.bot().desk.store.clone();
    let (status, checks) = readyz(world).await;
    assert_eq!(status, 200);
    for (what, says) in [
        (
            "job turn",
            "last ran: never; next due: 2026-12-01T00:00:00Z",
        ),
        (
            "job digest",
            "last ran: never; next due: 2026-11-02T09:00:00Z",
        ),
        (
            "meter",
            "last read: 2026-11-01T12:00:00Z; next due: 2026-11-01T12:",
        ),
    ] {
        let check = &checks[what];
        assert!(check["ok"] == true, "{what}: {check}");
        let said = check["says"].as_str().unwrap_or_default();
        assert!(said.starts_with(says), "{what}: {said}");
    }
    assert!(store.call_job(org, Job::Digest).await.expect("it answers"));
    world.settled().await;
    let told = world.expect("olga", &["in the week to 31 October"]);
    assert_eq!(told.matches("in the week").count(), 1, "{told}");
    world.later(21 * HOUR).await;
    let told = world.expect("olga", &["in the week to 1 November"]);
    assert_eq!(told.matches("in the week").count(), 1, "{told}");
    let (_, checks) = readyz(world).await;
    let says =
        "last ran: 2026-11-02T09:00:00Z for 2026-11-02T09:00:00Z; next due: 2026-11-09T09:00:00Z";
    assert_eq!(checks["job digest"]["says"], says);
    // A job that nobody does is said, and the replica is no less ready for it.
    world.sandbox.clock.advance(31 * DAY);
    let (status, checks) = readyz(world).await;
    assert_eq!(status, 200, "it serves all the same");
    for what in ["job turn", "job digest", "meter"] {
        let check = &checks[what];
        let says = check["says"].as_str().unwrap_or_default();
        assert!(check["ok"] == false && says.contains("late"), "{check}");
    }
    world.settled().await;
    let (_, checks) = readyz(world).await;
    assert!(
        checks.values().all(|check| check["ok"] == true),
        "{checks:?}"
    );
}

/// What `/readyz` answers: each check by what it is about.
async fn readyz(world: &World) -> (u16, BTreeMap<String, Value>) {
    let answer = reqwest::get(format!("{}/readyz", world.url)).await;
    let answer = answer.expect("the page is served");
    let status = answer.status().as_u16();
    let checks = answer.text().await.expect("a text");
    let checks: Vec<Value> = serde_json::from_str(&checks).expect("a list");
    let what = |check: &Value| check["what"].as_str().unwrap_or_default().to_owned();
    let named = checks.into_iter().map(|check| (what(&check), check));
    (status, named.collect())
}
