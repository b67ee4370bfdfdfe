//! Pods that have ended, by Slice or behind its back.

use super::{MINUTE, World, is_later, known, micros, order, stopped};
use slice_core::ports::ServiceError;
use std::time::Duration;

pub(super) async fn an_ended_pod_is_read_by_its_whole_bill() {
    let world = World::new().await;
    let key = world.key(1).await;
    world.later(Duration::from_mins(100));
    world
        .sandbox
        .runpod
        .terminate_behind_our_back(&key.provider_id);
    assert_eq!(world.read(&key).await, Err(ServiceError::Gone));
    let key = stopped(&key);
    // Of one that an owner discarded nothing is known, so nobody waits for its bill.
    let discarded = stopped(&known(1, &key.provider_id, vec![]));
    assert_eq!(world.read(&discarded).await, Err(ServiceError::Gone));
    for _ in 0..7 {
        assert!(is_later(&world.read(&key).await), "its bill is not whole");
        world.later(10 * MINUTE);
    }
    world.later(MINUTE);
    let meter = world.read(&key).await.expect("its bill");
    assert!(meter.is_disabled);
    let bill = world.bill(&key);
    assert!(
        bill <= meter.usage && meter.usage <= bill + micros(10),
        "{bill}"
    );
    world.well_behaved();
}

/// `RunPod` may show for a while what has ended: it is no pod that exists, and is not ended once more.
pub(super) async fn what_has_ended_is_still_shown() {
    let world = World::new().await;
    world.sandbox.runpod.shows_ended(true);
    let (adapter, master) = (world.adapter(), &world.master);
    let key = world.key(1).await;
    world.later(30 * MINUTE);
    let last = adapter.disable(master, &key).await.expect("terminated");
    assert_eq!(last.map(|meter| meter.usage), Some(world.bill(&key)));
    assert_eq!(world.read(&key).await, Err(ServiceError::Gone));
    assert_eq!(adapter.disable(master, &key).await, Ok(None));
    let deleted = adapter.delete(master, &key.provider_id).await;
    deleted.expect("gone already");
    let found = adapter.find(master, &order(1).label).await;
    assert_eq!(found, Ok(vec![]));
    assert_eq!(adapter.list(master, "slice/").await, Ok(vec![]));
    let bill = world.read(&stopped(&key)).await;
    assert!(is_later(&bill), "it is not whole: {bill:?}");
    world.well_behaved();
}
