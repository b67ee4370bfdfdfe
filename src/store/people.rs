//! Orgs, workspaces and people: found, or made by the first who comes.

use super::{
    SqlStore,
    books::{self, OrgRow, Turn},
    db::{Row, values},
    failure::{Done, Failure},
    rows, sql,
    writing::Writing,
};
use crate::vault::Purpose;
use chrono_tz::Tz;
use slice_core::{
    audit,
    books::Member,
    event::{Actor, Event},
    grant::Grant,
    ids::{Identity, MemberId, OrgId, PlatformName, Workspace},
    month::Month,
    refusal::Refusal,
    role::Role,
};
use std::time::Duration;

/// "Was an owner when she last acted" need not be known more exactly.
const ROLE_NOTE_AGE: Duration = Duration::from_mins(1);

impl SqlStore {
    pub(super) async fn find_org(&self, workspace: &Workspace) -> Done<Option<OrgId>> {
        let mut tx = self.db.read().await?;
        let which = values![workspace.platform.word(), workspace.id.as_str()];
        let row = tx.first(sql::ORG_OF, which).await?;
        row.map(|row| row.parsed("org_id")).transpose()
    }

    /// Of two who open the same workspace at once, one finds it linked and takes what is there.
    pub(super) async fn find_or_open_org(&self, workspace: &Workspace) -> Done<(OrgId, bool)> {
        if let Some(org) = self.find_org(workspace).await? {
            return Ok((org, false));
        }
        match self.open_new_org(workspace).await {
            Ok(org) => Ok((org, true)),
            Err(Failure::Linked) => {
                let org = self.find_org(workspace).await?;
                Ok((org.ok_or(Failure::Linked)?, false))
            }
            Err(failure) => Err(failure),
        }
    }

    async fn open_new_org(&self, workspace: &Workspace) -> Done<OrgId> {
        let (id, now) = (OrgId::from_random(self.fresh()), self.clock.now());
        let data_key = self.vault.fresh(id, Purpose::Data)?;
        let audit_key = self.vault.fresh(id, Purpose::Audit)?;
        let mut tx = self.db.write().await?;
        let row = values![
            id,
            now,
            data_key.as_str(),
            audit_key.as_str(),
            audit::GENESIS,
            Month::of(now, Tz::UTC),
            Tz::UTC.name(),
        ];
        tx.one(sql::OPEN_ORG, row, "the org").await?;
        let mut writing = Writing::on(self, tx, id).await?;
        let workspace = workspace.clone();
        writing.record(Actor::Slice, &Event::OrgOpened).await?;
        let linked = Event::WorkspaceLinked { workspace };
        writing.record(Actor::Slice, &linked).await?;
        writing.commit().await?;
        Ok(id)
    }

    pub(super) async fn all_orgs(&self) -> Done<Vec<OrgId>> {
        let mut tx = self.db.read().await?;
        let rows = tx.all(sql::ORGS, vec![]).await?;
        rows.iter().map(|row| row.parsed("id")).collect()
    }

    pub(super) async fn joined_orgs(&self) -> Done<Vec<OrgId>> {
        let mut tx = self.db.read().await?;
        let rows = tx.all(sql::CLOSED_ORGS, vec![]).await?;
        rows.iter().map(|row| row.parsed("id")).collect()
    }

    pub(super) async fn find_or_join(&self, org: OrgId, identity: &Identity) -> Done<MemberId> {
        let workspace = &identity.workspace;
        let (platform, place) = (workspace.platform.word(), workspace.id.as_str());
        let who = || values![org, platform, place, identity.user.as_str()];
        let mut tx = self.db.read().await?;
        if let Some(row) = tx.first(sql::MEMBER_OF, who()).await? {
            return row.parsed("member_id");
        }
        drop(tx);
        let mut writing = Writing::begin(self, org).await?;
        // Under the lock: who came at the same time may have joined her.
        if let Some(row) = writing.tx.first(sql::MEMBER_OF, who()).await? {
            return row.parsed("member_id");
        }
        let member = MemberId::from_random(self.fresh());
        let joined = Event::MemberJoined { member };
        writing.record(Actor::Slice, &joined).await?;
        writing.know(member, identity).await?;
        writing.commit().await?;
        Ok(member)
    }

    pub(super) async fn identities(
        &self,
        org: OrgId,
        platform: PlatformName,
        members: &[MemberId],
    ) -> Done<Vec<(MemberId, Identity)>> {
        let mut tx = self.db.read().await?;
        let mut found = vec![];
        for member in members {
            let which = values![org, platform.word(), *member];
            for row in tx.all(sql::IDENTITIES, which).await? {
                found.push((*member, rows::identity(&row, platform)?));
            }
        }
        Ok(found)
    }

    pub(super) async fn members_only_in(
        &self,
        workspace: &Workspace,
    ) -> Done<Vec<(OrgId, MemberId)>> {
        let which = values![workspace.platform.word(), workspace.id.as_str()];
        let mut tx = self.db.read().await?;
        let rows = tx.all(sql::ONLY_IN, which).await?;
        rows.iter()
            .map(|row| Ok((row.parsed("org_id")?, row.parsed("member_id")?)))
            .collect()
    }

    pub(super) async fn identities_of(&self, org: OrgId, member: MemberId) -> Done<Vec<Identity>> {
        let mut tx = self.db.read().await?;
        let rows = tx.all(sql::REACHABLE, values![org, member]).await?;
        rows.iter()
            .map(|row| rows::identity(row, row.word("platform", PlatformName::from_word)?))
            .collect()
    }

    pub(super) async fn set_role(
        &self,
        org: OrgId,
        (who, member): (&Identity, MemberId),
        role: Role,
    ) -> Done<()> {
        let now = self.clock.now();
        let row = values![org, member, role.word(), now, now - ROLE_NOTE_AGE];
        let mut tx = self.db.write().await?;
        tx.run(sql::NOTE_ROLE, row).await?;
        let (platform, workspace) = (who.workspace.platform.word(), who.workspace.id.as_str());
        let seen = values![org, member, platform, workspace, who.user.as_str(), now];
        tx.run(sql::NOTE_SEEN, seen).await?;
        tx.commit().await
    }

    pub(super) async fn set_installer(&self, org: OrgId, member: MemberId) -> Done<()> {
        let mut tx = self.db.write().await?;
        tx.one(sql::NOTE_INSTALLER, values![org, member], "the org")
            .await?;
        tx.commit().await
    }

    pub(super) async fn member_rows(&self, org: OrgId) -> Done<Vec<Member>> {
        let mut tx = self.db.read().await?;
        let row = OrgRow::read(&mut tx, org).await?;
        let settings = books::settings(&mut tx, org).await?;
        let turn = Turn::at(self.clock.now(), &row, &settings);
        books::members(&mut tx, org, turn.month).await
    }

    pub(super) async fn set_invited(&self, workspace: &Workspace) -> Done<()> {
        let (platform, id) = (workspace.platform.word(), workspace.id.as_str());
        let mut tx = self.db.write().await?;
        let row = values![platform, id, self.clock.now()];
        tx.run(sql::INVITE, row).await?;
        tx.commit().await
    }

    pub(super) async fn find_invited(&self, workspace: &Workspace) -> Done<bool> {
        let mut tx = self.db.read().await?;
        let which = values![workspace.platform.word(), workspace.id.as_str()];
        Ok(tx.first(sql::INVITED, which).await?.is_some())
    }

    /// Gives the number of texts that were erased.
    pub(super) async fn erase_member(&self, org: OrgId, member: MemberId) -> Done<u64> {
        let mut writing = Writing::begin(self, org).await?;
        let known = writing.tx.first(sql::MEMBER, values![org, member]).await?;
        if known.is_none() {
            let text = "There is no such member. Nothing was erased.";
            return Err(Refusal::sentence(text).into());
        }
        let open = values![org, member];
        let open = books::grants(&mut writing.tx, sql::GRANTS_IN_BUDGET, open).await?;
        if !open.is_empty() {
            return Err(Refusal::sentence(still_open(&open)).into());
        }
        let texts = writing
            .tx
            .first(sql::COUNT_TEXTS, values![org, member])
            .await?;
        let texts = texts.map(|row: Row| row.int("n")).transpose()?.unwrap_or(0);
        let erased = Event::TextErased { member };
        writing.record(Actor::Operator, &erased).await?;
        writing.commit().await?;
        self.db.forget_pages().await;
        Ok(u64::try_from(texts).unwrap_or(0))
    }
}

/// Why a member cannot be forgotten yet: nobody would be left to end what she holds.
fn still_open(open: &[Grant]) -> String {
    let numbers: Vec<_> = open.iter().map(|grant| grant.number.to_string()).collect();
    format!(
        "She has grants that hold money or wait for an owner: {}. Nothing was erased. End them first: \
         an owner says `/slice revoke <grant>`, or denies what waits.",
        numbers.join(", ")
    )
}
