//! Keys that exist are changed: their caps, their ends, their secrets, and their months.

use crate::world::World;
use slice_sandbox::{Fault, KeyState};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// ana takes a key, has seen it, and has spent so much with it.
async fn ana_has(world: &mut World, line: &str, spent: &str) -> KeyState {
    world.says("ana", line).await;
    reveals(world).await;
    let key = world.live_keys().pop().expect("a key");
    spends(world, &key, spent);
    key
}

async fn reveals(world: &mut World) {
    world.clicks("ana", "Reveal key").await;
    let ana = world.town.person("ana");
    ana.close_modal().expect("the view closes");
}

fn spends(world: &World, key: &KeyState, amount: &str) {
    let spent = world.sandbox.openrouter.spend(&key.secret, amount);
    spent.expect("the key spends");
}

fn limits(world: &World) -> Vec<Option<i64>> {
    let keys = world.live_keys();
    let mut limits: Vec<_> = keys.iter().map(|key| key.limit_micros).collect();
    limits.sort_unstable();
    limits
}

pub async fn a_cap_is_raised_and_lowered(world: &mut World) {
    world.set_up().await;
    ana_has(world, "provision openrouter 20", "5").await;
    world.all_read();
    world.says("ana", "cap 1 30").await;
    world.expect("ana", &["$10.00 more is held", "is $30.00 now, not $20.00"]);
    assert_eq!(limits(world), [Some(30_000_000)]);
    world.says("ana", "cap 1 12").await;
    world.expect("ana", &["is $12.00 now, not $30.00. It has spent $5.00"]);
    assert_eq!(limits(world), [Some(12_000_000)]);
    world.says("ana", "cap 1 3").await;
    world.expect("ana", &["has spent $5.00 already", "Nothing was changed"]);
    world.says("ana", "cap 1 120").await;
    world.expect("ana", &["$20.00 short", "[Raise to $100.00]"]);
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $88.00"]);
    world.says("bo", "cap 1 20").await;
    world.loose();
}

/// What is spent before the provider hears of a lower cap does not go back with the rest.
pub async fn a_cap_is_lowered_while_its_key_spends(world: &mut World) {
    world.set_up().await;
    let key = ana_has(world, "provision openrouter 20", "5").await;
    world.all_read();
    let faults = &world.sandbox.faults;
    faults.inject_on("PATCH /api/v1/keys", Fault::ServerError500, 1);
    world.says("ana", "cap 1 12").await;
    spends(world, &key, "10");
    world.later(MINUTE).await;
    world.expect("ana", &["is $12.00 now, not $20.00. It has spent $15.00"]);
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $85.00"]);
}

/// Above the free hand an owner decides, whoever said yes to the cap that stands.
pub async fn a_raise_above_the_free_hand(world: &mut World) {
    world.set_up().await;
    ana_has(world, "provision openrouter 20", "5").await;
    world.all_read();
    world.says("ana", "cap 1 60").await;
    world.expect("ana", &["above the free hand of $50.00", "stays $20.00"]);
    world.expect("olga", &["asks for a cap of $60.00 (now $20.00)"]);
    assert_eq!(limits(world), [Some(20_000_000)]);
    world.clicks("olga", "Approve").await;
    world.expect("ana", &["approved a cap of $60.00", "is $60.00 now"]);
    assert_eq!(limits(world), [Some(60_000_000)]);
    world.all_read();
    world.says("ana", "cap 1 70").await;
    world.clicks("olga", "Deny").await;
    world.expect("ana", &["denied a cap of $70.00", "Nothing was changed"]);
    world.expect("olga", &["was denied by"]);
    assert_eq!(limits(world), [Some(60_000_000)]);
    world.says("olga", "cap 1 70").await;
    world.expect("ana", &["is $70.00 now"]);
}

/// A provider that does not answer keeps the larger of the two committed; one that refuses, what was.
pub async fn a_cap_that_its_provider_does_not_change(world: &mut World) {
    world.set_up().await;
    ana_has(world, "provision openrouter 20", "5").await;
    let patch = "PATCH /api/v1/keys";
    for (line, free) in [("cap 1 30", "Free: $70.00"), ("cap 1 12", "Free: $70.00")] {
        world
            .sandbox
            .faults
            .inject_on(patch, Fault::MalformedJson, 1_000);
        world.says("ana", line).await;
        world.later(20 * MINUTE).await;
        world.all_read();
        world.says("ana", "budget").await;
        world.expect("ana", &[free]);
        world.says("ana", "cap 1 40").await;
        world.expect("ana", &["is being changed", "Nothing was changed now"]);
        for _ in 0..8 {
            world.later(10 * MINUTE).await;
        }
        world.expect("olga", &["its provider does not confirm that"]);
        world.sandbox.faults.clear();
        world.later(10 * MINUTE).await;
        world.expect("ana", &["now, not"]);
    }
    assert_eq!(limits(world), [Some(12_000_000)]);
    let limited = Fault::RateLimited429 { retry_after: 1 };
    world.sandbox.faults.inject_on(patch, limited, 1_000);
    world.says("ana", "cap 1 40").await;
    world.later(16 * MINUTE).await;
    world.later(10 * MINUTE).await;
    world.expect("ana", &["could not be changed", "Its cap stays as it was."]);
    world.sandbox.faults.clear();
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $88.00"]);
    assert_eq!(limits(world), [Some(12_000_000)]);
    world.loose();
}

pub async fn an_excess_is_trimmed(world: &mut World) {
    world.set_up().await;
    ana_has(world, "provision openrouter 20", "6.60").await;
    world.says("ana", "provision openrouter 30").await;
    world.says("olga", "allocate @ana 25").await;
    world.all_read();
    world.says("olga", "members").await;
    world.expect("olga", &["excess $25.00", "[Trim $25.00]"]);
    world.clicks("olga", "Trim $25.00").await;
    world.expect(
        "olga",
        &[
            "would lower grant 2 from $30.00 to $5.00",
            "[Lower by $25.00]",
        ],
    );
    assert_eq!(limits(world), [Some(20_000_000), Some(30_000_000)]);
    world.clicks("olga", "Lower by $25.00").await;
    world.expect(
        "ana",
        &["An owner lowers the cap", "is $5.00 now, not $30.00"],
    );
    assert_eq!(limits(world), [Some(5_000_000), Some(20_000_000)]);
    world.says("olga", "allocate @ana 10").await;
    world.says("olga", "members").await;
    world.clicks("olga", "Trim $15.00").await;
    world.clicks("olga", "Lower by $15.00").await;
    // No cap goes below what is spent.
    assert_eq!(limits(world), [Some(10_000), Some(9_990_000)]);
    if world.says("olga", "trim @ana").await {
        world.expect("olga", &["holds nothing above the budget"]);
    }
    world.loose();
}

pub async fn a_key_is_rotated(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    world.says("ana", "rotate 1").await;
    world.expect("ana", &["Nobody has seen the key of grant 1 yet"]);
    reveals(world).await;
    let old = world.live_keys().pop().expect("a key");
    spends(world, &old, "6.50");
    world.all_read();
    world.says("ana", "rotate 1").await;
    world.expect(
        "ana",
        &[
            "A new key of grant 1 is being made",
            "$13.50 of the cap is this key's",
            "[Reveal key]",
        ],
    );
    assert_eq!(limits(world), [Some(13_500_000)]);
    assert!(world.sandbox.openrouter.spend(&old.secret, "1").is_err());
    reveals(world).await;
    let new = world.live_keys().pop().expect("a key");
    spends(world, &new, "3");
    // What the old one still had running is charged, and then it goes.
    world.sandbox.openrouter.bill_late(&old.hash, "0.25");
    world.later(6 * MINUTE).await;
    assert_eq!(world.standing_keys().len(), 1);
    world.says("ana", "keys").await;
    world.expect("ana", &["$9.75", "[Rotate]", "[Extend 7 d]"]);
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["It spent $9.75; $10.25 is back"]);
}

/// A provider that makes keys and does not say so: the old key goes on, nothing is left there, and owners
/// hear of it after an hour, once.
pub async fn a_rotation_that_its_provider_does_not_answer(world: &mut World) {
    world.set_up().await;
    let old = ana_has(world, "provision openrouter 20", "5").await;
    let faults = world.sandbox.faults.clone();
    faults.inject_on("POST /api/v1/keys", Fault::MalformedJson, 1_000);
    world.says("ana", "rotate 1").await;
    world.all_read();
    for _ in 0..59 {
        world.later(MINUTE).await;
    }
    assert_eq!(world.reads("olga"), "", "it may come right by itself");
    for _ in 0..90 {
        world.later(MINUTE).await;
    }
    let told = world.expect("olga", &["The key of grant 1 is being replaced since"]);
    assert_eq!(told.matches("does not confirm that").count(), 1, "{told}");
    spends(world, &old, "1");
    faults.clear();
    for _ in 0..15 {
        world.later(MINUTE).await;
    }
    world.expect("ana", &["$14.00 of the cap is this key's"]);
    assert_eq!(limits(world), [Some(14_000_000)]);
    world.loose();
}

pub async fn a_key_is_rotated_with_an_overlap(world: &mut World) {
    world.set_up().await;
    let old = ana_has(world, "provision openrouter 20", "10").await;
    world.all_read();
    world.says("ana", "rotate 1 overlap 2d").await;
    world.expect("ana", &["24 hours at most"]);
    world.says("ana", "rotate 1 overlap 12h").await;
    world.expect("ana", &["may spend up to $1.00 more", "$9.00 of the cap"]);
    assert_eq!(limits(world), [Some(9_000_000), Some(11_000_000)]);
    reveals(world).await;
    spends(world, &old, "0.40");
    world.says("ana", "cap 1 30").await;
    world.expect("ana", &["works beside the new one until"]);
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $80.00"]);
    world.later(12 * HOUR).await;
    world.expect(
        "ana",
        &["has stopped working", "may spend what is left: $9.60"],
    );
    assert_eq!(limits(world), [Some(9_600_000)]);
    world.later(6 * MINUTE).await;
    assert_eq!(world.standing_keys().len(), 1);
}

/// A secret that nobody can be sure of is replaced by a click.
pub async fn an_uncertain_reveal_is_rotated(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    let lost = world.town.reveals();
    world.sandbox.faults.inject_on(lost, Fault::LostBefore, 1);
    world.clicks("ana", "Reveal key").await;
    world.expect("ana", &["may have been shown", "[Rotate]"]);
    world.clicks("ana", "Rotate").await;
    world.expect("ana", &["$20.00 of the cap is this key's", "[Reveal key]"]);
    reveals(world).await;
    world.later(6 * MINUTE).await;
    assert_eq!(world.standing_keys().len(), 1);
}

pub async fn a_life_is_extended(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    ana_has(world, "provision openrouter 20 for 3d", "5").await;
    world.later(2 * DAY).await;
    world.all_read();
    world.says("ana", "extend 1 12h").await;
    world.expect("ana", &["Grant 1 lives until", "already"]);
    world.says("ana", "extend 1 2d").await;
    world.expect("ana", &["Its key stays the same"]);
    assert_eq!(world.live_keys().len(), 1);
    world.later(DAY + HOUR).await;
    world.expect("ana", &["ends", "[Extend 7 d]"]);
    world.clicks("ana", "Extend 7 d").await;
    world.expect("ana", &["takes another key", "[Extend with a new key]"]);
    let old = world.live_keys().pop().expect("a key");
    world.clicks("ana", "Extend with a new key").await;
    world.expect(
        "ana",
        &["with another key", "$15.00 of the cap is this key's"],
    );
    reveals(world).await;
    assert!(world.sandbox.openrouter.spend(&old.secret, "1").is_err());
    world.says("ana", "extend 1 90d").await;
    world.expect("ana", &["A grant may live 90d in all"]);
    world.later(6 * DAY).await;
    assert_eq!(world.live_keys().len(), 1);
    world.later(DAY).await;
    world.expect("ana", &["has expired"]);
}

/// A life that an owner approved is an owner's to extend.
pub async fn an_approved_life_is_extended_by_an_owner(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 60 for 3d").await;
    world.clicks("olga", "Approve").await;
    reveals(world).await;
    world.later(2 * DAY).await;
    world.all_read();
    world.says("ana", "extend 1 2d").await;
    world.expect("ana", &["An owner approved the life of grant 1"]);
    world.expect("olga", &["asks for 2d more", "[Approve]"]);
    world.clicks("olga", "Approve").await;
    world.expect("ana", &["approved 2d more"]);
    world.later(DAY + HOUR).await;
    assert_eq!(world.live_keys().len(), 1);
    world.loose();
}

/// The world begins on 1 November. Each month is judged anew.
pub async fn a_key_for_each_month(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    let key = ana_has(world, "provision openrouter 20 monthly", "15").await;
    world.says("ana", "extend 1 7d").await;
    world.expect("ana", &["goes on from month to month"]);
    world.all_read();
    world.later(29 * DAY + 11 * HOUR).await;
    world.later(HOUR).await;
    world.expect("ana", &["has $20.00 for December"]);
    // $15.00 were November's.
    assert_eq!(limits(world), [Some(35_000_000)]);
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $80.00"]);
    spends(world, &key, "20");
    world.says("olga", "allocate @ana 10").await;
    world.later(30 * DAY + 23 * HOUR).await;
    world.later(HOUR).await;
    world.expect("ana", &["has no room for the $20.00"]);
    assert!(world.live_keys().is_empty());
    world.says("olga", "allocate @ana 30").await;
    world.expect("ana", &["has $20.00 for January"]);
    assert_eq!(limits(world), [Some(55_000_000)]);
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["It spent $35.00; $20.00 is back"]);
}

/// No key lives longer than its provider was told: a grant that goes on gets another one in time.
pub async fn a_key_for_each_month_is_replaced(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    world.says("olga", "settings longest-life 20d").await;
    ana_has(world, "provision openrouter 20 monthly", "15").await;
    world.all_read();
    world.later(18 * DAY).await;
    world.expect("ana", &["A new one is being made", "[Reveal key]"]);
    reveals(world).await;
    world.later(DAY).await;
    world.expect("ana", &["has stopped working"]);
    assert_eq!(limits(world), [Some(5_000_000)]);
    world.later(6 * MINUTE).await;
    world.later(10 * DAY + 12 * HOUR).await;
    world.expect("ana", &["has $20.00 for December"]);
    assert_eq!(limits(world), [Some(20_000_000)]);
}
