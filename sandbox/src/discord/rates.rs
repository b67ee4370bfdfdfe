//! Rate limits: a bucket for each route and channel, one for everything, and the count of refused
//! requests that gets an address banned.

use std::collections::HashMap;

use serde_json::json;

use super::api::Route;
use crate::door::Answer;

const SECOND: i64 = 1_000_000;
/// Requests a second over all routes, except answers to interactions.
const GLOBAL_MAX: usize = 50;
/// Messages to one channel within [`POSTS_WITHIN`].
const POSTS_MAX: usize = 5;
const POSTS_WITHIN: i64 = 5 * SECOND;
const OTHER_MAX: usize = 50;
/// New direct messages within ten minutes before Discord says 40003.
pub(super) const DMS_MAX: usize = 10;
pub(super) const DMS_WITHIN: i64 = 600 * SECOND;

#[derive(Default)]
pub(super) struct Rates {
    pub on: bool,
    /// Answers with 401, 403 or 429.
    pub invalid: u64,
    /// Until when everything is refused, in microseconds.
    pub closed_until: i64,
    used: HashMap<String, Vec<i64>>,
}

/// How full the bucket of a request is.
pub(super) struct Bucket {
    id: String,
    limit: usize,
    left: usize,
    /// Microseconds: when it is empty again, and from now till then.
    reset: i64,
    after: i64,
}

impl Rates {
    /// Counts a request in. Refuses it if its bucket is full or everything is closed.
    pub fn take(&mut self, route: &Route, key: &str, now: i64) -> Result<Bucket, Answer> {
        if self.closed_until > now && route.counts_globally() {
            return Err(too_many(self.closed_until - now, true));
        }
        let posts = route.template == "channels/{}/messages" && route.method == "POST";
        let (limit, within) = if posts {
            (POSTS_MAX, POSTS_WITHIN)
        } else {
            (OTHER_MAX, SECOND)
        };
        let mut bucket = Bucket {
            id: key.to_owned(),
            limit,
            left: limit - 1,
            reset: now + within,
            after: within,
        };
        if !self.on {
            // Nothing is counted, so nobody who goes by the headers ever waits.
            return Ok(bucket);
        }
        let used = self.recent(key, within, now);
        bucket.reset = used.first().map_or(now + within, |first| first + within);
        bucket.after = bucket.reset - now;
        bucket.left = limit.saturating_sub(used.len() + 1);
        if used.len() >= limit {
            return Err(bucket.on(too_many(bucket.after, false)));
        }
        if route.counts_globally() {
            let all = self.recent("", SECOND, now);
            if all.len() >= GLOBAL_MAX {
                return Err(too_many(all[0] + SECOND - now, true));
            }
            all.push(now);
        }
        self.used.entry(key.to_owned()).or_default().push(now);
        Ok(bucket)
    }

    /// The moments of a bucket that still count.
    pub fn recent(&mut self, key: &str, within: i64, now: i64) -> &mut Vec<i64> {
        let used = self.used.entry(key.to_owned()).or_default();
        used.retain(|at| (0..within).contains(&(now - at)));
        used
    }
}

impl Bucket {
    /// The headers that tell a client how much is left.
    pub fn on(&self, answer: Answer) -> Answer {
        answer
            .header("x-ratelimit-limit", &self.limit)
            .header("x-ratelimit-remaining", &self.left)
            .header("x-ratelimit-reset", &seconds(self.reset))
            .header("x-ratelimit-reset-after", &seconds(self.after))
            .header("x-ratelimit-bucket", &self.id)
    }
}

/// Divided and rounded up; nothing negative.
fn up(micros: i64, by: i64) -> i64 {
    (micros.max(0) + by - 1) / by
}

/// `12.345` of microseconds.
fn seconds(micros: i64) -> String {
    let millis = up(micros, 1_000);
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// 429 with the microseconds to wait.
pub(super) fn too_many(wait: i64, global: bool) -> Answer {
    let millis = i32::try_from(up(wait, 1_000)).unwrap_or(i32::MAX);
    let body = json!({
        "message": "You are being rate limited.",
        "retry_after": f64::from(millis) / 1_000.0,
        "global": global,
    });
    let scope = if global { "global" } else { "user" };
    let answer = Answer::json(429, body)
        .header("retry-after", &up(wait, SECOND))
        .header("x-ratelimit-scope", &scope);
    if global {
        answer.header("x-ratelimit-global", &"true")
    } else {
        answer
    }
}
