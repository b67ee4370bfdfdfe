//! Claims and the outbox: each once, in order, whoever dies in between.

use super::bench::{Bench, dollars};
use crate::postgres::TestDatabase;
use slice_core::{
    books::{Claimed, Entry, GrantRef, Message, Offer, Scope, To},
    event::Actor,
    ids::{ChannelId, Place},
    page::{Audience, Page},
    ports::{Posted, Sent, Store as _, Work},
    refusal::Refusal,
    steps,
};
use std::{collections::HashSet, time::Duration};

const LEASE: Duration = Duration::from_mins(1);

pub async fn workers_claim_each_grant_once_until_its_lease_ends(database: TestDatabase) {
    let bench = Bench::on(database).await;
    for _ in 0..12 {
        bench.provision(dollars(2)).await.expect("a grant");
    }
    let worker = || async {
        let mut mine = vec![];
        while let Some(claim) = bench
            .store
            .claim_grant(Work::Issue, LEASE)
            .await
            .expect("claim")
        {
            mine.push(claim.grant);
        }
        mine
    };
    let (one, two, three) = tokio::join!(worker(), worker(), worker());
    let all = [one, two, three].concat();
    assert_eq!(all.len(), 12, "on {}", bench.database.kind());
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 12);
    bench.clock.pass(LEASE);
    let again = bench
        .store
        .claim_grant(Work::Issue, LEASE)
        .await
        .expect("an answer");
    let again = again.expect("its worker died");
    assert_eq!(again.fence.0, 2);
    let later = Duration::from_mins(5);
    bench
        .store
        .put_back(again, later)
        .await
        .expect("given back");
    bench
        .store
        .put_back(again, Duration::ZERO)
        .await
        .expect("given back again");
}

pub async fn a_grant_put_back_waits_its_time_and_goes_to_the_right_worker(database: TestDatabase) {
    let bench = Bench::on(database).await;
    bench.provision(dollars(2)).await.expect("a grant");
    let claim = bench
        .store
        .claim_grant(Work::Issue, LEASE)
        .await
        .expect("an answer");
    let claim = claim.expect("a reserved grant");
    let scope = Scope::new(bench.org, Actor::Slice).grant(GrantRef::Id(claim.grant));
    let scope = scope.fenced(claim.fence);
    bench
        .record(scope.clone(), |books| steps::intend(books, None))
        .await
        .expect("intended");
    let later = Duration::from_mins(1);
    let retry = bench.record(scope, |books| Ok((steps::try_later(books, later)?, ())));
    retry.await.expect("given back");
    let early = bench
        .store
        .claim_grant(Work::Issue, LEASE)
        .await
        .expect("an answer");
    assert!(early.is_none());
    bench.clock.pass(later);
    let claim = bench
        .store
        .claim_grant(Work::Issue, LEASE)
        .await
        .expect("an answer");
    let claim = claim.expect("due again");
    let scope = Scope::new(bench.org, Actor::Slice).grant(GrantRef::Id(claim.grant));
    let scope = scope.fenced(claim.fence);
    let (_, attempt) = bench
        .record(scope.clone(), |books| steps::intend(books, None))
        .await
        .expect("intended");
    assert_eq!(attempt, 2);
    let doubt = bench.record(scope, |books| Ok((steps::in_doubt(books)?, ())));
    doubt.await.expect("in doubt");
    for work in [Work::Issue, Work::End, Work::Sweep, Work::CloseReveal] {
        let none = bench
            .store
            .claim_grant(work, LEASE)
            .await
            .expect("an answer");
        assert!(none.is_none(), "{work:?}");
    }
    left_to_the_sweeper(&bench).await;
}

/// The reconciler gives up on a grant whose key might still be there.
async fn left_to_the_sweeper(bench: &Bench) {
    let claim = bench
        .store
        .claim_grant(Work::Reconcile, LEASE)
        .await
        .expect("an answer");
    let claim = claim.expect("for the reconciler");
    let scope = Scope::new(bench.org, Actor::Slice).grant(GrantRef::Id(claim.grant));
    let gave_up = slice_core::grant::End::Failed;
    let ended = bench.record(scope.fenced(claim.fence), |books| {
        let entry = steps::gave_up(books, gave_up, "A test.")?;
        let gone = |event: &slice_core::event::Event| {
            matches!(event, slice_core::event::Event::KeyGone { .. })
        };
        let events = entry
            .events
            .iter()
            .filter(|event| !gone(event))
            .cloned()
            .collect();
        Ok((Entry { events, ..entry }, ()))
    });
    ended.await.expect("ended");
    let sweep = bench
        .store
        .claim_grant(Work::Sweep, LEASE)
        .await
        .expect("an answer");
    assert_eq!(sweep.expect("a key to look for").grant, claim.grant);
}

async fn drain(bench: &Bench) {
    while let Some(claimed) = bench.store.claim_message(LEASE).await.expect("an answer") {
        let sent = Sent::Undeliverable("a test".into());
        bench.store.sent(&claimed, sent).await.expect("noted");
    }
}

fn said(claimed: &Claimed) -> String {
    format!("{:?}", claimed.message.page)
}

fn posted(id: &str) -> Posted {
    Posted {
        place: Place {
            workspace: super::bench::workspace("T1"),
            channel: ChannelId::new("D1"),
        },
        id: id.into(),
    }
}

pub async fn messages_of_a_topic_come_in_their_order(database: TestDatabase) {
    let bench = Bench::on(database).await;
    drain(&bench).await;
    let to = To::Member(bench.ana);
    let message = |text: &str, topic: &str| Message::new(to, Page::say(text)).topic(topic);
    let messages = [
        message("one", "t"),
        message("two", "t").edit(),
        message("else", "u"),
        Message::new(to, Page::say("free")),
    ];
    let say = bench.by(bench.olga, None, |_| {
        Ok((Entry::default().say_all(messages), ()))
    });
    say.await.expect("said");
    let next = || async { bench.store.claim_message(LEASE).await.expect("an answer") };
    let one = next().await.expect("a message");
    let (other, free) = (
        next().await.expect("a message"),
        next().await.expect("a message"),
    );
    assert!(said(&one).contains("one") && said(&other).contains("else"));
    assert!(said(&free).contains("free"));
    assert!(next().await.is_none(), "the second waits for the first");
    bench.store.sending(&one).await.expect("noted");
    bench.clock.pass(LEASE);
    // The courier died: whoever comes next knows that it may have been delivered.
    let again = next().await.expect("a message");
    assert!(said(&again).contains("one") && again.in_doubt && again.tries == 0);
    let lost = bench.store.sent(&one, Sent::Posted(posted("1"))).await;
    assert_eq!(lost.err(), Some(Refusal::LostLease));
    let after = Duration::from_secs(30);
    let later = Sent::Later {
        after,
        in_doubt: false,
    };
    bench.store.sent(&again, later).await.expect("later");
    bench.clock.pass(after);
    let again = next().await.expect("a message");
    assert!(said(&again).contains("one") && !again.in_doubt && again.tries == 1);
    bench
        .store
        .sent(&again, Sent::Posted(posted("1")))
        .await
        .expect("noted");
    drop((other, free));
    let two = next().await.expect("a message");
    assert!(said(&two).contains("two") && two.message.edit);
    let stands = bench
        .store
        .posted(bench.org, &two.message)
        .await
        .expect("posts");
    assert_eq!(stands, [posted("1")]);
    bench.store.sent(&two, Sent::Edited).await.expect("noted");
    let (waiting, age) = bench.store.backlog().await.expect("an answer");
    assert_eq!((waiting, age), (2, Some(LEASE + after)));
    bench.clock.pass(LEASE);
    drain(&bench).await;
    assert_eq!(bench.store.backlog().await.expect("an answer"), (0, None));
}

pub async fn couriers_claim_each_message_once(database: TestDatabase) {
    let bench = Bench::on(database).await;
    drain(&bench).await;
    let to = To::Member(bench.ana);
    let messages = (0..20).map(|number| Message::new(to, Page::say(&*format!("m{number}"))));
    let say = bench.by(bench.olga, None, |_| {
        Ok((Entry::default().say_all(messages), ()))
    });
    say.await.expect("said");
    let courier = || async {
        let mut mine = vec![];
        while let Some(claimed) = bench.store.claim_message(LEASE).await.expect("an answer") {
            mine.push(claimed.id);
        }
        mine
    };
    let (one, two) = tokio::join!(courier(), courier());
    let all = [one, two].concat();
    assert_eq!(all.len(), 20);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 20);
}

pub async fn old_buttons_go_with_the_month(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let offer = Offer {
        line: "keys".into(),
        audience: Audience::Owners,
    };
    let offered = bench.store.offer(bench.org, &[offer]).await;
    let action = offered.expect("an action")[0];
    bench.clock.pass(Duration::from_hours(24 * 60));
    let old = bench.store.action(action).await.expect("an answer");
    assert!(old.is_some(), "it is too old, and still known");
    bench.allocate(dollars(50)).await.expect("a new month");
    let swept = bench.store.action(action).await.expect("an answer");
    assert!(swept.is_none(), "the new month swept it");
    bench.proven().await;
}

/// A clock that ran ahead for three days leased, paused and promised; put right, it keeps nobody waiting.
pub async fn a_clock_that_ran_ahead_keeps_nobody_waiting(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let (ahead, store) = (Duration::from_hours(72), bench.store.clone());
    bench.clock.pass(ahead);
    bench.provision(dollars(2)).await.expect("a grant");
    bench.provision(dollars(3)).await.expect("a grant");
    let claim = || store.claim_grant(Work::Issue, LEASE);
    let leased = claim().await.expect("an answer").expect("a grant");
    let paused = claim().await.expect("an answer").expect("a grant");
    let pause = store.put_back(paused, Duration::from_mins(10)).await;
    pause.expect("given back");
    let message = store.claim_message(LEASE).await.expect("an answer");
    let checked = store.claim_check(LEASE).await.expect("an answer");
    bench.clock.back(ahead);
    let again = [claim().await, claim().await].map(|found| found.expect("an answer"));
    let grants = again.map(|found| found.expect("it is due").grant);
    assert!(grants.contains(&leased.grant) && grants.contains(&paused.grant));
    // Whoever claimed them before has lost them.
    let scope = Scope::new(bench.org, Actor::Slice).grant(GrantRef::Id(leased.grant));
    let late = bench.record(scope.fenced(leased.fence), |books| {
        steps::intend(books, None)
    });
    assert!(matches!(late.await, Err(Refusal::LostLease)));
    let next = store.claim_message(LEASE).await.expect("an answer");
    assert_eq!(next.map(|next| next.id), message.map(|first| first.id));
    let next = store.claim_check(LEASE).await.expect("an answer");
    assert!(
        checked.is_none() && next.is_some(),
        "she is looked at again"
    );
    // What stands now is as it was: a lease keeps others away.
    assert!(claim().await.expect("an answer").is_none());
}
