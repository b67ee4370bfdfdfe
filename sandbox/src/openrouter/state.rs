//! What the provider knows: accounts, their management keys, and sub-keys with what they spent.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A sub-key as a test compares it with its own books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyState {
    pub hash: String,
    pub name: String,
    pub secret: String,
    /// `None`: unlimited.
    pub limit_micros: Option<i64>,
    pub usage_micros: i64,
    pub disabled: bool,
    /// Microseconds since 1970, UTC.
    pub expires_at: Option<i64>,
    pub deleted: bool,
}

/// Decimal text in US dollars to micro-dollars: at most 6 decimals, an exponent is understood.
pub fn micros_from_usd(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if whole.is_empty() || digits.len() > 30 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let shift = 6_i32
        .checked_add(exponent)?
        .checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let value: i128 = digits.parse().ok()?;
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    let micros = match (value, power) {
        (0, _) => 0,
        (value, Some(power)) if shift >= 0 => value.checked_mul(power)?,
        (value, Some(power)) if value % power == 0 => value / power,
        _ => return None,
    };
    i64::try_from(if negative { -micros } else { micros }).ok()
}

/// Micro-dollars as the shortest exact decimal text.
pub fn usd_from_micros(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let text = format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A JSON number that prints as exactly that decimal text.
pub(super) fn number(micros: i64) -> Value {
    serde_json::from_str(&usd_from_micros(micros)).expect("decimal text is a JSON number")
}

pub(super) fn optional_number(micros: Option<i64>) -> Value {
    micros.map_or(Value::Null, number)
}

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// As the API prints creation times: an offset and six decimals.
pub(super) fn timestamp(micros: i64) -> String {
    time(micros)
        .format("%Y-%m-%dT%H:%M:%S%.6f+00:00")
        .to_string()
}

/// As the API prints expiry times.
pub(super) fn expiry(micros: i64) -> String {
    time(micros).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The lowercase hex SHA-256 of the whole key: its id.
pub(super) fn hash_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

#[derive(Default)]
pub(super) struct Accounts {
    pub books: Vec<Account>,
    pub management: Vec<Management>,
    pub keys: Vec<Key>,
    pub secrets: Vec<String>,
    pub every_nth_is_429: Option<u64>,
    /// 1 second unless set.
    pub retry_after: Option<u32>,
    minted: u64,
    requests: u64,
}

pub(super) struct Account {
    pub name: String,
    pub workspace_id: String,
    pub credits_micros: i64,
    pub usage_micros: i64,
}

pub(super) struct Management {
    pub secret: String,
    pub account: String,
    pub revoked: bool,
}

pub(super) struct Key {
    pub hash: String,
    pub name: String,
    pub secret: String,
    pub account: String,
    pub limit_micros: Option<i64>,
    pub limit_reset: Option<String>,
    pub include_byok_in_limit: bool,
    pub usage_micros: i64,
    pub disabled: bool,
    pub expires_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: Option<i64>,
    pub creator_user_id: Option<String>,
    pub deleted: bool,
    /// When and how much: for the daily, weekly and monthly sums.
    pub spent: Vec<(i64, i64)>,
}

impl Account {
    pub fn state_json(&self) -> Value {
        json!({
            "account": self.name,
            "workspace_id": self.workspace_id,
            "total_credits": number(self.credits_micros),
            "total_usage": number(self.usage_micros),
        })
    }
}

impl Accounts {
    /// The account of this name; made when first named.
    pub fn account(&mut self, name: &str) -> &mut Account {
        if let Some(at) = self.books.iter().position(|account| account.name == name) {
            return &mut self.books[at];
        }
        let n = self.books.len() + 1;
        self.books.push(Account {
            name: name.to_owned(),
            workspace_id: format!("00000000-0000-4000-8000-{n:012}"),
            credits_micros: 0,
            usage_micros: 0,
        });
        self.books.last_mut().expect("an account was just added")
    }

    pub fn next_secret(&mut self) -> String {
        self.minted += 1;
        let noise = Sha256::digest(format!("sandbox sub-key {}", self.minted));
        format!("sk-or-v1-{}", hex::encode(noise))
    }

    pub fn next_generation(&mut self) -> String {
        self.requests += 1;
        format!("gen-{:010}", self.requests)
    }

    /// The account of a management key that is not revoked.
    pub fn manages(&self, secret: &str) -> Option<String> {
        let fits = |key: &&Management| key.secret == secret && !key.revoked;
        self.management
            .iter()
            .find(fits)
            .map(|key| key.account.clone())
    }

    /// The key behind a secret, if it may be used at all now.
    pub fn usable(&mut self, secret: &str, now: i64) -> Option<&mut Key> {
        self.keys
            .iter_mut()
            .find(|key| key.secret == secret && key.is_usable(now))
    }
}

impl Key {
    pub fn new(name: &str, secret: &str, account: &str, now: i64) -> Key {
        Key {
            hash: hash_of(secret),
            name: name.to_owned(),
            secret: secret.to_owned(),
            account: account.to_owned(),
            limit_micros: None,
            limit_reset: None,
            include_byok_in_limit: false,
            usage_micros: 0,
            disabled: false,
            expires_at: None,
            created_at: now,
            updated_at: None,
            creator_user_id: None,
            deleted: false,
            spent: Vec::new(),
        }
    }

    pub fn is_usable(&self, now: i64) -> bool {
        !self.deleted && !self.disabled && self.expires_at.is_none_or(|end| now < end)
    }

    pub fn state(&self) -> KeyState {
        KeyState {
            hash: self.hash.clone(),
            name: self.name.clone(),
            secret: self.secret.clone(),
            limit_micros: self.limit_micros,
            usage_micros: self.usage_micros,
            disabled: self.disabled,
            expires_at: self.expires_at,
            deleted: self.deleted,
        }
    }

    pub fn state_json(&self) -> Value {
        json!({
            "hash": self.hash,
            "name": self.name,
            "limit": optional_number(self.limit_micros),
            "usage": number(self.usage_micros),
            "disabled": self.disabled,
            "expires_at": self.expires_at.map(expiry),
            "deleted": self.deleted,
        })
    }

    /// The masked form that the API shows.
    pub fn label(&self) -> String {
        let head: String = self.secret.chars().take(12).collect();
        let tail: Vec<char> = self.secret.chars().rev().take(4).collect();
        format!("{head}...{}", tail.into_iter().rev().collect::<String>())
    }

    /// What was spent since the start of the day, week (Monday) or month of `now`.
    pub fn spent_in(&self, window: &str, now: i64) -> i64 {
        let starts = |at: i64| {
            let day = time(at).date_naive();
            match window {
                "daily" => day.num_days_from_ce(),
                "weekly" => {
                    day.num_days_from_ce()
                        - i32::try_from(day.weekday().num_days_from_monday()).unwrap_or(0)
                }
                _ => day.year() * 12 + i32::try_from(day.month0()).unwrap_or(0),
            }
        };
        let current = starts(now);
        self.spent
            .iter()
            .filter(|(at, _)| starts(*at) == current)
            .map(|(_, micros)| micros)
            .sum()
    }

    /// What counts against the limit now: all of it, or the current window's part.
    pub fn counted(&self, now: i64) -> i64 {
        match &self.limit_reset {
            Some(window) => self.spent_in(window, now),
            None => self.usage_micros,
        }
    }

    /// The limit, its rest and the usage sums, as all answers about a key show them.
    pub fn sums(&self, now: i64) -> Value {
        let remaining = self.limit_micros.map(|limit| limit - self.counted(now));
        json!({
            "limit": optional_number(self.limit_micros),
            "limit_remaining": optional_number(remaining),
            "limit_reset": self.limit_reset,
            "include_byok_in_limit": self.include_byok_in_limit,
            "usage": number(self.usage_micros),
            "usage_daily": number(self.spent_in("daily", now)),
            "usage_weekly": number(self.spent_in("weekly", now)),
            "usage_monthly": number(self.spent_in("monthly", now)),
            "byok_usage": 0,
            "byok_usage_daily": 0,
            "byok_usage_weekly": 0,
            "byok_usage_monthly": 0,
            "label": self.label(),
            "creator_user_id": self.creator_user_id,
            "expires_at": self.expires_at.map(expiry),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_exact() {
        for (text, micros) in [
            ("20", 20_000_000),
            ("0.75", 750_000),
            ("1e2", 100_000_000),
            ("-0.000001", -1),
            ("0", 0),
        ] {
            assert_eq!(micros_from_usd(text), Some(micros), "{text}");
        }
        for text in ["", ".5", "1.0000001", "NaN", "1e400", "20,5", "+1"] {
            assert_eq!(micros_from_usd(text), None, "{text}");
        }
        assert_eq!(number(20_000_001).to_string(), "20.000001");
        assert_eq!(number(60_000_000).to_string(), "60");
    }
}
