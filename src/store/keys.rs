//! What events about keys do to the state.

use super::{
    db::values,
    failure::{Done, wrong},
    rows, sql,
    writing::Writing,
};
use slice_core::{
    drift::Drift,
    ends,
    event::Event,
    grant::State,
    ids::GrantId,
    metering,
    vault::{Seal, SealOwner},
};

impl Writing<'_> {
    pub(super) async fn apply_key(&mut self, event: &Event) -> Done<()> {
        let org = self.org.id;
        match event {
            Event::KeyIntended {
                grant,
                attempt,
                label,
                dead_man,
            } => {
                let now = self.now;
                let row = values![org, *grant, *attempt, label.as_str(), *dead_man, now];
                self.tx
                    .one(sql::INTEND_KEY, row, "the intended key")
                    .await?;
                let row = values![org, *grant, self.now];
                self.tx
                    .one(sql::FIRST_TRY, row, "the grant of the key")
                    .await
            }
            Event::KeyMinted {
                grant,
                attempt,
                provider_id,
                facts,
            } => {
                let owner = SealOwner::Key {
                    org,
                    grant: *grant,
                    attempt: *attempt,
                };
                let seal = self.take_seal(&owner);
                let seal = seal.as_ref().map(Seal::as_str);
                let facts = rows::facts_word(facts);
                let row = values![org, *grant, *attempt, provider_id.as_str(), seal, facts];
                self.tx.one(sql::MINT_KEY, row, "the minted key").await?;
                self.erase_unwanted_seals(*grant).await
            }
            Event::KeyArmed {
                grant,
                attempt,
                cap,
                ends_at,
                reveal_by,
            } => {
                let row = values![org, *grant, *attempt, *cap];
                self.tx.one(sql::ARM_KEY, row, "the armed key").await?;
                let turns_at = self.turn.month.end(self.turn.zone);
                let reveal_by = reveal_by.unwrap_or(self.now + ends::UNREVEALED_LIFE);
                let row = values![org, *grant, *ends_at, self.now, turns_at, reveal_by];
                self.tx
                    .one(sql::END_AT, row, "the grant of the key")
                    .await?;
                let soon = values![org, *grant, self.now + metering::EVERY];
                self.tx.run(sql::METER_SOON, soon).await.map(drop)
            }
            other => self.change_key(other).await,
        }
    }

    async fn change_key(&mut self, event: &Event) -> Done<()> {
        let org = self.org.id;
        match event {
            Event::KeyDisabled { grant, attempt } => {
                let row = values![org, *grant, *attempt, self.now];
                self.tx.one(sql::DISABLE_KEY, row, "the disabled key").await
            }
            Event::KeyEnabling {
                grant,
                attempt,
                cap,
            } => {
                let row = values![org, *grant, *attempt, *cap];
                self.tx.one(sql::ENABLE_KEY, row, "the key to enable").await
            }
            Event::KeyEnabled { grant, attempt } => {
                let row = values![org, *grant, *attempt];
                self.tx.one(sql::KEY_ENABLED, row, "the enabled key").await
            }
            Event::KeyCapped {
                grant,
                attempt,
                cap,
            } => {
                let row = values![org, *grant, *attempt, *cap];
                self.tx.one(sql::CAP_KEY, row, "the key with a cap").await
            }
            Event::KeyGone { grant, attempt } => {
                let row = values![org, *grant, *attempt];
                self.tx.one(sql::LOSE_KEY, row, "the lost key").await
            }
            Event::DataLeft {
                grant,
                attempt,
                what,
                monthly,
            } => {
                let row = values![org, *grant, *attempt, what.as_str(), *monthly];
                self.tx
                    .one(sql::NOTE_LEFT, row, "what stays of a key")
                    .await
            }
            Event::LeftoverDiscarded { grant, attempt } => {
                let row = values![org, *grant, *attempt, self.now];
                self.tx
                    .one(sql::DISCARD_LEFT, row, "what an owner wants deleted")
                    .await?;
                // Also a round that has begun already did not see the wish.
                let now = values![org, self.now];
                self.tx.run(sql::CALL_METERS, now).await.map(drop)
            }
            Event::LeftoverClosed { grant, attempt, .. } => {
                let row = values![org, *grant, *attempt];
                self.tx
                    .one(sql::CLOSE_LEFT, row, "what stayed of a key")
                    .await
            }
            other => self.watch_key(other).await,
        }
    }

    /// What was seen of a key beside what it spent.
    async fn watch_key(&mut self, event: &Event) -> Done<()> {
        let org = self.org.id;
        match event {
            Event::KeySilent {
                grant,
                attempt,
                since,
            } => {
                let row = values![org, *grant, *attempt, *since, self.now];
                self.tx.one(sql::KEY_SILENT, row, "the unread key").await
            }
            Event::KeyReadable { grant, attempt } => {
                let row = values![org, *grant, *attempt];
                self.tx.one(sql::KEY_READABLE, row, "the read key").await
            }
            Event::DriftSeen {
                grant,
                attempt,
                drift,
            } => {
                let word = drift.as_ref().map(rows::drift_word);
                let row = values![org, *grant, *attempt, word];
                self.tx.one(sql::NOTE_DRIFT, row, "the changed key").await?;
                let Some(Drift::Enabled(cap)) = drift else {
                    return Ok(());
                };
                let row = values![org, *grant, *attempt, *cap];
                let what = "the key that was enabled";
                self.tx.one(sql::ENABLED_THERE, row, what).await
            }
            _ => wrong("not an event about a key"),
        }
    }

    /// A key that comes when its grant is already being ended is nobody's to use.
    async fn erase_unwanted_seals(&mut self, grant: GrantId) -> Done<()> {
        let row = self
            .tx
            .first(sql::GRANT_FACTS, values![self.org.id, grant])
            .await?;
        let state = row
            .map(|row| row.word("state", State::from_word))
            .transpose()?;
        if state.is_some_and(State::keeps_seal) {
            return Ok(());
        }
        self.erase_seals(grant).await
    }
}
