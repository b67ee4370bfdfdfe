//! Pods on lease: made at a price, used for a while, ended before their money does.

use crate::world::{
    World,
    pods::{ACCOUNT, GPU_ID, IMAGES, RUNPOD_MASTER},
};
use slice_core::money::Money;
use slice_sandbox::{Access, Fault};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
/// By then all that a pod cost is billed and read.
const ALL_BILLED: Duration = Duration::from_mins(90);
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2yKN3GrYpLQkhMnV5mKHk4vVsEzH0dVkFQQcWAmQ0B ana@laptop";

pub(super) async fn spent(world: &World) -> Money {
    let org = world.org().await;
    let members = world.bot().desk.store.members(org).await;
    let members = members.expect("the database answers");
    members.iter().map(|one| one.budget.spent).sum()
}

pub(super) async fn free(world: &World) -> Money {
    let org = world.org().await;
    let members = world.bot().desk.store.members(org).await;
    let members = members.expect("the database answers");
    members
        .iter()
        .map(|one| one.budget.free())
        .max()
        .unwrap_or_default()
}

pub(super) fn billed(world: &World) -> Money {
    let pods = world.slice_pods().into_iter();
    pods.map(|pod| Money::from_micros(pod.bill_micros)).sum()
}

/// ana holds a pod of so many dollars, and knows how to reach it.
pub(super) async fn a_pod(world: &mut World, dollars: &str) {
    world
        .says("ana", &format!("provision runpod {dollars}"))
        .await;
    world.expect("ana", &["Your runpod key is ready"]);
    world.clicks("ana", "Reveal key").await;
    let ana = world.town.person("ana");
    ana.close_modal().expect("the view closes");
}

/// Off at first, then on; a lease with what the owners chose, its meter, and its end by its member.
pub async fn a_life(world: &mut World) {
    world.set_up().await;
    world.deposits_runpod().await;
    world.says("ana", "provision runpod 10").await;
    world.expect("ana", &["Pods are off"]);
    world.turns_pods_on().await;
    world.says("ana", "provision runpod 10").await;
    world.expect(
        "ana",
        &[
            "GPU: A40 for $0.40 an hour",
            "$10.00 lasts 24 h 54 min at that price",
        ],
    );
    let pod = world.live_pods().pop().expect("a pod");
    assert_eq!(pod.ports, ["8888/http"]);
    let deadline = pod.terminate_after.expect("a deadline") - pod.created_at;
    assert!(
        (24 * 60..25 * 60).contains(&(deadline / 60_000_000)),
        "{deadline}"
    );
    world.clicks("ana", "Reveal key").await;
    let ana = world.town.person("ana");
    ana.close_modal().expect("the view closes");
    world.later(Duration::from_mins(90)).await;
    world.says("ana", "keys").await;
    assert_eq!(spent(world).await, billed(world));
    world.clicks("ana", "I'm done: give it back").await;
    assert_eq!(world.live_pods().len(), 0);
    assert_eq!(spent(world).await, billed(world), "read when it was ended");
    assert_eq!(free(world).await, Money::from_dollars(100) - billed(world));
    world.later(ALL_BILLED).await;
    assert_eq!(spent(world).await, billed(world));
}

/// What members can't have is not offered with a button, and they are told who can change that.
pub async fn what_is_off_is_not_offered(world: &mut World) {
    world.set_up().await;
    world.deposits_runpod().await;
    world.says("ana", "provision modal 10").await;
    world.expect(
        "ana",
        &[
            "There is no service called",
            "off until an owner turns it on",
        ],
    );
    let read = world.reads("ana");
    assert!(!read.contains("Provision $10.00 of runpod"), "{read}");
    world.all_read();
    world.turns_pods_on().await;
    world.says("ana", "provision modal 10").await;
    world.expect("ana", &["a pod with a GPU on lease"]);
    world.clicks("ana", "Provision $10.00 of runpod").await;
    world.expect("ana", &["Reserved $10.00"]);
    world.says("ana", "revoke 1").await;
    assert_eq!(world.live_pods().len(), 0);
}

/// What is wanted is asked for by a form with the prices of now, and an owner hears what a pod is before
/// saying yes.
pub async fn a_pod_by_form(world: &mut World) {
    world.set_up_pods().await;
    world.says("olga", "settings free-hand 5").await;
    world.says("ana", "provision runpod").await;
    world
        .submits(
            "ana",
            &[
                ("Cap", "12"),
                ("GPU, and its price per hour now", "RTX 4090 at $0.69"),
                ("Image", "nvidia/cuda:12.4.1"),
                ("Disk", "40"),
                ("Access", KEY),
            ],
        )
        .await;
    world.expect("olga", &["RTX 4090 for $0.69 an hour", "RUNPOD_API_KEY"]);
    world.clicks("olga", "Approve").await;
    let pod = world.live_pods().pop().expect("a pod");
    assert_eq!(pod.ports, ["22/tcp"]);
    let key = pod.env.iter().find(|(name, _)| name == "PUBLIC_KEY");
    assert_eq!(
        key.map(|(_, key)| key.as_str()),
        KEY.strip_suffix(" ana@laptop")
    );
    world.expect(
        "ana",
        &["Your runpod key is ready", "Price per hour: $0.69"],
    );
    world.clicks("ana", "Reveal key").await;
    world.expect("ana", &["@ssh.runpod.io"]);
    world
        .town
        .person("ana")
        .close_modal()
        .expect("the view closes");
    world.says("ana", "revoke 1").await;
    assert_eq!(world.live_pods().len(), 0);
}

/// `RunPod` takes its date and does nothing, so Slice ends the pod before the money does.
pub async fn the_money_ends(world: &mut World) {
    world.set_up_pods().await;
    world.sandbox.runpod.forget_deadlines(true);
    a_pod(world, "1").await;
    for _ in 0..27 {
        world.later(5 * MINUTE).await;
    }
    assert_eq!(world.live_pods().len(), 1, "it lasts 2 h 29 min");
    for _ in 0..13 {
        world.later(MINUTE).await;
    }
    assert_eq!(world.live_pods().len(), 0, "Slice ended it");
    world.expect("ana", &["has expired"]);
    let spent = spent(world).await;
    assert!(
        spent <= Money::from_dollars(1) && Money::from_micros(980_000) < spent,
        "{spent}"
    );
    world.loose();
}

/// Nobody is there to end it: where `RunPod` keeps its date, the cap holds all the same; where not, what it
/// really cost is charged.
pub async fn nobody_is_there(world: &mut World) {
    world.set_up_pods().await;
    for forgets in [false, true] {
        world.sandbox.runpod.forget_deadlines(forgets);
        a_pod(world, "1").await;
        let before = spent(world).await;
        world.kill();
        world.sandbox.clock.advance(Duration::from_hours(5));
        world.start().await.expect("the bot starts");
        world.settled().await;
        for _ in 0..9 {
            world.later(10 * MINUTE).await;
        }
        assert_eq!(world.live_pods().len(), 0);
        let cost = spent(world).await - before;
        assert_eq!(Money::from_dollars(1) < cost, forgets, "{cost}");
        assert!(billed(world) <= spent(world).await);
        world.all_read();
    }
    world.loose();
}

/// A pod whose access nobody looks at is ended within the hour.
pub async fn nobody_reveals_it(world: &mut World) {
    world.set_up_pods().await;
    world.says("ana", "provision runpod 10").await;
    world.expect("ana", &["within 60 min"]);
    world.later(51 * MINUTE).await;
    world.expect("ana", &["waits to be revealed"]);
    assert_eq!(world.live_pods().len(), 1);
    world.later(9 * MINUTE).await;
    assert_eq!(world.live_pods().len(), 0);
    world.expect("ana", &["was never revealed, so it was ended"]);
    let spent = spent(world).await;
    assert_eq!(spent, billed(world));
    assert!(spent < Money::from_micros(410_000), "{spent}");
    world.loose();
}

/// What `RunPod` does not take, and what would be another bargain, is a clear sentence; nothing is charged
/// but the seconds of a pod that turned out to be dearer.
pub async fn what_is_not_to_be_had(world: &mut World) {
    world.set_up_pods().await;
    let runpod = world.sandbox.runpod.clone();
    runpod.stock(GPU_ID, false);
    // What was asked for just now is not asked for again.
    world.later(MINUTE).await;
    world.says("ana", "provision runpod 10").await;
    world.expect("ana", &["no machine free", "Nothing was changed."]);
    runpod.stock(GPU_ID, true);
    world.later(MINUTE).await;
    // The list said that there is one, and somebody else took it.
    let deploys = "POST /graphql podFindAndDeployOnDemand";
    world
        .sandbox
        .faults
        .inject_on(deploys, Fault::NoCapacity, 1);
    world.says("ana", "provision runpod 10").await;
    world.expect("ana", &["no machine free", "the money is back"]);
    world.says("ana", "provision runpod 10 gpu:T1000").await;
    world.expect("ana", &["RunPod has no “T1000” in its secure cloud"]);
    world
        .says("ana", "provision runpod 10 image:evil/miner")
        .await;
    world.expect("ana", &["is no image that the owners let members run"]);
    world
        .says("ana", "provision runpod 10 image:nvidia/cuda:12.4.1")
        .await;
    world.expect("ana", &["takes no password"]);
    world.says("ana", "provision runpod 10 access:9000").await;
    world.expect(
        "ana",
        &["protects port 8888 alone, and port 9000 would be open"],
    );
    world.says("ana", "provision runpod 10 region:moon").await;
    world.expect("ana", &["means nothing to runpod"]);
    world.says("ana", "provision runpod 10 monthly").await;
    world.expect("ana", &["can't go on from month to month"]);
    runpod.set_balance(ACCOUNT, "0.20");
    world.says("ana", "provision runpod 10").await;
    world.expect(
        "ana",
        &[
            "has $0.20 left, and an hour of that pod is",
            "the money is back",
        ],
    );
    runpod.set_balance(ACCOUNT, "100");
    assert_eq!(world.slice_pods().len(), 0, "nothing was ever made");
    assert_eq!(spent(world).await, Money::ZERO);
    // The list said $0.40; the pod costs $0.75.
    runpod.really_costs(GPU_ID, "0.75");
    world.says("ana", "provision runpod 10").await;
    world.expect(
        "ana",
        &["RunPod charges $0.75 an hour", "terminated at once"],
    );
    assert_eq!((world.slice_pods().len(), world.live_pods().len()), (1, 0));
    assert_eq!(free(world).await, Money::from_dollars(100) - billed(world));
    runpod.restrict_key(RUNPOD_MASTER, Access::ReadOnly);
    world.says("ana", "provision runpod 10").await;
    for _ in 0..5 {
        world.later(5 * MINUTE).await;
    }
    world.expect("ana", &["RunPod does not let the master key do that"]);
    runpod.restrict_key(RUNPOD_MASTER, Access::All);
    world.loose();
}

/// Nothing about a pod can be changed: a new lease is offered instead.
pub async fn nothing_can_be_changed(world: &mut World) {
    world.set_up_pods().await;
    a_pod(world, "10").await;
    for (line, said) in [
        ("cap 1 20", "RunPod can't change the cap of what exists"),
        ("extend 1 14d", "Provision $10.00"),
        ("rotate 1", "Provision $10.00"),
    ] {
        world.says("ana", line).await;
        world.expect("ana", &[said]);
    }
    world.says("olga", "allocate @bo 50").await;
    world.says("olga", "transfer 1 @bo").await;
    world.expect("olga", &["was made for its member alone"]);
    world
        .sandbox
        .runpod
        .lock_behind_our_back(&world.live_pods()[0].id);
    world.says("ana", "revoke 1").await;
    assert_eq!(world.live_pods().len(), 0, "it was unlocked, and ended");
    world.loose();
}

/// Somebody terminates a pod, or stops it, in `RunPod`'s console.
pub async fn changed_behind_our_back(world: &mut World) {
    world.set_up_pods().await;
    for terminates in [true, false] {
        a_pod(world, "10").await;
        world.later(20 * MINUTE).await;
        let id = world.live_pods()[0].id.clone();
        if terminates {
            world.sandbox.runpod.terminate_behind_our_back(&id);
        } else {
            world.sandbox.runpod.stop_behind_our_back(&id);
        }
        world.later(6 * MINUTE).await;
        world.expect("olga", &["somebody changed its key at the provider"]);
        let number = world.slice_pods().len();
        world.says("ana", &format!("revoke {number}")).await;
        for _ in 0..9 {
            world.later(10 * MINUTE).await;
        }
        assert_eq!(world.live_pods().len(), 0);
        assert!(billed(world) <= spent(world).await);
        assert!(free(world).await < Money::from_dollars(100));
        world.all_read();
    }
    world.loose();
}

/// Whoever leaves has no pod running any more.
pub async fn its_member_leaves(world: &mut World) {
    world.set_up_pods().await;
    a_pod(world, "10").await;
    world.town.remove_person("ana");
    world.noticed().await;
    world.later(10 * MINUTE).await;
    assert_eq!(world.live_pods().len(), 0);
    for _ in 0..9 {
        world.later(10 * MINUTE).await;
    }
    world.may_miss = true;
    world.loose();
}

/// What owners say that makes no sense is refused, and nothing is stored of it.
pub async fn options_that_make_no_sense(world: &mut World) {
    world.set_up().await;
    world.says("olga", "vault options runpod").await;
    world.expect("olga", &["There is no master key for runpod"]);
    world.says("olga", "vault options openrouter").await;
    world.expect("olga", &["There is nothing to choose for openrouter"]);
    world.deposits_runpod().await;
    world.says("olga", "vault options runpod").await;
    world.submits("olga", &[("Pods", "on")]).await;
    world.expect("olga", &["can't be on without an image"]);
    world
        .says(
            "olga",
            "vault options runpod pods:on images:x/y access:8888",
        )
        .await;
    world.expect("olga", &["No password protects port 8888"]);
    world.says("ana", "provision runpod 10").await;
    world.expect("ana", &["Pods are off"]);
    world.says("ana", "vault options runpod").await;
    world.expect("ana", &["Only owners can do that"]);
    world
        .says(
            "olga",
            &format!(
                "vault options runpod pods:on images:{}",
                IMAGES.replace(", ", ",").replace(' ', ",")
            ),
        )
        .await;
    world.expect(
        "olga",
        &[
            "Saved",
            "Images: runpod/pytorch:1.0.2 JUPYTER_PASSWORD 8888, nvidia/cuda:12.4.1",
        ],
    );
    world.says("ana", "provision runpod 10").await;
    world.expect("ana", &["A pod needs a GPU and a way to reach it."]);
    world
        .says("ana", "provision runpod 10 gpu:A40 access:8888")
        .await;
    world.expect("ana", &["Reserved $10.00"]);
    world.says("olga", "vault options runpod pods:off").await;
    assert_eq!(world.live_pods().len(), 1, "what runs goes on");
    world.says("ana", "revoke 1").await;
}
