//! Services under test: what a scenario that is about none of them in particular does with each.

use super::{
    MASTER, World,
    pods::{ACCOUNT, RUNPOD_MASTER},
};
use slice_core::{grant::Grant, money::Money};
use slice_sandbox::Act;
use std::{pin::Pin, time::Duration};

type Doing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

type Vanish = fn(&mut World);

/// One service, as a loop over all of them needs it.
pub struct Service {
    pub name: &'static str,
    /// The wire on which its provider misbehaves.
    pub wire: &'static str,
    /// The calls that make a key, in their order, as faults name them.
    pub making: &'static [&'static str],
    /// The one of them that makes what is found by its label.
    pub ordering: &'static str,
    /// An order that arrives after another one was sent is a finding, which an owner decides about.
    pub finds_late: bool,
    /// What a member reads in the end who asks for a key while the provider is away.
    pub away: &'static [&'static str],
    /// The calls that end a key, in their order: those that stop it, and those that delete it.
    pub ending: &'static [&'static str],
    /// By then everything that was spent is read, and what has ended is deleted.
    pub settles: Duration,
    /// So long the money of an order is held that nobody answered and of which nothing is found.
    pub doubts: Duration,
    /// What owners read of what was stored with a key that ends.
    pub stays: &'static [&'static str],
    /// An owner puts its master key into the vault.
    deposit: for<'a> fn(&'a mut World) -> Doing<'a>,
    /// Its provider knows that master key no more.
    dies: fn(&World),
    /// An owner puts another one of the same account in its place.
    rotate: for<'a> fn(&'a mut World) -> Doing<'a>,
    /// How many keys of ours can be used at the provider.
    live: fn(&World) -> usize,
    /// How many there are of each thing that is there as long as its key is.
    standing: fn(&World) -> Vec<usize>,
    /// Somebody with access to the provider does away with the newest key there, in one way or another;
    /// and whether it can still be read what that cost.
    pub vanishing: &'static [(Vanish, bool)],
    /// What its provider charges until now for all that Slice ever made there.
    billed: fn(&World) -> Money,
    /// So much of that is charged to nobody: for a key that was begun and came to nothing.
    pub unread: Money,
    /// So much the books are above it: what reading costs, and what is rounded up.
    pub reading: Money,
    /// Whoever holds the newest key spends a dollar or two, when so much time has passed after that.
    spend: fn(&mut World) -> Duration,
    /// What was still running when the newest key was stopped is billed.
    pub bills_late: fn(&World),
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
    ordering: "POST /api/v1/keys",
    finds_late: true,
    away: ASKED_LATER,
    ending: &["PATCH /api/v1/keys", "DELETE /api/v1/keys"],
    settles: Duration::from_mins(12),
    doubts: Duration::ZERO,
    stays: &[],
    deposit: |world| Box::pin(world.deposit()),
    dies: |world| world.sandbox.openrouter.revoke_management_key(MASTER),
    rotate: |world| {
        Box::pin(async {
            let second = "sk-or-mgmt-second-canary-89abcdef0123456789abcdef01234567";
            let provider = world.sandbox.openrouter.clone();
            provider.add_management_key(second, "team", "0");
            world.says("olga", "vault rotate openrouter").await;
            world.submits("olga", &[("Master key", second)]).await;
        })
    },
    // One whose limit is nothing was made, and not yet given its cap.
    live: |world| {
        let keys = world.live_keys().into_iter();
        keys.filter(|key| key.limit_micros != Some(0)).count()
    },
    standing: |world| vec![world.standing_keys().len()],
    vanishing: &[(
        |world| {
            let key = world.live_keys().pop().expect("a key");
            world.sandbox.openrouter.delete_behind_our_back(&key.hash);
        },
        false,
    )],
    billed: |world| {
        let keys = world.sandbox.openrouter.keys().into_iter();
        let ours = keys.filter(|key| key.name.starts_with("slice/"));
        ours.map(|key| Money::from_micros(key.usage_micros)).sum()
    },
    unread: Money::ZERO,
    reading: Money::ZERO,
    spend: |world| {
        let key = world.live_keys().pop().expect("a key");
        let spent = world.sandbox.openrouter.spend(&key.secret, "1.50");
        spent.expect("the key spends");
        Duration::ZERO
    },
    // One that is deleted by then is billed for nothing more.
    bills_late: |world| {
        for key in world.standing_keys().iter().filter(|key| key.disabled) {
            world.sandbox.openrouter.bill_late(&key.hash, "0.75");
        }
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
    ordering: "iam:CreateUser",
    finds_late: true,
    away: ASKED_LATER,
    ending: &[
        "iam:PutUserPolicy",
        "iam:UpdateAccessKey",
        "s3:DeleteBucket ",
        "iam:DeleteAccessKey",
        "iam:DeleteUserPolicy",
        "iam:DeleteUser ",
    ],
    settles: Duration::from_mins(25),
    doubts: Duration::ZERO,
    stays: &["1.00 GiB in the bucket slice-"],
    deposit: |world| {
        Box::pin(async {
            let master = world.aws_master();
            world.deposits_aws(&master).await;
        })
    },
    dies: |world| {
        let keys = world.sandbox.aws.keys().into_iter();
        for key in keys.filter(|key| key.user.as_deref() == Some("the-bot")) {
            world.sandbox.aws.set_key_behind_our_back(&key.id, false);
        }
    },
    rotate: |world| {
        Box::pin(async {
            let second = world.aws_master_named("the-other-bot");
            world.says("olga", "vault rotate s3").await;
            world.submits_aws(&second).await;
        })
    },
    live: |world| world.aws_keys().iter().filter(|key| key.active).count(),
    standing: |world| {
        let users = world.sandbox.aws.users().into_iter();
        let users = users.filter(|user| user.name.starts_with("slice-"));
        vec![
            world.aws_keys().len(),
            world.aws_buckets().len(),
            users.count(),
        ]
    },
    // Its user, or only the user's key.
    vanishing: &[
        (
            |world| {
                world.stores_a_gib();
                let user = world.aws_keys().pop().and_then(|key| key.user);
                world
                    .sandbox
                    .aws
                    .delete_user_behind_our_back(&user.expect("a user"));
            },
            false,
        ),
        (
            |world| {
                world.stores_a_gib();
                let key = world.aws_keys().pop().expect("a key");
                world.sandbox.aws.delete_key_behind_our_back(&key.id);
            },
            true,
        ),
    ],
    billed: |world| Money::from_micros(world.sandbox.aws.billed_micros()),
    unread: Money::from_micros(10_000),
    reading: READING,
    spend: |world| {
        world.stores_a_gib();
        assert_eq!(world.downloads(12), "done");
        assert_eq!(world.acts(Act::Delete { key: "a" }), "done");
        Duration::ZERO
    },
    bills_late: |_| {},
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
    ordering: "podFindAndDeployOnDemand",
    finds_late: false,
    // Its price is asked for first, so that nobody asks for what costs nobody knows how much.
    away: &["Nothing was changed."],
    ending: &["DELETE /v2/pods/"],
    settles: Duration::from_mins(90),
    // A pod of $20 would have ended by itself by then.
    doubts: Duration::from_hours(51),
    stays: &[],
    deposit: |world| {
        Box::pin(async {
            world.deposits_runpod().await;
            world.turns_pods_on().await;
        })
    },
    dies: |world| world.sandbox.runpod.revoke_key(RUNPOD_MASTER),
    rotate: |world| {
        Box::pin(async {
            let second = "rpa_SECONDCANARY0123456789";
            world.sandbox.runpod.add_key(second, ACCOUNT, "0");
            world.says("olga", "vault rotate runpod").await;
            world.submits("olga", &[("Master key", second)]).await;
        })
    },
    live: |world| world.live_pods().len(),
    standing: |world| vec![world.live_pods().len()],
    vanishing: &[(
        |world| {
            let pod = world.live_pods().pop().expect("a pod");
            world.sandbox.runpod.terminate_behind_our_back(&pod.id);
        },
        true,
    )],
    billed: |world| {
        let pods = world.slice_pods().into_iter();
        pods.map(|pod| Money::from_micros(pod.bill_micros)).sum()
    },
    unread: Money::ZERO,
    reading: Money::from_micros(10),
    // A pod costs by the hour, whatever is done with it.
    spend: |_| Duration::from_hours(4),
    bills_late: |_| {},
};

impl Service {
    pub fn live(&self, world: &World) -> usize {
        (self.live)(world)
    }

    /// Each thing is there that belongs to that many keys, and nothing else is.
    #[track_caller]
    pub fn stands(&self, world: &World, keys: usize, what: &str) {
        let standing = (self.standing)(world);
        assert!(
            standing.iter().all(|count| *count == keys),
            "{what}: {standing:?}"
        );
    }

    pub fn dies(&self, world: &World) {
        (self.dies)(world);
    }

    pub async fn rotate(&self, world: &mut World) {
        (self.rotate)(world).await;
    }

    pub fn billed(&self, world: &World) -> Money {
        (self.billed)(world)
    }

    /// Whoever holds the newest key has spent a dollar or two when so much time has passed.
    pub fn spend(&self, world: &mut World) -> Duration {
        (self.spend)(world)
    }

    /// The member reads that her newest key of it is there.
    pub fn is_ready(&self, read: &str) -> bool {
        read.contains(&format!("Your {} key is ready", self.name))
    }
}

impl World {
    /// The team of `set_up`, with a master key of this service in its vault.
    pub async fn set_up_for(&mut self, service: &Service) {
        self.set_up().await;
        if service.name != ALL[0].name {
            (service.deposit)(self).await;
        }
        self.all_read();
    }

    /// The team of `set_up`, with a master key of every service in its vault.
    pub async fn set_up_all(&mut self) {
        self.set_up().await;
        // The first one is there already.
        for service in ALL.iter().skip(1) {
            (service.deposit)(self).await;
        }
        self.all_read();
    }

    /// ana's newest grant.
    pub async fn newest_grant(&self) -> Option<Grant> {
        let (org, store) = (self.org().await, &self.bot().desk.store);
        let members = store.members(org).await.expect("the database answers");
        let ana = members.iter().find(|row| row.allocation.is_some());
        let ana = ana.expect("ana is known").id;
        let grants = store.grants(org, ana, 1).await;
        grants.expect("the database answers").pop()
    }

    /// What members have spent is what the providers charge in all, and at the most a few cents more: some of
    /// that is rounded up, and what reading it costs is added.
    pub async fn books_hold_the_bills(&mut self) {
        let (org, store) = (self.org().await, &self.bot().desk.store);
        let members = store.members(org).await.expect("the database answers");
        let mut grants = vec![];
        for member in &members {
            let hers = store.grants(org, member.id, 10_000).await;
            grants.extend(hers.expect("the database answers"));
        }
        let books: Money = members.iter().map(|member| member.budget.spent).sum();
        let (mut bills, mut each, mut charged) = (Money::ZERO, vec![], vec![]);
        for service in ALL {
            let bill = (service.billed)(self);
            let hers = grants
                .iter()
                .filter(|grant| grant.service.as_str() == service.name);
            let used: Money = hers.map(Grant::usage).sum();
            each.push(format!("{} {bill}", service.name));
            charged.push(format!("{} {used}", service.name));
            bills = bills + bill;
        }
        let said = format!("the books: {books}; the bills: {}", each.join(", "));
        let charged = charged.join(", ");
        assert!(
            bills <= books && books - bills <= READING,
            "{said}; charged: {charged}"
        );
        self.note(Some(format!("— {said} —")));
    }

    /// So many minutes pass, one by one.
    pub async fn minutes(&mut self, minutes: u32) {
        for _ in 0..minutes {
            self.later(Duration::from_mins(1)).await;
        }
    }
}
