//! Spending is seen within minutes, whoever asks.

use crate::world::World;
use slice_sandbox::{Act, Fault, KeyState};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// ana holds a key of $20 for two months, and has it in her hands.
async fn a_key(world: &mut World) -> KeyState {
    world.says("ana", "provision openrouter 20 for 60d").await;
    world.clicks("ana", "Reveal key").await;
    world
        .town
        .person("ana")
        .close_modal()
        .expect("the view closes");
    world.live_keys().pop().expect("a key")
}

async fn spent(world: &World) -> String {
    let org = world.org().await;
    let members = world.bot().desk.store.members(org).await;
    let members = members.expect("the database answers");
    let spent: slice_core::money::Money = members.iter().map(|one| one.budget.spent).sum();
    spent.to_string()
}

/// How often the provider was asked for its list.
fn lists(world: &World) -> usize {
    let crossings = world.sandbox.wire.crossings();
    let asked = crossings
        .iter()
        .filter(|one| one.what == "GET /api/v1/keys");
    asked.count()
}

pub async fn five_minutes(world: &mut World) {
    world.set_up().await;
    let key = a_key(world).await;
    let provider = world.sandbox.openrouter.clone();
    provider.spend(&key.secret, "3.50").expect("the key spends");
    world.later(5 * MINUTE).await;
    assert_eq!(spent(world).await, "$3.50");
    // Rounds that find nothing new write nothing.
    let before = world.org_events().await;
    for _ in 0..3 {
        world.later(5 * MINUTE).await;
    }
    assert_eq!(world.org_events().await, before);
    provider
        .spend(&key.secret, "16.51")
        .expect("the last request may be more");
    world.later(5 * MINUTE).await;
    assert_eq!(spent(world).await, "$20.01", "charged as it is");
    world.says("ana", "keys").await;
    world.expect("ana", &["$20.01"]);
}

/// The month's last reading comes before its turn, so that a month's spending is that month's.
pub async fn the_end_of_a_month(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    let key = a_key(world).await;
    world.later(29 * DAY + Duration::from_hours(11)).await;
    world.later(58 * MINUTE).await;
    let provider = world.sandbox.openrouter.clone();
    provider.spend(&key.secret, "4").expect("the key spends");
    world.later(MINUTE).await;
    world.all_read();
    world.later(MINUTE).await;
    let december = world.expect(
        "ana",
        &["December has begun: $100.00 new, $16.00 still committed"],
    );
    assert!(!december.contains("spent already"), "{december}");
    world.expect("olga", &["Spent in November: $4.00"]);
}

/// Slice was down over the turn.
pub async fn read_only_after_the_turn(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    let key = a_key(world).await;
    world.kill();
    let provider = world.sandbox.openrouter.clone();
    provider.spend(&key.secret, "4").expect("the key spends");
    world.sandbox.clock.advance(40 * DAY);
    world.start().await.expect("the bot starts again");
    world.settled().await;
    let read = world.expect(
        "ana",
        &["$4.00 that was read only now", "counts in December"],
    );
    assert_eq!(read.matches("read only now").count(), 1, "{read}");
}

/// ana asks for herself while rounds fail: what she hears of is told once, and what she spends then is
/// this month's.
pub async fn asked_for_after_the_turn(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    let key = a_key(world).await;
    world.kill();
    let provider = world.sandbox.openrouter.clone();
    provider.spend(&key.secret, "4").expect("the key spends");
    world.sandbox.clock.advance(40 * DAY);
    let faults = world.sandbox.faults.clone();
    faults.inject_on("openrouter GET /api/v1/keys", Fault::ServerError500, 1);
    world.start().await.expect("the bot starts again");
    world.settled().await;
    world.says("ana", "keys").await;
    world.expect("ana", &["$4.00 that was read only now"]);
    provider.spend(&key.secret, "3").expect("the key spends");
    world.says("ana", "keys").await;
    world.later(5 * MINUTE).await;
    let read = world.expect("ana", &["$7.00"]);
    assert!(!read.contains("read only now"), "{read}");
}

/// The buckets of ana's two keys, of which nobody but their holders may know; it is an hour before the
/// month's turn.
async fn two_buckets(world: &mut World) -> [String; 2] {
    world.set_up_s3().await;
    world.says("olga", "settings digest-day off").await;
    world.later(29 * DAY + Duration::from_hours(11)).await;
    for _ in 0..2 {
        world.says("ana", "provision s3 20").await;
        world.stores_a_gib();
    }
    world.later(5 * MINUTE).await;
    world.all_read();
    let buckets = world.aws_buckets().into_iter().map(|bucket| bucket.name);
    buckets.collect::<Vec<_>>().try_into().expect("two buckets")
}

/// Who holds the keys downloads 10 GiB with each.
fn download(world: &World, buckets: &[String]) {
    for (key, bucket) in world.aws_keys().iter().zip(buckets) {
        let act = Act::Get {
            key: "a",
            times: 10,
        };
        let done = world.sandbox.aws.act(&key.id, bucket, act);
        done.expect("it may be read");
    }
}

/// One key cannot be read over the turn, and another one is: what the first one spent is told once it
/// can be read, once.
pub async fn one_key_unread_over_the_turn(world: &mut World) {
    let buckets = two_buckets(world).await;
    let faults = world.sandbox.faults.clone();
    faults.inject_on(&buckets[0], Fault::Forbidden403, 10_000);
    world.later(5 * MINUTE).await;
    download(world, &buckets);
    world.minutes(80).await;
    let read = world.expect("ana", &["December has begun"]);
    assert!(!read.contains("read only now"), "the other one was: {read}");
    faults.clear();
    world.minutes(70).await;
    let read = world.expect("ana", &["that was read only now", "counts in December"]);
    assert_eq!(read.matches("read only now").count(), 1, "{read}");
    world.loose();
}

/// Slice was down over the turn, and one key cannot be read when it is back: what each spent is told when
/// it is read.
pub async fn read_in_part_after_the_turn(world: &mut World) {
    let buckets = two_buckets(world).await;
    world.kill();
    download(world, &buckets);
    world.sandbox.clock.advance(Duration::from_hours(4));
    let faults = world.sandbox.faults.clone();
    faults.inject_on(&buckets[0], Fault::Forbidden403, 10_000);
    world.start().await.expect("the bot starts again");
    world.settled().await;
    world.minutes(30).await;
    let read = world.expect("ana", &["that was read only now", "counts in December"]);
    assert_eq!(read.matches("read only now").count(), 1, "{read}");
    faults.clear();
    world.minutes(70).await;
    let read = world.expect("ana", &["that was read only now", "counts in December"]);
    assert_eq!(read.matches("read only now").count(), 1, "{read}");
    world.loose();
}

/// What was planned before the clock went back does not keep the meter waiting.
pub async fn a_clock_that_goes_back(world: &mut World) {
    world.set_up().await;
    let key = a_key(world).await;
    let now = world.sandbox.clock.now();
    world.later(DAY).await;
    world.sandbox.clock.set(now);
    world.settled().await;
    let provider = world.sandbox.openrouter.clone();
    provider.spend(&key.secret, "3.50").expect("the key spends");
    world.later(5 * MINUTE).await;
    assert_eq!(spent(world).await, "$3.50");
}

/// Told once when it begins and once when it is over, however long it takes.
pub async fn a_provider_that_does_not_answer(world: &mut World) {
    world.set_up().await;
    let key = a_key(world).await;
    world.later(5 * MINUTE).await;
    world.all_read();
    let faults = world.sandbox.faults.clone();
    faults.inject_on("openrouter GET", Fault::ServerError500, 1_000);
    world.later(5 * MINUTE).await;
    world.loose();
    for _ in 0..60 {
        world.later(2 * MINUTE).await;
    }
    let told = world.expect("olga", &["openrouter can't be read since", "as of"]);
    assert_eq!(told.matches("can't be read").count(), 1, "{told}");
    let asked = lists(world);
    assert!(asked < 60, "it is left alone for longer each time: {asked}");
    faults.clear();
    let provider = world.sandbox.openrouter.clone();
    provider.spend(&key.secret, "2").expect("the key spends");
    world.later(Duration::from_hours(1)).await;
    world.expect("olga", &["openrouter can be read again"]);
    assert_eq!(spent(world).await, "$2.00");
    world.loose();
}

pub async fn a_master_key_that_is_refused(world: &mut World) {
    world.set_up().await;
    a_key(world).await;
    world
        .sandbox
        .openrouter
        .revoke_management_key(crate::world::MASTER);
    world.all_read();
    for _ in 0..3 {
        world.later(5 * MINUTE).await;
    }
    world.expect(
        "olga",
        &[
            "openrouter can't be read since",
            "/slice vault rotate openrouter",
        ],
    );
    for _ in 0..10 {
        world.later(10 * MINUTE).await;
    }
    world.loose();
    world.may_miss = true;
}
