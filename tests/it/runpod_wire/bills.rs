//! What pods have cost where their bills are not to be had, or are many.

use super::{ACCOUNT, MINUTE, World, is_later, stopped};
use slice_core::money::Money;
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
