//! What ends by the clock alone, and what is said before.

use crate::world::World;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

pub async fn a_request_lapses(world: &mut World) {
    world.set_up().await;
    world
        .says("ana", "provision openrouter 60 because \"the *big* run\"")
        .await;
    world.expect("olga", &["asks for grant 1", "[Approve]"]);
    world.later(71 * HOUR).await;
    world.later(59 * MINUTE).await;
    world.loose();
    world.later(MINUTE).await;
    world.expect(
        "ana",
        &[
            "Nobody answered your request for grant 1",
            "within 72 hours",
            "[Ask again]",
        ],
    );
    world.expect("olga", &["lapsed: nobody answered it in time."]);
    world.says("olga", "approve 1").await;
    world.expect("olga", &["lapsed", "Nothing was changed"]);
    world.clicks("ana", "Ask again").await;
    world.expect("olga", &["asks for grant 2", "the *big* run"]);
    world.clicks("olga", "Approve").await;
    world.expect("ana", &["Your openrouter key is ready"]);
}

pub async fn a_key_expires(world: &mut World) {
    world.set_up().await;
    world
        .says("ana", "provision openrouter 20 for 3d as ci")
        .await;
    world.clicks("ana", "Reveal key").await;
    world
        .town
        .person("ana")
        .close_modal()
        .expect("the view closes");
    let [key] = world.live_keys().try_into().expect("one key");
    world
        .sandbox
        .openrouter
        .spend(&key.secret, "7.50")
        .expect("the key spends");
    world.later(47 * HOUR).await;
    world.later(HOUR).await;
    world.expect(
        "ana",
        &["Your openrouter key (grant 1, ci) ends", "[Extend 7 d]"],
    );
    world.later(23 * HOUR).await;
    world.expect("ana", &["Your openrouter key (grant 1, ci) ends"]);
    world.later(59 * MINUTE).await;
    assert_eq!(
        world.live_keys().len(),
        1,
        "a key ends when it was said, not before"
    );
    world.later(MINUTE).await;
    world.expect(
        "ana",
        &[
            "has expired",
            "It spent $7.50; $12.50 is back in your budget",
        ],
    );
    assert!(world.live_keys().is_empty());
    world.says("ana", "budget").await;
    world.expect("ana", &["$92.50"]);
}

pub async fn a_key_that_nobody_reveals(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    world.later(20 * HOUR).await;
    world.expect("ana", &["waits to be revealed", "[Reveal key]"]);
    world.later(4 * HOUR).await;
    world.expect(
        "ana",
        &["was never revealed, so it was ended", "$20.00 is back"],
    );
    assert!(world.live_keys().is_empty());
    world.says("ana", "reveal 1").await;
    world.expect("ana", &["never revealed"]);
}

/// Reminded, and revealed after all.
pub async fn a_key_that_is_revealed_late(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    world.later(23 * HOUR).await;
    world.clicks("ana", "Reveal key").await;
    world
        .town
        .person("ana")
        .close_modal()
        .expect("the view closes");
    world.later(2 * HOUR).await;
    assert_eq!(world.live_keys().len(), 1, "it was revealed in time");
    world.loose();
}

pub async fn a_key_that_nobody_uses(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20 for 30d").await;
    world.clicks("ana", "Reveal key").await;
    world
        .town
        .person("ana")
        .close_modal()
        .expect("the view closes");
    let [key] = world.live_keys().try_into().expect("one key");
    world
        .sandbox
        .openrouter
        .spend(&key.secret, "3")
        .expect("the key spends");
    world.says("ana", "budget").await;
    world.expect("ana", &["$3.00"]);
    world.later(14 * 24 * HOUR).await;
    world.expect(
        "ana",
        &[
            "has spent nothing for 14 days, and holds $17.00",
            "[Release $17.00]",
        ],
    );
    world.clicks("ana", "Release $17.00").await;
    world.expect("ana", &["$17.00 is back in your budget"]);
    assert!(world.live_keys().is_empty());
}

/// What was said once of a key that nobody uses is not said again because its end is another.
pub async fn an_idle_key_is_extended(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    world.says("ana", "provision openrouter 20 for 30d").await;
    world.clicks("ana", "Reveal key").await;
    let closed = world.town.person("ana").close_modal();
    closed.expect("the view closes");
    // Slice was away for a while: it says what is so.
    world.later(16 * 24 * HOUR).await;
    world.expect("ana", &["has spent nothing for 16 days"]);
    world.all_read();
    world.later(13 * 24 * HOUR).await;
    world.expect("ana", &["ends", "[Extend 7 d]"]);
    world.says("ana", "extend 1 3d").await;
    world.expect("ana", &["Its key stays the same"]);
    world.all_read();
    world.later(24 * HOUR).await;
    let read = world.reads("ana");
    assert!(!read.contains("spent nothing"), "said once: {read}");
    world.later(24 * HOUR).await;
    world.expect("ana", &["ends", "[Extend 7 d]"]);
    world.loose();
}

/// [Extend 7 d] of the warning a day before, and [I'm done] of the one an hour before.
pub async fn an_end_is_put_off_and_then_wanted(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    world.says("ana", "provision openrouter 20 for 3d").await;
    world.clicks("ana", "Reveal key").await;
    let closed = world.town.person("ana").close_modal();
    closed.expect("the view closes");
    world.later(48 * HOUR).await;
    world.expect("ana", &["Your openrouter key (grant 1) ends"]);
    world.clicks("ana", "Extend 7 d").await;
    world.clicks("ana", "Extend with a new key").await;
    world.expect("ana", &["If nobody reveals it by", "grant 1 ends then"]);
    world.clicks("ana", "Reveal key").await;
    let closed = world.town.person("ana").close_modal();
    closed.expect("the view closes");
    world.later(6 * 24 * HOUR + 22 * HOUR).await;
    world.all_read();
    world.later(HOUR).await;
    world.expect("ana", &["Your openrouter key (grant 1) ends"]);
    world.clicks("ana", "I'm done: give it back").await;
    world.expect("ana", &["$20.00 is back in your budget"]);
    assert!(world.live_keys().is_empty());
}
