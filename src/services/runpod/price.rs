//! What a pod costs, exactly: a GPU by the hour and a disk by the month, charged by the second.

use slice_core::money::Money;
use std::time::Duration;

const SECONDS_PER_HOUR: i128 = 3600;
/// A month of storage, as the price list counts it.
const HOURS_PER_MONTH: i128 = 730;
/// Micro-dollars per gigabyte and month of a container's disk, from docs.runpod.io/pods/pricing.
const DISK_PER_MONTH: i128 = 100_000;
const MICROS_PER_SECOND: u128 = 1_000_000;

/// What a running pod costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// Per hour, without the disk.
    pub gpu: Money,
    pub disk_gb: i64,
}

impl Rate {
    /// Micro-dollars per second, times the seconds of a month of storage.
    fn fine(self) -> i128 {
        let gpu = i128::from(self.gpu.micros()) * HOURS_PER_MONTH;
        gpu + i128::from(self.disk_gb) * DISK_PER_MONTH
    }

    /// For so long, each begun second in full, rounded up.
    pub fn cost(self, span: Duration) -> Money {
        let seconds = span.as_micros().div_ceil(MICROS_PER_SECOND);
        let seconds = i128::try_from(seconds).unwrap_or(i128::MAX);
        up(
            self.fine().saturating_mul(seconds),
            SECONDS_PER_HOUR * HOURS_PER_MONTH,
        )
    }

    /// Of the disk alone, per hour, rounded up.
    pub fn disk(self) -> Money {
        up(i128::from(self.disk_gb) * DISK_PER_MONTH, HOURS_PER_MONTH)
    }

    /// As it stands beside a pod.
    pub fn said(self) -> String {
        format!("{}, and {} for its disk", self.gpu, self.disk())
    }

    /// Whole seconds for which this pays.
    pub fn lasts(self, money: Money) -> Duration {
        let fine = i128::from(money.micros()) * SECONDS_PER_HOUR * HOURS_PER_MONTH;
        let seconds = fine.checked_div(self.fine()).unwrap_or(i128::MAX);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }
}

fn up(fine: i128, per: i128) -> Money {
    let micros = fine / per + i128::from(fine % per > 0);
    Money::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_hour_costs_its_price_and_its_disk() {
        let rate = Rate {
            gpu: Money::from_micros(400_000),
            disk_gb: 10,
        };
        // $0.40 × 1.5 h, and 10 GB at $0.10 a month of 730 h.
        assert_eq!(rate.cost(Duration::from_mins(90)).micros(), 602_055);
        assert_eq!(rate.disk().micros(), 1_370);
        assert_eq!(rate.cost(Duration::ZERO), Money::ZERO);
        assert_eq!(
            rate.cost(Duration::from_millis(1)),
            rate.cost(Duration::from_secs(1))
        );
    }

    proptest! {
        /// What is paid for never costs more than the money, and a second more would.
        #[test]
        fn money_lasts_until_it_is_spent(gpu in 1i64..10_000_000, disk_gb in 0i64..1_000, cents in 1i64..100_000) {
            let rate = Rate { gpu: Money::from_micros(gpu), disk_gb };
            let money = Money::from_micros(cents * 10_000);
            let lasts = rate.lasts(money);
            prop_assert!(rate.cost(lasts) <= money);
            prop_assert!(money < rate.cost(lasts + Duration::from_secs(2)));
        }
    }
}
