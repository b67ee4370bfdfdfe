//! Codes that join, as far as one Slack workspace shows it; `orgs` plays the rest.

use super::story::code;
use crate::world::World;
use std::time::Duration;

pub async fn a_code_and_who_may_say_it(world: &mut World) {
    world.set_up().await;
    world.says("ana", "link workspace").await;
    world.expect("ana", &["Only owners can do that"]);
    world.says("olga", "link workspace").await;
    let made = code(world, "olga", "link");
    world.says("ana", &format!("link workspace {made}")).await;
    world.expect("ana", &["Only owners can do that"]);
    // The org has books of its own, so it joins no other.
    world.says("olga", &format!("link workspace {made}")).await;
    world.expect("olga", &["can't join another org", "a master key"]);
    world.says("olga", "link me 1234").await;
    world.expect("olga", &["That code doesn't work"]);
    world.says("olga", "help link workspace").await;
    world.says("olga", "audit show").await;
}

pub async fn a_second_identity(world: &mut World) {
    world.set_up().await;
    world.says("olga", "allocate @bo 20").await;
    world.says("ana", "provision openrouter 50").await;
    world.says("bo", "provision openrouter 20").await;
    world.says("ana", "link me").await;
    let made = code(world, "ana", "link me");
    world.says("ana", &format!("link me {made}")).await;
    world.expect("ana", &["That code doesn't work"]);
    world.says("bo", &format!("link me {made}")).await;
    world.expect("bo", &["made by @ana", "Go on only if that is you"]);
    assert_eq!(
        world.reads("ana"),
        "",
        "nobody is asked before bo has seen that"
    );
    // The number of a code is no code, and another's button is nobody's.
    if world.says("bo", "said me 12").await {
        world.expect("bo", &["That code doesn't work"]);
    }
    world
        .replays_click_as("bo", "Yes, that is me", "olga")
        .await;
    world.expect("olga", &["for somebody else"]);
    world.clicks("bo", "Yes, that is me").await;
    world.expect("ana", &["Somebody said your code", "[That is me]", "[No]"]);
    world.replays_click_as("ana", "That is me", "bo").await;
    world.expect("bo", &["for somebody else"]);
    world.clicks("ana", "No").await;
    world.says("bo", &format!("link me {made}")).await;
    world.expect("bo", &["That code doesn't work"]);
    world.says("ana", "link me").await;
    let late = code(world, "ana", "link me");
    world.later(Duration::from_mins(10)).await;
    world.says("bo", &format!("link me {late}")).await;
    world.expect("bo", &["That code doesn't work"]);
    world.says("ana", "link me").await;
    let made = code(world, "ana", "link me");
    world.says("bo", &format!("link me {made}")).await;
    world.clicks("bo", "Yes, that is me").await;
    // A cut between the two: both keys together are more than the larger budget.
    world.says("olga", "allocate @ana 60").await;
    world.clicks("ana", "That is me").await;
    world.expect("olga", &["$60.00", "$10.00 is above the budget"]);
    world.says("olga", "members").await;
    world.says("bo", "keys").await;
    world.expect("bo", &["Grant 1", "Grant 2"]);
    world.says("bo", "provision openrouter 1").await;
    world.expect("bo", &["short"]);
    world.says("bo", "revoke 1").await;
    world.says("ana", "budget").await;
    world.says("olga", "audit show @bo").await;
    world.expect("olga", &["grant 1"]);
}
