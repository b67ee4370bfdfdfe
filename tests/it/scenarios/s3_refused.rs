//! What S3 does not take: a clear sentence, nothing left behind, and the money back.

use crate::world::World;
use slice::services::s3::Prices;
use slice_sandbox::Fault;
use std::{sync::atomic::Ordering, time::Duration};

const MINUTE: Duration = Duration::from_mins(1);

/// ana's request came to nothing, and cost nothing.
pub async fn nothing_came_of_it(world: &mut World, because: &str) {
    let told = ["could not be made", because, "the money is back"];
    world.expect("ana", &told);
    assert_eq!(world.aws_keys().len(), 0, "no key is left");
    let ours = |name: &str| name.starts_with("slice-");
    let users = world.sandbox.aws.users().into_iter();
    assert!(
        !users.into_iter().any(|user| ours(&user.name)),
        "no user is left"
    );
    assert_eq!(world.aws_buckets().len(), 0, "no bucket is left");
    world.says("ana", "budget").await;
    world.expect("ana", &["Committed: $0.00", "Free: $100.00"]);
}

/// The machine's clock is 20 minutes ahead: AWS believes no signature, and says only sometimes why.
pub async fn a_clock_that_is_off(world: &mut World) {
    world.set_up_s3().await;
    let twenty_minutes = 20 * 60 * 1_000_000;
    world.clock.ahead.store(twenty_minutes, Ordering::SeqCst);
    world.says("olga", "vault check").await;
    world.expect(
        "olga",
        &["clock of the machine that Slice runs on is more than 15 minutes off"],
    );
    world.says("ana", "provision s3 20").await;
    for _ in 0..8 {
        world.later(2 * MINUTE).await;
    }
    nothing_came_of_it(world, "clock of the machine that Slice runs on").await;
    world.clock.ahead.store(0, Ordering::SeqCst);
    world.later(20 * MINUTE).await;
    world.says("ana", "provision s3 20").await;
    world.expect("ana", &["Your s3 key is ready"]);
    world.loose();
}

/// Somebody in the account makes both keys that the new user may have, before Slice makes its own.
pub async fn two_keys_are_there_already(world: &mut World) {
    world.set_up_s3().await;
    let aws = world.sandbox.aws.clone();
    world.before_aws_hears("iam:CreateAccessKey", move |crossing| {
        let user = crossing.body["UserName"].as_str().unwrap_or_default();
        aws.add_keys_behind_our_back(user, 2);
    });
    world.says("ana", "provision s3 20").await;
    for _ in 0..8 {
        world.later(2 * MINUTE).await;
    }
    world.sandbox.wire.clear_hook();
    nothing_came_of_it(world, "two access keys already").await;
    world.loose();
}

/// Names of buckets are one space for everybody: somebody was there first. Their bucket is not touched.
pub async fn a_name_that_is_taken(world: &mut World) {
    world.set_up_s3().await;
    let aws = world.sandbox.aws.clone();
    world.before_aws_hears("s3:CreateBucket", move |crossing| {
        let (_, name) = crossing.what.rsplit_once(' ').expect("its name");
        aws.take_bucket_name(name);
    });
    world.says("ana", "provision s3 20").await;
    world.sandbox.wire.clear_hook();
    nothing_came_of_it(
        world,
        "Somebody else's AWS account has a bucket of the name",
    )
    .await;
    world.loose();
}

/// What stands at AWS's address is a page for people, for a quarter of an hour.
pub async fn an_address_that_answers_html(world: &mut World) {
    world.set_up_s3().await;
    let often = 10_000;
    world
        .sandbox
        .faults
        .inject_on("aws", Fault::HtmlPage, often);
    world.says("olga", "vault check").await;
    world.expect("olga", &["does not speak as AWS does"]);
    world.says("ana", "provision s3 20").await;
    for _ in 0..10 {
        world.later(2 * MINUTE).await;
    }
    nothing_came_of_it(world, "does not speak as AWS does").await;
    world.sandbox.faults.clear();
    world.says("ana", "provision s3 20").await;
    world.expect("ana", &["Your s3 key is ready"]);
    world.loose();
}

/// The same key lives on: another date, and a higher cap after it was stopped at its own.
pub async fn a_key_lives_on(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision s3 20 for 2d").await;
    world.clicks("ana", "Reveal key").await;
    let ana = world.town.person("ana");
    ana.close_modal().expect("the view closes");
    let [key] = world.aws_keys().try_into().expect("one key");
    let until = |world: &World| {
        let user = key.user.as_deref().expect("a user's key");
        let user = world.sandbox.aws.user(user).expect("the user stands");
        let scope = user
            .policies()
            .into_iter()
            .find(|(name, _)| name == "scope");
        let text = scope.expect("it has its scope").1;
        let at = text.find("2026-").expect("a date");
        text[at..at + 10].to_owned()
    };
    assert_eq!(until(world), "2026-11-03");
    world.says("ana", "extend 1 7d").await;
    world.later(MINUTE).await;
    assert_eq!(until(world), "2026-11-08");
    world.stores_a_gib();
    let mut rounds = 0;
    while world.downloads(12) == "done" {
        world.later(3 * MINUTE).await;
        rounds += 1;
        assert!(rounds < 30, "it stops");
    }
    world.expect("ana", &["was stopped"]);
    world.says("ana", "cap 1 40").await;
    world.later(MINUTE).await;
    assert_eq!(world.downloads(1), "done");
    let [still] = world.aws_keys().try_into().expect("one key");
    assert_eq!((still.id, still.active), (key.id, true));
    world.says("ana", "keys").await;
    world.expect(
        "ana",
        &["Caps of s3: metered every 3 min, stopped $8.93 short"],
    );
    world.loose();
}

/// Whoever runs Slice has prices of his own, and says that nothing goes faster than a tenth of AWS's line.
pub async fn prices_of_ones_own(world: &mut World) {
    world.set_up_s3().await;
    world.kill();
    let ours = include_str!("../../../prices/s3.json");
    let ours = ours.replace("_second\": 1000", "_second\": 100");
    world.s3_prices = Some(Prices::parse(&ours).expect("a table"));
    world.start().await.expect("the bot starts");
    world.settled().await;
    world.says("ana", "provision s3 1").await;
    world.expect("ana", &["$1.80"]);
    world.says("ana", "provision s3 2").await;
    world.expect("ana", &["Your s3 key is ready", "stopped $0.90 short"]);
    world.loose();
}

/// Where a key is asked for, and each week, it is said what a cap is worth and what stays behind.
pub async fn what_is_said_of_it(world: &mut World) {
    world.set_up_s3().await;
    world.says("ana", "provision").await;
    let form = world.town.person("ana").modal().expect("a form");
    for said in ["from $17.86", "stopped $8.93 short"] {
        assert!(form.contains(said), "{said}: {form}");
    }
    world
        .submits("ana", &[("Service", "s3"), ("Cap", "20")])
        .await;
    world.expect(
        "ana",
        &["Your s3 key is ready", "stopped $8.93 short of the cap"],
    );
    world.stores_a_gib();
    world.says("ana", "revoke 1").await;
    world.later(25 * MINUTE).await;
    world.says("olga", "digest").await;
    let left = "What 1 ended grant left behind costs about $0.03 a month, above budgets too";
    world.expect("olga", &[left]);
    for _ in 0..8 {
        world.later(Duration::from_hours(24)).await;
    }
    world.expect("olga", &["Needs attention", left]);
    world.loose();
}
