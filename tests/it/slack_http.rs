//! The whole bot behind a public address, over signed HTTP.

use crate::{postgres::Kind, runtime, world::World};

pub const ALL: &[(&str, fn())] = &[(
    "slack_http::a_replayed_request_has_no_second_effect",
    a_replayed_request_has_no_second_effect,
)];

/// Whoever could read a request on its way sends it again within its five minutes, to a process that
/// remembers it and to one that does not.
fn a_replayed_request_has_no_second_effect() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let mut world = World::new(database.url()).await;
        world.set_up().await;
        assert_eq!(world.sandbox.slack.sockets(), 0);
        world.says("ana", "provision openrouter 20").await;
        let slack = world.sandbox.slack.clone();
        for _ in 0..2 {
            let heard = slack.replay_last().await;
            assert_eq!((heard.status, heard.body.as_str()), (200, ""));
            world.settled().await;
            assert_eq!(world.live_keys().len(), 1, "no second key");
            world.kill();
            world.start().await.expect("the bot starts again");
        }
        world.clicks("ana", "I'm done: give it back").await;
        slack.replay_last().await;
        world.settled().await;
        assert_eq!(world.live_keys().len(), 0);
        world.finish().await;
    });
}
