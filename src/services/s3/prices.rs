//! What S3 costs: a dated table, in millionths of a micro-dollar where sums are made. Every rounding
//! goes up, and nothing is free: a cap is better met early than late.

use super::account::REGIONS;
use serde::{Deserialize, Deserializer, de::Error};
use slice_core::money::Money;
use std::{collections::BTreeMap, time::Duration};

/// The table that comes with Slice.
const BUILT_IN: &str = include_str!("../../../prices/s3.json");
/// So many metrics does a bucket's configuration make.
const METRICS: i128 = 16;
const GB: i128 = 1 << 30;
/// A month is 730 hours.
const MONTH_SECONDS: i128 = 730 * 3600;
const PICOS: i128 = 1_000_000;
/// The least that is charged for a reading: what is less would not be kept.
const MICRO: Picos = 1_000_000;
/// How late a minute's metrics are taken to come, for the margin. AWS says “minutes” and promises nothing, so
/// this is said wherever the margin is. What comes later is charged all the same.
pub(super) const LAG: Duration = Duration::from_mins(3);
/// How long a change at IAM takes to be in force.
pub(super) const IN_FORCE: Duration = Duration::from_secs(5);

/// Millionths of a micro-dollar.
pub(super) type Picos = i64;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Of which day they are.
    pub as_of: String,
    #[serde(rename = "source")]
    _source: String,
    pace: Pace,
    #[serde(deserialize_with = "decimal")]
    metric_month: Money,
    #[serde(deserialize_with = "decimal")]
    thousand_metric_reads: Money,
    regions: BTreeMap<String, Region>,
}

/// How fast a key is taken to spend at the most, unseen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pace {
    megabits_per_second: u32,
    requests_per_second: u32,
}

/// US dollars, in one region.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Region {
    #[serde(deserialize_with = "decimal")]
    gb_month: Money,
    #[serde(deserialize_with = "decimal")]
    thousand_puts: Money,
    #[serde(deserialize_with = "decimal")]
    thousand_gets: Money,
    #[serde(deserialize_with = "decimal")]
    gb_out: Money,
}

/// What passed in some minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    /// All requests, of which these are PUT, COPY, POST and LIST, and these cost nothing.
    pub all: i64,
    pub puts: i64,
    pub free: i64,
    pub bytes_out: i64,
}

fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
    let text = String::deserialize(deserializer)?;
    let money = Money::from_decimal(&text).filter(|money| Money::ZERO <= *money);
    money.ok_or_else(|| D::Error::custom("a price is decimal text of US dollars"))
}

fn up(amount: i128, per: i128) -> Picos {
    Picos::try_from((amount + per - 1) / per).unwrap_or(Picos::MAX)
}

fn micros(money: Money) -> i128 {
    i128::from(money.micros())
}

impl Prices {
    /// The table that comes with Slice.
    pub(super) fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the table that comes with Slice is whole")
    }

    /// # Errors
    /// What is wrong with the table.
    pub fn parse(text: &str) -> Result<Self, String> {
        let prices: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let missing = REGIONS
            .iter()
            .find(|region| !prices.regions.contains_key(**region));
        match missing {
            Some(region) => Err(format!("there are no prices for {region}")),
            None => Ok(prices),
        }
    }

    /// A region that Slice does not know costs as much as the dearest that it knows.
    pub(super) fn of(&self, region: &str) -> Region {
        let dearest = |prices: Region| (prices.gb_out, prices.gb_month);
        let known = self.regions.get(region).copied();
        let worst = || {
            self.regions
                .values()
                .copied()
                .max_by_key(|one| dearest(*one))
        };
        known.or_else(worst).expect("a table has regions")
    }

    /// What can be spent, in the dearest region and at the fastest pace, before a reading sees it and
    /// a stop is in force.
    pub(super) fn unseen(&self, every: Duration) -> Money {
        let seconds = i64::try_from((every + LAG + IN_FORCE).as_secs()).unwrap_or(i64::MAX);
        let at_pace = |region: &Region| {
            let requests = i64::from(self.pace.requests_per_second) * seconds;
            region.traffic(Traffic {
                all: requests,
                puts: requests,
                free: 0,
                bytes_out: i64::from(self.pace.megabits_per_second) * 125_000 * seconds,
            })
        };
        let worst = self.regions.values().map(at_pace).max();
        money(worst.unwrap_or_default()).up_to_cents()
    }

    /// What is paid for, from the cheapest region to the dearest.
    pub(super) fn said(&self) -> String {
        let span = |price: fn(&Region) -> Money| {
            let prices = || self.regions.values().map(price);
            let (least, most) = (prices().min(), prices().max());
            let (least, most) = (least.unwrap_or_default(), most.unwrap_or_default());
            if least == most {
                least.to_string()
            } else {
                format!("{least} to {most}")
            }
        };
        format!(
            "storage {} a GB and month, downloads {} a GB, and its requests",
            span(|region| region.gb_month),
            span(|region| region.gb_out)
        )
    }

    /// How the pace is told.
    pub(super) fn pace(&self) -> String {
        let Pace {
            megabits_per_second,
            requests_per_second,
        } = self.pace;
        format!(
            "{megabits_per_second} Mbit/s and {requests_per_second} requests a second that AWS shows within {} min",
            LAG.as_secs() / 60
        )
    }

    /// For a bucket's metrics in so many hours, of which each counts as a whole one.
    pub(super) fn metrics(&self, hours: i64) -> Picos {
        let month = METRICS * micros(self.metric_month) * PICOS * i128::from(hours.max(0));
        up(month, MONTH_SECONDS / 3600)
    }

    /// For reading so many metrics once. A reading is never free: how far it came is kept with what it costs.
    pub(super) fn reads(&self, metrics: i64) -> Picos {
        let reads = i128::from(metrics) * micros(self.thousand_metric_reads) * PICOS;
        up(reads, 1000).max(MICRO)
    }
}

impl Region {
    pub fn storage(&self, bytes: i64, seconds: i64) -> Picos {
        let whole = i128::from(bytes.max(0)) * i128::from(seconds.max(0));
        up(whole * micros(self.gb_month) * PICOS, GB * MONTH_SECONDS)
    }

    /// For so many pages of a listing, which is never free either.
    pub fn lists(&self, pages: u32) -> Picos {
        let puts = i64::from(pages);
        let traffic = Traffic {
            all: puts,
            puts,
            ..Traffic::default()
        };
        self.traffic(traffic).max(MICRO)
    }

    pub fn traffic(&self, traffic: Traffic) -> Picos {
        let gets = (traffic.all - traffic.puts - traffic.free).max(0);
        let puts = i128::from(traffic.puts) * micros(self.thousand_puts);
        let gets = i128::from(gets) * micros(self.thousand_gets);
        let out = i128::from(traffic.bytes_out) * micros(self.gb_out) * PICOS;
        up((puts + gets) * PICOS, 1000).saturating_add(up(out, GB))
    }
}

/// What a month of that would cost.
pub(super) fn monthly(region: Region, bytes: i64) -> Money {
    let month = i64::try_from(MONTH_SECONDS).unwrap_or_default();
    money(region.storage(bytes, month))
}

/// Whole micro-dollars, rounded up.
pub(super) fn money(picos: Picos) -> Money {
    let whole = up(i128::from(picos), PICOS);
    Money::from_micros(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    const GIB: i64 = 1 << 30;

    #[test]
    fn sums_are_those_of_the_price_list() {
        let prices = Prices::built_in();
        let region = prices.of("us-east-1");
        let month = 730 * 3600;
        assert_eq!(
            money(region.storage(100 * GIB, month)),
            Money::from_micros(2_300_000)
        );
        let traffic = Traffic {
            all: 3_000,
            puts: 1_000,
            free: 1_000,
            bytes_out: 200 * GIB,
        };
        assert_eq!(
            money(region.traffic(traffic)),
            Money::from_micros(18_005_400)
        );
        assert_eq!(money(prices.metrics(730)), Money::from_micros(4_800_000));
        assert_eq!(money(prices.reads(1_000)), Money::from_micros(10_000));
    }

    #[test]
    fn what_is_smaller_than_a_micro_dollar_is_one() {
        let region = Prices::built_in().of("us-east-1");
        assert_eq!(money(region.storage(1, 1)), Money::from_micros(1));
        assert_eq!(money(0), Money::ZERO);
    }

    #[test]
    fn the_margin_is_what_may_pass_unseen() {
        let unseen = Prices::built_in().unseen(Duration::from_mins(3));
        assert_eq!(unseen.to_string(), "$8.93");
    }

    #[test]
    fn a_table_of_ones_own_is_whole_or_refused() {
        let text = BUILT_IN.replace("0.023", "0.046");
        assert!(Prices::parse(&text).is_ok());
        assert!(Prices::parse(&BUILT_IN.replace("0.023", "-1")).is_err());
        assert!(Prices::parse(&BUILT_IN.replace("\"sa-east-1\"", "\"moon\"")).is_err());
    }
}
