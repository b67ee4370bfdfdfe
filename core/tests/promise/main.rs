//! The promise: after every event that opens, approves, raises or resumes a grant nothing is held above
//! the budget, no other event of ours lets more be spent, and what is held is never less than what keys
//! may really spend. Over any interleaving of what people, workers, providers and the clock do; and each
//! number follows from the audit events alone.

mod ledger;
mod provider;
mod refold;
mod steps;
mod workers;

use ledger::Ledger;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use provider::Provider;
use slice_core::{
    books::Entry,
    budget::Budget,
    event::Event,
    grant::{KeyState, State},
    ids::{MemberId, ServiceName},
    money::Money,
    month::Month,
    ports::{Adjusts, Capabilities, Hardness},
    refusal::Refusal,
};
use std::{cell::RefCell, collections::BTreeMap};
use steps::{Step, play, step};

const ANA: u8 = 1;
const OLGA: u8 = 2;

fn member(number: u8) -> MemberId {
    MemberId::from_random([number; 16])
}

fn service() -> ServiceName {
    ServiceName::new("some-service")
}

fn money(cents: i64) -> Money {
    Money::from_micros(cents * 10_000)
}

/// A refusal is part of life.
type Played = Result<(), Refusal>;

fn able() -> Capabilities {
    Capabilities {
        title: "Some service",
        hardness: Hardness::Hard,
        inert: true,
        smallest_cap: Money::ZERO,
        dead_man: None,
        bills_late: None,
        credential: &[],
        adjusts: Adjusts {
            cap: true,
            end: true,
            secret: true,
            pause: true,
            holder: true,
        },
        has_options: false,
        good_within: None,
        reveal_within: None,
        caution: None,
        stays: None,
        usage: String::new(),
        master_hint: "",
    }
}

/// Whether the transaction opens, approves, raises or resumes.
fn takes(entry: &Entry) -> bool {
    let confirms = |event: &Event| matches!(event, Event::KeyCapped { .. });
    let is_confirmed = entry.events.iter().any(confirms);
    entry.events.iter().any(|event| match event {
        Event::GrantOpened { state, .. } => state.holds_money(),
        Event::GrantApproved { .. } => true,
        Event::CapChanging { from, to, .. } => from < to,
        // What a provider confirms was committed before.
        Event::CapChanged { from, to, .. } => from < to && !is_confirmed,
        Event::GrantMoved { from, to, .. } => {
            matches!(from, State::Suspended(_)) && *to == State::Active
        }
        _ => false,
    })
}

fn charged(entry: &Entry) -> Money {
    let readings = entry.events.iter().flat_map(|event| match event {
        Event::UsageRead { readings, .. } => readings.clone(),
        Event::SpendAssumed { reading, .. } => vec![reading.clone()],
        _ => vec![],
    });
    readings.map(|reading| reading.delta).sum()
}

fn held(budget: &Budget) -> Money {
    budget.spent + budget.committed
}

/// The books, and somebody else's sums of the same trail.
fn adds_up(ledger: &Ledger) -> Result<(), TestCaseError> {
    let (state, refold) = (&ledger.state, &ledger.refold);
    let mut months: Vec<Month> = state
        .topups
        .keys()
        .chain(state.spent.keys())
        .copied()
        .collect();
    months.push(ledger.month());
    for month in months {
        let (budget, sums) = (state.budget_of(month), refold.sums(member(ANA), month));
        prop_assert_eq!(budget.whole(), sums.whole);
        prop_assert_eq!(budget.spent, sums.spent);
        prop_assert_eq!(budget.committed, sums.committed);
        prop_assert_eq!(budget.free(), sums.free);
    }
    prop_assert!(refold.month.is_none_or(|month| month == state.month));
    prop_assert_eq!(state.grants.len(), refold.grants.len());
    for grant in &state.grants {
        let folded = &refold.grants[&grant.id];
        prop_assert_eq!((grant.cap, grant.state), (folded.cap, folded.state));
        prop_assert_eq!(grant.usage(), folded.used());
        prop_assert_eq!(grant.committed(), folded.committed());
    }
    Ok(())
}

fn keeps(before: &Budget, entry: &Entry, after: &Budget) -> Result<(), TestCaseError> {
    if takes(entry) {
        prop_assert!(
            after.balance() >= Money::ZERO,
            "an excess: {:?}, {:?}",
            entry.events,
            after
        );
    }
    let assumes = |event: &Event| matches!(event, Event::SpendAssumed { .. });
    if !takes(entry) && entry.events.iter().any(assumes) {
        prop_assert!(
            held(after) <= held(before),
            "more is assumed than was held: {:?}",
            entry.events
        );
    }
    // Charged as it is: above what was held only by what a running request overshot.
    let spent = charged(entry);
    prop_assert_eq!(after.spent - before.spent, spent);
    if !takes(entry) && spent.is_zero() {
        prop_assert!(
            held(after) <= held(before),
            "more may be spent: {:?}",
            entry.events
        );
    }
    Ok(())
}

/// Gives the trail of it.
fn lives(steps: Vec<Step>) -> Result<Vec<Event>, TestCaseError> {
    let (mut ledger, mut provider) = (Ledger::new(), Provider::default());
    for step in steps {
        let before = ledger.budget();
        let played = play(&mut ledger, &mut provider, &step);
        if played.is_err() && ledger.written.is_empty() {
            prop_assert_eq!(
                ledger.budget(),
                before,
                "a refusal changes nothing: {:?}",
                step
            );
        }
        for (before, entry, after) in std::mem::take(&mut ledger.written) {
            keeps(&before, &entry, &after)?;
        }
        adds_up(&ledger)?;
        for grant in &ledger.state.grants {
            let real = provider.exposure(grant);
            prop_assert!(
                real <= grant.committed(),
                "{:?}: {} may really be spent, {} is held for {:?}",
                step,
                real,
                grant.committed(),
                grant
            );
            for key in grant.keys.iter().filter(|key| key.state == KeyState::Gone) {
                let spent = provider.spent_unseen(grant, key);
                prop_assert!(
                    spent <= key.usage,
                    "{:?}: {} was really spent by key {} of {:?}",
                    step,
                    spent,
                    key.attempt,
                    grant
                );
            }
        }
    }
    ledger.restart();
    adds_up(&ledger)?;
    Ok(ledger.log.into_iter().map(|(_, event)| event).collect())
}

/// What these lives have to be made of, for the promise to mean anything.
const HAPPENS: &[&str] = &[
    "month_opened",
    "carried_over",
    "setting_changed",
    "allocation_set",
    "topped_up",
    "grant_opened",
    "grant_approved",
    "grant_moved",
    "grant_noticed",
    "grant_renewed",
    "grant_extended",
    "key_intended",
    "key_minted",
    "key_armed",
    "key_capped",
    "key_disabled",
    "key_enabling",
    "key_enabled",
    "key_gone",
    "cap_changing",
    "cap_changed",
    "change_asked",
    "change_dropped",
    "rotation_begun",
    "overlap_begun",
    "rotation_done",
    "extension_begun",
    "revealed",
    "usage_read",
    "spend_assumed",
];

fn kind(event: &Event) -> String {
    let event = serde_json::to_value(event).expect("an event is JSON");
    event["kind"].as_str().expect("a kind").to_owned()
}

/// `PROPTEST_CASES` asks for more.
fn config(cases: u32) -> ProptestConfig {
    let more = std::env::var("PROPTEST_CASES").ok();
    ProptestConfig {
        max_shrink_iters: 20_000,
        ..ProptestConfig::with_cases(more.and_then(|more| more.parse().ok()).unwrap_or(cases))
    }
}

/// The same lives each time: nothing of what the promise is about is left out.
#[test]
fn everything_happens() {
    let chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let config = ProptestConfig {
        failure_persistence: None,
        ..config(96)
    };
    let mut runner = TestRunner::new_with_rng(config, chance);
    let happened = RefCell::new(BTreeMap::<String, usize>::new());
    let played = runner.run(&prop::collection::vec(step(), 80..160), |steps| {
        for event in lives(steps)? {
            *happened.borrow_mut().entry(kind(&event)).or_default() += 1;
        }
        Ok(())
    });
    assert!(played.is_ok(), "{}", played.unwrap_err());
    let happened = happened.into_inner();
    let never: Vec<_> = HAPPENS
        .iter()
        .filter(|kind| !happened.contains_key(**kind))
        .collect();
    assert!(never.is_empty(), "{never:?} never happened: {happened:?}");
}

proptest! {
    #![proptest_config(config(160))]

    #[test]
    fn the_promise_holds(steps in prop::collection::vec(step(), 1..120)) {
        lives(steps).map(drop)?;
    }
}
