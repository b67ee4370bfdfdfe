//! What a pod costs: prices by the hour and disks by the month, charged by the second, exactly.

use super::state::Pod;
use crate::micros_from_usd;

/// A month of storage, as the price list counts it.
const HOURS_PER_MONTH: i128 = 730;
const SECONDS_PER_HOUR: i128 = 3600;
const MICROS_PER_SECOND: i64 = 1_000_000;
/// Container disks, and volumes of running and of stopped pods: micro-dollars per gigabyte and month.
const DISK_PER_MONTH: i128 = 100_000;
const VOLUME_PER_MONTH: i128 = 100_000;
const VOLUME_STOPPED_PER_MONTH: i128 = 200_000;

/// An exact amount, in micro-dollars divided by the seconds of a month of storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Charge(i128);

impl Charge {
    const PER_MICRO: i128 = SECONDS_PER_HOUR * HOURS_PER_MONTH;

    pub fn from_micros(micros: i64) -> Charge {
        Charge(i128::from(micros) * Charge::PER_MICRO)
    }

    pub fn plus(self, other: Charge) -> Charge {
        Charge(self.0 + other.0)
    }

    pub fn minus(self, other: Charge) -> Charge {
        Charge(self.0 - other.0)
    }

    /// Whole micro-dollars, rounded up.
    pub fn micros_up(self) -> i64 {
        let micros = self.0.div_euclid(Charge::PER_MICRO);
        let rest = i128::from(self.0.rem_euclid(Charge::PER_MICRO) > 0);
        i64::try_from(micros + rest).unwrap_or(i64::MAX)
    }

    /// Decimal text in US dollars with at most nine decimals, as far as the API's doubles carry.
    pub fn usd(self) -> String {
        let nanos = (self.0 * 1000 + Charge::PER_MICRO / 2).div_euclid(Charge::PER_MICRO);
        let sign = if nanos < 0 { "-" } else { "" };
        let nanos = nanos.unsigned_abs();
        let text = format!(
            "{sign}{}.{:09}",
            nanos / 1_000_000_000,
            nanos % 1_000_000_000
        );
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// What a pod costs per second from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stint {
    pub from: i64,
    compute: i128,
    disk: i128,
}

impl Stint {
    pub fn running(from: i64, price_micros_per_hour: i64, disk_gb: i64, volume_gb: i64) -> Stint {
        let disks = i128::from(disk_gb) * DISK_PER_MONTH + i128::from(volume_gb) * VOLUME_PER_MONTH;
        Stint {
            from,
            compute: i128::from(price_micros_per_hour) * HOURS_PER_MONTH,
            disk: disks,
        }
    }

    pub fn stopped(from: i64, volume_gb: i64) -> Stint {
        Stint {
            from,
            compute: 0,
            disk: i128::from(volume_gb) * VOLUME_STOPPED_PER_MONTH,
        }
    }
}

/// What a pod was charged until a moment: for computing, and for its disks.
pub(super) fn until(pod: &Pod, moment: i64) -> (Charge, Charge) {
    let end = pod.ended_at.unwrap_or(i64::MAX).min(moment);
    let mut sums = (pod.extra, Charge::default());
    if moment < pod.created_at {
        return (Charge::default(), Charge::default());
    }
    for (at, stint) in pod.stints.iter().enumerate() {
        let next = pod.stints.get(at + 1).map_or(i64::MAX, |next| next.from);
        let micros = (next.min(end) - stint.from).max(0);
        let seconds = i128::from((micros + MICROS_PER_SECOND - 1) / MICROS_PER_SECOND);
        sums.0 = sums.0.plus(Charge(seconds * stint.compute));
        sums.1 = sums.1.plus(Charge(seconds * stint.disk));
    }
    sums
}

pub(super) fn whole(pod: &Pod, moment: i64) -> Charge {
    let (compute, disk) = until(pod, moment);
    compute.plus(disk)
}

/// A price that a test names.
pub(super) fn price(usd: &str) -> i64 {
    micros_from_usd(usd).expect("a price is decimal text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_costs_its_price_and_a_month_of_disk_its_price() {
        let hour = Stint::running(0, 440_000, 0, 0);
        assert_eq!(Charge(hour.compute * SECONDS_PER_HOUR).micros_up(), 440_000);
        let disk = Stint::running(0, 0, 10, 0);
        let month = SECONDS_PER_HOUR * HOURS_PER_MONTH;
        assert_eq!(Charge(disk.disk * month).usd(), "1");
        assert_eq!(Charge(hour.compute).usd(), "0.000122222");
        assert_eq!(Charge(hour.compute).micros_up(), 123);
    }
}
