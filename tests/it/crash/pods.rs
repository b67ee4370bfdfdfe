//! What costs money from its first second: the bot dies while a pod is made, and while it is ended. There
//! never are two, and the books hold what each cost.

use super::{
    EVERY_CROSSING,
    flows::{Flow, acts, grants},
};
use crate::world::{Way, World};
use slice_core::grant::State;
use std::time::Duration;

pub(super) const ALL: &[Flow] = &[
    Flow {
        name: "a_pod_is_leased",
        way: Way::SlackSocket,
        crossings: EVERY_CROSSING,
        on_postgres: true,
        before: |world| Box::pin(world.set_up_pods()),
        play: |world| Box::pin(lease(world)),
        after: |world| Box::pin(one_pod_or_none(world)),
    },
    Flow {
        name: "a_pod_is_given_back",
        way: Way::SlackSocket,
        crossings: EVERY_CROSSING,
        on_postgres: false,
        before: |world| Box::pin(one_pod(world)),
        play: |world| Box::pin(give_back(world)),
        after: |world| Box::pin(no_pod(world)),
    },
];

async fn lease(world: &mut World) {
    let says = |world: &World| {
        let ana = world.town.person("ana");
        ana.command("/slice", "provision runpod 10")
            .expect("she types it");
    };
    acts(world, says, async |world| !grants(world).await.is_empty()).await;
}

/// A bot that was down for long makes no second one; nor does one that does not know whether its order was
/// heard, before a pod would have ended by itself.
async fn one_pod_or_none(world: &mut World) {
    for _ in 0..4 {
        world.later(Duration::from_mins(1)).await;
        assert!(world.live_pods().len() < 2, "never two");
    }
    let [mut grant] = grants(world).await.try_into().expect("one grant");
    if grant.state == State::InDoubt {
        assert_eq!(grant.committed(), grant.cap, "its money is held");
        world.later(Duration::from_hours(25)).await;
        [grant] = grants(world).await.try_into().expect("one grant");
    }
    let runs = world.live_pods().len();
    match grant.state {
        State::Active => assert_eq!(runs, 1),
        State::Ended(_) => assert_eq!(runs, 0),
        state => panic!("the grant stands still at {state}"),
    }
    // Nobody reveals it, so it is ended within the hour, and read once more when it is billed.
    for _ in 0..15 {
        world.later(Duration::from_mins(10)).await;
    }
    world.finish().await;
}

async fn one_pod(world: &mut World) {
    world.set_up_pods().await;
    world.says("ana", "provision runpod 10").await;
    world.later(Duration::from_mins(20)).await;
}

async fn give_back(world: &mut World) {
    let says = |world: &World| {
        let ana = world.town.person("ana");
        ana.command("/slice", "revoke 1").expect("she types it");
    };
    acts(world, says, async |world| {
        grants(world).await[0].state != State::Active
    })
    .await;
}

async fn no_pod(world: &mut World) {
    for _ in 0..9 {
        world.later(Duration::from_mins(10)).await;
        assert_eq!(world.live_pods().len(), 0);
    }
    let [grant] = grants(world).await.try_into().expect("one grant");
    assert!(matches!(grant.state, State::Ended(_)), "{}", grant.state);
    world.finish().await;
}
