//! A provider that does not answer one org keeps no other waiting.

use super::{Town, people, workspace};
use crate::{postgres::Kind, runtime};
use slice_core::{
    ids::{OrgId, PlatformName},
    metering::IDLE_EVERY,
    time::Time,
};
use slice_sandbox::Fate;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// The orgs whose keys were read since then.
async fn read_since(town: &Town, then: Time) -> Vec<OrgId> {
    let meters = town.desk.store.meters().await;
    let meters = meters.expect("the database answers").into_iter();
    let read = meters.filter(|one| one.read_at.is_some_and(|at| then <= at));
    read.map(|one| one.org).collect()
}

/// The first round that asks gets no answer; the other org's is done although that one still waits.
pub fn an_account_that_does_not_answer(kind: Kind) {
    runtime().block_on(async {
        let database = kind.fresh();
        let places = ["T1ONE", "T2TWO"].map(|id| workspace(PlatformName::Slack, id));
        let mut town = Town::on(database.url(), places.to_vec()).await;
        for (place, prefix) in places.iter().zip(["A", "B"]) {
            let (owner, _) = people(&town.chat, place, prefix);
            let master = format!("sk-or-mgmt-{prefix}-0123456789abcdef0123456789abcdef");
            town.deposit(&owner, &master).await;
        }
        town.works().await;
        town.sandbox.clock.advance(IDLE_EVERY);
        let now = town.desk.clock.now();
        assert!(read_since(&town, now).await.is_empty());
        let held = AtomicBool::new(false);
        town.sandbox.wire.on_crossing(Box::new(move |crossing| {
            let is_round = crossing.what == "GET /api/v1/keys";
            if is_round && !held.swap(true, Ordering::SeqCst) {
                Fate::DieBefore
            } else {
                Fate::Pass
            }
        }));
        let (_stop, stopped) = watch::channel(false);
        let workers = town.workers.clone();
        let working = tokio::spawn(async move { workers.run_forever(stopped).await });
        // Others of its requests may still be on their way; the one that is held waits for ever.
        while read_since(&town, now).await.is_empty() || town.sandbox.wire.open_requests() != 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(read_since(&town, now).await.len(), 1, "one still waits");
        assert!(!working.is_finished());
        working.abort();
    });
}
