//! Budgets: what fits, what does not, and what an owner can add.

use crate::world::World;
use slice_core::steps::LATE_BILLING;
use std::time::Duration;

pub async fn short_of_the_whole(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 50").await;
    world
        .says(
            "ana",
            "provision openrouter 80 for 3d as nightly because \"it's big\"",
        )
        .await;
    world.expect(
        "ana",
        &[
            "$30.00 short",
            "[Provision $50.00]",
            "[Ask for the whole: +$30.00 this month]",
        ],
    );
    world
        .clicks("ana", "Ask for the whole: +$30.00 this month")
        .await;
    world.expect(
        "olga",
        &[
            "asks for grant 2",
            "$30.00 more than the budget",
            "it's big",
        ],
    );
    world.clicks("olga", "Approve (+$30.00 this month)").await;
    world.expect("ana", &["$30.00 was added to your budget for this month"]);
    world.says("ana", "budget").await;
    world.expect("ana", &["$130.00", "$0.00"]);
    assert_eq!(world.live_keys().len(), 2);
}

pub async fn the_whole_budget_and_not_a_cent_more(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings free-hand 500").await;
    world.says("ana", "provision openrouter 100.01").await;
    world.expect("ana", &["$0.01 short"]);
    world.says("ana", "provision openrouter 100").await;
    world.expect("ana", &["Your openrouter key is ready"]);
    world.says("ana", "provision openrouter 1").await;
    world.expect("ana", &["$1.00 short"]);
    world.says("ana", "provision openrouter 0.50").await;
    world.expect("ana", &["The smallest cap"]);
    world.says("olga", "settings smallest-cap 5").await;
    world.expect("olga", &["smallest-cap was $1.00 and is $5.00 now"]);
    world.says("olga", "topup @ana 5").await;
    world.says("ana", "provision openrouter 4.99").await;
    world.expect("ana", &["The smallest cap for openrouter is $5.00"]);
    world.says("ana", "provision openrouter 5").await;
    assert_eq!(world.live_keys().len(), 2);
}

pub async fn a_cut_leaves_an_excess(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 40").await;
    world.says("olga", "allocate @ana 25").await;
    world.expect("ana", &["Your keys hold $15.00 more than that"]);
    world.says("ana", "budget").await;
    world.says("olga", "members").await;
    world.expect("olga", &["$15.00"]);
    world.says("ana", "provision openrouter 1").await;
    world.expect("ana", &["$16.00 short"]);
    let [key] = world.live_keys().try_into().expect("the key lives on");
    assert_eq!(key.limit_micros, Some(40_000_000));
    let spent = world.sandbox.openrouter.spend(&key.secret, "30");
    spent.expect("the key spends");
    world.says("ana", "budget").await;
    world.says("olga", "allocate @ana 20").await;
    world.expect(
        "olga",
        &["$10.00 more than that was spent this month already, and keys that run now hold $10.00 beside it"],
    );
    world.expect(
        "ana",
        &["You have spent $10.00 more than that this month, and your keys hold $10.00 beside it"],
    );
}

pub async fn amounts_that_are_none(world: &mut World) {
    world.set_up().await;
    let amounts = ["0", "-5", "NaN", "inf", "1e400", "20.001", "20,50", "٢٠"];
    for amount in amounts {
        world
            .says("ana", &format!("provision openrouter {amount}"))
            .await;
        world.expect("ana", &["Nothing was changed"]);
    }
    world
        .says("ana", &format!("provision openrouter 1{}", "0".repeat(30)))
        .await;
    world.expect("ana", &["Nothing was changed"]);
    assert!(world.live_keys().is_empty());
    world.says("ana", "provision openrouter $20").await;
    world.expect("ana", &["Your openrouter key is ready"]);
}

/// A request that was running when the key was stopped is charged as it is, before the key is
/// deleted.
pub async fn what_was_still_running_is_charged(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    let [key] = world.live_keys().try_into().expect("one key");
    world.says("ana", "revoke 1").await;
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $100.00"]);
    world.sandbox.openrouter.bill_late(&key.hash, "0.75");
    world.later(LATE_BILLING).await;
    assert!(world.standing_keys().is_empty(), "read, then deleted");
    world.says("ana", "budget").await;
    world.expect("ana", &["Spent: $0.75", "Free: $99.25"]);
}

pub async fn the_month_turns(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings time-zone Europe/Paris").await;
    world.says("olga", "topup @ana 10").await;
    world.says("ana", "provision openrouter 20 for 60d").await;
    world.clicks("ana", "Reveal key").await;
    world
        .town
        .person("ana")
        .close_modal()
        .expect("the view closes");
    let [key] = world.live_keys().try_into().expect("one key");
    world
        .sandbox
        .openrouter
        .spend(&key.secret, "5")
        .expect("the key spends");
    world.says("ana", "budget").await;
    world.expect("ana", &["$5.00", "$15.00", "$90.00"]);
    world.later(Duration::from_hours(24 * 30)).await;
    world.says("ana", "budget").await;
    let december = world.reads("ana");
    assert!(
        december.contains("$85.00"),
        "a new month, with the rest committed:\n{december}"
    );
    // A clock that jumps back does not bring the old month's top-up back.
    let now = world.bot().desk.clock.now();
    world
        .sandbox
        .clock
        .set((now - Duration::from_hours(24 * 10)).micros());
    world.says("ana", "budget").await;
    world.expect("ana", &["$85.00"]);
    world.sandbox.clock.set(now.micros());
}
