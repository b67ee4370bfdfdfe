//! Services under test: what a scenario that is about none of them in particular does with each.

use super::World;
use slice_core::money::Money;
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
    /// What its provider charges until now for all that Slice ever made there.
    billed: fn(&World) -> Money,
    /// Whoever holds the newest key spends a dollar or two.
    spend: for<'a> fn(&'a mut World) -> Doing<'a>,
}

/// What the books may be above all bills.
const READING: Money = Money::from_micros(50_000);

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
    billed: |world| {
        let keys = world.sandbox.openrouter.keys().into_iter();
        let ours = keys.filter(|key| key.name.starts_with("slice/"));
        ours.map(|key| Money::from_micros(key.usage_micros)).sum()
    },
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
    billed: |world| {
        let aws = &world.sandbox.aws;
        let buckets = aws.buckets_made().into_iter();
        let bills = buckets.map(|bucket| aws.bill(&bucket.name).micros());
        bills.map(Money::from_micros).sum()
    },
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
    billed: |world| {
        let pods = world.slice_pods().into_iter();
        pods.map(|pod| Money::from_micros(pod.bill_micros)).sum()
    },
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

    /// What members have spent is what the providers charge in all, and at the most a few cents more: some of
    /// that is rounded up, and what reading it costs is added.
    pub async fn books_hold_the_bills(&mut self) {
        let org = self.org().await;
        let members = self.bot().desk.store.members(org).await;
        let members = members.expect("the database answers");
        let books: Money = members.iter().map(|member| member.budget.spent).sum();
        let (mut bills, mut each) = (Money::ZERO, vec![]);
        for service in ALL {
            let bill = (service.billed)(self);
            each.push(format!("{} {bill}", service.name));
            bills = bills + bill;
        }
        let said = format!("the books: {books}; the bills: {}", each.join(", "));
        assert!(bills <= books && books - bills <= READING, "{said}");
        self.note(Some(format!("— {said} —")));
    }

    /// So many minutes pass, one by one.
    pub async fn minutes(&mut self, minutes: u32) {
        for _ in 0..minutes {
            self.later(Duration::from_mins(1)).await;
        }
    }
}
