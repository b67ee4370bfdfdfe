//! Who is what, and who is nothing.

use crate::world::World;
use serde_json::json;
use slice_sandbox::{ChannelKind, PersonKind};

pub async fn owners_by_channel(world: &mut World) {
    world.set_up().await;
    let keepers = world.town.gather("keepers", &["olga"]);
    world.says("ana", "roles list").await;
    world
        .says("olga", &format!("roles bind {keepers} owner"))
        .await;
    world.says("olga", "roles list").await;
    // An admin who is not in the channel is no owner any more; a member who joins it is one.
    world.town.add_person("otto", PersonKind::Admin);
    world.says("otto", "members").await;
    world.expect("otto", &["Only owners can do that"]);
    world.town.take_in("keepers", "bo");
    world.settled().await;
    world.says("bo", "members").await;
    world.expect("bo", &["$100.00"]);
    for _ in 0..2 {
        world
            .says("olga", &format!("roles unbind {keepers} owner"))
            .await;
    }
    world.says("otto", "members").await;
    world.expect("otto", &["$100.00"]);
}

pub async fn a_public_channel_is_refused(world: &mut World) {
    world.set_up().await;
    world.says("olga", "roles bind #general owner").await;
    world.expect("olga", &["Nothing was changed"]);
    let shared = ChannelKind::SHARED;
    world.town.add_channel("partners", shared);
    world.town.join("partners", "olga");
    world.town.invite_bot("partners");
    world.says("olga", "roles bind #partners owner").await;
    world.expect("olga", &["Nothing was changed"]);
    world.says("olga", "roles bind #slice-owners king").await;
    world.says("olga", "roles").await;
}

pub async fn a_user_group_binds_users(world: &mut World) {
    world.set_up().await;
    let group = world.sandbox.slack.add_usergroup("research", &["bo"]);
    world
        .says_raw(
            "olga",
            &format!("roles bind <!subteam^{group}|@research> user"),
        )
        .await;
    world.says("ana", "provision openrouter 5").await;
    world.expect("ana", &["can't do that"]);
    world.says("olga", "allocate @bo 10").await;
    world.says("bo", "provision openrouter 5").await;
    world.expect("bo", &["Your openrouter key is ready"]);
    world
        .sandbox
        .slack
        .set_usergroup("research", &["bo", "ana"]);
    world.settled().await;
    world.says("ana", "provision openrouter 5").await;
    world.expect("ana", &["Your openrouter key is ready"]);
}

pub async fn an_owner_who_left_the_channel_clicks(world: &mut World) {
    world.set_up().await;
    let keepers = world.town.gather("keepers", &["olga", "bo"]);
    world
        .says("olga", &format!("roles bind {keepers} owner"))
        .await;
    world.says("ana", "provision openrouter 60").await;
    world.town.put_out("keepers", "bo");
    world.settled().await;
    world.replays_click_as("olga", "Approve", "bo").await;
    world.expect("bo", &["Only owners can do that"]);
    world.says("bo", "approve 1").await;
    world.expect("bo", &["Only owners can do that"]);
    assert!(world.live_keys().is_empty());
    world.says("olga", "deny 1").await;
}

/// A bound channel that Slice can't see gives nobody its role, and takes nothing from anybody else.
pub async fn a_bound_channel_that_cannot_be_seen(world: &mut World) {
    world.set_up().await;
    world.says("olga", "roles bind #slice-owners owner").await;
    world.says("ana", "provision openrouter 20").await;
    world.all_read();
    world.town.remove_bot("slice-owners");
    world.says("ana", "budget").await;
    world.expect("ana", &["Committed: $20.00"]);
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["is back in your budget"]);
    world.says("bo", "help").await;
    world.says("olga", "roles list").await;
    world.expect(
        "olga",
        &["could not check", "/invite @Slice", "slice unbind"],
    );
    world.town.invite_bot("slice-owners");
    world.says("olga", "roles list").await;
    world.expect("olga", &["#slice-owners"]);
}

pub async fn guests_bots_strangers_and_the_gone(world: &mut World) {
    world.set_up().await;
    for (who, kind) in [
        ("gus", PersonKind::Guest),
        ("robo", PersonKind::Bot),
        ("sam", PersonKind::Stranger),
    ] {
        world.town.add_person(who, kind);
        world.says(who, "keys").await;
        world.expect(who, &["Nothing was changed"]);
        world.says("olga", &format!("allocate @{who} 10")).await;
        world.expect("olga", &["Nothing was changed"]);
    }
    world.says("olga", "allocate @bo 10").await;
    world.town.remove_person("bo");
    world.says_raw("bo", "keys").await;
    world.says("olga", "members").await;
}

pub async fn an_unknown_workspace(world: &mut World) {
    world.set_up().await;
    let slack = world.sandbox.slack.clone();
    let payload =
        slack.command_payload("T0STRANGER", "U0STRANGER", "C1", "provision openrouter 20");
    slack.inject_envelope("slash_commands", payload);
    slack.inject_envelope("slash_commands", json!({"nonsense": true}));
    slack.inject_envelope("interactive", json!({"type": "block_actions"}));
    slack.inject_envelope("no_such_type", json!([]));
    world.settled().await;
    assert!(world.live_keys().is_empty());
    let orgs = world.bot().desk.store.orgs().await.expect("it answers");
    assert_eq!(orgs.len(), 1, "a stranger opens no org");
    world.says("ana", "keys").await;
}
