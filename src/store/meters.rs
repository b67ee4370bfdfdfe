//! When each master key's keys are read, and how that went.

use super::{
    SqlStore,
    db::values,
    failure::Done,
    port::{Answer, answer},
    sql,
};
use slice_core::{
    calendar::MeterStanding,
    ids::{OrgId, ServiceName},
    metering::{Metering, Outcome},
    ports::Meters,
};
use std::time::Duration;

/// No round is planned later than this: one that is was planned before the clock went back.
const PLANNED_MAX: Duration = Duration::from_hours(2);

impl Meters for SqlStore {
    fn claim_meter(&self, lease: Duration) -> Answer<'_, Option<Metering>> {
        answer(self.claim_due_meter(lease))
    }

    fn metered<'a>(&'a self, metering: &'a Metering, outcome: &'a Outcome) -> Answer<'a, ()> {
        answer(self.end_meter(metering, outcome))
    }

    fn call_meters(&self, org: OrgId) -> Answer<'_, bool> {
        answer(async move {
            let mut tx = self.db.write().await?;
            let called = tx
                .run(sql::CALL_METERS, values![org, self.clock.now()])
                .await?;
            tx.commit().await?;
            Ok(0 < called)
        })
    }

    fn meters(&self) -> Answer<'_, Vec<MeterStanding>> {
        answer(async move {
            let mut tx = self.db.read().await?;
            let rows = tx.all(sql::METERS, vec![]).await?;
            let standing = rows.iter().map(|row| {
                Ok(MeterStanding {
                    org: row.parsed("org_id")?,
                    service: ServiceName::new(row.text("service")?),
                    read_at: row.maybe_time("read_at")?,
                    failing_since: row.maybe_time("failing_since")?,
                    next: row.time("meter_at")?,
                })
            });
            standing.collect()
        })
    }
}

impl SqlStore {
    /// Looks first and claims then what it saw: who was slower looks again.
    async fn claim_due_meter(&self, lease: Duration) -> Done<Option<Metering>> {
        loop {
            let now = self.clock.now();
            let mut tx = self.db.read().await?;
            let due = values![now, now + PLANNED_MAX];
            let Some(row) = tx.first(sql::DUE_METER, due).await? else {
                return Ok(None);
            };
            drop(tx);
            let (org, service) = (
                row.parsed("org_id")?,
                ServiceName::new(row.text("service")?),
            );
            let seen = values![org, &service, row.int("meter_fence")?, now + lease];
            let mut tx = self.db.write().await?;
            if let Some(claimed) = tx.first(sql::CLAIM_METER, seen).await? {
                tx.commit().await?;
                return Ok(Some(Metering {
                    org,
                    service,
                    fence: claimed.int("meter_fence")?,
                    read_at: row.maybe_time("read_at")?,
                    failing_since: row.maybe_time("failing_since")?,
                    has_keys: 0 < row.int("live")?,
                }));
            }
        }
    }

    /// A claim that ran out says nothing any more.
    async fn end_meter(&self, metering: &Metering, outcome: &Outcome) -> Done<()> {
        let Metering {
            org,
            service,
            fence,
            ..
        } = metering;
        let now = self.clock.now();
        let row = values![*org, service, *fence, outcome.next, now];
        let statement = if outcome.is_read {
            sql::END_METER_READ
        } else {
            sql::END_METER_FAILED
        };
        let mut tx = self.db.write().await?;
        if tx.run(statement, row).await? == 0 {
            return Ok(());
        }
        for later in &outcome.later {
            let (grant, attempt) = (later.grant, later.attempt);
            let row = values![*org, grant, attempt, later.at, now, metering.read_at];
            tx.run(sql::KEY_UNREAD, row).await?;
        }
        for (grant, attempt) in &outcome.back {
            let row = values![*org, *grant, *attempt];
            tx.run(sql::KEY_READABLE, row).await?;
        }
        tx.commit().await
    }
}
