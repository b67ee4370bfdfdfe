//! S3's keys against a fakecloud server, software of others that really evaluates what moto passes over: dates,
//! keys that are inactive, boundaries, and names in a policy of IAM. Skipped, and said to be, without one.
//!
//! It names some of S3's actions otherwise than AWS and knows no `iam:PermissionsBoundary`, so here the adapter has a master
//! key that may do everything, and what owners paste is asked only for what fakecloud can tell.

use crate::{
    live::{Live, access_key},
    moto::{Holder, word},
    runtime,
    world::aws::REGION,
};
use aws_sdk_iam::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use slice::{
    clock::SystemClock,
    services::{ServicesConfig, s3::policy},
};
use slice_core::{
    money::Money,
    ports::{Bounds, Clock},
};
use std::time::Duration;

/// Where a fakecloud server is, started with `--verify-sigv4 --iam strict`.
const SERVER: &str = "SLICE_TEST_FAKECLOUD_URL";
/// Its owner, whom it lets do everything.
const OWNER: (&str, &str) = ("test", "test");
const ACCOUNT: &str = "123456789012";
const DENIED: &str = "AccessDeniedException";
const HOUR: Duration = Duration::from_hours(1);

/// Ignored, and said to be, without a server.
pub fn trials() -> Vec<Trial> {
    let server = std::env::var(SERVER).ok().filter(|url| !url.is_empty());
    let is_absent = server.is_none();
    if is_absent {
        println!("fakecloud: skipped ({SERVER} names no server); README.md says how to run it");
    }
    let at = server.unwrap_or_default();
    let key = at.clone();
    let key = move || crate::guarded(move || runtime().block_on(what_a_key_may(&key)));
    let master = move || crate::guarded(move || runtime().block_on(what_a_master_key_may(&at)));
    vec![
        Trial::test("fakecloud::what_a_key_may", key).with_ignored_flag(is_absent),
        Trial::test("fakecloud::what_a_master_key_may", master).with_ignored_flag(is_absent),
    ]
}

fn iam(server: &str, (id, secret): (&str, &str)) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(id, secret, None, None, "owner"))
        .endpoint_url(server)
        .http_client(http)
        .region(Region::new("us-east-1"))
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

/// A user of a name of its own with that policy; gives its name and key.
async fn user(owner: &Client, policy: &Value) -> (String, String, String) {
    let mut chance = [0; 8];
    SystemClock.random(&mut chance);
    let name = format!("the-bot-{}", hex::encode(chance));
    let made = owner.create_user().user_name(&name).send().await;
    made.expect("a user is made");
    gives(owner, &name, policy).await;
    let key = owner.create_access_key().user_name(&name).send().await;
    let key = key.expect("a key is made").access_key.expect("a key");
    (name, key.access_key_id, key.secret_access_key)
}

async fn gives(owner: &Client, name: &str, policy: &Value) {
    let put = owner.put_user_policy().user_name(name);
    let put = put.policy_name("given").policy_document(policy.to_string());
    put.send().await.expect("a policy is put");
}

fn everything() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }],
    })
}

fn pasted(name: &str) -> Value {
    let pasted = policy::manifest()[name].to_string();
    serde_json::from_str(&pasted.replace("ACCOUNT_ID", ACCOUNT)).expect("JSON")
}

/// Nothing before it is armed, its own bucket then; nothing after its date, nothing while it stands still, and nothing
/// beyond the boundary whatever its policy says.
async fn what_a_key_may(server: &str) {
    let owner = iam(server, OWNER);
    let boundary = owner.create_policy().policy_name("slice-boundary");
    let boundary = boundary.policy_document(pasted("boundary").to_string());
    // From the second run on it is there.
    let _ = boundary.send().await;
    let (_, id, secret) = user(&owner, &everything()).await;
    let mut config = ServicesConfig::new("https://openrouter.ai/api/v1");
    config.aws_endpoint = Some(server.to_owned());
    let master = format!("{secret}\nregion:{REGION}\naccess-key:{id}");
    let live = Live::at(&config, "s3", master);
    let (issued, key, order) = live.make(Money::from_dollars(20)).await;
    let (id, secret) = access_key(issued.secret.expose());
    let holder = Holder::at(server, id, secret);
    let bucket = key.facts.iter().find(|(name, _)| name == "Bucket");
    let bucket = bucket.expect("it has a bucket").1.clone();
    let until = |until| Bounds {
        cap: order.cap,
        until,
    };
    assert_eq!(holder.puts(&bucket, "a", 5).await, DENIED);

    let now = SystemClock.now();
    let armed = live
        .adapter()
        .arm(&live.master, &key, until(now + HOUR))
        .await;
    armed.expect("it is armed");
    assert_eq!(holder.puts(&bucket, "a b+c.txt", 5).await, "done");
    assert_eq!(holder.gets(&bucket, "a b+c.txt").await, "done");
    let (other, elsewhere) = elsewhere(server).await;
    assert_eq!(other.puts(elsewhere, "a", 5).await, "done");
    assert_eq!(holder.gets(elsewhere, "a").await, DENIED);

    let user = key.label.replace('/', "-");
    gives(&owner, &user, &everything()).await;
    assert_eq!(holder.puts(&bucket, "b", 5).await, "done");
    assert_eq!(
        holder.gets(elsewhere, "a").await,
        DENIED,
        "the boundary holds"
    );
    let taken = owner
        .delete_user_policy()
        .user_name(&user)
        .policy_name("given");
    taken.send().await.expect("it is taken back");

    let armed = live
        .adapter()
        .arm(&live.master, &key, until(now - HOUR))
        .await;
    armed.expect("its policy is put");
    assert_eq!(
        holder.gets(&bucket, "b").await,
        DENIED,
        "its date has passed"
    );
    let armed = live
        .adapter()
        .arm(&live.master, &key, until(now + HOUR))
        .await;
    armed.expect("it is armed again");
    assert_eq!(holder.gets(&bucket, "b").await, "done");

    let stopped = live.adapter().disable(&live.master, &key).await;
    stopped.expect("it is stopped");
    let refused = holder.gets(&bucket, "b").await;
    assert_ne!(refused, "done", "it stands still");
    live.removes(&key).await;
}

/// A bucket of the account that is not Slice's, with an object of its owner's.
async fn elsewhere(server: &str) -> (Holder, &'static str) {
    let owner = Holder::at(server, OWNER.0, OWNER.1);
    let bucket = "of-the-team";
    owner.makes(bucket).await;
    (owner, bucket)
}

/// What owners paste makes and changes users of Slice's names alone: not another, and not itself.
async fn what_a_master_key_may(server: &str) {
    let owner = iam(server, OWNER);
    let mut policy = pasted("master");
    let statements = policy["Statement"].as_array_mut().expect("statements");
    for statement in statements {
        let unknown = statement.as_object_mut().expect("a statement");
        unknown.remove("Condition");
    }
    let (name, id, secret) = user(&owner, &policy).await;
    let bot = iam(server, (&id, &secret));
    let ours = name.replace("the-bot", "slice");
    let made = bot.create_user().user_name(&ours).send().await;
    assert_eq!(word(made), "done");
    let other = bot.create_user().user_name("admin").send().await;
    assert_eq!(word(other), DENIED);
    let key = bot.create_access_key().user_name(&ours).send().await;
    assert_eq!(word(key), "done");
    for forbidden in [&name, "admin"] {
        let key = bot.create_access_key().user_name(forbidden).send().await;
        assert_eq!(word(key), DENIED, "{forbidden}");
        let wider = bot.put_user_policy().user_name(forbidden);
        let wider = wider
            .policy_name("wider")
            .policy_document(everything().to_string());
        assert_eq!(word(wider.send().await), DENIED, "{forbidden}");
    }
}
