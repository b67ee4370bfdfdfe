//! The adapters against the real providers, where somebody names an account: off otherwise. What each
//! costs stands in the README. No chat and no database: a key is made, armed, used, read, stopped, removed.

mod runpod;

use crate::runtime;
use aws_sdk_s3::{
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    primitives::ByteStream,
};
use libtest_mimic::Trial;
use slice::{
    clock::SystemClock,
    services::{self, ServicesConfig},
};
use slice_core::{
    ids::ServiceName,
    life::Life,
    money::Money,
    ports::{Bounds, Clock, Issued, KeyRef, Order, ServiceAdapter, ServiceError},
    secret::Secret,
};
use std::{sync::Arc, time::Duration};

/// AWS takes some seconds to know a new key everywhere, and to forget a stopped one.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(3);

/// Ignored, unless all variables of a provider are set.
pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "live::openrouter",
            ["SLICE_LIVE_OPENROUTER_KEY"],
            |[key]| runtime().block_on(a_key_that_cannot_spend(key)),
        ),
        trial(
            "live::runpod",
            ["SLICE_LIVE_RUNPOD_KEY", "SLICE_LIVE_RUNPOD_IMAGE"],
            |[key, image]| runtime().block_on(runpod::a_pod_for_a_minute(key, &image)),
        ),
        trial(
            "live::s3",
            [
                "SLICE_LIVE_AWS_SECRET_ACCESS_KEY",
                "SLICE_LIVE_AWS_REGION",
                "SLICE_LIVE_AWS_ACCESS_KEY_ID",
            ],
            |values| runtime().block_on(a_bucket_and_a_key(values)),
        ),
    ]
}

fn trial<const N: usize>(name: &str, variables: [&str; N], meets: fn([String; N])) -> Trial {
    let set = variables.map(|variable| std::env::var(variable).ok());
    let is_absent = set.iter().any(Option::is_none);
    let values = set.map(Option::unwrap_or_default);
    Trial::test(name, move || crate::guarded(move || meets(values))).with_ignored_flag(is_absent)
}

/// A service's adapter with its master key, as the bot has them.
pub struct Live {
    services: slice_core::desk::Services,
    name: ServiceName,
    pub master: Secret,
}

impl Live {
    fn new(name: &str, master: String) -> Self {
        Self::at(
            &ServicesConfig::new("https://openrouter.ai/api/v1"),
            name,
            master,
        )
    }

    pub fn at(config: &ServicesConfig, name: &str, master: String) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self {
            services: services::registry(config, &clock),
            name: ServiceName::new(name),
            master: Secret::new(master),
        }
    }

    pub fn adapter(&self) -> &dyn ServiceAdapter {
        self.services.find(&self.name).expect("a known service")
    }

    pub async fn make(&self, cap: Money) -> (Issued, KeyRef, Order) {
        let checked = self.adapter().check(&self.master).await;
        checked.expect("the master key is good for making keys");
        let mut chance = [0; 16];
        SystemClock.random(&mut chance);
        let grant = slice_core::ids::GrantId::from_random(chance);
        let order = Order {
            label: slice_core::grant::label(grant, 1),
            cap,
            life: Life::parse("1h").expect("a life"),
            dead_man: SystemClock.now() + Duration::from_hours(2),
            terms: String::new(),
            options: String::new(),
        };
        let issued = self.adapter().issue(&self.master, &order).await;
        let issued = issued.expect("a key is made");
        let key = KeyRef {
            provider_id: issued.provider_id.clone(),
            label: order.label.clone(),
            terms: String::new(),
            facts: issued.facts.clone(),
            usage: Money::ZERO,
            cursor: None,
            is_stopped: false,
        };
        (issued, key, order)
    }

    /// Whatever became of the test, nothing is left there.
    pub async fn removes(&self, key: &KeyRef) {
        let disabled = self.adapter().disable(&self.master, key).await;
        let deleted = self.adapter().delete(&self.master, &key.provider_id).await;
        let discarded = self.adapter().discard(&self.master, key).await;
        deleted.expect("it is removed");
        discarded.expect("nothing of it stays");
        disabled.expect("it is stopped");
        let found = self.adapter().find(&self.master, &key.label).await;
        assert!(found.expect("it answers").is_empty());
    }
}

/// Makes a bucket and a user, stores an object of one byte, and removes all of it.
async fn a_bucket_and_a_key([secret, region, id]: [String; 3]) {
    let live = Live::new("s3", format!("{secret}\nregion:{region}\naccess-key:{id}"));
    let (issued, key, order) = live.make(Money::from_dollars(20)).await;
    let used = tokio::spawn({
        let (secret, facts) = (issued.secret.expose().to_owned(), issued.facts.clone());
        let region = region.clone();
        async move { stores_a_byte(&secret, &facts, region).await }
    });
    let bounds = Bounds {
        cap: order.cap,
        until: order.dead_man,
    };
    let armed = live.adapter().arm(&live.master, &key, bounds).await;
    let used = used.await;
    let read = live.adapter().read(&live.master, &key).await;
    live.removes(&key).await;
    armed.expect("it is armed");
    assert!(used.is_ok_and(|stored| stored), "the key stores an object");
    let usage = read.expect("it is read").usage;
    assert!(usage < Money::from_dollars(1), "{usage}");
}

/// The two parts of the text that a member is shown.
pub fn access_key(secret: &str) -> (&str, &str) {
    let words: Vec<_> = secret.split(['=', ' ']).collect();
    let [_, id, _, secret] = words[..] else {
        panic!("an access key");
    };
    (id, secret)
}

/// With the key's own rights; tries again while AWS is still learning of it.
async fn stores_a_byte(secret: &str, facts: &[(String, String)], region: String) -> bool {
    let (id, secret) = access_key(secret);
    let bucket = facts.iter().find(|(name, _)| name == "Bucket");
    let bucket = bucket.map(|(_, bucket)| bucket.clone()).unwrap_or_default();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(aws_smithy_http_client::tls::Provider::Rustls(
            aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(id, secret, None, None, "holder"))
        .http_client(http)
        .region(Region::new(region))
        .retry_config(RetryConfig::disabled());
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    for _ in 0..TRIES {
        let put = s3.put_object().bucket(&bucket).key("slice-live-test");
        if put.body(ByteStream::from_static(b"x")).send().await.is_ok() {
            return true;
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}

/// A key with a limit of nothing is made, found, and removed: it is never armed.
async fn a_key_that_cannot_spend(key: String) {
    let live = Live::new("openrouter", key);
    let (_, key, _) = live.make(Money::from_dollars(1)).await;
    let read = live.adapter().read(&live.master, &key).await;
    let found = live.adapter().find(&live.master, &key.label).await;
    live.removes(&key).await;
    let read: Result<_, ServiceError> = read;
    assert_eq!(read.expect("it is read").usage, Money::ZERO);
    assert_eq!(found.expect("it answers").len(), 1);
}
