//! What stays of a bucket's grant, where something comes between.

use super::s3_odd::{behind_many, spent};
use crate::world::World;
use slice_core::{
    books::{GrantRef, Scope},
    event::Actor,
    leftover,
    money::Money,
};
use slice_sandbox::{Act, Fault};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::runtime::Handle;

const GIB: u64 = 1 << 30;
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const ALL_READ: Duration = Duration::from_mins(25);

fn objects(world: &World) -> usize {
    let bucket = world.aws_buckets().pop();
    bucket.map_or(0, |bucket| bucket.objects)
}

async fn has_it_deleted(world: &mut World) {
    world.says("olga", "vault delete 1").await;
    world.clicks("olga", "Delete all of it").await;
}

/// What cannot be read is deleted in parts all the same; that some of it is gone does not mean that it can be
/// read again.
pub async fn a_deletion_in_parts_is_no_reading(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    behind_many(world, 100, GIB);
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    let faults = world.sandbox.faults.clone();
    faults.inject_on("s3:ListMultipartUploads", Fault::Forbidden403, 10_000);
    world.minutes(180).await;
    world.expect(
        "olga",
        &["The spending of grant 1 (s3) can't be read since"],
    );
    world.all_read();
    has_it_deleted(world).await;
    let mut rounds = 0;
    while 0 < objects(world) {
        world.later(10 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 40, "it is deleted in parts");
    }
    assert!(1 < rounds, "in more than one");
    let told = world.reads("olga");
    assert!(!told.contains("can be read again"), "{told}");
    faults.clear();
    world.minutes(70).await;
    world.expect("olga", &["Deleted for good"]);
    assert_eq!(world.aws_buckets().len(), 0);
    world.loose();
}

/// AWS does not let Slice delete what an owner wants deleted, and never will: she takes it over instead, and the
/// master key can go.
pub async fn a_deletion_is_taken_back(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    world.stores_a_gib();
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    let faults = world.sandbox.faults.clone();
    faults.inject_on("s3:DeleteObjects", Fault::Forbidden403, 10_000);
    has_it_deleted(world).await;
    world.minutes(120).await;
    world.expect("olga", &["may not empty a bucket"]);
    world.says("olga", "vault remove s3").await;
    world.expect("olga", &["What stays of ended grants (1)"]);
    world.says("olga", "vault delete 1").await;
    world.expect(
        "olga",
        &["is being deleted at its provider since", "vault take 1"],
    );
    world.says("olga", "vault list").await;
    world.expect("olga", &["It is being deleted since", "stops that"]);
    world.all_read();
    world.says("olga", "vault take 1").await;
    world.expect(
        "olga",
        &[
            "You took over what stays of grant 1: 1.00 GiB",
            "It was being deleted since",
            "part of it may be gone already",
        ],
    );
    world.expect(
        "ana",
        &["was taken over by an owner", "charged to you no more"],
    );
    faults.clear();
    let before = spent(world).await;
    for _ in 0..3 {
        world.later(HOUR).await;
    }
    assert_eq!(spent(world).await, before);
    assert_eq!(objects(world), 1, "nothing more is deleted");
    world.says("olga", "vault remove s3").await;
    world.expect("olga", &["The master key for s3 was removed"]);
    world.loose();
}

/// Two of them are deleted in one round. While it is with the first one, an owner takes over the other one, and
/// was told that nothing more of that is deleted.
pub async fn one_is_taken_over_in_the_round_that_deletes_it(world: &mut World) {
    world.set_up_s3().await;
    for _ in 0..2 {
        world.says("ana", "provision s3 20").await;
        world.stores_a_gib();
    }
    world.says("ana", "revoke 1").await;
    world.says("ana", "revoke 2").await;
    world.later(ALL_READ).await;
    let faults = world.sandbox.faults.clone();
    faults.inject_on("s3:DeleteObjects", Fault::Forbidden403, 10_000);
    has_it_deleted(world).await;
    world.says("olga", "vault delete 2").await;
    world.clicks("olga", "Delete all of it").await;
    faults.clear();
    let first = world.aws_buckets().swap_remove(0).name;
    let (desk, org) = (world.bot().desk.clone(), world.org().await);
    let is_taken = AtomicBool::new(false);
    world.before_aws_hears("s3:DeleteObjects", move |crossing| {
        if !is_taken.swap(true, Ordering::SeqCst) {
            let other = if crossing.what.contains(&first) { 2 } else { 1 };
            let scope = Scope::new(org, Actor::Slice).grant(GrantRef::Number(other));
            let taking = desk.record(scope, |books| Ok((leftover::taken(books, other)?, ())));
            let taken = tokio::task::block_in_place(|| Handle::current().block_on(taking));
            taken.expect("it is taken over");
        }
    });
    world.later(HOUR).await;
    world.sandbox.wire.clear_hook();
    let left = world.aws_buckets();
    let objects: Vec<_> = left.iter().map(|bucket| bucket.objects).collect();
    assert_eq!(
        objects,
        [1],
        "the one that was taken over, with what lay in it"
    );
    world.expect(
        "ana",
        &["was taken over by an owner", "was deleted by an owner"],
    );
    world.loose();
}

/// Measuring what stays costs its member money: a key that is read every three minutes changes nothing about
/// that.
pub async fn what_stays_is_measured_every_hour(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    world.stores_a_gib();
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    world.says("ana", "revoke 1").await;
    world.says("ana", "provision s3 20 for 30d").await;
    world.later(ALL_READ).await;
    let listing = format!("s3:ListObjectVersions {bucket}");
    let before = world.asked_aws(&listing);
    world.minutes(300).await;
    let measured = world.asked_aws(&listing) - before;
    assert!((4..=5).contains(&measured), "{measured} in five hours");
    world.loose();
}

/// AWS refuses for now to show what stays of a key whose user has vanished: that is not forgotten.
pub async fn what_stays_is_refused_for_now(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    world.stores_a_gib();
    world.later(5 * MINUTE).await;
    let user = world.aws_keys().pop().expect("a key").user;
    let bucket = world.aws_buckets().pop().expect("a bucket");
    let aws = world.sandbox.aws.clone();
    aws.delete_user_behind_our_back(&user.expect("a user"));
    aws.move_bucket_behind_our_back(&bucket.name, "us-west-2");
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    assert!(
        !world.reads("ana").contains("was ended"),
        "it is tried again"
    );
    aws.move_bucket_behind_our_back(&bucket.name, &bucket.region);
    world.later(ALL_READ).await;
    world.expect("ana", &["grant 1 ($20.00 of s3) was ended"]);
    world.expect("olga", &["1.00 GiB in the bucket slice-"]);
    world.loose();
}

/// An owner approves a part in a bucket that is being deleted since it was asked for.
pub async fn a_part_in_what_is_being_deleted(world: &mut World) {
    world.set_up_s3().await;
    world.says("olga", "allocate @bo 100").await;
    world.says("bo", "provision s3 20").await;
    let bucket = behind_many(world, 100, GIB);
    let line = format!("provision s3 20 read bucket:{bucket}");
    world.says("ana", &line).await;
    world.expect("ana", &["so the owners were asked"]);
    world.says("bo", "revoke 1").await;
    world.later(ALL_READ).await;
    has_it_deleted(world).await;
    assert!((1..100).contains(&objects(world)), "it is on its way");
    world.clicks("olga", "Approve").await;
    world.expect(
        "ana",
        &[
            "What stays of grant 1 is being deleted at its provider",
            "the money is back",
        ],
    );
    assert_eq!(world.aws_keys_made().len(), 1, "none was made for her");
    let mut rounds = 0;
    while !world.aws_buckets().is_empty() {
        world.later(2 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 20, "it ends");
    }
    world.loose();
}

/// Somebody deletes a bucket at AWS while a key for a part in it is made: there is none, and the money is back.
/// What could be had of the bucket's own key cannot be changed any more.
pub async fn a_bucket_that_vanishes(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    let (aws, name) = (world.sandbox.aws.clone(), bucket.clone());
    world.before_aws_hears("iam:CreateAccessKey", move |_| {
        aws.delete_bucket_behind_our_back(&name);
    });
    let line = format!("provision s3 20 read bucket:{bucket}");
    world.says("ana", &line).await;
    world.sandbox.wire.clear_hook();
    let gone = "The bucket is not there any more.";
    world.expect("ana", &[gone, "the money is back"]);
    assert_eq!(world.aws_keys().len(), 1, "nothing of it stands");
    world.says("ana", &line).await;
    world.expect("ana", &[gone, "the money is back"]);
    // A bucket of less than a minute may only not be seen yet.
    world.says("ana", "cap 1 25").await;
    for _ in 0..2 {
        world.later(MINUTE).await;
    }
    world.expect("ana", &[gone, "Its cap stays as it was"]);
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    assert_eq!(world.aws_keys().len(), 0);
    let users = world.sandbox.aws.users();
    assert!(!users.iter().any(|user| user.name.starts_with("slice-")));
    world.loose();
}

/// Somebody deletes a key's user at AWS: its bucket stays, and nobody pays for metrics of it any more.
pub async fn a_user_that_vanishes(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    world.stores_a_gib();
    world.later(5 * MINUTE).await;
    let user = world.aws_keys().pop().expect("a key").user;
    let aws = world.sandbox.aws.clone();
    aws.delete_user_behind_our_back(&user.expect("a user"));
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    world.expect("ana", &["grant 1 ($20.00 of s3) was ended"]);
    world.expect("olga", &["1.00 GiB in the bucket slice-"]);
    let bucket = world.aws_buckets().pop().expect("it stays");
    assert!(!bucket.metrics, "nobody's requests are counted");
    let before = aws.bill(&bucket.name).metrics_micros;
    for _ in 0..24 {
        world.later(HOUR).await;
    }
    assert_eq!(aws.bill(&bucket.name).metrics_micros, before);
    world.loose();
}

/// A grant has ended at about a dollar, and a bucket stays of it.
async fn costs_a_dollar(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    world.stores_a_gib();
    assert_eq!(world.downloads(10), "done");
    world.later(5 * MINUTE).await;
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    assert!(Money::from_micros(900_000) < spent(world).await);
}

/// An owner corrects what an ended grant is charged, and what stays is charged on from there.
pub async fn a_correction_stands(world: &mut World) {
    costs_a_dollar(world).await;
    world.says("olga", "settle 1 0").await;
    world.expect("olga", &["is charged $0.00 now"]);
    let bucket = world.aws_buckets().pop().expect("it stays").name;
    let aws = world.sandbox.aws.clone();
    let before = aws.bill(&bucket).micros();
    for _ in 0..24 {
        world.later(HOUR).await;
    }
    let bill = Money::from_micros(aws.bill(&bucket).micros() - before);
    let books = spent(world).await;
    let asked = Money::from_micros(2_000);
    assert!(bill <= books && books <= bill + asked, "{bill} {books}");
    world.loose();
}

/// She corrects it just while Slice looks at what stays.
pub async fn a_correction_stands_while_it_is_looked_at(world: &mut World) {
    costs_a_dollar(world).await;
    meanwhile(
        world,
        "s3:ListObjectVersions",
        "settle 1 0",
        "is charged $0.00 now",
    );
    for _ in 0..2 {
        world.later(HOUR).await;
    }
    world.sandbox.wire.clear_hook();
    world.expect("olga", &["is charged $0.00 now"]);
    world.later(HOUR).await;
    let books = spent(world).await;
    assert!(books < Money::from_micros(10_000), "{books}");
    world.loose();
}

/// Before that call goes on, olga says something and hears the answer.
fn meanwhile(world: &World, call: &'static str, line: &'static str, heard: &'static str) {
    let (olga, said) = (world.town.person("olga"), AtomicBool::new(false));
    world.before_aws_hears(call, move |_| {
        if !said.swap(true, Ordering::SeqCst) {
            olga.command("/slice", line).expect("she types it");
            let is_answered = || olga.sees().iter().any(|sight| sight.text.contains(heard));
            tokio::task::block_in_place(|| {
                while !is_answered() {
                    std::thread::yield_now();
                }
            });
        }
    });
}

/// Names that no XML can hold are measured and deleted as all others.
pub async fn names_that_xml_cannot_hold(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    for key in ["\u{1}", "a\rb", "a/../<b>&amp;", "\u{1f4a9}+ ", "\u{fffe}"] {
        assert_eq!(world.acts(Act::Put { key, size: GIB }), "done");
    }
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    world.sandbox.aws.lists_at_most(&bucket, 1);
    world.later(5 * MINUTE).await;
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    world.expect("olga", &["5.00 GiB in the bucket slice-"]);
    has_it_deleted(world).await;
    world.expect("olga", &["Deleted for good: 5.00 GiB"]);
    assert_eq!(world.aws_buckets().len(), 0);
    world.loose();
}
