//! S3 against software that we did not write: a moto server, with real signatures. It is not there on every
//! machine, so these are skipped, and said to be, where no address is named.

use crate::{
    closing,
    postgres::Kind,
    runtime,
    world::{Way, World, aws::REGION},
};
use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, retry::RetryConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types::CreateBucketConfiguration,
};
use libtest_mimic::{Failed, Trial};
use slice_core::money::Money;
use slice_sandbox::{AccessKey, Direction, Fate, Moto};
use std::{
    pin::Pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Where a moto server is.
const SERVER: &str = "SLICE_TEST_MOTO_URL";
/// Turns a skip into a failure.
const REQUIRED: &str = "SLICE_REQUIRE_MOTO";
const MINUTE: Duration = Duration::from_mins(1);
const MIB: usize = 1 << 20;
const GIB: u64 = 1 << 30;

type Story = for<'a> fn(&'a mut World) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

const ALL: [(&str, Story); 4] = [
    ("moto::a_key_and_what_it_may", |world| {
        Box::pin(a_key_and_what_it_may(world))
    }),
    ("moto::adopted_after_a_crash", |world| {
        Box::pin(adopted_after_a_crash(world))
    }),
    ("moto::stopped_short_of_the_cap", |world| {
        Box::pin(stopped_short_of_the_cap(world))
    }),
    ("moto::what_stays_is_deleted", |world| {
        Box::pin(what_stays_is_deleted(world))
    }),
];

/// Ignored, and said to be, without a server.
pub fn trials() -> Vec<Trial> {
    let server = std::env::var(SERVER).ok().filter(|url| !url.is_empty());
    let required = std::env::var_os(REQUIRED).is_some();
    if server.is_none() && !required {
        println!("moto: skipped ({SERVER} names no server); README.md says how to run it");
    }
    let trial = |(name, story): (&'static str, Story)| {
        let here = server.clone();
        let trial = Trial::test(name, move || match here {
            Some(here) => play(&here, story),
            None => Err(Failed::from(format!(
                "{REQUIRED} is set and {SERVER} is not"
            ))),
        });
        trial.with_ignored_flag(server.is_none() && !required)
    };
    ALL.map(trial).into()
}

/// One conversation with the bot; moto keeps one account, so that they take turns.
fn play(server: &str, story: Story) -> Result<(), Failed> {
    static TURN: Mutex<()> = Mutex::new(());
    crate::guarded(std::panic::AssertUnwindSafe(|| {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let database = Kind::Sqlite.fresh();
        runtime().block_on(async {
            let mut world = World::over(Way::SlackSocket, database.url()).await;
            world.log_from = closing::log_end();
            world.set_up_moto(server).await;
            story(&mut world).await;
            world.finish().await;
            world.kill();
        });
    }))
}

/// Whoever holds a key, with the official client.
pub struct Holder {
    s3: Client,
}

impl Holder {
    fn of(moto: &Moto, key: &AccessKey) -> Self {
        Self::at(moto.server(), &key.id, &key.secret)
    }

    pub fn at(server: &str, id: &str, secret: &str) -> Self {
        let credentials = Credentials::new(id, secret, None, None, "holder");
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(credentials)
            .endpoint_url(server)
            .force_path_style(true)
            .http_client(http)
            .region(Region::new(REGION))
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .retry_config(RetryConfig::disabled());
        Self {
            s3: Client::from_conf(config.build()),
        }
    }

    /// Stores so many bytes; gives the word of what answers.
    pub async fn puts(&self, bucket: &str, key: &str, size: usize) -> String {
        let put = self.s3.put_object().bucket(bucket).key(key);
        word(put.body(ByteStream::from(vec![b'x'; size])).send().await)
    }

    /// From the second time on it is there.
    pub async fn makes(&self, bucket: &str) {
        let here = CreateBucketConfiguration::builder();
        let here = here.location_constraint(REGION.into()).build();
        let made = self.s3.create_bucket().bucket(bucket);
        let made = word(made.create_bucket_configuration(here).send().await);
        assert!(
            ["done", "BucketAlreadyOwnedByYou"].contains(&&*made),
            "{made}"
        );
    }

    pub async fn gets(&self, bucket: &str, key: &str) -> String {
        let got = self.s3.get_object().bucket(bucket).key(key).send().await;
        word(got)
    }

    async fn lists(&self, bucket: &str) -> String {
        word(self.s3.list_objects_v2().bucket(bucket).send().await)
    }
}

pub fn word<T, E: ProvideErrorMetadata, R>(done: Result<T, SdkError<E, R>>) -> String {
    match done {
        Ok(_) => "done".into(),
        Err(SdkError::ServiceError(error)) => error.err().code().unwrap_or("odd").into(),
        Err(_) => "no answer".into(),
    }
}

/// ana takes a key and sees it; gives it with the name of its bucket.
async fn a_key(world: &mut World) -> (AccessKey, String) {
    world.says("ana", "provision s3 20 for 30d").await;
    let read = world.expect("ana", &["Your s3 key is ready", "Bucket"]);
    let bucket = word_after(&read, "slice-");
    world.clicks("ana", "Reveal key").await;
    let ana = world.town.person("ana");
    let shown = ana.modal().expect("she sees it");
    let (id, secret) = (
        word_after(&shown, "AWS_ACCESS_KEY_ID="),
        word_after(&shown, "AWS_SECRET_ACCESS_KEY="),
    );
    ana.close_modal().expect("the view closes");
    world.all_read();
    let key = AccessKey {
        id: id.trim_start_matches("AWS_ACCESS_KEY_ID=").into(),
        secret: secret.trim_start_matches("AWS_SECRET_ACCESS_KEY=").into(),
        user: None,
        active: true,
        deleted: false,
    };
    (key, bucket)
}

/// The word that begins so.
fn word_after(text: &str, start: &str) -> String {
    let at = text
        .find(start)
        .unwrap_or_else(|| panic!("{start}: {text}"));
    let ends = |one: char| !(one.is_ascii_alphanumeric() || "-_=/+".contains(one));
    let rest = &text[at..];
    rest[..rest.find(ends).unwrap_or(rest.len())].to_owned()
}

async fn a_key_and_what_it_may(world: &mut World) {
    let (key, bucket) = a_key(world).await;
    let moto = world.moto();
    let [(user, boundary)] = moto.bounded().try_into().expect("one user");
    assert!(user.starts_with("slice-") && boundary.ends_with(":policy/slice-boundary"));
    assert_eq!(moto.counted(), [&*bucket]);
    let holder = Holder::of(&moto, &key);
    assert_eq!(holder.puts(&bucket, "a b+c.txt", 5).await, "done");
    assert_eq!(holder.gets(&bucket, "a b+c.txt").await, "done");
    assert_eq!(holder.lists(&bucket).await, "done");

    let (other, elsewhere) = a_key(world).await;
    assert_ne!(bucket, elsewhere);
    assert_eq!(holder.puts(&elsewhere, "a", 5).await, "AccessDenied");
    assert_eq!(holder.gets(&elsewhere, "a").await, "AccessDenied");
    assert_eq!(holder.lists(&elsewhere).await, "AccessDenied");
    let listed = word(holder.s3.list_buckets().send().await);
    assert_eq!(listed, "AccessDenied");
    let wrong = AccessKey {
        secret: key.secret.to_lowercase(),
        ..key.clone()
    };
    let forger = Holder::of(&moto, &wrong);
    assert_eq!(forger.lists(&bucket).await, "SignatureDoesNotMatch");

    world.says("ana", "revoke 1").await;
    world.later(25 * MINUTE).await;
    assert_eq!(
        holder.gets(&bucket, "a b+c.txt").await,
        "InvalidAccessKeyId"
    );
    assert_eq!(moto.buckets().await.expect("moto answers").len(), 2);
    assert_eq!(moto.counted(), [&*elsewhere]);
    let still = Holder::of(&moto, &other);
    assert_eq!(still.puts(&elsewhere, "a", 5).await, "done");
}

/// The bot dies before or after each call that makes something: in the end there is one key, of one user,
/// whose secret it knows.
async fn adopted_after_a_crash(world: &mut World) {
    let calls = [
        "iam:CreateUser",
        "s3:CreateBucket",
        "iam:CreateAccessKey",
        "iam:PutUserPolicy",
    ];
    let mut number = 0;
    for call in calls {
        for fate in [Fate::DieBefore, Fate::DieAfter] {
            number += 1;
            dies_at(world, call, fate);
            let ana = world.town.person("ana");
            let typed = ana.command("/slice", "provision s3 20 for 30d");
            typed.expect("she types it");
            assert!(world.settle().await.is_err(), "it dies at {call}, {fate:?}");
            world.sandbox.wire.clear_hook();
            world.start().await.expect("the bot starts again");
            world.settled().await;
            for _ in 0..6 {
                world.later(10 * MINUTE).await;
            }
            world.expect("ana", &["Your s3 key is ready"]);
            let keys = world.keys_at_aws().await;
            assert_eq!(keys.len(), 1, "one key after {call}, {fate:?}");
            let moto = world.moto();
            let users = moto.users().await.expect("moto answers");
            assert_eq!(users.len(), 1, "one user after {call}, {fate:?}");
            assert_eq!(moto.buckets().await.expect("moto answers").len(), 1);
            world.says("ana", &format!("revoke {number}")).await;
            world.later(25 * MINUTE).await;
            assert!(moto.users().await.expect("moto answers").is_empty());
            assert!(moto.buckets().await.expect("moto answers").is_empty());
            world.all_read();
        }
    }
}

/// The bot dies at the next such call, and moto may have heard of it.
fn dies_at(world: &World, call: &'static str, fate: Fate) {
    let (dead, killed) = (AtomicBool::new(false), world.killed.clone());
    world.sandbox.wire.on_crossing(Box::new(move |crossing| {
        let here = crossing.direction == Direction::In && crossing.what.contains(call);
        if !here || dead.swap(true, Ordering::SeqCst) {
            return Fate::Pass;
        }
        killed.notify_one();
        fate
    }));
}

/// What `CloudWatch` tells of each minute is charged, until no more than the margin is left; the same key
/// goes on when its cap is raised.
async fn stopped_short_of_the_cap(world: &mut World) {
    let (key, bucket) = a_key(world).await;
    let moto = world.moto();
    let holder = Holder::of(&moto, &key);
    assert_eq!(holder.puts(&bucket, "a", 3 * MIB).await, "done");
    let mut rounds: u32 = 0;
    loop {
        let minute = world.sandbox.clock.now().div_euclid(60_000_000) * 60;
        let down = [("AllRequests", 10), ("BytesDownloaded", 10 * GIB)];
        let seeded = moto.passed((&bucket, REGION), minute, &down).await;
        seeded.expect("moto keeps it");
        world.later(6 * MINUTE).await;
        rounds += 1;
        if !world.keys_at_aws().await[0].active {
            break;
        }
        assert!(rounds < 20, "it stops");
    }
    world.expect("ana", &["was stopped", "of $20.00"]);
    // 10 GiB are 90 cents, and $8.93 of the $20 are kept.
    assert_eq!(rounds, 13);
    assert_eq!(holder.gets(&bucket, "a").await, "AccessDenied");
    world.says("olga", "allocate @ana 200").await;
    world.says("ana", "cap 1 40").await;
    world.later(MINUTE).await;
    let keys = world.keys_at_aws().await;
    assert!(keys.len() == 1 && keys[0].id == key.id && keys[0].active);
    assert_eq!(holder.gets(&bucket, "a").await, "done");
}

/// What lies in a bucket is what moto lists there, parts of an unfinished upload too.
async fn what_stays_is_deleted(world: &mut World) {
    let (key, bucket) = a_key(world).await;
    let moto = world.moto();
    let holder = Holder::of(&moto, &key);
    assert_eq!(holder.puts(&bucket, "a", 20 * MIB).await, "done");
    let upload = holder.s3.create_multipart_upload();
    let upload = upload.bucket(&bucket).key("b").send().await;
    let upload = upload.expect("an upload begins");
    let part = holder.s3.upload_part().bucket(&bucket).key("b");
    let part = part
        .set_upload_id(upload.upload_id)
        .part_number(1)
        .body(ByteStream::from(vec![b'y'; 15 * MIB]));
    assert_eq!(word(part.send().await), "done");
    world.says("ana", "revoke 1").await;
    world.later(25 * MINUTE).await;
    world.expect("ana", &[&format!("0.04 GiB in the bucket {bucket}")]);
    world.says("olga", "vault delete 1").await;
    world.clicks("olga", "Delete all of it").await;
    world.expect("olga", &["Deleted for good"]);
    assert!(moto.buckets().await.expect("moto answers").is_empty());
    let spent = world.bot().desk.store.members(world.org().await).await;
    let spent: Money = spent
        .expect("the database answers")
        .iter()
        .map(|one| one.budget.spent)
        .sum();
    assert!(Money::ZERO < spent && spent < Money::from_dollars(1));
}
