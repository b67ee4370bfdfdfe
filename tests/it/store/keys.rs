//! Lives of keys in the books, on every database: spending, revealing, ending, forgetting.

use super::bench::{Bench, NOON, dollars, identity, service};
use crate::postgres::TestDatabase;
use slice_core::{
    books::{Fence, GrantRef, Scope},
    event::{Actor, Event},
    grant::{End, State},
    page::Audience,
    ports::{AuditQuery, Store as _, Work},
    readings,
    refusal::Refusal,
    requests, steps,
};
use std::time::Duration;

const LEASE: Duration = Duration::from_mins(1);

fn read(grant: &slice_core::grant::Grant, usage: i64) -> readings::Read {
    readings::Read {
        grant: grant.id,
        attempt: 1,
        usage: dollars(usage),
        cursor: None,
    }
}

pub async fn a_key_lives_spends_and_gives_the_rest_back(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let number = bench.activate(20).await;
    let grant = bench.grant(number).await;
    assert!(grant.keys[0].seal.is_some() && grant.ends_at.is_some());
    assert_eq!(
        (grant.name.as_deref(), grant.first_tried_at.is_some()),
        (Some("notebook"), true)
    );
    assert_eq!(
        bench
            .store
            .live_grants(bench.org)
            .await
            .expect("live")
            .len(),
        1
    );
    let reads = [read(&grant, 8)];
    let scope = Scope::new(bench.org, Actor::Slice).live();
    let meter = || {
        bench.record(scope.clone(), |books| {
            Ok((readings::usage_read(books, &reads), ()))
        })
    };
    let (one, two) = tokio::join!(meter(), meter());
    one.and(two).expect("read");
    let budget = bench.budget().await;
    assert_eq!((budget.spent, budget.committed), (dollars(8), dollars(12)));
    let revoke = bench.by(bench.ana, Some(number), |books| {
        Ok((requests::revoke(books, number, false)?, ()))
    });
    revoke.await.expect("revoking");
    assert!(bench.grant(number).await.keys[0].seal.is_none());
    end(&bench, number).await;
}

async fn end(bench: &Bench, number: i64) {
    let slice = bench.olga;
    bench
        .by(slice, Some(number), |books| {
            Ok((steps::disabled(books, 1)?, ()))
        })
        .await
        .expect("off");
    assert_eq!(bench.grant(number).await.keys[0].armed_cap, dollars(8));
    assert_eq!(bench.budget().await.committed, dollars(12));
    bench
        .by(slice, Some(number), |books| {
            Ok((steps::settled(books)?, ()))
        })
        .await
        .expect("ended");
    bench
        .by(slice, Some(number), |books| {
            Ok((steps::gone(books, 1)?, ()))
        })
        .await
        .expect("gone");
    let budget = bench.budget().await;
    assert_eq!((budget.spent, budget.committed), (dollars(8), dollars(0)));
    let settle = bench.by(bench.olga, Some(number), |books| {
        requests::settle(books, number, dollars(3))
    });
    settle.await.expect("settled");
    assert_eq!(bench.grant(number).await.usage(), dollars(3));
    assert_eq!(bench.budget().await.free(), dollars(97));
    assert!(
        bench
            .store
            .live_grants(bench.org)
            .await
            .expect("live")
            .is_empty()
    );
    bench.proven().await;
}

pub async fn a_secret_is_shown_once(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let number = bench.activate(20).await;
    let reveal = || {
        bench.by(bench.ana, Some(number), |books| {
            steps::reveal(books, number)
        })
    };
    let (one, two) = tokio::join!(reveal(), reveal());
    let begun = [one, two]
        .into_iter()
        .flatten()
        .filter(|(_, what)| *what == steps::Reveal::Begun);
    assert_eq!(begun.count(), 1);
    let not_yet = bench
        .store
        .claim_grant(Work::CloseReveal, LEASE)
        .await
        .expect("an answer");
    assert!(not_yet.is_none());
    let failed = bench.by(bench.ana, Some(number), |books| {
        Ok((steps::reveal_failed(books)?, ()))
    });
    failed.await.expect("the seal is kept");
    assert!(bench.grant(number).await.revealing_until.is_none());
    reveal().await.expect("begun again");
    bench
        .clock
        .pass(steps::REVEAL_LEASE + Duration::from_secs(1));
    let claim = bench
        .store
        .claim_grant(Work::CloseReveal, LEASE)
        .await
        .expect("an answer");
    let claim = claim.expect("a view that never said how it went");
    let scope = Scope::new(bench.org, Actor::Slice).grant(GrantRef::Id(claim.grant));
    let closed = bench.record(scope.fenced(claim.fence), |books| {
        Ok((steps::revealed(books, false)?, ()))
    });
    closed.await.expect("it counts as shown");
    let grant = bench.grant(number).await;
    assert!(grant.revealed_at.is_some() && grant.keys[0].seal.is_none());
}

pub async fn who_lost_the_claim_writes_nothing(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let (_, opened) = bench.provision(dollars(20)).await.expect("a grant");
    let claim = bench
        .store
        .claim_grant(Work::Issue, LEASE)
        .await
        .expect("an answer");
    let claim = claim.expect("a reserved grant");
    let scope = |fence| {
        let scope = Scope::new(bench.org, Actor::Slice);
        scope.grant(GrantRef::Id(claim.grant)).fenced(fence)
    };
    bench
        .record(scope(claim.fence), |books| steps::intend(books, None))
        .await
        .expect("intended");
    let stale = bench
        .record(scope(Fence(claim.fence.0 - 1)), |books| {
            steps::intend(books, None)
        })
        .await;
    assert_eq!(stale.err(), Some(Refusal::LostLease));
    // A person's word is no worker's: it makes every claim before it void.
    let number = opened.number;
    let revoke = bench.by(bench.ana, Some(number), |books| {
        Ok((requests::revoke(books, number, false)?, ()))
    });
    revoke.await.expect("revoking");
    let lost = bench
        .record(scope(claim.fence), |books| {
            Ok((steps::in_doubt(books)?, ()))
        })
        .await;
    assert_eq!(lost.err(), Some(Refusal::LostLease));
    let busy = bench
        .store
        .claim_grant(Work::End, LEASE)
        .await
        .expect("an answer");
    assert!(busy.is_none(), "a call of the loser may still be under way");
    bench
        .store
        .put_back(claim, Duration::from_hours(1))
        .await
        .expect("given back");
    let end = bench
        .store
        .claim_grant(Work::End, LEASE)
        .await
        .expect("an answer");
    let end = end.expect("free for the next worker at once");
    bench
        .store
        .put_back(claim, Duration::ZERO)
        .await
        .expect("without effect");
    let again = bench
        .store
        .claim_grant(Work::End, LEASE)
        .await
        .expect("an answer");
    assert!(again.is_none(), "{:?} is claimed", end.grant);
}

pub async fn the_trail_is_found_by_person_service_and_time(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let number = bench.activate(20).await;
    let grant = bench.grant(number).await;
    let reads = [read(&grant, 8)];
    let scope = Scope::new(bench.org, Actor::Slice).live();
    let meter = bench.record(scope, |books| Ok((readings::usage_read(books, &reads), ())));
    meter.await.expect("read");
    let all = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let audit = async |query: AuditQuery| {
        let rows = bench.store.audit(bench.org, &query).await.expect("rows");
        rows.into_iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    let rows = bench.store.audit(bench.org, &all).await.expect("rows");
    assert!(rows.is_sorted_by(|one, two| one.seq > two.seq));
    let opened = rows
        .iter()
        .find(|row| matches!(row.event, Event::GrantOpened { .. }));
    let opened = opened.expect("the opening");
    assert_eq!(opened.grant, Some(number));
    assert_eq!(opened.texts, ["notebook", "for the demo"]);
    let metered = AuditQuery {
        metering: true,
        ..all.clone()
    };
    assert_eq!(
        audit(metered.clone()).await.len(),
        audit(all.clone()).await.len() + 1
    );
    let ana = AuditQuery {
        member: Some(bench.ana),
        ..metered.clone()
    };
    // Joined, allocated, opened, issuing, intended, minted, armed, active, read.
    assert_eq!(audit(ana.clone()).await.len(), 9);
    let hers = AuditQuery {
        service: Some(service()),
        ..ana.clone()
    };
    assert_eq!(audit(hers).await.len(), 7);
    let paged = AuditQuery {
        before: Some(opened.seq),
        limit: 2,
        ..all.clone()
    };
    assert_eq!(audit(paged).await, [opened.seq - 1, opened.seq - 2]);
    let later = AuditQuery {
        since: Some(slice_core::time::Time::from_micros(NOON + 1)),
        ..all
    };
    assert!(audit(later).await.is_empty());
}

pub async fn a_forgotten_person_leaves_numbers_and_a_whole_chain(database: TestDatabase) {
    let bench = Bench::on(database).await;
    bench
        .store
        .note_installer(bench.org, bench.ana)
        .await
        .expect("noted");
    let (_, opened) = bench.provision(dollars(20)).await.expect("a grant");
    let offer = slice_core::books::Offer {
        line: "ask openrouter 60 as \"notebook\"".into(),
        audience: Audience::Member(bench.ana),
    };
    let action = bench
        .store
        .offer(bench.org, &[offer])
        .await
        .expect("an action")[0];
    let refused = bench.store.forget(bench.org, bench.ana).await;
    assert!(refused.is_err(), "who holds money is not forgotten");
    let number = opened.number;
    let withdraw = |books: &_| Ok((requests::withdraw(books, number)?, ()));
    bench
        .by(bench.ana, Some(number), withdraw)
        .await
        .expect("withdrawn");
    let erased = bench
        .store
        .forget(bench.org, bench.ana)
        .await
        .expect("forgotten");
    assert_eq!(erased, 2);
    let grant = bench.grant(opened.number).await;
    assert_eq!((grant.name, grant.reason), (None, None));
    assert!(
        bench
            .store
            .action(action)
            .await
            .expect("an answer")
            .is_none()
    );
    let platform = identity("ANA").workspace.platform;
    let found = bench.store.users(bench.org, platform, &[bench.ana]).await;
    assert!(found.expect("users").is_empty());
    let again = bench
        .store
        .member(bench.org, &identity("ANA"))
        .await
        .expect("a member");
    assert_ne!(again, bench.ana);
    let books = bench
        .store
        .books(Scope::new(bench.org, Actor::Slice))
        .await
        .expect("books");
    assert_eq!(books.org.installer, None);
    bench.proven().await;
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let rows = bench.store.audit(bench.org, &query).await.expect("rows");
    assert!(rows.iter().all(|row| row.texts.is_empty()));
}

pub async fn a_denial_says_who_and_when(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let (_, opened) = bench.provision(dollars(60)).await.expect("a request");
    let number = opened.number;
    let deny = bench.by(bench.olga, Some(number), |books| {
        Ok((requests::deny(books, number, Some("not now"))?, ()))
    });
    deny.await.expect("denied");
    let grant = bench.grant(number).await;
    assert_eq!(grant.state, State::Ended(End::Denied));
    assert_eq!(
        (grant.decided_by, grant.decided_at),
        (Some(bench.olga), Some(grant.moved_at))
    );
}
