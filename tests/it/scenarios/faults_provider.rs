//! A provider at its worst.

use crate::world::{MASTER, World};
use slice_sandbox::{Fault, PersonKind};
use std::time::Duration;

/// For these a time-out has to pass, so they have a scenario of their own.
const HANGS: [Fault; 2] = [Fault::HangBefore, Fault::HangAfter];

/// Every way to answer wrongly, at every call of making a key: in the end there is exactly one key,
/// or none and the money is back.
pub async fn every_answer_while_making_a_key(world: &mut World) {
    world.set_up().await;
    world.says("olga", "allocate @ana 10000").await;
    world.all_read();
    let mut grants = 0;
    for fault in Fault::ALL
        .iter()
        .filter(|fault| fault.wires().contains(&"openrouter"))
    {
        for route in ["POST /api/v1/keys", "PATCH /api/v1/keys"] {
            if HANGS.contains(fault) {
                continue;
            }
            world.sandbox.faults.inject_on(route, *fault, 1);
            world.says("ana", "provision openrouter 2").await;
            for _ in 0..8 {
                world.later(Duration::from_mins(1)).await;
            }
            assert_eq!(
                world.sandbox.faults.pending(),
                0,
                "{fault:?} on {route} came to pass"
            );
            world.sandbox.faults.clear();
            let read = world.reads("ana");
            let made = read.contains("Your openrouter key is ready");
            assert!(
                made || read.contains("could not be made"),
                "{fault:?} on {route}:\n{read}"
            );
            grants += usize::from(made);
            assert_eq!(world.live_keys().len(), grants, "{fault:?} on {route}");
        }
    }
    world.loose();
}

pub async fn a_provider_that_stays_away(world: &mut World) {
    world.set_up().await;
    world.sandbox.faults.inject_on(
        "/api/v1/keys",
        Fault::RateLimited429 { retry_after: 1 },
        1_000,
    );
    world.says("ana", "provision openrouter 20").await;
    for _ in 0..20 {
        world.later(Duration::from_mins(1)).await;
    }
    world.sandbox.faults.clear();
    world.expect(
        "ana",
        &["could not be made", "the money is back in the budget"],
    );
    world.says("ana", "budget").await;
    world.expect("ana", &["$100.00"]);
    world.says("ana", "provision openrouter 20").await;
    world.expect("ana", &["Your openrouter key is ready"]);
    assert_eq!(world.live_keys().len(), 1);
    world.loose();
}

/// Provider and chat platform take a request, with its effect or without, and never answer.
pub async fn answers_that_never_come(world: &mut World) {
    world.set_up().await;
    world.kill();
    world.call_timeout = Duration::from_millis(700);
    world.start().await.expect("the bot starts");
    world.settled().await;
    for fault in HANGS {
        let routes = [
            "POST /api/v1/keys",
            "PATCH /api/v1/keys",
            world.town.posts(),
        ];
        for route in routes {
            world.sandbox.faults.inject_on(route, fault, 1);
            world.says("ana", "provision openrouter 2").await;
            for _ in 0..8 {
                world.later(Duration::from_mins(1)).await;
            }
            assert_eq!(world.sandbox.faults.pending(), 0, "{fault:?} on {route}");
            world.expect("ana", &["Your openrouter key is ready"]);
        }
    }
    assert_eq!(world.live_keys().len(), 6, "each request came to one key");
    for (fault, grant) in HANGS.into_iter().zip(1..) {
        world
            .sandbox
            .faults
            .inject_on("DELETE /api/v1/keys", fault, 1);
        world.says("ana", &format!("revoke {grant}")).await;
        for _ in 0..8 {
            world.later(Duration::from_mins(1)).await;
        }
        assert_eq!(
            world.sandbox.faults.pending(),
            0,
            "{fault:?} at the deletion"
        );
        world.expect("ana", &["$2.00 is back in your budget"]);
    }
    assert_eq!(world.live_keys().len(), 4);
    world.loose();
}

/// Somebody with access to the provider's dashboard raises the limit, disables the key, and puts it
/// right: each change is told once, and what was spent meanwhile is charged.
pub async fn a_key_changed_behind_our_back(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    let [key] = world.live_keys().try_into().expect("one key");
    world.all_read();
    let provider = world.sandbox.openrouter.clone();
    provider.change_limit_behind_our_back(&key.hash, Some("500"));
    provider.spend(&key.secret, "30").expect("the key spends");
    world.says("ana", "budget").await;
    world.expect(
        "ana",
        &["it may spend up to $500.00 there", "The owners know"],
    );
    world.expect("olga", &["may spend up to $500.00 there", "[Revoke]"]);
    world.says("olga", "members").await;
    let read = world.expect("olga", &["spent $30.00"]);
    assert!(!read.contains("$500.00"), "owners are told once");
    provider.change_limit_behind_our_back(&key.hash, None);
    world.says("ana", "keys").await;
    world.expect("ana", &["it has no cap there"]);
    provider.change_limit_behind_our_back(&key.hash, Some("20"));
    world.says("ana", "keys").await;
    world.expect("olga", &["as Slice made it again"]);
    provider.disable_behind_our_back(&key.hash);
    world.says("ana", "keys").await;
    world.expect("ana", &["it is disabled there"]);
    world.clicks("olga", "Revoke").await;
    world.says("ana", "budget").await;
    world.expect("ana", &["$70.00"]);
}

/// A key that Slice stopped is let spend again at the provider: owners hear of it once, it is stopped
/// again, and what it spent is charged. The next time is another one.
pub async fn a_stopped_key_enabled_behind_our_back(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings digest-day off").await;
    world.says("ana", "provision openrouter 20 for 30d").await;
    world.clicks("ana", "Reveal key").await;
    let closed = world.town.person("ana").close_modal();
    closed.expect("the view closes");
    let [key] = world.live_keys().try_into().expect("one key");
    world.town.set_kind("ana", PersonKind::Guest);
    world.noticed().await;
    world.all_read();
    let provider = world.sandbox.openrouter.clone();
    for spent in ["$1.50", "$3.00"] {
        assert!(world.live_keys().is_empty(), "it stands still");
        provider.enable_behind_our_back(&key.hash);
        provider.spend(&key.secret, "1.50").expect("it spends");
        world.later(Duration::from_hours(1)).await;
        assert!(world.live_keys().is_empty(), "it stands still again");
        let told = world.expect(
            "olga",
            &[
                "is suspended (its member left): somebody changed its key at the provider",
                "it is enabled there again, and may spend up to $20.00 in all",
                "Slice stops it again now",
                "[Revoke]",
            ],
        );
        assert_eq!(told.matches("enabled there again").count(), 1, "{told}");
        for _ in 0..3 {
            world.later(Duration::from_hours(1)).await;
        }
        assert_eq!(world.reads("olga"), "", "each time is told once");
        world.says("olga", "members").await;
        world.expect("olga", &[spent]);
    }
    world.town.set_kind("ana", PersonKind::Member);
    world.noticed().await;
    let [back] = world.live_keys().try_into().expect("it goes on");
    assert_eq!(back.limit_micros, Some(20_000_000));
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $80.00"]);
    world.loose();
}

pub async fn a_key_deleted_behind_our_back(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    let [key] = world.live_keys().try_into().expect("one key");
    world
        .sandbox
        .openrouter
        .spend(&key.secret, "3")
        .expect("the key spends");
    world.says("ana", "keys").await;
    world.sandbox.openrouter.delete_behind_our_back(&key.hash);
    world.says("ana", "keys").await;
    world.expect("ana", &["not known there to the master key any more"]);
    world.expect(
        "olga",
        &["somebody changed its key at the provider", "[Revoke]"],
    );
    world.says("ana", "keys").await;
    assert_eq!(world.reads("olga"), "", "owners are told once");
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["unread rest of $17.00 counts as spent"]);
    world.says("ana", "budget").await;
    world.expect("ana", &["$80.00"]);
    world.says("olga", "settle 1 3").await;
    world.expect("ana", &["from $20.00 to $3.00"]);
    world.says("olga", "settle 1 3").await;
    world.says("olga", "settle 1 0").await;
    world.says("olga", "settle 1 -1").await;
    world.says("ana", "settle 1 0").await;
    world.says("ana", "budget").await;
    world.expect("ana", &["$100.00"]);
}

pub async fn the_master_key_dies(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    world.sandbox.openrouter.revoke_management_key(MASTER);
    world.says("ana", "provision openrouter 20").await;
    world.says("olga", "vault check").await;
    world.says("ana", "keys").await;
    for _ in 0..20 {
        world.later(Duration::from_mins(1)).await;
    }
    world.expect("ana", &["could not be made"]);
    world.says("ana", "budget").await;
    world.expect("ana", &["$80.00"]);
    // A new master key of the same account ends the old grant's key as well.
    let second = "sk-or-mgmt-second-canary-89abcdef0123456789abcdef01234567";
    world
        .sandbox
        .openrouter
        .add_management_key(second, "team", "1000");
    world.says("olga", "vault rotate openrouter").await;
    world.submits("olga", &[("Master key", second)]).await;
    world.says("ana", "revoke 1").await;
    assert!(world.live_keys().is_empty());
    world.loose();
}

pub async fn the_end_of_a_key_when_the_provider_is_away(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    let [key] = world.live_keys().try_into().expect("one key");
    world
        .sandbox
        .openrouter
        .spend(&key.secret, "2")
        .expect("the key spends");
    world.all_read();
    for fault in [
        Fault::ServerError500,
        Fault::LostAfter,
        Fault::RateLimited429 { retry_after: 1 },
    ] {
        world.sandbox.faults.inject_on("/api/v1/keys", fault, 3);
    }
    world.says("ana", "revoke 1").await;
    world.says("ana", "budget").await;
    world.expect("ana", &["$80.00"]);
    for _ in 0..30 {
        world.later(Duration::from_mins(2)).await;
    }
    world.sandbox.faults.clear();
    world.later(Duration::from_mins(11)).await;
    world.expect("ana", &["It spent $2.00; $18.00 is back in your budget"]);
    assert!(world.live_keys().is_empty());
    world.loose();
}
