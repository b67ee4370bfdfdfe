//! What a transaction records, on every database: all of it once, or nothing.

use super::bench::{Bench, NOON, dollars, identity, service, workspace};
use crate::postgres::TestDatabase;
use slice_core::{
    allocations,
    books::{Entry, GrantRef, Message, Scope, To},
    event::{Actor, Event},
    grant::State,
    money::Money,
    page::{Audience, Button, Page},
    ports::Store as _,
    refusal::Refusal,
    requests,
    role::Role,
};
use std::time::Duration;

const LEASE: Duration = Duration::from_mins(1);

pub async fn a_refusal_leaves_nothing_behind(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let count = bench.proven().await;
    let mut scope = Scope::new(bench.org, Actor::Member(bench.ana)).member(bench.ana);
    scope.delivery = Some("D1".into());
    let refused = bench
        .record::<()>(scope.clone(), |_| Err(Refusal::NotForYou))
        .await;
    assert_eq!(refused.err(), Some(Refusal::NotForYou));
    // Not even the delivery's mark: what is asked again is decided again.
    let request = bench.request(dollars(20));
    bench
        .record(scope, |books| requests::open(books, &request))
        .await
        .expect("a grant");
    assert_eq!(bench.proven().await, count + 1);
}

pub async fn an_entry_that_contradicts_the_books_is_no_entry(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let (_, opened) = bench.provision(dollars(20)).await.expect("a grant");
    let count = bench.proven().await;
    let wrong = bench.by(bench.ana, Some(opened.number), |books| {
        let grant = books.grant.as_ref().expect("the grant").id;
        let entry = Entry::event(Event::KeyGone { grant, attempt: 7 });
        Ok((entry, ()))
    });
    assert_eq!(wrong.await.err(), Some(Refusal::Unavailable));
    let leap = bench.by(bench.ana, Some(opened.number), |books| {
        let grant = books.grant.as_ref().expect("the grant");
        let moved = Event::GrantMoved {
            grant: grant.id,
            from: State::Reserved,
            to: State::Active,
            by: None,
            why: None,
        };
        Ok((Entry::event(moved), ()))
    });
    assert_eq!(leap.await.err(), Some(Refusal::Unavailable));
    let nul = bench.by(bench.olga, None, |_| {
        let (name, from) = ("free-hand".into(), "50".into());
        let to = "5\0".into();
        Ok((Entry::event(Event::SettingChanged { name, from, to }), ()))
    });
    assert_eq!(nul.await.err(), Some(Refusal::Unavailable));
    assert_eq!(bench.proven().await, count);
    assert_eq!(bench.grant(opened.number).await.state, State::Reserved);
}

pub async fn the_same_delivery_has_one_effect(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let request = bench.request(dollars(20));
    let mut scope = Scope::new(bench.org, Actor::Member(bench.ana)).member(bench.ana);
    scope.delivery = Some("D1".into());
    let twice = || bench.record(scope.clone(), |books| requests::open(books, &request));
    let (one, two) = tokio::join!(twice(), twice());
    assert_eq!(
        [one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(),
        1
    );
    assert_eq!(one.err().or(two.err()), Some(Refusal::Repeated));
    assert_eq!(bench.budget().await.free(), dollars(80));
}

pub async fn an_action_is_used_once_and_not_for_ever(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let (entry, opened) = bench.provision(dollars(60)).await.expect("a request");
    assert_eq!(opened.state, State::AwaitingOwner);
    assert!(entry.messages.is_empty(), "nobody is known to be an owner");
    bench
        .store
        .note_role(bench.org, &identity("OLGA"), bench.olga, Role::Owner)
        .await
        .expect("noted");
    let (mut entry, opened) = bench.provision(dollars(60)).await.expect("a request");
    let buttons: Vec<_> = entry.messages[0].page.buttons_mut().collect();
    let action = buttons[0].action.expect("an action");
    let found = bench
        .store
        .action(action)
        .await
        .expect("an answer")
        .expect("a row");
    assert_eq!(found.line, format!("approve {}", opened.number));
    assert_eq!((found.audience, found.used), (Audience::Owners, None));
    let scope = Scope {
        action: Some(action),
        ..Scope::new(bench.org, Actor::Member(bench.olga))
    };
    let scope = scope.grant(GrantRef::Number(opened.number));
    let approval = requests::Approval {
        number: opened.number,
        cap: None,
        life: None,
        service_min: dollars(1),
        adding: Money::from_micros(i64::MAX),
    };
    let click = || bench.record(scope.clone(), |books| requests::approve(books, &approval));
    let (one, two) = tokio::join!(click(), click());
    let done = Refusal::AlreadyDone {
        by: Some(bench.olga),
        at: slice_core::time::Time::from_micros(NOON),
    };
    assert_eq!(one.err().or(two.err()), Some(done));
    let grant = bench.grant(opened.number).await;
    assert_eq!(
        (grant.state, grant.decided_by),
        (State::Reserved, Some(bench.olga))
    );
    let old = buttons[1].action.expect("an action");
    bench.clock.pass(slice_core::action::ACTION_LIFE);
    let scope = Scope {
        action: Some(old),
        ..scope
    };
    let late = bench
        .record(scope, |books| requests::approve(books, &approval))
        .await;
    assert_eq!(late.err(), Some(Refusal::TooOld));
}

pub async fn fifty_at_once_leave_no_gap_and_spend_no_dollar_twice(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let before = bench.proven().await;
    let provisions = (0..50).map(|_| {
        let request = slice_core::requests::Request {
            asks_for_whole: false,
            monthly: false,
            ..bench.request(dollars(10))
        };
        let bench = &bench;
        async move {
            bench
                .by(bench.ana, None, |books| requests::open(books, &request))
                .await
        }
    });
    let done = futures::future::join_all(provisions).await;
    let opened: Vec<_> = done
        .iter()
        .flatten()
        .map(|(_, opened)| opened.number)
        .collect();
    assert_eq!(opened.len(), 10, "on {}", bench.database.kind());
    let short = |refusal: &&Refusal| matches!(refusal, Refusal::Short { .. });
    let refused = done.iter().filter_map(|done| done.as_ref().err());
    assert_eq!(refused.filter(short).count(), 40);
    let mut numbers = opened;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    assert_eq!(bench.proven().await, before + 10);
    assert_eq!(bench.budget().await.free(), dollars(0));
}

pub async fn a_workspace_and_a_person_are_opened_once(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let store = &bench.store;
    let place = workspace("T2");
    let opens = (0..8).map(|_| store.open_org(&place));
    let opened = futures::future::join_all(opens).await;
    let opened: Vec<_> = opened.into_iter().map(|one| one.expect("an org")).collect();
    assert_eq!(opened.iter().filter(|(_, new)| *new).count(), 1);
    assert!(opened.iter().all(|(org, _)| *org == opened[0].0));
    assert_eq!(store.orgs().await.expect("orgs").len(), 2);
    let bob = identity("BOB");
    let joins = (0..8).map(|_| store.member(bench.org, &bob));
    let joined = futures::future::join_all(joins).await;
    let joined: Vec<_> = joined.into_iter().map(|one| one.expect("bob")).collect();
    assert!(joined.iter().all(|member| *member == joined[0]));
    assert_eq!(store.members(bench.org).await.expect("members").len(), 3);
    let found = store
        .users(bench.org, bob.workspace.platform, &joined[..1])
        .await;
    assert_eq!(found.expect("users"), vec![(joined[0], bob.clone())]);
    assert!(!store.is_invited(&place).await.expect("an answer"));
    store.invite(&place).await.expect("invited");
    store.invite(&place).await.expect("invited again");
    assert!(store.is_invited(&place).await.expect("an answer"));
    let unknown = store.org_of(&workspace("T3")).await.expect("an answer");
    assert_eq!(unknown, None);
}

pub async fn a_month_never_goes_back_and_turns_once(database: TestDatabase) {
    const DAY: Duration = Duration::from_hours(24);
    let bench = Bench::on(database).await;
    bench.provision(dollars(20)).await.expect("a grant");
    bench
        .by(bench.olga, None, |books| {
            allocations::top_up(books, dollars(7))
        })
        .await
        .expect("more");
    assert_eq!(bench.budget().await.free(), dollars(87));
    let zone = bench.by(bench.olga, None, |_| {
        let (name, from) = ("time-zone".into(), "UTC".into());
        let to = "Asia/Tokyo".into();
        Ok((Entry::event(Event::SettingChanged { name, from, to }), ()))
    });
    zone.await.expect("another zone");
    bench.clock.pass(DAY * 10);
    let scope = || Scope::new(bench.org, Actor::Slice).member(bench.ana);
    let books = bench.store.books(scope()).await.expect("books");
    assert_eq!(books.month.to_string(), "2026-12");
    assert_eq!(books.member.expect("ana").budget.free(), dollars(80));
    let turns_at = books.org.turns_at.rfc3339();
    assert_eq!(turns_at, "2026-12-31T15:00:00Z", "the new zone is in force");
    let count = bench.proven().await;
    bench.provision(dollars(5)).await.expect("a grant");
    assert_eq!(
        bench.proven().await,
        count + 2,
        "the month was opened before the grant"
    );
    bench.clock.set(NOON);
    let books = bench.store.books(scope()).await.expect("books");
    assert_eq!(books.month.to_string(), "2026-12");
    bench.provision(dollars(5)).await.expect("a grant");
    assert_eq!(bench.proven().await, count + 3);
    assert_eq!(bench.budget().await.free(), dollars(70));
}

pub async fn master_keys_settings_and_bindings_follow_their_events(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let removed = bench.by(bench.olga, None, |_| {
        let (service, version) = (service(), 1);
        Ok((Entry::event(Event::MasterRemoved { service, version }), ()))
    });
    removed.await.expect("removed");
    let books = bench
        .store
        .books(Scope::new(bench.org, Actor::Slice))
        .await
        .expect("books");
    assert!(books.org.masters.is_empty());
    let sealless = bench.by(bench.olga, None, |_| {
        let added = Event::MasterAdded {
            service: service(),
            version: 2,
            last4: "abcd".into(),
            fingerprint: "0".into(),
        };
        Ok((Entry::event(added), ()))
    });
    assert_eq!(sealless.await.err(), Some(Refusal::Unavailable));
    bench.add_master().await;
    let group = slice_core::role::Group {
        workspace: workspace("T1"),
        kind: slice_core::role::GroupKind::Channel,
        id: slice_core::ids::ChannelId::new("G1"),
    };
    let binding = slice_core::role::Binding {
        group,
        role: Role::Owner,
    };
    let bound = binding.clone();
    let bind = bench.by(bench.olga, None, |_| {
        let (name, from) = ("free-hand".into(), "50".into());
        let set = Event::SettingChanged {
            name,
            from,
            to: "10".into(),
        };
        Ok((
            Entry::event(Event::RoleBound { binding: bound }).and(set),
            (),
        ))
    });
    bind.await.expect("bound");
    let books = bench
        .store
        .books(Scope::new(bench.org, Actor::Slice))
        .await
        .expect("books");
    assert_eq!(books.org.bindings, std::slice::from_ref(&binding));
    assert_eq!(books.org.settings.free_hand, dollars(10));
    assert_eq!(books.org.masters.len(), 1);
    let unbind = bench.by(bench.olga, None, |_| {
        Ok((Entry::event(Event::RoleUnbound { binding }), ()))
    });
    unbind.await.expect("unbound");
    let books = bench
        .store
        .books(Scope::new(bench.org, Actor::Slice))
        .await
        .expect("books");
    assert!(books.org.bindings.is_empty());
}

pub async fn buttons_of_messages_have_actions_when_they_are_claimed(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let to = To::Member(bench.ana);
    while let Some(claimed) = bench.store.claim_message(LEASE).await.expect("an answer") {
        let sent = slice_core::ports::Sent::Undeliverable("a test".into());
        bench.store.sent(&claimed, sent).await.expect("noted");
    }
    let button = Button::new("Reveal", "reveal 1", Audience::Member(bench.ana));
    let page = Page::say("Ready").buttons(vec![button]);
    let say = bench.by(bench.olga, None, |_| {
        Ok((Entry::default().say(Message::new(to, page)), ()))
    });
    let (mut entry, ()) = say.await.expect("said");
    let given = entry.messages[0]
        .page
        .buttons_mut()
        .next()
        .expect("a button")
        .action;
    let claimed = bench.store.claim_message(LEASE).await.expect("an answer");
    let mut claimed = claimed.expect("a message");
    let button = claimed.message.page.buttons_mut().next().expect("a button");
    assert!(given.is_some());
    assert_eq!(button.action, given);
}
