//! What a key has cost: what lies in its bucket by listing it, what passed by the minutes of `CloudWatch`.

use super::{
    account::Clients,
    failure::{Effect, Failure},
    listing::{Came, Listing, Look},
    prices::{IN_FORCE, Picos, Prices, Region, Traffic, money},
};
use aws_sdk_cloudwatch::{
    primitives::DateTime,
    types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StatusCode},
};
use serde::{Deserialize, Serialize};
use slice_core::{money::Money, ports::ServiceError};
use std::{collections::BTreeMap, time::Duration};

/// The id of the one configuration of a bucket's metrics: it has no filter, so it sees every request.
pub(super) const METRICS: &str = "slice";
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// Minutes younger than this may still change, or come: they are read again, which costs no more. AWS promises
/// no time.
const TAIL: i64 = 180 * MINUTE;
const READ: [(&str, &str); 6] = [
    ("all", "AllRequests"),
    ("put", "PutRequests"),
    ("post", "PostRequests"),
    ("list", "ListRequests"),
    ("delete", "DeleteRequests"),
    ("down", "BytesDownloaded"),
];

/// Up to where a key is charged: kept with its usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// What was charged for good, all in all.
    picos: Picos,
    /// Minutes before this are in it.
    settled: i64,
    /// What passed in later ones, as far as it is known: they are read again while the key is there.
    #[serde(default)]
    passing: Picos,
    /// Until when the hours of metrics are in it, and storage where no listing is on its way.
    at: i64,
    /// How much lay there when all of it was last listed.
    bytes: i64,
    /// The first hour was charged.
    began: bool,
    /// What the key had spent in all by this: an owner may have corrected that since. An earlier Slice did not
    /// keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<i64>,
    /// Storage since that is not charged for good: all of it is known only when this comes to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listing: Option<Listing>,
    /// What lies there cannot be listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unlisted: Option<Unlisted>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unlisted {
    since: i64,
    /// Before this it is not tried again: a bucket that is slow keeps all others waiting.
    again: i64,
    why: String,
}

/// What is metered, and when.
pub(super) struct Span<'a> {
    pub bucket: &'a str,
    pub region: &'a str,
    /// Since when the key could be used.
    pub since: i64,
    /// Since when it cannot, if it cannot.
    pub stopped: Option<i64>,
    /// What lies in the bucket is charged to it.
    pub stores: bool,
    pub now: i64,
    /// What the books know that it has spent.
    pub spent: Money,
}

impl Cursor {
    pub fn new(since: i64) -> Self {
        Self {
            picos: 0,
            settled: floor(since),
            passing: 0,
            at: since,
            bytes: 0,
            began: false,
            told: Some(0),
            listing: None,
            unlisted: None,
        }
    }

    /// Why not all of it could be read.
    pub fn missing(&self) -> Option<ServiceError> {
        let unlisted = self.unlisted.as_ref()?;
        let (after, why) = (Duration::ZERO, unlisted.why.clone());
        Some(ServiceError::Later { after, why })
    }

    /// Lists what lies there. Where that fails, what was known lies there on, and it is tried again later each
    /// time.
    async fn look(self, clients: &Clients, span: &Span<'_>) -> (Self, Look) {
        let (now, known) = (span.now, self.unlisted.as_ref());
        let unseen = || Look {
            listing: self.listing(),
            came: Came::PartOfTheWay,
            pages: 0,
        };
        let is_spared = |one: &Unlisted| now < one.again && one.again <= now + HOUR;
        if known.is_some_and(is_spared) {
            let look = unseen();
            return (self, look);
        }
        let (look, unlisted) = match self.listing().go_on(clients, span.bucket).await {
            Ok(look) => (look, None),
            Err(why) => {
                let since = known.map_or(now, |one| one.since);
                let again = now + (now - since).clamp(MINUTE, HOUR);
                let why = why.to_string();
                (unseen(), Some(Unlisted { since, again, why }))
            }
        };
        (Self { unlisted, ..self }, look)
    }

    /// What the key has spent in all where the books know of `before`: only what is new is added.
    fn tells(self, before: Money, picos: Picos) -> (Self, Money) {
        let all = money(picos);
        let told = self.told.map_or(before, Money::from_micros);
        let usage = before + (all - told).or_zero();
        let told = Some(all.max(told).micros());
        (Self { told, ..self }, usage)
    }

    /// The one on its way, or the next one.
    pub fn listing(&self) -> Listing {
        let next = || Listing::new(self.at);
        self.listing.clone().unwrap_or_else(next)
    }

    /// A look for whoever pays for nothing that lies there.
    fn blind(&self) -> Look {
        Look {
            listing: self.listing(),
            came: Came::Nowhere,
            pages: 0,
        }
    }

    /// What is known to lie there with that look, and whether that is all.
    pub fn known(&self, look: &Look) -> (i64, bool) {
        match look.came {
            Came::ToItsEnd => (look.listing.bytes, true),
            Came::PartOfTheWay => {
                let found = look.listing.least();
                // Of what is no more than before, all was seen then.
                let is_all = 0 < self.bytes && found <= self.bytes;
                (found.max(self.bytes), is_all)
            }
            Came::Nowhere => (0, true),
        }
    }

    /// Charges what lies there until now. Gives what is not charged for good, as long as a listing is on
    /// its way: that grows with all that it finds, and what it finds counts from its beginning on.
    fn stores(self, region: Region, now: i64, look: &Look) -> (Self, Picos) {
        let seconds = (now - look.listing.since).max(0);
        // What came and went between two looks was there for no longer than one pause.
        let most = self.bytes.max(look.listing.least());
        let stored = region.storage(most, seconds);
        let at = now.max(self.at);
        if look.came == Came::PartOfTheWay {
            let listing = Some(look.listing.clone());
            return (
                Self {
                    at,
                    listing,
                    ..self
                },
                stored,
            );
        }
        let cursor = Self {
            picos: self.picos.saturating_add(stored),
            at,
            bytes: self.known(look).0,
            listing: None,
            ..self
        };
        (cursor, 0)
    }

    /// What lies there until now and what looking costs, and nothing else: of a key that has gone.
    pub fn keep(self, region: Region, (now, look): (i64, &Look), before: Money) -> (Self, Money) {
        let (cursor, open) = self.stores(region, now, look);
        let picos = [cursor.passing, region.lists(look.pages)]
            .into_iter()
            .fold(cursor.picos, Picos::saturating_add);
        let cursor = Self {
            picos,
            passing: 0,
            ..cursor
        };
        cursor.tells(before, picos.saturating_add(open))
    }

    /// Clock hours that begin after the last reading; at the first one, that in which it began.
    fn hours(&self, now: i64) -> i64 {
        let hour = |seconds: i64| seconds.div_euclid(3600);
        (hour(now) - hour(self.at)).max(0) + i64::from(!self.began)
    }

    /// The cursor after a reading, and what the key has spent in all with it. Metrics count the requests of
    /// the reading itself as well, but are not read beyond a stop.
    fn read(
        self,
        prices: &Prices,
        span: &Span<'_>,
        (look, minutes): (&Look, &BTreeMap<i64, Traffic>),
    ) -> (Self, Money) {
        let region = prices.of(span.region);
        let reads = prices.reads(i64::try_from(READ.len()).unwrap_or_default());
        let watched = prices.metrics(self.hours(span.now)).saturating_add(reads);
        let settles = floor(span.now - TAIL).max(self.settled);
        let sum = |settled: bool| -> Picos {
            let here = minutes.iter().filter(|(at, _)| (**at < settles) == settled);
            let costs = here.map(|(_, traffic)| region.traffic(*traffic));
            costs.fold(0, Picos::saturating_add)
        };
        let listed = match span.stopped {
            Some(_) if span.stores => region.lists(look.pages),
            _ => 0,
        };
        let (cursor, open) = self.stores(region, span.now, look);
        let picos = [watched, listed, sum(true)]
            .into_iter()
            .fold(cursor.picos, Picos::saturating_add);
        let cursor = Self {
            picos,
            settled: settles,
            passing: sum(false),
            began: true,
            ..cursor
        };
        let all = picos.saturating_add(open).saturating_add(cursor.passing);
        cursor.tells(span.spent, all)
    }
}

fn floor(seconds: i64) -> i64 {
    seconds - seconds.rem_euclid(MINUTE)
}

/// Reads on from a cursor. What passed is read also where what lies there cannot be listed.
pub(super) async fn read(
    clients: &Clients,
    prices: &Prices,
    span: &Span<'_>,
    cursor: Cursor,
) -> Result<(Cursor, Money), ServiceError> {
    let (cursor, look) = if span.stores {
        cursor.look(clients, span).await
    } else {
        let look = cursor.blind();
        (cursor, look)
    };
    let in_force = i64::try_from(IN_FORCE.as_secs()).unwrap_or_default();
    let end = match span.stopped {
        Some(stopped) => span.now.min(stopped + in_force),
        None => span.now,
    };
    let until = floor(end) + MINUTE;
    let minutes = if cursor.settled < until {
        passed(clients, span.bucket, (cursor.settled, until)).await?
    } else {
        BTreeMap::new()
    };
    Ok(cursor.read(prices, span, (&look, &minutes)))
}

fn query((id, name): (&str, &str), bucket: &str) -> MetricDataQuery {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace("AWS/S3")
        .metric_name(name)
        .dimensions(dimension("BucketName", bucket))
        .dimensions(dimension("FilterId", METRICS))
        .build();
    let sum = MetricStat::builder()
        .metric(metric)
        .period(60)
        .stat("Sum")
        .build();
    MetricDataQuery::builder().id(id).metric_stat(sum).build()
}

/// A count or a sum of bytes, which `CloudWatch` tells as a floating number; what is not one is as much
/// as can be.
fn count(said: &impl ToString) -> i64 {
    let text = said.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse().unwrap_or(i64::MAX)
}

/// A metric that could not be read is told within an answer that is none the worse for that.
fn answered(result: &MetricDataResult) -> Result<(), ServiceError> {
    match result.status_code() {
        None | Some(StatusCode::Complete | StatusCode::PartialData) => Ok(()),
        Some(_) => Err(Failure::NoAnswer.conclude(Effect::Reads, "read metrics")),
    }
}

/// What passed, minute by minute.
async fn passed(
    clients: &Clients,
    bucket: &str,
    (from, until): (i64, i64),
) -> Result<BTreeMap<i64, Traffic>, ServiceError> {
    let mut minutes: BTreeMap<i64, Traffic> = BTreeMap::new();
    let mut token = None;
    loop {
        let ask = clients
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(READ.map(|read| query(read, bucket)).into()))
            .start_time(DateTime::from_secs(from))
            .end_time(DateTime::from_secs(until))
            .set_next_token(token);
        let answer = ask.send().await.map_err(Failure::from);
        let answer = answer.map_err(|failure| failure.conclude(Effect::Reads, "read metrics"))?;
        for result in answer.metric_data_results() {
            answered(result)?;
            let points = result.timestamps().iter().zip(result.values());
            for (at, value) in points {
                let minute = minutes.entry(at.secs()).or_default();
                let value = count(value).max(0);
                let sum = match result.id() {
                    Some("all") => &mut minute.all,
                    Some("put" | "post" | "list") => &mut minute.puts,
                    Some("delete") => &mut minute.free,
                    Some("down") => &mut minute.bytes_out,
                    _ => continue,
                };
                *sum = sum.saturating_add(value);
            }
        }
        token = answer.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(minutes);
        }
    }
}

#[cfg(test)]
mod tests;
