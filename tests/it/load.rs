//! Many at once: 200 requests of one member whose budget is good for ten, with a provider and a chat
//! platform that ask to slow down. For each service.

use crate::{
    postgres::Kind,
    runtime,
    world::{World, services::Service},
};
use slice_sandbox::Fault;
use std::time::Duration;

const REQUESTS: usize = 200;
const GRANTED: usize = 10;
/// So often each call that makes something is put off.
const BUSY: usize = 12;

pub fn two_hundred_at_once(kind: Kind, service: &'static Service) {
    let database = kind.fresh();
    runtime().block_on(async {
        let mut world = World::new(database.url()).await;
        world.set_up_all().await;
        world.says("olga", "allocate @ana 200").await;
        world.all_read();
        let slow = Fault::RateLimited429 { retry_after: 1 };
        // What is only asked for, once for all, is no order: whoever asked hears that nothing came of it.
        let orders = service
            .making
            .iter()
            .filter(|call| !call.starts_with("GET"));
        for call in orders {
            world.sandbox.faults.inject_on(call, slow, BUSY);
        }
        world.town.rate_limits(true);
        let ana = world.town.person("ana");
        for _ in 0..REQUESTS {
            let typed = ana.command("/slice", &format!("provision {} 20", service.name));
            typed.expect("she types it");
        }
        world.settled().await;
        for _ in 0..40 {
            world.later(Duration::from_secs(20)).await;
        }
        let read = world.reads("ana");
        assert_eq!(world.sandbox.faults.pending(), 0, "it was busy");
        assert_eq!(service.live(&world), GRANTED, "exactly ten keys");
        assert_eq!(read.matches("Reserved").count(), GRANTED);
        let ready = format!("Your {} key is ready", service.name);
        assert_eq!(read.matches(&ready).count(), GRANTED);
        assert_eq!(read.matches("$20.00 short").count(), REQUESTS - GRANTED);
        // Ten pods that nobody reveals end at the same instant, which is not what this is about.
        world.town.rate_limits(false);
        world.finish().await;
    });
}
