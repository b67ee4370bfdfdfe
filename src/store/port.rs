//! The store's port, method by method: each is one transaction, told as a refusal where it fails.

use super::{
    SqlStore,
    books::{self, OrgRow, Turn},
    db::values,
    failure::Done,
    sql,
    writing::Writing,
};
use futures::future::BoxFuture;
use slice_core::{
    action::Action,
    audit::{Broken, Link},
    books::{Books, Claimed, Entry, Member, Message, Offer, Scope},
    grant::Grant,
    ids::{ActionId, Identity, MemberId, OrgId, PlatformName, Workspace},
    linking::{Joins, OpenCode},
    ports::{
        AuditQuery, AuditRow, Check, ClaimedGrant, Decide, DecideBoth, Posted, Sent, Store, Work,
    },
    refusal::Refusal,
    role::Role,
};
use std::time::Duration;

pub(super) type Answer<'a, T> = BoxFuture<'a, Result<T, Refusal>>;

/// Where failures become refusals, and are logged.
pub(super) fn answer<'a, T>(work: impl Future<Output = Done<T>> + Send + 'a) -> Answer<'a, T> {
    Box::pin(async move { work.await.map_err(super::failure::Failure::refusal) })
}

impl SqlStore {
    async fn record_one(&self, scope: Scope, decide: Decide<'_>) -> Done<Entry> {
        let mut writing = Writing::begin(self, scope.org).await?;
        writing.admit(&scope).await?;
        let books = writing.books(&scope).await?;
        let mut entry = decide(&books)?;
        writing.write(&scope, &books, &mut entry).await?;
        writing.commit().await?;
        Ok(entry)
    }

    async fn read_books(&self, scope: Scope) -> Done<Books> {
        let mut tx = self.db.read().await?;
        let row = OrgRow::read(&mut tx, scope.org).await?;
        let settings = books::settings(&mut tx, row.id).await?;
        let now = self.clock.now();
        let turn = Turn::at(now, &row, &settings);
        let mut books = books::read(&mut tx, &row, &scope, (now, settings, turn)).await?;
        for fresh in &mut books.fresh {
            self.clock.random(fresh);
        }
        Ok(books)
    }

    async fn grants_of(&self, org: OrgId, member: MemberId, limit: i64) -> Done<Vec<Grant>> {
        let mut tx = self.db.read().await?;
        let which = values![org, member, limit.max(0)];
        let mut grants = books::grants(&mut tx, sql::GRANTS_OF_MEMBER, which).await?;
        grants.reverse();
        Ok(grants)
    }

    async fn all_live(&self, org: OrgId) -> Done<Vec<Grant>> {
        let mut tx = self.db.read().await?;
        books::grants(&mut tx, sql::LIVE_GRANTS, values![org]).await
    }
}

impl Store for SqlStore {
    fn record<'a>(&'a self, scope: Scope, decide: Decide<'a>) -> Answer<'a, Entry> {
        answer(self.record_one(scope, decide))
    }

    fn record_both<'a>(&'a self, scopes: (Scope, Scope), decide: DecideBoth<'a>) -> Answer<'a, ()> {
        answer(self.record_two(scopes, decide))
    }

    fn books(&self, scope: Scope) -> Answer<'_, Books> {
        answer(self.read_books(scope))
    }

    fn org_of<'a>(&'a self, workspace: &'a Workspace) -> Answer<'a, Option<OrgId>> {
        answer(self.find_org(workspace))
    }

    fn open_org<'a>(&'a self, workspace: &'a Workspace) -> Answer<'a, (OrgId, bool)> {
        answer(self.find_or_open_org(workspace))
    }

    fn orgs(&self) -> Answer<'_, Vec<OrgId>> {
        answer(self.all_orgs())
    }

    fn closed_orgs(&self) -> Answer<'_, Vec<OrgId>> {
        answer(self.joined_orgs())
    }

    fn open_codes(&self, link: Joins) -> Answer<'_, Vec<OpenCode>> {
        answer(self.unredeemed(link))
    }

    fn member<'a>(&'a self, org: OrgId, identity: &'a Identity) -> Answer<'a, MemberId> {
        answer(self.find_or_join(org, identity))
    }

    fn users<'a>(
        &'a self,
        org: OrgId,
        platform: PlatformName,
        members: &'a [MemberId],
    ) -> Answer<'a, Vec<(MemberId, Identity)>> {
        answer(self.identities(org, platform, members))
    }

    fn only_in<'a>(&'a self, workspace: &'a Workspace) -> Answer<'a, Vec<(OrgId, MemberId)>> {
        answer(self.members_only_in(workspace))
    }

    fn reachable(&self, org: OrgId, member: MemberId) -> Answer<'_, Vec<Identity>> {
        answer(self.identities_of(org, member))
    }

    fn note_role<'a>(
        &'a self,
        org: OrgId,
        who: &'a Identity,
        member: MemberId,
        role: Role,
    ) -> Answer<'a, ()> {
        answer(self.set_role(org, (who, member), role))
    }

    fn note_installer(&self, org: OrgId, member: MemberId) -> Answer<'_, ()> {
        answer(self.set_installer(org, member))
    }

    fn members(&self, org: OrgId) -> Answer<'_, Vec<Member>> {
        answer(self.member_rows(org))
    }

    fn grants(&self, org: OrgId, member: MemberId, limit: i64) -> Answer<'_, Vec<Grant>> {
        answer(self.grants_of(org, member, limit))
    }

    fn live_grants(&self, org: OrgId) -> Answer<'_, Vec<Grant>> {
        answer(self.all_live(org))
    }

    fn invite<'a>(&'a self, workspace: &'a Workspace) -> Answer<'a, ()> {
        answer(self.set_invited(workspace))
    }

    fn is_invited<'a>(&'a self, workspace: &'a Workspace) -> Answer<'a, bool> {
        answer(self.find_invited(workspace))
    }

    fn forget(&self, org: OrgId, member: MemberId) -> Answer<'_, u64> {
        answer(self.erase_member(org, member))
    }

    fn action(&self, id: ActionId) -> Answer<'_, Option<Action>> {
        answer(self.find_action(id))
    }

    fn offer<'a>(&'a self, org: OrgId, offers: &'a [Offer]) -> Answer<'a, Vec<ActionId>> {
        answer(self.write_offers(org, offers))
    }

    fn audit<'a>(&'a self, org: OrgId, query: &'a AuditQuery) -> Answer<'a, Vec<AuditRow>> {
        answer(self.audit_rows(org, query))
    }

    fn links(&self, org: OrgId, after: i64, limit: i64) -> Answer<'_, Vec<Link>> {
        answer(self.chain(org, after, limit))
    }

    fn verify<'a>(
        &'a self,
        org: OrgId,
        published: Option<&'a str>,
    ) -> Answer<'a, Result<(i64, String), Broken>> {
        answer(self.walk(org, published))
    }

    fn claim_grant(&self, work: Work, lease: Duration) -> Answer<'_, Option<ClaimedGrant>> {
        answer(self.claim(work, lease))
    }

    fn put_back(&self, claim: ClaimedGrant, after: Duration) -> Answer<'_, ()> {
        answer(self.end_claim(claim, after))
    }

    fn claim_check(&self, lease: Duration) -> Answer<'_, Option<Check>> {
        answer(self.claim_member(lease))
    }

    fn checked(&self, check: Check, after: Duration) -> Answer<'_, ()> {
        answer(self.end_check(check, after))
    }

    fn check_now<'a>(&'a self, who: &'a Identity) -> Answer<'a, ()> {
        answer(self.look_now(who))
    }

    fn claim_message(&self, lease: Duration) -> Answer<'_, Option<Claimed>> {
        answer(self.claim_next(lease))
    }

    fn sending<'a>(&'a self, claimed: &'a Claimed) -> Answer<'a, ()> {
        answer(self.note_sending(claimed))
    }

    fn sent<'a>(&'a self, claimed: &'a Claimed, sent: Sent) -> Answer<'a, ()> {
        answer(self.note_sent(claimed, sent))
    }

    fn posted<'a>(&'a self, org: OrgId, message: &'a Message) -> Answer<'a, Vec<Posted>> {
        answer(self.posts(org, message))
    }

    fn backlog(&self) -> Answer<'_, (i64, Option<Duration>)> {
        answer(self.waiting())
    }
}
