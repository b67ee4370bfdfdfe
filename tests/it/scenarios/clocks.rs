//! Clocks that go back, or ran ahead.

use super::calendar::ana_spends;
use crate::world::World;
use slice_sandbox::{Fate, Fault};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A clock that goes back repeats nothing, and the calendar goes on from there.
pub async fn a_clock_that_goes_back(world: &mut World) {
    world.set_up().await;
    ana_spends(world, "6.60").await;
    let now = world.sandbox.clock.now();
    world.later(400 * DAY).await;
    world.later(HOUR).await;
    world.all_read();
    world.sandbox.clock.set(now);
    world.settled().await;
    let told = world.reads("olga");
    assert!(told.contains("it had opened December 2027"), "{told}");
    world.later(HOUR).await;
    world.loose();
    world.later(8 * DAY).await;
    // The month never goes back, and so the week is the last one before it.
    world.expect("olga", &["to 30 November", "it had opened December 2027"]);
    world.later(HOUR).await;
    world.loose();
}

/// The clock steps back over midnight while a job of that midnight is being done: it is done when midnight
/// comes again, once, and of the right week and month.
pub async fn a_clock_that_steps_back_over_midnight(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-hour 0").await;
    ana_spends(world, "6.60").await;
    world.later(28 * DAY + 11 * HOUR + 59 * MINUTE).await;
    steps_back(world).await;
    world.later(MINUTE).await;
    let olga = world.expect("olga", &["in the week to 29 November"]);
    assert_eq!(olga.matches("in the week to").count(), 1, "{olga}");
    world.later(23 * HOUR + 59 * MINUTE).await;
    steps_back(world).await;
    world.later(MINUTE).await;
    for who in ["olga", "ana"] {
        let read = world.expect(who, &["December has begun"]);
        assert_eq!(read.matches("has begun").count(), 1, "{who}: {read}");
    }
    world.later(HOUR).await;
    let read = world.reads("olga") + &world.reads("ana");
    assert!(!read.contains("has begun"), "{read}");
}

/// A minute passes, and is taken back as soon as a job that is due asks the provider what was spent.
async fn steps_back(world: &mut World) {
    world.all_read();
    let clock = world.sandbox.clock.clone();
    let (before, stepped) = (clock.now(), Arc::new(AtomicBool::new(false)));
    let steps = stepped.clone();
    world.sandbox.wire.on_crossing(Box::new(move |crossing| {
        if crossing.wire == "openrouter" && !steps.swap(true, Ordering::SeqCst) {
            clock.set(before);
        }
        Fate::Pass
    }));
    world.later(MINUTE).await;
    world.sandbox.wire.clear_hook();
    assert!(stepped.load(Ordering::SeqCst), "a job was being done");
    for who in ["olga", "ana"] {
        let read = world.reads(who);
        for told in ["in the week to", "has begun"] {
            assert!(!read.contains(told), "{who} reads before midnight: {read}");
        }
    }
}

/// Slice ran with a clock that was three days ahead, until that was put right: what it leased and
/// paused meanwhile waits for nobody, and nothing is told twice.
pub async fn a_clock_that_ran_ahead(world: &mut World) {
    world.set_up().await;
    let right = world.sandbox.clock.now();
    world.sandbox.clock.advance(3 * DAY);
    world.settled().await;
    world.says("ana", "provision openrouter 10 for 30d").await;
    world.clicks("ana", "Reveal key").await;
    world.all_read();
    let faults = world.sandbox.faults.clone();
    let busy = Fault::RateLimited429 { retry_after: 60 };
    // One is to be ended, one is in doubt, and one could not be begun.
    faults.inject_on("PATCH /api/v1/keys", Fault::ServerError500, 1);
    world.says("ana", "revoke 1").await;
    faults.inject_on("POST /api/v1/keys", Fault::ServerError500, 1);
    world.says("ana", "provision openrouter 20 for 30d").await;
    faults.inject_on("POST /api/v1/keys", busy, 1);
    world.says("ana", "provision openrouter 30 for 30d").await;
    assert_eq!(faults.pending(), 0);
    world.all_read();
    world.kill();
    world.sandbox.clock.set(right);
    world.start().await.expect("the bot starts");
    world.settled().await;
    for _ in 0..3 {
        world.later(MINUTE).await;
    }
    let told = world.expect(
        "ana",
        &["$10.00 is back in your budget", "Grant: 2", "Grant: 3"],
    );
    assert_eq!(told.matches("key is ready").count(), 2, "{told}");
    let [first, second] = world.live_keys().try_into().expect("two keys");
    let spent = world.sandbox.openrouter.spend(&second.secret, "2.50");
    spent.expect("the key spends");
    world.later(5 * MINUTE).await;
    world.says("olga", "members").await;
    world.expect("olga", &["spent $2.50"]);
    assert_ne!(first.hash, second.hash);
    // What was told of the days ahead is not told again when they come. The keys end one after the other.
    world.later(Duration::from_mins(24 * 60 - 7)).await;
    world.later(2 * DAY).await;
    let told = world.reads("olga");
    assert!(!told.contains("in the week to"), "{told}");
}
