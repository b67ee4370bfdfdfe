//! A clock that ran ahead has leased, paused and begun things in what is the future once it is put right.
//! Without this, work would wait until then, perhaps for days.

use super::{SqlStore, db::values, failure::Done, sql};
use slice_core::rotations::OVERLAP_MAX;
use slice_core::time::Time;
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

/// Nothing is leased or paused for so long, whatever replicas' clocks differ by.
const AHEAD_MAX: Duration = Duration::from_mins(15);
/// A platform that wants to be left alone is for an hour at most.
const HOME_AHEAD_MAX: Duration = Duration::from_mins(75);
/// Another process's clock may have been the wrong one.
const EVERY: Duration = Duration::from_mins(10);

/// When this process last put right what was set ahead.
pub(super) struct Mended(AtomicI64);

impl Default for Mended {
    /// Never: whoever ran before may have had another clock.
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl Mended {
    /// Whether it is time: at the start, every so often, and as soon as the clock has gone back.
    fn is_due(&self, now: Time) -> bool {
        let last = Time::from_micros(self.0.load(Ordering::Relaxed));
        now < last || EVERY <= now - last
    }
}

impl SqlStore {
    /// What lies further ahead than it is ever set was set by a clock that ran ahead, and is due.
    pub(super) async fn mend(&self, now: Time) -> Done<()> {
        if !self.mended.is_due(now) {
            return Ok(());
        }
        let limits = [
            (sql::MEND_GRANTS, AHEAD_MAX),
            (sql::MEND_KEYS, AHEAD_MAX),
            (sql::MEND_CHANGES, AHEAD_MAX),
            (sql::MEND_OVERLAPS, OVERLAP_MAX.duration()),
            (sql::MEND_CHECKS, AHEAD_MAX),
            (sql::MEND_OUTBOX, AHEAD_MAX),
            (sql::MEND_JOBS, AHEAD_MAX),
            (sql::MEND_METERS, AHEAD_MAX),
            (sql::MEND_HOMES, HOME_AHEAD_MAX),
            (sql::MEND_CODES, AHEAD_MAX),
        ];
        let mut tx = self.db.write().await?;
        let mut mended = 0;
        for (statement, ahead) in limits {
            mended += tx.run(statement, values![now, now + ahead]).await?;
        }
        tx.commit().await?;
        self.mended.0.store(now.micros(), Ordering::Relaxed);
        if 0 < mended {
            tracing::warn!(
                "The clock ran ahead and was put right: {mended} rows that waited for it are due now"
            );
        }
        Ok(())
    }
}
