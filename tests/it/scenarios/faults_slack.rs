//! A chat platform at its worst.

use crate::world::{MASTER, World, services};
use slice_sandbox::Fault;
use std::time::Duration;

pub async fn the_same_command_twice(world: &mut World) {
    world.set_up_all().await;
    for service in services::ALL {
        world.sandbox.faults.inject(Fault::DuplicateDelivery, 1);
        world
            .says("ana", &format!("provision {} 20", service.name))
            .await;
        assert_eq!(service.live(world), 1, "one key of {}", service.name);
        let read = world.reads("ana");
        assert_eq!(
            read.matches("Reserved").count(),
            1,
            "answered once:\n{read}"
        );
        // Another process has no memory of it; the database has.
        world.kill();
        world.start().await.expect("the bot starts");
        world.town.redeliver_last();
        world.settled().await;
        assert_eq!(service.live(world), 1, "one key of {}", service.name);
        let read = world.reads("ana");
        assert!(!read.contains("Reserved"), "answered once:\n{read}");
    }
}

pub async fn the_same_click_twice(world: &mut World) {
    world.set_up_all().await;
    world.says("olga", "topup @ana 500").await;
    for service in services::ALL {
        world
            .says("ana", &format!("provision {} 60", service.name))
            .await;
        world.sandbox.faults.inject(Fault::DuplicateDelivery, 1);
        world.clicks("olga", "Approve").await;
        assert_eq!(service.live(world), 1, "one key of {}", service.name);
        world
            .town
            .person("olga")
            .click_stale("Approve")
            .expect("an old button");
        world.settled().await;
        world.expect("olga", &["done already"]);
    }
    let next = services::ALL.len() + 1;
    world.says("ana", "provision openrouter 60").await;
    let olga = world.town.person("olga");
    for _ in 0..2 {
        olga.click("Deny…").expect("a button");
    }
    world.settled().await;
    world.submits("olga", &[]).await;
    world.says("olga", &format!("deny {next}")).await;
    world.expect("olga", &["denied"]);
    assert_eq!(world.live_keys().len(), 1);
    world.loose();
}

pub async fn sockets_that_drop_and_refresh(world: &mut World) {
    world.set_up().await;
    for fault in [Fault::DropSocket, Fault::RefreshSocket] {
        world.sandbox.faults.inject(fault, 1);
        world.says("ana", "provision openrouter 5").await;
    }
    world.sandbox.slack.drop_sockets();
    world.says("ana", "provision openrouter 5").await;
    world.sandbox.slack.refresh_sockets();
    world.says("ana", "provision openrouter 5").await;
    assert_eq!(world.live_keys().len(), 4);
    let read = world.reads("ana");
    assert_eq!(
        read.matches("Reserved").count(),
        4,
        "each answered once:\n{read}"
    );
    world.loose();
}

pub async fn an_expired_trigger(world: &mut World) {
    world.set_up().await;
    world.sandbox.faults.inject(Fault::ExpiredTrigger, 1);
    world.says("ana", "provision").await;
    world.expect("ana", &["took too long"]);
    world.says("ana", "provision openrouter 20").await;
    world.sandbox.faults.inject(Fault::ExpiredTrigger, 1);
    world.clicks("ana", "Reveal key").await;
    world.expect("ana", &["took too long"]);
    // Nothing was shown, so nothing is lost.
    world.clicks("ana", "Reveal key").await;
    let [key] = world.live_keys().try_into().expect("one key");
    world.expect("ana", &[&key.secret]);
}

pub async fn a_closed_response_url(world: &mut World) {
    world.set_up().await;
    world.sandbox.faults.inject(Fault::ClosedResponseUrl, 1);
    world.says("ana", "provision openrouter 20").await;
    world.expect("ana", &["Your openrouter key is ready"]);
    world.sandbox.faults.inject(Fault::ClosedResponseUrl, 1);
    world.sandbox.faults.inject(Fault::UserNotInChannel, 1);
    world.says("ana", "budget").await;
    assert_eq!(world.live_keys().len(), 1);
    world.sandbox.faults.clear();
}

pub async fn messages_that_get_lost(world: &mut World) {
    world.set_up().await;
    let ready = "Your openrouter key is ready";
    for (number, fault) in [
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::ServerError500,
        Fault::ServerErrorAfter500,
        Fault::BadGateway502,
        Fault::MalformedJson,
        Fault::TruncatedBody,
        Fault::RateLimited429 { retry_after: 2 },
    ]
    .into_iter()
    .enumerate()
    {
        world.sandbox.faults.inject_on(world.town.posts(), fault, 1);
        world.says("ana", "provision openrouter 2").await;
        for _ in 0..3 {
            world.later(Duration::from_mins(1)).await;
        }
        let read = world.reads("ana");
        assert_eq!(read.matches(ready).count(), 1, "{fault:?}:\n{read}");
        assert_eq!(world.live_keys().len(), number + 1);
    }
    world.loose();
}

pub async fn too_many_requests(world: &mut World) {
    world.set_up().await;
    world.town.rate_limits(true);
    for _ in 0..5 {
        world.says("ana", "provision openrouter 5").await;
    }
    for _ in 0..10 {
        world.later(Duration::from_secs(30)).await;
    }
    let read = world.reads("ana");
    assert_eq!(
        read.matches("Your openrouter key is ready").count(),
        5,
        "{read}"
    );
    assert!(!read.contains(MASTER));
    world.loose();
}
