//! Pods that end, by Slice or behind its back.

use super::{MINUTE, World, faults, is_later, known, micros, order, stopped};
use slice_core::ports::ServiceError;
use slice_sandbox::Fault;
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

pub(super) async fn readings_and_ends_under_faults() {
    for fault in faults().filter(|fault| *fault != Fault::NoCapacity) {
        let world = World::new().await;
        let key = world.key(1).await;
        let (adapter, master) = (world.during(fault), &world.master);
        world.sandbox.faults.inject_on("GET /v2/pods/", fault, 1);
        let read = adapter.read(master, &key).await;
        let said = matches!(fault, Fault::Slow { .. } | Fault::NotFound404);
        assert!(said || is_later(&read), "{fault:?}: {read:?}");
        world.sandbox.faults.inject_on("DELETE /v2/pods/", fault, 1);
        let ended = adapter.disable(master, &key).await;
        let is_over = world.pod(&key.provider_id).ended_at.is_some();
        // The provider itself says that there is no such pod.
        let is_said = fault == Fault::NotFound404;
        assert!(ended.is_err() || is_over || is_said, "{fault:?}: {ended:?}");
        adapter
            .delete(master, &key.provider_id)
            .await
            .expect("once more, and it is over");
        assert!(world.pod(&key.provider_id).ended_at.is_some(), "{fault:?}");
        world.well_behaved();
    }
}
