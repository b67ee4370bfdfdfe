//! Workers' claims on grants: fenced leases, so that any number of replicas may run.

use super::{
    SqlStore,
    db::{Value, values},
    failure::{Done, wrong},
    sql,
};
use slice_core::{
    books::Fence,
    ends,
    grant::State,
    ids::{GrantId, Identity, MemberId},
    ports::{Check, ClaimedGrant, Work},
    renewals::{REFUSED_PAUSE, REPLACE_BEFORE},
    settings::REQUEST_LIFE,
    steps::LATE_BILLING,
    time::Time,
};
use std::time::Duration;

fn due(work: Work) -> &'static str {
    match work {
        Work::Issue => sql::DUE_ISSUE,
        Work::Reconcile => sql::DUE_RECONCILE,
        Work::Suspend => sql::DUE_SUSPEND,
        Work::Resume => sql::DUE_RESUME,
        Work::End => sql::DUE_END,
        Work::Sweep => sql::DUE_SWEEP,
        Work::CloseReveal => sql::DUE_CLOSE_REVEAL,
        Work::Release => sql::DUE_RELEASE,
        Work::Time => sql::DUE_TIME,
        Work::Change => sql::DUE_CHANGE,
        Work::Renew => sql::DUE_RENEW,
    }
}

/// The instants that a statement of [`due`] compares with.
fn times(work: Work, now: Time) -> Vec<Value> {
    match work {
        Work::Time => values![
            now,
            now - REQUEST_LIFE,
            now + ends::HOUR,
            now + ends::DAY,
            now - ends::IDLE,
        ],
        Work::Sweep => values![now, now - LATE_BILLING],
        Work::Renew => values![now, now + REPLACE_BEFORE, now - REFUSED_PAUSE],
        _ => values![now],
    }
}

impl SqlStore {
    /// Looks first and claims then what it saw: who was slower looks again.
    pub(super) async fn claim(&self, work: Work, lease: Duration) -> Done<Option<ClaimedGrant>> {
        loop {
            let now = self.clock.now();
            self.mend(now).await?;
            let mut tx = self.db.read().await?;
            let Some(row) = tx.first(due(work), times(work, now)).await? else {
                return Ok(None);
            };
            drop(tx);
            let (grant, org): (GrantId, _) = (row.parsed("id")?, row.parsed("org_id")?);
            let state = row.word("state", State::from_word)?;
            let seen = values![grant, row.int("fence")?, state.word(), now, now + lease];
            let mut tx = self.db.write().await?;
            if let Some(row) = tx.first(sql::CLAIM_GRANT, seen).await? {
                let fence = Fence(row.int("fence")?);
                tx.commit().await?;
                return Ok(Some(ClaimedGrant { org, grant, fence }));
            }
        }
    }

    pub(super) async fn claim_member(&self, lease: Duration) -> Done<Option<Check>> {
        loop {
            let now = self.clock.now();
            let mut tx = self.db.read().await?;
            let Some(row) = tx.first(sql::DUE_CHECK, values![now]).await? else {
                return Ok(None);
            };
            drop(tx);
            let (member, org): (MemberId, _) = (row.parsed("id")?, row.parsed("org_id")?);
            let seen = values![member, row.int("check_fence")?, now, now + lease];
            let mut tx = self.db.write().await?;
            if let Some(row) = tx.first(sql::CLAIM_CHECK, seen).await? {
                let fence = Fence(row.int("check_fence")?);
                tx.commit().await?;
                return Ok(Some(Check { org, member, fence }));
            }
        }
    }

    pub(super) async fn end_check(&self, check: Check, after: Duration) -> Done<()> {
        let row = values![check.member, check.fence.0, self.clock.now() + after];
        let mut tx = self.db.write().await?;
        tx.run(sql::END_CHECK, row).await?;
        tx.commit().await
    }

    pub(super) async fn look_now(&self, who: &Identity) -> Done<()> {
        let workspace = &who.workspace;
        let (platform, place) = (workspace.platform.word(), workspace.id.as_str());
        let row = values![platform, place, who.user.as_str()];
        let mut tx = self.db.write().await?;
        tx.run(sql::CHECK_NOW, row).await?;
        tx.commit().await
    }

    pub(super) async fn end_claim(&self, claim: ClaimedGrant, after: Duration) -> Done<()> {
        let ClaimedGrant { org, grant, fence } = claim;
        let row = values![org, grant, fence.0, self.clock.now() + after];
        let mut tx = self.db.write().await?;
        // No row: somebody else has claimed it since, and nothing is to be given back.
        if 1 < tx.run(sql::PUT_BACK, row).await? {
            return wrong("two grants have one id");
        }
        tx.commit().await
    }
}
