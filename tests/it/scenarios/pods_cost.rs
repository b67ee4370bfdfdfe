//! Pods that cost more than was meant: found late, or dearer than they were.

use super::pods::{a_pod, billed, free, spent};
use crate::world::{World, pods::GPU_ID};
use slice_core::money::Money;
use slice_sandbox::Fault;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// A pod of which the answer was lost is found only after minutes that cost money: the next one has what is
/// left of the cap, and where that is too little there is none.
pub async fn what_a_lost_pod_cost_is_gone(world: &mut World) {
    world.set_up_pods().await;
    world.sandbox.runpod.forget_deadlines(true);
    world.says("olga", "allocate @ana 2").await;
    let made = "runpod POST /graphql podFindAndDeployOnDemand";
    // At the second price $1 lasts 20 min.
    for (price, goes_on) in [("0.4", true), ("2.99", false)] {
        world.sandbox.runpod.set_price(GPU_ID, price);
        world.all_read();
        world.sandbox.faults.inject_on(made, Fault::LostAfter, 1);
        let listed = "runpod GET /v2/pods";
        world
            .sandbox
            .faults
            .inject_on(listed, Fault::ServerError500, 100);
        let before = spent(world).await;
        world.says("ana", "provision runpod 1").await;
        for _ in 0..6 {
            world.later(MINUTE).await;
        }
        world.sandbox.faults.clear();
        // The pauses double, and the next pod waits as long as the first was looked for.
        for _ in 0..24 {
            world.later(MINUTE).await;
        }
        let first = spent(world).await - before;
        assert!(Money::from_micros(40_000) < first, "{first}");
        assert_eq!(world.live_pods().len(), usize::from(goes_on));
        if !goes_on {
            world.expect("ana", &["until it was found and ended", "is charged"]);
            break;
        }
        let pod = world.live_pods().pop().expect("the second pod");
        let rest = pod.terminate_after.expect("a deadline") - pod.created_at;
        // $1 lasts 2 h 29 min.
        assert!(rest / 60_000_000 < 149 - 6, "{rest}");
        world.clicks("ana", "Reveal key").await;
        let ana = world.town.person("ana");
        ana.close_modal().expect("the view closes");
        for _ in 0..150 {
            world.later(MINUTE).await;
        }
        assert_eq!(world.live_pods().len(), 0, "Slice ended it");
        let all = spent(world).await - before;
        assert!(
            all <= Money::from_dollars(1) && Money::from_micros(970_000) < all,
            "{all}"
        );
    }
    world.loose();
}

/// Between the form and its answer, or between that and the order, the price goes up: the form says so, or the
/// order is not sent and the money is back.
pub async fn a_price_that_changes_after_the_form(world: &mut World) {
    world.set_up_pods().await;
    let runpod = world.sandbox.runpod.clone();
    for (passes, told) in [
        (MINUTE, "Nothing was changed."),
        (Duration::ZERO, "the money is back"),
    ] {
        world.says("ana", "provision runpod").await;
        runpod.set_price(GPU_ID, "0.5");
        world.later(passes).await;
        world.submits("ana", &[("Cap", "10")]).await;
        let dearer = ["The price of A40 was $0.40 an hour", "is $0.50 now"];
        let read = world.expect("ana", &dearer);
        assert!(read.contains(told), "{read}");
        runpod.set_price(GPU_ID, "0.4");
        world.later(MINUTE).await;
        world.all_read();
    }
    assert_eq!(world.slice_pods().len(), 0, "nothing was ever made");
    assert_eq!(free(world).await, Money::from_dollars(100));
    world.loose();
}

/// `RunPod` raises the price of a pod that runs: it is ended by what it costs, before its cap and before its
/// date.
pub async fn a_price_that_rises(world: &mut World) {
    world.set_up_pods().await;
    world.sandbox.runpod.forget_deadlines(true);
    a_pod(world, "2").await;
    world.later(5 * MINUTE).await;
    let pod = world.live_pods().pop().expect("a pod");
    world
        .sandbox
        .runpod
        .reprice_behind_our_back(&pod.id, "0.50");
    // $2 would have lasted 4 h 58 min; the hours that are billed meanwhile say what it really costs.
    for _ in 0..48 {
        world.later(5 * MINUTE).await;
    }
    world.expect(
        "ana",
        &["was ended", "sooner than at the price that was agreed on"],
    );
    assert_eq!(world.live_pods().len(), 0, "it had most of an hour left");
    let spent = spent(world).await;
    assert!(
        spent <= Money::from_dollars(2) && Money::from_micros(1_850_000) < spent,
        "{spent}"
    );
    // Until its bill was read once more.
    for _ in 0..9 {
        world.later(10 * MINUTE).await;
    }
    world.loose();
}

/// `RunPod` carried an order out twice, and nobody knows of either pod: because its answer was lost, or because
/// the bot died. Both are ended and charged, and one is made.
pub async fn an_order_that_was_carried_out_twice(world: &mut World) {
    world.set_up_pods().await;
    let faults = world.sandbox.faults.clone();
    for dies in [false, true] {
        let made = "runpod POST /graphql podFindAndDeployOnDemand";
        faults.inject_on(made, Fault::LostAfter, 1);
        faults.inject_on("runpod GET /v2/pods", Fault::ServerError500, 100);
        let before = (spent(world).await, billed(world));
        world.says("ana", "provision runpod 10").await;
        let first = world.live_pods().pop().expect("a pod");
        world.sandbox.runpod.duplicate_behind_our_back(&first.id);
        if dies {
            world.kill();
            world.start().await.expect("the bot starts");
        }
        world.later(2 * MINUTE).await;
        assert_eq!(world.live_pods().len(), 2);
        faults.clear();
        for _ in 0..15 {
            world.later(MINUTE).await;
        }
        let pods = world.slice_pods();
        let of_order = pods.iter().filter(|pod| pod.name == first.name);
        let ended = of_order.map(|pod| pod.ended_at.is_some());
        assert_eq!(ended.collect::<Vec<_>>(), [true, true]);
        world.expect("ana", &["Your runpod key is ready"]);
        assert_eq!(world.live_pods().len(), 1);
        let grant = world.newest_grant().await.expect("a grant").number;
        world.says("ana", &format!("revoke {grant}")).await;
        assert_eq!(world.live_pods().len(), 0);
        let (books, bill) = (spent(world).await - before.0, billed(world) - before.1);
        assert!(bill <= books, "{bill} {books}");
        world.all_read();
    }
    world.loose();
}

/// A second pod with the label of one that is used: it is ended, whatever becomes of the answer, its seconds
/// are charged beside those of the first one, and members and owners hear of it once.
pub async fn a_pod_with_a_double(world: &mut World) {
    world.set_up_pods().await;
    a_pod(world, "10").await;
    let first = world.live_pods().pop().expect("a pod").id;
    for lost in [false, true] {
        world.later(20 * MINUTE).await;
        world.all_read();
        if lost {
            let ends = "DELETE /v2/pods/";
            world.sandbox.faults.inject_on(ends, Fault::LostAfter, 1);
        }
        let double = world.sandbox.runpod.duplicate_behind_our_back(&first);
        world.later(6 * MINUTE).await;
        let left: Vec<_> = world.live_pods().into_iter().map(|pod| pod.id).collect();
        assert_eq!(left.join(" "), first, "{double} has ended");
        for _ in 0..8 {
            world.later(10 * MINUTE).await;
        }
        let said = "a second one with the same label was found";
        for who in ["ana", "olga"] {
            assert_eq!(world.reads(who).matches(said).count(), 1, "{who}");
        }
        world.says("ana", "keys").await;
        let (books, bill) = (spent(world).await, billed(world));
        let above = books - bill;
        assert!(
            bill <= books && above < Money::from_micros(1_000),
            "the books hold {books}, RunPod charges {bill}"
        );
    }
    world.says("ana", "revoke 1").await;
    for _ in 0..9 {
        world.later(10 * MINUTE).await;
    }
    assert_eq!(world.live_pods().len(), 0);
    world.loose();
}

/// A second pod that nobody has seen yet when its grant is revoked, that is made meanwhile, or that arrives
/// only afterwards: it is ended within minutes, whatever becomes of the answer, and charged to the grant.
pub async fn a_double_of_a_pod_that_has_ended(world: &mut World) {
    world.set_up_pods().await;
    let (faults, runpod) = (world.sandbox.faults.clone(), world.sandbox.runpod.clone());
    let ends = "DELETE /v2/pods/";
    for (number, comes) in (1..).zip(["before", "meanwhile", "after", "after, and the bot dies"]) {
        a_pod(world, "10").await;
        let first = world.live_pods().pop().expect("a pod").id;
        world.later(2 * MINUTE).await;
        world.all_read();
        if comes == "before" {
            runpod.duplicate_behind_our_back(&first);
        }
        if comes == "meanwhile" {
            faults.inject_on(ends, Fault::LostBefore, 1);
        }
        world.says("ana", &format!("revoke {number}")).await;
        match comes {
            "before" => {}
            "meanwhile" => drop(runpod.duplicate_behind_our_back(&first)),
            _ => {
                world.later(20 * MINUTE).await;
                assert_eq!(world.live_pods().len(), 0, "{comes}");
                runpod.duplicate_behind_our_back(&first);
            }
        }
        assert!(!world.live_pods().is_empty(), "{comes}");
        if comes.ends_with("dies") {
            faults.inject_on(ends, Fault::LostAfter, 1);
            world.later(10 * MINUTE).await;
            world.kill();
            world.start().await.expect("the bot starts");
        }
        for _ in 0..11 {
            world.later(MINUTE).await;
        }
        assert_eq!(world.live_pods().len(), 0, "{comes}");
        for _ in 0..18 {
            world.later(10 * MINUTE).await;
        }
        let found = "a second one with the same label was found";
        let (ana, olga) = (world.reads("ana"), world.reads("olga"));
        for read in [&ana, &olga] {
            assert_eq!(read.matches(found).count(), 1, "{comes}: {read}");
        }
        assert!(ana.contains("The second one of your grant"), "{ana}");
        assert!(!olga.contains("its books do not know it"), "{olga}");
        let (books, bill) = (spent(world).await, billed(world));
        assert!(
            bill <= books && books - bill < Money::from_micros(5_000),
            "{comes}: the books hold {books}, RunPod charges {bill}"
        );
    }
    world.loose();
}

/// A pod that turns out dearer was made twice: both are ended and charged.
pub async fn a_dearer_pod_with_a_double(world: &mut World) {
    world.set_up_pods().await;
    let (faults, runpod) = (world.sandbox.faults.clone(), world.sandbox.runpod.clone());
    runpod.really_costs(GPU_ID, "0.6");
    faults.inject_on("GET /v2/pods/", Fault::ServerError500, 1);
    world.says("ana", "provision runpod 10").await;
    let first = world.live_pods().pop().expect("a pod").id;
    runpod.duplicate_behind_our_back(&first);
    world.later(MINUTE).await;
    world.expect("ana", &["RunPod charges $0.60 an hour"]);
    assert_eq!(world.slice_pods().len(), 2);
    assert_eq!(world.live_pods().len(), 0);
    let (books, bill) = (spent(world).await, billed(world));
    assert!(
        Money::from_micros(19_000) < bill
            && bill <= books
            && books - bill < Money::from_micros(500),
        "the books hold {books}, RunPod charges {bill}"
    );
    world.loose();
}

/// `RunPod` did not know its new pod, so that was ended and another one made; then the first order is carried
/// out once more.
pub async fn a_double_of_an_attempt_that_is_gone(world: &mut World) {
    world.set_up_pods().await;
    let (faults, runpod) = (world.sandbox.faults.clone(), world.sandbox.runpod.clone());
    faults.inject_on("GET /v2/pods/", Fault::NotFound404, 1);
    world.says("ana", "provision runpod 10").await;
    world.later(MINUTE).await;
    let made = world.slice_pods();
    let [first, second] = made.as_slice() else {
        panic!("{made:#?}");
    };
    assert!(first.ended_at.is_some() && second.ended_at.is_none());
    world.clicks("ana", "Reveal key").await;
    let ana = world.town.person("ana");
    ana.close_modal().expect("the view closes");
    runpod.duplicate_behind_our_back(&first.id);
    world.later(6 * MINUTE).await;
    let found = "a second one with the same label was found";
    world.expect("ana", &[found, "Yours goes on", "has ended. It cost $0."]);
    let left: Vec<_> = world.live_pods().into_iter().map(|pod| pod.id).collect();
    assert_eq!(left.join(" "), second.id);
    world.says("ana", "revoke 1").await;
    for _ in 0..9 {
        world.later(10 * MINUTE).await;
    }
    let (books, bill) = (spent(world).await, billed(world));
    assert!(
        bill <= books && books - bill < Money::from_micros(1_000),
        "the books hold {books}, RunPod charges {bill}"
    );
    assert!(!world.reads("olga").contains("its books do not know it"));
    world.loose();
}
