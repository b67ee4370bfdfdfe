//! `RunPod` does not say what became of an order, or does not let a pod end.

use super::pods::{a_pod, billed, free, spent};
use crate::world::World;
use slice_core::money::Money;
use slice_sandbox::{Direction, Fate, Fault};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// The answer about a new pod is lost, or the bot dies meanwhile: the pod is found by its mark, ended and
/// charged, and another one made; there never are two.
pub async fn an_answer_that_is_lost(world: &mut World) {
    world.set_up_pods().await;
    let route = "runpod POST /graphql podFindAndDeployOnDemand";
    let faults = [
        Fault::LostAfter,
        Fault::ServerErrorAfter500,
        Fault::TruncatedBody,
    ];
    for (number, fault) in (1..).zip(faults) {
        world.sandbox.faults.inject_on(route, fault, 1);
        world.says("ana", "provision runpod 10").await;
        for _ in 0..4 {
            world.later(MINUTE).await;
        }
        world.expect("ana", &["Your runpod key is ready"]);
        assert_eq!(world.live_pods().len(), 1, "{fault:?}");
        world.says("ana", "keys").await;
        assert_eq!(spent(world).await, billed(world), "{fault:?}");
        world.says("ana", &format!("revoke {number}")).await;
        assert_eq!(world.live_pods().len(), 0, "{fault:?}");
        world.all_read();
    }
    world.loose();
}

/// The answer to a pod's end is lost, or the bot dies after it: its bill is waited for, and then its rest is
/// back. Nothing is wrong meanwhile, so no owner is alarmed.
pub async fn an_end_whose_answer_is_lost(world: &mut World) {
    world.set_up_pods().await;
    a_pod(world, "10").await;
    world.later(20 * MINUTE).await;
    let route = "DELETE /v2/pods/";
    world.sandbox.faults.inject_on(route, Fault::LostAfter, 1);
    world.says("ana", "revoke 1").await;
    world.later(MINUTE).await;
    assert_eq!(world.live_pods().len(), 0);
    assert_eq!(
        free(world).await,
        Money::from_dollars(90),
        "its money is held"
    );
    world.kill();
    world.start().await.expect("the bot starts");
    for _ in 0..9 {
        world.later(10 * MINUTE).await;
    }
    world.expect("ana", &["was ended. It spent $0.1"]);
    let above = spent(world).await - billed(world);
    assert!(
        billed(world) <= spent(world).await && above < Money::from_micros(10),
        "{above}"
    );
    assert_eq!(
        free(world).await,
        Money::from_dollars(100) - spent(world).await
    );
    assert!(!world.reads("olga").contains("has been waiting to be ended"));
    world.loose();
}

/// Somebody locked a pod, and locks it again or takes the right to unlock it: it runs on and is charged,
/// owners hear what to do, and once that is done it ends.
pub async fn a_pod_that_stays_locked(world: &mut World) {
    world.set_up_pods().await;
    for locks_again in [true, false] {
        a_pod(world, "10").await;
        let id = world.live_pods()[0].id.clone();
        let runpod = world.sandbox.runpod.clone();
        runpod.lock_behind_our_back(&id);
        if locks_again {
            world.sandbox.wire.on_crossing(Box::new(move |crossing| {
                if crossing.direction == Direction::In && crossing.what.starts_with("DELETE ") {
                    runpod.lock_behind_our_back(&id);
                }
                Fate::Pass
            }));
        } else {
            let unlocks = "PATCH /v2/pods/";
            world
                .sandbox
                .faults
                .inject_on(unlocks, Fault::Forbidden403, 10_000);
        }
        let number = world.slice_pods().len();
        world.says("ana", &format!("revoke {number}")).await;
        for _ in 0..9 {
            world.later(10 * MINUTE).await;
        }
        assert_eq!(world.live_pods().len(), 1, "it runs on");
        world.expect(
            "olga",
            &["The pod is locked at RunPod", "console.runpod.io"],
        );
        world.sandbox.wire.clear_hook();
        world.sandbox.faults.clear();
        for _ in 0..9 {
            world.later(10 * MINUTE).await;
        }
        assert_eq!(world.live_pods().len(), 0);
        world.expect("ana", &["was ended. It spent $"]);
        assert!(billed(world) <= spent(world).await);
        world.all_read();
    }
    world.loose();
}
