//! A bucket: what is stored, what traffic it had, and what all of it truly costs.

use std::collections::BTreeMap;

use axum::body::Bytes;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const GB: i128 = 1 << 30;
/// A month is 730 hours.
const MONTH_HOURS: i128 = 730;
/// US dollars, in millionths, as us-east-1 charges them.
const GB_MONTH: i128 = 23_000;
const THOUSAND_PUTS: i128 = 5_000;
const THOUSAND_GETS: i128 = 400;
const GB_OUT: i128 = 90_000;
const METRIC_MONTH: i128 = 300_000;
/// How many metrics a configuration makes.
const METRICS: i128 = 16;

/// What kind a request is, for the bill and for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Get,
    Head,
    Put,
    Post,
    Delete,
    List,
}

/// What happened in a minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    pub requests: BTreeMap<Class, u64>,
    pub down: u64,
    pub up: u64,
    pub refused: u64,
}

impl Traffic {
    fn add(&mut self, class: Class, one: Passed) {
        *self.requests.entry(class).or_default() += one.times;
        self.down += one.down;
        self.up += one.up;
        self.refused += if one.refused { one.times } else { 0 };
    }

    pub fn of(&self, class: Class) -> u64 {
        self.requests.get(&class).copied().unwrap_or_default()
    }
}

/// Equal requests that passed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    pub times: u64,
    pub down: u64,
    pub up: u64,
    pub refused: bool,
}

/// What is stored. Tests store more than they hold: then the size is not that of the bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Blob {
    pub bytes: Bytes,
    pub size: u64,
}

impl Blob {
    pub fn of(bytes: Bytes) -> Blob {
        let size = bytes.len() as u64;
        Blob { bytes, size }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Version {
    pub id: String,
    /// `None`: a delete marker.
    pub blob: Option<Blob>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Upload {
    pub key: String,
    pub parts: BTreeMap<u32, Blob>,
}

#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four facts of a bucket")]
pub(super) struct Bucket {
    pub name: String,
    pub region: String,
    pub deleted: bool,
    pub foreign: bool,
    pub versioned: bool,
    pub public_access_blocked: bool,
    /// The id of the unfiltered request metrics.
    pub metrics: Option<String>,
    pub abort_uploads_after_days: Option<u32>,
    pub tags: BTreeMap<String, String>,
    /// Each key's versions, the newest last.
    pub keys: BTreeMap<String, Vec<Version>>,
    pub uploads: BTreeMap<String, Upload>,
    /// By minute since 1970: everything that passed, and what the metrics saw of it.
    traffic: BTreeMap<i64, Traffic>,
    pub seen: BTreeMap<i64, Traffic>,
    /// Bytes times microseconds, up to `stored_at`.
    stored: i128,
    stored_at: i64,
    made: u64,
    /// A page of a listing holds no more, if a test says so.
    pub page: Option<usize>,
}

/// What a bucket has truly cost so far, in micro-US-dollars rounded up, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bill {
    pub storage_micros: i64,
    pub request_micros: i64,
    pub egress_micros: i64,
    pub metrics_micros: i64,
}

impl Bill {
    pub fn micros(&self) -> i64 {
        self.storage_micros + self.request_micros + self.egress_micros + self.metrics_micros
    }
}

/// A bucket as a test compares it with its own books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketState {
    pub name: String,
    pub region: String,
    pub public_access_blocked: bool,
    pub metrics: bool,
    pub abort_uploads_after_days: Option<u32>,
    pub tags: BTreeMap<String, String>,
    pub objects: usize,
    /// Everything that is paid for: old versions and unfinished uploads too.
    pub bytes: u64,
    pub deleted: bool,
}

fn up(amount: i128, per: i128) -> i64 {
    i64::try_from((amount + per - 1) / per).unwrap_or(i64::MAX)
}

impl Bucket {
    pub fn new(name: &str, region: &str) -> Bucket {
        Bucket {
            name: name.to_owned(),
            region: region.to_owned(),
            ..Bucket::default()
        }
    }

    pub fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    pub fn bytes(&self) -> u64 {
        let versions = self.keys.values().flatten();
        let kept = versions.filter_map(|version| version.blob.as_ref());
        let parts = self
            .uploads
            .values()
            .flat_map(|upload| upload.parts.values());
        kept.chain(parts).map(|blob| blob.size).sum()
    }

    /// The newest version of a key that is no delete marker.
    pub fn current(&self, key: &str) -> Option<&Blob> {
        self.keys.get(key)?.last()?.blob.as_ref()
    }

    /// What was stored until now is counted; to be called before what is stored changes.
    pub fn accrue(&mut self, now: i64) {
        let span = i128::from((now - self.stored_at).max(0));
        if self.stored_at > 0 {
            self.stored += span * i128::from(self.bytes());
        }
        self.stored_at = now;
    }

    pub fn put(&mut self, key: &str, blob: Option<Blob>) {
        let n = self.next();
        let versions = self.keys.entry(key.to_owned()).or_default();
        let id = if self.versioned {
            format!("v{n:08}")
        } else {
            versions.clear();
            "null".to_owned()
        };
        versions.push(Version { id, blob });
        if !self.versioned {
            versions.retain(|version| version.blob.is_some());
        }
        self.keys.retain(|_, versions| !versions.is_empty());
    }

    /// Removes one version for good.
    pub fn remove(&mut self, key: &str, id: &str) {
        if let Some(versions) = self.keys.get_mut(key) {
            versions.retain(|version| version.id != id);
        }
        self.keys.retain(|_, versions| !versions.is_empty());
    }

    pub fn passed(&mut self, class: Class, one: Passed, now: i64) {
        let minute = now.div_euclid(MINUTE);
        self.traffic.entry(minute).or_default().add(class, one);
        if self.metrics.is_some() {
            self.seen.entry(minute).or_default().add(class, one);
        }
    }

    pub fn bill(&self, now: i64) -> Bill {
        let mut whole = self.clone();
        if !self.deleted {
            whole.accrue(now);
        }
        let sum = |classes: &[Class]| -> i128 {
            let count =
                |traffic: &Traffic| -> u64 { classes.iter().map(|class| traffic.of(*class)).sum() };
            self.traffic
                .values()
                .map(|one| i128::from(count(one)))
                .sum()
        };
        let puts = sum(&[Class::Put, Class::Post, Class::List]) * THOUSAND_PUTS;
        let gets = sum(&[Class::Get, Class::Head]) * THOUSAND_GETS;
        let down: i128 = self.traffic.values().map(|one| i128::from(one.down)).sum();
        let mut hours: Vec<i64> = self.seen.keys().map(|minute| minute / 60).collect();
        hours.dedup();
        let month = MONTH_HOURS * i128::from(HOUR);
        Bill {
            storage_micros: up(whole.stored * GB_MONTH, GB * month),
            request_micros: up(puts + gets, 1000),
            egress_micros: up(down * GB_OUT, GB),
            metrics_micros: up(hours.len() as i128 * METRICS * METRIC_MONTH, MONTH_HOURS),
        }
    }

    pub fn state(&self) -> BucketState {
        BucketState {
            name: self.name.clone(),
            region: self.region.clone(),
            public_access_blocked: self.public_access_blocked,
            metrics: self.metrics.is_some(),
            abort_uploads_after_days: self.abort_uploads_after_days,
            tags: self.tags.clone(),
            objects: self.keys.len(),
            bytes: self.bytes(),
            deleted: self.deleted,
        }
    }
}
