//! Services under test: what a scenario that is about none of them in particular does with each.

use super::World;
use slice_sandbox::Act;
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
    /// The call with which stopping a key begins.
    pub stopping: &'static str,
    /// By then everything that was spent is read, and what has ended is deleted.
    pub settles: Duration,
    /// An owner puts its master key into the vault.
    deposit: for<'a> fn(&'a mut World) -> Doing<'a>,
    /// How many keys of ours can be used at the provider.
    live: fn(&World) -> usize,
    /// Whoever holds the newest key spends a dollar or two.
    spend: fn(&mut World),
}

/// A new service is one line here.
pub const ALL: &[Service] = &[OPENROUTER, S3];

const OPENROUTER: Service = Service {
    name: "openrouter",
    wire: "openrouter",
    making: &["POST /api/v1/keys", "PATCH /api/v1/keys"],
    has_own_answers: false,
    stopping: "PATCH /api/v1/keys",
    settles: Duration::from_mins(12),
    deposit: |world| Box::pin(world.deposit()),
    live: |world| world.live_keys().len(),
    spend: |world| {
        let key = world.live_keys().pop().expect("a key");
        let spent = world.sandbox.openrouter.spend(&key.secret, "1.50");
        spent.expect("the key spends");
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
        let (key, size) = ("a", 1 << 30);
        assert_eq!(world.acts(Act::Put { key, size }), "done");
        let times = 12;
        assert_eq!(world.acts(Act::Get { key, times }), "done");
    },
};

impl Service {
    pub fn live(&self, world: &World) -> usize {
        (self.live)(world)
    }

    pub fn spend(&self, world: &mut World) {
        (self.spend)(world);
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
