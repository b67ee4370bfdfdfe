//! The books by their days, and the jobs that fall due on them.

use super::{
    SqlStore,
    books::{self, OrgRow, Turn},
    db::{Row, Tx, values},
    failure::Done,
    port::{Answer, answer},
    spending, sql,
    writing::Writing,
};
use slice_core::{
    ahead,
    calendar::{self, Calendar, Firing, Job, Spent, Standing},
    day::Day,
    ids::{OrgId, Place},
    refusal::Refusal,
    settings::Settings,
    time::Time,
};
use std::time::Duration;

impl Calendar for SqlStore {
    fn spent(&self, org: OrgId, days: (Day, Day)) -> Answer<'_, Vec<Spent>> {
        answer(async move { spending::spent(&mut self.db.read().await?, org, days).await })
    }

    fn claim_job(&self, lease: Duration) -> Answer<'_, Option<Firing>> {
        answer(self.claim_due_job(lease))
    }

    fn skip_job(&self, firing: Firing) -> Answer<'_, ()> {
        answer(async move {
            let mut tx = self.db.write().await?;
            let clock = Clockwork::of(&mut tx, firing.org, self.clock.now()).await?;
            clock.plan(&mut tx, firing.job, clock.now).await?;
            tx.commit().await
        })
    }

    fn call_job(&self, org: OrgId, job: Job) -> Answer<'_, bool> {
        answer(async move {
            let mut tx = self.db.write().await?;
            let called = values![org, job.word(), self.clock.now()];
            let found = tx.run(sql::CALL_JOB, called).await?;
            tx.commit().await?;
            Ok(found == 1)
        })
    }

    fn jobs(&self) -> Answer<'_, Vec<Standing>> {
        answer(async move {
            let mut tx = self.db.read().await?;
            let rows = tx.all(sql::JOBS, vec![]).await?;
            rows.iter().map(standing).collect()
        })
    }
}

fn standing(row: &Row) -> Done<Standing> {
    let done = row.maybe_time("due_at")?.zip(row.maybe_time("fired_at")?);
    Ok(Standing {
        org: row.parsed("org_id")?,
        job: row.word("job", Job::from_word)?,
        done,
        next: row.maybe_time("next_due")?,
    })
}

/// What an org's jobs are planned by.
struct Clockwork {
    org: OrgId,
    settings: Settings,
    turn: Turn,
    now: Time,
}

impl Clockwork {
    async fn of(tx: &mut Tx, org: OrgId, now: Time) -> Done<Self> {
        let row = OrgRow::read(tx, org).await?;
        let settings = books::settings(tx, org).await?;
        let turn = Turn::at(now, &row, &settings);
        Ok(Self {
            org,
            settings,
            turn,
            now,
        })
    }

    /// Whether the month in force was opened by a clock that ran ahead: a turn is due then, to say so.
    fn is_ahead(&self) -> bool {
        ahead::is_so(self.turn.month, self.turn.zone, self.now)
    }

    /// The last instant from `planned` on that has come, for which the job is to be done.
    fn due(&self, job: Job, planned: Time) -> Time {
        let schedule = job.schedule(&self.settings);
        let before = planned - Duration::from_micros(1);
        let due = schedule
            .and_then(|schedule| calendar::due(&schedule, self.turn.zone, before, self.now));
        // A job that was called by hand is due when it was called.
        due.unwrap_or(planned)
    }

    /// Plans the job's first instant after `after`. A month that has turned by the clocks of the zone
    /// before does not turn again by those of this one.
    async fn plan(&self, tx: &mut Tx, job: Job, after: Time) -> Done<()> {
        let Turn { month, zone, .. } = self.turn;
        let after = match job {
            Job::Turn if !self.is_ahead() => after.max(month.start(zone)),
            Job::Turn | Job::Digest => after,
        };
        let schedule = job.schedule(&self.settings);
        let next = schedule.and_then(|schedule| calendar::next(&schedule, zone, after));
        let row = values![self.org, job.word(), self.now, next];
        tx.one(sql::PLAN_JOB, row, "the job").await
    }
}

impl SqlStore {
    /// Looks first and claims then what it saw: who was slower looks again.
    async fn claim_due_job(&self, lease: Duration) -> Done<Option<Firing>> {
        loop {
            let now = self.clock.now();
            let mut tx = self.db.read().await?;
            let Some(row) = tx.first(sql::DUE_JOB, values![now]).await? else {
                return Ok(None);
            };
            drop(tx);
            let (org, job): (OrgId, _) = (row.parsed("org_id")?, row.word("job", Job::from_word)?);
            let mut tx = self.db.write().await?;
            let seen = values![org, job.word(), row.int("fence")?, now, now + lease];
            if tx.first(sql::CLAIM_JOB, seen).await?.is_none() {
                continue;
            }
            let clock = Clockwork::of(&mut tx, org, now).await?;
            let planned = row.maybe_time("next_due")?.filter(|due| *due <= now);
            let Some(planned) = planned else {
                // The clock went back, or the org is older than its jobs.
                if job == Job::Turn && clock.is_ahead() {
                    tx.commit().await?;
                    return Ok(Some(Firing { org, job, due: now }));
                }
                clock.plan(&mut tx, job, now).await?;
                tx.commit().await?;
                continue;
            };
            tx.commit().await?;
            let due = clock.due(job, planned);
            return Ok(Some(Firing { org, job, due }));
        }
    }
}

impl Writing<'_> {
    /// A job was done for an instant: for the first time, or nothing of this transaction stands.
    pub(super) async fn job_done(&mut self, job: Job, due: Time) -> Done<()> {
        let row = values![self.org.id, job.word(), due, self.now];
        if self.tx.run(sql::NOTE_FIRING, row).await? == 0 {
            return Err(Refusal::Repeated.into());
        }
        // Another zone may have come into force since it was claimed, whose clocks show this instant later.
        let planned = self.planned().await?;
        let planned = planned.into_iter().find(|(known, _)| *known == job);
        let planned = planned.and_then(|(_, next)| next).unwrap_or(self.now);
        let after = planned.clamp(self.now, self.now + ahead::ZONES);
        let clock = self.clockwork().await?;
        clock.plan(&mut self.tx, job, after).await
    }

    /// Each job, and when it is due.
    async fn planned(&mut self) -> Done<Vec<(Job, Option<Time>)>> {
        let rows = self.tx.all(sql::JOBS_OF, values![self.org.id]).await?;
        let planned = |row: &Row| {
            Ok((
                row.word("job", Job::from_word)?,
                row.maybe_time("next_due")?,
            ))
        };
        rows.iter().map(planned).collect()
    }

    /// A new org's jobs.
    pub(super) async fn plan_all(&mut self) -> Done<()> {
        let clock = self.clockwork().await?;
        for job in Job::ALL {
            clock.plan(&mut self.tx, job, self.now).await?;
        }
        Ok(())
    }

    /// After a change of what jobs are planned by. What is due already is done first.
    pub(super) async fn plan_again(&mut self) -> Done<()> {
        let clock = self.clockwork().await?;
        for (job, next) in self.planned().await? {
            if next.is_none_or(|next| self.now < next) {
                clock.plan(&mut self.tx, job, self.now).await?;
            }
        }
        Ok(())
    }

    /// A month begins, and with it another zone may come into force. What was planned by the old one's
    /// clocks is due when the new one's show the same: so no digest comes twice in a week, and none is
    /// left out. The turn itself was by the old one's.
    pub(super) async fn plan_month(&mut self) -> Done<()> {
        let zones = (self.org.zone, self.turn.zone);
        let planned = self.planned().await?;
        self.plan_again().await?;
        if zones.0 == zones.1 {
            return Ok(());
        }
        for (job, next) in planned.into_iter().filter(|(job, _)| *job != Job::Turn) {
            let next = next.zip(job.schedule(&self.settings));
            let moved = next.and_then(|(next, schedule)| calendar::moved(&schedule, next, zones));
            if let Some(due) = moved {
                let row = values![self.org.id, job.word(), due];
                self.tx.one(sql::MOVE_JOB, row, "the job").await?;
            }
        }
        Ok(())
    }

    /// Whether the digest's channel cannot be posted to.
    pub(super) async fn note_digest(&mut self, place: &Place, is_lost: bool) -> Done<()> {
        let Place { workspace, channel } = place;
        let lost = is_lost.then_some(channel.as_str());
        let (platform, id) = (workspace.platform.word(), workspace.id.as_str());
        let row = values![self.org.id, platform, id, lost];
        self.tx
            .one(sql::NOTE_DIGEST_LOST, row, "the digest's workspace")
            .await
    }

    /// A channel that is not the digest's any more is told of anew, should it be chosen again.
    pub(super) async fn forget_unused_channels(&mut self) -> Done<()> {
        let workspaces = self.tx.all(sql::WORKSPACES, values![self.org.id]).await?;
        let settings = books::settings(&mut self.tx, self.org.id).await?;
        for place in books::lost(&workspaces)? {
            if !settings.digest_channels.contains(&place) {
                self.note_digest(&place, false).await?;
            }
        }
        Ok(())
    }

    async fn clockwork(&mut self) -> Done<Clockwork> {
        Ok(Clockwork {
            org: self.org.id,
            settings: books::settings(&mut self.tx, self.org.id).await?,
            turn: self.turn,
            now: self.now,
        })
    }
}
