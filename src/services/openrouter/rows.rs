//! What `OpenRouter`'s management API says and is told: rows, amounts, and the secret of a new key.

use crate::services::wire::Number;
use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny};
use serde_json::value::RawValue;
use slice_core::{
    money::Money,
    ports::{Ceiling, Found, Listed, Meter},
    secret::Secret,
};

const ID_CHARS_MAX: usize = 128;

/// Whether a text of the provider's can be the id of a key: lowercase hex today.
pub(super) fn is_id(text: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// An amount as a JSON number in US dollars, which never is a binary fraction on its way.
pub(super) struct Amount(pub Money);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = RawValue::from_string(self.0.decimal());
        number
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

#[derive(Deserialize)]
pub(super) struct Data<T> {
    pub data: T,
}

/// A key as the API shows it. It grows fields every week: what is not needed is not read.
#[derive(Deserialize)]
pub(super) struct KeyRow {
    pub hash: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub disabled: bool,
    #[serde(default)]
    limit: Option<Number>,
    /// How often its limit begins anew, in whatever words.
    #[serde(default)]
    limit_reset: Option<IgnoredAny>,
    #[serde(default)]
    include_byok_in_limit: Option<bool>,
    #[serde(default)]
    usage: Option<Number>,
    #[serde(default)]
    byok_usage: Option<Number>,
}

impl KeyRow {
    /// What it may spend in all. `None`: unreadable.
    pub fn ceiling(&self) -> Option<Ceiling> {
        Some(match &self.limit {
            None => Ceiling::Open,
            Some(_) if self.limit_reset.is_some() => Ceiling::Renewed,
            Some(_) if self.include_byok_in_limit == Some(false) => Ceiling::Partial,
            Some(limit) => Ceiling::At(limit.money()?),
        })
    }

    /// All that the key ever spent, also with provider keys of the account's own: that counts against its
    /// limit as Slice sets it.
    pub fn spent(&self) -> Option<Money> {
        let own = match &self.byok_usage {
            Some(number) => number.money()?,
            None => Money::ZERO,
        };
        Some(self.usage.as_ref()?.money()?.or_zero() + own.or_zero())
    }

    /// `None`: an amount of it cannot be read.
    pub fn meter(&self) -> Option<Meter> {
        Some(Meter {
            usage: self.spent()?,
            ceiling: self.ceiling()?,
            is_disabled: self.disabled,
            cursor: None,
            missing: None,
        })
    }

    pub fn listed(self) -> Option<Listed> {
        let meter = self.meter()?;
        Some(Listed {
            label: self.name?,
            provider_id: self.hash,
            meter: Some(meter),
            facts: vec![],
        })
    }

    pub fn found(self) -> Option<Found> {
        let usage = self.spent()?;
        Some(Found {
            provider_id: self.hash,
            usage,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Created {
    pub data: CreatedRow,
    #[serde(default)]
    key: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CreatedRow {
    pub hash: String,
    #[serde(default)]
    limit: Option<Number>,
    /// Where a cookbook of the provider's looks for it.
    #[serde(default)]
    key: Option<String>,
}

impl CreatedRow {
    pub fn limit(&self) -> Option<Money> {
        self.limit.as_ref()?.money()
    }
}

impl Created {
    /// The id and the secret, which is shown this once.
    pub fn parts(self) -> Option<(String, Secret)> {
        let secret = Secret::new(self.key.or(self.data.key)?);
        let is_a_key = secret.expose().bytes().all(|byte| byte.is_ascii_graphic());
        (is_a_key && !secret.expose().is_empty()).then_some((self.data.hash, secret))
    }
}

#[derive(Deserialize)]
pub(super) struct Deleted {
    #[serde(default)]
    pub deleted: bool,
}

#[derive(Deserialize)]
pub(super) struct Whoami {
    #[serde(default)]
    is_management_key: bool,
    /// What it was called before.
    #[serde(default)]
    is_provisioning_key: bool,
}

impl Whoami {
    pub fn manages(&self) -> bool {
        self.is_management_key || self.is_provisioning_key
    }
}

#[derive(Deserialize)]
pub(super) struct Credits {
    #[serde(default)]
    total_credits: Option<Number>,
    #[serde(default)]
    total_usage: Option<Number>,
}

impl Credits {
    pub fn balance(&self) -> Option<Money> {
        Some(self.total_credits.as_ref()?.money()? - self.total_usage.as_ref()?.money()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_both_ways() {
        let sent = serde_json::to_string(&Amount(Money::from_micros(20_100_001)));
        assert_eq!(sent.expect("JSON"), "20.100001");
        let row = r#"{"hash":"a","limit":20.100001,"usage":1e-7,"byok_usage":"0.5","new":[1]}"#;
        let row: KeyRow = serde_json::from_str(row).expect("a row");
        let limit = Ceiling::At(Money::from_micros(20_100_001));
        assert_eq!(row.ceiling(), Some(limit));
        assert_eq!(row.spent(), Some(Money::from_micros(500_001)));
    }

    #[test]
    fn only_a_limit_on_all_that_a_key_spends_is_a_cap() {
        let capped = Ceiling::At(Money::from_dollars(5));
        for (row, ceiling) in [
            (r#"{"hash":"a","limit":null}"#, Some(Ceiling::Open)),
            (r#"{"hash":"a","limit":5}"#, Some(capped)),
            (
                r#"{"hash":"a","limit":5,"limit_reset":null,"include_byok_in_limit":true}"#,
                Some(capped),
            ),
            (
                r#"{"hash":"a","limit":5,"limit_reset":"daily","include_byok_in_limit":true}"#,
                Some(Ceiling::Renewed),
            ),
            (
                r#"{"hash":"a","limit":5,"limit_reset":["new"]}"#,
                Some(Ceiling::Renewed),
            ),
            (
                r#"{"hash":"a","limit":5,"include_byok_in_limit":false}"#,
                Some(Ceiling::Partial),
            ),
            (r#"{"hash":"a","limit":"x"}"#, None),
        ] {
            let key: KeyRow = serde_json::from_str(row).expect("a row");
            assert_eq!(key.ceiling(), ceiling, "{row}");
        }
    }

    #[test]
    fn usage_that_cannot_be_read_is_not_zero() {
        for row in [
            r#"{"hash":"a"}"#,
            r#"{"hash":"a","usage":"x"}"#,
            r#"{"hash":"a","usage":1e99}"#,
        ] {
            let row: KeyRow = serde_json::from_str(row).expect("a row");
            assert_eq!(row.spent(), None);
        }
    }

    #[test]
    fn an_id_stays_inside_its_path() {
        assert!(is_id("0123abcdef"));
        for text in ["", "../credits", "a/b", "a?b", "a%2f", &"a".repeat(200)] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn a_secret_is_found_in_both_places() {
        for body in [
            r#"{"data":{"hash":"a","limit":0},"key":"sk-or-v1-x"}"#,
            r#"{"data":{"hash":"a","limit":0,"key":"sk-or-v1-x"}}"#,
        ] {
            let created: Created = serde_json::from_str(body).expect("an answer");
            let (id, secret) = created.parts().expect("a secret");
            assert_eq!((id.as_str(), secret.expose()), ("a", "sk-or-v1-x"));
        }
        let none: Created =
            serde_json::from_str(r#"{"data":{"hash":"a","limit":0}}"#).expect("an answer");
        assert!(none.parts().is_none());
    }
}
