//! Members who leave, and what owners make of their keys.

use super::story::{arrival, joined, two_identities};
use crate::world::World;
use slice_sandbox::{Fault, PersonKind};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// ana has spent $3.25 of grant 1, and leaves.
async fn ana_leaves(world: &mut World) {
    world.set_up().await;
    world
        .says("ana", "provision openrouter 20 for 30d as \"night run\"")
        .await;
    let [key] = world.standing_keys().try_into().expect("one key");
    let spent = world.sandbox.openrouter.spend(&key.secret, "3.25");
    spent.expect("the key spends");
    world.all_read();
    world.may_miss = true;
    world.town.remove_person("ana");
    world.noticed().await;
    let [key] = world.standing_keys().try_into().expect("one key");
    assert!(key.disabled, "it can spend nothing");
}

pub async fn nobody_decides_for_seven_days(world: &mut World) {
    ana_leaves(world).await;
    world.expect(
        "olga",
        &["@ana has left", "$16.75 left", "[Revoke]", "[Keep 7 days]"],
    );
    world.says("olga", "members").await;
    world.expect("olga", &["$16.75"]);
    world.later(Duration::from_mins(7 * 24 * 60 - 1)).await;
    assert_eq!(world.standing_keys().len(), 1, "the week is not over");
    world.later(Duration::from_mins(1)).await;
    assert!(world.live_keys().is_empty());
    world.expect("olga", &["is over: it is being revoked"]);
    world.says("olga", "members").await;
    world.expect("olga", &["free $96.75"]);
}

pub async fn an_owner_keeps_a_key(world: &mut World) {
    ana_leaves(world).await;
    world.clicks("olga", "Keep 7 days").await;
    world.expect("olga", &["still knows its secret"]);
    let [key] = world.standing_keys().try_into().expect("one key");
    assert!(!key.disabled, "it spends again");
    world.later(Duration::from_hours(1)).await;
    assert!(!world.standing_keys()[0].disabled, "and is left alone");
    world.says("ana", "keys").await;
    world.later(DAY * 6).await;
    world.says("olga", "keep 1").await;
    world.later(DAY * 6).await;
    assert_eq!(world.standing_keys().len(), 1, "the second week runs");
    world.later(DAY).await;
    assert!(world.live_keys().is_empty());
}

pub async fn an_owner_transfers_what_is_left(world: &mut World) {
    ana_leaves(world).await;
    world.clicks("olga", "Transfer to…").await;
    world.submits("olga", &[("To whom", "@bo")]).await;
    world.expect("olga", &["has no budget"]);
    world.says("olga", "allocate @bo 10").await;
    world.says("olga", "transfer 1 @bo").await;
    world.expect("olga", &["$6.75 short", "$10.00 free"]);
    world.says("olga", "transfer 1 @ana").await;
    world.says("olga", "topup @bo 6.75").await;
    let [old] = world.standing_keys().try_into().expect("one key");
    world.says("olga", "transfer 1 @bo").await;
    world.expect("olga", &["gets $16.75 as grant 2"]);
    world.expect("bo", &["gave you grant 2", "Your openrouter key is ready"]);
    let [new] = world.live_keys().try_into().expect("one key");
    assert_ne!(old.hash, new.hash);
    assert_eq!(new.limit_micros, Some(16_750_000));
    world.clicks("bo", "Reveal key").await;
    world.expect("bo", &[&new.secret]);
    world.says("olga", "transfer 1 @bo").await;
    world.expect("olga", &["can't be transferred"]);
    world.says("olga", "members").await;
    world.expect("olga", &["free $96.75", "free $0.00"]);
}

pub async fn an_owner_revokes(world: &mut World) {
    ana_leaves(world).await;
    world.clicks("olga", "Revoke").await;
    world.expect("olga", &["Its end was asked for by @olga"]);
    assert!(world.live_keys().is_empty());
    world.says("olga", "keep 1").await;
    world.expect("olga", &["can't be kept"]);
    world.says("bo", "keep 1").await;
    world.expect("bo", &["Only owners can do that"]);
}

pub async fn a_leaver_comes_back(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    world.town.set_kind("ana", PersonKind::Guest);
    world.noticed().await;
    world.expect("olga", &["@ana has left"]);
    assert!(world.standing_keys()[0].disabled);
    world.says("ana", "reveal 1").await;
    world.town.set_kind("ana", PersonKind::Member);
    world.noticed().await;
    world.expect("ana", &["your keys that were suspended go on"]);
    world.expect("olga", &["is back"]);
    assert!(!world.standing_keys()[0].disabled);
    world.later(DAY / 2).await;
    world.says("ana", "reveal 1").await;
    // A cut leaves an excess, and nothing that would add to it goes on.
    world.says("olga", "allocate @ana 5").await;
    world.town.set_kind("ana", PersonKind::Guest);
    world.noticed().await;
    world.says("olga", "keep 1").await;
    world.expect("olga", &["hold $15.00 more than the budget"]);
    world.town.set_kind("ana", PersonKind::Member);
    world.noticed().await;
    world.expect("olga", &["hold $15.00 more than the budget"]);
    assert!(world.standing_keys()[0].disabled);
    world.says("olga", "allocate @ana 30").await;
    world.later(Duration::from_mins(10)).await;
    assert!(!world.standing_keys()[0].disabled);
}

pub async fn a_role_is_taken_away(world: &mut World) {
    world.set_up().await;
    let research = world.town.gather("research", &["olga", "ana"]);
    world
        .says("olga", &format!("roles bind {research} user"))
        .await;
    world.says("ana", "provision openrouter 20").await;
    world.town.put_out("research", "ana");
    world.noticed().await;
    world.expect("olga", &["@ana has left: nothing gives that person a role"]);
    assert!(world.standing_keys()[0].disabled);
    world.town.take_in("research", "ana");
    world.noticed().await;
    assert!(!world.standing_keys()[0].disabled);
}

/// Events get lost; each holder of a live key is looked up by the clock as well.
pub async fn no_event_came(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    world.town.lose_person("ana");
    world.may_miss = true;
    world.later(Duration::from_mins(9)).await;
    assert!(!world.standing_keys()[0].disabled, "nobody knows yet");
    world.later(Duration::from_mins(1)).await;
    assert!(world.standing_keys()[0].disabled);
    world.expect("olga", &["@ana has left"]);
}

/// Whatever goes wrong when Slack is asked, nobody has left because of it.
pub async fn an_error_is_never_left(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    for fault in [
        Fault::ServerError500,
        Fault::RateLimited429 { retry_after: 1 },
        Fault::MalformedJson,
        Fault::LostBefore,
        Fault::NotFound404,
        Fault::TokenRevoked,
    ] {
        let platform = world.town.name().to_lowercase();
        if !fault.wires().contains(&platform.as_str()) {
            continue;
        }
        world
            .sandbox
            .faults
            .inject_on(world.town.looks_up(), fault, 1);
        world.later(Duration::from_mins(10)).await;
        assert_eq!(world.sandbox.faults.pending(), 0, "{fault:?} was met");
        assert!(
            !world.standing_keys()[0].disabled,
            "{fault:?} is not “left”"
        );
    }
    world.later(Duration::from_mins(10)).await;
    assert!(!world.standing_keys()[0].disabled);
}

/// Every way in which a provider answers wrongly while keys are suspended and resumed: in the end
/// the key stands as the books say, and in between it never spends more than they hold.
pub async fn a_provider_at_its_worst(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    let faults = Fault::ALL
        .iter()
        .filter(|fault| fault.wires().contains(&"openrouter"))
        .filter(|fault| !matches!(fault, Fault::HangBefore | Fault::HangAfter));
    for fault in faults {
        for is_there in [false, true] {
            let kind = if is_there {
                PersonKind::Member
            } else {
                PersonKind::Guest
            };
            let route = "PATCH /api/v1/keys";
            world.sandbox.faults.inject_on(route, *fault, 1);
            world.town.set_kind("ana", kind);
            world.noticed().await;
            for _ in 0..5 {
                world.later(Duration::from_mins(1)).await;
            }
            assert_eq!(world.sandbox.faults.pending(), 0, "{fault:?} was met");
            world.sandbox.faults.clear();
            let keys = world.standing_keys();
            assert_eq!(keys.len(), 1, "{fault:?}: the key is still there");
            assert_eq!(keys[0].disabled, !is_there, "{fault:?}");
        }
    }
    world.loose();
}

/// She goes again while nobody knows whether the provider heard that her key may spend.
pub async fn gone_before_the_key_is_back(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    let slack = world.sandbox.slack.clone();
    slack.set_kind("ana", PersonKind::Guest);
    world.settled().await;
    let faults = &world.sandbox.faults;
    faults.inject_on("PATCH /api/v1/keys", Fault::LostAfter, 2);
    slack.set_kind("ana", PersonKind::Member);
    world.settled().await;
    slack.set_kind("ana", PersonKind::Guest);
    world.settled().await;
    world.sandbox.faults.clear();
    let org = world.org().await;
    let state = |grants: Vec<slice_core::grant::Grant>| grants[0].keys[0].state;
    let store = world.bot().desk.store.clone();
    let grants = store.live_grants(org).await.expect("it answers");
    assert_eq!(
        state(grants),
        slice_core::grant::KeyState::Enabling,
        "what may still be under way is not believed to be over"
    );
    world.later(Duration::from_mins(1)).await;
    let grants = store.live_grants(org).await.expect("it answers");
    assert_eq!(state(grants), slice_core::grant::KeyState::Disabled);
    assert!(world.standing_keys()[0].disabled);
}

/// Slack throws Slice out: the owners read of it in Discord, where they are known too. bo, whom only
/// Slack knows, can spend nothing; ana, whom Discord knows as well, goes on.
pub async fn one_platform_removes_slice(world: &mut World) {
    arrival(world).await;
    world.says("olga", "allocate @bo 10").await;
    world.says("bo", "provision openrouter 10").await;
    world.says("ana", "provision openrouter 20").await;
    joined(world).await;
    world.crosses();
    two_identities(world, "olga").await;
    world.town.gather("keepers", &["olga"]);
    world.says("olga", "roles bind @keepers owner").await;
    world.all_read();
    world.sandbox.slack.uninstall();
    world.may_miss = true;
    world.settled().await;
    let told = world.expect("olga", &["Slack workspace", "removed Slice"]);
    assert_eq!(told.matches("removed Slice").count(), 1, "{told}");
    let mut keys = world.standing_keys();
    keys.sort_by_key(|key| key.limit_micros);
    let stopped: Vec<_> = keys.iter().map(|key| key.disabled).collect();
    assert_eq!(stopped, [true, false], "bo's stands still, ana's does not");
    world.says("olga", "members").await;
    world.expect("olga", &["$10.00", "$20.00"]);
}
