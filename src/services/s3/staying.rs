//! What stays of a key that was removed: its bucket, which goes on costing money until all of it is deleted.

use super::{
    FACT_REGION, S3,
    account::{Clients, Master, REGIONS},
    buckets, cursor, fact,
    listing::Came,
    making::{self, Home},
    meter::Cursor,
    policy::User,
    prices,
    users::Users,
    wish,
};
use slice_core::{
    leftover::Left,
    ports::{KeyRef, ServiceError},
    secret::Secret,
};
use std::time::Duration;

/// So long a bucket is emptied in one round, of which the meter waits a minute; the rest is done later.
const EMPTYING: Duration = Duration::from_secs(45);

impl S3 {
    /// The bucket of a key that has gone, and the clients near it.
    async fn former(
        &self,
        master: &Secret,
        key: &KeyRef,
    ) -> Result<(String, String, Clients), ServiceError> {
        let master = Master::read(master)?;
        let region = fact(&key.facts, FACT_REGION);
        let region = REGIONS.into_iter().find(|known| *known == region);
        let region = region.unwrap_or(master.region);
        let clients = self.reach.clients(&master, region);
        let bucket = self.bucket_of(&master, &clients, key).await?;
        Ok((bucket, region.to_owned(), clients))
    }

    pub(super) async fn stays(
        &self,
        master: &Secret,
        key: &KeyRef,
    ) -> Result<Option<Left>, ServiceError> {
        if wish(key)?.part.is_some() {
            // The grant that the bucket was made for pays for it.
            return Ok(None);
        }
        let (bucket, region, clients) = self.former(master, key).await?;
        let user = User::named(&key.provider_id)?;
        let others = Users { clients: &clients }.all().await?;
        if others.iter().any(|other| other.is_of_grant_of(user)) {
            // Another key of the grant pays for it.
            return Ok(None);
        }
        let home = Home {
            bucket: bucket.clone(),
            grant: user.grant,
        };
        making::rest(&clients, user, &home).await?;
        let now = self.reach.seconds();
        let cursor = match &key.cursor {
            None => Cursor::new(now),
            Some(text) => cursor(text)?,
        };
        let look = cursor.listing().go_on(&clients, &bucket).await?;
        if look.came == Came::Nowhere {
            return Ok(None);
        }
        let (bytes, is_all) = cursor.known(&look);
        let at_least = if is_all { "" } else { "at least " };
        let prices = self.prices.of(&region);
        let (cursor, usage) = cursor.keep(prices, (now, &look), key.usage);
        Ok(Some(Left {
            what: format!(
                "{at_least}{} in the bucket {bucket} ({region})",
                size(bytes)
            ),
            monthly: prices::monthly(prices, bytes).up_to_cents(),
            usage,
            cursor: serde_json::to_string(&cursor).ok(),
        }))
    }

    pub(super) async fn throw_away(
        &self,
        master: &Secret,
        key: &KeyRef,
    ) -> Result<bool, ServiceError> {
        if wish(key)?.part.is_some() {
            return Ok(true);
        }
        let (bucket, _, clients) = self.former(master, key).await?;
        let done = tokio::time::timeout(EMPTYING, buckets::discard(&clients, &bucket)).await;
        done.unwrap_or(Ok(false))
    }
}

/// `10.00 GiB`, rounded up.
fn size(bytes: i64) -> String {
    const GIB: i128 = 1 << 30;
    let hundredths = (i128::from(bytes.max(0)) * 100 + GIB - 1) / GIB;
    format!("{}.{:02} GiB", hundredths / 100, hundredths % 100)
}
