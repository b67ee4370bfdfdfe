//! What events about spending do to the state: each charges what the books lack, and no more.

use super::{
    books::{member, today},
    db::{Tx, values},
    failure::{Done, wrong},
    sql,
    writing::Writing,
};
use slice_core::{
    books::{Books, Entry},
    calendar::Spent,
    day::Day,
    event::{Actor, Event, Reading},
    ids::{GrantId, MemberId, OrgId, ServiceName},
    money::Money,
    warnings,
};

impl Writing<'_> {
    pub(super) async fn apply_spending(&mut self, seq: i64, event: &Event) -> Done<()> {
        match event {
            Event::UsageRead { month, readings } => {
                self.in_this_month(*month)?;
                for (place, reading) in (0..).zip(readings) {
                    self.charge((seq, place), reading).await?;
                }
                Ok(())
            }
            Event::SpendAssumed { month, reading } => {
                self.in_this_month(*month)?;
                self.charge((seq, 0), reading).await
            }
            Event::SpendCorrected {
                month,
                grant,
                member,
                from,
                to,
            } => {
                self.in_this_month(*month)?;
                self.correct(seq, *grant, *member, (*from, *to)).await
            }
            _ => wrong("not an event about spending"),
        }
    }

    /// Charges what is new in a reading, which must be all that the books lack.
    async fn charge(&mut self, at: (i64, i64), reading: &Reading) -> Done<()> {
        let (grant, attempt, delta) = (reading.grant, reading.attempt, reading.delta);
        let cursor = reading.cursor.as_deref();
        let row = values![
            self.org.id,
            grant,
            attempt,
            delta,
            reading.usage,
            cursor,
            self.now
        ];
        self.tx
            .one(sql::READ_USAGE, row, "the key that was read")
            .await?;
        let used = values![self.org.id, grant, self.now];
        self.tx
            .one(sql::NOTE_USE, used, "the grant that spent")
            .await?;
        self.note_charge(at, (reading.member, grant, attempt), delta)
            .await
    }

    async fn note_charge(
        &mut self,
        (seq, place): (i64, i64),
        (member, grant, attempt): (MemberId, GrantId, i64),
        delta: Money,
    ) -> Done<()> {
        let (org, month, day) = (self.org.id, self.turn.month, today(self.now, self.turn));
        let row = values![
            org,
            seq,
            place,
            member,
            month,
            grant,
            attempt,
            delta,
            day.to_string()
        ];
        self.tx.one(sql::CHARGE, row, "the charge").await
    }

    /// An owner's word about what a grant spent in all goes to its last key.
    async fn correct(
        &mut self,
        seq: i64,
        grant: GrantId,
        member: MemberId,
        (from, to): (Money, Money),
    ) -> Done<()> {
        let row = self
            .tx
            .first(sql::USAGE_OF_GRANT, values![self.org.id, grant])
            .await?;
        let Some((row, attempt)) = row
            .map(|row| {
                row.maybe_int("attempt")
                    .map(|last| last.map(|last| (row, last)))
            })
            .transpose()?
            .flatten()
        else {
            return wrong("a grant without a key spent nothing that could be corrected");
        };
        if row.money("total")? != from {
            return wrong("a correction starts from what the books do not show");
        }
        let delta = to - from;
        let usage = values![self.org.id, grant, attempt, delta];
        self.tx
            .one(sql::CORRECT_USAGE, usage, "the corrected key")
            .await?;
        self.note_charge((seq, 0), (member, grant, attempt), delta)
            .await
    }
}

impl Writing<'_> {
    /// Whoever was charged or cut is warned in the same transaction, whatever it was that did it: so no
    /// warning is lost or doubled.
    pub(super) async fn warn(&mut self, books: &Books, entry: &mut Entry) -> Done<()> {
        let mut members = vec![];
        for id in warnings::pressed(&entry.events) {
            members.extend(member(&mut self.tx, self.org.id, id, self.turn.month).await?);
        }
        let told = warnings::told(&books.org, self.turn.month, &members);
        for event in &told.events {
            self.record(Actor::Slice, event).await?;
        }
        entry.events.extend(told.events);
        entry.messages.extend(told.messages);
        Ok(())
    }
}

/// What was spent from the first day to the last.
pub(super) async fn spent(tx: &mut Tx, org: OrgId, (from, to): (Day, Day)) -> Done<Vec<Spent>> {
    let days = values![org, from.to_string(), to.to_string()];
    let rows = tx.all(sql::SPENT_BY_DAY, days).await?;
    let spent = rows.iter().map(|row| {
        Ok(Spent {
            day: row.parsed("day")?,
            member: row.parsed("member_id")?,
            service: ServiceName::new(row.text("service")?),
            amount: row.money("total")?,
        })
    });
    spent.collect()
}
