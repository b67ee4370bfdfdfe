//! Flows that change a key that exists: its cap, its end, its secret.

use super::{
    PROVIDERS_CHANGES,
    flows::{BEGINNINGS_MAX, Flow, grants, one_key, passes, presses, reads_once, says, types},
    revive,
};
use crate::world::{Died, Way, World};
use slice_core::{
    grant::{Grant, State},
    money::Money,
    steps::LATE_BILLING,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) const ALL: &[Flow] = &[
    Flow {
        name: "a_cap_is_raised",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: false,
        before: |world| Box::pin(a_revealed_key(world)),
        play: |world| Box::pin(cap(world, 30)),
        after: |world| Box::pin(capped(world, "is $30.00 now, not $20.00", 30)),
    },
    Flow {
        name: "a_cap_is_lowered",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: true,
        before: |world| Box::pin(a_revealed_key(world)),
        play: |world| Box::pin(cap(world, 12)),
        after: |world| Box::pin(capped(world, "is $12.00 now, not $20.00", 12)),
    },
    Flow {
        name: "an_excess_is_trimmed",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: false,
        before: |world| Box::pin(an_excess(world)),
        play: |world| Box::pin(trim(world)),
        after: |world| Box::pin(trimmed(world)),
    },
    Flow {
        name: "a_key_is_rotated",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: false,
        before: |world| Box::pin(a_revealed_key(world)),
        play: |world| Box::pin(rotate(world, "rotate 1")),
        after: |world| Box::pin(rotated(world, "takes the place of the old key")),
    },
    Flow {
        name: "a_key_is_rotated_with_an_overlap",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: true,
        before: |world| Box::pin(a_revealed_key(world)),
        play: |world| Box::pin(overlap(world)),
        after: |world| Box::pin(rotated(world, "has stopped working. The new one may spend")),
    },
    Flow {
        name: "a_life_is_extended",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: false,
        before: |world| Box::pin(a_revealed_key(world)),
        play: |world| Box::pin(extend(world)),
        after: |world| Box::pin(extended(world)),
    },
    Flow {
        name: "a_life_is_extended_with_another_key",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: false,
        before: |world| Box::pin(a_revealed_key(world)),
        play: |world| Box::pin(rotate(world, "extend 1 20d rotating")),
        after: |world| Box::pin(rotated_and_extended(world)),
    },
];

/// ana's key of $20 has spent $3.25, and she has seen it.
pub(super) async fn a_revealed_key(world: &mut World) {
    one_key(world).await;
    reveals(world).await;
    world.all_read();
}

/// ana's newest key is in her hands.
pub(super) async fn reveals(world: &mut World) {
    world.clicks("ana", "Reveal key").await;
    let closed = world.town.person("ana").close_modal();
    closed.expect("the view closes");
}

async fn only_grant(world: &World) -> Grant {
    let [grant] = grants(world).await.try_into().expect("one grant");
    grant
}

async fn cap(world: &mut World, to: i64) {
    let line = format!("cap 1 {to}");
    says(world, ("ana", &line), async |world| {
        let grant = only_grant(world).await;
        grant.change.is_some() || grant.cap != Money::from_dollars(20)
    })
    .await;
}

async fn capped(world: &mut World, told: &str, cap: i64) {
    reads_once(world, "ana", &[told]);
    let [key] = world.live_keys().try_into().expect("one key");
    assert_eq!(key.limit_micros, Some(cap * 1_000_000));
    assert!(only_grant(world).await.change.is_none());
    world.says("ana", "budget").await;
    let free = Money::from_dollars(100 - cap);
    world.expect("ana", &[&format!("Free: {free}"), "$3.25"]);
    world.finish().await;
}

/// ana holds $10.00 more than her budget.
async fn an_excess(world: &mut World) {
    a_revealed_key(world).await;
    world.says("olga", "allocate @ana 10").await;
    world.all_read();
}

async fn trim(world: &mut World) {
    for _ in 0..BEGINNINGS_MAX {
        if trims(world).await.is_err() {
            revive(world).await;
        }
        let grant = only_grant(world).await;
        if grant.change.is_some() || grant.cap == Money::from_dollars(10) {
            return;
        }
    }
    panic!("nothing was trimmed");
}

async fn trims(world: &mut World) -> Result<(), Died> {
    types(world, "olga", "trim @ana").await?;
    presses(world, "olga", "Lower by $10.00").await
}

async fn trimmed(world: &mut World) {
    reads_once(
        world,
        "ana",
        &["An owner lowers the cap", "is $10.00 now, not $20.00"],
    );
    let [key] = world.live_keys().try_into().expect("one key");
    assert_eq!(key.limit_micros, Some(10_000_000));
    world.says("olga", "members").await;
    let read = world.expect("olga", &["$3.25"]);
    assert!(!read.contains("excess"), "nothing is held above it: {read}");
    world.finish().await;
}

async fn rotate(world: &mut World, line: &str) {
    says(world, ("ana", line), async |world| {
        let grant = only_grant(world).await;
        grant.change.is_some() || 1 < grant.keys.len()
    })
    .await;
}

async fn overlap(world: &mut World) {
    rotate(world, "rotate 1 overlap 2h").await;
    passes(world, 2 * HOUR).await;
}

/// Another key has the rest of the cap, and is there to be revealed once.
async fn rotated(world: &mut World, told: &str) {
    reads_once(world, "ana", &[told]);
    another_key(world).await;
    world.finish().await;
}

async fn another_key(world: &mut World) {
    let grant = only_grant(world).await;
    assert_eq!(grant.state, State::Active);
    assert!(grant.change.is_none() && grant.revealed_at.is_none());
    let [key] = world.live_keys().try_into().expect("one key");
    assert_eq!(key.limit_micros, Some(16_750_000));
    reveals(world).await;
    let spent = world.sandbox.openrouter.spend(&key.secret, "1.25");
    spent.expect("it spends");
    world.later(LATE_BILLING).await;
    assert_eq!(world.standing_keys().len(), 1, "the old one is gone");
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $80.00", "$4.50"]);
}

async fn extend(world: &mut World) {
    says(world, ("ana", "extend 1 8d"), async |world| {
        lives_for(world, 7 * DAY).await
    })
    .await;
}

async fn lives_for(world: &World, span: Duration) -> bool {
    let now = world.bot().desk.clock.now();
    let end = only_grant(world).await.ends_at;
    end.is_some_and(|end| now + span < end)
}

async fn extended(world: &mut World) {
    assert!(lives_for(world, 7 * DAY).await);
    assert_eq!(world.live_keys().len(), 1, "its key is the same");
    world.later(7 * DAY + HOUR).await;
    assert_eq!(only_grant(world).await.state, State::Active);
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $80.00"]);
    world.finish().await;
}

async fn rotated_and_extended(world: &mut World) {
    reads_once(world, "ana", &["takes the place of the old key"]);
    another_key(world).await;
    assert!(lives_for(world, 18 * DAY).await);
    world.finish().await;
}
