//! How long a key lives, as people write it: `12h`, `7d`, `2w`.

use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

const HOURS_PER_DAY: u32 = 24;
const HOURS_MAX: u32 = 24 * 366;

/// A life in whole hours, more than zero, at most a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Life(u32);

impl Life {
    pub const fn from_days(days: u32) -> Self {
        Self(days * HOURS_PER_DAY)
    }

    /// The shortest life that covers a span, in whole hours; a year at the most.
    pub fn at_least(span: Duration) -> Self {
        let hours = span.as_secs().div_ceil(3600);
        Self(
            u32::try_from(hours)
                .unwrap_or(HOURS_MAX)
                .clamp(1, HOURS_MAX),
        )
    }

    pub const fn hours(self) -> u32 {
        self.0
    }

    /// `12h`, `7d`, `2w` (or just `7`, which is days). `None`: not a life, or longer than a year.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = match text[digits.len()..].trim() {
            "h" | "hour" | "hours" => 1,
            "" | "d" | "day" | "days" => HOURS_PER_DAY,
            "w" | "week" | "weeks" => 7 * HOURS_PER_DAY,
            _ => return None,
        };
        let digits = digits.trim_end();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let hours = digits.parse::<u32>().ok()?.checked_mul(unit)?;
        (1..=HOURS_MAX).contains(&hours).then_some(Self(hours))
    }

    pub fn duration(self) -> Duration {
        Duration::from_hours(u64::from(self.0))
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(HOURS_PER_DAY) {
            write!(f, "{}d", self.0 / HOURS_PER_DAY)
        } else {
            write!(f, "{}h", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_type() {
        assert_eq!(Life::parse("7d"), Some(Life::from_days(7)));
        assert_eq!(Life::parse("2 weeks"), Some(Life::from_days(14)));
        assert_eq!(
            Life::parse("36h").map(|life| life.to_string()),
            Some("36h".to_owned())
        );
        for text in [
            "",
            "d",
            "0d",
            "-1d",
            "1.5d",
            "9999d",
            "99999999999999d",
            "7m",
            "٧d",
        ] {
            assert_eq!(Life::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = Life::parse(&text);
        }

        #[test]
        fn what_we_write_we_read(hours in 1u32..24 * 366) {
            prop_assert_eq!(Life::parse(&Life(hours).to_string()), Some(Life(hours)));
        }
    }
}
