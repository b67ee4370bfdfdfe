//! The audit trail as readers and verifiers see it, and the buttons' rows.

use super::{
    SqlStore,
    books::OrgRow,
    db::{Row, Tx, values},
    failure::Done,
    rows, sql,
};
use crate::vault::Purpose;
use slice_core::{
    action::{ACTION_LIFE, Action},
    audit::{Broken, Link, Verifier},
    books::Offer,
    event::{Actor, Event},
    ids::{ActionId, OrgId, TextId},
    ports::{AuditQuery, AuditRow},
    time::Time,
};

/// A verifier holds so many links at once.
const LINKS_PER_STEP: i64 = 500;

impl SqlStore {
    pub(super) async fn audit_rows(&self, org: OrgId, query: &AuditQuery) -> Done<Vec<AuditRow>> {
        let anyone = || String::new();
        let member = query
            .member
            .map_or_else(anyone, |member| member.to_string());
        let service = query.service.as_ref();
        let service = service.map_or_else(anyone, ToString::to_string);
        let wanted = values![
            org,
            query.before.unwrap_or(i64::MAX),
            query.since.unwrap_or(Time::from_micros(i64::MIN)),
            query.metering,
            member,
            service,
            query.limit.max(0),
        ];
        let mut tx = self.db.read().await?;
        let mut audit = vec![];
        for row in tx.all(sql::AUDIT, wanted).await? {
            let actor: Actor = serde_json::from_str(&row.text("actor")?)?;
            let event: Event = serde_json::from_str(&row.text("event")?)?;
            let texts = texts(&mut tx, org, &event).await?;
            audit.push(AuditRow {
                seq: row.int("seq")?,
                at: row.time("at")?,
                actor,
                event,
                grant: row.maybe_int("number")?,
                texts,
                mac: row.text("mac")?,
            });
        }
        Ok(audit)
    }

    pub(super) async fn chain(&self, org: OrgId, after: i64, limit: i64) -> Done<Vec<Link>> {
        let mut tx = self.db.read().await?;
        links(&mut tx, org, after, limit).await
    }

    /// All in one view of the database, so that what is written meanwhile is no gap.
    pub(super) async fn walk(
        &self,
        org: OrgId,
        published: Option<&str>,
    ) -> Done<Result<(i64, String), Broken>> {
        let mut tx = self.db.read().await?;
        let row = OrgRow::read(&mut tx, org).await?;
        let key = self.vault.unwrap(org, Purpose::Audit, &row.audit_key)?;
        let mut verifier = Verifier::new(&key, org, published);
        let mut after = i64::MIN;
        loop {
            let links = links(&mut tx, org, after, LINKS_PER_STEP).await?;
            let Some(last) = links.last() else { break };
            after = last.seq;
            for link in &links {
                if let Err(broken) = verifier.step(link) {
                    return Ok(Err(broken));
                }
            }
        }
        let proven = verifier.finish(row.audit_count, &row.audit_head);
        Ok(proven.map(|count| (count, row.audit_head)))
    }

    pub(super) async fn find_action(&self, id: ActionId) -> Done<Option<Action>> {
        let mut tx = self.db.read().await?;
        let row = tx.first(sql::ACTION, values![id]).await?;
        row.as_ref().map(rows::action).transpose()
    }

    pub(super) async fn write_offers(&self, org: OrgId, offers: &[Offer]) -> Done<Vec<ActionId>> {
        let expires_at = self.clock.now() + ACTION_LIFE;
        let mut tx = self.db.write().await?;
        let mut ids = vec![];
        for offer in offers {
            let id = ActionId::from_random(self.fresh());
            let audience = rows::audience_word(offer.audience);
            let row = values![id, org, offer.line.as_str(), audience, expires_at];
            tx.one(sql::OFFER, row, "the action").await?;
            ids.push(id);
        }
        tx.commit().await?;
        Ok(ids)
    }
}

async fn links(tx: &mut Tx, org: OrgId, after: i64, limit: i64) -> Done<Vec<Link>> {
    let link = |row: &Row| {
        Ok(Link {
            seq: row.int("seq")?,
            at: row.time("at")?,
            actor: row.text("actor")?,
            event: row.text("event")?,
            mac: row.text("mac")?,
        })
    };
    let rows = tx
        .all(sql::LINKS, values![org, after, limit.max(0)])
        .await?;
    rows.iter().map(link).collect()
}

/// The texts that an event names, as far as they were not erased.
async fn texts(tx: &mut Tx, org: OrgId, event: &Event) -> Done<Vec<String>> {
    let named: [Option<TextId>; 3] = match event {
        Event::GrantOpened {
            name,
            reason,
            terms,
            ..
        } => [*terms, *name, *reason],
        Event::GrantMoved { why, .. } => [*why, None, None],
        _ => [None; 3],
    };
    let mut texts = vec![];
    for id in named.into_iter().flatten() {
        if let Some(row) = tx.first(sql::TEXT, values![org, id]).await? {
            texts.push(row.text("text")?);
        }
    }
    Ok(texts)
}
