//! A provider at its worst.

use crate::world::{MASTER, World, services};
use slice_core::{budget::Budget, money::Money};
use slice_sandbox::{Fault, PersonKind};
use std::time::Duration;

/// For these a time-out has to pass, so they have a scenario of their own.
const HANGS: [Fault; 2] = [Fault::HangBefore, Fault::HangAfter];

/// Every way to answer wrongly, at every call of making a key: in the end there is exactly one key,
/// or none and the money is back.
pub async fn every_answer_while_making_a_key(world: &mut World) {
    world.set_up_all().await;
    world.says("olga", "allocate @ana 10000").await;
    world.all_read();
    let mut grants = 0;
    for service in services::ALL {
        if service.has_own_answers {
            continue;
        }
        for (fault, route) in wrong(service) {
            let what = format!("{fault:?} on {} {route}", service.name);
            world.sandbox.faults.inject_on(route, fault, 1);
            world
                .says("ana", &format!("provision {} 20", service.name))
                .await;
            world.minutes(8).await;
            grants += 1;
            assert_eq!(world.sandbox.faults.pending(), 0, "{what} came to pass");
            let read = world.reads("ana");
            let made = service.is_ready(&read);
            assert!(
                made || read.contains("could not be made"),
                "{what}:\n{read}"
            );
            assert_eq!(service.live(world), usize::from(made), "{what}");
            if made {
                world.says("ana", &format!("revoke {grants}")).await;
                world.later(service.settles).await;
                world.expect("ana", &["is back in your budget"]);
            }
            assert_eq!(service.live(world), 0, "{what}");
        }
    }
    world.loose();
}

/// Every wrong answer to every call that makes a key.
fn wrong(service: &services::Service) -> Vec<(Fault, &'static str)> {
    let mut wrong = vec![];
    for fault in Fault::ALL {
        if fault.wires().contains(&service.wire) && !HANGS.contains(fault) {
            wrong.extend(service.making.iter().map(|route| (*fault, *route)));
        }
    }
    wrong
}

pub async fn a_provider_that_stays_away(world: &mut World) {
    world.set_up_all().await;
    for service in services::ALL {
        let away = Fault::RateLimited429 { retry_after: 1 };
        world.sandbox.faults.inject_on(service.wire, away, 1_000);
        let line = format!("provision {} 20", service.name);
        world.says("ana", &line).await;
        world.minutes(20).await;
        world.sandbox.faults.clear();
        world.expect("ana", service.away);
        assert_eq!(service.live(world), 0, "{}", service.name);
        world.says("ana", &line).await;
        let read = world.reads("ana");
        assert!(service.is_ready(&read), "{read}");
        assert_eq!(service.live(world), 1, "{}", service.name);
    }
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
    limits_that_are_no_cap(world, &key.hash).await;
    provider.disable_behind_our_back(&key.hash);
    world.says("ana", "keys").await;
    world.expect("ana", &["it is disabled there"]);
    world.clicks("olga", "Revoke").await;
    world.says("ana", "budget").await;
    world.expect("ana", &["$70.00"]);
}

/// The limit stays what it was, and bounds no longer all that the key spends. Another cap sets it right.
async fn limits_that_are_no_cap(world: &mut World, hash: &str) {
    let provider = world.sandbox.openrouter.clone();
    provider.reset_behind_our_back(hash, Some("daily"));
    for _ in 0..2 {
        world.says("ana", "keys").await;
    }
    world.expect("ana", &["a limit there that begins anew from time to time"]);
    let told = world.expect("olga", &["Take the reset off its limit at the provider"]);
    assert_eq!(told.matches("begins anew").count(), 1, "{told}");
    provider.reset_behind_our_back(hash, None);
    provider.include_byok_behind_our_back(hash, false);
    world.says("ana", "keys").await;
    world.expect(
        "olga",
        &["a limit there that leaves out what it spends over"],
    );
    world.says("ana", "cap 1 40").await;
    world.says("ana", "keys").await;
    world.expect("olga", &["as Slice made it again"]);
    world.says("ana", "cap 1 30").await;
    world.all_read();
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
                "it is enabled there again, and counts as able to spend $20.00 in all",
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

/// What is held stays held for as long as the key cannot be stopped, whatever its provider says.
pub async fn the_end_of_a_key_when_the_provider_is_away(world: &mut World) {
    world.set_up_all().await;
    for (service, grant) in services::ALL.iter().zip(1..) {
        world
            .says("ana", &format!("provision {} 20", service.name))
            .await;
        let before = ana(world).await;
        for fault in [
            Fault::ServerError500,
            Fault::LostAfter,
            Fault::RateLimited429 { retry_after: 1 },
        ] {
            world.sandbox.faults.inject_on(service.stopping, fault, 3);
        }
        world.says("ana", &format!("revoke {grant}")).await;
        assert_eq!(
            ana(world).await.committed,
            before.committed,
            "it stays held"
        );
        world.minutes(60).await;
        world.sandbox.faults.clear();
        world.minutes(11).await;
        world.later(service.settles).await;
        world.expect("ana", &["is back in your budget"]);
        assert_eq!(service.live(world), 0, "{}", service.name);
        assert!(ana(world).await.committed.is_zero());
    }
    world.loose();
}

/// One member, one budget, and a key of each service: what all of them spend is one sum.
pub async fn one_budget_for_all_services(world: &mut World) {
    world.set_up_all().await;
    let each = Money::from_dollars(20);
    for service in services::ALL {
        world
            .says("ana", &format!("provision {} 20", service.name))
            .await;
        world.clicks("ana", "Reveal key").await;
        let hands = world.town.person("ana");
        hands.close_modal().expect("the view closes");
        service.spend(world).await;
    }
    let slowest = services::ALL.iter().map(|service| service.settles).max();
    world.later(slowest.unwrap_or_default()).await;
    world.says("ana", "budget").await;
    let budget = ana(world).await;
    let held: Money = services::ALL.iter().map(|_| each).sum();
    assert_eq!(budget.spent + budget.committed, held);
    let text = format!("Free: {}", Money::from_dollars(100) - held);
    world.expect("ana", &[text.as_str()]);
    let org = world.org().await;
    let grants = world.bot().desk.store.live_grants(org).await;
    for (grant, service) in grants.expect("an answer").iter().zip(services::ALL) {
        assert_eq!(grant.service.to_string(), service.name);
        let used = grant.usage();
        assert!(
            Money::from_dollars(1) < used && used < each,
            "{}: {used}",
            service.name
        );
    }
    let asked = format!(
        "provision {} {}",
        services::ALL[0].name,
        101 - 20 * services::ALL.len()
    );
    world.says("ana", &asked).await;
    world.expect("ana", &["$1.00 short"]);
    for grant in 1..=services::ALL.len() {
        world.says("ana", &format!("revoke {grant}")).await;
    }
    world.later(slowest.unwrap_or_default()).await;
    let after = ana(world).await;
    assert!(after.committed.is_zero() && budget.spent <= after.spent);
    world.loose();
}

async fn ana(world: &World) -> Budget {
    let org = world.org().await;
    let members = world.bot().desk.store.members(org).await;
    let members = members.expect("the database answers");
    let hers = members
        .into_iter()
        .find(|member| member.allocation.is_some());
    hers.expect("ana").budget
}
