//! Many at once: 200 requests of one member whose budget is good for ten, with a provider and a chat
//! platform that ask to slow down.

use crate::{postgres::Kind, runtime, world::World};
use std::time::Duration;

pub fn two_hundred_at_once(kind: Kind) {
    let database = kind.fresh();
    runtime().block_on(async {
        let mut world = World::new(database.url()).await;
        world.set_up().await;
        world.sandbox.openrouter.retry_after(1);
        world.sandbox.openrouter.every_nth_is_429(Some(3));
        world.town.rate_limits(true);
        let ana = world.town.person("ana");
        for _ in 0..200 {
            let typed = ana.command("/slice", "provision openrouter 10");
            typed.expect("she types it");
        }
        world.settled().await;
        for _ in 0..40 {
            world.later(Duration::from_secs(20)).await;
        }
        world.sandbox.openrouter.every_nth_is_429(None);
        let keys = world.live_keys();
        assert_eq!(keys.len(), 10, "exactly ten keys");
        assert!(keys.iter().all(|key| key.limit_micros == Some(10_000_000)));
        let read = world.reads("ana");
        assert_eq!(read.matches("Reserved").count(), 10);
        assert_eq!(read.matches("Your openrouter key is ready").count(), 10);
        assert_eq!(read.matches("$10.00 short").count(), 190);
        world.finish().await;
    });
}
