//! An order that got lost on its way and arrives when nobody expects it any more.

use super::{arm, changes::a_revealed_key, flows::grants};
use crate::{postgres::Kind, runtime, world::World};
use slice_core::grant::{Key, KeyState};
use slice_sandbox::{Fate, Fault};
use std::{sync::atomic::Ordering, time::Duration};

/// The database fails just when a worker says that its order for another key was not answered, so that
/// the next one looks for that key some seconds later. The provider does not have it yet.
pub fn an_order_that_arrives_late(kind: Kind) {
    let database = kind.fresh();
    runtime().block_on(async {
        let mut world = World::new(database.url()).await;
        world.log_from = crate::closing::log_end();
        let trigger = arm(&mut world);
        a_revealed_key(&mut world).await;
        let orders = "POST /api/v1/keys";
        let faults = world.sandbox.faults.clone();
        faults.inject_on(orders, Fault::LostBefore, 1_000);
        world.says("ana", "rotate 1").await;
        let fails = trigger.fails.clone();
        world.sandbox.wire.on_crossing(Box::new(move |crossing| {
            if crossing.what == orders {
                fails.store(true, Ordering::SeqCst);
            }
            Fate::Pass
        }));
        // Owners are to hear of it after an hour, and just that fails.
        let mut steps = 0..240;
        while world.settle().await.is_ok() {
            steps.next().expect("it fails within two hours");
            world.sandbox.clock.advance(Duration::from_secs(30));
        }
        world.sandbox.wire.clear_hook();
        faults.clear();
        world.start().await.expect("the bot starts again");
        world.settled().await;
        let ordered = newest(&world).await;
        assert_eq!(ordered.state, KeyState::Intended);
        world.later(Duration::from_secs(10)).await;
        let provider = world.sandbox.openrouter.clone();
        let hash = provider.add_foreign_key("team", &ordered.label);
        provider.change_limit_behind_our_back(&hash, Some("0"));
        world.later(Duration::from_mins(1)).await;
        for _ in 0..6 {
            world.later(Duration::from_mins(10)).await;
        }
        let [grant] = grants(&world).await.try_into().expect("one grant");
        assert!(grant.change.is_none(), "it has another key in the end");
        world.finish().await;
    });
}

async fn newest(world: &World) -> Key {
    let [grant] = grants(world).await.try_into().expect("one grant");
    grant.keys.into_iter().next_back().expect("a key")
}
