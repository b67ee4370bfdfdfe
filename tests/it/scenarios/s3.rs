//! A bucket and a key of it: made, used, metered, stopped, ended.

use crate::world::World;
use slice_core::money::Money;
use slice_sandbox::{Act, Fault};
use std::time::Duration;

const GIB: u64 = 1 << 30;
const MINUTE: Duration = Duration::from_mins(1);
/// Metrics come late; by then all of it is read.
const ALL_READ: Duration = Duration::from_mins(25);

async fn spent(world: &World) -> Money {
    let org = world.org().await;
    let members = world.bot().desk.store.members(org).await;
    let members = members.expect("the database answers");
    members.iter().map(|one| one.budget.spent).sum()
}

/// What AWS charges for all buckets until now.
fn billed(world: &World) -> Money {
    Money::from_micros(world.sandbox.aws.billed_micros())
}

/// The books are never below the bill once everything was read, and not far above it: what they add
/// is the reading itself.
async fn books_hold_the_bill(world: &World) {
    let (books, bill) = (spent(world).await, billed(world));
    assert!(bill <= books, "the books hold {books}, AWS charges {bill}");
    let above = books - bill;
    assert!(
        above <= Money::from_dollars(1),
        "{above} above the bill of {bill}"
    );
}

/// ana holds a key of $20.
async fn a_key(world: &mut World) {
    world.says("ana", "provision s3 20 for 30d").await;
    world.clicks("ana", "Reveal key").await;
    let ana = world.town.person("ana");
    ana.close_modal().expect("the view closes");
}

pub async fn a_life(world: &mut World) {
    world.set_up_s3().await;
    a_key(world).await;
    let bucket = world.aws_buckets().pop().expect("a bucket");
    assert!(bucket.public_access_blocked && bucket.metrics);
    assert_eq!(bucket.abort_uploads_after_days, Some(1));
    let user = world
        .sandbox
        .aws
        .users()
        .into_iter()
        .find(|user| user.name.starts_with("slice-"));
    assert!(user.expect("a user").boundary.is_some());
    assert_eq!(
        world.acts(Act::Put {
            key: "a b+c.txt",
            size: 10 * GIB
        }),
        "done"
    );
    assert_eq!(
        world.acts(Act::Get {
            key: "a b+c.txt",
            times: 2
        }),
        "done"
    );
    assert_eq!(world.acts(Act::List { times: 3 }), "done");
    world.later(5 * MINUTE).await;
    world.later(5 * MINUTE).await;
    world.says("ana", "keys").await;
    books_hold_the_bill(world).await;
    world.says("ana", "revoke 1").await;
    assert!(
        world
            .acts(Act::List { times: 1 })
            .contains("InvalidAccessKeyId")
    );
    world.later(ALL_READ).await;
    assert_eq!(world.aws_keys().len(), 0, "the key is gone");
    assert_eq!(world.aws_buckets().len(), 1, "the data stays");
    it_stays(world).await;
    world.loose();
}

/// What lies in the bucket is charged on and shown, until an owner has it deleted.
async fn it_stays(world: &mut World) {
    assert!(
        !world.aws_buckets()[0].metrics,
        "nobody's requests are counted"
    );
    world.expect(
        "ana",
        &[
            "10.00 GiB in the bucket slice-",
            "until an owner takes it over",
        ],
    );
    books_hold_the_bill(world).await;
    for _ in 0..24 {
        world.later(Duration::from_hours(1)).await;
    }
    books_hold_the_bill(world).await;
    world.says("ana", "budget").await;
    world.expect("ana", &["stays of grant 1", "$0.25 a month"]);
    world.says("olga", "vault list").await;
    world.expect("olga", &["Left behind by grant 1", "$0.25 a month"]);
    world.says("olga", "vault remove s3").await;
    world.expect("olga", &["What stays of ended grants (1)"]);
    world.says("olga", "vault delete 1").await;
    world.clicks("olga", "Delete all of it").await;
    world.expect(
        "olga",
        &["is being deleted for good", "Deleted for good: 10.00 GiB"],
    );
    assert_eq!(world.aws_buckets().len(), 0);
    world.expect("ana", &["charged to you no more"]);
    let before = spent(world).await;
    world.later(Duration::from_hours(2)).await;
    assert_eq!(spent(world).await, before);
}

/// An owner takes a bucket over: it stays, and nobody is charged for it.
pub async fn a_bucket_is_taken_over(world: &mut World) {
    world.set_up_s3().await;
    a_key(world).await;
    assert_eq!(
        world.acts(Act::Put {
            key: "a",
            size: GIB
        }),
        "done"
    );
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    world.expect("olga", &["1.00 GiB in the bucket slice-"]);
    world.clicks("olga", "Take it over").await;
    world.expect("olga", &["You took over what stays of grant 1"]);
    let before = spent(world).await;
    world.later(Duration::from_hours(2)).await;
    assert_eq!(spent(world).await, before);
    assert_eq!(world.aws_buckets().len(), 1);
    world.loose();
}

/// A key that is used as fast as can be stops before its cap, and stays stopped.
pub async fn stopped_short_of_the_cap(world: &mut World) {
    world.set_up_s3().await;
    a_key(world).await;
    assert_eq!(
        world.acts(Act::Put {
            key: "a",
            size: GIB
        }),
        "done"
    );
    let mut rounds = 0;
    // 12 GiB in three minutes: half a gigabit a second.
    while world.acts(Act::Get {
        key: "a",
        times: 12,
    }) == "done"
    {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 30, "it stops");
    }
    world.expect("ana", &["was stopped", "of $20.00"]);
    world.says("ana", "keys").await;
    world.expect("ana", &["Stopped at its cap"]);
    world.later(ALL_READ).await;
    let (books, bill) = (spent(world).await, billed(world));
    assert!(
        bill <= books && books <= Money::from_dollars(20),
        "{bill} {books}"
    );
    assert!(Money::from_dollars(11) < books, "it was of use: {books}");
    assert!(
        world
            .acts(Act::List { times: 1 })
            .contains("InvalidAccessKeyId")
    );
    world.loose();
}

/// AWS does not let Slice look into one bucket: every other key is read, charged and stopped as ever, and
/// owners hear of the one, and of its end.
pub async fn a_bucket_that_cannot_be_read(world: &mut World) {
    world.set_up_s3().await;
    a_key(world).await;
    let shut = world.aws_buckets().pop().expect("a bucket").name;
    world.says("ana", "provision s3 20 for 30d").await;
    world.later(5 * MINUTE).await;
    world.all_read();
    let before = asked_for(world, &shut);
    let faults = world.sandbox.faults.clone();
    faults.inject_on(&shut, Fault::Forbidden403, 10_000);
    world.stores_a_gib();
    let mut rounds = 0;
    while world.downloads(12) == "done" {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 30, "the other key stops short of its cap");
    }
    world.expect("ana", &["(grant 2) was stopped", "of $20.00"]);
    world.minutes(120).await;
    books_hold_the_bill(world).await;
    let told = world.expect(
        "olga",
        &[
            "The spending of grant 1 (s3) can't be read since",
            "its policy at AWS lacks that",
            "All other keys are read and charged as ever",
            "can't stop it short of its cap",
        ],
    );
    assert_eq!(told.matches("can't be read").count(), 1, "{told}");
    assert!(!told.contains("s3 can't be read"), "{told}");
    let asked = asked_for(world, &shut) - before;
    assert!(
        (3..15).contains(&asked),
        "it is left alone for longer each time: {asked}"
    );
    world.says("ana", "keys").await;
    world.expect("ana", &["could not be read"]);
    let org = world.org().await;
    let meters = world.bot().desk.store.meters().await.expect("an answer");
    let s3 = meters
        .iter()
        .find(|one| one.service.to_string() == "s3" && one.org == org);
    assert!(s3.is_some_and(|one| one.failing_since.is_none()));
    faults.clear();
    world.minutes(70).await;
    let told = world.expect("olga", &["The spending of grant 1 (s3) can be read again"]);
    assert_eq!(told.matches("can be read again").count(), 1, "{told}");
    books_hold_the_bill(world).await;
    world.loose();
}

/// What stays of an ended grant is told of in the same way, and hinders nobody.
pub async fn what_stays_cannot_be_read(world: &mut World) {
    world.set_up_s3().await;
    a_key(world).await;
    world.stores_a_gib();
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    let shut = world.aws_buckets().pop().expect("a bucket").name;
    world.says("ana", "provision s3 20 for 30d").await;
    world.later(5 * MINUTE).await;
    world.all_read();
    let faults = world.sandbox.faults.clone();
    faults.inject_on(&shut, Fault::Forbidden403, 10_000);
    world.stores_a_gib();
    world.minutes(60).await;
    let told = world.expect(
        "olga",
        &["The spending of grant 1 (s3) can't be read since"],
    );
    assert_eq!(told.matches("can't be read").count(), 1, "{told}");
    faults.clear();
    world.minutes(70).await;
    world.expect("olga", &["The spending of grant 1 (s3) can be read again"]);
    books_hold_the_bill(world).await;
    world.loose();
}

/// How often AWS was asked what lies in a bucket.
fn asked_for(world: &World, bucket: &str) -> usize {
    let crossings = world.sandbox.wire.crossings();
    let listing = format!("s3:ListObjectVersions {bucket}");
    let asked = crossings.iter().filter(|one| one.what.contains(&listing));
    asked.count()
}

/// AWS ends a key by its date although nobody is there to end it.
pub async fn a_date_that_needs_no_bot(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20 for 12h").await;
    assert_eq!(world.acts(Act::Put { key: "a", size: 1 }), "done");
    world.kill();
    world.sandbox.clock.advance(Duration::from_hours(14));
    assert_eq!(world.acts(Act::Put { key: "b", size: 1 }), "AccessDenied");
    world.start().await.expect("the bot starts");
    world.settled().await;
    world.later(MINUTE).await;
    world.expect("ana", &["has expired"]);
    world.later(ALL_READ).await;
    assert_eq!(world.aws_keys().len(), 0);
    world.loose();
}

/// What is not right at AWS, or asked of it, is a clear sentence; nothing is left there, and the money
/// is back.
pub async fn what_aws_does_not_take(world: &mut World) {
    world.set_up().await;
    let root = world.sandbox.aws.add_root_key();
    world.deposits_aws(&root).await;
    world.expect("olga", &["a key of the account's root"]);
    let weak = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*"],"Resource":"*"}]}"#;
    let weak = world.sandbox.aws.add_user("weak", &[weak]);
    world.deposits_aws(&weak).await;
    world.expect(
        "olga",
        &["may not: cloudwatch:GetMetricData, s3:CreateBucket"],
    );
    a_master_of_a_name_of_ours(world).await;
    let mut wrong = world.aws_master();
    wrong.secret = "0123456789abcdef0123456789abcdef01234567".into();
    world.deposits_aws(&wrong).await;
    world.expect("olga", &["the secret access key is wrong"]);
    let master = world.sandbox.aws.keys().pop().expect("the bot's key");
    world.deposits_aws(&master).await;
    world.expect("olga", &["The master key for s3 was checked and sealed."]);
    world.says("ana", "provision s3 5").await;
    world.expect("ana", &["$17.86"]);
    world.says("ana", "provision s3 20 read bucket:other").await;
    world.expect("ana", &["“other” is no bucket that Slice made"]);

    world.sandbox.aws.fill_users(0);
    world.says("ana", "provision s3 20").await;
    world.expect(
        "ana",
        &["as many users as it may (5,000)", "the money is back"],
    );
    assert_eq!(world.aws_keys().len(), 0);
    assert_eq!(world.aws_buckets().len(), 0);
    world.loose();
}

/// A user named as those are that Slice makes could be given rights with its own policy.
async fn a_master_of_a_name_of_ours(world: &mut World) {
    let namesake = world.aws_master_named("slice-bot");
    world.deposits_aws(&namesake).await;
    world.expect("olga", &["user begins with slice-", "Rename the user"]);
    world.says("ana", "provision s3 20").await;
    world.expect("ana", &["There is no master key for s3"]);
    // They rename it.
    world.sandbox.aws.delete_user_behind_our_back("slice-bot");
}
