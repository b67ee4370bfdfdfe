//! AWS S3: a bucket and an access key per grant. AWS ends a key by the date in its policy; the cap is
//! metered, and stopped short of.

mod account;
mod buckets;
mod failure;
mod listing;
mod making;
mod meter;
pub mod policy;
mod prices;
mod rights;
mod staying;
mod users;
mod wish;

use super::ServicesConfig;
use account::{Clients, Master, REGIONS, Reach};
use futures::future::BoxFuture;
use meter::{Cursor, Span};
use policy::User;
pub use prices::Prices;
use slice_core::{
    ids::{GrantId, ServiceName},
    leftover::Left,
    ports::{
        Adjusts, Bounds, Capabilities, Ceiling, Clock, CredentialField, Facts, Found, Hardness,
        Health, Issued, KeyRef, Listed, Meter, Order, ServiceAdapter, ServiceError, Share,
    },
    secret::Secret,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use users::{REGION, SINCE, STOPPED_AT, Tags, Users};
use wish::{Access, Wish};

/// Whoever holds a key is read so often.
const EVERY: Duration = Duration::from_mins(3);
/// AWS ends a key by itself so long after the bot should have.
const DEAD_MAN: Duration = Duration::from_hours(1);
/// AWS may take so long to know a new key.
const GOOD_WITHIN: Duration = Duration::from_mins(1);
/// Metrics of a minute may come so late, and be revised until then.
const BILLS_LATE: Duration = Duration::from_mins(20);
const FACT_BUCKET: &str = "Bucket";
const FACT_REGION: &str = "Region";

pub(super) struct S3 {
    name: ServiceName,
    capabilities: Capabilities,
    reach: Reach,
    prices: Prices,
    /// The accounts of master keys, by the ids of these.
    accounts: Mutex<HashMap<String, String>>,
}

impl S3 {
    pub fn new(config: &ServicesConfig, clock: Arc<dyn Clock>) -> Self {
        let prices = config.s3_prices.clone().unwrap_or_else(Prices::built_in);
        let margin = prices.unseen(EVERY);
        Self {
            name: ServiceName::new("s3"),
            capabilities: Capabilities {
                title: "AWS S3",
                hardness: Hardness::Metered {
                    every: EVERY,
                    margin,
                    pace: prices.pace(),
                },
                inert: true,
                smallest_cap: margin + margin,
                dead_man: Some(DEAD_MAN),
                bills_late: Some(BILLS_LATE),
                // Another key would be another bucket, without what is stored in this one.
                adjusts: Adjusts {
                    cap: true,
                    end: true,
                    secret: false,
                    pause: true,
                    holder: true,
                },
                has_options: false,
                good_within: Some(GOOD_WITHIN),
                reveal_within: None,
                caution: None,
                stays: Some("What you stored is untouched, and goes on being charged."),
                credential: &[
                    CredentialField {
                        name: "region",
                        label: "Region of the buckets",
                        choices: &REGIONS,
                    },
                    CredentialField {
                        name: "access-key",
                        label: "Access key ID",
                        choices: &[],
                    },
                ],
                usage: String::new(),
                master_hint: "The secret access key of an IAM user with the policy of \
                              manifests/aws-policy.json, with its ID and a region.",
            },
            reach: Reach::new(config.aws_endpoint.clone(), config.timeout, clock),
            prices,
            accounts: Mutex::default(),
        }
    }

    /// One call of ours is several of AWS's: together they take no longer than two of them may.
    async fn limited<T>(
        &self,
        doing: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, ServiceError> {
        let limit = self.reach.timeout * 2;
        let late = || ServiceError::Unknown("AWS took too long to answer.".into());
        tokio::time::timeout(limit, doing)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    async fn account(
        &self,
        master: &Master<'_>,
        clients: &Clients,
    ) -> Result<String, ServiceError> {
        let accounts = || self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = accounts().get(master.key_id).cloned() {
            return Ok(known);
        }
        let who = rights::identify(&clients.sts).await?;
        accounts().insert(master.key_id.to_owned(), who.account.clone());
        Ok(who.account)
    }

    /// The account stands in the bucket's name; of a key that was adopted only its user tells.
    async fn is_of(&self, master: &Secret, key: &KeyRef) -> Result<bool, ServiceError> {
        let master = Master::read(master)?;
        let clients = self.reach.clients(&master, master.region);
        match self.bucket_of(&master, &clients, key).await {
            Ok(_) if !fact(&key.facts, FACT_BUCKET).is_empty() => Ok(true),
            Ok(_) => {
                let user = User::named(&key.provider_id)?;
                Ok((Users { clients: &clients }).tags(user).await?.is_some())
            }
            Err(why) if why == making::elsewhere() => Ok(false),
            Err(why) => Err(why),
        }
    }

    /// Every region hears of a new key in its own time, so it is asked where the bucket is.
    async fn is_taken(&self, secret: &Secret, key: &KeyRef) -> Result<(), ServiceError> {
        let pair = making::pair(secret);
        let pair = pair.ok_or_else(|| ServiceError::Rejected("It is no key of S3.".into()))?;
        let sts = self.reach.sts(pair, fact(&key.facts, FACT_REGION));
        rights::identify(&sts).await.map(drop)
    }

    /// The clients for the bucket of a user, where that is.
    fn near(&self, master: &Master<'_>, tags: &Tags) -> Clients {
        let region = tags.text(REGION).filter(|region| REGIONS.contains(region));
        self.reach.clients(master, region.unwrap_or(master.region))
    }

    async fn allow(
        &self,
        master: &Secret,
        key: &KeyRef,
        bounds: Bounds,
    ) -> Result<(), ServiceError> {
        let master = Master::read(master)?;
        let clients = self.reach.clients(&master, master.region);
        let user = User::named(&key.provider_id)?;
        let users = Users { clients: &clients };
        let tags = users.tags(user).await?.ok_or(ServiceError::Gone)?;
        let bucket = self.bucket_of(&master, &clients, key).await?;
        let wish = wish(key)?;
        // Whoever removed another key of this bucket may have taken it for the last one.
        let stands = buckets::count(&self.near(&master, &tags), &bucket).await?;
        // One that stands still is let go on all the same: nothing else would get it out of that.
        if !stands && tags.seconds(STOPPED_AT).is_none() {
            // It may have been armed already, and its key not be good yet.
            let young = |armed| self.reach.seconds().abs_diff(armed) < GOOD_WITHIN.as_secs();
            let is_new = wish.part.is_none() && tags.seconds(SINCE).is_none_or(young);
            return Err(if is_new {
                buckets::lost()
            } else {
                buckets::gone()
            });
        }
        let scope = policy::scope(&bucket, wish.access, bounds.until);
        users.scope(user, &scope).await?;
        if tags.seconds(SINCE).is_none() {
            let now = self.reach.seconds().to_string();
            users.tag(user, SINCE, &now).await?;
        }
        Ok(())
    }

    /// Derived, not believed: a tag could have been changed. Where the master key is of another account than
    /// the one that the bucket is in, nothing that AWS says of that name means anything.
    async fn bucket_of(
        &self,
        master: &Master<'_>,
        clients: &Clients,
        key: &KeyRef,
    ) -> Result<String, ServiceError> {
        let account = self.account(master, clients).await?;
        let user = User::named(&key.provider_id)?;
        let bucket = Self::home(&account, user, &wish(key)?)?.bucket;
        match fact(&key.facts, FACT_BUCKET) {
            known if known.is_empty() || known == bucket => Ok(bucket),
            _ => Err(making::elsewhere()),
        }
    }

    async fn measure(&self, master: &Secret, key: &KeyRef) -> Result<Meter, ServiceError> {
        let master = Master::read(master)?;
        let clients = self.reach.clients(&master, master.region);
        let user = User::named(&key.provider_id)?;
        let users = Users { clients: &clients };
        let tags = users.tags(user).await?.ok_or(ServiceError::Gone)?;
        let keys = users.keys(user).await?.ok_or(ServiceError::Gone)?;
        let is_disabled = keys.iter().all(|(_, active)| !active);
        let Some(since) = tags.seconds(SINCE) else {
            // It was never armed, so it has spent nothing.
            return Ok(Meter {
                usage: key.usage,
                ceiling: Ceiling::Unsaid,
                is_disabled,
                cursor: key.cursor.clone(),
                missing: None,
            });
        };
        let bucket = self.bucket_of(&master, &clients, key).await?;
        let near = self.near(&master, &tags);
        let span = Span {
            bucket: &bucket,
            region: tags.text(REGION).unwrap_or(master.region),
            since,
            stopped: tags.seconds(STOPPED_AT),
            stores: wish(key)?.part.is_none(),
            now: self.reach.seconds(),
            spent: key.usage,
        };
        let cursor = match &key.cursor {
            None => Cursor::new(span.since),
            Some(text) => cursor(text)?,
        };
        let (cursor, usage) = meter::read(&near, &self.prices, &span, cursor).await?;
        Ok(Meter {
            usage,
            ceiling: Ceiling::Unsaid,
            is_disabled,
            missing: cursor.missing(),
            cursor: serde_json::to_string(&cursor).ok(),
        })
    }

    async fn named(&self, master: &Secret, label: &str) -> Result<Vec<Found>, ServiceError> {
        let master = Master::read(master)?;
        let clients = self.reach.clients(&master, master.region);
        let Some(user) = User::of_label(label) else {
            return Ok(vec![]);
        };
        let users = Users { clients: &clients };
        // A part in another grant's bucket stands in its user's name, and not in its label.
        let found = if users.tags(user).await?.is_some() {
            Some(user)
        } else {
            let mut all = users.all().await?.into_iter();
            all.find(|one| one.label() == label)
        };
        let found = found.map(|user| Found {
            provider_id: user.name(),
            usage: slice_core::money::Money::ZERO,
        });
        Ok(found.into_iter().collect())
    }

    async fn all(&self, master: &Secret, prefix: &str) -> Result<Vec<Listed>, ServiceError> {
        let master = Master::read(master)?;
        let clients = self.reach.clients(&master, master.region);
        let users = Users { clients: &clients }.all().await?;
        let listed = users.into_iter().map(|user| Listed {
            label: user.label(),
            provider_id: user.name(),
            meter: None,
            facts: vec![],
        });
        Ok(listed
            .filter(|listed| listed.label.starts_with(prefix))
            .collect())
    }

    async fn stop(&self, master: &Secret, name: &str) -> Result<Option<Meter>, ServiceError> {
        let master = Master::read(master)?;
        let clients = self.reach.clients(&master, master.region);
        let users = Users { clients: &clients };
        users.stop(User::named(name)?, self.reach.seconds()).await?;
        Ok(None)
    }

    async fn start(&self, master: &Secret, name: &str) -> Result<(), ServiceError> {
        let master = Master::read(master)?;
        let clients = self.reach.clients(&master, master.region);
        Users { clients: &clients }.start(User::named(name)?).await
    }
}

fn wish(key: &KeyRef) -> Result<Wish, ServiceError> {
    let odd = |_| ServiceError::Unknown("The terms of the key are none of S3's.".into());
    Wish::read(&key.terms).map_err(odd)
}

fn fact<'a>(facts: &'a Facts, name: &str) -> &'a str {
    let found = facts.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value.as_str())
}

fn cursor(text: &str) -> Result<Cursor, ServiceError> {
    let why = |_| ServiceError::Unknown("The key's cursor is none.".into());
    serde_json::from_str(text).map_err(why)
}

impl ServiceAdapter for S3 {
    fn name(&self) -> &ServiceName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn price(&self, _options: &str) -> String {
        format!("a bucket: {}", self.prices.said())
    }

    fn terms(&self, said: &str) -> Result<String, String> {
        Wish::read(said).map(|wish| wish.kept())
    }

    fn shares(&self, terms: &str) -> Option<Share> {
        let Wish { access, part } = Wish::read(terms).ok()?;
        Some(Share {
            grant: GrantId::from_random(part?.grant.into_bytes()),
            // What it stores, the grant pays for that the bucket was made for.
            adds: access != Access::Read,
        })
    }

    fn usage(&self, facts: &Facts) -> String {
        let (bucket, region) = (fact(facts, FACT_BUCKET), fact(facts, FACT_REGION));
        let copy = match making::access(facts) {
            Access::Read => format!("aws s3 cp s3://{bucket}/file.txt ."),
            Access::Full | Access::Write => format!("aws s3 cp file.txt s3://{bucket}/"),
        };
        format!(
            "export $KEY AWS_DEFAULT_REGION={region}; {copy}; python3 -c 'import boto3; \
             print(boto3.client(\"s3\").list_objects_v2(Bucket=\"{bucket}\"))'"
        )
    }

    fn check<'a>(&'a self, master: &'a Secret) -> BoxFuture<'a, Result<Health, ServiceError>> {
        Box::pin(self.limited(rights::check(&self.reach, master)))
    }

    fn issue<'a>(
        &'a self,
        master: &'a Secret,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Issued, ServiceError>> {
        Box::pin(self.limited(self.make(master, order)))
    }

    fn arm<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(self.limited(self.allow(master, key, bounds)))
    }

    fn try_out<'a>(
        &'a self,
        secret: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(self.is_taken(secret, key))
    }

    fn find<'a>(
        &'a self,
        master: &'a Secret,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Found>, ServiceError>> {
        Box::pin(self.limited(self.named(master, label)))
    }

    fn list<'a>(
        &'a self,
        master: &'a Secret,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Listed>, ServiceError>> {
        Box::pin(self.all(master, prefix))
    }

    fn read<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<Meter, ServiceError>> {
        Box::pin(self.measure(master, key))
    }

    fn disable<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<Option<Meter>, ServiceError>> {
        Box::pin(self.limited(self.stop(master, &key.provider_id)))
    }

    fn enable<'a>(
        &'a self,
        master: &'a Secret,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(self.limited(self.start(master, provider_id)))
    }

    fn left<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<Option<Left>, ServiceError>> {
        Box::pin(self.stays(master, key))
    }

    fn discard<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(self.throw_away(master, key))
    }

    fn knows<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(self.limited(self.is_of(master, key)))
    }

    fn delete<'a>(
        &'a self,
        master: &'a Secret,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(self.limited(self.remove(master, provider_id)))
    }
}
