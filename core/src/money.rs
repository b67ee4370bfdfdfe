//! Money: whole micro-US-dollars, from the edge to the database.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    iter::Sum,
    ops::{Add, Sub},
};

const MICROS_PER_DOLLAR: i64 = 1_000_000;
const MICROS_PER_CENT: i64 = 10_000;
/// More than anybody's budget; keeps every sum of ours far from overflow.
const DOLLARS_MAX: i64 = 1_000_000_000;

/// An amount in micro-US-dollars. Arithmetic saturates: a wrong sum must never wrap to a small one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(i64);

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadMoney {
    NotANumber,
    NotPositive,
    TooPrecise,
    TooLarge,
}

impl BadMoney {
    /// The rest of a sentence that begins with the refused text.
    pub fn why(self) -> &'static str {
        match self {
            Self::NotANumber => "is not an amount in US dollars. Write it like 20 or 20.50",
            Self::NotPositive => "is zero or less",
            Self::TooPrecise => "has more than 2 decimals. Write it like 20 or 20.50",
            Self::TooLarge => "is more than Slice can count",
        }
    }
}

impl Money {
    /// The next full cent, as people can write it.
    #[must_use]
    pub fn up_to_cents(self) -> Self {
        const CENT: i64 = 10_000;
        match self.0.rem_euclid(CENT) {
            0 => self,
            over => Self(self.0.saturating_add(CENT - over)),
        }
    }

    /// `$611`: rounded to whole dollars where cents would only distract.
    pub fn brief(self) -> String {
        const DOLLAR: i64 = MICROS_PER_DOLLAR;
        if self.0.abs() < 10 * DOLLAR {
            return self.up_to_cents().to_string();
        }
        let rounded = self.0.saturating_add(DOLLAR / 2).div_euclid(DOLLAR);
        let said = Self(rounded.saturating_mul(DOLLAR)).to_string();
        said.trim_end_matches(".00").to_owned()
    }

    pub const ZERO: Self = Self(0);

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn from_dollars(dollars: i64) -> Self {
        Self(dollars * MICROS_PER_DOLLAR)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// What a person types: `20`, `20.5`, `20.50`, `$20`. More than zero, at most 2 decimals.
    pub fn parse(text: &str) -> Result<Self, BadMoney> {
        let amount = text.strip_prefix('$').unwrap_or(text);
        if amount.starts_with('-') && is_decimal(&amount[1..]) {
            return Err(BadMoney::NotPositive);
        }
        if !is_decimal(amount) {
            return Err(BadMoney::NotANumber);
        }
        let (dollars, cents) = amount.split_once('.').unwrap_or((amount, ""));
        if cents.len() > 2 {
            return Err(BadMoney::TooPrecise);
        }
        let dollars: i64 = dollars.parse().map_err(|_| BadMoney::TooLarge)?;
        if dollars > DOLLARS_MAX {
            return Err(BadMoney::TooLarge);
        }
        let cents: i64 = format!("{cents:0<2}")
            .parse()
            .map_err(|_| BadMoney::NotANumber)?;
        match Self(dollars * MICROS_PER_DOLLAR + cents * MICROS_PER_CENT) {
            Self::ZERO => Err(BadMoney::NotPositive),
            money => Ok(money),
        }
    }

    /// A provider's JSON number, as decimal text; parts of a micro-dollar are rounded up, because
    /// it is spending that providers report. `None`: not a decimal number, or too large.
    pub fn from_decimal(text: &str) -> Option<Self> {
        let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || mantissa.len() > 40 || !(-40..=40).contains(&exponent) {
            return None;
        }
        if !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        let point = i32::try_from(whole.len()).ok()? + exponent + 6;
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let mut micros: i64 = 0;
        for place in 0..point {
            let digit = usize::try_from(place)
                .ok()
                .and_then(|place| digits.get(place));
            let digit = digit.map_or(0, |digit| i64::from(digit - b'0'));
            micros = micros.checked_mul(10)?.checked_add(digit)?;
        }
        let rest = digits.iter().skip(usize::try_from(point.max(0)).ok()?);
        if rest.into_iter().any(|digit| *digit != b'0') {
            micros = micros.checked_add(1)?;
        }
        Some(Self(sign * micros))
    }

    /// Exact decimal text for a provider: `20`, `20.5`, `0.000001`.
    pub fn decimal(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let text = format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    #[must_use]
    pub fn or_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

impl fmt::Display for Money {
    /// `$1,234.50`; with more decimals only where cents would not be the truth.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let dollars = (micros / 1_000_000).to_string();
        let mut grouped = String::new();
        for (index, digit) in dollars.chars().enumerate() {
            if index > 0 && (dollars.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let fraction = format!("{:06}", micros % 1_000_000);
        let shown = fraction.trim_end_matches('0').len().max(2);
        write!(f, "{sign}${grouped}.{}", &fraction[..shown])
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_type() {
        assert_eq!(Money::parse("20"), Ok(Money::from_dollars(20)));
        assert_eq!(Money::parse("$20.5"), Ok(Money::from_micros(20_500_000)));
        for (text, why) in [
            ("0", BadMoney::NotPositive),
            ("0.00", BadMoney::NotPositive),
            ("-5", BadMoney::NotPositive),
            ("20.001", BadMoney::TooPrecise),
            ("1000000000000000000000000000000", BadMoney::TooLarge),
            ("1000000001", BadMoney::TooLarge),
        ] {
            assert_eq!(Money::parse(text), Err(why), "{text}");
        }
        for text in [
            "", "$", "NaN", "inf", "1e400", "20,50", "٢٠", ".5", "5.", "+5", "--5", "2 0",
        ] {
            assert_eq!(Money::parse(text), Err(BadMoney::NotANumber), "{text}");
        }
    }

    #[test]
    fn what_providers_say() {
        for (text, micros) in [
            ("0", 0),
            ("0.75", 750_000),
            ("1e-7", 1),
            ("1.5e2", 150_000_000),
            ("0.0000001", 1),
            ("-0.25", -250_000),
            ("12345.678901", 12_345_678_901),
        ] {
            assert_eq!(
                Money::from_decimal(text),
                Some(Money::from_micros(micros)),
                "{text}"
            );
        }
        for text in ["", "NaN", "1e400", "abc", "1.2.3", "٢"] {
            assert_eq!(Money::from_decimal(text), None, "{text}");
        }
    }

    #[test]
    fn what_people_read() {
        assert_eq!(Money::from_dollars(1_234_567).to_string(), "$1,234,567.00");
        assert_eq!(Money::from_micros(4_200).to_string(), "$0.0042");
        assert_eq!(Money::from_micros(-13_400_000).to_string(), "-$13.40");
    }

    proptest! {
        #[test]
        fn decimal_text_comes_back(micros in -1_000_000_000_000_000i64..1_000_000_000_000_000) {
            let money = Money::from_micros(micros);
            prop_assert_eq!(Money::from_decimal(&money.decimal()), Some(money));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (Money::parse(&text), Money::from_decimal(&text));
        }
    }
}
