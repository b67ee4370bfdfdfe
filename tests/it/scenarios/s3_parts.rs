//! A part in a bucket that Slice made: a second key that may read it, or write to it.

use crate::world::World;
use slice_core::money::Money;
use slice_sandbox::{AccessKey, Act};
use std::time::Duration;

const GIB: u64 = 1 << 30;
const MINUTE: Duration = Duration::from_mins(1);
const ALL_READ: Duration = Duration::from_mins(25);
const PUT: Act<'_> = Act::Put {
    key: "a",
    size: GIB,
};
const GET: Act<'_> = Act::Get { key: "a", times: 1 };

/// What AWS says to whoever holds this key.
fn does(world: &World, key: &AccessKey, bucket: &str, act: Act<'_>) -> String {
    let done = world.sandbox.aws.act(&key.id, bucket, act);
    done.map_or_else(|(_, code)| code, |()| "done".to_owned())
}

fn newest(world: &World) -> AccessKey {
    world.aws_keys().pop().expect("a key")
}

/// Who has a bucket takes more keys of it at once; each may do its part, until the last one has gone.
pub async fn a_part_in_ones_own(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    let (own, bucket) = (
        newest(world),
        world.aws_buckets().pop().expect("a bucket").name,
    );
    assert_eq!(does(world, &own, &bucket, PUT), "done");
    world
        .says(
            "ana",
            &format!("provision s3 20 read bucket:{bucket} for 2d"),
        )
        .await;
    world.expect(
        "ana",
        &[
            "Your s3 key is ready",
            "read only; what passes at the bucket",
        ],
    );
    let reader = newest(world);
    world
        .says("ana", &format!("provision s3 20 write bucket:{bucket}"))
        .await;
    let writer = newest(world);
    assert_eq!(world.aws_buckets().len(), 1, "no bucket is made");
    for (key, put, get) in [
        (&own, "done", "done"),
        (&reader, "AccessDenied", "done"),
        (&writer, "done", "AccessDenied"),
    ] {
        assert_eq!(does(world, key, &bucket, PUT), put);
        assert_eq!(does(world, key, &bucket, GET), get);
        assert_eq!(does(world, key, &bucket, Act::List { times: 1 }), "done");
    }
    world.later(5 * MINUTE).await;
    world.later(5 * MINUTE).await;
    let usage = usage(world).await;
    // Two downloads of a GiB, whoever's, are seen by all three.
    assert!(
        usage
            .iter()
            .all(|usage| Money::from_micros(180_000) < *usage),
        "{usage:?}"
    );
    world.says("ana", "revoke 2").await;
    world.later(ALL_READ).await;
    assert_eq!(world.aws_keys().len(), 2);
    assert!(
        world.aws_buckets()[0].metrics,
        "somebody's requests are still counted"
    );
    world.says("ana", "revoke 1").await;
    world.later(5 * MINUTE).await;
    world.expect(
        "ana",
        &[
            "(grant 3) was ended, because what it leaves there is charged to another grant, which has ended",
            "grant 3 ($20.00 of s3) was ended. It spent",
        ],
    );
    assert_eq!(does(world, &writer, &bucket, PUT), "InvalidAccessKeyId");
    world.later(ALL_READ).await;
    assert_eq!(world.aws_keys().len(), 0);
    assert!(!world.aws_buckets()[0].metrics, "nobody's are");
    world.says("ana", "budget").await;
    world.expect("ana", &["1.00 GiB in the bucket", "stays of grant 1"]);
    a_look_at_what_stays(world, &bucket).await;
    world.loose();
}

/// Its member can still get at what she left behind, and add nothing to it.
async fn a_look_at_what_stays(world: &mut World, bucket: &str) {
    let line = |access: &str| format!("provision s3 20 {access} bucket:{bucket}");
    world.says("ana", &line("write")).await;
    world.expect(
        "ana",
        &[
            "charged to grant 1, which is over or at its cap. Nothing was reserved",
            "A key that only reads can be had",
        ],
    );
    world.says("ana", &line("read")).await;
    world.expect("ana", &["Your s3 key is ready"]);
    assert!(world.aws_buckets()[0].metrics);
    let key = newest(world);
    assert_eq!(does(world, &key, bucket, GET), "done");
    world.says("olga", "vault delete 1").await;
    world.expect("olga", &["still used by other keys (grants: 4)"]);
    world.says("ana", "revoke 4").await;
    world.later(ALL_READ).await;
    assert!(!world.aws_buckets()[0].metrics);
}

/// Who has a bucket reaches her cap: whoever could still store in it is ended with her, since that would be
/// charged to her without a cap; whoever only reads goes on. With a higher cap it can be had again.
pub async fn a_lender_at_her_cap(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    let (own, bucket) = (
        newest(world),
        world.aws_buckets().pop().expect("a bucket").name,
    );
    let line = format!("provision s3 30 write bucket:{bucket}");
    world.says("ana", &line).await;
    let writer = newest(world);
    world
        .says("ana", &format!("provision s3 40 read bucket:{bucket}"))
        .await;
    let reader = newest(world);
    assert_eq!(does(world, &writer, &bucket, PUT), "done");
    let often = Act::Get {
        key: "a",
        times: 12,
    };
    let mut rounds = 0;
    while does(world, &own, &bucket, often) == "done" {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 30, "it stops");
    }
    world.expect(
        "ana",
        &[
            "(grant 1) was stopped",
            "(grant 2) was ended, because what it leaves there is charged to grant 1, which is at its cap",
        ],
    );
    assert_eq!(does(world, &writer, &bucket, PUT), "InvalidAccessKeyId");
    assert_eq!(does(world, &reader, &bucket, GET), "done");
    world.later(ALL_READ).await;
    world.says("ana", &line).await;
    world.expect("ana", &["charged to grant 1, which is over or at its cap"]);
    let used = usage(world).await[0];
    assert!(used <= Money::from_dollars(20), "{used}");
    world.says("olga", "allocate @ana 200").await;
    world.says("ana", "cap 1 40").await;
    world.later(MINUTE).await;
    assert_eq!(does(world, &own, &bucket, GET), "done");
    world.says("ana", &line).await;
    assert_eq!(does(world, &newest(world), &bucket, PUT), "done");
    world.loose();
}

async fn usage(world: &World) -> Vec<Money> {
    let grants = world.bot().desk.store.live_grants(world.org().await).await;
    let grants = grants.expect("the database answers");
    grants.iter().map(slice_core::grant::Grant::usage).collect()
}

/// A bucket of somebody else's takes an owner's yes, whatever it costs.
pub async fn a_part_in_somebody_elses(world: &mut World) {
    world.set_up_s3().await;
    world.says("olga", "allocate @bo 100").await;
    world.says("bo", "provision s3 20").await;
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    world.all_read();
    let line = format!("provision s3 20 read bucket:{bucket}");
    world.says("ana", &line).await;
    world.expect(
        "ana",
        &["uses what was made for somebody else, so the owners were asked"],
    );
    world.expect("olga", &["what was made for @bo", "Approve"]);
    assert_eq!(world.aws_keys().len(), 1);
    world.clicks("olga", "Deny…").await;
    world.submits("olga", &[]).await;
    world.expect("ana", &["denied"]);
    world.says("ana", &line).await;
    world.clicks("olga", "Approve").await;
    world.expect("ana", &["Your s3 key is ready", "read only"]);
    assert_eq!(does(world, &newest(world), &bucket, PUT), "AccessDenied");
    world.loose();
}

/// Names that are none, of nobody, of another account, or of what is gone.
pub async fn names_that_are_refused(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20").await;
    let bucket = world.aws_buckets().pop().expect("a bucket").name;
    world.all_read();
    let (account, grant) = bucket["slice-".len()..].split_once('-').expect("a name");
    for name in [
        "other",
        "*",
        "slice-*",
        "../x",
        "slice-${aws:username}",
        &bucket[..40],
    ] {
        world
            .says("ana", &format!("provision s3 20 read bucket:{name}"))
            .await;
        world.expect(
            "ana",
            &["is no bucket that Slice made", "Nothing was changed"],
        );
    }
    world
        .says("ana", &format!("provision s3 20 bucket:{bucket}"))
        .await;
    world.expect("ana", &["A part in a bucket is"]);
    world.says("ana", "provision s3 20 read").await;
    world.expect("ana", &["Read or write what?"]);
    world.says("ana", "provision s3 20 read prefix:logs").await;
    world.expect("ana", &["“prefix:logs” means nothing to s3"]);
    let nobodys = format!("slice-{account}-{}", "0".repeat(32));
    world
        .says("ana", &format!("provision s3 20 read bucket:{nobodys}"))
        .await;
    world.expect(
        "ana",
        &[
            "Nothing of that name is there that Slice made",
            "Nothing was reserved",
        ],
    );
    let elsewhere = format!("slice-00000000-{grant}");
    world
        .says("ana", &format!("provision s3 20 read bucket:{elsewhere}"))
        .await;
    world.expect("ana", &["in another AWS account", "the money is back"]);
    world.says("ana", "revoke 1").await;
    world.later(ALL_READ).await;
    assert_eq!(world.aws_buckets().len(), 0);
    world
        .says("ana", &format!("provision s3 20 read bucket:{bucket}"))
        .await;
    world.expect("ana", &["Nothing of that name is there that Slice made"]);
    assert_eq!(world.aws_keys().len(), 0);
    world.loose();
}
