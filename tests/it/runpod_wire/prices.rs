//! Prices are asked for once by many, never believed for long, and kept to.

use super::{GPU_ID, MINUTE, OPTIONS, TERMS, World, bounds, order};
use futures::{FutureExt as _, future::join_all};
use slice_core::{
    ports::{Asking, ServiceError, Unmet},
    secret::Secret,
};
use slice_sandbox::{Direction, Fate, Fault};
use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};
use tokio::task::block_in_place;

/// So many want to know at the same time; more than `RunPod` answers in a minute.
const MANY: usize = 100;
const FRESH: Duration = Duration::from_secs(30);

fn asking<'a>(master: &'a Secret, said: &'a str) -> Asking<'a> {
    Asking {
        master,
        options: OPTIONS,
        said,
    }
}

/// How often the prices were asked for.
fn asked(world: &World) -> usize {
    let crossings = world.sandbox.wire.crossings();
    let prices = |what: &str| what.contains("GET /v2/catalog/gpus");
    let asked = crossings
        .iter()
        .filter(|crossing| crossing.direction == Direction::In && prices(&crossing.what));
    asked.count()
}

async fn all_agree(world: &World, master: &Secret) -> Vec<Result<String, Unmet>> {
    let agreed = (0..MANY).map(|_| world.adapter().agree(asking(master, "")));
    join_all(agreed).await
}

/// The same, and no answer comes before all wait for it: the server may be quicker than this thread.
async fn all_wait(world: &World, master: &Secret) -> Vec<Result<String, Unmet>> {
    let (all_ask, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    world.sandbox.wire.on_crossing(Box::new(move |_| {
        let waits = || wait.lock().expect("nobody panicked").recv();
        block_in_place(waits).expect_err("it ends when all ask");
        Fate::Pass
    }));
    let mut agreed: Vec<_> = (0..MANY)
        .map(|_| world.adapter().agree(asking(master, "")))
        .collect();
    for one in &mut agreed {
        assert!(one.now_or_never().is_none(), "it waits");
    }
    drop(all_ask);
    let agreed = join_all(agreed).await;
    world.sandbox.wire.clear_hook();
    agreed
}

pub(super) async fn many_ask_for_prices_once() {
    let world = World::new().await;
    let (adapter, master) = (world.adapter(), &world.master);
    for agreed in all_agree(&world, master).await {
        assert_eq!(agreed, Ok(TERMS.to_owned()));
    }
    for form in [
        adapter.questions(asking(master, "")).await,
        adapter.choices(asking(master, "")).await,
    ] {
        form.expect("fields");
    }
    assert_eq!(asked(&world), 1);
    world.later(FRESH);
    for agreed in all_agree(&world, master).await {
        assert_eq!(agreed, Ok(TERMS.to_owned()));
    }
    assert_eq!(asked(&world), 2, "they are not believed for longer");
    // What one key was told, another may not know.
    let other = Secret::new("rpa_nobody0123456789".into());
    for agreed in all_wait(&world, &other).await {
        let why = agreed.expect_err("it is unknown").why;
        assert!(why.contains("refuses the master key"), "{why}");
    }
    assert_eq!(asked(&world), 3, "who waited for an answer has that one");
    adapter
        .agree(asking(&other, ""))
        .await
        .expect_err("unknown");
    assert_eq!(asked(&world), 4, "a failure is no price");
    world.well_behaved();
}

/// Whoever waits while one that asks is given up on asks in its place.
pub(super) async fn a_question_that_is_given_up() {
    let world = World::new().await;
    let (adapter, master) = (world.adapter(), &world.master);
    let route = "GET /v2/catalog/gpus";
    world.sandbox.faults.inject_on(route, Fault::HangBefore, 1);
    let given_up = async {
        let first = adapter.agree(asking(master, ""));
        let crossed = world.sandbox.wire.changed();
        tokio::select! {
            _ = first => panic!("it hangs"),
            () = crossed => {}
        }
    };
    let (agreed, ()) = futures::future::join(
        async {
            world.sandbox.wire.changed().await;
            adapter.agree(asking(master, "")).await
        },
        given_up,
    )
    .await;
    assert_eq!(agreed, Ok(TERMS.to_owned()));
    assert_eq!(asked(&world), 2);
    world.well_behaved();
}

/// A form may show what is no more, and what is made is asked for anew: a price that has changed since is
/// refused before it costs anything, and forms know it from then on.
pub(super) async fn a_price_that_changes_after_the_form() {
    let world = World::new().await;
    let (adapter, master) = (world.adapter(), &world.master);
    let terms = adapter.agree(asking(master, "")).await;
    let terms = terms.expect("terms");
    world.sandbox.runpod.set_price(GPU_ID, "0.5");
    let again = adapter.agree(asking(master, &terms)).await;
    assert_eq!(again.as_ref(), Ok(&terms), "that was told just now");
    let issued = adapter.issue(master, &order(1)).await.map(drop);
    let why = "The price of A40 was $0.40 an hour when that was agreed on, and is $0.50 now.";
    assert_eq!(issued, Err(ServiceError::Rejected(why.to_owned())));
    assert_eq!(world.sandbox.runpod.pods(), []);
    let unmet = adapter.agree(asking(master, &terms)).await;
    assert_eq!(unmet.expect_err("it is dearer").why, why);
    assert_eq!(asked(&world), 2, "what the order was told, forms show");
    // That it is cheaper again is known as soon as that is asked for anew.
    world.sandbox.runpod.set_price(GPU_ID, "0.4");
    world.later(MINUTE);
    assert_eq!(adapter.agree(asking(master, &terms)).await, Ok(terms));
    world.well_behaved();
}

pub(super) async fn a_dearer_pod_is_refused() {
    let world = World::new().await;
    world.sandbox.runpod.really_costs(GPU_ID, "0.400001");
    let key = world.key(1).await;
    let armed = world.adapter().arm(&world.master, &key, bounds()).await;
    assert!(matches!(armed, Err(ServiceError::Rejected(_))), "{armed:?}");
    world.sandbox.runpod.really_costs(GPU_ID, "0.4");
    let key = world.key(2).await;
    let armed = world.adapter().arm(&world.master, &key, bounds()).await;
    armed.expect("no more than was agreed on");
    world.sandbox.runpod.set_price(GPU_ID, "0.41");
    let refused = world.adapter().issue(&world.master, &order(3)).await;
    assert!(
        matches!(refused, Err(ServiceError::Rejected(_))),
        "{refused:?}"
    );
    world.well_behaved();
}
