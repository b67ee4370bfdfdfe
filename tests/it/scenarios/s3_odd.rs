//! AWS as it is at its worst: busy, slow, another one, or full; and what Slice makes of it.

use super::s3_refused::nothing_came_of_it;
use crate::world::World;
use slice::services::TIMEOUT_DEFAULT;
use slice_core::money::Money;
use slice_sandbox::{Act, Aws, Direction, Fault};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

const GIB: u64 = 1 << 30;
const MINUTE: Duration = Duration::from_mins(1);
const ALL_READ: Duration = Duration::from_mins(25);

/// Something else is under way at AWS with what is to be removed: nothing was done, and it is tried again.
pub async fn busy_with_the_same_thing(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    let faults = world.sandbox.faults.clone();
    for route in ["iam:PutUserPolicy", "s3:DeleteBucket ", "iam:DeleteUser"] {
        faults.inject_on(route, Fault::Conflict409, 1);
    }
    world.says("ana", "revoke 1").await;
    world.later(MINUTE).await;
    world.expect("ana", &["grant 1 ($20.00 of s3) was ended. It spent"]);
    for _ in 0..4 {
        world.later(ALL_READ).await;
    }
    assert_eq!(faults.pending(), 0);
    assert_eq!(world.aws_keys().len(), 0);
    assert_eq!(world.aws_buckets().len(), 0);
    let users = world.sandbox.aws.users();
    assert!(!users.iter().any(|user| user.name.starts_with("slice-")));
    world.loose();
}

/// As somebody gives a user, for reasons of his own: there is no room for what Slice gives it besides.
fn gives_long_policy(aws: &Aws, user: &str) {
    let long = "x".repeat(1800);
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"s3:GetObjectAcl","Resource":"arn:aws:s3:::{long}"}}]}}"#
    );
    aws.put_policy_behind_our_back(user, "long", &text);
}

/// Somebody gives the new user a policy of his own, and there is no room for that of Slice beside it.
pub async fn a_policy_that_is_too_long(world: &mut World) {
    world.set_up_s3().await;
    let aws = world.sandbox.aws.clone();
    world.before_aws_hears("iam:CreateAccessKey", move |crossing| {
        let user = crossing.body["UserName"].as_str().unwrap_or_default();
        gives_long_policy(&aws, user);
    });
    world.says("ana", "provision s3 20").await;
    world.sandbox.wire.clear_hook();
    nothing_came_of_it(
        world,
        "The user's policies are longer than AWS takes (2,048 characters)",
    )
    .await;
    world.loose();
}

/// The same while the key is used: the policy that stops it finds no room, and its access key stands still all
/// the same. Owners hear that AWS does not take all of the stop.
pub async fn no_room_for_the_stop(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    world.stores_a_gib();
    world.later(5 * MINUTE).await;
    let key = world.aws_keys().pop().expect("a key");
    let user = key.user.expect("a user");
    let aws = world.sandbox.aws.clone();
    gives_long_policy(&aws, &user);
    let mut rounds = 0;
    while world.downloads(12) == "done" {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 30, "it stops short of its cap");
    }
    assert_eq!(world.downloads(1), "InvalidAccessKeyId");
    world.minutes(70).await;
    world.expect(
        "olga",
        &["The user's policies are longer than AWS takes (2,048 characters)"],
    );
    aws.put_policy_behind_our_back(&user, "long", r#"{"Version":"2012-10-17","Statement":[]}"#);
    world.minutes(20).await;
    world.expect("ana", &["(grant 1) was stopped", "of $20.00"]);
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    assert_eq!(world.aws_keys().len(), 0);
    world.loose();
}

/// All that AWS charges for is counted: old versions, and uploads that nobody finished. All of it is deleted.
pub async fn old_versions_and_unfinished_uploads(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    let aws = world.sandbox.aws.clone();
    aws.version_behind_our_back(&bucket);
    world.stores_a_gib();
    world.stores_a_gib();
    aws.leave_upload(&bucket, "b", &[GIB]);
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    world.expect("ana", &["3.00 GiB in the bucket slice-"]);
    world.says("olga", "vault delete 1").await;
    world.clicks("olga", "Delete all of it").await;
    world.expect("olga", &["Deleted for good: 3.00 GiB"]);
    assert_eq!(world.aws_buckets().len(), 0);
    world.loose();
}

/// The order for a key is sent once: whether a second one may follow is decided by a look at what is there.
pub async fn one_order_for_a_key(world: &mut World) {
    world.set_up_s3().await;
    for fault in [Fault::ServerError500, Fault::ServerErrorAfter500] {
        let faults = &world.sandbox.faults;
        faults.inject_on("iam:CreateAccessKey", fault, 1);
    }
    world.says("ana", "provision s3 20").await;
    for _ in 0..4 {
        world.later(2 * MINUTE).await;
    }
    world.expect("ana", &["Your s3 key is ready"]);
    let crossings = world.sandbox.wire.crossings().into_iter();
    let asked = crossings.filter(|one| one.wire == "aws" && one.direction == Direction::In);
    let asked: Vec<_> = asked.map(|one| one.what).collect();
    let is_order = |what: &String| what.ends_with("iam:CreateAccessKey");
    assert_eq!(asked.iter().filter(|what| is_order(what)).count(), 3);
    let twice = asked.windows(2).any(|two| two.iter().all(is_order));
    assert!(!twice, "none follows another at once: {asked:?}");
    assert_eq!(world.aws_keys().len(), 1);
    world.loose();
}

/// One bucket does not answer in time: every other key is read and stopped as ever.
pub async fn a_bucket_that_answers_late(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    let slow = world.aws_buckets().pop().expect("a bucket").name;
    world.says("ana", "provision s3 20").await;
    world.later(5 * MINUTE).await;
    let faults = world.sandbox.faults.clone();
    faults.inject_on(&slow, Fault::HangBefore, 10_000);
    world.stores_a_gib();
    let mut rounds = 0;
    while world.downloads(12) == "done" {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 30, "the other key stops short of its cap");
    }
    world.expect("ana", &["(grant 2) was stopped", "of $20.00"]);
    faults.clear();
    world.minutes(70).await;
    world.loose();
}

/// What is too much for one round is deleted in several, while others are read; whoever asks meanwhile is
/// told so.
pub async fn a_bucket_too_full_for_one_round(world: &mut World) {
    const OBJECTS: u64 = 20_500;
    world.set_up_s3().await;
    // So long a call may take where Slice is really run.
    world.kill();
    world.call_timeout = TIMEOUT_DEFAULT;
    world.start().await.expect("the bot starts");
    world.settled().await;
    world.says("ana", "provision s3 20").await;
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    world.sandbox.aws.fill_bucket(&bucket, OBJECTS);
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    world.says("olga", "vault delete 1").await;
    world.clicks("olga", "Delete all of it").await;
    let left = world.aws_buckets().pop().expect("it stands").objects;
    assert!((1..20_500).contains(&left), "{left}");
    world.says("olga", "vault list").await;
    world.expect("olga", &["It is being deleted since"]);
    world.says("olga", "vault delete 1").await;
    world.expect("olga", &["is being deleted at its provider since"]);
    world
        .says("ana", &format!("provision s3 20 read bucket:{bucket}"))
        .await;
    world.expect("ana", &["Nothing of that name is there that Slice made"]);
    let mut rounds = 0;
    while !world.aws_buckets().is_empty() {
        world.later(2 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 20, "it ends");
    }
    world.expect("olga", &["Deleted for good"]);
    world.expect("ana", &["charged to you no more"]);
    world.loose();
}

/// Small pages of many objects, with this behind them: more than one reading asks for.
pub(super) fn behind_many(world: &mut World, objects: u64, size: u64) -> String {
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    let aws = world.sandbox.aws.clone();
    aws.fill_bucket(&bucket, objects);
    aws.lists_at_most(&bucket, 2);
    assert_eq!(world.acts(Act::Put { key: "z", size }), "done");
    bucket
}

pub(super) async fn spent(world: &World) -> Money {
    let members = world.bot().desk.store.members(world.org().await).await;
    let members = members.expect("the database answers");
    members.iter().map(|one| one.budget.spent).sum()
}

/// What is too much to be listed in one reading is listed in several, and charged from their beginning on: its
/// key stops short of its cap.
pub async fn a_bucket_that_takes_several_readings(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20 for 30d").await;
    let bucket = behind_many(world, 250, 1024 * 1024 * GIB);
    world.sandbox.aws.leave_upload(&bucket, "zz", &[GIB]);
    world.later(5 * MINUTE).await;
    let first = spent(world).await;
    assert!(
        first < Money::from_micros(50_000),
        "no more is known: {first}"
    );
    let mut rounds = 0;
    while world.acts(Act::List { times: 1 }) == "done" {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 15, "it stops");
    }
    world.expect("ana", &["(grant 1) was stopped", "of $20.00"]);
    let bill = Money::from_micros(world.sandbox.aws.bill(&bucket).micros());
    let books = spent(world).await;
    assert!(bill <= books, "the books hold {books}, AWS charges {bill}");
    // A PiB is 59 cents a minute.
    assert!(books < Money::from_dollars(14), "{books}");
    world.loose();
}

/// AWS answers so seldom that a reading comes no further than some parts of an upload: the next one goes on there.
pub async fn parts_that_are_listed_slowly(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20 for 30d").await;
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    let aws = world.sandbox.aws.clone();
    aws.lists_at_most(&bucket, 1);
    let mut sizes = [1; 10];
    sizes[9] = 1024 * 1024 * GIB;
    aws.leave_upload(&bucket, "a", &[1]);
    aws.leave_upload(&bucket, "b", &sizes);
    let (faults, listed) = (world.sandbox.faults.clone(), AtomicU32::new(0));
    world.before_aws_hears("s3:ListParts", move |_| {
        let times = listed.fetch_add(1, Ordering::SeqCst);
        if times % 4 == 2 {
            faults.inject_on("s3:ListParts", Fault::ServerError500, 1);
        }
    });
    let mut rounds = 0;
    while world.acts(Act::List { times: 1 }) == "done" {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 20, "it stops");
    }
    assert!(3 < rounds, "it takes several readings");
    world.sandbox.wire.clear_hook();
    world.sandbox.faults.clear();
    world.minutes(20).await;
    world.expect("ana", &["(grant 1) was stopped", "of $20.00"]);
    let bill = Money::from_micros(aws.bill(&bucket).micros());
    let books = spent(world).await;
    assert!(bill <= books, "the books hold {books}, AWS charges {bill}");
    world.loose();
}

/// What lies in a bucket cannot be listed: what is downloaded from it is charged all the same, and stopped short
/// of the cap.
pub async fn downloads_from_what_cannot_be_listed(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    world.stores_a_gib();
    world.later(5 * MINUTE).await;
    world.all_read();
    let faults = world.sandbox.faults.clone();
    faults.inject_on("s3:ListMultipartUploads", Fault::Forbidden403, 10_000);
    let mut rounds = 0;
    while world.downloads(12) == "done" {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 15, "it stops short of its cap");
    }
    assert!(3 < rounds, "it is of use");
    let books = spent(world).await;
    assert!(books <= Money::from_dollars(20), "{books}");
    world.expect(
        "olga",
        &["The spending of grant 1 (s3) can't be read in full since"],
    );
    faults.clear();
    world.minutes(20).await;
    world.expect("ana", &["(grant 1) was stopped", "of $20.00"]);
    world.expect("olga", &["The spending of grant 1 (s3) can be read again"]);
    world.later(Duration::from_hours(1)).await;
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    let bill = Money::from_micros(world.sandbox.aws.bill(&bucket).micros());
    let books = spent(world).await;
    assert!(bill <= books, "the books hold {books}, AWS charges {bill}");
    world.loose();
}

/// The same of what stays: until all of it was seen, it is said to be at least so much.
pub async fn what_stays_takes_several_readings(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20 for 30d").await;
    let bucket = behind_many(world, 500, 10 * GIB);
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    world.expect("olga", &["at least 0.01 GiB in the bucket slice-"]);
    for _ in 0..4 {
        world.later(Duration::from_hours(1)).await;
    }
    world.says("olga", "vault list").await;
    let listed = world.expect("olga", &["10.01 GiB in the bucket slice-", "$0.25 a month"]);
    assert!(!listed.contains("at least 10.01"), "{listed}");
    for _ in 0..24 {
        world.later(Duration::from_hours(1)).await;
    }
    let bill = Money::from_micros(world.sandbox.aws.bill(&bucket).micros());
    let books = spent(world).await;
    let asked = Money::from_micros(30_000);
    assert!(bill <= books && books < bill + asked, "{books} {bill}");
    world.says("olga", "vault take 1").await;
    world.loose();
}

/// A key is being made in a bucket while the last other one is removed: its requests are counted.
pub async fn a_key_that_comes_between(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    world.stores_a_gib();
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    let end = &bucket[bucket.len() - 12..];
    let comes = format!("slice-0191d2c4-7b1e-7c3a-9a55-3f0a6d1b2c3d-1-{end}");
    let (aws, name) = (world.sandbox.aws.clone(), comes.clone());
    world.before_aws_hears("s3:DeleteBucketMetricsConfiguration", move |_| {
        aws.add_foreign_user(&name, 0);
    });
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    world.sandbox.wire.clear_hook();
    assert!(world.sandbox.aws.user(&comes).is_some(), "it came");
    assert_eq!(world.aws_keys().len(), 0);
    assert!(world.aws_buckets()[0].metrics, "its requests are counted");
    world.sandbox.aws.delete_user_behind_our_back(&comes);
    world.loose();
}

/// A master key of another account is noticed also where only a stopped key, or a bucket, is left: a 404
/// there says nothing of this one.
pub async fn a_master_key_of_another_account(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    world.stores_a_gib();
    let mut rounds = 0;
    while world.downloads(12) == "done" {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 30, "it stops");
    }
    let other = world.sandbox.aws.add_user_elsewhere("their-bot");
    rotates(world, &other).await;
    world.expect(
        "olga",
        &["knows nothing of the keys", "[Replace it anyway…]"],
    );
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    world.expect("olga", &["1.00 GiB in the bucket"]);
    world.all_read();
    rotates(world, &other).await;
    world.expect(
        "olga",
        &["knows nothing of the keys", "Nothing was changed"],
    );
    world.clicks("olga", "Replace it anyway…").await;
    world.submits_aws(&other).await;
    world.minutes(120).await;
    let read = world.reads("ana");
    assert!(!read.contains("is gone at its provider"), "{read}");
    world.says("olga", "vault list").await;
    world.expect("olga", &["Left behind by grant 1"]);
    assert_eq!(world.aws_buckets().len(), 1);
    world.loose();
}

async fn rotates(world: &mut World, key: &slice_sandbox::AccessKey) {
    world.says("olga", "vault rotate s3").await;
    world.submits_aws(key).await;
}
