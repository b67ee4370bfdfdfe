//! What members do.

use crate::world::{
    MASTER, World,
    services::{self, Service},
};
use slice_sandbox::Fault;

pub async fn a_small_key_at_once(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    world.expect(
        "ana",
        &["Reserved", "Your openrouter key is ready", "[Reveal key]"],
    );
    let [key] = world.live_keys().try_into().expect("one key");
    assert_eq!((key.limit_micros, key.disabled), (Some(20_000_000), false));
    world.clicks("ana", "Reveal key").await;
    world.expect("ana", &[&key.secret]);
    world
        .town
        .person("ana")
        .close_modal()
        .expect("the view closes");
    world.says("ana", "reveal 1").await;
    world.expect("ana", &["was shown already", "the owners have been told"]);
    world.expect("olga", &["a second reveal of its key was tried"]);
    world.says("olga", "reveal 1").await;
    world.expect("olga", &["Grant 1 is not yours"]);
}

/// Two clicks before the first one's view is filled: the key is shown once, and nobody is alarmed.
pub async fn reveal_is_clicked_twice(world: &mut World) {
    world.set_up_all().await;
    for service in services::ALL {
        let secret = a_key(world, service).await;
        let ana = world.town.person("ana");
        ana.click("Reveal key").expect("a button");
        ana.click("Reveal key").expect("the same button");
        world.settled().await;
        let read = world.reads("ana");
        let shown = read.matches(&secret).count();
        if shown == 0 {
            // The second click's view took the first one's place before it was filled.
            assert!(!world.reads("olga").contains("second reveal"), "no alarm");
            world.clicks("ana", "Reveal key").await;
            world.expect("ana", &[&secret]);
        } else {
            assert_eq!(shown, 1, "{read}");
        }
        let ana = world.town.person("ana");
        ana.close_modal().expect("the view closes");
    }
    world.loose();
}

/// ana gets a key of that, and has not seen its secret, which this gives.
async fn a_key(world: &mut World, service: &Service) -> String {
    let before = world.handed_out();
    let line = format!("provision {} 20", service.name);
    world.says("ana", &line).await;
    assert!(service.is_ready(&world.reads("ana")));
    let mut made = world.handed_out();
    made.retain(|secret| !before.contains(secret));
    let [secret] = made.try_into().expect("one key");
    secret
}

/// The platform never says whether the view was filled.
pub async fn a_reveal_whose_fate_is_unknown(world: &mut World) {
    world.set_up_all().await;
    for (number, service) in (1..).zip(services::ALL) {
        a_key(world, service).await;
        let reveals = world.town.reveals();
        world
            .sandbox
            .faults
            .inject_on(reveals, Fault::LostBefore, 1);
        world.clicks("ana", "Reveal key").await;
        world.expect(
            "ana",
            &[
                "did not say whether the key was shown",
                "may have been shown",
            ],
        );
        world.says("ana", &format!("reveal {number}")).await;
        world.expect("ana", &["was shown already"]);
    }
}

/// Without a service, or with one that there is not: what the vault has, at which price and how hard.
pub async fn what_the_vault_offers(world: &mut World) {
    world.set_up_all().await;
    world.says("ana", "provision").await;
    world
        .submits("ana", &[("Service", services::ALL[1].name), ("Cap", "20")])
        .await;
    world.expect("ana", &["Reserved $20.00"]);
    world.says("ana", "provision gpu 20").await;
    let mut offered = vec![
        "There is no service called",
        "$80.00 of your budget is free",
    ];
    let buttons = services::ALL
        .iter()
        .map(|one| format!("[Provision $20.00 of {}]", one.name));
    let buttons: Vec<_> = buttons.collect();
    offered.extend([
        "Its cap: hard cap",
        "per token",
        "Its cap: soft cap, metered every",
        "$0.023 to $0.0405 a GB and month",
        "Its cap: soft cap, price × time",
        "price of the hour",
    ]);
    offered.extend(buttons.iter().map(String::as_str));
    world.expect("ana", &offered);
    world.clicks("ana", "Provision $20.00 of openrouter").await;
    world.expect("ana", &["Reserved $20.00"]);
}

pub async fn a_key_by_form(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision").await;
    world.submits("ana", &[("Cap", "12.345")]).await;
    world
        .submits(
            "ana",
            &[("Cap", "12.34"), ("Reason", "a *bold* experiment")],
        )
        .await;
    world.expect("ana", &["Your openrouter key is ready"]);
    let [key] = world.live_keys().try_into().expect("one key");
    assert_eq!(key.limit_micros, Some(12_340_000));
}

pub async fn help_by_role(world: &mut World) {
    world.set_up().await;
    world.says("bo", "help").await;
    world.says("ana", "help").await;
    world.says("olga", "help").await;
    world.says("ana", "help provision").await;
    world.says("ana", "help nonsense").await;
    let bo = world.reads("bo");
    assert!(
        !bo.contains("vault add"),
        "people without a role read nothing of the vault:\n{bo}"
    );
}

pub async fn keys_and_budget(world: &mut World) {
    world.set_up().await;
    world.says("ana", "keys").await;
    world.says("ana", "budget").await;
    world.says("bo", "budget").await;
    world
        .says("ana", "provision openrouter 20 as \"night run\"")
        .await;
    let [key] = world.live_keys().try_into().expect("one key");
    world
        .sandbox
        .openrouter
        .spend(&key.secret, "3.25")
        .expect("the key spends");
    world.says("ana", "keys").await;
    world.expect("ana", &["night run", "$3.25"]);
    world.says("ana", "budget").await;
    world.expect("ana", &["$3.25", "$16.75", "$80.00"]);
    world.says("olga", "members").await;
    world.expect("olga", &["$3.25", "$16.75", "$80.00"]);
    world.says("ana", "revoke 1").await;
    world.expect("ana", &["It spent $3.25; $16.75 is back in your budget"]);
    world.says("ana", "budget").await;
    world.expect("ana", &["$96.75"]);
    world.says("ana", "keys").await;
}

pub async fn an_owner_ends_a_members_key(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    world.says("bo", "revoke 1").await;
    world.expect("bo", &["can't do that"]);
    world.says("olga", "revoke 1").await;
    world.expect("ana", &["is ending your grant 1"]);
    world.says("olga", "revoke 1").await;
    world.expect("olga", &["revoked already"]);
    assert!(world.live_keys().is_empty());
}

pub async fn a_request_is_withdrawn(world: &mut World) {
    world.set_up().await;
    world
        .says("ana", "provision openrouter 60 because \"a long run\"")
        .await;
    world.expect("olga", &["asks for grant 1", "a long run", "[Approve]"]);
    world.says("ana", "revoke 1").await;
    world.expect("olga", &["was withdrawn"]);
    world
        .town
        .person("olga")
        .click_stale("Approve")
        .expect("an old button");
    world.settled().await;
    world.expect("olga", &["withdrawn, so it can't be approved"]);
    world.says("ana", "revoke 1").await;
    assert!(world.live_keys().is_empty());
}

pub async fn delivery_by_dm(world: &mut World) {
    world.set_up().await;
    world.says("olga", "settings delivery dm").await;
    world.says("ana", "provision openrouter 20").await;
    let [key] = world.live_keys().try_into().expect("one key");
    world.expect("ana", &[&key.secret]);
    world.says("ana", "reveal 1").await;
    world.expect("ana", &["was shown already"]);
    let notifications: Vec<_> = world.town.person("ana").sees();
    assert!(
        notifications
            .iter()
            .all(|sight| !sight.notification.contains(&key.secret)),
        "no notification holds a secret"
    );
    assert_ne!(key.secret, MASTER);
}
