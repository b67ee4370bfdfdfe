//! A key from its request to its end, for each service: the bot dies once, wherever that is, and nothing is
//! left in the end that anybody could spend with, and the books hold what was spent.

use super::{
    Crossings, EVERY_CROSSING, PROVIDERS_CHANGES, Point, arm, arm_wire, counted, every_point,
    flows::types, restart,
};
use crate::{
    postgres::Kind,
    runtime,
    world::{
        Died, World,
        services::{self, Service},
    },
};
use slice_core::{
    grant::{Grant, State},
    money::Money,
};
use slice_sandbox::Fate;
use std::time::Duration;

fn is_first(service: &Service) -> bool {
    service.name == services::ALL[0].name
}

/// What costs money from its first second is held in doubt, and tells its member of it.
fn is_told_differently(service: &Service) -> bool {
    is_first(service) || !service.doubts.is_zero()
}

/// At which crossings the bot dies, and before or after them. Where people are told what they are told of the
/// first one, only that plays it. A death before a crossing leaves what the crossing or the commit before it
/// left, so that one of both is enough for the others.
fn deaths(service: &Service) -> (Crossings, &'static [Fate]) {
    let which = if is_told_differently(service) {
        EVERY_CROSSING
    } else {
        PROVIDERS_CHANGES
    };
    let after_alone: &[Fate] = &[Fate::DieAfter];
    let fates = if is_first(service) {
        &[Fate::DieBefore, Fate::DieAfter]
    } else {
        after_alone
    };
    (which, fates)
}

/// On `PostgreSQL` play those whose transactions no other has.
pub fn is_played(kind: Kind, service: &Service) -> bool {
    kind == Kind::Sqlite || is_told_differently(service)
}

/// So many tests share the points, so that they are played side by side.
pub fn parts(service: &Service) -> usize {
    if is_told_differently(service) { 8 } else { 4 }
}

pub fn points(kind: Kind, service: &'static Service, part: usize) {
    let (_, fates) = deaths(service);
    let counts = every_point(kind, (part, parts(service)), fates, |url, point| {
        runtime().block_on(lives(url, point, service))
    });
    let least = if is_told_differently(service) { 5 } else { 1 };
    assert!(
        least < counts.0 && 5 < counts.1,
        "a flow worth the name: {counts:?}"
    );
    if part == 0 {
        let (name, (crossings, commits)) = (service.name, counts);
        println!("a key of {name}: {crossings} crossings and {commits} commits are points");
    }
}

/// With one death at `point` somewhere. Gives the numbers of crossings and commits that there were.
async fn lives(url: &str, point: Option<Point>, service: &Service) -> (usize, usize) {
    let mut world = World::new(url).await;
    world.log_from = crate::closing::log_end();
    world.set_up_for(service).await;
    world.kill();
    let trigger = arm(&mut world);
    trigger.set(point);
    let mut outcome = world.start().await;
    let (which, _) = deaths(service);
    let wires = arm_wire(&world.sandbox, point, world.killed.clone(), which);
    if outcome.is_ok() {
        outcome = world.settle().await;
    }
    survives(&mut world, outcome, service).await;
    is_made(&mut world, service).await;
    is_revealed(&mut world, service).await;
    is_ended(&mut world, service).await;
    let counts = counted(&wires, &trigger);
    world.sandbox.wire.clear_hook();
    trigger.set(None);
    service.stands(&world, 0, "nothing is left");
    let org = world.org().await;
    let members = world.bot().desk.store.members(org).await;
    let members = members.expect("the database answers");
    let spent: Money = members.iter().map(|member| member.budget.spent).sum();
    let bill = service.billed(&world);
    assert!(
        bill <= spent + service.unread
            && spent <= bill + service.reading
            && Money::from_dollars(1) < spent,
        "the books hold {spent}, {} charges {bill}",
        service.name
    );
    world.says("ana", "budget").await;
    let free = Money::from_dollars(100) - spent;
    world.expect(
        "ana",
        &[&format!("Spent: {spent}"), &format!("Free: {free}")],
    );
    world.finish().await;
    counts
}

/// Whether the bot died; then it lives again, and most of an hour passes: after a whole one, what nobody
/// revealed may be ended. There never are two keys.
async fn survives(world: &mut World, outcome: Result<(), Died>, service: &Service) -> bool {
    if outcome.is_ok() {
        return false;
    }
    restart(world).await;
    for minutes in [1, 1, 1, 1, 12, 12, 12] {
        world.later(Duration::from_mins(minutes)).await;
        assert!(service.live(world) < 2, "never two");
    }
    true
}

async fn passes(world: &mut World, span: Duration, service: &Service) {
    world.sandbox.clock.advance(span);
    let outcome = world.settle().await;
    survives(world, outcome, service).await;
}

async fn newest(world: &World) -> Grant {
    world.newest_grant().await.expect("a grant")
}

async fn is_made(world: &mut World, service: &Service) {
    let line = format!("provision {} 20", service.name);
    let outcome = types(world, "ana", &line).await;
    if survives(world, outcome, service).await {
        let mut grant = world.newest_grant().await;
        if let Some(doubted) = grant.filter(|grant| grant.state == State::InDoubt) {
            assert_eq!(doubted.committed(), doubted.cap, "its money is held");
            world.later(service.doubts).await;
        }
        grant = world.newest_grant().await;
        let is_over = |grant: &Grant| matches!(grant.state, State::Ended(_));
        // Killed before its first transaction it had no effect, and she types it again; and so she does where
        // nobody knew what became of an order that could have cost money.
        if grant.is_none_or(|grant| is_over(&grant) && !service.doubts.is_zero()) {
            world.says("ana", &line).await;
        }
    }
    let grant = newest(world).await;
    assert_eq!(grant.state, State::Active);
    assert!(grant.number == 1 || !service.doubts.is_zero());
    service.stands(world, 1, "one key, whatever happened");
}

async fn is_revealed(world: &mut World, service: &Service) {
    let ana = world.town.person("ana");
    ana.click("Reveal key").expect("the message came");
    let outcome = world.settle().await;
    if survives(world, outcome, service).await && newest(world).await.revealed_at.is_none() {
        ana.click("Reveal key").expect("the button is still there");
        world.settled().await;
    }
    let grant = newest(world).await;
    assert!(grant.revealed_at.is_some() && grant.key().is_some_and(|key| key.seal.is_none()));
}

async fn is_ended(world: &mut World, service: &Service) {
    let span = service.spend(world);
    passes(world, span, service).await;
    let line = format!("revoke {}", newest(world).await.number);
    let outcome = types(world, "ana", &line).await;
    if survives(world, outcome, service).await && newest(world).await.state == State::Active {
        world.says("ana", &line).await;
    }
    assert_eq!(service.live(world), 0, "it can spend no more");
    (service.bills_late)(world);
    passes(world, service.settles, service).await;
    let grant = newest(world).await;
    assert!(matches!(grant.state, State::Ended(_)), "{}", grant.state);
    assert_eq!(grant.committed(), Money::ZERO);
}
