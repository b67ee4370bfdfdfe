//! What a key has cost: what lies in its bucket by listing it, what passed by the minutes of `CloudWatch`.

use super::{
    account::Clients,
    failure::{Effect, Failure},
    prices::{IN_FORCE, Picos, Prices, Traffic, money},
};
use aws_sdk_cloudwatch::{
    primitives::DateTime,
    types::{Dimension, Metric, MetricDataQuery, MetricStat},
};
use aws_sdk_s3::types::{ObjectVersion, Part};
use serde::{Deserialize, Serialize};
use slice_core::{money::Money, ports::ServiceError};
use std::{collections::BTreeMap, time::Duration};

/// The id of the one configuration of a bucket's metrics: it has no filter, so it sees every request.
pub(super) const METRICS: &str = "slice";
const MINUTE: i64 = 60;
/// Minutes younger than this may still change, and are read again.
const TAIL: i64 = 15 * MINUTE;
/// So long a reading lists what lies in a bucket, before it goes by what it last found.
const LISTING: Duration = Duration::from_secs(25);
const READ: [(&str, &str); 6] = [
    ("all", "AllRequests"),
    ("put", "PutRequests"),
    ("post", "PostRequests"),
    ("list", "ListRequests"),
    ("delete", "DeleteRequests"),
    ("down", "BytesDownloaded"),
];

/// Up to where a key is charged: kept with its usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// What was charged for good, all in all.
    picos: Picos,
    /// Minutes before this are in it.
    settled: i64,
    /// Until when storage and the hours of metrics are in it, and how much lay there then.
    at: i64,
    bytes: i64,
    /// The first hour was charged.
    began: bool,
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
}

impl Cursor {
    /// What lies there until now, and nothing else: of a key that has gone.
    pub fn keep(self, prices: &Prices, region: &str, (now, bytes): (i64, i64)) -> (Self, Money) {
        let seconds = (now - self.at).max(0);
        let stored = prices.of(region).storage(self.bytes.max(bytes), seconds);
        let cursor = Self {
            picos: self.picos.saturating_add(stored),
            at: now.max(self.at),
            bytes,
            ..self
        };
        (cursor, money(cursor.picos))
    }

    pub fn new(since: i64) -> Self {
        Self {
            picos: 0,
            settled: floor(since),
            at: since,
            bytes: 0,
            began: false,
        }
    }

    /// Clock hours that begin after the last reading; at the first one, that in which it began.
    fn hours(self, now: i64) -> i64 {
        let hour = |seconds: i64| seconds.div_euclid(3600);
        (hour(now) - hour(self.at)).max(0) + i64::from(!self.began)
    }

    /// The cursor after a reading, and what the key has spent in all with it.
    fn read(
        self,
        prices: &Prices,
        span: &Span<'_>,
        (bytes, minutes): (i64, &BTreeMap<i64, Traffic>),
    ) -> (Self, Money) {
        let region = prices.of(span.region);
        let seconds = (span.now - self.at).max(0);
        // What came and went between two looks was there for no longer than one pause.
        let stored = region.storage(self.bytes.max(bytes), seconds);
        let reads = prices.reads(i64::try_from(READ.len()).unwrap_or_default());
        let watched = prices.metrics(self.hours(span.now)).saturating_add(reads);
        let settles = floor(span.now - TAIL).max(self.settled);
        let sum = |settled: bool| -> Picos {
            let here = minutes.iter().filter(|(at, _)| (**at < settles) == settled);
            let costs = here.map(|(_, traffic)| region.traffic(*traffic));
            costs.fold(0, Picos::saturating_add)
        };
        let picos = [stored, watched, sum(true)]
            .into_iter()
            .fold(self.picos, Picos::saturating_add);
        let cursor = Self {
            picos,
            settled: settles,
            at: span.now.max(self.at),
            bytes,
            began: true,
        };
        (cursor, money(picos.saturating_add(sum(false))))
    }
}

fn floor(seconds: i64) -> i64 {
    seconds - seconds.rem_euclid(MINUTE)
}

/// Reads on from a cursor.
pub(super) async fn read(
    clients: &Clients,
    prices: &Prices,
    span: &Span<'_>,
    cursor: Cursor,
) -> Result<(Cursor, Money), ServiceError> {
    let bytes = if span.stores {
        let listed = tokio::time::timeout(LISTING, stored(clients, span.bucket)).await;
        // What is too much to be listed in time keeps nobody from reading what passes.
        listed.map_or(Ok(cursor.bytes), |listed| {
            listed.map(Option::unwrap_or_default)
        })?
    } else {
        0
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
    Ok(cursor.read(prices, span, (bytes, &minutes)))
}

fn unread(failure: &Failure) -> ServiceError {
    failure.conclude(Effect::Reads, "measure a bucket")
}

/// All bytes that are paid for: old versions and parts of unfinished uploads too. `None`: there is no
/// such bucket.
pub(super) async fn stored(clients: &Clients, bucket: &str) -> Result<Option<i64>, ServiceError> {
    let mut bytes: i64 = 0;
    let (mut key, mut version) = (None, None);
    loop {
        let page = clients.s3.list_object_versions().bucket(bucket);
        let page = page.set_key_marker(key).set_version_id_marker(version);
        let page = match page.send().await.map_err(Failure::from) {
            Ok(page) => page,
            // Somebody deleted it: nothing lies there any more.
            Err(failure) if failure.is_missing() => return Ok(None),
            Err(failure) => return Err(unread(&failure)),
        };
        let sizes = page.versions().iter().filter_map(ObjectVersion::size);
        bytes = sizes.fold(bytes, i64::saturating_add);
        if page.is_truncated() != Some(true) {
            break;
        }
        (key, version) = (
            page.next_key_marker().map(str::to_owned),
            page.next_version_id_marker().map(str::to_owned),
        );
    }
    let unfinished = unfinished(clients, bucket).await?;
    Ok(Some(bytes.saturating_add(unfinished)))
}

async fn unfinished(clients: &Clients, bucket: &str) -> Result<i64, ServiceError> {
    let mut bytes: i64 = 0;
    let (mut key, mut upload) = (None, None);
    loop {
        let page = clients.s3.list_multipart_uploads().bucket(bucket);
        let page = page.set_key_marker(key).set_upload_id_marker(upload);
        let page = page.send().await.map_err(Failure::from);
        let page = page.map_err(|failure| unread(&failure))?;
        for open in page.uploads() {
            let (Some(key), Some(id)) = (open.key(), open.upload_id()) else {
                continue;
            };
            let parts = clients
                .s3
                .list_parts()
                .bucket(bucket)
                .key(key)
                .upload_id(id);
            let mut pages = parts.into_paginator().send();
            while let Some(parts) = pages.next().await {
                let parts = match parts.map_err(Failure::from) {
                    Ok(parts) => parts,
                    // It was finished or given up meanwhile.
                    Err(failure) if failure.code() == "NoSuchUpload" => break,
                    Err(failure) => return Err(unread(&failure)),
                };
                let sizes = parts.parts().iter().filter_map(Part::size);
                bytes = sizes.fold(bytes, i64::saturating_add);
            }
        }
        if page.is_truncated() != Some(true) {
            return Ok(bytes);
        }
        (key, upload) = (
            page.next_key_marker().map(str::to_owned),
            page.next_upload_id_marker().map(str::to_owned),
        );
    }
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
mod tests {
    use super::*;

    const GIB: i64 = 1 << 30;

    fn span(now: i64) -> Span<'static> {
        Span {
            bucket: "b",
            region: "us-east-1",
            since: 0,
            stopped: None,
            stores: true,
            now,
        }
    }

    #[test]
    fn minutes_are_charged_once_however_often_they_are_read() {
        let prices = Prices::built_in();
        let down = Traffic {
            bytes_out: GIB,
            ..Traffic::default()
        };
        let mut minutes = BTreeMap::from([(0, down), (60, down)]);
        let (early, first) = Cursor::new(0).read(&prices, &span(300), (0, &minutes));
        assert_eq!(early.settled, 0);
        // One of them is revised.
        minutes.insert(
            60,
            Traffic {
                bytes_out: 2 * GIB,
                ..down
            },
        );
        let (later, second) = early.read(&prices, &span(3600), (0, &minutes));
        assert_eq!(later.settled, 3600 - TAIL);
        let watched = |hours: i64, rounds: i64| prices.metrics(hours) + prices.reads(6 * rounds);
        let cents = |picos: Picos| money(picos);
        assert_eq!(first, cents(watched(1, 1) + 180_000 * 1_000_000));
        let gap = second - cents(watched(2, 2) + 270_000 * 1_000_000);
        assert!(
            Money::ZERO <= gap && gap <= Money::from_micros(2),
            "{gap:?}"
        );
        // Nothing before the settled minute comes again.
        let (_, third) = later.read(&prices, &span(3600), (0, &BTreeMap::new()));
        assert!(second <= third && third - second <= Money::from_micros(61));
    }

    #[test]
    fn storage_is_what_lay_there_at_the_worse_end_of_a_pause() {
        let prices = Prices::built_in();
        let none = BTreeMap::new();
        let (full, _) = Cursor::new(0).read(&prices, &span(3600), (100 * GIB, &none));
        let (empty, _) = full.read(&prices, &span(7200), (0, &none));
        let (after, _) = empty.read(&prices, &span(10_800), (0, &none));
        let hour = prices.of("us-east-1").storage(100 * GIB, 3600);
        let watched = prices.metrics(1) + prices.reads(6);
        assert_eq!(full.picos, hour + watched + prices.metrics(1));
        assert_eq!(empty.picos, full.picos + hour + watched);
        assert_eq!(after.picos, empty.picos + watched);
    }

    #[test]
    fn a_table_of_ones_own_changes_what_is_charged() {
        let built_in = include_str!("../../../prices/s3.json");
        let (none, gib) = (BTreeMap::new(), 100 * GIB);
        let charged = |prices: &Prices| {
            let (cursor, _) = Cursor::new(0).read(prices, &span(3600), (gib, &none));
            let watched = prices.metrics(2) + prices.reads(6);
            cursor.picos - watched
        };
        let usual = charged(&Prices::built_in());
        let own = Prices::parse(&built_in.replace("\"0.023\"", "\"0.046\"")).expect("a table");
        // Each sum is rounded up by itself.
        assert!((2 * usual - charged(&own)).abs() <= 2, "twice as dear");
    }

    #[test]
    fn a_number_too_large_is_as_much_as_can_be() {
        assert_eq!(count(&"12.0"), 12);
        assert_eq!(count(&"1e300"), i64::MAX);
        assert_eq!(count(&"NaN"), i64::MAX);
    }
}
