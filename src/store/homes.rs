//! Home tabs: wanted in the transaction of what they show, and published by one worker at a time.

use super::{
    SqlStore,
    db::values,
    failure::Done,
    port::{Answer, answer},
    rows, sql,
    writing::Writing,
};
use slice_core::{
    event::Event,
    home::{self, Concerned, Home, Homes, Published},
    ids::{Identity, MemberId, UserId},
};
use std::{collections::BTreeSet, time::Duration};

impl Homes for SqlStore {
    fn want_home<'a>(&'a self, who: &'a Identity, opened: bool) -> Answer<'a, ()> {
        answer(async move {
            let row = values![
                who.workspace.platform.word(),
                who.workspace.id.as_str(),
                who.user.as_str(),
            ];
            let statement = if opened {
                sql::OPEN_HOME
            } else {
                sql::WANT_HOME
            };
            let mut tx = self.db.write().await?;
            tx.run(statement, row).await?;
            tx.commit().await
        })
    }

    fn claim_home(&self, lease: Duration) -> Answer<'_, Option<Home>> {
        answer(self.claim_due_home(lease))
    }

    fn home_published<'a>(&'a self, home: &'a Home, how: Published) -> Answer<'a, ()> {
        answer(self.end_home(home, how))
    }
}

impl SqlStore {
    /// Looks first and claims then what it saw: who was slower looks again.
    async fn claim_due_home(&self, lease: Duration) -> Done<Option<Home>> {
        loop {
            let now = self.clock.now();
            let mut tx = self.db.read().await?;
            let Some(row) = tx.first(sql::DUE_HOME, values![now]).await? else {
                return Ok(None);
            };
            drop(tx);
            let (platform, place) = (row.text("platform")?, row.text("workspace_id")?);
            let (user, fence) = (row.text("user_id")?, row.int("home_fence")?);
            let who = Identity {
                workspace: rows::workspace(&row, "workspace_id")?,
                user: UserId::new(user.clone()),
            };
            let seen = values![platform, place, user, fence, now, now + lease];
            let mut tx = self.db.write().await?;
            if let Some(claimed) = tx.first(sql::CLAIM_HOME, seen).await? {
                tx.commit().await?;
                return Ok(Some(Home {
                    org: claimed.parsed("org_id")?,
                    who,
                    fence: claimed.int("home_fence")?,
                    wanted: claimed.int("home_wanted")?,
                }));
            }
        }
    }

    /// A claim that ran out says nothing any more.
    async fn end_home(&self, home: &Home, how: Published) -> Done<()> {
        let place = &home.who.workspace;
        let (platform, place) = (place.platform.word(), place.id.as_str());
        let (user, fence) = (home.who.user.as_str(), home.fence);
        let (statement, row) = match how {
            Published::Fresh { to_owner } => {
                let row = values![platform, place, user, fence, home.wanted, to_owner];
                (sql::END_HOME, row)
            }
            Published::Later(after) => {
                let row = values![platform, place, user, fence, self.clock.now() + after];
                (sql::PAUSE_HOME, row)
            }
            Published::Never => (sql::CLOSE_HOME, values![platform, place, user, fence]),
        };
        let mut tx = self.db.write().await?;
        tx.run(statement, row).await?;
        tx.commit().await
    }
}

impl Writing<'_> {
    /// Wants the tabs anew of whom an event concerns.
    pub(super) async fn want_homes(&mut self, event: &Event, member: Option<MemberId>) -> Done<()> {
        let org = self.org.id;
        match home::concerned(event) {
            Concerned::Everybody => {
                return self.tx.run(sql::HOMES_OF_ORG, values![org]).await.map(drop);
            }
            Concerned::Owners => {
                self.tx.run(sql::HOMES_OF_OWNERS, values![org]).await?;
            }
            Concerned::Nobody => {}
        }
        let mut members: BTreeSet<MemberId> = member.into_iter().collect();
        if let Event::UsageRead { readings, .. } = event {
            members.extend(readings.iter().map(|reading| reading.member));
        }
        for member in members {
            self.tx
                .run(sql::HOMES_OF_MEMBER, values![org, member])
                .await?;
        }
        Ok(())
    }
}
