//! Services under test: what a scenario that is about none of them in particular does with each.

use super::World;
use std::{pin::Pin, time::Duration};

type Doing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// One service, as a loop over all of them needs it.
pub struct Service {
    pub name: &'static str,
    /// The wire on which its provider misbehaves.
    pub wire: &'static str,
    /// The calls that make a key, in their order, as faults name them.
    pub making: &'static [&'static str],
    /// Every answer to those calls is played in a scenario of its own, which knows what else is made.
    pub has_own_answers: bool,
    /// What a member reads in the end who asks for a key while the provider is away.
    pub away: &'static [&'static str],
    /// The call with which stopping a key begins.
    pub stopping: &'static str,
    /// By then everything that was spent is read, and what has ended is deleted.
    pub settles: Duration,
    /// An owner puts its master key into the vault.
    deposit: for<'a> fn(&'a mut World) -> Doing<'a>,
    /// How many keys of ours can be used at the provider.
    live: fn(&World) -> usize,
    /// Whoever holds the newest key spends a dollar or two.
    spend: for<'a> fn(&'a mut World) -> Doing<'a>,
}

/// A new service is one line here.
pub const ALL: &[Service] = &[OPENROUTER, S3, RUNPOD];

/// Of what has no price of its own, one is asked for and its money held before the provider is.
const ASKED_LATER: &[&str] = &["could not be made", "the money is back in the budget"];

const OPENROUTER: Service = Service {
    name: "openrouter",
    wire: "openrouter",
    making: &["POST /api/v1/keys", "PATCH /api/v1/keys"],
    has_own_answers: false,
    away: ASKED_LATER,
    stopping: "PATCH /api/v1/keys",
    settles: Duration::from_mins(12),
    deposit: |world| Box::pin(world.deposit()),
    live: |world| world.live_keys().len(),
    spend: |world| {
        Box::pin(async {
            let key = world.live_keys().pop().expect("a key");
            let spent = world.sandbox.openrouter.spend(&key.secret, "1.50");
            spent.expect("the key spends");
        })
    },
};

const S3: Service = Service {
    name: "s3",
    wire: "aws",
    making: &[
        "iam:CreateUser",
        "s3:CreateBucket",
        "iam:CreateAccessKey",
        "iam:PutUserPolicy",
    ],
    has_own_answers: true,
    away: ASKED_LATER,
    stopping: "iam:PutUserPolicy",
    settles: Duration::from_mins(25),
    deposit: |world| {
        Box::pin(async {
            let master = world.aws_master();
            world.deposits_aws(&master).await;
        })
    },
    live: |world| world.aws_keys().len(),
    spend: |world| {
        Box::pin(async {
            world.stores_a_gib();
            assert_eq!(world.downloads(12), "done");
        })
    },
};

const RUNPOD: Service = Service {
    name: "runpod",
    wire: "runpod",
    making: &[
        "GET /v2/catalog/gpus",
        "POST /graphql myself",
        "POST /graphql podFindAndDeployOnDemand",
        "GET /v2/pods/",
    ],
    has_own_answers: true,
    // Its price is asked for first, so that nobody asks for what costs nobody knows how much.
    away: &["Nothing was changed."],
    stopping: "DELETE /v2/pods/",
    settles: Duration::from_mins(90),
    deposit: |world| {
        Box::pin(async {
            world.deposits_runpod().await;
            world.turns_pods_on().await;
        })
    },
    live: |world| world.live_pods().len(),
    // A pod costs by the hour, whatever is done with it.
    spend: |world| Box::pin(world.later(Duration::from_hours(4))),
};

impl Service {
    pub fn live(&self, world: &World) -> usize {
        (self.live)(world)
    }

    pub async fn spend(&self, world: &mut World) {
        (self.spend)(world).await;
    }

    /// The member reads that her newest key of it is there.
    pub fn is_ready(&self, read: &str) -> bool {
        read.contains(&format!("Your {} key is ready", self.name))
    }
}

impl World {
    /// The team of `set_up`, with a master key of every service in its vault.
    pub async fn set_up_all(&mut self) {
        self.set_up().await;
        // The first one is there already.
        for service in ALL.iter().skip(1) {
            (service.deposit)(self).await;
        }
        self.all_read();
    }

    /// So many minutes pass, one by one.
    pub async fn minutes(&mut self, minutes: u32) {
        for _ in 0..minutes {
            self.later(Duration::from_mins(1)).await;
        }
    }
}
