//! What pods have cost by their bills: over days, among many of others, and where none are to be had.

use super::{ACCOUNT, MINUTE, World, is_later, micros, stopped};
use slice_core::{money::Money, ports::KeyRef};
use slice_sandbox::Fault;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// While nobody knows what pods were billed for, they are found and listed all the same.
pub(super) async fn pods_are_found_without_their_bills() {
    let world = World::new().await;
    let (adapter, master) = (world.adapter(), &world.master);
    let key = world.key(1).await;
    world.later(4 * HOUR);
    let route = "runpod GET /v2/billing/pods";
    world
        .sandbox
        .faults
        .inject_on(route, Fault::ServerError500, 100);
    let found = adapter.find(master, &key.label).await.expect("it is there");
    let usages: Vec<_> = found.iter().map(|found| found.usage).collect();
    assert_eq!(usages, [world.bill(&key)], "it has run all the time");
    let listed = adapter.list(master, "slice/").await.expect("a list");
    let ids: Vec<_> = listed.iter().map(|one| &one.provider_id).collect();
    assert_eq!(ids, [&key.provider_id]);
    assert_eq!(listed[0].meter, None, "it is read by itself");
    assert!(is_later(&world.read(&key).await));
    let last = adapter.disable(master, &key).await.expect("terminated");
    assert_eq!(last.map(|meter| meter.usage), Some(world.bill(&key)));
    world.well_behaved();
}

/// A pod that was first seen when it stood still has no price: its bill is waited for as if it had run at the
/// one that was agreed on, and not for the days that its disk alone would have taken to cost so much.
pub(super) async fn what_was_first_seen_standing_still_is_billed_in_time() {
    let world = World::new().await;
    let (adapter, master) = (world.adapter(), &world.master);
    let key = world.key(1).await;
    world.later(HOUR);
    world.sandbox.runpod.stop_behind_our_back(&key.provider_id);
    let listed = adapter.list(master, "slice/").await.expect("a list");
    let double = slice_core::ports::KeyRef {
        facts: listed[0].facts.clone(),
        ..key.clone()
    };
    let zero = super::known(
        1,
        &key.provider_id,
        vec![
            (
                "Price per hour".into(),
                "$0.00, and $0.00137 for its disk".into(),
            ),
            double.facts.last().cloned().expect("since when"),
        ],
    );
    world
        .sandbox
        .runpod
        .terminate_behind_our_back(&key.provider_id);
    assert!(is_later(&world.read(&stopped(&double)).await));
    world.later(2 * HOUR + 30 * MINUTE);
    for key in [double, zero] {
        let last = world.read(&stopped(&key)).await.expect("its bill");
        assert!(Money::from_micros(400_000) < last.usage, "{}", last.usage);
    }
    world.well_behaved();
}

/// The bills of all pods of an account are asked for at once, and most may be other people's.
pub(super) async fn bills_among_many_of_other_people() {
    let world = World::new().await;
    world.sandbox.runpod.set_balance(ACCOUNT, "100000");
    let keys = [world.key(1).await, world.key(2).await];
    for number in 0..700 {
        let name = format!("somebody's-{number}");
        world.sandbox.runpod.add_foreign_pod(ACCOUNT, &name);
    }
    world.later(15 * HOUR + 30 * MINUTE);
    let listed = world.adapter().list(&world.master, "slice/").await;
    let listed = listed.expect("a list");
    assert_eq!(listed.len(), keys.len());
    assert!(listed.iter().all(|one| one.meter.is_some()), "{listed:?}");
    world.well_behaved();
}

pub(super) async fn bills_over_days_and_what_was_not_foreseen() {
    let world = World::new().await;
    world.sandbox.runpod.forget_deadlines(true);
    let (first, second) = (world.key(1).await, world.key(2).await);
    let exact = |key: &KeyRef, usage: Money| {
        let bill = world.bill(key);
        // Each bucket of a bill is rounded up.
        assert!(
            bill <= usage && usage <= bill + micros(100),
            "{usage} {bill}"
        );
    };
    for hours in [1, 7, 20, 26] {
        world.later(Duration::from_hours(hours) + 17 * MINUTE);
        for key in [&first, &second] {
            exact(key, world.read(key).await.expect("a reading").usage);
        }
        let listed = world.adapter().list(&world.master, "slice/").await;
        for one in listed.expect("a list") {
            let key = [&first, &second]
                .into_iter()
                .find(|key| key.label == one.label);
            exact(key.expect("ours"), one.meter.expect("a reading").usage);
        }
    }
    world.sandbox.runpod.bill_more(&first.provider_id, "0.25");
    world
        .sandbox
        .runpod
        .stop_behind_our_back(&second.provider_id);
    world.later(3 * Duration::from_hours(1));
    exact(&first, world.read(&first).await.expect("a reading").usage);
    let still = world.read(&second).await.expect("a reading");
    assert!(still.is_disabled, "somebody stopped it");
    exact(&second, still.usage);
    world.well_behaved();
}
