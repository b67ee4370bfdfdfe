//! AWS has made a key and does not take it yet: it is handed over when it is good, or has had a minute.

use super::s3_odd::spent;
use crate::world::World;
use slice_core::money::Money;
use slice_sandbox::{Act, Fault};
use std::time::Duration;

const GIB: u64 = 1 << 30;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const ALL_READ: Duration = Duration::from_mins(25);
const PUT: Act<'static> = Act::Put {
    key: "a",
    size: GIB,
};
const READY: &str = "Your s3 key is ready";
const LATE: &str = "Its provider has not said yet that it takes this key";

fn is_told_nothing(world: &World) {
    let read = world.reads("ana");
    assert!(!read.contains(READY), "{read}");
}

/// A change at IAM is in force some seconds later: a new key is not good at once, so nobody has it before it
/// is, and an ended one is good a little longer, which is charged.
pub async fn iam_takes_its_time(world: &mut World) {
    world.set_up_s3().await;
    world.sandbox.aws.iam_takes(5 * SECOND);
    world.says("ana", "provision s3 20").await;
    assert_eq!(world.acts(PUT), "InvalidAccessKeyId");
    is_told_nothing(world);
    world.later(2 * SECOND).await;
    is_told_nothing(world);
    world.later(4 * SECOND).await;
    let read = world.expect("ana", &[READY]);
    assert!(!read.contains(LATE), "{read}");
    assert_eq!(world.acts(PUT), "done");
    let key = world.aws_keys().pop().expect("a key");
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    world.says("ana", "revoke 1").await;
    let often = Act::Get {
        key: "a",
        times: 12,
    };
    let aws = world.sandbox.aws.clone();
    assert_eq!(aws.act(&key.id, &bucket, often), Ok(()), "not in force yet");
    world.later(MINUTE).await;
    let refused = aws.act(&key.id, &bucket, often);
    assert_eq!(refused, Err((403, "InvalidAccessKeyId".into())));
    world.later(ALL_READ).await;
    assert_eq!(world.aws_keys().len(), 0);
    world.expect("ana", &["more was charged"]);
    let books = spent(world).await;
    let bill = Money::from_micros(aws.bill(&bucket).micros());
    assert!(bill <= books, "the books hold {books}, AWS charges {bill}");
    assert!(Money::from_dollars(1) < books, "{books}");
    world.loose();
}

/// A minute is enough: her key is handed over with a word about it, and good in the end.
pub async fn iam_takes_too_long(world: &mut World) {
    world.set_up_s3().await;
    world.sandbox.aws.iam_takes(10 * MINUTE);
    let before = world.asked_aws("sts:GetCallerIdentity");
    world.says("ana", "provision s3 20").await;
    for _ in 1..60 {
        is_told_nothing(world);
        world.later(SECOND).await;
    }
    is_told_nothing(world);
    world.later(SECOND).await;
    world.expect("ana", &[READY, LATE, "try it again some minutes later"]);
    let asked = world.asked_aws("sts:GetCallerIdentity") - before;
    assert!((6..=12).contains(&asked), "asked {asked} times");
    assert_eq!(world.acts(PUT), "InvalidAccessKeyId");
    world.later(10 * MINUTE).await;
    assert_eq!(world.acts(PUT), "done");
    assert_eq!(world.aws_keys_made().len(), 1);
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    world.loose();
}

/// Whoever gives her key back while it is not good has never had it, and nothing is left of it.
pub async fn a_key_given_back_before_it_is_good(world: &mut World) {
    world.set_up_s3().await;
    world.sandbox.aws.iam_takes(10 * MINUTE);
    world.says("ana", "provision s3 20").await;
    world.later(3 * SECOND).await;
    world.says("ana", "revoke 1").await;
    for _ in 0..3 {
        world.later(ALL_READ).await;
    }
    let read = world.expect("ana", &["grant 1 ($20.00 of s3) was ended"]);
    assert!(!read.contains(READY), "{read}");
    assert_eq!(world.aws_keys().len(), 0);
    assert_eq!(world.aws_buckets().len(), 0);
    world.says("ana", "budget").await;
    world.expect("ana", &["Free: $100.00"]);
    world.loose();
}

/// A bucket seconds old is not seen everywhere at AWS: while its key is not good yet, that is not the end of it.
pub async fn a_bucket_that_is_not_seen_while_its_key_is_not_good(world: &mut World) {
    world.set_up_s3().await;
    world.sandbox.aws.iam_takes(5 * SECOND);
    world.says("ana", "provision s3 20").await;
    is_told_nothing(world);
    let counts = "s3:PutBucketMetricsConfiguration";
    world
        .sandbox
        .faults
        .inject_on(counts, Fault::NotFound404, 1);
    for seconds in [1, 2, 4, 8] {
        world.later(seconds * SECOND).await;
    }
    assert_eq!(world.sandbox.faults.pending(), 0);
    world.expect("ana", &[READY]);
    assert_eq!(world.acts(PUT), "done");
    assert_eq!(world.aws_keys_made().len(), 1);
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    world.loose();
}

/// No answer, and none that AWS would give, is not taken for a yes, nor for the end of the key.
pub async fn nobody_says_whether_a_key_is_good(world: &mut World) {
    world.set_up_s3().await;
    world.kill();
    world.call_timeout = Duration::from_millis(700);
    world.start().await.expect("the bot starts");
    world.settled().await;
    // Whose the master key is, is asked once.
    world.says("ana", "provision s3 20").await;
    world.expect("ana", &[READY]);
    let faults = world.sandbox.faults.clone();
    for fault in [
        Fault::HtmlPage,
        Fault::LostBefore,
        Fault::TruncatedBody,
        Fault::ServerErrorAfter500,
        Fault::RateLimited429 { retry_after: 1 },
        Fault::HangBefore,
        Fault::HangAfter,
    ] {
        faults.inject_on("sts:GetCallerIdentity", fault, 1);
    }
    world.says("ana", "provision s3 20").await;
    for seconds in [1, 2, 4, 8, 10, 10] {
        is_told_nothing(world);
        world.later(seconds * SECOND).await;
    }
    is_told_nothing(world);
    assert_eq!(faults.pending(), 0);
    world.later(10 * SECOND).await;
    let read = world.expect("ana", &[READY]);
    assert!(!read.contains(LATE), "{read}");
    assert_eq!(world.aws_keys_made().len(), 2);
    assert_eq!(world.acts(PUT), "done");
    for grant in ["revoke 1", "revoke 2"] {
        world.says("ana", grant).await;
    }
    world.later(ALL_READ).await;
    world.loose();
}
