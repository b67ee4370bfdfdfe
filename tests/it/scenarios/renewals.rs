//! Grants that go on from month to month: what lets them, what refuses it, and what is said of that.

use crate::world::World;
use slice_core::money::Money;
use slice_sandbox::{Direction, Fault, KeyState};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const MAKES: &str = "POST /api/v1/keys";
const CHANGES: &str = "PATCH /api/v1/keys";

/// ana holds $20 each month, has seen her key, and has spent $15 with it.
async fn a_key_for_each_month(world: &mut World) -> KeyState {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    world.says("olga", "settings longest-life 20d").await;
    world.says("ana", "provision openrouter 20 monthly").await;
    reveals(world).await;
    let key = world.live_keys().pop().expect("a key");
    let spent = world.sandbox.openrouter.spend(&key.secret, "15");
    spent.expect("the key spends");
    key
}

async fn reveals(world: &mut World) {
    world.clicks("ana", "Reveal key").await;
    let closed = world.town.person("ana").close_modal();
    closed.expect("the view closes");
}

fn refuses(world: &World, route: &str) {
    let faults = &world.sandbox.faults;
    faults.inject_on(route, Fault::PaymentRequired402, 10_000);
}

/// How often the provider was asked.
fn tries(world: &World, route: &str) -> usize {
    let crossings = world.sandbox.wire.crossings();
    let asked = crossings
        .iter()
        .filter(|crossing| crossing.direction == Direction::In && crossing.what.contains(route));
    asked.count()
}

async fn passes(world: &mut World, step: Duration, times: usize) {
    for _ in 0..times {
        world.later(step).await;
    }
}

fn limits(world: &World) -> Vec<Option<i64>> {
    let keys = world.live_keys();
    keys.iter().map(|key| key.limit_micros).collect()
}

/// The provider makes no other key two days before the end of this one, and gives up on it: it is asked
/// again hours later, and ana hears of it once.
async fn a_refused_replacement(world: &mut World) {
    a_key_for_each_month(world).await;
    passes(world, DAY, 17).await;
    world.later(23 * HOUR).await;
    refuses(world, MAKES);
    world.all_read();
    let before = tries(world, MAKES);
    world.later(HOUR).await;
    passes(world, 2 * MINUTE, 12).await;
    let told = [
        "A new one is being made",
        "could not be replaced",
        "every 3 hours",
    ];
    let mut read = world.expect("ana", &told);
    let asked = tries(world, MAKES);
    assert!(before < asked);
    passes(world, 15 * MINUTE, 10).await;
    assert_eq!(tries(world, MAKES), asked, "it is left alone for a while");
    passes(world, 5 * MINUTE, 12).await;
    assert!(asked < tries(world, MAKES), "and asked again");
    read += &world.reads("ana");
    for told in told {
        assert_eq!(read.matches(told).count(), 1, "{told}: {read}");
    }
    world.all_read();
}

pub async fn a_replacement_that_is_refused(world: &mut World) {
    a_refused_replacement(world).await;
    world.sandbox.faults.clear();
    passes(world, HOUR, 3).await;
    world.expect("ana", &["Your openrouter key is ready", "$4.50 of the cap"]);
    reveals(world).await;
    world.later(DAY).await;
    world.expect("ana", &["has stopped working"]);
    assert_eq!(limits(world), [Some(5_000_000)]);
    world.later(6 * MINUTE).await;
    world.loose();
}

pub async fn a_replacement_that_never_comes(world: &mut World) {
    a_refused_replacement(world).await;
    passes(world, HOUR, 21).await;
    let refused = "refuses what would let it go on";
    world.expect("ana", &[refused, "[I'm done: give it back]"]);
    passes(world, HOUR, 23).await;
    let read = world.expect("ana", &[refused]);
    assert_eq!(
        read.matches(refused).count(),
        1,
        "an hour before too: {read}"
    );
    assert!(!read.contains("could not be replaced"), "{read}");
    assert!(!read.contains("Extend"), "{read}");
    world.later(HOUR).await;
    world.expect("ana", &["has expired", "$5.00 is back"]);
    assert!(world.live_keys().is_empty());
    world.sandbox.faults.clear();
    world.loose();
}

/// Whoever rotates a key that ends soon gets one that lives on.
pub async fn a_rotation_is_a_replacement(world: &mut World) {
    a_refused_replacement(world).await;
    world.sandbox.faults.clear();
    world.says("ana", "rotate 1").await;
    world.expect(
        "ana",
        &["takes the place of the old key", "grant 1 ends then"],
    );
    reveals(world).await;
    passes(world, HOUR, 72).await;
    assert_eq!(limits(world), [Some(5_000_000)]);
    world.loose();
}

/// The month turns, and the provider does not let the key spend more: the money comes when it does.
pub async fn a_month_that_is_refused(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    world.says("ana", "provision openrouter 20 monthly").await;
    reveals(world).await;
    let key = world.live_keys().pop().expect("a key");
    let spent = world.sandbox.openrouter.spend(&key.secret, "15");
    spent.expect("the key spends");
    world.later(29 * DAY + 11 * HOUR).await;
    refuses(world, CHANGES);
    world.all_read();
    world.later(HOUR).await;
    passes(world, 2 * MINUTE, 12).await;
    let refused = "could not be given its $20.00 for December";
    let read = world.expect("ana", &[refused, "It keeps what is left of its cap."]);
    assert!(!read.contains("has $20.00"), "not confirmed yet: {read}");
    assert_eq!(limits(world), [Some(20_000_000)]);
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $95.00"]);
    let asked = tries(world, CHANGES);
    passes(world, 15 * MINUTE, 10).await;
    assert_eq!(tries(world, CHANGES), asked, "it is left alone for a while");
    passes(world, 5 * MINUTE, 12).await;
    assert!(asked < tries(world, CHANGES), "and asked again");
    let read = world.reads("ana");
    assert!(!read.contains("for December:"), "said once: {read}");
    assert!(!read.contains("has $20.00"), "not confirmed yet: {read}");
    world.sandbox.faults.clear();
    world.all_read();
    passes(world, HOUR, 3).await;
    let read = world.expect("ana", &["has $20.00 for December"]);
    assert_eq!(read.matches("$20.00").count(), 1, "said once: {read}");
    assert_eq!(limits(world), [Some(35_000_000)]);
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $80.00"]);
    // And the next month comes as usual.
    passes(world, DAY, 31).await;
    world.expect("ana", &["has $20.00 for January"]);
}

/// A budget without room for the month stops the key, and its end is told as any other's.
pub async fn what_stands_still_ends(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    world.says("olga", "settings longest-life 33d").await;
    world.says("ana", "provision openrouter 20 monthly").await;
    reveals(world).await;
    world.says("olga", "allocate @ana 10").await;
    passes(world, DAY, 29).await;
    world.later(12 * HOUR).await;
    world.expect("ana", &["has no room for the $20.00"]);
    world.all_read();
    passes(world, HOUR, 84).await;
    let read = world.expect("ana", &["has expired", "$20.00 is back"]);
    let said = "It stands still: your budget has no room for it.";
    assert_eq!(
        read.matches(said).count(),
        2,
        "a day and an hour before: {read}"
    );
    assert!(!read.contains("Extend"), "{read}");
    world.loose();
}

/// AWS moves a key's end, so the same key goes on.
pub async fn a_bucket_for_each_month(world: &mut World) {
    world.set_up_s3().await;
    world.says("olga", "settings digest-day off").await;
    world.says("olga", "settings longest-life 20d").await;
    world.says("ana", "provision s3 20 monthly").await;
    reveals(world).await;
    world.stores_a_gib();
    let [key] = world.aws_keys().try_into().expect("one key");
    passes(world, DAY, 17).await;
    world.all_read();
    world.later(DAY).await;
    world.expect("ana", &["Your grant 1 lives until"]);
    passes(world, DAY, 12).await;
    world.expect("ana", &["has $20.00 for December"]);
    assert_eq!(world.downloads(1), "done");
    let [still] = world.aws_keys().try_into().expect("one key");
    assert_eq!((&still.id, still.active), (&key.id, true));
    let mut rounds = 0;
    while world.downloads(12) == "done" {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 40, "it stops at its cap");
    }
    world.expect("ana", &["was stopped"]);
    world.all_read();
    // While it stands still its end comes near, and is moved as well.
    passes(world, DAY, 8).await;
    world.expect("ana", &["Your grant 1 lives until"]);
    passes(world, DAY, 24).await;
    world.expect("ana", &["has $20.00 for January"]);
    assert_eq!(world.downloads(1), "done");
    let [still] = world.aws_keys().try_into().expect("one key");
    assert_eq!((still.id, still.active), (key.id, true));
    let org = world.org().await;
    let members = world.bot().desk.store.members(org).await.expect("members");
    assert!(
        members
            .iter()
            .all(|one| one.budget.balance() >= Money::ZERO)
    );
    world.loose();
}
