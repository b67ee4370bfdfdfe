//! Master keys: in by a form, checked, sealed, replaced, removed.

use crate::world::{MASTER, World};
use slice_core::steps::LATE_BILLING;

const SECOND: &str = "sk-or-mgmt-second-canary-89abcdef0123456789abcdef01234567";

pub async fn add_check_rotate_remove(world: &mut World) {
    world.start().await.expect("the bot starts");
    world.settled().await;
    world.says("ana", "vault").await;
    world.says("olga", "vault").await;
    world.says("ana", "provision openrouter 20").await;
    world.deposit().await;
    world.says("olga", "vault list").await;
    world.says("olga", "vault add openrouter").await;
    world.says("olga", "vault check").await;
    world.says("olga", "allocate @ana 50").await;
    world.says("ana", "provision openrouter 20").await;
    world.says("olga", "vault remove openrouter").await;
    world.expect("olga", &["Nothing was changed"]);
    world
        .sandbox
        .openrouter
        .add_management_key(SECOND, "team", "1000");
    world.says("olga", "vault rotate openrouter").await;
    world.submits("olga", &[("Master key", SECOND)]).await;
    world.sandbox.openrouter.revoke_management_key(MASTER);
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["is back in your budget"]);
    world.says("olga", "vault remove openrouter").await;
    world.expect("olga", &["Nothing was changed"]);
    world.later(LATE_BILLING).await;
    world.says("olga", "vault remove openrouter").await;
    world.says("olga", "vault list").await;
    world.says("ana", "provision openrouter 20").await;
    world.expect("ana", &["There is no master key for openrouter"]);
}

/// A master key of another account would leave keys that spend and that nobody can end.
pub async fn a_master_key_of_another_account(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    let provider = world.sandbox.openrouter.clone();
    provider.add_management_key(SECOND, "elsewhere", "1000");
    world.says("olga", "vault rotate openrouter").await;
    world.submits("olga", &[("Master key", SECOND)]).await;
    world.expect(
        "olga",
        &[
            "is of another account",
            "Nothing was changed",
            "[Replace it anyway…]",
        ],
    );
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["$20.00 is back in your budget"]);
    world.says("ana", "provision openrouter 20").await;
    world.clicks("olga", "Replace it anyway…").await;
    world.submits("olga", &[("Master key", SECOND)]).await;
    world.expect("olga", &["can no longer end or read those"]);
    world.says("ana", "keys").await;
    world.expect("ana", &["not known there to the master key"]);
    // The owner ends it at the provider, as she was told.
    for key in world.live_keys() {
        provider.delete_behind_our_back(&key.hash);
    }
    world.says("ana", "revoke 2").await;
    world.expect("ana", &["counts as spent"]);
    world.later(LATE_BILLING).await;
    for key in world.standing_keys() {
        provider.delete_behind_our_back(&key.hash);
    }
}

/// The balance of the account is too low for a key to spend, and for its check to be silent.
pub async fn a_balance_that_is_too_low(world: &mut World) {
    world.set_up().await;
    world.sandbox.openrouter.set_credits("team", "0");
    world.says("olga", "vault check").await;
    world.expect("olga", &["$0.00"]);
    world.says("ana", "provision openrouter 20").await;
    world.says("ana", "budget").await;
}

pub async fn keys_that_are_refused(world: &mut World) {
    world.start().await.expect("the bot starts");
    world.settled().await;
    let inference = "sk-or-v1-inference-canary-0123456789abcdef0123456789";
    world
        .sandbox
        .openrouter
        .add_inference_key(inference, "team");
    for key in ["sk-or-mgmt-nobody-knows-this-one-0123456789", inference] {
        world.says("olga", "vault add openrouter").await;
        world.submits("olga", &[("Master key", key)]).await;
        world.expect("olga", &["Nothing was"]);
        world
            .town
            .person("olga")
            .close_modal()
            .expect("the view closes");
    }
    world.says("olga", "vault list").await;
    world.says("olga", "vault add nowhere").await;
}

pub async fn a_key_pasted_as_text(world: &mut World) {
    world.set_up().await;
    let before = world.org_events().await;
    let mut said = 0;
    for line in [
        format!("vault add openrouter {MASTER}"),
        format!("provision openrouter 20 because {MASTER}"),
        MASTER.to_owned(),
        format!("provision openrouter 20 as x{MASTER}"),
    ] {
        if world.says("olga", &line).await {
            world.expect("olga", &["looks like an API key", "rotate it"]);
            said += 1;
        }
    }
    // Discord's clients have no place for it but free text.
    assert!(1 <= said);
    assert_eq!(world.org_events().await, before, "nothing was recorded");
}
