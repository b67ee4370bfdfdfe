//! The promise over random lives: what is opened or approved always fits, and what the store says
//! is what its own trail adds up to.

mod changes;
// The same sums that the rules' own promise is held to.
#[path = "../../../core/tests/promise/refold.rs"]
mod refold;

use super::bench::{Bench, dollars, service};
use crate::{
    postgres::{Kind, TestDatabase},
    runtime,
};
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};
use refold::Refold;
use slice_core::{
    allocations::{allocate, top_up},
    books::{Books, Entry, GrantRef, Scope},
    event::{Actor, Event},
    grant::{End, Key, KeyState, State},
    ids::MemberId,
    leaving,
    money::Money,
    pauses,
    ports::{AuditQuery, AuditRow, Store as _},
    readings,
    refusal::Refusal,
    requests::{self, Approval, Request},
    sentences::KeyFacts,
    steps,
    vault::Seal,
};
use std::time::Duration;

/// Each is a life of its own in a database of its own; `PROPTEST_CASES` asks for more.
const CASES: u32 = 8;

/// Something that a person or a worker tries; the number picks a grant.
#[derive(Clone, Debug)]
enum Try {
    Open {
        cap: i64,
        whole: bool,
        monthly: bool,
    },
    Approve {
        grant: usize,
        less: bool,
    },
    Deny(usize),
    Withdraw(usize),
    Revoke(usize),
    Intend(usize),
    Minted(usize),
    Armed(usize),
    Doubt(usize),
    Resolved(usize),
    Later(usize),
    GaveUp(usize),
    Use {
        grant: usize,
        usage: i64,
    },
    Disabled(usize),
    Assumed(usize),
    Settled(usize),
    Leave,
    Back,
    Keep(usize),
    Enabled(usize),
    Transfer(usize),
    Corrected {
        grant: usize,
        to: i64,
    },
    Allocate(i64),
    TopUp(i64),
    Days(u64),
    ClockBack(u64),
    Cap {
        grant: usize,
        to: i64,
    },
    Rotate {
        grant: usize,
        overlap: bool,
    },
    /// The next step of whatever is being changed.
    Change(usize),
    Dropped(usize),
    Reveal(usize),
    Time(usize),
    Trim,
    Zone(usize),
    CarryOver(i64),
    /// The process ends, and another one opens the same database.
    Restart,
}

fn anything() -> impl Strategy<Value = Try> {
    let grant = 0..4_usize;
    let one = move |weight, make: fn(usize) -> Try| (weight, (0..4_usize).prop_map(make).boxed());
    let (open, approve) = (
        (1..70_i64, any::<bool>(), any::<bool>()).prop_map(|(cap, whole, monthly)| Try::Open {
            cap,
            whole,
            monthly,
        }),
        (grant.clone(), any::<bool>()).prop_map(|(grant, less)| Try::Approve { grant, less }),
    );
    let (spend, correct) = (
        (grant.clone(), 0..70_i64).prop_map(|(grant, usage)| Try::Use { grant, usage }),
        (grant.clone(), 0..30_i64).prop_map(|(grant, to)| Try::Corrected { grant, to }),
    );
    let (cap, rotate) = (
        (grant.clone(), 1..60_i64).prop_map(|(grant, to)| Try::Cap { grant, to }),
        (grant, any::<bool>()).prop_map(|(grant, overlap)| Try::Rotate { grant, overlap }),
    );
    prop::strategy::Union::new_weighted(vec![
        (6, open.boxed()),
        (4, approve.boxed()),
        (5, spend.boxed()),
        (1, correct.boxed()),
        one(1, Try::Deny),
        one(1, Try::Withdraw),
        one(2, Try::Revoke),
        one(5, Try::Intend),
        one(5, Try::Minted),
        one(5, Try::Armed),
        one(1, Try::Doubt),
        one(1, Try::Resolved),
        one(1, Try::Later),
        one(1, Try::GaveUp),
        one(2, Try::Disabled),
        one(1, Try::Assumed),
        one(2, Try::Settled),
        one(2, Try::Keep),
        one(2, Try::Enabled),
        one(2, Try::Transfer),
        (1, Just(Try::Leave).boxed()),
        (1, Just(Try::Back).boxed()),
        (1, (1..150_i64).prop_map(Try::Allocate).boxed()),
        (1, (1..50_i64).prop_map(Try::TopUp).boxed()),
        (1, (1..20_u64).prop_map(Try::Days).boxed()),
        (1, (1..60_u64).prop_map(Try::ClockBack).boxed()),
        (5, cap.boxed()),
        (5, rotate.boxed()),
        one(12, Try::Change),
        one(1, Try::Dropped),
        one(6, Try::Reveal),
        one(4, Try::Time),
        (1, Just(Try::Trim).boxed()),
        (1, (0..4_usize).prop_map(Try::Zone).boxed()),
        (1, (0..30_i64).prop_map(Try::CarryOver).boxed()),
        (1, Just(Try::Restart).boxed()),
    ])
}

type Decided = Result<Entry, Refusal>;

impl Bench {
    /// One try about the grant that the number picks. Refusals are part of life.
    async fn attempt(&self, who: MemberId, grant: usize, decide: Decision) -> Option<Entry> {
        let number = i64::try_from(grant).expect("a small number") + 1;
        let done = self.by(who, Some(number), move |books| {
            let entry = decide(books, number)?;
            Ok((entry, ()))
        });
        done.await.ok().map(|(entry, ())| entry)
    }

    /// What olga does about ana's month, or about everything.
    async fn org_wide(&self, decide: impl FnOnce(&Books) -> Decided + Send) -> Option<Entry> {
        let done = self.by(self.olga, None, |books| Ok((decide(books)?, ())));
        done.await.ok().map(|(entry, ())| entry)
    }

    async fn play(&self, what: Try) -> Option<Entry> {
        let (ana, olga) = (self.ana, self.olga);
        match what {
            Try::Open {
                cap,
                whole,
                monthly,
            } => {
                let request = Request {
                    asks_for_whole: whole,
                    monthly,
                    ..self.request(dollars(cap))
                };
                let open = self.by(ana, None, move |books| requests::open(books, &request));
                open.await.ok().map(|(entry, _)| entry)
            }
            Try::Allocate(to) => {
                let allocate = self.by(olga, None, |books| allocate(books, dollars(to)));
                allocate.await.ok().map(|(entry, _)| entry)
            }
            Try::TopUp(amount) => {
                let more = self.by(olga, None, |books| top_up(books, dollars(amount)));
                more.await.ok().map(|(entry, _)| entry)
            }
            Try::Days(days) => {
                self.clock.pass(Duration::from_hours(24 * days));
                None
            }
            Try::ClockBack(days) => {
                self.clock.back(Duration::from_hours(24 * days));
                None
            }
            Try::Trim => self.org_wide(changes::trim).await,
            Try::Zone(zone) => {
                let zone = changes::ZONES[zone];
                self.org_wide(|books| Ok(changes::set(books, "time-zone", zone)))
                    .await
            }
            Try::CarryOver(most) => {
                let most = if most == 0 {
                    "off".to_owned()
                } else {
                    most.to_string()
                };
                self.org_wide(|books| Ok(changes::set(books, "carry-over", &most)))
                    .await
            }
            Try::Leave | Try::Back => {
                let decide = move |books: &Books| match what {
                    Try::Leave => Ok((leaving::left(books), ())),
                    _ => Ok((leaving::back(books), ())),
                };
                let done = self.by(olga, None, decide).await;
                done.ok().map(|(entry, ())| entry)
            }
            Try::Transfer(grant) => {
                let number = i64::try_from(grant).expect("a small number") + 1;
                let scope = Scope::new(self.org, Actor::Member(olga))
                    .grant(GrantRef::Number(number))
                    .other(olga);
                let give = self.record(scope, |b| leaving::transfer(b, number, dollars(1)));
                give.await.ok().map(|(entry, _)| entry)
            }
            Try::Withdraw(grant) => self.attempt(ana, grant, Box::new(requests::withdraw)).await,
            Try::Reveal(grant) => self.attempt(ana, grant, Box::new(changes::reveal)).await,
            other => self.work(other).await,
        }
    }

    async fn work(&self, what: Try) -> Option<Entry> {
        let olga = self.olga;
        let (grant, decide): (usize, Decision) = match what {
            Try::Approve { grant, less } => (grant, Box::new(move |b, n| approve(b, n, less))),
            Try::Deny(grant) => (grant, Box::new(|b, n| requests::deny(b, n, Some("no")))),
            Try::Revoke(grant) => (grant, Box::new(|b, n| requests::revoke(b, n, true))),
            Try::Intend(grant) => (grant, Box::new(|b, _| Ok(steps::intend(b, None)?.0))),
            Try::Minted(grant) => (grant, Box::new(|b, _| minted(b))),
            Try::Armed(grant) => (grant, Box::new(|b, _| armed(b))),
            Try::Doubt(grant) => (grant, Box::new(|b, _| steps::in_doubt(b))),
            Try::Resolved(grant) => (grant, Box::new(|b, _| steps::doubt_resolved(b))),
            Try::Later(grant) => (
                grant,
                Box::new(|b, _| steps::try_later(b, Duration::from_secs(1))),
            ),
            Try::GaveUp(grant) => (
                grant,
                Box::new(|b, _| steps::gave_up(b, End::Failed, "It was not to be had.")),
            ),
            Try::Use { grant, usage } => (grant, Box::new(move |b, _| used(b, usage))),
            Try::Disabled(grant) => (grant, Box::new(|b, _| changes::stopped(b))),
            Try::Assumed(grant) => (grant, Box::new(|b, _| assumed(b))),
            Try::Settled(grant) => (grant, Box::new(|b, _| settled(b))),
            Try::Keep(grant) => (grant, Box::new(|b, n| Ok(leaving::keep(b, n)?.0))),
            Try::Enabled(grant) => (grant, Box::new(|b, _| enabled(b))),
            Try::Corrected { grant, to } => (
                grant,
                Box::new(move |b, n| Ok(requests::settle(b, n, dollars(to))?.0)),
            ),
            Try::Cap { grant, to } => (grant, Box::new(move |b, n| changes::cap(b, n, to))),
            Try::Rotate { grant, overlap } => {
                (grant, Box::new(move |b, n| changes::rotate(b, n, overlap)))
            }
            Try::Change(grant) => (grant, Box::new(|b, _| changes::step(b))),
            Try::Dropped(grant) => (grant, Box::new(|b, _| changes::dropped(b))),
            Try::Time(grant) => (grant, Box::new(|b, _| changes::time(b))),
            _ => return None,
        };
        self.attempt(olga, grant, decide).await
    }
}

type Decision = Box<dyn FnOnce(&Books, i64) -> Decided + Send>;

fn key_is(books: &Books, states: &[KeyState]) -> Result<i64, Refusal> {
    let key = books.grant.as_ref().and_then(|grant| grant.key());
    let key = key.filter(|key| states.contains(&key.state));
    Ok(key.ok_or(Refusal::LostLease)?.attempt)
}

fn approve(books: &Books, number: i64, less: bool) -> Decided {
    let asked = books.grant.as_ref().map_or(Money::ZERO, |grant| grant.cap);
    let approval = Approval {
        number,
        cap: less.then_some(asked.min(dollars(2))),
        life: None,
        service_min: dollars(1),
        adding: Money::from_micros(i64::MAX),
    };
    Ok(requests::approve(books, &approval)?.0)
}

fn minted(books: &Books) -> Decided {
    let attempt = key_is(books, &[KeyState::Intended])?;
    steps::minted(books, attempt, ("provider's", vec![]), Seal::new("sealed"))
}

fn armed(books: &Books) -> Decided {
    let attempt = key_is(books, &[KeyState::Minted])?;
    steps::armed(books, attempt, &facts())
}

fn facts() -> KeyFacts {
    KeyFacts {
        hardness: "hard cap".into(),
        usage: "curl".into(),
        facts: vec![],
        caution: None,
        ends_by: None,
        reveal_within: None,
        is_late: false,
    }
}

fn used(books: &Books, usage: i64) -> Decided {
    let spends = [KeyState::Armed, KeyState::Enabling, KeyState::Disabled];
    let attempt = key_is(books, &spends)?;
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let read = readings::Read {
        grant: grant.id,
        attempt,
        // A little more than the cap may have been under way.
        usage: dollars(usage).min(grant.cap + dollars(1)),
        cursor: None,
    };
    Ok(readings::usage_read(books, &[read]))
}

fn enabled(books: &Books) -> Decided {
    pauses::enabled(books, key_is(books, &[KeyState::Enabling])?)
}

fn assumed(books: &Books) -> Decided {
    let attempt = key_is(books, &[KeyState::Armed, KeyState::Enabling])?;
    steps::assumed_spent(books, attempt)
}

fn settled(books: &Books) -> Decided {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let is_still = |key: &Key| matches!(key.state, KeyState::Disabled | KeyState::Gone);
    if !grant.keys.iter().all(is_still) {
        return Err(Refusal::LostLease);
    }
    steps::settled(books)
}

/// Whether the entry opens, approves, raises or resumes.
fn takes(entry: &Entry) -> bool {
    let confirms = |event: &Event| matches!(event, Event::KeyCapped { .. });
    let is_confirmed = entry.events.iter().any(confirms);
    entry.events.iter().any(|event| match event {
        Event::GrantApproved { .. } => true,
        Event::GrantOpened { state, .. } => state.holds_money(),
        Event::CapChanging { from, to, .. } => from < to,
        Event::CapChanged { from, to, .. } => from < to && !is_confirmed,
        Event::GrantMoved { from, to, .. } => {
            matches!(from, State::Suspended(_)) && *to == State::Active
        }
        _ => false,
    })
}

async fn live(database: TestDatabase, tries: Vec<Try>) -> Result<(), TestCaseError> {
    let mut bench = Bench::on(database).await;
    // What leavers leave behind is given to olga.
    let scope = Scope::new(bench.org, Actor::Member(bench.olga)).member(bench.olga);
    let hers = bench.record(scope, |books| allocate(books, dollars(60)));
    hers.await.expect("an allocation");
    for what in tries {
        let said = format!("{what:?}");
        if matches!(what, Try::Restart) {
            bench.restart().await;
            continue;
        }
        let Some(entry) = bench.play(what).await else {
            continue;
        };
        let opened = entry.events.iter().find_map(Event::member);
        let recipient = opened.filter(|_| said.starts_with("Transfer"));
        let budget = bench.budget_of(recipient.unwrap_or(bench.ana)).await;
        prop_assert!(
            !takes(&entry) || Money::ZERO <= budget.balance(),
            "{said}: {budget:?}"
        );
    }
    let query = AuditQuery {
        metering: true,
        limit: 100_000,
        ..AuditQuery::default()
    };
    let rows = bench
        .store
        .audit(bench.org, &query)
        .await
        .expect("the trail");
    for member in [bench.ana, bench.olga] {
        adds_up(&bench, member, &rows).await?;
    }
    prop_assert_eq!(bench.proven().await, i64::try_from(rows.len()).unwrap_or(0));
    Ok(())
}

/// What the store says of a member is what the trail adds up to.
async fn adds_up(bench: &Bench, who: MemberId, rows: &[AuditRow]) -> Result<(), TestCaseError> {
    let fold = Refold::of(rows.iter().rev().map(|row| &row.event));
    let budget = bench.budget_of(who).await;
    let scope = Scope::new(bench.org, Actor::Slice).member(who);
    let books = bench.store.books(scope).await.expect("books");
    prop_assert!(fold.month.is_none_or(|opened| opened <= books.month));
    let sums = fold.sums(who, books.month);
    prop_assert_eq!(budget.whole(), sums.whole);
    prop_assert_eq!(budget.spent, sums.spent);
    prop_assert_eq!(budget.committed, sums.committed);
    prop_assert_eq!(budget.free(), sums.free);
    prop_assert_eq!(books.member.map(|member| member.budget), Some(budget));
    let grants = bench.store.grants(bench.org, who, 1000).await;
    for grant in grants.expect("grants") {
        let folded = &fold.grants[&grant.id];
        prop_assert_eq!(&grant.service, &service());
        prop_assert_eq!((grant.cap, grant.state), (folded.cap, folded.state));
        prop_assert_eq!(grant.committed(), folded.committed());
        let keys = grant.keys.iter();
        let keys = keys.map(|key| (key.attempt, (key.armed_cap.max(key.usage), key.usage)));
        let told = folded.keys.iter();
        let told = told.map(|(at, (armed, usage))| (*at, ((*armed).max(*usage), *usage)));
        prop_assert!(keys.eq(told), "{:?}: {:?}", grant.keys, folded.keys);
        let sealed = grant.keys.iter().any(|key| key.seal.is_some());
        let may = grant.state.keeps_seal();
        prop_assert!(!sealed || may, "a seal outlived {}", grant.state);
        prop_assert!(
            grant.change.is_none() || may,
            "a change outlived {}",
            grant.state
        );
    }
    Ok(())
}

pub fn holds(kind: Kind) {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let config = ProptestConfig {
        cases: cases.and_then(|cases| cases.parse().ok()).unwrap_or(CASES),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let lives = prop::collection::vec(anything(), 1..100);
    let played = TestRunner::new(config).run(&lives, |tries| {
        runtime().block_on(live(kind.fresh(), tries))
    });
    assert!(
        played.is_ok(),
        "{}",
        played.err().map(|why| why.to_string()).unwrap_or_default()
    );
}
