//! Joining workspaces and people: what its events do to the state, and what its rules see.

use super::{
    SqlStore,
    db::{Row, Tx, values},
    failure::{Done, wrong},
    rows, sql,
    writing::Writing,
};
use slice_core::{
    books::Scope,
    event::{Actor, Event},
    ids::{Identity, MemberId, OrgId, PlatformName, UserId, Workspace, WorkspaceId},
    linking::{Asked, CODE_LIFE, CodeRow, Had, Joins, Links, OpenCode},
    ports::DecideBoth,
    refusal::Refusal,
    time::Time,
};
use std::time::Duration;

/// Codes older than this are no rule's concern any more…
const SEEN_FOR: Duration = Duration::from_hours(2);
/// … and older than this nobody's.
const KEPT_FOR: Duration = Duration::from_hours(24);

impl SqlStore {
    /// Both rows are locked in one order, whoever is first, so that no two such transactions wait
    /// for each other.
    pub(super) async fn record_two(
        &self,
        (first, second): (Scope, Scope),
        decide: DecideBoth<'_>,
    ) -> Done<()> {
        if first.org == second.org {
            return wrong("a transaction over two orgs is over one");
        }
        let mut tx = self.db.write().await?;
        for org in [first.org.min(second.org), first.org.max(second.org)] {
            tx.first(sql::LOCK_ORG, values![org]).await?;
        }
        let mut ours = Writing::on(self, tx, first.org).await?;
        ours.admit(&first).await?;
        let our_books = ours.books(&first).await?;
        let mut theirs = Writing::on(self, ours.tx, second.org).await?;
        let their_books = theirs.books(&second).await?;
        let (mut our_entry, mut their_entry) = decide(&our_books, &their_books)?;
        // What the second org lets go of, the first one can take.
        theirs
            .write(&second, &their_books, &mut their_entry)
            .await?;
        let tx = theirs.advance().await?;
        let mut ours = Writing::on(self, tx, first.org).await?;
        ours.write(&first, &our_books, &mut our_entry).await?;
        ours.commit().await
    }

    pub(super) async fn unredeemed(&self, link: Joins) -> Done<Vec<OpenCode>> {
        let mut tx = self.db.read().await?;
        let rows = tx
            .all(sql::OPEN_CODES, values![self.clock.now(), link.word()])
            .await?;
        let open = |row: &Row| {
            Ok(OpenCode {
                org: row.parsed("org_id")?,
                seq: row.int("seq")?,
                link: row.word("kind", Joins::from_word)?,
                member: row.parsed("member_id")?,
                digest: row.text("digest")?,
            })
        };
        rows.iter().map(open).collect()
    }
}

/// What the rules of linking see of an org.
pub(super) async fn links(tx: &mut Tx, org: OrgId, now: Time) -> Done<Links> {
    let codes = tx.all(sql::CODES, values![org, now - SEEN_FOR]).await?;
    let tries = tx.all(sql::TRIES, values![org, now - CODE_LIFE]).await?;
    Ok(Links {
        codes: codes.iter().map(code).collect::<Done<_>>()?,
        tries: tries
            .iter()
            .map(|row| {
                let link = row.word("kind", Joins::from_word)?;
                Ok((link, row.parsed("member_id")?, row.time("at")?))
            })
            .collect::<Done<_>>()?,
        had: Had {
            master: counts(tx, sql::HAD_MASTER, org).await?,
            grant: counts(tx, sql::HAD_GRANT, org).await?,
            allocation: counts(tx, sql::HAD_ALLOCATION, org).await?,
        },
    })
}

async fn counts(tx: &mut Tx, sql: &'static str, org: OrgId) -> Done<bool> {
    match tx.first(sql, values![org]).await? {
        Some(row) => Ok(0 < row.int("n")?),
        None => wrong("a count has no row"),
    }
}

fn code(row: &Row) -> Done<CodeRow> {
    let asked = match (row.maybe_time("asked_at")?, row.maybe_text("asked_user")?) {
        (Some(at), Some(user)) => Some((asked(row, user)?, at)),
        _ => None,
    };
    Ok(CodeRow {
        seq: row.int("seq")?,
        link: row.word("kind", Joins::from_word)?,
        member: row.parsed("member_id")?,
        made_at: row.time("made_at")?,
        expires_at: row.time("expires_at")?,
        asked,
        closed: row.maybe_time("closed_at")?.is_some(),
    })
}

fn asked(row: &Row, user: String) -> Done<Asked> {
    let workspace = Workspace {
        platform: row.word("asked_platform", PlatformName::from_word)?,
        id: WorkspaceId::new(row.text("asked_workspace")?),
    };
    Ok(Asked {
        org: row.parsed("asked_org")?,
        member: row.parsed("asked_member")?,
        identity: Identity {
            workspace,
            user: UserId::new(user),
        },
    })
}

impl Writing<'_> {
    pub(super) async fn apply_link(&mut self, seq: i64, event: &Event) -> Done<()> {
        let (org, now) = (self.org.id, self.now);
        match event {
            Event::LinkCodeMade {
                link,
                by,
                digest,
                expires_at,
            } => {
                let (link, digest) = (link.word(), digest.as_str());
                let row = values![org, seq, link, digest, *by, now, *expires_at];
                self.tx.one(sql::MAKE_CODE, row, "the code").await
            }
            Event::LinkTried { link, by } => {
                let row = values![org, seq, link.word(), *by, now];
                self.tx.one(sql::NOTE_TRY, row, "the try").await
            }
            Event::LinkAsked { code, .. } => self.ask_link(*code).await,
            Event::LinkAnswered { code, .. } => {
                let row = values![org, *code, now];
                self.tx.one(sql::CLOSE_LINK, row, "the code").await
            }
            Event::OrgClosed { .. } => self.close_org().await,
            Event::MembersJoined { member, alias } => self.join_members(*member, *alias).await,
            _ => wrong("not an event about linking"),
        }
    }

    async fn ask_link(&mut self, code: i64) -> Done<()> {
        let Some((_, asked)) = self.asked.take().filter(|(seq, _)| *seq == code) else {
            return wrong("a code was redeemed by nobody");
        };
        let (workspace, user) = (&asked.identity.workspace, &asked.identity.user);
        let row = values![
            self.org.id,
            code,
            self.now,
            asked.org,
            asked.member,
            workspace.platform.word(),
            workspace.id.as_str(),
            user.as_str(),
        ];
        self.tx.one(sql::ASK_LINK, row, "the redeemed code").await
    }

    /// Nothing of it is anybody's any more but the trail.
    async fn close_org(&mut self) -> Done<()> {
        let (org, now) = (self.org.id, self.now);
        self.tx
            .one(sql::CLOSE_ORG, values![org, now], "the org")
            .await?;
        self.tx.run(sql::LEAVE_MESSAGES, values![org, now]).await?;
        for leave in [sql::LEAVE_WORKSPACES, sql::LEAVE_IDENTITIES] {
            self.tx.run(leave, values![org]).await?;
        }
        self.tx
            .run(sql::SWEEP_CODES, values![org, Time::from_micros(i64::MAX)])
            .await
            .map(drop)
    }

    /// What is the alias's becomes the member's. Balances follow, for they are derived; events stay
    /// as they are, and seals name no member.
    async fn join_members(&mut self, member: MemberId, alias: MemberId) -> Done<()> {
        let org = self.org.id;
        for join in [
            sql::JOIN_IDENTITIES,
            sql::JOIN_GRANTS,
            sql::JOIN_CHARGES,
            sql::JOIN_TOPUPS,
            sql::JOIN_TEXTS,
            sql::JOIN_INSTALLER,
            sql::JOIN_ROLE,
        ] {
            self.tx.run(join, values![org, member, alias]).await?;
        }
        let (new, old) = (rows::member_word(member), rows::member_word(alias));
        for join in [sql::JOIN_OUTBOX, sql::JOIN_POSTS, sql::JOIN_ACTIONS] {
            let row = values![org, new.as_str(), old.as_str()];
            self.tx.run(join, row).await?;
        }
        let row = values![org, member, alias];
        match self.tx.run(sql::JOIN_ALIASES, row).await? {
            0 => wrong("the second identity is nobody's"),
            _ => Ok(()),
        }
    }

    pub(super) async fn sweep_links(&mut self) -> Done<()> {
        let row = || values![self.org.id, self.now - KEPT_FOR];
        let (codes, tries) = (row(), row());
        self.tx.run(sql::SWEEP_CODES, codes).await?;
        self.tx.run(sql::SWEEP_TRIES, tries).await.map(drop)
    }

    /// Whom a platform knows by this identity.
    pub(super) async fn know(&mut self, member: MemberId, who: &Identity) -> Done<()> {
        let (platform, place) = (who.workspace.platform.word(), who.workspace.id.as_str());
        let user = who.user.as_str();
        let row = values![platform, place, user, self.org.id, member, self.now];
        self.tx.one(sql::KNOW_IDENTITY, row, "the identity").await
    }

    /// Whoever was looked up just before her identities were joined is somebody else now.
    pub(super) async fn is_nobodys_alias(&mut self, scope: &Scope) -> Done<()> {
        let actor = match scope.actor {
            Actor::Member(member) => Some(member),
            Actor::Slice | Actor::Operator => None,
        };
        for member in [actor, scope.member, scope.other].into_iter().flatten() {
            let row = values![self.org.id, member];
            let row = self.tx.first(sql::MEMBER, row).await?;
            let alias = row.map(|row| row.maybe_text("alias_of")).transpose()?;
            if alias.flatten().is_some() {
                return Err(Refusal::sentence(
                    "Two identities have just been joined. Nothing was changed. Say it again.",
                )
                .into());
            }
        }
        Ok(())
    }
}
