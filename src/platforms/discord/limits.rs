//! When Discord wants to be left alone: routes that it limited, and people who take no messages.
//! Asking all the same would count towards its ban for invalid requests.

use super::failure::{PAUSE, PAUSE_MAX};
use reqwest::header::HeaderMap;
use serde_json::Value;
use slice_core::{ports::Clock, time::Time};
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// More than so many routes or people at once are not remembered.
const REMEMBERED_MAX: usize = 4096;
/// The bucket that all routes share.
const GLOBAL: &str = "";

/// Until when each route must not be asked.
#[derive(Default)]
pub(super) struct Limits(Mutex<HashMap<String, Until>>);

/// The end of a wait, by the clock port and by the runtime's own count. It is over when either says
/// so: one may jump or stand still, and asking once too often does little harm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Until {
    time: Time,
    instant: Instant,
}

impl Until {
    pub fn now(clock: &dyn Clock) -> Self {
        Self {
            time: clock.now(),
            instant: Instant::now(),
        }
    }

    fn after(self, span: Duration) -> Self {
        Self {
            time: self.time + span,
            instant: self.instant + span,
        }
    }

    fn left(self, now: Self) -> Option<Duration> {
        let left = (self.time - now.time).min(self.instant.saturating_duration_since(now.instant));
        (!left.is_zero()).then_some(left)
    }
}

impl Limits {
    /// How long to wait before asking; `None`: ask.
    pub fn left(&self, route: &str, now: Until) -> Option<Duration> {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.retain(|_, until| until.left(now).is_some());
        let left = [route, GLOBAL].into_iter().filter_map(|key| until.get(key));
        left.filter_map(|until| until.left(now)).max()
    }

    /// Notes a refusal, and gives the wait that it asks for.
    pub fn refused(
        &self,
        (route, now): (&str, Until),
        headers: &HeaderMap,
        body: &Value,
    ) -> Duration {
        let said = body["retry_after"].to_string();
        let after = seconds(&said)
            .or_else(|| header(headers, "retry-after").and_then(seconds))
            .unwrap_or(PAUSE)
            .min(PAUSE_MAX);
        let is_global = body["global"] == true || header(headers, "x-ratelimit-global").is_some();
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if REMEMBERED_MAX <= until.len() {
            until.clear();
        }
        let key = if is_global { GLOBAL } else { route };
        until.insert(key.to_owned(), now.after(after));
        after
    }
}

/// People whose direct messages are closed to the bot, until they speak to it.
#[derive(Default)]
pub(super) struct Closed(Mutex<HashSet<String>>);

impl Closed {
    pub fn note(&self, user: &str) {
        let mut closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if REMEMBERED_MAX <= closed.len() {
            closed.clear();
        }
        closed.insert(user.to_owned());
    }

    pub fn holds(&self, user: &str) -> bool {
        let closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.contains(user)
    }

    /// The person spoke: perhaps she has opened them.
    pub fn forget(&self, user: &str) {
        let mut closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.remove(user);
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `1.25` as a span: rounded up to a millisecond, so that nothing is asked too early.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let millis: String = part.chars().chain("000".chars()).take(3).collect();
    let rounding = u64::from(part.len() > 3);
    let whole = Duration::from_secs(whole.parse().ok()?);
    Some(whole + Duration::from_millis(millis.parse::<u64>().ok()? + rounding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spans_are_read_without_rounding_down() {
        for (text, millis) in [
            ("1", 1000),
            ("0.25", 250),
            ("1.0005", 1001),
            ("65.12", 65_120),
        ] {
            assert_eq!(seconds(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "x", "-1", "1.", "1e3"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_limited_route_is_left_alone_and_others_are_not() {
        let limits = Limits::default();
        let now = Until {
            time: Time::from_micros(1_000),
            instant: Instant::now(),
        };
        let (headers, body) = (HeaderMap::new(), json!({ "retry_after": 2.5 }));
        let wait = limits.refused(("a", now), &headers, &body);
        assert_eq!(wait, Duration::from_millis(2500));
        assert_eq!(limits.left("a", now), Some(wait));
        assert_eq!(limits.left("b", now), None);
        let later = now.after(Duration::from_secs(3));
        let by_one = [
            Until {
                time: later.time,
                ..now
            },
            Until {
                instant: later.instant,
                ..now
            },
        ];
        for either in by_one {
            assert_eq!(limits.left("a", either), None);
            limits.refused(("a", now), &headers, &body);
        }
        let everywhere = json!({ "retry_after": 1, "global": true });
        limits.refused(("a", now), &headers, &everywhere);
        assert!(limits.left("b", now).is_some());
    }
}
