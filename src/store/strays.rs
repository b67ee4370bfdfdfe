//! Keys that a provider lists and no books know: what events about them do, and what rules see.

use super::{
    books::OrgRow,
    db::{Tx, values},
    failure::{Done, wrong},
    rows, sql,
    writing::Writing,
};
use slice_core::{
    event::Event,
    grant::{KeyState, State},
    ids::{OrgId, ServiceName},
    ports::Listed,
    strays::{self, Alike, Stray},
};

/// Those that wait for an owner.
pub(super) async fn waiting(tx: &mut Tx, org: OrgId) -> Done<Vec<Stray>> {
    let rows = tx.all(sql::STRAYS, values![org]).await?;
    let strays = rows.iter().map(|row| {
        Ok(Stray {
            number: row.int("number")?,
            service: ServiceName::new(row.text("service")?),
            label: row.text("label")?,
            provider_id: row.text("provider_id")?,
            discarded_at: row.maybe_time("discarded_at")?,
            stuck_at: row.maybe_time("stuck_at")?,
            is_double: 0 < row.int("doubles")?,
        })
    });
    strays.collect()
}

/// Which of the listed keys no books know, and the number that the first of them takes.
pub(super) async fn strangers(
    tx: &mut Tx,
    org: &OrgRow,
    listed: &[Listed],
) -> Done<(Vec<Listed>, i64)> {
    let mut strangers = vec![];
    if listed.is_empty() {
        return Ok((strangers, 0));
    }
    for one in listed {
        let which = values![one.label.as_str(), one.provider_id.as_str()];
        let rows = tx.all(sql::KEYS_LIKE, which).await?;
        let alike = rows.iter().map(|row| {
            Ok(Alike {
                provider_id: row.maybe_text("provider_id")?,
                key: row.word("key_state", KeyState::from_word)?,
                grant: row.word("state", State::from_word)?,
            })
        });
        if !strays::is_known(one, &alike.collect::<Done<Vec<_>>>()?) {
            strangers.push(one.clone());
        }
    }
    match tx.first(sql::NEXT_STRAY, values![org.id]).await? {
        Some(row) => Ok((strangers, row.int("number")?)),
        None => wrong("a maximum has no row"),
    }
}

impl Writing<'_> {
    pub(super) async fn apply_stray(&mut self, event: &Event) -> Done<()> {
        let (org, now) = (self.org.id, self.now);
        match event {
            Event::StrayFound {
                stray,
                service,
                provider_id,
                label,
            } => {
                let (id, label) = (provider_id.as_str(), label.as_str());
                let row = values![org, *stray, service, id, label, now];
                self.tx.one(sql::NOTE_STRAY, row, "the found key").await
            }
            Event::DoubleFound {
                grant,
                attempt,
                label,
                provider_id,
                facts,
            } => {
                let (label, id) = (label.as_str(), provider_id.as_str());
                let facts = rows::facts_word(facts);
                let row = values![org, *grant, *attempt, label, id, facts, now];
                self.tx.one(sql::ADD_DOUBLE, row, "the second key").await
            }
            Event::StrayDiscarded { stray, service } => {
                let row = values![org, *stray, now];
                self.tx
                    .one(sql::DISCARD_STRAY, row, "the discarded key")
                    .await?;
                self.tx
                    .run(sql::METER_NOW, values![org, service])
                    .await
                    .map(drop)
            }
            Event::StrayStuck { stray, .. } => {
                let row = values![org, *stray, now];
                self.tx.one(sql::NOTE_STUCK, row, "the discarded key").await
            }
            Event::StrayAdopted { stray, .. } | Event::StrayGone { stray, .. } => {
                let row = values![org, *stray, now];
                self.tx.one(sql::CLOSE_STRAY, row, "the found key").await
            }
            _ => wrong("not an event about a key that no books know"),
        }
    }
}
