//! Flows that nobody but the clock begins.

use super::{
    EVERY_CROSSING, PROVIDERS_CHANGES,
    changes::reveals,
    flows::{Flow, one_key, passes, reads_once},
};
use crate::world::{Way, World};
use slice_core::money::Money;
use slice_sandbox::{ChannelKind, Direction};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) const ALL: &[Flow] = &[
    Flow {
        name: "a_month_turns",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: true,
        before: |world| Box::pin(a_key_for_each_month(world)),
        play: |world| Box::pin(passes(world, HOUR)),
        after: |world| Box::pin(renewed(world)),
    },
    Flow {
        name: "a_digest_comes",
        way: Way::SlackSocket,
        // Its chart is uploaded in several steps.
        crossings: EVERY_CROSSING,
        on_postgres: false,
        before: |world| Box::pin(a_digests_channel(world)),
        play: |world| Box::pin(passes(world, HOUR)),
        after: |world| Box::pin(one_digest(world)),
    },
];

/// The world begins on 1 November at noon; it is an hour before December.
async fn a_key_for_each_month(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    world.says("ana", "provision openrouter 20 monthly").await;
    reveals(world).await;
    let key = world.live_keys().pop().expect("a key");
    let spent = world.sandbox.openrouter.spend(&key.secret, "15");
    spent.expect("the key spends");
    world.later(29 * DAY + 11 * HOUR).await;
    world.all_read();
}

/// $15.00 were November's, and $20.00 are December's.
async fn renewed(world: &mut World) {
    reads_once(
        world,
        "ana",
        &["has $20.00 for December", "December has begun"],
    );
    reads_once(world, "olga", &["December has begun"]);
    let [key] = world.live_keys().try_into().expect("one key");
    assert_eq!(key.limit_micros, Some(35_000_000));
    let spent = world.sandbox.openrouter.spend(&key.secret, "2.50");
    spent.expect("it goes on");
    world.says("ana", "budget").await;
    let free = Money::from_dollars(80);
    world.expect("ana", &[&format!("Free: {free}"), "$2.50"]);
    world.finish().await;
}

/// It is an hour before Monday, 09:00.
async fn a_digests_channel(world: &mut World) {
    one_key(world).await;
    world.town.add_channel("all-hands", ChannelKind::PUBLIC);
    world.town.join("all-hands", "bo");
    world.town.invite_bot("all-hands");
    let line = "settings digest-channel #all-hands";
    world.says("olga", line).await;
    world.says("ana", "budget").await;
    world.later(20 * HOUR).await;
    world.all_read();
}

async fn one_digest(world: &mut World) {
    let told = world.expect("bo", &["$3.25 this week", "Daily spending from"]);
    // A channel's history is not Slice's to read: what was said there and not answered is said once
    // more, and answered this time.
    for (call, said) in [
        ("chat.postMessage", "$3.25 this week"),
        ("files.completeUploadExternal", "daily-spending"),
    ] {
        let crossings = world.sandbox.wire.crossings();
        let answered = crossings.iter().filter(|crossing| {
            let is_answer = crossing.direction == Direction::Out && crossing.what.ends_with(call);
            is_answer && crossing.body.to_string().contains(said)
        });
        assert_eq!(answered.count(), 1, "{call} once:\n{told}");
    }
    world.later(DAY).await;
    let read = world.reads("bo");
    assert!(!read.contains("this week"), "and no other one: {read}");
    world.finish().await;
}
