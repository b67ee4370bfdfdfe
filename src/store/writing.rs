//! One writing transaction of an org: its row is locked first, and moved on last.

use super::{
    SqlStore,
    books::{self, OrgRow, Turn},
    db::{Tx, values},
    failure::{Done, wrong},
    rows, sql,
};
use crate::vault::Purpose;
use slice_core::{
    action::ACTION_LIFE,
    audit::{self, Link},
    books::{Books, Entry, Message, Scope},
    event::{Actor, Event},
    ids::{ActionId, GrantId, MemberId, MessageId, OrgId, ServiceName},
    late,
    linking::Asked,
    months,
    refusal::Refusal,
    settings::Settings,
    time::Time,
    vault::{Seal, SealOwner},
};
use zeroize::Zeroizing;

/// An open transaction under the lock of its org's row. Dropped, it never happened.
pub(super) struct Writing<'a> {
    pub store: &'a SqlStore,
    pub tx: Tx,
    pub org: OrgRow,
    pub now: Time,
    pub settings: Settings,
    pub turn: Turn,
    /// Seals that the events of this transaction have not taken yet.
    pub seals: Vec<(SealOwner, Seal)>,
    /// Who redeemed the code that an event of this transaction names.
    pub asked: Option<(i64, Asked)>,
    audit_key: Zeroizing<[u8; 32]>,
}

impl<'a> Writing<'a> {
    pub(super) async fn begin(store: &'a SqlStore, org: OrgId) -> Done<Self> {
        let tx = store.db.write().await?;
        Self::on(store, tx, org).await
    }

    pub(super) async fn on(store: &'a SqlStore, mut tx: Tx, org: OrgId) -> Done<Self> {
        let org = OrgRow::locked(&mut tx, org).await?;
        if org.closed_at.is_some() {
            return Err(closed().into());
        }
        // Read under the lock: a writer that waited must not write with the time it came.
        let now = store.clock.now();
        let settings = books::settings(&mut tx, org.id).await?;
        let turn = Turn::at(now, &org, &settings);
        let audit_key = store.vault.unwrap(org.id, Purpose::Audit, &org.audit_key)?;
        Ok(Self {
            store,
            tx,
            org,
            now,
            settings,
            turn,
            seals: vec![],
            asked: None,
            audit_key,
        })
    }

    /// Whether this transaction may happen at all: the delivery is new, and the action is unused.
    pub(super) async fn admit(&mut self, scope: &Scope) -> Done<()> {
        self.is_nobodys_alias(scope).await?;
        if let Some(delivery) = &scope.delivery {
            let mark = values![self.org.id, delivery.as_str(), self.now];
            if self.tx.run(sql::MARK_DELIVERY, mark).await? == 0 {
                return Err(Refusal::Repeated.into());
            }
        }
        let Some(id) = scope.action else {
            return Ok(());
        };
        let row = self.tx.first(sql::ACTION, values![id]).await?;
        let action = row.as_ref().map(rows::action).transpose()?;
        let action = action.filter(|action| action.org == self.org.id);
        let action = action.ok_or(Refusal::TooOld)?;
        if let Some((by, at)) = action.used {
            return Err(Refusal::AlreadyDone { by, at }.into());
        }
        if action.expires_at <= self.now {
            return Err(Refusal::TooOld.into());
        }
        let used = values![self.org.id, id, scope.actor.member(), self.now];
        self.tx.one(sql::USE_ACTION, used, "the action's use").await
    }

    /// What the rules see; for a worker only while its claim stands, which then stands until the
    /// commit.
    pub(super) async fn books(&mut self, scope: &Scope) -> Done<Books> {
        let seen = (self.now, self.settings.clone(), self.turn);
        let mut books = books::read(&mut self.tx, &self.org, scope, seen).await?;
        for fresh in &mut books.fresh {
            self.store.clock.random(fresh);
        }
        if let Some(fence) = scope.fence {
            let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
            let hold = values![self.org.id, grant.id, fence.0];
            if self.tx.run(sql::HOLD_CLAIM, hold).await? == 0 {
                return Err(Refusal::LostLease.into());
            }
        }
        Ok(books)
    }

    /// Writes what was decided; gives each button its action on the way.
    pub(super) async fn write(
        &mut self,
        scope: &Scope,
        books: &Books,
        entry: &mut Entry,
    ) -> Done<()> {
        for (id, member, text) in &entry.texts {
            let text = values![*id, self.org.id, *member, text.as_str()];
            self.tx.run(sql::KEEP_TEXT, text).await?;
        }
        self.seals.clone_from(&entry.seals);
        self.asked.clone_from(&entry.asked);
        let late = late::told(books, &entry.events);
        entry.messages.extend(late);
        let grant = books.grant.as_ref().map(|grant| grant.id);
        let held = scope.fence.and(grant);
        for event in &entry.events {
            self.record(scope.actor, event).await?;
            if let Some(grant) = moved(event).filter(|grant| held != Some(*grant)) {
                let lose = values![self.org.id, grant];
                self.tx
                    .one(sql::LOSE_CLAIM, lose, "the moved grant")
                    .await?;
            }
        }
        for (member, who) in &entry.known {
            self.know(*member, who).await?;
        }
        self.warn(books, entry).await?;
        if !self.seals.is_empty() {
            return wrong("an entry has a seal that none of its events accounts for");
        }
        for message in &mut entry.messages {
            self.say(message).await?;
        }
        let paced = scope.fence.is_some() || entry.look_again.is_some() || entry.releases;
        if let (true, Some(grant)) = (paced, grant) {
            let not_before = entry
                .look_again
                .map_or(0, |after| (self.now + after).micros());
            let pace = values![self.org.id, grant, not_before, entry.releases];
            self.tx
                .one(sql::PACE_GRANT, pace, "the scope's grant")
                .await?;
        }
        Ok(())
    }

    /// The first transaction of a month says so, before anything else of it.
    async fn open_month(&mut self) -> Done<()> {
        if !self.turn.turns {
            return Ok(());
        }
        self.turn.turns = false;
        let month = self.turn.month;
        self.append(Actor::Slice, &Event::MonthOpened { month })
            .await?;
        let Some(most) = self.settings.carry_over else {
            return Ok(());
        };
        let before = books::members(&mut self.tx, self.org.id, month.before()).await?;
        for event in months::carried_over(&before, month, most) {
            self.append(Actor::Slice, &event).await?;
        }
        Ok(())
    }

    /// Applies an event to the state, and appends it to the trail.
    pub(super) async fn record(&mut self, actor: Actor, event: &Event) -> Done<()> {
        self.open_month().await?;
        self.append(actor, event).await
    }

    async fn append(&mut self, actor: Actor, event: &Event) -> Done<()> {
        let seq = self.org.audit_count + 1;
        self.apply(seq, event).await?;
        let (actor_text, text) = audit::texts(actor, event);
        let mut link = Link {
            seq,
            at: self.now,
            actor: actor_text,
            event: text,
            mac: String::new(),
        };
        link.mac = audit::mac(&self.audit_key, self.org.id, &link, &self.org.audit_head);
        let (member, service) = self.about(event).await?;
        let row = values![
            self.org.id,
            seq,
            link.at,
            link.actor,
            link.event,
            link.mac.as_str(),
            actor.member(),
            member,
            event.grant(),
            service.as_ref(),
            event.is_metering(),
        ];
        self.tx
            .one(sql::APPEND_AUDIT, row, "the audit event")
            .await?;
        self.want_homes(event, member).await?;
        self.org.audit_count = seq;
        self.org.audit_head = audit::head(&self.audit_key, self.org.id, seq, &link.mac);
        Ok(())
    }

    /// Whom and which service the event is about, the grant's where it does not say so itself.
    async fn about(&mut self, event: &Event) -> Done<(Option<MemberId>, Option<ServiceName>)> {
        let (mut member, mut service) = (event.member(), event.service().cloned());
        if let Some(grant) = event.grant() {
            let row = self
                .tx
                .first(sql::GRANT_FACTS, values![self.org.id, grant])
                .await?;
            let Some(row) = row else {
                return wrong("an event is about a grant that is not in the books");
            };
            member = Some(member.unwrap_or(row.parsed("member_id")?));
            service = Some(service.unwrap_or(ServiceName::new(row.text("service")?)));
        }
        Ok((member, service))
    }

    /// Into the outbox, after its buttons' actions.
    async fn say(&mut self, message: &mut Message) -> Done<()> {
        for button in message.page.buttons_mut() {
            let action = ActionId::from_random(self.store.fresh());
            let offer = values![
                action,
                self.org.id,
                button.line.as_str(),
                rows::audience_word(button.audience),
                self.now + ACTION_LIFE,
            ];
            self.tx.one(sql::OFFER, offer, "the action").await?;
            button.action = Some(action);
        }
        let row = values![
            MessageId::from_random(self.store.fresh()),
            self.org.id,
            self.org.next_message,
            rows::reader_word(message.to),
            message.topic.as_deref(),
            message.edit,
            serde_json::to_string(&message.page)?,
            message.reveals,
            self.now,
        ];
        self.tx.one(sql::WRITE_MESSAGE, row, "the message").await?;
        self.org.next_message += 1;
        Ok(())
    }

    pub(super) async fn commit(self) -> Done<()> {
        self.advance().await?.commit().await
    }

    /// All but the commit, so that another org can be written to in the same transaction.
    pub(super) async fn advance(mut self) -> Done<Tx> {
        self.open_month().await?;
        let row = values![
            self.org.id,
            self.org.audit_count,
            self.org.audit_head.as_str(),
            self.turn.month,
            self.turn.zone.name(),
            self.org.next_grant,
            self.org.next_message,
        ];
        self.tx.one(sql::ADVANCE_ORG, row, "the org's row").await?;
        Ok(self.tx)
    }
}

fn closed() -> Refusal {
    Refusal::sentence(
        "This workspace has just joined another org. Nothing was changed. Say it again to go on \
         there.",
    )
}

/// The grant that an event moves on, or about whose key it has work begun.
fn moved(event: &Event) -> Option<GrantId> {
    match event {
        Event::GrantMoved { grant, .. }
        | Event::GrantApproved { grant, .. }
        | Event::CapChanging { grant, .. }
        | Event::RotationBegun { grant, .. }
        | Event::ExtensionBegun { grant, .. } => Some(*grant),
        _ => None,
    }
}
