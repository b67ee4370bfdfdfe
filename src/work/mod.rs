//! The workers: each step claims one thing that is due, brings it forward, and gives it back.

mod calendar;
mod changer;
mod claim;
mod courier;
mod delivery;
mod ender;
mod ends;
mod issuer;
mod leavers;
mod meter;
mod reconciler;
mod renewer;
mod rotator;
mod stopping;
mod suspender;

use futures::future::BoxFuture;
use slice_core::{desk::Desk, refusal::Refusal};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::sleep,
};
use tracing::{error, info};

/// Idle workers look at the books this often, for what falls due by the clock or on a replica.
const POLL: Duration = Duration::from_secs(1);
/// Retries after the books could not be asked double up to this.
const TROUBLE_MAX: Duration = Duration::from_secs(30);

/// What a worker does, once. Gives whether there was anything to do.
pub type Step = for<'a> fn(&'a Desk) -> BoxFuture<'a, Result<bool, Refusal>>;

/// One kind of worker.
pub struct Worker {
    pub name: &'static str,
    /// So many of them work at once.
    pub count: usize,
    pub step: Step,
}

/// Every worker of this folder.
const WORKERS: &[Worker] = &[
    Worker {
        name: "issuer",
        count: 4,
        step: |desk| Box::pin(issuer::step(desk)),
    },
    Worker {
        name: "reconciler",
        count: 1,
        step: |desk| Box::pin(reconciler::resolve(desk)),
    },
    Worker {
        name: "ender",
        count: 2,
        step: |desk| Box::pin(ender::step(desk)),
    },
    Worker {
        name: "ends",
        count: 1,
        step: |desk| Box::pin(ends::step(desk)),
    },
    Worker {
        name: "meter",
        count: 4,
        step: |desk| Box::pin(meter::step(desk)),
    },
    Worker {
        name: "calendar",
        count: 1,
        step: |desk| Box::pin(calendar::step(desk)),
    },
    Worker {
        name: "suspender",
        count: 2,
        step: |desk| Box::pin(suspender::suspend(desk)),
    },
    Worker {
        name: "resumer",
        count: 1,
        step: |desk| Box::pin(suspender::resume(desk)),
    },
    Worker {
        name: "changer",
        count: 2,
        step: |desk| Box::pin(changer::step(desk)),
    },
    Worker {
        name: "renewer",
        count: 1,
        step: |desk| Box::pin(renewer::step(desk)),
    },
    Worker {
        name: "leavers",
        count: 1,
        step: |desk| Box::pin(leavers::look(desk)),
    },
    Worker {
        name: "releaser",
        count: 1,
        step: |desk| Box::pin(leavers::release(desk)),
    },
    Worker {
        name: "sweeper",
        count: 1,
        step: |desk| Box::pin(reconciler::sweep(desk)),
    },
    Worker {
        name: "reveals",
        count: 1,
        step: |desk| Box::pin(reconciler::close_reveal(desk)),
    },
    Worker {
        name: "courier",
        count: 4,
        step: |desk| Box::pin(courier::step(desk)),
    },
];

/// Wakes idle workers. Whoever records something that a worker should see rings it.
#[derive(Default)]
pub struct Bell(Notify);

impl Bell {
    pub fn ring(&self) {
        self.0.notify_waiters();
    }
}

/// All workers of one process. Any number of processes may work on the same books.
#[derive(Clone)]
pub struct Workers {
    desk: Arc<Desk>,
    bell: Arc<Bell>,
    others: &'static [Worker],
}

impl Workers {
    /// `others`: workers of other parts, which work alike.
    pub fn new(desk: Arc<Desk>, bell: Arc<Bell>, others: &'static [Worker]) -> Self {
        Self { desk, bell, others }
    }

    fn all(&self) -> impl Iterator<Item = &'static Worker> + use<> {
        WORKERS.iter().chain(self.others)
    }

    /// Works until nothing is due any more, one step at a time. What waits for a later instant is
    /// left there.
    pub async fn run_until_idle(&self) -> Result<(), Refusal> {
        loop {
            let mut worked = false;
            for worker in self.all() {
                while (worker.step)(&self.desk).await? {
                    worked = true;
                }
            }
            if !worked {
                return Ok(());
            }
        }
    }

    /// Works until `shutdown` says so (or is gone), and returns when every step that was begun is
    /// done. A worker that panics takes the process down with it: everything is made to go on after
    /// a crash, and nothing to go on with half of its workers.
    pub async fn run_forever(&self, shutdown: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        for worker in self.all() {
            for _ in 0..worker.count {
                tasks.spawn(self.clone().work(worker, shutdown.clone()));
            }
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(why) = ended
                && why.is_panic()
            {
                std::panic::resume_unwind(why.into_panic());
            }
        }
    }

    async fn work(self, worker: &'static Worker, mut shutdown: watch::Receiver<bool>) {
        let mut trouble = Duration::ZERO;
        while !*shutdown.borrow() && shutdown.has_changed().is_ok() {
            // Listens before it looks, so that nothing recorded in between is missed.
            let mut rung = pin!(self.bell.0.notified());
            rung.as_mut().enable();
            match (worker.step)(&self.desk).await {
                Ok(found) => {
                    recovered(worker, &mut trouble);
                    if found {
                        self.bell.ring();
                        continue;
                    }
                    tokio::select! {
                        () = rung => {}
                        () = sleep(POLL) => {}
                        _ = shutdown.changed() => {}
                    }
                }
                Err(why) => {
                    stumbled(worker, &mut trouble, &why);
                    tokio::select! {
                        () = sleep(trouble) => {}
                        _ = shutdown.changed() => {}
                    }
                }
            }
        }
    }
}

fn recovered(worker: &Worker, trouble: &mut Duration) {
    if !trouble.is_zero() {
        info!("The {} works again", worker.name);
    }
    *trouble = Duration::ZERO;
}

/// Says it once, not with every retry.
fn stumbled(worker: &Worker, trouble: &mut Duration, why: &Refusal) {
    if trouble.is_zero() {
        error!(
            "The {} stumbled and tries again: {}",
            worker.name,
            said(why)
        );
    }
    *trouble = (*trouble * 2).clamp(POLL, TROUBLE_MAX);
}

/// A refusal in a log: what it says to people may name them.
fn said(why: &Refusal) -> &'static str {
    match why {
        Refusal::Unavailable => "the database could not be asked",
        Refusal::Unsure => "the database did not answer a commit",
        Refusal::LostLease => "another worker took over",
        _ => "the books refused a result",
    }
}
