//! A provider at its worst.

use crate::world::{World, services, services::Service};
use slice_core::{budget::Budget, grant::State, money::Money};
use slice_sandbox::{Fault, PersonKind};
use std::time::Duration;

/// For these a time-out has to pass, so they have a scenario of their own.
const HANGS: [Fault; 2] = [Fault::HangBefore, Fault::HangAfter];

/// Every way to answer wrongly, at every call of making a key: in the end there is exactly one key,
/// or none and the money is back, and nothing is left behind.
pub async fn every_answer_while_making_a_key(world: &mut World, service: &Service) {
    world.set_up_for(service).await;
    world.says("olga", "allocate @ana 10000").await;
    for (fault, route) in wrong(service) {
        is_made_despite(world, service, (fault, route)).await;
    }
    world.later(service.settles).await;
    let (books, bill) = (ana(world).await.spent, service.billed(world));
    assert!(
        bill <= books || !service.unread.is_zero(),
        "{books}, {bill}"
    );
    world.loose();
}

/// Every wrong answer to every call that makes a key.
fn wrong(service: &Service) -> Vec<(Fault, &'static str)> {
    let mut wrong = vec![];
    for fault in Fault::ALL {
        if fault.wires().contains(&service.wire) && !HANGS.contains(fault) {
            wrong.extend(service.making.iter().map(|route| (*fault, *route)));
        }
    }
    wrong
}

/// A key is asked for while one call goes wrong. Gives whether it was made; then it is ended again.
async fn is_made_despite(
    world: &mut World,
    service: &Service,
    (fault, route): (Fault, &str),
) -> bool {
    let what = format!("{fault:?} on {} {route}", service.name);
    world.all_read();
    world.sandbox.faults.inject_on(route, fault, 1);
    let line = format!("provision {} 20", service.name);
    world.says("ana", &line).await;
    some_minutes(world, service).await;
    assert_eq!(world.sandbox.faults.pending(), 0, "{what} came to pass");
    doubts_end(world, service).await;
    let read = world.reads("ana");
    let made = service.is_ready(&read);
    let is_refused =
        read.contains("could not be made") || service.away.iter().all(|words| read.contains(words));
    assert!(made || is_refused, "{what}:\n{read}");
    service.stands(world, usize::from(made), &what);
    if made {
        ends(world, service, &what).await;
    }
    assert!(ana(world).await.committed.is_zero(), "{what}");
    made
}

/// By then workers have tried three times: their pauses double.
async fn some_minutes(world: &mut World, service: &Service) {
    for minutes in [1, 2, 5] {
        world.later(Duration::from_mins(minutes)).await;
        assert!(service.live(world) < 2, "never two of {}", service.name);
    }
}

/// Something may exist: the money is held until it would have ended by itself.
async fn doubts_end(world: &mut World, service: &Service) {
    let grant = world.newest_grant().await;
    if let Some(grant) = grant.filter(|grant| grant.state == State::InDoubt) {
        assert_eq!(grant.committed(), grant.cap, "its money is held");
        world.later(service.doubts).await;
    }
}

/// ana's newest key is ended, and nothing is left of it.
async fn ends(world: &mut World, service: &Service, what: &str) {
    let grant = world.newest_grant().await.expect("a grant").number;
    world.says("ana", &format!("revoke {grant}")).await;
    world.later(service.settles).await;
    world.expect("ana", &["is back in your budget"]);
    service.stands(world, 0, what);
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
    world.set_up_all().await;
    world.says("olga", "allocate @ana 10000").await;
    world.kill();
    world.call_timeout = Duration::from_millis(700);
    world.start().await.expect("the bot starts");
    world.settled().await;
    for fault in HANGS {
        let posts = world.town.posts();
        assert!(is_made_despite(world, &services::ALL[0], (fault, posts)).await);
        for service in services::ALL {
            for route in service.making {
                let made = is_made_despite(world, service, (fault, route)).await;
                assert!(made || !service.doubts.is_zero(), "{fault:?} on {route}");
            }
            for route in service.ending {
                is_ended_despite(world, service, (fault, route)).await;
            }
        }
    }
    world.loose();
}

async fn is_ended_despite(world: &mut World, service: &Service, (fault, route): (Fault, &str)) {
    let what = format!("{fault:?} on {} {route}", service.name);
    world.all_read();
    let line = format!("provision {} 20", service.name);
    world.says("ana", &line).await;
    assert_eq!(service.live(world), 1, "{what}");
    world.sandbox.faults.inject_on(route, fault, 1);
    let grant = world.newest_grant().await.expect("a grant").number;
    world.says("ana", &format!("revoke {grant}")).await;
    some_minutes(world, service).await;
    world.later(service.settles).await;
    // No pause between two tries is longer.
    world.later(Duration::from_mins(11)).await;
    assert_eq!(world.sandbox.faults.pending(), 0, "{what} came to pass");
    world.expect("ana", &["is back in your budget"]);
    service.stands(world, 0, &what);
    assert!(ana(world).await.committed.is_zero(), "{what}");
}

/// An order gets lost on its way, and its provider has it when nobody expects that any more: soon, or after
/// another one was sent. There is one key in the end, and what the late one cost is charged.
pub async fn an_order_that_arrives_late(world: &mut World) {
    world.set_up_all().await;
    world.says("olga", "allocate @ana 1000").await;
    for service in services::ALL {
        for (late, is_soon) in [(10, true), (300, false)] {
            let late = Duration::from_secs(late);
            let what = format!("{} after {late:?}", service.name);
            world.all_read();
            let faults = world.sandbox.faults.clone();
            faults.delay_on(service.ordering);
            let line = format!("provision {} 20", service.name);
            world.says("ana", &line).await;
            world.later(late).await;
            assert_eq!(faults.arrive().await, 1, "{what}");
            assert!(service.live(world) < 2, "{what}: never two");
            for _ in 0..3 {
                some_minutes(world, service).await;
            }
            let read = world.reads("ana");
            assert!(service.is_ready(&read), "{what}:\n{read}");
            assert_eq!(service.live(world), 1, "{what}");
            let found = world.reads("olga").contains("carries Slice's label");
            assert_eq!(found, service.finds_late && !is_soon, "{what}");
            if found {
                world.clicks("olga", "Revoke").await;
            }
            ends(world, service, &what).await;
        }
    }
    world.books_hold_the_bills().await;
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

/// Somebody does away with a key at its provider: owners and member hear of it once, and its grant ends.
/// What it cost is charged where that can still be read, and else all that it might have.
pub async fn a_key_deleted_behind_our_back(world: &mut World) {
    world.set_up_all().await;
    world.says("olga", "allocate @ana 1000").await;
    for service in services::ALL {
        for (vanish, is_billed) in service.vanishing {
            let line = format!("provision {} 20", service.name);
            world.says("ana", &line).await;
            world.clicks("ana", "Reveal key").await;
            let hands = world.town.person("ana");
            hands.close_modal().expect("the view closes");
            let span = service.spend(world);
            world.later(span).await;
            world.minutes(6).await;
            world.all_read();
            vanish(world);
            world.minutes(12).await;
            let said = "somebody changed its key at the provider";
            let told = world.expect("olga", &[said, "[Revoke]"]);
            assert_eq!(told.matches(said).count(), 1, "told once:\n{told}");
            world.expect("ana", &["The owners know"]);
            let grant = world.newest_grant().await.expect("a grant").number;
            world.says("ana", &format!("revoke {grant}")).await;
            some_minutes(world, service).await;
            world.later(service.settles).await;
            some_minutes(world, service).await;
            let grant = world.newest_grant().await.expect("a grant");
            assert!(
                grant.committed().is_zero(),
                "{}: {}",
                service.name,
                grant.state
            );
            // What reading it costs, and what stays of it, is charged beside that.
            let most = grant.cap + service.reading;
            let is_assumed = (grant.cap..=most).contains(&grant.usage());
            assert_eq!(is_assumed, !is_billed, "{}", service.name);
            let read = world.reads("ana");
            assert_eq!(read.contains("counts as spent"), is_assumed, "{read}");
            world.expect("olga", service.stays);
            assert_eq!(service.live(world), 0, "{}", service.name);
        }
        let (books, bill) = (ana(world).await.spent, service.billed(world));
        assert!(bill <= books, "{}: {books}, {bill}", service.name);
    }
    world.loose();
}

/// What nobody can read any more counts as spent, until an owner who knows better says so.
pub async fn what_counts_as_spent_is_settled(world: &mut World) {
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

/// The master key is refused: nothing is made, what is there stays in the books, and another key of the
/// same account ends it.
pub async fn the_master_key_dies(world: &mut World) {
    world.set_up_all().await;
    for service in services::ALL {
        let line = format!("provision {} 20", service.name);
        world.says("ana", &line).await;
        let grant = world.newest_grant().await.expect("a grant").number;
        let before = ana(world).await;
        service.dies(world);
        // Prices that were asked for just now are still known.
        world.minutes(1).await;
        world.says("ana", &line).await;
        world.says("olga", "vault check").await;
        world.says("ana", "keys").await;
        world.minutes(20).await;
        world.expect("ana", service.away);
        let silent = format!("{} can't be read since", service.name);
        world.expect("olga", &[&silent]);
        assert_eq!(service.live(world), 1, "{}", service.name);
        let [before, now] = [before, ana(world).await].map(|budget| budget.free());
        assert_eq!(before, now, "the second one's money is back");
        service.rotate(world).await;
        world.says("ana", &format!("revoke {grant}")).await;
        some_minutes(world, service).await;
        world.later(service.settles).await;
        world.expect("ana", &["is back in your budget"]);
        service.stands(world, 0, service.name);
    }
    world.books_hold_the_bills().await;
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
            world.sandbox.faults.inject_on(service.ending[0], fault, 3);
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
        let span = service.spend(world);
        world.later(span).await;
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
