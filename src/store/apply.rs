//! What each event does to the state. Nothing else changes what events tell of.

use super::{
    db::values,
    failure::{Done, Failure, wrong},
    rows, sql,
    writing::Writing,
};
use slice_core::{
    event::Event,
    grant::{End, Pause, State},
    ids::{GrantId, MemberId, ServiceName, UserId, Workspace},
    leaving::{CHECK_EVERY, GRACE},
    money::Money,
    month::Month,
    role::Binding,
    steps::REVEAL_LEASE,
    time::Time,
    vault::{Seal, SealOwner},
};
use std::time::Duration;

/// Platforms repeat a delivery for an hour or so; marks are kept much longer.
const MARK_LIFE: Duration = Duration::from_hours(24 * 7);
const FORGOTTEN_ID_BYTES: usize = 16;

impl Writing<'_> {
    /// Changes the rows as event number `seq` says. A row that is not as the event tells is an
    /// error: nothing of the transaction may stand then.
    #[expect(
        clippy::too_many_lines,
        reason = "a line for each event, so that the compiler asks for a new one's"
    )]
    pub(super) async fn apply(&mut self, seq: i64, event: &Event) -> Done<()> {
        match event {
            Event::OrgOpened => self.plan_all().await,
            Event::RevealRefused { .. } | Event::GrantTransferred { .. } => Ok(()),
            Event::MonthOpened { .. } => {
                self.sweep().await?;
                self.plan_month().await
            }
            Event::ProviderSilent { service, since } => {
                self.note_silence(service, Some(*since)).await
            }
            Event::OptionsSet { service, options } => {
                let row = values![self.org.id, service, options.as_str()];
                self.tx.one(sql::CHOOSE, row, "the options").await
            }
            Event::ProviderBack { service } => self.note_silence(service, None).await,
            Event::JobDone { job, due } => self.job_done(*job, *due).await,
            Event::WorkspaceLinked { workspace } => self.link(seq, workspace).await,
            Event::AppInstalled { .. } | Event::AppRemoved { .. } | Event::AppReturned { .. } => {
                self.apply_installation(event).await
            }
            Event::SettingChanged { name, to, .. } => {
                let row = values![self.org.id, name.as_str(), to.as_str()];
                self.tx.one(sql::SET, row, "the setting").await?;
                self.forget_unused_channels().await?;
                self.plan_again().await
            }
            Event::DigestLost { place } => self.note_digest(place, true).await,
            Event::DigestFound { place } => self.note_digest(place, false).await,
            Event::RoleBound { binding } => self.bind(sql::BIND, binding).await,
            Event::RoleUnbound { binding } => self.bind(sql::UNBIND, binding).await,
            Event::OrgClosed { .. }
            | Event::MembersJoined { .. }
            | Event::LinkCodeMade { .. }
            | Event::LinkTried { .. }
            | Event::LinkAsked { .. }
            | Event::LinkAnswered { .. } => self.apply_link(seq, event).await,
            Event::MemberJoined { .. }
            | Event::MemberLeft { .. }
            | Event::MemberBack { .. }
            | Event::AllocationSet { .. }
            | Event::ToppedUp { .. }
            | Event::CarriedOver { .. }
            | Event::MonthWarned { .. }
            | Event::TextErased { .. } => self.apply_member(seq, event).await,
            Event::MasterAdded { .. }
            | Event::MasterRotated { .. }
            | Event::MasterRemoved { .. } => self.apply_master(event).await,
            Event::UsageRead { .. } | Event::SpendAssumed { .. } | Event::SpendCorrected { .. } => {
                self.apply_spending(seq, event).await
            }
            Event::GrantOpened { .. }
            | Event::GrantApproved { .. }
            | Event::GrantMoved { .. }
            | Event::GrantKept { .. }
            | Event::GrantNoticed { .. }
            | Event::GrantWarned { .. }
            | Event::RevealBegun { .. }
            | Event::RevealFailed { .. }
            | Event::Revealed { .. } => self.apply_grant(event).await,
            Event::StrayFound { .. }
            | Event::DoubleFound { .. }
            | Event::StrayAdopted { .. }
            | Event::StrayDiscarded { .. }
            | Event::StrayStuck { .. }
            | Event::StrayGone { .. } => self.apply_stray(event).await,
            Event::ChangeAsked { .. }
            | Event::ChangeDenied { .. }
            | Event::CapChanging { .. }
            | Event::CapChanged { .. }
            | Event::RotationBegun { .. }
            | Event::OverlapBegun { .. }
            | Event::RotationDone { .. }
            | Event::ExtensionBegun { .. }
            | Event::GrantExtended { .. }
            | Event::ChangeDropped { .. }
            | Event::GrantRenewed { .. } => self.apply_change(event).await,
            Event::KeyIntended { .. }
            | Event::KeyMinted { .. }
            | Event::KeyArmed { .. }
            | Event::KeyDisabled { .. }
            | Event::KeyEnabling { .. }
            | Event::KeyEnabled { .. }
            | Event::KeyGone { .. }
            | Event::KeySilent { .. }
            | Event::KeyReadable { .. }
            | Event::DataLeft { .. }
            | Event::LeftoverDiscarded { .. }
            | Event::LeftoverClosed { .. }
            | Event::KeyCapped { .. }
            | Event::DriftSeen { .. } => self.apply_key(event).await,
        }
    }

    /// What nobody can ask about any more goes with the month: delivered messages, and buttons that
    /// are too old to be clicked.
    async fn sweep(&mut self) -> Done<()> {
        for statement in [sql::SWEEP_DELIVERIES, sql::SWEEP_ACTIONS, sql::SWEEP_OUTBOX] {
            let old = values![self.org.id, self.now - MARK_LIFE];
            self.tx.run(statement, old).await?;
        }
        self.sweep_links().await
    }

    async fn apply_member(&mut self, seq: i64, event: &Event) -> Done<()> {
        match event {
            Event::MemberJoined { member } => {
                let row = values![*member, self.org.id, self.now];
                self.tx.one(sql::JOIN_MEMBER, row, "the member").await
            }
            Event::MemberLeft { member } => {
                let row = values![self.org.id, *member, self.now];
                self.tx.one(sql::LEAVE, row, "the member who left").await
            }
            Event::MemberBack { member } => {
                let row = || values![self.org.id, *member];
                self.tx.run(sql::SPARE_GRANTS, row()).await?;
                self.tx
                    .one(sql::COME_BACK, row(), "the member who came back")
                    .await
            }
            Event::AllocationSet { member, to, .. } => {
                let row = values![self.org.id, *member, *to];
                self.tx.one(sql::ALLOCATE, row, "the allocation").await?;
                self.wake_waiting(*member).await
            }
            Event::ToppedUp {
                member,
                month,
                amount,
                grant,
            } => {
                let added = (*member, *month, *amount);
                self.top_up(seq, added, *grant, false).await
            }
            Event::CarriedOver {
                member,
                month,
                amount,
            } => {
                let carried = (*member, *month, *amount);
                self.top_up(seq, carried, None, true).await
            }
            Event::MonthWarned { member, warned } => {
                let row = values![self.org.id, *member, rows::warned_word(warned)];
                self.tx
                    .one(sql::NOTE_MONTH_WARNED, row, "the warned member")
                    .await
            }
            Event::TextErased { member } => self.erase(*member).await,
            _ => wrong("not an event about a member"),
        }
    }

    async fn note_silence(&mut self, service: &ServiceName, since: Option<Time>) -> Done<()> {
        let row = values![self.org.id, service, since];
        self.tx.one(sql::NOTE_SILENCE, row, "the master key").await
    }

    async fn top_up(
        &mut self,
        seq: i64,
        (member, month, amount): (MemberId, Month, Money),
        grant: Option<GrantId>,
        carried: bool,
    ) -> Done<()> {
        self.in_this_month(month)?;
        let row = values![self.org.id, seq, member, month, amount, grant, carried];
        self.tx.one(sql::TOP_UP, row, "the top-up").await?;
        self.wake_waiting(member).await
    }

    async fn wake_waiting(&mut self, member: MemberId) -> Done<()> {
        let row = values![self.org.id, member];
        self.tx.run(sql::WAKE_WAITING, row).await.map(drop)
    }

    async fn link(&mut self, seq: i64, workspace: &Workspace) -> Done<()> {
        let platform = workspace.platform.word();
        let row = values![platform, workspace.id.as_str(), self.org.id, self.now, seq];
        match self.tx.run(sql::LINK_WORKSPACE, row).await? {
            1 => Ok(()),
            _ => Err(Failure::Linked),
        }
    }

    async fn bind(&mut self, sql: &'static str, binding: &Binding) -> Done<()> {
        let group = &binding.group;
        let row = values![
            self.org.id,
            group.workspace.platform.word(),
            group.workspace.id.as_str(),
            group.kind.word(),
            group.id.as_str(),
            binding.role.word(),
        ];
        self.tx.one(sql, row, "the binding").await
    }

    async fn apply_master(&mut self, event: &Event) -> Done<()> {
        let (statement, service, version, last4, fingerprint) = match event {
            Event::MasterAdded {
                service,
                version,
                last4,
                fingerprint,
            } => (sql::ADD_MASTER, service, *version, last4, fingerprint),
            Event::MasterRotated {
                service,
                version,
                last4,
                fingerprint,
            } => (sql::ROTATE_MASTER, service, *version, last4, fingerprint),
            Event::MasterRemoved { service, version } => {
                let row = values![self.org.id, service, *version];
                return self.tx.one(sql::REMOVE_MASTER, row, "the master key").await;
            }
            _ => return wrong("not an event about a master key"),
        };
        let Some(seal) = self.take_seal(&self.master_owner(service, version)) else {
            return wrong("a master key came without its seal");
        };
        let row = values![
            self.org.id,
            service,
            version,
            last4.as_str(),
            fingerprint.as_str(),
            self.now,
            seal.as_str(),
        ];
        self.tx.one(statement, row, "the master key").await
    }

    fn master_owner(&self, service: &ServiceName, version: i64) -> SealOwner {
        SealOwner::Master {
            org: self.org.id,
            service: service.clone(),
            version,
        }
    }

    pub(super) fn take_seal(&mut self, owner: &SealOwner) -> Option<Seal> {
        let at = self.seals.iter().position(|(whose, _)| whose == owner)?;
        Some(self.seals.swap_remove(at).1)
    }

    async fn apply_grant(&mut self, event: &Event) -> Done<()> {
        let org = self.org.id;
        match event {
            Event::GrantOpened { .. } => self.open_grant(event).await,
            Event::GrantApproved {
                grant,
                by,
                asked,
                cap,
                life,
                topped_up,
            } => {
                let hours = i64::from(life.hours());
                let row = values![org, *grant, *cap, hours, *by, self.now, *topped_up, *asked];
                self.tx
                    .one(sql::APPROVE_GRANT, row, "the approved grant")
                    .await
            }
            Event::GrantMoved {
                grant,
                from,
                to,
                by,
                ..
            } => self.move_grant(*grant, (*from, *to), *by).await,
            Event::GrantKept { grant, until, .. } => {
                let row = values![org, *grant, *until];
                self.tx.one(sql::KEEP_GRANT, row, "the kept grant").await
            }
            Event::GrantNoticed { grant, notice } => {
                let row = values![org, *grant, notice.word()];
                self.tx.one(sql::NOTE_NOTICE, row, "the grant").await
            }
            Event::GrantWarned { grant, warned } => {
                let row = values![org, *grant, rows::warned_word(warned)];
                self.tx
                    .one(sql::NOTE_GRANT_WARNED, row, "the warned grant")
                    .await
            }
            Event::RevealBegun { grant } => {
                let until = values![org, *grant, self.now + REVEAL_LEASE];
                self.tx
                    .one(sql::BEGIN_REVEAL, until, "the grant to reveal")
                    .await
            }
            Event::RevealFailed { grant } => {
                let row = values![org, *grant];
                self.tx
                    .one(sql::FAIL_REVEAL, row, "the grant to reveal")
                    .await
            }
            Event::Revealed { grant, .. } => {
                let row = values![org, *grant, self.now];
                self.tx.one(sql::REVEAL, row, "the revealed grant").await?;
                self.erase_seals(*grant).await
            }
            _ => wrong("not an event about a grant"),
        }
    }

    async fn open_grant(&mut self, event: &Event) -> Done<()> {
        let Event::GrantOpened {
            grant,
            number,
            member,
            service,
            cap,
            life,
            state,
            name,
            reason,
            terms,
            monthly,
        } = event
        else {
            return wrong("not the opening of a grant");
        };
        if *number != self.org.next_grant
            || !matches!(state, State::AwaitingOwner | State::Reserved)
        {
            return wrong(format!("grant {number} can't be opened as {state}"));
        }
        self.org.next_grant += 1;
        let look = values![self.org.id, *member, self.now + CHECK_EVERY];
        self.tx.run(sql::LOOK_LATER, look).await?;
        let row = values![
            *grant,
            self.org.id,
            *number,
            *member,
            service,
            *cap,
            i64::from(life.hours()),
            state.word(),
            *name,
            *reason,
            self.now,
            *terms,
            monthly.then_some(*cap),
        ];
        self.tx.one(sql::OPEN_GRANT, row, "the opened grant").await
    }

    async fn move_grant(
        &mut self,
        grant: GrantId,
        (from, to): (State, State),
        by: Option<MemberId>,
    ) -> Done<()> {
        if !from.may_become(to) {
            return wrong(format!("a grant may not go from {from} to {to}"));
        }
        let decided = by.filter(|_| to == State::Ended(End::Denied));
        let at = decided.map(|_| self.now);
        let row = values![
            self.org.id,
            grant,
            from.word(),
            to.word(),
            decided,
            at,
            self.now
        ];
        self.tx.one(sql::MOVE_GRANT, row, "the moved grant").await?;
        if to == State::Suspended(Pause::Leaver) {
            let row = values![self.org.id, grant, self.now + GRACE];
            self.tx
                .one(sql::KEEP_GRANT, row, "the leaver's grant")
                .await?;
        }
        if to.keeps_seal() {
            return Ok(());
        }
        self.end_change(grant).await?;
        self.erase_seals(grant).await
    }

    pub(super) async fn erase_seals(&mut self, grant: GrantId) -> Done<()> {
        let row = values![self.org.id, grant];
        self.tx.run(sql::ERASE_SEALS, row).await.map(drop)
    }

    pub(super) fn in_this_month(&self, month: Month) -> Done<()> {
        if month == self.turn.month {
            return Ok(());
        }
        wrong(format!(
            "an event is about {month}, but it is {}",
            self.turn.month
        ))
    }

    /// Nothing that is left says who the person was. What she spent stays in the books.
    async fn erase(&mut self, member: MemberId) -> Done<()> {
        let (org, now) = (self.org.id, self.now);
        self.tx.run(sql::ERASE_TEXTS, values![org, member]).await?;
        let known = self
            .tx
            .all(sql::IDENTITIES_TO_FORGET, values![org, member])
            .await?;
        for row in known {
            let workspace = rows::workspace(&row, "workspace_id")?;
            let user = UserId::new(row.text("user_id")?);
            let mut chance = [0; FORGOTTEN_ID_BYTES];
            self.store.clock.random(&mut chance);
            let row = values![
                org,
                workspace.platform.word(),
                workspace.id.as_str(),
                user.as_str(),
                format!("forgotten-{}", hex::encode(chance)),
                now,
            ];
            self.tx
                .one(sql::FORGET_IDENTITY, row, "the identity")
                .await?;
        }
        let reader = rows::member_word(member);
        self.tx
            .one(sql::FORGET_ROLE, values![org, member], "the member")
            .await?;
        self.tx
            .run(sql::FORGET_INSTALLER, values![org, member])
            .await?;
        self.tx
            .run(sql::FORGET_ACTIONS, values![org, reader.as_str()])
            .await?;
        self.tx
            .run(sql::FORGET_MESSAGES, values![org, reader.as_str(), now])
            .await?;
        self.tx
            .run(sql::FORGET_POSTS, values![org, reader.as_str()])
            .await?;
        Ok(())
    }
}
