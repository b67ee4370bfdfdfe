//! An AWS on loopback, one account of it: IAM, STS, S3 and `CloudWatch` behind one address, told apart by
//! what a signature was made for. Signatures are verified and policies evaluated, by the sandbox's clock.

mod account;
mod bucket;
mod cloudwatch;
mod front;
mod hands;
mod iam;
mod moto;
mod policy;
mod s3;
mod signature;
mod xml;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::door::{self, Shared};
use crate::faults::Faults;
use crate::wire::Wire;

use account::{ACCOUNT, Accounts};
pub use account::{AccessKey, AwsUser};
use bucket::Bucket;
pub use bucket::{Bill, BucketState};
pub use hands::Act;
pub use moto::Moto;
use policy::{Asked, Decision};

/// How late request metrics come, unless a test says otherwise.
const LAG_DEFAULT: i64 = 180;

/// The provider. Clones are the same provider.
#[derive(Clone)]
pub struct Aws {
    hub: Arc<Hub>,
}

struct Hub {
    accounts: Mutex<Accounts>,
    buckets: Mutex<Buckets>,
    url: String,
    clock: Clock,
    wire: Wire,
    faults: Faults,
    lag_seconds: AtomicI64,
}

impl Hub {
    fn lag(&self) -> i64 {
        self.lag_seconds.load(Ordering::SeqCst)
    }
}

#[derive(Default)]
struct Buckets {
    all: Vec<Bucket>,
}

impl Buckets {
    fn standing(&mut self, name: &str) -> Result<&mut Bucket, Refused> {
        let fits = |bucket: &&mut Bucket| bucket.name == name && !bucket.deleted;
        let bucket = self.all.iter_mut().find(fits);
        let message = "The specified bucket does not exist";
        bucket.ok_or_else(|| Refused::new(404, "NoSuchBucket", message.to_owned()))
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refused {
    fn new(status: u16, code: &'static str, message: String) -> Refused {
        Refused {
            status,
            code,
            message,
        }
    }
}

fn refuse<T>(status: u16, code: &'static str, message: &str) -> Result<T, Refused> {
    Err(Refused::new(status, code, message.to_owned()))
}

/// A moment as the XML of AWS prints it.
fn time(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Aws {
    pub(crate) async fn start(shared: &Shared) -> std::io::Result<Aws> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let hub = Hub {
            accounts: Mutex::default(),
            buckets: Mutex::default(),
            url: format!("http://{}", listener.local_addr()?),
            clock: shared.clock.clone(),
            wire: shared.wire.clone(),
            faults: shared.faults.clone(),
            lag_seconds: AtomicI64::new(LAG_DEFAULT),
        };
        let aws = Aws { hub: Arc::new(hub) };
        door::serve(listener, aws.clone(), Router::new());
        Ok(aws)
    }

    /// `http://127.0.0.1:PORT`: the endpoint of IAM, STS, S3 and `CloudWatch`.
    pub fn url(&self) -> &str {
        &self.hub.url
    }

    /// The account's id, twelve digits.
    pub fn account_id(&self) -> &'static str {
        ACCOUNT
    }

    /// Every access key ever made, oldest first.
    pub fn keys(&self) -> Vec<AccessKey> {
        self.accounts().now.keys.clone()
    }

    pub fn users(&self) -> Vec<AwsUser> {
        self.accounts().now.users.values().cloned().collect()
    }

    pub fn user(&self, name: &str) -> Option<AwsUser> {
        self.accounts().now.users.get(name).cloned()
    }

    /// Every bucket ever made, oldest first.
    pub fn buckets_made(&self) -> Vec<BucketState> {
        let buckets = self.buckets();
        let own = buckets.all.iter().filter(|bucket| !bucket.foreign);
        own.map(Bucket::state).collect()
    }

    /// What all buckets that the bot made have cost until now, in micro-dollars: each as often as it was made.
    pub fn billed_micros(&self) -> i64 {
        let now = self.hub.clock.now();
        let buckets = self.buckets();
        let own = buckets.all.iter().filter(|bucket| !bucket.foreign);
        own.map(|bucket| bucket.bill(now).micros()).sum()
    }

    /// What a bucket has cost until now.
    ///
    /// # Panics
    /// If there never was such a bucket.
    pub fn bill(&self, bucket: &str) -> Bill {
        let now = self.hub.clock.now();
        let buckets = self.buckets();
        let found = buckets.all.iter().rev().find(|one| one.name == bucket);
        found.expect("the bucket was made").bill(now)
    }

    /// Every secret this provider has made.
    pub fn secrets(&self) -> Vec<String> {
        let elsewhere = self.accounts().elsewhere.keys.clone();
        let keys = self.keys().into_iter().chain(elsewhere);
        keys.map(|key| key.secret).collect()
    }

    /// Users, keys and buckets, without any secret.
    pub fn state_json(&self) -> Value {
        let users = self.users().into_iter().map(|user| {
            let keys = self.keys();
            let own = keys
                .iter()
                .filter(|key| key.user.as_ref() == Some(&user.name));
            let keys = own
                .map(|key| json!({ "id": key.id, "active": key.active, "deleted": key.deleted }));
            json!({
                "user": user.name,
                "tags": user.tags,
                "boundary": user.boundary,
                "policies": user.policies(),
                "keys": keys.collect::<Vec<_>>(),
            })
        });
        let buckets = self.buckets_made().into_iter().map(|bucket| {
            json!({
                "bucket": bucket.name,
                "public_access_blocked": bucket.public_access_blocked,
                "metrics": bucket.metrics,
                "objects": bucket.objects,
                "bytes": bucket.bytes,
                "deleted": bucket.deleted,
            })
        });
        json!({ "users": users.collect::<Vec<_>>(), "buckets": buckets.collect::<Vec<_>>() })
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        let accounts = self.hub.accounts.lock();
        accounts.unwrap_or_else(PoisonError::into_inner)
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        let buckets = self.hub.buckets.lock();
        buckets.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose key it is, if it is in force: a user, or root.
    #[expect(clippy::option_option, reason = "no key, root's key, a user's key")]
    fn caller(&self, key_id: &str) -> Option<Option<String>> {
        let accounts = self.accounts();
        let here = accounts.in_force(self.hub.clock.now()).usable(key_id);
        let key = here.or_else(|| accounts.elsewhere.usable(key_id))?;
        Some(key.user.clone())
    }

    fn may(
        &self,
        caller: Option<&str>,
        action: &str,
        resource: &str,
        mut context: Vec<(&'static str, String)>,
    ) -> Result<(), ()> {
        let now = self.hub.clock.now();
        context.push(("aws:currenttime", time(now)));
        let asked = Asked {
            action,
            resource,
            context,
        };
        match self.accounts().in_force(now).decide(caller, &asked) {
            Decision::Allowed => Ok(()),
            Decision::Implicit | Decision::Explicit => Err(()),
        }
    }
}
