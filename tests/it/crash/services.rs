//! Flows at providers: a bucket that lives on, or is left behind, and keys that no books know.

use super::{
    PROVIDERS_CHANGES,
    changes::reveals,
    flows::{Flow, grants, passes, reads_once, says},
};
use crate::world::{Way, World};
use slice_core::grant::{Grant, State};
use slice_sandbox::Act;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Metrics come late; by then all of it is read.
const ALL_READ: Duration = Duration::from_mins(25);
const LABEL: &str = "slice/11111111-2222-4333-8444-555555555555/1";

pub(super) const ALL: &[Flow] = &[
    Flow {
        name: "a_key_that_is_not_good_at_once",
        way: Way::SlackSocket,
        crossings: |crossing| crossing.what.ends_with("sts:GetCallerIdentity"),
        on_postgres: false,
        before: |world| Box::pin(slow_iam(world)),
        play: |world| Box::pin(take(world)),
        after: |world| Box::pin(taken(world)),
    },
    Flow {
        name: "a_life_is_extended_at_its_provider",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: false,
        before: |world| Box::pin(a_bucket(world)),
        play: |world| Box::pin(extend(world)),
        after: |world| Box::pin(extended(world)),
    },
    Flow {
        name: "a_bucket_is_taken_over",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: false,
        before: |world| Box::pin(a_bucket_left_behind(world)),
        play: |world| Box::pin(take_over(world)),
        after: |world| Box::pin(taken_over(world)),
    },
    Flow {
        name: "a_bucket_is_deleted",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: true,
        before: |world| Box::pin(a_bucket_left_behind(world)),
        play: |world| Box::pin(delete(world)),
        after: |world| Box::pin(deleted(world)),
    },
    Flow {
        name: "an_unknown_key_is_adopted",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: false,
        before: |world| Box::pin(a_stray(world)),
        play: |world| Box::pin(adopt(world)),
        after: |world| Box::pin(adopted(world)),
    },
    Flow {
        name: "an_unknown_key_is_discarded",
        way: Way::SlackSocket,
        crossings: PROVIDERS_CHANGES,
        on_postgres: true,
        before: |world| Box::pin(a_stray(world)),
        play: |world| Box::pin(discard(world)),
        after: |world| Box::pin(discarded(world)),
    },
];

async fn state(world: &World) -> Option<Grant> {
    grants(world).await.pop()
}

async fn slow_iam(world: &mut World) {
    world.set_up_s3().await;
    world.sandbox.aws.iam_takes(Duration::from_secs(5));
}

async fn take(world: &mut World) {
    let line = ("ana", "provision s3 20");
    says(world, line, async |world| state(world).await.is_some()).await;
    for seconds in [1, 2, 4] {
        passes(world, Duration::from_secs(seconds)).await;
    }
}

/// It was handed over once, and is good.
async fn taken(world: &mut World) {
    for _ in 0..4 {
        world.later(Duration::from_mins(10)).await;
    }
    reads_once(world, "ana", &["Your s3 key is ready"]);
    assert_eq!(world.aws_keys().len(), 1);
    reveals(world).await;
    world.stores_a_gib();
    world.finish().await;
}

/// ana holds a bucket for a week, with something in it.
async fn a_bucket(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20 for 7d").await;
    reveals(world).await;
    let put = Act::Put {
        key: "a",
        size: 1 << 30,
    };
    assert_eq!(world.acts(put), "done");
    world.all_read();
}

async fn extend(world: &mut World) {
    says(world, ("ana", "extend 1 20d"), async |world| {
        let grant = state(world).await.expect("a grant");
        let now = world.bot().desk.clock.now();
        let moved = grant.ends_at.is_some_and(|end| now + 8 * DAY < end);
        moved || grant.change.is_some()
    })
    .await;
}

async fn extended(world: &mut World) {
    reads_once(world, "ana", &["Your grant 1 lives until"]);
    world.later(10 * DAY).await;
    assert_eq!(world.acts(Act::List { times: 1 }), "done");
    let grant = state(world).await.expect("a grant");
    assert_eq!(grant.state, State::Active);
    assert!(grant.change.is_none());
    world.finish().await;
}

async fn a_bucket_left_behind(world: &mut World) {
    a_bucket(world).await;
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    let stays = "1.00 GiB in the bucket slice-";
    world.expect("olga", &[stays]);
    world.all_read();
}

async fn is_left(world: &World) -> bool {
    let grant = state(world).await.expect("a grant");
    grant.keys.iter().any(|key| key.left.is_some())
}

async fn take_over(world: &mut World) {
    let line = ("olga", "vault take 1");
    says(world, line, async |world| !is_left(world).await).await;
}

async fn taken_over(world: &mut World) {
    reads_once(world, "ana", &["It is charged to you no more"]);
    assert_eq!(world.aws_buckets().len(), 1, "it stays");
    is_charged_no_more(world).await;
}

async fn is_charged_no_more(world: &mut World) {
    assert!(!is_left(world).await);
    let before = state(world).await.expect("a grant").usage();
    world.later(2 * HOUR).await;
    let after = state(world).await.expect("a grant").usage();
    assert_eq!(before, after);
    world.finish().await;
}

async fn delete(world: &mut World) {
    let line = ("olga", "vault delete 1 all");
    says(world, line, async |world| {
        world.aws_buckets().is_empty() || !is_left(world).await
    })
    .await;
}

async fn deleted(world: &mut World) {
    world.later(HOUR).await;
    reads_once(world, "ana", &["It is charged to you no more"]);
    assert_eq!(world.aws_buckets().len(), 0);
    is_charged_no_more(world).await;
}

/// It is found while the bot may die: nobody has heard of it yet.
async fn a_stray(world: &mut World) {
    world.set_up().await;
    let provider = &world.sandbox.openrouter;
    let hash = provider.add_foreign_key("team", LABEL);
    provider.change_limit_behind_our_back(&hash, Some("20"));
    provider.include_byok_behind_our_back(&hash, true);
    let key = provider.key(&hash).expect("it was just made");
    provider.spend(&key.secret, "3.20").expect("it spends");
}

async fn found(world: &mut World) {
    passes(world, HOUR).await;
    reads_once(world, "olga", &["carries Slice's label"]);
}

async fn adopt(world: &mut World) {
    found(world).await;
    let line = ("olga", "adopt 1 @ana for 3d");
    says(world, line, async |world| state(world).await.is_some()).await;
}

async fn adopted(world: &mut World) {
    reads_once(world, "ana", &["Slice never had its secret"]);
    let grant = state(world).await.expect("a grant");
    assert_eq!((grant.state, grant.number), (State::Active, 1));
    assert_eq!(world.live_keys().len(), 1);
    world.says("ana", "budget").await;
    world.expect("ana", &["$3.20", "$16.80", "Free: $80.00"]);
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["It spent $3.20; $16.80 is back"]);
    world.finish().await;
    assert_eq!(world.standing_keys().len(), 0);
}

async fn discard(world: &mut World) {
    found(world).await;
    let line = ("olga", "vault discard 1");
    says(world, line, async |world| {
        let org = world.org().await;
        let scope = slice_core::books::Scope::new(org, slice_core::event::Actor::Slice).strays();
        let books = world.bot().desk.store.books(scope).await;
        let strays = books.expect("it answers").strays;
        strays.iter().all(|stray| stray.discarded_at.is_some())
    })
    .await;
}

async fn discarded(world: &mut World) {
    reads_once(world, "olga", &["is deleted"]);
    assert_eq!(world.standing_keys().len(), 0);
    world.later(HOUR).await;
    assert_eq!(world.reads("olga"), "");
    world.finish().await;
}
